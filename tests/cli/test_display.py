"""Progress on stderr: lines that are few and tell the time left, bars where there is a terminal."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace

import pytest

from clues.cli.display import PlainDisplay, RichDisplay, showing
from clues.progress import Event, Progress


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Kept:
    """A display that keeps what happened."""

    events: list[Event] = field(default_factory=list)

    def update(self, event: Event) -> None:
        self.events.append(event)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def event(done: int, eta: float | None = None, note: str = "", total: int = 40, **more: float) -> Event:
    return Event("warm-up", done, total, eta, note, **more)


def test_plain_lines_come_every_ten_seconds_and_at_the_end():
    stream, clock = io.StringIO(), Clock()
    shown = PlainDisplay(stream, clock)
    for second in range(1, 26):
        clock.now = second
        shown.update(event(second, 75.0, f"round {second}"))
    shown.update(event(40, 0.0, "", seconds=26.2))
    assert stream.getvalue().splitlines() == [
        "warm-up: 10 of 40, 1 min 15 s left, round 10",
        "warm-up: 20 of 40, 1 min 15 s left, round 20",
        "warm-up: done in 26 s",
    ]


def test_a_note_is_shown_at_once_and_a_beginning_is_not():
    stream = io.StringIO()
    shown = PlainDisplay(stream, Clock())
    shown.update(event(0))
    shown.update(event(0, total=0, note="two clients are late"))
    assert stream.getvalue() == "warm-up: two clients are late\n"


def test_the_end_of_a_phase_is_told_apart_from_its_last_step():
    kept = Kept()
    progress = Progress(display=kept)
    with progress.phase("evaluate", 2) as advance:
        advance(2)
    assert [e.seconds is not None for e in kept.events] == [False, False, True]


@pytest.mark.parametrize(
    ("terminal", "environment", "decided"),
    [
        (True, {}, "rich"),
        (False, {}, "plain"),
        (False, {"FORCE_COLOR": "1"}, "plain"),
        (True, {"CI": "true"}, "plain"),
        (True, {"TERM": "dumb"}, "plain"),
    ],
)
def test_auto_looks_at_stderr_alone(monkeypatch, terminal, environment, decided):
    monkeypatch.setattr("sys.stderr", Terminal() if terminal else io.StringIO())
    for name in ("CI", "TERM", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with showing("auto") as shown:
        assert isinstance(shown, RichDisplay if decided == "rich" else PlainDisplay)


@pytest.mark.parametrize("colour", [True, False])
def test_bars_show_phases_within_phases_and_obey_no_color(monkeypatch, colour):
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.delenv("NO_COLOR", raising=False)
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    with showing("rich") as shown:
        assert isinstance(shown, RichDisplay)
        shown.update(event(10, 90.0, "round [1] of 4"))
        shown.update(replace(event(0, total=3), phase="score-2"))
        shown.update(replace(event(3, 0.0, total=3, seconds=1.5), phase="score-2"))
        shown._bars.refresh()
        shown.update(event(40, 0.0, seconds=26.2))
        assert shown._bars.task_ids == []
    text = stream.getvalue()
    for part in ("warm-up", "10/40", "1 min 30 s left", "round [1] of 4", "score-2: done in 1.5 s", "done in 26 s"):
        assert part in text
    assert ("\x1b[3" in text) == colour


def test_none_shows_nothing(capsys):
    with showing("none") as shown:
        assert shown is None
    assert capsys.readouterr() == ("", "")
