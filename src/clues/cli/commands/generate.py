"""`clues generate`: what a base model and adapters answer to test questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from clues.cli.options import DryRun, Model, Offline, Resume, Settings, owner_job
from clues.cli.output import NORMAL, Output, table
from clues.cli.quiet import stay_offline
from clues.cli.reading import AS_FOUND, Reading
from clues.cli.text.first_row import indented
from clues.cli.text.usable import MOST_LINES
from clues.cli.text.words import count, fixed, percent
from clues.errors import UsageError

if TYPE_CHECKING:
    from clues.evaluation.answers.answer import Answer
    from clues.evaluation.answers.prompts import Prompts

EXAMPLES = """
**Examples**

    clues generate test.jsonl --model packaged --output answers --limit 20
    clues generate test.jsonl --adapter runs/demo/adapters/mixed-federated --output answers --dry-run
    clues generate test.jsonl --output drawn --temperature 0.7 --seed 1
    clues evaluate --answers answers
"""
DEFAULTS = ("model.precision=float32", "model.token_budget=4096")
"""In float32 an answer does not depend on the batch that it is written in: of SmolLM2's to 32 MedQuAD questions all
were those of each row alone, in bf16 16. Every step of writing takes one token of each row, so that many rows at once
cost little: 4096 tokens are some 25 short rows, less than a minute of work that a kill can lose."""


def generate(
    test: Path,
    /,
    *,
    output_to: Annotated[Path, Parameter(name="--output")],
    model: Model = None,
    adapters: Annotated[tuple[Path, ...], Parameter(name="--adapter", show_default=False)] = (),
    max_new_tokens: int = 128,
    limit: int | None = None,
    temperature: float = 0.0,
    seed: int = 0,
    reading: Reading = AS_FOUND,
    settings: Settings = (),
    resume: Resume = False,
    dry_run: DryRun = False,
    offline: Offline = False,
    output: Output = NORMAL,
) -> int:
    """Let a model, and adapters on it, answer the questions of test rows; the answers are compared by evaluate.

    Writes one file of answers per model (base, then the adapters by their folders' names), the settings, and pairs.md:
    question, reference and all answers below one another, to be read.

    Parameters
    ----------
    test
        Held-out rows; each one's own response is the reference, which no model is shown.
    output_to
        A new folder for the answers; --resume goes on in it.
    adapters
        A folder with a LoRA adapter in PEFT's format; may be repeated.
    max_new_tokens
        An answer that did not end by then is cut and counted.
    limit
        Ask the first N rows only.
    temperature
        0 (the default): the most likely token every time. Otherwise tokens are drawn at this temperature.
    seed
        Of the draws; the same seed and settings give the same answers.
    """
    if not 0 <= temperature < float("inf"):
        raise UsageError(f"--temperature {temperature}: 0 (greedy) or more is needed")
    if offline:
        stay_offline()
    from clues.evaluation.answers.folder import answer_all, name_adapters
    from clues.evaluation.answers.generation import Drawing
    from clues.evaluation.answers.pairs import write_pairs
    from clues.evaluation.answers.prompts import prepare_prompts
    from clues.evaluation.answers.settings import answer_settings, check_folder
    from clues.models.base import load_base, load_skeleton

    job = owner_job((*DEFAULTS, *settings), {"model.name": model})
    names, drawing = name_adapters(adapters), Drawing(temperature, seed)
    lm = load_skeleton(job.model) if dry_run else load_base(job.model)
    read_from = reading.named()
    prompts = prepare_prompts(test, lm, max_new_tokens, read_from, limit)
    made_with = answer_settings(test, prompts, lm, names, drawing, read_from)
    check_folder(output_to, made_with, resume)
    if dry_run:
        return output.answer(
            "\n".join([*_asked(prompts), *_planned(prompts, len(names) + 1, output_to)]),
            {"command": "generate", "dry_run": True, **asdict(made_with), "prompt_text": prompts.usable[0].text},
        )
    with output.progress() as progress:
        answers = answer_all(lm, prompts, names, drawing, output_to, made_with, progress)
    write_pairs(answers, output_to / "pairs.md")
    models = {name: Written.of(found) for name, found in answers.items()}
    told = {name: asdict(found) for name, found in models.items()}
    facts = {"command": "generate", **asdict(made_with), "models": told}
    text = [*_asked(prompts), _table(models), f"{output_to / 'pairs.md'}: all answers below one another, to be read"]
    return output.answer("\n".join(text), facts, output_to)


def _asked(prompts: Prompts) -> list[str]:
    aside = prompts.set_aside
    lines = [f"{count(len(prompts.usable), 'prompt')}, {len(aside)} set aside"]
    lines += [f"  line {item.line}: {item.reason}" for item in aside[:MOST_LINES]]
    more = len(aside) - MOST_LINES
    return [*lines, f"  and {more} more, see set_aside_rows with --json"] if more > 0 else lines


def _planned(prompts: Prompts, models: int, output_to: Path) -> list[str]:
    rows = len(prompts.usable)
    read = sum(len(prompt.tokens) for prompt in prompts.usable)
    return [
        f"first prompt (line {prompts.usable[0].row.line}), the answer follows its end:",
        indented(prompts.usable[0].text),
        f"cost: {count(models, 'model')}, each with {read:,} tokens to read and at most "
        f"{rows * prompts.max_new_tokens:,} to write",
        f"nothing was written; without --dry-run the answers go to {output_to}",
    ]


@dataclass(frozen=True)
class Written:
    """What a model wrote, in numbers."""

    answers: int
    stopped: int
    """Answers that it ended by itself."""
    empty: int
    mean_tokens: float

    @staticmethod
    def of(answers: Sequence[Answer]) -> Written:
        """Counted over all its answers."""
        stopped, empty = sum(a.stopped for a in answers), sum(not a.answer.strip() for a in answers)
        return Written(len(answers), stopped, empty, sum(a.tokens for a in answers) / len(answers))


def _table(models: Mapping[str, Written]) -> str:
    rows = [["model", "answers", "ended by themselves", "empty", "tokens on average"]]
    for name, found in models.items():
        ended = f"{found.stopped} ({percent(found.stopped / found.answers)})"
        rows.append([name, str(found.answers), ended, str(found.empty), fixed(found.mean_tokens, 1)])
    return table(rows)
