"""The Event Channel at one XSP, kept open: opened when it is wanted, and again when it is lost, but never so often that it does harm.

States and inputs are a table, :data:`TRANSITIONS`; what goes on within one opening of the channel is in :mod:`bwconnector.xsi.opening`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol

import attrs
from twisted.application.internet import backoffPolicy
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from bwconnector.xsi.errors import BadDocument
from bwconnector.xsi.events import SubscriptionEvent
from bwconnector.xsi.opening import ChannelSettings, Ending, Opening, Requester
from bwconnector.xsi.tracing import Trace

__all__ = ["TRANSITIONS", "Acknowledger", "Channel", "ChannelStatus", "Input", "State"]

# BroadWorks locks accounts after a few failed logins within minutes; once in five minutes is not counted as an attack.
_SLOW_RETRY = 300.0
# A channel that lasted this long was a good one: the next loss is a new one, and the first retry quick again.
_STABLE_AFTER = 30.0
_FIRST_RETRY = 0.5
_YOUNG = 5.0


class State(Enum):
    IDLE = "idle"
    OPENING = "opening"
    UP = "up"
    CLOSING = "closing"
    BACKOFF = "backoff"


class Input(Enum):
    START = "start"
    """The channel is wanted."""
    STOP = "stop"
    """The channel is not wanted any more."""
    OPENED = "opened"
    """The first document has come."""
    ENDED = "ended"
    """The channel could not be opened, or is lost, for whatever reason."""
    RETRY = "retry"
    """The back-off is over."""


_S, _I = State, Input

TRANSITIONS: dict[tuple[State, Input], tuple[State, str]] = {
    (_S.IDLE, _I.START): (_S.OPENING, "_open"),
    (_S.IDLE, _I.STOP): (_S.IDLE, "_closed"),
    (_S.IDLE, _I.OPENED): (_S.IDLE, "_ignore"),
    (_S.IDLE, _I.ENDED): (_S.IDLE, "_ignore"),
    (_S.IDLE, _I.RETRY): (_S.IDLE, "_ignore"),
    (_S.OPENING, _I.START): (_S.OPENING, "_ignore"),
    (_S.OPENING, _I.STOP): (_S.IDLE, "_closed"),
    (_S.OPENING, _I.OPENED): (_S.UP, "_use"),
    (_S.OPENING, _I.ENDED): (_S.BACKOFF, "_back_off"),
    (_S.OPENING, _I.RETRY): (_S.OPENING, "_ignore"),
    (_S.UP, _I.START): (_S.UP, "_ignore"),
    (_S.UP, _I.STOP): (_S.CLOSING, "_delete"),
    (_S.UP, _I.OPENED): (_S.UP, "_ignore"),
    (_S.UP, _I.ENDED): (_S.BACKOFF, "_back_off"),
    (_S.UP, _I.RETRY): (_S.UP, "_ignore"),
    (_S.CLOSING, _I.START): (_S.CLOSING, "_not_yet"),
    (_S.CLOSING, _I.STOP): (_S.CLOSING, "_ignore"),
    (_S.CLOSING, _I.OPENED): (_S.CLOSING, "_ignore"),
    (_S.CLOSING, _I.ENDED): (_S.IDLE, "_closed"),
    (_S.CLOSING, _I.RETRY): (_S.CLOSING, "_ignore"),
    (_S.BACKOFF, _I.START): (_S.BACKOFF, "_ignore"),
    (_S.BACKOFF, _I.STOP): (_S.IDLE, "_closed"),
    (_S.BACKOFF, _I.OPENED): (_S.BACKOFF, "_ignore"),
    (_S.BACKOFF, _I.ENDED): (_S.BACKOFF, "_ignore"),
    (_S.BACKOFF, _I.RETRY): (_S.OPENING, "_open"),
}
"""State and input to the next state and the method that enters it, for every pair."""


@attrs.frozen(slots=True)
class ChannelStatus:
    """A channel as others see it.

    :ivar since: clock time when it came into this state
    :ivar reason: why it is not up; empty when it is
    :ivar events: events received since the start
    :ivar heartbeat: clock time of the last heartbeat that this channel echoed
    :ivar unreadable: documents that were no readable XML
    """

    link: str
    state: State = State.IDLE
    since: float = 0.0
    reason: str = ""
    channel_id: str = ""
    events: int = 0
    heartbeat: float | None = None
    unreadable: int = 0


class Acknowledger(Protocol):
    """The part of :class:`~bwconnector.xsi.acks.Acks` that a channel uses."""

    trace: Trace | None

    def send(self, event_id: str, status_code: int = 200, reason: str = "OK") -> None: ...

    def close(self) -> None: ...


class Channel:
    """The Event Channel at one XSP.

    :param on_event: called with each SubscriptionEvent and this channel
    :param on_status: called with this channel whenever its state changes
    :param jitter: seconds to add to a wait, so that many connectors do not come back at once
    """

    log = Logger()

    def __init__(
        self,
        clock: Any,
        xsp: Requester,
        acks: Acknowledger,
        settings: ChannelSettings,
        on_event: Callable[[SubscriptionEvent, Channel], None],
        on_status: Callable[[Channel], None],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.link = xsp.name
        self.read_at = 0.0
        self.trace: Trace | None = None
        self.xsp = xsp
        self.acks = acks
        self._clock = clock
        self._on_event = on_event
        self._on_status = on_status
        self._jitter = jitter
        self._use_settings(settings)
        self._failures = 0
        self._status = ChannelStatus(self.link, since=clock.seconds())
        self._events = 0
        self._opening: Opening | None = None
        self._retry: Any = None
        self._stopping: list[Deferred[None]] = []

    @property
    def status(self) -> ChannelStatus:
        heartbeat = self._opening.heartbeat if self._opening is not None else None
        return attrs.evolve(self._status, events=self._events, heartbeat=heartbeat)

    @property
    def up(self) -> bool:
        return self._status.state is State.UP

    def start(self) -> None:
        """Open the channel and keep it open.

        :raises RuntimeError: it is being closed; wait for what :meth:`stop` returned
        """
        self._input(Input.START)

    def stop(self) -> Deferred[None]:
        """Delete the channel; fires when it is closed, after 2 s at most."""
        stopped: Deferred[None] = Deferred()
        self._stopping.append(stopped)
        self._input(Input.STOP)
        return stopped

    def reopen(self, reason: str) -> bool:
        """Give the present channel up and open another one, unless it is young: then whatever speaks against it may be older than it is.

        :return: whether it was given up
        """
        if not self.up or self._clock.seconds() - self._status.since < _YOUNG:
            return False
        self._input(Input.ENDED, Ending(reason))
        return True

    def rename(self, link: str) -> None:
        """Its link is called otherwise from now on."""
        self.link = link
        self._status = attrs.evolve(self._status, link=link)

    @property
    def settings(self) -> ChannelSettings:
        """What is asked of BroadWorks."""
        return self._settings

    def change(self, settings: ChannelSettings) -> None:
        """What holds from now on. A channel that waits for its next try is tried at once: the change may be what it lacks."""
        self._use_settings(settings)
        if self._opening is not None and self._status.state is not State.CLOSING:
            self._opening.change(settings)
        if self._retry is not None:
            self._retry.reset(0)

    def _use_settings(self, settings: ChannelSettings) -> None:
        self._settings = settings
        self._delay = backoffPolicy(initialDelay=_FIRST_RETRY, maxDelay=settings.retry_cap, jitter=self._jitter)

    def _input(self, what: Input, ending: Ending | None = None) -> None:
        before = self._status.state
        state, action = TRANSITIONS[before, what]
        if state is not before:
            self._status = attrs.evolve(self._status, state=state, since=self._clock.seconds(), reason=ending.reason if ending else "")
        getattr(self, action)(before, ending)
        if state is not before and self._status.state is state:
            self._on_status(self)

    # What a transition does; each gets the state that was left, and why if it is a loss.

    def _ignore(self, before: State, ending: Ending | None) -> None:
        pass

    def _not_yet(self, before: State, ending: Ending | None) -> None:
        raise RuntimeError(f"event channel {self.link} is still being closed")

    def _open(self, before: State, ending: Ending | None) -> None:
        self._retry = None
        self._opening = Opening(self, self._clock, self.xsp, self._settings)
        self._opening.begin()

    def _use(self, before: State, ending: Ending | None) -> None:
        assert self._opening is not None
        self._status = attrs.evolve(self._status, channel_id=self._opening.channel_id)
        self.log.info("event channel {link} is up as {channel}", link=self.link, channel=self._opening.channel_id)
        self._opening.keep()

    def _delete(self, before: State, ending: Ending | None) -> None:
        assert self._opening is not None
        self.log.info("event channel {link} is being closed", link=self.link)
        self._opening.delete()

    def _closed(self, before: State, ending: Ending | None) -> None:
        self._drop()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._failures = 0
        self._status = attrs.evolve(self._status, reason="")
        stopping, self._stopping = self._stopping, []
        for stopped in stopping:
            stopped.callback(None)

    def _back_off(self, before: State, ending: Ending | None) -> None:
        assert ending is not None
        lasted = self._opening.lasted if self._opening is not None else 0.0
        self._drop()
        if lasted >= _STABLE_AFTER:
            self._failures = 0
        delay = _SLOW_RETRY if ending.slow else self._delay(self._failures)
        self._failures += 1
        log = self.log.error if ending.slow else self.log.warn
        log(
            "event channel {link} is down: {reason}; next try in {delay:.1f} s",
            link=self.link,
            reason=ending.reason,
            delay=delay,
        )
        self._retry = self._clock.callLater(delay, self._input, Input.RETRY)

    def _drop(self) -> None:
        opening, self._opening = self._opening, None
        self._status = attrs.evolve(self._status, channel_id="")
        if opening is not None:
            opening.drop()

    # What an opening tells.

    def received(self, event: SubscriptionEvent) -> None:
        self._events += 1
        self._on_event(event, self)

    def unreadable(self, error: BadDocument, event_id: str) -> None:
        if event_id:
            # Without an acknowledgement BroadWorks would offer it to every channel of the set, and end each for not taking it.
            self.acks.send(event_id)
        self._status = attrs.evolve(self._status, unreadable=self._status.unreadable + 1)
        self.log.warn("event channel {link} brought an unreadable document: {error}", link=self.link, error=str(error))

    def opened(self) -> None:
        self._input(Input.OPENED)

    def ended(self, ending: Ending) -> None:
        self._input(Input.ENDED, ending)
