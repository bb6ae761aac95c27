from __future__ import annotations

import json

import numpy as np
import pytest

from clues.folders.explanations import EXPLAINED
from clues.folders.owner import OwnerFolder
from clues.report import rows as rows_module
from clues.report.nearest import nearest_kept
from clues.report.page import payload
from clues.report.rows import MOST, choose, show_rows
from clues.report.texts import read_texts
from tests.helpers.fake_run import Shape, write_run


def test_a_small_file_is_shown_whole_worst_first():
    assert choose(np.array([2.0, -1.0, 0.5]), None).tolist() == [1, 2, 0]


def test_of_a_large_file_the_worst_the_nearest_and_the_best():
    statistic = np.random.default_rng(0).normal(size=9000)
    chosen = choose(statistic, -1.0)
    order = np.argsort(statistic)
    assert len(chosen) == len(set(chosen.tolist())) == MOST
    assert set(order[:500]) <= set(chosen.tolist())
    assert set(order[-300:]) <= set(chosen.tolist())
    assert set(np.argsort(np.abs(statistic + 1.0))[:500]) <= set(chosen.tolist())
    assert (np.diff(statistic[chosen]) >= 0).all()


def test_the_nearest_kept_row_is_another_row_with_a_similar_question():
    kept = ["What causes gallstones?", "How is asthma treated?", "什么是法布里病？"]
    prompts = ["what causes gallstones", "How is asthma treated?", "什么是法布里病", "zzzz"]
    found = nearest_kept(prompts, kept, [None, 1, None, None])
    assert found[0] is not None
    assert (found[0].index, found[2] and found[2].index, found[3]) == (0, 2, None)
    assert found[1] is None or found[1].index != 1  # never the row itself
    assert nearest_kept(["a question"], [], [None]) == [None]


def test_texts_are_shortened_until_all_fit(tmp_path, monkeypatch):
    folder = OwnerFolder(write_run(tmp_path / "run", Shape(clients=("GARD",))) / "clients/GARD")
    monkeypatch.setattr(rows_module, "TEXT_BUDGET", 80_000)
    scores = folder.scores.read()
    texts = read_texts(folder, scores, folder.client.read().source, None)
    shown = show_rows(scores, None, texts, folder.explained.read(scores.ids))
    assert len(payload(shown.rows).encode()) <= 80_000
    longest = max(shown.rows, key=lambda row: row["answer_left"])
    response = texts[longest["id"]].response
    answer = "".join(piece for piece, *_ in longest["answer"])
    assert response.startswith(answer)
    assert longest["answer_left"] == len(response) - len(answer) > 0


def test_what_each_row_says(tmp_path):
    shape = Shape(clients=("GARD",), groups=("ward <b>A</b>", "ward B"))
    folder = OwnerFolder(write_run(tmp_path / "run", shape) / "clients/GARD")
    scores = folder.scores.read()
    texts = read_texts(folder, scores, folder.client.read().source, None)
    shown = show_rows(scores, None, texts, folder.explained.read(scores.ids))
    assert shown.groups[:2] == ["group “ward <b>A</b>”", "group “ward B”"]
    assert all(name.startswith("answers of ") for name in shown.groups[2:])
    records = [json.loads(line) for line in folder.data.read_text().strip().split("\n")]
    place = {name: i for i, name in enumerate(scores["id"])}
    for row in shown.rows:
        i = place[row["id"]]
        assert row["prompt"] == records[i]["question"]
        assert row["groups"][0] == i % 2
        assert len(row["groups"]) == 2
        assert "".join(p for p, *_ in row["answer"]) == records[i]["answer"][: shown.longest]
        assert row["state"] == ("kept" if scores.keep[i] else "dropped")
        # Contributions of the words add up to the channel.
        for name in EXPLAINED:
            assert row["tells"][name]["sum"] == pytest.approx(scores[f"{name}.forward"][i], rel=5e-4, abs=5e-5)
    ranks = [row["channels"][0][1] for row in shown.rows]
    assert sorted(ranks) == list(range(1, len(scores) + 1))
    lowest = min(shown.rows, key=lambda row: row["channels"][0][0])
    assert lowest["channels"][0][1] == 1
