"""Files that clues wrote, or that people saved for it: what cannot be read, or not by this version, says what to do."""

from __future__ import annotations

import codecs
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clues import SCHEMA_VERSION
from clues.errors import FolderError

if TYPE_CHECKING:
    from pyarrow import Table


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object that clues wrote.

    Raises FolderError when it is missing, is not a JSON object, or has another `schema_version`.
    """
    if not path.exists():
        raise FolderError(f"{path} is missing; give the folder of a finished run or score, or run it with --resume")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FolderError(f"{path} is not JSON ({error}); remove it and run with --resume") from error
    if not isinstance(found, dict):
        raise FolderError(f"{path} holds a {type(found).__name__}; an object is needed")
    check_version(path, found.get("schema_version"))
    return found


def check_version(path: Path, version: object) -> None:
    """Raises FolderError for a file of another schema version than ours, or of none."""
    if version != SCHEMA_VERSION:
        raise FolderError(
            f"{path}: schema_version {version} is not {SCHEMA_VERSION}, the one this clues reads; "
            "make it again with this clues"
        )


def read_json_if_there(path: Path) -> dict[str, Any]:
    """The same; an empty dictionary for a file that this run did not write."""
    return read_json(path) if path.exists() else {}


def read_lines(path: Path) -> list[dict[str, Any]]:
    """A JSON lines file; empty when it is missing.

    Raises FolderError naming the line that is not JSON. A last line without its end is one that a killed run was
    still writing: it is left out.
    """
    if not path.exists():
        return []
    content = path.read_bytes()
    lines = _decoded(content[: content.rfind(b"\n") + 1], path).split("\n")[:-1]
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(json.loads(line))
        except ValueError as error:
            raise FolderError(f"{path}:{number} is not JSON ({error})") from error
    return found


def read_text(path: Path) -> str:
    """A text that a person may have saved by any editor: UTF-8 or UTF-16, with a byte order mark or without.

    Raises FolderError for another encoding.
    """
    return _decoded(path.read_bytes(), path)


def _decoded(content: bytes, path: Path) -> str:
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise FolderError(f"{path}:{line}: not {error.encoding.upper()} ({error.reason}); save it as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_table(path: Path, columns: Sequence[str] = ()) -> Table:
    """A Parquet table.

    Raises FolderError when it is missing, unreadable, or lacks one of `columns`.
    """
    import pyarrow
    import pyarrow.parquet

    if not path.exists():
        raise FolderError(f"{path} is missing; score this folder first: clues score")
    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowInvalid) as error:
        raise FolderError(f"{path} is not a Parquet file ({error}); score again") from error
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise FolderError(f"{path} has no column {missing[0]}; it was not written by this clues, score again")
    return table
