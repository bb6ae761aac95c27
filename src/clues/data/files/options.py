"""The options of a question of choice: part of its prompt, each behind its letter."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_uppercase
from typing import Any

from clues.data.files.found import Found
from clues.data.files.values import kind, parsed
from clues.errors import UnusableRecord

Options = Mapping[str, str]
"""Letter -> text."""


def options_of(found: Found) -> Options:
    """The options of a record; none where it has none. Raises UnusableRecord for what is no list of texts."""
    if "options" not in found.layout.fields or not found.has("options"):
        return {}
    name, value = found.field("options"), parsed(found.value("options"))
    found.used.add(name)
    if isinstance(value, Mapping) and isinstance(texts := value.get("text"), list):  # ARC's two lists
        letters = value.get("label", ascii_uppercase)
        value = dict(zip(map(str, letters), texts, strict=False))
    if isinstance(value, str):
        return {"": value}
    if isinstance(value, list):
        value = dict(_lettered(entry, number) for number, entry in enumerate(value))
    if not isinstance(value, Mapping) or not all(isinstance(text, str | int | float) for text in value.values()):
        raise UnusableRecord(f"field {name} is {kind(value)}, not a list of texts to choose among")
    return {str(letter): str(text) for letter, text in value.items()}


def _lettered(entry: Any, number: int) -> tuple[str, Any]:
    letter = ascii_uppercase[number] if number < len(ascii_uppercase) else str(number + 1)
    if not isinstance(entry, Mapping):
        return letter, entry
    named = next((str(entry[key]) for key in ("key", "label", "id", "letter") if key in entry), letter)
    return named, next((entry[key] for key in ("value", "text", "content", "option") if key in entry), None)


def listed(options: Options) -> list[str]:
    """The options as they stand in the prompt, a line each; empty where there are none."""
    return ["\n".join(f"{letter}. {text}" if letter else text for letter, text in options.items())] if options else []


def picked(options: Options, index: Any, name: str) -> str:
    """The option of a letter or of a number from 0. Raises UnusableRecord where there is none."""
    if isinstance(index, int) and 0 <= index < len(options) and str(index) not in options:
        return list(options.values())[index]
    if str(index) not in options:
        raise UnusableRecord(f"field {name} is {index!r:.40}, and the options are {', '.join(options)}")
    return options[str(index)]
