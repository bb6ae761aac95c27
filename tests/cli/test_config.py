"""`clues config`: what it shows is what holds, and what it prints is a job."""

from __future__ import annotations

import ast
import inspect
import json
from importlib.resources import files
from pathlib import Path

import pytest

from clues.config import ClientSettings, Job, TrainingSettings
from clues.config.reading import load_job
from clues.config.schema import part_at, schema

DEMO = Path(str(files("clues.packaged").joinpath("demo.toml")))


def documented(kind: type) -> dict[str, str]:
    """Field -> its docstring, read from the source."""
    (tree,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(tree, ast.ClassDef)
    return {
        node.target.id: " ".join(str(after.value.value).split())
        for node, after in zip(tree.body, tree.body[1:], strict=False)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
    }


def leaves(job: Job) -> dict[str, object]:
    """Dotted key -> value, from the job's dictionary."""

    def below(value: object, key: str) -> dict[str, object]:
        if isinstance(value, list) and (key == "clients" and value):
            return {k: v for number, one in enumerate(value) for k, v in below(one, f"{key}[{number}]").items()}
        if not isinstance(value, dict):
            return {key: value}
        return {k: v for name, part in value.items() for k, v in below(part, f"{key}.{name}".lstrip(".")).items()}

    return below(job.to_dict(), "")


def test_show_gives_every_setting_with_value_source_unit_and_reason(clues, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("name = 'mine'\n[training]\nrounds = 6\nbatch_size = 4\n[[clients]]\nname = 'north'\n")
    facts = clues("config", "show", file, "--set", "training.rounds=8", "--json").facts
    job = load_job(file, ["training.rounds=8"])
    assert facts["hash"] == job.hash
    shown = {setting["key"]: setting for setting in facts["settings"]}
    assert {key: setting["value"] for key, setting in shown.items()} == leaves(job)
    sources = {key: setting["source"] for key, setting in shown.items() if setting["source"] != "default"}
    told = dict.fromkeys(["name", "training.batch_size", "clients[0].name"], str(file))
    assert sources == told | {"training.rounds": "command line"}
    assert shown["training.rounds"]["unit"] == "rounds"
    assert shown["training.rounds"]["allowed"] == "a whole number, at least 1"
    assert shown["training.rounds"]["reason"] == documented(TrainingSettings)["rounds"]
    assert shown["clients[0].name"]["reason"] == documented(ClientSettings)["name"]


def test_every_setting_has_a_reason_and_every_number_a_unit(clues):
    for setting in clues("config", "show", "--json").facts["settings"]:
        assert setting["reason"], setting["key"]
        is_number = isinstance(setting["value"], (int, float)) and not isinstance(setting["value"], bool)
        assert bool(setting["unit"]) or not is_number or setting["key"] == "schema_version", setting["key"]


@pytest.mark.parametrize("given", [[], [DEMO], [DEMO, "--set", "scoring.checkpoints=[1,2]"]], ids=len)
def test_what_show_prints_is_the_same_job(clues, given, tmp_path):
    called = clues("config", "show", *given)
    assert called.code == 0
    (tmp_path / "job.toml").write_text(called.out)
    overrides = given[2:] and [given[2]]
    assert load_job(tmp_path / "job.toml") == (load_job(DEMO, overrides) if given else Job())


def test_show_of_clients_prints_their_tables(clues, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[[clients]]\nname = 'a'\n[[clients]]\nname = 'b'\ndata = 'ü\"x.jsonl'\n")
    (tmp_path / "again.toml").write_text(clues("config", "show", file).out)
    assert load_job(tmp_path / "again.toml") == load_job(file)


def test_show_refuses_what_a_run_refuses(clues):
    called = clues("config", "show", "--set", "training.rounds=1")
    assert called.code == 2
    assert "never reached" in called.err


def test_the_schema_describes_every_setting(clues):
    found = json.loads(clues("config", "schema").out)
    assert found == clues("config", "schema", "--json").facts["schema"] == schema(Job)
    rounds = found["$defs"]["TrainingSettings"]["properties"]["rounds"]
    assert (rounds["minimum"], rounds["unit"]) == (1, "rounds")
    assert rounds["description"] == documented(TrainingSettings)["rounds"]
    assert found["additionalProperties"] is False
    assert all(table["additionalProperties"] is False for table in found["$defs"].values())
    assert part_at(Job, ("collaboration", "arms", 0)).allowed == "mixed, clues, oracle"
    assert clues("config", "schema", DEMO).code == 2
