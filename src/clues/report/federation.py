"""What training.json says about a federation: who joined, was late or failed, and what went over the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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


def participation(arm: Mapping[str, Any]) -> dict[str, Participation]:
    """Client -> what it did in this arm, by name."""
    found: dict[str, Participation] = {}
    for federated, part in ((False, "alone"), (True, "rounds")):
        for r in arm.get(part, []):
            for name, n in r["clients"].items():
                client = found.setdefault(name, Participation())
                match n["error"]:
                    case "":
                        _add(client, n, federated)
                    case "late":
                        client.late += 1
                    case _:
                        client.failed += 1
    return dict(sorted(found.items()))


def _add(client: Participation, numbers: Mapping[str, Any], federated: bool) -> None:
    client.updates += 1
    client.rows = numbers["rows"]
    if federated:
        client.joined += 1
        client.train_loss = numbers["train_loss"]
    client.bytes_down += numbers.get("bytes_down") or 0
    client.bytes_up += numbers.get("bytes_up") or 0
    client.seconds += numbers.get("seconds") or 0.0


def totals(arms: Mapping[str, Any]) -> Participation:
    """Everything, over all arms and clients."""
    whole = Participation()
    for arm in arms.values():
        for client in participation(arm).values():
            for name in SUMMED:
                setattr(whole, name, getattr(whole, name) + getattr(client, name))
    return whole


def training_views(training: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One entry per arm for the template: name, rounds, the chart, and the table behind it."""
    views = []
    for name, arm in training.get("arms", {}).items():
        rounds = arm.get("rounds", [])
        if not rounds:
            continue
        clients = participation(arm)
        ends = words.listed([f"{c} {n.train_loss:.3f}" for c, n in clients.items() if n.train_loss is not None])
        alone = {c: n["train_loss"] for r in arm.get("alone", []) for c, n in r["clients"].items() if not n["error"]}
        label = f"Loss per round, arm {name}: in the last of {len(rounds)} rounds {ends}."
        views.append(
            {
                "name": name,
                "trained_on": words.trained_on(name),
                "rounds": rounds,
                "validated": any(r.get("validation_nll") is not None for r in rounds),
                "alone": alone,
                "clients": clients,
                "chart": inline_svg(loss_curves(rounds), label),
            }
        )
    return views
