"""The wire between server and clients, and the one list of what may leave a client.

A task goes down: a name, settings, arrays. A result comes up: counts and durations as single numbers, adapter arrays
of exactly the shapes that the task brought, an error code, and, in answer to `hello`, the client's pseudonym. Nothing
else can be encoded, and nothing else is accepted: both sides check. Arrays travel as numpy's own format without pickle.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict

from clues import SCHEMA_VERSION
from clues.config.values import CLIENT_NAME
from clues.errors import WireError

Setting = int | float | str | bool | list[int] | list[float] | list[str] | list[bool]

TASKS = ("hello", "train", "score", "select")

ADAPTER = "adapter/"
"""Prefix of the task's arrays that may come back changed. Directions and anchors have other prefixes and stay."""

CRITERION = "criterion/"
"""Prefix of the settings that state the columns of a criterion: by what the bar of a task judges."""

ALLOWED_NUMBERS = {
    "schema_version": "version of the files the client writes",
    "rows": "rows in the client's file that can be used",
    "set_aside": "rows that cannot be used",
    "duplicates": "rows that repeat another row of the client",
    "truncated": "rows longer than the job's max_length",
    "overlap": "rows that are also in a public set",
    "kept": "rows the rule keeps",
    "dropped": "rows the rule drops",
    "pending": "rows without a decision yet",
    "examples": "rows the client trained on",
    "steps": "optimizer steps the client made",
    "tokens": "response tokens the client trained on",
    "train_loss": "mean training loss, nats per response token",
    "seconds": "seconds the client worked",
}
"""Every number that may leave a client, always one number for all its rows; and `reason_<criterion>`, a count."""

ERROR_CODES = {
    "bad-data": "the client cannot read its data; its own log says where",
    "no-rows": "the client has no row left for this task",
    "out-of-memory": "the client ran out of memory; give it a smaller batch_size or token_budget, or a larger machine",
    "internal": "the client failed; its own log says how",
    "refused": "the client refused to send its result, because something in it must not leave; its own log says what",
    "not-configured": "the client's SuperNode lacks `data`, `folder` or a valid `name` in its --node-config",
    "bad-task": "the client could not read the task",
    "unknown-task": "the client does not know this task",
    "version": "the client runs another version of clues; install the server's version there",
    "unreachable": "the client's SuperNode does not answer; see that it runs and reaches the SuperLink",
    "late": "the client did not answer in time",
    "crashed": "the client's process died, often for lack of memory",
    "bad-app": "the client's SuperNode could not load the app; see that clues is installed there",
    "bad-reply": "the client's reply was not what may come, and was thrown away",
}
"""Every error a result can name, with what it means. The last five are found by the server."""

NAME = re.compile(CLIENT_NAME)
"""A client's pseudonym, chosen by the client."""

_REASON = re.compile(r"reason_[a-z_]{1,30}")
_MOST_REASONS = 16
_LARGEST = 2.0**53
_R = TypeVar("_R", ConfigRecord, MetricRecord, ArrayRecord)


class TaskError(Exception):
    """A client's failure with a code the server may know. `details` stay with the client, in its own log."""

    def __init__(self, code: str, details: str = "") -> None:
        if code not in ERROR_CODES:
            raise ValueError(f"{code!r} is no error code; known: {', '.join(ERROR_CODES)}")
        super().__init__(details or ERROR_CODES[code])
        self.code = code


@dataclass(frozen=True)
class Task:
    """What the server asks of one client. Arrays are float32, of any shape."""

    name: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What a client answers. `error` is empty or one of ERROR_CODES; `name` is set in the answer to `hello` alone."""

    numbers: Mapping[str, int | float] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    error: str = ""
    name: str = ""


def message_type(task_name: str) -> str:
    """Flower's message type of a task: `train`, else `query.<name>`."""
    return "train" if task_name == "train" else f"query.{task_name}"


def encode_task(task: Task) -> RecordDict:
    """A task as the content of a Flower message. Raises WireError for a setting or an array that cannot travel."""
    header = ConfigRecord({"name": task.name, "version": SCHEMA_VERSION})
    try:
        settings = ConfigRecord(dict(task.settings))
    except TypeError as error:
        raise WireError(f"settings of {task.name}: {error}") from error
    return RecordDict({"task": header, "settings": settings, "arrays": _encode_arrays(task.arrays)})


def decode_task(content: RecordDict) -> Task:
    """The task in a message. Raises TaskError with `version`, `unknown-task` or `bad-task`."""
    try:
        header, settings = _record(content, "task", ConfigRecord), _record(content, "settings", ConfigRecord)
        if header.get("version") != SCHEMA_VERSION:
            raise TaskError("version", f"the task has version {header.get('version')!r}, not {SCHEMA_VERSION}")
        if header.get("name") not in TASKS:
            raise TaskError("unknown-task", f"the task is {header.get('name')!r}")
        arrays = _decode_arrays(_record(content, "arrays", ArrayRecord))
    except WireError as error:
        raise TaskError("bad-task", str(error)) from error
    return Task(str(header["name"]), dict(settings), arrays)  # type: ignore[arg-type]


def encode_result(result: Result, task: Task) -> RecordDict:
    """A result as the content of a Flower message. Raises WireError, and so sends nothing, for what may not leave."""
    check_result(result, task)
    header = ConfigRecord({"error": result.error, "name": result.name})
    numbers = MetricRecord(dict(result.numbers))
    return RecordDict({"result": header, "numbers": numbers, "arrays": _encode_arrays(result.arrays)})


def decode_result(content: RecordDict, task: Task) -> Result:
    """The result in the reply to `task`. Raises WireError for anything that may not come."""
    if set(content) != {"result", "numbers", "arrays"}:
        raise WireError(f"the records of the reply are {sorted(content)}")
    header, numbers = _record(content, "result", ConfigRecord), _record(content, "numbers", MetricRecord)
    if set(header) != {"error", "name"} or not all(isinstance(value, str) for value in header.values()):
        raise WireError(f"the reply's header has {sorted(header)}")
    arrays = _decode_arrays(_record(content, "arrays", ArrayRecord))
    result = Result(dict(numbers), arrays, str(header["error"]), str(header["name"]))  # type: ignore[arg-type]
    check_result(result, task)
    return result


def check_result(result: Result, task: Task) -> None:
    """Raise WireError unless every part of `result` may leave a client in answer to `task`."""
    if result.error and (result.error not in ERROR_CODES or result.numbers or result.arrays or result.name):
        raise WireError("an error is one of the fixed codes, and nothing comes with it")
    if result.name and (task.name != "hello" or not NAME.fullmatch(result.name)):
        raise WireError("a name comes in answer to hello alone: 1 to 40 of a-z, 0-9 and -")
    if sum(key not in ALLOWED_NUMBERS for key in result.numbers) > _MOST_REASONS:
        raise WireError(f"more than {_MOST_REASONS} reasons")
    for key, value in result.numbers.items():
        _check_number(key, value)
    for key, array in result.arrays.items():
        _check_array(key, array, task)


def _check_number(key: str, value: object) -> None:
    if key not in ALLOWED_NUMBERS and not _REASON.fullmatch(key):
        raise WireError(f"{key!r} is not in the list of numbers that may leave a client")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise WireError(f"{key} is a {type(value).__name__}; only a single number may leave a client")
    if not (math.isfinite(value) and 0 <= value < _LARGEST):
        raise WireError(f"{key} is not a finite number from 0 up")


def _check_array(key: str, array: np.ndarray, task: Task) -> None:
    sent = task.arrays.get(key)
    if sent is None or not key.startswith(ADAPTER):
        raise WireError(f"array {key!r} is no adapter array of the task")
    if array.shape != sent.shape:
        raise WireError(f"array {key!r} has shape {array.shape}; the task brought {sent.shape}")
    if not np.isfinite(array).all():
        raise WireError(f"array {key!r} has values that are not finite")


def _encode_arrays(arrays: Mapping[str, np.ndarray]) -> ArrayRecord:
    for key, array in arrays.items():
        if array.dtype != np.float32:
            raise WireError(f"array {key!r} is {array.dtype}; arrays travel as float32")
    return ArrayRecord({key: Array(array) for key, array in arrays.items()})


def _decode_arrays(record: ArrayRecord) -> dict[str, np.ndarray]:
    arrays = {}
    for key, packed in record.items():
        try:
            array = packed.numpy()  # numpy.load with allow_pickle=False
        except Exception as error:
            raise WireError(f"array {key!r} cannot be read: {type(error).__name__}") from error
        # Packed anew it must be the same bytes: nothing rides behind the array or in its header.
        if not isinstance(array, np.ndarray) or array.dtype != np.float32 or Array(array) != packed:
            raise WireError(f"array {key!r} is no plain float32 array")
        arrays[key] = array
    return arrays


def _record(content: RecordDict, key: str, kind: type[_R]) -> _R:
    record = content.get(key)
    if not isinstance(record, kind):
        raise WireError(f"the message has no {kind.__name__} {key!r}")
    return record
