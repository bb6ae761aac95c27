"""Checkpoints, directions, and what an owner's folder remembers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from clues.checkpoint import Checkpoint, make_checkpoint, score_under, trace
from clues.data.rows import Message, Row
from clues.models.adapters import AdapterError, adapter_state, load_adapter_state, lora_parameters
from clues.scoring.criteria import CRITERIA, Criterion
from clues.scoring.reference import reference_gradient
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


def mean_reference(lm, encoded):
    parameters = lora_parameters(lm.model, "B")
    rows = [reference_gradient(lm.model, e.input_ids, e.response_mask, parameters) for e in encoded]
    return {n: torch.stack([r[n] for r in rows]).mean(0) for n in parameters}


@pytest.mark.parametrize("name", NAMES)
def test_a_direction_is_good_minus_spoiled_in_the_layers_of_its_criterion(made, name):
    """Swapping the two, or using another layer, would change every sign or value here."""
    lm, validation, checkpoint = made
    criterion = next(c for c in CRITERIA if c.name == name)
    k = checkpoint.directions.names.index(f"{name}.gradient")
    good, bad = mean_reference(lm, validation.good), mean_reference(lm, validation.spoiled[name].encoded)
    for parameter, w in checkpoint.directions.weights.items():
        layer = int(parameter.split(".layers.")[1].split(".")[0])
        expected = (good[parameter] - bad[parameter]) * (layer in criterion.layer_range(3))
        assert torch.allclose(w[k], expected, atol=1e-6), parameter
    assert checkpoint.directions.weights


def test_a_checkpoint_comes_back_from_disk_and_from_the_wire(made, tmp_path):
    lm, _, checkpoint = made
    checkpoint.save(tmp_path / "c.safetensors")
    again = Checkpoint.load(tmp_path / "c.safetensors")
    sent = Checkpoint.from_tensors(checkpoint.to_tensors())
    assert again.key == sent.key == checkpoint.key
    assert len(again.halves) == 2
    assert sent.halves == ()  # the halves stay with whoever made them
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
    with pytest.raises(AdapterError, match="relevance is read in layers 1 to 1"):
        make_checkpoint(lm, encode_validation(rows, lm, 0), published=False)


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
    """As for a kind of damage: good minus spoiled, and every copy is spoiled the same way each time."""

    def swap(text, rng):
        words = text.split()
        rng.shuffle(words)
        return " ".join(words)

    lm = adapted("llama", 1, token_budget=300)
    mixed = Criterion("mixed", swap, ("mixed.gradient",), (0.0, 0.67))
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
    good, bad = mean_reference(lm, validation.good), mean_reference(lm, validation.spoiled["mixed"].encoded)
    for parameter, w in directions.weights.items():
        layer = int(parameter.split(".layers.")[1].split(".")[0])
        assert torch.allclose(w[4], (good[parameter] - bad[parameter]) * (layer in (0, 1)), atol=1e-6), parameter
