"""What one owner's scoring reads: his rows, the public rows, and public rows spoiled to test the bar, as tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clues.data.encoding import Encoded
from clues.data.overlap import Overlap, overlap
from clues.data.prepare import Prepared, prepare
from clues.data.public import PublicFiles
from clues.data.remarks import Remark
from clues.errors import SettingError
from clues.folders.owner import OwnerFolder
from clues.folders.pins import Pins
from clues.models.base import LanguageModel
from clues.models.limits import check_fits
from clues.owner.power import SpoiledAnchors
from clues.scoring.store import rows_key


@dataclass(frozen=True)
class Inputs:
    """The three files of `clues score`, read and encoded as a whole before the first pass over any of them."""

    files: Mapping[str, Path]
    """`rows`, `validation` and `anchors`."""
    rows: Prepared
    public: PublicFiles
    spoiled: SpoiledAnchors

    @staticmethod
    def read(
        data: Path,
        validation: Path,
        anchors: Path,
        lm: LanguageModel,
        seed: int,
        columns: Mapping[str, str] | None = None,
        public_columns: Mapping[str, str] | None = None,
    ) -> Inputs:
        """Read the files with the tokenizer of `lm`, whose weights are not needed.

        Raises ReadingError or NoRowsError for a file that cannot be used, SettingError for public files that hold the
        same rows and for anchors that the model's length truncates (nothing could be said of their completeness),
        ModelError for rows that the model cannot hold.
        """
        tokenizer, max_length = lm.tokenizer, lm.settings.max_length
        files = {"validation": validation, "anchors": anchors}
        public = PublicFiles.read(files, tokenizer, max_length, public_columns)
        bar = public.parts["anchors"]
        if bar.truncated:
            raise SettingError(
                f"{anchors}: {bar.truncated} anchors are longer than model.max_length = {max_length} tokens: "
                "raise it or take shorter anchors"
            )
        rows = prepare(data, tokenizer, max_length, columns)
        for part in (rows, *public.parts.values()):
            check_fits(lm, part.largest_id, part.longest)
        return Inputs(
            {"rows": data, **files},
            rows,
            public,
            SpoiledAnchors.make(bar, lm, seed),
        )

    @property
    def validation(self) -> Prepared:
        """Public rows that directions and evidence are learned from."""
        return self.public.parts["validation"]

    @property
    def anchors(self) -> Prepared:
        """Public rows that set the bar."""
        return self.public.parts["anchors"]

    @property
    def scored(self) -> dict[str, Prepared]:
        """All rows that are scored, by the name of their part."""
        return {"rows": self.rows, "anchors": self.anchors, "spoiled": self.spoiled.prepared}

    def overlap(self) -> Overlap:
        """What the owner's rows share with the public sets."""
        return overlap(self.rows.rows, self.public.rows)

    def remarks(self) -> tuple[Remark, ...]:
        """What must be known of how the three files were read."""
        return self.rows.remarks() + self.public.remarks()

    def pinned(self) -> dict[str, Pinned]:
        """Which rows these are."""
        parts = {"rows": self.rows, "validation": self.validation, "anchors": self.anchors}
        return {name: Pinned(self.files[name], part.encoded) for name, part in parts.items()}


@dataclass(frozen=True)
class Pinned:
    """Rows that a folder is begun with, and no others go on with."""

    source: Path
    encoded: Sequence[Encoded]


def pin(folder: OwnerFolder, parts: Mapping[str, Pinned]) -> None:
    """Note which rows a folder is begun with. Raises SettingError if it names others: a resumed run mixes no files."""
    keys = {name: rows_key(part.encoded, "") for name, part in parts.items()}
    before = folder.pins.read_if_there() or Pins(keys)
    for name, part in parts.items():
        if keys[name] != before.rows[name]:
            raise SettingError(f"{part.source}: other rows than those {folder.path} began with; name another --output")
    folder.pins.write(Pins(keys))
