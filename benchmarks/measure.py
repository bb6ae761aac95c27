"""Time, FLOPs and memory of engines, side by side."""

from __future__ import annotations

import ctypes
import gc
import os
import re
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import torch
from torch.utils.flop_counter import FlopCounterMode

BATCH_SIZES = (1, 4, 8, 16)
REPEATS = 5
TOO_SLOW = 1.2
"""A larger batch is not tried once a batch size took this many times the best so far."""

Beat = Callable[[str], None]
"""Called before every run with what is about to run."""


@dataclass
class Timing:
    """What was measured of one engine."""

    seconds: list[float] = field(default_factory=list)
    """One per repeat; repeat r of all engines lies within the same minute or so."""
    flops: int = 0
    """Of matrix products and attention, by torch's counter."""
    peak_mib: float | None = None
    """Growth of the process's resident memory during a run, on a GPU all that is allocated there at the peak; None
    where the system does not tell."""

    @property
    def median(self) -> float:
        """Seconds of one run."""
        return statistics.median(self.seconds)

    def ratio(self, floor: Timing) -> float:
        """Median over the repeats of the time against the floor's in the same repeat: what slows the whole machine
        slows both."""
        return statistics.median(a / b for a, b in zip(self.seconds, floor.seconds, strict=True))


def seconds_of(run: Callable[[], object]) -> float:
    """Wall time of one run; what the last one left behind is cleared away first."""
    gc.collect(1)
    start = _now()
    run()
    return _now() - start


def best_batch_size(prepare: Callable[[int], Callable[[], object]], sizes: tuple[int, ...], beat: Beat) -> int:
    """The fastest of some batch sizes, by one run each."""
    if len(sizes) == 1:
        return sizes[0]
    times: dict[int, float] = {}
    for size in sizes:
        beat(f"batch size {size}")
        times[size] = seconds_of(prepare(size))
        if times[size] > TOO_SLOW * min(times.values()):
            break
    return min(times, key=lambda size: times[size])


def count(run: Callable[[], object]) -> Timing:
    """FLOPs and memory of one run; not the first, which builds what is built once."""
    gc.collect()
    timing = Timing()
    before = _start_peak()
    with FlopCounterMode(display=False) as counter:
        run()
    if before is not None:
        timing.peak_mib = max(0.0, _peak_mib() - before)
    timing.flops = counter.get_total_flops()
    return timing


def interleave(runs: Mapping[str, Callable[[], object]], timings: Mapping[str, Timing], beat: Beat) -> None:
    """Time all engines in turn, `REPEATS` times over; every other time backwards, so that none is always first."""
    for repeat in range(REPEATS):
        for name in list(runs)[:: 1 if repeat % 2 == 0 else -1]:
            beat(f"{name}, {repeat + 1} of {REPEATS}")
            timings[name].seconds.append(seconds_of(runs[name]))


def _now() -> float:
    """Seconds, when all work that was given to a GPU is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def _start_peak() -> float | None:
    """Let the kernel count the peak of resident memory anew; MiB resident now, None where it cannot (not Linux)."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        return 0.0
    try:
        ctypes.CDLL(None).malloc_trim(0)  # freed memory that the allocator keeps would hide the growth
        Path("/proc/self/clear_refs").write_text("5")
    except (OSError, AttributeError):
        return None
    return psutil.Process(os.getpid()).memory_info().rss / 2**20


def _peak_mib() -> float:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found.group(1)) / 1024
