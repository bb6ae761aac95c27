"""Ids and mask together: exact on random conversations, and on every kind of chat template that models come with."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import pre_tokenizers
from transformers import PreTrainedTokenizerFast

from clues.data.encoding import Encoded, encode
from clues.data.rows import Message, Row
from clues.errors import ChatTemplateError, NoResponseToken
from tests.conftest import CHAT_TEMPLATE

LONG = 10_000
REFUSES = (
    "{% if messages[0]['role'] != 'user' %}{{ raise_exception('the first turn must be user') }}{% endif %}"
    "{{ bos_token }}"
    "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{{ '<' + m['role'] + '>' + m['content'] | trim + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
)
ENDLESS = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"
SPACED = "{% for m in messages %}{{ '[' + m['role'] + '] ' + m['content'] + ' ' + eos_token }}{% endfor %}"
THINKING = (  # takes the reasoning out, and opens an empty one in the last turn, as Qwen3's template does
    "{% for m in messages %}<|im_start|>{{ m['role'] + '\n' }}"
    "{% if loop.last %}<think>\n\n</think>\n\n{% endif %}{{ m['content'].split('</think>')[-1].lstrip('\n') }}"
    "<|im_end|>\n{% endfor %}"
)
FORGETFUL = "{{ messages[-1]['content'] + eos_token }}"

text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(str.strip)
turns = st.lists(st.tuples(text, text), min_size=1, max_size=4)


def row_of(*contents: str, system: str | None = None) -> Row:
    """User and assistant in turn; with `system`, that first."""
    roles = ("user", "assistant")
    messages = [Message(roles[i % 2], content) for i, content in enumerate(contents)]
    first = [] if system is None else [Message("system", system)]
    return Row((*first, *messages), "rows.jsonl", 7, {})


def with_template(tokenizer: PreTrainedTokenizerFast, template: str | None) -> PreTrainedTokenizerFast:
    other = copy.deepcopy(tokenizer)
    other.chat_template = template
    return other


def decoded(token_ids: list[int], tokenizer: PreTrainedTokenizerFast) -> str:
    found = tokenizer.decode(token_ids)
    assert isinstance(found, str)
    return found


def masked(encoded: Encoded, tokenizer: PreTrainedTokenizerFast) -> str:
    return decoded([i for i, m in zip(encoded.input_ids, encoded.response_mask, strict=True) if m], tokenizer)


def whole(encoded: Encoded, tokenizer: PreTrainedTokenizerFast) -> str:
    return decoded(list(encoded.input_ids), tokenizer)


def rendered(row: Row, tokenizer: PreTrainedTokenizerFast) -> str:
    return str(tokenizer.apply_chat_template([vars(m) for m in row.messages], tokenize=False))


@settings(deadline=None)
@given(turns, st.none() | text)
def test_mask_is_the_responses_and_the_whole_is_the_rendering(tokenizer, pairs, system):
    row = row_of(*[content for pair in pairs for content in pair], system=system)
    encoded = encode(row, tokenizer, LONG)
    assert masked(encoded, tokenizer) == "".join(response + "<|im_end|>" for response in row.responses)
    assert whole(encoded, tokenizer) == rendered(row, tokenizer)
    assert not encoded.truncated
    assert len(encoded.end_positions) == len(pairs)
    assert all(encoded.input_ids[end] == tokenizer.eos_token_id for end in encoded.end_positions)
    assert not any(encoded.response_mask[end + 1] for end in encoded.end_positions)  # "\n" is no response


@settings(deadline=None)
@given(turns)
def test_spans_are_monotone_inside_the_text_and_cover_it(tokenizer, pairs):
    row = row_of(*[content for pair in pairs for content in pair])
    encoded = encode(row, tokenizer, LONG)
    assert len(encoded.spans) == sum(encoded.response_mask)
    assert all(0 <= start <= end <= len(row.response) for start, end in encoded.spans)
    assert list(encoded.spans) == sorted(encoded.spans)
    covered = {i for start, end in encoded.spans for i in range(start, end)}
    separators, shift = set(), 0
    for response in row.responses[:-1]:
        shift += len(response) + 2
        separators |= {shift - 2, shift - 1}
    assert covered == set(range(len(row.response))) - separators
    is_end = [i in encoded.end_positions for i, m in enumerate(encoded.response_mask) if m]
    assert all(start == end for (start, end), last in zip(encoded.spans, is_end, strict=True) if last)


@settings(deadline=None)
@given(turns, st.integers(1, 80))
def test_truncation_cuts_the_end_and_says_so(tokenizer, pairs, max_length):
    row = row_of(*[content for pair in pairs for content in pair])
    full = encode(row, tokenizer, LONG)
    first = full.response_mask.index(True)
    if max_length <= first:
        with pytest.raises(NoResponseToken, match=r"rows\.jsonl:7: no response token is left: the first"):
            encode(row, tokenizer, max_length)
        return
    cut = encode(row, tokenizer, max_length)
    assert cut.input_ids == full.input_ids[:max_length]
    assert cut.response_mask == full.response_mask[:max_length]
    assert cut.spans == full.spans[: sum(cut.response_mask)]
    assert cut.end_positions == tuple(end for end in full.end_positions if end < max_length)
    assert cut.truncated == (len(cut.spans) < len(full.spans))


def test_a_response_that_loses_its_end_token_alone_is_truncated(tokenizer):
    row = row_of("question", "answer")
    end = encode(row, tokenizer, LONG).end_positions[0]
    assert encode(row, tokenizer, end).truncated
    assert encode(row, tokenizer, end).end_positions == ()
    assert not encode(row, tokenizer, end + 1).truncated  # only the line break behind the end token is lost


def test_response_tokens_do_not_depend_on_the_prompt(tokenizer):
    row = row_of("question", " answer", "more?", "\nyes 😀")
    for template in (CHAT_TEMPLATE, REFUSES, ENDLESS, None):
        other = with_template(tokenizer, template)
        alone = encode(row.without_prompt(), other, LONG)
        assert masked(alone, other) == masked(encode(row, other, LONG), other)
        assert "question" not in whole(alone, other)
        assert not alone.response_mask[0]


def test_without_a_template_the_stated_fallback(tokenizer):
    plain = with_template(tokenizer, None)
    encoded = encode(row_of("q", "a"), plain, LONG)
    assert whole(encoded, plain) == "<|im_start|>q\n\na<|im_end|>"
    assert masked(encoded, plain) == "a<|im_end|>"
    plain.bos_token = None
    assert whole(encode(row_of("q", "a"), plain, LONG), plain) == "q\n\na<|im_end|>"
    assert whole(encode(row_of("q", "a").without_prompt(), plain, LONG), plain) == "<|im_end|>a<|im_end|>"


def test_a_template_without_end_token_gets_one(tokenizer):
    endless = with_template(tokenizer, ENDLESS)
    encoded = encode(row_of("q", "a", "r", "b"), endless, LONG)
    assert whole(encoded, endless) == "user: q\nassistant: a<|im_end|>\nuser: r\nassistant: b<|im_end|>\n"
    assert masked(encoded, endless) == "a<|im_end|>b<|im_end|>"


def test_a_special_header_is_no_end_token(tokenizer):
    headed = with_template(
        tokenizer, "{% for m in messages %}<|im_start|>{{ m['role'] + '\n' + m['content'] }}{% endfor %}"
    )
    encoded = encode(row_of("q", "a", "r", "b"), headed, LONG)
    assert masked(encoded, headed) == "a<|im_end|>b<|im_end|>"
    assert "a<|im_end|><|im_start|>user" in whole(encoded, headed)


def test_a_header_that_begins_like_a_text_is_not_begun_twice(tokenizer):
    refuse = "{% if messages[0]['role'] != 'user' %}{{ raise_exception('no') }}{% endif %}"
    strict = with_template(tokenizer, refuse + CHAT_TEMPLATE)
    encoded = encode(row_of("q", "a").without_prompt(), strict, LONG)
    assert whole(encoded, strict) == "<|im_start|>assistant\na<|im_end|>\n"


def test_white_space_before_the_end_token_is_predicted_but_no_text(tokenizer):
    spaced = with_template(tokenizer, SPACED)
    encoded = encode(row_of("q", "a"), spaced, LONG)
    assert masked(encoded, spaced) == "a <|im_end|>"
    assert encoded.spans[0] == (0, 1)
    assert encoded.spans[-2:] == ((1, 1), (1, 1))


def test_a_template_that_strips_keeps_spans_in_the_row(tokenizer):
    strict = with_template(tokenizer, REFUSES)
    row = row_of("q", "  a b \n")
    encoded = encode(row, strict, LONG)
    assert masked(encoded, strict) == "a b<|im_end|>"
    assert encoded.spans[0] == (2, 3)
    assert max(end for _, end in encoded.spans[:-1]) == 5


def test_a_refused_system_message_stands_before_the_question(tokenizer):
    strict = with_template(tokenizer, REFUSES)
    encoded = encode(row_of("q", "a", system="be brief"), strict, LONG)
    assert whole(encoded, strict) == "<|im_start|><user>be brief\n\nq<|im_end|>\n<assistant>a<|im_end|>\n"


def test_refused_responses_alone_stand_behind_the_assistant_header(tokenizer):
    strict = with_template(tokenizer, REFUSES)
    encoded = encode(row_of("q", "a", "r", "b").without_prompt(), strict, LONG)
    assert whole(encoded, strict) == "<|im_start|><assistant>a<|im_end|>\n<assistant>b<|im_end|>\n"
    assert masked(encoded, strict) == "a<|im_end|>b<|im_end|>"


def test_what_the_template_opens_before_a_response_is_no_response(tokenizer):
    thinking = with_template(tokenizer, THINKING)
    row = row_of("q", "a", "r", "b")
    encoded = encode(row, thinking, LONG)
    assert masked(encoded, thinking) == "a<|im_end|>b<|im_end|>"
    assert whole(encoded, thinking) == rendered(row, thinking)


def test_rewritten_turns_are_an_error_that_says_where(tokenizer):
    thinking = with_template(tokenizer, THINKING)
    with pytest.raises(ChatTemplateError, match=r"rows\.jsonl:7: the chat template rewrites assistant turn 2"):
        encode(row_of("q", "a", "r", "<think>hm</think>b"), thinking, LONG)
    with pytest.raises(ChatTemplateError, match="does not write every assistant turn exactly once"):
        encode(row_of("q", "a", "r", "b"), with_template(tokenizer, FORGETFUL), LONG)


def test_a_conversation_that_is_refused_for_good_is_an_error(tokenizer):
    never = with_template(tokenizer, "{{ raise_exception('not for you') }}")
    for row in (row_of("q", "a"), row_of("q", "a").without_prompt()):
        with pytest.raises(ChatTemplateError, match=r"rows\.jsonl:7: .* refuses this conversation: not for you"):
            encode(row, never, LONG)


def test_a_response_that_spells_out_the_marker_is_safe(tokenizer):
    row = row_of("\ue000response 0\ue001", "\ue000response 1\ue001")
    encoded = encode(row, tokenizer, LONG)
    assert masked(encoded, tokenizer) == row.response + "<|im_end|>"


def test_an_empty_response_has_no_token(tokenizer):
    with pytest.raises(NoResponseToken, match="the response is empty"):
        encode(row_of("q", " "), with_template(tokenizer, REFUSES), LONG)


def test_a_tokenizer_without_eos_is_an_error(tokenizer):
    endless = with_template(tokenizer, CHAT_TEMPLATE)
    endless.eos_token = None
    with pytest.raises(ChatTemplateError, match="no eos_token"):
        encode(row_of("q", "a"), endless, LONG)


def test_spans_are_monotone_when_offsets_are_trimmed(tokenizer):
    trimmed = copy.deepcopy(tokenizer)
    trimmed.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True, trim_offsets=True)
    encoded = encode(row_of("q", "  two  words 😀 "), trimmed, LONG)
    assert list(encoded.spans) == sorted(encoded.spans)
