"""The channels of a set as they come and go: which are there, which XSPs are asked, and how one leaves without being missed.

A channel leaves because its link is drained, removed or replaced. As long as it is up and no other one is, it stays and does its work;
it is deleted as soon as another one is up.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from bwconnector.xsi.budget import Budget
from bwconnector.xsi.channel import Acknowledger, Channel, ChannelStatus, State
from bwconnector.xsi.opening import ChannelSettings, Requester

__all__ = ["DRAINED", "Link", "Member", "Members"]

DRAINED = "drained"
"""Why a channel is not there that nobody wants at present."""


@attrs.frozen(slots=True)
class Link:
    """What one channel is made of.

    :ivar request_rate: requests a second that the XSP may get, heartbeats and acknowledgements aside; 0 = no limit
    :ivar drained: not to be used for the time being
    """

    xsp: Requester
    acks: Acknowledger
    settings: ChannelSettings
    request_rate: float = 0.0
    drained: bool = False


@attrs.define(slots=True, eq=False)
class Member:
    """One channel of the set.

    :ivar leaving: it is to be deleted as soon as another one is up
    :ivar gone: fires when it has been deleted, after which it is no member any more; None if it is only drained
    :ivar stopping: it is being deleted
    """

    channel: Channel
    budget: Budget
    leaving: bool = False
    gone: Deferred[None] | None = None
    stopping: bool = False


class Members:
    """The channels of a set, in the order in which their links came.

    :param make: makes the channel of a link
    :ivar running: from the start of the set until its stop
    :ivar by_link: the channels by the names of their links
    :ivar past_events: events that came by channels which are gone
    """

    log = Logger()

    def __init__(self, clock: Any, make: Callable[[Link], Channel]) -> None:
        self.past_events = 0
        self._clock = clock
        self._make = make
        self.running = False
        self._members: list[Member] = []
        self.by_link: dict[str, Channel] = {}

    def __iter__(self) -> Iterator[Channel]:
        return (member.channel for member in self._members)

    @property
    def up_count(self) -> int:
        return sum(channel.up for channel in self)

    @property
    def statuses(self) -> tuple[ChannelStatus, ...]:
        """Of all channels; that of a drained one says so."""
        return tuple(
            attrs.evolve(status, reason=DRAINED) if member.leaving and status.state is State.IDLE else status
            for member in self._members
            for status in [member.channel.status]
        )

    def askable(self) -> list[Member]:
        """Whose XSPs may be asked. One that is to leave is among them only as long as it is the last: then it goes."""
        return [member for member in self._members if member.channel.up]

    def start(self) -> None:
        """Open all channels but the drained ones."""
        self.running = True
        for member in self._members:
            if not member.leaving:
                member.channel.start()

    def stop(self) -> list[Deferred[None]]:
        """Delete all channels; each of these fires when one is gone."""
        self.running = False
        return [channel.stop() for channel in list(self)]

    def add(self, link: Link) -> None:
        """One more, which is opened at once if the others are."""
        member = Member(self._make(link), Budget(self._clock, link.request_rate), leaving=link.drained)
        self._members.append(member)
        self.by_link[member.channel.link] = member.channel
        if self.running and not member.leaving:
            member.channel.start()

    def remove(self, name: str) -> tuple[str, Deferred[None]]:
        """The link of this name is not wanted any more; another one may take its name at once.

        :returns: what it is called until it is gone, and what fires when it is
        """
        member = self._find(name)
        names = (f"{name} ({word})" for word in itertools.chain(["leaving"], map("leaving {}".format, itertools.count(2))))
        leaving = next(each for each in names if each not in self.by_link)
        member.channel.rename(leaving)
        self.by_link[leaving] = self.by_link.pop(name)
        member.leaving = True
        gone = member.gone = Deferred()
        self.log.info("link {link} leaves: its event channel is deleted as soon as another one is up", link=name)
        self.settle()
        return leaving, gone

    def drain(self, name: str, drained: bool = True) -> None:
        """Use the XSP of this link no more, or again."""
        member = self._find(name)
        if member.leaving == drained:
            return
        member.leaving = drained
        if drained:
            self.log.info("link {link} is drained: its event channel is deleted as soon as another one is up", link=name)
            self.settle()
        else:
            self.log.info("link {link} is used again", link=name)
            if self.running and not member.stopping:
                member.channel.start()

    def change(self, name: str, settings: ChannelSettings, request_rate: float) -> None:
        """What holds for the channel of this link from now on. One that waits for its next try is tried at once."""
        member = self._find(name)
        member.budget.change(request_rate)
        member.channel.change(settings)

    def settle(self) -> None:
        """Something has changed: who is to leave and is not needed any more goes."""
        others = any(member.channel.up for member in self._members if not member.leaving)
        for member in list(self._members):
            if self.running and member.leaving and not member.stopping and (others or not member.channel.up):
                member.stopping = True
                member.channel.stop().addCallback(self._stopped, member)

    def _stopped(self, _: None, member: Member) -> None:
        member.stopping = False
        if member.gone is not None:
            self._members.remove(member)
            del self.by_link[member.channel.link]
            self.past_events += member.channel.status.events
            member.channel.acks.close()
            member.channel.xsp.close().addBoth(lambda _: None).chainDeferred(member.gone)
        elif not member.leaving and self.running:
            member.channel.start()

    def _find(self, name: str) -> Member:
        """:raises LookupError: there is no such link"""
        for member in self._members:
            if member.channel.link == name:
                return member
        raise LookupError(f"there is no link {name}; there are {', '.join(channel.link for channel in self)}")
