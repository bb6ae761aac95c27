"""A file of rows made ready for the model: read, encoded, counted; what cannot be used is set aside with its reason."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from clues.data.encoding import Encoded, encode
from clues.data.files.reading import reading
from clues.data.remarks import Remark, remarks_on
from clues.data.rows import Row, SetAside
from clues.errors import ChatTemplateError, NoResponseToken, NoRowsError


@dataclass(frozen=True)
class Prepared:
    """The usable rows of a file, each with its tokens, in the file's order."""

    rows: list[Row]
    encoded: list[Encoded]
    set_aside: list[SetAside]
    of_file: tuple[Remark, ...] = ()
    """How the file itself was read."""

    @property
    def largest_id(self) -> int:
        """Of all tokens."""
        return max((max(e.input_ids) for e in self.encoded), default=0)

    @property
    def longest(self) -> int:
        """Tokens of the longest row."""
        return max(map(len, self.encoded), default=0)

    @property
    def truncated(self) -> int:
        """Rows whose end did not fit."""
        return sum(e.truncated for e in self.encoded)

    @property
    def duplicates(self) -> int:
        """Rows whose text an earlier row of the file has already; they are scored like any other row."""
        return len(self.rows) - len({row.content_hash for row in self.rows})

    def remarks(self, file: str = "") -> tuple[Remark, ...]:
        """What must be known of how the rows were read; `file` names a public set."""
        return (*(replace(one, file=file) for one in self.of_file), *remarks_on(self.rows, self.encoded, file))


def prepare(
    path: Path | str, tokenizer: PreTrainedTokenizerBase, max_length: int, columns: Mapping[str, str] | None = None
) -> Prepared:
    """Read and encode a file. Raises NoRowsError if nothing in it can be used."""
    file = reading(path, dict(columns) if columns else None)
    found = list(file)
    prepared = prepare_rows([one for one in found if isinstance(one, Row)], tokenizer, max_length)
    set_aside = [one for one in found if isinstance(one, SetAside)]
    set_aside = sorted([*set_aside, *prepared.set_aside], key=lambda item: item.line)
    if not prepared.rows:
        raise no_rows(path, set_aside)
    return replace(prepared, set_aside=set_aside, of_file=file.remarks(len(prepared.rows)))


def no_rows(path: Path | str, set_aside: Sequence[SetAside]) -> NoRowsError:
    """That a file cannot be used, and why its first record cannot."""
    first = f" The first record, line {set_aside[0].line}: {set_aside[0].reason}" if set_aside else ""
    return NoRowsError(f"{path}: no usable row.{first}")


def prepare_rows(rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, max_length: int) -> Prepared:
    """Encode rows; those that leave no response token are set aside."""
    prepared = Prepared([], [], [])
    for row in rows:
        try:
            encoded = encode(row, tokenizer, max_length)
        except (NoResponseToken, ChatTemplateError) as error:
            raw = json.dumps(row.record, ensure_ascii=False, default=str)
            prepared.set_aside.append(SetAside(row.file, row.line, str(error), raw))
            continue
        prepared.rows.append(row)
        prepared.encoded.append(encoded)
    return prepared
