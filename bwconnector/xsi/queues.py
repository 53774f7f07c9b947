"""Events of call centers (packages ``Call Center Queue``) and route points (``Route Point Queue``): values, and their readers.

Both tell the same of the calls that wait there; where their words differ (``ACDCallAddedEvent``, ``RoutePointCallAddedEvent``), a
:class:`QueueEvent` has one name for both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from bwconnector.xsi.calldata import party_of, redirect_of, redirections_of, release_cause_of
from bwconnector.xsi.events import EventData, Party, Redirect, Redirection, ReleaseCause
from bwconnector.xsi.reading import Element, Table, fields_of, flag_of, integer_of, local_name, text_of

__all__ = [
    "QUEUE_EVENTS",
    "QueueEntry",
    "QueueEvent",
    "QueueSubscription",
    "READERS",
    "RoutePointState",
    "TREATMENT_EVENTS",
    "TreatmentEvent",
    "entries_of",
]


@attrs.frozen(slots=True)
class QueueEntry:
    """A call at a call center or route point.

    ``call_id`` is that of the caller's half; ``tracking_id`` ties it to the call. Times are milliseconds since the epoch.
    """

    call_id: str = ""
    tracking_id: str = ""
    remote: Party = Party()
    add_time: int = 0
    remove_time: int = 0
    bounced: bool = False
    priority: str = ""
    """``0-Highest``, ``1-High``, ``2-Medium`` or ``3-Low``; empty at route points."""
    answering_user_id: str = ""
    answering_call_id: str = ""
    play_collect_id: str = ""
    play_collect_type: str = ""
    """Treatment that a route point plays: ``Treatment``, ``MOH``, ``Ringback``, ``Busy`` or ``Silence``."""
    outgoing: bool = False
    """A call that the route point itself has made."""


@attrs.frozen(slots=True)
class QueueEvent(EventData):
    """Something happened to one call at a queue.

    :ivar type: as on the wire
    :ivar kind: what happened, for call centers and route points alike: ``Added``, ``OfferedToAgent``, ``AnsweredByAgent`` …
    :ivar position: place in the queue, 1 is next; 0 where it is not told
    :ivar reason: overflowReason, releaseReason, failureReason, rejectReason or the reason of an update
    """

    type: str
    kind: str
    entry: QueueEntry
    position: int = 0
    redirect: Redirect | None = None
    redirections: tuple[Redirection, ...] = ()
    reason: str = ""
    release_cause: ReleaseCause | None = None
    treatment_started: bool = False
    entrance_playing: bool = False


@attrs.frozen(slots=True)
class QueueSubscription(EventData):
    """The whole truth about the calls at a call center or route point, in the order of their positions."""

    entries: tuple[QueueEntry, ...] = ()
    resync: bool = False


@attrs.frozen(slots=True)
class TreatmentEvent(EventData):
    """A route point has begun or ended to play something to a caller.

    :ivar treatment: ``Treatment``, ``MOH``, ``Ringback``, ``Busy`` or ``Silence``
    :ivar completed: it has ended; ``completion_reason`` tells why, ``digits`` what the caller has dialled
    """

    treatment: str
    completed: bool
    entry: QueueEntry
    play_collect_id: str = ""
    completion_reason: str = ""
    digits: str = ""
    error_reason: str = ""


@attrs.frozen(slots=True)
class RoutePointState(EventData):
    """The route point as a whole has failed (``reason``: ``FailureDetected`` or ``ExternalRequest``) or is well again."""

    failed: bool
    reason: str = ""


QUEUE_EVENTS: Mapping[str, str] = {
    **{
        f"ACDCall{kind}Event": kind
        for kind in (
            "Abandoned",
            "Added",
            "AnsweredByAgent",
            "Bounced",
            "Escaped",
            "Forwarded",
            "OfferedToAgent",
            "Overflowed",
            "Promoted",
            "Released",
            "Reordered",
            "Stranded",
            "StrandedUnavailable",
            "Transferred",
            "Updated",
        )
    },
    **{
        f"RoutePointCall{kind}Event": kind
        for kind in (
            "Abandoned",
            "Added",
            "AnsweredByAgent",
            "Bounced",
            "Failed",
            "Forwarded",
            "OfferedToAgent",
            "Overflowed",
            "Rejected",
            "Released",
            "Transferred",
            "Updated",
        )
    },
    "ACDHolidayPolicyAppliedEvent": "HolidayPolicyApplied",
    "ACDNightPolicyAppliedEvent": "NightPolicyApplied",
    "RoutePointHolidayPolicyAppliedEvent": "HolidayPolicyApplied",
    "RoutePointNightPolicyAppliedEvent": "NightPolicyApplied",
    "RoutePointNewCallEvent": "NewCall",
    "RoutePointOutgoingCallAnsweredEvent": "OutgoingAnswered",
    "RoutePointOutgoingCallOriginatedEvent": "OutgoingOriginated",
}
"""Types of event that become a QueueEvent, and its ``kind``."""

TREATMENT_EVENTS: Mapping[str, tuple[str, bool]] = {
    f"RoutePoint{treatment}{word}Event": (treatment, word == "Completed")
    for treatment in ("Busy", "MOH", "Ringback", "Silence", "Treatment")
    for word in ("Started", "Completed")
}
"""Types of event that become a TreatmentEvent: what is played, and whether it has ended."""


def _entry(element: Element) -> QueueEntry:
    fields = fields_of(element, _ENTRY)
    playing = fields.pop("playing", {})
    return QueueEntry(**fields, **playing)


def entries_of(element: Element) -> tuple[QueueEntry, ...]:
    """Those of ``queueEntries``."""
    return tuple([_entry(child) for child in element if local_name(child) == "queueEntry"])


_PLAYING: Table = {"playCollectId": ("play_collect_id", text_of), "playCollectType": ("play_collect_type", text_of)}
_FLAT: Table = {
    "callId": ("call_id", text_of),
    "extTrackingId": ("tracking_id", text_of),
    "remoteParty": ("remote", party_of),
    "addTime": ("add_time", integer_of),
    "receiveTime": ("add_time", integer_of),
}
_ENTRY: Table = {
    **_FLAT,
    "removeTime": ("remove_time", integer_of),
    "bounced": ("bounced", flag_of),
    "acdPriority": ("priority", text_of),
    "answeringUserId": ("answering_user_id", text_of),
    "answeringCallId": ("answering_call_id", text_of),
    "playCollectInfo": ("playing", lambda e: fields_of(e, _PLAYING)),
    "outgoingCall": ("outgoing", flag_of),
}
_EVENT: Table = {
    "queueEntry": ("entry", _entry),
    "position": ("position", integer_of),
    "redirect": ("redirect", redirect_of),
    "redirections": ("redirections", redirections_of),
    "overflowReason": ("reason", text_of),
    "overFlowReason": ("reason", text_of),
    "releaseReason": ("reason", text_of),
    "failureReason": ("reason", text_of),
    "rejectReason": ("reason", text_of),
    "reason": ("reason", text_of),
    "outgoingCallReleaseCause": ("release_cause", release_cause_of),
    "treatmentStarted": ("treatment_started", flag_of),
    "entrancePlaying": ("entrance_playing", flag_of),
}
_RESULT: Table = {
    "playCollectId": ("play_collect_id", text_of),
    "completionReason": ("completion_reason", text_of),
    "digits": ("digits", text_of),
    "errorReason": ("error_reason", text_of),
}


def _queue_event(kind: str, data: Element) -> EventData:
    fields = fields_of(data, _EVENT)
    if "entry" not in fields:
        fields["entry"] = QueueEntry(**fields_of(data, _FLAT))  # calls that never waited are told without a queue entry
    return QueueEvent(kind, QUEUE_EVENTS[kind], **fields)


def _subscription(kind: str, data: Element) -> EventData:
    entries: dict[str, Any] = fields_of(data, {"queueEntries": ("entries", entries_of)})
    return QueueSubscription(**entries, resync="Resync" in kind)


def _treatment(kind: str, data: Element) -> EventData:
    treatment, completed = TREATMENT_EVENTS[kind]
    fields = fields_of(data, {"queueEntry": ("entry", _entry), "playCollectResult": ("result", lambda e: fields_of(e, _RESULT))})
    entry: QueueEntry = fields.get("entry", QueueEntry())
    return TreatmentEvent(treatment, completed, entry, **({"play_collect_id": entry.play_collect_id} | fields.get("result", {})))


def _state(kind: str, data: Element) -> EventData:
    return RoutePointState(kind == "RoutePointFailedEvent", **fields_of(data, {"stateChangeReason": ("reason", text_of)}))


READERS: dict[str, Callable[[str, Element], EventData]] = {
    **dict.fromkeys(QUEUE_EVENTS, _queue_event),
    **dict.fromkeys(TREATMENT_EVENTS, _treatment),
    "ACDSubscriptionEvent": _subscription,
    "ACDSubscriptionResyncEvent": _subscription,
    "RoutePointSubscriptionEvent": _subscription,
    "RoutePointSubscriptionResyncEvent": _subscription,
    "RoutePointFailedEvent": _state,
    "RoutePointRecoveredEvent": _state,
}
"""By type of event."""
