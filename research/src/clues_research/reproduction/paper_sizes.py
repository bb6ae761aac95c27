"""What a set-up of the paper's size takes: memory, messages, tokens and time, counted on models without weights.

These are of the size of a thing, not measurements; each says what it assumes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, MistralConfig, PretrainedConfig

from clues.config import Job
from clues.models.adapters import add_adapter, lora_parameters
from clues.models.base import LanguageModel, packaged_folder
from clues.report.words import data_size, duration
from clues.scoring.criteria import CRITERIA

FAMILIES: Mapping[str, type[PretrainedConfig]] = {"Llama-2": LlamaConfig, "Mistral": MistralConfig}
"""What a model's name holds -> its configuration, whose defaults are those of the paper's 7B models."""
ACTIVATIONS = 34
"""Bytes per token, layer and hidden unit that a pass keeps for the backward one, in 16 bits, without the attention
matrix (Korthikanti et al., Reducing Activation Recomputation, 2022, Section 4)."""


def trainings(tree: Mapping[str, Any], setup: Mapping[str, Any]) -> int:
    """How often all clients are trained: every method once, and some at other shares."""
    return len(tree["methods"]) + sum(len(shares) for shares in setup["also"].values())


def family(model: str) -> type[PretrainedConfig]:
    """The configuration class of a model's name."""
    return next(config for part, config in FAMILIES.items() if part in model)


def model_sizes(model: str, job: Job) -> dict[str, int]:
    """Weights of the layers that are quantised, of the rest, and of the adapter, counted on a model without weights."""
    config, tokenizer = family(model)(), AutoTokenizer.from_pretrained(packaged_folder())
    with torch.device("meta"):
        whole = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        every = sum(p.numel() for p in whole.parameters())
        head = sum(p.numel() for n, p in whole.named_parameters() if "embed_tokens" in n or "lm_head" in n)
        lm = add_adapter(LanguageModel(whole, tokenizer, job.model), job.adapter, 0)
    adapter, upper = (sum(p.numel() for p in lora_parameters(lm.model, m).values()) for m in ("AB", "B"))
    return {
        "weights": every, "outside_layers": head, "adapter": adapter, "adapter_B": upper,
        "layers": config.num_hidden_layers, "hidden": config.hidden_size, "vocabulary": config.vocab_size,
    }  # fmt: skip


def estimated(
    tree: Mapping[str, Any], setup: Mapping[str, Any], job: Job, sizes: Mapping[str, int]
) -> dict[str, float]:
    """Bytes of memory and of messages, tokens, and seconds.

    Memory is of one client's step with all rows of mean length, and with all as long as they may be. A frozen base
    costs two operations per weight and token forward and two backward. Scoring: four forward passes, and one forward
    and backward at every checkpoint, over all clients' rows.
    """
    training, tokens, clients = job.training, tree["tokens"], setup["clients"]
    rows, passes, speed = sum(setup["data"].values()), len(job.scoring.checkpoints), tree["teraflops"] * 1e12
    trained = clients * training.rounds * training.local_steps * training.batch_size * tokens
    scored = rows * tokens * (4 * 2 + passes * 4) * sizes["weights"]
    directions = 4 * (sizes["adapter"] + len(CRITERIA) * sizes["adapter_B"]) * clients * passes
    return {
        "rows": rows,
        "trainings": trainings(tree, setup),
        "memory_bytes": memory(sizes, training.batch_size * tokens),
        "memory_bytes_longest": memory(sizes, training.batch_size * job.model.max_length),
        "tokens_trained_per_arm": trained,
        "seconds_per_arm": trained * 4 * sizes["weights"] / speed,
        "seconds_scoring": scored / speed,
        "bytes_per_arm": 2 * 4 * sizes["adapter"] * clients * training.rounds,
        "bytes_scoring": directions,
    }


def memory(sizes: Mapping[str, int], tokens: int) -> float:
    """Bytes of a step over so many tokens: layers in 8 bits, the rest in 16, the adapter with Adam, what is kept."""
    layers = sizes["weights"] - sizes["outside_layers"]
    kept = ACTIVATIONS * sizes["layers"] * sizes["hidden"] + 8 * sizes["vocabulary"]
    return layers + 2 * sizes["outside_layers"] + 16 * sizes["adapter"] + tokens * kept


def said(setup: Mapping[str, Any], found: Mapping[str, float]) -> Iterator[str]:
    """Lines for a person."""
    data = ", ".join(f"{name} ({rows:,})" for name, rows in setup["data"].items())
    yield f"  {setup['clients']} clients, {found['rows']:,.0f} rows of {data}; {found['trainings']} trainings"
    least, most = (data_size(found[key]) for key in ("memory_bytes", "memory_bytes_longest"))
    wire, directions = (data_size(found[key]) for key in ("bytes_per_arm", "bytes_scoring"))
    yield f"  memory of a client {least}, with rows of full length {most}"
    yield f"  messages of a training {wire}, of directions {directions}"
    training, scoring = (duration(found[key]) for key in ("seconds_per_arm", "seconds_scoring"))
    every = duration(found["seconds_per_arm"] * found["trainings"] + found["seconds_scoring"])
    tokens = f"{found['tokens_trained_per_arm']:,.0f} tokens"
    yield f"  one GPU: {training} a training ({tokens}), {scoring} to score, {every} in all"
