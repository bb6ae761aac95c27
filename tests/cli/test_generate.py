"""`clues generate` and `clues evaluate --answers`, on checkpoints in the hub's own format."""

from __future__ import annotations

import json
import re

import pytest
import torch

from clues.config import AdapterSettings, ModelSettings
from clues.evaluation.answers.answer import read_answers
from clues.models.adapters import add_adapter, lora_parameters, save_adapter
from clues.models.base import LanguageModel, load_base
from tests.cli.conftest import write_rows
from tests.test_formats import ANSWERED, SECTIONS, names_in, pattern


@pytest.fixture
def adapter(checkpoint, tmp_path):
    base = load_base(ModelSettings(name=str(checkpoint("llama")), precision="float32"))
    adapted: LanguageModel = add_adapter(base, AdapterSettings(rank=2), seed=1)
    torch.manual_seed(0)
    for weight in lora_parameters(adapted.model, "B").values():
        weight.data.normal_(std=0.5)
    save_adapter(adapted.model, tmp_path / "mine")
    return tmp_path / "mine"


def test_answers_are_generated_resumed_and_measured(clues, files, checkpoint, adapter, tmp_path):
    out, test = tmp_path / "answers", files / "test.jsonl"
    given = ("generate", test, "--model", checkpoint("llama"), "--adapter", adapter, "--output", out)
    given = (*given, "--max-new-tokens", 12, "--limit", 6)
    dry = clues(*given, "--dry-run")
    assert dry.code == 0
    assert "6 prompts, 0 set aside" in dry.out
    assert "<|im_start|>assistant" in dry.out
    assert "cost: 2 models" in dry.out
    assert "at most 72 to write" in dry.out
    assert not out.exists()

    called = clues(*given, "--json")
    assert called.code == 0
    assert called.facts["path"] == str(out)
    assert called.facts["models"]["mine"]["answers"] == 6
    assert sorted(file.name for file in out.iterdir()) == ["base.jsonl", "mine.jsonl", "pairs.md", "settings.json"]
    assert "generate: done in" in called.err
    before = {file.name: file.read_bytes() for file in out.iterdir()}

    again = clues(*given)
    assert again.code == 2
    assert "holds answers already" in again.err
    assert "to go on: clues generate" in again.err
    (out / "mine.jsonl").write_bytes(before["mine.jsonl"][:-20])
    (out / "pairs.md").unlink()
    assert clues(*given, "--resume", "-q").out == f"{out}\n"
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
    other = clues(*given, "--resume", "--temperature", 1)
    assert other.code == 2
    assert "temperature was 0.0 and is now 1.0" in other.err
    other = clues(*given, "--resume", "--columns", "prompt=answer,response=question")
    assert other.code == 2
    assert "columns was {} and is now" in other.err
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before

    found = clues("evaluate", "--answers", out, "--json").facts
    assert (found["rows"], found["documents"], list(found["models"])) == (6, 6, ["base", "mine"])
    assert [(c["a"], c["b"], c["measure"], c["n"]) for c in found["comparisons"]] == [
        ("mine", "base", "rouge_l", 6),
        ("mine", "base", "chrf", 6),
    ]
    for c in found["comparisons"]:
        means = [found["models"][name][c["measure"]] for name in ("mine", "base")]
        assert c["difference"] == pytest.approx(means[0] - means[1])
        assert 0 < c["p_sign_flip"] <= 1
    text = clues("evaluate", "--answers", out).out
    assert "answers to 6 rows of 6 documents" in text
    assert "against base" in text
    assert "no clear difference" in text


def test_better_is_said_only_where_interval_and_test_agree(clues, files, checkpoint, adapter, tmp_path):
    out = tmp_path / "answers"
    clues("generate", files / "test.jsonl", "--model", checkpoint("llama"), "--adapter", adapter, "--output", out,
          "--max-new-tokens", 4)  # fmt: skip
    lines = [json.loads(line) for line in (out / "mine.jsonl").read_text().splitlines()]

    def finding(right: int) -> str:
        told = [line | {"answer": line["reference"] if n < right else ""} for n, line in enumerate(lines)]
        (out / "mine.jsonl").write_text("".join(json.dumps(line) + "\n" for line in told))
        (out / "base.jsonl").write_text("".join(json.dumps(line | {"answer": ""}) + "\n" for line in lines))
        text = clues("evaluate", "--answers", out).out
        return next(line for line in text.splitlines() if "ROUGE-L" in line and line.startswith("mine"))

    assert finding(8).endswith("better")
    assert finding(0).endswith("no clear difference")
    assert "100.00" in finding(8)
    assert finding(5).endswith("no clear difference")  # 5 of 8: the interval is clear, 2 of 32 sign patterns are not
    assert "62.50" in finding(5)


def test_a_long_prompt_is_set_aside_and_said(clues, checkpoint, tmp_path):
    long = json.dumps({"question": "What is gout? " * 40, "answer": "Pain."})
    test = write_rows(tmp_path / "test.jsonl", range(3), long, "no json")
    given = ("generate", test, "--model", checkpoint("gpt2"), "--max-new-tokens", 4, "--set", "model.max_length=100")
    called = clues(*given, "--output", tmp_path / "out")
    assert "3 prompts, 2 set aside" in called.out
    assert "line 4: a prompt of" in called.out
    assert "line 5: not JSON" in called.out
    settings = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert (settings["rows"], settings["set_aside"]) == (3, 2)
    assert [row["line"] for row in settings["set_aside_rows"]] == [5, 4]


def test_every_file_and_field_is_documented(clues, files, checkpoint, adapter, tmp_path):
    out, test = tmp_path / "out", tmp_path / "test.jsonl"
    test.write_text((files / "test.jsonl").read_text() + "no json\n")
    given = ("generate", test, "--model", checkpoint("llama"), "--adapter", adapter, "--output", out)
    clues(*given, "--max-new-tokens", 2, "--columns", "prompt=question,response=answer")
    assert set(SECTIONS["A folder of answers"]) == {*ANSWERED, "pairs.md"}
    assert {file.name for file in out.iterdir()} == {"base.jsonl", "mine.jsonl", "pairs.md", "settings.json"}
    for name in ANSWERED:
        found, documented = names_in(out / name.replace("<model>", "mine")), SECTIONS[name]
        assert sorted(n for n in found if not any(re.fullmatch(pattern(d), n) for d in documented)) == []
        assert [d for d in documented if not any(re.fullmatch(pattern(d), n) for n in found)] == []


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (["generate", "{test}", "--output", "{out}", "--temperature", "-1"], "--temperature -1.0"),
        (["generate", "{test}", "--output", "{out}", "--max-new-tokens", "0", "--model", "{model}"], "between 1 and"),
        (["generate", "{test}", "--output", "{out}", "--limit", "0", "--model", "{model}"], "--limit 0"),
        (["generate", "{test}", "--output", "{out}", "--adapter", "{out}", "--model", "{model}"], "adapter_config"),
        (["generate", "{test}", "--model", "{model}"], "--output"),
        (["evaluate"], "TEST is needed"),
        (["evaluate", "{test}", "--answers", "{out}"], "leave TEST"),
        (["evaluate", "--answers", "{out}"], "no settings.json"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(clues, files, checkpoint, tmp_path, tokens, said):
    places = {"test": files / "test.jsonl", "out": tmp_path / "out", "model": checkpoint("llama")}
    called = clues(*(token.format(**places) for token in tokens))
    assert called.code == 2
    assert said in called.err
    assert called.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_packaged_model_answers_a_question(clues, tmp_path):
    test = tmp_path / "test.jsonl"
    rows = [{"question": f"What is the capital of {c}? Answer in one word.", "answer": a} for c, a in
            (("France", "Paris"), ("Italy", "Rome"))]  # fmt: skip
    test.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert clues("generate", test, "--output", tmp_path / "out", "--max-new-tokens", 10).code == 0
    paris, rome = read_answers(tmp_path / "out" / "base.jsonl")
    assert "Paris" in paris.answer
    assert "Rome" in rome.answer
    assert paris.stopped
    assert paris.prompt_text.endswith("Answer in one word.<|im_end|>\n<|im_start|>assistant\n")
