"""Whether engines agree with the slow reference."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.contract import Answer, Work
from benchmarks.workloads import Workload
from clues.models.adapters import lora_parameters
from clues.scoring.passes import token_nll
from clues.scoring.readings import likelihood_channels
from clues.scoring.reference import reference_gradient, reference_loss

TOLERANCE = 1e-3
"""Relative error in float32 above which two engines do not compute the same number."""


class DisagreementError(ValueError):
    """An engine that computes something else; the text says by how much."""


class Reference:
    """The rows of a workload one at a time, by `clues.scoring.reference`: transformers' own loss, autograd, a dot."""

    def __init__(self, workload: Workload) -> None:
        model, parameters = workload.lm.model, lora_parameters(workload.lm.model)
        rows = workload.encoded
        gradients = [reference_gradient(model, row.input_ids, row.response_mask, parameters) for row in rows]
        self.gradients = {name: torch.stack([g[name] for g in gradients]).double() for name in parameters}
        with torch.no_grad():
            means = [-reference_loss(model, row.input_ids, row.response_mask).item() for row in rows]
        alone = [token_nll(workload.lm, [row])[0] for row in rows]
        self.likelihoods = np.stack([np.array(means), likelihood_channels(alone, rows)[1]], 1)

    def answer(self, work: Work) -> Answer:
        """The true answer to some work on these rows."""
        scores = sum(
            torch.einsum("boi,koi->bk", self.gradients[name], V.double()) for name, V in work.directions.weights.items()
        )
        assert isinstance(scores, torch.Tensor)
        return Answer(scores.numpy(), self.likelihoods)

    def check(self, work: Work, found: Answer) -> float:
        """Relative error of an answer. Raises DisagreementError above TOLERANCE."""
        error = relative_error(found, self.answer(work))
        if not error <= TOLERANCE:
            raise DisagreementError(f"off by {error:.2g} from the reference, more than {TOLERANCE:.0e}")
        return error


def relative_error(found: Answer, expected: Answer) -> float:
    """‖a − b‖ / ‖b‖ over the rows, the largest over directions and, where they are answered, likelihoods."""
    errors = _errors(found.scores, expected.scores)
    if found.likelihoods is not None and expected.likelihoods is not None:
        errors = np.append(errors, _errors(found.likelihoods, expected.likelihoods))
    return float(errors.max())


def _errors(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return np.linalg.norm(found - expected, axis=0) / np.linalg.norm(expected, axis=0)
