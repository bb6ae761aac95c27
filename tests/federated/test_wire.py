"""The wire: what may travel does, unchanged; what must not is refused on the sending and on the receiving side."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from flwr.common.serde import recorddict_from_proto, recorddict_to_proto
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clues.config import SelectionSettings
from clues.errors import WireError
from clues.federated import records
from clues.federated.parts import Parts
from clues.federated.records import decode_task, encode_failure, encode_task, message_type, task_id
from clues.federated.replies import ClientReply, Failure, HelloReply, ScoreReply, SelectReply, TrainReply
from clues.federated.tasks import TASKS, Hello, Score, ScoreBase, Select, Task, Train
from clues.federated.wire import (
    ADAPTER,
    ALLOWED_NUMBERS,
    ERROR_CODES,
    MOST_ROWS,
    REASON,
    WIRE_VERSION,
    Result,
    TaskError,
    check_result,
)
from clues.folders.arm import Arm
from clues.folders.power import Shading
from clues.scoring.public_answers import PublicAnswers
from clues.selection.seen import LeftOut
from tests.helpers.toy import select

W = ADAPTER + "w"
TASK = Train(Arm("kept", equal_epochs=True), 4, 8, {"w": np.arange(6, dtype=np.float32).reshape(2, 3)})
REPLY = TrainReply(3, 4, 0.5, 0.1, {"w": np.zeros((2, 3), np.float32)})
ONE = np.ones(3, np.float32)
LEFT_OUT = (LeftOut("label", 3), LeftOut("novelty.forward", 24, 0.5, 0.25))
ASKED: list[Task] = [
    Hello(),
    ScoreBase(PublicAnswers(("What is iron?", ""), ("", "No"))),
    Score(2, {"adapter/w": ONE, "direction/0/fluency.gradient/w": ONE}),
    Score(1, {"adapter/w": ONE, "direction/0/fluency.gradient/w": ONE, "gradient/w": ONE, "square/w": ONE}),
    select(),
    Select(
        SelectionSettings(rule="ratio", ratio=0.25),
        {"anchor/fluency.forward": ONE},
        {},
        LEFT_OUT,
        (),
        Shading(),
    ),
    TASK,
]
ANSWERED: list[tuple[Task, ClientReply]] = [
    (Hello(), HelloReply("clinic-7")),
    (ASKED[1], ScoreReply(3, 1, 0, 2, 0.25)),
    (ASKED[2], ScoreReply(3, 0, 0, 0, 0.25)),
    (select(), SelectReply(3, 1, 0, 0, 2, 1, 0, {"fluency": 1, "owner": 0}, 0.5)),
    (TASK, REPLY),
]


def encode_reply(reply: ClientReply, task: Task) -> RecordDict:
    """A reply as a client sends it that was asked by a server without a job."""
    return records.encode_reply(reply, task, task_id(task, ""))


def decode_reply(content: RecordDict, task: Task) -> ClientReply | Failure:
    """A reply as such a server reads it."""
    return records.decode_reply(content, task, task_id(task, ""))


def sent(content: RecordDict) -> RecordDict:
    """The content as it comes out of its serialised form."""
    return recorddict_from_proto(recorddict_to_proto(content))


def same(a: object, b: object) -> bool:
    """Equality of dataclasses and mappings with arrays in them."""
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, Mapping):
        return isinstance(b, Mapping) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (Task, ClientReply)):
        return type(a) is type(b) and same(vars(a), vars(b))
    return a == b and type(a) is type(b)


@pytest.mark.parametrize("task", ASKED, ids=lambda task: task.name)
def test_a_task_arrives_as_it_left(task: Task) -> None:
    assert same(decode_task(sent(encode_task(task))), task)


@pytest.mark.parametrize(("task", "reply"), ANSWERED, ids=lambda one: type(one).__name__)
def test_a_reply_arrives_as_it_left(task: Task, reply: ClientReply) -> None:
    assert same(decode_reply(sent(encode_reply(reply, task)), task), reply)


@pytest.mark.parametrize("code", ERROR_CODES)
def test_a_failure_arrives_as_it_left(code: str) -> None:
    assert decode_reply(sent(encode_failure(Failure(code))), TASK) == Failure(code)


def test_every_task_and_every_reply_is_tried_here() -> None:
    assert {type(task) for task in ASKED} == set(TASKS.values())
    assert {type(reply) for _, reply in ANSWERED} == set(ClientReply.__subclasses__())


def test_replies_hold_every_number_of_the_list_and_no_other() -> None:
    numbers = {name for _, reply in ANSWERED for name in reply.to_wire().numbers}
    assert {name for name in numbers if not name.startswith(REASON)} == set(ALLOWED_NUMBERS)


@given(
    counts=st.tuples(st.integers(1, MOST_ROWS), st.integers(1, 4)),
    numbers=st.tuples(st.floats(0, 1e4), st.floats(0, 1e7)),
    value=st.floats(-1e6, 1e6, width=32),
)
@settings(suppress_health_check=[HealthCheck.too_slow])  # of a busy machine
def test_any_update_arrives_as_it_left(counts: tuple[int, int], numbers: tuple[float, float], value: float) -> None:
    reply = TrainReply(*counts, *numbers, {"w": np.full((2, 3), value, np.float32)})
    assert same(decode_reply(sent(encode_reply(reply, TASK)), TASK), reply)


def test_a_column_major_array_arrives_as_it_left() -> None:
    reply = replace(REPLY, adapter={"w": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))})
    assert same(decode_reply(sent(encode_reply(reply, TASK)), TASK), reply)


def test_train_is_train_and_the_rest_are_queries() -> None:
    assert [message_type(name) for name in ("train", "hello", "score")] == ["train", "query.hello", "query.score"]


def crooked(task: Task) -> Iterator[tuple[str, Parts]]:
    """A task's parts with each setting missing, of another type or doubled, and with more than belongs there."""
    parts = task.to_wire()
    for name, value in parts.settings.items():
        others = {key: other for key, other in parts.settings.items() if key != name}
        yield f"without {name}", replace(parts, settings=others)
        other = [True] if isinstance(value, list) else [value]
        yield f"{name} is {other}", replace(parts, settings={**others, name: other})
        if isinstance(value, int):
            yield f"{name} is a truth value", replace(parts, settings={**others, name: True})
            yield f"{name} is negative", replace(parts, settings={**others, name: -1})
    yield "with a setting more", replace(parts, settings={**parts.settings, "note": "x"})
    yield "with an array more", replace(parts, arrays={**parts.arrays, "rows/w": ONE})
    for prefix in sorted({name.partition("/")[0] for name in parts.arrays} & {"adapter", "direction", "anchor"}):
        left = {name: array for name, array in parts.arrays.items() if not name.startswith(prefix)}
        yield f"without {prefix}", replace(parts, arrays=left)


@pytest.mark.parametrize(
    ("task", "parts"),
    [pytest.param(task, parts, id=f"{task.name} {what}") for task in ASKED for what, parts in crooked(task)],
)
def test_a_task_that_lacks_something_or_has_more_is_a_bad_task(task: Task, parts: Parts) -> None:
    class Crooked(type(task)):
        def to_wire(self) -> Parts:
            return parts

    made = object.__new__(Crooked)
    with pytest.raises(TaskError) as caught:
        decode_task(sent(encode_task(made)))
    assert caught.value.code == "bad-task"


@pytest.mark.parametrize(
    ("task", "changes"),
    [
        (TASK, {"arm": "mixed-merged"}),
        (TASK, {"steps": 0}),
        (ASKED[2], {"number": 0}),
        (select(), {"public_prompt": ["What is iron?"]}),
        (select(), {"shading_auc": [0.5, 0.5], "shading_rows": [1, 1]}),
        (select(), {"shading_auc": []}),
        (select(), {"alpha": 5.0}),
        (select(), {"rule": "best"}),
    ],
)
def test_a_setting_with_a_value_it_cannot_have_is_a_bad_task(task: Task, changes: dict) -> None:
    content = encode_task(task)
    content["settings"] = ConfigRecord({**content.config_records["settings"], **changes})
    with pytest.raises(TaskError) as caught:
        decode_task(content)
    assert caught.value.code == "bad-task"


UNTRUE: dict[str, dict[str, float]] = {
    "score_base without rows": {"rows": 0},
    "score_base with more duplicates than rows": {"duplicates": 4},
    "score with more truncated than rows": {"truncated": 4},
    "select with more kept than rows": {"kept": 12},
    "select with rows neither kept nor dropped": {"rows": 4},
    "select with more overlap than rows": {"overlap": 4},
    "select with more reasons than dropped rows": {"reason_fluency": 2},
    "train without rows": {"examples": 0},
    "train without steps": {"steps": 0},
    "train with more steps than asked": {"steps": 5},
    "train on all rows of the world": {"examples": 10**12},
    "train at an endless loss": {"train_loss": 1e5},
    "train for longer than anyone waits": {"seconds": 1e9},
}
"""Numbers that are on the list and cannot be true."""


def crooked_replies() -> Iterator[tuple[str, Task, Result]]:
    """Every reply with each number missing, with those of another reply, and with arrays where none or some belong."""
    for task, reply in ANSWERED:
        result = reply.to_wire()
        for name in result.numbers:
            if not name.startswith(REASON):
                left = {key: number for key, number in result.numbers.items() if key != name}
                yield f"{task.name} without {name}", task, replace(result, numbers=left)
            if isinstance(result.numbers[name], int):
                yield f"{task.name} half a {name}", task, replace(result, numbers={**result.numbers, name: 0.5})
        other = "kept" if isinstance(reply, TrainReply) else "examples"
        yield f"{task.name} with {other}", task, replace(result, numbers={**result.numbers, other: 1})
        yield f"{task.name} with nothing", task, Result()
    yield "train without an adapter", TASK, replace(REPLY.to_wire(), arrays={})
    for what, changes in UNTRUE.items():
        task, reply = next((t, r) for t, r in ANSWERED if t.name == what.split()[0])
        yield what, task, replace(reply.to_wire(), numbers={**reply.to_wire().numbers, **changes})


@pytest.mark.parametrize(("task", "result"), [pytest.param(t, r, id=what) for what, t, r in crooked_replies()])
def test_a_reply_that_lacks_something_or_has_more_is_not_taken(task: Task, result: Result) -> None:
    with pytest.raises(WireError):
        decode_reply(sent(packed_unchecked(result, task)), task)


LEAKS = {
    "scores as a list": Result({"kept": [0.1, 0.2, 0.3]}),  # type: ignore[dict-item]
    "text as a number": Result({"kept": "the patient was told"}),  # type: ignore[dict-item]
    "a truth value": Result({"kept": True}),
    "a number nobody listed": Result({"score_of_row_7": 0.3}),
    "a row in a reason's name": Result({"reason_the patient was told": 1}),
    "a number for every row": Result({f"reason_{'a' * i}": 0.5 for i in range(1, 30)}),
    "not a number": Result({"train_loss": float("nan")}),
    "a negative count": Result({"examples": -3}),
    "an integer that packs a text": Result({"rows": int.from_bytes(b"the patient was told", "big")}),
    "an array the task did not bring": Result(arrays={"scores": np.zeros(3, np.float32)}),
    "an adapter the task did not bring": Result(arrays={ADAPTER + "scores": np.zeros(3, np.float32)}),
    "scores in the place of the anchors": Result(arrays={"anchor/fluency": np.zeros(8, np.float32)}),
    "an adapter as long as the rows": Result(arrays={W: np.zeros(40, np.float32)}),
    "an adapter of another rank": Result(arrays={W: np.zeros((2, 4), np.float32)}),
    "an adapter with nan": Result(arrays={W: np.full((2, 3), np.nan, np.float32)}),
    "an error's text": Result(error="FileNotFoundError: /home/clinic/rows.jsonl"),
    "numbers beside an error": Result({"rows": 3}, error="internal"),
    "a name outside hello": Result(name="north"),
}


class Leaky(TrainReply):
    """A reply that travels as something else."""

    def __init__(self, result: Result) -> None:
        object.__setattr__(self, "result", result)

    def to_wire(self) -> Result:
        return self.result  # type: ignore[attr-defined]


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
def test_it_may_not_leave(leak: Result) -> None:
    with pytest.raises(WireError):
        check_result(leak, TASK.name, TASK.to_wire().arrays)


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
def test_a_client_cannot_send(leak: Result) -> None:
    with pytest.raises(WireError):
        encode_reply(Leaky(leak), TASK)


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
def test_a_server_does_not_take(leak: Result) -> None:
    with pytest.raises((WireError, TypeError, ValueError)):  # some of them Flower itself cannot carry
        decode_reply(sent(packed_unchecked(leak, TASK)), TASK)


def packed_unchecked(result: Result, task: Task) -> RecordDict:
    """A result as a client would send it that does not check."""
    header = ConfigRecord({"error": result.error, "name": result.name, "task": task_id(task, "")})
    arrays = ArrayRecord({key: Array(array) for key, array in result.arrays.items()})
    return RecordDict({"result": header, "numbers": MetricRecord(dict(result.numbers)), "arrays": arrays})


@pytest.mark.parametrize("name", ["the patient was told", "/home/clinic", "North", "a" * 41, "host.example.org"])
def test_a_name_is_a_pseudonym(name: str) -> None:
    with pytest.raises(WireError):
        encode_reply(HelloReply(name), Hello())


def good_content() -> RecordDict:
    return encode_reply(REPLY, TASK)


def test_a_further_record_is_refused() -> None:
    content = good_content()
    content["more"] = ConfigRecord({"text": "the patient was told"})
    with pytest.raises(WireError, match="records"):
        decode_reply(content, TASK)


def test_a_further_header_is_refused() -> None:
    content = good_content()
    content["result"] = ConfigRecord({**content.config_records["result"], "text": "the patient was told"})
    with pytest.raises(WireError, match="header"):
        decode_reply(content, TASK)


def test_an_answer_to_another_round_is_none() -> None:
    """The same client, task and shapes; but what it was asked was the round before, or another job."""
    for other in (task_id(replace(TASK, first_step=4), ""), task_id(TASK, "another job"), ""):
        with pytest.raises(WireError, match="another task"):
            decode_reply(sent(records.encode_reply(REPLY, TASK, other)), TASK)
    partly = replace(TASK, adapter={**TASK.adapter, "v": ONE})
    with pytest.raises(WireError, match="1 of 2 arrays"):
        encode_reply(REPLY, partly)


def test_an_arm_of_equal_steps_makes_all_of_them() -> None:
    fixed = replace(TASK, arm=Arm("kept"))
    with pytest.raises(WireError, match="made 3 steps, and was asked for 4"):
        encode_reply(replace(REPLY, steps=3), fixed)
    assert encode_reply(replace(REPLY, steps=3), TASK)


def test_nothing_rides_behind_an_array() -> None:
    content = good_content()
    arrays = content.array_records["arrays"]
    array = arrays[W]
    arrays[W] = Array(array.dtype, array.shape, array.stype, array.data + b"the patient was told")
    with pytest.raises(WireError, match="plain float32"):
        decode_reply(content, TASK)


@pytest.mark.parametrize("array", [np.zeros((2, 3)), np.zeros((2, 3), np.int64)], ids=["float64", "int64"])
def test_an_array_of_another_type_is_refused(array: np.ndarray) -> None:
    with pytest.raises(WireError, match="float32"):
        encode_reply(replace(REPLY, adapter={"w": array}), TASK)
    content = good_content()
    content.array_records["arrays"][W] = Array(array)
    with pytest.raises(WireError, match="float32"):
        decode_reply(content, TASK)


def test_a_pickled_array_is_not_opened() -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    content = encode_task(TASK)
    content.array_records["arrays"][W] = Array("object", (1,), "numpy.ndarray", buffer.getvalue())
    with pytest.raises(TaskError) as caught:
        decode_task(content)
    assert caught.value.code == "bad-task"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"name": "train", "version": 0}, "version"),
        ({"name": "dump", "version": WIRE_VERSION}, "unknown-task"),
        ({}, "version"),
    ],
)
def test_a_task_that_is_not_understood_has_its_code(header: dict, code: str) -> None:
    content = encode_task(TASK)
    content["task"] = ConfigRecord(header)
    with pytest.raises(TaskError) as caught:
        decode_task(content)
    assert caught.value.code == code


def test_a_task_without_its_records_is_a_bad_task() -> None:
    with pytest.raises(TaskError) as caught:
        decode_task(RecordDict())
    assert caught.value.code == "bad-task"


def test_a_setting_that_cannot_travel_is_named() -> None:
    with pytest.raises(WireError, match="settings of score_base"):
        encode_task(ScoreBase(PublicAnswers(("What is iron?", 7), ("", ""))))  # type: ignore[arg-type]


def test_client_and_server_of_another_clues_are_told_so() -> None:
    """The first wire (version 1) carried its questions as JSON in a setting. Its replies had today's form."""
    old = RecordDict(
        {
            "task": ConfigRecord({"name": "score", "version": 1}),
            "settings": ConfigRecord({"checkpoint": 0, "questions": "[]"}),
            "arrays": ArrayRecord({}),
        }
    )
    with pytest.raises(TaskError) as caught:
        decode_task(sent(old))
    assert caught.value.code == "version"
    header = sent(encode_task(Hello())).config_records["task"]
    assert (header["name"], header["version"]) == ("hello", 3), "1 takes no other than 1"
    header = ConfigRecord({"error": "version", "name": ""})
    told = RecordDict({"result": header, "numbers": MetricRecord({}), "arrays": ArrayRecord({})})
    assert decode_reply(sent(told), Hello()) == Failure("version")


def test_an_error_of_ones_own_has_a_code() -> None:
    assert TaskError("no-rows").code == "no-rows"
    with pytest.raises(ValueError, match="no error code"):
        TaskError("FileNotFoundError")


def test_every_code_says_what_it_means() -> None:
    assert all(len(text) > 20 for text in ERROR_CODES.values())
