"""The owner's own names for the parts of a row: `--columns`, `--prompt` and `--format`, in one mapping.

Its keys are parts (`layouts.NAMED`) with the field that is it, and `layout` with a name of `layouts.LAYOUTS`. A prompt
with fields in braces, `{context}\\n\\n{question}`, is a text that is filled from the record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache

from clues.data.files.layouts import LAYOUT_NAMES, LAYOUTS, NAMED, OF_PAIRS, SHARED, Layout, Part
from clues.errors import ReadingError

LAYOUT = "layout"
"""The key that names a layout."""
_FIELD = re.compile(r"\{([^{}]+)\}")

Columns = Mapping[str, str]


def check_columns(columns: Columns) -> None:
    """Raises ReadingError for a mapping that says nothing, names no part or names one field twice."""
    known = (*NAMED, LAYOUT)
    unknown = next((part for part in columns if part not in known), None)
    if unknown is not None:
        near = get_close_matches(unknown, known, 1)
        raise ReadingError(f"columns name {unknown!r}; " + (f"did you mean {near[0]}?" if near else _known()))
    if not columns or not all(columns.values()):
        raise ReadingError(f"columns name nothing; {_known()}")
    if columns.get(LAYOUT, LAYOUT_NAMES[0]) not in LAYOUT_NAMES:
        raise ReadingError(f"no layout {columns[LAYOUT]!r}; there are {', '.join(LAYOUT_NAMES)}")
    fields = [field for part, field in columns.items() if part not in (LAYOUT, "label", "weight")]
    if twice := next((field for field in fields if fields.count(field) > 1), ""):
        raise ReadingError(f"columns name {twice!r} for two parts; a field can be one of them")


def _known() -> str:
    return f"they may name {', '.join(NAMED)}"


def layouts_of(columns: Columns | None) -> tuple[Layout, ...]:
    """The layouts a record may be in: the known ones, with the fields that the owner names in place of theirs.

    Where prompt and response, or messages, are named, there is nothing to find: these fields are read, and no other.
    """
    return _layouts(tuple(sorted(columns.items()))) if columns else LAYOUTS


@cache
def _layouts(columns: tuple[tuple[str, str], ...]) -> tuple[Layout, ...]:
    named = dict(columns)
    check_columns(named)
    wanted = named.pop(LAYOUT, "")
    given: dict[Part, tuple[str, ...]] = {part: (named[part],) for part in NAMED if part in named}
    if not wanted and "messages" in given:
        return (Layout("columns", "", ("messages",), given),)
    if not wanted and {"prompt", "response"} <= given.keys():
        return (Layout("columns", "", ("prompt", "response"), given),)
    chosen = [layout for layout in LAYOUTS if wanted in ("", layout.name)]
    return tuple(
        Layout(each.name, each.writers, each.needs, _merged(each, given), each.context_first) for each in chosen
    )


def _merged(layout: Layout, given: Mapping[Part, tuple[str, ...]]) -> dict[Part, tuple[str, ...]]:
    """The layout's fields without those that the owner names as another part."""
    taken = {field for fields in given.values() for field in fields}
    pair = OF_PAIRS if "prompt" in layout.needs else {}
    fields: dict[Part, tuple[str, ...]] = {**pair, **SHARED, **layout.fields}
    left: dict[Part, tuple[str, ...]] = {
        part: tuple(n for n in names if n not in taken) for part, names in fields.items()
    }
    return left | dict(given)


def fields_in(prompt: str) -> tuple[str, ...]:
    """The fields that a prompt's text names in braces; none if it is the name of a field."""
    return tuple(_FIELD.findall(prompt))


def filled(prompt: str, texts: Mapping[str, str]) -> str:
    """A prompt's text with the record's texts in the place of the fields."""
    return _FIELD.sub(lambda match: texts[match[1]], prompt)
