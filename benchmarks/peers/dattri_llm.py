"""dattri-llm's TracIn: activations and output gradients caught by hooks, contracted with those of the queries."""

from __future__ import annotations

import re
import tempfile
from typing import Any

import torch
from dattri_llm.attribution import AttributionArguments
from dattri_llm.attribution.algorithm import TracInAttributor
from dattri_llm.gradient.hooks import HookManagerConfig
from dattri_llm.task import AttributionTask
from torch import Tensor

from benchmarks.contract import Answer, Recorder, RowModel, Run, Work, answer, trainable
from clues.data.batches import collate


def prepare(work: Work, batch_size: int) -> Run:
    """The loss is the sum over rows of their means; the K directions are its K queries."""
    record = Recorder()
    model = RowModel(work, record)
    folder = tempfile.mkdtemp()
    arguments = AttributionArguments(
        output_dir=folder,
        use_cpu=True,
        per_device_train_batch_size=batch_size,
        per_device_eval_batch_size=work.count,
    )
    config = HookManagerConfig(linear_io=[rf"^model\.{re.escape(name)}$" for name in work.modules])
    task = AttributionTask(losses, model)
    queries: Any = [{"input_ids": torch.tensor(k)} for k in range(work.count)]

    def row(i: int) -> dict[str, torch.Tensor]:
        """Padded to the longest of all rows: its loader stacks them as they are."""
        batch = collate([work.encoded[i], work.encoded[0]], [0, 1], work.lm.pad_id)
        return {name: getattr(batch, name)[0] for name in ("input_ids", "attention_mask", "response_mask")}

    def run() -> Answer:
        record.clear()
        with trainable(list(work.parameters.values())):
            rows: Any = [row(i) for i in range(len(work.encoded))]
            score = TracInAttributor(arguments, task=task).attribute(rows, queries, hook_config=config)
        return answer(work, score.scores, record.rows)

    return run


def losses(model: RowModel, batch: dict[str, Tensor]) -> Tensor:
    """Queries as they are; of rows, the padding that no row of the batch needs is cut off."""
    if "attention_mask" not in batch:
        return model(**batch).sum()
    longest = int(batch["attention_mask"].sum(1).max())
    return model(**{name: part[:, :longest] for name, part in batch.items()}).sum()
