"""The paper's own scale: what it would take, and one round of each phase on random models of its families in miniature.

Nothing is downloaded. The estimates are of the size of a thing, not measurements; each says what it assumes.
"""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from experiments.reproduction import arms
from experiments.reproduction.plan import ALONE, BASE, FEDERATED, Job
from experiments.reproduction.selections import CLUES, MIXED, ORACLE, PUBLISHED
from experiments.reproduction.tables import Maker, Planned
from experiments.reproduction.worlds import World
from experiments.selection.mixtures import Mixture
from experiments.selection.tables import WarmUp, write
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, MistralConfig, PretrainedConfig

from clues.config import Job as Settings
from clues.config import ModelSettings, TrainingSettings, job_from_dict
from clues.data.writing import write_json
from clues.models.adapters import add_adapter, lora_parameters
from clues.models.base import LanguageModel, packaged_folder
from clues.report.words import data_size, duration
from clues.scoring.criteria import CRITERIA

FILE = Path(__file__).with_name("paper.toml")
FAMILIES: Mapping[str, type[PretrainedConfig]] = {"Llama-2": LlamaConfig, "Mistral": MistralConfig}
"""What a model's name holds -> its configuration, whose defaults are those of the paper's 7B models."""
MINIATURE = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 12, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8,
}  # fmt: skip
"""A layer for every group of layers."""
ONE_ROUND = TrainingSettings(rounds=1, local_steps=1, batch_size=2, learning_rate=2e-5)
SEED = 1
ACTIVATIONS = 34
"""Bytes per token, layer and hidden unit that a pass keeps for the backward one, in 16 bits, without the attention
matrix (Korthikanti et al., Reducing Activation Recomputation, 2022, Section 4)."""


@dataclass(frozen=True)
class Rehearsal:
    """What was found, for a person and for a program."""

    text: str
    facts: dict[str, Any]


def rehearse(names: Sequence[str], runs: Path) -> Rehearsal:
    """Resolve the set-ups of these artefacts, estimate them, and run one round of each phase in miniature.

    Resolved settings are written to `runs`/reproduction/paper/. Raises SettingError for settings that cannot be.
    """
    tree = tomllib.loads(FILE.read_text(encoding="utf-8"))
    chosen = {name: own for name, own in tree["setup"].items() if set(own["artefacts"]) & set(names)}
    lines, facts = [], {}
    for model in tree["models"]:
        sizes = model_sizes(model, resolved(tree, model, 1))
        facts[model] = {"sizes": sizes, "setups": {}}
        for name, setup in chosen.items():
            job = resolved(tree, model, setup["clients"])
            found = estimated(tree, setup, job, sizes)
            file = runs / "reproduction" / "paper" / f"{name}-{model.partition('/')[2]}.json"
            write_json({"setup": setup, "job": job.to_dict(), "estimates": found}, file)
            facts[model]["setups"][name] = found
            lines += [f"{model}, {name} ({', '.join(setup['artefacts'])}): {file}", *_said(setup, found)]
        rounds = dict(one_round(model, runs / "reproduction" / "paper"))
        facts[model]["miniature"] = rounds
        lines += [f"{model}, a random miniature: {', '.join(rounds)}: done"]
    return Rehearsal("\n".join(lines), {"models": facts})


def resolved(tree: Mapping[str, Any], model: str, clients: int) -> Settings:
    """The job, checked field by field."""
    own = copy.deepcopy(tree["job"])
    own["model"]["name"] = model
    own["scoring"] = {"checkpoints": tree["checkpoint_rounds"]}
    own["clients"] = [{"name": f"client-{i}"} for i in range(1, clients + 1)]
    return job_from_dict(own, str(FILE))


def family(model: str) -> type[PretrainedConfig]:
    """The configuration class of a model's name."""
    return next(config for part, config in FAMILIES.items() if part in model)


def model_sizes(model: str, job: Settings) -> dict[str, int]:
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
    tree: Mapping[str, Any], setup: Mapping[str, Any], job: Settings, sizes: Mapping[str, int]
) -> dict[str, float]:
    """Bytes of memory and of messages, tokens, and seconds.

    Memory is of one client's step with all rows of mean length. A frozen base costs two operations per weight and
    token forward and two backward. Scoring: four forward passes, and one forward and backward at every checkpoint,
    over all clients' rows.
    """
    training, tokens, clients = job.training, tree["tokens"], setup["clients"]
    step = training.batch_size * tokens
    layers = sizes["weights"] - sizes["outside_layers"]
    memory = layers + 2 * sizes["outside_layers"] + 16 * sizes["adapter"]
    memory += step * (ACTIVATIONS * sizes["layers"] * sizes["hidden"] + 8 * sizes["vocabulary"])
    rows = sum(setup["data"].values())
    passes = len(job.scoring.checkpoints)
    trained = clients * training.rounds * training.local_steps * step
    scored = rows * tokens * (4 * 2 + passes * 4) * sizes["weights"]
    speed = tree["teraflops"] * 1e12
    wire = 2 * 4 * sizes["adapter"] * clients * training.rounds
    directions = 4 * (sizes["adapter"] + len(CRITERIA) * sizes["adapter_B"]) * clients * passes
    return {
        "rows": rows,
        "memory_bytes": memory,
        "tokens_trained_per_arm": trained,
        "seconds_per_arm": trained * 4 * sizes["weights"] / speed,
        "seconds_scoring": scored / speed,
        "bytes_per_arm": wire,
        "bytes_scoring": directions,
    }


def _said(setup: Mapping[str, Any], found: Mapping[str, float]) -> Iterator[str]:
    data = ", ".join(f"{name} ({rows:,})" for name, rows in setup["data"].items())
    yield f"  {setup['clients']} clients, {found['rows']:,.0f} rows of {data}"
    memory, wire, directions = (data_size(found[key]) for key in ("memory_bytes", "bytes_per_arm", "bytes_scoring"))
    training, scoring = (duration(found[key]) for key in ("seconds_per_arm", "seconds_scoring"))
    yield f"  memory of a client {memory}; messages of an arm {wire}, of directions {directions}"
    yield f"  one GPU: {training} an arm ({found['tokens_trained_per_arm']:,.0f} tokens), {scoring} to score"


def one_round(model: str, folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Phase -> counts: one round of scoring, training, averaging, merging and measuring on a random model."""
    base = miniature(model)
    name = f"miniature-{model.partition('/')[2]}"
    mixture = Mixture(
        unseen_source="", unseen_rows=0, bad_rows=0, typo_rows=0, heldback_rows=0, tokens=(30, 60), share=0.4,
        kinds=("cut", "deletion", "exchange"), rows_per_client=4, validation_rows=16, anchor_rows=12, test_rows=8,
        dealt_clients=4,
    )  # fmt: skip
    world = World(name, mixture, model=model, training=ONE_ROUND, checkpoint_round=1, choice_rows=4)
    planned = Planned(world, SEED)
    table = Maker(base, planned.mixed(), WarmUp(), SEED, folder / name, world).make()
    write(table, planned.file(folder), planned.facts())
    yield "warm-up and scores", {"rows": table.num_rows, "columns": table.num_columns}
    bench = arms.Bench.of(base, world, SEED)
    for method in (BASE, MIXED, PUBLISHED, CLUES, ORACLE):
        found, _ = arms.run(Job(world, SEED, method, FEDERATED), bench, folder)
        yield f"{method} federated", {"arms": list(found)}
    found, _ = arms.run(Job(world, SEED, MIXED, ALONE), bench, folder)
    yield "mixed merged", {"arms": list(found)}


def miniature(model: str) -> LanguageModel:
    """A random model of a model's family with the packaged tokenizer."""
    tokenizer = AutoTokenizer.from_pretrained(packaged_folder())
    torch.manual_seed(SEED)
    config = family(model)(vocab_size=len(tokenizer), **MINIATURE)  # type: ignore[call-arg]
    made = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval().requires_grad_(False)
    return LanguageModel(made, tokenizer, replace(ModelSettings(), precision="float32"))
