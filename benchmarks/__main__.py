"""`python -m benchmarks`: measure, print the tables, write results/cpu.json and the tables in README.md."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}  # read when the libraries are imported

from benchmarks.in_run import measure_in_run
from benchmarks.measure import BATCH_SIZES, REPEATS
from benchmarks.record import circumstances, write
from benchmarks.scoring import TABLES, Measuring, whole_job
from benchmarks.tables import put_into, render
from benchmarks.workloads import SETTINGS, WORKLOADS

HERE = Path(__file__).parent
ALL_TABLES = [*TABLES, "in-run"]
RUNS = {"one": 95, "job": 75, "in-run": 25}
"""About how many runs a table takes, to tell the time left."""


class Progress:
    """Tells on stderr what runs and how long the rest takes, if the runs to come are like those of this workload."""

    def __init__(self, runs: int) -> None:
        self.left, self.times = runs, [time.monotonic()]

    def __call__(self, text: str) -> None:
        """One run begins."""
        self.times.append(time.monotonic())
        recent = self.times[-40:]
        seconds = self.left * (recent[-1] - recent[0]) / len(recent)
        self.left = max(0, self.left - 1)
        print(f"\r\x1b[K{text}   about {seconds / 60:.0f} min left", end="", file=sys.stderr, flush=True)


def measure(workloads: list[str], tables: list[str], keep: Path | None) -> dict[str, Any]:
    """All that is asked for; `keep` is written after each table."""
    settings = {"dtype": SETTINGS.precision, "repeats": REPEATS, "batch_sizes": list(BATCH_SIZES)}
    results: dict[str, Any] = circumstances() | {"settings": settings, "workloads": {}, "excluded": {}, "rows": []}
    results |= {"whole_jobs": [], "beside_training": []}
    progress = Progress(len(workloads) * (2 + sum(RUNS[table] for table in tables)))
    for name in workloads:
        workload = WORKLOADS[name]()
        measuring = Measuring(workload, lambda text, name=name: progress(f"{name}: {text}"))
        results["workloads"][name] = workload.shape()
        for table in tables:
            if table != "in-run":
                results["rows"] += measuring.table(table)
            elif workload.sample is not None:
                rows, beside = measure_in_run(workload, measuring.reference, measuring.excluded, measuring.beat)
                results["rows"] += rows
                results["beside_training"].append(beside)
            results["excluded"] |= {f"{peer} ({name})": why for peer, why in measuring.excluded.items()}
            if keep is not None:
                write(keep, results)
        if "job" in tables:
            results["whole_jobs"].append(whole_job(workload, measuring.sizes["probe"], progress))
    return results


def main() -> None:
    """Everything by default; with a choice of workloads or tables a quick look that writes nothing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--workloads", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--tables", nargs="+", choices=ALL_TABLES, default=ALL_TABLES)
    choice = parser.parse_args()
    everything = choice.workloads == list(WORKLOADS) and choice.tables == ALL_TABLES
    keep = HERE / "results" / "cpu.json" if everything else None
    warnings.filterwarnings("ignore")
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as scratch:
        tempfile.tempdir = scratch  # what other libraries write goes when the run ends
        results = measure(choice.workloads, choice.tables, keep)
    text = render(results)
    if keep is not None:
        write(keep, results)
        put_into(HERE / "README.md", text)
    print(f"\n{text}")


if __name__ == "__main__":
    main()
