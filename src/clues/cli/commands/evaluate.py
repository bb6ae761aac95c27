"""`clues evaluate`: a base model and adapters on held-out rows, or the answers that they generated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from clues.cli.commands.evaluate_knowledge import NOTHING, Asked, evaluate_knowledge
from clues.cli.options import Model, Offline, Settings, owner_job
from clues.cli.output import NORMAL, Output, table
from clues.cli.quiet import stay_offline
from clues.cli.reading import AS_FOUND, Reading
from clues.cli.text.compared import Compared, compared_text, interval_text, measured
from clues.cli.text.words import count, fixed, percent
from clues.errors import UsageError
from clues.evaluation.answers.answer import BASE

if TYPE_CHECKING:
    from clues.config import Job
    from clues.evaluation.models import Measured, TestSet
    from clues.models.base import LanguageModel
    from clues.progress import Progress

EXAMPLES = """
**Examples**

    clues evaluate test.jsonl --model packaged
    clues evaluate test.jsonl --adapter runs/demo/adapters/mixed-federated --adapter runs/demo/adapters/clues-federated
    clues evaluate test.jsonl --set evaluation.choice_rows=0
    clues evaluate --knowledge medical --limit 10 --adapter runs/demo/adapters/clues-federated
    clues evaluate --answers answers          (what clues generate wrote)
"""


def evaluate(
    test: Path | None = None,
    /,
    *,
    model: Model = None,
    adapters: Annotated[tuple[Path, ...], Parameter(name="--adapter", show_default=False)] = (),
    answers: Path | None = None,
    reading: Reading = AS_FOUND,
    knowledge: Asked = NOTHING,
    settings: Settings = (),
    offline: Offline = False,
    output: Output = NORMAL,
) -> int:
    """Measure a model, and adapters on it, on held-out rows: likelihood of the answers, choice of the right one.

    With --answers: how much of the references the generated answers have, ROUGE-L and chrF, without any model.
    With --knowledge: how many multiple-choice questions a model answers rightly (docs/KNOWLEDGE.md).
    Every number has a 95 % bootstrap interval over documents; an adapter is also compared with the base, row by row.

    Parameters
    ----------
    test
        Held-out rows; those with the same `source` and `doc` fields are one document.
    adapters
        A folder with a LoRA adapter in PEFT's format; may be repeated.
    answers
        The output folder of clues generate, in place of TEST.
    """
    if offline:
        stay_offline()
    if knowledge.is_given(test, answers, reading.named()):
        return evaluate_knowledge(knowledge, owner_job(settings, {"model.name": model}), adapters, output)
    if answers is not None:
        if test or model or adapters or reading.named():
            raise UsageError("--answers names what the models wrote already: leave TEST, --model and --adapter out")
        from clues.cli.commands.evaluate_answers import evaluate_answers

        return evaluate_answers(answers, owner_job(settings, {}), output)
    if test is None:
        raise UsageError(
            "TEST is needed: held-out rows (or --knowledge medical, or --answers FOLDER of clues generate)"
        )
    from clues.data.prepare import prepare
    from clues.evaluation.models import TestSet
    from clues.models.base import load_base

    job = owner_job(settings, {"model.name": model})
    lm = load_base(job.model)
    prepared = prepare(test, lm.tokenizer, job.model.max_length, reading.named())
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
    compared = [one for name in models if name != BASE for one in _compared(name, models, held_out, job)]
    told = {name: found.metrics.to_dict() for name, found in models.items()}
    said = [_counted(**facts), _models(models), *compared_text(compared)]
    whole = {"command": "evaluate", **facts, "models": told, "comparisons": [one.facts for one in compared]}
    return output.answer("\n".join(said), whole)


def _measured(
    lm: LanguageModel, adapters: Sequence[Path], test: TestSet, job: Job, progress: Progress
) -> dict[str, Measured]:
    """The base, then every adapter on it, by the adapter's path."""
    from clues.evaluation.models import measure_as_it_is
    from clues.models.adapters import load_adapter

    def measure(name: str, adapted: LanguageModel, advance: Callable[..., None]) -> Measured:
        return measure_as_it_is(adapted, test, job.evaluation, job.seed, lambda n: advance(n, name))

    with progress.phase("evaluate", test.passes * (1 + len(adapters))) as advance:
        models = {BASE: measure(BASE, lm, advance)}
        for folder in adapters:
            adapted = load_adapter(lm, folder)
            models[str(folder)] = measure(str(folder), adapted, advance)
            adapted.model.unload()  # type: ignore[operator]
    return models


def _compared(name: str, models: Mapping[str, Measured], test: TestSet, job: Job) -> list[Compared]:
    """An adapter against the base, by likelihood and by the choice of the right answer."""
    from clues.statistics.paired import comparison

    adapted, base = models[name], models[BASE]
    pairs = {"test_nll": (adapted.nll, base.nll, test.documents)}
    if adapted.right is not None and base.right is not None:
        pairs["choice_accuracy"] = (adapted.right, base.right, test.choices.documents)
    spread = (job.evaluation.bootstrap, job.seed)
    return [
        Compared(measure, comparison((name, BASE), "adapter", (first, second), documents, *spread))
        for measure, (first, second, documents) in pairs.items()
    ]


def _counted(rows: int, set_aside: int, documents: int) -> str:
    aside = f", {set_aside} set aside" if set_aside else ""
    return f"{count(rows, 'row')} of {count(documents, 'document')}{aside}"


def _models(models: Mapping[str, Measured]) -> str:
    rows = [["model", "test NLL", "95 % interval", "perplexity", "95 % interval", "right answer", "95 % interval"]]
    likelihood = {"test_nll": partial(fixed, digits=4), "perplexity": partial(fixed, digits=2)}
    for name, found in models.items():
        m = found.metrics
        ends = {"test_nll": (m.test_nll_low, m.test_nll_high), "perplexity": (m.perplexity_low, m.perplexity_high)}
        cells = [cell for each, say in likelihood.items() for cell in measured(getattr(m, each), *ends[each], say)]
        interval = interval_text(m.choice_low, m.choice_high, percent)
        choice = ["not measured", ""] if m.choice_accuracy is None else [percent(m.choice_accuracy), interval]
        rows.append([name, *cells, *choice])
    return table(rows)
