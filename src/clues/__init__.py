"""Data quality control for collaborative LLM fine-tuning.

The stable Python interface; the commands of the same names do the same. Each function is imported when it is first
used, so that `import clues` costs nothing.

- `load_job(path, overrides)`, `Job`: the settings of a run.
- `Progress(events, display)`: what `score` and `run` tell about how far they are.
- `read_rows(path)`: the rows of a data set, and the records that are none.
- `score(data, validation, anchors, output, job, progress)`: one owner's rows, with a decision on each.
- `score_new_rows(data, like, output, progress)`: rows that came later, under the checkpoints and the bar of `like`.
- `select(folder, settings)`: rows that were scored before, put to another bar; `SelectionSettings` names it.
- `run(job, folder, progress)`: a whole job with all its clients on this machine.
- `InRunScorer(validation, anchors, output=...)`: scores of every row from a transformers Trainer's own training.
- `merge(folders, output)`: LoRA adapters into one.
- `write_owner_report(folder)`, `write_coordinator_report(folder)`: the pages.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clues.collaboration.merge import merge_folders as merge
    from clues.config import Job, SelectionSettings
    from clues.config.reading import load_job
    from clues.data.files.reading import read_rows
    from clues.federated.run import run_job as run
    from clues.in_run.callback import InRunScorer
    from clues.owner.decide import decide_again as select
    from clues.owner.new_rows import score_new_rows
    from clues.owner.score import score_file as score
    from clues.progress import Progress
    from clues.report.coordinator import write_coordinator_report
    from clues.report.owner import write_owner_report

__version__ = "0.1.0"
SCHEMA_VERSION = 1
"""Version of every file clues writes. A file with another version is refused with a clear error."""
__all__ = [
    "InRunScorer",
    "Job",
    "Progress",
    "SelectionSettings",
    "load_job",
    "merge",
    "read_rows",
    "run",
    "score",
    "score_new_rows",
    "select",
    "write_coordinator_report",
    "write_owner_report",
]

_HOMES = {
    "InRunScorer": "clues.in_run.callback:InRunScorer",
    "Job": "clues.config:Job",
    "Progress": "clues.progress:Progress",
    "SelectionSettings": "clues.config:SelectionSettings",
    "load_job": "clues.config.reading:load_job",
    "merge": "clues.collaboration.merge:merge_folders",
    "read_rows": "clues.data.files.reading:read_rows",
    "run": "clues.federated.run:run_job",
    "score": "clues.owner.score:score_file",
    "score_new_rows": "clues.owner.new_rows:score_new_rows",
    "select": "clues.owner.decide:decide_again",
    "write_coordinator_report": "clues.report.coordinator:write_coordinator_report",
    "write_owner_report": "clues.report.owner:write_owner_report",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
