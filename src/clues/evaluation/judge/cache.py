"""Replies on disk, one file per request: what was paid for once is not asked again."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from clues import SCHEMA_VERSION
from clues.disk.writing import write_json
from clues.errors import JudgeError
from clues.evaluation.judge.requests import Reply, Request


@dataclass(frozen=True)
class ReplyCache:
    """Files `<key>.json` in a folder: the whole request and its reply. The key of the endpoint is in neither."""

    folder: Path

    def path(self, request: Request) -> Path:
        """Where its reply lies, if it has one."""
        return self.folder / f"{request.key}.json"

    def get(self, request: Request) -> Reply | None:
        """The reply to this very request, None if it was never asked.

        Raises JudgeError for a file that holds no reply to it: files are written whole, so somebody changed it.
        """
        file = self.path(request)
        if not file.exists():
            return None
        try:
            found = json.loads(file.read_bytes())
            same = (found["schema_version"], found["request"]) == (SCHEMA_VERSION, request.facts)
            reply = Reply(**found["reply"])
        except (ValueError, KeyError, TypeError) as error:
            raise JudgeError(f"{file} is not a cached reply ({error!r}); remove it to ask again") from error
        if not same:
            raise JudgeError(f"{file} is the reply to another request; remove it to ask again")
        return reply

    def put(self, request: Request, reply: Reply) -> None:
        """Keep a reply. There is no time in it: the same reply makes the same file."""
        write_json({"request": request.facts, "reply": dataclasses.asdict(reply)}, self.path(request))
