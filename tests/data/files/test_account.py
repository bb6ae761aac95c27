"""The account of a record's fields is closed: whatever a record holds is used, metadata, or left out by name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clues.data.files.layouts import LAYOUTS, OF_PAIRS, SHARED
from clues.data.files.records import read_record
from clues.data.files.values import is_absent, is_blank
from clues.errors import UnusableRecord

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
said = text.filter(lambda text: not is_blank(text))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
KNOWN = sorted({name for layout in LAYOUTS for names in layout.fields.values() for name in names})
names = st.sampled_from([*KNOWN, "id", "source", "hint", "images", "Notes"]) | text
roles = st.sampled_from(["user", "human", "assistant", "gpt", "system", "tool", None])
turns = st.lists(
    st.fixed_dictionaries(
        {"role": roles, "content": text}, optional={"weight": st.sampled_from([0, 1]), "name": text, "x": values}
    ),
    max_size=4,
)
MORE: dict[str, Any] = {
    "system": "Be brief.",
    "context": "About gout.",
    "history": [["earlier", "answer"]],
    "options": ["yes", "no"],
    "tools": [{"name": "look_up", "parameters": {}}],
    "label": True,
    "weight": 1,
    "reasoning": "Hm.",
    "chat_template_kwargs": {"enable_thinking": True},
}


@settings(deadline=None)
@given(st.dictionaries(names, values, max_size=6), st.none() | turns, st.none() | st.tuples(said, said))
def test_every_filled_field_is_in_the_account(fields, conversation, pair):
    record = fields | ({} if conversation is None else {"messages": conversation})
    record |= {} if pair is None else dict(zip(("prompt", "response"), pair, strict=True))
    try:
        row = read_record(record, "rows.jsonl", 1)
    except UnusableRecord:
        return
    told = row.fields.used | row.fields.metadata | {name.partition("[")[0] for name in row.fields.left_out}
    assert {str(name) for name, value in record.items() if not is_absent(value)} <= told
    assert any(message.is_response and not is_blank(message.text) for message in row.messages)


@pytest.mark.parametrize("layout", [each for each in LAYOUTS if "prompt" in each.needs], ids=lambda each: each.name)
def test_a_pair_of_any_layout_with_all_that_it_may_have(layout):
    fields = {part: found[0] for part, found in layout.fields.items()}
    record = {fields["prompt"]: "What?", fields["response"]: "This.", **MORE}
    record |= {fields["input"]: "gout"} if "input" in fields else {}
    if fields["prompt"] == "context":
        record["context"] = "What?"
    row = read_record(record, "rows.jsonl", 1)
    assert row.fields.layout == layout.name
    assert (row.fields.left_out, row.fields.metadata) == (set(), set())
    assert [message.role for message in row.messages] == ["system", "user", "assistant", "user", "assistant"]
    assert row.messages[-1].text == "Hm.\n\nThis."
    assert [message.is_response for message in row.messages] == [False] * 4 + [True]
    prompt = row.messages[3].content
    assert "What?" in prompt
    assert prompt.endswith("A. yes\nB. no")
    assert ("About gout." in prompt) == (fields["prompt"] != "context")
    assert row.tools == ({"type": "function", "function": MORE["tools"][0]},)


def test_the_shared_fields_are_those_of_every_layout():
    for layout in LAYOUTS:
        assert set(SHARED) <= set(layout.fields)
        assert "prompt" not in layout.needs or set(OF_PAIRS) - {"context"} <= set(layout.fields)
