"""A job's settings for a person: a job file in which every setting stands, with its reason, unit and source."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clues.config.describing import Setting

WIDTH = 100


def settings_text(settings: Sequence[Setting]) -> str:
    """TOML that gives the same job; what stands in no table comes first, as TOML wants it."""
    lines = ["# Each setting with its reason above it; behind it its unit and where its value is from."]
    for table, some in groupby(sorted(settings, key=lambda s: "." in s.key), key=lambda s: s.key.rpartition(".")[0]):
        lines += ["", _heading(table)] if table else [""]
        for setting in some:
            lines += [f"# {line}" for line in wrap(setting.reason, WIDTH)]
            lines.append(f"{setting.key.rpartition('.')[2]} = {_toml(setting)}  # {_aside(setting)}")
    return "\n".join(lines)


def _heading(table: str) -> str:
    name, bracket, rest = table.partition("[")
    below = rest.partition("]")[2]
    return f"[[{name}]]" if bracket and not below else f"[{name}{below}]"


def _toml(setting: Setting) -> str:
    return json.dumps(setting.value, ensure_ascii=False)  # texts, numbers and lists are written alike in both


def _aside(setting: Setting) -> str:
    return "; ".join(filter(None, [setting.unit, setting.source]))
