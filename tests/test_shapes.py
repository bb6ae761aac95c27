"""The shapes in the kernels' annotations are really checked in tests."""

from __future__ import annotations

import pytest
import torch
from jaxtyping import TypeCheckError

from clues.models.likelihood import row_means


def test_a_wrong_shape_is_an_error():
    with pytest.raises(TypeCheckError):
        row_means(torch.zeros(2, 2), torch.zeros(2, dtype=torch.long), 1)
