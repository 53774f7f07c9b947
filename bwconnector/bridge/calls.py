"""Calls, connections and legs: what the switching function knows, and how to find it.

A *call* is a CSTA call. A *connection* is a device's part in it (ECMA-269 §6.1). A *leg* is one BroadWorks call at one user
(``callId``); it gives a connection its state. A device is named by its *device key*: the full BroadWorks user id, or the number
of an external party.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from types import MappingProxyType
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
    "Told",
]

NULL = "null"
INITIATED = "initiated"
ALERTING = "alerting"
CONNECTED = "connected"
HOLD = "hold"
QUEUED = "queued"
FAIL = "fail"

_NOTHING: frozenset[str] = frozenset()


@attrs.define(eq=False, slots=True, weakref_slot=False)
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
    shown: str = ""
    """What BroadWorks last called the remote party, where its device id is kept (R12)."""
    since: float = 0.0
    """Clock seconds when it was first seen."""
    answered: bool = False
    allow_answer: bool = False
    hunt_group: str = ""
    moved: int = 0
    """How often its far end was reported to have redirected the call, without the leg's own event having told so yet."""
    ringing_told: bool = False
    """Its unmonitored called party was reported as alerting (P-DELIV); of a queue's leg: it rings at an agent whom nobody monitors."""
    acd: str = ""
    """Device key of the call center or route point that offered this call to its user."""
    offered_as: str = ""
    """Device key of what BroadWorks showed as the remote party of such a call at first, which is not its caller."""
    position: int = 0
    """Place of a call that waits at a call center or route point, 1 is next."""
    priority: str = ""
    """Its priority there, in BroadWorks' words."""
    recording: str = ""
    """Whether it is recorded: ``Pending``, ``Started``, ``Paused`` or empty."""
    recording_controls: str = ""
    """What its user may ask of the recording, such as ``pause-stop``; empty when nothing is known."""


@attrs.define(eq=False, slots=True, weakref_slot=False)
class Connection:
    """A device in a call."""

    call: Call
    device: str
    state: str = NULL
    announced: bool = False
    """The monitors of this device have been told of this connection."""
    born: bool = False
    """They may hear of the others in the call: its own first report is out, for an originator that of its Originated (R8)."""
    alerted: bool = False
    """Delivered was announced for it."""
    legs: tuple[Leg, ...] = ()
    hidden: bool = False
    """A silent supervisor that the others must not hear of (P-SILENT)."""
    backlog: tuple[Change, ...] = ()
    """Changes of the call that overtook this connection's birth."""
    cause: str = ""
    """Cause of the Delivered, repeated in Established where ECMA-269 wants it."""
    entered: frozenset[str] = _NOTHING
    """The states that it has been in, the present one included."""
    since: float = 0.0
    """When the present state was last entered (clock seconds)."""
    before: float = 0.0
    """When connected was entered before hold, or hold before connected: a report of it may be older than the present state."""
    queue: bool = False
    """The device is a call center or route point: the call does not ring there, it waits."""

    @property
    def alive(self) -> bool:
        return self.state != NULL


@attrs.define(eq=False, slots=True, weakref_slot=False)
class Told:
    """Which event a device was told last of the connection of ``subject``, as it was announced; each refers to the one before it."""

    device: str
    subject: str
    call_id: str
    kind: str
    before: Told | None


@attrs.define(eq=False, slots=True, weakref_slot=False)
class Call:
    """A CSTA call. There may be thousands, so what is nearly always empty takes no room: it is replaced when it changes."""

    id: str
    """The callID that is announced; only TransferedEvent and ConferencedEvent change it (R1)."""
    calling: str = ""
    called: str = ""
    last_redirection: str | None = None
    """Device that redirected the call last; None when none did, empty when nobody named it."""
    connections: dict[str, Connection] = attrs.Factory(dict)
    aliases: frozenset[str] = frozenset()
    incoming_external: bool = False
    outgoing_external: bool = False
    controller: str = ""
    """Device key of the user who controls the conference, empty when this is no conference."""
    session_info: str = ""
    """Text that an application attached."""
    consultation: bool = False
    """Started by ConsultationCall."""
    diverted: frozenset[str] = frozenset()
    """Devices whose Diverted was announced though they have no leg that is known."""
    entered: frozenset[str] = frozenset()
    """Devices that barged in or monitor, as far as announced."""
    singled: frozenset[str] = frozenset()
    """Targets of a single step transfer that have not alerted yet."""
    told: Told | None = None
    """The latest of what its devices were told; a list would take as much again."""

    marks: Mapping[str, frozenset[str]] = MappingProxyType({})
    """What the legs of each device say of the call, as CSTA's callCharacteristics."""

    number: int = attrs.Factory(count().__next__)
    """Grows from call to call: the older of two has the lower one."""
    listed: dict[str, tuple[Call, ...]] = attrs.Factory(dict)
    """The calls in which each device is or was, of the table that this call is in."""

    def connection(self, device: str) -> Connection:
        """The connection of ``device``, made on first use."""
        found = self.connections.get(device)
        if found is None:
            found = self.connections[device] = Connection(self, device)
            self.listed[device] = (*self.listed[device], self) if device in self.listed else self._alone()
        return found

    def _alone(self) -> tuple[Call, ...]:
        """What is listed for a device that is in no other call: one tuple for all such devices of this one."""
        for device in self.connections:
            listed = self.listed.get(device, ())
            if len(listed) == 1:
                return listed
        return (self,)

    def remove(self, device: str) -> Connection | None:
        """Forget the device's part in this call."""
        calls = self.listed.get(device, ())
        if self in calls:
            self.listed[device] = tuple(call for call in calls if call is not self)
            if len(calls) == 1:
                del self.listed[device]
        return self.connections.pop(device, None)

    @property
    def characteristics(self) -> frozenset[str]:
        """What is known of the call by now, whoever has told it."""
        return frozenset().union(*self.marks.values()) if self.marks else _NOTHING

    def mark(self, device: str, marks: frozenset[str]) -> None:
        """The leg of a device says this of the call, too."""
        self.marks = {**self.marks, device: self.marks.get(device, _NOTHING) | marks}

    def alive(self) -> list[Connection]:
        """Connections that are not null: the calling and the called device's first, then in the order in which they joined."""
        living = [c for c in self.connections.values() if c.state != NULL]
        if len(living) > 1:
            living.sort(key=self._rank)
        return living

    def _rank(self, connection: Connection) -> int:
        return 0 if connection.device == self.calling else 1 if connection.device == self.called else 2

    def forget_told(self, device: str) -> None:
        """Nobody at ``device`` remembers what it was told."""
        self._forget(lambda told: told.device == device)

    def forget_subject(self, device: str) -> None:
        """What was told last of the connection of ``device`` may come about again."""
        self._forget(lambda told: told.subject == device)

    def _forget(self, void: Callable[[Told], bool]) -> None:
        told, self.told = self.told, None
        while told is not None:
            if not void(told):
                self.told = Told(told.device, told.subject, told.call_id, told.kind, self.told)
            told = told.before

    def others(self, device: str) -> list[Connection]:
        """Living connections of other devices."""
        return [c for c in self.alive() if c.device != device]


def _without(legs: tuple[Leg, ...], leg: Leg) -> tuple[Leg, ...]:
    return tuple(each for each in legs if each is not leg)


class CallTable:
    """Every call that is known, found by callID, by alias, or by leg."""

    def __init__(self) -> None:
        self._by_id: dict[str, Call] = {}
        self._calls: dict[int, Call] = {}
        self._legs: dict[str, tuple[Leg, ...]] = {}
        """Of each user, the oldest first. Hardly any has more than two, for which a dict would take several times the memory."""
        self._listed: dict[str, tuple[Call, ...]] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        """Each call once, the oldest first."""
        return iter(list(self._calls.values()))

    def find(self, call_id: str) -> Call | None:
        """The call of a callID or of any live alias (R1)."""
        return self._by_id.get(call_id)

    def leg(self, user: str, call_id: str) -> Leg | None:
        """The leg of ``user`` with this BroadWorks callId."""
        for leg in self._legs.get(user, ()):
            if leg.call_id == call_id:
                return leg
        return None

    def legs_of(self, user: str) -> list[Leg]:
        """Every leg of ``user``, oldest first."""
        return list(self._legs.get(user, ()))

    def calls_of(self, device: str) -> list[Call]:
        """The calls in which ``device`` is or was, the oldest first."""
        return list(self._listed.get(device, ()))

    def connections_of(self, device: str) -> list[Connection]:
        """Living connections of a device, oldest first."""
        return [call.connections[device] for call in self._listed.get(device, ()) if call.connections[device].alive]

    # the rest of this class is for the call model alone

    def add(self, call: Call) -> None:
        call.listed = self._listed
        self._by_id[call.id] = call
        self._calls[call.number] = call

    def alias(self, call: Call, tracking_id: str) -> None:
        """Make ``tracking_id`` another name of ``call``."""
        if tracking_id and tracking_id != call.id:
            call.aliases |= {tracking_id}
            self._by_id.setdefault(tracking_id, call)

    def add_leg(self, leg: Leg) -> None:
        of_user = (*(each for each in self._legs.get(leg.user, ()) if each.call_id != leg.call_id), leg)
        of_connection = (*leg.connection.legs, leg)
        # nearly always the only one: the same tuple serves both
        self._legs[leg.user] = of_connection if of_user == of_connection else of_user
        leg.connection.legs = of_connection

    def drop_leg(self, leg: Leg) -> None:
        legs = _without(self._legs.get(leg.user, ()), leg)
        if legs:
            self._legs[leg.user] = legs
        else:
            self._legs.pop(leg.user, None)
        leg.connection.legs = _without(leg.connection.legs, leg)

    def rename(self, call: Call, call_id: str) -> None:
        """Announce ``call`` under another callID from now on; the old one becomes an alias."""
        if call_id != call.id:
            call.aliases = (call.aliases | {call.id}) - {call_id}
            call.id = call_id
            self._by_id[call_id] = call

    def move(self, leg: Leg, connection: Connection) -> None:
        """Make ``leg`` part of another connection."""
        leg.connection.legs = _without(leg.connection.legs, leg)
        connection.legs += (leg,)
        leg.connection = connection

    def merge(self, call: Call, other: Call) -> None:
        """Let ``other`` become part of ``call``: its connections, legs and names."""
        for device, connection in list(other.connections.items()):
            other.remove(device)
            mine = call.connections.get(device)
            if mine is None or not (mine.alive or mine.legs):
                call.remove(device)
                call.connection(device)
                connection.call = call
                call.connections[device] = connection
            else:
                for leg in connection.legs:
                    self.move(leg, mine)
        for device, marks in other.marks.items():
            call.mark(device, marks)
        call.controller = call.controller or other.controller
        self._calls.pop(other.number, None)
        for name in (other.id, *other.aliases):
            self._by_id[name] = call
            if name != call.id:
                call.aliases |= {name}

    def rekey(self, leg: Leg, call_id: str) -> None:
        """BroadWorks gave ``leg`` another callId (click-to-dial)."""
        leg.call_id = call_id
        self._legs[leg.user] = (*_without(self._legs[leg.user], leg), leg)

    def drop(self, call: Call) -> None:
        """Forget a call with its aliases and legs."""
        self._calls.pop(call.number, None)
        for name in (call.id, *call.aliases):
            if self._by_id.get(name) is call:
                del self._by_id[name]
        for device, connection in list(call.connections.items()):
            for leg in connection.legs:
                self.drop_leg(leg)
            call.remove(device)

    def clear(self) -> None:
        """Forget everything."""
        self._by_id.clear()
        self._calls.clear()
        self._legs.clear()
        self._listed.clear()
