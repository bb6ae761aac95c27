"""Groups of an owner's rows: which fields make them, exact p-values, and what is warned about."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import Any

import numpy as np
import pytest
from scipy.stats import fisher_exact

from clues.data.rows import Message, Row
from clues.selection.groups import LEVEL, by_groups, groups_of, more_dropped
from tests.helpers.known import known


def rows_with(**fields: Sequence[object]) -> list[Row]:
    """One row per value of the fields; None leaves a field out of the record. Answers have 1, 2, 3... characters."""
    n = len(next(iter(fields.values())))
    records = [{name: values[i] for name, values in fields.items() if values[i] is not None} for i in range(n)]
    turns = [(Message("user", "q"), Message("assistant", "x" * (i + 1))) for i in range(n)]
    return [Row(turn, "mine.jsonl", i + 1, record) for i, (turn, record) in enumerate(zip(turns, records, strict=True))]


def fields_of(rows: list[Row], *texts: str) -> list[str]:
    return list(dict.fromkeys(group.field for group in groups_of(rows, texts) if group.field is not None))


def lost(rows: list[Row], places: range | list[int], reason: str = "relevance") -> dict[str, str]:
    return {rows[i].id: reason for i in places}


def test_fields_of_few_short_texts_make_groups_and_no_others_do():
    rows = rows_with(
        language=["en", "fr"] * 12,
        doc=[f"d{i}" for i in range(24)],
        often=[f"d{i // 2}" for i in range(24)],  # two rows each: names
        constant=["a"] * 24,
        year=[2023, 2024] * 12,
        note=["a" * 41, "b"] * 12,
        clues_label=["clean", "cut"] * 12,
        question=["q", "r"] * 12,
        answer=["q", "r"] * 12,
        input=["", "r"] * 12,
        ticket=["q", "r"] * 12,
    )
    assert fields_of(rows) == ["language", "ticket"]
    assert fields_of(rows, "ticket", "reply") == ["language"]
    assert fields_of(rows_with(source=[str(i % 20) for i in range(60)])) == ["source"]
    assert fields_of(rows_with(source=[str(i % 21) for i in range(63)])) == []


def test_rows_without_a_value_are_a_group_of_their_own():
    groups = groups_of(rows_with(topic=["heart", None, " ", "", "heart", "heart"]))
    assert {group.value: group.rows.tolist() for group in groups if group.field} == {"": [1, 2, 3], "heart": [0, 4, 5]}


def test_lengths_come_in_quarters_and_equal_ones_stay_together():
    quarters = groups_of(rows_with(a=[None] * 8))
    assert [(group.field, group.value) for group in quarters] == [
        (None, f"{low} to {low + 1} characters") for low in (1, 3, 5, 7)
    ]
    same = [Row((Message("assistant", "xx"),), "f", i, {}) for i in range(9)]
    assert groups_of(same) == []
    longer = Row((Message("assistant", "y" * 1500),), "f", 9, {})
    assert [group.value for group in groups_of([*same, longer])] == ["2 characters", "1,500 characters"]
    assert groups_of([]) == []


def test_every_row_is_in_one_group_of_each_field():
    rows = rows_with(language=["en", "fr", "de"] * 10)
    for field in ("language", None):
        places = np.concatenate([group.rows for group in groups_of(rows) if group.field == field])
        assert sorted(places.tolist()) == list(range(30))


def fisher_p(table: list[list[int]]) -> float:
    found: Any = fisher_exact(table, alternative="greater")
    return found.pvalue


def test_p_is_fishers_with_holms_correction():
    dropped, rows = [9, 3, 0], [10, 20, 30]
    single = [fisher_p([[d, n - d], [12 - d, 48 - (n - d)]]) for d, n in zip(dropped, rows, strict=True)]
    corrected = more_dropped(dropped, rows, 12, 60)
    assert corrected[0] == pytest.approx(3 * single[0])
    assert corrected[1] == pytest.approx(min(1, max(3 * single[0], 2 * single[1])))
    assert corrected[2] == 1
    assert more_dropped([4], [4], 4, 4).tolist() == [1.0]  # no others to compare with
    assert more_dropped([], [], 0, 0).tolist() == []


def test_a_whole_group_and_one_that_loses_more_are_warned_about():
    rows = rows_with(language=["fr"] * 6 + ["en"] * 94, site=["a"] * 50 + ["b"] * 50)
    found = by_groups(rows, lost(rows, range(20)) | lost(rows, range(3), "fluency"))
    by_name = {(group.field, group.value): group for group in found.groups}
    assert (found.rows, found.dropped, found.dropped_share) == (100, 20, 0.2)
    french = by_name["language", "fr"]
    assert (french.rows, french.dropped, french.warning) == (6, 6, "gone")
    assert french.reasons == {"relevance": 3, "fluency": 3}
    assert by_name["site", "a"].warning == "more"
    assert by_name["site", "b"].warning == by_name["language", "en"].warning == ""
    lows = [known(group.dropped_share_low) for group in found.groups]
    assert lows == sorted(lows, reverse=True)
    assert lows[0] < known(found.groups[0].dropped_share)
    # The exact test of six French rows by hand, corrected for the eight groups: it is the third smallest p.
    assert french.p == pytest.approx(6 * comb(94, 14) / comb(100, 20))


def test_a_group_of_four_rows_and_a_file_that_goes_whole_are_not_warned_about():
    few = rows_with(language=["fr"] * 4 + ["en"] * 96)
    [french] = [g for g in by_groups(few, lost(few, range(4))).groups if g.value == "fr"]
    assert (french.p, french.warning, french.dropped_share) == (None, "", 1.0)
    whole = rows_with(language=["fr", "en"] * 20)
    assert {group.warning for group in by_groups(whole, lost(whole, range(40))).groups} == {""}
    assert by_groups([], {}).groups == ()


def test_drops_without_regard_to_groups_rarely_warn():
    """Groups that overlap, as those of several fields do."""
    rng, warned = np.random.default_rng(0), 0
    groups = [group.rows for group in groups_of(rows_with(language=["en", "fr", "de"] * 40, site=["a", "b"] * 60))]
    for _ in range(400):
        dropped = rng.permutation(120) < 30
        p = more_dropped([int(dropped[g].sum()) for g in groups], [len(g) for g in groups], 30, 120)
        warned += bool((p <= LEVEL).any())
    assert 0 < warned / 400 <= LEVEL
