"""Many requests to one endpoint: what is cached is not asked, what fails is asked again later, and never too fast."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clues.errors import JudgeError
from clues.evaluation.judge.cache import ReplyCache
from clues.evaluation.judge.endpoint import Endpoint
from clues.evaluation.judge.requests import Refusal, Reply, Request
from clues.progress import Advance

if TYPE_CHECKING:
    import openai

GIVE_UP = 5
"""Requests in a row that failed for good after all retries: the endpoint is down, the rest is not asked."""


@dataclass(frozen=True)
class Manners:
    """How an endpoint is treated."""

    per_minute: float | None = None
    """Most requests begun in a minute, retries included; None: no limit."""
    concurrency: int = 4
    """Requests under way at once."""
    retries: int = 5
    backoff_s: float = 1.0
    """Before the first retry; doubled before each further one, with up to a quarter less by chance."""
    most_wait_s: float = 120.0
    """An endpoint that wants a longer pause than this has failed."""


@dataclass
class _Pace:
    """Gives requests their turn: evenly spaced, and after the pauses that the endpoint asks for."""

    interval_s: float
    next: float = 0.0
    held: float = 0.0

    async def turn(self) -> None:
        now = asyncio.get_running_loop().time
        while True:
            at = max(now(), self.next, self.held)
            self.next = at + self.interval_s
            await asyncio.sleep(at - now())
            if self.held <= at:  # else a pause was asked for meanwhile
                return

    def hold(self, seconds: float) -> None:
        self.held = max(self.held, asyncio.get_running_loop().time() + seconds)


@dataclass
class _Round:
    """One run over the requests."""

    endpoint: Endpoint
    cache: ReplyCache
    manners: Manners
    answered: bool
    """Whether any reply has come, in this run or before: the key is good, and a 403 is of one request alone."""
    pace: _Pace = field(init=False)
    first: str | None = None
    """The key of the first request, until it is known what became of it."""
    failed_in_a_row: int = 0

    def __post_init__(self) -> None:
        self.pace = _Pace(60 / self.manners.per_minute if self.manners.per_minute else 0.0)

    async def ask_all(self, requests: Mapping[str, Request], advance: Advance) -> dict[str, Reply | Refusal]:
        slots = asyncio.Semaphore(self.manners.concurrency)
        self.first = next(iter(requests))
        async with self.endpoint.connect() as client:

            async def one(request: Request) -> Reply | Refusal:
                async with slots:
                    found = await self.ask(client, request)
                advance(1, "" if isinstance(found, Reply) else found.why)
                return found

            tasks = {key: asyncio.create_task(one(request)) for key, request in requests.items()}
            try:
                return dict(zip(tasks, await asyncio.gather(*tasks.values()), strict=True))
            except JudgeError:
                for task in tasks.values():
                    task.cancel()
                raise
            finally:  # Ctrl-C has cancelled them already, and once is enough: they are closing their connections
                await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def ask(self, client: openai.AsyncOpenAI, request: Request) -> Reply | Refusal:
        if self.failed_in_a_row >= GIVE_UP:
            return Refusal(f"not asked: {GIVE_UP} requests before it failed in a row", again=True)
        found = await self.with_retries(client, request)
        decides = self.first in (None, request.key)  # a 403 may be quicker than the reply to the first beside it
        self.first = None if decides else self.first
        if isinstance(found, Reply):
            self.cache.put(request, found)
            self.failed_in_a_row, self.answered = 0, True
        elif found.forbidden and decides and not self.answered:
            raise JudgeError(found.forbidden)
        elif found.again:
            self.failed_in_a_row += 1
        return found

    async def with_retries(self, client: openai.AsyncOpenAI, request: Request) -> Reply | Refusal:
        for attempt in range(self.manners.retries + 1):
            await self.pace.turn()
            found = await self.endpoint.ask(client, request)
            if isinstance(found, Reply) or not found.again or attempt == self.manners.retries:
                return found
            if (found.wait_s or 0) > self.manners.most_wait_s:
                return Refusal(f"{found.why}; it asks to wait {found.wait_s:.0f} s", again=True)
            wait_s = max(self.manners.backoff_s * 2**attempt * random.uniform(0.75, 1), found.wait_s or 0)
            if found.crowded or found.wait_s:
                self.pace.hold(wait_s)
            else:
                await asyncio.sleep(wait_s)
        raise AssertionError("the loop above returns")


def missing(requests: Iterable[Request], cache: ReplyCache) -> dict[str, Request]:
    """The requests that would be asked, by their key: not cached, each once."""
    return {request.key: request for request in requests if cache.get(request) is None}


def ask_all(
    requests: Iterable[Request], endpoint: Endpoint, cache: ReplyCache, manners: Manners, advance: Advance
) -> dict[str, Reply | Refusal]:
    """What became of every request, by its key; replies are cached as they come.

    Requests that fail for good are refusals among the results. Raises JudgeError where the endpoint refuses everything;
    what was answered until then is cached. Not to be called where an event loop runs already.
    """
    requests = list(requests)
    open_requests = missing(requests, cache)
    found: dict[str, Reply | Refusal] = {}
    if open_requests:
        answered = len(open_requests) < len({request.key for request in requests})
        found |= asyncio.run(_Round(endpoint, cache, manners, answered).ask_all(open_requests, advance))
    for request in requests:
        if request.key not in found:
            cached = cache.get(request)
            assert cached is not None, "asked or cached"
            found[request.key] = cached
    return found
