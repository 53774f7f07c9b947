"""Event channels in their sets, and the way of an event to the first of them that responds to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar, Protocol

import attrs
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from bwconnector.simulator.config import SimulatorConfig
from bwconnector.simulator.faults import Faults
from bwconnector.simulator.model import SwitchError
from bwconnector.simulator.render import HEARTBEAT, channel_terminated

__all__ = ["Channel", "Channels", "Delivery", "Stream"]

UNKNOWN_CHANNEL = 110841
UNKNOWN_CHANNEL_SET = 110842


class Stream(Protocol):
    """The response of an add-channel request, which never ends by itself."""

    def write(self, document: bytes) -> None: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...
    def ended(self) -> None: ...


@attrs.define(eq=False, slots=True)
class Channel:
    """One event channel; it lives at one XSP only."""

    id: str
    set_id: str
    xsp: str
    faults: Faults
    """Those of its XSP."""
    stream: Stream
    owner: str
    application_id: str
    priority: int
    weight: int
    expires_at: float = 0.0
    credit: int = 0
    """Weighted round robin: what the channel has saved up for its next turn."""
    timers: dict[str, IDelayedCall] = attrs.Factory(dict)


@attrs.define(eq=False, slots=True)
class Delivery:
    """An event on its way: ``document`` renders it for the channel of a given id."""

    event_id: str
    subscription_id: str
    set_id: str
    document: Callable[[str], bytes]
    channel: Channel | None = None
    timer: IDelayedCall | None = None
    tried: list[Channel] = attrs.Factory(list)
    unanswered: list[Channel] = attrs.Factory(list)


class Channels:
    """All channels of all XSPs.

    :param clock: runs the time-outs of heartbeats, lifetimes and event responses
    :param config: the time-outs, and what lifetimes are granted
    :param new_id: makes channel ids
    :param on_stray: called with the id of a subscription that the application does not know (481)
    """

    def __init__(self, clock: IReactorTime, config: SimulatorConfig, new_id: Callable[[], str], on_stray: Callable[[str], None]) -> None:
        self._clock = clock
        self._config = config
        self._new_id = new_id
        self._on_stray = on_stray
        self._channels: dict[str, Channel] = {}
        self._pending: dict[str, Delivery] = {}

    def __iter__(self) -> Iterator[Channel]:
        return iter(list(self._channels.values()))

    def of_set(self, set_id: str) -> list[Channel]:
        """The channels of a set.

        :raises SwitchError: 403 when there is none
        """
        found = [channel for channel in self._channels.values() if channel.set_id == set_id]
        if not found:
            raise SwitchError(403, UNKNOWN_CHANNEL_SET, f"Channel set not found: {set_id}")
        return found

    def remaining(self, channel: Channel) -> int:
        """Seconds until a channel expires."""
        return max(0, round(channel.expires_at - self._clock.seconds()))

    # Life of a channel.

    def add(
        self,
        xsp: str,
        faults: Faults,
        stream: Stream,
        *,
        owner: str,
        set_id: str,
        application_id: str,
        priority: int,
        weight: int,
        expires: int,
    ) -> Channel:
        """Open a channel; an older set of the same owner and application is closed."""
        if application_id:
            for other in self:
                if (other.owner, other.application_id) == (owner, application_id) and other.set_id != set_id:
                    self.close(other, "DuplicateChannelSet")
        channel = Channel(self._new_id(), set_id, xsp, faults, stream, owner, application_id, priority, max(1, weight))
        self._channels[channel.id] = channel
        self._watch(channel)
        self._grant(channel, expires)
        return channel

    def granted(self, expires: int) -> int:
        """The lifetime given to who asks for ``expires`` seconds, of a channel as of a subscription."""
        return max(expires, self._config.min_expires, self._config.granted_expires)

    def heartbeat(self, xsp: str, channel_id: str) -> None:
        """The application is alive; echoed on the stream.

        :raises SwitchError: 404 when this XSP has no such channel
        """
        channel = self._channels.get(channel_id)
        if channel is None or channel.xsp != xsp:
            raise SwitchError(404, UNKNOWN_CHANNEL, f"Channel not found: {channel_id}")
        self._watch(channel)
        if channel.faults.echo:
            channel.stream.write(HEARTBEAT)

    def renew(self, channel_id: str, expires: int) -> int:
        """Give a channel a new lifetime; returns the seconds granted.

        :raises SwitchError: 404 when there is no such channel
        """
        channel = self._channels.get(channel_id)
        if channel is None:
            raise SwitchError(404, UNKNOWN_CHANNEL, f"Channel not found: {channel_id}")
        return self._grant(channel, expires)

    def delete(self, channel_id: str) -> None:
        """Close a channel because the application wants so.

        :raises SwitchError: 403 when there is no such channel
        """
        channel = self._channels.get(channel_id)
        if channel is None:
            raise SwitchError(403, UNKNOWN_CHANNEL, f"Channel not found: {channel_id}")
        self.close(channel, "ExplicitDelete")

    def close(self, channel: Channel, reason: str) -> None:
        """Say why on the stream, and end it."""
        if self._channels.get(channel.id) is channel:
            channel.stream.write(channel_terminated(channel.id, "" if self._config.older_release else reason))
            channel.stream.finish()
            self.lost(channel)

    def drop(self, channel: Channel) -> None:
        """Tear a channel down without a word."""
        channel.stream.abort()
        self.lost(channel)

    def lost(self, channel: Channel) -> None:
        """The stream is gone: what was sent on it and not responded to goes out on the next channel of its set."""
        if self._channels.pop(channel.id, None) is None:
            return
        for timer in channel.timers.values():
            _cancel(timer)
        for delivery in [each for each in self._pending.values() if each.channel is channel]:
            self._next(delivery)

    def stop(self) -> None:
        """Drop everything and leave no timer behind."""
        for delivery in self._pending.values():
            _cancel(delivery.timer)
        self._pending.clear()
        for channel in self:
            self.drop(channel)

    def _watch(self, channel: Channel) -> None:
        _cancel(channel.timers.get("heartbeat"))
        channel.timers["heartbeat"] = self._clock.callLater(self._config.event_timeout, self.drop, channel)

    def _grant(self, channel: Channel, expires: int) -> int:
        granted = self.granted(expires)
        _cancel(channel.timers.get("expires"))
        channel.timers["expires"] = self._clock.callLater(granted, self.close, channel, "Expired")
        channel.expires_at = self._clock.seconds() + granted
        return granted

    # Way of an event.

    def deliver(self, delivery: Delivery) -> None:
        """Send an event on one channel of its set; without any channel it is lost."""
        channel = self._pick(delivery)
        if channel is None:
            for dead in delivery.unanswered:
                self.close(dead, "NonResponsiveChannel")
            return
        delivery.channel = channel
        delivery.tried.append(channel)
        self._pending[delivery.event_id] = delivery
        delivery.timer = self._clock.callLater(self._config.ack_timeout, self._unanswered, delivery)
        document = delivery.document(channel.id)
        channel.stream.write(document)
        if channel.faults.duplicate_events:
            channel.stream.write(document)

    def respond(self, xsp: str, event_id: str, status: str) -> None:
        """The application's response to an event.

        :raises SwitchError: 404 when the event went out at another XSP, 400 for an unknown status
        """
        response = self._responses.get(status)
        if response is None:
            raise SwitchError(400, 110400, f"Unknown statusCode: {status}")
        delivery = self._pending.get(event_id)
        if delivery is None or delivery.channel is None:
            return
        if delivery.channel.xsp != xsp:
            raise SwitchError(404, UNKNOWN_CHANNEL, f"Event not found: {event_id}")
        if not delivery.channel.faults.drop_acks:
            response(self, delivery)

    def forget(self, subscription_id: str) -> None:
        """Nothing of this subscription needs a response any more."""
        for delivery in [each for each in self._pending.values() if each.subscription_id == subscription_id]:
            self._done(delivery)

    def _pick(self, delivery: Delivery) -> Channel | None:
        """Lowest priority number first; inside of it by weighted round robin."""
        candidates = [channel for channel in self._channels.values() if channel.set_id == delivery.set_id and channel not in delivery.tried]
        if not candidates:
            return None
        best = min(channel.priority for channel in candidates)
        candidates = [channel for channel in candidates if channel.priority == best]
        for channel in candidates:
            channel.credit += channel.weight
        chosen = max(candidates, key=lambda channel: channel.credit)
        chosen.credit -= sum(channel.weight for channel in candidates)
        return chosen

    def _done(self, delivery: Delivery) -> None:
        self._pending.pop(delivery.event_id, None)
        _cancel(delivery.timer)

    def _next(self, delivery: Delivery) -> None:
        self._done(delivery)
        self.deliver(delivery)

    def _unanswered(self, delivery: Delivery) -> None:
        if delivery.channel is not None:
            delivery.unanswered.append(delivery.channel)
        self._next(delivery)

    def _channel_unknown(self, delivery: Delivery) -> None:
        if delivery.channel is not None:
            self.close(delivery.channel, "UnknownChannel")

    def _subscription_unknown(self, delivery: Delivery) -> None:
        self._done(delivery)
        self._on_stray(delivery.subscription_id)

    _responses: ClassVar[dict[str, Callable[[Channels, Delivery], None]]] = {
        "200": _done,
        "400": _done,
        "404": _channel_unknown,
        "481": _subscription_unknown,
        "500": _next,
    }


def _cancel(timer: IDelayedCall | None) -> None:
    if timer is not None and timer.active():
        timer.cancel()
