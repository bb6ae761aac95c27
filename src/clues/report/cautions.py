"""Warnings that stand at the top of a page: what a reader must know before believing a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clues.data.damage.spoil import HARMLESS
from clues.data.remarks import Remark
from clues.folders.members import Members
from clues.folders.selection import ClientCounts, Unseen
from clues.folders.training import TrainingLog
from clues.report.words import count, listed, percent
from clues.selection.cautions import Caution


def about_clients(clients: Mapping[str, ClientCounts]) -> list[Caution]:
    """Clients that lost everything, and rows that the public sets hold as well."""
    gone = [name for name, n in clients.items() if n.rows and not n.kept]
    shared = {name: n.overlap for name, n in clients.items() if n.overlap}
    found = []
    if gone:
        text = (
            f"No row of {listed(gone)} was kept. That is rarely what a client’s data deserves: check that its rows are "
            "in the language and of the kind of the anchors, and that its columns were read as question and answer."
        )
        title = "A whole client was dropped" if len(gone) == 1 else "Whole clients were dropped"
        found.append(Caution("client-dropped", title, text))
    if shared:
        found.append(about_overlap(sum(shared.values()), f" at {listed(list(shared))}"))
    return found


def about_overlap(rows: int, where: str = "") -> Caution:
    text = (
        f"{count(rows, 'row')}{where} also stand in a public set, word for word or nearly. They are no fair test of "
        "a model, and the bar's promise does not hold for them. Remove them from one side."
    )
    return Caution("overlap", "Rows overlap with the public sets", text)


def about_unseen(unseen: Unseen | None, alpha: float) -> list[Caution]:
    """A source without anchors that the bar treats much worse than it promises."""
    if unseen is None or not unseen.rows:
        return []
    share = unseen.kept / unseen.rows
    if share >= 1 - 2 * alpha:
        return []
    text = (
        f"Of {unseen.rows} good rows from {unseen.source}, a source without anchors, {percent(share)} were kept; "
        f"{percent(1 - alpha)} or more were expected. Draw anchors from the sources that the clients' rows are like."
    )
    return [Caution("unfair-to-source", "The bar is unfair to a source it does not know", text)]


def about_simulation(sources: int, spoiled_share: float, kinds: list[str]) -> Caution:
    done = "edited" if set(kinds) & set(HARMLESS) else "spoiled"
    spoiled = f"{percent(spoiled_share)} of each client’s rows were {done} on purpose ({listed(kinds)})"
    text = (
        f"The {count(sources, 'client')} of this run are simulated: their answers are real, and "
        f"{spoiled if spoiled_share else 'none of their rows was spoiled'}. That is why it is known here which rows "
        "are bad; in a real federation nobody knows."
    )
    return Caution("simulated", "Simulated data", text)


def about_training(log: TrainingLog) -> list[Caution]:
    """Clients that were late or failed in some round."""
    missed, broken = [], []
    for name, arm in log.arms.items():
        federated = [(f"in round {one.round} of {name}", one) for one in arm.rounds]
        for when, one in federated + [(f"when training {name} alone", one) for one in arm.alone]:
            errors = {client: told.error for client, told in one.clients.items() if told.error}
            missed += [f"{client} {when}" for client, error in errors.items() if error == "late"]
            broken += [f"{client} {when} ({error})" for client, error in errors.items() if error != "late"]
    parts = [f"Late: {listed(missed)}"] * bool(missed) + [f"Failed: {listed(broken)}"] * bool(broken)
    text = f"{'; '.join(parts)}. The others were averaged without them."
    title = "Not every client was in every round"
    return [Caution("clients-missing", title, text, loud=False)] if parts else []


def about_passes(members: Members) -> list[Caution]:
    """Passes over rows that a client did not do when it was asked: done later, or missing in the counts."""
    told: dict[tuple[str, str], str] = {}
    for fault in members.faults:
        if " " not in fault.step:  # trainings are told by `about_training`
            told[fault.client, fault.step] = fault.why or fault.code
    if not told:
        return []
    done = {name: member.steps for name, member in members.clients.items()}
    late = [f"{client} {step} ({why})" for (client, step), why in told.items() if step in done.get(client, ())]
    never = [f"{client} {step} ({why})" for (client, step), why in told.items() if step not in done.get(client, ())]
    parts = [f"Caught up with later: {listed(late)}"] * bool(late) + [f"Never done: {listed(never)}"] * bool(never)
    title = "Not every client scored and selected when it was asked"
    return [Caution("passes-missed", title, f"{'; '.join(parts)}.", loud=bool(never))]


def about_truncation(rows: int, scorer: str = "") -> list[Caution]:
    """Answers that were not read to their end, by our criteria or by a scorer."""
    if not rows:
        return []
    text = f"{count(rows, 'answer')} did not fit into the model and {'was' if rows == 1 else 'were'} "
    text += (
        "scored by the part that does."
        if scorer
        else "read from the start as far as they went. Their completeness is not known."
    )
    return [Caution("truncated", "Truncated answers", text, loud=False)]


def about_reading(remarks: Sequence[Remark]) -> list[Caution]:
    """What of the records was not read, or not as its owner may think."""
    told = [remark.said for remark in remarks if remark.matters]
    if not told:
        return []
    text = f"{'; '.join(told[:3])}. " + ("“Set aside” has all of it. " if len(told) > 3 else "")
    text += "A decision holds for what was read: compare it with what you train on."
    return [Caution("not-read", "Not all that the records hold was read", text[:1].upper() + text[1:])]
