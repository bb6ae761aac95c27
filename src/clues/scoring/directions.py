"""Directions: what public rows say about where the model should move, one per criterion.

A direction is Fisher's discriminant between the gradients of good public validation rows and of the same rows spoiled
for the criterion, at a checkpoint: the difference of the mean gradients, turned away from what rows of one class differ
in anyway. A row whose own gradient points the same way teaches the model to prefer good answers to answers that fail.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from clues.data.short_answers import normal
from clues.errors import AdapterError
from clues.kernels.fisher import discriminant
from clues.models.adapters import layer_of, lora_parameters
from clues.models.base import LanguageModel
from clues.scoring.channel import GRADIENT, Channel
from clues.scoring.criteria import GOOD, LABEL, OURS, Criterion
from clues.scoring.gathered import PartedGradients
from clues.scoring.validation import Validation


@dataclass(frozen=True)
class Directions:
    """K directions in the space of some of the adapter's weights."""

    names: tuple[str, ...]
    weights: dict[str, Tensor]
    """Parameter name -> [K, O, I] float32."""

    def to_tensors(self) -> dict[str, Tensor]:
        """One tensor [O, I] per direction and parameter, `<k>/<direction>/<parameter>`; zero ones are left out."""
        return {
            f"{k}/{name}/{parameter}": w[k]
            for k, name in enumerate(self.names)
            for parameter, w in self.weights.items()
            if w[k].any()
        }

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> Directions:
        """The inverse of `to_tensors`."""
        parsed = {tuple(key.split("/", 2)): tensor for key, tensor in tensors.items()}
        names = dict(sorted({(int(k), name) for k, name, _ in parsed}))
        weights: dict[str, Tensor] = {}
        for (k, _name, parameter), tensor in sorted(parsed.items()):
            if parameter not in weights:
                weights[parameter] = torch.zeros(len(names), *tensor.shape)
            weights[parameter][int(k)] = tensor
        return Directions(tuple(names.values()), weights)


def directions_at(
    lm: LanguageModel, validation: Validation, criteria: Sequence[Criterion] | None = None
) -> list[Directions]:
    """The directions of the criteria (by default those that the rows are spoiled for) at the adapter the model carries,
    for each domain of the rows: one set for each fold of the rows, made without it.

    One backward pass of all public rows, no deeper than the criteria's lowest layer; their gradients are kept in
    memory, layer by layer if they are many (`gathered.MOST_BYTES`), which takes a second pass for each part.
    """
    inside = {c.name: criterion_parameters(lm, c) for c in criteria or validation.criteria if c.layers}
    shapes = dict(sorted((n, tuple(p.shape)) for some in inside.values() for n, p in some.items()))
    public = PartedGradients(lm, validation.all_rows.encoded, shapes)
    weighed = list(_weights(_grams(public, inside), validation))
    of_rows = torch.from_numpy(np.array([w.by_fold for w in weighed])).float().transpose(0, 1)  # [folds, K, rows]
    found: list[dict[str, Tensor]] = [{} for _ in range(validation.folds)]
    for part in reversed(range(len(public.parts))):  # the last is still there
        for name, g in public.gradients(part).items():
            counts = torch.tensor([name in inside[w.criterion] for w in weighed])[:, None]
            for weights, W in zip(found, of_rows, strict=True):
                weights[name] = (W @ g * counts).reshape(-1, *shapes[name])
    return [Directions(tuple(w.channel for w in weighed), dict(sorted(weights.items()))) for weights in found]


@dataclass(frozen=True)
class _Weighed:
    channel: str
    criterion: str
    by_fold: list[np.ndarray]
    """For each fold the weights [rows] of the public rows in the direction that is made without it."""


def _grams(public: PartedGradients, inside: Mapping[str, Collection[str]]) -> dict[str, np.ndarray]:
    """Criterion -> inner products [rows, rows] of the public rows' gradients over its parameters."""
    rows = len(public.encoded)
    grams = {criterion: np.zeros((rows, rows)) for criterion in inside}
    for part in range(len(public.parts)):
        for name, g in public.gradients(part).items():
            own = (g @ g.T).double().numpy()
            for criterion, some in inside.items():
                if name in some:
                    grams[criterion] += own
    return grams


def _weights(grams: Mapping[str, np.ndarray], validation: Validation) -> Iterator[_Weighed]:
    """Every channel: the domains, and the criteria in each.

    Good rows and those spoiled for our criteria make the covariance, and for a criterion of a package its own as well:
    so one more of those changes no other.
    """
    names, alike = (GOOD, *validation.spoiled), _labels(validation)
    common = [GOOD, *(c.name for c in OURS)]
    for domain, places in validation.domain_rows().items():
        in_domain = np.isin(validation.all_origins, places)
        its_folds = int(validation.fold_of[places].max()) + 1  # a small domain has fewer, and they come round again
        for criterion, gram in grams.items():
            classes = _classes_for(criterion, validation)
            counts = in_domain & np.array([name in (*common, criterion) for name in names])[validation.all_classes]
            by_fold = [
                discriminant(
                    gram,
                    np.where(counts & (validation.all_folds != fold), classes, -1),
                    names.index(criterion),
                    alike=alike if criterion == LABEL else None,
                )
                for fold in np.arange(validation.folds) % its_folds
            ]
            yield _Weighed(Channel(criterion, GRADIENT, domain).column, criterion, by_fold)


def _classes_for(criterion: str, validation: Validation) -> np.ndarray:
    """`all_classes`, but good rows that cannot be spoiled for the criterion are a class of their own: their difference
    from the others says nothing of it."""
    classes = validation.all_classes
    others = (classes == 0) & ~np.isin(validation.all_origins, validation.origins[criterion])
    return np.where(others, 1 + len(validation.spoiled), classes)


def _labels(validation: Validation) -> np.ndarray:
    """[all rows] which label of a closed task each carries; answers of an open task are alike."""
    keys = []
    for row in validation.all_rows.rows:
        task = validation.short.task_of(row.prompt, row.responses)
        closed = task is not None and validation.short.tasks[task].closed
        keys.append((task, normal(row.response) if closed else ""))
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys])


def criterion_parameters(lm: LanguageModel, criterion: Criterion) -> dict[str, nn.Parameter]:
    """The B matrices in the layers that a criterion is read in, by name.

    Raises AdapterError when none of these layers carries an adapter.
    """
    layers = criterion.layer_range(lm.model.config.get_text_config().num_hidden_layers)
    found = {name: p for name, p in lora_parameters(lm.model, "B").items() if layer_of(name) in layers}
    if not found:
        raise AdapterError(
            f"{criterion.name} is read in layers {layers[0]} to {layers[-1]}: lower adapter.first_layer to {layers[-1]}"
        )
    return found


def together(parts: Sequence[Directions]) -> Directions:
    """Several sets of directions over the same parameters as one, such as those of domains."""
    weights = {name: torch.cat([part.weights[name] for part in parts]) for name in parts[0].weights}
    return Directions(tuple(name for part in parts for name in part.names), weights)


def average(parts: Sequence[Directions]) -> Directions:
    """The directions of several folds as one."""
    names = parts[0].weights
    return Directions(parts[0].names, {n: torch.stack([part.weights[n] for part in parts]).mean(0) for n in names})
