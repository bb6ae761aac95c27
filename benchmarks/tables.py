"""From the results to tables that read well as text and as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

TITLES = {
    "one": "One direction",
    "job": "The real job: three directions and the likelihoods",
    "in-run": "In-run: a training step that scores its rows",
}
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"

Row = dict[str, Any]

COLUMNS: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("engine", lambda r: r["engine"]),
    ("rows/s", lambda r: f"{r['samples_per_s']:.2f}"),
    ("time", lambda r: f"{r['time_ratio']:.2f}"),
    ("FLOPs", lambda r: f"{r['flops_ratio']:.3f}" if r["flops_ratio"] else "-"),
    ("error", lambda r: f"{r['rel_error']:.0e}" if r["rel_error"] is not None else "-"),
    ("batch", lambda r: str(r["batch_size"])),
    ("MiB", lambda r: f"{r['peak_mib']:.0f}" if r["peak_mib"] is not None else "-"),
    ("", lambda r: r["note"]),
)


def markdown(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """An aligned table; the first and the last column to the left, numbers to the right."""
    widths = [max(3, *(len(line[i]) for line in [head, *body])) for i in range(len(head))]
    ends = (0, len(head) - 1)

    def line(cells: Sequence[str]) -> str:
        padded = [c.ljust(w) if i in ends else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))]
        return "| " + " | ".join(padded) + " |"

    rule = ["-" * w if i in ends else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    return "\n".join([line(head), f"| {' | '.join(rule)} |", *map(line, body)])


def render(results: dict[str, Any]) -> str:
    """All tables of a results file, workload by workload."""
    parts = []
    for name, shape in results["workloads"].items():
        parts.append(f"### {name}\n\n{shape_line(shape)}")
        for table, title in TITLES.items():
            rows = [r for r in results["rows"] if r["table"] == table and r["workload"] == name]
            if rows:
                body = [[cell(r) for _, cell in COLUMNS] for r in rows]
                parts.append(f"**{title}**\n\n{markdown([head for head, _ in COLUMNS], body)}")
        parts += [whole_job_line(job) for job in results["whole_jobs"] if job["workload"] == name]
        parts += [beside_line(found) for found in results["beside_training"] if found["workload"] == name]
    parts.append("### Against the targets\n\n" + markdown(("", "target", "measured", ""), target_rows(results)))
    left_out = [f"- {key}: {reason}" for key, reason in results["excluded"].items()]
    return "\n\n".join(parts + (["Left out:\n\n" + "\n".join(left_out)] if left_out else []))


def shape_line(shape: Row) -> str:
    """A workload in a sentence."""
    return (
        f"{shape['layers']} layers, hidden {shape['hidden']}, vocabulary {shape['vocabulary']:,}; LoRA rank "
        f"{shape['rank']} on {' and '.join(shape['targets'])}; {shape['rows']} rows of up to "
        f"{shape['longest']} tokens; {shape['tokens']:,} tokens, {shape['response_tokens']:,} of them response."
    )


def whole_job_line(job: Row) -> str:
    """What the whole job costs, in a sentence."""
    return (
        f"The whole job with the default criteria: directions from {job['public_rows']} public rows "
        f"{job['directions_s']:.2f} s, {job['anchors']} anchors {job['anchors_s']:.2f} s, {job['rows']} rows "
        f"{job['rows_s']:.2f} s."
    )


def beside_line(found: Row) -> str:
    """What our scorer does between the steps of a training, in a sentence."""
    return (
        f"In-run, beside the steps and not in the table: directions from {found['public_rows']} public rows "
        f"{found['directions_s']:.2f} s, {found['anchors']} anchors and the spoiled public rows "
        f"{found['public_rows_s']:.2f} s, once per window of 50 steps."
    )


def target_rows(results: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """What was to be reached, beside what was measured."""
    found = []
    for name in results["workloads"]:
        table = {
            key: {r["engine"]: r for r in results["rows"] if r["table"] == key and r["workload"] == name}
            for key in TITLES
        }
        found += [(f"{name}: {what}", *rest) for what, *rest in _targets(table)]
    return found


def _targets(table: dict[str, dict[str, Row]]) -> list[tuple[str, str, str, str]]:
    one, job, in_run = table["one"], table["job"], table["in-run"]
    targets = []
    if one:
        targets += [
            _at_most("one direction over B, FLOPs", 1.02, one["probe B"]["flops_ratio"]),
            _at_most("one direction over B, time", 1.03, one["probe B"]["time_ratio"]),
            _at_least("one direction, fastest peer / ours", 1.0, _speedup(min, one, "probe")),
        ]
    if job:
        targets += [
            _at_most("default criteria, time", 0.90, job["probe default"]["time_ratio"]),
            _at_most("K = 12 / K = 1, time", 1.05, paired(job["probe K=12"], job["probe K=1"])),
            _at_least("real job, fastest peer / ours", 1.5, _speedup(min, job, "probe")),
            _at_least("real job, median peer / ours", 2.5, _speedup(median, job, "probe")),
        ]
    if in_run and "in-run" in in_run:
        targets += [
            _at_most("in-run, FLOPs", 1.02, in_run["in-run"]["flops_ratio"]),
            _at_most("in-run, time", 1.03, in_run["in-run"]["time_ratio"]),
        ]
    return [target for target in targets if target is not None]


def _speedup(choose: Callable[[list[float]], float], rows: dict[str, Row], ours: str) -> float | None:
    peers = [paired(r, rows[ours]) for r in rows.values() if r["kind"] == "peer"]
    return choose(peers) if peers else None


def paired(a: Row, b: Row) -> float:
    """Median over the repeats of a's time over b's."""
    return median(x / y for x, y in zip(a["seconds"], b["seconds"], strict=True))


def _at_most(what: str, target: float, value: float) -> tuple[str, str, str, str]:
    return what, f"≤ {target:.2f}", f"{value:.3f}", "reached" if value <= target else "missed"


def _at_least(what: str, target: float, value: float | None) -> tuple[str, str, str, str] | None:
    if value is None:
        return None
    return what, f"≥ {target:.2f}", f"{value:.3f}", "reached" if value >= target else "missed"


def put_into(page: Path, text: str) -> None:
    """Replace what stands between the markers of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
