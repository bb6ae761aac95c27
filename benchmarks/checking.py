"""What `clues check` costs on a long file: `python -m benchmarks.checking 20000` writes one and looks through it.

Rows of about 1 kB are made of the packaged answers' words; 64 validation rows and 300 anchors are held against them.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from clues.cli.main import main
from clues.data.pool import packaged_rows

VALIDATION, ANCHORS = 64, 300


def write_rows(file: Path, rows: int) -> None:
    """Rows of words in the order of the packaged answers, every 17th at random."""
    words, draw = " ".join(row.response for row in packaged_rows()).split(), random.Random(0)
    with file.open("w", encoding="utf-8") as out:
        for number in range(rows):
            start = draw.randrange(len(words) - 200)
            answer = [draw.choice(words) if n % 17 == 0 else words[start + 15 + n] for n in range(130)]
            record = {"question": f"{' '.join(words[start : start + 15])} {number}?", "answer": " ".join(answer)}
            out.write(json.dumps(record) + "\n")


def measure(rows: int) -> dict[str, float]:
    """CPU seconds of this process, wall seconds, and the most memory that it held, in MB."""
    with TemporaryDirectory() as folder:
        public = [{"question": row.prompt, "answer": row.response} for row in packaged_rows()]
        for name, some in (("v", public[:VALIDATION]), ("a", public[VALIDATION : VALIDATION + ANCHORS])):
            (Path(folder) / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in some))
        file = Path(folder) / "rows.jsonl"
        write_rows(file, rows)
        cpu, wall = time.process_time(), time.monotonic()
        options = ["--validation", f"{folder}/v.jsonl", "--anchors", f"{folder}/a.jsonl", "--quiet"]
        assert main(["check", str(file), *options]) == 0
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        return {
            "rows": rows,
            "cpu_s": time.process_time() - cpu,
            "wall_s": time.monotonic() - wall,
            "memory_mb": memory,
        }


if __name__ == "__main__":
    print(json.dumps({name: round(value, 1) for name, value in measure(int(sys.argv[1])).items()}))
