"""The apps of a deployment with toy clients: what clues.federated.server_app and client_app are to the real ones."""

from __future__ import annotations

import json
import os
from pathlib import Path

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from clues.federated.client_app import make_client_app
from clues.federated.engines.deployment import RUN_FOLDER
from clues.federated.federation import Federation
from clues.federated.replies import Failure, TrainReply
from tests.helpers.toy import ToyClient, score, train

server = ServerApp()


@server.main()
def main(grid: Grid, context: Context) -> None:
    """Greet two clients, let them train, and have one fail; write down what came."""
    federation = Federation(grid, 2)
    federation.hello()
    trained = federation.ask(dict.fromkeys(federation.nodes, train(1.0)))
    failed = federation.ask(dict.fromkeys(federation.nodes, score()))
    seen = {
        "pid": os.getpid(),
        "job": json.loads(str(context.run_config["job"]))["name"],
        "sums": {n: float(r.adapter["w"].sum()) for n, r in trained.items() if isinstance(r, TrainReply)},
        "errors": {name: r.code if isinstance(r, Failure) else "" for name, r in failed.items()},
        "bytes": {name: exchange.bytes_up for name, exchange in federation.exchanges.items()},
    }
    (Path(os.environ[RUN_FOLDER]) / "seen.json").write_text(json.dumps(seen))


def _client(context: Context) -> ToyClient:
    return ToyClient(
        str(context.node_config["name"]), Path(str(context.node_config["folder"])), "raise at north in score_base"
    )


client = make_client_app(_client)
