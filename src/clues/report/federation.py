"""What training.json says about a federation: who joined, was late or failed, and what went over the wire."""

from __future__ import annotations

from dataclasses import dataclass

from clues.folders.training import ArmLog, ClientRound, Round, TrainingLog
from clues.report import words
from clues.report.drawing import inline_svg
from clues.report.loss_curves import loss_curves


@dataclass
class Participation:
    """One client in one arm, summed over the federated rounds and what it trained alone to be merged."""

    joined: int = 0
    """Federated rounds it took part in."""
    late: int = 0
    """Answers that did not come in time."""
    failed: int = 0
    """Answers that were an error."""
    updates: int = 0
    """Adapters it sent."""
    bytes_down: int = 0
    bytes_up: int = 0
    seconds: float = 0.0
    rows: int = 0
    """Rows it trains on, as of its last update."""
    train_loss: float | None = None
    """Mean training loss of its last federated round."""


SUMMED = ("joined", "late", "failed", "updates", "bytes_down", "bytes_up", "seconds")


@dataclass(frozen=True)
class TrainingView:
    """An arm's part of the page: the chart, and the table behind it."""

    name: str
    trained_on: str
    rounds: tuple[Round, ...]
    alone: dict[str, float | None]
    """Client -> training loss, of those that trained alone."""
    clients: dict[str, Participation]
    chart: str


def participation(arm: ArmLog) -> dict[str, Participation]:
    """Client -> what it did in this arm, by name."""
    found: dict[str, Participation] = {}
    for federated, rounds in ((False, arm.alone), (True, arm.rounds)):
        for name, told in (one for each in rounds for one in each.clients.items()):
            client = found.setdefault(name, Participation())
            match told.error:
                case "":
                    _add(client, told, federated)
                case "late":
                    client.late += 1
                case _:
                    client.failed += 1
    return dict(sorted(found.items()))


def _add(client: Participation, told: ClientRound, federated: bool) -> None:
    client.updates += 1
    client.rows = told.rows or 0
    if federated:
        client.joined += 1
        client.train_loss = told.train_loss
    client.bytes_down += told.bytes_down
    client.bytes_up += told.bytes_up
    client.seconds += told.seconds or 0.0


def totals(log: TrainingLog) -> Participation:
    """Everything, over all arms and clients."""
    whole = Participation()
    for arm in log.arms.values():
        for client in participation(arm).values():
            for name in SUMMED:
                setattr(whole, name, getattr(whole, name) + getattr(client, name))
    return whole


def training_views(log: TrainingLog) -> list[TrainingView]:
    """One for each arm that had a federated round."""
    return [_view(name, arm) for name, arm in log.arms.items() if arm.rounds]


def _view(name: str, arm: ArmLog) -> TrainingView:
    clients = participation(arm)
    ends = words.listed([f"{c} {n.train_loss:.3f}" for c, n in clients.items() if n.train_loss is not None])
    alone = {c: told.train_loss for each in arm.alone for c, told in each.clients.items() if not told.error}
    label = f"Loss per round, arm {name}: in the last of {len(arm.rounds)} rounds {ends}."
    chart = inline_svg(loss_curves(arm.rounds), label)
    return TrainingView(name, words.trained_on(name), arm.rounds, alone, clients, chart)
