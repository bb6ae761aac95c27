"""Answers of a model to prompts, in batches; no answer depends on what it shares a batch with.

Greedy by default. With a temperature every row draws with random numbers of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from clues.data.batches import Batch
from clues.evaluation.answers.answer import Answer
from clues.evaluation.answers.prompts import Prompt, Prompts
from clues.models.base import LanguageModel
from clues.scoring.passes import RowsDone, batchwise
from clues.statistics.bootstrap import document_of


@dataclass(frozen=True)
class Drawing:
    """How the next token is taken from the model's probabilities."""

    temperature: float = 0.0
    """0: greedy, the most likely token every time. Otherwise a draw from softmax(logits / temperature)."""
    seed: int = 0
    """Of the random numbers; nothing is random when greedy."""


GREEDY = Drawing()


def generate(
    lm: LanguageModel,
    prompts: Prompts,
    rows: Sequence[int],
    drawing: Drawing = GREEDY,
    advance: RowsDone = lambda _rows: None,
) -> Iterator[list[Answer]]:
    """Answers to the prompts at the positions `rows`, a batch at a time, the longest prompts first.

    A batch holds at most `model.token_budget` tokens, room for the answers included; one that finds no memory is
    halved. What the checkpoint's own generation_config says (a repetition penalty, say) does not count, but for its
    end tokens: every model is asked in the same way. In float32 a greedy answer is the one that the row alone would
    get, but where two tokens are equally likely up to rounding; in bf16 rounding is coarser.

    Raises RowTooLongError where not even one row fits into memory.
    """
    with_room = prompts.with_room(lm.pad_id)

    def run(batch: Batch) -> list[Answer]:
        return _answers(lm, [prompts.usable[rows[i]] for i in batch.index], prompts, drawing)

    for _, answers in batchwise(lm, [with_room[i] for i in rows], run, advance):
        yield answers


@torch.no_grad()
def _answers(lm: LanguageModel, asked: Sequence[Prompt], prompts: Prompts, drawing: Drawing) -> list[Answer]:
    ids, attention = _left_padded([prompt.tokens for prompt in asked], lm.pad_id)
    noise = [RowNoise([prompt.row.id for prompt in asked], drawing)] if drawing.temperature else []
    with _as_asked(lm, prompts) as model:
        device = model.device
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=lm.settings.precision == "bf16"):
            whole = model.generate(
                input_ids=ids.to(device),
                attention_mask=attention.to(device),
                logits_processor=LogitsProcessorList(noise),
            )
    written = whole[:, ids.shape[1] :].tolist()
    return [_answer(prompt, tokens, prompts.ends, lm) for prompt, tokens in zip(asked, written, strict=True)]


def _answer(prompt: Prompt, written: list[int], ends: frozenset[int], lm: LanguageModel) -> Answer:
    """`written` goes on with padding where the row was done before its batch."""
    end = next((at for at, token in enumerate(written) if token in ends), None)
    return Answer(
        id=prompt.row.id,
        document=document_of(prompt.row),
        prompt=prompt.question,
        prompt_text=prompt.text,
        reference=prompt.reference,
        answer=str(lm.tokenizer.decode(written[:end], skip_special_tokens=True, clean_up_tokenization_spaces=False)),
        tokens=len(written) if end is None else end + 1,
        stopped=end is not None,
    )


class RowNoise(LogitsProcessor):
    """Makes the most likely token a draw from softmax(logits / temperature), each row with random numbers of its own.

    The Gumbel-max trick (Maddison, Tarlow and Minka, A* Sampling, 2014): argmax(logits / T + Gumbel noise). A row's
    numbers depend on its id and the seed alone: neither batch mates nor the model change them, so that base and
    adapter are compared on the same ones.
    """

    def __init__(self, ids: Sequence[str], drawing: Drawing):
        seeds = [hashlib.sha256(f"{drawing.seed} {name}".encode()).digest()[:8] for name in ids]
        self.temperature = drawing.temperature
        self.streams = [torch.Generator().manual_seed(int.from_bytes(seed) >> 1) for seed in seeds]

    def __call__(self, input_ids: Any, scores: Any) -> Any:  # noqa: ARG002 - transformers names the arguments
        """Scores [B, V] of the next token, with noise."""
        drawn = torch.stack([torch.empty(scores.shape[1]).exponential_(generator=g) for g in self.streams])
        return scores.float() / self.temperature - drawn.log().to(scores.device)


@contextmanager
def _as_asked(lm: LanguageModel, prompts: Prompts) -> Iterator[Any]:
    """The model under our settings alone: what they leave open, transformers takes from the checkpoint's own."""
    model: Any = lm.model.get_base_model() if isinstance(lm.model, PeftModel) else lm.model
    before = model.generation_config
    model.generation_config = GenerationConfig(
        max_new_tokens=prompts.max_new_tokens,
        do_sample=False,
        eos_token_id=sorted(prompts.ends),
        pad_token_id=lm.pad_id,
    )
    try:
        yield model
    finally:
        model.generation_config = before


def _left_padded(prompts: Sequence[Sequence[int]], pad_id: int) -> tuple[Tensor, Tensor]:
    """Ids and attention mask [B, T]: every prompt ends at the right, where its answer goes on."""
    width = max(map(len, prompts))
    ids = torch.full((len(prompts), width), pad_id, dtype=torch.long)
    attention = torch.zeros_like(ids)
    for b, prompt in enumerate(prompts):
        ids[b, width - len(prompt) :] = torch.tensor(prompt)
        attention[b, width - len(prompt) :] = 1
    return ids, attention
