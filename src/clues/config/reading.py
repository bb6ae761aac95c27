"""A job from a file of TOML, from dictionaries, and from `--set`: it names only what differs from the defaults."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clues import SCHEMA_VERSION
from clues.config.checking import from_json
from clues.config.settings import Job
from clues.errors import SettingError

COMMAND_LINE = "command line"
"""Where a setting is from that `--set` gives, or an option."""

Table = dict[str, Any]
"""A table of TOML, before it is checked."""


@dataclass(frozen=True)
class Given:
    """Settings as they were given, and where."""

    table: Table
    origin: str
    """A file, or another word for where the table is from."""
    overridden: frozenset[str]
    """Dotted keys that `--set` gave."""

    @staticmethod
    def of(table: Table, origin: str, overrides: Sequence[str] = ()) -> Given:
        """`table` with `key=value` overrides applied. Raises SettingError for one that is none."""
        table = copy.deepcopy(table)
        return Given(table, origin, frozenset(_apply(table, override) for override in overrides))

    def source(self, key: str) -> str:
        """Where the setting of this dotted key was given; empty if nowhere."""
        if any(f"{key}.".startswith((f"{given}.", f"{given}[")) for given in self.overridden):
            return COMMAND_LINE
        part: Any = self.table
        for name in re.findall(r"[^.\[\]]+", key):
            if isinstance(part, list) and name.isdecimal():
                part = part[int(name)]
            elif isinstance(part, dict) and name in part:
                part = part[name]
            else:
                return ""
        return self.origin

    def job(self) -> Job:
        """The job. Raises SettingError for an unknown key or a value that a setting cannot have."""
        version = self.table.get("schema_version", SCHEMA_VERSION)
        if version != SCHEMA_VERSION:
            raise SettingError(f"{self.origin}: schema_version {version} is not {SCHEMA_VERSION}, the one it reads")
        # As JSON: there, too, a list is a tuple and an int a float, and nothing else is taken for another type.
        text = json.dumps(self.table, default=str)
        return from_json(Job, text, lambda key: self.source(key) or self.origin)


def read_job(path: Path, overrides: Sequence[str] = ()) -> tuple[Job, Given]:
    """The job of a file, with `key=value` overrides, and what was given. Raises SettingError, see `load_job`."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise SettingError(f"{path}: not valid TOML: {error}") from error
    given = Given.of(table, str(path), overrides)
    return _beside(path.absolute().parent, given.job()), given


def load_job(path: Path, overrides: Sequence[str] = ()) -> Job:
    """Read a job file and apply `key=value` overrides (dotted keys, TOML values; bare words are strings).

    Raises SettingError for a file that is not TOML, an unknown key or a value that the setting cannot have.
    """
    return read_job(path, overrides)[0]


def job_from_dict(table: Table, origin: str = "job", overrides: Sequence[str] = ()) -> Job:
    """Build a job from plain dictionaries and `key=value` overrides; `origin` names the source in errors."""
    return Given.of(table, origin, overrides).job()


def _apply(table: Table, override: str) -> str:
    """Write an override into the table; its key."""
    key, equals, text = override.partition("=")
    if not equals:
        raise SettingError(f"--set {override}: write key=value, for example training.rounds=8")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *parents, leaf = key.strip().split(".")
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise SettingError(f"--set {override}: {parent} is a value, not a table of settings")
    table[leaf] = value
    return key.strip()


def _beside(folder: Path, job: Job) -> Job:
    """The job with the files that lie beside its file named in full, so that its copy in a run's folder finds them."""

    def full(name: str) -> str:
        return str(folder / name) if name and (folder / name).exists() else name

    files = {name: full(getattr(job.public, name)) for name in ("validation", "anchors", "test")}
    public = dataclasses.replace(job.public, **files)
    clients = tuple(dataclasses.replace(client, data=full(client.data)) for client in job.clients)
    return dataclasses.replace(job, public=public, clients=clients)
