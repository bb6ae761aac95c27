"""Multiple-choice questions on disk, in the form of the hub's data sets that lm-eval's tasks are written for."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from clues.errors import KnowledgeError

PACKAGED_QUESTIONS = "questions.jsonl.gz"
MMLU = "mmlu_"
PUBMEDQA = "pubmedqa"
HUB = "hub"

KNOWLEDGE = {
    "medical": (
        *("mmlu_anatomy", "mmlu_clinical_knowledge", "mmlu_college_biology", "mmlu_college_medicine"),
        *("mmlu_medical_genetics", "mmlu_professional_medicine", "medmcqa", "medqa_4options", PUBMEDQA),
    ),
    "finance": (
        *("mmlu_business_ethics", "mmlu_econometrics", "mmlu_high_school_macroeconomics"),
        *("mmlu_high_school_microeconomics", "mmlu_management", "mmlu_marketing", "mmlu_professional_accounting"),
    ),
}
"""Sets of tasks, by lm-eval's names. `medical`: the paper's KnowledgeAvg (MMLU's clinical topics, MedMCQA, PubMedQA,
USMLE)."""

Record = dict[str, Any]
"""A line of a question file, before it is checked."""
Document = Mapping[str, str | int | list[str]]
"""A question as lm-eval's task has it."""
Splits = dict[str, list[Document]]
"""Documents of one task by split; lm-eval asks those of `test`, and shows those of `dev` as examples."""

_LETTERS = "ABCD"
_SPLITS = ("dev", "val", "test")
_FINAL = ("yes", "no", "maybe")


def task_names(name: str) -> list[str]:
    """The tasks of a set, or those named, separated by commas. Raises KnowledgeError for a name that is neither."""
    known = {task for tasks in KNOWLEDGE.values() for task in tasks}
    chosen = list(dict.fromkeys(t for part in name.split(",") for t in KNOWLEDGE.get(part.strip(), [part.strip()])))
    if odd := [task for task in chosen if task not in known]:
        raise KnowledgeError(f"no questions {odd[0]!r}; there are {', '.join([*KNOWLEDGE, *sorted(known)])}")
    return chosen


def read_questions(source: str) -> dict[str, Splits]:
    """The questions of every task in a source: `packaged`, or a folder with question files (docs/KNOWLEDGE.md).

    Files are `mmlu*.jsonl` and `pubmedqa*.jsonl`, gzipped or not, in the folder or below it.

    Raises KnowledgeError for a folder without any, and with file and line for a record that is no question.
    """
    if source == "packaged":
        packed = files("clues.packaged").joinpath(PACKAGED_QUESTIONS).read_bytes()
        return _by_task(_mmlu(record, where) for where, record in _records(PACKAGED_QUESTIONS, packed))
    folder = Path(source)
    found = [file for pattern in ("mmlu*.jsonl*", "pubmedqa*.jsonl*") for file in sorted(folder.rglob(pattern))]
    if not found:
        raise KnowledgeError(f"{folder}: no mmlu*.jsonl or pubmedqa*.jsonl (or .jsonl.gz) here or in folders below")
    read = {file: _mmlu if file.name.startswith("mmlu") else _pubmedqa for file in found}
    return _by_task(read[file](record, where) for file in found for where, record in _records(file, file.read_bytes()))


def _records(file: str | Path, packed: bytes) -> Iterator[tuple[str, Record]]:
    """Every record with the place where it stands."""
    text = (gzip.decompress(packed) if str(file).endswith(".gz") else packed).decode("utf-8")
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        where = f"{file}:{number}"
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise KnowledgeError(f"{where}: no JSON: {error.msg}") from error
        if not isinstance(record, dict):
            raise KnowledgeError(f"{where}: no JSON object")
        yield where, record


def _by_task(documents: Iterator[tuple[str, str, Document]]) -> dict[str, Splits]:
    tasks: dict[str, Splits] = {}
    for task, split, document in documents:
        tasks.setdefault(task, {"dev": [], "val": [], "test": []})[split].append(document)
    return tasks


def _mmlu(record: Record, where: str) -> tuple[str, str, Document]:
    """Task, split and document of one MMLU question, as cais/mmlu has it."""
    question, subject, choices = (
        _text(record, "question", where),
        _text(record, "subject", where),
        record.get("choices"),
    )
    if not isinstance(choices, list) or len(choices) != len(_LETTERS) or not all(isinstance(c, str) for c in choices):
        raise KnowledgeError(f"{where}: `choices` must be four texts")
    _among(record, "answer", tuple(_LETTERS), where)
    _among(record, "split", _SPLITS, where)
    document = {"question": question, "subject": subject, "choices": choices}
    return MMLU + subject, record["split"], document | {"answer": _LETTERS.index(record["answer"])}


def _pubmedqa(record: Record, where: str) -> tuple[str, str, Document]:
    """Task, split and document of one PubMedQA question, as bigbio/pubmed_qa has it. All are test questions."""
    contexts = record.get("contexts")
    if not isinstance(contexts, list) or not all(isinstance(context, str) for context in contexts):
        raise KnowledgeError(f"{where}: `contexts` must be a list of texts")
    _among(record, "answer", _FINAL, where)
    document = {"QUESTION": _text(record, "question", where), "CONTEXTS": contexts}
    return PUBMEDQA, "test", document | {"final_decision": record["answer"]}


def _text(record: Record, field: str, where: str) -> str:
    if not isinstance(value := record.get(field), str) or not value.strip():
        raise KnowledgeError(f"{where}: `{field}` must be a text")
    return value


def _among(record: Record, field: str, allowed: tuple[str, ...], where: str) -> None:
    if record.get(field) not in allowed:
        raise KnowledgeError(f"{where}: `{field}` is {record.get(field)!r}; it must be one of {', '.join(allowed)}")
