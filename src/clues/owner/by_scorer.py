"""One owner's rows scored by one scorer of `baselines` or of another package, and held against the same anchors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from torch import Tensor

from clues.config import Job
from clues.data.prepare import Prepared
from clues.data.rows import SetAside
from clues.errors import SelectionError
from clues.folders.owner import OwnerFolder
from clues.folders.power import Power
from clues.models.adapters import load_adapter_state
from clues.models.base import LanguageModel
from clues.owner.inputs import Inputs
from clues.owner.power import SpoiledAnchors
from clues.owner.warm_up import warm_up
from clues.progress import Progress
from clues.scoring.channel import SCORE, Channel
from clues.scoring.channel_folder import ChannelFolder
from clues.scoring.criteria import score_of
from clues.scoring.scorer import Context, Scorer
from clues.scoring.store import rows_key
from clues.selection.bar import Bar


@dataclass
class ByScorer:
    """Scores the parts of `inputs` into `output`, and knows the bar."""

    scorer: Scorer
    inputs: Inputs
    lm: LanguageModel
    output: OwnerFolder
    job: Job
    progress: Progress

    def check(self) -> None:
        """Nothing can be known of the public rows before the scorer sees them."""

    @property
    def channel(self) -> str:
        """The name of the scores."""
        return Channel(self.scorer.name, SCORE).column

    @cached_property
    def parts(self) -> dict[str, ChannelFolder]:
        """What is scored: the owner's rows, the anchors, and anchors that were spoiled to test the bar."""
        folder = self.output.channels
        return {name: ChannelFolder(self.lm, part, folder / name) for name, part in self.inputs.scored.items()}

    def score(self) -> None:
        """Everything, but for what is in the folder already."""
        if self.scorer.at == "base":
            self._score(None, {})
            return
        for number, state in warm_up(self.lm, self.inputs.rows, self.job, self.output, self.progress):
            load_adapter_state(self.lm.model, state)
            self._score(number, state)

    def _score(self, number: int | None, adapter: Mapping[str, Tensor]) -> None:
        """All parts under the model as it stands; the scorer is prepared when the first row needs it."""
        context = Context(self.lm, self.inputs.validation, self.inputs.rows, self.job.seed)
        prepared = cache(lambda: self.scorer.prepared(context))
        known = [*context.validation.encoded, *context.training.encoded]
        key = rows_key(known, f"{self.scorer.name} {self.job.seed} {_key(adapter)}")
        rows = sum(len(part.prepared.rows) for part in self.parts.values())
        with self.progress.phase("score-base" if number is None else f"score-{number}", rows) as advance:
            for name, part in self.parts.items():
                part.score_by(
                    self.scorer.name, number, key,
                    lambda some, done: prepared()(some, done), lambda n, note=name: advance(n, note),
                )  # fmt: skip

    def bar(self) -> Bar:
        """The anchors' scores. Raises SelectionError for an anchor without one."""
        anchors = self.parts["anchors"]
        channels = anchors.channels()
        for row, value in zip(anchors.prepared.rows, channels[self.channel], strict=True):
            if not np.isfinite(value):
                raise SelectionError(
                    f"{row.file}:{row.line}: the scorer {self.scorer.name} gives this anchor no score; take it out"
                )
        return Bar(channels, {}, {}, (score_of(self.scorer.name),))

    def power(self, bar: Bar) -> Power:
        """What the bar catches of the spoiled anchors; those without a score are left out, for nothing is decided on
        them."""
        channels, spoiled = self.parts["spoiled"].channels(), self.inputs.spoiled
        has = np.flatnonzero(np.isfinite(channels[self.channel])).tolist()
        some = SpoiledAnchors(spoiled.prepared, [spoiled.kinds[i] for i in has], [spoiled.origin[i] for i in has])
        return Power(some.measure({name: v[has] for name, v in channels.items()}, bar))


def with_score(
    prepared: Prepared, channels: Mapping[str, np.ndarray], scorer: str
) -> tuple[Prepared, dict[str, np.ndarray]]:
    """The rows that a scorer has a finite score for, and their channels. The others are set aside, with the reason:
    nothing can be decided on them, so they are neither kept nor dropped."""
    has = np.isfinite(channels[Channel(scorer, SCORE).column])
    kept, others = np.flatnonzero(has).tolist(), np.flatnonzero(~has).tolist()
    aside = [
        SetAside(
            row.file, row.line, f"the scorer {scorer} gives it no score",
            json.dumps(row.record, ensure_ascii=False, default=str),
        )
        for row in (prepared.rows[i] for i in others)
    ]  # fmt: skip
    rows, encoded = [prepared.rows[i] for i in kept], [prepared.encoded[i] for i in kept]
    set_aside = sorted([*prepared.set_aside, *aside], key=lambda item: item.line)
    return Prepared(rows, encoded, set_aside), {name: values[has] for name, values in channels.items()}


def _key(adapter: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(adapter.items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()[:16]
