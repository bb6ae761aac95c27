"""The tables `one` and `job`: separate scoring passes against one LoRA forward and backward pass."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.agreement import Reference
from benchmarks.contract import Answer, Prepare, Run, Work
from benchmarks.engines import lora_step, probe
from benchmarks.measure import BATCH_SIZES, Beat, Timing, best_batch_size, count, interleave, seconds_of
from benchmarks.peers import PEERS, peer
from benchmarks.workloads import Workload

FLOOR = "lora-step"


@dataclass(frozen=True)
class Line:
    """One engine on one piece of work."""

    engine: str
    prepare: Prepare
    work: Work
    kind: str
    """`floor`, `ours` or `peer`"""
    note: str = ""

    @property
    def family(self) -> str:
        """Whose batch size it takes: all of ours and the floor run on the same batches."""
        return self.engine if self.kind == "peer" else "probe"


def one_direction(workload: Workload) -> list[Line]:
    """The floor and our lines of the table `one`; the second line is the work that peers get, too."""
    work = workload.one("AB")
    return [
        Line(FLOOR, lora_step, work, "floor"),
        Line("probe", probe, work, "ours", "A and B, as all peers"),
        Line("probe B", probe, workload.one("B"), "ours", "B alone, as clues scores"),
    ]


def real_job(workload: Workload) -> list[Line]:
    """The same for the table `job`."""
    work = workload.job()
    return [
        Line(FLOOR, lora_step, work, "floor"),
        Line("probe", probe, work, "ours", "all directions, as all peers"),
        Line("probe default", probe, workload.default_job(), "ours", "the criteria, down to their lowest layer"),
        Line("probe K=1", probe, workload.random_directions(1), "ours", "random directions, all layers"),
        Line("probe K=12", probe, workload.random_directions(12), "ours", "random directions, all layers"),
    ]


TABLES = {"one": one_direction, "job": real_job}


class Measuring:
    """One workload under measurement: its reference, best batch sizes and left-out peers serve all tables."""

    def __init__(self, workload: Workload, beat: Beat) -> None:
        self.workload, self.beat = workload, beat
        beat("reference")
        self.reference = Reference(workload)
        self.sizes: dict[str, int] = {}
        self.floor_flops: dict[int, int] = {}
        self.excluded: dict[str, str] = {}

    def table(self, name: str) -> list[dict[str, Any]]:
        """The rows of a table for the results file."""
        lines = TABLES[name](self.workload)
        found: dict[str, tuple[Line, Run, Timing, float | None]] = {}
        for line in [*lines[1:], *self._peers(lines[1].work), lines[0]]:
            self.beat(f"{name}: {line.engine}")
            if (run := self._guarded(line, lambda line=line: self._start(line))) is not None:
                found[line.engine] = (line, *run)
        runs = {engine: run for engine, (_, run, _, _) in found.items()}
        timings = {engine: timing for engine, (_, _, timing, _) in found.items()}
        interleave(runs, timings, lambda text: self.beat(f"{name}: {text}"))
        order = [line.engine for line in lines] + [engine for engine in found if engine in PEERS]
        return [self._row(name, found[engine][0], timings, found[engine][3]) for engine in order]

    def _peers(self, work: Work) -> list[Line]:
        lines = []
        for name in PEERS:
            if name not in self.excluded:
                line = self._guarded(Line(name, probe, work, "peer"), lambda name=name: peer(name))
                lines += [Line(name, line, work, "peer")] if line else []
        return lines

    def _guarded(self, line: Line, attempt: Callable[[], Any]) -> Any:
        """Another library's failure is a line less, with its reason; ours is an error."""
        try:
            return attempt()
        except Exception as error:
            if line.kind != "peer":
                raise
            traceback.print_exc(file=sys.stderr)
            self.excluded[line.engine] = f"{type(error).__name__}: {error}"
            return None

    def _start(self, line: Line) -> tuple[Run, Timing, float | None]:
        if line.family not in self.sizes:
            sizes = (1,) if line.engine == "loop" else BATCH_SIZES
            self.sizes[line.family] = best_batch_size(lambda size: line.prepare(line.work, size), sizes, self.beat)
        run = line.prepare(line.work, self.sizes[line.family])
        found: Answer = run()
        error = None if line.kind == "floor" else self.reference.check(line.work, found)
        return run, count(run), error

    def _row(self, table: str, line: Line, timings: dict[str, Timing], error: float | None) -> dict[str, Any]:
        timing, size = timings[line.engine], self.sizes[line.family]
        if size not in self.floor_flops:  # on the same batches
            self.floor_flops[size] = count(lora_step(line.work, size)).flops
        return {
            "table": table, "workload": self.workload.name, "engine": line.engine, "kind": line.kind,
            "directions": line.work.count, "batch_size": size,
            "samples_per_s": len(line.work.encoded) / timing.median, "time_ratio": timing.ratio(timings[FLOOR]),
            "flops": timing.flops, "flops_ratio": timing.flops / self.floor_flops[size], "rel_error": error,
            "peak_mib": timing.peak_mib, "seconds": timing.seconds, "note": line.note,
        }  # fmt: skip


def whole_job(workload: Workload, batch_size: int, beat: Beat) -> dict[str, Any]:
    """Seconds of everything that scoring one owner's rows needs, once each: directions, anchors, rows."""
    beat("whole job")
    work = workload.default_job()
    anchors = replace(work, encoded=workload.anchors)
    return {
        "workload": workload.name,
        "public_rows": len(workload.good),
        "directions_s": seconds_of(workload.criteria_directions),
        "anchors": len(workload.anchors),
        "anchors_s": seconds_of(probe(anchors, batch_size)),
        "rows": len(work.encoded),
        "rows_s": seconds_of(probe(work, batch_size)),
    }
