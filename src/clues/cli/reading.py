"""Options that say how a file of rows is read: which field is which part of a row."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from clues.errors import UsageError

PublicColumns = Annotated[
    str | None, Parameter(show_default=False, help="The same as --columns for the public files, where they need it.")
]


@Parameter(name="*")
@dataclass(frozen=True)
class Reading:
    """How the records of a file are read, where that is not found by itself."""

    columns: Annotated[str | None, Parameter(show_default=False)] = None
    """Which field is what, as in prompt=ticket,response=reply; also system, context, history, messages, options, tools,
    label, weight. Quote a name with a comma: prompt="to, from",response=reply."""
    prompt: Annotated[str | None, Parameter(show_default=False)] = None
    """The prompt as a text with fields in braces, as in "{context}\\n\\n{question}"."""
    format: Annotated[str | None, Parameter(show_default=False)] = None
    """The layout of the records, by its name in docs/LAYOUTS.md, where several would do."""

    def named(self) -> dict[str, str] | None:
        """All of it as `clues.data.files.columns` has it. Raises UsageError for what makes no sense."""
        found = parse_columns(self.columns) or {}
        if self.prompt is not None:
            if "prompt" in found:
                raise UsageError(f"--prompt and prompt={found['prompt']} of --columns are both given; leave one out")
            found["prompt"] = self.prompt.replace("\\n", "\n").replace("\\t", "\t")
            _check_prompt(found["prompt"])
        if self.format is not None:
            found["layout"] = self.format
        _check(found)
        return found or None


AS_FOUND = Reading()


def parse_columns(text: str | None, option: str = "--columns") -> dict[str, str] | None:
    """`prompt=a,response=b` as a dictionary. Raises UsageError for anything else."""
    if text is None:
        return None
    split = shlex.shlex(text, posix=True)
    split.whitespace, split.whitespace_split, split.commenters, split.escape = ",", True, "", ""
    try:
        pairs = [pair.partition("=") for pair in split]
    except ValueError as error:
        raise UsageError(f"{option} {text}: a quotation mark is left open") from error
    found = {part.strip(): field.strip() for part, _, field in pairs}
    if not found or len(found) < len(pairs) or not all(found.values()):
        raise UsageError(f"{option} {text}: write prompt=COLUMN,response=COLUMN, each part once")
    _check(found)
    return found


def _check(columns: dict[str, str]) -> None:
    from clues.data.files.columns import check_columns

    if columns:
        check_columns(columns)


def _check_prompt(text: str) -> None:
    from clues.data.files.columns import fields_in

    if not fields_in(text):
        raise UsageError(f'--prompt {text}: name fields in braces, as in "{{context}}\\n\\n{{question}}"')
