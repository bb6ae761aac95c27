"""The numbers of a finished run that matter, from metrics.json and selection.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from clues.cli.output import table
from clues.cli.text.words import count, duration, fixed, percent

if TYPE_CHECKING:
    from clues.folders.metrics import How
    from clues.folders.owner import OwnerFolder

SELECTION = {"auc": "AUC", "precision": "precision", "recall": "recall", "f1": "F1"}
HOW = ("federated", "merged")


@dataclass(frozen=True)
class RunNumbers:
    """What a reader wants to know first; the whole is in metrics.json."""

    rows: int
    kept: int
    rule: str
    selection: Mapping[str, float | None] | None
    """By the names in SELECTION; None where the labels are not known, as `published`."""
    published: Mapping[str, float | str | None] | None
    """The same by the published score, and `which` of its variants that is."""
    models: Mapping[str, Mapping[str, float]]
    """Arm -> how -> test NLL."""
    gap_closed: Mapping[How, float | None]
    seconds: float
    set_aside: int = 0
    in_part: int = 0
    """Rows longer than the model reads."""
    notes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Client -> what of its records was not read, where its folder is on this machine."""

    @staticmethod
    def read(folder: Path) -> RunNumbers:
        """Of a run's folder."""
        from clues.folders.run import RunFolder

        metrics, counts = RunFolder(folder).metrics.read(), RunFolder(folder).selection.read()
        measured = metrics.selection
        published = measured and measured.published
        return RunNumbers(
            rows=sum(client.rows for client in counts.clients.values()),
            kept=sum(client.kept for client in counts.clients.values()),
            rule=counts.settings.rule,
            selection={key: getattr(measured, key) for key in SELECTION} if measured else None,
            published={key: getattr(published, key) for key in (*SELECTION, "which")} if published else None,
            models={arm: {how: n.test_nll for how, n in both.items()} for arm, both in metrics.models.items()},
            gap_closed=metrics.gap_closed,
            seconds=round(sum(metrics.seconds.values()), 1),
            set_aside=sum(client.set_aside or 0 for client in counts.clients.values()),
            in_part=sum(client.truncated or 0 for client in counts.clients.values()),
            notes={own.path.name: _notes(own) for own in RunFolder(folder).clients()},
        )


def _notes(own: OwnerFolder) -> list[str]:
    return [remark.said for remark in own.client.read().origin.remarks if remark.matters]


def run_text(page: Path, numbers: RunNumbers) -> str:
    """The same for a person."""
    blocks = [f"{numbers.kept} of {numbers.rows} rows kept by the rule {numbers.rule}{_lost(numbers)}"]
    notes = [f"note: {client}: {note}" for client, some in numbers.notes.items() for note in some]
    if notes:
        blocks.append("\n".join(notes))
    if numbers.selection:
        blocks.append(table(_selection_rows(numbers.selection, numbers.published)))
    models = [["test NLL (lower is better)", *HOW]]
    models += [[arm, *(_number(both.get(how), 4) for how in HOW)] for arm, both in numbers.models.items()]
    gaps = [f"{how} {_gap(share)}" for how, share in numbers.gap_closed.items()]
    blocks.append(table(models))
    if gaps:
        blocks.append(f"gap from mixed to oracle closed: {', '.join(gaps)}")
    blocks.append(f"time    {duration(numbers.seconds)}\nreport  {page}")
    return "\n\n".join(blocks)


def _lost(numbers: RunNumbers) -> str:
    """What of the clients' files was not decided on, or not on the whole of it."""
    lost = {"set aside": (numbers.set_aside, "record"), "read in part": (numbers.in_part, "row")}
    said = [f"{count(n, what)} {how}" for how, (n, what) in lost.items() if n]
    return f"; {' and '.join(said)}" if said else ""


def _selection_rows(
    selection: Mapping[str, float | None], published: Mapping[str, float | str | None] | None
) -> list[list[str]]:
    named: dict[str, Mapping[str, float | str | None]] = {"clues": selection}
    if published:
        named[f"published ({published['which']})"] = published
    rows = [[name, *(_number(found[key], 3) for key in SELECTION)] for name, found in named.items()]
    return [["selection", *SELECTION.values()], *rows]


def _number(value: float | str | None, digits: int) -> str:
    return fixed(value, digits) if isinstance(value, float | int) else "–"


def _gap(share: float | None) -> str:
    return "not stated (mixed is not clearly worse than oracle)" if share is None else percent(share)
