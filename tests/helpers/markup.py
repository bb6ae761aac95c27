"""A page as a test reads it, without a browser: its sections' text, its numbers, its tags."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

VOID = {"meta", "br", "img", "input", "hr", "link"}


class Page(HTMLParser):
    """Parses one page; `sections` maps a section's id to its text, without its heading."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.sections: dict[str, str] = {}
        self.numbers: list[tuple[str, str, str, str]] = []
        """(attribute, path of keys, exact value, text)"""
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self._section = ""
        self._number: tuple[str, str, str] | None = None
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "section":
            self._section = found["id"] or ""
            self.sections[self._section] = ""
        if tag == "data":
            name = next(key for key in found if key.startswith("data-"))
            self._number = (name.removeprefix("data-"), found[name] or "", found["value"] or "")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass
        if tag == "section":
            self._section = ""
        if tag == "data":
            self._number = None

    def handle_data(self, data: str) -> None:
        if {"script", "style", "h2"} & set(self._open):
            return
        self.text += data
        if self._section:
            self.sections[self._section] += data
        if self._number:
            self.numbers.append((*self._number, data))


def look_up(tree: Any, path: str) -> Any:
    """The value at a dotted path whose keys may hold dots themselves. Raises KeyError for a path that is not there."""
    if not path:
        return tree
    if isinstance(tree, list):
        tree = {str(i): value for i, value in enumerate(tree)}
    if isinstance(tree, Mapping):
        for key in tree:
            if path == key or path.startswith(f"{key}."):
                try:
                    return look_up(tree[key], path[len(key) + 1 :])
                except KeyError:
                    continue
    raise KeyError(path)


def shown_as(value: float, text: str) -> bool:
    """Whether `text` is `value` rounded to as many digits as the text has; durations are compared by their seconds."""
    text = text.replace("−", "-").replace(",", "")
    if text.endswith("%"):
        value, text = 100 * value, text.removesuffix("%").strip()
    elif text.endswith("s") or "min" in text:
        units = {"h": 3600, "min": 60, "s": 1}
        parts = text.split()
        seconds = sum(float(n) * units[u] for n, u in zip(parts[::2], parts[1::2], strict=True))
        return abs(seconds - value) <= (30 if "h" in text else 0.5)
    digits = len(text.partition(".")[2])
    return abs(float(text) - value) <= 0.5 * 10**-digits + 1e-9


def numbers_in(tree: Any, prefix: str = "") -> dict[str, float]:
    """Every number of a file by its dotted path."""
    if isinstance(tree, list):
        tree = {str(i): value for i, value in enumerate(tree)}
    if isinstance(tree, Mapping):
        return {k: v for key, value in tree.items() for k, v in numbers_in(value, f"{prefix}{key}.").items()}
    is_number = isinstance(tree, int | float) and not isinstance(tree, bool)
    return {prefix[:-1]: tree} if is_number else {}
