"""A value that may be None by its type and is not in this test."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def known(value: T | None) -> T:
    """The value; where it is None after all, the test fails."""
    assert value is not None
    return value
