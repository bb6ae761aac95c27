"""`clues run --dry-run`: all that comes before the first pass, and nothing written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from clues.cli.output import Output, table
from clues.cli.text.cost import run_cost
from clues.cli.text.first_row import first_row, first_row_text
from clues.cli.text.words import count
from clues.data.overlap import overlap
from clues.data.prepare import Prepared, prepare, prepare_rows
from clues.data.public import about_few, once, shared
from clues.data.sample import client_name, draw_sample
from clues.federated.run import PUBLIC_SETS, check_folder, check_public, public_file
from clues.folders.run import RunFolder
from clues.models.base import load_skeleton
from clues.models.limits import check_fits
from clues.owner.scored_by import scoring_model

if TYPE_CHECKING:
    from clues.config import Job
    from clues.models.base import LanguageModel

MOST_REASONS = 3
"""Reasons shown of each file's records that are set aside; `clues check` on the file shows more."""


def rehearse(job: Job, folder: Path, resume: bool, output: Output) -> int:
    """Check the job, its files and its model; show counts, the first row and the cost."""
    check_folder(job, RunFolder(folder), resume)
    lm = scoring_model(job, load_skeleton(job.model))
    clients, public = _drawn(job, lm) if job.sample.clients else _named(job, lm)
    between = [*shared({name: part.rows for name, part in public.items()}), *about_few(public["anchors"].rows)]
    for part in (*clients.values(), *public.values()):
        check_fits(lm, part.largest_id, part.longest)
    cost = run_cost(clients, public, lm, job)
    name, rows = next(iter(clients.items()))
    first = first_row(rows.rows[0], rows.encoded[0], lm.tokenizer)
    counts = {"clients": _counts(clients, public), "public": _counts(public, {})}
    text = "\n".join(
        [
            f"job {job.name}, seed {job.seed}: {len(clients)} clients",
            _table(counts["clients"] | counts["public"]),
            *_said(clients | public),
            *(remark.said for remark in between),
            f"{name}, {first_row_text(first, lm.tokenizer)}",
            cost.text,
            f"nothing was written; without --dry-run the run goes to {folder}",
        ]
    )
    facts = {
        "command": "run",
        "dry_run": True,
        **counts,
        "remarks": {name: [asdict(one) for one in part.remarks()] for name, part in (clients | public).items()},
        "public_remarks": [asdict(remark) for remark in between],
        **cost.facts,
        "first_row": asdict(first),
        "job": job.to_dict(),
    }
    return output.answer(text, facts)


def _drawn(job: Job, lm: LanguageModel) -> tuple[dict[str, Prepared], dict[str, Prepared]]:
    """Clients and public sets of a job that draws a sample."""
    sample = draw_sample(job.sample, job.seed)
    public = {name: getattr(sample, name) for name in (*PUBLIC_SETS, "negatives", "unseen")}

    def ready(rows: list) -> Prepared:
        return prepare_rows(rows, lm.tokenizer, job.model.max_length)

    clients = {client_name(source): ready(rows) for source, rows in sample.clients.items()}
    return clients, {name: ready(rows) for name, rows in public.items() if rows}


def _named(job: Job, lm: LanguageModel) -> tuple[dict[str, Prepared], dict[str, Prepared]]:
    """Clients and public sets of a job that names files."""
    tokenizer, length = lm.tokenizer, job.model.max_length
    check_public(job)
    named = job.public.columns.named
    public = {name: once(prepare(public_file(job, name), tokenizer, length, named)) for name in PUBLIC_SETS}
    clients = {c.name: prepare(c.data, tokenizer, length, c.columns.named) for c in job.clients}
    return clients, public


def _said(parts: Mapping[str, Prepared]) -> list[str]:
    """What was set aside and why, and what must be known of how each file was read."""
    lines = []
    for name, part in parts.items():
        reasons = Counter(item.reason for item in part.set_aside)
        lines += [f"{name}: {count(n, 'record')} set aside: {why}" for why, n in reasons.most_common(MOST_REASONS)]
        lines += [f"{name}: {remark.said}" for remark in part.remarks()]
    return lines


def _counts(parts: Mapping[str, Prepared], public: Mapping[str, Prepared]) -> dict[str, dict[str, int]]:
    others = {name: part.rows for name, part in public.items()}
    return {
        name: {
            "rows": len(part.rows),
            "set_aside": len(part.set_aside),
            "duplicates": part.duplicates,
            "truncated": part.truncated,
            "overlap": overlap(part.rows, others).rows if others else 0,
            "tokens": sum(map(len, part.encoded)),
        }
        for name, part in parts.items()
    }


def _table(counts: Mapping[str, Mapping[str, int]]) -> str:
    columns = list(next(iter(counts.values())))
    head = ["", *(column.replace("_", " ") for column in columns)]
    return table([head, *([name, *(f"{n:,}" for n in numbers.values())] for name, numbers in counts.items())])
