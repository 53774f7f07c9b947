"""One Xsi document in, one typed value out: the envelope, and a table of readers by type of event."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from bwconnector.xsi import agents, queues
from bwconnector.xsi.calldata import call_of, calls_of, conference_of, party_of
from bwconnector.xsi.events import (
    CallEvent,
    CallParkedAgainst,
    CallSubscription,
    ChannelOpened,
    ChannelTerminated,
    Conference,
    ConferenceEvent,
    Document,
    DoNotDisturbState,
    EventData,
    ForwardingState,
    Heartbeat,
    HookStatus,
    MessageSummary,
    OtherDocument,
    OtherEvent,
    SubscriptionEvent,
    SubscriptionTerminated,
    Unwanted,
)
from bwconnector.xsi.reading import Element, Table, fields_of, flag_of, integer_of, local_name, number_of, text_of, type_of
from bwconnector.xsi.skeletons import Skeletons

__all__ = [
    "CALL_EVENTS",
    "CONFERENCE_EVENTS",
    "DND_INFO",
    "EVENT_DATA",
    "SERVICE_INFO",
    "channel_of",
    "event_id_of",
    "parse",
    "read",
    "unwanted",
]

CALL_EVENTS = frozenset(
    f"Call{name}Event"
    for name in (
        "Answered",
        "BargedIn",
        "ClientSessionInfoUpdated",
        "Collecting",
        "Detached",
        "Forwarded",
        "Held",
        "Monitored",
        "Originated",
        "Originating",
        "ParkRetrieved",
        "PickedUp",
        "Received",
        "RecordingPaused",
        "RecordingResumed",
        "RecordingStarted",
        "RecordingStarting",
        "RecordingStopped",
        "Redirected",
        "Released",
        "Releasing",
        "Retrieved",
        "SecurityClassificationUpdated",
        "Transferred",
        "Updated",
    )
)
"""Event types that become a CallEvent."""

CONFERENCE_EVENTS = frozenset(
    f"Conference{name}Event"
    for name in (
        "CallMadeDeaf",
        "CallMadeUnDeaf",
        "CallMuted",
        "CallUnMuted",
        "Held",
        "Muted",
        "Released",
        "Retrieved",
        "Started",
        "Unmuted",
        "Updated",
    )
)
"""Event types that become a ConferenceEvent."""


def parse(document: bytes) -> Document:
    """Read one document of an Event Channel.

    :raises BadDocument: it is not XML
    """
    return _SKELETONS.parse(document)


def read(root: Element) -> Document:
    """Read the root element of one."""
    name = local_name(root)
    if name == "Event":
        name = type_of(root)
    reader = _DOCUMENTS.get(name.lower())
    return reader(root) if reader else OtherDocument(name)


def unwanted(document: bytes, wants: Callable[[str], bool]) -> SubscriptionEvent | None:
    """The envelope of an event whose target nobody wants, without its data; None for whatever is to be parsed.

    Subscriptions to whole groups bring many of these: only their envelopes are looked at, which are to be acknowledged and counted.
    """
    head, data, _ = document.partition(b"eventData")
    target = _TARGET.search(head)
    # Text that is not written plainly, and events without some part of the envelope, are left to the parser.
    if not data or target is None or b"&" in head or b"<!" in head or wants(target[1].decode("utf-8", "replace").strip()):
        return None
    parts = [found[1].decode("ascii", "replace") for pattern in _IDENTITY if (found := pattern.search(head)) is not None]
    if len(parts) < len(_IDENTITY) or not parts[1].isdigit():
        return None
    event_id, sequence, subscription_id = (part.strip() for part in parts)
    return SubscriptionEvent(event_id, number_of(sequence), subscription_id, Unwanted(), target[1].decode("utf-8", "replace").strip())


def event_id_of(document: bytes) -> str:
    """The eventID of a document that cannot be parsed, as far as it can be seen; else empty."""
    found = _EVENT_ID.search(document)
    return found[1].decode("utf-8", "replace").strip() if found is not None and len(found[1]) <= _LONGEST_ID else ""


def channel_of(element: Element) -> ChannelOpened:
    """A ``Channel``; ``expires`` is 0 when BroadWorks did not say."""
    return ChannelOpened(**(_NO_CHANNEL | fields_of(element, _CHANNEL)))


_NO_CHANNEL: dict[str, Any] = {"channel_id": "", "expires": 0}
_CHANNEL: Table = {"channelId": ("channel_id", text_of), "expires": ("expires", integer_of)}
_TERMINATED: Table = {"channelId": ("channel_id", text_of), "reason": ("reason", text_of)}
_SNAPSHOT: Table = {"calls": ("calls", calls_of), "conference": ("conference", conference_of), "hookStatus": ("hook_status", text_of)}
_CALLS: Table = {"call": ("call", call_of), "calls": ("calls", calls_of), "reason": ("reason", text_of)}
SERVICE_INFO: Table = {
    "active": ("active", flag_of),
    "forwardToPhoneNumber": ("forward_to", text_of),
    "numberOfRings": ("number_of_rings", integer_of),
}
DND_INFO: Table = {"active": ("active", flag_of)}


def _call_event(kind: str, data: Element) -> EventData:
    fields = fields_of(data, _CALLS)
    reason = fields.pop("reason", "")
    return CallEvent(kind, fields["calls"] if "calls" in fields else tuple(fields.values()), reason)


def _conference_event(kind: str, data: Element) -> EventData:
    return ConferenceEvent(kind, fields_of(data, {"conference": ("conference", conference_of)}).get("conference", Conference()))


def _snapshot(kind: str, data: Element) -> EventData:
    return CallSubscription(**fields_of(data, _SNAPSHOT), resync=kind == "CallSubscriptionResyncEvent")


def _hook_status(kind: str, data: Element) -> EventData:
    return HookStatus(**({"status": ""} | fields_of(data, {"hookStatus": ("status", text_of)})))


def _parked(kind: str, data: Element) -> EventData:
    return CallParkedAgainst(fields_of(data, {"parkedParty": ("party", party_of)}).get("party"))


def _service(data: Element, info: Table) -> dict[str, Any]:
    fields = fields_of(data, {"unassigned": ("unassigned", flag_of), "info": ("info", lambda e: fields_of(e, info))})
    info_fields: dict[str, Any] = fields.pop("info", {})
    return info_fields | fields


def _do_not_disturb(kind: str, data: Element) -> EventData:
    return DoNotDisturbState(**_service(data, DND_INFO))


def _message_summary(kind: str, data: Element) -> EventData:
    table: Table = {"messageSummary": ("summary", lambda e: fields_of(e, {"newMessages": ("new_messages", integer_of)}))}
    return MessageSummary(**fields_of(data, table).get("summary", {}))


_FORWARDING = {
    "CallForwardingAlwaysEvent": "Call Forwarding Always",
    "CallForwardingBusyEvent": "Call Forwarding Busy",
    "CallForwardingNoAnswerEvent": "Call Forwarding No Answer",
}


def _forwarding(kind: str, data: Element) -> EventData:
    return ForwardingState(_FORWARDING[kind], **_service(data, SERVICE_INFO))


EVENT_DATA: dict[str, Callable[[str, Element], EventData]] = {
    **dict.fromkeys(CALL_EVENTS, _call_event),
    **dict.fromkeys(CONFERENCE_EVENTS, _conference_event),
    **dict.fromkeys(_FORWARDING, _forwarding),
    "CallSubscriptionEvent": _snapshot,
    "CallSubscriptionResyncEvent": _snapshot,
    "HookStatusEvent": _hook_status,
    "CallParkedAgainstEvent": _parked,
    "DoNotDisturbEvent": _do_not_disturb,
    "VoiceMailMessageSummaryEvent": _message_summary,
    **agents.READERS,
    **queues.READERS,
    "SubscriptionTerminatedEvent": lambda kind, data: SubscriptionTerminated(),
}


def _event_data(element: Element) -> EventData:
    kind = type_of(element)
    read = EVENT_DATA.get(kind)
    return read(kind, element) if read else OtherEvent(kind)


_ENVELOPE: Table = {
    "eventID": ("event_id", text_of),
    "sequenceNumber": ("sequence", integer_of),
    "userId": ("owner_id", text_of),
    "clientId": ("owner_id", text_of),
    "externalApplicationId": ("application_id", text_of),
    "subscriptionId": ("subscription_id", text_of),
    "channelId": ("channel_id", text_of),
    "targetId": ("target_id", text_of),
    "eventData": ("data", _event_data),
}
_NO_ENVELOPE: dict[str, Any] = {"event_id": "", "sequence": 0, "subscription_id": "", "data": OtherEvent("")}


def _subscription_event(root: Element) -> Document:
    return SubscriptionEvent(**(_NO_ENVELOPE | fields_of(root, _ENVELOPE)))


def _terminated(root: Element) -> Document:
    return ChannelTerminated(**({"channel_id": ""} | fields_of(root, _TERMINATED)))


def _plain(name: str) -> re.Pattern[bytes]:
    return re.compile(rf"<(?:[\w.-]+:)?{name}>([^<]*)</".encode())


_TARGET = _plain("targetId")
_EVENT_ID = _plain("eventID")
_IDENTITY = (_EVENT_ID, _plain("sequenceNumber"), _plain("subscriptionId"))
_LONGEST_ID = 200

# Keys are lower case: the spelling of the heartbeat differs between descriptions and the wire.
_DOCUMENTS: dict[str, Callable[[Element], Document]] = {
    "channel": channel_of,
    "channelheartbeat": lambda root: Heartbeat(),
    "heartbeat": lambda root: Heartbeat(),
    "subscriptionevent": _subscription_event,
    "channelterminatedevent": _terminated,
}

_SKELETONS = Skeletons(read)
