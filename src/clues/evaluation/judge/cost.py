"""What judging will cost, before anything is asked, and the tokens that it took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clues.evaluation.judge.requests import Refusal, Reply, Request

MILLION = 1_000_000


@dataclass(frozen=True)
class Prices:
    """Money per million tokens, in whatever currency the endpoint's list has; None: not given."""

    prompt: float | None = None
    completion: float | None = None

    def of(self, prompt_tokens: int | None, completion_tokens: int | None) -> float | None:
        """Money for so many tokens; None where a price or a number is missing."""
        if self.prompt is None or self.completion is None or prompt_tokens is None or completion_tokens is None:
            return None
        return (self.prompt * prompt_tokens + self.completion * completion_tokens) / MILLION


@dataclass(frozen=True)
class JudgingCost:
    """Of requests that are not cached; those that fail and are asked again are not foreseen."""

    requests: int
    prompt_tokens: int
    """An estimate: a token for every four bytes."""
    most_completion_tokens: int | None
    """The limit of every reply, which a reply of one line stays far below; None where none is set."""
    most_money: float | None


@dataclass(frozen=True)
class Tokens:
    """What the endpoint counted; None where a reply came without a count."""

    prompt_tokens: int | None
    completion_tokens: int | None


def judging_cost(requests: Iterable[Request], prices: Prices) -> JudgingCost:
    """Of these requests, each once."""
    requests = list(requests)
    prompt = sum(request.prompt_tokens for request in requests)
    completion = _total(request.most_completion_tokens for request in requests)
    return JudgingCost(len(requests), prompt, completion, prices.of(prompt, completion))


def tokens(found: Mapping[str, Reply | Refusal], keys: Iterable[str]) -> Tokens:
    """Of the replies to these requests."""
    replies = [reply for key in keys if isinstance(reply := found[key], Reply)]
    prompt = _total(reply.prompt_tokens for reply in replies)
    return Tokens(prompt, _total(reply.completion_tokens for reply in replies))


def _total(counts: Iterable[int | None]) -> int | None:
    """None where one is unknown."""
    counts = list(counts)
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
