"""What the bar would catch, and what the shading of words is worth."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clues.data.rows import Message, Row
from clues.folders.explanations import ExplanationsFile
from clues.folders.power import Shading
from clues.owner.power import power_of_bar, shading
from clues.scoring.criteria import CRITERIA
from clues.selection.bar import Bar
from clues.selection.select import calibrate


def bar(rng: np.random.Generator, distance: float) -> Bar:
    """Everything is spoiled alike, `distance` standard deviations below the anchors in every channel."""

    def channels(count: int, shift: float) -> dict[str, np.ndarray]:
        found = {}
        for c in CRITERIA:
            gain = c.name in ("relevance", "novelty")
            size = np.exp(rng.normal(shift if gain else -shift, 1, count))
            found |= {f"{c.name}.forward": size if gain else -size, f"{c.name}.gradient": rng.normal(shift, 1, count)}
        return found

    return Bar(channels(60, 0.0), channels(9, 0.0), {c.name: channels(9, -distance) for c in CRITERIA}, CRITERIA)


def test_power_puts_every_spoiled_row_to_the_bar_that_lacks_it():
    one = bar(np.random.default_rng(3), 1.0)
    kinds = power_of_bar(one)
    assert {kind: len(n.p) for kind, n in kinds.items()} == dict.fromkeys(
        ("deletion", "exchange", "cut", "repetition"), 9
    )
    names = one.spoiled["relevance"]
    others = {**one.spoiled, "relevance": {name: np.delete(v, 4) for name, v in names.items()}}
    expected = calibrate({name: v[4:5] for name, v in names.items()}, Bar(one.anchors, one.good, others, CRITERIA)).p[0]
    assert kinds["exchange"].p[4] == expected
    assert list(kinds["exchange"].p) != calibrate(names, one).p.tolist()


@pytest.mark.parametrize(("distance", "least", "most"), [(6.0, 0.9, 1.0), (0.0, 0.0, 0.35)])
def test_power_is_high_far_from_the_anchors_and_near_alpha_among_them(distance, least, most):
    kinds = power_of_bar(bar(np.random.default_rng(4), distance))
    caught = np.mean([p <= 0.1 for n in kinds.values() for p in n.p])
    assert least <= caught <= most


def row(answer: str, line: int) -> Row:
    return Row((Message("user", "Why?"), Message("assistant", answer)), "v.jsonl", line, {})


@pytest.mark.parametrize(("noise", "auc"), [(-9.0, 1.0), (-0.05, 0.0), (-1.0, 0.5)])
def test_shading_ranks_noise_words_against_the_rows_own(tmp_path, noise, auc):
    good, bad = (
        [row("Rest and drink.", 1), row("See a doctor.", 2)],
        [row("Rest spoon and drink.", 1), row("See a doctor. moon", 2)],
    )
    terms = {
        "Rest spoon and drink.": [-1.0, noise, -1.0, -1.0, -99.0],
        "See a doctor. moon": [-1.0, -1.0, -1.0, noise, -99.0],
    }
    starts = [[0, 4, 10, 14, 21], [0, 3, 5, 13, 18]]
    table = {"id": [b.id for b in bad], "start": starts, "fluency": [terms[b.response] for b in bad]}
    pq.write_table(pa.table(table), tmp_path / "explanations.parquet")
    assert shading(good, bad, ExplanationsFile(tmp_path / "explanations.parquet")) == Shading(auc, 2)
