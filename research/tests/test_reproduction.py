"""The reproduction: what each method keeps, and arms that train and are measured by the product's own parts."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import replace

import numpy as np
import pytest
from tests.helpers.known import known

from clues.disk.writing import write_json
from clues.errors import SettingError
from clues_research.reproduction import (
    arms,
    artefact,
    figure4,
    files,
    page,
    paper,
    paper_sizes,
    selections,
    table1,
    table8,
)
from clues_research.reproduction.bench import Bench
from clues_research.reproduction.claims import CLAIMS, NOT_ABOVE_ORACLE, ORDER, OWN
from clues_research.reproduction.estimates import Estimate, over_rows, over_seeds, ratio
from clues_research.reproduction.plan import ALONE, BASE, FEDERATED, READ, Job, jobs, needed
from clues_research.reproduction.results import Results
from clues_research.reproduction.tables import Maker, Planned
from clues_research.reproduction.verdicts import as_expected, together, verdict
from clues_research.reproduction.worlds import worlds
from clues_research.selection.mixtures import draw
from clues_research.selection.read import Table
from clues_research.selection.tables import WarmUp, write
from tiny_world import TINY


@pytest.fixture(scope="module")
def folder(base, tmp_path_factory):
    """The folder with the world's table, and that of one client's own."""
    folder = tmp_path_factory.mktemp("tables")
    for client in ("", "client-2"):
        planned = Planned(TINY, 7, client)
        made = Maker(base, planned.mixed(), WarmUp(), 7, folder / planned.name, TINY, client).make()
        write(made, planned.file(folder), planned.facts())
    return folder


@pytest.fixture(scope="module")
def trained(base, folder):
    """The bench, and the content of the file of every arm of five methods, trained in rounds."""
    bench, content = Bench.of(base, TINY, 7), {}
    for method in (BASE, "mixed", "published", "clues", "oracle"):
        job = Job(TINY, 7, method, FEDERATED)
        found, states = arms.run(job, bench, folder)
        assert set(found) == set(job.arms)
        assert set(states) == (set() if method == BASE else set(job.arms))
        content |= found
    yield bench, content
    bench.lm.model.unload()  # type: ignore[operator]


def test_dealt_clients_have_their_own_shares_and_no_row_twice():
    mixed = draw(TINY.mixture, 7)
    clients = {part.client[0]: part for part in mixed.parts if part.role == "client"}
    assert {name: sum(kind != "clean" for kind in part.kind) for name, part in clients.items()} == {
        "client-1": 6, "client-2": 2
    }  # fmt: skip
    questions = [row.prompt for part in clients.values() for row in part.rows] + [row.prompt for row in mixed.test]
    assert len(set(questions)) == len(questions) == 16 + 8
    assert {row.record["source"] for row in clients["client-1"].rows} == set(TINY.mixture.sources)


def test_a_table_holds_what_the_methods_read(folder):
    table = Table.load(Planned(TINY, 7).file(folder))
    roles = {str(role): int((table.columns["role"] == role).sum()) for role in np.unique(table.columns["role"])}
    assert roles == {"anchor": 12, "client": 16, "spoiled": 96, "validation": 16}
    for method in (*selections.SELECTED, "published.dot-first", "published.dot-last"):
        verdict = selections.judged(table, method)
        assert np.isfinite(verdict.statistic[table.role("client")]).all()
        assert len(verdict.anchors) == (10 if method == selections.PUBLISHED else 12)
    own = Table.load(Planned(TINY, 7, "client-2").file(folder))
    assert set(selections.clients(own)) == {"client-2"}
    assert np.array_equal(  # the same rows under another adapter: forward channels agree, gradients do not
        own.columns["relevance.forward"][own.role("client")],
        table.columns["relevance.forward"][selections.clients(table)["client-2"]],
    )
    assert not np.allclose(
        own.channel("published.dot")[own.role("client")],
        table.channel("published.dot")[selections.clients(table)["client-2"]],
    )


def by_hand(scores: dict[str, list[float]], anchors: list[float], kinds: list[str]) -> Table:
    """A table of one channel, `ira`, of two clients and of anchors."""
    clients = [name for name, values in scores.items() for _ in values] + ["site"] * len(anchors)
    values = np.array([value for own in scores.values() for value in own] + anchors)
    columns = {
        "role": np.array(["client"] * (len(values) - len(anchors)) + ["anchor"] * len(anchors), object),
        "client": np.array(clients, object),
        "kind": np.array(kinds + ["clean"] * len(anchors), object),
        "ira": values,
        "published.adam": values,
    }
    return Table("by hand", columns, {})


def test_each_method_keeps_what_it_says():
    anchors = [float(i) for i in range(1, 20)]  # p ≤ 0.1 is below the second of 19
    table = by_hand({"a": [0.5, 1.5, 2.5], "b": [12.0, 5.0]}, anchors, ["cut", "clean", "cut", "clean", "exchange"])
    found = {
        method: {name: own.astype(int).tolist() for name, own in selections.kept_by_client([table], method).items()}
        for method in ("mixed", "oracle", "ira", "published")
    }
    assert found["mixed"] == {"a": [1, 1, 1], "b": [1, 1]}
    assert found["oracle"] == {"a": [0, 1, 0], "b": [1, 0]}
    assert found["ira"] == {"a": [0, 0, 1], "b": [1, 1]}
    assert found["published"] == {"a": [0, 0, 0], "b": [1, 0]}  # the mean of the first ten anchors is 5.5


def test_arms_train_on_what_is_kept_and_are_measured_on_the_same_rows(trained, folder):
    bench, content = trained
    assert {len(one["nll"]) for one in content.values()} == {8}
    assert {tuple(one["documents"]) for one in content.values()} == {tuple(content["base"]["documents"])}
    assert content["mixed-federated"]["selected"]["client-1"] == {"rows": 8, "kept": 8, "clean": 2, "kept_clean": 2}
    assert content["oracle-federated"]["selected"]["client-1"]["kept"] == 2
    assert content["mixed-federated"]["nll"] != content["base"]["nll"]
    assert content["mixed-federated"]["nll"] != content["oracle-federated"]["nll"]
    losses = content["mixed-federated"]["losses"]
    assert [entry["round"] for entry in losses] == [0, 1, 2]
    assert losses[2]["validation_nll"] < losses[0]["validation_nll"]
    merged, _ = arms.run(Job(TINY, 7, "mixed", ALONE), bench, folder)
    assert set(merged) == {"mixed-ties", "mixed-linear", "mixed-local"}
    assert merged["mixed-ties"]["nll"] != merged["mixed-linear"]["nll"]
    again, _ = arms.run(Job(TINY, 7, "oracle", FEDERATED), bench, folder)
    assert again["oracle-federated"]["nll"] == content["oracle-federated"]["nll"]


@pytest.mark.parametrize(
    ("value", "low", "high", "bound", "word"),
    [
        (0.04, 0.02, 0.06, 0.0, "holds"),
        (-0.04, -0.06, -0.02, 0.0, "does not hold"),
        (0.02, -0.02, 0.06, 0.0, "cannot tell"),
        (0.97, 0.965, 0.975, 0.96, "holds"),
        (0.97, 0.955, 0.985, 0.96, "cannot tell"),
        (0.95, 0.94, 0.96, 0.99, "does not hold"),
    ],
)
def test_a_claim_holds_where_the_whole_interval_is_on_its_side(value, low, high, bound, word):
    assert verdict(Estimate(value, low, high, {1: value, 2: value}), bound).word == word
    assert verdict(Estimate(value, low, high, {1: value}), bound).word == "cannot tell"  # one seed shows no spread


def test_a_verdict_says_what_could_have_been_seen_and_what_would_decide():
    values = {1: -0.01, 2: 0.02, 3: 0.02}  # mean 0.01, standard deviation 0.0173
    found = verdict(over_seeds(values))
    assert found.word == "cannot tell"
    assert found.smallest == pytest.approx((4.3027 + 1.0607) * 0.01732 / 3**0.5, rel=1e-3)
    again = {seed: (-0.01, 0.02, 0.02)[seed % 3] for seed in range(known(found.needed) // 3 * 3 + 3)}
    assert verdict(over_seeds(again)).word == "holds"  # so many seeds of the same kind do decide
    assert verdict(over_seeds({1: -0.1, 2: 0.1})).needed is None  # on the bound
    assert verdict(over_seeds({1: 0.0, 2: 0.0})).needed is None


def test_a_claim_of_several_comparisons_needs_them_all():
    assert together(["holds", "holds"], 2) == "holds"
    assert together(["holds", "holds"], 3) == "cannot tell"  # one was not made
    assert together(["holds", "cannot tell"], 2) == "cannot tell"
    assert together(["holds", "cannot tell", "does not hold"], 3) == "does not hold"
    assert together([], 1) == "cannot tell"


def test_clues_may_be_as_good_as_oracle_and_mixed_may_not_be_as_good_as_clues():
    assert [as_expected(ORDER.name, word, 3) for word in ("holds", "cannot tell", "does not hold")] == [
        "as expected", "cannot tell", "the other way round"
    ]  # fmt: skip
    assert as_expected(NOT_ABOVE_ORACLE.name, "cannot tell", 3) == "as expected"
    assert as_expected(NOT_ABOVE_ORACLE.name, "cannot tell", 1) == "cannot tell"
    assert as_expected(NOT_ABOVE_ORACLE.name, "does not hold", 3) == "the other way round"


def test_intervals_are_student_s_over_seeds():
    found = over_seeds({1: 0.01, 2: 0.02, 3: 0.06})
    assert (found.value, found.low, found.high) == pytest.approx((0.03, -0.03572, 0.09572), abs=1e-4)
    assert over_seeds({1: 0.7, 2: 0.9, 3: 1.0}, (0.0, 1.0)).high == 1.0
    assert over_seeds({1: 0.7}).low is None
    rows = {1: (np.array([1.0, 1.0, 3.0, 3.0]), [0, 0, 1, 1]), 2: (np.array([10.0, 10.0]), [0, 1])}
    assert over_rows(rows).per_seed == {1: 2.0, 2: 10.0}
    one = over_rows({1: rows[1]})
    assert (one.low, one.high) == (1.0, 3.0)  # of one seed, over its documents: both drawn, or one twice
    assert over_rows({1: (np.array([1.0, 2.0]), [0, 0])}).low is None


def test_student_s_interval_covers_what_it_says_with_three_seeds():
    rng = np.random.default_rng(0)
    draws = [over_seeds(dict(enumerate(rng.normal(1, 2, 3)))) for _ in range(2000)]
    assert np.mean([known(one.low) < 1 < known(one.high) for one in draws]) == pytest.approx(0.95, abs=0.015)


def test_a_ratio_has_fieller_s_interval_or_none():
    whole = {1: 0.9, 2: 1.0, 3: 1.1}
    found = known(ratio({1: 0.5, 2: 0.45, 3: 0.6}, whole))
    low, high = known(found.low), known(found.high)
    for end in (low, high):  # where part - R whole is just not unlike zero
        edge = over_seeds({1: 0.5 - end * 0.9, 2: 0.45 - end, 3: 0.6 - end * 1.1})
        assert min(abs(known(edge.low)), abs(known(edge.high))) == pytest.approx(0, abs=1e-9)
    assert low < found.value < high
    assert ratio({1: 0.5, 2: 0.4, 3: 0.6}, {1: 0.1, 2: -0.1, 3: 0.2}) is None
    assert ratio({1: 0.5}, {1: 1.0}) is None
    assert ratio({1: -0.010, 2: -0.012, 3: -0.011}, {1: -0.022, 2: -0.020, 3: -0.024}) is None  # Oracle is worse


@pytest.mark.parametrize("count", [9, 12, 19, 96])
def test_the_bar_is_what_a_kept_row_must_reach(count):
    rng = np.random.default_rng(count)
    table = by_hand({"a": rng.normal(0, 1, 400).tolist()}, rng.normal(0, 1, count).tolist(), ["cut"] * 400)
    keep = selections.kept(table, "ira")[:400]
    bar = np.sort(table.channel("ira")[400:])[figure4.bar_place(count)]
    assert np.array_equal(keep, table.channel("ira")[:400] >= bar)


def test_every_artefact_s_arms_are_planned(tmp_path):
    made = worlds(tmp_path)
    listed = {job.name for job in jobs(made)}
    assert len(listed) == sum(1 for _ in jobs(made))
    for name in READ:
        own, tables = needed(name, made)
        assert {job.name for job in own} <= listed
        assert own or tables
    assert {claim.artefact for claim in CLAIMS} == set(READ)


def test_artefacts_and_page_are_made_of_arms_and_tables(trained, folder, tmp_path, monkeypatch):
    for module in (table1, table8):
        monkeypatch.setattr(module, "WORLD", "tiny")
    for module in (artefact, table1, table8, page):
        monkeypatch.setattr(module, "SEEDS", (7,))
    runs = tmp_path / "run"
    for name, content in trained[1].items():
        write_json(content, runs / "arms" / "tiny-7" / f"{name}.json")
    found = Results({"tiny": TINY}, [runs], folder)
    for module in (table1, table8):
        files.write_artefact(module.make, found, tmp_path / "docs")
    page.write_page(("table1", "table8"), tmp_path / "docs", tmp_path / "page.md")
    text = (tmp_path / "page.md").read_text()
    findings = json.loads((tmp_path / "docs/table1/table1.json").read_text())["findings"]
    mixed, ours = (known(found.measured("tiny", 7, f"{name}-federated"))[0].mean() for name in ("mixed", "clues"))
    (gain,) = [f for f in findings if f["claim"] == "federated: better than mixed" and f["whose"] == "clues"]
    assert gain["value"] == pytest.approx(mixed - ours, abs=1e-4)
    verdicts = json.loads((tmp_path / "docs/verdicts.json").read_text())["verdicts"]
    (own,) = [v for v in verdicts if v["claim"] == gain["claim"] and v["whose"] == "clues"]
    assert own["verdict"] == gain["verdict"]
    assert f"| {gain['claim']} | clues | mixed |" in text
    base, oracle = (known(found.measured("tiny", 7, name))[0].mean() for name in ("base", "oracle-federated"))
    steps = {f["about"].partition(": ")[2]: f["value"] for f in findings if f["claim"] in {c.name for c in OWN}}
    expected = {"base − mixed": base - mixed, "mixed − clues": mixed - ours, "clues − oracle": ours - oracle}
    assert steps == pytest.approx(expected, abs=1e-4)
    assert f"| tiny, federated: base − mixed | {base - mixed:.3f} (" in text
    inputs = json.loads((tmp_path / "docs/manifest.json").read_text())["artefacts"]["table1"]["inputs"]
    assert (
        inputs["arms/tiny-7/mixed-federated.json"]
        == hashlib.sha256((runs / "arms/tiny-7/mixed-federated.json").read_bytes()).hexdigest()
    )
    found.worlds["tiny"] = replace(TINY, checkpoint_round=2)
    with pytest.raises(SettingError, match="warm_up was"):
        found.arm("tiny", 7, "base")


def test_an_arm_of_another_selection_is_refused(trained, folder, tmp_path):
    _, content = trained
    write_json(content["clues-federated"], tmp_path / "arms/tiny-7/clues-federated.json")
    found = Results({"tiny": TINY}, [tmp_path], folder)
    assert found.arm("tiny", 7, "clues-federated")
    assert set(found.used) == {"arms/tiny-7/clues-federated.json", "channels/reproduction-tiny-7.parquet"}
    content["clues-federated"]["selected"]["client-1"]["kept"] += 1
    write_json(content["clues-federated"], tmp_path / "arms/tiny-7/clues-federated.json")
    content["clues-federated"]["selected"]["client-1"]["kept"] -= 1
    with pytest.raises(SettingError, match="trained on other rows than its channel table selects now"):
        Results({"tiny": TINY}, [tmp_path], folder).arm("tiny", 7, "clues-federated")


def test_the_paper_s_set_up_resolves():
    tree = tomllib.loads(paper.FILE.read_text())
    artefacts = {name for setup in tree["setup"].values() for name in setup["artefacts"]}
    assert artefacts == set(READ)
    job = paper.resolved(tree, tree["models"][0], "medicalqa")
    assert (job.training.rounds, len(job.clients), job.model.quantization) == (300, 20, "8bit")
    sizes = paper_sizes.model_sizes(tree["models"][0], job)
    assert sizes["weights"] == 6_738_415_616  # Llama-2-7b
    assert sizes["adapter"] == 32 * 2 * 16 * (4096 + 4096)
    found = paper_sizes.estimated(tree, tree["setup"]["medicalqa"], job, sizes)
    assert found["tokens_trained_per_arm"] == 20 * 300 * 10 * 16 * 200
    assert found["bytes_per_arm"] == 2 * 4 * sizes["adapter"] * 20 * 300
    assert found["trainings"] == 7 + 6 + 3 + 3
    assert found["memory_bytes_longest"] > 5 * found["memory_bytes"]
    tree["setup"]["fiqa"]["kinds"] = ["cut", "vandalism"]
    with pytest.raises(SettingError, match=r"setup\.fiqa: .*: vandalism"):
        paper.resolved(tree, tree["models"][0], "fiqa")
