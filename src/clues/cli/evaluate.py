"""`clues evaluate`: a base model and adapters on held-out rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from clues.cli.errors import UsageError
from clues.cli.options import Columns, Model, Offline, Settings, owner_job, parse_columns
from clues.cli.output import NORMAL, Output, table
from clues.cli.quiet import stay_offline
from clues.cli.words import fixed, percent
from clues.config import Job
from clues.report.comparing import finding

if TYPE_CHECKING:
    from clues.evaluation.models import TestSet
    from clues.models.base import LanguageModel
    from clues.progress import Progress

EXAMPLES = """
**Examples**

    clues evaluate test.jsonl --model packaged
    clues evaluate test.jsonl --adapter runs/demo/adapters/mixed-federated --adapter runs/demo/adapters/clues-federated
    clues evaluate test.jsonl --set evaluation.choice_rows=0
"""
BASE = "base"


def evaluate(
    test: Path,
    /,
    *,
    model: Model = None,
    adapters: Annotated[tuple[Path, ...], Parameter(name="--adapter", show_default=False)] = (),
    columns: Columns = None,
    settings: Settings = (),
    offline: Offline = False,
    output: Output = NORMAL,
) -> int:
    """Measure a model, and adapters on it, on held-out rows: likelihood of the answers, choice of the right one.

    Every number has a 95 % bootstrap interval over documents; an adapter is also compared with the base, row by row.

    Parameters
    ----------
    test
        Held-out rows; those with the same `source` and `doc` fields are one document.
    adapters
        A folder with a LoRA adapter in PEFT's format; may be repeated.
    """
    if offline:
        stay_offline()
    from clues.data.prepare import prepare
    from clues.evaluation.models import TestSet
    from clues.models.base import load_base

    job = owner_job(settings, {"model.name": model})
    lm = load_base(job.model)
    prepared = prepare(test, lm.tokenizer, job.model.max_length, parse_columns(columns))
    try:
        held_out = TestSet.make(prepared.rows, lm, job.evaluation)
    except ValueError as error:
        raise UsageError(f"{error}; evaluation.choice_rows=0 leaves the choice out") from error
    with output.progress() as progress:
        models = _measured(lm, adapters, held_out, job, progress)
    facts = {
        "rows": len(prepared.rows),
        "set_aside": len(prepared.set_aside),
        "documents": len(set(held_out.documents)),
    }
    comparisons = [_compared(name, models, held_out.documents, job) for name in models if name != BASE]
    told = {name: {k: v for k, v in found.items() if k != "nll"} for name, found in models.items()}
    whole = {"command": "evaluate", **facts, "models": told, "comparisons": comparisons}
    return output.answer(_text(whole), whole)


def _measured(
    lm: LanguageModel, adapters: Sequence[Path], test: TestSet, job: Job, progress: Progress
) -> dict[str, dict[str, Any]]:
    """The base, then every adapter on it, by the adapter's path."""
    from clues.evaluation.models import measure_as_it_is
    from clues.models.adapters import load_adapter

    def measure(name: str, adapted: LanguageModel, advance: Callable[..., None]) -> dict[str, Any]:
        return measure_as_it_is(adapted, test, job.evaluation, job.seed, lambda n: advance(n, name))

    with progress.phase("evaluate", test.passes * (1 + len(adapters))) as advance:
        models = {BASE: measure(BASE, lm, advance)}
        for folder in adapters:
            adapted = load_adapter(lm, folder)
            models[str(folder)] = measure(str(folder), adapted, advance)
            adapted.model.unload()  # type: ignore[operator]
    return models


def _compared(name: str, models: dict[str, dict[str, Any]], documents: list[str], job: Job) -> dict[str, Any]:
    from clues.evaluation.likelihood import comparison

    nll = (models[name]["nll"], models[BASE]["nll"])
    return comparison((name, BASE), "adapter", nll, documents, job.evaluation.bootstrap, job.seed)


def _text(whole: dict[str, Any]) -> str:
    rows = [["model", "test NLL", "95 % interval", "right answer chosen", "95 % interval"]]
    for name, found in whole["models"].items():
        cells = [name, _nll(found["test_nll"]), _interval(found["test_nll_low"], found["test_nll_high"])]
        if found.get("choice_accuracy") is None:
            rows.append([*cells, "not measured", ""])
        else:
            interval = _interval(found["choice_low"], found["choice_high"], percent)
            rows.append([*cells, percent(found["choice_accuracy"]), interval])
    said = [_comparison(c) for c in whole["comparisons"]]
    aside = f", {whole['set_aside']} set aside" if whole["set_aside"] else ""
    return "\n".join([f"{whole['rows']} rows of {whole['documents']} documents{aside}", table(rows), *said])


def _comparison(c: dict[str, Any]) -> str:
    """A difference in words: nothing is called better while the interval covers zero."""
    shown = f"NLL {_nll(c['difference'])} against {c['b']} ({_interval(c['low'], c['high'])})"
    if c["low"] is None:
        return f"{c['a']}: {shown}: one document says nothing about the spread"
    return f"{c['a']}: {shown}: {finding(c)}"


def _nll(value: float) -> str:
    return fixed(value, 4)


def _interval(low: float | None, high: float | None, say: Callable[[float], str] = _nll) -> str:
    return "unknown" if low is None or high is None else f"{say(low)} to {say(high)}"
