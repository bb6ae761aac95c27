"""captum's TracInCP: gradients of all samples of a batch by its sample-wise hooks, then dot products."""

from __future__ import annotations

from typing import Any

import torch
from captum.influence import TracInCP
from torch import Tensor
from torch.utils.data import DataLoader

from benchmarks.contract import Answer, Recorder, RowModel, Run, Work, answer, trainable


def prepare(work: Work, batch_size: int) -> Run:
    """`sample_wise_grads_per_batch`, its fastest form for linear layers: the loss function then sums over rows. The K
    directions are its test set."""
    record, parameters = Recorder(), list(work.parameters.values())
    model = RowModel(work, record)
    labels, queries = torch.zeros(1), torch.arange(work.count)

    def rows() -> DataLoader[Any]:
        batches = [(b.input_ids, b.attention_mask, b.response_mask, labels) for b in work.batches(batch_size)]
        return DataLoader(batches, batch_size=None)

    def total(losses: Tensor, _labels: Tensor) -> Tensor:
        return losses.sum()

    def run() -> Answer:
        record.clear()
        with trainable(parameters):
            tracin = TracInCP(
                model,
                rows(),
                checkpoints=["as it is"],
                checkpoints_load_func=lambda _model, _checkpoint: 1.0,
                layers=[f"model.{name}" for name in work.modules],
                loss_fn=total,
                sample_wise_grads_per_batch=True,
            )
            # Its hooks need inputs that require gradients, also in the first layer.
            embeddings = work.lm.model.get_input_embeddings()
            handle = embeddings.register_forward_hook(lambda _module, _inputs, output: output.requires_grad_(True))
            scores = tracin.influence((queries, labels))
        handle.remove()
        for p in parameters:
            del p.sample_grad
        return answer(work, scores.T, record.rows)

    return run
