"""Every layout is read as its writers mean it, and what is not read has a name: the cases that people report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from clues.data.files.columns import check_columns
from clues.data.files.layouts import LAYOUTS, carries_meaning
from clues.data.files.reading import read_rows
from clues.data.rows import Row
from clues.errors import ReadingError

CASES = Path(__file__).parents[2] / "cases"
PAGE = (Path(__file__).parents[3] / "docs" / "LAYOUTS.md").read_text(encoding="utf-8")
PAIR = ["user How much", "learned Adults should"]
LIVER = ["user And with liver", "learned With liver"]
READ: dict[str, dict[int, list[str]]] = {
    "a01.jsonl": {
        1: ["system You are a pharm", "user How much", "context Adults", *LIVER],
        2: ["system", "user How", "context Adults", "user And with", "context With", "user And for", "learned For"],
    },
    "a02.jsonl": {1: ["system Answer as a pirate.", *PAIR]},
    "a04.jsonl": {1: ["user How much", "learned Let me look that up.\n\n{\"name\": \"lookup_dose\", "]},
    "a05.jsonl": {1: ["user How much", "learned {\"name\": \"lookup_dose\"", "tool 4 g", PAIR[1]]},
    "a06.jsonl": {1: ["user How much", "context Take as much", "user That is wrong.", "learned Sorry."]},
    "a07.jsonl": {1: ["user How much", "context Bad answer", *LIVER]},
    "a08.jsonl": {1: [PAIR[0], "learned The maximum licensed dose is 4 g. So I say four grams.\n\nAdults"], 2: [
        LIVER[0], "learned Liver disease lowers clearance.\n\nWith liver"]},
    "a10.jsonl": {1: ["user When was the clinic founded?\n\nThe clinic at Linden", "learned In 1921."]},
    "a11.jsonl": {1: [PAIR[0], "learned  Adults"]},
    "a12.jsonl": {1: PAIR},
    "a13.jsonl": {1: PAIR},
    "a14.jsonl": {1: PAIR},
    "a15.jsonl": {2: PAIR},
    "a17.jsonl": {1: PAIR},
    "a19.jsonl": {**dict.fromkeys(range(1, 8), PAIR), 9: ["system Be brief.", *PAIR]},
    "a20.jsonl": {1: PAIR, 2: PAIR},
    "a21.jsonl": {1: PAIR, 2: LIVER, 3: PAIR},
    "a22.jsonl": {1: ["user Which drug is first choice here?\n\nA. Ampicillin\nB. Cef", "learned Nitrofurantoin"]},
    "a23.jsonl": {1: ["system You are a teacher.", *PAIR]},
    "a24.jsonl": {1: ["user How much", "context Adults", *LIVER]},
    "a25.jsonl": {1: PAIR},
    "a26.jsonl": {1: ["user The clinic at Linden was founded in 1921 by two nurses.\n\nWhen was", "learned In 1921."]},
    "a27.jsonl": {1: PAIR},
    "a28.jsonl": {1: ["system Be brief.", *PAIR]},
    "a29.jsonl": {1: PAIR},
    "a31.jsonl": dict.fromkeys((1, 2, 3, 4, 7), PAIR),
    "a32.jsonl": {4: ["user n", "learned 4"]},
    "a42.csv": {2: PAIR},
    "a45.jsonl": {1: PAIR},
    "a50.jsonl": {1: ["user Flu?", "context First step: fl", "user Go on.", "learned The second"], 2: [
        "user Sprain?", "context First step: ice", "user Go on.", "learned The second"]},
    "a51.jsonl": {1: ["user <image>What is on", "learned A cat."]},
    "p5.parquet": dict.fromkeys((1, 2, 3), PAIR),
    "p11.parquet": {1: PAIR},
    "t5.jsonl": {1: ["system Be kind.", "user Flu?", "context Drink", "user And then?", "learned Rest at home."]},
}  # fmt: skip
"""Case -> line -> how each turn begins."""
ASIDE = {
    "a06.jsonl": {2: "every assistant turn is marked as not to be trained on"},
    "a15.jsonl": {1: "label is false"},
    "a19.jsonl": {8: "a function_call: its text is no call as JSON"},
    "a31.jsonl": {5: "the response is empty", 6: "field output is null"},
    "a32.jsonl": {1: "answer is a number", 2: "answer is a list", 3: "answer is a boolean"},
    "a35.jsonl": {3: "the prompt is empty"},
}
"""Case -> line -> why it is no row."""
NAMED = {
    "a13.jsonl": {"rejected"},
    "a14.jsonl": {"rejected"},
    "a29.jsonl": {"non_preferred_output"},
    "a51.jsonl": {"images"},
}
NOTES = {"a10.jsonl": {"category"}, "a23.jsonl": {"id"}, "a27.jsonl": {"conversation_id", "model"}}


USER, ASSISTANT = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}


def told(row: Row) -> list[str]:
    roles = [m.role if m.role != "assistant" else "learned" if m.learned else "context" for m in row.messages]
    return [f"{role} {message.text}" for role, message in zip(roles, row.messages, strict=True)]


def one(tmp_path: Path, record: Any, columns: dict[str, str] | None = None) -> Row:
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps(record) + "\n")
    rows, aside = read_rows(path, columns)
    assert not aside, aside[0].reason
    return rows[0]


def reason(tmp_path: Path, record: Any, columns: dict[str, str] | None = None) -> str:
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps(record) + "\n")
    rows, aside = read_rows(path, columns)
    assert not rows, told(rows[0])
    return aside[0].reason


@pytest.mark.parametrize("name", READ)
def test_what_is_read_of_a_case_and_what_is_learned(name):
    rows, _ = read_rows(CASES / name)
    assert [row.line for row in rows] == list(READ[name])
    for row in rows:
        turns = told(row)
        assert len(turns) == len(READ[name][row.line])
        assert all(turn.startswith(begins) for turn, begins in zip(turns, READ[name][row.line], strict=True)), turns


@pytest.mark.parametrize("name", ASIDE)
def test_what_cannot_be_followed_is_set_aside_with_its_reason(name):
    aside = {item.line: item.reason for item in read_rows(CASES / name)[1]}
    assert aside.keys() == ASIDE[name].keys()
    assert all(why in aside[line] for line, why in ASIDE[name].items())


@pytest.mark.parametrize("name", sorted({*READ, *ASIDE}))
def test_every_field_of_a_case_is_accounted_for(name):
    for row in read_rows(CASES / name)[0]:
        assert row.fields.left_out == NAMED.get(name, set())
        assert row.fields.metadata == NOTES.get(name, set())


def test_tools_and_arguments_are_kept_for_the_template():
    assert read_rows(CASES / "a02.jsonl")[0][0].tools[0]["function"]["name"] == "lookup_dose"
    args = read_rows(CASES / "a45.jsonl")[0][0].template_args
    assert args["custom_instructions"] == "Answer like a pirate."
    assert args["enable_thinking"] is False
    assert "python_tools" not in args  # an empty list


def test_the_same_last_turn_after_another_history_is_another_row():
    first, second = read_rows(CASES / "a50.jsonl")[0]
    assert first.response == second.response
    assert first.content_hash != second.content_hash


def test_words_for_nothing_in_optional_fields_are_told():
    rows, _ = read_rows(CASES / "a31.jsonl")
    assert {row.line for row in rows if "input" in row.fields.stand_ins} == {3, 4}


def test_a_message_without_more_keeps_the_hash_it_had(tmp_path):
    assert one(tmp_path, {"prompt": "p", "response": "r"}).content_hash == "2ffd868474bc125a"


@pytest.mark.parametrize(
    ("record", "named"),
    [
        ({"prompt": "p", "response": "r", "hint": "h"}, {"hint"}),
        ({"prompt": "p", "response": "r", "label": "entailment"}, {"label"}),
        ({"prompt": "p", "response": "r", "weight": 0.5}, {"weight"}),
        ({"prompt": "p", "response": "r", "notes": "a long text that may be something to learn, who knows"}, {"notes"}),
        ({"prompt": "p", "response": "r", "instruction": "other"}, {"instruction"}),
        ({"prompt": "p", "response": "r", "image_path": "x.png"}, {"image_path"}),
        ({"prompt": "p", "response": "r", "tools": "no json"}, {"tools"}),
        ({"messages": [USER, ASSISTANT], "context": "c"}, {"context"}),
        (
            {"messages": [USER | {"image": "x.png"}, ASSISTANT]},
            {"messages[].image"},
        ),
        (
            {
                "messages": [
                    USER | {"content": [{"type": "image_url", "image_url": {}}, {"type": "text", "text": "p"}]},
                    ASSISTANT | {"id": 3},
                ]
            },
            {"messages[].content: image_url"},
        ),
    ],
)  # fmt: skip
def test_what_may_carry_meaning_is_named(tmp_path, record, named):
    assert one(tmp_path, record).fields.left_out == named


def test_ids_addresses_numbers_and_short_values_are_notes(tmp_path):
    notes = {
        "id": "x" * 60,
        "url": "https://example.org/a?b=c#d",
        "n": 3,
        "source": "GHR",
        "tags": ["a", "b"],
        "ok": True,
    }
    row = one(tmp_path, {"prompt": "p", "response": "r", "empty": None, "nothing": [], **notes})
    assert (row.fields.metadata, row.fields.left_out) == (set(notes), set())


@pytest.mark.parametrize("name", ["user_context", "systemPrompt", "chat-history", "Image URL", "answer_options"])
def test_names_of_several_words_have_meaning_too(name):
    assert carries_meaning(name)
    assert not carries_meaning("conversation_id")


@pytest.mark.parametrize(
    ("record", "turns"),
    [
        ({"Question": "q", " Answer ": "a"}, ["user q", "learned a"]),
        ({"question": "q", "choices": ["x", "y"], "answer": 1}, ["user q\n\nA. x\nB. y", "learned y"]),
        (
            {"question": "q", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answerKey": "2"},
            ["user q\n\n1. x\n2. y", "learned y"],
        ),
        ({"question": "q", "options": "[\"x\", \"y\"]", "answer": "A"}, ["user q\n\nA. x\nB. y", "learned A"]),
        ({"instruction": "i", "input": "x", "context": "c", "response": "r"}, ["user i\n\nx\n\nc", "learned r"]),
        ({"prompt": "p", "response": "{\"role\": 1, \"b\": []}"}, ["user p", "learned {\"role\": 1, \"b\": []}"]),
        ({"prompt": "[1, 2]", "response": "[]a"}, ["user [1, 2]", "learned []a"]),
        (
            {"conversations": [{"from": "human", "value": "q"}], "chosen": {"from": "gpt", "value": "a"}},
            ["user q", "learned a"],
        ),
        ({"prompt": "q", "chosen": [USER, ASSISTANT]}, ["user q", "learned a"]),
        ({"messages": repr([USER | {"content": "it's"}, ASSISTANT])}, ["user it's", "learned a"]),
        ({"messages": [json.dumps(USER), json.dumps(ASSISTANT)]}, ["user q", "learned a"]),
        (
            {"system": "s", "messages": [{"role": "system", "content": "s"}, USER, ASSISTANT]},
            ["system s", "user q", "learned a"],
        ),
        ({"prompt": "\u200b", "response": "r", "question": "q", "answer": "a"}, ["user q", "learned a"]),
        ({"prompt": float("nan"), "response": "r", "question": "q", "answer": "a"}, ["user q", "learned a"]),
    ],
)  # fmt: skip
def test_other_ways_to_write_the_same(tmp_path, record, turns):
    assert told(one(tmp_path, record)) == turns


@pytest.mark.parametrize(
    ("turn", "why"),
    [
        ({"weight": 0.5}, "turn 2 of messages: weight is 0.5; only 0 (false) and 1 (true) can be followed"),
        ({"train_detail": [{"begin_offset": 0, "end_offset": 1, "train": True}]}, "a mask within a turn"),
        ({"content": [{"type": "image_url"}, {"type": "text", "text": "a"}]}, "a part of the type 'image_url'"),
        ({"content": None, "tool_calls": [{"x": 1}]}, "is no call with name and arguments"),
    ],
)
def test_what_of_a_turn_cannot_be_followed(tmp_path, turn, why):
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", **turn}]
    assert why in reason(tmp_path, {"messages": turns})


def test_a_question_that_is_to_be_trained_on_is_refused(tmp_path):
    turns = [{"role": "user", "content": "q", "train": True}, {"role": "assistant", "content": "a"}]
    assert "only an assistant's turns are" in reason(tmp_path, {"messages": turns})


COLUMNS = [
    ({"prompt": "ticket", "response": "reply"}, ["user t", "learned r"], {"persona", "background"}),
    ({"prompt": "ticket", "response": "reply", "system": "persona"},
     ["system s", "user t", "learned r"], {"background"}),
    ({"prompt": "{background}\n\n{ticket}", "response": "reply"}, ["user b\n\nt", "learned r"], {"persona"}),
    ({"prompt": "ticket", "response": "reply", "context": "background", "system": "persona"},
     ["system s", "user b\n\nt", "learned r"], set()),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "turns", "left_out"), COLUMNS)
def test_columns_name_any_part_and_the_rest_is_named(tmp_path, columns, turns, left_out):
    record = {"ticket": "t", "reply": "r", "persona": "s", "background": "b"}
    row = one(tmp_path, record, columns)
    assert told(row) == turns
    assert row.fields.left_out | row.fields.metadata == left_out


def test_columns_for_turns_history_options_labels_and_weights(tmp_path):
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    assert told(one(tmp_path, {"chat": turns}, {"messages": "chat"})) == ["user q", "learned a"]
    record = {"p": "q", "r": "a", "before": [["x", "y"]], "among": ["m", "n"], "good": True, "w": 1}
    columns = {"prompt": "p", "response": "r", "history": "before", "options": "among", "label": "good", "weight": "w"}
    assert told(one(tmp_path, record, columns)) == ["user x", "context y", "user q\n\nA. m\nB. n", "learned a"]
    assert "good is false" in reason(tmp_path, record | {"good": False}, columns)
    assert "w is 0" in reason(tmp_path, record | {"w": 0}, columns)


def test_columns_replace_what_is_found_and_a_layout_is_taken_by_its_name(tmp_path):
    record = {"question": "q", "answer": "a", "prompt": "p", "response": "r", "persona": "s"}
    assert told(one(tmp_path, record, {"system": "persona"})) == ["system s", "user p", "learned r"]
    assert told(one(tmp_path, record, {"layout": "question-answer"})) == ["user q", "learned a"]
    assert "field instruction is missing" in reason(tmp_path, record, {"layout": "alpaca"})


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({}, "columns name nothing"),
        ({"promt": "a"}, "did you mean prompt?"),
        ({"prompt": "a", "response": "a"}, "'a' for two parts"),
        ({"layout": "alpacca"}, "no layout 'alpacca'"),
    ],
)
def test_columns_that_make_no_sense(columns, why):
    with pytest.raises(ReadingError, match=re.escape(why)):
        check_columns(columns)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (
            {"ticket": "a" * 9, "reply": "b" * 9, "id": 3},
            "has ticket, reply, id; .* --columns prompt=ticket,response=reply ",
        ),
        ({"chat": [{"who": "x"}]}, "--columns messages=chat "),
        ({"prompt": "p", "reply": "r"}, "field response is missing; the record has prompt, reply"),
    ],
)
def test_a_record_of_no_layout_says_what_is_there_and_what_to_do(tmp_path, record, said):
    assert re.search(said, reason(tmp_path, record))


def test_the_page_has_every_layout():
    table = {line.split("`")[1]: line for line in PAGE.splitlines() if line.startswith("| `")}
    for layout in LAYOUTS:
        assert layout.writers in table[layout.name]
    named = {name for layout in LAYOUTS for names in layout.fields.values() for name in names}
    assert [name for name in sorted(named) if f"`{name}`" not in PAGE and f"`{name}." not in PAGE] == []
