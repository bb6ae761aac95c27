"""`python -m benchmarks.gpu`: scoring at the shape of a 7B model on one GPU; writes results/gpu.json.

A Llama in the configuration of Llama-2-7B with random bf16 weights, LoRA rank 16 on q and v in float32, rows of 512
tokens of which half are response. `--tiny` does the same in miniature on any machine, and writes nothing.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.agreement import relative_error
from benchmarks.contract import Prepare, Work
from benchmarks.engines import lora_step, probe
from benchmarks.measure import BATCH_SIZES, Timing, best_batch_size, count, interleave, seconds_of
from benchmarks.peers import loop
from benchmarks.record import circumstances, write
from benchmarks.tables import markdown
from benchmarks.workloads import NoTokenizer, Workload, random_row, with_adapter
from clues.config import AdapterSettings, ModelSettings
from clues.models.base import LanguageModel

FLOOR = "lora-step"


@dataclass(frozen=True)
class Shape:
    """Everything that the numbers depend on."""

    hidden: int = 4096
    intermediate: int = 11008
    layers: int = 32
    heads: int = 32
    vocabulary: int = 32000
    rank: int = 16
    rows: int = 32
    tokens: int = 512
    product: int = 8192
    """Side of the square bf16 matrices whose product is the ceiling."""


SEVEN_B = Shape()
TINY = Shape(
    hidden=64, intermediate=128, layers=2, heads=4, vocabulary=256, rank=4, rows=4, tokens=24, product=256
)  # fmt: skip


def build(shape: Shape, device: str) -> Workload:
    """The model on the device, its rows, and public rows for a direction."""
    config = LlamaConfig(
        hidden_size=shape.hidden, intermediate_size=shape.intermediate, num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads, vocab_size=shape.vocabulary, max_position_embeddings=shape.tokens,
    )  # fmt: skip
    with torch.device(device):
        model = LlamaForCausalLM._from_config(config, dtype=torch.bfloat16).eval().requires_grad_(False)
    base: Any = LanguageModel(model, NoTokenizer(), ModelSettings(precision="bf16", token_budget=shape.tokens))
    lm = with_adapter(base, AdapterSettings(rank=shape.rank, alpha=2 * shape.rank))
    rng, half = random.Random(0), shape.tokens // 2
    rows = [random_row(rng, shape.vocabulary, half, shape.tokens - half) for _ in range(shape.rows + 1)]
    return Workload("llama-2-7b", lm, rows[1:], rows[:1], {}, [])


def engines(workload: Workload) -> dict[str, tuple[Prepare, Work]]:
    """The floor, ours with one and with three directions, and the loop."""
    one, three = workload.random_directions(1), workload.random_directions(3)
    return {FLOOR: (lora_step, one), "probe": (probe, one), "probe K=3": (probe, three), "loop": (loop.prepare, one)}


def measure(shape: Shape, device: str) -> dict[str, Any]:
    """All engines, side by side."""
    workload, ceiling = build(shape, device), product_flops(shape.product, device)
    runs, sizes, timings, answers = {}, {}, {}, {}
    for name, (prepare, work) in engines(workload).items():
        say(f"{name}: batch size")
        choice = (1,) if name == "loop" else tuple(size for size in BATCH_SIZES if size <= shape.rows)
        sizes[name] = best_batch_size(lambda size, p=prepare, w=work: p(w, size), choice, say)
        runs[name] = prepare(work, sizes[name])
        answers[name] = runs[name]()
        timings[name] = count(runs[name])
    interleave(runs, timings, say)
    rows = [_row(name, shape, sizes[name], timings, ceiling) for name in runs]
    rows[list(runs).index("probe")]["rel_error"] = relative_error(answers["probe"], answers["loop"])
    where = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    facts = {"device": where, "ceiling_tflops": ceiling / 1e12, "shape": vars(shape), "dtype": "bf16"}
    return circumstances() | facts | {"rows": rows}


def _row(name: str, shape: Shape, size: int, timings: dict[str, Timing], ceiling: float) -> dict[str, Any]:
    timing, floor = timings[name], timings[FLOOR]
    return {
        "table": "gpu", "workload": "llama-2-7b", "engine": name, "batch_size": size,
        "samples_per_s": shape.rows / timing.median, "tokens_per_s": shape.rows * shape.tokens / timing.median,
        "time_ratio": timing.ratio(floor), "flops_ratio": timing.flops / floor.flops,
        "speedup_over_loop": 1 / timing.ratio(timings["loop"]), "flops": timing.flops,
        "share_of_ceiling": timing.flops / timing.median / ceiling,
        "rel_error": None, "peak_mib": timing.peak_mib, "seconds": timing.seconds,
    }  # fmt: skip


def product_flops(side: int, device: str) -> float:
    """FLOPs per second of one large bf16 matrix product, the best of ten: what no real pass can exceed."""
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * side**3 / min(seconds_of(lambda: a @ b) for _ in range(10))


def table(results: dict[str, Any]) -> str:
    """The results as text."""
    head = ("engine", "tokens/s", "time", "FLOPs", "of ceiling", "over loop", "batch", "GiB")
    body = [
        (
            r["engine"], f"{r['tokens_per_s']:,.0f}", f"{r['time_ratio']:.2f}", f"{r['flops_ratio']:.3f}",
            f"{r['share_of_ceiling']:.0%}", f"{r['speedup_over_loop']:.1f} x", str(r["batch_size"]),
            f"{r['peak_mib'] / 1024:.1f}" if r["peak_mib"] is not None else "-",
        )
        for r in results["rows"]
    ]  # fmt: skip
    return f"{results['device']}, {results['ceiling_tflops']:.1f} TFLOP/s in bf16\n\n{markdown(head, body)}"


def say(text: str) -> None:
    """Progress."""
    print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="in miniature, on the CPU; writes nothing")
    if parser.parse_args().tiny:
        results = measure(TINY, "cpu")
    else:
        results = measure(SEVEN_B, "cuda")
        write(Path(__file__).parent / "results" / "gpu.json", results)
    print(f"\n{table(results)}")


if __name__ == "__main__":
    main()
