"""The content of a turn in parts: texts are joined, pictures in a question named, anything else refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clues.data.files.values import parsed, text_of
from clues.errors import UnusableRecord

TEXT_FIELDS = ("content", "value", "text", "parts")
"""Of a turn, in the order in which they are looked at."""
TEXT_PARTS = ("text", "input_text", "output_text")
PICTURE_PARTS = ("image", "image_url", "input_image", "video", "video_url", "audio", "input_audio", "audio_url")
KNOWN_PARTS = frozenset((*TEXT_PARTS, *PICTURE_PARTS, "thinking", "reasoning", "tool_use", "tool_call"))
"""Types of the parts of a content, of which a text is taken for parts only if all are of these."""


def text_in(value: Any) -> Any:
    """The text of a message that stands alone as an object (Gemini's system instruction); all else unchanged."""
    content = (
        next((value[name] for name in TEXT_FIELDS if name in value), value) if isinstance(value, Mapping) else value
    )
    parts = parts_of(content)
    return joined(parts, "", "system", "the system message").text if isinstance(parts, list) else content


def parts_of(content: Any) -> Any:
    """A content in parts as a list of them, also where it was written as text; all else unchanged."""
    parts = parsed(content)
    if not (isinstance(parts, list) and parts and all(isinstance(part, Mapping) for part in parts)):
        return content
    told = all(part.get("type") in KNOWN_PARTS for part in parts)
    return parts if told or not isinstance(content, str) else content


@dataclass
class Joined:
    """What the parts of a content say."""

    text: str
    reasoning: str
    left_out: set[str]
    """Types of the parts that are not read."""


def joined(parts: Sequence[Mapping[str, Any]], name: str, role: str, where: str) -> Joined:
    """The parts of a content in the field `name`. Raises UnusableRecord for one that cannot be left out."""
    texts, thoughts, left_out = [], [], set()
    for part in parts:
        if not isinstance(part, Mapping):
            raise UnusableRecord(f"{where}: a part of field {name} is no object with a type, as {{'type': 'text'}}")
        sort = str(part.get("type") or ("text" if "text" in part else next(iter(part), "nothing")))
        if sort in TEXT_PARTS:
            texts.append(text_of(part.get("text"), "text", where))
        elif sort in ("thinking", "reasoning") and role == "assistant":
            thoughts.append(text_of(part.get("thinking") or part.get("text"), sort, where))
        elif sort in ("tool_use", "tool_call") and role == "assistant":
            continue
        elif sort in PICTURE_PARTS and role != "assistant":
            left_out.add(f"{name}: {sort}")
        else:
            raise UnusableRecord(f"{where}: a part of the type {sort!r} in field {name}; only text can be read there")
    return Joined("".join(texts), "\n\n".join(thoughts), left_out)
