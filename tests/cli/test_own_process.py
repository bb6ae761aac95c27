"""Commands in a process of their own, as people start them: what they print, and that nobody is called."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import TINY, given
from tests.evaluation.knowledge.test_knowledge import mmlu

NO_NETWORK = """
import json, socket, sys
def refuse(*args, **more):
    print("NETWORK", args, file=sys.stderr)
    raise OSError("no network")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
from clues.cli.main import main
sys.exit(sum(main(tokens) for tokens in json.loads(sys.argv[1])))
"""


def test_the_answer_alone_is_on_stdout_and_no_library_speaks_or_calls_anybody(files, checkpoint, tmp_path):
    """Several commands share the process, for it is dear: torch and transformers are imported once more."""
    model = ("--model", str(checkpoint("gpt2")), *TINY)
    score = ("score", *given(files, tmp_path / "out"), *model, "--channels", "forward", "-q")
    (tmp_path / "mmlu_finance.jsonl").write_text(
        "".join(json.dumps(mmlu(n, subject="marketing")) + "\n" for n in range(3))
    )
    exam = ("--limit", "2", *model, "--json", "--display", "none")
    local = ("--knowledge", "mmlu_marketing", "--questions", str(tmp_path))
    done = alone(score, ("evaluate", "--knowledge", "finance", *exam), ("evaluate", *local, *exam))
    assert (done.returncode, done.stderr) == (0, "")
    path, packaged, own = done.stdout.splitlines()
    assert Path(path) == tmp_path / "out" / "kept.jsonl"
    assert [json.loads(answer)["n"] for answer in (packaged, own)] == [14, 2]


def alone(*commands: tuple[object, ...]) -> subprocess.CompletedProcess[str]:
    tokens = json.dumps([list(map(str, command)) for command in commands])
    return subprocess.run([sys.executable, "-c", NO_NETWORK, tokens], capture_output=True, text=True, check=False)
