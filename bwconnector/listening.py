"""Where T-Servers connect: Twisted's endpoint descriptions, and what they cannot say: that a TLS port asks for client certificates."""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from twisted.application.internet import StreamServerEndpointService
from twisted.application.strports import service
from twisted.internet.interfaces import IProtocolFactory

__all__ = ["listening_service"]


def listening_service(description: str, factory: IProtocolFactory, reactor: Any, client_ca: str = "") -> StreamServerEndpointService:
    """A service that listens where ``description`` says.

    :param client_ca: PEM file of the authorities by one of which each client of an ``ssl:`` port must be certified; empty for none
    """
    listening = service(description, factory, reactor)
    if client_ca and description.startswith("ssl:"):
        _ask_for_certificate(listening.endpoint._sslContextFactory.getContext(), client_ca)
    return listening


def _ask_for_certificate(context: SSL.Context, client_ca: str) -> None:
    context.load_verify_locations(client_ca)
    context.set_verify(
        SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda connection, certificate, error, depth, trusted: bool(trusted)
    )
    context.set_session_id(b"bwconnector")  # without it a client that resumes a session is turned away
