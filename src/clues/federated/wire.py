"""The wire between server and clients, and the one list of what may leave a client.

A task goes down: settings and arrays (tasks.py). A result comes up: counts and durations as single numbers, adapter
arrays of exactly the names and shapes that the task brought, an error code, the task's own id, and, in answer to
`hello`, the client's pseudonym (replies.py). Nothing else can be encoded, and nothing else is accepted: both sides
check.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from clues.config.names import CLIENT_NAME
from clues.errors import WireError

WIRE_VERSION = 3
"""Raised with every change of a task or a reply. Client and server have the same, or the client answers `version`."""

Arrays = Mapping[str, np.ndarray]
"""By name; float32, of any shape."""

ADAPTER = "adapter/"
"""Prefix of the task's arrays that may come back changed. Directions and anchors have other prefixes and stay."""

ALLOWED_NUMBERS = {
    "rows": "rows in the client's file that can be used",
    "set_aside": "rows that cannot be used",
    "duplicates": "rows that repeat another row of the client",
    "truncated": "rows longer than the job's max_length",
    "overlap": "rows that are also in a public set",
    "kept": "rows the rule keeps",
    "dropped": "rows the rule drops",
    "examples": "rows the client trained on",
    "steps": "optimizer steps the client made",
    "train_loss": "mean training loss, nats per response token",
    "seconds": "seconds the client worked",
}
"""Every number that may leave a client, always one number for all its rows; and `reason_<criterion>`, a count."""

LARGEST = {"train_loss": 1e4, "seconds": 1e7}
"""No client has more: e^10000 would be the perplexity, and 1e7 seconds are four months."""

MOST_ROWS = 10**9
"""The largest of all other numbers: counts of rows, and of steps."""

REASON = "reason_"

ERROR_CODES = {
    "bad-data": "the client cannot read its data; its own log says where",
    "no-rows": "the client has no row left for this task",
    "data-changed": "the client's file has changed since it was scored; put it back, or run a new job",
    "disk-full": "the client's disk is full; make room in its folder",
    "out-of-memory": "the client ran out of memory; give it a smaller batch_size or token_budget, or a larger machine",
    "internal": "the client failed; its own log says how",
    "refused": "the client refused to send its result, because something in it must not leave; its own log says what",
    "not-configured": "the client's SuperNode lacks `data`, `folder` or a valid `name` in its --node-config",
    "bad-task": "the client could not read the task",
    "unknown-task": "the client does not know this task",
    "version": "the client runs another version of clues; install the server's version there",
    "other-model": "the client's base weights are not the server's; give it the same model",
    "unreachable": "the client's SuperNode does not answer; see that it runs and reaches the SuperLink",
    "behind": "the client has missed a step that this one needs, and has not caught up yet",
    "late": "the client did not answer in time",
    "crashed": "the client's process died, often for lack of memory",
    "bad-app": "the client's SuperNode could not load the app; see that clues is installed there",
    "bad-reply": "the client's reply was not what may come, and was thrown away",
}
"""Every error a result can name, with what it means. The last six are found by the server."""

NAME = re.compile(CLIENT_NAME)
"""A client's pseudonym, chosen by the client."""

_REASON = re.compile(REASON + r"[a-z_]{1,30}")
_MOST_REASONS = 16


class TaskError(Exception):
    """A client's failure with a code the server may know. `details` stay with the client, in its own log."""

    def __init__(self, code: str, details: str = "") -> None:
        if code not in ERROR_CODES:
            raise ValueError(f"{code!r} is no error code; known: {', '.join(ERROR_CODES)}")
        super().__init__(details or ERROR_CODES[code])
        self.code = code


class UnfitReply(WireError):  # noqa: N818 - it names what it is
    """A reply with the right parts that cannot be true, or is none to this task. Its text has our words and counts
    alone, so that the server may show it."""


@dataclass(frozen=True)
class Result:
    """A reply as it travels. `error` is empty or one of ERROR_CODES; `name` is set in the answer to `hello` alone;
    `task` is the id that the task brought, or empty where a client could not read one."""

    numbers: Mapping[str, int | float] = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)
    error: str = ""
    name: str = ""
    task: str = ""


def check_result(result: Result, task: str, sent: Arrays) -> None:
    """Raise WireError unless every part of `result` may leave a client in answer to a task of that name, which brought
    the arrays `sent`."""
    if result.error and (result.error not in ERROR_CODES or result.numbers or result.arrays or result.name):
        raise WireError("an error is one of the fixed codes, and nothing comes with it")
    if result.name and (task != "hello" or not NAME.fullmatch(result.name)):
        raise WireError("a name comes in answer to hello alone: 1 to 40 of a-z, 0-9 and -")
    if sum(key not in ALLOWED_NUMBERS for key in result.numbers) > _MOST_REASONS:
        raise WireError(f"more than {_MOST_REASONS} reasons")
    for key, value in result.numbers.items():
        _check_number(key, value)
    for key, array in result.arrays.items():
        _check_array(key, array, sent)


def _check_number(key: str, value: object) -> None:
    if key not in ALLOWED_NUMBERS and not _REASON.fullmatch(key):
        raise WireError(f"{key!r} is not in the list of numbers that may leave a client")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise WireError(f"{key} is a {type(value).__name__}; only a single number may leave a client")
    most = LARGEST.get(key, MOST_ROWS)
    if not (math.isfinite(value) and 0 <= value <= most):
        raise WireError(f"{key} is not a number from 0 to {most:.0e}")


def _check_array(key: str, array: np.ndarray, sent: Arrays) -> None:
    if key not in sent or not key.startswith(ADAPTER):
        raise WireError(f"array {key!r} is no adapter array of the task")
    if array.shape != sent[key].shape:
        raise WireError(f"array {key!r} has shape {array.shape}; the task brought {sent[key].shape}")
    if not np.isfinite(array).all():
        raise WireError(f"array {key!r} has values that are not finite")
