"""Small trainings of a tiny model, with and without a scorer that watches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from peft import LoraConfig, get_peft_model
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from clues import InRunScorer
from clues.in_run.batch_rows import row_key
from clues.models.adapters import adapter_state, load_adapter_state, lora_parameters
from clues.scoring.reference import reference_gradient, reference_score
from tests.conftest import build_tiny_model, train_tokenizer

CRITERIA = ("fluency", "relevance", "completeness", "novelty")
CHANNELS = tuple(f"{criterion}.gradient" for criterion in CRITERIA)
TOKENIZER = train_tokenizer()
TOPICS = ("thirst", "fever", "cough", "rash", "fatigue", "pain", "anaemia", "asthma", "blood", "iron", "lungs", "diet")


def texts(first: int, count: int) -> list[dict[str, str]]:
    words = [TOPICS[i % len(TOPICS)] for i in range(first, first + count)]
    return [
        {
            "prompt": f"What causes {word} number {first + i}?",
            "response": f"The {word} comes from a lack of iron. It is treated with medicines and rest, {i} times.",
        }
        for i, word in enumerate(words)
    ]


def public_files(folder: Path, validation: int = 6, anchors: int = 8) -> tuple[Path, Path]:
    files = folder / "validation.jsonl", folder / "anchors.jsonl"
    for file, first, count in zip(files, (0, 100), (validation, anchors), strict=True):
        file.write_text("".join(json.dumps(record) + "\n" for record in texts(first, count)))
    return files


def training_rows(count: int = 7, seed: int = 0) -> list[dict[str, list[int]]]:
    """Rows of 4 to 24 random tokens; the first token is a label in some."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(count):
        ids = rng.integers(3, 300, rng.integers(4, 25)).tolist()
        labels = [token if rng.random() < 0.6 else -100 for token in ids]
        labels[-1], labels[0] = ids[-1], ids[0] if i % 2 else -100
        rows.append({"input_ids": ids, "labels": labels})
    return rows


def pad(side: str):
    """A collator that pads on one side."""

    def collate(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        longest = max(len(row["input_ids"]) for row in rows)

        def fill(name: str, value: int) -> torch.Tensor:
            padding = [[value] * (longest - len(row["input_ids"])) for row in rows]
            own = [row.get(name, [1] * len(row["input_ids"])) for row in rows]
            return torch.tensor([p + o if side == "left" else o + p for p, o in zip(padding, own, strict=True)])

        return {
            "input_ids": fill("input_ids", 0),
            "attention_mask": fill("attention_mask", 0),
            "labels": fill("labels", -100),
        }

    return collate


def adapted(kind: str = "llama", **lora: Any):
    model = get_peft_model(
        build_tiny_model(kind, TOKENIZER, 1),
        LoraConfig(
            **({"r": 3, "lora_alpha": 7, "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM"} | lora)
        ),
    )
    for parameter in lora_parameters(model, "B").values():
        parameter.data.normal_(std=0.1, generator=torch.Generator().manual_seed(1))
    return model


class Spy(TrainerCallback):
    """Keeps the adapter and the directions that every step meets."""

    def __init__(self, scorer: InRunScorer | None) -> None:
        self.scorer, self.steps, self.losses = scorer, {}, []

    def on_step_begin(self, args, state, control, model: Any = None, **_: Any) -> None:  # noqa: ARG002
        if self.scorer:
            assert self.scorer.window is not None
            self.steps[state.global_step] = adapter_state(model), self.scorer.window.directions

    def on_log(self, args, state, control, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
        self.losses.append(logs.get("loss"))


def train(folder: Path, model, rows, collator, scorer: InRunScorer | None, resume: bool = False, **more: Any) -> Spy:
    settings: dict[str, Any] = {
        "max_steps": 5, "per_device_train_batch_size": 2, "learning_rate": 1e-2, "logging_steps": 1,
        "save_strategy": "no", "use_cpu": True, "report_to": "none", "disable_tqdm": True, "seed": 3,
        "remove_unused_columns": False,
    }  # fmt: skip
    spy = Spy(scorer)
    trainer = Trainer(
        model=model,
        args=TrainingArguments(output_dir=str(folder / "trainer"), **(settings | more)),
        train_dataset=rows,
        eval_dataset=rows[:3],
        data_collator=collator,
        processing_class=TOKENIZER,
        callbacks=[scorer, spy] if scorer else [spy],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=resume)
    return spy


def scorer_for(folder: Path, window: int = 2) -> InRunScorer:
    return InRunScorer(*public_files(folder), output=folder / "scores", window=window)


def records(folder: Path) -> list[dict[str, Any]]:
    files = sorted((folder / "scores" / "in_run").glob("*.parquet"))
    return [record for file in files for record in pq.read_table(file).to_pylist()]


def references(model, spy: Spy, rows, found: list[dict[str, Any]]) -> np.ndarray:
    """[records, channels] at the weights of each record's step, one row at a time."""
    by_key = {row_key(row["input_ids"], row["labels"]): row for row in rows}
    result = []
    for record in found:
        state, directions = spy.steps[record["step"]]
        load_adapter_state(model, state)
        row = by_key[record["key"]]
        parameters = {n: p for n, p in lora_parameters(model).items() if n in directions.weights}
        mask = [label != -100 for label in row["labels"]]
        g = reference_gradient(model, row["input_ids"], mask, parameters)
        result.append(
            [reference_score(g, {n: w[k] for n, w in directions.weights.items()}) for k in range(len(CHANNELS))]
        )
    return np.array(result)
