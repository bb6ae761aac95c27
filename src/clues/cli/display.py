"""Progress on stderr: a bar on a terminal, a line now and then elsewhere, both with the time left."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TextIO

from clues.cli.text.safe import safe
from clues.cli.text.words import duration
from clues.progress import Display, Event

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

Kind = Literal["auto", "rich", "plain", "none"]
PAUSE = 10.0
"""Least seconds between two plain lines of a phase that goes on."""


@contextmanager
def showing(kind: Kind) -> Iterator[Display | None]:
    """The display of that kind for the length of the block."""
    match _decided(kind):
        case "none":
            yield None
        case "plain":
            yield PlainDisplay(sys.stderr)
        case _:
            with RichDisplay() as display:
                yield display


def _decided(kind: Kind) -> Kind:
    """`auto` by whether stderr is a terminal: FORCE_COLOR makes rich call a pipe one, so rich is not asked."""
    if kind != "auto":
        return kind
    terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")
    return "rich" if terminal else "plain"


def left(event: Event) -> str:
    """How long the phase will take, in words; empty while nobody knows."""
    return f"{duration(event.eta_s)} left" if event.eta_s else ""


class PlainDisplay:
    """A line at each phase's end and for each note; in between at most one in ten seconds."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock, self._last = stream, clock, clock()

    def update(self, event: Event) -> None:
        """See `clues.progress.Display`."""
        phase, now = event.phase, self._clock()
        if not event.total:
            self._line(phase, event.note)
        elif event.seconds is not None:
            self._line(phase, f"done in {duration(event.seconds)}")
        elif event.done and now - self._last >= PAUSE:
            counted = f"{event.done} of {event.total}"
            self._line(phase, *filter(None, [counted, left(event), event.note]))
        else:
            return
        self._last = now

    def _line(self, phase: str, *parts: str) -> None:
        print(safe(f"{phase}: {', '.join(parts)}"), file=self._stream, flush=True)


class RichDisplay:
    """A bar for every phase under way, and a line above them for each that has ended."""

    def __init__(self) -> None:
        self._tasks: dict[str, TaskID] = {}
        self._bars = _bars()

    def __enter__(self) -> RichDisplay:
        self._bars.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._bars.stop()

    def update(self, event: Event) -> None:
        """See `clues.progress.Display`."""
        phase = event.phase
        if not event.total:
            self._print(f"{phase}: {event.note}")
        elif event.seconds is not None:
            if phase in self._tasks:
                self._bars.remove_task(self._tasks.pop(phase))
            self._print(f"{phase}: done in {duration(event.seconds)}")
        else:
            if phase not in self._tasks:
                self._tasks[phase] = self._bars.add_task(phase, total=event.total, left="", note="")
            self._bars.update(self._tasks[phase], completed=event.done, left=left(event), note=event.note)

    def _print(self, text: str) -> None:
        self._bars.console.print(safe(text), markup=False, highlight=False)


def _bars() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.table import Column

    def text(field: str) -> TextColumn:
        return TextColumn(f"{{task.{field}}}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))

    return Progress(
        text("description"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        text("fields[left]"),
        text("fields[note]"),
        console=Console(stderr=True, force_terminal=True),
        redirect_stdout=False,  # rich would send it to stderr
        transient=True,
    )
