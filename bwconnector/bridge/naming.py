"""Connections and devices as a link writes them: each device in the form in which that link knows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bwconnector.bridge.changes import WITHHELD, ConnectionId, ListItem
from bwconnector.csta.elements import NOT_KNOWN, RESTRICTED, ConnectionID, ConnectionListItem, PartyDevice

__all__ = ["connection_id", "connection_list", "party"]


def connection_id(identity: ConnectionId, name: Callable[[str], str]) -> ConnectionID:
    """A connection as it is written, its device called by ``name``."""
    return ConnectionID(identity.call_id, name(identity.device) if identity.device else None)


def party(device: str, name: Callable[[str], str]) -> PartyDevice:
    """A device as it is written, or why it is not."""
    if not device:
        return NOT_KNOWN
    return RESTRICTED if device.startswith(WITHHELD) else PartyDevice(name(device))


def connection_list(items: Iterable[ListItem], name: Callable[[str], str]) -> tuple[ConnectionListItem, ...]:
    """The connection list of a transfer or conference (ECMA-269 §12.2.9)."""
    return tuple(
        ConnectionListItem(
            new_connection=connection_id(item.new, name),
            old_connection=connection_id(item.old, name) if item.old is not None else None,
            endpoint=party(item.new.device, name),
            associated_nid=NOT_KNOWN if item.external else None,
        )
        for item in items
    )
