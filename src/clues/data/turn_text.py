"""Where the parts of a turn (reasoning, content, calls) stand in what the chat template makes of it."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from clues.data.rows import Message, call_text


@dataclass(frozen=True)
class Places:
    """From a character of the turn as the template writes it to the same one in `Message.text`."""

    length: int
    """Characters of `Message.text`."""
    starts: tuple[int, ...]
    """Where each part that was found begins in the template's text, rising."""
    ends: tuple[int, ...]
    own: tuple[int, ...]
    """Where each begins in `Message.text`."""

    def spans(self, marks: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Tokens' characters [start, end) in `Message.text`, rising; between two parts, nothing at the first's end."""
        if len(self.starts) > 1:
            marks = [(self._start(start), self._end(end)) for start, end in marks]
            shift = 0
        else:  # nearly every row: no call for each of its tokens
            shift = sum(self.own) - sum(self.starts)
        found, last, length = [], 0, self.length
        for start, end in marks:
            start, end = start + shift, end + shift
            if start > last:
                last = start if start < length else length
            if end > length:
                end = length
            found.append((last, end if end > last else last))
        return found

    def _start(self, place: int) -> int:
        return self._of(place, bisect_right(self.starts, place) - 1)

    def _end(self, place: int) -> int:
        return self._of(place, bisect_left(self.starts, place) - 1)

    def _of(self, place: int, part: int) -> int:
        if part < 0:
            return 0
        return min(self.length, self.own[part] + min(place, self.ends[part]) - self.starts[part])


def plain_places(start: int, length: int) -> Places:
    """Of a turn that is nothing but its content, whose text begins `start` characters into it."""
    return Places(length, (-start,), (length - start,), (0,))


def places_in(text: str, message: Message) -> Places:
    """Of a turn with reasoning or calls. What the template writes in another way belongs to no character."""
    found: list[tuple[int, int, int]] = []
    own_from, text_from = 0, 0
    for part, cores in _parts(message):
        core = next((core for core in cores if core in text), "")
        own = message.text.index(part, own_from)
        own_from = own + len(part)
        place = text.find(core, text_from) if core else -1
        if place >= 0:
            found.append((place, place + len(core), own + part.index(core)))
            text_from = place + len(core)
    if not found:
        return plain_places(0, len(message.text))
    starts, ends, own_starts = zip(*found, strict=True)
    return Places(len(message.text), starts, ends, own_starts)


def _parts(message: Message) -> list[tuple[str, tuple[str, ...]]]:
    """The parts of `Message.text`, each with what of it is looked for: a template strips white space, and may write a
    call in a form of its own around its arguments."""
    said = (message.reasoning, message.content)
    parts: list[tuple[str, tuple[str, ...]]] = [(text, (text.strip(),)) for text in said if text]
    for call in message.tool_calls:
        whole, arguments = call_text(call), json.dumps(call["function"]["arguments"], ensure_ascii=False)
        parts.append((whole, (whole, arguments)))
    return parts


def left_out_of(text: str, message: Message) -> str:
    """Which part of a turn the template did not write; empty where all of it stands there."""
    if message.content.strip() not in text:
        return "content"
    if any(call["function"]["name"] not in text for call in message.tool_calls):
        return "tool_calls"
    return "reasoning" if message.reasoning.strip() not in text else ""
