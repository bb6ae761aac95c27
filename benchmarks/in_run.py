"""The table `in-run`: a step of a plain transformers Trainer, and the same step with callbacks that score its rows.

The learning rate is 0, so that all steps meet the same weights and the scores can be held against the reference.
"""

from __future__ import annotations

import sys
import tempfile
import time
import traceback
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import numpy as np
import pyarrow.parquet as pq
from datasets import Dataset
from torch.utils.flop_counter import FlopCounterMode
from transformers import DataCollatorForSeq2Seq, PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from benchmarks.agreement import Reference
from benchmarks.contract import Answer, Work, trainable
from benchmarks.measure import REPEATS, Beat, Timing
from benchmarks.peers import CALLBACKS, callback
from benchmarks.workloads import Workload
from clues import InRunScorer
from clues.data.encoding import Encoded
from clues.data.sample import write_sample
from clues.models.adapters import lora_parameters

FLOOR = "trainer"
BATCH_SIZE = 8


class Scoring(Protocol):
    """A way to score rows in a training."""

    note: str

    def watch(self, trainer: Trainer) -> None:
        """Get ready for a training."""

    def error(self, reference: Reference) -> float | None:
        """Relative error of the scores of the last training; None where it makes none."""


class Plain:
    """The floor: nothing is scored."""

    note = "nothing is scored"

    def watch(self, trainer: Trainer) -> None:
        """See Scoring."""

    def error(self, _reference: Reference) -> None:
        """See Scoring."""


class Ours(TrainerCallback):
    """`clues.InRunScorer` with one window over all steps, and a look at its directions before it forgets them."""

    note = "the criteria, B alone"

    def __init__(self, workload: Workload) -> None:
        assert workload.sample is not None
        self.workload, self.folder = workload, Path(tempfile.mkdtemp())
        self.beside: list[dict[str, float]] = []
        """Seconds of a training that lie beside its steps."""
        write_sample(workload.sample, self.folder)

    def watch(self, trainer: Trainer) -> None:
        """See Scoring."""
        public, self.output = self.folder / "public", Path(tempfile.mkdtemp())
        self.scorer = InRunScorer(
            public / "validation.jsonl",
            public / "anchors.jsonl",
            output=self.output,
            window=trainer.args.max_steps,
            tokenizer=self.workload.lm.tokenizer,
        )
        trainer.add_callback(self.scorer)
        trainer.add_callback(self)

    def error(self, reference: Reference) -> float:
        """See Scoring."""
        found = {r["key"]: r for r in pq.read_table(self.output / "in_run" / "00000.parquet").to_pylist()}
        rows = [found[InRunScorer.row_key(**training_row(e))] for e in self.workload.encoded]
        scores = np.array([[row[name] for name in self.directions.names] for row in rows])
        return reference.check(Work(self.workload.lm, self.workload.encoded, self.directions), Answer(scores))

    def on_step_begin(self, *_args: Any, **_kwargs: Any) -> None:
        """Called by the Trainer."""
        assert self.scorer.window is not None
        self.directions = self.scorer.window.directions

    def on_train_end(self, *_args: Any, **_kwargs: Any) -> None:
        """Called by the Trainer."""
        self.beside.append(dict(self.scorer.seconds))


class Clock(TrainerCallback):
    """Seconds, or instead FLOPs, from the beginning of steps to their end. As the last callback it does not see what
    others do before a step begins (directions, public rows), but all they do in it and after it."""

    def __init__(self, counter: FlopCounterMode | None = None) -> None:
        self.counter, self.seconds, self.flops = counter, 0.0, 0

    def on_step_begin(self, *_args: Any, **_kwargs: Any) -> None:
        """Called by the Trainer."""
        if self.counter is not None:
            self.counter.__enter__()
        self.began = time.perf_counter()

    def on_step_end(self, *_args: Any, **_kwargs: Any) -> None:
        """Called by the Trainer."""
        self.seconds += time.perf_counter() - self.began
        if self.counter is not None:
            self.counter.__exit__(None, None, None)
            self.flops += self.counter.get_total_flops()


def training_row(row: Encoded) -> dict[str, list[int]]:
    """A row as a Trainer wants it."""
    labels = [token if response else -100 for token, response in zip(row.input_ids, row.response_mask, strict=True)]
    return {"input_ids": list(row.input_ids), "labels": labels}


def train(workload: Workload, scoring: Scoring, clock: Clock) -> Clock:
    """One epoch over the rows; the weights stay as they are."""
    rows, parameters = workload.encoded, list(lora_parameters(workload.lm.model).values())
    arguments = TrainingArguments(
        output_dir=tempfile.mkdtemp(), max_steps=-(-len(rows) // BATCH_SIZE), per_device_train_batch_size=BATCH_SIZE,
        learning_rate=0.0, weight_decay=0.0, use_cpu=True, save_strategy="no", logging_strategy="no",
        train_sampling_strategy="sequential", report_to="none", disable_tqdm=True, dataloader_pin_memory=False,
    )  # fmt: skip
    model: Any = workload.lm.model
    with trainable(parameters):
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_list([training_row(e) for e in rows]),
            data_collator=DataCollatorForSeq2Seq(workload.lm.tokenizer),
        )
        trainer.remove_callback(PrinterCallback)
        scoring.watch(trainer)
        trainer.add_callback(clock)
        trainer.train()
    model.eval()
    return clock


def measure_in_run(
    workload: Workload, reference: Reference, excluded: dict[str, str], beat: Beat
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows of the table, and what lies beside the steps of ours."""
    ours = Ours(workload)
    scorings: dict[str, Scoring] = {FLOOR: Plain(), "in-run": ours}
    timings, errors = {}, {}
    for name in (*scorings, *CALLBACKS):
        beat(f"in-run: {name}")
        try:
            scorings[name] = scorings[name] if name in scorings else callback(name)(workload)
            timings[name] = Timing(flops=train(workload, scorings[name], Clock(FlopCounterMode(display=False))).flops)
            errors[name] = scorings[name].error(reference)
        except Exception as error:
            if name not in CALLBACKS:
                raise
            traceback.print_exc(file=sys.stderr)
            scorings.pop(name, None)
            excluded[f"{name} in-run"] = f"{type(error).__name__}: {error}"
    for repeat in range(REPEATS):
        for name in list(scorings)[:: 1 if repeat % 2 == 0 else -1]:
            beat(f"in-run: {name}, {repeat + 1} of {REPEATS}")
            timings[name].seconds.append(train(workload, scorings[name], Clock()).seconds)
    rows = [_row(workload, name, scorings[name], timings, errors[name]) for name in scorings]
    seconds = {f"{key}_s": median(b[key] for b in ours.beside) for key in ours.beside[0]}
    counts = {"public_rows": len(workload.good), "anchors": len(workload.anchors)}
    return rows, {"workload": workload.name} | counts | seconds


def _row(
    workload: Workload, name: str, scoring: Scoring, timings: dict[str, Timing], error: float | None
) -> dict[str, Any]:
    timing, floor = timings[name], timings[FLOOR]
    kind = "floor" if name == FLOOR else "ours" if name == "in-run" else "peer"
    return {
        "table": "in-run", "workload": workload.name, "engine": name, "kind": kind,
        "directions": getattr(scoring, "count", 0), "batch_size": BATCH_SIZE,
        "samples_per_s": len(workload.encoded) / timing.median, "time_ratio": timing.ratio(floor),
        "flops": timing.flops, "flops_ratio": timing.flops / floor.flops, "rel_error": error,
        "peak_mib": None, "seconds": timing.seconds, "note": scoring.note,
    }  # fmt: skip
