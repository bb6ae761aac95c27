"""An endpoint on this machine that answers by a script, to misbehave in all the ways that real ones do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-very-secret-0123456789"


@dataclass(frozen=True)
class Served:
    """What goes back."""

    body: bytes | str = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    announced: int | None = None
    """Content-Length, where it is a lie."""
    chunked: bool = False
    """One chunk, and then no end."""
    wait_s: float = 0.0
    drip_s: float = 0.0
    """Seconds between bytes."""


def completion(text: str | None, **more: Any) -> Served:
    """A good reply."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop", **more}
    usage = {"prompt_tokens": 10, "completion_tokens": 3}
    return Served(json.dumps({"id": "x", "model": "served", "choices": [choice], "usage": usage}))


def problem(status: int, message: str = "no", **headers: str) -> Served:
    """An error in OpenAI's format."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Served(json.dumps({"error": {"message": message, "code": None}}), status, named)


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it."""

    body: dict[str, Any]
    headers: dict[str, str]
    at: float

    @property
    def prompt(self) -> str:
        return self.body["messages"][0]["content"]


@dataclass
class Server:
    """Where it is, and what it was asked so far."""

    url: str
    asked: list[Asked] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0


@contextmanager
def serving(script: Callable[[int, Asked], Served]) -> Iterator[Server]:
    """A server whose reply to the n-th request (from 0) is `script(n, asked)`."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked = Asked(body, {k.lower(): v for k, v in self.headers.items()}, time.monotonic())
            with lock:
                number = len(server.asked)
                server.asked.append(asked)
                server.at_once += 1
                server.most_at_once = max(server.most_at_once, server.at_once)
            try:
                self.send(script(number, asked))
            except OSError:  # the client has left
                self.close_connection = True
            finally:
                with lock:
                    server.at_once -= 1

        def send(self, served: Served) -> None:
            time.sleep(served.wait_s)
            body = served.body.encode() if isinstance(served.body, str) else served.body
            self.send_response(served.status)
            for name, value in {"Content-Type": "application/json", **served.headers}.items():
                self.send_header(name, value)
            if served.chunked:
                self.send_header("Transfer-Encoding", "chunked")
                body = f"{len(body):x}\r\n".encode() + body + b"\r\n"
            else:
                self.send_header("Content-Length", str(len(body) if served.announced is None else served.announced))
            self.end_headers()
            for piece in [body[i : i + 1] for i in range(len(body))] if served.drip_s else [body]:
                self.wfile.write(piece)
                self.wfile.flush()
                time.sleep(served.drip_s)
            self.close_connection = served.chunked or served.announced is not None

        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server = Server(f"http://127.0.0.1:{http.server_address[1]}/v1")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
