"""Judged rows: which half is drawn, that none of them is public, and what the figures say of a score that is right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clues.data.pool import packaged_rows
from clues.disk.writing import write_jsonl
from clues_research.selection.labels import SPLITS, compared
from clues_research.selection.mixtures import Mixture, draw
from clues_research.selection.read import Table

SMALL = Mixture(
    unseen_source="", share=0.0, rows_per_client=4, validation_rows=16, anchor_rows=8, heldback_rows=0, bad_rows=0,
    typo_rows=0, unseen_rows=0, labelled_tokens=(30, 130),
)  # fmt: skip


@pytest.fixture(scope="module")
def pool(tmp_path_factory) -> str:
    """Answers of the sample itself as if people had judged them, so that some are public."""
    file = tmp_path_factory.mktemp("pool") / "judged.jsonl"
    records = [row.record for row in packaged_rows()[:600]]
    shown = [{"prompt": r["question"], "response": r["answer"], "source": r["source"]} for r in records]
    write_jsonl([s | {"doc": r["doc"], "tokens": r["tokens"], "label": 1 + i % 4} for i, (s, r) in
                 enumerate(zip(shown, records, strict=True))], file)  # fmt: skip
    return str(file)


def test_halves_share_no_document_and_none_is_public(pool):
    halves = [draw(replace(SMALL, labelled=pool, labelled_half=half), 0) for half in (0, 1)]
    docs = []
    for mixed in halves:
        (part,) = (part for part in mixed.parts if part.client[:1] == ["labelled"])
        assert len(part.rows) > 100
        assert part.kind == [f"label {row.record['label']}" for row in part.rows]
        docs.append({row.record["doc"] for row in part.rows})
    public = {row.record["doc"] for p in halves[0].parts if p.role in ("anchor", "validation") for row in p.rows}
    assert not docs[0] & docs[1]
    assert public
    assert not public & (docs[0] | docs[1])


def test_dirty_validation_rows_are_spoiled_and_their_copies_are_made_of_them():
    clean, dirty = (draw(replace(SMALL, dirty_validation=share), 0) for share in (0.0, 0.25))
    kinds = next(part.kind for part in dirty.parts if part.role == "validation")
    changed = [a.response != b.response for a, b in zip(clean.validation, dirty.validation, strict=True)]
    assert sum(changed) == 4
    assert [kind != "clean" for kind in kinds] == changed
    repeated = next(part for part in dirty.parts if part.client[:1] == ["repetition"])
    assert all(row.response.startswith(v.response[:20]) for row, v in zip(repeated.rows, dirty.validation, strict=True))


def test_marks_are_split_as_people_gave_them():
    kinds = np.array(["label 4", "label 3", "label 2", "label 1", "clean"], object)
    client = np.array(["labelled"] * 4 + ["GHR"], object)
    table = Table("tiny-judged-labels-0", {"client": client, "kind": kinds}, {})
    score = np.array([4.0, 3.0, 2.0, 1.0, 0.0])
    for name, split in SPLITS["judged"].items():
        found = compared([table], split, lambda _table: {"clues": score, "reverse": -score})
        assert (found["good"], found["poor"]) == ((2, 2) if "incomplete" in name else (1, 1))
        assert found["scorers"]["clues"]["auc"]["value"] == 1
        assert found["scorers"]["reverse"]["auc"]["value"] == 0
        assert found["scorers"]["reverse"]["gain"]["low"] == 1
    assert SPLITS["calls"]["specific"]((1, 2, 0))
    assert not SPLITS["calls"]["specific"]((2, 1, 2))
