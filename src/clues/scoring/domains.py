"""Domains of the public rows, such as languages: each has directions of its own, and a client weighs them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from clues.errors import SettingError

_CHANNEL = re.compile(r"(?P<channel>.+\.gradient)\[(?P<domain>.+)\](?P<at>@\d+)?")


def check_domains(known: Sequence[str], wanted: Sequence[str]) -> None:
    """Raises SettingError where a domain that rows are said to be of is none of the public rows'."""
    for domain in wanted:
        if domain and domain not in known:
            there = f"there are {sorted(set(known))}" if known else "scoring.domain_field names no field of theirs"
            raise SettingError(f"no public validation row is of the domain {domain!r}; {there}")


def channel_of(criterion: str, domain: str) -> str:
    """Name of a criterion's gradient channel; `domain` is empty where public rows have none."""
    return f"{criterion}.gradient[{domain}]" if domain else f"{criterion}.gradient"


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

    def weigh(self, channels: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The channels with `<criterion>.gradient` (at a checkpoint too) made from those of the domains, if any.

        Raises SettingError where no public row is of the client's own domain.
        """
        result, known = dict(channels), set()
        sums: dict[str, np.ndarray] = {}
        for name, values in channels.items():
            if found := _CHANNEL.fullmatch(name):
                known.add(found["domain"])
                weight = 1.0 if self.own in ("", found["domain"]) else self.other
                target = found["channel"] + (found["at"] or "")
                sums[target] = sums.get(target, 0) + weight * np.asarray(values)
        if known:
            check_domains(sorted(known), [self.own])
        return result | sums


ALIKE = DomainWeights()
"""All domains count alike."""
