from __future__ import annotations

import numpy as np
import pytest

from clues.config import SelectionSettings
from clues.errors import FolderError
from clues.folders.run import RunFolder
from clues.report.bar import level_among, promise, split, where
from tests.helpers.fake_run import Shape, write_run


def test_where_the_bar_lies_is_said_in_odds():
    assert "7.4 times likelier spoiled than good" in where(-2.0)
    assert "as likely good as spoiled" in where(0.02)
    assert "no bar" in where(None)


def test_anchors_of_an_older_run_are_refused(tmp_path):
    run = RunFolder(write_run(tmp_path / "run", Shape(clients=("GARD",))))
    text = run.anchors.path.read_text()
    for field in ("evidence", "level"):
        run.anchors.path.write_text(text.replace(f'"{field}"', '"z"'))
        with pytest.raises(FolderError, match=rf"anchors\.json: {field}: Field required; make it again"):
            run.anchors.read()


@pytest.mark.parametrize("rule", ["conformal", "fdr", "anchor-mean", "ratio", "score"])
def test_every_rule_says_what_it_promises(rule):
    assert promise(SelectionSettings(rule=rule)).endswith(".")


def test_the_bar_of_a_run_divides_its_rows(tmp_path):
    folder = write_run(tmp_path / "run", Shape(clients=("GARD",), rows=200))
    import pyarrow.parquet as pq

    table = pq.read_table(folder / "clients/GARD/scores.parquet").to_pandas().query("status == 'scored'")
    keep, statistic = table["keep"].to_numpy(bool), table["statistic"].to_numpy()
    common = RunFolder(folder).anchors.read().level
    least = level_among(statistic, keep, common)
    assert least == common is not None
    assert (~keep).any()
    assert (statistic[~keep] < least).all()
    assert (statistic[keep] >= least).all()


def test_level_among_edges():
    s = np.array([-3.0, -2.0, 0.0, 1.0])
    assert level_among(s, np.array([False, False, True, True]), None) == -1.0
    assert level_among(s, np.array([False, False, True, True]), -1.7) == -1.7
    assert level_among(s, np.ones(4, bool), None) is None
    assert level_among(s, np.zeros(4, bool), None) is None
    # Rows kept and dropped by something else than the statistic have no bar.
    assert level_among(s, np.array([True, False, True, False]), None) is None


def test_split_loses_no_row():
    values, keep, reason = np.array([1.0, -2.0, -3.0]), np.array([True, False, False]), ["", "fluency", "relevance"]
    groups = split(values, keep, np.array(reason), "fluency")
    assert groups == {"kept": [1.0], "dropped for this": [-2.0], "dropped for another reason": [-3.0]}
