"""Rows of different lengths in batches of like length, by a budget of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from clues.data.encoding import Encoded


@dataclass(frozen=True)
class Batch:
    """B rows, padded on the right to the T tokens of the longest."""

    input_ids: Tensor
    """[B, T] int64"""
    attention_mask: Tensor
    """[B, T] int64, 0 on padding"""
    response_mask: Tensor
    """[B, T] bool, True on target tokens"""
    end_mask: Tensor
    """[B, T] bool, True on end-of-turn tokens of responses"""
    index: list[int]
    """Which rows these are: positions in the sequence that was collated from."""

    def to(self, device: torch.device | str) -> Batch:
        """The same batch with its tensors on `device`."""
        tensors = (self.input_ids, self.attention_mask, self.response_mask, self.end_mask)
        return Batch(*(tensor.to(device) for tensor in tensors), index=self.index)


def token_budget_batches(encoded: Sequence[Encoded], token_budget: int) -> list[list[int]]:
    """Positions of rows in batches of at most `token_budget` padded tokens; a longer row is alone.

    Sorted by length, the longest first: a run that does not fit into memory fails at once. Rows of one length keep
    their order.
    """
    batches: list[list[int]] = []
    for position in sorted(range(len(encoded)), key=lambda i: -len(encoded[i])):
        if batches and (len(batches[-1]) + 1) * len(encoded[batches[-1][0]]) <= token_budget:
            batches[-1].append(position)
        else:
            batches.append([position])
    return batches


def collate(encoded: Sequence[Encoded], index: Sequence[int], pad_id: int) -> Batch:
    """The rows at the positions `index` as one batch; `pad_id` fills the right, outside attention and masks."""
    rows = [encoded[i] for i in index]
    shape = (len(rows), max(len(row) for row in rows))
    input_ids = torch.full(shape, pad_id, dtype=torch.long)
    attention_mask = torch.zeros(shape, dtype=torch.long)
    response_mask = torch.zeros(shape, dtype=torch.bool)
    end_mask = torch.zeros(shape, dtype=torch.bool)
    for b, row in enumerate(rows):
        input_ids[b, : len(row)] = torch.tensor(row.input_ids)
        attention_mask[b, : len(row)] = 1
        response_mask[b, : len(row)] = torch.tensor(row.response_mask)
        end_mask[b, list(row.end_positions)] = True
    return Batch(input_ids, attention_mask, response_mask, end_mask, list(index))
