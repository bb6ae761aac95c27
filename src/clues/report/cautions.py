"""Warnings that stand at the top of a page: what a reader must know before believing a number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clues.data.damage.spoil import HARMLESS
from clues.report.words import count, listed, percent
from clues.scoring.criteria import SCORE
from clues.selection.low_bar import low_bar_warning

FEW = 3
"""Anchors below the bar; with fewer, one odd anchor decides about many rows."""


@dataclass(frozen=True)
class Caution:
    title: str
    text: str
    loud: bool = True
    """False for a remark that changes no conclusion."""


def about_anchors(rule: str, alpha: float, anchors: int) -> list[Caution]:
    """Too few anchors for the promise that is asked of them."""
    if rule != "conformal" or alpha <= 0:
        return []
    least, needed = 1 / (anchors + 1), math.ceil(1 / alpha - 1e-9) - 1
    if alpha < least:
        text = (
            f"With {count(anchors, 'anchor')} no p-value can be smaller than {least:.3f}, and alpha is {alpha:g}: no "
            f"row can be dropped, however bad it is. Use {count(needed, 'anchor')} or more, or a larger alpha."
        )
        return [Caution("Too few anchors", text)]
    below = int(alpha * (anchors + 1) + 1e-9)
    if below < FEW:
        text = f"Only the {below} worst of {anchors} anchors decide where the bar lies. One odd anchor moves it far."
        return [Caution("Few anchors", text)]
    return []


def about_low_bar(anchors: Mapping[str, Any]) -> list[Caution]:
    """Anchors that look spoiled, from anchors.json; scores of a scorer say nothing of that."""
    if all(name.endswith(SCORE) for channels in anchors["criteria"].values() for name in channels):
        return []
    text = low_bar_warning(anchors["statistic"], anchors["rule"], anchors["alpha"])
    return [Caution("Some anchors look spoiled", text)] if text else []


def about_clients(clients: Mapping[str, Mapping[str, Any]]) -> list[Caution]:
    """Clients that lost everything, and rows that the public sets hold as well."""
    gone = [name for name, n in clients.items() if n["rows"] and not n["kept"]]
    shared = {name: n["overlap"] for name, n in clients.items() if n.get("overlap")}
    found = []
    if gone:
        text = (
            f"No row of {listed(gone)} was kept. That is rarely what a client’s data deserves: check that its rows are "
            "in the language and of the kind of the anchors, and that its columns were read as question and answer."
        )
        found.append(Caution("A whole client was dropped" if len(gone) == 1 else "Whole clients were dropped", text))
    if shared:
        found.append(about_overlap(sum(shared.values()), f" at {listed(list(shared))}"))
    return found


def about_overlap(rows: int, where: str = "") -> Caution:
    text = (
        f"{count(rows, 'row')}{where} also stand in a public set, word for word or nearly. They are no fair test of "
        "a model, and the bar's promise does not hold for them. Remove them from one side."
    )
    return Caution("Rows overlap with the public sets", text)


def about_unseen(unseen: Mapping[str, Any], alpha: float) -> list[Caution]:
    """A source without anchors that the bar treats much worse than it promises."""
    if not unseen or not unseen["rows"]:
        return []
    share = unseen["kept"] / unseen["rows"]
    if share >= 1 - 2 * alpha:
        return []
    text = (
        f"Of {unseen['rows']} good rows from {unseen['source']}, a source without anchors, {percent(share)} were kept; "
        f"{percent(1 - alpha)} or more were expected. Draw anchors from the sources that the clients' rows are like."
    )
    return [Caution("The bar is unfair to a source it does not know", text)]


def about_simulation(sources: int, spoiled_share: float, kinds: list[str]) -> Caution:
    done = "edited" if set(kinds) & set(HARMLESS) else "spoiled"
    spoiled = f"{percent(spoiled_share)} of each client’s rows were {done} on purpose ({listed(kinds)})"
    text = (
        f"The {count(sources, 'client')} of this run are simulated: their answers are real, and "
        f"{spoiled if spoiled_share else 'none of their rows was spoiled'}. That is why it is known here which rows "
        "are bad; in a real federation nobody knows."
    )
    return Caution("Simulated data", text)


def about_training(arms: Mapping[str, Any]) -> list[Caution]:
    """Clients that were late or failed in some round."""
    missed, broken = [], []
    for arm, training in arms.items():
        federated = [(f"in round {r['round']} of {arm}", r) for r in training.get("rounds", [])]
        for when, r in federated + [(f"when training {arm} alone", r) for r in training.get("alone", [])]:
            errors = {name: n["error"] for name, n in r["clients"].items() if n["error"]}
            missed += [f"{name} {when}" for name, error in errors.items() if error == "late"]
            broken += [f"{name} {when} ({error})" for name, error in errors.items() if error != "late"]
    parts = [f"Late: {listed(missed)}"] * bool(missed) + [f"Failed: {listed(broken)}"] * bool(broken)
    text = f"{'; '.join(parts)}. The others were averaged without them."
    return [Caution("Not every client was in every round", text, loud=False)] if parts else []


def about_truncation(rows: int) -> list[Caution]:
    """Answers that were not read to their end."""
    if not rows:
        return []
    text = (
        f"{count(rows, 'answer')} did not fit into the model and {'was' if rows == 1 else 'were'} read from the start "
    )
    return [
        Caution("Truncated answers", text + "as far as they went. They have no verdict on completeness.", loud=False)
    ]
