"""Selection metrics: hand counts, the published variants, and a run folder from disk."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from clues.config import SelectionSettings
from clues.data.damage.spoil import KINDS as DAMAGE
from clues.data.damage.spoil import SUBTLE
from clues.data.files.reading import read_rows
from clues.data.rows import Message, Row
from clues.errors import MissingLabelError, ScoresError
from clues.evaluation.labels import clean_rows, is_clean, kind
from clues.evaluation.published import published_metrics
from clues.evaluation.scored import Scored, read_scored
from clues.evaluation.selection import every_rule, measure_run, selection_metrics
from clues.folders.bar import StoredBar
from clues.folders.owner import OwnerFolder
from clues.folders.run import RunFolder
from clues.folders.scores import NotScored, Scores
from clues.folders.selection import SelectionSummary, Unseen
from clues.statistics.ranking import auc, auc_interval
from clues.statistics.shares import selection_shares, share
from tests.helpers.known import known


def measured(*arguments) -> dict:
    """`selection_metrics` as it stands in a file."""
    return asdict(selection_metrics(*arguments))


def published(*arguments) -> dict:
    found = published_metrics(*arguments)
    assert found is not None
    return asdict(found)


KINDS = ["clean", "clean", "clean", "cut", "cut", "exchange"]
KEEP = [True, True, False, True, False, False]
STATISTIC = [0.9, 0.7, 0.2, 0.8, 0.1, -0.5]


def scored(**changes) -> Scored:
    columns = {
        "client": np.array(["a", "a", "b", "a", "b", "b"]),
        "kind": np.array(KINDS),
        "keep": np.array(KEEP),
        "p": np.array([0.9, 0.6, 0.05, 0.7, 0.02, 0.02]),
        "statistic": np.array(STATISTIC),
        "channels": {"fluency.forward": np.array(STATISTIC), "completeness.forward": np.array([1, 2, 3, np.nan, 0, 9])},
    }
    return Scored(**(columns | changes))


def labelled(label: object) -> Row:
    return Row((Message("assistant", "x"),), "mine.jsonl", 7, {} if label is None else {"clues_label": label})


def test_labels():
    assert kind(labelled("cut")) == "cut"
    assert is_clean(labelled("clean"))
    assert not any(is_clean(labelled(name)) for name in (*DAMAGE, *SUBTLE))
    assert kind(labelled("typos")) == "typos"
    assert is_clean(labelled("typos"))
    rows = [labelled(name) for name in ("clean", "cut", "typos", "number")]
    assert [r.record["clues_label"] for r in clean_rows(rows)] == ["clean", "typos"]


@pytest.mark.parametrize("label", [None, "", True])
def test_missing_label_names_the_row_and_the_remedy(label):
    with pytest.raises(MissingLabelError, match=r"mine\.jsonl:7: no `clues_label`.*clues corrupt"):
        clean_rows([labelled("clean"), labelled(label)])


def test_counts_by_hand():
    shares = selection_shares(np.array(KEEP), np.array(KINDS) == "clean")
    assert (shares["rows"], shares["clean"], shares["kept"]) == (6, 3, 3)
    assert shares["precision"] == shares["recall"] == shares["f1"] == pytest.approx(2 / 3)
    assert shares["accuracy"] == pytest.approx(4 / 6)
    assert shares["good_among_dropped"] == pytest.approx(1 / 3)


def test_precision_and_recall_are_not_exchanged():
    shares = selection_shares(np.array([True, False, False, False]), np.array([True, True, True, False]))
    assert (shares["precision"], shares["recall"], shares["f1"]) == (1.0, pytest.approx(1 / 3), 0.5)
    assert shares["good_among_dropped"] == pytest.approx(2 / 3)
    assert selection_shares(np.arange(5) < 1, np.arange(5) < 2)["good_among_dropped"] == pytest.approx(1 / 4)


def test_nothing_kept_has_no_precision():
    shares = selection_shares(np.zeros(3, bool), np.array([True, False, False]))
    assert shares["precision"] is shares["precision_low"] is None
    assert (shares["recall"], shares["f1"]) == (0.0, 0.0)


def test_share_has_the_exact_interval():
    # Clopper-Pearson for 0 of 10: the upper end solves (1 - x)^10 = 0.025.
    bounds = share("s", 0, 10)
    assert (bounds["s"], bounds["s_low"]) == (0.0, 0.0)
    assert bounds["s_high"] == pytest.approx(1 - 0.025**0.1)


def test_auc_counts_pairs_and_ties_by_half():
    clean = np.array([True, True, False, False])
    assert auc(clean, np.array([3.0, 1.0, 2.0, 1.0])) == pytest.approx(2.5 / 4)
    assert auc(np.ones(4, bool), np.arange(4.0)) is None


def test_auc_interval_holds_the_area_and_narrows_with_rows():
    generator = np.random.default_rng(0)
    clean = np.arange(400) < 200
    score = clean + generator.normal(size=400)
    low, high = auc_interval(clean, score)
    assert known(low) < known(auc(clean, score)) < known(high)
    assert known(high) - known(low) < 0.12
    few_low, few_high = auc_interval(clean[150:250], score[150:250])
    assert known(few_high) - known(few_low) > 1.5 * (known(high) - known(low))
    assert auc_interval(np.ones(4, bool), np.arange(4.0)) == (None, None)
    assert auc_interval(clean, np.zeros(400)) == (0.5, 0.5)


def test_metrics_of_a_selection():
    rules = {"everything": lambda p, _: np.ones(len(p), bool)}
    metrics = measured(scored(), {}, "conformal", rules)
    assert metrics["rule"] == "conformal"
    assert metrics["auc"] == pytest.approx(7 / 9)  # the cut row with 0.8 stands above two of three clean ones
    assert metrics["kinds"]["cut"]["auc"] == pytest.approx(4 / 6)
    assert metrics["kinds"]["cut"]["kept_share"] == 0.5
    exchange = metrics["kinds"]["exchange"]
    assert (exchange["auc"], exchange["kept_share"], exchange["rows"]) == (1.0, 0.0, 1)
    assert metrics["rules"]["everything"]["recall"] == 1.0
    assert metrics["rules"]["everything"]["precision"] == 0.5
    assert metrics["published"] is None
    json.dumps(metrics, allow_nan=False)


def test_an_edit_that_leaves_an_answer_good_makes_no_bad_row():
    """Rows with typing errors count among the good ones everywhere, and are listed apart by what was kept of them."""
    typos = np.array(["clean", "typos", "typos", "cut", "cut", "exchange"])
    channels = {f"published.{form}": np.array([3.0, 2.0, 1.0, 2.5, 0.0, 0.0]) for form in ("dot", "adam")}
    anchors = {name: [2.0] for name in channels}
    plain, mistyped = (
        measured(scored(kind=kinds, channels=channels), anchors, "x", {"none": lambda p, _: p < 0})
        for kinds in (np.array(KINDS), typos)
    )
    assert plain.pop("harmless") == {}
    found = mistyped.pop("harmless")["typos"]
    assert (found["rows"], found["kept_share"]) == (2, 0.5)
    assert found["kept_share_low"] < 0.05
    assert mistyped == plain
    assert set(mistyped["kinds"]) == {"cut", "exchange"}
    assert mistyped["published"] is not None


def test_clients_are_measured_apart():
    clients = measured(scored(), {}, "conformal", {})["clients"]
    assert clients["a"]["dropped_share"] == 0.0
    assert clients["a"]["auc"] == pytest.approx(0.5)
    assert clients["b"]["dropped_share"] == 1.0
    assert clients["b"]["recall"] == 0.0


def test_a_channel_is_measured_on_the_rows_it_has_a_verdict_on():
    channel = measured(scored(), {}, "conformal", {})["channels"]["completeness.forward"]
    assert channel["rows"] == 5
    assert channel["auc"] == pytest.approx(3 / 6)
    assert channel["kinds"] == {"cut": {"auc": 1.0}, "exchange": {"auc": 0.0}}


def test_rules_see_one_client_at_a_time():
    best = measured(scored(), {}, "x", {"best": lambda _, statistic: statistic == statistic.max()})
    assert best["rules"]["best"]["kept"] == 2


def test_every_rule_of_a_job():
    rules = every_rule(SelectionSettings(alpha=0.1, ratio=0.5, score=0.75), np.array([0.5, 0.9]))
    assert list(rules) == ["conformal", "fdr", "anchor-mean", "ratio", "score"]
    metrics = measured(scored(), {}, "conformal", rules)["rules"]
    assert {name: metrics[name]["kept"] for name in ("conformal", "anchor-mean", "score")} == {
        "conformal": 3,
        "anchor-mean": 3,
        "score": 2,
    }
    assert metrics["ratio"]["kept"] == 4  # round(1.5) of each client's three


def test_all_clean_rows_have_shares_but_no_ranking():
    metrics = measured(scored(kind=np.array(["clean"] * 6)), {}, "conformal", {})
    assert metrics["auc"] is metrics["auc_low"] is None
    assert metrics["kinds"] == {}
    assert metrics["recall"] == 0.5
    assert metrics["clients"]["b"]["dropped_share"] == 1.0


def published_scored() -> tuple[Scored, dict[str, list[float]]]:
    channels = {
        "published.dot": np.array([3.0, 2.0, 1.0, 2.5, 0.0, 0.0]),
        "published.adam": np.array([3.0, 2.0, 1.9, 1.0, 0.0, 0.0]),
    }
    anchors = {"published.dot": [2.0] * 10 + [8.0] * 10, "published.adam": [1.0] * 10 + [2.6] * 10}
    return scored(channels=channels), anchors


def test_published_takes_ten_anchors_or_all_and_reports_its_best():
    metrics = published(*published_scored())
    assert metrics is not None
    assert {name: v["kept"] for name, v in metrics["variants"].items()} == {
        "dot, 10 anchors": 3,  # bar 2.0, and a row on the bar is kept
        "dot, all anchors": 0,  # bar 5.0
        "adam, 10 anchors": 4,  # bar 1.0
        "adam, all anchors": 3,  # bar 1.8
    }
    assert metrics["which"] == "adam, all anchors"
    assert (metrics["f1"], metrics["auc"]) == (1.0, 1.0)
    assert metrics["variants"]["dot, 10 anchors"]["auc"] == pytest.approx(7 / 9)


def test_equal_f1_is_decided_by_auc():
    rows, anchors = published_scored()
    rows.channels["published.adam"] = np.array([3.0, 2.0, 0.0, 2.5, 1.0, 1.0])  # keeps the same, ranks worse
    anchors = {"published.dot": [2.0], "published.adam": [2.0]}
    metrics = published(rows, anchors)
    assert metrics["variants"]["adam, 10 anchors"]["f1"] == metrics["f1"]
    assert metrics["which"].startswith("dot")


def test_published_without_anchors_or_with_holes_is_an_error():
    rows, anchors = published_scored()
    with pytest.raises(ValueError, match=r"no `published\.adam`"):
        published_metrics(rows, {"published.dot": anchors["published.dot"]})
    rows.channels["published.dot"][1] = np.nan
    with pytest.raises(ValueError, match=r"`published\.dot` is not finite on 1"):
        published_metrics(rows, anchors)


def write_client(run, name: str, kinds: list[str], statistic: list[float], duplicate: bool = False) -> None:
    """A client's folder; with `duplicate` its last row is no longer scored."""
    folder = run / "clients" / name
    folder.mkdir(parents=True)
    lines = [
        {"question": f"q{i}", "answer": f"a{i} of {name}", "source": name, "clues_label": k}
        for i, k in enumerate(kinds)
    ]
    (folder / "data.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows, _ = read_rows(folder / "data.jsonl")
    aside = [NotScored(rows[-1].file, rows[-1].line, "duplicate")] if duplicate else []
    rows, values = rows[: len(rows) - len(aside)], np.array(statistic[: len(rows) - len(aside)])
    texts = {"id": [r.id for r in rows], "hash": [r.content_hash for r in rows], "status": ["scored"] * len(rows)}
    columns = {name: np.array(each, object) for name, each in texts.items()}
    columns |= {name: np.array([""] * len(rows), object) for name in ("file", "reason", "decision")}
    columns |= {"line": np.array([r.line for r in rows]), "tokens": np.ones(len(rows), int)}
    columns |= {"truncated": np.zeros(len(rows), bool), "keep": values > 0, "p": (values + 1) / 2}
    columns |= {"statistic": values, "fluency.forward": values, "evidence_fluency": values}
    OwnerFolder(folder).scores.write(Scores(columns, aside))


@pytest.fixture
def run(tmp_path):
    write_client(tmp_path, "north", ["clean", "cut"], [0.5, -0.5])
    write_client(tmp_path, "south", ["clean", "exchange", "clean"], [0.4, 0.1, 0.3], duplicate=True)
    run, settings = RunFolder(tmp_path), SelectionSettings()
    run.anchors.write(StoredBar(settings, 0, {}, (), {}, {}, {}, (), level=None))
    run.selection.write(SelectionSummary(settings, 0, {}, Unseen("NIDDK", 20, 18)))
    return tmp_path


def test_a_run_from_disk(run):
    metrics = asdict(measure_run(run, "conformal", {}))
    assert (metrics["rows"], metrics["clean"], metrics["kept"], metrics["not_scored"]) == (4, 2, 3, 1)
    assert metrics["precision"] == pytest.approx(2 / 3)
    assert metrics["recall"] == 1.0
    assert list(metrics["clients"]) == ["north", "south"]
    assert list(metrics["channels"]) == ["fluency.forward"]
    assert metrics["unseen"]["kept_share"] == pytest.approx(0.9)
    assert metrics["unseen"]["kept_share_low"] < 0.9 < metrics["unseen"]["kept_share_high"]


def test_scores_of_other_data_are_refused(run):
    data = run / "clients" / "north" / "data.jsonl"
    data.write_text(data.read_text().replace("a0 of", "another"))
    with pytest.raises(ValueError, match="score the file again"):
        read_scored(RunFolder(run))


def test_a_row_without_a_score_needs_no_label(run):
    data = run / "clients" / "south" / "data.jsonl"
    *scored_lines, duplicate = data.read_text().splitlines(keepends=True)
    data.write_text("".join([*scored_lines, duplicate.replace("clues_label", "other")]))
    assert read_scored(RunFolder(run)).not_scored == 1


def test_a_run_without_labels_or_scores_is_an_error(run, tmp_path):
    data = run / "clients" / "south" / "data.jsonl"
    data.write_text(data.read_text().replace("clues_label", "other"))
    with pytest.raises(MissingLabelError, match=r"data\.jsonl:1"):
        read_scored(RunFolder(run))
    with pytest.raises(ScoresError, match=r"scores\.parquet"):
        read_scored(RunFolder(tmp_path / "empty"))


def test_another_schema_version_is_refused(run):
    (run / "anchors.json").write_text(json.dumps({"schema_version": 9, "channels": {}}))
    with pytest.raises(ValueError, match="schema_version 9 is not 1"):
        measure_run(run, "conformal", {})
