"""Tools, calls, reasoning and turns that are context: in the template's own arguments, and in the mask or named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from clues.data.encoding import encode
from clues.data.files.reading import read_rows
from clues.data.prepare import prepare_rows
from clues.data.rows import Message, Row
from clues.errors import ChatTemplateError
from tests.data.test_encoding import LONG, masked, row_of, whole, with_template
from tests.helpers.tool_template import TOOL_TEMPLATE

CASES = Path(__file__).parents[1] / "cases"
CALL = '\n<tool_call>\n{"name": "lookup_dose", "arguments": {"drug": "paracetamol"}}\n</tool_call>'
DROPS_SYSTEM = (
    "{% for m in messages if m.role != 'system' %}"
    "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
)
TYPE_ERROR = "{{ 1 + 'a' }}"
TEXT_ARGUMENTS = TOOL_TEMPLATE.replace("call.arguments | tojson", "call.arguments")


@pytest.fixture
def tooled(tokenizer) -> PreTrainedTokenizerFast:
    return with_template(tokenizer, TOOL_TEMPLATE)


def row(name: str, number: int = 0) -> Row:
    return read_rows(CASES / name)[0][number]


def responses(row: Row, tokenizer: Any) -> list[str]:
    return masked(encode(row, tokenizer, LONG), tokenizer).removesuffix("<|im_end|>").split("<|im_end|>")


def spoken(row: Row, tokenizer: Any) -> str:
    """The characters of the row's response that tokens are of."""
    spans = dict.fromkeys(encode(row, tokenizer, LONG).spans)
    return "".join(row.response[start:end] for start, end in spans)


def test_a_call_is_learned_as_the_template_writes_it(tooled):
    asked = row("a04.jsonl")
    assert responses(asked, tooled) == ["Let me look that up." + CALL]
    assert '<tools>\n{"type": "function", "function": {"name": "lookup_dose"' in whole(
        encode(asked, tooled, LONG), tooled
    )
    assert spoken(asked, tooled) == asked.response.replace("\n\n", "")


def test_a_call_its_output_and_the_answer(tooled):
    asked = row("a05.jsonl")
    assert responses(asked, tooled) == [CALL, asked.messages[-1].content]
    encoded = encode(asked, tooled, LONG)
    assert "<tool_response>4 g</tool_response>" in whole(encoded, tooled)
    assert len(encoded.end_positions) == 2


def test_arguments_are_text_where_the_template_takes_them_so(tokenizer):
    other = with_template(tokenizer, TEXT_ARGUMENTS)
    assert responses(row("a04.jsonl"), other) == ["Let me look that up." + CALL]


def test_reasoning_is_learned_where_it_is_written(tooled):
    thought = row("a08.jsonl")
    assert responses(thought, tooled) == [
        f"<think>\n{thought.messages[1].reasoning}\n</think>\n\n{thought.messages[1].content}"
    ]
    assert spoken(thought, tooled) == thought.response.replace("\n\n", "")


@pytest.mark.parametrize("name", ["a04.jsonl", "a05.jsonl", "a08.jsonl", "a06.jsonl", "a01.jsonl"])
def test_the_tokens_of_a_response_are_the_same_alone(tooled, name):
    asked = row(name)
    assert responses(asked, tooled) == responses(asked.without_prompt(), tooled)
    assert responses(asked, tooled) == responses(asked.with_question("Why?"), tooled)


def test_what_the_template_does_not_write_is_named_or_set_aside(tokenizer):
    assert encode(row("a08.jsonl"), tokenizer, LONG).left_out == {"reasoning"}
    assert encode(row("a02.jsonl"), tokenizer, LONG).left_out == {"tools"}
    assert encode(row("a45.jsonl"), tokenizer, LONG).left_out == {"chat_template_kwargs"}
    with pytest.raises(ChatTemplateError, match=r"a04.jsonl:1: .* does not write the tool calls"):
        encode(row("a04.jsonl"), tokenizer, LONG)
    silent = with_template(tokenizer, DROPS_SYSTEM)
    assert encode(row_of("q", "a", system="be brief"), silent, LONG).left_out == {"system"}
    assert encode(row_of("q", "a", system="be brief"), tokenizer, LONG).left_out == set()
    plain = with_template(tokenizer, None)
    assert encode(row("a08.jsonl"), plain, LONG).left_out == {"reasoning"}


def test_arguments_for_the_template_reach_it(tokenizer):
    asking = with_template(tokenizer, "{{ custom_instructions or '' }}" + tokenizer.chat_template)
    encoded = encode(row("a45.jsonl"), asking, LONG)
    assert whole(encoded, asking).startswith("Answer like a pirate.<|im_start|>user")
    assert encoded.left_out == set()


def test_reasoning_that_the_template_drops_from_earlier_answers_sets_the_row_aside(tooled):
    messages = (
        *(Message("user", "q"), Message("assistant", "a", reasoning="hm")),
        *(Message("user", "r"), Message("assistant", "b", reasoning="so")),
    )
    with pytest.raises(ChatTemplateError, match="writes response 1 of this conversation otherwise than alone"):
        encode(Row(messages, "rows.jsonl", 7, {}), tooled, LONG)


@pytest.mark.parametrize("name", ["a06.jsonl", "a07.jsonl"])
def test_turns_that_are_context_are_read_and_not_learned(tokenizer, name):
    asked = row(name)
    context, last = asked.messages[1].content, asked.messages[3].content
    for template in (tokenizer.chat_template, TOOL_TEMPLATE, None):
        other = with_template(tokenizer, template)
        encoded = encode(asked, other, LONG)
        assert masked(encoded, other) == last + "<|im_end|>"
        assert context in whole(encoded, other)
        assert context not in whole(encode(asked.without_prompt(), other, LONG), other)


def test_a_template_that_fails_in_its_own_way_sets_the_row_aside(tokenizer):
    prepared = prepare_rows([row_of("q", "a")], with_template(tokenizer, TYPE_ERROR), LONG)
    assert "TypeError" in prepared.set_aside[0].reason


def test_remarks_say_what_was_left_out_with_rows_and_lines(tokenizer):
    codes = {}
    for name in ("a08.jsonl", "a51.jsonl", "a40e.jsonl", "a31.jsonl", "a13.jsonl", "a10.jsonl", "a07.jsonl"):
        found = prepare_rows(read_rows(CASES / name)[0], tokenizer, LONG).remarks()
        codes[name] = {remark.code: (remark.rows, remark.lines) for remark in found}
        assert all(remark.said.count("\n") == 0 for remark in found)
    assert codes == {
        "a08.jsonl": {"template": (2, (1, 2))},
        "a51.jsonl": {"left-out": (1, (1,)), "media": (1, (1,))},
        "a40e.jsonl": {"mojibake": (1, (1,))},
        "a31.jsonl": {"stand-in": (2, (3, 4))},
        "a13.jsonl": {"left-out": (1, (1,))},
        "a10.jsonl": {"metadata": (1, (1,))},
        "a07.jsonl": {"context": (1, (1,))},
    }
