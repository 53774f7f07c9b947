from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from bwconnector.xsi import pool as pool_module
from bwconnector.xsi.http1 import SMALL, BadAnswer
from bwconnector.xsi.keepalive import IDLE_TIMEOUT
from bwconnector.xsi.pool import Late, Lost, NotSent, Pool

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok", b"\r\n0\r\n\r\n")
LAST = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
TIMEOUT = 2.0


class Transport:
    """A connection as the pool has it; the test is its far end."""

    disconnecting = False

    def __init__(self, clock: Clock, protocol: Any) -> None:
        self._clock = clock
        self._protocol = protocol
        self.written: list[bytes] = []
        self.fate = "open"
        protocol.makeConnection(self)

    def write(self, data: bytes) -> None:
        assert self.fate == "open"
        self.written.append(data)

    def loseConnection(self) -> None:
        self._end("closed", ConnectionDone())

    def abortConnection(self) -> None:
        self._end("aborted", ConnectionAborted())

    def lose(self, reason: Exception) -> None:
        self._end("lost", reason)

    def _end(self, fate: str, reason: Exception) -> None:
        if self.fate == "open":
            self.fate = fate
            self._clock.callLater(0, self._protocol.connectionLost, Failure(reason))

    def receive(self, data: bytes) -> None:
        if self.fate == "open":
            self._protocol.dataReceived(data)


@implementer(IStreamClientEndpoint)
class Endpoint:
    """Each attempt waits for the test."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.attempts: list[tuple[Any, Deferred[Any]]] = []
        self.transports: list[Transport] = []

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        attempt: Deferred[Any] = Deferred()
        self.attempts.append((protocolFactory, attempt))
        return attempt

    def accept(self) -> Transport:
        factory, attempt = self.attempts.pop(0)
        protocol = factory.buildProtocol(None)
        transport = Transport(self._clock, protocol)
        self.transports.append(transport)
        attempt.callback(protocol)
        return transport

    def refuse(self) -> None:
        _, attempt = self.attempts.pop(0)
        attempt.errback(ConnectionRefusedError())


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.endpoint = Endpoint(self.clock)
        self.pool = Pool(self.clock, self.endpoint)
        self.results: list[Any] = []

    def ask(self, data: bytes = b"request", timeout: float = TIMEOUT) -> Deferred[Any]:
        number = len(self.results)
        self.results.append(None)

        def told(result: Any) -> None:
            assert self.results[number] is None, "it is told once"
            self.results[number] = result.value if isinstance(result, Failure) else result

        return self.pool.ask(data, timeout).addBoth(told)

    @property
    def outcome(self) -> str:
        (result,) = self.results
        return "pending" if result is None else result.body.decode() if hasattr(result, "body") else type(result).__name__

    @property
    def fates(self) -> list[str]:
        return [transport.fate for transport in self.endpoint.transports]


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.pool.close()
    world.clock.advance(60)
    assert not world.clock.getDelayedCalls()
    assert not world.pool._connections


# The states of a request, and how it comes to each.


def connecting(world: World) -> Deferred[Any]:
    return world.ask()


def written(world: World) -> Deferred[Any]:
    asked = world.ask()
    assert world.endpoint.accept().written == [b"request"]
    return asked


def answered_in_part(world: World) -> Deferred[Any]:
    asked = written(world)
    world.endpoint.transports[0].receive(CHUNKED[0])
    return asked


def answered(world: World) -> Deferred[Any]:
    asked = answered_in_part(world)
    world.endpoint.transports[0].receive(CHUNKED[1])
    return asked


# What may happen to it.


def is_accepted(world: World, asked: Deferred[Any]) -> None:
    world.endpoint.accept()


def is_refused(world: World, asked: Deferred[Any]) -> None:
    world.endpoint.refuse()


def receives(data: bytes) -> Callable[[World, Deferred[Any]], None]:
    return lambda world, asked: world.endpoint.transports[0].receive(data)


def ends(world: World, asked: Deferred[Any]) -> None:
    world.endpoint.transports[0].lose(ConnectionDone())


def breaks(world: World, asked: Deferred[Any]) -> None:
    world.endpoint.transports[0].lose(ConnectionLost())


def time_is_over(world: World, asked: Deferred[Any]) -> None:
    world.clock.advance(TIMEOUT)


def is_cancelled(world: World, asked: Deferred[Any]) -> None:
    asked.cancel()


def pool_closes(world: World, asked: Deferred[Any]) -> None:
    world.pool.close()


def leads_elsewhere(world: World, asked: Deferred[Any]) -> None:
    world.pool.lead_to(world.endpoint, keep=False)


def time_passes(world: World, asked: Deferred[Any]) -> None:
    world.clock.advance(IDLE_TIMEOUT)


GRID = [
    (connecting, is_accepted, "pending", ["open"]),
    (connecting, is_refused, "NotSent", []),
    (connecting, time_is_over, "NotSent", []),
    (connecting, is_cancelled, "NotSent", []),
    (connecting, pool_closes, "pending", []),
    (connecting, leads_elsewhere, "pending", []),
    (written, receives(ANSWER), "ok", ["open"]),
    (written, receives(CHUNKED[0]), "pending", ["open"]),
    (written, receives(LAST), "ok", ["aborted"]),
    (written, receives(b"HTTP/1.1 102 Processing\r\n\r\n" + ANSWER), "ok", ["open"]),
    (written, receives(ANSWER + b"H"), "ok", ["aborted"]),
    (written, receives(ANSWER + ANSWER), "ok", ["aborted"]),
    (written, receives(b"SSH-2.0\r\n\r\n"), "Lost", ["aborted"]),
    (written, receives(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n"), "Lost", ["aborted"]),
    (written, ends, "Lost", ["lost"]),
    (written, breaks, "Lost", ["lost"]),
    (written, time_is_over, "Late", ["aborted"]),
    (written, is_cancelled, "Late", ["aborted"]),
    (written, pool_closes, "pending", ["open"]),
    (written, leads_elsewhere, "pending", ["open"]),
    (answered_in_part, receives(CHUNKED[1]), "ok", ["open"]),
    (answered_in_part, receives(b"xyz\r\n"), "Lost", ["aborted"]),
    (answered_in_part, ends, "Lost", ["lost"]),
    (answered_in_part, breaks, "Lost", ["lost"]),
    (answered_in_part, time_is_over, "Late", ["aborted"]),
    (answered_in_part, is_cancelled, "Late", ["aborted"]),
    (answered_in_part, pool_closes, "pending", ["open"]),
    (answered_in_part, leads_elsewhere, "pending", ["open"]),
    (answered, receives(ANSWER), "ok", ["aborted"]),
    (answered, receives(b"x"), "ok", ["aborted"]),
    (answered, ends, "ok", ["lost"]),
    (answered, breaks, "ok", ["lost"]),
    (answered, time_is_over, "ok", ["open"]),
    (answered, is_cancelled, "ok", ["open"]),
    (answered, pool_closes, "ok", ["closed"]),
    (answered, leads_elsewhere, "ok", ["closed"]),
    (answered, time_passes, "ok", ["closed"]),
]


@pytest.mark.parametrize(("state", "happens", "outcome", "fates"), GRID)
def test_each_happening_in_each_state(
    world: World,
    state: Callable[[World], Deferred[Any]],
    happens: Callable[[World, Deferred[Any]], None],
    outcome: str,
    fates: list[str],
) -> None:
    asked = state(world)
    happens(world, asked)
    world.clock.advance(0)
    assert (world.outcome, world.fates) == (outcome, fates)
    # whatever it was, the next request is served, by a connection on which nothing is left of the first one
    while world.endpoint.attempts:
        world.endpoint.accept()
    asked.cancel()
    world.clock.advance(0)
    world.results.clear()
    world.ask(b"next")
    while world.endpoint.attempts:
        world.endpoint.accept()
    (transport,) = (each for each in world.endpoint.transports if each.written and each.written[-1] == b"next")
    transport.receive(ANSWER)
    assert world.outcome == "ok"


def test_a_connection_is_used_again(world: World) -> None:
    for number in range(3):
        world.ask()
        if not number:
            world.endpoint.accept()
        world.endpoint.transports[0].receive(ANSWER)
    assert [result.body for result in world.results] == [b"ok"] * 3
    assert not world.endpoint.attempts


def test_what_is_asked_as_soon_as_there_is_an_answer_needs_no_other_connection(world: World) -> None:
    asked = world.ask()
    asked.addCallback(lambda _: world.ask(b"next") and None)
    transport = world.endpoint.accept()
    transport.receive(ANSWER)
    assert transport.written == [b"request", b"next"]
    assert not world.endpoint.attempts


def test_what_is_asked_as_soon_as_there_is_a_last_answer_gets_another_connection(world: World) -> None:
    asked = world.ask()
    asked.addCallback(lambda _: world.ask(b"next") and None)
    world.endpoint.accept().receive(LAST)
    world.clock.advance(0)
    assert world.endpoint.accept().written == [b"next"]


def test_close_ends_attempts_that_nobody_waits_for(world: World) -> None:
    world.ask()
    world.ask()
    world.endpoint.accept().receive(ANSWER)
    world.ask()
    assert len(world.endpoint.attempts) == 1
    world.pool.close()
    assert not world.endpoint.attempts[0][1].called  # one still waits
    world.endpoint.transports[0].receive(ANSWER)
    world.pool.close()
    assert world.endpoint.attempts.pop()[1].called
    world.endpoint.transports[0].receive(ANSWER)
    world.clock.advance(0)
    assert [result.body for result in world.results] == [b"ok"] * 3


def test_the_connection_that_was_used_last_is_used_next(world: World) -> None:
    world.ask()
    world.ask()
    first, second = world.endpoint.accept(), world.endpoint.accept()
    first.receive(ANSWER)
    second.receive(ANSWER)
    for _ in range(3):
        world.clock.advance(IDLE_TIMEOUT / 2)
        world.ask()
        second.receive(ANSWER)
    assert (len(first.written), len(second.written)) == (1, 4)
    assert world.fates == ["closed", "open"]


def test_one_that_is_free_again_takes_what_waits_for_a_new_one(world: World) -> None:
    world.ask()
    first = world.endpoint.accept()
    world.ask(b"second")
    first.receive(ANSWER)
    assert first.written == [b"request", b"second"]
    first.receive(ANSWER)
    world.endpoint.refuse()  # nobody waits for it any more
    assert [result.body for result in world.results] == [b"ok"] * 2


def test_so_many_connections_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_MAX_CONNECTIONS", 2)
    for _ in range(4):
        world.ask()
    assert len(world.endpoint.attempts) == 2
    first, second = world.endpoint.accept(), world.endpoint.accept()
    assert not world.endpoint.attempts
    first.receive(ANSWER)
    second.lose(ConnectionLost())
    world.clock.advance(0)
    third = world.endpoint.accept()
    assert [len(each.written) for each in (first, second, third)] == [2, 1, 1]
    first.receive(ANSWER)
    third.receive(ANSWER)
    assert [type(result).__name__ for result in world.results] == ["Answer", "Lost", "Answer", "Answer"]


def test_long_answers_share_one_room_and_small_ones_need_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_MAX_BODIES", 4 * SMALL)
    for _ in range(4):
        world.ask()
    first, second, third, fourth = (world.endpoint.accept() for _ in range(4))
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    for each in (first, second):
        each.receive(head + b"x" * 2 * SMALL)
    third.receive(head + b"x" * SMALL)
    assert set(world.fates) == {"open"}
    third.receive(b"x")
    fourth.receive(ANSWER)
    first.receive(b"x")
    assert world.fates == ["aborted", "open", "aborted", "open"]
    world.clock.advance(0)
    second.receive(b"x" * SMALL)
    second.lose(ConnectionDone())
    world.clock.advance(0)
    assert [type(result).__name__ for result in world.results] == ["Lost", "Answer", "Lost", "Answer"]
    assert "while others are that long" in str(world.results[2])
    assert len(world.results[1].body) == 3 * SMALL


def test_of_a_lost_connection_nothing_is_kept(world: World) -> None:
    """Whatever else refers to it, for as long as that may be."""
    written(world)
    (connection,) = world.pool._connections
    world.endpoint.transports[0].receive(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")
    assert connection.held == 1
    world.endpoint.transports[0].lose(ConnectionLost())
    world.clock.advance(0)
    assert connection.held == 0


def test_as_many_requests_fail_as_connections_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_MAX_CONNECTIONS", 1)
    world.ask()
    world.ask()
    world.endpoint.refuse()
    assert isinstance(world.results[0], NotSent) and isinstance(world.results[0].cause, ConnectionRefusedError)
    assert world.results[1] is None
    world.endpoint.refuse()
    assert isinstance(world.results[1], NotSent)
    assert not world.endpoint.attempts


def test_a_late_answer_goes_to_nobody(world: World) -> None:
    world.ask()
    first = world.endpoint.accept()
    world.clock.advance(TIMEOUT - 0.1)
    world.ask(b"second")
    world.clock.advance(0.1)
    first.receive(ANSWER)
    world.clock.advance(0)
    second = world.endpoint.accept()
    assert second.written == [b"second"]
    assert isinstance(world.results[0], Late) and world.results[1] is None
    second.receive(ANSWER)
    assert world.results[1].body == b"ok"


def test_what_is_tried_again_gets_a_new_connection(world: World) -> None:
    """When an XSP restarts, all connections to it are dead, though some of them may not have been heard of yet."""
    world.ask()
    world.ask()
    first, second = world.endpoint.accept(), world.endpoint.accept()
    first.receive(ANSWER)
    second.receive(ANSWER)
    world.ask().addErrback(lambda _: None)
    second.lose(ConnectionLost())
    world.clock.advance(0)
    assert isinstance(world.results[2], Lost)
    assert world.fates == ["closed", "lost"]
    world.ask(b"again")
    world.endpoint.accept().receive(ANSWER)
    assert world.results[3].body == b"ok"


def test_a_connection_to_the_former_place_takes_nothing_new(world: World) -> None:
    """The next request carries other credentials, perhaps."""
    elsewhere = Endpoint(world.clock)
    world.ask(b"old")
    world.ask(b"older")
    used = world.endpoint.accept()
    world.pool.lead_to(elsewhere, keep=False)
    late = world.endpoint.accept()
    assert (used.written, late.written) == ([b"old"], [])
    assert elsewhere.accept().written == [b"older"]
    used.receive(ANSWER)
    world.clock.advance(0)
    assert world.fates == ["closed", "closed"]
    elsewhere.transports[0].receive(ANSWER)
    assert [result.body for result in world.results] == [b"ok"] * 2


def test_close_waits_for_idle_connections_only(world: World) -> None:
    written(world)
    world.ask()
    idle = world.endpoint.accept()
    idle.receive(ANSWER)
    closed: list[object] = []
    world.pool.close().addCallback(closed.append)
    assert not closed
    world.clock.advance(0)
    assert closed == [None]
    assert (world.results[0], world.fates) == (None, ["open", "closed"])
    world.endpoint.transports[0].receive(ANSWER)
    world.clock.advance(0)
    assert world.results[0].body == b"ok"
    assert world.fates == ["closed", "closed"]


def test_an_unreadable_answer_says_so(world: World) -> None:
    written(world)
    world.endpoint.transports[0].receive(b"<html>\r\n\r\n")
    world.clock.advance(0)
    (lost,) = world.results
    assert isinstance(lost, Lost) and isinstance(lost.cause, BadAnswer) and "<html>" in str(lost)


def test_a_body_that_ends_with_its_connection(world: World) -> None:
    written(world)
    transport = world.endpoint.transports[0]
    transport.receive(b"HTTP/1.1 200 OK\r\n\r\no")
    transport.receive(b"k")
    assert world.outcome == "pending"
    transport.lose(ConnectionDone())
    world.clock.advance(0)
    assert world.outcome == "ok"


def test_a_peer_that_does_not_close_its_end(world: World) -> None:
    """TLS waits for the other end's good-bye."""
    answered(world)
    transport = world.endpoint.transports[0]
    transport.loseConnection = lambda: None  # type: ignore[method-assign]
    world.pool.close()
    assert transport.fate == "open"
    world.clock.advance(1.0)
    assert transport.fate == "aborted"
    world.clock.advance(0)
