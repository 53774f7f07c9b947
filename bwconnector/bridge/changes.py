"""What changed in a call, in the terms of CSTA but free of any wire: the call model emits these, monitors turn them into events."""

from __future__ import annotations

import attrs

from bwconnector.bridge.calls import Call

__all__ = ["Change", "ConnectionId", "ListItem", "NOT_KNOWN", "WITHHELD"]

NOT_KNOWN = ""
"""Device key of a party that nobody named; becomes ``notKnown`` on the wire."""


WITHHELD = "ext-"
"""How the device key of a party begins that withholds its identity."""


@attrs.frozen(slots=True)
class ConnectionId:
    """A connection as it is announced; ``device`` is a device key, empty for a connection without a deviceID."""

    call_id: str
    device: str


@attrs.frozen(slots=True)
class ListItem:
    """One entry of transferredConnections or conferenceConnections; ``old`` is None when it was never announced (I5)."""

    new: ConnectionId
    old: ConnectionId | None
    external: bool = False


@attrs.frozen(slots=True)
class Change:
    """One change of one connection (or one transfer, or one conference), told once to every monitor concerned.

    :ivar kind: element name of the CSTA event, e.g. ``DeliveredEvent``
    :ivar subject: the connection that changed; for TransferedEvent and ConferencedEvent the primaryOldCall
    :ivar states: local connection state after the change for every device that was or is in the call; those are who is told (R6, R7)
    :ivar acting: device key of the alerting, answering, holding, releasing, transferring, conferencing … device
    :ivar target: newDestination, transferredToDevice or addedParty
    :ivar belated: told before to others; now to a device whose own first report had not come by then
    :ivar text: client session info of a CallInformationEvent
    :ivar characteristics: callCharacteristics: ``assistCall``, ``highPriorityCall``, ``priorityCall``
    :ivar last_redirection: None means that the call was never redirected (``notRequired``)
    """

    kind: str
    call: Call
    subject: ConnectionId
    cause: str
    states: dict[str, str]
    acting: str = NOT_KNOWN
    calling: str = NOT_KNOWN
    called: str = NOT_KNOWN
    last_redirection: str | None = None
    target: str = NOT_KNOWN
    secondary: ConnectionId | None = None
    items: tuple[ListItem, ...] = ()
    incoming_external: bool = False
    outgoing_external: bool = False
    text: str = ""
    characteristics: frozenset[str] = frozenset()
    private: dict[str, str] | None = None
    belated: bool = False

    @property
    def devices(self) -> set[str]:
        """The key of every device that the event names."""
        named = {self.subject.device, self.acting, self.calling, self.called, self.target, self.last_redirection or NOT_KNOWN}
        if self.secondary is not None or self.items:
            others = [self.secondary, *(identity for item in self.items for identity in (item.new, item.old))]
            named.update(identity.device for identity in others if identity is not None)
        named.discard(NOT_KNOWN)
        return named
