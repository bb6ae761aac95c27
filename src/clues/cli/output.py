"""How every command answers: its result on stdout for a person, as JSON or as a path; all else goes to stderr."""

from __future__ import annotations

import json as json_format
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from clues import SCHEMA_VERSION
from clues.cli.display import Kind, showing
from clues.cli.errors import DONE, GATE
from clues.cli.text.safe import safe
from clues.progress import Progress

Facts = Mapping[str, Any]
"""What a command tells a program: a JSON object, made last of all from what is typed."""


@Parameter(name="*", group="Output")
@dataclass(frozen=True)
class Output:
    """The options that every command has."""

    json: Annotated[bool, Parameter(show_default=False)] = False
    """Print one JSON object with a schema_version instead of text."""
    quiet: Annotated[bool, Parameter(alias="-q", show_default=False)] = False
    """Print nothing but the path of the result; no progress either."""
    display: Kind = "auto"
    """How progress is shown on stderr; auto: rich on a terminal, plain elsewhere and in CI."""

    @contextmanager
    def progress(self, events: Path | None = None) -> Iterator[Progress]:
        """Progress that is shown as asked for, and written to `events`; of several processes, by the first alone."""
        if os.environ.get("RANK", "0") != "0":
            yield Progress()
            return
        with showing("none" if self.quiet else self.display) as display:
            yield Progress(events, display)

    def answer(self, text: str, facts: Facts, path: Path | None = None, failed: str = "") -> int:
        """Print a result and return the exit code: 1 if a gate that was asked for has `failed`.

        text: for a person. facts: for a program. path: the file or folder that the command made.
        """
        if self.json:
            whole = {"schema_version": SCHEMA_VERSION, **facts, "path": path and str(path), "failed": failed}
            print(json_format.dumps(whole, ensure_ascii=False))
        elif not self.quiet:
            print(safe(text))
        elif path:
            print(safe(str(path)))
        if failed:
            print(f"clues: {safe(failed)}", file=sys.stderr)
        return GATE if failed else DONE


NORMAL = Output()
"""What a command does where nothing is said: text for a person, progress by what stderr is."""


def table(rows: Sequence[Sequence[str]]) -> str:
    """Cells in columns two spaces apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
