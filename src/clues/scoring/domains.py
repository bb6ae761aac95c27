"""Domains of the public rows, such as languages: each has directions of its own, and a client weighs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clues.errors import SettingError
from clues.scoring.channel import Channels, channels_among


def check_domains(known: Sequence[str], wanted: Sequence[str]) -> None:
    """Raises SettingError where a domain that rows are said to be of is none of the public rows'."""
    for domain in wanted:
        if domain and domain not in known:
            there = f"there are {sorted(set(known))}" if known else "scoring.domain_field names no field of theirs"
            raise SettingError(f"no public validation row is of the domain {domain!r}; {there}")


@dataclass(frozen=True)
class DomainWeights:
    """Own domain + w · the other domains (CLUES, Section 3.2; w is not given there).

    Inner products add up, so weighing channels is weighing directions, and rows, anchors and spoiled rows need one
    pass whatever a client's domain is.
    """

    own: str = ""
    """The client's domain; empty: all count alike."""
    other: float = 1.0
    """w"""

    def weigh(self, channels: Channels) -> dict[str, np.ndarray]:
        """The channels with `<criterion>.gradient` (at a checkpoint too) made from those of the domains, if any.

        Raises SettingError where no public row is of the client's own domain.
        """
        sums: dict[str, np.ndarray] = {}
        of_domains = [channel for channel in channels_among(channels) if channel.domain]
        for channel in of_domains:
            weight = 1.0 if self.own in ("", channel.domain) else self.other
            whole = channel.in_domain("").column
            sums[whole] = sums.get(whole, 0) + weight * np.asarray(channels[channel.column])
        if of_domains:
            check_domains(sorted({channel.domain for channel in of_domains}), [self.own])
        return dict(channels) | sums


ALIKE = DomainWeights()
"""All domains count alike."""
