"""`clues evaluate --knowledge`, from the command line to the numbers, without a network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from clues.cli.commands.evaluate_knowledge import Known, known_text
from clues.config import AdapterSettings, ModelSettings
from clues.models.adapters import add_adapter, lora_parameters, save_adapter
from clues.models.base import load_base
from clues.statistics.accuracy import AccuracyComparison
from tests.cli.conftest import TINY
from tests.conftest import CORPUS, build_tiny_model, train_tokenizer


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A tiny model whose tokenizer has a token for every letter, so that none is likelier by being shorter."""
    folder = tmp_path_factory.mktemp("model")
    tokenizer = train_tokenizer((" ".join(f"Answer: {letter}" for letter in "ABCD" * 9), *CORPUS))
    build_tiny_model("llama", tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def adapters(model, tmp_path_factory) -> list[Path]:
    """One that changes answers, and one that changes nothing."""
    made = []
    for std in (3.0, 0.0):
        lm = add_adapter(
            load_base(ModelSettings(name=str(model))),
            AdapterSettings(target_modules=("all-linear",)),
            seed=0,
        )
        for p in lora_parameters(lm.model, "B").values():
            p.data.normal_(std=std, generator=torch.Generator().manual_seed(1))
        made.append(tmp_path_factory.mktemp("adapter"))
        save_adapter(lm.model, made[-1])
    return made


def test_base_and_adapters_answer_the_same_questions(clues, model, adapters):
    options = [part for folder in adapters for part in ("--adapter", folder)]
    command = ("evaluate", "--knowledge", "medical", "--limit", 4, "--model", model, *TINY, *options)
    called = clues(*command, "--json")
    assert called.code == 0
    assert called.facts["n"] == 6 * 4
    assert called.facts["not_asked"] == ["medmcqa", "medqa_4options", "pubmedqa"]
    assert list(called.facts["models"]) == ["base", *map(str, adapters)]
    assert set(called.facts["answers"].values()) == {4}
    changed, same = called.facts["comparisons"]
    assert changed["only_a"] + changed["only_b"] > 0
    assert (same["difference"], same["low"], same["high"], same["only_a"], same["only_b"]) == (0, 0, 0, 0, 0)
    means = [found["mean_accuracy"] for found in called.facts["models"].values()]
    assert changed["difference"] == pytest.approx(means[1] - means[0])
    with pytest.warns(UserWarning, match="longer than the 512 tokens"):
        shown = clues(*command)
    assert shown.out.startswith("24 questions from packaged, 0 shots\nNot asked, for there are no questions")
    line = next(line for line in shown.out.splitlines() if line.startswith(str(adapters[1])) and "points" in line)
    assert " ".join(line.split()).endswith("points of % 0.0 0.0 to 0.0 1.0000 1.0000 no clear difference")
    assert f"{adapters[1]}: 0 questions right that base has wrong, 0 the other way" in shown.out
    assert "mean of tasks" in shown.out
    assert "knowledge: done in" in shown.err
    assert clues(*command, "--json").out == called.out


def test_a_clear_difference_is_said_and_the_questions_behind_it():
    found = AccuracyComparison("x", "base", "questions", 0.06, 0.02, 0.1, 0.01, 0.02, 90, 90, 9, 1)
    known = Known("medical", "packaged", 0, 90, {}, [], {}, [])

    def said(**changed) -> list[str]:
        text = known_text(replace(known, comparisons=[replace(found, **changed)]))
        return [" ".join(line.split()) for line in text.splitlines()[-2:]]

    assert said() == [
        "x right, mean of tasks, points of % 6.0 2.0 to 10.0 0.0100 0.0200 better",
        "x: 9 questions right that base has wrong, 1 the other way",
    ]
    assert said(difference=-0.06, low=-0.1, high=-0.02)[0].endswith("−6.0 −10.0 to −2.0 0.0100 0.0200 worse")
    assert said(low=-0.01)[0].endswith("no clear difference")
    assert said(p_sign_flip=0.06)[0].endswith("no clear difference")
    unknown = said(low=None, high=None, p_bootstrap=None, p_sign_flip=None)[0]
    assert unknown.endswith("6.0 unknown unknown unknown one document or question says nothing about the spread")


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (["--limit", 3], "go with --knowledge"),
        (["rows.jsonl", "--knowledge", "medical"], "leave out TEST"),
        (["--knowledge", "medical", "--limit", 0], "--limit 0"),
        (["--knowledge", "medical", "--shots", -1], "--shots -1"),
        (["--knowledge", "history"], "no questions 'history'"),
        (["--knowledge", "medmcqa"], "packaged: no test questions of medmcqa"),
        (["--knowledge", "medical", "--questions", "nowhere"], "nowhere: no mmlu*.jsonl"),
    ],
)
def test_what_cannot_be_asked_is_an_error(clues, tokens, said):
    called = clues("evaluate", *tokens)
    assert called.code == 2
    assert called.out == ""
    assert said in called.err
    assert called.err.count("\n") == 1
