"""A row of a data set: a conversation, where it stands, and who it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

Record = Mapping[str, Any]
"""What a data set says of one example, as its owner wrote it: any fields, of any type."""


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: str
    content: str


@dataclass(frozen=True)
class Row:
    """One example: every assistant turn is a response that is trained on and scored."""

    messages: tuple[Message, ...]
    file: str
    line: int
    """1-based line of the file, or record number in a format without lines."""
    record: Record
    """The untouched original, unknown fields included."""

    @cached_property
    def content_hash(self) -> str:
        """16 hex digits over roles and contents: the same text under another mask is another row."""
        digest = hashlib.sha256()
        for message in self.messages:
            for part in (message.role, message.content):
                digest.update(f"{len(part)}:{part}".encode())
        return digest.hexdigest()[:16]

    @property
    def id(self) -> str:
        """Identity of this row in its file; two equal rows of one file differ in it."""
        return f"{self.line}-{self.content_hash[:12]}"

    @property
    def prompt(self) -> str:
        """Text of the last user turn."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def responses(self) -> tuple[str, ...]:
        """Texts of the assistant turns."""
        return tuple(m.content for m in self.messages if m.role == "assistant")

    @property
    def response(self) -> str:
        """The assistant turns as one text, two line breaks between them."""
        return "\n\n".join(self.responses)

    def with_responses(self, responses: Sequence[str]) -> Row:
        """The same conversation with other assistant turns, one text per turn."""
        if len(responses) != len(self.responses):
            raise ValueError(f"{self.file}:{self.line} has {len(self.responses)} responses, got {len(responses)}")
        texts = iter(responses)
        return replace(
            self,
            messages=tuple(Message(m.role, next(texts)) if m.role == "assistant" else m for m in self.messages),
        )

    def without_prompt(self) -> Row:
        """The assistant turns alone, for the likelihood ℓ(a) of a response that nobody asked for."""
        return replace(self, messages=tuple(m for m in self.messages if m.role == "assistant"))

    def with_question(self, question: str) -> Row:
        """The same conversation with every user turn replaced by this question."""
        return replace(
            self, messages=tuple(Message(m.role, question) if m.role == "user" else m for m in self.messages)
        )


@dataclass(frozen=True)
class SetAside:
    """A record that cannot be scored: never dropped in silence, never given a score."""

    file: str
    line: int
    reason: str
    raw: str
    """The record as it stands in the file, as text."""
