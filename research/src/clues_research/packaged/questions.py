"""Choose the packaged questions from MMLU.

The folder holds `mmlu_medical.jsonl.gz` and `mmlu_finance.jsonl.gz`. Of every topic all `dev` questions (lm-eval's
examples) and a random part of the `test` questions are taken, as they are.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from clues.evaluation.knowledge.questions import KNOWLEDGE, MMLU, PACKAGED_QUESTIONS
from clues.statistics.sampling import draw
from clues_research.places import PACKAGED

PER_TOPIC = {"medical": 34, "finance": 15}


def packaged_questions(*, data: Path) -> None:
    """Write them; `data` holds mmlu_medical.jsonl.gz and mmlu_finance.jsonl.gz."""
    chosen = [line for name, size in PER_TOPIC.items() for line in _chosen(data / f"mmlu_{name}.jsonl.gz", name, size)]
    packed = gzip.compress("".join(chosen).encode(), mtime=0)
    (PACKAGED / PACKAGED_QUESTIONS).write_bytes(packed)
    print(f"{len(chosen)} questions, {len(packed)} bytes")


def _chosen(file: Path, name: str, size: int) -> list[str]:
    """Lines of every topic of a set, in the file's order."""
    topics = [task.removeprefix(MMLU) for task in KNOWLEDGE[name] if task.startswith(MMLU)]
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        records = [json.loads(line) for line in stream]
    taken = []
    for topic in topics:
        own = [record for record in records if record["subject"] == topic]
        drawn = set(draw([_line(r) for r in own if r["split"] == "test"], size, seed=0))
        taken += [_line(r) for r in own if r["split"] == "dev" or _line(r) in drawn]
    return taken


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"
