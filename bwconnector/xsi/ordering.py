"""The order of a subscription's events, restored from their sequence numbers, and what has been seen before.

BroadWorks sends each event on any one channel of a set, and again on another one if it got no acknowledgement: events come out of order
and twice.
"""

from __future__ import annotations

from bwconnector.xsi.events import CallSubscription, SubscriptionEvent

__all__ = ["LAST_SEQUENCE", "Delivery", "Order", "Recent"]

LAST_SEQUENCE = 2147483647
"""The sequence number that is followed by 1."""

_REMEMBERED_SKIPS = 16
"""Gaps of one subscription whose missing events may still come: BroadWorks sends them again when a channel turns out to be dead."""

Delivery = tuple[SubscriptionEvent, str]
"""An event, and the name of the link that brought it."""


class Order:
    """Puts the events of one subscription in order; the first one has number 1."""

    def __init__(self) -> None:
        self._next = 1
        self._held: dict[int, Delivery] = {}
        self._skipped: tuple[range, ...] = ()

    @property
    def waiting(self) -> bool:
        """Events are held back because an earlier one is missing."""
        return bool(self._held)

    def add(self, event: SubscriptionEvent, link: str) -> list[Delivery] | None:
        """What is to be delivered now, in order; None when this number has been there before."""
        sequence = event.sequence
        if not 0 < sequence <= LAST_SEQUENCE:
            # A sender that does not count cannot be put in order.
            return [(event, link)]
        if sequence == self._next:
            self._next = sequence % LAST_SEQUENCE + 1
            return [(event, link), *self._follow()] if self._held else [(event, link)]
        if self._ahead(sequence) < LAST_SEQUENCE // 2:
            if sequence in self._held:
                return None
            self._held[sequence] = (event, link)
            return []
        if isinstance(event.data, CallSubscription) and not any(sequence in numbers for numbers in self._skipped):
            # BroadWorks counts anew after it lost its state, and begins by telling all there is.
            ready = self.give_up() if self._held else []
            self._next = sequence % LAST_SEQUENCE + 1
            self._skipped = ()
            return [*ready, (event, link)]
        # It was here before, or comes so late that it is no longer true.
        return None

    def give_up(self) -> list[Delivery]:
        """Wait no longer for what is missing: all that is held back, in order."""
        ready: list[Delivery] = []
        while self._held:
            missing, self._next = self._next, min(self._held, key=self._ahead)
            if missing < self._next:
                self._skipped = (*self._skipped, range(missing, self._next))[-_REMEMBERED_SKIPS:]
            ready += self._follow()
        return ready

    def _follow(self) -> list[Delivery]:
        ready = []
        while (delivery := self._held.pop(self._next, None)) is not None:
            ready.append(delivery)
            self._next = self._next % LAST_SEQUENCE + 1
        return ready

    def _ahead(self, sequence: int) -> int:
        return (sequence - self._next) % LAST_SEQUENCE


class Recent:
    """Remembers at least the last ``size`` keys, and at most twice as many."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._new: set[str] = set()
        self._old: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._new or key in self._old

    def add(self, key: str) -> bool:
        """True if ``key`` was not remembered."""
        if key in self:
            return False
        if len(self._new) >= self._size:
            self._old, self._new = self._new, set()
        self._new.add(key)
        return True
