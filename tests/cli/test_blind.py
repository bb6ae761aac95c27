"""A model that sees nothing: the first line says so, nothing is dropped for it, and the page can be read."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import given


@pytest.mark.usefixtures("never_worse_than_chance")
def test_nothing_is_dropped_for_what_cannot_be_seen_and_that_is_said_first(clues, files, checkpoint, tmp_path):
    out = tmp_path / "out"
    called = clues("score", *given(files, out), "--model", checkpoint("llama"), "--channels", "forward")
    assert called.code == 0, called.err
    first, second, third = called.out.splitlines()[:3]
    assert first.startswith("These scores cannot see ")
    assert first.endswith("No row is dropped for it. Use --channels full.")
    assert second == "13 of 13 rows have no verdict, for nothing that is seen here judges them; they are kept."
    assert third == "13 of 13 rows kept, 0 dropped"
    scores = pq.read_table(out / "scores.parquet").to_pandas().iloc[:13]
    assert scores["keep"].all()
    assert (scores["p"] == 1).all()
    assert json.loads((out / "client.json").read_text())["without_verdict"] == 13
    page = (out / "report.html").read_text()
    assert "Not everything can be seen" in page
    assert "Rows without a verdict" in page
    again = clues("select", out, "--alpha", "0.5")
    assert again.out.splitlines()[:3] == [first, second, third]
    for rule in ("fdr", "anchor-mean", "ratio"):
        assert "13 of 13 rows kept, 0 dropped" in clues("select", out, "--rule", rule).out
