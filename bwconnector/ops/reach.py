"""Whether an XSP can be reached: its name, its port, and its TLS certificate, each told by itself, with what to do."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError, ConnectionRefusedError, DNSLookupError
from twisted.internet.error import TimeoutError as ConnectTimeoutError
from twisted.internet.interfaces import IHandshakeListener, IOpenSSLClientConnectionCreator, IResolutionReceiver
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import CertificateOptions
from twisted.python.failure import Failure
from zope.interface import implementer

from bwconnector.ops.findings import Findings, date
from bwconnector.xsi.xsp import XspSettings

__all__ = ["reach"]

CONNECT_TIMEOUT = 5.0
SOON = 30 * 86_400.0
"""Seconds of life below which a certificate is worth a note."""

WHY: tuple[tuple[type[Exception], str], ...] = (
    (ConnectionRefusedError, "the machine is there, but nothing listens on that port: check port, and whether the XSP runs"),
    (ConnectTimeoutError, "no answer: is the machine down, or is there a firewall between?"),
)


async def reach(reactor: Any, settings: XspSettings, findings: Findings) -> bool:
    """Tell how far one gets.

    :returns: whether requests can be made
    """
    place = f"link-{settings.name}"
    if not await _look_up(reactor, settings.hostname, place, findings):
        return False
    endpoint = HostnameEndpoint(reactor, settings.hostname.encode("idna").decode(), settings.port, timeout=CONNECT_TIMEOUT)
    try:
        connection: Any = await endpoint.connect(_quietly(Protocol))
    except (ConnectError, DNSLookupError) as error:
        why = next((words for kind, words in WHY if isinstance(error, kind)), str(error))
        findings.problem(place, f"cannot connect to {settings.hostname}, port {settings.port}: {why}")
        return False
    connection.transport.abortConnection()
    findings.good(f"{place}: port {settings.port} can be connected to")
    return not settings.tls or await _shake_hands(reactor, settings, endpoint, place, findings)


async def _look_up(reactor: Any, hostname: str, place: str, findings: Findings) -> bool:
    try:
        ip_address(hostname)
    except ValueError:
        pass
    else:
        return True
    receiver = _Addresses()
    reactor.nameResolver.resolveHostName(receiver, hostname.encode("idna").decode())
    addresses = await receiver.done
    if not addresses:
        findings.problem(place, f"there is no host {hostname}: check hostname, and the name servers of this machine")
        return False
    findings.good(f"{place}: {hostname} is {', '.join(addresses)}")
    if len(addresses) > 1:
        findings.note(
            f"{place}: {hostname} has several addresses; if these are several XSPs, write a link section for each, "
            "since acknowledgements must reach the XSP that sent the event"
        )
    return True


async def _shake_hands(reactor: Any, settings: XspSettings, endpoint: HostnameEndpoint, place: str, findings: Findings) -> bool:
    connecting: Any = settings.endpoint(reactor).connect(_quietly(_Handshake))
    connection = await connecting
    try:
        shown = await connection.done.addTimeout(CONNECT_TIMEOUT, reactor)
    except Exception as error:
        findings.problem(place, await _explain(reactor, settings, endpoint, error))
        return False
    finally:
        connection.abort()
    expires = shown.not_valid_after_utc.timestamp()
    findings.good(f"{place}: its certificate is trusted, was issued by {_name(shown.issuer)}, and expires on {date(expires)}")
    if expires - reactor.seconds() < SOON:
        findings.note(f"{place}: its certificate expires soon; have it renewed at the XSP")
    return True


async def _explain(reactor: Any, settings: XspSettings, endpoint: HostnameEndpoint, error: Exception) -> str:
    """Why TLS failed, by a look at the certificate without trusting it; nothing is sent on that connection."""
    failed = f"TLS to {settings.hostname}, port {settings.port}, failed"
    connection: Any = await wrapClientTLS(_Untrusting(settings.hostname), endpoint).connect(_quietly(_Handshake))
    try:
        shown = await connection.done.addTimeout(CONNECT_TIMEOUT, reactor)
    except Exception:
        return f"{failed}: is tls right, and is it the port for HTTPS? ({error})"
    finally:
        connection.abort()
    expires = shown.not_valid_after_utc.timestamp()
    if expires < reactor.seconds():
        return f"{failed}: its certificate has expired on {date(expires)}; have it renewed at the XSP"
    if isinstance(error, VerificationError):
        return f"{failed}: its certificate is not for {settings.hostname}, but for {', '.join(_names(shown))}; check hostname"
    trusted = f"the authorities in {settings.ca_file}" if settings.ca_file else "the authorities that this system trusts"
    return (
        f"{failed}: its certificate was issued by {_name(shown.issuer)}, which is not among {trusted}; put the certificate of that "
        "authority into ca-file, or have the XSP send those that lead to a trusted one"
    )


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string()


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [_name(certificate.subject)]
    return [str(name.value) for name in names]


def _quietly(protocol: type[Protocol]) -> Any:
    factory: Any = Factory.forProtocol(protocol)
    factory.noisy = False
    return factory


@implementer(IHandshakeListener)
class _Handshake(Protocol):
    """Fires with the other side's certificate, or with why there was no handshake."""

    def __init__(self) -> None:
        self.done: Deferred[x509.Certificate] = Deferred()

    def handshakeCompleted(self) -> None:
        transport: Any = self.transport
        shown = transport.getPeerCertificate()
        if not self.done.called:
            self.done.callback(shown.to_cryptography())

    def abort(self) -> None:
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.transport = None
        if not self.done.called:
            self.done.errback(reason)


@implementer(IOpenSSLClientConnectionCreator)
class _Untrusting:
    """Connections for which any certificate will do."""

    def __init__(self, hostname: str) -> None:
        self._hostname = hostname.encode("idna")

    def clientConnectionForTLS(self, tlsProtocol: object) -> SSL.Connection:
        connection = SSL.Connection(CertificateOptions(verify=False).getContext(), None)
        connection.set_tlsext_host_name(self._hostname)
        return connection


@implementer(IResolutionReceiver)
class _Addresses:
    """Fires with the addresses of a name; none if it has none."""

    def __init__(self) -> None:
        self.done: Deferred[Sequence[str]] = Deferred()
        self._found: dict[str, None] = {}

    def resolutionBegan(self, resolutionInProgress: Any) -> None:
        pass

    def addressResolved(self, address: Any) -> None:
        self._found[address.host] = None

    def resolutionComplete(self) -> None:
        self.done.callback(list(self._found))
