"""Checkpoints, directions, and what an owner's folder remembers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from clues.data.rows import Message, Row
from clues.errors import AdapterError
from clues.models.adapters import adapter_state, load_adapter_state
from clues.scoring.channel import GRADIENT, Channel
from clues.scoring.checkpoint import Checkpoint, make_checkpoint, score_under, trace
from clues.scoring.criteria import CRITERIA, Criterion
from clues.scoring.directions import directions_at
from clues.scoring.validation import encode_validation
from tests.scoring.test_probe import adapted, random_rows

ANSWERS = (
    "Asthma is treated with medicines that open the airways of the lungs.",
    "Diabetes is a disease in which the blood holds too much sugar for years.",
    "Anaemia often comes from a lack of iron, and tablets of iron help.",
    "Gout is caused by crystals of uric acid that settle in the joints.",
    "Measles begins with fever and a cough before the red rash appears.",
    "Migraine is a strong headache that often comes with nausea and lasts hours.",
)
NAMES = [criterion.name for criterion in CRITERIA]


@pytest.fixture(scope="module")
def made():
    lm = adapted("llama", 1, token_budget=300)
    rows = [
        Row((Message("user", f"Question {i}?"), Message("assistant", a)), "v", i, {"answer": a})
        for i, a in enumerate(ANSWERS)
    ]
    validation = encode_validation(rows, lm, seed=3)
    return lm, validation, make_checkpoint(lm, validation, published=True)


def test_a_checkpoints_directions_are_the_mean_of_those_made_without_a_fold(made):
    lm, validation, checkpoint = made
    folds = directions_at(lm, validation)
    assert len(checkpoint.folds) == validation.folds == len(folds) == 2
    assert checkpoint.directions.names == tuple(f"{name}.gradient" for name in NAMES)
    for name, w in checkpoint.directions.weights.items():
        assert torch.allclose(w, torch.stack([fold.weights[name] for fold in folds]).mean(0), atol=1e-6)
        assert ".layers.0." not in name  # the first quarter of the layers is not read


def test_a_checkpoint_comes_back_from_disk_and_from_the_wire(made, tmp_path):
    lm, _, checkpoint = made
    checkpoint.save(tmp_path / "c.safetensors")
    again = Checkpoint.load(tmp_path / "c.safetensors")
    sent = Checkpoint.from_tensors(checkpoint.to_tensors())
    assert again.key == sent.key == checkpoint.key
    assert len(again.folds) == 2
    assert sent.folds == ()  # they stay with whoever made them
    rows = random_rows(5, 4)
    for name, values in score_under(lm, checkpoint, rows).items():
        np.testing.assert_array_equal(values, score_under(lm, again, rows)[name])


def test_scoring_sets_the_checkpoints_adapter_whatever_was_there(made):
    lm, _, checkpoint = made
    rows = random_rows(6, 3)
    first = score_under(lm, checkpoint, rows)
    load_adapter_state(lm.model, {n: t + 1 for n, t in adapter_state(lm.model).items()})
    for name, values in score_under(lm, checkpoint, rows).items():
        np.testing.assert_array_equal(values, first[name])


def test_no_adapter_in_a_criterions_layers_is_an_error():
    lm = adapted("llama", 1, first_layer=2)
    rows = [
        Row((Message("user", f"Question {i}?"), Message("assistant", a)), "v", i, {"answer": a})
        for i, a in enumerate(ANSWERS)
    ]
    low = replace(CRITERIA[1], layers=(0.0, 0.67))
    with pytest.raises(AdapterError, match="relevance is read in layers 0 to 1"):
        make_checkpoint(lm, encode_validation(rows, lm, 0, [low]), published=False)


def test_the_trace_is_the_mean_over_checkpoints():
    tables = {2: {"x.gradient": np.array([1.0, 2.0])}, 4: {"x.gradient": np.array([3.0, 6.0])}}
    found = trace(tables)
    assert found["x.gradient"].tolist() == [2.0, 4.0]
    assert found["x.gradient@4"].tolist() == [3.0, 6.0]


def test_a_checkpoint_says_which_engine_reads_what_and_why(made):
    _, _, checkpoint = made
    assert checkpoint.engines == (
        "probe for fluency.gradient, relevance.gradient, completeness.gradient, novelty.gradient, published.dot: inner "
        "products need no row's gradient; "
        "per-sample for published.adam: each row's own g² is needed"
    )
    alone = replace(checkpoint, moments=None)
    assert alone.engines.endswith("novelty.gradient: inner products need no row's gradient")


def test_a_criterion_with_a_function_has_its_direction_in_its_layers():
    """As for a kind of damage, and every copy is spoiled the same way each time."""

    def swap(text, rng):
        words = text.split()
        rng.shuffle(words)
        return " ".join(words)

    lm = adapted("llama", 1, token_budget=300)
    mixed = Criterion("mixed", swap, (Channel("mixed", GRADIENT),), (0.0, 0.67))
    rows = [
        Row((Message("user", f"Question {i}?"), Message("assistant", a)), "v", i, {"answer": a})
        for i, a in enumerate(ANSWERS)
    ]
    validation = encode_validation(rows, lm, 3, [*CRITERIA, mixed])
    again = encode_validation(rows, lm, 3, [mixed])
    assert validation.spoiled["mixed"].encoded == again.spoiled["mixed"].encoded
    texts = [row.response for row in validation.spoiled["mixed"].rows]
    assert [sorted(text.split()) for text in texts] == [sorted(a.split()) for a in ANSWERS]
    assert not set(texts) & set(ANSWERS)
    directions = make_checkpoint(lm, validation, published=False).directions
    assert directions.names == (*(f"{name}.gradient" for name in NAMES), "mixed.gradient")
    for parameter, w in directions.weights.items():
        assert w[4].any() == (".layers.2." not in parameter)
    assert {name.split(".layers.")[1][0] for name in directions.weights} == {"0", "1", "2"}
