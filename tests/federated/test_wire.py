"""The wire: what may travel does, unchanged; what must not is refused on the sending and on the receiving side."""

from __future__ import annotations

import io

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from flwr.common.serde import recorddict_from_proto, recorddict_to_proto
from hypothesis import given
from hypothesis import strategies as st

from clues.errors import WireError
from clues.federated.wire import (
    ADAPTER,
    ALLOWED_NUMBERS,
    ERROR_CODES,
    Result,
    Task,
    TaskError,
    check_result,
    decode_result,
    decode_task,
    encode_result,
    encode_task,
    message_type,
)

W = ADAPTER + "w"
TASK = Task(
    "train",
    {"steps": 4, "rate": 1e-4, "arm": "clues", "on": True, "layers": [1, 2], "empty": ""},
    {W: np.arange(6, dtype=np.float32).reshape(2, 3), "anchor/fluency": np.zeros(8, np.float32)},
)


def sent(content: RecordDict) -> RecordDict:
    """The content as it comes out of its serialised form."""
    return recorddict_from_proto(recorddict_to_proto(content))


def test_a_task_arrives_as_it_left() -> None:
    got = decode_task(sent(encode_task(TASK)))
    assert (got.name, got.settings) == (TASK.name, TASK.settings)
    assert set(got.arrays) == set(TASK.arrays)
    assert all(np.array_equal(got.arrays[key], array) for key, array in TASK.arrays.items())
    assert all(array.dtype == np.float32 for array in got.arrays.values())


@given(
    numbers=st.dictionaries(
        st.sampled_from([*ALLOWED_NUMBERS, "reason_fluency"]),
        st.integers(0, 2**40) | st.floats(0, 1e9),
    ),
    value=st.floats(-1e6, 1e6, width=32),
)
def test_a_result_arrives_as_it_left(numbers: dict[str, int | float], value: float) -> None:
    array = np.full((2, 3), value, np.float32)
    got = decode_result(sent(encode_result(Result(numbers, {W: array}), TASK)), TASK)
    assert got.numbers == numbers
    assert np.array_equal(got.arrays[W], array)
    assert (got.error, got.name) == ("", "")


def test_a_column_major_array_arrives_as_it_left() -> None:
    array = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    got = decode_result(sent(encode_result(Result(arrays={W: array}), TASK)), TASK)
    assert np.array_equal(got.arrays[W], array)


def test_train_is_train_and_the_rest_are_queries() -> None:
    assert [message_type(name) for name in ("train", "hello", "score")] == ["train", "query.hello", "query.score"]


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


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
def test_a_client_cannot_send(leak: Result) -> None:
    with pytest.raises(WireError):
        encode_result(leak, TASK)


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
def test_a_server_does_not_take(leak: Result) -> None:
    with pytest.raises((WireError, TypeError, ValueError)):  # some of them Flower itself cannot carry
        decode_result(sent(packed_unchecked(leak)), TASK)


def packed_unchecked(result: Result) -> RecordDict:
    """A result as a client would send it that does not check."""
    header = ConfigRecord({"error": result.error, "name": result.name})
    arrays = ArrayRecord({key: Array(array) for key, array in result.arrays.items()})
    return RecordDict({"result": header, "numbers": MetricRecord(dict(result.numbers)), "arrays": arrays})


@pytest.mark.parametrize("name", ["the patient was told", "/home/clinic", "North", "a" * 41, "host.example.org"])
def test_a_name_is_a_pseudonym(name: str) -> None:
    with pytest.raises(WireError):
        check_result(Result(name=name), Task("hello"))
    check_result(Result({"rows": 3}, name="clinic-7"), Task("hello"))


def good_content() -> RecordDict:
    return encode_result(Result({"rows": 3}, {W: np.zeros((2, 3), np.float32)}), TASK)


def test_a_further_record_is_refused() -> None:
    content = good_content()
    content["more"] = ConfigRecord({"text": "the patient was told"})
    with pytest.raises(WireError, match="records"):
        decode_result(content, TASK)


def test_a_further_header_is_refused() -> None:
    content = good_content()
    content["result"] = ConfigRecord({"error": "", "name": "", "text": "the patient was told"})
    with pytest.raises(WireError, match="header"):
        decode_result(content, TASK)


def test_nothing_rides_behind_an_array() -> None:
    content = good_content()
    array = content["arrays"][W]
    content["arrays"][W] = Array(array.dtype, array.shape, array.stype, array.data + b"the patient was told")
    with pytest.raises(WireError, match="plain float32"):
        decode_result(content, TASK)


@pytest.mark.parametrize("array", [np.zeros((2, 3)), np.zeros((2, 3), np.int64)], ids=["float64", "int64"])
def test_an_array_of_another_type_is_refused(array: np.ndarray) -> None:
    with pytest.raises(WireError, match="float32"):
        encode_result(Result(arrays={W: array}), TASK)
    content = good_content()
    content["arrays"][W] = Array(array)
    with pytest.raises(WireError, match="float32"):
        decode_result(content, TASK)


def test_a_pickled_array_is_not_opened() -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    content = encode_task(TASK)
    content["arrays"][W] = Array("object", (1,), "numpy.ndarray", buffer.getvalue())
    with pytest.raises(TaskError) as caught:
        decode_task(content)
    assert caught.value.code == "bad-task"


@pytest.mark.parametrize(
    ("header", "code"),
    [({"name": "train", "version": 0}, "version"), ({"name": "dump", "version": 1}, "unknown-task"), ({}, "version")],
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


@pytest.mark.parametrize("settings", [{"x": None}, {"x": {"y": 1}}, {"x": [1, "a"]}])
def test_a_setting_that_cannot_travel_is_named(settings: dict) -> None:
    with pytest.raises(WireError, match="settings of train"):
        encode_task(Task("train", settings))


def test_an_error_of_ones_own_has_a_code() -> None:
    assert TaskError("no-rows").code == "no-rows"
    with pytest.raises(ValueError, match="no error code"):
        TaskError("FileNotFoundError")


def test_every_code_says_what_it_means() -> None:
    assert all(len(text) > 20 for text in ERROR_CODES.values())
