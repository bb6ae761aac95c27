"""An owner's folder: a client's folder of a run, or the output of `clues score`. All of it stays with the owner."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from clues.data.rows import SetAside
from clues.errors import FolderError
from clues.folders.audit import AuditFile
from clues.folders.bar import StoredBar
from clues.folders.decisions import DecisionsFile, DroppedRow
from clues.folders.explanations import ExplanationsFile
from clues.folders.files import JobFile, JsonFile, LinesFile
from clues.folders.names import Each, Folder, Named
from clues.folders.pins import Pins
from clues.folders.power import Power
from clues.folders.scores import ScoresFile
from clues.folders.summary import ClientSummary
from clues.scoring.public_answers import PublicAnswers
from clues.selection.groups import GroupLosses


class OwnerFolder(Folder):
    """What may lie in it; docs/FORMATS.md says what each is, and a test compares the two."""

    data = Named("data.jsonl", Path)
    scores = Named("scores.parquet", ScoresFile)
    kept = Each("kept<suffix>", Path)
    dropped = Named("dropped.jsonl", partial(LinesFile[DroppedRow], kind=DroppedRow))
    set_aside = Named("set_aside.jsonl", partial(LinesFile[SetAside], kind=SetAside))
    anchors = Named("anchors.json", partial(JsonFile[StoredBar], kind=StoredBar))
    client = Named("client.json", partial(JsonFile[ClientSummary], kind=ClientSummary))
    page = Named("report.html", Path)
    page_without_text = Named("report-without-text.html", Path)
    decisions = Named("decisions.jsonl", DecisionsFile)
    audit = Named("audit.jsonl", AuditFile)
    groups = Named("groups.json", partial(JsonFile[GroupLosses], kind=GroupLosses))
    errors = Named("errors.log", Path)
    channels = Named("channels/", Path)
    explanations = Named("explanations.parquet", ExplanationsFile)
    power = Named("power.json", partial(JsonFile[Power], kind=Power))
    questions = Named("questions.json", partial(JsonFile[PublicAnswers], kind=PublicAnswers))
    pins = Named("inputs.json", partial(JsonFile[Pins], kind=Pins))
    job = Named("job.toml", JobFile)
    events = Named("events.jsonl", Path)
    warm_up = Each("warm-up/<k>.safetensors", Path)
    checkpoint = Each("checkpoints/<k>.safetensors", Path)

    def kept_file(self) -> Path:
        """The file of kept rows, in whatever format. Raises FolderError unless there is exactly one."""
        found = [file for file in self.path.iterdir() if file.name.split(".")[0] == "kept"]
        if len(found) != 1:
            raise FolderError(f"{self.path}: {len(found)} kept files, one is needed; select again")
        return found[0]

    @property
    def explained(self) -> ExplanationsFile:
        """Where the terms of the owner's rows are: in a client's folder of a run they lie with the channels."""
        own = self.explanations
        return own if own.path.exists() else ExplanationsFile(self.channels / own.path.name)
