"""The order of a subscription's events, restored from their sequence numbers, and what has been seen before.

BroadWorks sends each event on any one channel of a set, and again on another one if it got no acknowledgement: events come out of order
and twice.
"""

from __future__ import annotations

from bwconnector.xsi.events import CallSubscription, SubscriptionEvent

__all__ = ["LAST_SEQUENCE", "Delivery", "Order", "Recent"]

LAST_SEQUENCE = 2147483647
"""The sequence number that is followed by 1."""

Delivery = tuple[SubscriptionEvent, str]
"""An event, and the name of the link that brought it."""


class Order:
    """Puts the events of one subscription in order; the first one has number 1, as long as nothing else is known.

    An event that never comes is made good by a snapshot. Until that comes, all later ones wait for it, whatever their numbers: they
    would otherwise be taken as the sequel of what is not known.

    :param snapshots: this subscription tells everything anew when it is refreshed (CallSubscription)
    :param first: number of the event that comes next
    :ivar lost: something is missing for good, and a snapshot is waited for
    """

    __slots__ = ("_held", "_next", "_snapshots", "lost")

    def __init__(self, snapshots: bool = True, first: int = 1) -> None:
        self.lost = False
        self._snapshots = snapshots
        self._next = first
        # There are as many orders as subscriptions, and hardly any holds something back: then there is no dict.
        self._held: dict[int, Delivery] | None = None

    @property
    def waiting(self) -> bool:
        """Events are held back because an earlier one, or a snapshot, is missing."""
        return bool(self._held)

    def add(self, event: SubscriptionEvent, link: str) -> list[Delivery] | None:
        """What is to be delivered now, in order; None when this number has been there before, or is too old to be of use."""
        sequence = event.sequence
        if not 0 < sequence <= LAST_SEQUENCE:
            # A sender that does not count cannot be put in order.
            return [(event, link)]
        snapshot = isinstance(event.data, CallSubscription)
        if not self._is_ahead(sequence):
            return self._behind(event, link) if snapshot else None
        if self._held and sequence in self._held:
            return None
        if self.lost and snapshot:
            return self._begin_at(event, link)
        if self.lost or sequence != self._next:
            if self._held is None:
                self._held = {}
            self._held[sequence] = (event, link)
            return []
        self._next = sequence % LAST_SEQUENCE + 1
        return [(event, link), *self._follow()] if self._held else [(event, link)]

    def skip(self) -> list[Delivery]:
        """Begin at the newest snapshot among what is held back, which makes good all before it; nothing if there is none."""
        held = self._held or {}
        snapshots = [number for number, (event, _) in held.items() if isinstance(event.data, CallSubscription)]
        return self._begin_at(*held.pop(max(snapshots, key=self._ahead))) if snapshots else []

    def lose(self) -> bool:
        """Something is missing for good: from now on all wait for a snapshot. False if this subscription has none to offer."""
        self.lost = self._snapshots
        return self.lost

    def release(self) -> list[Delivery]:
        """Wait no longer for anything: all that is held back, in order."""
        self.lost = False
        ready: list[Delivery] = []
        while self._held:
            self._next = min(self._held, key=self._ahead)
            ready += self._follow()
        return ready

    def _behind(self, event: SubscriptionEvent, link: str) -> list[Delivery] | None:
        """A snapshot with a number from the past. BroadWorks counts anew after it lost its state; but it may also be an old one that
        was slow. Where none is waited for, the next one decides, which a refresh will bring."""
        if not self.lost:
            self.lose()
            return None
        self._held = None
        return self._begin_at(event, link)

    def _begin_at(self, event: SubscriptionEvent, link: str) -> list[Delivery]:
        self.lost = False
        self._next = event.sequence % LAST_SEQUENCE + 1
        self._held = {number: delivery for number, delivery in (self._held or {}).items() if self._is_ahead(number)}
        return [(event, link), *self._follow()]

    def _follow(self) -> list[Delivery]:
        ready = []
        while self._held and (delivery := self._held.pop(self._next, None)) is not None:
            ready.append(delivery)
            self._next = self._next % LAST_SEQUENCE + 1
        self._held = self._held or None
        return ready

    def _ahead(self, sequence: int) -> int:
        return (sequence - self._next) % LAST_SEQUENCE

    def _is_ahead(self, sequence: int) -> bool:
        return self._ahead(sequence) < LAST_SEQUENCE // 2


class Recent:
    """Remembers at least the last ``size`` keys, and at most twice as many."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._new: set[str] = set()
        self._old: set[str] = set()

    def __len__(self) -> int:
        return len(self._new) + len(self._old)

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
