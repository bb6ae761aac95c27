"""The table that decided which engines there are: `python -m benchmarks.alternatives`.

⟨∇ℓ_i, V⟩ of every row is a derivative of the rows' losses in one direction of weight space, so it can be had backwards
(the probe), forwards (a tangent through the forward pass) and by central differences of two forward passes. All three
on the random Llama, one direction, against the reference; FLOPs and time against one LoRA forward+backward.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks.contract import Work, row_losses
from benchmarks.measure import Timing, count, interleave
from benchmarks.workloads import random_llama
from clues.models.adapters import lora_parameters
from clues.models.likelihood import row_means
from clues.scoring.passes import gradient_pass, likelihood_batch
from clues.scoring.probe import Probe
from clues.scoring.reference import reference_gradient, reference_score

BATCH_SIZE = 8
STEPS = (0.01, 0.1)
"""Length of the step in weight space, of either side."""
OUTPUT = Path(__file__).parent / "results" / "alternatives.json"


def losses(work: Work, precision: str) -> np.ndarray:
    """ℓ of every row, [rows], by forward passes."""
    found = []
    for batch in work.batches(BATCH_SIZE):
        with torch.no_grad():
            lm = replace(work.lm, settings=replace(work.lm.settings, precision=precision))
            nll, row = likelihood_batch(lm, batch)
            found.append(row_means(nll, row, len(batch.index)))
    return torch.cat(found).double().numpy()


def floor(work: Work) -> None:
    """One LoRA forward+backward on every batch."""
    parameters = lora_parameters(work.lm.model)
    for p in parameters.values():
        p.requires_grad_(True)
    for batch in work.batches(BATCH_SIZE):
        nll, row = likelihood_batch(work.lm, batch)
        torch.autograd.grad(row_means(nll, row, len(batch.index)).sum(), list(parameters.values()))
    for p in parameters.values():
        p.requires_grad_(False)


def backwards(work: Work, precision: str) -> np.ndarray:
    """The probe."""
    lm = work.model_with_budget(BATCH_SIZE)
    lm = replace(lm, settings=replace(lm.settings, precision=precision))
    return gradient_pass(lm, work.encoded, [Probe(work.directions)])[work.directions.names[0]]


def forwards(work: Work, precision: str) -> np.ndarray:
    """A tangent through the forward pass; the kernels of fused attention carry none."""
    found = []
    parameters = work.parameters
    saved = {name: p.data for name, p in parameters.items()}
    bf16 = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16")
    for batch in work.batches(BATCH_SIZE):
        with forward_ad.dual_level(), sdpa_kernel(SDPBackend.MATH), bf16:
            for name in parameters:
                set_weight(work, name, forward_ad.make_dual(saved[name], work.directions.weights[name][0]))
            each = row_losses(work.lm.model, batch.input_ids, batch.attention_mask, batch.response_mask, None)
            found.append(forward_ad.unpack_dual(each).tangent.detach())
            for name, p in parameters.items():
                set_weight(work, name, p)
    return torch.cat(found).numpy()


def set_weight(work: Work, name: str, value: Tensor) -> None:
    """Put a weight, or a plain tensor that stands for it, into its layer."""
    module = work.lm.model.get_submodule(name.removesuffix(".weight"))
    del module.weight
    if isinstance(value, torch.nn.Parameter):
        module.weight = value
    else:
        object.__setattr__(module, "weight", value)


def differences(step: float) -> Callable[[Work, str], np.ndarray]:
    """Central differences with a step of this length."""

    def run(work: Work, precision: str) -> np.ndarray:
        length = float(sum(V.square().sum() for V in work.directions.weights.values()).sqrt())  # type: ignore[union-attr]
        sides = []
        for sign in (1, -1):
            for name, p in work.parameters.items():
                p.data.add_(sign * step / length * work.directions.weights[name][0])
            sides.append(losses(work, precision))
            for name, p in work.parameters.items():
                p.data.sub_(sign * step / length * work.directions.weights[name][0])
        return (sides[0] - sides[1]) / (2 * step / length)

    return run


ENGINES: dict[str, Callable[[Work, str], np.ndarray]] = {
    "probe (backward)": backwards,
    "forward mode": forwards,
    **{f"central differences, step {step}": differences(step) for step in STEPS},
}


def reference(work: Work) -> np.ndarray:
    """One row at a time."""
    V = {name: w[0] for name, w in work.directions.weights.items()}
    rows = work.encoded
    return np.array(
        [
            reference_score(reference_gradient(work.lm.model, e.input_ids, e.response_mask, work.parameters), V)
            for e in rows
        ]
    )


def main() -> None:
    work = random_llama().one("B")
    exact = reference(work)
    runs: dict[str, Callable[[], object]] = {"LoRA forward+backward": lambda: floor(work)}
    runs |= {name: (lambda engine=engine: engine(work, "float32")) for name, engine in ENGINES.items()}
    timings: dict[str, Timing] = {name: count(run) for name, run in runs.items()}
    interleave(runs, timings, lambda _text: None)
    base = timings["LoRA forward+backward"]
    table = {}
    for name, engine in ENGINES.items():
        scale = np.sqrt(np.mean(exact**2))
        errors = {p: float(np.sqrt(np.mean((engine(work, p) - exact) ** 2)) / scale) for p in ("float32", "bf16")}
        table[name] = {"flops": timings[name].flops / base.flops, "time": timings[name].ratio(base), **errors}
        print(f"{name:30s} {table[name]}")
    OUTPUT.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
