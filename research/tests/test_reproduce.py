"""A reproduction whole, in worlds of a few rows: made once, kept, used again, made anew, refused."""

from __future__ import annotations

import hashlib
import json
from copy import deepcopy
from dataclasses import replace
from functools import partial

import pytest

from clues_research.places import REPRODUCED, TABLES
from clues_research.reproduction import arms, artefact, bench, figure1, files, final, page, results, run, table8
from clues_research.reproduction.plan import BASE, FEDERATED, Job, needed
from clues_research.reproduction.worlds import worlds
from clues_research.selection.make import claimed
from tiny_world import TINY


@pytest.fixture
def small(base, tmp_path, monkeypatch):
    """`reproduce` in two small worlds with one seed: its folder, and the arms that it trained, in order."""
    made = {name: replace(TINY, name=name) for name in ("medquad-0", "medquad-40")}
    jobs = {
        "figure1": [Job(world, 7, "mixed", FEDERATED) for world in made.values()],
        "table8": [Job(made["medquad-40"], 7, method, FEDERATED) for method in (BASE, "mixed")],
    }
    trained = []
    monkeypatch.setattr(run, "worlds", lambda _pools: made)
    monkeypatch.setattr(run, "needed", lambda name, _made: (jobs[name], []))
    monkeypatch.setattr(bench, "load", lambda _world: replace(base, model=deepcopy(base.model)))
    monkeypatch.setattr(arms, "run", lambda job, *rest, run=arms.run: trained.append(job.name) or run(job, *rest))
    monkeypatch.setattr(final, "PROMPTS", 3)
    monkeypatch.setattr(figure1, "SHARES", (0, 40))
    for module in (artefact, figure1, table8, page):
        monkeypatch.setattr(module, "SEEDS", (7,))
    monkeypatch.setattr(run, "REPRODUCED", tmp_path / "committed")
    monkeypatch.setattr(run, "write_artefact", partial(files.write_artefact, docs=tmp_path / "docs"))
    monkeypatch.setattr(run, "write_page", partial(page.write_page, docs=tmp_path / "docs", page=tmp_path / "page.md"))
    return tmp_path, trained


def test_a_reproduction_is_made_once_kept_and_made_anew_on_request(small):
    folder, trained = small
    made = run.reproduce(["figure1", "table8"], None, folder / "runs", fresh=False)
    assert trained == ["medquad-0-7/mixed-federated", "medquad-40-7/mixed-federated", "medquad-40-7/base-federated"]
    assert made.left == []
    assert made.files[-1] == str(folder / "page.md")
    answers = json.loads((folder / "committed/written/medquad-40-7/mixed-federated.json").read_text())
    assert len(answers["rouge_l"]) == len(answers["answers"]) == 3
    page_text = (folder / "page.md").read_text()
    assert answers["answers"][0]["question"].split()[0] in page_text
    trained.clear()
    (folder / "runs").rename(folder / "elsewhere")  # as in a clone: what is committed is enough
    again = run.reproduce(["figure1", "table8"], None, folder / "runs", fresh=False)
    assert (trained, again) == ([], made)
    assert (folder / "page.md").read_text() == page_text
    kept = {file: file.read_bytes() for file in sorted((folder / "committed").rglob("*.json"))}
    for _ in range(2):  # anew, and anew again, for the first fresh run went through
        trained.clear()
        run.reproduce(["figure1"], None, folder / "runs", fresh=True)
        assert trained == ["medquad-0-7/mixed-federated", "medquad-40-7/mixed-federated"]
    assert kept == {file: file.read_bytes() for file in sorted((folder / "committed").rglob("*.json"))}


def test_answers_of_another_training_count_as_not_made(small):
    folder, trained = small
    run.reproduce(["table8"], None, folder / "runs", fresh=False)
    arm = folder / "committed/arms/medquad-40-7/mixed-federated.json"
    for file in (arm, folder / "runs/reproduction/arms/medquad-40-7/mixed-federated.json"):
        content = json.loads(file.read_text())
        content["nll"][0] += 1
        file.write_text(json.dumps(content))
    stale = results.Results(run.worlds(folder), [folder / "committed"], folder)
    assert stale.written("medquad-40", 7, "mixed-federated") == []
    assert stale.measured("medquad-40", 7, "mixed-federated", "rouge_l") is None
    assert len(stale.written("medquad-40", 7, "base")) == 3
    trained.clear()
    run.reproduce(["table8"], None, folder / "runs", fresh=False)
    assert trained == ["medquad-40-7/mixed-federated"]  # for its adapter is not that training's either
    assert (
        len(
            results.Results(run.worlds(folder), [folder / "committed"], folder).written(
                "medquad-40", 7, "mixed-federated"
            )
        )
        == 3
    )


def test_what_another_process_is_at_is_said(small):
    folder, trained = small
    with claimed(folder / "runs/reproduction/claims/medquad-0-7/mixed-federated"):
        made = run.reproduce(["figure1"], None, folder / "runs", fresh=False)
    assert made.left == ["medquad-0-7/mixed-federated: another process is at it"]
    assert trained == ["medquad-40-7/mixed-federated"]


MANIFEST = json.loads((files.REPRODUCTION / "manifest.json").read_text())["artefacts"]


@pytest.mark.parametrize("name", MANIFEST)
def test_what_is_committed_is_what_the_page_was_made_of(name):
    inputs, outputs = MANIFEST[name]["inputs"], MANIFEST[name]["outputs"]
    for file, digest in inputs.items():
        part, _, rest = file.partition("/")
        assert (
            hashlib.sha256(((TABLES if part == "channels" else REPRODUCED / part) / rest).read_bytes()).hexdigest()
            == digest
        ), file
    for file, digest in outputs.items():
        assert hashlib.sha256((files.REPRODUCTION / name / file).read_bytes()).hexdigest() == digest, file
    listed, planned = needed(name, worlds(files.REPRODUCTION))
    arms_needed = {f"arms/{job.folder}/{arm}.json" for job in listed for arm in job.arms}
    assert {file for file in inputs if file.startswith("arms/")} <= arms_needed
    assert {file for file in inputs if file.startswith("channels/")} <= {f"channels/{p.name}.parquet" for p in planned}
