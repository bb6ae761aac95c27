"""What an owner must know of how a file was read, in counts: said by check, dry runs, score and the pages alike."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ftfy import fix_encoding
from ftfy.badness import is_bad

from clues.data.files.values import STAND_INS

if TYPE_CHECKING:  # pages need remarks without what encodes rows
    from clues.data.encoding import Encoded
    from clues.data.rows import Row

MOST_LINES = 20
"""Lines of a remark that are kept."""
MOST_SHOWN = 10
"""Lines of it that are said."""
MOST_FIELDS = 20
"""Fields that are named one by one."""
LONGEST_NAME = 60
"""Characters of a field's name that are shown."""
NOT_READ = ("left-out", "template", "media", "control-tokens", "mojibake", "empty-word")
"""Codes of what a reader must know before the rows are believed; the others say how they were read."""
_EMPTY_WORDS = STAND_INS | {"none", "null", "n/a", "undefined"}
_MEDIA = re.compile("<(image|video|audio)>")
_MEDIA_FIELDS = re.compile("image|picture|video|audio", re.IGNORECASE)
BY_TEMPLATE = {
    "system": "the system message",
    "user": "a user turn as it is",
    "tool": "the output of a tool as it is",
    "assistant": "an answer that is context, as it is",
    "tools": "the list of tools",
    "reasoning": "the reasoning",
    "chat_template_kwargs": "what chat_template_kwargs says",
}


@dataclass(frozen=True)
class Remark:
    """One thing about some rows of a file."""

    code: str
    """For programs: `left-out`, `metadata`, `template`, `control-tokens`, `media`, `mojibake`, `stand-in`, `empty-word`
    or `context`; of a file `file`, of a public one also `set-aside`, `public-overlap` and `few-anchors`."""
    text: str
    """In words, without the rows."""
    rows: int
    lines: tuple[int, ...]
    """Of the first of them."""
    file: str = ""
    """The public set it is about; empty: the owner's own rows."""

    @property
    def matters(self) -> bool:
        """Whether a reader must know of it before the rows are believed."""
        return self.code in NOT_READ

    @property
    def said(self) -> str:
        """In one line."""
        some = ", ".join(map(str, self.lines[:MOST_SHOWN])) + (", …" if self.rows > MOST_SHOWN else "")
        rows = f"{self.rows:,} row" + ("s" if self.rows != 1 else "")
        where = f" (line{'s' if self.rows > 1 else ''} {some})" if self.matters else ""
        return f"{self.file + ': ' if self.file else ''}{self.text}: {rows}{where}"


def remarks_on(rows: Sequence[Row], encoded: Sequence[Encoded], file: str = "") -> tuple[Remark, ...]:
    """All remarks on the usable rows of a file; `file` names a public set."""
    made = [
        *_fields(rows),
        *_by_template(rows, encoded),
        *_control_tokens(rows, encoded),
        _some("media", "pictures, sound and film are not seen; their place in the text is", rows, _has_media),
        _some("mojibake", "the text looks wrongly decoded (as in Ã¤ for ä); it is read as it stands", rows, _mojibake),
        *_stand_ins(rows),
        _some("empty-word", "an answer that is nothing but nan, none or null", rows, _is_empty_word),
        _some("context", "with earlier answers that are context, neither scored nor trained on", rows, _has_context),
    ]
    return tuple(_named(remark, file) for remark in made if remark is not None)


def _named(remark: Remark, file: str) -> Remark:
    return Remark(remark.code, remark.text, remark.rows, remark.lines, file)


def _remark(code: str, text: str, rows: Iterable[Row]) -> Remark | None:
    lines = [row.line for row in rows]
    return Remark(code, text, len(lines), tuple(lines[:MOST_LINES])) if lines else None


def _some(code: str, text: str, rows: Sequence[Row], is_one: Callable[[Row], bool]) -> Remark | None:
    return _remark(code, text, (row for row in rows if is_one(row)))


def _fields(rows: Sequence[Row]) -> list[Remark | None]:
    """Fields that are left out, each with its rows, then what is taken for metadata."""
    missed = Counter(name for row in rows for name in row.fields.left_out)
    names = [name for name, _ in missed.most_common()]
    found = [_field(name, rows) for name in names[:MOST_FIELDS]]
    if rest := set(names[MOST_FIELDS:]):
        others = f"not read: {len(rest):,} more fields, such as {shown(min(rest))}"
        found.append(_remark("left-out", others, (row for row in rows if row.fields.left_out & rest)))
    notes = Counter(name for row in rows for name in row.fields.metadata if name not in missed)
    if notes:
        some = ", ".join(shown(name) for name, _ in notes.most_common(MOST_FIELDS))
        more = f" and {len(notes) - MOST_FIELDS:,} more" if len(notes) > MOST_FIELDS else ""
        of = (row for row in rows if row.fields.metadata & notes.keys())
        found.append(_remark("metadata", f"taken for notes about the row and not read: {some}{more}", of))
    return found


def _field(name: str, rows: Sequence[Row]) -> Remark | None:
    of = (row for row in rows if name in row.fields.left_out or name in row.fields.metadata)
    return _remark("left-out", f"not read: {shown(name)}", of)


def _by_template(rows: Sequence[Row], encoded: Sequence[Encoded]) -> list[Remark | None]:
    parts = sorted({part for e in encoded for part in e.left_out})
    return [
        _remark(
            "template",
            f"the chat template leaves out {BY_TEMPLATE[part]}",
            (row for row, e in zip(rows, encoded, strict=True) if part in e.left_out),
        )
        for part in parts
    ]


def _control_tokens(rows: Sequence[Row], encoded: Sequence[Encoded]) -> list[Remark | None]:
    names = Counter(token for e in encoded for token in e.control_tokens)
    some = ", ".join(shown(name) for name, _ in names.most_common(MOST_FIELDS))
    text = f"the tokenizer's control tokens stand in the texts, and are read as plain text there: {some}"
    return [_remark("control-tokens", text, (row for row, e in zip(rows, encoded, strict=True) if e.control_tokens))]


def _stand_ins(rows: Sequence[Row]) -> list[Remark | None]:
    names = sorted({name for row in rows for name in row.fields.stand_ins})
    return [
        _remark(
            "stand-in",
            f"taken as empty: a word such as nan in {shown(name)}",
            (row for row in rows if name in row.fields.stand_ins),
        )
        for name in names[:MOST_FIELDS]
    ]


def _has_media(row: Row) -> bool:
    fields = any(_MEDIA_FIELDS.search(name) for name in row.fields.left_out)
    return fields or any(_MEDIA.search(message.content) for message in row.messages)


def _mojibake(row: Row) -> bool:
    return any(not m.text.isascii() and is_bad(m.text) and fix_encoding(m.text) != m.text for m in row.messages)


def _is_empty_word(row: Row) -> bool:
    return any(text.strip().casefold() in _EMPTY_WORDS for text in row.responses)


def _has_context(row: Row) -> bool:
    return any(m.role == "assistant" and not m.learned for m in row.messages)


def shown(name: str) -> str:
    """A name of the owner's as a terminal may show it: what would steer it by its code, what is long cut."""
    safe = "".join(c if unicodedata.category(c)[0] != "C" else f"\\x{ord(c):02x}" for c in name)
    return safe if len(safe) <= LONGEST_NAME else f"{safe[:LONGEST_NAME]}…"
