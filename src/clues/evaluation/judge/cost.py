"""What judging will cost, before anything is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from clues.evaluation.judge.requests import Request

MILLION = 1_000_000


@dataclass(frozen=True)
class Prices:
    """Money per million tokens, in whatever currency the endpoint's list has; None: not given."""

    prompt: float | None = None
    completion: float | None = None

    def of(self, prompt_tokens: int, completion_tokens: int | None) -> float | None:
        """Money for so many tokens; None where a price or a number is missing."""
        if self.prompt is None or self.completion is None or completion_tokens is None:
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

    @property
    def facts(self) -> dict[str, Any]:
        """For a program."""
        return {
            "requests": self.requests,
            "prompt_tokens": self.prompt_tokens,
            "most_completion_tokens": self.most_completion_tokens,
            "most_money": self.most_money,
        }


def judging_cost(requests: Iterable[Request], prices: Prices) -> JudgingCost:
    """Of these requests, each once."""
    requests = list(requests)
    limits = [request.most_completion_tokens for request in requests]
    known = [limit for limit in limits if limit is not None]
    prompt = sum(request.prompt_tokens for request in requests)
    completion = sum(known) if len(known) == len(limits) else None
    return JudgingCost(len(requests), prompt, completion, prices.of(prompt, completion))
