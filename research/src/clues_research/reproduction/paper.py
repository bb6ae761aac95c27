"""The paper's own scale: what it would take, and one round of each phase on random models of its families in miniature.

Nothing is downloaded.
"""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from clues.config import Job as Settings
from clues.config import ModelSettings, TrainingSettings
from clues.config.reading import job_from_dict
from clues.data.damage.spoil import KINDS
from clues.disk.writing import write_json
from clues.errors import SettingError
from clues.models.base import LanguageModel, packaged_folder
from clues_research.reproduction import arms
from clues_research.reproduction.bench import Bench
from clues_research.reproduction.paper_sizes import estimated, family, model_sizes, said
from clues_research.reproduction.plan import ALONE, BASE, FEDERATED, Job
from clues_research.reproduction.selections import CLUES, MIXED, ORACLE, PUBLISHED, TRAINED
from clues_research.reproduction.tables import Maker, Planned
from clues_research.reproduction.worlds import World
from clues_research.selection.mixtures import Mixture
from clues_research.selection.tables import WarmUp, write

FILE = Path(__file__).with_name("paper.toml")
MINIATURE = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 12, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8,
}  # fmt: skip
"""A layer for every group of layers."""
ONE_ROUND = TrainingSettings(rounds=1, local_steps=1, batch_size=2, learning_rate=2e-5)
SEED = 1


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
        facts[model] = {"setups": {}}
        for name, setup in chosen.items():
            job = resolved(tree, model, name)
            found = estimated(tree, setup, job, model_sizes(model, job))
            file = runs / "reproduction" / "paper" / f"{name}-{model.partition('/')[2]}.json"
            write_json({"setup": setup, "job": job.to_dict(), "estimates": found}, file)
            facts[model]["setups"][name] = found
            lines += [f"{model}, {name} ({', '.join(setup['artefacts'])}): {file}", *said(setup, found)]
        with TemporaryDirectory() as scratch:
            facts[model]["miniature"] = dict(one_round(model, Path(scratch)))
        lines += [f"{model}, a random miniature: {', '.join(facts[model]['miniature'])}: done"]
    return Rehearsal("\n".join(lines), {"models": facts})


def resolved(tree: Mapping[str, Any], model: str, name: str) -> Settings:
    """The job of a set-up, checked field by field. Raises SettingError for a share, kind or method there is not."""
    own, setup = copy.deepcopy(tree["job"]), tree["setup"][name]
    shares = [*setup["shares"], *(share for some in setup["also"].values() for share in some)]
    unknown = {*setup["kinds"]} - {*KINDS} | {*tree["methods"], *setup["also"]} - {*TRAINED}
    if unknown or not all(0 <= share <= 1 for share in shares):
        wrong = ", ".join(map(str, sorted(unknown) or shares))
        raise SettingError(f"{FILE}: setup.{name}: a share outside 0 to 1, or a kind or method there is not: {wrong}")
    own["model"]["name"] = model
    own["training"]["rounds"] = setup["rounds"]
    own["scoring"] = {"checkpoints": tree["checkpoint_rounds"], "published": True}
    own["clients"] = [{"name": f"client-{i}"} for i in range(1, setup["clients"] + 1)]
    return job_from_dict(own, str(FILE))


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
    bench = Bench.of(base, world, SEED)
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
