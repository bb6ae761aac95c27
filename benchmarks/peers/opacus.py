"""opacus: per-sample gradients of every weight in `grad_sample`, then a dot product."""

from __future__ import annotations

import copy

import torch
from opacus import GradSampleModule

from benchmarks.contract import Answer, Recorder, Run, Work, answer, row_losses, trainable


def prepare(work: Work, batch_size: int) -> Run:
    """Its hooks go on a copy of the model, which shares the frozen weights; `strict=False` lets other layers be."""
    shared = {id(p): p for p in work.lm.model.parameters()}
    model = copy.deepcopy(work.lm.model, shared)
    directions = torch.cat([V.flatten(1) for V in work.directions.weights.values()], 1).T  # [P, K]
    record, parameters = Recorder(), work.parameters
    with trainable(list(parameters.values())):
        model = GradSampleModule(model.train(), loss_reduction="sum", strict=False)

    def run() -> Answer:
        record.clear()
        scores = []
        with trainable(list(parameters.values())):
            for batch in work.batches(batch_size):
                row_losses(model, batch.input_ids, batch.attention_mask, batch.response_mask, record).sum().backward()
                gradients = torch.cat([p.grad_sample.flatten(1) for p in parameters.values()], 1)
                scores.append(gradients @ directions)
                for p in parameters.values():
                    p.grad_sample = None
        return answer(work, torch.cat(scores), record.rows)

    return run
