"""A conversation as the tokenizer's chat template writes it, taken apart at its responses.

The template is rendered once with a marker in the place of every response. What stands between the markers is
the template's; the whole rendering with the real texts must be the same pieces put together, or the template has
rewritten a turn and no mask would be right. What a template makes of reasoning and tool calls is in `split_turns`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from clues.data.control_tokens import StandIns
from clues.data.rows import Message, Row
from clues.data.split_turns import Pieces, split
from clues.data.template import Template
from clues.data.template_losses import left_out, missing_parts
from clues.data.turn_text import Places, places_in, plain_places
from clues.errors import ChatTemplateError

LONGEST_SPECIAL = 64
"""Characters: no special token is longer."""


@dataclass(frozen=True)
class Turn:
    """A response and what stands around it: the rendering is `before + text + end` for every turn, then the rest."""

    before: str
    """Everything since the end of the turn before: prompts, headers."""
    text: str
    """The response as the template writes it, with white space that it puts before the end token."""
    places: Places
    """From the characters of `text` to those of the row's own response."""
    end: str
    """The end-of-turn token; the tokenizer's `eos_token` where the template has none."""


@dataclass(frozen=True)
class Rendered:
    """A row as the chat template writes it."""

    turns: list[Turn]
    """One per response."""
    rest: str
    """The text after the last of them."""
    stand_ins: StandIns
    """For control tokens in the row's own texts; all texts here have them."""
    left_out: frozenset[str] = frozenset()
    """What the template does not write: `system`, `user`, `tool`, `tools`, `reasoning` or `chat_template_kwargs`."""

    @property
    def prompt(self) -> str:
        """Everything before the last response, as a person reads it."""
        *earlier, last = self.turns
        return self.stand_ins.back("".join(turn.before + turn.text + turn.end for turn in earlier) + last.before)


def render(row: Row, tokenizer: PreTrainedTokenizerBase) -> Rendered:
    """The turns of a row as the tokenizer's template writes them, tools and other arguments of the row given to it.

    A system message that the template refuses is put in front of the next user turn. Responses alone that it refuses
    (`Row.without_prompt`) stand behind its assistant header. Without a template a prompt is `"{text}\\n\\n"` and a
    response is followed by `eos_token`; `bos_token`, if there is one, comes first.

    Raises ChatTemplateError if the template refuses the roles, changes the text of a response or leaves a call out.
    """
    where = f"{row.file}:{row.line}"
    if tokenizer.eos_token is None:
        raise ChatTemplateError("the tokenizer has no eos_token, so that no response can end; set tokenizer.eos_token")
    stand_ins = StandIns.for_row(row, tokenizer)
    own, row = row.messages, stand_ins.put(row)
    template = Template(tokenizer, row.tools, row.template_args)
    responses = [message for message in row.messages if message.is_response]
    if tokenizer.chat_template is None:
        pieces = _plain(row.messages, tokenizer)
    else:
        pieces = _templated(row.messages, template, where)
    missed = left_out(row, pieces, template) | missing_parts(responses, pieces, where)
    if not pieces.fixed[0]:  # the first token of a response needs a token before it that predicts it
        pieces.fixed[0] = _bos(tokenizer) or str(tokenizer.eos_token)
    turns, rest = _turns(pieces, [m for m in own if m.is_response], stand_ins, tokenizer)
    return Rendered(turns, rest, stand_ins, missed)


def _bos(tokenizer: PreTrainedTokenizerBase) -> str:
    return str(tokenizer.bos_token or "")


def _plain(messages: Sequence[Message], tokenizer: PreTrainedTokenizerBase) -> Pieces:
    fixed = [_bos(tokenizer)]
    for message in messages:
        if message.is_response:
            fixed.append(str(tokenizer.eos_token))
        elif message.role == "assistant":
            fixed[-1] += f"{message.content}{tokenizer.eos_token}"
        else:
            fixed[-1] += f"{message.content}\n\n"
    return Pieces(fixed, [message.content for message in messages if message.is_response])


def _templated(messages: Sequence[Message], template: Template, where: str) -> Pieces:
    alone = all(message.role == "assistant" for message in messages)
    try:
        if not (alone and any(message.has_more for message in messages)):
            return _checked(split(messages, template, where), messages, template, where)
        return _headed(messages, template, where)
    except TemplateError as error:
        refusal = error
    try:
        if alone:
            return _headed(messages, template, where)
        return _checked(split(_fold_system(messages), template, where), messages, template, where)
    except TemplateError as error:
        raise ChatTemplateError(f"{where}: the chat template refuses this conversation: {refusal}") from error


def _checked(pieces: Pieces, messages: Sequence[Message], template: Template, where: str) -> Pieces:
    """A turn with reasoning or calls must be written alike with its prompt and alone, or the two cannot be compared."""
    responses = [message for message in messages if message.is_response]
    for number, (message, text) in enumerate(zip(responses, pieces.texts, strict=True), start=1):
        if message.has_more and split([_ASKED, message], template.bare, where).texts != [text]:
            raise ChatTemplateError(
                f"{where}: the chat template writes response {number} of this conversation otherwise than alone: it "
                "leaves out the reasoning of earlier turns. Mark that turn as context (weight 0), or take its "
                "reasoning out"
            )
    return pieces


_ASKED = Message("user", "question")


def _headed(messages: Sequence[Message], template: Template, where: str) -> Pieces:
    """Responses without any prompt, each behind the header that the template writes to ask for one."""
    asked, header = template([_ASKED]), template.bare.header
    bos = _bos(template.tokenizer)
    start = bos if asked.startswith(bos) and not header.startswith(bos) else ""
    answered = [split([_ASKED, message], template.bare, where) for message in messages]
    after = answered[-1].fixed[-1]
    fixed = [start + header, *[after + header] * (len(messages) - 1), after]
    return Pieces(fixed, [one.texts[0] for one in answered])


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


def _turns(
    pieces: Pieces, responses: Sequence[Message], stand_ins: StandIns, tokenizer: PreTrainedTokenizerBase
) -> tuple[list[Turn], str]:
    """Split what follows each response into the white space before its end token, the token, and the rest."""
    last = _leading_special(pieces.fixed[-1], tokenizer)
    before, turns = pieces.fixed[0], []
    for text, message, after in zip(pieces.texts, responses, pieces.fixed[1:], strict=True):
        end = last if after == pieces.fixed[-1] or not last else _leading_special(after, tokenizer)
        space, rest = after.split(end, 1) if end else ("", after)
        turns.append(
            Turn(before, text + space, _places(stand_ins.back(text), message), end or str(tokenizer.eos_token))
        )
        before = rest
    return turns, before


def _places(text: str, message: Message) -> Places:
    if message.has_more:
        return places_in(text, message)
    return plain_places(message.content.index(text), len(message.content))


def _leading_special(text: str, tokenizer: PreTrainedTokenizerBase) -> str:
    """The special token that `text` begins with, white space aside; empty if there is none."""
    text = text.lstrip()
    first = tokenizer(text[:LONGEST_SPECIAL], add_special_tokens=False)["input_ids"][:1]
    if not first or tokenizer.decode(first, skip_special_tokens=True):
        return ""
    token = str(tokenizer.convert_ids_to_tokens(first[0]))
    return token if text.startswith(token) else ""
