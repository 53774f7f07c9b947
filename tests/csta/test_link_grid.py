"""A link in every state, with everything that can happen to it."""

from __future__ import annotations

from enum import Enum

import attrs
import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from bwconnector.csta.framing import encode_frame
from bwconnector.csta.link import CLOSE_TIMEOUT, Link
from bwconnector.csta.messages import RequestSystemStatus
from bwconnector.csta.xml import ED3

from .test_link import HELD, Rig, Session, Wire

LIMIT = 2000
PATIENCE = 60.0


class State(Enum):
    OPEN = "open"
    BEHIND = "behind"
    """The peer does not read as fast as it is told: what is sent waits here."""
    CLOSING = "closing"
    """What has been sent may still be read."""
    CUT_OFF = "cut off"
    """The connection is dropped, with whatever waited."""
    GONE = "gone"


class Input(Enum):
    PART = "part of a message"
    MESSAGE = "message"
    UNREADABLE = "unreadable request"
    GARBAGE = "garbage"
    SEND = "send"
    TOO_MUCH = "send, too much"
    PAUSE = "transport is full"
    RESUME = "transport has room"
    CLOSE = "close"
    TIMEOUT = "3 s over"
    SILENCE = "no message in time"
    LOST = "connection lost"


_S, _I = State, Input

GRID = {
    _S.OPEN: {_I.GARBAGE: _S.CLOSING, _I.PAUSE: _S.BEHIND, _I.CLOSE: _S.CLOSING, _I.SILENCE: _S.CUT_OFF, _I.LOST: _S.GONE},
    _S.BEHIND: {
        _I.GARBAGE: _S.CLOSING,
        _I.TOO_MUCH: _S.CUT_OFF,
        _I.RESUME: _S.OPEN,
        _I.CLOSE: _S.CLOSING,
        _I.SILENCE: _S.CUT_OFF,
        _I.LOST: _S.GONE,
    },
    _S.CLOSING: {_I.TIMEOUT: _S.CUT_OFF, _I.LOST: _S.GONE},
    _S.CUT_OFF: {_I.LOST: _S.GONE},
    _S.GONE: {},
}
"""State and input to the next state, where that is another one."""

PATHS = {
    _S.OPEN: (),
    _S.BEHIND: (_I.PAUSE, _I.SEND),
    _S.CLOSING: (_I.CLOSE,),
    _S.CUT_OFF: (_I.PAUSE, _I.TOO_MUCH),
    _S.GONE: (_I.LOST,),
}
"""How each state is reached."""


@attrs.frozen
class World:
    rig: Rig
    link: Link
    wire: Wire
    session: Session

    def state(self) -> State:
        if self.link.name not in self.rig.factory.links:
            return State.GONE
        if self.wire.aborting:
            return State.CUT_OFF
        if self.wire.disconnecting:
            return State.CLOSING
        return State.BEHIND if self.link._paused else State.OPEN

    def give(self, what: Input) -> None:
        """Bring about ``what``, whether or not that can happen in this state."""
        match what:
            case Input.PART:
                self.link.dataReceived(self.rig.request(RequestSystemStatus())[:20])
            case Input.MESSAGE:
                self.link.dataReceived(self.rig.request(RequestSystemStatus()))
            case Input.UNREADABLE:
                self.link.dataReceived(encode_frame("0007", b"<Nonsense/>"))
            case Input.GARBAGE:
                self.link.dataReceived(b"GET / HTTP/1.1\r\n\r\n")
            case Input.SEND:
                self.link.send_event(HELD, ED3)
            case Input.TOO_MUCH:
                for _ in range(20):
                    self.link.send_event(HELD, ED3)
            case Input.PAUSE:
                self.link.pauseProducing()
            case Input.RESUME:
                self.link.resumeProducing()
            case Input.CLOSE:
                self.link.close("the test")
            case Input.TIMEOUT:
                self.rig.clock.advance(CLOSE_TIMEOUT)
            case Input.SILENCE if self.link._overdue is not None:
                self.rig.clock.advance(PATIENCE)
            case Input.LOST if self.state() is not State.GONE:
                self.link.connectionLost(Failure(ConnectionLost()))


def in_state(state: State) -> World:
    rig = Rig(send_queue_limit=LIMIT, message_tout=PATIENCE)
    world = World(rig, *rig.link())
    for what in PATHS[state]:
        world.give(what)
    assert world.state() is state
    return world


@pytest.mark.parametrize("what", Input)
@pytest.mark.parametrize("state", State)
def test_every_input_in_every_state(state: State, what: Input) -> None:
    world = in_state(state)
    told, written, waiting = len(world.session.told), len(world.wire.value()), world.link.unsent
    world.give(what)
    expected = GRID[state].get(what, state)
    assert world.state() is expected
    # what comes in
    serves = state in (State.OPEN, State.BEHIND)
    lost = what is Input.LOST and state is not State.GONE
    assert len(world.session.told) - told == ((serves and what in (Input.MESSAGE, Input.UNREADABLE)) or lost)
    # what goes out
    speaks = what in (Input.MESSAGE, Input.UNREADABLE, Input.SEND, Input.TOO_MUCH)
    drains = state is State.BEHIND and what in (Input.RESUME, Input.CLOSE, Input.GARBAGE)
    assert (len(world.wire.value()) > written) == ((speaks and state is State.OPEN) or drains)
    assert len(world.wire.value()) - written == waiting or not drains
    assert (world.link.unsent > waiting) == (state is expected is State.BEHIND and speaks)
    assert not world.link.unsent or expected is State.BEHIND
    # what is left behind
    # ... a time until which a message must come, unless one has just come
    waits = expected in (State.OPEN, State.BEHIND) and what not in (Input.MESSAGE, Input.UNREADABLE)
    assert (world.link._overdue is not None) == waits
    assert bool(world.rig.clock.getDelayedCalls()) == (waits or expected is State.CLOSING)
    assert world.link.ended == (expected not in (State.OPEN, State.BEHIND))
