"""dattri's TracIn: gradients of all samples of a batch by `torch.func.vmap`, then a matrix product."""

from __future__ import annotations

import torch
from dattri.algorithm.tracin import TracInAttributor
from dattri.task import AttributionTask
from torch import Tensor
from torch.func import functional_call
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.contract import Answer, RowModel, Run, Work, answer, trainable
from clues.scoring.passes import token_nll


def prepare(work: Work, batch_size: int) -> Run:
    """Its projection to 512 dimensions is switched off; a direction is the gradient of a linear target function. No
    attention mask: transformers looks into it, which vmap forbids, and what is on the right changes nothing before it.
    """
    model, parameters = RowModel(work, None), work.parameters
    flat = torch.cat([work.directions.weights[name].flatten(1) for name in parameters], 1)  # [K, P]

    def loss(weights: dict[str, Tensor], data: tuple[Tensor, ...]) -> Tensor:
        input_ids, response_mask = (part[None] for part in data)
        return functional_call(model, weights, (input_ids, None, response_mask)).sum()

    def target(weights: dict[str, Tensor], data: tuple[Tensor, ...]) -> Tensor:
        return (torch.cat([w.flatten() for w in weights.values()]) * data[0]).sum()

    def run() -> Answer:
        with trainable(list(parameters.values())):
            task = AttributionTask(loss, model, {}, target, checkpoints_load_func=lambda loaded, _none: loaded)
            attributor = TracInAttributor(task, torch.ones(1), normalized_grad=False)
            attributor.projector_kwargs = None
            scores = [
                attributor.attribute(
                    DataLoader(TensorDataset(b.input_ids, b.response_mask), len(b.index)),
                    DataLoader(TensorDataset(flat), len(flat)),
                )
                for b in work.batches(batch_size)
            ]
        # vmap lets no value out of the loss function: the likelihoods need a pass of their own.
        nll = token_nll(work.model_with_budget(batch_size), work.encoded) if work.likelihoods else []
        return answer(work, torch.cat(scores), nll)

    return run
