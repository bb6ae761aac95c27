"""Errors that a person can do something about: one line on stderr and exit code 2, never a traceback."""

from __future__ import annotations

import sys

DONE, GATE, WRONG_USE, FAULT, INTERRUPTED = 0, 1, 2, 70, 130
"""Exit codes. GATE: a gate that was asked for (`--fail-over`) failed. FAULT: one of clues itself, with a traceback."""

EXPECTED = {
    "clues.cli.errors": ("UsageError",),
    "clues.collaboration.aggregate": ("NoUpdateError",),
    "clues.config": ("SettingError",),
    "clues.data.chat_template": ("ChatTemplateError",),
    "clues.data.damage": ("CannotSpoil",),
    "clues.data.encoding": ("NoResponseToken",),
    "clues.data.formats": ("ReadingError",),
    "clues.data.prepare": ("NoRowsError",),
    "clues.data.sample": ("PoolError",),
    "clues.data.writing": ("WritingError",),
    "clues.evaluation.answers": ("AnswersError", "AnswersInUseError"),
    "clues.evaluation.judge.requests": ("JudgeError",),
    "clues.evaluation.knowledge_questions": ("KnowledgeError",),
    "clues.evaluation.labels": ("MissingLabelError",),
    "clues.federated.control": ("DeploymentError",),
    "clues.federated.federation": ("FederationError",),
    "clues.federated.run": ("FolderInUseError",),
    "clues.models.plain_lora": ("AdapterError",),
    "clues.models.weights": ("ModelError",),
    "clues.owner": ("OutputInUseError",),
    "clues.report.audit_file": ("AuditError",),
    "clues.report.files": ("ReportError",),
    "clues.scores": ("ScoresError",),
    "clues.scoring.observe": ("UnsupportedModuleError",),
    "clues.scoring.passes": ("RowTooLongError",),
    "clues.selection.select": ("SelectionError",),
    "clues.verdict": ("DecisionError",),
}
"""By module, and by name: a class is looked up only where its module was imported, for else nothing raised it."""

IN_USE = ("AnswersInUseError", "OutputInUseError", "FolderInUseError")
"""Where `--resume` helps."""


class UsageError(ValueError):
    """A command that cannot be carried out as given; the text says what to give instead."""


def expected() -> tuple[type[BaseException], ...]:
    """The classes of `EXPECTED` that can have been raised so far, and the system's own (no such file, disk full)."""
    loaded = [(sys.modules[module], names) for module, names in EXPECTED.items() if module in sys.modules]
    return (OSError, *(getattr(module, name) for module, names in loaded for name in names))


def one_line(error: BaseException) -> str:
    """What happened, where, and what to do, on one line."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split())
