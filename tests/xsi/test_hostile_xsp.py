"""What an XSP, or whatever answers in its place, may do on a real socket: it costs a request or a channel, and bounded time and memory.

Nothing here depends on how requests are made, only on what is said and done on the sockets.
"""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import repeat

import attrs
import pytest
from twisted.internet.task import LoopingCall

from bwconnector.xsi import eventrequests, requests
from bwconnector.xsi.acks import Acks
from bwconnector.xsi.answers import read_calls, read_subscription
from bwconnector.xsi.channel import Channel, State
from bwconnector.xsi.errors import OutcomeUnknown, Refused, XsiFailure
from bwconnector.xsi.events import SubscriptionEvent
from bwconnector.xsi.opening import ChannelSettings
from bwconnector.xsi.requests import Request
from bwconnector.xsi.xsp import Xsp, XspSettings

from .samples import HEARTBEAT, channel, event
from .server import Endless, Seen, Server, asynchronous, chunked, endless, http, reactor, serving, until

SETTINGS = XspSettings("link-a", "127.0.0.1", tls=False, user_id="cti@ex.org", password="geheim")
SAFE = requests.calls("alice@ex.org")
UNSAFE = requests.dial("alice@ex.org", "+49 30")
MOST = 64 * 2**20
"""Bytes that may be taken from who never ends: some times the largest answer, since a safe request is tried twice, and buffers are full."""

PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form action='/login'>Please log in</form></body></html>"


@asynccontextmanager
async def one_xsp() -> AsyncIterator[tuple[Server, Xsp]]:
    async with serving() as server:
        client = Xsp(reactor, attrs.evolve(SETTINGS, port=server.port))
        try:
            yield server, client
        finally:
            await client.close()


ENDLESS = {
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-Filler: " + b"x" * 1000 + b"\r\n"),
    "one header": (b"HTTP/1.1 200 OK\r\nX-Filler: ", b"x" * 4096),
    "a status line": (b"HTTP/1.1 200 ", b"x" * 4096),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "a body until the end of the connection": (http(200, b"", "Connection: close", length=False), b"x" * 65536),
    "a body of a great length": (http(200, b"", "Content-Length: 999999999999", length=False), b"x" * 65536),
    "chunks": (chunked(200, end=False), b"10000\r\n" + b"x" * 65536 + b"\r\n"),
    "a chunk size": (chunked(200, end=False), b"0" * 4096),
    "trailers": (chunked(200, end=False) + b"0\r\n", b"X-Filler: " + b"x" * 1000 + b"\r\n"),
    "an error page": (http(503, b"", "Connection: close", length=False), b"x" * 65536),
}


@pytest.mark.parametrize("request_", [SAFE, UNSAFE], ids=["safe", "unsafe"])
@pytest.mark.parametrize(("head", "piece"), ENDLESS.values(), ids=ENDLESS)
@asynchronous
async def test_answers_without_end(request_: Request, head: bytes, piece: bytes) -> None:
    async with one_xsp() as (server, client):
        writers = endless(server, head, piece)
        with pytest.raises(XsiFailure):
            await client.perform(request_, 1.0)
        await until(lambda: all(connection.closed for connection in server.connections))
        assert sum(writer.taken for writer in writers) <= MOST
        # whoever comes next is served as if nothing had been
        server.answer = lambda seen: http(200, b"<Calls/>")
        assert read_calls((await client.perform(SAFE)).body) == {}


async def an_acknowledgement_is_lost_at_most(server: Server, acks: Acks) -> None:
    """The first one is answered as the server does now, the next one as it should be."""
    acks.send("e-1")
    await until(lambda: acks.failed + acks.sent == 1)
    server.answer = lambda seen: http(200)
    acks.send("e-2")
    await until(lambda: acks.failed + acks.sent == 2)
    assert acks.sent >= 1


@pytest.mark.parametrize(("head", "piece"), ENDLESS.values(), ids=ENDLESS)
@asynchronous
async def test_an_acknowledgement_that_is_answered_without_end(head: bytes, piece: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bwconnector.xsi.acks._ANSWER_TIMEOUT", 0.5)
    async with serving() as server:
        writers = endless(server, head, piece)
        settings = attrs.evolve(SETTINGS, port=server.port)
        acks = Acks(reactor, settings, settings.endpoint(reactor), connections=1)
        await an_acknowledgement_is_lost_at_most(server, acks)
        assert all(connection.closed for connection in server.connections[: len(writers)])
        acks.close()


SLOW = {
    "nothing": (b"", b""),
    "headers, byte by byte": (b"HTTP/1.1 200 OK\r\n", b"X"),
    "a body, byte by byte": (http(200, b"", "Content-Length: 100000", length=False), b"x"),
    "chunks, byte by byte": (chunked(200, end=False), b"1\r\nx\r\n"),
}


@pytest.mark.parametrize(("head", "piece"), SLOW.values(), ids=SLOW)
@asynchronous
async def test_answers_that_take_for_ever(head: bytes, piece: bytes) -> None:
    """Each piece comes soon enough; it is the whole that has a time."""
    async with one_xsp() as (server, client):
        dribbles: list[LoopingCall] = []

        def answer(seen: Seen) -> bytes:
            dribbles.append(LoopingCall(seen.connection.answer, piece))
            dribbles[-1].start(0.02, now=False)
            return head

        server.answer = answer
        began = reactor.seconds()
        with pytest.raises(OutcomeUnknown):
            await client.perform(SAFE, 0.3)
        assert reactor.seconds() - began < 5
        await until(lambda: all(connection.closed for connection in server.connections))
        for dribble in dribbles:
            dribble.stop()


NONSENSE = {
    "no HTTP": b"\x15\x03\x03\x00\x02\x02\x28",
    "an older HTTP": b"HTTP/0.9 200\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a status of many digits": b"HTTP/1.1 " + b"9" * 5000 + b" OK\r\n\r\n",
    "a length of many digits": http(200, b"", "Content-Length: " + "9" * 5000, length=False),
    "a length that is none": http(200, b"", "Content-Length: many", length=False),
    "a negative length": http(200, b"", "Content-Length: -1", length=False),
    "a chunk of many digits": chunked(200, end=False) + b"F" * 500 + b"\r\n",
    "no chunk": chunked(200, end=False) + b"xyz\r\n",
    "NULs": b"\0" * 100 + b"\r\n\r\n",
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
@asynchronous
async def test_answers_that_are_none(answer: bytes) -> None:
    async with one_xsp() as (server, client):

        def respond(seen: Seen) -> bytes:
            seen.connection.close_soon()
            return answer

        server.answer = respond
        with pytest.raises(XsiFailure):
            read_calls((await client.perform(SAFE, 1.0)).body)


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
@asynchronous
async def test_acknowledgements_whose_answers_are_none(answer: bytes) -> None:
    async with serving() as server:
        settings = attrs.evolve(SETTINGS, port=server.port)
        acks = Acks(reactor, settings, settings.endpoint(reactor), connections=1)

        def respond(seen: Seen) -> bytes:
            seen.connection.close_soon()
            return answer

        server.answer = respond
        await an_acknowledgement_is_lost_at_most(server, acks)
        acks.close()


@pytest.mark.parametrize("status", [200, 401, 503])
@asynchronous
async def test_a_page_of_somebody_in_between(status: int) -> None:
    """A proxy, or a portal to log in at, answers in place of BroadWorks: it did not say what became of the request."""
    async with one_xsp() as (server, client):
        server.answer = lambda seen: http(status, PAGE, "Content-Type: text/html")
        with pytest.raises(XsiFailure) as raised:
            read_subscription((await client.perform(UNSAFE)).body)
        assert isinstance(raised.value, OutcomeUnknown if status == 200 else Refused)
        assert len(str(raised.value)) < 400


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("request_", [SAFE, UNSAFE, eventrequests.heartbeat("ch-1")], ids=["safe", "unsafe", "heartbeat"])
@asynchronous
async def test_credentials_never_go_elsewhere(status: int, request_: Request) -> None:
    async with serving() as other, one_xsp() as (server, client):
        server.answer = lambda seen: http(status, b"", f"Location: http://127.0.0.1:{other.port}/x")
        with pytest.raises(Refused, match="redirected to"):
            await client.perform(request_)
    assert len(server.seen) == 1
    assert not other.connections


class Nobody:
    """Takes a stream and keeps nothing of it."""

    def __init__(self) -> None:
        self.taken = 0
        self.longest = 0

    def data_received(self, data: bytes) -> None:
        self.taken += len(data)
        self.longest = max(self.longest, len(data))

    def stream_ended(self, reason: str) -> None:
        pass


HEADS = {name: ENDLESS[name] for name in ("headers", "one header", "a status line", "interim answers")}


@pytest.mark.parametrize(("head", "piece"), HEADS.values(), ids=HEADS)
@asynchronous
async def test_a_stream_that_never_begins(head: bytes, piece: bytes) -> None:
    """It is ended by its length, long before its time is over."""
    async with one_xsp() as (server, client):
        writers = endless(server, head, piece)
        with pytest.raises(XsiFailure) as failed:
            await client.open_stream(eventrequests.add_channel("set"), Nobody(), 60.0)
        await until(lambda: all(connection.closed for connection in server.connections))
        assert sum(writer.taken for writer in writers) <= MOST
        if piece.endswith(b"\n"):  # whoever sends one line only is cut off by the HTTP client itself
            assert "more than 16384 bytes of headers" in str(failed.value)


@asynchronous
async def test_a_stream_that_is_a_bomb() -> None:
    """What is compressed though nobody has asked for that is taken as it comes."""
    bomb = gzip.compress(bytes(2**26), 9)
    async with one_xsp() as (server, client):
        server.answer = lambda seen: http(200, bomb, "Content-Encoding: gzip")
        receiver = Nobody()
        await client.open_stream(eventrequests.add_channel("set"), receiver)
        await until(lambda: receiver.taken)
        await until(lambda: receiver.taken == len(bomb))
    assert receiver.longest <= 2**17


@asynchronous
async def test_a_bomb() -> None:
    """Unasked for, and a thousand times as long as what is sent."""
    bomb = gzip.compress(bytes(2**28), 9)
    async with one_xsp() as (server, client):
        server.answer = lambda seen: http(200, bomb, "Content-Encoding: gzip")
        tracemalloc.start()
        try:
            with pytest.raises(XsiFailure):
                read_calls((await client.perform(UNSAFE)).body)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert len(bomb) < 2**19
    assert peak < 2**28


# The channel


class World:
    """One channel at an XSP that a test decides on; what came of it."""

    def __init__(self, port: int) -> None:
        settings = attrs.evolve(SETTINGS, port=port)
        self.xsp = Xsp(reactor, settings)
        self.acks = Acks(reactor, settings, settings.endpoint(reactor), connections=1)
        self.events: list[SubscriptionEvent] = []
        self.channel = Channel(
            reactor,
            self.xsp,
            self.acks,
            ChannelSettings("set", "app", heartbeat_interval=0.4, retry_cap=0.5),
            lambda event, channel: self.events.append(event),
            lambda channel: None,
            jitter=lambda: 0.0,
        )

    @property
    def state(self) -> State:
        return self.channel.status.state

    async def stop(self) -> None:
        await self.channel.stop()
        self.acks.close()
        await self.xsp.close()


async def with_channel(stream: Callable[[Seen], bytes], test: Callable[[World, Server], Awaitable[None]]) -> None:
    """Run ``test`` with a channel whose stream is what ``stream`` writes; all other requests are accepted."""
    async with serving() as server:

        def answer(seen: Seen) -> bytes:
            return stream(seen) if seen.method == "POST" and seen.target.endswith("/channel") else http(200, channel())

        server.answer = answer
        world = World(server.port)
        world.channel.start()
        try:
            await test(world, server)
        finally:
            await world.stop()


@asynchronous
async def test_a_stream_that_dribbles() -> None:
    """Every byte comes by itself, and every document in the end."""

    def stream(seen: Seen) -> bytes:
        whole = iter(channel() + event("HookStatusEvent", event_id="1") + event("HookStatusEvent", event_id="2") + HEARTBEAT * 50)

        def drip() -> None:
            if not seen.connection.closed and (byte := next(whole, None)) is not None:
                seen.connection.answer(b"1\r\n%c\r\n" % byte)
                reactor.callLater(0, drip)

        reactor.callLater(0, drip)
        return chunked(200, end=False)

    async def test(world: World, server: Server) -> None:
        await until(lambda: len(world.events) == 2)
        assert [each.event_id for each in world.events] == ["1", "2"]
        assert world.state is State.UP

    await with_channel(stream, test)


@asynchronous
async def test_a_document_without_end_ends_the_channel() -> None:
    writers: list[Endless] = []

    def stream(seen: Seen) -> bytes:
        reactor.callLater(0, lambda: writers.append(Endless(seen, repeat(b"10000\r\n" + b"x" * 65536 + b"\r\n"))))
        return chunked(200, channel() + b"<Event>", end=False)

    async def test(world: World, server: Server) -> None:
        await until(lambda: world.state is State.BACKOFF)
        assert "without the end of a document" in world.channel.status.reason
        await until(lambda: server.connections[0].closed)
        assert writers[0].taken <= MOST

    await with_channel(stream, test)


@asynchronous
async def test_a_page_where_the_stream_should_be() -> None:
    async def test(world: World, server: Server) -> None:
        await until(lambda: world.state is State.BACKOFF)
        assert "no XML between documents" in world.channel.status.reason

    await with_channel(lambda seen: http(200, PAGE, "Content-Type: text/html"), test)


@asynchronous
async def test_a_stream_is_not_looked_for_elsewhere() -> None:
    async with serving() as other:

        async def test(world: World, server: Server) -> None:
            await until(lambda: world.state is State.BACKOFF)
            assert "redirected to" in world.channel.status.reason

        await with_channel(lambda seen: http(307, b"", f"Location: http://127.0.0.1:{other.port}/channel"), test)
        assert not other.connections


@asynchronous
async def test_heartbeats_that_hang_end_the_channel() -> None:
    hung: list[Seen] = []
    async with serving() as server:

        def answer(seen: Seen) -> bytes:
            if seen.target.endswith("/heartbeat"):
                hung.append(seen)
                return b""
            return chunked(200, channel(), end=False) if seen.method == "POST" else http(200, channel())

        server.answer = answer
        world = World(server.port)
        world.channel.start()
        await until(lambda: world.state is State.UP)
        await until(lambda: world.state is State.BACKOFF)
        assert "heartbeat" in world.channel.status.reason
        await world.channel.stop()
        for seen in hung:
            seen.connection.answer(http(200))
        await until(lambda: world.xsp.requests.total() >= len(server.seen))
        await world.stop()


@asynchronous
async def test_one_bad_document_costs_itself_alone() -> None:
    bad = event("HookStatusEvent", event_id="bad").replace(b"HookStatusEvent", b"&nonsense;")

    async def test(world: World, server: Server) -> None:
        await until(lambda: len(world.events) == 2)
        await until(lambda: world.acks.sent == 1)
        assert world.state is State.UP
        assert world.channel.status.unreadable == 1
        (ack,) = [seen for seen in server.seen if seen.target.endswith("eventresponse")]
        assert b"<eventID>bad</eventID>" in ack.body

    documents = (channel(), event("HookStatusEvent", event_id="1"), bad, event("HookStatusEvent", event_id="2"))
    await with_channel(lambda seen: chunked(200, *documents, end=False), test)
