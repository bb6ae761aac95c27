"""A rendered conversation parted into what the template writes around the responses, and the responses in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from jinja2 import TemplateError

from clues.data.control_tokens import ControlTokens
from clues.data.rows import Message
from clues.data.template import Template
from clues.errors import ChatTemplateError

TRIMS: tuple[Callable[[str], str], ...] = (str, str.strip, str.lstrip, str.rstrip, lambda text: text.lstrip("\n"))
"""What a template may do to a response: leave it alone, or take white space off its ends."""


@dataclass(frozen=True)
class Pieces:
    """The template's text around the responses, one piece more than responses, and the responses as it writes them."""

    fixed: list[str]
    texts: list[str]


def split(messages: Sequence[Message], template: Template, where: str) -> Pieces:
    """Part the rendering. Raises ChatTemplateError where a response is rewritten, TemplateError as templates do."""
    responses = [message for message in messages if message.is_response]
    try:
        fixed = _around_markers(messages, template, where)
    except TemplateError:
        if not any(message.has_more for message in responses):
            raise
        return _by_beginnings(messages, template, where)
    found = _walk(template(messages), fixed, responses, template)
    if len(found.texts) < len(responses):
        raise ChatTemplateError(
            f"{where}: the chat template rewrites assistant turn {len(found.texts) + 1} (a reasoning part, say), so "
            "that its tokens are not those of the response; take that part out of the row or set another chat template"
        )
    return found


def _around_markers(messages: Sequence[Message], template: Template, where: str) -> list[str]:
    everything = "".join(message.text for message in messages)
    marker = next(m for m in (f"\ue000response {n}\ue001" for n in count()) if m not in everything)
    marked = [Message("assistant", marker) if m.is_response else m for m in messages]
    fixed = template(marked).split(marker)
    if len(fixed) != sum(m.is_response for m in messages) + 1:
        raise ChatTemplateError(f"{where}: the chat template does not write every assistant turn exactly once")
    return fixed


def _walk(whole: str, fixed: Sequence[str], responses: Sequence[Message], template: Template) -> Pieces:
    """The pieces as they stand in the whole rendering; fewer texts than responses where one is not found."""
    found = Pieces([], [])
    position = 0
    for number, message in enumerate(responses):
        before = _begun(whole, position, fixed[number], message, template)
        if before is None:
            return found
        position += len(before)
        last = number + 1 == len(responses)
        following = fixed[-1] if last else _shared(fixed[number + 1], responses[number + 1], template)
        ends = (lambda at, following=following: whole[at:] == following) if last else (
            lambda at, following=following: whole.startswith(following, at)
        )  # fmt: skip
        text = _written(whole, position, message, following, ends)
        if text is None:
            return found
        found.fixed.append(before)
        found.texts.append(text)
        position += len(text)
    found.fixed.append(whole[position:])
    return found


def _written(whole: str, position: int, message: Message, following: str, ends: Callable[[int], bool]) -> str | None:
    """The response that begins here and is followed by what the template writes next."""
    if not message.has_more:
        trimmed = (trim(message.content) for trim in TRIMS)
        fits = (t for t in trimmed if whole.startswith(t, position) and ends(position + len(t)))
        return next(fits, None)
    end = whole.find(following, position) if following else len(whole)
    while end >= 0 and not ends(end):
        end = whole.find(following, end + 1)
    return whole[position:end] if end >= 0 else None


def _begun(whole: str, position: int, fixed: str, message: Message, template: Template) -> str | None:
    """What the template writes before a response. It may open an empty reasoning part where the turn has none."""
    if whole.startswith(fixed, position):
        return fixed
    if not message.has_more:
        return None
    shared = _shared(fixed, message, template)
    if whole.startswith(shared, position):
        return shared
    same = (i for i, (one, other) in enumerate(zip(fixed, whole[position:], strict=False)) if one != other)
    return fixed[: next(same, len(fixed))]


def _shared(fixed: str, message: Message, template: Template) -> str:
    """As far as it is the same with reasoning and without: up to the header's end."""
    header = template.bare.header if message.has_more else ""
    at = fixed.rfind(header) if header else -1
    return fixed[: at + len(header)] if at >= 0 else fixed


def _by_beginnings(messages: Sequence[Message], template: Template, where: str) -> Pieces:
    """Where the template refuses a conversation without its calls: each response is what its turn adds."""
    whole, found, position = template(messages), Pieces([], []), 0
    control = ControlTokens.of(template.tokenizer)
    for number, message in enumerate(messages):
        if message.is_response:
            asked, answered = template(messages[:number], asking=True), template(messages[: number + 1])
            if not (whole.startswith(answered) and answered.startswith(asked)):
                raise ChatTemplateError(
                    f"{where}: the chat template writes turn {number + 1} otherwise by what follows"
                )
            stops = [match.start() for match in control.pattern.finditer(answered, len(asked))]
            end = stops[-1] if stops and not control.pattern.sub("", answered[stops[-1] :]).strip() else len(answered)
            found.fixed.append(whole[position : len(asked)])
            found.texts.append(whole[len(asked) : end])
            position = end
    found.fixed.append(whole[position:])
    return found
