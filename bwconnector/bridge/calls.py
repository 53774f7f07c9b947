"""Calls, connections and legs: what the switching function knows, and how to find it.

A *call* is a CSTA call. A *connection* is a device's part in it (ECMA-269 §6.1). A *leg* is one BroadWorks call at one user
(``callId``); it gives a connection its state. A device is named by its *device key*: the full BroadWorks user id, or the number
of an external party.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from bwconnector.bridge.changes import Change

__all__ = [
    "ALERTING",
    "CONNECTED",
    "Call",
    "CallTable",
    "Connection",
    "FAIL",
    "HOLD",
    "INITIATED",
    "Leg",
    "NULL",
    "QUEUED",
]

NULL = "null"
INITIATED = "initiated"
ALERTING = "alerting"
CONNECTED = "connected"
HOLD = "hold"
QUEUED = "queued"
FAIL = "fail"


@attrs.define(eq=False, slots=True)
class Leg:
    """One BroadWorks call at one user."""

    user: str
    """Device key of the user whose leg this is."""
    call_id: str
    """BroadWorks ``callId``."""
    tracking_id: str
    """Current ``extTrackingId``; an alias of its call's id."""
    connection: Connection
    personality: str = ""
    state: str = ""
    """Xsi state: Alerting, Active, Held, Remote Held, Detached, Released, Idle."""
    remote: str = ""
    """Device key of the remote party, empty when unknown."""
    answered: bool = False
    allow_answer: bool = False


@attrs.define(eq=False, slots=True)
class Connection:
    """A device in a call."""

    call: Call
    device: str
    state: str = NULL
    born: bool = False
    """The monitors of this device have been told of this connection (R8)."""
    alerted: bool = False
    """Delivered was announced for it."""
    legs: list[Leg] = attrs.Factory(list)
    backlog: list[Change] = attrs.Factory(list)
    """Changes of the call that overtook this connection's birth."""
    cause: str = ""
    """Cause of the Delivered, repeated in Established where ECMA-269 wants it."""
    entered: dict[str, float] = attrs.Factory(dict)
    """When each state was last entered (clock seconds)."""

    @property
    def alive(self) -> bool:
        return self.state != NULL


@attrs.define(eq=False, slots=True)
class Call:
    """A CSTA call."""

    id: str
    """The callID that is announced; only TransferedEvent and ConferencedEvent change it (R1)."""
    calling: str = ""
    called: str = ""
    last_redirection: str = ""
    connections: dict[str, Connection] = attrs.Factory(dict)
    aliases: set[str] = attrs.Factory(set)
    incoming_external: bool = False
    outgoing_external: bool = False
    controller: str = ""
    """Device key of the user who controls the conference, empty when this is no conference."""
    restricted: set[str] = attrs.Factory(set)
    """Device keys whose identity must not be shown."""

    def connection(self, device: str) -> Connection:
        """The connection of ``device``, made on first use."""
        found = self.connections.get(device)
        if found is None:
            found = self.connections[device] = Connection(self, device)
        return found

    def alive(self) -> list[Connection]:
        """Connections that are not null, in the order in which they joined."""
        return [c for c in self.connections.values() if c.alive]

    def others(self, device: str) -> list[Connection]:
        """Living connections of other devices."""
        return [c for c in self.connections.values() if c.alive and c.device != device]


class CallTable:
    """Every call that is known, found by callID, by alias, or by leg."""

    def __init__(self) -> None:
        self._by_id: dict[str, Call] = {}
        self._legs: dict[tuple[str, str], Leg] = {}
        self._by_device: dict[str, dict[str, Connection]] = {}

    def __len__(self) -> int:
        return len({id(call) for call in self._by_id.values()})

    def __iter__(self) -> Iterator[Call]:
        """Each call once."""
        seen: set[int] = set()
        for call in list(self._by_id.values()):
            if id(call) not in seen:
                seen.add(id(call))
                yield call

    def find(self, call_id: str) -> Call | None:
        """The call of a callID or of any live alias (R1)."""
        return self._by_id.get(call_id)

    def leg(self, user: str, call_id: str) -> Leg | None:
        """The leg of ``user`` with this BroadWorks callId."""
        return self._legs.get((user, call_id))

    def legs_of(self, user: str) -> list[Leg]:
        """Every leg of ``user``, oldest first."""
        return [leg for (owner, _), leg in self._legs.items() if owner == user]

    def connections_of(self, device: str) -> list[Connection]:
        """Living connections of a device, oldest first."""
        return [c for call in self for c in (call.connections.get(device),) if c is not None and c.alive]

    # the rest of this class is for the call model alone

    def add(self, call: Call) -> None:
        self._by_id[call.id] = call

    def alias(self, call: Call, tracking_id: str) -> None:
        """Make ``tracking_id`` another name of ``call``."""
        if tracking_id and tracking_id != call.id:
            call.aliases.add(tracking_id)
            self._by_id.setdefault(tracking_id, call)

    def add_leg(self, leg: Leg) -> None:
        self._legs[leg.user, leg.call_id] = leg
        leg.connection.legs.append(leg)

    def drop_leg(self, leg: Leg) -> None:
        if self._legs.get((leg.user, leg.call_id)) is leg:
            del self._legs[leg.user, leg.call_id]
        if leg in leg.connection.legs:
            leg.connection.legs.remove(leg)

    def drop(self, call: Call) -> None:
        """Forget a call with its aliases and legs."""
        for name in (call.id, *call.aliases):
            if self._by_id.get(name) is call:
                del self._by_id[name]
        for connection in call.connections.values():
            for leg in list(connection.legs):
                self.drop_leg(leg)
