"""What `clues judge` says: the cost before, the grades after. Nothing is called better where it is not clear."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from clues.cli.output import table
from clues.cli.text.compared import interval_text
from clues.cli.text.words import count, fixed, percent

if TYPE_CHECKING:
    from clues.evaluation.judge.cost import JudgingCost, Tokens
    from clues.evaluation.judge.grades import ModelGrades, PairGrades
    from clues.evaluation.judge.judging import Judged
    from clues.statistics.paired import Comparison


def cost_text(cost: JudgingCost, cached: int) -> str:
    """Before anything is asked."""
    most = "no limit is set on" if cost.most_completion_tokens is None else f"at most {cost.most_completion_tokens:,}"
    lines = [
        f"{count(cost.requests, 'request')} to ask, {cached:,} cached",
        f"about {cost.prompt_tokens:,} prompt tokens (one for every 4 bytes), {most} completion tokens",
    ]
    if cost.most_money is not None:
        lines.append(f"at most about {fixed(cost.most_money, 2)} in the currency of the prices")
    return "\n".join(lines)


def judged_text(folder: Path, judged: Judged, money: float | None) -> str:
    """The grades for a person; `money`: what the requests cost, where there are prices."""
    requests = judged.requests
    blocks = [f"{count(judged.rows, 'row')} judged by {judged.judge}: a judge's opinion"]
    if judged.models:
        blocks.append("\n".join([_models(judged.models), *map(_against_reference, judged.comparisons)]))
    blocks += [_pair(pair) for pair in judged.pairs]
    blocks.append(
        f"{count(requests.asked, 'request')} asked, {requests.cached:,} cached; "
        f"{_took(judged.tokens.asked, money)}\njudged  {folder / 'judge.json'}"
    )
    return "\n\n".join(blocks)


def _took(tokens: Tokens, money: float | None) -> str:
    """Tokens, and money where there are prices; a number that the endpoint keeps to itself is unknown and no zero."""
    counts = (tokens.prompt_tokens, tokens.completion_tokens)
    prompt, completion = ("unknown" if n is None else f"{n:,}" for n in counts)
    shown = f"{prompt} prompt and {completion} completion tokens"
    if None in counts:
        return f"{shown}, so what it cost is unknown too: the endpoint sends some replies without a count"
    return shown if money is None else f"{shown}, {fixed(money, 2)} in the currency of the prices"


def failed_text(folder: Path, judged: Judged) -> str:
    """What to do about requests without a reply; empty where there are none."""
    failed = judged.requests.failed
    if not failed:
        return ""
    return (
        f"{count(failed, 'request')} failed and {'is' if failed == 1 else 'are'} in no number above, see "
        f"{folder / 'judgements.jsonl'} for why; give the same command again to ask for what is missing alone"
    )


def _models(models: Mapping[str, ModelGrades]) -> str:
    rows = [["against the reference, 0 to 1", "score", "95 % interval", "judged", "unreadable", "failed"]]
    for name, found in models.items():
        between = interval_text(found.low, found.high, _score)
        score = "none" if found.mean is None else _score(found.mean)
        rows.append([name, score, between, *map(str, (found.judged, found.unreadable, found.failed))])
    return table(rows)


def _against_reference(c: Comparison) -> str:
    return f"{c.a}: {_difference(c)}"


def _difference(c: Comparison) -> str:
    """A difference in words, higher is better: nothing is called better or worse that is not clear."""
    if c.difference is None:
        return f"not compared with {c.b}: no row could be judged for both"
    between = interval_text(c.low, c.high, _score)
    chance = "" if c.p_sign_flip is None else f", p {c.p_sign_flip:.4f}"
    shown = f"{_score(c.difference)} ({between}{chance}) against {c.b} on {count(c.n, 'row')}"
    return f"{shown}: {c.finding(lower_is_better=False)}"


def _pair(pair: PairGrades) -> str:
    lines = [f"side by side, 1 to 10, in both orders: {pair.a}: {_difference(pair)}"]
    if pair.unreadable or pair.failed:
        lines.append(f"left out: {pair.unreadable} unreadable and {pair.failed} failed requests")
    if found := pair.agreement:
        lines.append(
            f"the two orders agree on {percent(found.same)} of the rows (Cohen's kappa {_number(found.kappa)}, "
            f"Spearman {_number(found.spearman)})"
        )
        between = interval_text(found.first_gain_low, found.first_gain_high, _score)
        lines.append(f"what an answer gains from standing first: {_score(found.first_gain)} ({between})")
    return "\n".join(lines)


def _score(value: float) -> str:
    return fixed(value, 3)


def _number(value: float | None) -> str:
    return "not defined" if value is None else fixed(value, 2)
