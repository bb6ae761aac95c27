"""What the final models write and know, after the arms.

The base and the adapters that arms.py kept answer the first test prompts: those of the MedicalQA-like world on every
seed, others on the first. The first seed's in the MedicalQA-like world are also asked the packaged questions, unless
lm-eval is not installed. Each file is made once; several processes share the work.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from safetensors.torch import load_file

from clues.disk.writing import write_json, write_jsonl
from clues.evaluation.answers.answer import read_answers, write_answers
from clues.evaluation.answers.generation import generate
from clues.evaluation.answers.prompts import prepare_prompts
from clues.evaluation.answers.rouge_chrf import row_scores
from clues.models.adapters import load_adapter_state
from clues_research.reproduction import arms
from clues_research.reproduction.bench import Bench, bench_for
from clues_research.reproduction.plan import BASE, FINAL, Job
from clues_research.reproduction.results import Results
from clues_research.reproduction.tables import AT_WORK
from clues_research.reproduction.worlds import SEEDS
from clues_research.selection.make import claimed

PROMPTS = 24
"""Test prompts that are answered."""
LONGEST_ANSWER = 120
"""Tokens; no reference of the MedicalQA-like world is longer."""
ANSWERS, KNOWLEDGE, SCORED = "answers", "knowledge", "written"
SHOWN = 6
"""Answers that are kept as text, of the packaged pool alone."""
MEDICAL = "medquad-40"
ASKED = (MEDICAL, "casimedicos", "gemma-medquad-40")
"""Worlds whose final models are asked."""


def final(listed: Sequence[Job]) -> Iterator[tuple[Job, str, str]]:
    """(job, arm, what is asked of it), a federated or a TIES-merged arm each."""
    asked = list(questions(listed)) if find_spec("lm_eval") else []
    for job in listed:
        if job.world.name in ASKED and job.method in FINAL and (job.world.name == MEDICAL or job.seed == SEEDS[0]):
            yield job, job.arms[0], ANSWERS
        if (job, job.arms[0]) in asked:
            yield job, job.arms[0], KNOWLEDGE


def questions(listed: Sequence[Job]) -> Iterator[tuple[Job, str]]:
    """(job, arm) of those that are asked exam questions."""
    for job in listed:
        if job.world.name == MEDICAL and job.seed == SEEDS[0] and job.method in FINAL:
            yield job, job.arms[0]


def make(listed: Sequence[Job], runs: Path, results: Results) -> list[str]:
    """Make what is missing, and return what could not be made, with the reason."""
    bench, left = None, []
    for job, arm, what in final(listed):
        trained = results.trained(job.world.name, job.seed, arm)
        if results.current(SCORED if what == ANSWERS else what, job.world.name, job.seed, arm):
            continue
        file, adapter = runs / _name(job, arm, what, trained), arms.adapter(runs, job, arm)
        with claimed(runs / "claims" / f"{job.folder}/{arm}-{what}") as mine:
            if not mine or not trained or (arm != BASE and adapter is None):
                left.append(f"{what} of {job.folder}/{arm}: {'it waits for the arm' if mine else AT_WORK}")
                continue
            if what == ANSWERS and file.exists():
                continue
            bench = bench_for(job, bench)
            load_adapter_state(bench.lm.model, load_file(str(adapter)) if adapter else bench.start)
            if what == ANSWERS:
                _answer(bench, file)
            else:
                _ask(bench, file, trained)
            print(f"{job.folder}/{arm}: {what} {time.strftime('%H:%M:%S')}", flush=True)
    _score(listed, runs, results)
    return left


def _name(job: Job, arm: str, what: str, trained: str = "") -> str:
    """The file of an arm's answers, which are those of one training; of their scores; or of its knowledge."""
    return f"{what}/{job.folder}/{arm}{f'-{trained}.jsonl' if what == ANSWERS else '.json'}"


def _answer(bench: Bench, file: Path) -> None:
    """The answers to the first test prompts, in their order."""
    with TemporaryDirectory() as scratch:
        rows = Path(scratch) / "test.jsonl"
        write_jsonl([row.record for row in bench.mixed.test[:PROMPTS]], rows)
        prompts = prepare_prompts(rows, bench.lm, LONGEST_ANSWER)
    found = {a.id: a for batch in generate(bench.lm, prompts, range(len(prompts.usable))) for a in batch}
    write_answers([found[prompt.row.id] for prompt in prompts.usable], file)


def _ask(bench: Bench, file: Path, trained: str) -> None:
    """Whether each packaged question of medicine is answered rightly, by topic."""
    from clues.evaluation.knowledge.exam import ask
    from clues.evaluation.knowledge.questions import task_names
    from clues.evaluation.knowledge.tasks import load_tasks

    right = ask(bench.lm, load_tasks(task_names("medical"), "packaged", 0), None)
    write_json({"trained": trained, "right": {name: [int(one) for one in own] for name, own in right.items()}}, file)


def _score(listed: Sequence[Job], runs: Path, results: Results) -> None:
    """ROUGE-L and chrF of every answer that was written, where that is still missing."""
    for job, arm, what in final(listed):
        trained = results.trained(job.world.name, job.seed, arm)
        answered = runs / _name(job, arm, ANSWERS, trained)
        if what != ANSWERS or results.current(SCORED, job.world.name, job.seed, arm) or not answered.exists():
            continue
        found = read_answers(answered)
        numbers = np.unique([answer.document for answer in found], return_inverse=True)[1].tolist()
        scores = {name: [round(float(one), 2) for one in values] for name, values in row_scores(found).items()}
        texts = found[:SHOWN] if job.world.mixture.pool == "packaged" else []
        shown = [{"question": a.prompt, "reference": a.reference, "answer": a.answer} for a in texts]
        content = {"trained": trained, "documents": numbers, **scores, "answers": shown}
        write_json(content, runs / _name(job, arm, SCORED))
