"""dattri-llm's DataSelectionCallback: scores against one fixed target, inside the backward pass."""

from __future__ import annotations

import re
from typing import Any

import torch
from dattri_llm.gradient.callbacks import DataSelectionCallback
from dattri_llm.gradient.gradient import Gradient
from dattri_llm.gradient.hooks import HookManager, HookManagerConfig
from transformers import Trainer, TrainerCallback

from benchmarks.agreement import Reference
from benchmarks.contract import Answer
from benchmarks.workloads import Workload


class Callback(TrainerCallback):
    """See `in_run.Scoring`. It takes one direction; a threshold that no score is below drops no row."""

    note = "one direction, B alone"
    count = 1

    def __init__(self, workload: Workload) -> None:
        self.work = workload.one("B")
        data = {name.removesuffix(".weight"): V for name, V in self.work.directions.weights.items()}
        target = Gradient(dict.fromkeys(data, "materialized"), data, dict.fromkeys(data, "nn.Linear"))
        self.selection = DataSelectionCallback(
            workload.lm.model, target="fixed", target_gradient=target, selection_kwargs={"threshold": float("-inf")}
        )

    def watch(self, trainer: Trainer) -> None:
        """See Scoring."""
        layers = [rf"^{re.escape(name)}$" for name in self.work.modules]
        manager = HookManager(
            self.work.lm.model, config=HookManagerConfig(linear_io=layers), callbacks=[self.selection]
        )
        self.collecting, self.scores = manager.collect(deregister_on_exit=True), []
        trainer.add_callback(self)

    def on_train_begin(self, *_args: Any, **_kwargs: Any) -> None:
        """Called by the Trainer."""
        self.collecting.__enter__()

    def on_step_end(self, *_args: Any, **_kwargs: Any) -> None:
        """Called by the Trainer."""
        self.scores.append(self.selection.last_scores)

    def on_train_end(self, *_args: Any, **_kwargs: Any) -> None:
        """Called by the Trainer."""
        self.collecting.__exit__(None, None, None)

    def error(self, reference: Reference) -> float:
        """See Scoring. The Trainer's loss gives a row the weight of its share in the labels of its batch."""
        labels = torch.tensor([sum(row.response_mask) for row in self.work.encoded]).split(len(self.scores[0]))
        scores = [found * n.sum() / n for found, n in zip(self.scores, labels, strict=True)]
        return reference.check(self.work, Answer(torch.cat(scores)[:, None].numpy()))
