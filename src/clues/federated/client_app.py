"""The ClientApp: reads a task, lets the client run it, replies with a result or with an error code and nothing else."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from flwr.app import Context, Message, RecordDict
from flwr.clientapp import ClientApp

from clues.config.reading import job_from_dict
from clues.errors import WireError
from clues.federated.records import decode_task, encode_failure, encode_reply, id_in
from clues.federated.replies import ClientReply, Failure
from clues.federated.tasks import TASKS, Task
from clues.federated.wire import NAME, TaskError

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Client(Protocol):
    """What runs a task. Any process may run any task of a client: what must last is on the client's own disk."""

    def run(self, task: Task) -> ClientReply:
        """Do what the task asks. A TaskError's code goes to the server; any other exception goes as `internal`."""
        ...

    def log_error(self, error: Exception) -> None:
        """Write an error with its traceback into the client's own folder, from where nothing is sent."""
        ...


def make_client_app(client_for: Callable[[Context], Client]) -> ClientApp:
    """A ClientApp that answers every task of the wire. `client_for` is called anew for every message."""
    app = ClientApp()

    def handle(message: Message, context: Context) -> Message:
        return Message(answer(message.content, partial(client_for, context)), reply_to=message)

    app.train()(handle)
    for name in TASKS:
        app.query(name)(handle)
    return app


def answer(content: RecordDict, make_client: Callable[[], Client]) -> RecordDict:
    """The reply to a task. An exception becomes its code: its text may hold a path or a row, and stays here."""
    client = None
    try:
        task = decode_task(content)
        client = make_client()
        return encode_reply(client.run(task), task, id_in(content))
    except Exception as error:
        _keep(error, client)
        return encode_failure(Failure(error_code(error)), id_in(content))


def error_code(error: Exception) -> str:
    """The code in wire.ERROR_CODES for an exception of a client."""
    if isinstance(error, TaskError):
        return error.code
    if isinstance(error, WireError):
        return "refused"
    # torch's own OutOfMemoryError, told by its name: torch need not be imported for that
    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        return "disk-full"
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out-of-memory"
    return "internal"


def _keep(error: Exception, client: Client | None) -> None:
    """Log an error on the client's side. A client that cannot even log must still answer."""
    try:
        if client is not None:
            client.log_error(error)
            return
    except Exception as failure:
        error = failure
    logging.getLogger("clues").error("the client could not run a task", exc_info=error)


def _deployed_client(context: Context) -> Client:
    """The client that a SuperNode's `--node-config` describes, for the job that came with the app.

    `data` are its rows, `folder` is for its results, `name` its pseudonym; `model`, if given, is where this machine
    keeps the job's base model.
    """
    from clues.federated.client import Client as FolderClient

    data, folder, name, model = (context.node_config.get(key) for key in ("data", "folder", "name", "model"))
    if not (isinstance(data, str) and isinstance(folder, str) and isinstance(name, str) and NAME.fullmatch(name)):
        raise TaskError("not-configured", "--node-config needs data=, folder= and name= (1 to 40 of a-z, 0-9 and -)")
    job = job_from_dict(json.loads(str(context.run_config["job"])), "the run's job")
    if model is not None:
        here = str(Path(str(model)).resolve()) if Path(str(model)).exists() else str(model)
        job = replace(job, model=replace(job.model, name=here))
    return FolderClient(name=name, data=Path(data), folder=Path(folder), job=job)


app = make_client_app(_deployed_client)
