"""Adaptive weights: the known optimum of a quadratic, and what must hold on the way there."""

import numpy as np
import pytest
import torch

from clues.collaboration.adaptive import adaptive_weights

WIDTH = 12


def clients(count: int = 4) -> dict[str, dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return {
        f"c{k}": {"A": torch.randn(WIDTH, generator=generator), "B": torch.randn(WIDTH, generator=generator)}
        for k in range(count)
    }


def distance_to(target, scale: float = 1.0):
    """The loss ‖a − target‖² · scale / 2 and its gradient."""

    def loss_and_gradient(state):
        gap = {key: state[key] - target[key] for key in state}
        return scale * sum(float((g**2).sum()) for g in gap.values()) / 2, {k: scale * g for k, g in gap.items()}

    return loss_and_gradient


def mix(states: dict[str, dict[str, torch.Tensor]], weights: list[float]) -> dict[str, torch.Tensor]:
    zero = torch.zeros(WIDTH)
    return {key: sum((w * states[f"c{k}"][key] for k, w in enumerate(weights)), zero) for key in ("A", "B")}


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_finds_the_weights_a_target_was_mixed_with(scale):
    truth = [0.5, 0.3, 0.15, 0.05]
    states = clients()
    result = adaptive_weights(states, distance_to(mix(states, truth), scale), evaluations=150)
    assert list(result.weights.values()) == pytest.approx(truth, abs=0.01)


def test_a_harmful_client_loses_its_weight():
    states = clients(3)
    target = mix(states, [0.5, 0.5, 0.0])
    states["c2"] = {key: -5 * tensor for key, tensor in target.items()}
    result = adaptive_weights(states, distance_to(target))
    assert result.weights["c2"] < 0.02
    assert result.weights["c0"] == pytest.approx(0.5, abs=0.1)


def test_loss_never_rises_and_weights_stay_on_the_simplex():
    states = clients()
    result = adaptive_weights(states, distance_to(states["c1"]))
    assert all(np.diff(result.losses) < 0)
    assert len(result.losses) > 3
    assert result.losses[-1] < 0.1 * result.losses[0]
    assert sum(result.weights.values()) == pytest.approx(1)
    assert min(result.weights.values()) >= 0


def test_names_and_not_arrival_decide():
    states = clients()
    loss = distance_to(states["c1"])
    backwards = dict(reversed(states.items()))
    assert adaptive_weights(states, loss) == adaptive_weights(backwards, loss)


def test_as_many_evaluations_as_asked():
    calls = []
    states = clients()
    inner = distance_to(states["c0"])
    adaptive_weights(states, lambda state: calls.append(1) or inner(state), evaluations=7)
    assert len(calls) == 7


def test_start_is_the_first_point():
    states = clients()
    start = {"c0": 3.0, "c1": 1.0, "c2": 0.0, "c3": 0.0}
    result = adaptive_weights(states, distance_to(states["c2"]), evaluations=1, start=start)
    assert result.weights == {"c0": 0.75, "c1": 0.25, "c2": 0.0, "c3": 0.0}


def test_equal_clients_keep_equal_weights():
    state = clients(1)["c0"]
    target = {key: tensor + 1 for key, tensor in state.items()}
    result = adaptive_weights({"a": state, "b": state}, distance_to(target))
    assert result.weights == {"a": 0.5, "b": 0.5}


def test_a_step_into_nan_is_taken_back():
    states = clients(2)
    inner = distance_to(states["c0"])

    def breaks_near_the_corner(state):
        loss, gradient = inner(state)
        return (float("nan") if loss < 1.0 else loss), gradient

    result = adaptive_weights(states, breaks_near_the_corner)
    assert all(np.isfinite(result.losses))
    assert result.losses[-1] < 0.5 * result.losses[0]


def test_no_finite_start_is_an_error():
    with pytest.raises(ValueError, match="validation loss of the averaged adapter is nan"):
        adaptive_weights(clients(), lambda state: (float("nan"), state))
