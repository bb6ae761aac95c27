"""What each client has done and what went wrong with it, on disk as its answers come; and what follows from that: which
answers cannot be true, how long it may take, what it has missed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from clues.federated.line import Exchange
from clues.federated.replies import ClientReply, Failure, ScoreReply, SelectReply, TrainReply
from clues.federated.tasks import Task, Train
from clues.folders.members import Fault, Member, Members
from clues.folders.run import RunFolder
from clues.folders.selection import ClientCounts

R = TypeVar("R", bound=ClientReply)

LEAST_SECONDS = 1800.0
"""Any task may take this long."""
UNKNOWN_SECONDS = 6 * 3600.0
"""And the first pass over rows whose number nobody knows yet."""
FIRST_PACE = 60.0
"""Seconds for a row of a client that was never measured: a model of 7B parameters on a CPU needs less."""
SLOWER = 10.0
"""A client may be this many times slower than the last time."""
MOST_SECONDS = 7 * 86400.0


@dataclass(frozen=True)
class Roll:
    """The clients of the run in this folder."""

    folder: RunFolder
    batch_size: int
    """Rows of a client's optimizer step."""

    def read(self) -> Members:
        return self.folder.members.read_if_there() or Members()

    def member(self, client: str) -> Member:
        return self.read().clients.get(client, Member())

    def lacks(self, client: str, step: str) -> bool:
        """Whether it has not finished this pass."""
        return step not in self.member(client).steps

    def finished(self, client: str, step: str, reply: ScoreReply | SelectReply) -> None:
        """Write down a pass that a client has finished."""
        member = replace(self.member(client).with_step(step), rows=reply.rows)
        if isinstance(reply, SelectReply):
            counts = (reply.set_aside, reply.duplicates, reply.truncated, reply.overlap)
            selected = ClientCounts(reply.rows, reply.kept, reply.dropped, reply.reasons, *counts)
            member = replace(member, selected=selected)
        self._write(client, member)

    def failed(self, client: str, step: str, code: str, why: str = "") -> None:
        """Write down a fault."""
        members = self.read()
        fault = Fault(step, client, code, why)
        self.folder.members.write(replace(members, faults=(*members.faults, fault)))

    def measured(self, client: str, task: Task, exchange: Exchange) -> None:
        """Write down how long an answer took."""
        member = self.member(client)
        pace = exchange.seconds / max(self._work(member, task), 1)
        self._write(client, replace(member, pace={**member.pace, task.name: round(pace, 4)}))

    def seconds(self, client: str, task: Task) -> float:
        """How long a client may take: in proportion to its rows or steps, by its own pace where that is known."""
        member = self.member(client)
        if member.rows is None and not isinstance(task, Train):
            return UNKNOWN_SECONDS
        known = member.pace.get(task.name)
        rows = self.batch_size if isinstance(task, Train) else 1
        allowed = SLOWER * known if known is not None else FIRST_PACE * rows
        return min(max(LEAST_SECONDS, 600.0 + allowed * self._work(member, task)), MOST_SECONDS)

    def believed(self, client: str, task: Task[R], answer: R | Failure) -> R | Failure:
        """The answer, or `bad-reply` if it cannot be true beside what the client said before."""
        member = self.member(client)
        if why := _contradiction(member, task, answer):
            return Failure("bad-reply", why)
        return answer

    def _work(self, member: Member, task: Task) -> int:
        return task.steps if isinstance(task, Train) else member.rows or 0

    def _write(self, client: str, member: Member) -> None:
        members = self.read()
        self.folder.members.write(replace(members, clients={**members.clients, client: member}))


def _contradiction(member: Member, task: Task, answer: ClientReply | Failure) -> str:
    if member.rows is None:
        return ""
    if isinstance(answer, (ScoreReply, SelectReply)) and answer.rows != member.rows:
        return f"it has {answer.rows} rows, and had {member.rows}"
    if isinstance(answer, TrainReply) and isinstance(task, Train):
        kept = member.selected.kept if member.selected else None
        expected = {"all": member.rows, "kept": kept}.get(task.arm.rows)
        if answer.examples > member.rows or (expected is not None and answer.examples != expected):
            return f"it trained on {answer.examples} rows, and has {member.rows if expected is None else expected}"
    return ""
