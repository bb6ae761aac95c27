"""One self-contained HTML file: template, styles and script put together under a strict content security policy."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from clues.disk.writing import replacing
from clues.errors import ReportError
from clues.report import words

Context = dict[str, Any]
"""What a template is given, by name: the one place where a page's parts have no type."""
LARGEST = 5_000_000
"""Bytes of a page: every browser opens it at once."""
HERE = Path(__file__).parent


def write_page(path: Path, template: str, scripts: Sequence[str] = (), **values: Any) -> Path:
    """Render `template` to `path`, whole or not at all.

    Raises ReportError when the page would be larger than a browser likes.
    """
    style = _asset("page.css")
    script = Markup("\n").join(_asset(name) for name in scripts)
    page = _environment().get_template(template)
    html = page.render(style=style, script=script, policy=_policy(style, script), **values).encode()
    if len(html) > LARGEST:
        raise ReportError(f"{path} would have {words.data_size(len(html))}, more than {words.data_size(LARGEST)}")
    with replacing(path) as scratch:
        scratch.write_bytes(html)
    return path


def payload(value: Any) -> Markup:
    """JSON for the inside of a <script> element: no text in it can close the element or open another."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


class Numbers:
    """Numbers of one file as the page shows them: rounded for people, exact and named for scripts."""

    def __init__(self, tree: Mapping[str, Any], attribute: str = "metric"):
        self._tree, self._attribute = tree, attribute

    def get(self, *keys: str) -> Any:
        """The value at a path of keys, positions in lists included; None where the file has none."""
        here: Any = self._tree
        for key in keys:
            if isinstance(here, list):
                here = here[int(key)]
            elif isinstance(here, Mapping):
                here = here.get(key)
            else:
                return None
        return here

    def show(self, *keys: str, digits: int = 3) -> Markup:
        """`0.972`, marked up with its path; an en dash where the file has no number."""
        return self._data(keys, lambda value: words.fixed(value, digits))

    def share(self, *keys: str, digits: int = 0) -> Markup:
        """`97 %`."""
        return self._data(keys, lambda value: words.percent(value, digits))

    def whole(self, *keys: str) -> Markup:
        """`1,204`."""
        return self._data(keys, lambda value: f"{value:,}")

    def time(self, *keys: str) -> Markup:
        """`2 min 28 s`, of seconds."""
        return self._data(keys, words.duration)

    def interval(self, *keys: str, digits: int = 3) -> Markup:
        """`0.954 to 0.988`, from the `_low` and `_high` beside a number; empty where the file has none."""
        low, high = ((*keys[:-1], keys[-1] + end) for end in ("_low", "_high"))
        if self.get(*low) is None or self.get(*high) is None:
            return Markup("")
        return Markup("{} to {}").format(self.show(*low, digits=digits), self.show(*high, digits=digits))

    def _data(self, keys: Sequence[str], text: Any) -> Markup:
        value = self.get(*keys)
        if value is None:
            return Markup("–")
        path = ".".join(keys)
        return Markup('<data value="{}" data-{}="{}">{}</data>').format(
            repr(value), Markup(self._attribute), path, text(value)
        )


def stacked_bar(parts: Sequence[tuple[str, int]], label: str) -> Markup:
    """A bar of one line, cut in proportion; each part wears the colour of its name."""
    total = sum(n for _, n in parts) or 1
    pieces, x = [], 0.0
    for name, n in parts:
        width = 100 * n / total
        pieces.append(Markup('<rect class="fill-{}" x="{:.2f}" width="{:.2f}" height="10"/>').format(name, x, width))
        x += width
    svg = '<svg class="stack" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    return Markup(svg).format(label, Markup("").join(p for p, (_, n) in zip(pieces, parts, strict=True) if n))


def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("clues.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {"words": words, "stacked_bar": stacked_bar, "escape": escape}
    found.filters |= {"percent": words.percent, "size": words.data_size, "duration": words.duration}
    return found


def _asset(name: str) -> Markup:
    return Markup((HERE / "assets" / name).read_text(encoding="utf-8"))


def _policy(style: str, script: str) -> str:
    """Nothing may be loaded, sent or run but the style and script that are in the page, known by their hashes."""
    parts = ["default-src 'none'", f"style-src {_source(style)}", "base-uri 'none'", "form-action 'none'"]
    return "; ".join(parts + ([f"script-src {_source(script)}"] if script else []))


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
