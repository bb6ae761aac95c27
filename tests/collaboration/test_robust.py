"""Robust averages, by hand."""

from __future__ import annotations

import pytest
import torch

from clues.collaboration.aggregate import Averaging, Update, aggregate
from clues.collaboration.fit import Limits
from clues.errors import NoUpdateError

SENT = {"w": torch.zeros(2)}


def by(robust, *rows, **more):
    updates = {name: Update({"w": torch.tensor(row)}, 10) for name, row in zip("abcdefg", rows, strict=False)}
    return aggregate(updates, SENT, Averaging(robust=robust, **more))


FIVE = ([1.0, 0.0], [2.0, 0.0], [3.0, 1.0], [4.0, 2.0], [1000.0, -1000.0])


def test_the_median_is_the_middle_of_every_weight():
    assert by("median", *FIVE).state["w"].tolist() == [3.0, 0.0]
    assert by("median", *FIVE[:4]).state["w"].tolist() == [2.5, 0.5]
    assert by("median", *FIVE).weights == dict.fromkeys("abcde", 0.2)


def test_the_trimmed_mean_leaves_out_the_largest_and_the_smallest():
    assert by("trimmed-mean", *FIVE).state["w"].tolist() == pytest.approx([3.0, 1 / 3])
    assert by("trimmed-mean", *FIVE[:3]).state["w"].tolist() == [2.0, 0.0]


def test_krum_takes_the_update_nearest_to_its_nearest():
    """n = 5, f = 1: the two nearest count. Squared distances of b: to a 1, to c 2; of c: to b 2, to d 2; of a: 1 and
    5; of d: 2 and 8. So b, by 3, and the far one is nobody's choice."""
    found = by("krum", *FIVE)
    assert found.weights == {"b": 1.0}
    assert found.state["w"].tolist() == [2.0, 0.0]


@pytest.mark.parametrize(("robust", "needs"), [("median", 3), ("trimmed-mean", 3), ("krum", 5)])
def test_too_few_are_refused(robust, needs):
    with pytest.raises(NoUpdateError, match=f"{robust} needs {needs} clients"):
        by(robust, *FIVE[: needs - 1])
    assert by(robust, *FIVE[:needs])


def test_a_liar_who_was_refused_beforehand_is_one_liar_fewer():
    far = Limits(1.0, lambda _state: 0.0)  # one step of 1.0 at most
    rows = [[0.1, 0.0], [0.2, 0.0], [0.3, 0.1], [0.4, 0.2], [1000.0, 0.0]]
    found = by("krum", *rows, limits=far)
    assert found.refused == {"e": "norm"}
    assert found.weights == {"b": 1.0}
    assert by("trimmed-mean", *rows, limits=far).state["w"].tolist() == pytest.approx([0.25, 0.075])
