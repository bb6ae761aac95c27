"""What it saves, and what it costs in selection, to put the adapter on upper layers only; and the paper's first layer.

One owner holds the rows of the demo's four sites, half of them spoiled. The adapter on all layers, or from a layer
upwards, is warmed up on them, scores them at two checkpoints, and the bar decides. FLOPs of a scoring pass are counted
and set against one LoRA forward+backward over all layers on the same rows. A setting that is done is not done again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from clues.config import AdapterSettings, ModelSettings, SampleSettings, SelectionSettings, TrainingSettings
from clues.data.batches import collate, token_budget_batches
from clues.data.encoding import Encoded
from clues.data.prepare import prepare_rows
from clues.data.sample import draw_sample
from clues.evaluation.labels import is_clean, kind
from clues.models.adapters import add_adapter, lora_parameters
from clues.models.base import LanguageModel, load_base
from clues.models.likelihood import row_means
from clues.scoring.base_pass import score_base
from clues.scoring.channel import FORWARD
from clues.scoring.checkpoint import make_checkpoint, score_under, score_validation, trace
from clues.scoring.criteria import CRITERIA, GOOD, Criterion, by_kind
from clues.scoring.passes import gradient_pass, likelihood_batch
from clues.scoring.probe import Probe
from clues.scoring.validation import encode_validation
from clues.selection.bar import Bar
from clues.selection.select import select
from clues.statistics.ranking import auc
from clues.training.local import train
from clues_research.places import DOCS

FIRST_LAYERS = (0, 8, 12, 16, 20)
"""Of 30; the criteria are read in 8 to 29."""
TRAINING = TrainingSettings(batch_size=8, learning_rate=2e-3)
STEPS = (8, 16)
SITES = ("GHR", "GARD", "NINDS", "SeniorHealth")


class Rows:
    """One draw, and its forward channels under the base."""

    def __init__(self, base: LanguageModel, seed: int) -> None:
        sample = draw_sample(SampleSettings(clients=SITES), seed)
        tokens = (base.tokenizer, base.settings.max_length)
        self.mine = prepare_rows([row for rows in sample.clients.values() for row in rows], *tokens)
        self.anchors = prepare_rows(sample.anchors, *tokens)
        self.validation = encode_validation(sample.validation, base, seed)
        self.clean = np.array([is_clean(row) for row in self.mine.rows])
        self.kinds = np.array([kind(row) for row in self.mine.rows])
        parts, public = (self.mine, self.anchors, self.validation.all_rows), self.validation.answers
        self.base = [score_base(base, part.rows, part.encoded, public).channels for part in parts]

    def measured(
        self, channels: Sequence[dict[str, np.ndarray]], criteria: tuple[Criterion, ...] = CRITERIA
    ) -> dict[str, float | None]:
        """Selection by channels of my rows, the anchors and the validation rows."""
        mine, anchors, public = channels
        parts = {name: self.validation.by_class(values) for name, values in public.items()}
        classes = {c: {name: part[c] for name, part in parts.items()} for c in (GOOD, *self.validation.spoiled)}
        found = select(mine, Bar(anchors, classes.pop(GOOD), classes, criteria), SelectionSettings())
        kinds = {name: self.kinds == name for name in sorted({*self.kinds} - {"clean"})}
        areas = {
            name: auc(self.clean[self.clean | bad], found.statistic[self.clean | bad]) for name, bad in kinds.items()
        }
        kept = found.keep & self.clean
        return {
            "auc": auc(self.clean, found.statistic),
            **{f"auc_{name}": area for name, area in areas.items()},
            "clean_kept": float(kept.sum() / self.clean.sum()),
            "precision": float(kept.sum() / found.keep.sum()),
        }


def scored(base: LanguageModel, rows: Rows, first_layer: int, seed: int) -> dict[str, Any]:
    """One setting: selection with gradient channels from a layer upwards, and the FLOPs of a scoring pass."""
    lm = add_adapter(base, AdapterSettings(first_layer=first_layer), seed)
    tables: list[dict[int, dict[str, np.ndarray]]] = [{}, {}, {}]
    published: list[dict[str, np.ndarray]] = []
    done, flops = 0, 0
    for number, steps in enumerate(STEPS, start=1):
        train(lm, rows.mine.encoded, TRAINING, steps=steps - done, first_step=done, seed=seed)
        done = steps
        checkpoint = make_checkpoint(lm, rows.validation, published=first_layer == 0)
        ours = replace(checkpoint, moments=None)
        tables[0][number] = score_under(lm, ours, rows.mine.encoded)
        tables[1][number] = score_under(lm, ours, rows.anchors.encoded)
        tables[2][number] = score_validation(lm, ours, rows.validation)
        if checkpoint.moments is not None:
            observers = [*checkpoint.moments.observers(), *checkpoint.moments.variants()]
            published.append(gradient_pass(lm, rows.mine.encoded, observers))
        flops = counted(lambda: gradient_pass(lm, rows.mine.encoded[:16], [Probe(ours.directions)]))  # noqa: B023
    result = rows.measured([{**b, **trace(t)} for b, t in zip(rows.base, tables, strict=True)])
    means = {n: np.mean([t[n] for t in published], axis=0) for n in (published or [{}])[0] if n.startswith("published")}
    lm.model.unload()  # type: ignore[operator]
    return {"flops": flops, **result, "published": {n: auc(rows.clean, v) for n, v in means.items()}}


def floor(base: LanguageModel, encoded: Sequence[Encoded], seed: int) -> int:
    """FLOPs of one LoRA forward+backward over all layers on the rows whose scoring pass is counted."""
    lm = add_adapter(base, AdapterSettings(), seed)
    parameters = lora_parameters(lm.model)
    for p in parameters.values():
        p.requires_grad_(True)

    def step() -> None:
        for index in token_budget_batches(encoded, lm.settings.token_budget):
            nll, row = likelihood_batch(lm, collate(encoded, index, lm.pad_id))
            torch.autograd.grad(row_means(nll, row, len(index)).sum(), list(parameters.values()))

    flops = counted(step)
    lm.model.unload()  # type: ignore[operator]
    return flops


def counted(work: Any) -> int:
    """FLOPs of `work`."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def layers(*, seeds: str = "0 1", output: Path = DOCS / "figures" / "layers.json") -> None:
    """Measure on the seeds, separated by spaces, what the file has not yet."""
    found = json.loads(output.read_text()) if output.exists() else {}
    base = load_base(ModelSettings())
    for seed in seeds.split():
        todo = [layer for layer in FIRST_LAYERS if str(layer) not in found.get(seed, {})]
        if not todo:
            continue
        rows = Rows(base, int(seed))
        mine = found.setdefault(seed, {"floor_flops": floor(base, rows.mine.encoded[:16], int(seed))})
        mine["forward"] = rows.measured(rows.base, by_kind(CRITERIA, FORWARD))
        for layer in todo:
            mine[str(layer)] = scored(base, rows, layer, int(seed))
            output.write_text(json.dumps(found, indent=1) + "\n")
            print(seed, layer, mine[str(layer)], flush=True)
