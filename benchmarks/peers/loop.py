"""One sample at a time: `autograd.grad` and a dot product, as published scoring scripts do it."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.contract import Answer, Recorder, Run, Work, answer, row_losses, trainable
from clues.data.batches import Batch


def prepare(work: Work, batch_size: int) -> Run:
    """The batch size is 1 by its nature."""
    assert batch_size == 1
    parameters = work.parameters
    directions = torch.cat([work.directions.weights[name].flatten(1) for name in parameters], 1).T  # [P, K]
    directions = directions.to(work.lm.model.device)

    record = Recorder()

    def gradient(batch: Batch) -> Tensor:
        loss = row_losses(work.lm.model, batch.input_ids, batch.attention_mask, batch.response_mask, record)
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss.sum(), list(parameters.values()))])

    def run() -> Answer:
        record.clear()
        with trainable(list(parameters.values())):
            scores = [gradient(batch) @ directions for batch in work.batches(1)]
        return answer(work, torch.stack(scores).cpu(), record.rows)

    return run
