"""The server's public sets: validation rows for the directions, anchors for the bar, test rows, rows from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from clues.collaboration.state import State
from clues.config import Job
from clues.data.damage.spoil import spoiled
from clues.data.files.reading import read_rows
from clues.data.prepare import prepare, prepare_rows
from clues.data.public import once
from clues.data.rows import Row
from clues.errors import CannotSpoil, SettingError
from clues.evaluation.models import TestSet
from clues.federated.tasks import PublicText
from clues.folders.explanations import ExplanationsFile
from clues.folders.power import Shading
from clues.folders.run import RunFolder
from clues.models.adapters import load_adapter_state
from clues.models.base import LanguageModel
from clues.models.shared import shared_model
from clues.owner.power import shading
from clues.scoring.channel_folder import ChannelFolder, ValidationFolder
from clues.scoring.checkpoint import Checkpoint
from clues.scoring.criteria import criteria_named
from clues.scoring.domains import check_domains
from clues.scoring.passes import row_nll
from clues.scoring.validation import Validation, encode_validation
from clues.training.checkpoints import checkpoint_in

NOISY_ROWS = 16
"""Enough to tell a shading that points at noise from one that does not."""


@dataclass(frozen=True)
class PublicSide:
    """The server's side of scoring: all of it is public, and done once for all clients."""

    job: Job
    folder: RunFolder
    lm: LanguageModel
    start: dict[str, Tensor]
    """The adapter at θ_0."""
    validation: Validation
    validation_rows: ValidationFolder
    """They and their copies, spoiled for each criterion, scored."""
    anchors: ChannelFolder
    unseen: ChannelFolder | None
    """Clean rows of a source that has no anchors, to see what the bar does to them."""
    test: list[Row]
    negatives: list[Row]
    """More wrong answers for the choice among answers, beside those of the test rows."""

    @staticmethod
    def open(job: Job, folder: RunFolder) -> PublicSide:
        """Read the public sets of a run's folder and load the model."""
        lm, start = shared_model(job.model, job.adapter, job.seed)
        criteria = criteria_named(job.scoring.criteria, job.scoring.channels)
        rows = _rows(job, folder, "validation")
        validation = encode_validation(rows, lm, job.seed, criteria, job.scoring.domain_field)
        check_domains(validation.domains, [client.domain for client in job.clients])

        def scored(name: str) -> ChannelFolder:
            prepared = once(prepare(folder.public(name), lm.tokenizer, job.model.max_length, job.public.columns.named))
            return ChannelFolder(lm, prepared, folder.public_channels(name), validation.answers)

        return PublicSide(
            job,
            folder,
            lm,
            start=start,
            validation=validation,
            validation_rows=ValidationFolder(lm, validation, folder.public_channels("validation")),
            anchors=scored("anchors"),
            unseen=scored("unseen") if folder.public("unseen").exists() else None,
            test=_rows(job, folder, "test"),
            negatives=_rows(job, folder, "negatives") if folder.public("negatives").exists() else [],
        )

    def checkpoint(self, number: int, adapter: dict[str, Tensor]) -> Checkpoint:
        """The checkpoint after warm-up round `number`, made now or read from disk."""
        return checkpoint_in(self.folder.checkpoint(number), self.lm, self.validation, adapter, self.job)

    def loss(self, state: State) -> float:
        """Mean NLL of the public validation rows under an adapter, in nats per token."""
        load_adapter_state(self.lm.model, {name: torch.as_tensor(t) for name, t in state.items()})
        return float(row_nll(self.lm, self.validation.good).mean())

    @property
    def scored(self) -> list[ChannelFolder]:
        """The public rows that are scored like a client's."""
        return [self.anchors, self.validation_rows, *([self.unseen] if self.unseen else [])]

    def shading(self) -> Shading:
        """What the shading of words is worth (`power.shading`), on noisy copies of validation rows, scored once."""
        good = _rows(self.job, self.folder, "validation")[:NOISY_ROWS]
        try:
            noisy = prepare_rows(spoiled(good, "noise", self.job.seed), self.lm.tokenizer, self.job.model.max_length)
        except CannotSpoil:  # answers without a single word
            return Shading()
        scored = ChannelFolder(self.lm, noisy, self.folder.public_channels("noise"), self.validation.answers)
        scored.score_base()
        return shading(good, noisy.rows, ExplanationsFile(scored.explanations))

    def test_set(self) -> TestSet:
        """The held-out rows as evaluation needs them. Raises SettingError for a set it cannot use."""
        return TestSet.make(self.test, self.lm, self.job.evaluation, self.negatives)

    def texts(self) -> tuple[PublicText, ...]:
        """The public sets, for clients to find rows of theirs among them."""
        sets = {name: _rows(self.job, self.folder, name) for name in ("validation", "anchors", "test")}
        return tuple(PublicText(name, row.prompt, row.response) for name, rows in sets.items() for row in rows)


def public_rows(file: Path, columns: Mapping[str, str] | None) -> list[Row]:
    """A public set. Raises SettingError for a record that cannot be used: these rows are everybody's measure."""
    rows, set_aside = read_rows(file, columns)
    if set_aside:
        first = set_aside[0]
        raise SettingError(f"{first.file}:{first.line}: {first.reason}; every record of a public set must be usable")
    if not rows:
        raise SettingError(f"{file}: no record; a public set needs some")
    return rows


def _rows(job: Job, folder: RunFolder, name: str) -> list[Row]:
    return public_rows(folder.public(name), job.public.columns.named)
