"""Where T-Servers connect: Twisted's endpoint descriptions, and what they cannot say: that a TLS port asks for client certificates, and
takes a renewed certificate without being closed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from OpenSSL import SSL
from twisted.application.internet import StreamServerEndpointService
from twisted.application.strports import service
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IProtocolFactory
from zope.interface import implementer

__all__ = ["PortContext", "contexts_of", "listening_service"]


@implementer(IOpenSSLServerConnectionCreator)
class PortContext:
    """The TLS context of an ``ssl:`` port, which every new connection asks for.

    :ivar description: the port's endpoint description
    :ivar context: may be replaced by what :meth:`read` has returned; open connections keep theirs
    """

    def __init__(self, description: str, reactor: Any, client_ca: str) -> None:
        self.description = description
        self._reactor = reactor
        self.context = self.read(client_ca)

    @property
    def expires(self) -> float:
        """When the certificate that is shown now expires, in seconds since the epoch."""
        certificate = SSL.Connection(self.context, None).get_certificate()
        assert certificate is not None
        return certificate.to_cryptography().not_valid_after_utc.timestamp()

    def serverConnectionForTLS(self, protocol: object) -> SSL.Connection:
        return SSL.Connection(self.context, None)

    def read(self, client_ca: str) -> SSL.Context:
        """A context of the key and certificates that are in the files now; whatever is wrong with these is raised.

        :param client_ca: PEM file of the authorities by one of which each client must be certified; empty for none
        """
        endpoint: Any = serverFromString(self._reactor, self.description)
        context: SSL.Context = endpoint._sslContextFactory.getContext()
        context.set_min_proto_version(SSL.TLS1_2_VERSION)  # whatever sslmethod= says
        if client_ca:
            _ask_for_certificate(context, client_ca)
        return context


def contexts_of(ports: Iterable[StreamServerEndpointService | None]) -> list[PortContext]:
    """Of those of the ports that have TLS."""
    found = (getattr(port.endpoint, "_sslContextFactory", None) for port in ports if port is not None)
    return [context for context in found if isinstance(context, PortContext)]


def listening_service(description: str, factory: IProtocolFactory, reactor: Any, client_ca: str = "") -> StreamServerEndpointService:
    """A service that listens where ``description`` says.

    :param client_ca: as for :meth:`PortContext.read`; without effect on ports without TLS
    """
    listening = service(description, factory, reactor)
    if description.startswith("ssl:"):
        listening.endpoint._sslContextFactory = PortContext(description, reactor, client_ca)
    return listening


def _ask_for_certificate(context: SSL.Context, client_ca: str) -> None:
    context.load_verify_locations(client_ca)
    context.set_verify(
        SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda connection, certificate, error, depth, trusted: bool(trusted)
    )
    context.set_session_id(b"bwconnector")  # without it a client that resumes a session is turned away
