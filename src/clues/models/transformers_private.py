"""What clues knows of the inside of transformers, all of it here; `tests/models/test_transformers_private.py` says when
a new version has moved a part.

Its public names are those of `transformers` itself. N response token, H hidden, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from transformers import TrainingArguments
from transformers.pytorch_utils import Conv1D

LINEAR = (nn.Linear, Conv1D)
"""Classes of linear layers: GPT-2 keeps the weights of its own the other way round."""

BodyOutput = Any
"""What a model's body returns: each architecture has a class of its own for it."""


def use_one_gpu(arguments: TrainingArguments) -> TrainingArguments:
    """The same settings: without a launcher the Trainer splits batches over all GPUs, and a step would be larger."""
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def causal_model(model: nn.Module) -> Any:
    """The transformers model inside an adapter or a wrapper for several processes."""
    inner = model.module if isinstance(model, nn.parallel.DistributedDataParallel) else model
    return inner.get_base_model() if hasattr(inner, "get_base_model") else inner  # type: ignore[operator]


def body_output(model: nn.Module, inputs: dict[str, Tensor]) -> BodyOutput:
    """What the body gives, `last_hidden_state` [B, T, H], in a pass of the whole model whose head sees no token.

    The pass goes through all that is around the model, so that several processes know that it took place.
    """
    seen: list[BodyOutput] = []

    def without_tokens(_module: nn.Module, _args: Any, output: BodyOutput) -> BodyOutput:
        seen.append(output)
        return _with_hidden(output, output.last_hidden_state[:, :0])

    handle = causal_model(model).base_model.register_forward_hook(without_tokens)
    try:
        model(**inputs, use_cache=False)
    finally:
        handle.remove()
    return seen[0]


def head_of(model: nn.Module, input_ids: Tensor, output: BodyOutput) -> Callable[[Float[Tensor, "N H"]], Tensor]:
    """From hidden states [N, H] to logits [N, V]: the model's own forward after its body, soft caps and scalings too.

    Args:
        input_ids: [B, T], any that the model takes; output: what its body gave for some.
    """
    causal = causal_model(model)

    def logits(hidden: Float[Tensor, "N H"]) -> Float[Tensor, "N V"]:
        with _body_returns(causal.base_model, _with_hidden(output, hidden[None])):
            return causal(input_ids=input_ids[:1], use_cache=False).logits[0]

    return logits


def _with_hidden(output: BodyOutput, hidden: Tensor) -> BodyOutput:
    other = copy(output)
    other.last_hidden_state = hidden
    return other


@contextmanager
def _body_returns(body: nn.Module, output: BodyOutput) -> Iterator[None]:
    body.forward = lambda *_args, **_kwargs: output
    try:
        yield
    finally:
        del body.forward
