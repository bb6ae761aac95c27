"""Channel tables: what they hold equals what the product computes, and the study's figures come out of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.conftest import build_tiny_model, train_tokenizer
from tests.scoring.test_probe import adapted, random_rows
from transformers import LlamaConfig, LlamaForCausalLM

from clues.config import ModelSettings
from clues.models.adapters import lora_parameters
from clues.models.base import LanguageModel
from clues.scoring.directions import Directions
from clues.scoring.gathered import Gathered
from clues.scoring.passes import gradient_pass
from clues.scoring.probe import Probe
from clues_research.selection import figures, ours
from clues_research.selection.ablations import _compared
from clues_research.selection.directions import contrasted, whitened
from clues_research.selection.intervals import rates
from clues_research.selection.mixtures import Mixture, draw
from clues_research.selection.observers import LayerGroups, gram
from clues_research.selection.read import Table
from clues_research.selection.tables import TableMaker, WarmUp, write
from clues_research.selection.told import told

SMALL = Mixture(
    rows_per_client=4, validation_rows=16, anchor_rows=8, heldback_rows=4, bad_rows=4, typo_rows=0, unseen_rows=4
)


def test_products_of_kept_gradients_equal_those_of_a_pass():
    lm, rows = adapted("llama", 3), random_rows(3, 9)
    shapes = {name: p.shape for name, p in lora_parameters(lm.model, "B").items()}
    kept, groups = Gathered(shapes, len(rows)), LayerGroups(lm.model.config.num_hidden_layers)
    G = kept.take(gradient_pass(lm, rows, [kept])["place"])
    products, squares = gram(G, np.array([0, 4]), groups)
    directions = Directions(("first", "fourth"), {n: g[[0, 4]].reshape(2, *shapes[n]) for n, g in G.items()})
    passed = gradient_pass(lm, rows, [Probe(directions)])
    scale = 1e-6 * float(squares.sum())
    assert products.sum(0)[:, 0] == pytest.approx(passed["first"], rel=1e-4, abs=scale)
    assert products.sum(0)[:, 1] == pytest.approx(passed["fourth"], rel=1e-4, abs=scale)
    assert squares.sum(0)[[0, 4]] == pytest.approx(np.diag(products.sum(0)[[0, 4]]), rel=1e-4)


def test_a_whitened_direction_is_the_one_by_the_whole_covariance():
    rng = np.random.default_rng(5)
    classes = np.repeat([0, 1, 2], 6)
    G = rng.normal(size=(20, 7)) + np.r_[classes, 0, 1][:, None] * rng.normal(size=7)
    blocks, public = np.tile([0, 1, 2], 6), np.arange(18)
    found = whitened(G @ G[public].T, public, classes, blocks, 1, 0.3)
    slow = []
    for b in range(3):
        used = blocks != b
        means = [G[:18][used & (classes == c)].mean(0) for c in range(3)]
        inside = G[:18][used] - np.stack(means)[classes[used]]
        S = inside.T @ inside
        w = np.linalg.solve(S + 0.3 * np.trace(S) / used.sum() * np.eye(7), means[0] - means[1])
        slow.append(w / np.linalg.norm(w))
    assert found[18:] == pytest.approx(G[18:] @ np.mean(slow, axis=0))
    assert found[:18] == pytest.approx([G[i] @ slow[blocks[i]] for i in range(18)])


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Table:
    tokenizer, folder = train_tokenizer(), tmp_path_factory.mktemp("table")
    config = build_tiny_model("llama", tokenizer).config
    assert isinstance(config, LlamaConfig)
    config.num_hidden_layers, config.hidden_size, config.intermediate_size = 12, 16, 16  # a layer for every group
    torch.manual_seed(0)
    model = LlamaForCausalLM(config).eval()
    lm = LanguageModel(model, tokenizer, ModelSettings(precision="float32"))
    maker = TableMaker(lm, draw(SMALL, 0), WarmUp(steps=(1, 2)), 0, folder)
    facts = {"mixture": {**vars(SMALL)}, "warm_up": {"steps": [1, 2]}, "seed": 0}
    write(maker.make(), folder / "tiny-medquad-half-0.parquet", facts)
    return Table.load(folder / "tiny-medquad-half-0.parquet")


def test_a_table_holds_every_row_and_no_text(table):
    roles = {str(role): int((table.columns["role"] == role).sum()) for role in np.unique(table.columns["role"])}
    assert roles == {"anchor": 8, "client": 20, "heldback": 4, "spoiled": 96, "unseen": 4, "validation": 16}
    assert table.mixture.sum() == 16
    texts = {name for name, values in table.columns.items() if values.dtype.kind == "O"}
    assert texts == {"role", "client", "kind", "source"}
    assert max(len(str(v)) for name in texts for v in table.columns[name]) < 20


def test_a_validation_row_is_held_against_means_without_its_block():
    rng = np.random.default_rng(6)
    G, blocks, public = rng.normal(size=(20, 7)), np.array([0, 1, 2, 0, 1, 2]), np.arange(2, 20)
    found = contrasted((G @ G[public].T)[None], public, blocks)[0]
    of = np.tile(blocks, 3)
    for row in range(20):
        own = of[row - 2] if row >= 2 else -1
        used = [b for b in range(3) if b != own]
        good, _, cut = (np.mean([G[2 + 6 * c :][:6][blocks == b].mean(0) for b in used], axis=0) for c in range(3))
        assert found[row, 0] == pytest.approx(G[row] @ good)
        assert found[row, 2] == pytest.approx(G[row] @ (good - cut))


def test_the_figures_come_out_of_tables(table, tmp_path):
    found = figures.verdicts(table)
    assert set(found) >= {"clues", "clues, forward", "less", "datainf", "published.adam", "gist", "length", "random"}
    assert ((found["clues"].p > 0) & (found["clues"].p <= 1)).all()
    lines = list(figures.lines(table, found))
    figures.write_csv(lines, tmp_path / "selection.csv")
    header, *rest = (tmp_path / "selection.csv").read_text().splitlines()
    assert header == ",".join((*figures.FIELDS, *figures.MEASURES))
    assert len(rest) == len(lines) == len(found) * 5 * 12
    summary = figures.summary([table], [found])
    assert summary["auc"]["seven"]["low"] <= summary["auc"]["seven"]["value"] <= summary["auc"]["seven"]["high"]
    assert "random" in summary["against"]


def test_a_subset_of_the_anchors_makes_coarser_p(table):
    few = ours.judged(table, ours.Variant(anchors=np.arange(4)))
    assert np.allclose(few.p * 5, np.round(few.p * 5))
    assert len(few.anchors) == 4


def test_a_reader_who_is_told_sees_what_a_channel_knows(table):
    kinds = np.array(table.columns["kind"])
    mixture = np.flatnonzero(table.mixture)
    kinds[mixture[:8]], kinds[mixture[8:12]], kinds[mixture[12:]] = "clean", "exchange", "near-exchange"
    rng = np.random.default_rng(0)
    noise = {n: rng.normal(size=len(v)) if v.dtype.kind == "f" else v for n, v in table.columns.items()}
    blind = Table("blind", noise | {"kind": kinds}, table.facts)
    knows = Table("knows", blind.columns | {"ira": 9.0 * (kinds == "clean")}, table.facts)
    found = told([knows, knows])
    assert {kind: found[kind]["told"] for kind in found} == {"exchange": 1.0, "near-exchange": 1.0}
    assert told([blind, knows])["exchange"]["told"] < 1


def test_a_change_is_paired_with_the_same_table_and_draws_are_averaged():
    def figures_of(auc, f1):
        return {"auc": auc, "f1": f1, "kept_clean": f1}

    plain, drawn = [figures_of(0.5, 0.2), figures_of(0.9, 0.2)], [figures_of(a, 0.1) for a in (0.4, 0.9, 0.6, 0.7)]
    found = _compared({"as it is": plain, "drawn": drawn}, 2)["drawn"]
    assert found["auc"] == pytest.approx(0.65)
    assert found["auc_gain"] == pytest.approx(-0.05)  # table by table 0 and -0.1
    assert found["auc_gain_se"] == pytest.approx(0.05)
    assert found["kept_spread"] == 0


def test_rates_are_those_of_the_pooled_rows():
    keep, clean = [np.array([True, True, False]), np.array([True])], [np.array([True, False, True]), np.array([True])]
    found = {name: values[0] for name, values in rates(keep, clean).items()}
    assert found == {"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "accuracy": 0.5, "good_among_dropped": 1}
