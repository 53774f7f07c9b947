"""From the config's sections to what the wire wants to know of an XSP."""

from __future__ import annotations

from bwconnector.config import ConnectorOptions, XspLink
from bwconnector.xsi.xsp import XspSettings

__all__ = ["xsp_settings"]


def xsp_settings(connector: ConnectorOptions, link: XspLink) -> XspSettings:
    """How to reach the XSP of one link section, with the account of ``[Connector]``."""
    return XspSettings(
        name=link.name,
        hostname=link.hostname,
        port=link.port,
        tls=link.tls,
        ca_file=link.ca_file,
        cert_file=link.cert_file,
        key_file=link.key_file,
        user_id=connector.user_id,
        password=connector.password.reveal(),
        actions_context=connector.actions_context,
        events_context=connector.events_context,
        async_context=connector.async_context,
        protocol_version=connector.broadworks_version,
    )
