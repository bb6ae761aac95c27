"""kronfluence with the identity in place of the Hessian: pairwise scores as one contraction per layer."""

from __future__ import annotations

import copy
import logging
import tempfile
from typing import Any

import torch
from kronfluence.analyzer import Analyzer, prepare_model
from kronfluence.arguments import FactorArguments, ScoreArguments
from kronfluence.task import Task
from kronfluence.utils.dataset import DataLoaderKwargs
from torch import Tensor, nn

from benchmarks.contract import Answer, Recorder, Run, Work, answer, linear_target, row_losses
from clues.data.batches import collate


class RowTask(Task):
    """Rows and directions as kronfluence asks for them."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.record = Recorder()

    def compute_train_loss(self, batch: dict[str, Tensor], model: nn.Module, sample: bool = False) -> Tensor:
        """Σ over rows of their mean losses."""
        assert not sample
        return row_losses(model, **batch, record=self.record).sum()

    def compute_measurement(self, batch: dict[str, Tensor], model: nn.Module) -> Tensor:
        """A linear function whose gradients are the directions."""
        return linear_target(model, self.work.directions, batch["directions"].tolist())

    def get_influence_tracked_modules(self) -> list[str]:
        """The layers that carry the directions."""
        return self.work.modules


def prepare(work: Work, batch_size: int) -> Run:
    """Its wrappers go around the layers of a copy of the model, which shares the weights."""
    task, folder, count = RowTask(work), tempfile.mkdtemp(), work.count
    shared = {id(p): p for p in work.lm.model.parameters()}
    model = prepare_model(copy.deepcopy(work.lm.model, shared), task)
    analyzer = Analyzer("scores", model, task, cpu=True, log_level=logging.ERROR, disable_tqdm=True, output_dir=folder)
    analyzer.set_dataloader_kwargs(DataLoaderKwargs(collate_fn=lambda items: batch_of(work, items)))
    rows: Any = range(len(work.encoded))
    queries: Any = [f"direction {k}" for k in range(count)]
    analyzer.fit_all_factors("identity", rows, factor_args=FactorArguments(strategy="identity"))

    def run() -> Answer:
        task.record.clear()
        analyzer.compute_pairwise_scores(
            "scores",
            "identity",
            query_dataset=queries,
            train_dataset=rows,
            per_device_query_batch_size=count,
            per_device_train_batch_size=batch_size,
            score_args=ScoreArguments(),
            overwrite_output_dir=True,
        )
        scores: Any = analyzer.load_pairwise_scores("scores")
        return answer(work, scores["all_modules"].T, task.record.rows)

    return run


def batch_of(work: Work, items: list[int | str]) -> dict[str, Tensor]:
    """Rows by their numbers, padded; directions by their names."""
    if isinstance(items[0], str):
        return {"directions": torch.tensor([int(str(name).split()[1]) for name in items])}
    batch = collate(work.encoded, [int(i) for i in items], work.lm.pad_id)
    return {name: getattr(batch, name) for name in ("input_ids", "attention_mask", "response_mask")}
