"""TLS ports that ask for client certificates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
import pytest_twisted
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import Certificate, PrivateCertificate, optionsForClientTLS, trustRootFromCertificates
from twisted.python.failure import Failure
from zope.interface import implementer

from bwconnector.listening import PortContext, listening_service


@attrs.frozen
class Certified:
    """A key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def public(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def pem(self) -> bytes:
        none = serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none) + self.public


def certify(name: str, authority: Certified | None = None, days: float = 1, *, authority_too: bool = False) -> Certified:
    """A certificate for ``name``, by ``authority`` or by itself; others may be certified by it if it is by itself, or ``authority_too``."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=authority.certificate.subject if authority else subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(days=1),
        not_valid_after=now + timedelta(days=days),
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=authority_too or authority is None, path_length=None), critical=True)
    return Certified(key, builder.sign(authority.key if authority else key, hashes.SHA256()))


AUTHORITY = certify("authority.example.net")
SERVER = certify("connector.example.net", AUTHORITY)


class Greeting(Protocol):
    """A server that speaks first, as the connector does."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"status")


class Client(Protocol):
    """Fires with what it has heard: when it has heard anything, or the connection is lost."""

    def __init__(self) -> None:
        self.heard: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self._fire(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._fire(b"")

    def _fire(self, data: bytes) -> None:
        if not self.heard.called:
            self.heard.callback(data)


def nobody() -> None:
    """A client without a certificate."""


CLIENTS: list[tuple[Callable[[], Certified | None], bytes]] = [
    (lambda: certify("tserver.example.net", AUTHORITY), b"status"),
    (lambda: certify("stranger.example.net"), b""),
    (nobody, b""),
]


@pytest.mark.parametrize(("make", "hears"), CLIENTS, ids=["certified", "by itself", "none"])
@pytest_twisted.ensureDeferred
async def test_only_certified_clients_are_served(tmp_path: Path, make: Callable[[], Certified | None], hears: bytes) -> None:
    (tmp_path / "server.pem").write_bytes(SERVER.pem)
    (tmp_path / "authority.pem").write_bytes(AUTHORITY.public)
    place = f"ssl:0:interface=127.0.0.1:privateKey={tmp_path}/server.pem:certKey={tmp_path}/server.pem"
    service = listening_service(place, Factory.forProtocol(Greeting), reactor, str(tmp_path / "authority.pem"))
    service.startService()
    try:
        port = (await service._waitingForPort).getHost().port
        certified = make()
        options = optionsForClientTLS(
            "connector.example.net",
            trustRoot=trustRootFromCertificates([Certificate.loadPEM(AUTHORITY.public)]),
            clientCertificate=PrivateCertificate.loadPEM(certified.pem) if certified else None,
        )
        client = Client()
        await wrapClientTLS(options, TCP4ClientEndpoint(reactor, "127.0.0.1", port)).connect(Factory.forProtocol(lambda: client))
        assert await client.heard == hears
        client.transport.abortConnection()
    finally:
        await service.stopService()


def old_client(version: int) -> Any:
    """A client that speaks one version of TLS only, with ciphers of its time, and trusts anybody."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)

    @implementer(IOpenSSLClientConnectionCreator)
    class Old:
        def clientConnectionForTLS(self, protocol: object) -> SSL.Connection:
            return SSL.Connection(context, None)

    return Old()


@pytest.mark.parametrize(
    ("options", "version", "hears"),
    [
        ("", SSL.TLS1_1_VERSION, b""),
        (":sslmethod=TLS_METHOD", SSL.TLS1_1_VERSION, b""),
        (":sslmethod=TLSv1_1_METHOD", SSL.TLS1_1_VERSION, b""),
        ("", SSL.TLS1_2_VERSION, b"status"),
        (":sslmethod=TLS_METHOD", SSL.TLS1_2_VERSION, b"status"),
        ("", SSL.TLS1_3_VERSION, b"status"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_tls_1_2_is_the_least(tmp_path: Path, options: str, version: int, hears: bytes) -> None:
    (tmp_path / "server.pem").write_bytes(SERVER.pem)
    place = f"ssl:0:interface=127.0.0.1:privateKey={tmp_path}/server.pem:certKey={tmp_path}/server.pem{options}"
    service = listening_service(place, Factory.forProtocol(Greeting), reactor)
    service.endpoint._sslContextFactory.context.set_cipher_list(b"ALL:@SECLEVEL=0")  # so that nothing but the version decides
    service.startService()
    try:
        port = (await service._waitingForPort).getHost().port
        client = Client()
        await wrapClientTLS(old_client(version), TCP4ClientEndpoint(reactor, "127.0.0.1", port)).connect(
            Factory.forProtocol(lambda: client)
        )
        assert await client.heard == hears
        client.transport.abortConnection()
    finally:
        await service.stopService()


@pytest_twisted.ensureDeferred
async def test_a_renewed_certificate_is_taken_while_the_port_listens(tmp_path: Path) -> None:
    def shown(client: Client) -> int:
        return int(client.transport.getPeerCertificate().get_serial_number())

    async def connected() -> Client:
        client = Client()
        options = optionsForClientTLS("connector.example.net", trustRoot=trustRootFromCertificates([Certificate.loadPEM(AUTHORITY.public)]))
        await wrapClientTLS(options, TCP4ClientEndpoint(reactor, "127.0.0.1", port)).connect(Factory.forProtocol(lambda: client))
        assert await client.heard == b"status"
        return client

    file = tmp_path / "server.pem"
    file.write_bytes(SERVER.pem)
    service = listening_service(f"ssl:0:interface=127.0.0.1:privateKey={file}:certKey={file}", Factory.forProtocol(Greeting), reactor)
    context = service.endpoint._sslContextFactory
    assert isinstance(context, PortContext)
    service.startService()
    try:
        port = (await service._waitingForPort).getHost().port
        before = await connected()
        file.write_text("broken")
        with pytest.raises(Exception):  # noqa: B017  (of whatever kind)
            context.read("")
        assert context.expires == SERVER.certificate.not_valid_after_utc.timestamp()
        renewed = certify("connector.example.net", AUTHORITY, days=90)
        file.write_bytes(renewed.pem)
        context.context = context.read("")
        assert context.expires == renewed.certificate.not_valid_after_utc.timestamp()
        after = await connected()
        assert [shown(before), shown(after)] == [SERVER.certificate.serial_number, renewed.certificate.serial_number]
        assert before.transport.connected
        for client in (before, after):
            client.transport.abortConnection()
    finally:
        await service.stopService()
