"""Folders of answers: named safely, resumed without a trace, and refused where something does not fit."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from clues.config import AdapterSettings, ModelSettings
from clues.errors import AdapterError, AnswersError, InUseError
from clues.evaluation.answers.answer import Answer, pair_answers, read_answers, read_folder, write_answers
from clues.evaluation.answers.folder import answer_all, name_adapters
from clues.evaluation.answers.generation import GREEDY, Drawing
from clues.evaluation.answers.prompts import prepare_prompts
from clues.evaluation.answers.settings import answer_settings, check_folder
from clues.models.adapters import add_adapter, lora_parameters, save_adapter
from clues.models.base import PACKAGED_SHA256, LanguageModel, load_skeleton
from clues.progress import Progress

ONE = Answer("1-abc", "d", "q?", "<q?>", "right", "wröng\n", 3, True)


@pytest.fixture
def lm(tiny_model, tokenizer):
    settings = ModelSettings(precision="float32", token_budget=90)
    return LanguageModel(tiny_model("llama").requires_grad_(False), tokenizer, settings)


@pytest.fixture
def adapter(tiny_model, tokenizer, tmp_path):
    """The folder of a random adapter that changes the answers."""
    base = LanguageModel(tiny_model("llama"), tokenizer, ModelSettings(precision="float32"))
    adapted = add_adapter(base, AdapterSettings(rank=2), seed=1)
    torch.manual_seed(0)
    for weight in lora_parameters(adapted.model, "B").values():
        weight.data.normal_(std=0.5)
    save_adapter(adapted.model, tmp_path / "mine")
    return tmp_path / "mine"


@pytest.fixture
def test_file(tmp_path):
    path = tmp_path / "test.jsonl"
    rows = [{"question": f"What does {'very ' * n}old gout bring?", "answer": f"Pain {n}."} for n in (3, 0, 6, 1, 4, 2)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def written(lm, test, adapters, folder, drawing=GREEDY, progress=None):
    prompts = prepare_prompts(test, lm, max_new_tokens=10)
    settings = answer_settings(test, prompts, lm, adapters, drawing)
    check_folder(folder, settings, resume=True)
    return answer_all(lm, prompts, adapters, drawing, folder, settings, progress or Progress())


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


class Stop(Progress):
    """A kill after so many events."""

    def __init__(self, after: int):
        super().__init__()
        self.left = after

    def _emit(self, *args, **more):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        super()._emit(*args, **more)


def test_a_killed_run_goes_on_and_leaves_the_same_files(lm, test_file, adapter, tmp_path):
    adapters = {"mine": adapter}
    whole = written(lm, test_file, adapters, tmp_path / "whole")
    assert [a.id.split("-")[0] for a in whole["mine"]] == ["1", "2", "3", "4", "5", "6"]
    assert {a.id: a.answer for a in whole["mine"]} != {a.id: a.answer for a in whole["base"]}
    for after in (1, 2, 3, 5, 6):
        folder = tmp_path / f"killed-{after}"
        with pytest.raises(KeyboardInterrupt):
            written(lm, test_file, adapters, folder, progress=Stop(after))
        last = max(folder.glob("*.jsonl"), key=lambda file: file.stat().st_mtime_ns)
        before = len(last.read_bytes().splitlines())
        last.write_bytes(last.read_bytes() + b'{"id": "half a li')
        assert before < 6 or last.name == "base.jsonl"
        events = tmp_path / f"events-{after}.jsonl"
        assert written(lm, test_file, adapters, folder, progress=Progress(events)) == whole
        assert contents(folder) == contents(tmp_path / "whole")
        done = sum(len(f.read_bytes().splitlines()) for f in (folder / "base.jsonl", folder / "mine.jsonl"))
        todo = next(e["total"] for e in map(json.loads, events.read_text().splitlines()) if e["total"])
        assert todo == done - (before if last.name == "base.jsonl" else 6 + before)


def test_nothing_is_generated_twice(lm, test_file, tmp_path):
    first = written(lm, test_file, {}, tmp_path / "out")
    lm.model.lm_head.weight.data.zero_()  # would answer otherwise now
    assert written(lm, test_file, {}, tmp_path / "out") == first


def test_other_settings_are_refused(lm, test_file, adapter, tmp_path):
    folder = tmp_path / "out"
    written(lm, test_file, {"mine": adapter}, folder)
    prompts = prepare_prompts(test_file, lm, max_new_tokens=10)
    same = answer_settings(test_file, prompts, lm, {"mine": adapter}, GREEDY)
    check_folder(folder, same, resume=True)
    with pytest.raises(InUseError, match="--resume"):
        check_folder(folder, same, resume=False)
    other = answer_settings(test_file, prompts, lm, {"mine": adapter}, Drawing(0.5, 3))
    with pytest.raises(AnswersError, match=r"temperature was 0\.0 and is now 0\.5"):
        check_folder(folder, other, resume=True)
    weights = adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes() + b" ")
    retrained = answer_settings(test_file, prompts, lm, {"mine": adapter}, GREEDY)
    with pytest.raises(AnswersError, match="adapters was"):
        check_folder(folder, retrained, resume=True)
    test_file.write_text(test_file.read_text().replace("Pain 3", "Pain 9"))
    changed = answer_settings(test_file, prompts, lm, {"mine": adapter}, GREEDY)
    assert changed.test_sha256 != same.test_sha256
    with pytest.raises(AdapterError, match=r"no adapter_config\.json"):
        answer_settings(test_file, prompts, lm, {"none": tmp_path / "none"}, GREEDY)
    with pytest.raises(AnswersError, match="holds other things"):
        check_folder(tmp_path, same, resume=True)


@pytest.fixture
def base_folder(tiny_model, tokenizer, tmp_path):
    tiny_model("llama").save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def made_with(name, test, columns=None):
    lm = load_skeleton(ModelSettings(name=str(name)))
    return answer_settings(test, prepare_prompts(test, lm, 10, columns), lm, {}, GREEDY, columns)


def test_another_base_under_the_same_name_is_refused(base_folder, test_file, tmp_path):
    before = made_with(base_folder, test_file)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "settings.json").write_text(json.dumps({"schema_version": 1} | asdict(before)))
    check_folder(tmp_path / "out", made_with(base_folder, test_file), resume=True)
    weights = base_folder / "model.safetensors"
    same = weights.read_bytes()
    weights.write_bytes(same[:-1] + bytes([same[-1] ^ 1]))
    with pytest.raises(AnswersError, match="model_version was"):
        check_folder(tmp_path / "out", made_with(base_folder, test_file), resume=True)
    weights.write_bytes(same)
    assert made_with(base_folder, test_file) == before
    assert made_with(shutil.copytree(base_folder, tmp_path / "copy"), test_file) == replace(
        before, model=f"{tmp_path}/copy"
    )


def test_a_model_of_the_hub_is_known_by_its_commit(lm, test_file, tmp_path, monkeypatch):
    def version(name):
        named = replace(lm, settings=replace(lm.settings, name=name))
        return answer_settings(test_file, prepare_prompts(test_file, lm, 10), named, {}, GREEDY).model_version

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    assert version("packaged") == PACKAGED_SHA256
    assert version("some/model") == "some/model"
    stored = tmp_path / "hub" / "models--some--model"
    for commit in ("a" * 40, "b" * 40):
        (stored / "snapshots" / commit).mkdir(parents=True)
        (stored / "snapshots" / commit / "config.json").write_text("{}")
        (stored / "refs").mkdir(exist_ok=True)
        (stored / "refs" / "main").write_text(commit)
        assert version("some/model") == commit


def test_another_template_is_seen_in_the_prompts(lm, test_file):
    before = answer_settings(test_file, prepare_prompts(test_file, lm, 10), lm, {}, GREEDY)
    template = lm.tokenizer.chat_template
    lm.tokenizer.chat_template = template.replace("{{", "{{ 'Think. ' + ", 1)
    after = answer_settings(test_file, prepare_prompts(test_file, lm, 10), lm, {}, GREEDY)
    lm.tokenizer.chat_template = template
    assert {name for name, value in vars(before).items() if vars(after)[name] != value} == {"prompts_sha256"}


def test_answers_to_other_rows_are_not_written_over(lm, base_folder, test_file, tmp_path):
    rows = [json.loads(line) | {"title": "Gout?", "text": "Pain."} for line in test_file.read_text().splitlines()]
    test_file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = {"prompt": "title", "response": "text"}
    before, after = made_with(base_folder, test_file, columns), made_with(base_folder, test_file)
    assert {name for name, value in vars(before).items() if vars(after)[name] != value} == {"columns", "prompts_sha256"}

    folder, prompts = tmp_path / "out", prepare_prompts(test_file, lm, 10)
    asked = answer_settings(test_file, prompts, lm, {}, GREEDY)
    written(lm, test_file, {}, folder)
    strange = (folder / "base.jsonl").read_bytes() + json.dumps(vars(ONE)).encode() + b"\n"
    (folder / "base.jsonl").write_bytes(strange)
    with pytest.raises(
        AnswersError, match=r"base\.jsonl: 1 of 7 answers are to none of the test rows, first 1-abc; move"
    ):
        answer_all(lm, prompts, {}, GREEDY, folder, asked, Progress())
    assert (folder / "base.jsonl").read_bytes() == strange


def test_adapters_get_short_safe_names_of_their_own():
    folders = [Path("a/mine"), Path("b/mine"), Path("b/Mine"), Path("base"), Path("x/my ünsafe: name?"), Path("/")]
    assert list(name_adapters(folders)) == ["mine", "mine-2", "Mine-3", "base-2", "my-ünsafe-name", "adapter"]
    assert list(name_adapters(folders).values()) == folders


def test_answers_come_back_as_they_were_written(tmp_path):
    answers = [ONE, replace(ONE, id="2-abc", answer="\u2028 line\x85 \ud800", stopped=False)]
    write_answers(answers, tmp_path / "a.jsonl")
    assert read_answers(tmp_path / "a.jsonl") == answers


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("no json", "a.jsonl:2: not JSON"),
        ("[1]", "a.jsonl:2: not an answer but list"),
        (json.dumps({"id": "x"}), "a.jsonl:2: document is missing; str is needed"),
        (json.dumps(vars(ONE) | {"id": "2-b", "tokens": True}), "a.jsonl:2: tokens is True; int is needed"),
        (json.dumps(vars(ONE)), "a.jsonl:2: a second answer to row 1-abc"),
    ],
)
def test_a_line_that_is_no_answer_is_named(tmp_path, line, said):
    (tmp_path / "a.jsonl").write_text(json.dumps(vars(ONE) | {"more": 1}) + "\n" + line + "\n")
    with pytest.raises(AnswersError) as raised:
        read_answers(tmp_path / "a.jsonl")
    assert said in str(raised.value)


def test_answers_are_paired_by_row():
    two = replace(ONE, id="2-abc")
    mine = [replace(two, answer="b"), replace(ONE, answer="a")]
    assert [(b.id, o.answer) for b, o in pair_answers([ONE, two], mine)] == [("1-abc", "a"), ("2-abc", "b")]
    with pytest.raises(AnswersError, match="row 2-abc is answered by one of two models only"):
        pair_answers([ONE, two], mine[1:])
    with pytest.raises(AnswersError, match="row 1-abc: two models were given different prompts"):
        pair_answers([ONE], [replace(ONE, prompt_text="other")])


def test_a_folder_must_be_whole(lm, test_file, adapter, tmp_path):
    folder = tmp_path / "out"
    made = written(lm, test_file, {"mine": adapter}, folder)
    assert read_folder(folder) == made
    assert list(made) == ["base", "mine"]
    lines = (folder / "mine.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "mine.jsonl").write_bytes(b"".join(reversed(lines)))
    assert read_folder(folder) == made
    (folder / "mine.jsonl").write_bytes(b"".join(lines[:4]))
    with pytest.raises(AnswersError, match=r"mine\.jsonl: 4 of 6 answers are there; .* --resume"):
        read_folder(folder)
    with pytest.raises(AnswersError, match=r"no settings\.json"):
        read_folder(tmp_path)
    (folder / "settings.json").write_text('{"schema_version": 99}')
    with pytest.raises(AnswersError, match="schema_version 99 is not 1"):
        read_folder(folder)
