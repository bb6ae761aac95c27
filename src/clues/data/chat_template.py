"""A conversation as the tokenizer's chat template writes it, taken apart at its responses.

The template is rendered once with a marker in the place of every assistant turn. What stands between the markers is
the template's; the whole rendering with the real texts must be the same pieces put together, or the template has
rewritten a turn and no mask would be right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from clues.data.rows import Message, Row
from clues.errors import ChatTemplateError

TRIMS: tuple[Callable[[str], str], ...] = (str, str.strip, str.lstrip, str.rstrip, lambda text: text.lstrip("\n"))
"""What a template may do to a response: leave it alone, or take white space off its ends."""

LONGEST_SPECIAL = 64
"""Characters: no special token is longer."""


@dataclass(frozen=True)
class Turn:
    """A response and what stands around it: the rendering is `before + text + end` for every turn, then the rest."""

    before: str
    """Everything since the end of the turn before: prompts, headers."""
    text: str
    """The response as the template writes it, with white space that it puts before the end token."""
    start: int
    """Where `text` begins in the row's own response: more than 0 if the template strips white space."""
    end: str
    """The end-of-turn token; the tokenizer's `eos_token` where the template has none."""


def render(row: Row, tokenizer: PreTrainedTokenizerBase) -> tuple[list[Turn], str]:
    """The turns of a row, one per response, and the text after the last of them.

    A system message that the template refuses is put in front of the next user turn. Responses alone that it refuses
    (`Row.without_prompt`) stand behind its assistant header. Without a template a prompt is `"{text}\\n\\n"` and a
    response is followed by `eos_token`; `bos_token`, if there is one, comes first.

    Raises ChatTemplateError if the template refuses the roles or changes the text of a response.
    """
    where = f"{row.file}:{row.line}"
    if tokenizer.eos_token is None:
        raise ChatTemplateError("the tokenizer has no eos_token, so that no response can end; set tokenizer.eos_token")
    if tokenizer.chat_template is None:
        fixed, texts = _plain(row.messages, tokenizer), list(row.responses)
    else:
        fixed, texts = _templated(row.messages, tokenizer, where)
    if not fixed[0]:  # the first token of a response needs a token before it that predicts it
        fixed[0] = _bos(tokenizer) or str(tokenizer.eos_token)
    return _turns(fixed, texts, row.responses, tokenizer)


def _bos(tokenizer: PreTrainedTokenizerBase) -> str:
    return str(tokenizer.bos_token or "")


def _plain(messages: Sequence[Message], tokenizer: PreTrainedTokenizerBase) -> list[str]:
    fixed = [_bos(tokenizer)]
    for message in messages:
        if message.role == "assistant":
            fixed.append(str(tokenizer.eos_token))
        else:
            fixed[-1] += f"{message.content}\n\n"
    return fixed


def _templated(
    messages: Sequence[Message], tokenizer: PreTrainedTokenizerBase, where: str
) -> tuple[list[str], list[str]]:
    """The template's text around the responses (one piece more than responses) and the responses as it writes them."""
    try:
        return _split(messages, tokenizer, where)
    except TemplateError as error:
        refusal = error
    try:
        if all(message.role == "assistant" for message in messages):
            return _headed(messages, tokenizer, where)
        return _split(_fold_system(messages), tokenizer, where)
    except TemplateError as error:
        raise ChatTemplateError(f"{where}: the chat template refuses this conversation: {refusal}") from error


def _split(messages: Sequence[Message], tokenizer: PreTrainedTokenizerBase, where: str) -> tuple[list[str], list[str]]:
    contents = [message.content for message in messages if message.role == "assistant"]
    fixed = _around_markers(messages, tokenizer, where)
    whole = _apply(messages, tokenizer)
    texts, position = [], len(fixed[0])
    for content, after in zip(contents, fixed[1:], strict=True):
        text = next((t for t in (trim(content) for trim in TRIMS) if whole.startswith(t + after, position)), None)
        if text is None:
            break
        texts.append(text)
        position += len(text + after)
    if len(texts) < len(contents) or position != len(whole) or not whole.startswith(fixed[0]):
        raise ChatTemplateError(
            f"{where}: the chat template rewrites assistant turn {len(texts) + 1} (a reasoning part, say), so that its "
            "tokens are not those of the response; take that part out of the row or set another chat template"
        )
    return fixed, texts


def _around_markers(messages: Sequence[Message], tokenizer: PreTrainedTokenizerBase, where: str) -> list[str]:
    everything = "".join(message.content for message in messages)
    marker = next(m for m in (f"\ue000response {n}\ue001" for n in count()) if m not in everything)
    marked = [Message(m.role, marker) if m.role == "assistant" else m for m in messages]
    fixed = _apply(marked, tokenizer).split(marker)
    if len(fixed) != sum(m.role == "assistant" for m in messages) + 1:
        raise ChatTemplateError(f"{where}: the chat template does not write every assistant turn exactly once")
    return fixed


def _headed(messages: Sequence[Message], tokenizer: PreTrainedTokenizerBase, where: str) -> tuple[list[str], list[str]]:
    """Responses without any prompt, each behind the header that the template writes to ask for one."""
    prompt = Message("user", "question")
    asked = _apply([prompt], tokenizer)
    asking = _apply([prompt], tokenizer, add_generation_prompt=True)
    header = asking[len(asked) :] if asking.startswith(asked) else ""
    bos = _bos(tokenizer)
    start = bos if asked.startswith(bos) and not header.startswith(bos) else ""
    answered = [_split([prompt, message], tokenizer, where) for message in messages]
    after = answered[-1][0][-1]
    fixed = [start + header, *[after + header] * (len(messages) - 1), after]
    return fixed, [texts[0] for _, texts in answered]


def _fold_system(messages: Sequence[Message]) -> list[Message]:
    """System messages joined to the user turn after them; a response without one gets them as its user turn."""
    folded: list[Message] = []
    held: list[str] = []
    for message in messages:
        if message.role == "system":
            held.append(message.content)
            continue
        if held:
            own = [message.content] if message.role == "user" else []
            folded.append(Message("user", "\n\n".join(held + own)))
            held = []
            if own:
                continue
        folded.append(message)
    return folded


def _apply(messages: Sequence[Message], tokenizer: PreTrainedTokenizerBase, add_generation_prompt: bool = False) -> str:
    conversation = [{"role": message.role, "content": message.content} for message in messages]
    rendered = tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=add_generation_prompt)
    return str(rendered)


def _turns(
    fixed: Sequence[str], texts: Sequence[str], responses: Sequence[str], tokenizer: PreTrainedTokenizerBase
) -> tuple[list[Turn], str]:
    """Split what follows each response into the white space before its end token, the token, and the rest."""
    has_end = bool(_leading_special(fixed[-1], tokenizer))
    before, turns = fixed[0], []
    for text, response, after in zip(texts, responses, fixed[1:], strict=True):
        end = _leading_special(after, tokenizer) if has_end else ""
        space, rest = after.split(end, 1) if end else ("", after)
        turns.append(Turn(before, text + space, response.index(text), end or str(tokenizer.eos_token)))
        before = rest
    return turns, before


def _leading_special(text: str, tokenizer: PreTrainedTokenizerBase) -> str:
    """The special token that `text` begins with, white space aside; empty if there is none."""
    text = text.lstrip()
    first = tokenizer(text[:LONGEST_SPECIAL], add_special_tokens=False)["input_ids"][:1]
    if not first or tokenizer.decode(first, skip_special_tokens=True):
        return ""
    token = str(tokenizer.convert_ids_to_tokens(first[0]))
    return token if text.startswith(token) else ""
