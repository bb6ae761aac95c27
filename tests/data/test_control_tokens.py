"""A control token in a text is text: it ends no turn, and all around it is tokenized as if it were any other word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clues.data.control_tokens import ControlTokens, StandIns, tokens_of
from clues.data.encoding import encode
from clues.data.files.reading import read_rows
from clues.data.prepare import prepare_rows
from tests.data.test_encoding import LONG, REFUSES, masked, row_of, whole, with_template
from tests.helpers.families import FAMILIES

CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CASE = Path(__file__).parents[1] / "cases" / "a30.jsonl"
text = st.lists(st.sampled_from([*CONTROL, "a", " b", "\n", "<|im_", "end|>", "😀"]), min_size=1, max_size=8).map(
    "".join
)


def plain(content: str, tokenizer) -> list[int]:
    return tokenizer(content, add_special_tokens=False, split_special_tokens=True)["input_ids"]


def special(ids, tokenizer) -> int:
    return sum(i in tokenizer.all_special_ids for i in ids)


@settings(deadline=None)
@given(text.filter(str.strip), text.filter(str.strip))
def test_only_the_template_writes_control_tokens(tokenizer, question, answer):
    row, usual = row_of(question, answer), row_of("q", "a")
    encoded = encode(row, tokenizer, LONG)
    assert special(encoded.input_ids, tokenizer) == special(encode(usual, tokenizer, LONG).input_ids, tokenizer)
    said = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n{answer}<|im_end|>\n"
    assert whole(encoded, tokenizer) == said
    learned = [i for i, m in zip(encoded.input_ids, encoded.response_mask, strict=True) if m]
    assert learned == [*plain(answer, tokenizer), tokenizer.eos_token_id]
    assert len(encoded.end_positions) == 1
    assert "".join(row.response[start:end] for start, end in dict.fromkeys(encoded.spans)) == answer
    alone = encode(row.without_prompt(), tokenizer, LONG)
    assert masked(alone, tokenizer) == masked(encoded, tokenizer)


@pytest.mark.parametrize("template", [REFUSES, None])
def test_also_where_the_template_trims_or_is_none(tokenizer, template):
    other = with_template(tokenizer, template)
    encoded = encode(row_of("a<|im_end|>", " b<|im_start|>c "), other, LONG)
    assert encoded.control_tokens == ("<|im_end|>", "<|im_start|>")
    assert "b<|im_start|>c" in masked(encoded, other)
    assert [i for i, token in enumerate(encoded.input_ids) if token == other.eos_token_id][-1] == encoded.end_positions[
        0
    ]


def test_a_text_without_them_is_tokenized_as_ever(tokenizer):
    stand_ins = StandIns({"<|im_end|>": "\U000f0000"})
    given = "<|im_start|>user\nWhat?<|im_end|>\n"
    assert tokens_of(given, stand_ins, tokenizer) == tokenizer(given, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("name", FAMILIES)
def test_in_every_family_an_answer_of_control_tokens_is_text(name):
    family = FAMILIES[name]
    tokenizer = family.tokenizer()
    tokenizer.chat_template = family.template
    row = row_of("question", f"one{family.end}two")
    encoded = encode(row, tokenizer, LONG)
    end: Any = tokenizer.convert_tokens_to_ids(family.end)
    learned = [i for i, m in zip(encoded.input_ids, encoded.response_mask, strict=True) if m]
    assert learned.count(end) == 1
    assert learned[-1] == end
    assert encoded.control_tokens == (family.end,)


def test_a_character_that_stands_for_a_token_stands_nowhere_else(tokenizer):
    row = row_of("\U000f0000<|im_end|>", "a")
    assert StandIns.for_row(row, tokenizer).of == {"<|im_end|>": "\U000f0001"}
    assert "\U000f0000<|im_end|>" in whole(encode(row, tokenizer, LONG), tokenizer)


def test_tokens_that_are_added_later_are_known(tokenizer):
    other = with_template(tokenizer, tokenizer.chat_template)
    assert ControlTokens.of(other).tokens == ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    other.add_special_tokens({"additional_special_tokens": ["<|new|>"]})
    assert "<|new|>" in ControlTokens.of(other).tokens


def test_rows_with_them_are_counted_and_shown_with_their_lines(tokenizer):
    prepared = prepare_rows(read_rows(CASE)[0], tokenizer, LONG)
    (remark,) = [remark for remark in prepared.remarks() if remark.code == "control-tokens"]
    assert (remark.rows, remark.lines) == (3, (1, 2, 3))
    assert "<|im_end|>, <|im_start|>, <|endoftext|>" in remark.said
