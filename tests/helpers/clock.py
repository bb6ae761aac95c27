"""Time that a test holds in its hands, for what must not depend on how busy the machine is."""

from __future__ import annotations


class Clock:
    """Stands in for the module `time`: time passes only while somebody sleeps, and then at once."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
