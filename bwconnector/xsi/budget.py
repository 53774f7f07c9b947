"""How many requests a second one XSP may get: a start or a repair with thousands of subscriptions must not crowd out everybody else."""

from __future__ import annotations

from typing import Any

__all__ = ["Budget"]


class Budget:
    """Gives each request its moment, one after the other at equal distances.

    :param rate: requests a second; 0 = no limit
    """

    def __init__(self, clock: Any, rate: float) -> None:
        self._clock = clock
        self._distance = 1.0 / rate if rate else 0.0
        self._next = 0.0

    @property
    def wait(self) -> float:
        """Seconds until another request may be sent."""
        return max(0.0, self._next - self._clock.seconds()) if self._distance else 0.0

    def take(self) -> float:
        """Take the next moment; returns the seconds until it comes."""
        wait = self.wait
        self._next = self._clock.seconds() + wait + self._distance
        return wait
