"""Questions asked by lm-eval's tasks: its prompts, its numbers, our passes; right answers counted with intervals."""

from __future__ import annotations

import gzip
import json
import warnings
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from datasets import Dataset, DatasetDict
from lm_eval.models.huggingface import HFLM
from peft import PeftModel
from scipy.stats import binomtest
from transformers import PreTrainedModel

from clues.config import AdapterSettings, ModelSettings
from clues.errors import KnowledgeError
from clues.evaluation.knowledge.exam import Tasks, answers, ask, logged, questions
from clues.evaluation.knowledge.model import LoadedModel
from clues.evaluation.knowledge.questions import KNOWLEDGE, read_questions, task_names
from clues.evaluation.knowledge.tasks import load_tasks
from clues.models.adapters import add_adapter, lora_parameters
from clues.models.base import LanguageModel, load_base
from clues.statistics.accuracy import AccuracyComparison, accuracies, accuracy_comparison
from clues.statistics.paired import FLIPS
from tests.conftest import build_tiny_model
from tests.helpers.known import known

WITHOUT_SPLITS = {"training_split", "validation_split", "fewshot_split", "fewshot_config"}
"""What a local PubMedQA file, which has none, changes of lm-eval's task."""
KINDS = ("llama", "gpt2", "gemma2", "mixtral", "cohere")


def mmlu(n: int, split: str = "test", subject: str = "anatomy") -> dict[str, object]:
    choices = [f"{'very ' * (n % 3)}{part} {n}" for part in ("heart", "blood", "iron", "diet")]
    question = f"Which of these is number {n} about? {'patient ' * (n % 7)}"
    return {"subject": subject, "split": split, "question": question, "choices": choices, "answer": "ABCD"[n % 4]}


def pubmedqa(n: int) -> dict[str, object]:
    return {"question": f"Is it {n}?", "contexts": ["A blood test.", "Iron."], "answer": ("yes", "no", "maybe")[n % 3]}


@pytest.fixture
def folder(tmp_path) -> Path:
    """Eight anatomy questions with five examples, four of genetics, six of PubMedQA; gzipped or not, and deeper."""
    anatomy = [*(mmlu(n, "dev") for n in range(100, 105)), *map(mmlu, range(8))]
    genetics = [mmlu(n, subject="medical_genetics") for n in range(20, 24)]
    lines = "".join(json.dumps(record) + "\n" for record in anatomy + genetics)
    (tmp_path / "mmlu_medical.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "deeper").mkdir()
    rows = "".join(json.dumps(pubmedqa(n)) + "\n" for n in range(6))
    (tmp_path / "deeper" / "pubmedqa.jsonl").write_text(rows)
    return tmp_path


def tiny(tiny_model: Callable[..., PreTrainedModel], tokenizer, kind: str = "llama", **more) -> LanguageModel:
    settings = ModelSettings(**{"precision": "float32", "token_budget": 300} | more)
    return LanguageModel(tiny_model(kind).requires_grad_(False), tokenizer, settings)


def lm_evals(lm: LanguageModel, batch_size: int = 1) -> HFLM:
    """lm-eval's own passes of the same model."""
    # lm-eval's decorator of the class hides the signature.
    return HFLM(pretrained=lm.model, tokenizer=lm.tokenizer, batch_size=batch_size)  # type: ignore[reportCallIssue]


def likelihoods(model: HFLM, tasks: Tasks) -> list[tuple[float, bool]]:
    """Of every answer to every question, as lm-eval logs them."""
    return [answer[0] for samples in logged(model, tasks).values() for sample in samples for answer in sample["resps"]]


# -- the tasks


def test_the_prompt_is_the_one_of_mmlu(folder):
    found = load_tasks(["mmlu_anatomy"], str(folder), 0)["mmlu_anatomy"]
    head = "The following are multiple choice questions (with answers) about anatomy.\n\n"
    asked = (
        "Which of these is number 1 about? patient\nA. very heart 1\nB. very blood 1\nC. very iron 1\nD. very diet 1\n"
    )
    assert found.fewshot_context(found.test_docs()[1], 0) == f"{head}{asked}Answer:"
    shown = load_tasks(["mmlu_anatomy"], str(folder), 5)["mmlu_anatomy"].fewshot_context(found.test_docs()[1], 5)
    assert isinstance(shown, str)
    assert shown.startswith(f"{head}Which of these is number 100 about?")
    assert shown.endswith(f"Answer: A\n\n{asked}Answer:")  # example 104 has the right answer A
    assert shown.count("Answer:") == 6
    assert found.doc_to_choice(found.test_docs()[1]) == ["A", "B", "C", "D"]
    assert found.doc_to_target(found.test_docs()[1]) == 1


def test_a_local_task_is_lm_evals_but_for_its_questions(folder):
    from clues.evaluation.knowledge import tasks as knowledge_tasks

    seen = []

    def record(path, name, **_more):
        seen.append((path, name))
        raise ConnectionError("no network")

    with patch("datasets.load_dataset", record), pytest.raises(KnowledgeError, match=r"mmlu_anatomy: .*no network"):
        load_tasks(["mmlu_anatomy"], "hub", 0)
    assert seen == [("cais/mmlu", "anatomy")]
    local = load_tasks(["mmlu_anatomy", "pubmedqa"], str(folder), 0)
    manager = knowledge_tasks._manager()
    for name, allowed in {"mmlu_anatomy": set(), "pubmedqa": WITHOUT_SPLITS}.items():
        data = read_questions(str(folder))[name]
        if name == "pubmedqa":  # as on the hub, with documents in every split
            data = dict.fromkeys(("train", "validation", "test"), data["test"])
        splits = DatasetDict({split: Dataset.from_list([*map(dict, own)]) for split, own in data.items() if own})
        with patch("datasets.load_dataset", lambda *_args, splits=splits, **_more: splits):
            upstream = manager.load([name])["tasks"][name]
        ours, theirs = local[name].dump_config(), upstream.dump_config()
        differ = {key for key in ours.keys() | theirs.keys() if str(ours.get(key)) != str(theirs.get(key))}
        assert differ == {"custom_dataset", "num_fewshot"} | allowed
        assert ours["fewshot_config"] | {"split": ""} == theirs["fewshot_config"] | {"split": ""}
        assert {"doc_to_text", "doc_to_choice", "metric_list", "output_type"} <= ours.keys()
        document = local[name].test_docs()[1]
        assert local[name].fewshot_context(document, 0) == upstream.fewshot_context(document, 0)
        for part in ("doc_to_choice", "doc_to_target"):
            assert getattr(local[name], part)(document) == getattr(upstream, part)(document)


def test_the_names_of_all_tasks_are_lm_evals():
    from clues.evaluation.knowledge import tasks as knowledge_tasks

    assert {name for names in KNOWLEDGE.values() for name in names} <= set(knowledge_tasks._manager().all_subtasks)
    assert task_names("finance, pubmedqa,pubmedqa") == [*KNOWLEDGE["finance"], "pubmedqa"]
    with pytest.raises(KnowledgeError, match="no questions 'history'"):
        task_names("medical,history")


def test_an_example_is_never_the_question_itself(folder):
    task = load_tasks(["pubmedqa"], str(folder), 5)["pubmedqa"]
    task.set_fewshot_seed(1234)
    for document in task.test_docs():
        assert isinstance(document, dict)
        shown = task.fewshot_context(document, 5)
        assert shown.count(f"Question: {document['QUESTION']}") == 1
        assert shown.count("Answer:") == 6


def test_every_model_sees_the_same_examples(folder, tiny_model, tokenizer):
    tasks, model = load_tasks(["pubmedqa"], str(folder), 2), LoadedModel(tiny(tiny_model, tokenizer), lambda _n: None)
    first, second = ([s["prompt_hash"] for s in logged(model, tasks)["pubmedqa"]] for _ in range(2))
    assert first == second
    assert len(set(first)) == 6


def test_what_cannot_be_asked_is_said(folder):
    with pytest.raises(KnowledgeError, match="medical_genetics: 0 examples"):
        load_tasks(["mmlu_medical_genetics"], str(folder), 1)
    with pytest.raises(KnowledgeError, match="no test questions of medmcqa; there are mmlu_anatomy"):
        load_tasks(["medmcqa"], str(folder), 0)
    assert list(load_tasks(task_names("medical"), str(folder), 0)) == [
        "mmlu_anatomy",
        "mmlu_medical_genetics",
        "pubmedqa",
    ]
    with pytest.raises(KnowledgeError, match=r"none: no mmlu\*"):
        read_questions(str(folder / "none"))


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("{", "no JSON"),
        ("[]", "no JSON object"),
        (json.dumps(mmlu(1) | {"choices": ["a", "b"]}), "`choices` must be four texts"),
        (json.dumps(mmlu(1) | {"answer": 2}), "`answer` is 2; it must be one of A, B, C, D"),
        (json.dumps(mmlu(1) | {"split": "train"}), "`split` is 'train'"),
        (json.dumps(mmlu(1) | {"question": " "}), "`question` must be a text"),
    ],
)
def test_a_record_that_is_no_question_is_an_error_with_its_line(tmp_path, record, reason):
    (tmp_path / "mmlu.jsonl").write_text(f"{json.dumps(mmlu(0))}\n{record}\n")
    with pytest.raises(KnowledgeError, match=rf"mmlu\.jsonl:2: {reason}"):
        read_questions(str(tmp_path))


def test_the_packaged_questions_are_all_of_both_sets_that_mmlu_has():
    found = read_questions("packaged")
    named = {name for names in KNOWLEDGE.values() for name in names if name.startswith("mmlu_")}
    assert set(found) == named
    sizes = {name: 34 if name in KNOWLEDGE["medical"] else 15 for name in named}
    assert {name: len(splits["test"]) for name, splits in found.items()} == sizes
    assert {len(splits["dev"]) for splits in found.values()} == {5}
    assert len(files("clues.packaged").joinpath("questions.jsonl.gz").read_bytes()) < 60_000


# -- the model


@pytest.mark.parametrize("kind", KINDS)
def test_our_passes_give_lm_evals_own_likelihoods(kind, folder, tiny_model, tokenizer):
    """Answers of one token, which share a pass, and of several; batches of all sizes."""
    tasks = load_tasks(["mmlu_anatomy", "pubmedqa"], str(folder), 1)
    lm = tiny(tiny_model, tokenizer, kind)
    theirs = likelihoods(lm_evals(lm, batch_size=3), tasks)
    for budget in (1, 900, 100_000):
        lm.settings = ModelSettings(precision="float32", token_budget=budget)
        ours = likelihoods(LoadedModel(lm, lambda _n: None), tasks)
        assert np.allclose([ll for ll, _ in ours], [ll for ll, _ in theirs], atol=1e-4)
        assert [greedy for _, greedy in ours] == [greedy for _, greedy in theirs]
    assert np.ptp([ll for ll, _ in theirs]) > 0.1


def test_an_adapter_is_heard_and_everything_is_as_it_was_afterwards(folder, tiny_model, tokenizer):
    tasks = load_tasks(["mmlu_anatomy"], str(folder), 0)
    lm = tiny(tiny_model, tokenizer)
    base = likelihoods(LoadedModel(lm, lambda _n: None), tasks)
    adapted = add_adapter(lm, AdapterSettings(), seed=0)
    for p in lora_parameters(adapted.model, "B").values():
        p.data.normal_(std=0.3, generator=torch.Generator().manual_seed(1))
    ours = likelihoods(LoadedModel(adapted, lambda _n: None), tasks)
    assert ours == likelihoods(LoadedModel(adapted, lambda _n: None), tasks)
    assert min(abs(a - b) for (a, _), (b, _) in zip(ours, base, strict=True)) > 1e-4
    theirs = likelihoods(lm_evals(adapted), tasks)
    assert np.allclose([ll for ll, _ in ours], [ll for ll, _ in theirs], atol=1e-4)
    assert isinstance(adapted.model, PeftModel)
    adapted.model.unload()
    assert likelihoods(LoadedModel(lm, lambda _n: None), tasks) == base


def test_under_bf16_the_head_is_exact_and_keeps_its_weight(tokenizer, tmp_path):
    build_tiny_model("qwen2", tokenizer).save_pretrained(tmp_path / "model")  # head and embedding share a weight
    tokenizer.save_pretrained(tmp_path / "model")
    lm = load_base(ModelSettings(name=str(tmp_path / "model")))
    head = known(lm.model.get_output_embeddings()).weight
    assert head.dtype == torch.bfloat16
    model = LoadedModel(lm, lambda _n: None)
    assert known(lm.model.get_output_embeddings()).weight is head
    logits = model._logits([(5, 6, 7), (8, 9)], [1, 2])
    assert logits.dtype == torch.float32
    assert (logits != logits.bfloat16().float()).float().mean() > 0.9
    assert not known(lm.model.get_output_embeddings())._forward_hooks


def test_a_batch_without_memory_is_halved(folder, tiny_model, tokenizer):
    tasks = load_tasks(["mmlu_anatomy"], str(folder), 0)
    lm = tiny(tiny_model, tokenizer, token_budget=100_000)
    whole, passes, real = likelihoods(LoadedModel(lm, lambda _n: None), tasks), [], LoadedModel._answered

    def small(self, rows, given):
        passes.append(len(rows))
        if len(rows) > 8:
            raise RuntimeError("CUDA out of memory.")
        return real(self, rows, given)

    done = []
    with patch.object(LoadedModel, "_answered", small):
        halved = likelihoods(LoadedModel(lm, done.append), tasks)
    assert passes[0] > 8 >= max(passes[1:])
    assert np.allclose([ll for ll, _ in halved], [ll for ll, _ in whole], atol=1e-5)
    assert sum(done) == 8 * 4


def test_a_question_longer_than_the_model_takes_is_said(tmp_path, tiny_model, tokenizer):
    records = [mmlu(n) | {"question": "blood " * (600 if n == 0 else 1)} for n in range(3)]
    (tmp_path / "mmlu.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    tasks = load_tasks(["mmlu_anatomy"], str(tmp_path), 0)
    lm = tiny(tiny_model, tokenizer)
    with pytest.warns(UserWarning, match="4 of 12 questions with an answer are longer than the 512 tokens"):
        ours = likelihoods(LoadedModel(lm, lambda _n: None), tasks)
    theirs = likelihoods(lm_evals(lm), tasks)
    assert np.allclose([ll for ll, _ in ours], [ll for ll, _ in theirs], atol=1e-4)


def test_the_packaged_model_answers_as_a_slow_computation_says():
    """Prompts, tokens and likelihoods made here from the packaged file alone, one letter at a time."""
    lm = load_base(ModelSettings(precision="float32"))
    names, each = ["mmlu_medical_genetics", "mmlu_marketing"], 3
    found = ask(lm, load_tasks(names, "packaged", 0), each)
    packed = files("clues.packaged").joinpath("questions.jsonl.gz").read_bytes()
    records = [json.loads(line) for line in gzip.decompress(packed).decode().splitlines()]
    for name in names:
        subject = name.removeprefix("mmlu_")
        own = [r for r in records if r["subject"] == subject and r["split"] == "test"][:each]
        assert found[name] == [slow_letter(lm, r, subject.replace("_", " ")) == r["answer"] for r in own]
    assert len({right for own in found.values() for right in own}) == 2


def slow_letter(lm: LanguageModel, record: dict, topic: str) -> str:
    """The letter with the highest log-likelihood after the question."""
    options = "".join(f"{letter}. {text}\n" for letter, text in zip("ABCD", record["choices"], strict=True))
    prompt = (
        f"The following are multiple choice questions (with answers) about {topic}.\n\n"
        f"{record['question'].strip()}\n{options}Answer:"
    )
    scores = {}
    for letter in "ABCD":
        start, ids = lm.tokenizer(prompt)["input_ids"], lm.tokenizer(f"{prompt} {letter}")["input_ids"]
        assert ids[: len(start)] == start
        with torch.no_grad():
            each = lm.model(torch.tensor([ids])).logits[0].log_softmax(-1)
        scores[letter] = sum(each[t - 1, ids[t]].item() for t in range(len(start), len(ids)))
    return max(scores, key=lambda letter: scores[letter])


def test_questions_and_progress_add_up(folder, tiny_model, tokenizer):
    tasks = load_tasks(["mmlu_anatomy", "pubmedqa"], str(folder), 0)
    assert questions(tasks, None) == {"mmlu_anatomy": 8, "pubmedqa": 6}
    assert questions(tasks, 7) == {"mmlu_anatomy": 7, "pubmedqa": 6}
    assert answers(tasks) == {"mmlu_anatomy": 4, "pubmedqa": 3}
    done: list[int] = []
    lm = tiny(tiny_model, tokenizer)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        right = ask(lm, tasks, 7, done.append)
    assert sum(done) == 7 * 4 + 6 * 3
    assert {name: len(own) for name, own in right.items()} == {"mmlu_anatomy": 7, "pubmedqa": 6}
    first = ask(lm, tasks, 3)
    assert {name: own[:3] for name, own in right.items()} == first


# -- the numbers


def test_the_mean_weighs_tasks_alike_and_one_task_has_an_exact_interval():
    found = accuracies({"a": [True, False], "b": [True] * 3 + [False]})
    assert vars(found.tasks["b"]) == pytest.approx(
        {"accuracy": 0.75, "accuracy_low": 0.19412, "accuracy_high": 0.99369, "n": 4}, abs=1e-4
    )
    assert found.mean_accuracy == pytest.approx((0.5 + 0.75) / 2)
    one = accuracies({"b": [True] * 3 + [False]})
    means = (one.mean_accuracy, one.mean_accuracy_low, one.mean_accuracy_high)
    assert means == (one.tasks["b"].accuracy, one.tasks["b"].accuracy_low, one.tasks["b"].accuracy_high)
    lonely = accuracies({"a": [True], "b": [True, False]})
    assert (lonely.mean_accuracy_low, lonely.mean_accuracy_high) == (None, None)


def test_pairing_tells_what_separate_intervals_cannot():
    rng = np.random.default_rng(0)
    base = {name: (rng.random(100) < 0.5).tolist() for name in "abc"}
    better = {name: [own[i] or i % 10 == 0 for i in range(100)] for name, own in base.items()}
    found = accuracy_comparison(("adapter", "base"), (better, base), 2000, 0)
    assert found.only_b == 0
    assert found.p_sign_flip == pytest.approx(2 / (FLIPS + 1))  # the smallest that drawn signs can say
    assert found.difference == pytest.approx(found.only_a / 300)
    low, high = known(found.low), known(found.high)
    assert 0 < low < known(found.difference) < high
    assert known(accuracies(better).mean_accuracy_low) < known(accuracies(base).mean_accuracy_high)
    turned = accuracy_comparison(("base", "adapter"), (base, better), 2000, 0)
    assert (turned.low, turned.high) == pytest.approx((-high, -low), abs=0.005)
    with pytest.raises(ValueError, match="other questions"):
        accuracy_comparison(("adapter", "base"), (better, {"a": [True]}), 2000, 0)


def answered(gained: int, lost: int, of: int) -> tuple[list[bool], list[bool]]:
    """Whether two models are right on `of` questions, of which one of them alone has `gained` and `lost` right."""
    same = of - gained - lost
    return [True] * gained + [False] * (of - gained), [False] * gained + [True] * lost + [False] * same


def compared(*tasks: tuple[int, int, int]) -> AccuracyComparison:
    pairs = {str(n): answered(*task) for n, task in enumerate(tasks)}
    right = {name: pair[0] for name, pair in pairs.items()}, {name: pair[1] for name, pair in pairs.items()}
    return accuracy_comparison(("adapter", "base"), right, 2000, 0)


@pytest.mark.parametrize(("gained", "lost"), [((3, 2), (1, 0)), ((4, 4), (4, 4)), ((6, 0), (0, 0)), ((1, 0), (0, 0))])
def test_with_tasks_of_one_size_the_test_is_mcnemars(gained, lost):
    found = compared(*((g, lose, 21) for g, lose in zip(gained, lost, strict=True)))
    assert found.p_sign_flip == pytest.approx(binomtest(sum(gained), sum(gained + lost)).pvalue, abs=1e-12)


def test_with_many_differences_it_is_mcnemars_but_for_the_draws():
    found = compared((20, 9, 100), (12, 9, 100))
    assert found.p_sign_flip == pytest.approx(binomtest(32, 50).pvalue, abs=0.01)


def test_with_unequal_tasks_the_test_is_of_the_mean_that_is_shown():
    # all that the small task gains, the large one loses in questions, but not in the mean over tasks
    small = compared((6, 0, 10), (0, 6, 400))
    assert (small.only_a, small.only_b) == (6, 6)  # pooled, McNemar's p is 1
    assert small.difference == pytest.approx((6 / 10 - 6 / 400) / 2)
    # as far from zero: the six of the small task on one side, whatever the large one does: 2 x 64 of 4096 patterns
    assert small.p_sign_flip == pytest.approx(2 / 64)
    assert known(small.low) > 0
    # and the other way round: pooled, 12 of 12 say better; in the mean they weigh less than two questions
    large = compared((0, 1, 10), (12, 0, 400))
    assert binomtest(12, 13).pvalue < 0.01
    assert known(large.difference) < 0
    assert known(large.p_sign_flip) > 0.9


def test_intervals_hold_the_truth_nineteen_times_in_twenty():
    rng, truth = np.random.default_rng(1), {"a": 0.25, "b": 0.4, "c": 0.6}
    mean = np.mean(list(truth.values()))
    covered = []
    for seed in range(300):
        drawn = {name: (rng.random(34) < share).tolist() for name, share in truth.items()}
        found = accuracies(drawn, resamples=400, seed=seed)
        covered.append(known(found.mean_accuracy_low) <= mean <= known(found.mean_accuracy_high))
    assert 0.91 <= np.mean(covered) <= 0.98
