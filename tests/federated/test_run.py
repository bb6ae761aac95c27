"""A whole run in the in-process grid: what it leaves, what leaves a client, labels unread, killed and resumed."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from dataclasses import asdict, dataclass, replace

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from clues.config import CollaborationSettings, EvaluationSettings
from clues.errors import InUseError, NoUpdateError, SettingError
from clues.federated import merging
from clues.federated.coordinator import Coordinator
from clues.federated.engines import in_process
from clues.federated.engines.in_process import InProcessGrid, run_in_process
from clues.federated.federation import Federation
from clues.federated.replies import ClientReply, Failure, ScoreReply, TrainReply
from clues.federated.run import LocalClients, open_folder, prepare_data, run_job
from clues.federated.tasks import Score, ScoreBase, Task, Train
from clues.federated.wire import TaskError
from clues.folders.arm import MIXED, ORACLE
from clues.folders.run import RunFolder
from clues.folders.training import TrainingFile, TrainingLog
from clues.models.shared import shared_model
from clues.owner.new_rows import score_new_rows
from clues.progress import Progress
from clues.scoring.public_answers import PublicAnswers
from tests.helpers.tiny import SOURCES, comparable, phrases, save_model, tiny_job, with_files

CLIENTS = [source.lower() for source in SOURCES]


class Killed(BaseException):
    """What a kill looks like from inside: nothing catches it."""


@dataclass(frozen=True)
class Talk:
    """What was said in a run: every message as bytes, and every task with what came back."""

    messages: list[bytes]
    exchanged: list[tuple[Task, ClientReply | Failure]]


@pytest.fixture(scope="module")
def whole_and_talk(tmp_path_factory):
    """An undisturbed run: job, folder (to be read only) and what was said."""
    base, talk = tmp_path_factory.mktemp("whole"), Talk([], [])
    job, folder = tiny_job(base), base / "run"
    original = Federation.ask

    class Recording(InProcessGrid):
        def __init__(self, client_for, clients):
            super().__init__(client_for, clients, record=True)
            self.messages = talk.messages

    def ask(self, tasks, *args, **kwargs):
        results = original(self, tasks, *args, **kwargs)
        talk.exchanged.extend((task, results[name]) for name, task in tasks.items())
        return results

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_process, "InProcessGrid", Recording)
        patch.setattr(Federation, "ask", ask)
        run_job(job, folder, Progress(folder / "events.jsonl"), engine="in-process")
    return job, folder, talk


@pytest.fixture(scope="module")
def whole(whole_and_talk):
    return whole_and_talk[:2]


class Mortal:
    """The tasks that servers asked for; one is killed when it asks for more than it `may`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may = 0


@pytest.fixture
def mortal(monkeypatch):
    mortal, original = Mortal(), Federation.ask

    def ask(self, tasks, *args, **kwargs):
        if not mortal.may:
            raise Killed
        mortal.may -= 1
        task = next(iter(tasks.values()))
        mortal.asked.append(f"{task.name} {task.to_wire().settings}")
        return original(self, tasks, *args, **kwargs)

    monkeypatch.setattr(Federation, "ask", ask)
    return mortal


def read(folder, name="metrics.json"):
    return json.loads((folder / name).read_text())


def test_metrics_hold_the_contract(whole):
    _, folder = whole
    metrics = read(folder)
    assert set(metrics["selection"]) >= {"auc", "precision", "recall", "f1", "accuracy", "kinds", "published"}
    assert set(metrics["selection"]["kinds"]) == {"cut", "deletion", "exchange"}
    assert all("auc" in kind for kind in metrics["selection"]["kinds"].values())
    assert set(metrics["selection"]["published"]) >= {"auc", "f1", "recall"}
    for arm in ("base", "mixed", "clues", "oracle"):
        for how in ("federated", "merged"):
            assert set(metrics["models"][arm][how]) >= {"test_nll", "choice_accuracy", "test_nll_low", "test_nll_high"}
    assert set(metrics["gap_closed"]) == {"federated", "merged"}
    assert set(metrics["seconds"]) >= {"score-base", "warm-up", "score-1", "score-2", "select", "evaluate"}


def test_a_clients_folder_scores_rows_to_come_and_names_no_other_client(whole, tmp_path):
    _, folder = whole
    own, new = folder / "clients" / CLIENTS[0], tmp_path / "new"
    verdict = score_new_rows(own / "data.jsonl", own, new, Progress())
    before, after = (pq.read_table(place / "scores.parquet") for place in (own, new))
    assert verdict is not None
    assert verdict.kept == sum(before["keep"].to_pylist())
    assert np.allclose(before["p"], after["p"])
    told = (own / "job.toml").read_text()
    assert not any(name in told for name in (*CLIENTS[1:], str(folder / "public")))


def test_every_file_of_a_run_is_there_and_agrees(whole):
    _, folder = whole
    selection = read(folder, "selection.json")
    for client in CLIENTS:
        own = folder / "clients" / client
        table = pq.read_table(own / "scores.parquet").to_pylist()
        counts = selection["clients"][client]
        assert len(table) == counts["rows"] == 10
        assert sum(row["keep"] for row in table) == counts["kept"]
        lines = (own / "data.jsonl").read_text().splitlines()
        kept = [line for line, row in zip(lines, table, strict=True) if row["keep"]]
        assert (own / "kept.jsonl").read_text().splitlines() == kept  # byte for byte, in order
        dropped = [json.loads(line) for line in (own / "dropped.jsonl").read_text().splitlines()]
        assert [d["line"] for d in dropped] == [row["line"] for row in table if not row["keep"]]
        assert all(d["reason"] in ("fluency", "relevance", "completeness", "novelty") for d in dropped)
        assert sum(counts["reasons"].values()) == counts["dropped"] == len(dropped)
        assert (own / "report.html").stat().st_size > 10_000
        power = read(own, "power.json")
        assert power["kinds"].keys() == {"deletion", "exchange", "cut", "repetition"}
        assert all(0 < p <= 1 for kind in power["kinds"].values() for p in kind["p"])
        assert 0 <= power["shading"]["auc"] <= 1
    for arm in ("mixed", "clues", "oracle"):
        for how in ("federated", "merged"):
            assert (folder / "adapters" / f"{arm}-{how}" / "adapter_model.safetensors").exists()
    assert set(read(folder, "manifest.json")["files"]) >= {"metrics.json", "report.html", "anchors.json"}
    assert selection["unseen"]["rows"] == 4


def test_another_seed_draws_other_rows(tmp_path):
    job = tiny_job(tmp_path)
    for seed in (0, 1):
        open_folder(replace(job, seed=seed), RunFolder(tmp_path / str(seed)), resume=False)
        prepare_data(replace(job, seed=seed), RunFolder(tmp_path / str(seed)), Progress())
    first, second = ((tmp_path / s / "clients" / CLIENTS[0] / "data.jsonl").read_text() for s in "01")
    assert first != second


def test_no_score_depends_on_a_label(whole, tmp_path):
    """The rows of the whole run once more, as files of the clients' own and without their labels."""
    job, labelled = whole
    without = tmp_path / "run"
    run_job(with_files(job, tmp_path, labels=False), without, Progress(), engine="in-process")
    for client in CLIENTS:
        owns = [folder / "clients" / client for folder in (labelled, without)]
        tables = [pq.read_table(own / "scores.parquet").drop(["file"]) for own in owns]
        assert tables[0].equals(tables[1])
        kept = [(own / "kept.jsonl").read_text() for own in owns]
        assert '"clues_label"' in kept[0]
        assert re.sub(r', "clues_label": "[a-z-]+"', "", kept[0]) == kept[1]
    assert "selection" not in read(without)


def lead(job, folder, federation):
    Coordinator(federation, job, RunFolder(folder), Progress(folder / "events.jsonl"), labelled=True).run()


def test_nothing_but_counts_and_adapters_leaves_a_client(whole_and_talk):
    """Every message of a run, as bytes: no five words of a row in sequence, no path, no traceback, no list of rows."""
    _, folder, talk = whole_and_talk
    private = phrases(
        [folder / "clients" / name / "data.jsonl" for name in CLIENTS],
        [folder / "public" / f"{name}.jsonl" for name in ("validation", "anchors", "test")],
    )
    assert len(private) > 300
    up = [m for m in talk.messages if b"numbers" in m]
    assert len(up) > 10
    for message in talk.messages:
        assert not any(run in message for run in private)
    for message in up:
        assert str(folder.parent).encode() not in message
        assert b"Traceback" not in message
        assert b".py" not in message


def test_the_public_questions_go_down_with_the_first_score_task_and_nothing_more_comes_up(whole_and_talk):
    _, folder, talk = whole_and_talk
    public = (folder / "public" / "validation.jsonl").read_text().splitlines()
    questions = [json.loads(line)["question"] for line in public]
    told = [(task, reply) for task, reply in talk.exchanged if isinstance(task, ScoreBase)]
    assert len(told) == len(CLIENTS)
    for task, reply in told:
        assert list(task.public.questions) == questions
        assert isinstance(reply, ScoreReply)
        assert set(reply.to_wire().numbers) == {"rows", "set_aside", "duplicates", "truncated", "seconds"}
    for name in CLIENTS:
        assert read(folder, f"clients/{name}/questions.json")["questions"] == questions
    up = [m for m in talk.messages if b"numbers" in m]
    assert not any(question.encode() in message for question in questions for message in up)
    assert any(questions[0].encode() in message for message in talk.messages)


def test_a_client_that_starts_anew_finds_the_questions_it_was_sent(whole, tmp_path):
    job, folder = whole
    shutil.copytree(folder, tmp_path / "run")
    own = tmp_path / "run" / "clients" / CLIENTS[0]
    before = pq.read_table(own / "channels" / "checkpoint-1.parquet")
    (own / "channels" / "checkpoint-1.parquet").unlink()
    arrays = {k: t.numpy() for k, t in load_file(own / "checkpoints" / "1.safetensors").items()}
    scored = LocalClients(RunFolder(tmp_path / "run"), job)(CLIENTS[0]).run(Score(1, arrays))
    assert isinstance(scored, ScoreReply)
    assert scored.rows == 10
    assert pq.read_table(own / "channels" / "checkpoint-1.parquet").equals(before)
    # What it was sent is what its base channels were read under: asked again they are not computed again.
    base = (own / "channels" / "base.parquet").stat()
    told = read(own, "questions.json")
    again = ScoreBase(PublicAnswers(tuple(told["questions"]), tuple(told["answers"])))
    LocalClients(RunFolder(tmp_path / "run"), job)(CLIENTS[0]).run(again)
    assert (own / "channels" / "base.parquet").stat().st_mtime_ns == base.st_mtime_ns
    other = ScoreBase(PublicAnswers(("What is iron?", "What is salt?"), ("", "")))
    LocalClients(RunFolder(tmp_path / "run"), job)(CLIENTS[0]).run(other)
    assert (own / "channels" / "base.parquet").stat().st_mtime_ns != base.st_mtime_ns


def test_the_oracle_also_trains_on_rows_with_an_edit_that_leaves_them_good(whole, tmp_path):
    job, folder = whole
    shutil.copytree(folder / "clients", tmp_path / "run" / "clients")
    data = tmp_path / "run" / "clients" / CLIENTS[0] / "data.jsonl"
    start = load_file(folder / "checkpoints" / "1.safetensors")
    adapter = {n.removeprefix("adapter/"): t.numpy() for n, t in start.items() if n.startswith("adapter/")}

    def examples():
        reply = LocalClients(RunFolder(tmp_path / "run"), job)(CLIENTS[0]).run(Train(ORACLE, 1, 0, adapter))
        assert isinstance(reply, TrainReply)
        return reply.examples

    assert examples() == data.read_text().count('"clues_label": "clean"') < 10
    data.write_text(re.sub(r'"clues_label": "(cut|deletion|exchange)"', '"clues_label": "typos"', data.read_text()))
    assert examples() == 10


def test_a_failing_client_sends_a_code_and_the_run_goes_on(tmp_path):
    job, folder = tiny_job(tmp_path), tmp_path / "run"
    open_folder(job, RunFolder(folder), resume=False)
    names = prepare_data(job, RunFolder(folder), Progress())
    secret = "the secret text of a row"
    (folder / "clients" / names[0] / "data.jsonl").write_text(secret + "\n")
    grid = InProcessGrid(LocalClients(RunFolder(folder), job), names, record=True)
    Coordinator(Federation(grid, len(names)), job, RunFolder(folder), Progress(), labelled=False).run()
    assert not any(secret.encode() in message for message in grid.messages)
    assert set(read(folder, "selection.json")["clients"]) == {names[1]}
    first = read(folder, "training.json")["arms"]["mixed"]["rounds"][0]
    assert first["failed"] == [names[0]]
    assert "no usable row" in (folder / "clients" / names[0] / "errors.log").read_text()


def test_a_run_that_is_killed_again_and_again_comes_to_the_numbers_of_an_undisturbed_one(whole, tmp_path, mortal):
    """The first server is killed at its first task, and each that resumes it two tasks later."""
    job, folder = whole
    kills = 0
    while not (tmp_path / "run" / "manifest.json").exists():
        assert len(mortal.asked) == 2 * max(kills - 1, 0), "every server comes two tasks further"
        mortal.may = 2 if kills else 0
        with contextlib.suppress(Killed):
            run_job(job, tmp_path / "run", Progress(), resume=kills > 0, engine="in-process")
        kills += 1
    assert kills == 8
    assert len(set(mortal.asked)) == len(mortal.asked) == 13, "what was answered is not asked again"
    assert comparable(read(tmp_path / "run")) == comparable(read(folder))
    mortal.may = 0
    run_job(job, tmp_path / "run", Progress(), resume=True, engine="in-process")  # a finished run starts nothing


def test_a_run_killed_between_a_rounds_log_and_its_adapter_logs_the_round_once(whole, tmp_path, monkeypatch):
    """Every server is killed when it has logged the next round and not yet kept what came of it."""
    job, folder = whole
    original, logged = TrainingFile.write, []

    def write(self, log):
        original(self, log)
        if (rounds := sum(len(arm.rounds) + len(arm.alone) for arm in log.arms.values())) not in logged:
            logged.append(rounds)
            raise Killed

    monkeypatch.setattr(TrainingFile, "write", write)
    while not (tmp_path / "run" / "manifest.json").exists():
        with contextlib.suppress(Killed):
            run_job(job, tmp_path / "run", Progress(), resume=bool(logged), engine="in-process")
    assert logged == list(range(1, 10)), "two rounds of three arms, and each arm alone"
    here, there = (RunFolder(run).training.read() for run in (tmp_path / "run", folder))
    assert without_seconds(here) == without_seconds(there)
    assert comparable(read(tmp_path / "run")) == comparable(read(folder))


def without_seconds(log: TrainingLog) -> dict:
    """The log without what differs between two runs that did the same."""
    tree = asdict(log)
    rounds = [one for arm in tree["arms"].values() for part in arm.values() for one in part]
    for client in (client for one in rounds for client in one["clients"].values()):
        del client["seconds"]
    return tree


def test_evaluation_measures_the_adapters_that_are_there_and_merges_nothing(whole, tmp_path, monkeypatch):
    job, folder = whole[0], shutil.copytree(whole[1], tmp_path / "run")
    monkeypatch.setattr(merging, "merge_adapters", lambda *_: pytest.fail("merged again"))
    shutil.rmtree(folder / "evaluation")
    (folder / "manifest.json").unlink()
    run_job(job, folder, Progress(), resume=True, engine="in-process")
    assert comparable(read(folder)) == comparable(read(whole[1]))
    assert (folder / "adapters" / "clues-merged-ties-samples" / "adapter_config.json").exists()
    merged, usual = (
        load_file(folder / "adapters" / f"clues-{how}" / "adapter_model.safetensors")
        for how in ("merged-ties-samples", "merged")
    )
    assert any(not torch.equal(merged[name], usual[name]) for name in usual)


def test_a_used_folder_is_refused_and_another_job_too(whole):
    job, folder = whole
    with pytest.raises(InUseError, match="--resume"):
        run_job(job, folder, Progress(), engine="in-process")
    with pytest.raises(SettingError, match="another job"):
        run_job(replace(job, seed=9), folder, Progress(), resume=True, engine="in-process")


def test_forward_channels_alone(tmp_path):
    job = tiny_job(tmp_path)
    job = replace(
        job,
        scoring=replace(job.scoring, channels="forward"),
        collaboration=CollaborationSettings(arms=("mixed", "clues"), compare=True, equal_epochs=True),
    )
    run_job(job, tmp_path / "run", Progress(), engine="in-process")
    metrics = read(tmp_path / "run")
    assert not any("gradient" in name for name in metrics["selection"]["channels"])
    assert "clues-epoch" in metrics["models"]
    assert set(metrics["merges"]["clues"]["ties"]) == {"samples", "uniform", "adaptive"}
    assert set(metrics["merges"]["mixed"]["ties"]) == {"samples"}
    assert metrics["merges"]["clues-epoch"].keys() == {"linear"}
    assert "choice_accuracy" not in metrics["models"]["clues-epoch"]["federated"]
    assert "choice_accuracy" in metrics["models"]["clues"]["merged"]


def test_a_round_is_the_average_of_all_clients_by_their_rows(tmp_path, mortal):
    """The first round by hand: every client trains from θ_0, and each counts by the rows it has."""
    job = tiny_job(tmp_path, collaboration=CollaborationSettings(most_weight=1.0))
    folder = tmp_path / "run"
    open_folder(job, RunFolder(folder), resume=False)
    names = prepare_data(job, RunFolder(folder), Progress())
    data = folder / "clients" / names[0] / "data.jsonl"
    data.write_text("".join(line + "\n" for line in data.read_text().splitlines()[:4]))
    mortal.may = 2  # the base scores, and the first round
    with pytest.raises(Killed):
        run_in_process(lambda f: lead(job, folder, f), LocalClients(RunFolder(folder), job), names)
    found = load_file(folder / "adapters" / "mixed-federated" / "rounds" / "1.safetensors")
    _, start = shared_model(job.model, job.adapter, job.seed)
    expected = {name: torch.zeros_like(t) for name, t in start.items()}
    for name, rows in zip(names, (4, 10), strict=True):
        task = Train(MIXED, 2, 0, {n: t.numpy() for n, t in start.items()})
        reply = LocalClients(RunFolder(folder), job)(name).run(task)
        assert isinstance(reply, TrainReply)
        assert reply.examples == rows
        for n in expected:
            expected[n] += rows / 14 * torch.tensor(reply.adapter[n])
    assert all(torch.allclose(found[n], t, atol=1e-6) for n, t in expected.items())
    assert any(not torch.equal(found[n], start[n]) for n in start)


def test_a_test_set_that_cannot_be_used_ends_a_run_before_any_training(tmp_path):
    job = replace(tiny_job(tmp_path), evaluation=EvaluationSettings(negatives=500))
    with pytest.raises(SettingError, match="other answers to choose among"):
        run_job(job, tmp_path / "run", Progress(), engine="in-process")
    assert not (tmp_path / "run" / "training.json").exists()


def test_a_public_record_that_cannot_be_used_is_named(tmp_path):
    job, folder = tiny_job(tmp_path), tmp_path / "run"
    open_folder(job, RunFolder(folder), resume=False)
    prepare_data(job, RunFolder(folder), Progress())
    with (folder / "public" / "anchors.jsonl").open("a") as file:
        file.write('{"question": "Why?", "answer": ""}\n')
    lines = len((folder / "public" / "anchors.jsonl").read_text().splitlines())
    with pytest.raises(SettingError, match=rf"anchors\.jsonl:{lines}: .*must be usable"):
        run_job(job, folder, Progress(), resume=True, engine="in-process")


def test_a_model_is_measured_again_on_another_test_set(whole, tmp_path):
    job, folder = whole[0], shutil.copytree(whole[1], tmp_path / "run")
    first, negatives = read(folder, "evaluation/base.json"), folder / "public" / "negatives.jsonl"
    negatives.unlink()
    (folder / "manifest.json").unlink()
    run_job(job, folder, Progress(), resume=True, engine="in-process")
    second = read(folder, "evaluation/base.json")
    assert first["test_set"] != second["test_set"]
    assert first["nll"] == pytest.approx(second["nll"], abs=1e-5)  # batches differ, rows do not
    assert read(folder)["models"]["base"]["federated"].keys() >= {"test_nll", "choice_accuracy"}


def test_a_client_with_other_base_weights_of_the_same_shapes_is_left_out_and_named(tmp_path):
    job, folder = tiny_job(tmp_path), tmp_path / "run"
    open_folder(job, RunFolder(folder), resume=False)
    names = prepare_data(job, RunFolder(folder), Progress())
    other = replace(job, model=replace(job.model, name=str(save_model(tmp_path / "other", seed=7))))
    run = RunFolder(folder)
    grid = InProcessGrid(lambda name: LocalClients(run, other if name == names[1] else job)(name), names)
    federation = Federation(grid, 2)
    coordinator = Coordinator(federation, job, run, Progress(), labelled=False)
    coordinator.greet()
    assert set(federation.nodes) == {names[0]}
    assert "base weights are not the server's" in federation.refused["node 101"]
    assert "have the fingerprint" in (folder / "clients" / names[1] / "errors.log").read_text()


def test_a_file_that_changes_between_two_passes_has_its_own_code(whole, tmp_path):
    job, folder = whole
    run = RunFolder(shutil.copytree(folder, tmp_path / "run"))
    data, start = run.client(CLIENTS[0]).data, load_file(run.checkpoint(1))
    adapter = {n.removeprefix("adapter/"): t.numpy() for n, t in start.items() if n.startswith("adapter/")}
    task = Train(MIXED, 1, 0, adapter)
    assert LocalClients(run, job)(CLIENTS[0]).run(task)
    data.write_text("".join(data.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(TaskError) as caught:
        LocalClients(run, job)(CLIENTS[0]).run(task)
    assert caught.value.code == "data-changed"


def test_completed_says_what_was_trained(whole):
    _, folder = whole
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    said = [event["note"] for event in events if event["phase"] == "trained"]
    assert said[0] == "mixed: 2 rounds, 4 updates of 40 rows in all; 2 clients alone"
    assert len(said) == 3


def test_a_round_in_which_nothing_is_trained_completes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("clues.federated.client.train", lambda *_args, **_kwargs: 1.0)
    with pytest.raises(NoUpdateError, match="mixed round 1 has trained nothing"):
        run_job(tiny_job(tmp_path), tmp_path / "run", Progress(), engine="in-process")
