"""Averaging of client updates: what counts, by how much, and what is refused."""

from typing import Any

import numpy as np
import pytest
import torch

from clues.collaboration.aggregate import Averaging, Update, aggregate, average, client_weights, refusal, simplex
from clues.errors import NoUpdateError

SENT = {"lora_A.weight": torch.zeros(2, 3), "lora_B.weight": torch.zeros(3, 2)}


def update(value: float, examples: Any = 10, **changes: Any) -> Update:
    """`examples` and `changes` of any type: what a client sends may be anything."""
    state = {key: torch.full_like(tensor, value) for key, tensor in SENT.items()}
    return Update(state | changes, examples)


def test_weighted_by_rows_or_uniform():
    updates = {"north": update(1.0, 30), "south": update(5.0, 10)}
    by_rows, uniform = aggregate(updates, SENT), aggregate(updates, SENT, Averaging("uniform"))
    assert by_rows.weights == {"north": 0.75, "south": 0.25}
    assert torch.equal(by_rows.state["lora_A.weight"], torch.full((2, 3), 2.0))
    assert torch.equal(uniform.state["lora_B.weight"], torch.full((3, 2), 3.0))
    assert not by_rows.refused


def test_arrays_from_the_wire_give_the_same_average():
    state = {key: np.full(tensor.shape, 4.0, np.float32) for key, tensor in SENT.items()}
    result = average([state, {key: np.zeros_like(array) for key, array in state.items()}], [1, 3])
    assert torch.equal(result["lora_A.weight"], torch.ones(2, 3))
    assert refusal(Update(state, 1), SENT) is None


def test_arrival_order_changes_nothing_at_all():
    generator = torch.Generator().manual_seed(0)
    updates = {
        name: Update({k: torch.randn(t.shape, generator=generator) for k, t in SENT.items()}, examples)
        for name, examples in zip("dbca", (3, 7, 11, 13), strict=True)
    }
    one = aggregate(updates, SENT)
    other = aggregate(dict(sorted(updates.items())), SENT)
    assert list(one.weights) == list("abcd")
    assert all(torch.equal(one.state[key], other.state[key]) for key in SENT)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (update(1.0, 0), "count"),
        (update(1.0, -3), "count"),
        (update(1.0, True), "count"),
        (update(1.0, float("nan")), "count"),
        (update(1.0, float("inf")), "count"),
        (Update({"lora_A.weight": torch.zeros(2, 3)}, 5), "keys"),
        (update(1.0, extra=torch.zeros(1)), "keys"),
        (update(1.0, **{"lora_A.weight": torch.zeros(3, 3)}), "shape"),
        (update(1.0, **{"lora_A.weight": torch.zeros(2, 3, dtype=torch.int64)}), "type"),
        (update(1.0, **{"lora_A.weight": np.full((2, 3), None, object)}), "type"),
        (update(float("nan")), "not finite"),
        (update(float("-inf")), "not finite"),
    ],
)
def test_a_bad_update_is_named_and_not_averaged(bad, code):
    result = aggregate({"bad": bad, "good": update(2.0)}, SENT)
    assert result.refused == {"bad": code}
    assert result.weights == {"good": 1.0}
    assert torch.equal(result.state["lora_A.weight"], torch.full((2, 3), 2.0))


def test_nothing_usable_is_an_error_that_says_why():
    with pytest.raises(NoUpdateError, match="a: count, b: not finite"):
        aggregate({"b": update(float("nan")), "a": update(1.0, 0)}, SENT)
    with pytest.raises(NoUpdateError, match="no client answered"):
        aggregate({}, SENT)


def test_large_counts_do_not_lose_a_client():
    assert client_weights({"a": 10**15, "b": 1}, "samples")["b"] > 0


@pytest.mark.parametrize(
    ("rows", "most", "expected"),
    [
        ([10**9, 10, 20, 10], 0.5, [0.5, 0.125, 0.25, 0.125]),
        ([90, 10], 0.5, [0.5, 0.5]),
        ([90, 10], 0.3, [0.5, 0.5]),  # an equal share is always allowed
        ([60, 30, 10], 0.4, [0.4, 0.4, 0.2]),  # what is cut from one may make another too heavy
        ([7], 0.5, [1.0]),
    ],
)
def test_no_client_weighs_more_than_it_may(rows, most, expected):
    examples = dict(zip("abcd", rows, strict=False))
    assert list(client_weights(examples, "samples", most).values()) == pytest.approx(expected)


def test_too_few_usable_updates_are_an_error_that_names_the_others():
    updates = {"a": update(1.0), "b": update(float("nan")), "c": update(2.0)}
    with pytest.raises(NoUpdateError, match=r"2 usable updates, and 3 are the fewest, in this round \(b: not finite\)"):
        aggregate(updates, SENT, Averaging(least=3))
    assert aggregate(updates, SENT, Averaging(least=2)).refused == {"b": "not finite"}


def test_average_keeps_the_dtype_and_is_summed_in_float64():
    state = {"w": torch.full((1,), 1e8)}
    result = average([state, {"w": torch.ones(1)}, {"w": torch.full((1,), -1e8)}], [1, 1, 1])
    assert result["w"].dtype == torch.float32
    assert result["w"].item() == pytest.approx(1 / 3)


@pytest.mark.parametrize("weights", [[0, 0], [1, -1], [1, float("nan")], []])
def test_weights_that_are_none(weights):
    with pytest.raises(ValueError, match="weights"):
        simplex(weights)


def test_one_weight_per_adapter():
    with pytest.raises(ValueError, match="1 adapters and 2 weights"):
        average([SENT], [1, 1])
