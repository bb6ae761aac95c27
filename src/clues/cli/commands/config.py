"""`clues config`: which settings are there, what do they mean, and which values hold?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Literal

from clues.cli.options import Settings
from clues.cli.output import NORMAL, Output
from clues.errors import UsageError

EXAMPLES = """
**Examples**

    clues config show
    clues config show job.toml --set training.rounds=8
    clues config show > job.toml        (a job file to start from, with every setting)
    clues config schema > job.schema.json
"""


def config(
    what: Literal["show", "schema"], job: Path | None = None, /, *, settings: Settings = (), output: Output = NORMAL
) -> int:
    """Show every setting of a job: its value, where that is from, its unit and its reason.

    Without a job: the defaults. What is printed is a job file itself. `schema` prints a JSON schema: with the line
    `#:schema job.schema.json` at the top of a job file, editors that know it complete and check what you write.

    Parameters
    ----------
    what
        show or schema.
    job
        A TOML file; it names only what differs from the defaults.
    """
    if what == "schema":
        return _schema(job, settings, output)
    from clues.cli.text.settings import settings_text
    from clues.config.describing import described
    from clues.config.reading import COMMAND_LINE, Given, read_job

    given = Given.of({}, COMMAND_LINE, settings)
    found, given = (given.job(), given) if job is None else read_job(job, settings)
    each = described(found, given)
    facts = {"command": "config", "hash": found.hash, "settings": [asdict(setting) for setting in each]}
    return output.answer(settings_text(each), facts)


def _schema(job: Path | None, settings: tuple[str, ...], output: Output) -> int:
    if job or settings:
        raise UsageError("clues config schema describes every job: leave JOB and --set out")
    import json

    from clues.config import Job
    from clues.config.schema import schema

    found = schema(Job)
    return output.answer(json.dumps(found, indent=2), {"command": "config", "schema": found})
