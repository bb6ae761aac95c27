"""`clues judge`: models' answers judged by a large language model behind an endpoint."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from clues.cli.options import parse_list
from clues.cli.output import NORMAL, Output
from clues.cli.text.judged import cost_text, failed_text, judged_text
from clues.errors import UsageError
from clues.plugins import require

if TYPE_CHECKING:
    from clues.evaluation.judge.requests import Sampling

EXAMPLES = """
**Examples**

    clues judge answers --endpoint https://api.openai.com/v1 --judge gpt-4o --output judged --dry-run
    clues judge answers --endpoint https://api.openai.com/v1 --judge gpt-4o --against answers/base.jsonl --output judged
    clues judge answers/a.jsonl --endpoint http://localhost:8000/v1 --judge qwen3-32b --limit 50 --output judged
"""


def judge(
    answers: Path,
    /,
    *,
    endpoint: str,
    judge: str,
    output_to: Annotated[Path, Parameter(name="--output")],
    against: Path | None = None,
    only: Literal["reference", "pairs"] | None = None,
    limit: int | None = None,
    prompts: Annotated[tuple[Path, ...], Parameter(name="--prompt", show_default=False)] = (),
    sampling: str | None = None,
    key_env: str | None = None,
    per_minute: Annotated[float | None, Parameter(name="--requests-per-minute")] = None,
    concurrency: int = 4,
    retries: int = 5,
    timeout: float = 120.0,
    price_in: float | None = None,
    price_out: float | None = None,
    dry_run: Annotated[bool, Parameter(show_default=False)] = False,
    offline: Annotated[bool, Parameter(show_default=False)] = False,
    output: Output = NORMAL,
) -> int:
    """Let a large language model judge answers of `clues generate`: questions, references and answers are sent to it.

    Each answer gets a score from 0 to 1 against its reference. With `--against`, two models' answers are also put side
    by side, in both orders, and get 1 to 10 each. Every mean and difference has a 95 % bootstrap interval over
    documents. Replies are kept in the output folder: the same command again asks only for what is missing.

    Parameters
    ----------
    answers
        The output folder of clues generate, or one model's file in it.
    endpoint
        URL of a server that speaks OpenAI's chat completions, up to and without /chat/completions.
    judge
        The judge's name at the endpoint.
    output_to
        A folder for replies, judgements.jsonl and judge.json; one that the same judging was begun in is gone on with.
    against
        The answers of the model that the others are compared with.
    only
        reference or pairs: leave the other out.
    limit
        Judge so many rows, drawn by their ids; a larger number later draws these and more.
    prompts
        A text file in place of one of our prompts (docs/JUDGE.md); may be given twice, once for each.
    sampling
        What goes with every request, in place of temperature=0,max_tokens=256.
    key_env
        The environment variable with the endpoint's key; OPENAI_API_KEY if not given.
    per_minute
        Begin at most so many requests a minute.
    concurrency
        So many requests at once.
    retries
        Ask again so often when the endpoint fails or asks to wait.
    timeout
        Seconds for one reply.
    price_in
        Money per million prompt tokens, to show what it costs.
    price_out
        Money per million completion tokens.
    dry_run
        Ask and write nothing: show how many requests and tokens it would take.
    offline
        Refuse an endpoint that is not on this machine.
    """
    _check_numbers(limit=limit, concurrency=concurrency, retries=retries, timeout=timeout, per_minute=per_minute)
    _check_numbers(price_in=price_in, price_out=price_out)
    if (price_in is None) != (price_out is None):
        raise UsageError("give both --price-in and --price-out, or neither")
    require("judge")
    from clues.evaluation.judge.asking import Manners, missing
    from clues.evaluation.judge.cost import Prices, judging_cost
    from clues.evaluation.judge.endpoint import Endpoint
    from clues.evaluation.judge.judging import Plan, check_output, judge_answers
    from clues.evaluation.judge.prompts import prompts_from
    from clues.evaluation.judge.requests import SAMPLING
    from clues.evaluation.judge.tasks import Judge, read_models

    if only == "pairs" and against is None:
        raise UsageError("--only pairs: name the other model's answers with --against")
    place = Endpoint.at(endpoint, key_env, timeout, offline)
    models, other = read_models(answers, against)
    asked = Judge(endpoint, judge, prompts_from(prompts), _sampling(sampling, SAMPLING))
    plan = Plan(models, other, asked, output_to, limit, only)
    check_output(plan)
    tasks, prices = plan.tasks(), Prices(price_in, price_out)
    cost = judging_cost(missing((task.request for task in tasks), plan.cache).values(), prices)
    cached = len({task.request.key for task in tasks}) - cost.requests
    if dry_run:
        return output.answer(cost_text(cost, cached), {"command": "judge", **asdict(cost), "cached": cached})
    with output.progress() as progress:
        progress.note("judge", cost_text(cost, cached).replace("\n", "; "))
        with progress.phase("judge", cost.requests) as advance:
            judged = judge_answers(plan, place, Manners(per_minute, concurrency, retries), advance)
    money = prices.of(**vars(judged.tokens.asked))
    facts = {"command": "judge", **asdict(judged), "money": money}
    return output.answer(judged_text(output_to, judged, money), facts, output_to, failed_text(output_to, judged))


def _check_numbers(**numbers: float | None) -> None:
    """Raises UsageError for a number that is too small; no retries and no price are fine."""
    for name, value in numbers.items():
        if value is not None and not (value > 0 or (value == 0 and name in ("retries", "price_in", "price_out"))):
            option = "requests-per-minute" if name == "per_minute" else name.replace("_", "-")
            raise UsageError(f"--{option} {value}: a larger number is needed")


def _sampling(text: str | None, otherwise: Sampling) -> Sampling:
    """`temperature=0,max_tokens=512` as a dictionary; a value that is no JSON is text."""
    if text is None:
        return otherwise
    pairs = [part.partition("=") for part in parse_list(text)]
    if not pairs or not all(name and equals and value for name, equals, value in pairs):
        raise UsageError(f"--sampling {text}: write NAME=VALUE,NAME=VALUE")
    if taken := {"model", "messages", "stream", "n"} & {name for name, *_ in pairs}:
        raise UsageError(f"--sampling {text}: {taken.pop()} is not for you to set")
    return {name: _value(value) for name, _, value in pairs}


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
