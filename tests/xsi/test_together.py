"""All parts at once, with real sockets: two XSPs of a few lines, on which one channel set and its subscriptions live."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
from lxml import etree
from twisted.internet.defer import Deferred, ensureDeferred

from bwconnector.xsi.acks import Acks
from bwconnector.xsi.channelset import ChannelSet, Link
from bwconnector.xsi.errors import NoXspAvailable
from bwconnector.xsi.events import SubscriptionEvent
from bwconnector.xsi.opening import ChannelSettings
from bwconnector.xsi.subscriptions import Subscriptions, SubscriptionSettings
from bwconnector.xsi.xsp import Xsp, XspSettings

from .samples import HEARTBEAT, channel, event, subscription, terminated
from .server import Connection, Seen, Server, asynchronous, chunked, http, reactor, serving, until


class XspInside:
    """What an XSP does with the requests of a channel set."""

    def __init__(self, server: Server, name: str) -> None:
        self.name = name
        self.stream: Connection | None = None
        self.acknowledged: list[str] = []
        self.heartbeats = 0
        self.server = server
        server.answer = self.answer

    def answer(self, seen: Seen) -> bytes:
        path = seen.target.partition("/v2.0/")[2]
        if "com.broadsoft.async" in seen.target:
            self.stream = seen.connection
            return chunked(200, channel(self.name), end=False)
        if path == f"channel/{self.name}/heartbeat":
            self.heartbeats += 1
            self.tell(HEARTBEAT)
        elif path == "channel/eventresponse":
            self.acknowledged.append(str(etree.fromstring(seen.body).findtext("{*}eventID")))
        elif seen.method == "POST":
            # The initial event overtakes the answer.
            self.tell(event("CallSubscriptionEvent", event_id="first", sequence=1, target=""))
            return http(200, subscription())
        elif seen.method == "DELETE":
            self.tell(terminated("ExplicitDelete", self.name))
        return http(200)

    def tell(self, document: bytes) -> None:
        """Write a document in two chunks."""
        assert self.stream is not None
        for part in (document[:7], document[7:]):
            self.stream.answer(b"%x\r\n%b\r\n" % (len(part), part))


@attrs.frozen
class World:
    xsps: list[XspInside]
    channels: ChannelSet
    subscriptions: Subscriptions
    events: list[tuple[str, SubscriptionEvent]]


@asynccontextmanager
async def world(**settings: Any) -> AsyncIterator[World]:
    async with serving() as one, serving() as two:
        inside = [XspInside(server, f"ch-{number}") for number, server in enumerate((one, two))]
        links = []
        for xsp in inside:
            reach = XspSettings(f"link-{xsp.name}", "127.0.0.1", xsp.server.port, tls=False, user_id="cti@ex.org", password="geheim")
            channel_settings = attrs.evolve(ChannelSettings("set", "app", heartbeat_interval=0), **settings)
            links.append(Link(Xsp(reactor, reach), Acks(reactor, reach, reach.endpoint(reactor)), channel_settings))
        channels = ChannelSet(reactor, links)
        events: list[tuple[str, SubscriptionEvent]] = []
        subscriptions = Subscriptions(
            reactor, channels, SubscriptionSettings("set", "app"), lambda target, event: events.append((target, event))
        )
        channels.start()
        try:
            await until(lambda: channels.up_count == 2)
            yield World(inside, channels, subscriptions, events)
        finally:
            subscriptions.stop()
            await channels.stop()


@asynchronous
async def test_from_the_stream_to_the_acknowledgement() -> None:
    async with world() as here:
        await subscribed(here)
        one, two = here.xsps
        for number in range(2, 40):
            (one if number % 3 else two).tell(event("HookStatusEvent", event_id=f"e-{number}", sequence=number))
        await until(lambda: len(here.events) == 39)
        assert [event.sequence for _, event in here.events] == list(range(1, 40))
        assert {(target, event.target_id) for target, event in here.events} == {("alice@ex.org", "alice@ex.org")}
        await until(lambda: len(one.acknowledged) + len(two.acknowledged) == 39)
        assert set(two.acknowledged) >= {f"e-{number}" for number in range(3, 40, 3)}
        assert here.channels.duplicates == here.channels.gaps == here.channels.strangers == 0


async def subscribed(here: World) -> None:
    waiting: Deferred[None] = ensureDeferred(here.subscriptions.subscribe("alice@ex.org", ["Advanced Call"]))
    await waiting
    await until(lambda: here.events)


@asynchronous
async def test_heartbeats() -> None:
    async with world(heartbeat_interval=0.05) as here:
        await until(lambda: all(xsp.heartbeats >= 5 for xsp in here.xsps))
        assert here.channels.up_count == 2


@asynchronous
async def test_a_lost_channel_comes_back() -> None:
    async with world(retry_cap=0.01) as here:
        for xsp in here.xsps:
            assert xsp.stream is not None
            xsp.stream.answer(None)
        await until(lambda: here.channels.up_count == 0)
        with pytest.raises(NoXspAvailable):
            await here.subscriptions.subscribe("alice@ex.org", ["Advanced Call"])
        await until(lambda: here.channels.up_count == 2)
        await subscribed(here)


@asynchronous
async def test_stop_leaves_no_connection() -> None:
    async with world() as here:
        await subscribed(here)
        await until(lambda: any(xsp.acknowledged for xsp in here.xsps))  # on a connection of its own, which may be slower than the answer
    assert [xsp.server.seen[-1].method for xsp in here.xsps] == ["DELETE", "DELETE"]
    assert all(connection.closed for xsp in here.xsps for connection in xsp.server.connections)
