"""A checkpoint of the shared adapter with all that is needed to score rows under it, and the scoring itself.

The server makes checkpoints from its public sets and sends them down; an owner alone makes them for himself. Whoever
scores, scores through here, so that everybody's rows meet the same model, the same directions and the same anchors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from safetensors.torch import load_file, save_file
from torch import Tensor

from clues.data.encoding import Encoded
from clues.disk.writing import replacing
from clues.errors import SettingError
from clues.models.adapters import adapter_state, load_adapter_state
from clues.models.base import LanguageModel
from clues.scoring.channel import MARGIN, TAUGHT, Channel, Channels
from clues.scoring.criteria import LABEL
from clues.scoring.directions import Directions, average, directions_at
from clues.scoring.margins import Rivals, margins, rivals_of
from clues.scoring.observe import Observer
from clues.scoring.passes import RowsDone, gradient_pass
from clues.scoring.probe import Probe
from clues.scoring.published import Moments, validation_moments
from clues.scoring.validation import Validation


@dataclass(frozen=True)
class Checkpoint:
    """θ_t, the directions at θ_t, and the moments of the published score if it is asked for."""

    adapter: dict[str, Tensor]
    directions: Directions
    moments: Moments | None
    folds: tuple[Directions, ...] = ()
    """Directions made without a fold of the public validation rows, to score its rows and their copies without bias.
    They stay with whoever made them."""
    taught: tuple[Mapping[str, Tensor], ...] = ()
    """θ_t trained on with the public rows of short answers, without one of their folds each: what these teach changes
    the margin of a row's label. None where there is no such task."""

    def to_tensors(self) -> dict[str, Tensor]:
        """Flat names, each part under its own prefix; `from_tensors` is the inverse."""
        parts = {"adapter": self.adapter, "direction": self.directions.to_tensors()}
        if self.moments is not None:
            parts |= {"gradient": self.moments.gradient, "square": self.moments.square}
        parts |= {f"taught/{i}": state for i, state in enumerate(self.taught)}
        return {f"{part}/{name}": t.contiguous() for part, tensors in parts.items() for name, t in tensors.items()}

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> Checkpoint:
        """See `to_tensors`."""
        parts: dict[str, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            part, _, name = key.partition("/")
            parts.setdefault(part, {})[name] = tensor
        moments = Moments(parts["gradient"], parts["square"]) if "gradient" in parts else None
        count = sum(part.startswith("fold-") for part in parts)
        folds = tuple(Directions.from_tensors(parts[f"fold-{i}"]) for i in range(count))
        taught: dict[int, dict[str, Tensor]] = {}
        for key, tensor in parts.get("taught", {}).items():
            i, _, name = key.partition("/")
            taught.setdefault(int(i), {})[name] = tensor
        states = tuple(taught[i] for i in sorted(taught))
        return Checkpoint(parts["adapter"], Directions.from_tensors(parts["direction"]), moments, folds, states)

    def save(self, file: Path) -> None:
        """Write as safetensors, atomically."""
        folds = {
            f"fold-{i}/{name}": t.contiguous()
            for i, fold in enumerate(self.folds)
            for name, t in fold.to_tensors().items()
        }
        with replacing(file) as scratch:
            save_file(self.to_tensors() | folds, str(scratch))

    @staticmethod
    def load(file: Path) -> Checkpoint:
        """Read what `save` wrote."""
        return Checkpoint.from_tensors(load_file(str(file)))

    def observers(self) -> list[Observer]:
        """What reads the rows' gradients: the cheapest engine that each channel allows."""
        published = self.moments.observers() if self.moments is not None else []
        return [Probe(self.directions), *published]

    @property
    def engines(self) -> str:
        """Which engine reads which channel, and why."""
        observers = self.observers()
        probed = [name for o in observers if isinstance(o, Probe) for name in o.channels]
        formed = [name for o in observers if not isinstance(o, Probe) for name in o.channels]
        text = f"probe for {', '.join(probed)}: inner products need no row's gradient"
        return f"{text}; per-sample for {', '.join(formed)}: each row's own g² is needed" if formed else text

    @property
    def key(self) -> str:
        """16 hex digits over all tensors: scores under two checkpoints are never mixed up."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.to_tensors().items()):
            digest.update(name.encode() + tensor.float().cpu().numpy().tobytes())
        return digest.hexdigest()[:16]


def make_checkpoint(
    lm: LanguageModel, validation: Validation, published: bool, taught: Sequence[Mapping[str, Tensor]] = ()
) -> Checkpoint:
    """The adapter that the model carries now, with directions (and the published score's moments) at it."""
    folds = directions_at(lm, validation)
    moments = validation_moments(lm, validation.good) if published else None
    return Checkpoint(adapter_state(lm.model), average(folds), moments, tuple(folds), tuple(taught))


def score_under(
    lm: LanguageModel,
    checkpoint: Checkpoint,
    encoded: Sequence[Encoded],
    advance: RowsDone = lambda _rows: None,
    rivals: Sequence[Rivals] = (),
) -> dict[str, np.ndarray]:
    """Gradient channels of rows under a checkpoint, [rows] each; the model is left with the checkpoint's adapter.

    `rivals`: of each row, where there are tasks of short answers: the margins are channels, too.
    """
    found = _taught(lm, checkpoint.taught, encoded, rivals) if rivals else {}
    load_adapter_state(lm.model, checkpoint.adapter)
    if rivals:
        found[Channel(LABEL, MARGIN).column] = margins(lm, encoded, rivals)
    return found | gradient_pass(lm, encoded, checkpoint.observers(), advance)


def _taught(
    lm: LanguageModel, states: Sequence[Mapping[str, Tensor]], encoded: Sequence[Encoded], rivals: Sequence[Rivals]
) -> dict[str, np.ndarray]:
    """The mean margin [rows] over the taught adapters; the model is left with the last."""
    values = []
    for state in states:
        load_adapter_state(lm.model, state)
        values.append(margins(lm, encoded, rivals))
    return {Channel(LABEL, TAUGHT).column: np.mean(values, axis=0)} if values else {}


def score_validation(
    lm: LanguageModel,
    checkpoint: Checkpoint,
    validation: Validation,
    advance: RowsDone = lambda _rows: None,
    part: slice = slice(None),
) -> dict[str, np.ndarray]:
    """Gradient channels of (a part of) the public validation rows and their spoiled copies, as in
    `Validation.all_rows`, each by the directions made without its fold.

    Raises SettingError for a checkpoint without such directions, as an older clues wrote them.
    """
    if not checkpoint.folds:
        raise SettingError("this checkpoint was made by another version of clues: begin again in another --output")
    result: dict[str, np.ndarray] = {}
    encoded, fold_of = validation.all_rows.encoded[part], validation.all_folds[part]
    rivals = rivals_of(validation.all_rows.rows[part], encoded, validation.short, lm)
    for fold, directions in enumerate(checkpoint.folds):
        own = np.flatnonzero(fold_of == fold)
        taught = checkpoint.taught[fold : fold + 1]
        alone = replace(checkpoint, directions=directions, moments=None, taught=taught)
        found = score_under(lm, alone, [encoded[i] for i in own], advance, [rivals[i] for i in own] if rivals else ())
        for name, values in found.items():
            result.setdefault(name, np.zeros(len(encoded), np.float32))[own] = values
    return result


def trace(tables: Mapping[int, Channels]) -> dict[str, np.ndarray]:
    """Channels at each checkpoint, and without one their mean (the learning rate is constant)."""
    columns: dict[str, np.ndarray] = {}
    for k, table in sorted(tables.items()):
        columns |= {Channel.parse(name).at(k).column: values for name, values in table.items()}
    names = dict.fromkeys(name for table in tables.values() for name in table)
    means = {name: np.mean([table[name] for table in tables.values()], axis=0) for name in names}
    return columns | means
