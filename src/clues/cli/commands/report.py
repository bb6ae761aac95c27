"""`clues report`: the page of a run or of one owner's folder, made again from its files."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from clues.cli.output import NORMAL, Output
from clues.errors import UsageError

EXAMPLES = """
**Examples**

    clues report runs/demo --open
    clues report runs/demo/clients/gard --no-text
"""


def report(
    folder: Path,
    /,
    *,
    no_text: Annotated[bool, Parameter(show_default=False)] = False,
    open_page: Annotated[bool, Parameter(name="--open")] = False,
    output: Output = NORMAL,
) -> int:
    """Write the page of a run's folder, or of a client's or owner's folder, again.

    A run's page is the coordinator's and shows no row; an owner's page shows the owner's rows.

    Parameters
    ----------
    folder
        The folder of a run (`clues run`) or of scores (`clues score`, or a client's folder of a run).
    no_text
        Write an owner's page without the rows' texts, `report-without-text.html`.
    open_page
        Open the page in the browser.
    """
    from clues.folders.owner import OwnerFolder
    from clues.folders.run import RunFolder
    from clues.report.coordinator import write_coordinator_report
    from clues.report.owner import write_owner_report

    if RunFolder(folder).selection.path.exists():
        kind, page = "coordinator", write_coordinator_report(folder)
    elif OwnerFolder(folder).client.path.exists():
        kind, page = "owner", write_owner_report(folder, include_text=not no_text)
    else:
        raise UsageError(
            f"{folder}: neither selection.json nor client.json; name the folder of a finished run or score"
        )
    if open_page:
        webbrowser.open(page.resolve().as_uri())
    return output.answer(f"report  {page}", {"command": "report", "kind": kind}, page)
