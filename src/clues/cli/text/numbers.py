"""The numbers of a finished run that matter, from metrics.json and selection.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clues.cli.output import table
from clues.cli.text.words import duration, fixed, percent

if TYPE_CHECKING:
    from clues.folders.metrics import How

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
        )


def run_text(page: Path, numbers: RunNumbers) -> str:
    """The same for a person."""
    blocks = [f"{numbers.kept} of {numbers.rows} rows kept by the rule {numbers.rule}"]
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
