"""lm-eval's own tasks, on the hub's questions or on local ones; needs lm-eval (`pip install "clues[knowledge]"`).

A local task is lm-eval's with another place to take the questions from: prompt, answers and metric are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lm_eval.tasks
from datasets import Dataset, DatasetDict
from lm_eval.api.task import ConfigurableTask

from clues.errors import KnowledgeError
from clues.evaluation.knowledge.questions import HUB, PUBMEDQA, Splits, read_questions

FOLDERS = ("mmlu/default", "medmcqa", "medqa", "pubmedqa")
"""Of lm-eval's tasks: reading all of its fifteen thousand takes seconds."""


def load_tasks(names: Sequence[str], source: str, shots: int) -> dict[str, ConfigurableTask]:
    """The tasks of these names that `source` has questions for: `packaged`, a folder, or `hub`.

    Args:
        shots: examples with their answers before every question; lm-eval's own default is 0.

    Raises KnowledgeError where the source has none of them, too few examples, or cannot be read.
    """
    found: dict[str, Splits] = {} if source == HUB else read_questions(source)
    chosen = [name for name in names if source == HUB or found.get(name, {}).get("test")]
    if not chosen:
        raise KnowledgeError(f"{source}: no test questions of {', '.join(names)}; there are {', '.join(found)}")
    manager = _manager()
    tasks = {name: _task(manager, name, found.get(name), shots) for name in chosen}
    for task in tasks.values():
        task.set_config(key="num_fewshot", value=shots)
    return tasks


def _manager() -> lm_eval.tasks.TaskManager:
    home = Path(str(lm_eval.tasks.__file__)).parent
    return lm_eval.tasks.TaskManager(include_path=[home / folder for folder in FOLDERS], include_defaults=False)


def _task(manager: lm_eval.tasks.TaskManager, name: str, splits: Splits | None, shots: int) -> ConfigurableTask:
    if splits is None:
        return _hub_task(manager, name)
    if len(splits["dev"]) < shots and name != PUBMEDQA:
        raise KnowledgeError(f"{name}: {len(splits['dev'])} examples (split `dev`), and {shots} shots were asked for")
    # A file of PubMedQA has no splits: examples are the other questions, never the one that is asked.
    unsplit = {"training_split": None, "validation_split": None, "fewshot_split": "test"} if name == PUBMEDQA else {}
    changed = {"task": name, "custom_dataset": _dataset(splits), **unsplit}
    group = manager.load({"group": "local", "task": [changed]})  # the form in which a task's settings can be changed
    return group["tasks"][name]  # type: ignore[return-value]


def _hub_task(manager: lm_eval.tasks.TaskManager, name: str) -> ConfigurableTask:
    try:
        return manager.load([name])["tasks"][name]  # type: ignore[return-value]
    except Exception as error:  # whatever a data set's server, its loader or the network does
        reason = " ".join(str(error).split()) or type(error).__name__
        raise KnowledgeError(f"{name}: its questions could not be loaded from the hub: {reason}") from error


def _dataset(splits: Splits) -> Callable[..., DatasetDict]:
    """What lm-eval calls instead of the hub. A split without documents is an empty one of the same columns."""
    test = Dataset.from_list([dict(document) for document in splits["test"]])
    data: Any = {
        name: Dataset.from_list([dict(one) for one in d]) if d else test.select([]) for name, d in splits.items()
    }
    return lambda **_settings: DatasetDict(data)
