"""What of a row a chat template does not write: it is named, or the row is set aside."""

from __future__ import annotations

from collections.abc import Sequence

from clues.data.rows import Message, Row
from clues.data.split_turns import Pieces
from clues.data.template import Template
from clues.data.turn_text import left_out_of
from clues.errors import ChatTemplateError


def left_out(row: Row, pieces: Pieces, template: Template) -> frozenset[str]:
    """What of the prompts stands nowhere in the rendering."""
    around = "".join(pieces.fixed)
    others = (m for m in row.messages if not m.is_response and m.content.strip())
    missing = {m.role for m in others if m.content.strip() not in around}
    if row.tools and not (template.written and template.uses(row.messages, tools=True)):
        missing.add("tools")
    if row.template_args and not (template.written and template.uses(row.messages, tools=False)):
        missing.add("chat_template_kwargs")
    return frozenset(missing)


def missing_parts(responses: Sequence[Message], pieces: Pieces, where: str) -> frozenset[str]:
    """Whether reasoning is not written. Raises ChatTemplateError for a call that is not: it is what is learned."""
    missing = {left_out_of(text, m) for m, text in zip(responses, pieces.texts, strict=True) if m.has_more} - {""}
    if missing - {"reasoning"}:
        raise ChatTemplateError(
            f"{where}: the chat template does not write the {_listed(missing)} of an assistant turn, which is what is "
            "learned; set a chat template that does, or mark the turn as context (weight 0)"
        )
    return frozenset(missing)


def _listed(parts: set[str]) -> str:
    """Parts of a turn in words."""
    return " and the ".join(part.replace("_", " ") for part in sorted(parts))
