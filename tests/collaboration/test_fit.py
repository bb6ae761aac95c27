"""Updates that lie: what is too far for any training, against the others, or worse for the public rows."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from clues.collaboration.aggregate import Averaging, Update, aggregate
from clues.collaboration.fit import Limits, against_the_others, farther_than_most, reach, too_far

RATE, STEPS, SIZE = 1e-3, 4, 10_000
SENT = {"w": torch.zeros(SIZE)}
COMMON = torch.randn(SIZE, generator=torch.Generator().manual_seed(0)).sign()


def honest(seed: int) -> Tensor:
    """What AdamW leaves of a gradient that a third of is common to all: a few steps of the learning rate each way."""
    own = torch.randn(SIZE, generator=torch.Generator().manual_seed(seed + 1))
    return (0.5 * COMMON + own).clamp(-1, 1) * RATE * STEPS


def noise(seed: int = 9) -> Tensor:
    return torch.randn(SIZE, generator=torch.Generator().manual_seed(seed)).clamp(-1, 1) * RATE * STEPS


def loss(state) -> float:
    """Falls along what is common to the honest."""
    return 2.0 - 100 * float((torch.as_tensor(state["w"]) * COMMON).mean())


def judged(moves: dict[str, Tensor], **how):
    updates = {name: Update({"w": move}, 10, STEPS) for name, move in moves.items()}
    return aggregate(updates, SENT, Averaging(limits=Limits(RATE, loss), **how))


HONEST = {name: honest(i) for i, name in enumerate("abc")}
LIES = {
    "a million times": (honest(3) * 1e6, "norm"),
    "thirty times": (honest(3) * 30, "norm"),
    "twice": (honest(3) * 2, "norm"),
    "the sign is flipped": (-honest(3), "direction"),
    "noise": (noise(), "direction"),
    "nothing": (torch.zeros(SIZE), "direction"),
}


@pytest.mark.parametrize("lie", LIES)
def test_one_of_four_that_lies_is_refused_and_the_average_is_that_of_the_others(lie):
    move, code = LIES[lie]
    result = judged({"liar": move, **HONEST})
    assert result.refused == {"liar": code}
    assert torch.equal(result.state["w"], judged(HONEST).state["w"])


def test_honest_updates_are_averaged_as_they_are():
    four = HONEST | {"d": honest(3)}
    result = judged(four)
    assert not result.refused
    assert result.judged_by == "direction"
    assert torch.allclose(result.state["w"], sum(four.values()) / 4)  # type: ignore[arg-type]


@pytest.mark.parametrize("lie", [-honest(3), -honest(3) / 2])
def test_of_two_the_public_validation_loss_tells_who_lies(lie):
    result = judged({"a": honest(0), "liar": lie})
    assert (result.judged_by, result.refused) == ("loss", {"liar": "loss"})
    assert judged({"a": -honest(0), "b": -honest(1)}).refused == {}, "all worse: nobody is told from the others"


def test_two_that_agree_with_nobody_are_not_taken_for_liars_by_direction():
    alone = {name: noise(seed) for seed, name in enumerate("abcd", start=20)}
    assert against_the_others(alone) is None
    assert judged(alone).judged_by == "loss"


def test_the_farthest_that_adamw_goes_is_that_far_and_no_farther():
    """By the very optimizer: gradients that grow as the worst case of Cauchy and Schwarz has them, and random ones."""
    for steps in (1, 4, 30):
        worst = [(0.9 / 0.999) ** -t for t in range(steps)]
        for gradients in (worst, [1.0] * steps, torch.randn(steps).tolist(), [0.0] * (steps - 1) + [1.0]):
            weight = torch.nn.Parameter(torch.zeros(1))
            optimizer = torch.optim.AdamW([weight], lr=RATE, weight_decay=0.0)
            for gradient in gradients:
                weight.grad = torch.tensor([float(gradient)])
                optimizer.step()
            assert abs(weight.item()) <= reach(steps, RATE) * 1.001
        assert steps * RATE <= reach(steps, RATE) <= steps * RATE * 2.5
    assert too_far({"a": torch.tensor([reach(4, RATE) * 1.1])}, {"a": 4}, RATE) == ["a"]


def test_far_by_more_steps_is_not_far():
    moves = {"a": torch.ones(4), "b": torch.ones(4), "c": torch.ones(4) * 6}
    assert farther_than_most(moves, {"a": 2, "b": 2, "c": 2}) == ["c"]
    assert farther_than_most(moves, {"a": 2, "b": 2, "c": 4}) == []
    assert farther_than_most({"a": torch.ones(4), "c": torch.ones(4) * 6}, {"a": 2, "c": 2}) == []


def test_noise_has_the_agreement_that_chance_allows():
    """Of 200 draws of noise beside three honest, all are refused, and no honest one ever is."""
    for seed in range(100, 300):
        assert against_the_others({**HONEST, "liar": noise(seed)}) == ["liar"]
    assert math.isclose(4 / math.sqrt(SIZE), 0.04)
