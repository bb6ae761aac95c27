"""Settings check themselves, in every way a job is made."""

from __future__ import annotations

import json
import pickle
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import pytest
import tomli_w

from clues.config import (
    ClientSettings,
    CollaborationSettings,
    Job,
    SampleSettings,
    ScoringSettings,
    SelectionSettings,
    TrainingSettings,
)
from clues.config.names import CLIENT_NAME, Damage
from clues.config.reading import job_from_dict, load_job
from clues.config.schema import schema
from clues.config.settings import ColumnSettings
from clues.data.damage.spoil import HARMLESS, KINDS, LABELS, SUBTLE
from clues.errors import SettingError
from clues.federated.wire import NAME

ROOT = Path(__file__).parents[1]
DEMO = Path(str(files("clues.packaged").joinpath("demo.toml")))
WRONG = {
    "selection.alpha": [5, 0.0, 1.0, float("nan"), "0.1", True],
    "selection.q": [-3, 0, 1],
    "selection.ratio": [-0.1, 1.5],
    "selection.score": [float("inf"), 1e9, "high"],
    "selection.rule": ["best", 1],
    "training.rounds": [0, 1.5, "4", True],
    "training.local_steps": [0],
    "training.batch_size": [-1, 0],
    "training.learning_rate": [float("nan"), 0.0, -1e-3, float("inf")],
    "model.name": ["", 3],
    "model.max_length": [0],
    "model.token_budget": [0],
    "model.precision": ["fp16"],
    "model.quantization": ["2bit", 8],
    "adapter.rank": [0],
    "adapter.alpha": [0, 1.5],
    "adapter.first_layer": [-1],
    "adapter.target_modules": [[], ["q_proj", "q_proj"], [""], "q_proj", [3]],
    "scoring.checkpoints": [[9], [], [0], [2, 2], [2, 1], [True], 2],
    "scoring.channels": ["all"],
    "scoring.criteria": [[], ["fluency", "fluency"]],
    "scoring.scorer": [""],
    "scoring.published": [1, "yes"],
    "scoring.other_domains": [-1.0],
    "scoring.own_domain": ["de"],
    "sample.spoiled_share": [7, -0.1],
    "sample.kinds": [[], ["rot"], ["cut", "cut"]],
    "sample.min_tokens": [-1, 71],
    "sample.rows_per_client": [0],
    "sample.clients": [["../x"], ["GHR", "ghr"], ["a b"], [""]],
    "collaboration.arms": [["nope"], [], ["mixed", "mixed"]],
    "collaboration.density": [0.0, 1.1],
    "collaboration.weights": ["equal"],
    "collaboration.merge": ["dare"],
    "collaboration.most_weight": [0.0, 1.5],
    "collaboration.robust": ["bulyan", True],
    "collaboration.least_clients": [-1, 1.5],
    "evaluation.bootstrap": [0],
    "evaluation.negatives": [0],
    "evaluation.choice_rows": [-1],
    "name": ["", "a/b", "..", 7],
    "seed": [-1, 2**32, 0.5],
}
"""Every value is one that a setting cannot have; the others of the job are the defaults."""
CASES = [(key, value) for key, some in WRONG.items() for value in some]


def from_file(key: str, value: Any, folder: Path) -> Job:
    file = folder / "job.toml"
    file.write_text(tomli_w.dumps(nested(key, value)))
    return load_job(file)


def from_override(key: str, value: Any, _folder: Path) -> Job:
    text = json.dumps(value).replace("NaN", "nan").replace("Infinity", "inf").replace('{"a": 1}', "{a = 1}")
    return job_from_dict({}, "job", [f"{key}={text}"])


def from_constructor(key: str, value: Any, _folder: Path) -> Job:
    *tables, name = key.split(".")
    kinds: list[Any] = [Job()]
    for table in tables:
        kinds.append(getattr(kinds[-1], table))
    made = type(kinds[-1])(**{name: as_python(value) if tables else value})
    for kind, table in zip(reversed(kinds[:-1]), reversed(tables), strict=True):
        made = type(kind)(**{table: made})
    return made


def from_replace(key: str, value: Any, _folder: Path) -> Job:
    return replaced(Job(), key, as_python(value) if "." in key else value)


def replaced(settings: Any, key: str, value: Any) -> Any:
    table, _, rest = key.partition(".")
    return replace(settings, **{table: replaced(getattr(settings, table), rest, value) if rest else value})


def as_python(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def nested(key: str, value: Any) -> dict[str, Any]:
    table, _, rest = key.partition(".")
    return {table: nested(rest, value)} if rest else {table: value}


WAYS: list[Callable[[str, Any, Path], Job]] = [from_file, from_override, from_constructor, from_replace]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize(("key", "value"), CASES, ids=lambda part: str(part)[:40])
def test_a_value_that_a_setting_cannot_have_is_refused_in_every_way(way, key, value, tmp_path):
    with pytest.raises(SettingError) as caught:
        way(key, value, tmp_path)
    text = str(caught.value)
    assert "\n" not in text
    assert key.rpartition(".")[2] in text


def leaves(kind: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for field in fields(kind):
        value = getattr(kind, field.name)
        if is_dataclass(value):
            yield from leaves(value, f"{before}{field.name}.")
        else:
            yield before + field.name, value


OPEN = {"sample.unseen_source", "scoring.domain_field", "public.validation", "public.anchors", "public.test"}
OPEN |= {f"public.columns.{field.name}" for field in fields(ColumnSettings)}
"""Settings of which any text is one. `sample.pool` is too, but for none."""


def test_every_setting_has_a_value_that_it_cannot_have():
    others = {"schema_version", "clients", "sample.pool", *(f"sample.{n}_rows" for n in ("validation", "anchor"))}
    others |= {"sample.test_rows", "sample.unseen_rows", "sample.max_tokens"}
    others |= {"collaboration.equal_epochs", "collaboration.compare"}
    assert {key for key, _ in leaves(Job())} == {*WRONG, *OPEN, *others}


@pytest.mark.parametrize("key", [key for key, _ in leaves(Job())])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_setting_takes_another_type_for_its_own(way, key, tmp_path):
    """A date, a table, a nested list: whatever TOML can write."""
    for value in ({"a": 1}, [[1]]):
        with pytest.raises(SettingError, match=key.rpartition(".")[2]):
            way(key, value, tmp_path)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_an_int_is_a_float_and_a_list_is_a_tuple(way, tmp_path):
    assert way("selection.score", 2, tmp_path).selection.score == 2.0
    assert type(way("selection.score", 2, tmp_path).selection.score) is float
    assert way("scoring.checkpoints", [1, 3], tmp_path).scoring.checkpoints == (1, 3)


def test_lists_are_tuples_in_python_too():
    assert SampleSettings(clients=["GHR"]).clients == ("GHR",)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["training.rounds=1"], r"scoring.checkpoints is \[2\] and training.rounds 1: the checkpoint 2 is never"),
        (["scoring.checkpoints=[1,9]"], "the checkpoint 9 is never reached; train more rounds, name checkpoints of"),
        (["sample.min_tokens=80"], "sample.min_tokens is 80 and sample.max_tokens 70: no answer has such a length"),
        (["sample.clients=['GHR']", "sample.unseen_source=ghr"], "'ghr', in lower case the name of a client, stands"),
        (["clients=[{name='a'},{name='a'}]"], "two clients have one name, 'a': give each its own"),
        (["clients=[{name='a'}]", "sample.clients=['GHR']"], "are both given"),
        (["clients=[{name='a', domain='de'}]"], "of the domain 'de' and scoring.domain_field is empty"),
        (["scoring.own_domain=de"], "scoring.own_domain is 'de' and scoring.domain_field is empty"),
    ],
)  # fmt: skip
def test_settings_that_do_not_go_together_are_refused(changes, said):
    with pytest.raises(SettingError, match=said):
        job_from_dict({}, "job.toml", changes)


def test_rules_over_several_settings_hold_in_python_too():
    with pytest.raises(SettingError, match=r"Job: scoring\.checkpoints is .* never reached"):
        Job(training=TrainingSettings(rounds=1))
    with pytest.raises(SettingError, match=r"Job: scoring\.checkpoints is .* never reached"):
        replace(Job(), scoring=ScoringSettings(checkpoints=(5,)))
    with pytest.raises(SettingError, match=r"SampleSettings: sample\.min_tokens is 80"):
        replace(SampleSettings(), min_tokens=80)


def test_without_gradient_channels_no_checkpoint_has_to_be_reached():
    job = job_from_dict({}, "job", ["training.rounds=1", "scoring.channels=forward"])
    assert job.scoring.checkpoints == (2,)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("model.max_lenght=9", "unknown key model.max_lenght; did you mean model.max_length?"),
        ("rounds=9", "unknown key rounds; did you mean training.rounds?"),
        ("scorring.channels=full", "unknown key scorring; did you mean scoring?"),
        ("clients=[{name='a', dta='x'}]", "unknown key clients[0].dta; did you mean clients[0].data?"),
        ("selection.zzz=1", "unknown key selection.zzz; known: alpha, q, ratio, rule, score"),
        ("model.extra.deep=1", "unknown key model.extra; known: max_length, name, precision"),
    ],
)
def test_an_unknown_key_is_refused_at_every_depth_and_names_the_nearest(change, said, tmp_path):
    with pytest.raises(SettingError) as caught:
        job_from_dict({}, "job.toml", [change])
    assert said in str(caught.value)
    (tmp_path / "job.toml").write_text(tomli_w.dumps(tomllib.loads(_as_toml(change))))
    with pytest.raises(SettingError) as caught:
        load_job(tmp_path / "job.toml")
    assert str(caught.value).startswith(f"{tmp_path / 'job.toml'}: {said}")


def _as_toml(change: str) -> str:
    key, _, value = change.partition("=")
    return change if value[0] in "[0123456789" else f'{key} = "{value}"'


def test_an_unknown_setting_in_python_names_the_nearest():
    with pytest.raises(SettingError, match=r"TrainingSettings: unknown key rouns; did you mean rounds\?"):
        TrainingSettings(rouns=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="TrainingSettings has 4 settings, and 5 are given"):
        TrainingSettings(1, 2, 3, 0.1, 5)  # type: ignore[call-arg]


def test_an_error_says_where_the_value_was_given(tmp_path):
    file = tmp_path / "job.toml"
    file.write_text("[training]\nrounds = 0\n")
    with pytest.raises(SettingError, match=rf"^{file}: training.rounds is 0; allowed: a whole number, at least 1$"):
        load_job(file)
    file.write_text("")
    with pytest.raises(SettingError, match=r"^command line: selection.alpha is 5; allowed: a number, above 0 and"):
        load_job(file, ["selection.alpha=5"])
    with pytest.raises(SettingError, match=r"^SelectionSettings: alpha is 5; allowed: a number, above 0 and below 1$"):
        SelectionSettings(alpha=5)
    with pytest.raises(SettingError, match=r"collaboration.arms\[1\] is 'nope'; allowed: mixed, clues, oracle$"):
        load_job(file, ["collaboration.arms=['mixed', 'nope']"])


def test_a_client_without_a_name_is_refused():
    with pytest.raises(SettingError, match=r"job: clients\[0\].name is missing"):
        job_from_dict({"clients": [{"data": "x.jsonl"}]})


def test_jobs_of_the_repository_load_and_keep_their_hash():
    """Twelve digits that stand in results that are there: equal settings, equal hash. The label changed it."""
    jobs = [f for f in ROOT.rglob("*.toml") if ".venv" not in f.parts and f.name in ("figures.toml", "demo.toml")]
    assert len(jobs) >= 2
    for file in jobs:
        job = load_job(file)
        assert job_from_dict(job.to_dict()) == job
        assert job_from_dict(tomllib.loads(tomli_w.dumps(job.to_dict()))).hash == job.hash
    assert load_job(DEMO).hash == "2efbbb7a7cda"
    assert load_job(DEMO, ["seed=7"]).hash != load_job(DEMO).hash


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("robust", "krum", "krum.*needs 5 clients; the job has 4"),
        ("least_clients", 5, "least_clients is 5, and the job has 4 clients"),
    ],
)
def test_a_job_has_the_clients_that_its_average_needs(key, value, why):
    four = tuple(ClientSettings(name) for name in "abcd")
    with pytest.raises(SettingError, match=why):
        Job(clients=four, collaboration=CollaborationSettings(**{key: value}))
    assert Job(clients=(*four, ClientSettings("e")), collaboration=CollaborationSettings(**{key: value}))


def test_a_client_whose_name_is_a_path_is_refused_when_settings_are_read():
    for name in ("../b", "b/../../c", "B", "b\n"):
        with pytest.raises(SettingError, match="1 to 40 of a-z, 0-9 and -"):
            job_from_dict({"clients": [{"name": name}]})


def test_a_job_can_be_sent_to_another_process_and_be_a_key():
    job = load_job(DEMO)
    assert pickle.loads(pickle.dumps(job)) == job
    assert {job.model: 1}[Job().model] == 1
    with pytest.raises(AttributeError):
        job.seed = 3  # type: ignore[misc]


def test_names_that_stand_elsewhere_too_are_the_same():
    assert set(get_args(Damage)) == {*KINDS, *LABELS, *SUBTLE, *HARMLESS}
    assert NAME.pattern == CLIENT_NAME


def test_the_schema_tells_a_good_job_from_a_bad_one():
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(schema(Job))
    validator.validate(tomllib.loads(DEMO.read_text()))
    validator.validate(Job().to_dict())
    # What holds between settings, NaN and the order of checkpoints is beyond a schema.
    beyond = [[9], [2, 1], 71, ["GHR", "ghr"], "de", "", "a/b", ".."]
    for key, value in CASES:
        if value not in beyond and str(value) not in ("nan", "inf") and key != "name":
            assert not validator.is_valid(nested(key, value)), (key, value)
    assert not validator.is_valid({"trainning": {}})
    assert not validator.is_valid({"training": {"round": 3}})
