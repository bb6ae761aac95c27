"""Tiny checkpoints of well-known families as the hub has them: their architecture, tokenizer class and chat template.

Weights are random and in bf16, in several files. Templates are written here after the families' own: the same roles,
headers, end tokens, default system messages, white space and refusals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    GemmaTokenizer,
    LlamaTokenizer,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    Qwen2Tokenizer,
)

from tests.conftest import CORPUS, build_tiny_model

WORDS = 60
"""Words that tokens are learned from, beside single bytes."""

QWEN25 = """{%- if messages[0]['role'] == 'system' %}
{{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
{%- else %}{{- '<|im_start|>system\\nYou are Qwen, a helpful assistant.<|im_end|>\\n' }}{%- endif %}
{%- for message in messages %}{%- if message.role != 'system' or not loop.first %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
{%- endif %}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""

QWEN3 = """{%- if messages[0].role == 'system' %}
{{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}{%- endif %}
{%- set ns = namespace(last=-1) %}
{%- for message in messages %}{%- if message.role == 'user' %}{%- set ns.last = loop.index0 %}{%- endif %}{%- endfor %}
{%- for message in messages %}{%- set content = message.content %}
{%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}
{{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
{%- elif message.role == 'assistant' %}{%- set thought = '' %}
{%- if '</think>' in content %}
{%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
{%- set content = content.split('</think>')[-1].lstrip('\\n') %}{%- endif %}
{%- if loop.index0 > ns.last and (loop.last or thought) %}
{{- '<|im_start|>assistant\\n<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
{%- else %}{{- '<|im_start|>assistant\\n' + content }}{%- endif %}{{- '<|im_end|>\\n' }}
{%- endif %}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""

LLAMA3 = """{{- bos_token }}{%- if messages[0]['role'] == 'system' %}
{%- set system_message = messages[0]['content']|trim %}{%- set messages = messages[1:] %}
{%- else %}{%- set system_message = '' %}{%- endif %}
{{- '<|start_header_id|>system<|end_header_id|>\\n\\nCutting Knowledge Date: December 2023\\n' }}
{{- 'Today Date: 26 Jul 2024\\n\\n' + system_message + '<|eot_id|>' }}
{%- for message in messages %}
{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content']|trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}"""

MISTRAL = """{{ bos_token }}{% for message in messages %}
{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
{{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{%- endif %}
{%- if message['role'] == 'user' %}{{- '[INST] ' + message['content'] + '[/INST]' }}
{%- elif message['role'] == 'assistant' %}{{- ' ' + message['content'] + eos_token }}
{%- else %}{{- raise_exception('Only user and assistant roles are supported!') }}{%- endif %}
{%- endfor %}"""

GEMMA2 = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}
{{- raise_exception('System role not supported') }}{%- endif %}
{%- for message in messages %}{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
{{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{%- endif %}
{%- set role = 'model' if message['role'] == 'assistant' else message['role'] %}
{{- '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{%- endfor %}
{%- if add_generation_prompt %}{{- '<start_of_turn>model\\n' }}{%- endif %}"""

GEMMA3 = """{{ bos_token }}{%- if messages[0]['role'] == 'system' %}
{%- set prefix = messages[0]['content'] + '\\n\\n' %}{%- set turns = messages[1:] %}
{%- else %}{%- set prefix = '' %}{%- set turns = messages %}{%- endif %}
{%- for message in turns %}{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
{{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{%- endif %}
{%- set role = 'model' if message['role'] == 'assistant' else message['role'] %}
{{- '<start_of_turn>' + role + '\\n' + (prefix if loop.first else '') + message['content'] | trim }}
{{- '<end_of_turn>\\n' }}{%- endfor %}
{%- if add_generation_prompt %}{{- '<start_of_turn>model\\n' }}{%- endif %}"""


@dataclass(frozen=True)
class Family:
    kind: str
    """Of `build_tiny_model`."""
    tokenizer: Callable[[], PreTrainedTokenizerBase]
    template: str | None
    end: str
    """The token that ends a response."""
    begin: str
    """What a whole conversation begins with; {system} stands for a system message."""
    ask: str
    """What stands right before the response."""

    def save(self, folder: Path) -> Path:
        """A checkpoint folder as `from_pretrained` reads it."""
        tokenizer = self.tokenizer()
        tokenizer.chat_template = self.template
        model = build_tiny_model(self.kind, tokenizer).to(torch.bfloat16)  # type: ignore[arg-type]
        model.save_pretrained(folder, max_shard_size="40KB")
        tokenizer.save_pretrained(folder)
        return folder


def _bytewise(special: list[str]) -> Tokenizer:
    """Byte-level BPE with special tokens, as Qwen and Llama 3 have it."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + WORDS, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(CORPUS, trainer)
    return backend


def _pieces(special: list[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges as sentencepiece's BPE with byte fallback has them, for Mistral and Gemma."""
    import json

    backend = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    single = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=[*special, *single], show_progress=False)
    backend.train_from_iterator(CORPUS, trainer)
    spelled = json.loads(backend.to_str())["model"]
    return spelled["vocab"], [tuple(pair) for pair in spelled["merges"]]


def qwen() -> PreTrainedTokenizerBase:
    import json

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    spelled = json.loads(_bytewise(special).to_str())["model"]
    merges = [tuple(pair) for pair in spelled["merges"]]
    return Qwen2Tokenizer(
        vocab=spelled["vocab"],
        merges=merges,  # type: ignore[arg-type] - pairs, as transformers' own loading passes them
        eos_token="<|im_end|>",
        additional_special_tokens=special[1:],
    )  # type: ignore[return-value]


def llama3() -> PreTrainedTokenizerBase:
    special = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    backend = _bytewise(special)
    backend.post_processor = processors.TemplateProcessing(
        single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", 0)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<|begin_of_text|>", eos_token="<|eot_id|>"
    )  # no padding token, as on the hub


def mistral() -> PreTrainedTokenizerBase:
    special = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]
    vocab, merges = _pieces(special)
    return LlamaTokenizer(vocab=vocab, merges=merges, add_bos_token=True, additional_special_tokens=special[3:])  # type: ignore[return-value]


def gemma() -> PreTrainedTokenizerBase:
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>"]
    vocab, merges = _pieces(special)
    return GemmaTokenizer(vocab=vocab, merges=merges, add_bos_token=True, additional_special_tokens=special[5:])  # type: ignore[return-value]


_LLAMA3_BEGIN = (
    "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\n"
    "Today Date: 26 Jul 2024\n\n{system}<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
)
FAMILIES = {
    "qwen2.5": Family(
        "qwen2", qwen, QWEN25, "<|im_end|>", "<|im_start|>system\n{system}<|im_end|>\n", "<|im_start|>assistant\n"
    ),
    "qwen3": Family(
        *("qwen3", qwen, QWEN3, "<|im_end|>", "<|im_start|>system\n{system}<|im_end|>\n"),
        "<|im_start|>assistant\n<think>\n\n</think>\n\n",
    ),
    "llama3": Family(
        *("llama", llama3, LLAMA3, "<|eot_id|>", _LLAMA3_BEGIN), "<|start_header_id|>assistant<|end_header_id|>\n\n"
    ),
    "mistral": Family("mistral", mistral, MISTRAL, "</s>", "<s>[INST] {system}\n\n", "[/INST] "),
    "gemma2": Family(
        *("gemma2", gemma, GEMMA2, "<end_of_turn>", "<bos><start_of_turn>user\n{system}\n\n"), "<start_of_turn>model\n"
    ),
    "gemma3": Family(
        *("gemma3", gemma, GEMMA3, "<end_of_turn>", "<bos><start_of_turn>user\n{system}\n\n"), "<start_of_turn>model\n"
    ),
    "mistral-base": Family("mistral", mistral, None, "</s>", "<s>{system}\n\n", "\n\n"),
}
