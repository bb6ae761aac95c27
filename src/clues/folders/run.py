"""A run's folder, on the coordinator's side; the clients' own folders lie in it where one machine plays them all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from clues.folders.bar import StoredBar
from clues.folders.files import JobFile, JsonFile
from clues.folders.members import Members
from clues.folders.metrics import Metrics
from clues.folders.names import Each, Folder, Named
from clues.folders.owner import OwnerFolder
from clues.folders.selection import SelectionSummary
from clues.folders.training import TrainingFile


@dataclass(frozen=True)
class FlowerRun:
    """flower.json: what Flower calls the run, in a deployment."""

    run: int


class RunFolder(Folder):
    """What may lie in it; docs/FORMATS.md says what each is, and a test compares the two."""

    job = Named("job.toml", JobFile)
    events = Named("events.jsonl", Path)
    public = Each("public/<set>.jsonl", Path)
    checkpoint = Each("checkpoints/<k>.safetensors", Path)
    public_channels = Each("checkpoints/<set>/", Path)
    step = Each("steps/<step>", Path)
    adapter = Each("adapters/<arm>-<how>/", Path)
    round = Each("adapters/<arm>-federated/rounds/<k>.safetensors", Path)
    alone = Each("adapters/<arm>-alone/<client>.safetensors", Path)
    examples = Each("adapters/<arm>-alone/examples.json", Path)
    model = Each("evaluation/<model>.json", Path)
    flower = Named("flower.json", partial(JsonFile[FlowerRun], kind=FlowerRun))
    replies = Named("replies/", Path)
    reply = Each("replies/<client>.safetensors", Path)
    members = Named("members.json", partial(JsonFile[Members], kind=Members))
    training = Named("training.json", TrainingFile)
    anchors = Named("anchors.json", partial(JsonFile[StoredBar], kind=StoredBar))
    selection = Named("selection.json", partial(JsonFile[SelectionSummary], kind=SelectionSummary))
    metrics = Named("metrics.json", partial(JsonFile[Metrics], kind=Metrics))
    manifest = Named("manifest.json", Path)
    page = Named("report.html", Path)
    client = Each("clients/<client>/", OwnerFolder)

    def clients(self) -> list[OwnerFolder]:
        """The clients' folders that hold scores, by their names."""
        found = [OwnerFolder(path) for path in sorted(self.path.glob("clients/*"))]
        return [folder for folder in found if folder.scores.path.exists()]
