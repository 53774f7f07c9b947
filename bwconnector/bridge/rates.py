"""How many requests a second one T-Server may make."""

from __future__ import annotations

from bwconnector.bridge.ports import Clock

__all__ = ["BURST", "Rate"]

BURST = 10.0
"""Seconds whose requests may come at once: a T-Server that has just connected starts its monitors, and then asks little."""


class Rate:
    """A bucket that fills as time passes, and from which each request takes one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._taken = 0.0
        self._since = clock.seconds()

    def take(self, rate: float) -> bool:
        """Whether one more request may come now.

        :param rate: requests a second, which may be another one each time; 0 for no limit
        """
        now = self._clock.seconds()
        self._taken = max(0.0, self._taken - (now - self._since) * rate)
        self._since = now
        if not rate:
            return True
        if self._taken + 1 > max(1.0, rate * BURST):
            return False
        self._taken += 1
        return True
