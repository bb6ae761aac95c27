"""A model that is loaded already, as lm-eval sees it. B batch, K kept position, V vocabulary."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size
from lm_eval.models import huggingface
from torch import Tensor, nn
from torch.nn import functional as F

from clues.data.batches import token_budget_batches
from clues.models.base import LanguageModel

HFLM: Any = huggingface.HFLM  # to a type checker, what registers the class hides it

Request = tuple[tuple[str, str], list[int], list[int]]
"""Texts of a question and an answer, and the tokens of each."""


class LoadedModel(HFLM):
    """lm-eval's model for transformers, with its way of making tokens, on a model of ours with or without an adapter.

    The passes are ours. A question goes through the model once for all its answers of one token; the output head sees
    the last positions alone, in float32: in bf16 three of twenty 5-shot questions had two best answers (SmolLM2),
    and the first would win. Batches hold `model.token_budget` tokens, and are halved when memory runs out.
    """

    def __init__(self, lm: LanguageModel, advance: Callable[[int], None]) -> None:
        """`advance` is called with the number of answers whose likelihood has just been found."""
        head: Any = lm.model.get_output_embeddings()
        weight = head.weight
        super().__init__(pretrained=lm.model, tokenizer=copy.deepcopy(lm.tokenizer))
        head.weight = weight  # HFLM ties it to the embedding, which under bf16 has a copy of another type
        self._lm, self._head, self._advance = lm, head, advance

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = True) -> list[tuple[float, bool]]:
        """As lm-eval has it, without its bar."""
        return super().loglikelihood(requests, disable_tqdm=disable_tqdm)

    def _loglikelihood_tokens(self, requests: Sequence[Request], **_options: Any) -> list[tuple[float, bool]]:
        """Log-likelihood of every answer, and whether it is what the model would write, in the requests' order."""
        rows: dict[tuple[int, ...], list[int]] = {}
        for i, (_, question, answer) in enumerate(requests):
            rows.setdefault(tuple((question + answer)[-(self.max_length + 1) : -1]), []).append(i)
        self._warn_of_long_ones(requests)
        answers = [request[2] for request in requests]
        found: dict[int, tuple[float, bool]] = {}
        tokens = list(rows)
        for index in token_budget_batches(tokens, self._lm.settings.token_budget):  # type: ignore[arg-type]
            found |= self._batch({tokens[i]: rows[tokens[i]] for i in index}, answers)
        return [found[i] for i in range(len(requests))]

    def _warn_of_long_ones(self, requests: Sequence[Request]) -> None:
        if long := sum(len(question) + len(answer) > self.max_length + 1 for _, question, answer in requests):
            warnings.warn(
                f"{long} of {len(requests)} questions with an answer are longer than the {self.max_length} tokens that "
                "the model takes, and lose their beginning",
                stacklevel=2,
            )

    def _batch(
        self, rows: dict[tuple[int, ...], list[int]], answers: Sequence[list[int]]
    ) -> dict[int, tuple[float, bool]]:
        try:
            result = self._answered(rows, answers)
        except RuntimeError as error:
            if len(rows) == 1 or not should_reduce_batch_size(error):
                raise
            clear_device_cache(garbage_collection=True)
            items, half = list(rows.items()), len(rows) // 2
            return self._batch(dict(items[:half]), answers) | self._batch(dict(items[half:]), answers)
        self._advance(len(result))
        return result

    @torch.no_grad()
    def _answered(
        self, rows: dict[tuple[int, ...], list[int]], answers: Sequence[list[int]]
    ) -> dict[int, tuple[float, bool]]:
        """rows: tokens of a question and all but the last of an answer -> the requests that end in such an answer."""
        longest = {row: max(len(answers[i]) for i in own) for row, own in rows.items()}
        kept = sorted({position for row, n in longest.items() for position in range(len(row) - n, len(row))})
        logits = self._logits(list(rows), kept)
        result = {}
        for b, own in enumerate(rows.items()):
            row, requests = own
            for i in requests:
                places = [kept.index(len(row) - len(answers[i]) + t) for t in range(len(answers[i]))]
                at = F.log_softmax(logits[b, places], dim=-1)
                target = torch.tensor(answers[i], device=at.device)
                total = at.gather(1, target[:, None]).sum()
                result[i] = (float(total), bool((at.argmax(1) == target).all()))
        return result

    def _logits(self, rows: Sequence[tuple[int, ...]], kept: Sequence[int]) -> Tensor:
        """Float32 logits [B, K, V] after the kept positions; rows are padded on the right."""
        width, device = max(map(len, rows)), self.device
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for b, row in enumerate(rows):
            ids[b, : len(row)], mask[b, : len(row)] = torch.tensor(row), 1
        positions = torch.tensor(kept, device=device)
        half = self._lm.settings.precision == "bf16"
        with _in_float32(self._head), torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
            model: Any = self._lm.model
            output = model(input_ids=ids.to(device), attention_mask=mask.to(device), logits_to_keep=positions)
        return output.logits.float()


@contextmanager
def _in_float32(head: nn.Module) -> Iterator[None]:
    """The head's product in float32, whatever its weight is kept in."""

    def exact(module: Any, inputs: tuple[Tensor, ...], _output: Tensor) -> Tensor:
        with torch.autocast(inputs[0].device.type, enabled=False):
            bias = None if module.bias is None else module.bias.float()
            return F.linear(inputs[0].float(), module.weight.float(), bias)

    handle = head.register_forward_hook(exact)
    try:
        yield
    finally:
        handle.remove()
