"""Trained adapters as they come: on disk at once, so that a server that dies in a round asks nobody twice."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from clues.disk.writing import replacing
from clues.federated.line import Exchange
from clues.federated.replies import TrainReply
from clues.folders.run import RunFolder


@dataclass(frozen=True)
class KeptReplies:
    """The answers to the training that is under way. Each is under the id of its task, so that one of another round is
    never taken for it."""

    folder: RunFolder

    def keep(self, client: str, id: str, reply: TrainReply, exchange: Exchange) -> None:
        """Write an answer down."""
        numbers = {"examples": reply.examples, "steps": reply.steps, "train_loss": reply.train_loss}
        about = {**numbers, "seconds": reply.seconds, "exchange": asdict(exchange)}
        with replacing(self.folder.reply(client)) as scratch:
            arrays = {name: torch.tensor(array) for name, array in reply.adapter.items()}
            save_file(arrays, str(scratch), {"id": id, "about": json.dumps(about)})

    def read(self, client: str, id: str) -> tuple[TrainReply, Exchange] | None:
        """The answer to the task of this id, and what it cost; None where there is none."""
        file = self.folder.reply(client)
        if not file.exists():
            return None
        try:
            with safe_open(file, "np") as found:
                metadata: Mapping[str, str] = found.metadata() or {}
                if metadata.get("id") != id:
                    return None
                about = json.loads(metadata["about"])
                adapter = {name: found.get_tensor(name) for name in found.keys()}  # noqa: SIM118 - it is no mapping
        except (SafetensorError, ValueError, KeyError):  # a disk that was full: the client is asked again
            return None
        exchange = Exchange(**about.pop("exchange"))
        return TrainReply(**about, adapter=adapter), exchange

    def clear(self) -> None:
        """The round is done: what came of it is kept, and these no more."""
        shutil.rmtree(self.folder.replies, ignore_errors=True)
