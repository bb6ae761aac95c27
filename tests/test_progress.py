"""Seconds of phases add up, however they lie within one another."""

from __future__ import annotations

import json
import time

import pytest

from clues.progress import Progress


def test_a_phase_does_not_count_the_phases_within_it(tmp_path):
    progress = Progress(tmp_path / "events.jsonl")
    begin = time.monotonic()
    with progress.phase("outer", 2) as advance:
        time.sleep(0.05)
        advance()
        with progress.phase("inner", 1), progress.phase("innermost", 1):
            time.sleep(0.1)
        advance()
    with progress.phase("after", 1):
        time.sleep(0.02)
    assert sum(progress.seconds.values()) == pytest.approx(time.monotonic() - begin, abs=0.02)
    assert progress.seconds["outer"] < 0.09
    assert progress.seconds["inner"] < 0.05 < 0.09 < progress.seconds["innermost"]
    assert Progress(tmp_path / "events.jsonl").all_seconds() == progress.seconds
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [e["phase"] for e in events if "seconds" in e] == ["innermost", "inner", "outer", "after"]
