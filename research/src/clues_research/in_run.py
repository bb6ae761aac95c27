"""Selection by scores read inside a training against a pass of its own.

The rows of the demo's four sites as one owner's, half of them spoiled; a plain Trainer for two epochs. In-run, every
row is scored when it is trained on, in windows of an epoch; the separate pass scores all rows at the end of each epoch
of the very same training. Both are judged by gradient channels alone, against the same anchors.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow.parquet as pq
from torch import Tensor
from transformers import DataCollatorForSeq2Seq, Trainer, TrainerCallback, TrainingArguments

import clues
from clues.config import AdapterSettings, ModelSettings, SampleSettings
from clues.data.encoding import Encoded
from clues.data.prepare import prepare_rows
from clues.data.sample import draw_sample, write_sample
from clues.evaluation.labels import is_clean, kind
from clues.in_run.public_rows import IN_RUN_CRITERIA
from clues.models.adapters import adapter_state, add_adapter, load_adapter_state, lora_parameters
from clues.models.base import LanguageModel, load_base
from clues.scoring.checkpoint import make_checkpoint, score_under, score_validation, trace
from clues.scoring.criteria import GOOD
from clues.scoring.validation import encode_validation
from clues.selection.bar import Bar
from clues.selection.select import calibrate
from clues.statistics.ranking import auc
from clues_research.places import DOCS

SITES = ("GHR", "GARD", "NINDS", "SeniorHealth")
EPOCHS, BATCH_SIZE, ALPHA = 2, 8, 0.1


class Keep(TrainerCallback):
    """Keeps the adapter at the end of every epoch."""

    def __init__(self) -> None:
        self.states: list[dict[str, Tensor]] = []

    def on_epoch_end(self, *_args: Any, model: Any = None, **_more: Any) -> None:
        self.states.append(adapter_state(model))


def features(row: Encoded) -> dict[str, list[int]]:
    """A row as a Trainer wants it."""
    labels = [i if response else -100 for i, response in zip(row.input_ids, row.response_mask, strict=True)]
    return {"input_ids": list(row.input_ids), "labels": labels}


def trained(lm: LanguageModel, rows: list[Encoded], folder: Path, seed: int) -> list[dict[str, Tensor]]:
    """Train with an InRunScorer, and give the adapters after each epoch."""
    keep, window = Keep(), -(-len(rows) // BATCH_SIZE)
    public = [folder / "public" / f"{name}.jsonl" for name in ("validation", "anchors")]
    scorer = clues.InRunScorer(*public, output=folder / "scores", window=window)
    for p in lora_parameters(lm.model).values():
        p.requires_grad_(True)
    arguments = TrainingArguments(
        str(folder / "trained"), num_train_epochs=EPOCHS, per_device_train_batch_size=BATCH_SIZE, learning_rate=2e-3,
        lr_scheduler_type="constant", weight_decay=0.0, bf16=True, use_cpu=True, seed=seed, save_strategy="no",
        logging_strategy="no", report_to="none", disable_tqdm=True,
    )  # fmt: skip
    Trainer(
        model=cast(Any, lm.model), args=arguments, train_dataset=cast(Any, [features(row) for row in rows]),
        data_collator=DataCollatorForSeq2Seq(lm.tokenizer), processing_class=lm.tokenizer, callbacks=[scorer, keep],
    ).train()  # fmt: skip
    lm.model.requires_grad_(False)
    lm.model.eval()
    return keep.states


def measured(statistic: np.ndarray, p: np.ndarray, kinds: np.ndarray) -> dict[str, float | None]:
    """How well a statistic tells clean rows from others, and what the bar does to clean ones."""
    clean = kinds == "clean"
    areas = {name: auc(clean[clean | (kinds == name)], statistic[clean | (kinds == name)]) for name in {*kinds}}
    areas.pop("clean")
    kept = (p > ALPHA) & clean
    return {
        "auc": auc(clean, statistic),
        **{f"auc_{name}": area for name, area in sorted(areas.items())},
        "clean_dropped": float(1 - kept.sum() / clean.sum()),
        "precision": float(kept.sum() / (p > ALPHA).sum()),
    }


def compare(seed: int, folder: Path) -> dict[str, Any]:
    """Both ways on one draw."""
    sample = draw_sample(SampleSettings(clients=SITES), seed)
    write_sample(sample, folder)
    base = load_base(ModelSettings())
    tokens = (base.tokenizer, base.settings.max_length)
    mine = prepare_rows([row for rows in sample.clients.values() for row in rows], *tokens)
    anchors, kinds = prepare_rows(sample.anchors, *tokens), np.array([kind(row) for row in mine.rows])
    assert sum(map(is_clean, mine.rows)) == (kinds == "clean").sum()
    validation = encode_validation(sample.validation, base, seed)
    lm = add_adapter(base, AdapterSettings(), seed)
    states = trained(lm, mine.encoded, folder, seed)
    tables: list[dict[int, dict[str, np.ndarray]]] = [{}, {}, {}]
    for number, state in enumerate(states, start=1):
        load_adapter_state(lm.model, state)
        checkpoint = make_checkpoint(lm, validation, published=False)
        tables[0][number] = score_under(lm, checkpoint, mine.encoded)
        tables[1][number] = score_under(lm, checkpoint, anchors.encoded)
        tables[2][number] = score_validation(lm, checkpoint, validation)
    rows, own, public = map(trace, tables)
    parts = {name: validation.by_class(values) for name, values in public.items()}
    classes = {c: {name: part[c] for name, part in parts.items()} for c in (GOOD, *validation.spoiled)}
    separate = calibrate(rows, Bar(own, classes.pop(GOOD), classes, IN_RUN_CRITERIA))
    table = pq.read_table(folder / "scores" / "in_run.parquet").to_pandas().set_index("key")
    found = table.loc[[clues.InRunScorer.row_key(**features(row)) for row in mine.encoded]]
    evidence = found[[f"evidence_{c.name}" for c in IN_RUN_CRITERIA]].to_numpy().min(axis=1)
    return {
        "in-run": measured(evidence, found["p"].to_numpy(), kinds),
        "separate": measured(separate.statistic, separate.p, kinds),
    }


def in_run(*, seeds: str = "0 1", output: Path = DOCS / "figures" / "in_run.json") -> None:
    """Compare on the seeds, separated by spaces, that the file has not yet."""
    found = json.loads(output.read_text()) if output.exists() else {}
    for seed in seeds.split():
        if seed not in found:
            with tempfile.TemporaryDirectory() as folder:
                found[seed] = compare(int(seed), Path(folder))
            output.write_text(json.dumps(found, indent=1) + "\n")
        print(seed, found[seed], flush=True)
