"""Progress of anything long: shown with the time left, and written to events.jsonl so that others can follow."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

Advance = Callable[..., None]
"""`advance(n=1, note="")`: n more of the phase's units are done."""


@dataclass(frozen=True)
class Event:
    """A line of events.jsonl, but for its time. Phases may lie within one another."""

    phase: str
    done: int
    total: int
    """Units of the phase; 0: a note outside any count."""
    eta_s: float | None
    """Seconds left; None while unknown."""
    note: str
    seconds: float | None = None
    """Of the whole phase, in its last event alone."""

    @staticmethod
    def of_line(line: bytes | str) -> Event:
        """From a line of events.jsonl."""
        return Event(**{name: value for name, value in json.loads(line).items() if name != "time"})


class Display(Protocol):
    """What shows progress to a person."""

    def update(self, event: Event) -> None:
        """Something has happened."""


class Progress:
    """Phases of a run. `seconds` holds those of finished phases, without the phases within them: they add up."""

    def __init__(self, events: Path | None = None, display: Display | None = None) -> None:
        self.events, self.display = events, display
        self.seconds: dict[str, float] = {}
        self._within = 0.0  # seconds of phases that ended within the one that is open

    @contextmanager
    def phase(self, name: str, total: int) -> Iterator[Advance]:
        """A phase of `total` units; yields the function that counts them."""
        begin, done, outer = time.monotonic(), 0, self._within
        self._within = 0.0
        self._emit(name, 0, total, None, "")

        def advance(n: int = 1, note: str = "") -> None:
            nonlocal done
            done += n
            spent = time.monotonic() - begin - self._within
            self._emit(name, done, total, spent / done * max(total - done, 0) if done else None, note)

        yield advance
        whole = time.monotonic() - begin
        seconds = round(whole - self._within, 3)
        self._within = outer + whole
        self.seconds[name] = round(self.seconds.get(name, 0.0) + seconds, 3)
        self._emit(name, total, total, 0.0, f"{seconds:.1f} s", seconds=seconds)

    def all_seconds(self) -> dict[str, float]:
        """Seconds of finished phases, those of an earlier process that was killed included."""
        if self.events is None or not self.events.exists():
            return dict(self.seconds)
        found: dict[str, float] = {}
        for line in self.events.read_text().split("\n")[:-1]:  # a killed process may have left half a line
            event = Event.of_line(line)
            if event.seconds is not None:
                found[event.phase] = round(found.get(event.phase, 0.0) + event.seconds, 3)
        return found

    def note(self, name: str, text: str) -> None:
        """A line for the reader, outside any count."""
        self._emit(name, 0, 0, None, text)

    def _emit(
        self, phase: str, done: int, total: int, eta: float | None, note: str, seconds: float | None = None
    ) -> None:
        event = Event(phase, done, total, eta and round(eta, 1), note, seconds)
        if self.events is not None:
            now = datetime.now().astimezone().isoformat(timespec="seconds")
            said = {name: value for name, value in asdict(event).items() if (name, value) != ("seconds", None)}
            self.events.parent.mkdir(parents=True, exist_ok=True)
            with self.events.open("a") as stream:
                stream.write(json.dumps({"time": now, **said}) + "\n")
        if self.display is not None:
            self.display.update(event)
