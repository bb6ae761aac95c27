"""Likelihoods of every label equal those of whole rows, read one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from clues.config import AdapterSettings, ModelSettings
from clues.data.encoding import encode
from clues.data.rows import Message, Row
from clues.models.adapters import add_adapter, lora_parameters
from clues.models.base import LanguageModel
from clues.scoring.label_likelihoods import answer_tokens, label_likelihoods, others_asked
from clues.scoring.passes import token_nll
from tests.conftest import TINY_KINDS, build_tiny_model, train_tokenizer
from tests.scoring.test_probe import adapted

LABELS = ("yes", "no", "A", "inherited disease", "the symptoms include thirst and blurred vision", "はい", "👍")
QUESTIONS = ("Is it?", "What causes anaemia?", "Is asthma treated with medicines that open the airways?", "Is it?")


def conversation(question: str, answer: str, line: int) -> Row:
    turns = (Message("user", question), Message("assistant", answer))
    earlier = (Message("user", "Hello"), Message("assistant", "Good day")) if line % 2 else ()
    return Row((*earlier, *turns), "rows.jsonl", line, {})


def reference_likelihoods(lm, rows, labels):
    """[R, L]: the last response's tokens of whole rows, each read alone."""
    found = np.zeros((len(rows), len(labels)))
    for i, row in enumerate(rows):
        for j, label in enumerate(labels):
            whole = encode(row.with_responses((*row.responses[:-1], label)), lm.tokenizer, lm.settings.max_length)
            (nll,) = token_nll(lm, [whole])
            found[i, j] = -nll[-len(answer_tokens(row, [label], lm)[0]) :].sum()
    return found


def base_with_adapter(kind):
    tokenizer = train_tokenizer()
    lm = LanguageModel(build_tiny_model(kind, tokenizer, 3), tokenizer, ModelSettings(precision="float32"))
    lm = add_adapter(lm, AdapterSettings(target_modules=("c_attn",) if kind == "gpt2" else ("q_proj", "v_proj")), 3)
    for p in lora_parameters(lm.model, "B").values():
        p.data.normal_(std=0.1, generator=torch.Generator().manual_seed(3))
    return lm


@pytest.mark.parametrize("kind", TINY_KINDS)
def test_every_label_as_in_whole_rows(kind):
    lm = base_with_adapter(kind)
    rows = [conversation(q, "no", i) for i, q in enumerate(QUESTIONS)]
    encoded = [encode(row, lm.tokenizer, lm.settings.max_length) for row in rows]
    found = label_likelihoods(lm, encoded, answer_tokens(rows[0], LABELS, lm))
    assert found == pytest.approx(reference_likelihoods(lm, rows, LABELS), abs=2e-4)


def test_the_tokens_of_a_label_do_not_depend_on_the_row():
    lm = adapted("llama", 0)
    short, long = (answer_tokens(conversation(QUESTIONS[i], "no", i), LABELS, lm) for i in (0, 1))
    assert short == long
    assert all(tokens[-1] == lm.tokenizer.eos_token_id for tokens in short)


def test_what_is_not_asked_is_not_a_number_and_changes_nothing():
    lm = adapted("llama", 1)
    rows = [conversation(q, "no", i) for i, q in enumerate(QUESTIONS)]
    encoded = [encode(row, lm.tokenizer, lm.settings.max_length) for row in rows]
    answers = answer_tokens(rows[0], LABELS, lm)
    asked = np.random.default_rng(0).random((len(rows), len(LABELS))) < 0.5
    asked[2] = False
    whole, part = label_likelihoods(lm, encoded, answers), label_likelihoods(lm, encoded, answers, asked)
    assert np.isnan(part[~asked]).all()
    assert part[asked] == pytest.approx(whole[asked], abs=1e-5)
    done = []
    label_likelihoods(lm, encoded, answers, asked, done.append)
    assert sum(done) == len(rows)


def test_a_rows_own_answer_plays_no_part():
    lm = adapted("llama", 2)
    found = [
        label_likelihoods(lm, [encode(conversation(QUESTIONS[1], own, 1), lm.tokenizer, 512)],
                          answer_tokens(conversation("?", "no", 1), LABELS, lm))
        for own in LABELS[:2]
    ]  # fmt: skip
    assert np.array_equal(found[0], found[1])


def test_a_small_budget_gives_the_same():
    lm = adapted("llama", 4, token_budget=10_000)
    rows = [conversation(QUESTIONS[2], "no", 0)] * 5
    encoded = [encode(row, lm.tokenizer, 512) for row in rows]
    answers = answer_tokens(rows[0], LABELS, lm)
    small = replace(lm, settings=replace(lm.settings, token_budget=16))
    assert label_likelihoods(small, encoded, answers) == pytest.approx(
        label_likelihoods(lm, encoded, answers), abs=1e-4
    )


def test_of_many_labels_a_row_is_asked_for_its_own_and_some():
    own = np.array([7] * 5 + [3] * 3 + list(range(100, 120)))
    asked = others_asked(own, 300, seed=0)
    assert (asked.sum(1) == 17).all()
    assert asked[np.arange(len(own)), own].all()
    assert asked[:, [3, 7]].all()  # the most frequent
    assert len({tuple(row) for row in asked[:5]}) == 5  # the rest by chance
    assert np.array_equal(asked, others_asked(own, 300, seed=0))
    assert others_asked(np.array([0, 1, 2]), 3, seed=0).all()
