from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet import error
from twisted.internet.defer import Deferred, ensureDeferred, fail
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import Certificate, KeyPair, PrivateCertificate
from zope.interface import implementer

from bwconnector.xsi import acks, eventrequests, keepalive, pool, requests, streaming
from bwconnector.xsi.errors import NoXspAvailable, OutcomeUnknown, Refused, XsiFailure
from bwconnector.xsi.requests import Request
from bwconnector.xsi.xsp import Xsp, XspSettings

from .samples import error_info
from .server import Seen, Server, asynchronous, chunked, http, reactor, serving, until

SETTINGS = XspSettings("link-a", "127.0.0.1", tls=False, user_id="cti@ex.org", password="geheim", protocol_version="23.0")
GET = requests.calls("alice@ex.org")
POST = requests.dial("alice@ex.org", "+49 30")


@asynccontextmanager
async def one_xsp(**settings: Any) -> AsyncIterator[tuple[Server, Xsp]]:
    async with serving() as server:
        client = Xsp(reactor, xsp_settings(server.port, **settings))
        try:
            yield server, client
        finally:
            await client.close()


def xsp_settings(port: int, **settings: Any) -> XspSettings:
    return attrs.evolve(SETTINGS, port=port, **settings)


@asynchronous
async def test_a_request_on_the_wire() -> None:
    async with one_xsp() as (server, client):
        server.answer = lambda seen: http(201, b"<x/>", "Location: http://elsewhere/calls/c:0")
        response = await client.perform(POST)
        assert (response.status, response.location, response.body) == (201, "http://elsewhere/calls/c:0", b"<x/>")
        await client.perform(eventrequests.heartbeat("a/b c"))
        await client.perform(eventrequests.add_channel("set"))
    post, put, channel = server.seen
    assert (post.method, post.target) == ("POST", "/com.broadsoft.xsi-actions/v2.0/user/alice@ex.org/calls/new?address=%2B49%2030")
    assert post.headers["authorization"] == "Basic Y3RpQGV4Lm9yZzpnZWhlaW0="
    assert post.headers["x-broadworks-protocol-version"] == "23.0"
    assert (put.method, put.target, put.body) == ("PUT", "/com.broadsoft.xsi-events/v2.0/channel/a%2Fb%20c/heartbeat", b"")
    assert channel.target == "/com.broadsoft.async/com.broadsoft.xsi-events/v2.0/channel"
    assert channel.headers["content-type"] == "application/xml; charset=UTF-8"
    assert channel.body == eventrequests.add_channel("set").body
    assert client.requests == {"201": 3}
    assert post.connection is put.connection


@pytest.mark.parametrize(
    "answer",
    [http(200, b"<x/>"), chunked(200, b"<", b"x/>"), http(200, b"<x/>", "Connection: close", length=False)],
    ids=["length", "chunked", "until close"],
)
@asynchronous
async def test_bodies(answer: bytes) -> None:
    async with one_xsp() as (server, client):

        def respond(seen: Seen) -> bytes:
            if b"close" in answer:
                seen.connection.close_soon()
            return answer

        server.answer = respond
        assert (await client.perform(GET)).body == b"<x/>"


@pytest.mark.parametrize(
    ("answer", "status", "code", "summary"),
    [
        (http(403, error_info(110842, "Störung")), 403, 110842, "Störung"),
        (chunked(503, b"<html><body>Service ", b"Unavailable"), 503, 0, "Service Unavailable"),
        (http(401), 401, 0, ""),
        (http(404, b"\xff\xfe\x00"), 404, 0, "\ufffd\ufffd\x00"),
    ],
)
@asynchronous
async def test_refusals(answer: bytes, status: int, code: int, summary: str) -> None:
    async with one_xsp() as (server, client):
        server.answer = lambda seen: answer
        with pytest.raises(Refused) as raised:
            await client.perform(GET)
    assert (raised.value.status, raised.value.error_code, raised.value.summary) == (status, code, summary)
    assert client.requests == {str(status): 1}


@asynchronous
async def test_redirects_are_not_followed() -> None:
    async with serving() as other, one_xsp() as (server, client):
        server.answer = lambda seen: http(302, b"", f"Location: http://127.0.0.1:{other.port}/x")
        with pytest.raises(Refused, match="redirected to"):
            await client.perform(GET)
    assert not other.seen


@asynchronous
async def test_cookies_are_kept() -> None:
    async with one_xsp() as (server, client):
        server.answer = lambda seen: http(200, b"", "Set-Cookie: JSESSIONID=77; Path=/com.broadsoft.xsi-actions; HttpOnly")
        await client.perform(GET)
        await client.perform(GET)
    assert "cookie" not in server.seen[0].headers
    assert server.seen[1].headers["cookie"] == "JSESSIONID=77"


@asynchronous
async def test_streams_and_requests_share_cookies() -> None:
    async with one_xsp() as (server, client):
        server.answer = lambda seen: chunked(200, b"<a/>", end=False).replace(b"\r\n", b"\r\nSet-Cookie: BIGIP=7; Path=/\r\n", 1)
        stream = await client.open_stream(ADD, Receiver())
        server.answer = lambda seen: http(
            200, b"", "Set-Cookie: A=1; Path=/com.broadsoft.xsi-actions", "Set-Cookie: B=2; Path=/x; Max-Age=60"
        )
        await client.perform(GET)
        await client.perform(eventrequests.heartbeat("c"))
        await client.perform(GET)
        stream.abort()
    assert [seen.headers.get("cookie", "") for seen in server.seen] == ["", "BIGIP=7", "BIGIP=7", "A=1; BIGIP=7"]


@asynchronous
async def test_no_compression_is_asked_for() -> None:
    async with one_xsp() as (server, client):
        await client.perform(GET)
    assert set(server.seen[0].headers) == {"host", "authorization", "x-broadworks-protocol-version"}


@asynchronous
async def test_contexts_that_are_no_path() -> None:
    async with one_xsp(actions_context="/my actions/\u00fc\r\nX: y") as (server, client):
        await client.perform(GET)
    assert server.seen[0].target == "/my%20actions/%C3%BC%0D%0AX:%20y/v2.0/user/alice@ex.org/calls"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, "bytes of headers"),
        (http(200, b"", f"Content-Length: {1 << 40}", length=False), "an answer of more than"),
        (chunked(200, b"x" * 600, b"x" * 600, end=False), "an answer of more than 1000 bytes"),
        (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", "SSH-2.0"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "another protocol"),
    ],
    ids=["head", "length", "chunks", "no HTTP", "upgrade"],
)
@asynchronous
async def test_what_is_no_answer_is_not_asked_for_again(answer: bytes, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_MAX_BODY", 1000)
    async with one_xsp() as (server, client):
        server.answer = lambda seen: answer
        with pytest.raises(OutcomeUnknown, match=said):
            await client.perform(GET)
        await until(lambda: server.connections[0].closed)
        server.answer = lambda seen: http(200, b"ok")
        assert (await client.perform(GET)).body == b"ok"
    assert len(server.seen) == 2
    assert client.requests == {"lost": 1, "200": 1}


@asynchronous
async def test_an_endless_refusal_of_a_stream() -> None:
    async with one_xsp() as (server, client):
        server.answer = lambda seen: chunked(503, b"too many ", b"x" * streaming.MAX_REFUSAL, end=False)
        with pytest.raises(Refused, match="too many"):
            await client.open_stream(ADD, Receiver())
        await until(lambda: server.connections[0].closed)


@asynchronous
async def test_an_address_that_changes() -> None:
    """What was connected to the former one gets nothing more, above all no credentials."""
    async with serving() as other, one_xsp() as (server, client):
        await client.perform(GET)
        changed = attrs.evolve(client.settings, port=other.port)
        client.change(changed, changed.endpoint(reactor))
        await client.perform(GET)
        await until(lambda: server.connections[0].closed)
        assert [len(each.seen) for each in (server, other)] == [1, 1]
        assert other.seen[0].headers["host"] == f"127.0.0.1:{other.port}"
        await client.close()


@asynchronous
async def test_a_safe_request_survives_a_lost_connection() -> None:
    async with one_xsp() as (server, client):
        server.answer = lambda seen: None if len(server.seen) == 1 else http(200, b"ok")
        assert (await client.perform(GET)).body == b"ok"
        server.answer = lambda seen: None
        with pytest.raises(OutcomeUnknown):
            await client.perform(GET)
    assert len(server.seen) == 4
    assert client.requests == {"200": 1, "lost": 3}


@asynchronous
async def test_an_unsafe_request_is_sent_once() -> None:
    async with one_xsp() as (server, client):
        server.answer = lambda seen: None
        with pytest.raises(OutcomeUnknown):
            await client.perform(POST)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "answer", [b"", http(200, b"abc")[:-1], chunked(200, b"abc", end=False)], ids=["nothing", "short", "no last chunk"]
)
@asynchronous
async def test_silence(answer: bytes) -> None:
    async with one_xsp() as (server, client):
        server.answer = lambda seen: answer
        with pytest.raises(OutcomeUnknown, match="in time"):
            await client.perform(GET, timeout=0.1)
        await until(lambda: server.connections[0].closed)
    assert len(server.seen) == 1
    assert client.requests == {"timeout": 1}


@asynchronous
async def test_nobody_there() -> None:
    async with serving() as server:
        port = server.port
    client = Xsp(reactor, xsp_settings(port))
    with pytest.raises(NoXspAvailable, match="link-a"):
        await client.perform(POST)
    with pytest.raises(NoXspAvailable):
        await client.open_stream(POST, Receiver())
    assert client.requests == {"unreachable": 2}


@implementer(IStreamClientEndpoint)
class Failing:
    """An endpoint that never connects."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    def connect(self, protocolFactory: object) -> Deferred[Any]:
        return fail(self._failure)


@pytest.mark.parametrize(
    "failure",
    [
        error.DNSLookupError("no such host"),
        error.NoRouteError(),
        error.ConnectBindError(),
        error.TimeoutError(),
        error.ConnectionRefusedError(),
    ],
)
@asynchronous
async def test_what_was_never_sent_may_be_sent_elsewhere(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(XspSettings, "endpoint", lambda self, reactor: Failing(failure))
    client = Xsp(reactor, xsp_settings(1))
    with pytest.raises(NoXspAvailable):
        await client.perform(POST)
    with pytest.raises(NoXspAvailable):
        await client.open_stream(POST, Receiver())
    assert client.requests == {"unreachable": 2}


@asynchronous
async def test_idle_connections_are_closed_before_the_server_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert keepalive.IDLE_TIMEOUT < 4
    monkeypatch.setattr(keepalive, "IDLE_TIMEOUT", 0.02)
    async with one_xsp() as (server, client):
        await client.perform(GET)
        await until(lambda: server.connections[0].closed)
        await client.perform(POST)
    assert len(server.connections) == 2


def test_the_password_is_shown_nowhere() -> None:
    secret = SETTINGS.authorization.partition(" ")[2]
    opening = streaming.Opening("POST", SETTINGS.origin, SETTINGS.headers, None)
    ack = acks._Ack("e-1", f"Authorization: {SETTINGS.authorization}".encode())
    for shown in (SETTINGS, opening, ack):
        assert "geheim" not in repr(shown) and secret not in repr(shown)


@asynchronous
async def test_the_password_is_in_no_error() -> None:
    secret = SETTINGS.authorization.partition(" ")[2]
    told = []
    async with one_xsp() as (server, client):
        for answer in (None, b"", b"\r\n\r\n", http(302)):
            server.answer = lambda seen, answer=answer: answer  # type: ignore[misc]
            with pytest.raises(XsiFailure) as raised:
                await client.perform(POST, timeout=0.1)
            told.append(f"{raised.value!r} {raised.value.__cause__!r}")
    assert len(told) == 4
    assert not [text for text in told if "geheim" in text or secret in text]


class Receiver:
    def __init__(self) -> None:
        self.data = b""
        self.ended: list[str] = []

    def data_received(self, data: bytes) -> None:
        self.data += data

    def stream_ended(self, reason: str) -> None:
        self.ended.append(reason)


ADD = eventrequests.add_channel("set")


@asynchronous
async def test_a_stream() -> None:
    async with one_xsp() as (server, client):
        receiver = Receiver()
        server.answer = lambda seen: chunked(200, b"<a/>", end=False)
        await client.open_stream(ADD, receiver)
        await until(lambda: receiver.data == b"<a/>")
        server.connections[0].answer(b"4\r\n<b/>\r\n")
        await until(lambda: receiver.data == b"<a/><b/>")
        assert not receiver.ended
        server.connections[0].answer(b"0\r\n\r\n")
        await until(lambda: receiver.ended)
    assert "accept-encoding" not in server.seen[0].headers
    assert receiver.ended == ["closed by the XSP"]


@pytest.mark.parametrize("length", [True, False])
@asynchronous
async def test_a_stream_that_breaks(length: bool) -> None:
    async with one_xsp() as (server, client):
        receiver = Receiver()
        server.answer = lambda seen: http(200, b"<a/>", *(["Content-Length: 100"] if length else []), length=False)
        await client.open_stream(ADD, receiver)
        await until(lambda: receiver.data)
        server.connections[0].answer(None)
        await until(lambda: receiver.ended)
    assert len(receiver.ended) == 1


@asynchronous
async def test_an_aborted_stream_is_silent() -> None:
    async with one_xsp() as (server, client):
        receiver = Receiver()
        server.answer = lambda seen: chunked(200, b"<a/>", end=False)
        stream = await client.open_stream(ADD, receiver)
        stream.abort()
        await until(lambda: server.connections[0].closed)
    assert not receiver.ended


@pytest.mark.parametrize(("answer", "status"), [(http(401), 401), (chunked(503, b"busy"), 503), (http(204), 204), (http(302), 302)])
@asynchronous
async def test_a_refused_stream(answer: bytes, status: int) -> None:
    async with one_xsp() as (server, client):
        server.answer = lambda seen: answer
        with pytest.raises(Refused) as raised:
            await client.open_stream(ADD, Receiver())
        await until(lambda: server.connections[0].closed)
    assert raised.value.status == status


@asynchronous
async def test_a_stream_that_is_never_answered() -> None:
    async with one_xsp() as (server, client):
        server.answer = lambda seen: b""
        with pytest.raises(OutcomeUnknown):
            await client.open_stream(ADD, Receiver(), timeout=0.1)
        await until(lambda: server.connections[0].closed)


@asynchronous
async def test_a_stream_that_is_not_wanted_any_more() -> None:
    async with one_xsp() as (server, client):
        server.answer = lambda seen: b""
        opening = ensureDeferred(client.open_stream(ADD, Receiver()))
        await until(lambda: server.seen)
        opening.cancel()
        with pytest.raises(OutcomeUnknown):
            await opening
        await until(lambda: server.connections[0].closed)


def certificate() -> tuple[bytes, PrivateCertificate]:
    """A certificate for this machine, signed by itself: as PEM, and with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now - datetime.timedelta(1), now + datetime.timedelta(1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = signed.public_bytes(serialization.Encoding.PEM)
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    return pem, PrivateCertificate.fromCertificateAndKeyPair(Certificate.loadPEM(pem), KeyPair.load(der))


@asynchronous
async def test_tls(tmp_path: Path) -> None:
    pem, private = certificate()
    file = tmp_path / "ca.pem"
    file.write_bytes(b"comment\n" + pem)
    async with serving(private.options()) as server:
        trusting = Xsp(reactor, xsp_settings(server.port, hostname="localhost", tls=True, ca_file=str(file)))
        assert trusting.certificate_expires is None
        assert (await trusting.perform(GET)).status == 200
        assert trusting.certificate_expires == x509.load_pem_x509_certificate(pem).not_valid_after_utc.timestamp()
        await trusting.close()
        suspicious = Xsp(reactor, xsp_settings(server.port, hostname="localhost", tls=True))
        with pytest.raises(NoXspAvailable, match="ca-file"):
            await suspicious.perform(POST)
        await suspicious.close()
    assert len(server.seen) == 1


@asynchronous
async def test_a_certificate_for_another_name(tmp_path: Path) -> None:
    pem, private = certificate()
    (tmp_path / "ca.pem").write_bytes(pem)
    async with serving(private.options()) as server:
        client = Xsp(reactor, xsp_settings(server.port, hostname="127.0.0.1", tls=True, ca_file=str(tmp_path / "ca.pem")))
        with pytest.raises(NoXspAvailable, match="its certificate is not for"):
            await client.perform(POST)
        with pytest.raises(NoXspAvailable, match="its certificate is not for"):
            await client.open_stream(ADD, Receiver())
        await client.close()
    assert not server.seen
    assert client.certificate_expires is None


@asynchronous
async def test_a_server_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes the connection and is silent, and one that answers in clear text: nothing was sent to either."""
    monkeypatch.setattr(keepalive, "CONNECT_TIMEOUT", 0.05)
    async with serving() as server:
        client = Xsp(reactor, xsp_settings(server.port, hostname="localhost", tls=True))
        with pytest.raises(NoXspAvailable, match="no TLS in time"):
            await client.perform(POST)
        monkeypatch.setattr(keepalive, "CONNECT_TIMEOUT", 3.0)
        asked = ensureDeferred(client.perform(POST))
        await until(lambda: len(server.connections) == 2)
        server.connections[1].answer(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        with pytest.raises(NoXspAvailable, match="is the port right"):
            await asked
        await client.close()
    assert client.requests == {"unreachable": 2}


@asynchronous
async def test_a_certificate_is_noted_from_connections_that_end_at_once(tmp_path: Path) -> None:
    pem, private = certificate()
    (tmp_path / "ca.pem").write_bytes(pem)
    expires = x509.load_pem_x509_certificate(pem).not_valid_after_utc.timestamp()

    def answer_and_close(seen: Seen) -> bytes:
        seen.connection.close_soon()
        return http(200, b"<x/>", "Connection: close", length=False)

    async with serving(private.options()) as server:
        client = Xsp(reactor, xsp_settings(server.port, hostname="localhost", tls=True, ca_file=str(tmp_path / "ca.pem")))
        server.answer = answer_and_close
        assert (await client.perform(GET)).body == b"<x/>"
        assert client.certificate_expires == expires
        client.certificate_expires = None
        # one that is lost before it answers has shown its certificate, too
        server.answer = lambda seen: None
        with pytest.raises(OutcomeUnknown):
            await client.perform(POST)
        assert client.certificate_expires == expires
        client.certificate_expires = None
        server.answer = answer_and_close
        await client.perform(GET)
        assert client.certificate_expires == expires
        await client.close()


@asynchronous
async def test_other_credentials_and_another_authority_while_it_works(tmp_path: Path) -> None:
    pem, private = certificate()
    (tmp_path / "ca.pem").write_bytes(pem)
    async with serving(private.options()) as server:
        client = Xsp(reactor, xsp_settings(server.port, hostname="localhost", tls=True, ca_file=str(tmp_path / "ca.pem")))
        await client.perform(GET)
        changed = attrs.evolve(client.settings, password="neu")
        client.change(changed, changed.endpoint(reactor))
        await client.perform(GET)
        first, second = server.seen
        assert first.connection is second.connection
        assert [seen.headers["authorization"] for seen in server.seen] == ["Basic Y3RpQGV4Lm9yZzpnZWhlaW0=", "Basic Y3RpQGV4Lm9yZzpuZXU="]
        await client.close()
        changed = attrs.evolve(changed, ca_file="")
        client.change(changed, changed.endpoint(reactor))
        with pytest.raises(NoXspAvailable, match="ca-file"):
            await client.perform(GET)
        await client.close()


def test_a_ca_file_without_certificate(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(OSError, match="no certificate"):
        Xsp(reactor, xsp_settings(443, tls=True, ca_file=str(tmp_path / "ca.pem")))


def test_urls() -> None:
    assert XspSettings("x", "::1", 8443).origin == "https://[::1]:8443"
    assert XspSettings("x", "h", events_context="/e/").path("events") == "/e/v2.0/"
    assert Request("GET", "versions").target == "versions"
