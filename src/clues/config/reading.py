"""A job from a file of TOML, from dictionaries, and from `--set`: it names only what differs from the defaults.

Unknown keys are errors at every depth.
"""

from __future__ import annotations

import copy
import dataclasses
import tomllib
import types
import typing
from pathlib import Path
from typing import Any, Literal

from clues import SCHEMA_VERSION
from clues.config import Job, PublicSettings
from clues.errors import SettingError


def load_job(path: Path, overrides: typing.Sequence[str] = ()) -> Job:
    """Read a job file and apply `key=value` overrides (dotted keys, TOML values; bare words are strings).

    Raises SettingError for a file that is not TOML, an unknown key or a value of the wrong type.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SettingError(f"{path}: not valid TOML: {error}") from error
    return _beside(path.absolute().parent, job_from_dict(tree, str(path), overrides))


def job_from_dict(tree: dict[str, Any], origin: str = "job", overrides: typing.Sequence[str] = ()) -> Job:
    """Build a job from plain dictionaries and `key=value` overrides; `origin` names the source in errors."""
    tree = copy.deepcopy(tree)
    for override in overrides:
        _apply(tree, override)
    version = tree.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise SettingError(f"{origin}: schema_version {version} is not {SCHEMA_VERSION}, the one this clues reads")
    return _build(Job, tree, origin, "")


def _apply(tree: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals:
        raise SettingError(f"--set {override}: write key=value, for example training.rounds=8")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *parents, leaf = key.strip().split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
        if not isinstance(tree, dict):
            raise SettingError(f"--set {override}: {parent} is a value, not a table of settings")
    tree[leaf] = value


def _beside(folder: Path, job: Job) -> Job:
    """The job with the files that lie beside its file named in full, so that its copy in a run's folder finds them."""

    def full(name: str) -> str:
        return str(folder / name) if name and (folder / name).exists() else name

    public = PublicSettings(**{name: full(file) for name, file in dataclasses.asdict(job.public).items()})
    clients = tuple(dataclasses.replace(client, data=full(client.data)) for client in job.clients)
    return dataclasses.replace(job, public=public, clients=clients)


def _build(kind: Any, value: Any, origin: str, key: str) -> Any:
    """`value` as an instance of the type `kind`, checked all the way down."""
    here = f"{origin}: {key or 'the job'}"
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, value, origin, key)
    if typing.get_origin(kind) is Literal:
        if value not in typing.get_args(kind):
            raise SettingError(f"{here} is {value!r}; allowed: {', '.join(map(str, typing.get_args(kind)))}")
        return value
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, (list, tuple)):
            raise SettingError(f"{here} is {value!r}; a list is needed")
        return tuple(_build(typing.get_args(kind)[0], item, origin, f"{key}[{i}]") for i, item in enumerate(value))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise SettingError(f"{here} is {value!r}; {getattr(kind, '__name__', kind)} is needed")
    return value


def _build_dataclass(kind: Any, value: Any, origin: str, key: str) -> Any:
    if not isinstance(value, dict):
        raise SettingError(f"{origin}: {key} is {value!r}; a table is needed")
    hints = typing.get_type_hints(kind, localns={"types": types})
    prefix = f"{key}." if key else ""
    unknown = sorted(set(value) - set(hints))
    if unknown:
        raise SettingError(f"{origin}: unknown key {prefix}{unknown[0]}; known: {', '.join(sorted(hints))}")
    missing = [
        f.name
        for f in dataclasses.fields(kind)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING and f.name not in value
    ]
    if missing:
        raise SettingError(f"{origin}: {prefix}{missing[0]} is missing")
    return kind(**{name: _build(hints[name], item, origin, prefix + name) for name, item in value.items()})
