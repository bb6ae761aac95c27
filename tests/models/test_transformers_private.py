"""What models/transformers_private.py knows of transformers. If one of these fails after an upgrade of transformers,
it has moved something: mend that module, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import transformers
from transformers import GPT2LMHeadModel, PreTrainedModel, TrainingArguments

import clues
from clues.models import transformers_private as private
from tests.conftest import TINY_KINDS, build_tiny_model, train_tokenizer

HOME = Path(private.__file__).name
PRIVATE = re.compile("_[^_]")


@pytest.fixture(scope="module", params=TINY_KINDS)
def model(request) -> PreTrainedModel:
    return build_tiny_model(request.param, train_tokenizer())


@pytest.fixture
def inputs() -> dict[str, torch.Tensor]:
    ids = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12]])
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


@torch.no_grad()
def test_a_models_head_follows_its_body(model, inputs):
    output = private.body_output(model, inputs)
    logits = private.head_of(model, inputs["input_ids"], output)(output.last_hidden_state[1])
    torch.testing.assert_close(logits, model(**inputs).logits[1])


@torch.no_grad()
def test_the_head_sees_no_token_while_the_body_is_read(model, inputs):
    seen = []
    handle = model.get_output_embeddings().register_forward_pre_hook(lambda _head, args: seen.append(args[0].shape[1]))
    private.body_output(model, inputs)
    handle.remove()
    assert seen == [0]


@torch.no_grad()
def test_a_model_is_as_it_was_afterwards(model, inputs):
    before = model(**inputs).logits
    output = private.body_output(model, inputs)
    private.head_of(model, inputs["input_ids"], output)(output.last_hidden_state[0])
    assert torch.equal(model(**inputs).logits, before)
    assert "forward" not in vars(model.base_model)


def test_linear_layers_are_known_by_class():
    gpt2 = build_tiny_model("gpt2", train_tokenizer())
    assert isinstance(gpt2, GPT2LMHeadModel)
    assert isinstance(gpt2.get_submodule("transformer.h.0.attn.c_attn"), private.LINEAR)
    assert not isinstance(gpt2.transformer.wte, private.LINEAR)


def test_a_step_is_no_larger_on_several_gpus(tmp_path):
    arguments = TrainingArguments(output_dir=str(tmp_path), per_device_train_batch_size=4, use_cpu=True)
    assert arguments.n_gpu <= 1  # looks for GPUs; whatever it finds is known from then on
    arguments._n_gpu = 3
    assert arguments.train_batch_size == 12
    assert private.use_one_gpu(arguments).train_batch_size == 4


def test_no_other_module_uses_a_private_part():
    source = Path(clues.__file__).parent
    for file in source.rglob("*.py"):
        found = [] if file.name == HOME else list(_private(ast.parse(file.read_text())))
        assert not found, f"{file.relative_to(source)} uses {found[0]}: move that to models/{HOME}"


def _private(tree: ast.AST) -> Iterator[str]:
    """Modules inside transformers, private methods of its classes that are written anew, and private settings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("transformers."):
            yield str(node.module)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("transformers."))
        if isinstance(node, ast.ClassDef):
            inside = {name for base in node.bases for name in dir(getattr(transformers, ast.unparse(base), None))}
            own = (part.name for part in node.body if isinstance(part, ast.FunctionDef))
            yield from (f"{node.name}.{name}" for name in own if PRIVATE.match(name) and name in inside)
        if isinstance(node, ast.Attribute) and node.attr.startswith("_n_"):
            yield ast.unparse(node)
