"""Names of columns, made and read in one place."""

from __future__ import annotations

import pytest

from clues.errors import SelectionError
from clues.scoring.channel import FORWARD, GRADIENT, SCORE, Channel, channels_among

COLUMNS = {
    "fluency.forward": Channel("fluency", FORWARD),
    "fluency.gradient": Channel("fluency", GRADIENT),
    "fluency.gradient@2": Channel("fluency", GRADIENT, checkpoint=2),
    "my-criterion.gradient[zh-Hans]": Channel("my-criterion", GRADIENT, "zh-Hans"),
    "novelty.gradient[a.b c]@10": Channel("novelty", GRADIENT, "a.b c", 10),
    "published.adam-written.score@1": Channel("published.adam-written", SCORE, checkpoint=1),
    "published.dot": Channel("published", "dot"),
}
OTHERS = ("id", "p", "keep", "statistic", "p_fluency", "evidence_fluency", "evidence_published.dot", "p_similarity.max")


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_is_what_its_channel_makes_it(column):
    assert Channel.parse(column) == COLUMNS[column]
    assert COLUMNS[column].column == column


@pytest.mark.parametrize(
    "column", [*OTHERS, "", ".", "fluency.", ".forward", "a.b[", "a.b[c]d", "a.b@", "a.b@x", "a.b@1@2"]
)
def test_other_columns_are_no_channels(column):
    with pytest.raises(SelectionError, match="is no channel"):
        Channel.parse(column)


def test_the_channels_among_columns_keep_their_order():
    assert [c.column for c in channels_among([*OTHERS, *COLUMNS])] == list(COLUMNS)


def test_the_same_channel_elsewhere():
    channel = Channel("novelty", GRADIENT, "fr", 3)
    assert channel.at(None).in_domain("").column == "novelty.gradient"
    assert channel.at(4).column == "novelty.gradient[fr]@4"
