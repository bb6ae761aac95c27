"""The layouts of records that people have, in one table: whose they are, and which field is which part of a row.

docs/LAYOUTS.md is compared with it by a test. Names of fields are found whatever their case, blanks, `-` and `_`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, get_args

Part = Literal[
    "messages", "prompt", "response", "system", "context", "history", "input", "options", "answer_index", "tools",
    "reasoning", "template_args", "label", "weight",
]  # fmt: skip
PARTS: tuple[Part, ...] = get_args(Part)
NAMED = ("prompt", "response", "messages", "system", "context", "history", "options", "tools", "label", "weight")
"""Parts that `--columns` names."""

SHARED: dict[Part, tuple[str, ...]] = {
    "system": ("system", "system_prompt", "system_message", "system_instruction"),
    "tools": ("tools", "functions"),
    "template_args": ("chat_template_kwargs",),
    "label": ("label", "kto_tag"),
    "weight": ("weight",),
}
"""Fields that any layout may have beside its own."""
OF_PAIRS: dict[Part, tuple[str, ...]] = {
    "context": ("context",),
    "history": ("history",),
    "options": ("options", "choices"),
    "answer_index": ("answer_idx", "answer_index", "answer_key"),
    "reasoning": ("reasoning_content", "reasoning", "thinking"),
}
"""Fields that any layout of one prompt and one response may have beside them."""


@dataclass(frozen=True)
class Layout:
    """One way to write a record."""

    name: str
    """As `--format` names it."""
    writers: str
    """Whose files are so."""
    needs: tuple[Part, ...]
    """Parts without which it is not this layout."""
    fields: Mapping[Part, tuple[str, ...]] = field(hash=False)
    """Part -> names of its field; the first that is filled is it."""
    context_first: bool = True
    """Whether the context stands before the prompt; an instruction stands before what it is about."""


def _turns(name: str, writers: str, turns: str) -> Layout:
    return Layout(name, writers, ("messages",), {"messages": (turns,), "response": ("chosen",), **SHARED})


def _pair(name: str, writers: str, prompt: str, response: str, *given: str) -> Layout:
    """`given`: a field that stands behind the prompt, as Alpaca's input does."""
    fields: dict[Part, tuple[str, ...]] = {"prompt": (prompt,), "response": (response,), **OF_PAIRS, **SHARED}
    if prompt == "context":
        del fields["context"]
    if given:
        fields["input"] = given
    return Layout(name, writers, ("prompt", "response"), fields, prompt != "instruction")


LAYOUTS: tuple[Layout, ...] = (
    _turns("messages", "OpenAI, TRL, Axolotl, ms-swift, smoltalk", "messages"),
    _turns("sharegpt", "ShareGPT, LLaMA-Factory, Axolotl", "conversations"),
    _turns("lmsys", "LMSYS-Chat-1M, WildChat", "conversation"),
    _turns("gemini", "Gemini and Vertex AI", "contents"),
    _pair("prompt-response", "clues, ChatGLM, many others", "prompt", "response"),
    _pair("alpaca", "Alpaca, LLaMA-Factory, Axolotl", "instruction", "output", "input"),
    _pair("question-answer", "SQuAD-like reading, MedQA-like exams, GSM8K", "question", "answer"),
    _pair("ms-swift", "ms-swift", "query", "response"),
    _pair("dolly", "Databricks Dolly, OpenFedLLM, FlowerTune, FedDQC", "instruction", "response", "input"),
    _pair("openorca", "OpenOrca", "question", "response"),
    _pair("prompt-completion", "TRL, OpenAI's older files", "prompt", "completion"),
    _pair("preference", "TRL's DPO and reward sets, UltraFeedback", "prompt", "chosen"),
    _pair("question-chosen", "preference pairs of a question", "question", "chosen"),
    _pair("instruction-chosen", "LLaMA-Factory's preference pairs", "instruction", "chosen", "input"),
    Layout("chosen", "Anthropic HH as turns, TRL without prompt", ("response",), {"response": ("chosen",), **SHARED}),
    _pair("openai-preference", "OpenAI's preference files", "input", "preferred_output"),
    _pair("query-answer", "retrieval sets", "query", "answer"),
    _pair("problem-solution", "mathematics sets", "problem", "solution"),
    _pair("inputs-targets", "FLAN", "inputs", "targets"),
    _pair("input-output", "many", "input", "output"),
    _pair("context-response", "counselling sets", "context", "response"),
)
"""Whose fields are all filled is taken, the first of several."""

TEXT_FIELDS = frozenset(
    name for layout in LAYOUTS for part in (*layout.needs, "input") for name in layout.fields.get(part, ())
)
"""Fields that hold a conversation, or a part of one."""

_READ = frozenset(name for layout in LAYOUTS for names in layout.fields.values() for name in names)
_SPEAKING = re.compile(
    "rejected(response)?|nonpreferredoutput|answers?|targets?|completions?|outputs?|responses?|text|documents?|passages?|"
    "article|evidence|hints?|examples?|demonstrations?|persona|preamble|profile|rationale|explanation|cot|think|"
    "thoughts?|scratchpad|facts|table|knowledge|tool|function|loss|train|training|masked?|instructions|turns|dialog(ue)?|"
    "chat|parts|attachments|files|fileids|grounding|prefix|suffix|thinking|reasoning(content)?"
)
"""Plain names of other fields that are known to carry meaning."""
_SPEAK_ANYWHERE = re.compile(
    "system|history|contexts?|options?|choices?|tools?|labels?|weights?|reasoning|thinking|images?|pictures?|videos?|"
    "audios?|rejected|chosen"
)
"""Words that a name of several words has its meaning from."""
_WORD = re.compile("[a-z0-9]+")


@cache
def plain_name(name: str) -> str:
    """A field's name without case, blanks, `-` and `_`, all of which differ between exports."""
    return re.sub(r"[\s_\-\ufeff]+", "", name).casefold()


_READ_PLAIN = frozenset(map(plain_name, _READ))


@cache
def carries_meaning(name: str) -> bool:
    """Whether a field of this name is known to say something of what is learned, and is never mere metadata."""
    plain = plain_name(name)
    if plain in _READ_PLAIN or _SPEAKING.fullmatch(plain):
        return True
    words = _WORD.findall(re.sub("(?<=[a-z])(?=[A-Z])", " ", name).lower())
    return words[-1:] != ["id"] and any(_SPEAK_ANYWHERE.fullmatch(word) for word in words)


LAYOUT_NAMES = tuple(layout.name for layout in LAYOUTS)
