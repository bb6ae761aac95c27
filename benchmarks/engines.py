"""Our own engine in the benchmark, and the floor it is measured against."""

from __future__ import annotations

import numpy as np

from benchmarks.contract import Answer, Run, Work, trainable
from clues.data.batches import collate, token_budget_batches
from clues.models.adapters import lora_parameters
from clues.models.likelihood import row_means
from clues.scoring.passes import gradient_pass, likelihood_batch
from clues.scoring.probe import Probe
from clues.scoring.readings import LIKELIHOODS


def probe(work: Work, batch_size: int) -> Run:
    """One forward and backward pass with the probe; the likelihoods come from the same pass."""
    lm, observer = work.model_with_budget(batch_size), Probe(work.directions)

    def run() -> Answer:
        channels = gradient_pass(lm, work.encoded, [observer])
        scores = np.stack([channels[name] for name in work.directions.names], 1)
        likelihoods = np.stack([channels[channel.column] for channel in LIKELIHOODS], 1)
        return Answer(scores, likelihoods if work.likelihoods else None)

    return run


def lora_step(work: Work, batch_size: int) -> Run:
    """The floor: forward and backward of the same loss with all of the adapter trainable, gradients accumulated."""
    lm, parameters = work.model_with_budget(batch_size), list(lora_parameters(work.lm.model).values())

    def run() -> Answer:
        with trainable(parameters):
            for index in token_budget_batches(work.encoded, lm.settings.token_budget):
                nll, row = likelihood_batch(lm, collate(work.encoded, index, lm.pad_id))
                row_means(nll, row, len(index)).sum().backward()
        return Answer(np.empty((0, 0), np.float32))

    return run
