"""What is asked of a judge, and what comes back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

BYTES_PER_TOKEN = 4
"""For estimates before anything is asked: about right for English. The judge's own tokenizer is not at hand."""
Sampling = Mapping[str, object]
"""Parameters by the endpoint's names, with values as JSON has them; `model`, `messages`, `stream` and `n` are ours."""
SAMPLING: Sampling = {"temperature": 0, "max_tokens": 256}
"""Greedy: asked again, a judge says the same. A reply is a line or two; the rest is for judges that explain."""
LIMITS = ("max_tokens", "max_completion_tokens")
"""Names that endpoints have for the longest reply."""


class Facts(TypedDict):
    """A request as it is kept beside its reply."""

    endpoint: str
    model: str
    messages: list[dict[str, str]]
    sampling: dict[str, object]


@dataclass(frozen=True)
class Request:
    """One chat completion: the whole of it is the cache's key."""

    endpoint: str
    model: str
    prompt: str
    """The one message, from the user: not every model knows a system's."""
    sampling: Sampling = field(default_factory=lambda: dict(SAMPLING))

    @property
    def messages(self) -> list[dict[str, str]]:
        """As the endpoint gets them."""
        return [{"role": "user", "content": self.prompt}]

    @property
    def facts(self) -> Facts:
        """All that decides about the reply."""
        sampling = dict(self.sampling)
        return {"endpoint": self.endpoint, "model": self.model, "messages": self.messages, "sampling": sampling}

    @property
    def key(self) -> str:
        """SHA-256 of the facts in hexadecimal."""
        text = json.dumps(self.facts, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def prompt_tokens(self) -> int:
        """An estimate."""
        return -(-len(self.prompt.encode()) // BYTES_PER_TOKEN)

    @property
    def most_completion_tokens(self) -> int | None:
        """The limit that goes with the request; None where there is none."""
        return next((limit for name in LIMITS if isinstance(limit := self.sampling.get(name), int)), None)


@dataclass(frozen=True)
class Reply:
    """What the judge wrote, and what the endpoint says about it; None where it says nothing."""

    text: str
    finish_reason: str | None = None
    model: str | None = None
    """Which model answered, by the endpoint's own account."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    @property
    def cut_off(self) -> bool:
        """The limit of tokens ended it: its last number may be half of one."""
        return self.finish_reason == "length"


@dataclass(frozen=True)
class Refusal:
    """A request without a reply."""

    why: str
    again: bool
    """Whether asking again may help."""
    wait_s: float | None = None
    """Seconds the endpoint asks to wait (Retry-After)."""
    crowded: bool = False
    """Too many requests (429): everybody has to wait, not this one alone."""
    forbidden: str = ""
    """What to say of a 403 if it is of the key; some endpoints refuse one text by it (moderation)."""
