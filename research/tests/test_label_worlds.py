"""Labelled worlds, noise, rivals, tables and arms: on toys and on a tiny random model."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from tests.conftest import build_tiny_model, train_tokenizer

from clues.config import ModelSettings
from clues.data.damage.labelled import LABEL
from clues.errors import SettingError
from clues.evaluation.labels import is_clean
from clues.models.base import LanguageModel
from clues_research.labels import command, rivals, summary, tables
from clues_research.labels.command import Planned
from clues_research.labels.downstream import ARMS, Bench, kept_by
from clues_research.labels.embeddings import prompt_embeddings, regression_logits
from clues_research.labels.noise import KINDS, noisy
from clues_research.labels.options import majority, measured, option_logits
from clues_research.labels.questions import Question, clipped, form, questions
from clues_research.labels.tables import LabelTable
from clues_research.labels.worlds import Sizes, split
from clues_research.selection.tables import WarmUp

NAMES = ("yes", "no", "maybe", "not known")
SIZES = Sizes(client=48, validation=16, anchor=24, test=80)
SMALL = Sizes(client=16, validation=8, anchor=8, test=12)


def asked(rows: int = 400, own_options: bool = False) -> list[Question]:
    """Questions whose words have nothing in common but their number."""
    draw = np.random.default_rng(0)
    words = ["".join(draw.choice(list("abcdefghij"), 5)) for _ in range(4000)]
    found = []
    for i in range(rows):
        prompt = f"Question {i}? " + " ".join(draw.choice(words, 12))
        right = int(draw.choice(4, p=[0.4, 0.3, 0.2, 0.1]))
        options = tuple(f"{name} {i}" for name in NAMES) if own_options else NAMES
        found.append(Question(prompt, options, right, f"doc-{i // 2}", f"site-{i % 3}"))
    return found


@pytest.fixture(scope="module")
def world():
    return split("toy", asked(), 0, SIZES)


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    tokenizer = train_tokenizer()
    return LanguageModel(build_tiny_model("llama", tokenizer), tokenizer, ModelSettings(precision="float32"))


class TestWorlds:
    def test_no_document_is_on_two_sides(self, world):
        docs = [{row.record["doc"] for row in side.rows} for side in (world.client, world.validation, world.anchor,
                                                                      world.test)]  # fmt: skip
        assert sum(map(len, docs)) == len(set.union(*docs))

    def test_sizes_clients_and_balance(self, world):
        sizes = {r: len(getattr(world, r).rows) for r in ("client", "validation", "anchor", "test")}
        assert sizes == {"client": 48, "validation": 16, "anchor": 24, "test": 80}
        assert Counter(world.client.clients) == {f"client-{i}": 12 for i in range(1, 5)}
        counts = np.bincount(world.client.true)
        assert counts[:3].max() - counts[:3].min() <= 1
        assert counts[3] > 0

    def test_the_same_seed_draws_the_same_and_another_does_not(self, world):
        again, other = split("toy", asked(), 0, SIZES), split("toy", asked(), 1, SIZES)
        assert [r.prompt for r in again.client.rows] == [r.prompt for r in world.client.rows]
        assert [r.prompt for r in other.client.rows] != [r.prompt for r in world.client.rows]

    def test_one_class_can_have_nearly_all_rows(self):
        counts = np.bincount(split("toy-skewed", asked(800), 0, SIZES).client.true)
        assert counts.max() / counts.sum() == pytest.approx(0.95, abs=0.02)

    def test_where_rows_are_few_the_sets_shrink_together(self):
        small = split("toy", asked(60), 0, SIZES)
        ratio = [len(small.client.rows) / 48, len(small.validation.rows) / 16, len(small.anchor.rows) / 24]
        assert max(ratio) - min(ratio) < 0.1
        assert small.test.rows

    def test_a_question_twice_is_there_once(self):
        twice = [q for q in asked(100) for _ in range(2)]
        found = split("toy", twice, 0, SIZES)
        prompts = [r.prompt for s in (found.client, found.validation, found.anchor, found.test) for r in s.rows]
        assert len(prompts) == len(set(prompts))

    def test_rows_say_all_that_is_known_of_them(self, world):
        row = world.client.rows[0]
        assert {"prompt", "response", "label", "true_label", "client", "doc", "source", LABEL} == set(row.record)
        assert row.response == row.record["label"] == row.record["true_label"] == NAMES[world.client.true[0]]


class TestNoise:
    @pytest.mark.parametrize("where", ["spread", "one"])
    @pytest.mark.parametrize("kind", KINDS)
    def test_what_is_wrong_is_said_in_the_hidden_label_alone(self, world, kind, where):
        base = np.random.default_rng(3).normal(size=(48, 4))
        found = noisy(world.client, kind, 0.2, where, 0, base)
        wrong = found.wrong
        assert 0 < wrong.sum() <= 12
        assert [is_clean(row) for row in found.rows] == (~wrong).tolist()
        assert {row.record[LABEL] for row, w in zip(found.rows, wrong, strict=True) if w} == {kind}
        assert all(row.record["label"] == row.record["response"] == row.response for row in found.rows)
        assert [NAMES.index(row.record["true_label"]) for row in found.rows] == found.true.tolist()
        assert found.clients.tolist() == world.client.clients.tolist()
        if where == "one" or kind == "annotator":
            assert len(set(found.clients[wrong])) == 1

    def test_the_share_is_of_all_rows(self, world):
        for share in (0.05, 0.1, 0.2, 0.4):
            assert noisy(world.client, "uniform", share, "spread", 0).wrong.sum() == round(48 * share)
        assert noisy(world.client, "uniform", 0.4, "one", 0).wrong.sum() == 12
        assert not noisy(world.client, "none", 0.4, "one", 0).wrong.any()

    def test_confused_classes_say_one_label(self, world):
        found = noisy(world.client, "confusion", 0.2, "spread", 1)
        assert len(set(found.given[found.wrong])) == 1
        first = Counter(found.true[found.wrong]).most_common(1)[0]
        assert first[1] == -(-(world.client.true == first[0]).sum() // 2)

    def test_the_hardest_say_what_the_base_likes(self, world):
        base = np.random.default_rng(3).normal(size=(48, 4))
        found = noisy(world.client, "hardest", 0.1, "spread", 0, base)
        own = log_softmax(base, axis=1)[np.arange(48), world.client.true]
        assert set(np.flatnonzero(found.wrong)) == set(np.argsort(own)[:5])
        liked = base.copy()
        liked[np.arange(48), world.client.true] = -np.inf
        assert (found.given == liked.argmax(1))[found.wrong].all()

    def test_a_shifted_block_has_the_next_rows_labels(self, world):
        found = noisy(world.client, "shift", 0.4, "spread", 0)
        at = np.flatnonzero(found.wrong)
        inner = at[at < at.max()]
        assert (found.given[inner] == world.client.true[inner + 1]).all()
        assert at.max() - at.min() < 19

    def test_a_prompt_twice_has_one_right_and_one_wrong_label(self, world):
        found = noisy(world.client, "twice", 0.1, "spread", 0)
        by_prompt = Counter(row.prompt for row in found.rows)
        for i in np.flatnonzero(found.wrong):
            same = [j for j, row in enumerate(found.rows) if row.prompt == found.rows[i].prompt]
            assert by_prompt[found.rows[i].prompt] == len(same) == 2
            assert sorted(found.wrong[same]) == [False, True]

    def test_options_of_ones_own_cannot_be_confused(self):
        own = split("own", asked(own_options=True), 0, SIZES)
        assert own.classes is None
        assert noisy(own.client, "uniform", 0.2, "spread", 0).wrong.sum() == 10
        for kind in ("confusion", "shift"):
            with pytest.raises(SettingError, match="options of their own"):
                noisy(own.client, kind, 0.2, "spread", 0)
        with pytest.raises(SettingError, match="no noise"):
            noisy(own.client, "wishes", 0.2, "spread", 0)


P = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.25, 0.25, 0.5], [0.8, 0.1, 0.1]])
GIVEN = np.array([0, 1, 2, 1])
"""The last row is wrong."""


class TestRivals:
    def test_scores_of_one_set_of_probabilities(self):
        logits = np.log(P) + 5.0  # any constant of a row
        assert rivals.self_confidence(logits, GIVEN) == pytest.approx([0.7, 0.6, 0.5, 0.1])
        assert rivals.normalized_margin(logits, GIVEN) == pytest.approx([0.75, 0.65, 0.625, 0.15])
        assert rivals.loss(logits, GIVEN) == pytest.approx(np.log([0.7, 0.6, 0.5, 0.1]))
        assert rivals.el2n(logits, GIVEN)[0] == pytest.approx(-np.sqrt(0.3**2 + 0.2**2 + 0.1**2))

    def test_confident_learning_subtracts_what_a_class_is_given_on_average(self):
        adjusted = P - np.array([0.7, 0.35, 0.5]) + 0.7
        slow = (adjusted / adjusted.sum(1, keepdims=True))[np.arange(4), GIVEN]
        assert rivals.confident_learning(np.log(P), GIVEN) == pytest.approx(slow)

    def test_cleanlabs_rule_drops_what_the_confident_joint_counts(self):
        draw = np.random.default_rng(0)
        true = draw.integers(0, 3, 120)
        given = true.copy()
        given[:12] = (true[:12] + 1) % 3
        logits = np.log(0.05 + 0.85 * np.eye(3)[true] + 0.02 * draw.random((120, 3)))
        kept = rivals.confident_kept(logits, given)
        assert not kept[:12].any()
        assert kept[12:].mean() > 0.95
        missing = rivals.confident_kept(np.concatenate([logits, np.full((120, 1), -9.0)], 1), given)
        assert np.array_equal(missing, kept)  # a class that nobody says

    def test_margins_and_maps_over_checkpoints(self):
        over = np.stack([np.log(P), np.log(softmax(np.log(P) * 2, axis=1))])
        slow = [np.mean([logits[i, g] - np.delete(logits[i], g).max() for logits in over]) for i, g in enumerate(GIVEN)]
        assert rivals.aum(over, GIVEN) == pytest.approx(slow)
        own = np.exp(over)[:, np.arange(4), GIVEN]
        assert rivals.confidence(over, GIVEN) == pytest.approx(own.mean(0))
        assert rivals.variability(over, GIVEN) == pytest.approx(own.std(0))
        assert rivals.correctness(over, GIVEN) == pytest.approx([1, 1, 1, 0])
        assert rivals.aum(over, GIVEN).argmin() == 3

    def test_an_option_that_was_not_asked_for_has_no_part(self):
        logits = np.log(np.concatenate([P, np.ones((4, 1))], axis=1))
        logits[:, 3] = np.nan
        assert rivals.self_confidence(logits, GIVEN) == pytest.approx([0.7, 0.6, 0.5, 0.1])
        assert rivals.aum(logits[None], GIVEN) == pytest.approx(rivals.aum(np.log(P)[None], GIVEN))
        assert np.isfinite(rivals.normalized_margin(logits, GIVEN)).all()

    def test_a_regression_finds_wrong_labels_among_plain_features(self):
        draw = np.random.default_rng(1)
        true = np.repeat([0, 1, 2], 30)
        features = 3 * np.eye(3)[true] + 0.3 * draw.normal(size=(90, 3))
        given = true.copy()
        given[[0, 30, 60]] = 1, 2, 0
        logits = regression_logits(features, given, 5, 0)
        assert np.isnan(logits[:, 3:]).all()
        assert set(np.argsort(rivals.self_confidence(logits, given))[:3]) == {0, 30, 60}
        given[0] = 4  # the only one of its class
        assert np.isfinite(rivals.self_confidence(regression_logits(features, given, 5, 0), given)).all()


class TestModels:
    def test_options_are_read_in_their_own_order(self, lm):
        own = split("own", asked(own_options=True), 0, SMALL)
        turned = replace(own.client, options=[o[::-1] for o in own.client.options], true=3 - own.client.true)
        found = option_logits(lm, own.client)
        assert found.shape == (16, 4)
        assert option_logits(lm, turned) == pytest.approx(found[:, ::-1], abs=1e-4)

    def test_accuracy_is_that_of_the_likeliest_option(self, lm, world):
        logits = option_logits(lm, world.test)
        liked = replace(world.test, true=logits.argmax(1))
        assert measured(lm, liked)["accuracy"] == 1
        assert measured(lm, liked)["nll"] == pytest.approx(-log_softmax(logits, axis=1).max(1).mean(), abs=1e-5)
        counts = np.bincount(world.client.true).argmax()
        assert majority(world.client, world.test) == (world.test.true == counts).mean()

    def test_an_embedding_is_of_the_prompt_alone(self, lm, world):
        said = replace(world.client, rows=[r.with_responses(["not known"]) for r in world.client.rows])
        assert prompt_embeddings(lm, said) == pytest.approx(prompt_embeddings(lm, world.client), abs=1e-5)


WARM_UP = WarmUp(steps=(1, 2, 4), batch_size=4)
PLANNED = Planned("tiny", "toy", "uniform", 25, "spread", 3)


@pytest.fixture(scope="module")
def made(lm, tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("clues_research.labels.worlds.questions", lambda *_: asked())
        patch.setattr("clues_research.labels.tables.GRADIENTS", (1, 2))
        patch.setattr("clues_research.labels.downstream.PUBLISHED", "published.adam@1")
        patch.setattr("clues_research.labels.downstream.ROUNDS", 1)
        patch.setattr("clues_research.labels.downstream.LOCAL_STEPS", 1)
        arguments = {"base": lm, "results": folder, "warm_up": WARM_UP, "sizes": SMALL}
        command.make(PLANNED, folder, folder / "runs", **arguments)
        for way in ("together", "federated", "merged"):
            command.make_arms(PLANNED, folder, way, **arguments)
        yield folder


class TestTables:
    def test_every_scorer_says_something_of_every_row(self, made):
        table = LabelTable.load(PLANNED.table(made))
        assert {
            "loss@base", "loss@1", "loss@4", "el2n@1", "aum", "cartography.confidence", "cartography.variability",
            "cartography.correctness", "perplexity", "random", "published.dot@1", "published.adam@2", "less@1",
            "datainf@2", "grand@1", "cleanlab.embeddings.kept", "cleanlab.folds-1.margin",
            "cleanlab.folds-3.self-confidence", "cleanlab.folds-3.confident", "cleanlab.folds-3.kept",
        } <= set(table.scorers)  # fmt: skip
        assert all(np.isfinite(table.values(name)).all() for name in table.scorers)
        assert (table.column("label") != table.column("true")).sum() == 4
        assert len(table.values("aum", "anchor")) == 8
        assert table.table.num_rows == len(table.scorers) * 24

    def test_no_text_is_in_a_table(self, made):
        table = LabelTable.load(PLANNED.table(made))
        texts = [n for n in table.table.column_names if str(table.table.schema.field(n).type) == "string"]
        assert set(texts) == {"role", "client", "scorer"}
        assert table.facts["classes"] == list(NAMES)

    def test_a_row_is_judged_by_folds_that_have_not_seen_its_client(self, made, lm, monkeypatch):
        seen = []
        monkeypatch.setattr("clues_research.labels.worlds.questions", lambda *_: asked())
        monkeypatch.setattr(tables.TableMaker, "_trained", lambda *found: seen.append(found[2]) or {})
        world = PLANNED.world(lm, made, SMALL)
        tables.TableMaker(lm, world, 3, made / "folds", WARM_UP)._folds(lm)
        for rows, client in zip(seen, np.unique(world.client.clients), strict=True):
            assert set(world.client.clients[rows]) == set(np.unique(world.client.clients)) - {client}

    def test_what_is_there_is_left_alone_and_what_was_interrupted_goes_on(self, made, lm, monkeypatch):
        monkeypatch.setattr("clues_research.labels.worlds.questions", lambda *_: asked())
        file = PLANNED.table(made)
        first, old = file.stat().st_mtime_ns, LabelTable.load(file)
        arguments = {"base": lm, "results": made, "warm_up": WARM_UP, "sizes": SMALL}
        command.make(PLANNED, made, made / "runs", **arguments)
        assert file.stat().st_mtime_ns == first
        file.unlink()
        monkeypatch.setattr("clues_research.labels.tables.train", None)  # nothing is trained again
        monkeypatch.setattr("clues_research.labels.tables.GRADIENTS", (1, 2))
        command.make(PLANNED, made, made / "runs", **arguments)
        assert LabelTable.load(file).values("aum") == pytest.approx(old.values("aum"))

    def test_the_summary_has_its_columns(self, made, tmp_path):
        summary.labels_summary(results=made, output=tmp_path)
        with (tmp_path / "labels.csv").open() as file:
            found = list(csv.DictReader(file))
        assert tuple(found[0]) == summary.FIELDS
        assert {line["rule"] for line in found} == {"conformal 0.1", "fdr 0.1", "own", "told"}
        assert {line["positive"] for line in found} == {"wrong row"}
        assert all(0 <= float(line["auc"]) <= 1 for line in found)
        with (tmp_path / "labels_downstream.csv").open() as file:
            arms = list(csv.DictReader(file))
        assert tuple(arms[0]) == summary.DOWNSTREAM
        assert {line["way"] for line in arms} == {"together", "federated", "merged"}
        assert {line["arm"] for line in arms} == set(ARMS) - {"clues"}  # until the product has a say


def test_finding_is_measured_on_wrong_rows():
    wrong = np.array([True, True, False, False, False, False, False, False])
    score = np.array([0.0, 3.0, 1, 2, 4, 5, 6, 7])
    keep = np.array([False, True, False, True, True, True, True, True])
    found = summary.measures(score, keep, wrong, np.zeros(8, int))
    assert found["auc"] == pytest.approx(10 / 12, abs=1e-4)
    assert found["ap"] == pytest.approx((1 + 2 / 4) / 2)
    assert (found["precision"], found["recall"], found["f1"]) == (0.5, 0.5, 0.5)
    assert found["kept_clean"] == pytest.approx(5 / 6, abs=1e-4)
    assert found["kept_worst_class"] == ""  # six good rows of a class say nothing


def test_arms_are_the_rows_they_are_named_for(made):
    table = LabelTable.load(PLANNED.table(made))
    noisy_world = split("toy", asked(), 3, SMALL)
    noisy_world = noisy_world.with_clients(noisy(noisy_world.client, "uniform", 0.25, "spread", 3))
    wrong = noisy_world.client.wrong
    assert not kept_by("base", noisy_world, table, 0).any()
    assert kept_by("mixed", noisy_world, table, 0).all()
    assert np.array_equal(kept_by("oracle", noisy_world, table, 0), ~wrong)
    assert (~kept_by("chance-dropped", noisy_world, table, 0)).sum() == wrong.sum()
    cleanlab = table.values("cleanlab.folds-3.kept") > 0
    assert np.array_equal(kept_by("cleanlab", noisy_world, table, 0), cleanlab)


def test_training_on_right_rows_alone_helps_who_can_learn(lm):
    """Bench trains what it is given: on rows with one answer the tiny model comes to say it."""
    same = [replace(q, right=1) for q in asked(200)]
    world = split("same", same, 0, SMALL)
    bench = Bench(lm, world, 0, WarmUp(learning_rate=3e-2))
    before, after = bench.arm(np.zeros(16, bool), "together"), bench.arm(np.ones(16, bool), "federated")
    bench.close()
    assert after["nll"] < before["nll"]


class TestQuestions:
    def test_a_set_that_is_none_is_named(self, tmp_path):
        with pytest.raises(SettingError, match="no labelled data set 'spam'"):
            questions("spam", tmp_path)

    def test_a_study_is_its_results_and_its_question(self, tmp_path):
        (tmp_path / "medical").mkdir()
        contexts = ["Aim.", "word " * 200 + "end."]
        record = {"question": "Does it help?", "contexts": contexts, "answer": "maybe", "pmid": 7}
        with gzip.open(tmp_path / "medical" / "pubmedqa.jsonl.gz", "wt") as out:
            out.write(json.dumps(record) + "\n")
        (found,) = questions("pubmedqa", tmp_path)
        assert found.options[found.right] == "maybe"
        assert found.prompt.endswith("end.\n\nDoes it help? Answer yes, no or maybe.")
        assert len(found.prompt.split()) < 90

    def test_numbers_have_forms(self):
        forms = {"3.4%": "percent", "$ 1,200": "money", "(12)": "number", "interest rates": "words"}
        assert {text: form(text) for text in forms} == forms
        assert clipped("a  b\nc d", 3) == "a b c"
