"""What one owner's scoring reads: his rows, the public rows, and public rows spoiled to test the bar, as tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clues.data.encoding import Encoded
from clues.data.overlap import Overlap, overlap
from clues.data.prepare import Prepared, prepare
from clues.errors import SettingError
from clues.models.base import LanguageModel
from clues.owner.power import SpoiledAnchors


@dataclass(frozen=True)
class Inputs:
    """The three files of `clues score`, read and encoded as a whole before the first pass over any of them."""

    files: Mapping[str, Path]
    """`rows`, `validation` and `anchors`."""
    rows: Prepared
    validation: Prepared
    anchors: Prepared
    spoiled: SpoiledAnchors

    @staticmethod
    def read(
        data: Path,
        validation: Path,
        anchors: Path,
        lm: LanguageModel,
        seed: int,
        columns: Mapping[str, str] | None = None,
    ) -> Inputs:
        """Read the files with the tokenizer of `lm`, whose weights are not needed.

        Raises ReadingError or NoRowsError for a file that cannot be used, SettingError for anchors that the model's
        length truncates: they would have no verdict on completeness.
        """
        tokenizer, max_length = lm.tokenizer, lm.settings.max_length
        bar = prepare(anchors, tokenizer, max_length)
        if bar.truncated:
            raise SettingError(
                f"{anchors}: {bar.truncated} anchors are longer than model.max_length = {max_length} tokens: "
                "raise it or take shorter anchors"
            )
        return Inputs(
            {"rows": data, "validation": validation, "anchors": anchors},
            prepare(data, tokenizer, max_length, columns),
            prepare(validation, tokenizer, max_length),
            bar,
            SpoiledAnchors.make(bar, lm, seed),
        )

    @property
    def scored(self) -> dict[str, Prepared]:
        """All rows that are scored, by the name of their part."""
        return {"rows": self.rows, "anchors": self.anchors, "spoiled": self.spoiled.prepared}

    def overlap(self) -> Overlap:
        """What the owner's rows share with the public sets."""
        return overlap(self.rows.rows, {"validation": self.validation.rows, "anchors": self.anchors.rows})

    @property
    def pins(self) -> dict[str, tuple[Path, list[Encoded]]]:
        """Which rows these are, see `store.pin_rows`."""
        return {name: (source, getattr(self, name).encoded) for name, source in self.files.items()}
