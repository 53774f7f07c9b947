from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
from lxml import etree
from twisted.internet.task import deferLater
from twisted.logger import LogLevel, capturedLogs

from bwconnector.xsi import acks, keepalive
from bwconnector.xsi.acks import Acks
from bwconnector.xsi.xsp import XspSettings

from .server import Seen, Server, asynchronous, chunked, http, reactor, serving, until

SETTINGS = XspSettings("link-a", "127.0.0.1", tls=False, user_id="cti@ex.org", password="geheim", protocol_version="23.0")


def acks_to(port: int, **options: Any) -> Acks:
    settings = attrs.evolve(SETTINGS, port=port)
    return Acks(reactor, settings, settings.endpoint(reactor), **options)


@asynccontextmanager
async def acking(**options: Any) -> AsyncIterator[tuple[Server, Acks]]:
    async with serving() as server:
        client = acks_to(server.port, **options)
        try:
            yield server, client
        finally:
            client.close()
            await until(lambda: all(connection.closed for connection in server.connections))


def event_id(seen: Seen) -> str:
    return str(etree.fromstring(seen.body).findtext("{*}eventID"))


@asynchronous
async def test_an_acknowledgement_on_the_wire() -> None:
    async with acking() as (server, client):
        client.send("e&1", 481, "Unknown subscription")
        await until(lambda: client.sent)
    (seen,) = server.seen
    assert (seen.method, seen.target) == ("POST", "/com.broadsoft.xsi-events/v2.0/channel/eventresponse")
    assert seen.headers["authorization"] == "Basic Y3RpQGV4Lm9yZzpnZWhlaW0="
    assert seen.headers["host"] == f"127.0.0.1:{server.port}"
    assert seen.headers["x-broadworks-protocol-version"] == "23.0"
    assert [(etree.QName(e).localname, e.text) for e in etree.fromstring(seen.body)] == [
        ("eventID", "e&1"),
        ("statusCode", "481"),
        ("reason", "Unknown subscription"),
    ]


@asynchronous
async def test_other_credentials_and_another_address() -> None:
    async with serving() as other, acking() as (server, client):
        client.send("e-1")
        await until(lambda: client.sent == 1)
        settings = attrs.evolve(SETTINGS, port=other.port, password="neu")
        client.change(settings, settings.endpoint(reactor))
        client.send("e-2")
        await until(lambda: client.sent == 2)
        server.connections[0].answer(None)
        await until(lambda: server.connections[0].closed and not client._connections)
        client.send("e-3")
        await until(lambda: client.sent == 3)
        client.close()
    assert [(event_id(seen), seen.headers["authorization"]) for seen in (*server.seen, *other.seen)] == [
        ("e-1", "Basic Y3RpQGV4Lm9yZzpnZWhlaW0="),
        ("e-2", "Basic Y3RpQGV4Lm9yZzpuZXU="),
        ("e-3", "Basic Y3RpQGV4Lm9yZzpuZXU="),
    ]
    assert len(other.seen) == 1


@pytest.mark.parametrize("depth", [1, 4])
@pytest.mark.parametrize("connections", [1, 3])
@asynchronous
async def test_each_is_delivered_once_over_few_connections(connections: int, depth: int) -> None:
    async with acking(connections=connections, depth=depth) as (server, client):
        answers = [http(200), chunked(200, b"<html>", b"</html>"), http(204, length=False), http(200, b"x" * 100)]
        server.answer = lambda seen: answers[len(server.seen) % len(answers)]
        for number in range(60):
            client.send(str(number))
        await until(lambda: client.sent == 60)
        assert sorted(map(event_id, server.seen), key=int) == [str(number) for number in range(60)]
        assert len(server.connections) <= connections
        assert (client.failed, client.waiting) == (0, 0)


@asynchronous
async def test_one_at_a_time_on_a_connection() -> None:
    async with acking(connections=1) as (server, client):
        server.answer = lambda seen: b""
        client.send("1")
        client.send("2")
        await until(lambda: server.seen)
        await deferLater(reactor, 0.02)
        assert [event_id(seen) for seen in server.seen] == ["1"]
        server.answer = lambda seen: http(200)
        server.connections[0].answer(http(200))
        await until(lambda: client.sent == 2)


@asynchronous
async def test_a_lost_connection_costs_one_more_try() -> None:
    async with acking(connections=2) as (server, client):
        server.answer = lambda seen: None if len(server.seen) == 1 else http(200)
        client.send("1")
        await until(lambda: client.sent)
        assert [event_id(seen) for seen in server.seen] == ["1", "1"]
        assert client.failed == 0
        server.answer = lambda seen: None
        client.send("2")
        await until(lambda: client.failed)
        assert [event_id(seen) for seen in server.seen] == ["1", "1", "2", "2"]


@asynchronous
async def test_connections_that_the_server_closes_after_each_answer() -> None:
    async with acking(connections=1, depth=3) as (server, client):

        def respond(seen: Seen) -> bytes:
            seen.connection.close_soon()
            return http(200, b"", "Connection: close")

        server.answer = respond
        for number in range(3):
            client.send(str(number))
            await until(lambda number=number: client.sent == number + 1)  # type: ignore[misc]
        assert client.failed == 0
        assert len(server.connections) == 3


@pytest.mark.parametrize("answer", [http(403), http(404, b"<html>"), chunked(503, b"busy")])
@asynchronous
async def test_a_refused_acknowledgement_is_counted_not_repeated(answer: bytes) -> None:
    async with acking() as (server, client):
        server.answer = lambda seen: answer
        client.send("1")
        await until(lambda: client.failed)
        server.answer = lambda seen: http(200)
        client.send("2")
        await until(lambda: client.sent)
    assert [event_id(seen) for seen in server.seen] == ["1", "2"]


@asynchronous
async def test_no_http_at_all() -> None:
    async with acking() as (server, client):
        server.answer = lambda seen: b"SSH-2.0-x\r\n\r\n"
        client.send("1")
        await until(lambda: client.failed)
        assert len(server.seen) == 2


@asynchronous
async def test_failures_are_logged_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acks, "_RECONNECT_DELAY", 0.01)
    async with serving() as server:
        port = server.port
    client = acks_to(port)
    with capturedLogs() as logs:
        for number in range(20):
            client.send(str(number))
        await until(lambda: client.failed == 20)
    warnings = [log for log in logs if log["log_level"] == LogLevel.warn]
    assert len(warnings) == 1
    assert warnings[0]["link"] == "link-a"
    assert "geheim" not in repr(warnings)
    assert client.waiting == 0
    client.close()


@asynchronous
async def test_an_xsp_that_comes_back_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acks, "_RECONNECT_DELAY", 0.01)
    async with acking() as (_, client):
        endpoint, client._endpoint = client._endpoint, attrs.evolve(SETTINGS, port=1).endpoint(reactor)
        client.send("1")
        await until(lambda: client.failed)
        client._endpoint = endpoint
        client.send("2")
        await until(lambda: client.sent)


@asynchronous
async def test_an_answer_that_never_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acks, "_ANSWER_TIMEOUT", 0.02)
    async with acking() as (server, client):
        server.answer = lambda seen: b""
        client.send("1")
        await until(lambda: client.failed)
        assert len(server.seen) == 2


@asynchronous
async def test_an_idle_connection_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert keepalive.IDLE_TIMEOUT < 4
    monkeypatch.setattr(keepalive, "IDLE_TIMEOUT", 0.0)
    async with acking() as (server, client):
        client.send("1")
        await until(lambda: client.sent == 1)
        await deferLater(reactor, 0.01)
        client.send("2")
        await until(lambda: client.sent == 2)
        assert len(server.connections) == 2
        assert client.failed == 0


@asynchronous
async def test_the_queue_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acks, "_MAX_WAITING", 5)
    async with acking(connections=1) as (server, client):
        server.answer = lambda seen: b""
        client.send("0")
        await until(lambda: server.seen)
        for number in range(8):
            client.send(str(number))
        assert (client.waiting, client.failed) == (5, 3)


@asynchronous
async def test_close_while_connecting() -> None:
    async with serving() as server:
        client = acks_to(server.port)
        client.send("1")
        client.close()
        client.send("2")
        assert client.waiting == 0
        await deferLater(reactor, 0.02)
        assert not server.seen
