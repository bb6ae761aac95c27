"""Batches hold every row once, within the budget, and padding never touches a mask."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from clues.data.batches import collate, token_budget_batches
from clues.data.encoding import Encoded

lengths = st.lists(st.integers(2, 40), max_size=30)


def encoded_of(length: int, first_id: int = 1) -> Encoded:
    """A row whose last two tokens are the response and its end."""
    ids = tuple(range(first_id, first_id + length))
    return Encoded(ids, (False,) * (length - 1) + (True,), (length - 1,), ((0, 0),), False)


@given(lengths, st.integers(1, 200))
def test_every_row_once_and_padded_tokens_within_the_budget(sizes, budget):
    rows = [encoded_of(size) for size in sizes]
    batches = token_budget_batches(rows, budget)
    assert sorted(i for batch in batches for i in batch) == list(range(len(rows)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(sizes[i] for i in batch) <= budget
    order = [i for batch in batches for i in batch]
    assert order == sorted(order, key=lambda i: (-sizes[i], i))  # the longest first, equal ones as they came


def test_a_batch_is_filled():
    assert token_budget_batches([encoded_of(size) for size in (4, 5, 4, 5)], 10) == [[1, 3], [0, 2]]
    assert token_budget_batches([encoded_of(5)], 1) == [[0]]


def test_collate_pads_on_the_right():
    batch = collate([encoded_of(4), encoded_of(9), encoded_of(2, first_id=7)], [2, 0], pad_id=0)
    assert batch.index == [2, 0]
    assert batch.input_ids.tolist() == [[7, 8, 0, 0], [1, 2, 3, 4]]
    assert batch.attention_mask.tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]
    assert batch.response_mask.tolist() == [[False, True, False, False], [False, False, False, True]]
    assert torch.equal(batch.end_mask, batch.response_mask)
    assert batch.input_ids.dtype == torch.long
    assert batch.response_mask.dtype == torch.bool


def test_a_truncated_row_has_no_end():
    row = Encoded((1, 2), (False, True), (), ((0, 1),), True)
    batch = collate([row], [0], pad_id=0)
    assert not batch.end_mask.any()
    assert batch.to("cpu").response_mask.any()
