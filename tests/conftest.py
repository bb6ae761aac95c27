"""Fixtures without a hub: a tokenizer trained here and random tiny models of several architectures."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"  # read when transformers is imported: no test waits for a hub

import pytest
import torch
from jaxtyping import install_import_hook
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

# Shapes in the annotations of kernels and likelihoods are checked.
install_import_hook(["clues.kernels", "clues.models.likelihood"], "beartype.beartype")

torch.set_num_threads(1)
"""Tiny models are fastest on one thread, and two test runs on one machine do not wait for each other's threads."""

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TINY_KINDS = ("llama", "gpt2", "qwen2", "qwen3", "gemma2", "gemma3", "mistral", "mixtral", "cohere")
CORPUS = (
    "What are the symptoms of diabetes? The symptoms include thirst, fatigue and blurred vision.",
    "How is asthma treated? Inhaled medicines open the airways and reduce the inflammation of the lungs.",
    "What causes anaemia? A lack of iron in the diet, a loss of blood, or an inherited disease.",
    "system user assistant question answer patient doctor treatment disease blood heart",
)


def pytest_collection_finish() -> None:
    """Libraries stay: no collection of garbage walks through their objects. The Trainer asks for one every time."""
    gc.collect()
    gc.freeze()


def train_tokenizer(corpus: tuple[str, ...] = CORPUS, vocabulary: int = 400) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer with ChatML's special tokens; every text survives encoding and decoding."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(corpus, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def build_tiny_model(kind: str, tokenizer: PreTrainedTokenizerFast, seed: int = 0) -> PreTrainedModel:
    """A random model of the architecture `kind` (see TINY_KINDS) in evaluation mode, the same for the same seed."""
    tokens: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "initializer_range": 0.1,  # large enough for logits that differ between tokens
    }
    decoder: dict[str, Any] = tokens | {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 512,
    }
    torch.manual_seed(seed)
    match kind:
        case "llama":
            model = LlamaForCausalLM(LlamaConfig(num_hidden_layers=3, **decoder))
        case "gpt2":
            model = GPT2LMHeadModel(
                GPT2Config(n_embd=32, n_layer=2, n_head=4, attn_pdrop=0, embd_pdrop=0, resid_pdrop=0, **tokens)
            )
        case "qwen2":
            model = Qwen2ForCausalLM(Qwen2Config(num_hidden_layers=2, tie_word_embeddings=True, **decoder))
        case "qwen3":
            model = Qwen3ForCausalLM(Qwen3Config(num_hidden_layers=2, tie_word_embeddings=True, **decoder))
        case "gemma2":  # soft caps so low that they bend the tiny model's scores
            caps = {"final_logit_softcapping": 1.0, "attn_logit_softcapping": 1.0, "query_pre_attn_scalar": 8}
            model = Gemma2ForCausalLM(Gemma2Config(num_hidden_layers=2, sliding_window=16, **caps, **decoder))
        case "gemma3":
            layers = ["sliding_attention", "full_attention"]
            model = Gemma3ForCausalLM(
                Gemma3TextConfig(num_hidden_layers=2, layer_types=layers, sliding_window=16, **decoder)
            )
        case "mistral":
            model = MistralForCausalLM(MistralConfig(num_hidden_layers=2, sliding_window=16, **decoder))
        case "mixtral":
            model = MixtralForCausalLM(MixtralConfig(num_hidden_layers=2, num_local_experts=4, **decoder))
        case "cohere":
            model = CohereForCausalLM(CohereConfig(num_hidden_layers=2, logit_scale=0.25, **decoder))
        case _:
            raise ValueError(f"no tiny model {kind!r}; there are {', '.join(TINY_KINDS)}")
    return model.eval()


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    """Shared by all tests: a test that changes it takes a `copy.deepcopy` first."""
    return train_tokenizer()


@pytest.fixture(scope="session")
def tiny_model(tokenizer: PreTrainedTokenizerFast) -> Callable[..., PreTrainedModel]:
    """`tiny_model(kind, seed=0)` builds a new random model with the fixture tokenizer's vocabulary."""

    def build(kind: str, seed: int = 0) -> PreTrainedModel:
        return build_tiny_model(kind, tokenizer, seed)

    return build


@pytest.fixture(scope="session", autouse=True)
def every_criterion_has_a_say():
    """Tiny random models see no damage, and what sees none has no say: let all in, so that tests have rows to drop.

    Tests of that very rule ask for `never_worse_than_chance`.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("clues.selection.bar.with_a_say", lambda criteria, *_: (criteria, []))
        yield


@pytest.fixture
def never_worse_than_chance(monkeypatch):
    """The rule as users have it."""
    from clues.selection.seen import with_a_say  # late: what it needs is checked by the hook above

    monkeypatch.setattr("clues.selection.bar.with_a_say", with_a_say)
