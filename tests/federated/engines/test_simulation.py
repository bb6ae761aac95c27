"""Flower's real simulation engine with clients that have no model."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from clues.errors import FederationError
from clues.federated.engines.ray_cluster import backend
from clues.federated.engines.simulation import simulate
from clues.federated.federation import Federation
from clues.federated.replies import Failure, SelectReply, TrainReply
from tests.helpers.toy import SECRET, Toys, score, select, train
from tests.helpers.waiting import wait_until

NAMES = ["a", "b", "c"]
LATE = (Failure("late"), Failure("unreachable"))
"""Flower gives up when clues does, too."""


class StopError(Exception):
    """Raised by a server's code to end a run."""


def nothing_is_left() -> bool:
    """Whether every process of Ray goes away."""
    return wait_until(lambda: living() == 0, living, patience_s=30)


def living() -> int:
    return len([p for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE])


def test_a_simulated_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = os.environ.get("PYTHONPATH")

    def main(federation: Federation) -> dict[str, SelectReply | Failure]:
        assert set(federation.hello()) == set(NAMES)
        for value in range(3):
            answers = federation.ask(dict.fromkeys(NAMES, train(value)))
            assert {name for name, answer in answers.items() if answer == Failure("internal")} == {"b"}
            assert isinstance(trained := answers["a"], TrainReply)
            assert float(trained.adapter["w"][0, 0]) == value + 1
        return federation.ask(dict.fromkeys(NAMES, select()))

    selected = simulate(main, Toys(tmp_path, "raise at b in train"), NAMES, cpus=2)
    assert all(isinstance(reply, SelectReply) and reply.kept == 2 for reply in selected.values())
    assert capfd.readouterr() == ("", ""), "neither Flower nor Ray may write to the terminal"
    assert os.environ.get("PYTHONPATH") == path
    assert nothing_is_left()

    calls = [line.split() for name in NAMES for line in (tmp_path / name / "calls.txt").read_text().splitlines()]
    processes = {pid for pid, _, _ in calls}
    assert 1 <= len(processes) <= 2, "two processes serve three clients"
    assert str(os.getpid()) not in processes
    assert max(int(number) for _, number, _ in calls) > 1, "a client stays warm in its process"
    assert SECRET in (tmp_path / "b" / "errors.log").read_text()


def test_the_servers_exception_comes_through_and_a_busy_client_does_not_hold_it_up(tmp_path: Path) -> None:
    def main(federation: Federation) -> None:
        federation.hello()
        assert federation.ask(dict.fromkeys(NAMES, score()), timeout=2)["b"] in LATE
        raise StopError

    with pytest.raises(StopError):
        simulate(main, Toys(tmp_path, "sleep at b"), NAMES, cpus=2)
    assert not (tmp_path / "b" / "awake").exists()
    assert nothing_is_left()


def test_a_process_that_dies_ends_the_run(tmp_path: Path) -> None:
    def main(federation: Federation) -> None:
        federation.hello()
        for _ in range(2):
            federation.ask(dict.fromkeys(NAMES, score()))

    with pytest.raises(FederationError, match="process died, most often for lack of memory"):
        simulate(main, Toys(tmp_path, "die at b"), NAMES, cpus=2)
    assert nothing_is_left()


@pytest.mark.parametrize(
    ("clients", "cpus", "share", "total"), [(4, 2, 1, 2), (4, 1, 1, 1), (2, 8, 4, 8), (3, 8, 2, 6), (1, 2, 2, 2)]
)
def test_cpus_are_shared_out(clients: int, cpus: int, share: int, total: int) -> None:
    settings = backend(clients, cpus, "folder")
    assert settings["client_resources"]["num_cpus"] == share
    assert settings["init_args"]["num_cpus"] == total
