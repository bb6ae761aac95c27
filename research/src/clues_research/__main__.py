"""The commands of research: `python -m clues_research COMMAND`, in a clone of the repository."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Parameter

from clues.errors import CluesError

DONE, WRONG_USE = 0, 2

app = App(
    name="python -m clues_research",
    help="What was measured with clues, and the CLUES paper in miniature.",
    default_parameter=Parameter(negative=()),
    version_flags=(),
    result_action="return_value",
    exit_on_error=False,
    print_error=False,
)
COMMANDS = {
    "figures": ("figures.run:figures", "The main job's figures and the README's table."),
    "pools": ("selection.pools:write_pools", "Pools and labelled sets of other data than the packaged."),
    "tables": ("selection.make:make_tables", "Channel tables of the selection study."),
    "study": ("selection.figures:study", "The selection study's figures and page, from the tables."),
    "reproduction": (
        "reproduction.command:reproduction",
        "Tables and figures of the CLUES paper, each with a verdict.",
    ),
    "labels": ("labels.command:labels", "One table of the labels' study: MODEL DATA NOISE SHARE WHERE SEED."),
    "labels-downstream": ("labels.command:labels_downstream", "Arms trained on what each scorer keeps of one world."),
    "labels-doable": ("labels.doable:doable", "Which labelled data sets a model can do."),
    "labels-summary": ("labels.summary:labels_summary", "docs/study/labels.csv and labels_downstream.csv."),
    "in-run": ("in_run:in_run", "Scores read inside a training against a pass of its own."),
    "layers": ("layers:layers", "What it saves, and costs, to put the adapter on upper layers only."),
    "robust": ("robust:robust", "What averages make of one client in four that lies."),
    "check-rows": ("fingerprints:check_rows", "Whether committed tables are about the rows that clues draws today."),
    "packaged-rows": ("packaged.pool:packaged_rows", "Choose the rows that ship with clues."),
    "packaged-questions": ("packaged.questions:packaged_questions", "Choose the questions that ship with clues."),
}
"""Name -> its function, which is loaded when it is called, and what it makes."""
for place, (name, (function, about)) in enumerate(COMMANDS.items()):
    app.command(f"clues_research.{function}", name=name, help=about, sort_key=place)


def main(tokens: Sequence[str] | None = None) -> int:
    """Run a command line (by default this process's) and return its exit code."""
    try:
        return app(sys.argv[1:] if tokens is None else tokens) or DONE
    except (CycloptsError, CluesError, OSError) as error:
        print(f"clues_research: {' '.join(str(error).split())}", file=sys.stderr)
        return WRONG_USE


if __name__ == "__main__":
    sys.exit(main())
