"""`make faults`: makes the faults of docs/FAULTS.md happen and writes faults.json."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.faults import in_process, real
from tests.faults.outcome import Outcome, table


def main() -> int:
    """Run the faults that are named, or all; 1 if one came to something else than expected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("faults.json"))
    parser.add_argument("faults", nargs="*", help="names, or `real` and `in-process`; all, unless given")
    given = parser.parse_args()
    wanted = [n for n, line in table().items() if not given.faults or {n, line.how} & set(given.faults)]
    before = json.loads(given.output.read_text()) if given.output.exists() else []
    found = {line["fault"]: line for line in before if line["fault"] not in wanted}
    for name in wanted:
        if name in found:  # one of those that are tried together
            continue
        for one in _made(name):
            found[one.fault] = asdict(one)
            given.output.write_text(json.dumps(list(found.values()), indent=1) + "\n")
            print(
                f"{'as expected' if one.as_expected else 'OTHERWISE'}: {one.fault}: {one.seen}; {one.why}", flush=True
            )
    return int(any(line["seen"] != line["expected"] or line["lost_work"] for line in found.values()))


def _made(name: str) -> list[Outcome]:
    how = table()[name].how
    with tempfile.TemporaryDirectory(prefix="clues-fault-", ignore_cleanup_errors=True) as folder:
        try:
            if how == "in-process":
                return [in_process.outcome(name, Path(folder))]
            return [real.outcome(name, Path(folder))] if name in real.RUNS else real.strangers(Path(folder))
        except Exception as error:
            return [
                Outcome(
                    name,
                    "in-process" if how == "in-process" else "real",
                    table()[name].expected,
                    "not run",
                    True,
                    str(error),
                )
            ]


if __name__ == "__main__":
    sys.exit(main())
