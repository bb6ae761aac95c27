"""The command `clues`: puts the commands together, and turns what goes wrong into a line and an exit code."""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Parameter
from cyclopts.config import Env

from clues import __version__
from clues.cli.commands import (
    audit,
    check,
    config,
    corrupt,
    demo,
    env,
    evaluate,
    generate,
    judge,
    merge,
    report,
    run,
    score,
    select,
)
from clues.cli.errors import DONE, EXPECTED, FAULT, INTERRUPTED, WRONG_USE, one_line
from clues.cli.quiet import plain_warnings, silence
from clues.cli.text.safe import safe
from clues.errors import InUseError

RESUMABLE = ("demo", "generate", "run", "score")
AGAIN = ("judge",)
"""Goes on when it is given again as it was: it has no `--resume`."""

EPILOGUE = """
**Examples**

    clues demo
    clues check mine.jsonl
    clues score mine.jsonl --validation v.jsonl --anchors a.jsonl --output out --channels forward

Every option can also be set by an environment variable, as in `CLUES_MODEL` or `CLUES_DISPLAY`.
Exit codes: 0 done, 1 a gate that was asked for failed, 2 wrong use or input, 130 interrupted.
"""

app = App(
    name="clues",
    help="Data quality control for organisations that fine-tune a language model together.",
    help_epilogue=EPILOGUE,
    version=__version__,
    default_parameter=Parameter(negative=()),
    config=Env("CLUES_", command=False, show=False),
    suppress_keyboard_interrupt=False,
    result_action="return_value",
    exit_on_error=False,
    print_error=False,
)
COMMANDS = {
    demo.demo: demo.EXAMPLES,
    check.check: check.EXAMPLES,
    score.score: score.EXAMPLES,
    select.select: select.EXAMPLES,
    audit.audit: audit.EXAMPLES,
    run.run: run.EXAMPLES,
    config.config: config.EXAMPLES,
    merge.merge: merge.EXAMPLES,
    generate.generate: generate.EXAMPLES,
    evaluate.evaluate: evaluate.EXAMPLES,
    judge.judge: judge.EXAMPLES,
    report.report: report.EXAMPLES,
    corrupt.corrupt: corrupt.EXAMPLES,
    env.env: env.EXAMPLES,
}
for place, (command, examples) in enumerate(COMMANDS.items()):
    app.command(command, help_epilogue=examples, sort_key=place)


def main(tokens: Sequence[str] | None = None) -> int:
    """Run a command line (by default this process's) and return its exit code."""
    given = list(sys.argv[1:] if tokens is None else tokens)
    silence()
    try:
        with plain_warnings():
            return app(given) or DONE
    except CycloptsError as error:
        _say(f"{one_line(error)} See clues {_command(given)}--help.")
        return WRONG_USE
    except BrokenPipeError:  # the reader of stdout, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        _say("interrupted" + _go_on(given))
        return INTERRUPTED
    except EXPECTED as error:
        _say(one_line(error) + (_go_on(given) if isinstance(error, InUseError) else ""))
        return WRONG_USE
    except Exception:
        traceback.print_exc()
        _say("this is a fault of clues: please report it with the lines above and what clues env says")
        return FAULT


def _say(text: str) -> None:
    print(f"clues: {safe(text)}", file=sys.stderr)


def _command(given: Sequence[str]) -> str:
    return f"{given[0]} " if given and given[0] in list(app) else ""


def _go_on(given: Sequence[str]) -> str:
    """The command that goes on with what was begun; nothing for a command that cannot."""
    if not given or given[0] not in (*RESUMABLE, *AGAIN) or "--dry-run" in given:
        return ""
    again = [*given, *([] if "--resume" in given or given[0] in AGAIN else ["--resume"])]
    return f"; to go on: {shlex.join(['clues', *again])}"


if __name__ == "__main__":
    sys.exit(main())
