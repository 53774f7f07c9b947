"""A change as the CSTA event that one monitor gets: a table of how each kind of change fills its message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from bwconnector.bridge.changes import Change
from bwconnector.bridge.naming import connection_id, connection_list, party
from bwconnector.csta import messages as csta

__all__ = ["EVENTS", "event_message"]

Name = Callable[[str], str]
"""Device key to the form in which the link knows the device."""

Children = dict[str, Any]


@attrs.frozen(slots=True)
class _View:
    """A change as one monitor sees it."""

    change: Change
    name: Name

    def party(self, device: str) -> csta.PartyDevice:
        return party(device, self.name)

    @property
    def subject(self) -> csta.ConnectionID:
        return connection_id(self.change.subject, self.name)

    @property
    def acting(self) -> csta.PartyDevice:
        return self.party(self.change.acting)

    @property
    def target(self) -> csta.PartyDevice:
        return self.party(self.change.target)

    @property
    def ends(self) -> Children:
        """Calling and called device."""
        return {"calling_device": self.party(self.change.calling), "called_device": self.party(self.change.called)}

    @property
    def parties(self) -> Children:
        """Calling, called and last redirection device."""
        last = self.change.last_redirection
        return {**self.ends, "last_redirection_device": csta.NOT_REQUIRED if last is None else self.party(last)}

    @property
    def outside(self) -> Children:
        """What external calls carry besides: the network's view, and that the trunk is not known (R12)."""
        change = self.change
        children: Children = {}
        if change.incoming_external:
            children["network_calling_device"] = self.party(change.calling)
            children["network_called_device"] = self.party(change.called)
            children["associated_calling_device"] = csta.NOT_KNOWN
        if change.outgoing_external:
            children["associated_called_device"] = csta.NOT_KNOWN
        return children

    @property
    def items(self) -> tuple[csta.ConnectionListItem, ...]:
        return connection_list(self.change.items, self.name)

    @property
    def joined(self) -> Children:
        """The two old calls of a transfer or conference."""
        second = self.change.secondary
        return {"primary_old_call": self.subject, "secondary_old_call": connection_id(second, self.name) if second is not None else None}


def _service_initiated(view: _View) -> Children:
    return {
        "initiated_connection": view.subject,
        "initiating_device": view.acting,
        "called_device": view.party(view.change.called) if view.change.called else None,
    }


def _originated(view: _View) -> Children:
    return {"originated_connection": view.subject, **view.ends, **view.outside}


def _delivered(view: _View) -> Children:
    return {"connection": view.subject, "alerting_device": view.acting, **view.parties, **view.outside}


def _established(view: _View) -> Children:
    return {"established_connection": view.subject, "answering_device": view.acting, **view.parties, **view.outside}


def _held(view: _View) -> Children:
    return {"held_connection": view.subject, "holding_device": view.acting}


def _retrieved(view: _View) -> Children:
    return {"retrieved_connection": view.subject, "retrieving_device": view.acting}


def _connection_cleared(view: _View) -> Children:
    return {"dropped_connection": view.subject, "releasing_device": view.acting}


def _diverted(view: _View) -> Children:
    return {
        "connection": view.subject,
        "diverting_device": view.acting,
        "new_destination": view.target,
        **view.parties,
        **view.outside,
    }


def _failed(view: _View) -> Children:
    return {"failed_connection": view.subject, "failing_device": view.acting, **view.parties, **view.outside}


def _queued(view: _View) -> Children:
    return {"queued_connection": view.subject, "queue": view.acting, **view.parties, **view.outside}


def _network_reached(view: _View) -> Children:
    return {"outbound_connection": view.subject, "network_interface_used": csta.NOT_KNOWN, **view.parties}


def _transferred(view: _View) -> Children:
    return {
        **view.joined,
        "transferring_device": view.acting,
        "transferred_to_device": view.target,
        "transferred_connections": view.items,
    }


def _conferenced(view: _View) -> Children:
    return {
        **view.joined,
        "conferencing_device": view.acting,
        "added_party": view.target,
        "conference_connections": view.items,
    }


def _call_information(view: _View) -> Children:
    text = view.change.text
    return {"connection": view.subject, "device": view.target, "user_data": text.encode() if text else None}


def _voice(view: _View) -> Children:
    """BroadWorks has one recording of a connection at a time; it is called as its call is."""
    return {"connection": view.subject, "message": view.subject.call_id}


EVENTS: dict[str, tuple[type[csta.Event], Callable[[_View], Children]]] = {
    "ServiceInitiatedEvent": (csta.ServiceInitiatedEvent, _service_initiated),
    "OriginatedEvent": (csta.OriginatedEvent, _originated),
    "DeliveredEvent": (csta.DeliveredEvent, _delivered),
    "EstablishedEvent": (csta.EstablishedEvent, _established),
    "HeldEvent": (csta.HeldEvent, _held),
    "RetrievedEvent": (csta.RetrievedEvent, _retrieved),
    "ConnectionClearedEvent": (csta.ConnectionClearedEvent, _connection_cleared),
    "DivertedEvent": (csta.DivertedEvent, _diverted),
    "FailedEvent": (csta.FailedEvent, _failed),
    "QueuedEvent": (csta.QueuedEvent, _queued),
    "NetworkReachedEvent": (csta.NetworkReachedEvent, _network_reached),
    "TransferedEvent": (csta.TransferedEvent, _transferred),
    "ConferencedEvent": (csta.ConferencedEvent, _conferenced),
    "CallInformationEvent": (csta.CallInformationEvent, _call_information),
    "RecordEvent": (csta.RecordEvent, _voice),
    "SuspendRecordEvent": (csta.SuspendRecordEvent, _voice),
    "StopEvent": (csta.StopEvent, _voice),
}
"""Each kind of change with its message and what fills it; these are the call events that are sent."""

_VOICE = frozenset({"RecordEvent", "SuspendRecordEvent", "StopEvent"})
"""Events without callCharacteristics."""
_STATELESS = _VOICE | {"CallInformationEvent"}
"""Events without localConnectionInfo."""
_CAUSELESS = frozenset({"CallInformationEvent"})
"""Events without cause."""


def event_message(change: Change, device: str, name: Name) -> csta.Event:
    """The event that the monitors on ``device`` get, each with its own monitorCrossRefID in the place of an empty one.

    :param name: gives each device the form in which the monitor's link knows it
    """
    message, fill = EVENTS[change.kind]
    children = fill(_View(change, name))
    if change.kind not in _STATELESS:
        children["local_connection_info"] = change.states.get(device)
    if change.kind not in _CAUSELESS:
        children["cause"] = change.cause
    if change.characteristics and change.kind not in _VOICE:
        children["call_characteristics"] = change.characteristics
    children["monitor_cross_ref_id"] = ""
    children["extensions"] = change.private
    return message(**children)
