"""A file of a folder: it knows its path, what is in it, and how it is read and written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, get_type_hints, runtime_checkable

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import is_pydantic_dataclass

from clues.config import Job
from clues.config.reading import load_job
from clues.disk.reading import read_json, read_lines
from clues.disk.writing import write_json, write_jsonl, write_toml
from clues.errors import FolderError

T = TypeVar("T")
FLAT = {"flat": True}
"""Metadata of a dataclass's field whose own fields stand in the file beside the others, not below it."""


@runtime_checkable
class SelfTold(Protocol):
    """A dataclass that says itself which of its fields stand in a file."""

    def to_dict(self) -> Mapping[str, object]:
        """What stands in the file."""
        ...


@dataclass(frozen=True)
class JsonFile(Generic[T]):
    """A JSON object, read into a frozen dataclass."""

    path: Path
    kind: type[T]

    def read(self) -> T:
        """Raises FolderError where it is missing, of another version, or lacks something."""
        return parse(self.kind, read_json(self.path), str(self.path))

    def read_if_there(self) -> T | None:
        """The same; None for a file that this run did not write."""
        return self.read() if self.path.exists() else None

    def write(self, content: T) -> None:
        """The object, whole or not at all."""
        write_json(to_json(content), self.path)


@dataclass(frozen=True)
class LinesFile(Generic[T]):
    """Lines of JSON, each read into a frozen dataclass; no line where there is no file."""

    path: Path
    kind: type[T]

    def read(self) -> list[T]:
        """Raises FolderError that names the line."""
        return [parse(self.kind, line, f"{self.path}:{n}") for n, line in enumerate(read_lines(self.path), start=1)]

    def write(self, lines: Iterable[T]) -> None:
        """All lines, whole or not at all."""
        write_jsonl((to_json(line) for line in lines), self.path)


@dataclass(frozen=True)
class JobFile:
    """job.toml: every setting resolved."""

    path: Path

    def read(self) -> Job:
        """Raises SettingError for a file that is missing, or no job of this version."""
        return load_job(self.path)

    def write(self, job: Job) -> None:
        """The job, whole or not at all."""
        write_toml(job.to_dict(), self.path)


def parse(kind: type[T], found: Mapping[str, Any], where: str, remedy: str = "make it again with this clues") -> T:
    """A dataclass from what stands in a file; what it does not know is passed over. Raises FolderError, which says
    where, and what to do."""
    tree = dict(found)
    for name, part in _flat(kind).items():
        own = {f.name: found[f.name] for f in dataclasses.fields(part) if f.name in found}
        tree[name] = part(**own) if is_pydantic_dataclass(part) else parse(part, own, where)  # settings
    try:
        return _reader(kind).validate_python(tree)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise FolderError(f"{where}: {name}: {first['msg']}; {remedy}") from error


@cache
def _reader(kind: type[T]) -> TypeAdapter[T]:
    """Made once for a kind: a file may have many lines."""
    return TypeAdapter(kind)


@cache
def _flat(kind: type) -> dict[str, Any]:
    """The fields whose own stand flat in the file, with their types."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind) if field.metadata.get("flat")}


def to_json(content: Any) -> Any:
    """What stands in the file for a dataclass: a field whose default is None is left out while it is None."""
    if dataclasses.is_dataclass(content):
        if isinstance(content, SelfTold):
            return to_json(content.to_dict())
        found: dict[str, Any] = {}
        for field in dataclasses.fields(content):
            value = to_json(getattr(content, field.name))
            if field.metadata.get("flat"):
                found |= value
            elif value is not None or field.default is not None:
                found[field.name] = value
        return found
    if isinstance(content, Mapping):
        return {name: to_json(value) for name, value in content.items()}
    if isinstance(content, Sequence) and not isinstance(content, str):
        return [to_json(value) for value in content]
    return content
