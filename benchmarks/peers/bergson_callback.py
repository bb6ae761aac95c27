"""bergson's Trainer callback: the gradients of all rows go to disk, to be scored later."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from bergson.huggingface import GradientCollectorCallback, prepare_for_gradient_collection
from transformers import Trainer

from benchmarks.agreement import Reference
from benchmarks.workloads import Workload


class Callback:
    """See `in_run.Scoring`. No projection, no normalisation by the optimizer's state."""

    note = "per-row gradients of A and B to disk, no scores yet"
    count = 0

    def __init__(self, workload: Workload) -> None:
        self.workload = workload

    def watch(self, trainer: Trainer) -> None:
        """See Scoring."""
        path = Path(tempfile.mkdtemp())
        trainer.add_callback(
            GradientCollectorCallback(path, projection_dim=0, dtype=np.dtype(np.float32), use_optimizer_state=False)
        )
        prepare_for_gradient_collection(trainer)

    def error(self, _reference: Reference) -> None:
        """See Scoring."""
