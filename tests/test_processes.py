"""Two real processes: `torchrun` starts them where there is no GPU, `accelerate launch` where there are several."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from clues.cli.main import main
from clues.config import TrainingSettings
from clues.errors import SettingError
from clues.training import local
from tests.cli.conftest import checkpoint, files, write_rows  # noqa: F401 - fixtures
from tests.helpers.waiting import run_alone
from tests.scoring.test_probe import adapted, random_rows

TINY = ("model.precision=float32", "training.local_steps=1", "scoring.checkpoints=[1]", "training.batch_size=4")
SHARDS = """
import sys
from pathlib import Path
import numpy as np, pyarrow as pa
from clues.processes import processes
from clues.scoring import store
from tests.scoring.test_probe import random_rows
store.SHARD_ROWS = 3
def score(rows):
    here = np.arange(rows.start, rows.stop)
    return (pa.table({"row": here, "process": np.full(len(here), processes().process_index)}),)
store.score_in_shards(Path(sys.argv[1]), ("x",), random_rows(1, 14), "c", score)
"""


def launched(*command: object) -> subprocess.CompletedProcess[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    # Beside what is on the path already: the tests, which the processes import.
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    done = run_alone([*launcher, *map(str, command)], {"OMP_NUM_THREADS": "1", "PYTHONPATH": path})
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.slow
def test_shards_are_shared_and_joined_in_order(tmp_path):
    (tmp_path / "shards.py").write_text(SHARDS)
    launched(tmp_path / "shards.py", tmp_path)
    table = pq.read_table(tmp_path / "x.parquet").to_pydict()
    assert table["row"] == list(range(14))
    assert table["process"] == [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0]


@pytest.mark.slow
@pytest.mark.usefixtures("never_worse_than_chance")  # as the other processes have it
def test_two_processes_give_the_scores_of_one(files, checkpoint, tmp_path):  # noqa: F811
    mine = write_rows(tmp_path / "mine.jsonl", range(20, 90))  # more than one shard
    public = ("--validation", files / "validation.jsonl", "--anchors", files / "anchors.jsonl")
    command = ["score", mine, *public, "--model", checkpoint("llama"), *(x for s in TINY for x in ("--set", s))]
    assert main([str(token) for token in [*command, "--output", tmp_path / "one", "-q"]]) == 0
    done = launched("-m", "clues", *command, "--output", tmp_path / "two")
    assert done.stdout.count("rows kept") == 1  # one of them answers
    one, two = (pq.read_table(tmp_path / name / "scores.parquet") for name in ("one", "two"))
    assert one.column_names == two.column_names
    for name in one.column_names:
        if "." in name:  # a channel; a mean of two parts is summed in another order than the whole
            assert np.allclose(one[name], two[name], rtol=1e-4, atol=1e-5), name
    assert (tmp_path / "one" / "kept.jsonl").read_bytes() == (tmp_path / "two" / "kept.jsonl").read_bytes()


def test_a_step_that_cannot_be_shared_is_refused(monkeypatch):
    class Three:
        num_processes = 3

    monkeypatch.setattr(local, "processes", Three)
    lm, rows = adapted("llama", 1), random_rows(1, 4)
    with pytest.raises(SettingError, match=r"training\.batch_size = 4 cannot be shared by 3 processes"):
        local.train(lm, rows, TrainingSettings(batch_size=4), steps=1, first_step=0, seed=0)
