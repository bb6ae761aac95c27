"""Seconds of phases add up, however they lie within one another."""

from __future__ import annotations

import json

from clues import progress as module
from clues.progress import Progress
from tests.helpers.clock import Clock


def test_a_phase_does_not_count_the_phases_within_it(tmp_path, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    progress = Progress(tmp_path / "events.jsonl")
    with progress.phase("outer", 2) as advance:
        clock.now += 3
        advance()
        with progress.phase("inner", 1), progress.phase("innermost", 1):
            clock.now += 10
        advance()
    with progress.phase("after", 1):
        clock.now += 2
    assert progress.seconds == {"innermost": 10, "inner": 0, "outer": 3, "after": 2}
    assert Progress(tmp_path / "events.jsonl").all_seconds() == progress.seconds
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [e["phase"] for e in events if "seconds" in e] == ["innermost", "inner", "outer", "after"]
