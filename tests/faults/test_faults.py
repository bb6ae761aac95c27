"""The faults of docs/FAULTS.md: the page and the code name the same; a few are tried here, all by `make faults`."""

from __future__ import annotations

import pytest

from tests.faults import in_process, real
from tests.faults.outcome import table

QUICK = ("update-flipped", "missed-base-pass", "server-killed-in-round", "setting-score-1e9")
LONG = ("kept-more-than-rows", "late-joiner", "leaver", "file-changed", "missed-selection")
"""`poisoned-round-on-disk` is left to `make faults`: its round is trained again, which counts as work that was lost."""
STRANGERS = {"real-unregistered-key", "real-wrong-authority", "real-key-in-use", "real-insecure"}


def test_the_page_has_every_fault_that_is_tried_and_no_other() -> None:
    lines = table()
    assert {n for n, line in lines.items() if line.how == "in-process"} == {*in_process.FAULTS, *in_process.SETTINGS}
    assert {n for n, line in lines.items() if line.how == "real"} == {*real.RUNS, *STRANGERS}
    assert {line.expected for line in lines.values()} <= {"survived", "refused", "member named"}


@pytest.mark.parametrize("fault", QUICK)
def test_it_comes_to_what_the_page_says(fault: str, tmp_path) -> None:
    found = in_process.outcome(fault, tmp_path)
    assert (found.seen, found.lost_work) == (table()[fault].expected, False), found.why


@pytest.mark.slow
@pytest.mark.parametrize("fault", LONG)
def test_so_do_these(fault: str, tmp_path) -> None:
    found = in_process.outcome(fault, tmp_path)
    assert (found.seen, found.lost_work) == (table()[fault].expected, False), found.why
