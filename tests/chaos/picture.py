"""What a T-Server knows of a device from its events alone, and what is true."""

from __future__ import annotations

import re

from bwconnector.csta import messages as csta
from bwconnector.simulator.legs import Leg
from bwconnector.simulator.switch import Switch

from .phones import QUEUES

__all__ = ["Picture", "subject", "truth"]

SUBJECTS: dict[type[csta.Message], str] = {
    csta.ServiceInitiatedEvent: "initiated_connection",
    csta.OriginatedEvent: "originated_connection",
    csta.DeliveredEvent: "connection",
    csta.EstablishedEvent: "established_connection",
    csta.HeldEvent: "held_connection",
    csta.RetrievedEvent: "retrieved_connection",
    csta.ConnectionClearedEvent: "dropped_connection",
    csta.DivertedEvent: "connection",
    csta.FailedEvent: "failed_connection",
    csta.QueuedEvent: "queued_connection",
}
"""The one connection that an event is about; other call events join calls, or change no state."""

REPEATABLE = (csta.CallInformationEvent, csta.FailedEvent)
"""A call may fail at several places without a device id."""


class Picture:
    """One monitor's view of its device.

    :ivar calls: local connection state by callID
    :ivar faults: what no correct sequence of events does
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.calls: dict[str, str] = {}
        self.heard: list[str] = []
        self.faults: list[str] = []
        self.seeded = False
        self._known: set[str] = set()
        self._last: dict[tuple[str, str | None], str] = {}

    @property
    def states(self) -> list[str]:
        """Local connection states; a call that is parked (queued at a user) is at nobody's phone."""
        return sorted(state for state in self.calls.values() if state != "queued" or self.device in QUEUES)

    @property
    def heard_by_call(self) -> dict[str, list[str]]:
        """What was heard of each call: that of different calls may come in any order."""
        calls: dict[str, list[str]] = {}
        for told in self.heard:
            for call_id in dict.fromkeys(re.findall(r"{([^,}]+),", told)):
                calls.setdefault(call_id, []).append(told)
        return calls

    def seed(self, snapshot: csta.SnapshotDeviceResponse) -> None:
        """Take the present from the answer to SnapshotDevice."""
        self.calls = {str(each.connection_identifier.call_id): str(each.local_call_state[0]) for each in snapshot.snapshot or ()}
        self.seeded = True
        self._known = set(self.calls)
        self._last.clear()

    def hear(self, event: csta.Event) -> None:
        """Apply one event of this monitor."""
        self.heard.append(line(event))
        joined = isinstance(event, csta.TransferedEvent | csta.ConferencedEvent)
        if joined:
            self._join(event)
        elif not isinstance(event, csta.CallInformationEvent):
            self._change(event)

    def _change(self, event: csta.Event) -> None:
        connection, state = subject(event), str(event.local_connection_info)  # type: ignore[attr-defined]
        call_id = str(connection.call_id)
        # An originator whose beginning was lost joins late, with the answer of its far end (R8).
        born = connection.device_id == self.device or (isinstance(event, csta.EstablishedEvent) and state == "connected")
        if self.seeded and call_id not in self._known and (not born or state == "null"):
            self.faults.append(f"not a birth: {self.heard[-1]}")
        key, said = (call_id, connection.device_id), f"{type(event).__name__} {state}"
        if self._last.get(key) == said and not isinstance(event, REPEATABLE):
            self.faults.append(f"twice: {self.heard[-1]}")
        self._last[key] = said
        if isinstance(event, csta.DeliveredEvent):
            # now that it rings elsewhere, it may come back to its queue, or be offered to somebody unknown, again
            for other in [(call_id, device) for device in (None, *QUEUES) if device != connection.device_id]:
                self._last.pop(other, None)
        self._set(call_id, state)

    def _set(self, call_id: str, state: str) -> None:
        if state == "null":
            self.calls.pop(call_id, None)
            self._known.discard(call_id)
            for key in [key for key in self._last if key[0] == call_id]:
                del self._last[key]
        else:
            self.calls[call_id] = state
            self._known.add(call_id)

    def _join(self, event: csta.TransferedEvent | csta.ConferencedEvent) -> None:
        if self.heard[-1] in self.heard[-2:-1]:
            self.faults.append(f"twice: {self.heard[-1]}")
        transfer = isinstance(event, csta.TransferedEvent)
        items = event.transferred_connections if transfer else event.conference_connections  # type: ignore[union-attr]
        gone = [item.old_connection for item in items if item.old_connection is not None]
        left = transfer and event.transferring_device.device == self.device  # type: ignore[union-attr]
        if event.secondary_old_call is not None:
            gone.append(event.secondary_old_call)
        if left:
            gone.append(event.primary_old_call)
        for old in gone:
            if old.device_id == self.device:
                self._set(str(old.call_id), "null")
        state = str(event.local_connection_info)
        if not left and state != "null":
            (new,) = {str(item.new_connection.call_id) for item in items if item.new_connection is not None}
            self._set(new, state)


def subject(event: csta.Event) -> csta.ConnectionID:
    """The connection that an event is about."""
    return getattr(event, SUBJECTS[type(event)])  # type: ignore[no-any-return]


def line(event: csta.Event) -> str:
    """An event in one line, without the number of its monitor."""
    kind = type(event).__name__.removesuffix("Event")
    if isinstance(event, csta.TransferedEvent | csta.ConferencedEvent):
        transfer = isinstance(event, csta.TransferedEvent)
        items = event.transferred_connections if transfer else event.conference_connections  # type: ignore[union-attr]
        names = " ".join(sorted(f"{_name(item.new_connection)}<{_name(item.old_connection)}" for item in items))
        old = f"{_name(event.primary_old_call)} and {_name(event.secondary_old_call)}"
        return f"{kind} {old} [{names}] {event.local_connection_info} {event.cause}"
    if isinstance(event, csta.CallInformationEvent):
        return f"{kind} {_name(event.connection)}"
    return f"{kind} {_name(subject(event))} {event.local_connection_info} {event.cause}"  # type: ignore[attr-defined]


def _name(connection: csta.ConnectionID | None) -> str:
    return "{}" if connection is None else f"{{{connection.call_id},{connection.device_id}}}"


STATES = {"Terminator": "alerting", "Originator": "connected", "Click-to-Dial": "initiated"}
"""Connection state of a leg that alerts, by its personality."""


def truth(switch: Switch, user: str) -> list[str]:
    """Connection states of a user by the switch: those of its legs, where the legs in its conference are one connection.

    In CSTA a device has one connection in a call, so a second call with a party that is in the conference already stays a call of its own.
    """
    if user in QUEUES:
        return ["queued"] * len(switch.waiting(user))
    bridge = switch.bridge(user)
    members = bridge.legs if bridge is not None else []
    shared = "hold" if bridge is not None and bridge.state == "Held" else "connected"
    states = [_state(leg) for leg in switch.legs(user) if leg not in members]
    parties = {leg.peer and leg.peer.owner.user_id for leg in members}
    alone = len(members) - len(parties) if len(parties) > 1 else len(members) - 1
    return sorted(states + [shared] * (bool(members) + alone))


def _state(leg: Leg) -> str:
    if leg.state == "Alerting":
        # Who was called and has been transferred shows as alerting while the new party rings, but has answered before.
        return "connected" if leg.call.answer_time else STATES[leg.call.personality]
    return "hold" if leg.state == "Held" else "connected"
