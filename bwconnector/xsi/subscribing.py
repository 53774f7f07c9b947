"""What subscriptions are told, what they tell, what they need of the channels, and what is kept of each."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Protocol

import attrs
from twisted.internet.defer import Deferred

from bwconnector.xsi.errors import XsiFailure
from bwconnector.xsi.events import SubscriptionEvent
from bwconnector.xsi.requests import Request, Response

__all__ = ["Channels", "First", "Subscription", "SubscriptionSettings", "SubscriptionStatus"]


@attrs.frozen(slots=True)
class SubscriptionSettings:
    """What is asked of BroadWorks; times in seconds.

    :ivar controller_id: application id of subscriptions to route points, by which BroadWorks knows who routes their calls; empty for the
        same as of all others
    :ivar resync_interval: how often calls and agent states of a device are refreshed although nothing seems to be wrong; 0 = never
    """

    channel_set_id: str
    application_id: str
    expires: int = 86400
    resync_interval: float = 1800.0
    controller_id: str = ""

    def application_of(self, package: str) -> str:
        """Under which name BroadWorks knows who asks for a package."""
        return self.controller_id if package == "Route Point Queue" and self.controller_id else self.application_id


class Channels(Protocol):
    """The part of :class:`~bwconnector.xsi.channelset.ChannelSet` that subscriptions use."""

    on_event: Callable[[SubscriptionEvent, str], None]
    on_gap: Callable[[str], None]
    on_lost: Callable[[str], None]

    def adopt(self, subscription_id: str, snapshots: bool = True, collective: bool = False, first: int = 1) -> None: ...

    def retire(self, subscription_id: str) -> None: ...

    async def perform(self, request: Request) -> Response: ...


@attrs.frozen(slots=True)
class SubscriptionStatus:
    """One package of one target, as others see it.

    :ivar id: empty while BroadWorks does not have it
    :ivar expires: clock time when BroadWorks's grant ends
    :ivar refused: this user does not have this package, as BroadWorks said; it is not asked for again
    :ivar trouble: why it is not in order, empty if it is
    """

    target: str
    package: str
    id: str = ""
    expires: float = inf
    refused: bool = False
    trouble: str = ""


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Subscription:
    """One package of one target; ``id`` is empty while BroadWorks does not have it, ``expires`` clock time when its grant ends."""

    target: str
    package: str
    id: str = ""
    wanted: bool = True
    due: float = 0.0
    expires: float = inf
    busy: bool = False
    again: bool = False
    failures: int = 0
    opening: list[Deferred[XsiFailure | None]] | None = None
    """Who waits for the request to subscribe, while it is under way."""


@attrs.define(slots=True, eq=False, weakref_slot=False)
class First(Subscription):
    """That of a target's first package, which knows the others: as there are so many, a target has no object of its own."""

    further: tuple[Subscription, ...] = ()
    refused: frozenset[str] = frozenset()
    """Further packages that this user does not have: not asked for again."""

    @property
    def all(self) -> tuple[Subscription, ...]:
        """Of a package each, the first one first."""
        return (self, *self.further)

    def of(self, package: str) -> Subscription | None:
        return next((each for each in self.all if each.package == package), None)
