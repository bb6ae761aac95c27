"""Generated answers: the prompts of a training, and no row's answer changed by the rows beside it."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest
import torch
from transformers import GenerationConfig

from clues.config import ModelSettings
from clues.data.encoding import encode
from clues.data.files.reading import read_rows
from clues.errors import NoRowsError, SettingError
from clues.evaluation.answers.generation import Drawing, RowNoise, generate
from clues.evaluation.answers.prompts import prepare_prompts
from clues.models.base import LanguageModel, load_base

QUESTIONS = (
    "What are the symptoms of diabetes?",
    "Asthma?",
    "How is asthma treated, and what causes anaemia: a lack of iron, a loss of blood, or an inherited disease?",
    "¿Qué es la gota?",
    "Who?",
)
TALK = {
    "messages": [
        {"role": "system", "content": "You are a doctor."},
        {"role": "user", "content": "What is gout?"},
        {"role": "assistant", "content": "A disease."},
        {"role": "assistant", "content": "Of the blood."},
        {"role": "user", "content": "How is it treated?"},
        {"role": "assistant", "content": "With medicines."},
    ]
}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "test.jsonl"
    rows = [{"question": q, "answer": f"Answer {n}.", "doc": f"d{n // 2}"} for n, q in enumerate(QUESTIONS)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def language_model(tiny_model, tokenizer):
    def build(kind: str = "llama", **settings) -> LanguageModel:
        settings = {"precision": "float32", "token_budget": 10_000} | settings
        return LanguageModel(tiny_model(kind).requires_grad_(False), tokenizer, ModelSettings(**settings))

    return build


def answers_of(lm, prompts, drawing=Drawing(), rows=None):  # noqa: B008 - frozen
    batches = list(generate(lm, prompts, range(len(prompts.usable)) if rows is None else rows, drawing))
    return {answer.id: answer for batch in batches for answer in batch}, len(batches)


@torch.no_grad()
def written_slowly(lm, prompt, ends, most):
    """One row, without a batch, padding or a cache: the likeliest token again and again."""
    ids = list(prompt.tokens)
    for _ in range(most):
        ids.append(int(lm.model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
        if ids[-1] in ends:
            break
    return ids[len(prompt.tokens) :]


@pytest.mark.parametrize("kind", ["llama", "gpt2", "qwen2", "gemma3"])
def test_an_answer_in_a_batch_is_the_rows_own(language_model, file, kind):
    lm = language_model(kind)
    prompts = prepare_prompts(file, lm, max_new_tokens=24)
    slow = [written_slowly(lm, prompt, prompts.ends, 24) for prompt in prompts.usable]
    common = slow[1][9]  # as an end token it stops some rows early, whose places are then filled
    prompts = replace(prompts, ends=prompts.ends | {common})
    slow = [tokens[: tokens.index(common) + 1] if common in tokens else tokens for tokens in slow]
    assert len({len(tokens) for tokens in slow}) > 1
    together, batches = answers_of(lm, prompts)
    assert batches == 1
    alone, batches = answers_of(replace(lm, settings=replace(lm.settings, token_budget=1)), prompts)
    assert batches == len(QUESTIONS)
    assert together == alone
    for prompt, tokens in zip(prompts.usable, slow, strict=True):
        answer = together[prompt.row.id]
        assert answer.tokens == len(tokens)
        assert answer.stopped == (tokens[-1] in prompts.ends)
        own = tokens[:-1] if answer.stopped else tokens
        assert answer.answer == lm.tokenizer.decode(own, skip_special_tokens=True)


def test_the_longest_prompts_come_first_and_batches_keep_the_budget(language_model, file):
    lm = language_model(token_budget=120)
    prompts = prepare_prompts(file, lm, max_new_tokens=8)
    length = {prompt.row.id: len(prompt.tokens) + 8 for prompt in prompts.usable}
    batches = [[length[answer.id] for answer in batch] for batch in generate(lm, prompts, range(5))]
    assert 1 < len(batches) < 5
    flat = [n for batch in batches for n in batch]
    assert flat == sorted(flat, reverse=True)
    assert all(len(batch) == 1 or len(batch) * batch[0] <= 120 for batch in batches)


def test_a_prompt_is_what_a_training_on_the_row_sees(language_model, tokenizer, tmp_path):
    lm = language_model()
    path = tmp_path / "talk.jsonl"
    path.write_text(json.dumps(TALK) + "\n" + json.dumps({"question": "What is gout?", "answer": "A disease."}) + "\n")
    rows, _ = read_rows(path)
    prompts = prepare_prompts(path, lm, max_new_tokens=8)
    for row, prompt in zip(rows, prompts.usable, strict=True):
        asked = [{"role": m.role, "content": m.content} for m in row.messages[:-1]]
        text = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
        assert prompt.text == text
        assert list(prompt.tokens) == tokenizer(text, add_special_tokens=False)["input_ids"]
        trained = encode(row, tokenizer, 512)
        assert prompt.tokens == trained.input_ids[: len(prompt.tokens)]
        response = [i for i, counts in enumerate(trained.response_mask) if counts and i >= len(prompt.tokens)]
        assert response == list(range(len(prompt.tokens), trained.end_positions[-1] + 1))
    assert (prompts.usable[0].question, prompts.usable[0].reference) == ("How is it treated?", "With medicines.")


def test_two_responses_in_a_row_leave_the_first_in_the_prompt(language_model, tokenizer, tmp_path):
    bare = replace(language_model(), tokenizer=_without_template(tokenizer))
    path = tmp_path / "talk.jsonl"
    path.write_text(json.dumps({"messages": TALK["messages"][:4]}) + "\n")
    (prompt,) = prepare_prompts(path, bare, max_new_tokens=8).usable
    assert prompt.text == "<|im_start|>You are a doctor.\n\nWhat is gout?\n\nA disease.<|im_end|>"
    assert bare.tokenizer.decode(prompt.tokens) == prompt.text


def _without_template(tokenizer):
    bare = copy.deepcopy(tokenizer)
    bare.chat_template = None
    return bare


def test_a_prompt_that_is_too_long_is_set_aside_with_its_line(language_model, file):
    lm = language_model(max_length=60)
    longest = max(len(p.tokens) for p in prepare_prompts(file, language_model(), 20).usable)
    prompts = prepare_prompts(file, lm, max_new_tokens=20)
    assert [item.line for item in prompts.set_aside] == [3]
    assert f"a prompt of {longest} tokens and an answer of up to 20 are more than 60" in prompts.set_aside[0].reason
    assert [p.row.line for p in prompts.usable] == [1, 2, 4, 5]
    assert [p.row.line for p in prepare_prompts(file, lm, 20, limit=2).usable] == [1, 2]
    with pytest.raises(NoRowsError, match="line 1: a prompt of"):
        prepare_prompts(file, lm, 59)
    with pytest.raises(SettingError, match="between 1 and 59"):
        prepare_prompts(file, lm, 60)
    with pytest.raises(SettingError, match="--limit 0"):
        prepare_prompts(file, lm, 20, limit=0)
    beyond = language_model(max_length=4096)  # the tiny model has 512 positions
    with pytest.raises(SettingError, match="between 1 and 511"):
        prepare_prompts(file, beyond, 512)


def test_what_a_checkpoint_says_about_generation_does_not_count_but_its_ends_do(
    language_model, tokenizer, tiny_model, tmp_path, file
):
    model = tiny_model("llama")
    model.generation_config = GenerationConfig(
        repetition_penalty=9.0, no_repeat_ngram_size=1, do_sample=True, temperature=3.0, eos_token_id=[2, 77]
    )
    model.save_pretrained(tmp_path / "odd")
    tokenizer.save_pretrained(tmp_path / "odd")
    odd = load_base(ModelSettings(name=str(tmp_path / "odd"), precision="float32"))
    prompts = prepare_prompts(file, odd, max_new_tokens=16)
    assert prompts.ends == {tokenizer.eos_token_id, 77}
    ours = replace(prepare_prompts(file, language_model(), max_new_tokens=16), ends=prompts.ends)
    assert [a.answer for a in answers_of(odd, prompts)[0].values()] == [
        a.answer for a in answers_of(language_model(), ours)[0].values()
    ]
    assert odd.model.generation_config.repetition_penalty == 9.0


def test_draws_depend_on_seed_and_row_alone(language_model, file):
    lm = language_model()
    prompts = prepare_prompts(file, lm, max_new_tokens=12)
    first, _ = answers_of(lm, prompts, Drawing(1.0, seed=1))
    assert first == answers_of(lm, prompts, Drawing(1.0, seed=1))[0]
    alone, _ = answers_of(lm, prompts, Drawing(1.0, seed=1), rows=[3])
    assert alone == {prompts.usable[3].row.id: first[prompts.usable[3].row.id]}
    other, _ = answers_of(lm, prompts, Drawing(1.0, seed=2))
    greedy, _ = answers_of(lm, prompts)
    for one in first:
        assert len({first[one].answer, other[one].answer, greedy[one].answer}) == 3


def test_a_draw_follows_the_probabilities_at_its_temperature():
    names = [str(n) for n in range(4000)]
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0])
    drawn = RowNoise(names, Drawing(temperature=0.5, seed=4))(None, logits.repeat(4000, 1)).argmax(1)
    assert torch.bincount(drawn, minlength=4) / 4000 == pytest.approx((logits / 0.5).softmax(0), abs=0.02)
