"""Tasks and replies as the contents of Flower's messages. Arrays travel as numpy's own format without pickle."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TypeVar

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict

from clues.errors import WireError
from clues.federated.parts import Parts
from clues.federated.replies import ClientReply, Failure
from clues.federated.tasks import TASKS, Task
from clues.federated.wire import WIRE_VERSION, Arrays, Result, TaskError, UnfitReply, check_result

R = TypeVar("R", bound=ClientReply)
_Record = TypeVar("_Record", ConfigRecord, MetricRecord, ArrayRecord)
_ID = re.compile("[0-9a-f]{16}")


def message_type(task: str) -> str:
    """Flower's message type of a task: `train`, else `query.<name>`."""
    return "train" if task == "train" else f"query.{task}"


def task_id(task: Task, job: str) -> str:
    """16 hex digits that tell a task from every other, also of another round or job (`job`: its hash): its answer
    brings them back, and an answer to anything else is none."""
    parts = task.to_wire()
    digest = hashlib.sha256(repr((job, task.name, sorted(parts.settings.items()))).encode())
    for name, array in sorted(parts.arrays.items()):
        digest.update(f"{name}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def encode_task(task: Task, job: str = "") -> RecordDict:
    """A task as the content of a Flower message. Raises WireError for a setting or an array that cannot travel."""
    parts = task.to_wire()
    header = ConfigRecord({"name": task.name, "version": WIRE_VERSION, "id": task_id(task, job)})
    try:
        settings = ConfigRecord(dict(parts.settings))
    except TypeError as error:
        raise WireError(f"settings of {task.name}: {error}") from error
    return RecordDict({"task": header, "settings": settings, "arrays": _encode_arrays(parts.arrays)})


def decode_task(content: RecordDict) -> Task:
    """The task in a message. Raises TaskError with `version`, `unknown-task` or `bad-task`."""
    try:
        header, settings = _record(content, "task", ConfigRecord), _record(content, "settings", ConfigRecord)
        if header.get("version") != WIRE_VERSION:
            raise TaskError("version", f"the task has version {header.get('version')!r}, not {WIRE_VERSION}")
        if header.get("name") not in TASKS:
            raise TaskError("unknown-task", f"the task is {header.get('name')!r}")
        arrays = _decode_arrays(_record(content, "arrays", ArrayRecord))
        return TASKS[str(header["name"])].from_wire(Parts(dict(settings), arrays))  # type: ignore[arg-type]
    except WireError as error:
        raise TaskError("bad-task", str(error)) from error


def id_in(content: RecordDict) -> str:
    """The id that a task brings; empty where it brings none."""
    found = content.config_records["task"].get("id") if "task" in content.config_records else ""
    return found if isinstance(found, str) and _ID.fullmatch(found) else ""


def encode_reply(reply: ClientReply, task: Task, id: str) -> RecordDict:
    """A reply as the content of a Flower message; `id` is the task's. Raises WireError, and so sends nothing, for what
    may not leave."""
    result = replace(reply.to_wire(), task=id)
    check_result(result, task.name, task.to_wire().arrays)
    task.reply(result)
    return _encode(result)


def encode_failure(failure: Failure, id: str = "") -> RecordDict:
    """A failure's code as the content of a Flower message, with the task's id; nothing else of it travels."""
    result = Result(error=failure.code, task=id)
    check_result(result, "", {})
    return _encode(result)


def decode_reply(content: RecordDict, task: Task[R], id: str) -> R | Failure:
    """The reply to `task`, which went out with this id. Raises WireError for anything that may not come."""
    if set(content) != {"result", "numbers", "arrays"}:
        raise WireError(f"the records of the reply are {sorted(content)}")
    header, numbers = _record(content, "result", ConfigRecord), _record(content, "numbers", MetricRecord)
    if dict(header) == {"error": "version", "name": ""} and not numbers:  # an older clues brings no id
        return Failure("version")
    if set(header) != {"error", "name", "task"} or not all(isinstance(value, str) for value in header.values()):
        raise WireError("the reply's header is none")
    if header["task"] != id and not (header["error"] and not header["task"]):
        raise UnfitReply("it answers another task")
    arrays = _decode_arrays(_record(content, "arrays", ArrayRecord))
    result = Result(dict(numbers), arrays, str(header["error"]), str(header["name"]))  # type: ignore[arg-type]
    check_result(result, task.name, task.to_wire().arrays)
    return Failure(result.error) if result.error else task.reply(result)


def _encode(result: Result) -> RecordDict:
    header = ConfigRecord({"error": result.error, "name": result.name, "task": result.task})
    numbers = MetricRecord(dict(result.numbers))
    return RecordDict({"result": header, "numbers": numbers, "arrays": _encode_arrays(result.arrays)})


def _encode_arrays(arrays: Arrays) -> ArrayRecord:
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


def _record(content: RecordDict, key: str, kind: type[_Record]) -> _Record:
    record = content.get(key)
    if not isinstance(record, kind):
        raise WireError(f"the message has no {kind.__name__} {key!r}")
    return record
