"""In-run scores equal the reference at the weights that each row met, and training does not notice."""

from __future__ import annotations

import copy
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from transformers import DataCollatorWithFlattening, Trainer, TrainingArguments

from clues import InRunScorer
from clues.config import ModelSettings
from clues.data.prepare import prepare
from clues.errors import AdapterError, InRunError
from clues.in_run.batch_rows import row_key, rows_of
from clues.in_run.public_rows import IN_RUN_CRITERIA, PublicReader, PublicRows, rulers_at, undisturbed
from clues.models.adapters import adapter_state, load_adapter_state, lora_parameters
from clues.models.base import LanguageModel
from clues.scoring.directions import average, directions_at
from clues.scoring.reference import reference_gradient, reference_score
from clues.scoring.validation import encode_validation
from clues.selection.bar import Bar
from clues.selection.select import calibrate
from tests.conftest import build_tiny_model
from tests.helpers.trainings import (
    CHANNELS,
    CRITERIA,
    TOKENIZER,
    adapted,
    pad,
    public_files,
    records,
    references,
    scorer_for,
    train,
    training_rows,
)

LONG = {"max_steps": 6, "lr_scheduler_type": "linear"}
CASES: dict[str, dict[str, Any]] = {
    "right": LONG,
    "left": {"side": "left"},
    "accumulation": {"gradient_accumulation_steps": 3, "max_steps": 3},
    "mean of batches": {"gradient_accumulation_steps": 2, "own_mean": True},
    "bf16": {"bf16": True},
    "reentrant": {"gradient_checkpointing": True, "gradient_checkpointing_kwargs": {"use_reentrant": True}},
    "checkpointing": {"gradient_checkpointing": True, "gradient_checkpointing_kwargs": {"use_reentrant": False}},
    "packed": {"side": "packed", "per_device_train_batch_size": 3},
    "packed, accumulated, bf16": {"side": "packed", "gradient_accumulation_steps": 2, "bf16": True},
    "rslora": {"lora": {"use_rslora": True}},
    "all at once": {
        "side": "packed", "gradient_accumulation_steps": 2, "lora": {"use_rslora": True},
        "gradient_checkpointing": True, "gradient_checkpointing_kwargs": {"use_reentrant": True},
    },
    "evaluation": {"eval_strategy": "steps", "eval_steps": 1},
    "gpt2": {"kind": "gpt2", "lora": {"target_modules": ["c_attn", "c_fc"], "fan_in_fan_out": True}},
    "gemma3": {"kind": "gemma3", "lora": {"target_modules": ["q_proj", "down_proj"]}},
    "dropout": {"lora": {"lora_dropout": 0.3}},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_scores_are_exact_and_training_is_bit_identical(case, tmp_path):
    settings = dict(CASES[case])
    side, own_mean, lora = settings.pop("side", "right"), settings.pop("own_mean", False), settings.pop("lora", {})
    kind = settings.pop("kind", "llama")
    collator = DataCollatorWithFlattening() if side == "packed" else pad(side)
    rows = training_rows()

    def model():
        made = adapted(kind, **lora)
        if own_mean:
            base: Any = made.get_base_model()
            base.accepts_loss_kwargs = False  # an older model: the loss is the mean over its batch
        if settings.get("gradient_checkpointing"):
            made.enable_input_require_grads()
        return made

    plain_model, scored_model = model(), model()
    plain = train(tmp_path, plain_model, rows, collator, None, **settings)
    spy = train(tmp_path, scored_model, rows, collator, scorer := scorer_for(tmp_path), **settings)
    assert spy.losses == plain.losses
    after = adapter_state(plain_model)
    assert all(torch.equal(after[name], t) for name, t in adapter_state(scored_model).items())
    assert any(not torch.equal(after[name], t) for name, t in adapter_state(adapted(kind, **lora)).items())

    found = [r for r in records(tmp_path) if r["role"] == "row"]
    per_step = settings.get("per_device_train_batch_size", 2) * settings.get("gradient_accumulation_steps", 1)
    assert per_step * len(spy.steps) >= len(found) > len(spy.steps)
    assert {r["status"] for r in found} == {"scored"}
    exact = references(adapted(kind, **lora).eval(), spy, rows, found)
    fast = np.array([[r[channel] for channel in CHANNELS] for r in found])
    error = np.linalg.norm(fast - exact, axis=0) / np.linalg.norm(exact, axis=0)
    if "lora_dropout" in lora:
        assert (error > 0.1).all()  # the score is that of the model with units dropped
    else:
        assert (error < (0.05 if settings.get("bf16") else 1e-4)).all(), error
    assert scorer.seconds["hooks"] > 0


def test_public_rows_are_exact_and_validation_rows_meet_the_directions_made_without_them(tmp_path):
    spy = train(tmp_path, adapted(), training_rows(), pad("right"), scorer_for(tmp_path, 3))
    lm = LanguageModel(adapted().eval().requires_grad_(False), TOKENIZER, ModelSettings(precision="float32"))
    rows, anchors = (prepare(file, TOKENIZER, 512) for file in public_files(tmp_path))
    validation = encode_validation(rows.rows, lm, 3, IN_RUN_CRITERIA)
    public = {("anchor", _key(e)): (e, None) for e in anchors.encoded}
    assert validation.folds > 1
    for role, part in {"good": validation.good, **{c: p.encoded for c, p in validation.spoiled.items()}}.items():
        public |= {(role, _key(e)): (e, int(fold)) for e, fold in zip(part, validation.fold_of, strict=True)}
    found = [r for r in records(tmp_path) if r["role"] != "row"]
    for window, first_step in ((0, 0), (1, 3)):
        mine = [r for r in found if r["window"] == window]
        assert sorted((r["role"], r["key"]) for r in mine) == sorted(public)
        assert {r["step"] for r in mine} == set(range(first_step, min(first_step + 3, 5)))
        for record in mine:
            encoded, fold = public[record["role"], record["key"]]
            load_adapter_state(lm.model, spy.steps[first_step][0])
            folds = directions_at(lm, validation, IN_RUN_CRITERIA)
            directions = average(folds) if fold is None else folds[fold]
            load_adapter_state(lm.model, spy.steps[record["step"]][0])
            parameters = {n: p for n, p in lora_parameters(lm.model).items() if n in directions.weights}
            g = reference_gradient(lm.model, encoded.input_ids, encoded.response_mask, parameters)
            for k, name in enumerate(directions.names):
                V = {n: w[k] for n, w in directions.weights.items()}
                scale = (
                    float(sum(v.square().sum() for v in V.values()) * sum(x.square().sum() for x in g.values())) ** 0.5
                )
                assert abs(record[name] - reference_score(g, V)) <= 1e-5 * scale


def test_public_rows_meet_the_dropout_of_training_and_leave_no_trace(tmp_path):
    lm = LanguageModel(adapted(lora_dropout=0.3).eval(), TOKENIZER, ModelSettings(precision="float32"))
    validation, anchors = (prepare(file, TOKENIZER, 512) for file in public_files(tmp_path))
    encoded = encode_validation(validation.rows, lm, 0, IN_RUN_CRITERIA)
    lm.model.get_submodule("base_model.model.lm_head").train()
    before = [(p.requires_grad, p.grad) for p in lm.model.parameters()]
    modes, random = [m.training for m in lm.model.modules()], torch.get_rng_state()
    values = []
    with undisturbed(lm.model):
        reader = PublicReader(lm, PublicRows.of(anchors.encoded, encoded), rulers_at(lm, encoded))
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            ((_, scores),) = reader.read([0, 1])
            values.append(scores.values)
    assert torch.equal(values[0], values[1])
    assert not torch.allclose(values[1], values[2], rtol=0.01)
    assert [(p.requires_grad, p.grad) for p in lm.model.parameters()] == before
    assert [m.training for m in lm.model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), random)


def _key(encoded) -> str:
    return row_key(encoded.input_ids, [1 if m else -100 for m in encoded.response_mask])


@pytest.mark.parametrize(("window", "windows"), [(2, 8), (7, 3)])  # the longer one sees some rows twice
def test_a_row_is_held_against_anchors_of_the_windows_it_occurred_in(window, windows, tmp_path):
    rows, scorer = training_rows(9), scorer_for(tmp_path, window)
    train(tmp_path, adapted(), rows, pad("right"), scorer, max_steps=15, lr_scheduler_type="linear")
    verdict = {r["key"]: r for r in pq.read_table(tmp_path / "scores" / "in_run.parquet").to_pylist()}
    assert set(verdict) == {row_key(row["input_ids"], row["labels"]) for row in rows}
    found = records(tmp_path)

    def trace(mine: list[dict[str, Any]], channel: str) -> float:
        total = sum(r["learning_rate"] for r in mine)
        return sum(r["learning_rate"] * r[channel] for r in mine) / total

    def public(role: str, windows: list[int]) -> dict[str, np.ndarray]:
        by_key: dict[str, list] = {}
        for r in found:
            if r["role"] == role:
                by_key.setdefault(r["key"], []).extend([r] * windows.count(r["window"]))
        return {channel: np.array([trace(mine, channel) for mine in by_key.values()]) for channel in CHANNELS}

    for key, row in verdict.items():
        mine = [r for r in found if r["role"] == "row" and r["key"] == key]
        met = [r["window"] for r in mine]
        bar = Bar(public("anchor", met), public("good", met), {c: public(c, met) for c in CRITERIA}, IN_RUN_CRITERIA)
        own = {channel: np.array([trace(mine, channel)]) for channel in CHANNELS}
        expected = calibrate(own, bar)
        assert row["occurrences"] == len(mine) == 3
        assert [row[channel] for channel in CHANNELS] == pytest.approx([own[channel][0] for channel in CHANNELS])
        assert row["p"] == pytest.approx(expected.p[0])
        assert [row[f"evidence_{c}"] for c in CRITERIA] == pytest.approx(expected.evidence[0].tolist())
        assert [row[f"p_{c}"] for c in CRITERIA] == pytest.approx(expected.p_criterion[0].tolist())
        assert row["keep"] == (row["p"] > 0.1)
        assert row["reason"] == ("" if row["keep"] else CRITERIA[int(expected.evidence[0].argmin())])
    assert len({tuple(sorted(r["window"] for r in found if r["key"] == key)) for key in verdict}) > 1
    summary = json.loads((tmp_path / "scores" / "in_run.json").read_text())
    assert (summary["windows"], summary["anchors"], summary["validation"], summary["rows"]) == (windows, 8, 5 * 6, 9)
    assert summary["kept"] + summary["dropped"] == 9
    assert sum(summary["reasons"].values()) == summary["dropped"]
    assert min(summary["seconds"].values()) > 0


def test_a_resumed_training_continues_with_a_new_window(tmp_path):
    rows, save = training_rows(), {"save_strategy": "steps", "save_steps": 3, "max_steps": 6}
    whole = adapted()
    train(tmp_path, whole, rows, pad("right"), scorer_for(tmp_path, 2), **save)
    before = records(tmp_path)
    assert [r["step"] for r in before if r["role"] == "row"] == [0, 0, 1, 1, 2, 2, 3, 4, 4, 5, 5]
    assert [{r["step"] for r in before if r["window"] == w} for w in range(4)] == [{0, 1}, {2}, {3, 4}, {5}]
    assert [sum(r["window"] == w and r["role"] != "row" for r in before) for w in range(4)] == [8 + 5 * 6] * 4
    shutil.rmtree(tmp_path / "trainer" / "checkpoint-6")
    again = adapted()
    train(tmp_path, again, rows, pad("right"), scorer_for(tmp_path, 2), resume=True, **save)
    assert all(torch.equal(t, adapter_state(again)[name]) for name, t in adapter_state(whole).items())
    assert records(tmp_path) == before  # the same windows: the checkpoint had closed one


def test_an_output_in_use_and_other_anchors_are_refused(tmp_path):
    rows, save = training_rows(), {"save_strategy": "steps", "save_steps": 3, "max_steps": 4}
    train(tmp_path, adapted(), rows, pad("right"), scorer_for(tmp_path), **save)
    with pytest.raises(InRunError, match="another training"):
        train(tmp_path, adapted(), rows, pad("right"), scorer_for(tmp_path))
    other = InRunScorer(*public_files(tmp_path, anchors=7), output=tmp_path / "scores")
    with pytest.raises(InRunError, match="other public rows"):
        train(tmp_path, adapted(), rows, pad("right"), other, resume=True, **save)


def test_a_row_without_a_label_has_a_status_and_no_verdict(tmp_path):
    rows = training_rows(4)
    rows[1]["labels"] = [rows[1]["input_ids"][0]] + [-100] * (len(rows[1]["labels"]) - 1)  # the first is not predicted
    train(tmp_path, adapted(), rows, pad("right"), scorer_for(tmp_path))
    verdict = {r["key"]: r for r in pq.read_table(tmp_path / "scores" / "in_run.parquet").to_pylist()}
    odd = verdict.pop(row_key(rows[1]["input_ids"], rows[1]["labels"]))
    times = sum(r["status"] == "no label token" for r in records(tmp_path))
    assert (odd["status"], odd["p"], odd["keep"], odd["occurrences"]) == ("no label token", None, None, times)
    assert {r["status"] for r in verdict.values()} == {"scored"}
    assert json.loads((tmp_path / "scores" / "in_run.json").read_text())["without_verdict"] == 1


@pytest.mark.parametrize(
    ("lora", "settings", "message"),
    [
        ({}, {"label_smoothing_factor": 0.1}, "label_smoothing_factor"),
        ({}, {"torch_compile": True}, "torch_compile"),
        ({}, {"use_cache": True}, "use_cache"),
        ({"use_dora": True}, {}, "use_dora"),
        ({"target_modules": ["q_proj", "embed_tokens"]}, {}, "embed_tokens .* not a linear layer"),
    ],
)
def test_what_is_not_exact_is_refused_before_the_first_step(lora, settings, message, tmp_path):
    with pytest.raises((InRunError, AdapterError), match=message):
        train(tmp_path, adapted(**lora), training_rows(), pad("right"), scorer_for(tmp_path), **settings)
    assert not (tmp_path / "scores").exists()


def test_a_model_without_lora_is_refused(tmp_path):
    with pytest.raises(AdapterError, match="get_peft_model"):
        train(tmp_path, build_tiny_model("llama", TOKENIZER), training_rows(), pad("right"), scorer_for(tmp_path))


class OwnLoss(Trainer):
    def compute_loss(self, model, inputs, *_args, **_kwargs):
        return model(**inputs).logits.square().mean()


class TwoPasses(Trainer):
    def compute_loss(self, model, inputs, *_args, **_kwargs):
        return model(**inputs).loss + model(**inputs).loss


@pytest.mark.parametrize(
    ("trainer", "more", "message"),
    [
        (OwnLoss, {}, "compute_loss"),
        (TwoPasses, {}, "called twice"),
        (Trainer, {"compute_loss_func": lambda outputs, *_args, **_kwargs: outputs.logits.mean()}, "without labels"),
    ],
)
def test_a_loss_of_ones_own_is_refused_in_the_first_step(trainer, more, message, tmp_path):
    args = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to="none", remove_unused_columns=False)
    with pytest.raises(InRunError, match=message):
        trainer(
            model=adapted(), args=args, train_dataset=training_rows(), data_collator=pad("right"),
            processing_class=TOKENIZER, callbacks=[scorer_for(tmp_path)], **more,
        ).train()  # fmt: skip


def test_a_loss_with_other_parts_is_refused(tmp_path):
    model = adapted()
    base: Any = model.get_base_model()
    own = base.loss_function
    base.loss_function = lambda *args, **kwargs: own(*args, **kwargs) * 1.01
    with pytest.raises(InRunError, match="loss with other parts"):
        train(tmp_path, model, training_rows(), pad("right"), scorer_for(tmp_path))


def test_rows_that_train_each_other_are_refused():
    ids = torch.arange(6)[None]
    packed = {"input_ids": ids, "labels": ids, "position_ids": torch.tensor([[0, 1, 2, 0, 1, 2]])}
    with pytest.raises(InRunError, match="first token of a packed row"):
        rows_of(packed)
    with pytest.raises(InRunError, match="see each other"):
        rows_of(packed | {"attention_mask": torch.ones(1, 6)})
    with pytest.raises(InRunError, match="padding has labels"):
        rows_of({"input_ids": ids, "labels": ids, "attention_mask": torch.tensor([[1, 1, 1, 1, 0, 0]])})


def test_a_row_has_one_key_however_it_is_padded_or_packed():
    rows = training_rows(3)
    keys = [row_key(row["input_ids"], row["labels"]) for row in rows]
    for collator in (pad("left"), pad("right"), DataCollatorWithFlattening()):
        batch: dict[str, Any] = dict(collator(copy.deepcopy(rows)))
        assert rows_of(batch).keys == keys
        assert rows_of(batch).tokens.tolist() == [sum(x != -100 for x in row["labels"][1:]) for row in rows]
    assert row_key([1, 2, 3], [-100, 2, 3]) == row_key([1, 2, 3], [1, 2, 3]) != row_key([1, 2, 3], [-100, -100, 3])


def test_the_page_for_users_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    page = (Path(__file__).parents[2] / "docs" / "IN_RUN.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "IN_RUN.md", "exec"), {})
    table = pq.read_table("scores/in_run.parquet")
    told: list[str] = []
    for cell in re.findall(r"^\| (`\w[\w.]*`.*?) \|", page, re.M):
        names = re.findall(r"`(\w[\w.]*)`", cell)
        told += [names[0].replace(CRITERIA[0], c) for c in CRITERIA] if "and so on" in cell else names
    assert sorted(table.column_names) == sorted(told)
    assert "kept" in capsys.readouterr().out
