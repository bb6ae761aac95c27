"""docs/MODELS.md: every command on every family, from checkpoints in the hub's format, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from clues.config import AdapterSettings, ModelSettings
from clues.models.adapters import add_adapter, lora_parameters, save_adapter
from clues.models.base import load_base
from tests.cli.conftest import record
from tests.helpers.families import FAMILIES

SYSTEM = "Answer as a doctor would."
STEPS = ("--set", "training.local_steps=1", "--set", "scoring.checkpoints=[1]", "--set", "training.batch_size=4")


def conversation(n: int) -> dict[str, object]:
    """A conversation with a system message, which some templates refuse."""
    asked = record(n)
    texts = (("system", SYSTEM), ("user", asked["question"]), ("assistant", asked["answer"]))
    return {"messages": [{"role": role, "content": content} for role, content in texts], "doc": asked["doc"]}


def write(file: Path, numbers: range) -> Path:
    """Every second row a conversation, the first one too."""
    rows = [record(n) if place % 2 else conversation(n) for place, n in enumerate(numbers)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> dict[str, Path]:
    folder, starts = tmp_path_factory.mktemp("rows"), {"mine": 0, "validation": 100, "anchors": 200, "test": 300}
    return {name: write(folder / f"{name}.jsonl", range(start, start + 6)) for name, start in starts.items()}


@pytest.mark.parametrize("name", FAMILIES)
def test_every_command_runs_on_every_family(name, clues, rows, tmp_path):
    family = FAMILIES[name]
    model = family.save(tmp_path / "model")
    assert (model / "model.safetensors.index.json").exists()
    assert (model / "tokenizer.json").exists()

    checked = clues("check", rows["mine"], "--model", model, "--json").facts
    assert (checked["rows"], checked["set_aside"]) == (6, [])
    before, response, *_ = checked["first_row"]["parts"]
    assert before["text"].startswith(family.begin.format(system=SYSTEM))
    assert before["text"].endswith(family.ask)
    assert before["text"].count(family.begin.partition("{")[0]) == 1  # one token that begins the text, not two
    assert response == {"response": True, "text": response["text"]}
    assert response["text"].strip() == record(0)["answer"] + family.end

    out, public = tmp_path / "out", ("--validation", rows["validation"], "--anchors", rows["anchors"])
    scored = clues("score", rows["mine"], *public, "--model", model, "--output", out, *STEPS, "--json")
    assert scored.code == 0, scored.err
    assert (scored.facts["rows"], scored.facts["set_aside"]) == (6, 0)
    table = pq.read_table(out / "scores.parquet").to_pandas()
    channels = [column for column in table.columns if "." in column]
    assert {"fluency.forward", "relevance.gradient"} <= set(channels)
    assert table[channels].notna().all().all()

    adapters = [adapter(model, tmp_path / f"adapter-{seed}", seed) for seed in (1, 2)]
    merged = clues("merge", *adapters, "--output", tmp_path / "merged")
    assert merged.code == 0, merged.err
    names = [*adapters, tmp_path / "merged"]
    options = [part for folder in names for part in ("--adapter", folder)]
    few = ("--set", "evaluation.choice_rows=2")
    measured = clues("evaluate", rows["test"], "--model", model, *options, *few, "--json")
    assert measured.code == 0, measured.err
    losses = [found["test_nll"] for found in measured.facts["models"].values()]
    assert len(set(losses)) == 4

    asked = clues("evaluate", "--knowledge", "mmlu_marketing", "--limit", 2, "--model", model, *options, "--json")
    assert asked.code == 0, asked.err
    assert (asked.facts["n"], len(asked.facts["models"])) == (2, 4)


def test_a_row_whose_reasoning_a_template_takes_out_is_set_aside_with_its_line(clues, tmp_path):
    model, mine = FAMILIES["qwen3"].save(tmp_path / "model"), tmp_path / "mine.jsonl"
    thinking = {"question": "What?", "answer": "<think>\nhm\n</think>\n\nThis."}
    mine.write_text(f"{json.dumps(record(0))}\n{json.dumps(thinking)}\n")
    (aside,) = clues("check", mine, "--model", model, "--json").facts["set_aside"]
    assert aside["line"] == 2
    assert "the chat template rewrites assistant turn 1 (a reasoning part, say)" in aside["reason"]


def adapter(model: Path, folder: Path, seed: int) -> Path:
    """A LoRA adapter in PEFT's format that changes what the model says."""
    lm = add_adapter(load_base(ModelSettings(name=str(model))), AdapterSettings(), seed)
    for p in lora_parameters(lm.model, "B").values():
        p.data.normal_(std=0.3, generator=torch.Generator().manual_seed(seed))
    save_adapter(lm.model, folder)
    return folder
