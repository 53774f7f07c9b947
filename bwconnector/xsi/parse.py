"""One Xsi document in, one typed value out.

Every type of the wire is a table from element name to attribute and reader, walked in one pass over the children; whatever a table does
not name is skipped, whatever is missing keeps its default. Names are compared without namespace, because releases and proxies differ in
prefixes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lxml import etree

from bwconnector.xsi.errors import BadDocument
from bwconnector.xsi.events import (
    CallEvent,
    CallParkedAgainst,
    CallSubscription,
    ChannelOpened,
    ChannelTerminated,
    Conference,
    ConferenceEvent,
    ConferenceParticipant,
    Document,
    DoNotDisturbState,
    EventData,
    ForwardingState,
    Heartbeat,
    HookStatus,
    MessageSummary,
    OtherDocument,
    OtherEvent,
    Party,
    Redirect,
    Redirection,
    ReleaseCause,
    SubscriptionEvent,
    SubscriptionTerminated,
    XsiCall,
)

__all__ = [
    "CALL_EVENTS",
    "CONFERENCE_EVENTS",
    "Table",
    "call_of",
    "channel_of",
    "fields_of",
    "flag_of",
    "integer_of",
    "local_name",
    "parse",
    "root_of",
    "text_of",
]

Element = etree._Element
Table = Mapping[str, tuple[str, Callable[[Element], Any]]]
"""Element name to the attribute it fills and the reader of its value."""

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

_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

# Comments and processing instructions are removed while parsing, so that every child is an element. lxml's own limits on depth (256) and
# on the size of one text (10 MB) stay in force, since huge_tree is off.
_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False, remove_comments=True, remove_pis=True
)


def root_of(document: bytes) -> Element:
    """Parse ``document``, in whatever encoding its prolog declares.

    :raises BadDocument: not well-formed, or it has a document type declaration, which Xsi never uses
    """
    if b"<!DOCTYPE" in document:
        raise BadDocument(f"document type declaration in {_excerpt(document)}")
    try:
        return etree.fromstring(document, _PARSER)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise BadDocument(f"not well-formed ({error}): {_excerpt(document)}") from error


def parse(document: bytes) -> Document:
    """Read one document of an Event Channel.

    :raises BadDocument: it is not XML
    """
    root = root_of(document)
    name = local_name(root)
    if name == "Event":
        name = _type_of(root)
    read = _DOCUMENTS.get(name.lower())
    return read(root) if read else OtherDocument(name)


class _LocalNames(dict[Any, str]):
    """Tag to name without namespace. Senders use the same few hundred tags over and over; a sender of others fills no memory."""

    def __missing__(self, tag: Any) -> str:
        name = str(tag)[str(tag).rfind("}") + 1 :]
        if len(self) < 2000:
            self[tag] = name
        return name


_LOCAL_NAMES = _LocalNames()


def fields_of(element: Element, table: Table) -> dict[str, Any]:
    """Those attributes of ``table`` that have an element among the children of ``element``."""
    fields: dict[str, Any] = {}
    for child in element:
        entry = table.get(_LOCAL_NAMES[child.tag])
        if entry is not None:
            attribute, read = entry
            if read is text_of:  # nearly all are: a call for each is what a third of this walk would cost
                text = child.text
                fields[attribute] = text.strip() if text else ""
            else:
                fields[attribute] = read(child)
    return fields


def local_name(element: Element) -> str:
    return _LOCAL_NAMES[element.tag]


def text_of(element: Element) -> str:
    text = element.text
    return text.strip() if text else ""


def integer_of(element: Element) -> int:
    """0 where BroadWorks sent no number."""
    try:
        return int(element.text or 0)
    except ValueError:
        return 0


def flag_of(element: Element) -> bool:
    """True for an empty element too: in Xsi such an element says it by being there."""
    return text_of(element).lower() not in ("false", "0")


def call_of(element: Element) -> XsiCall:
    """A ``call`` of an event or a ``Call`` response."""
    fields = _IDENTITY | fields_of(element, _CALL)
    acd = fields.pop("acd", None)
    return XsiCall(**fields, **acd) if acd else XsiCall(**fields)


def channel_of(element: Element) -> ChannelOpened:
    """A ``Channel``; ``expires`` is 0 when BroadWorks did not say."""
    return ChannelOpened(**(_NO_CHANNEL | fields_of(element, _CHANNEL)))


def _excerpt(document: bytes) -> str:
    return repr(document[:80].decode("latin-1"))


def _type_of(element: Element) -> str:
    # xsi1:type is a QName whose prefix is the sender's choice; the part after it names the type.
    return element.get(_TYPE, "").rpartition(":")[2]


def _uri(element: Element) -> tuple[str, str]:
    return text_of(element), element.get("countryCode", "")


def _party(element: Element) -> Party:
    fields = fields_of(element, _PARTY)
    address, address_code = fields.pop("address", ("", ""))
    user_dn, dn_code = fields.pop("user_dn", ("", ""))
    return Party(address=address, user_dn=user_dn, country_code=dn_code or address_code, **fields)


def _calls(element: Element) -> tuple[XsiCall, ...]:
    return tuple([call_of(child) for child in element if local_name(child) == "call"])


def _redirection(element: Element) -> Redirection:
    return Redirection(**({"party": Party()} | fields_of(element, _REDIRECTION)))


def _redirections(element: Element) -> tuple[Redirection, ...]:
    return tuple([_redirection(child) for child in element if local_name(child) == "redirection"])


def _participant(element: Element) -> ConferenceParticipant:
    return ConferenceParticipant(**({"call_id": ""} | fields_of(element, _PARTICIPANT)))


def _participants(element: Element) -> tuple[ConferenceParticipant, ...]:
    return tuple([_participant(child) for child in element if local_name(child) == "conferenceParticipant"])


def _conference(element: Element) -> Conference:
    return Conference(**fields_of(element, _CONFERENCE))


def _acd(element: Element) -> dict[str, Any]:
    return fields_of(element, _ACD)


_NO_CHANNEL: dict[str, Any] = {"channel_id": "", "expires": 0}
_IDENTITY: dict[str, Any] = {"call_id": "", "tracking_id": "", "personality": "", "state": ""}

_PARTY: Table = {
    "name": ("name", text_of),
    "address": ("address", _uri),
    "userId": ("user_id", text_of),
    "userDN": ("user_dn", _uri),
    "privacy": ("private", flag_of),
    "callType": ("call_type", text_of),
}
_REDIRECTION: Table = {"party": ("party", _party), "reason": ("reason", text_of), "counter": ("counter", integer_of)}
_REDIRECT: Table = {"address": ("address", text_of), "reason": ("reason", text_of)}
_RELEASE_CAUSE: Table = {
    "internalReleaseCause": ("internal", text_of),
    "q850Cause": ("q850", text_of),
    "sipStatus": ("sip_status", text_of),
    "cdrTerminationCause": ("cdr", text_of),
}
_ACD: Table = {"acdUserId": ("acd_user_id", text_of), "callingPartyInfo": ("acd_calling_party", _party)}
_CALL: Table = {
    "callId": ("call_id", text_of),
    "extTrackingId": ("tracking_id", text_of),
    "personality": ("personality", text_of),
    "state": ("state", text_of),
    "remoteParty": ("remote", _party),
    "releasingParty": ("releasing_party", text_of),
    "releaseCause": ("release_cause", lambda e: ReleaseCause(**fields_of(e, _RELEASE_CAUSE))),
    "redirections": ("redirections", _redirections),
    "redirect": ("redirect", lambda e: Redirect(**fields_of(e, _REDIRECT))),
    "allowAnswer": ("allow_answer", flag_of),
    "allowRetrieve": ("allow_retrieve", flag_of),
    "huntGroupUserId": ("hunt_group", text_of),
    "recallType": ("recall_type", text_of),
    "startTime": ("start_time", integer_of),
    "answerTime": ("answer_time", integer_of),
    "acdCallInfo": ("acd", _acd),
    "recordingState": ("recording_state", text_of),
    "clientSessionInfo": ("client_session_info", text_of),
}
_PARTICIPANT: Table = {"callId": ("call_id", text_of), "muted": ("muted", flag_of), "deaf": ("deaf", flag_of)}
_CONFERENCE: Table = {
    "state": ("state", text_of),
    "conferenceParticipantList": ("participants", _participants),
    "conferenceType": ("conference_type", text_of),
}
_CHANNEL: Table = {"channelId": ("channel_id", text_of), "expires": ("expires", integer_of)}
_TERMINATED: Table = {"channelId": ("channel_id", text_of), "reason": ("reason", text_of)}
_SNAPSHOT: Table = {"calls": ("calls", _calls), "conference": ("conference", _conference), "hookStatus": ("hook_status", text_of)}
_CALLS: Table = {"call": ("call", call_of), "calls": ("calls", _calls)}
_SERVICE_INFO: Table = {
    "active": ("active", flag_of),
    "forwardToPhoneNumber": ("forward_to", text_of),
    "numberOfRings": ("number_of_rings", integer_of),
}
_DND_INFO: Table = {"active": ("active", flag_of)}


def _call_event(kind: str, data: Element) -> EventData:
    fields = fields_of(data, _CALLS)
    return CallEvent(kind, fields["calls"] if "calls" in fields else tuple(fields.values()))


def _conference_event(kind: str, data: Element) -> EventData:
    return ConferenceEvent(kind, fields_of(data, {"conference": ("conference", _conference)}).get("conference", Conference()))


def _snapshot(kind: str, data: Element) -> EventData:
    return CallSubscription(**fields_of(data, _SNAPSHOT), resync=kind == "CallSubscriptionResyncEvent")


def _hook_status(kind: str, data: Element) -> EventData:
    return HookStatus(**({"status": ""} | fields_of(data, {"hookStatus": ("status", text_of)})))


def _parked(kind: str, data: Element) -> EventData:
    return CallParkedAgainst(fields_of(data, {"parkedParty": ("party", _party)}).get("party"))


def _service(data: Element, info: Table) -> dict[str, Any]:
    fields = fields_of(data, {"unassigned": ("unassigned", flag_of), "info": ("info", lambda e: fields_of(e, info))})
    info_fields: dict[str, Any] = fields.pop("info", {})
    return info_fields | fields


def _do_not_disturb(kind: str, data: Element) -> EventData:
    return DoNotDisturbState(**_service(data, _DND_INFO))


def _message_summary(kind: str, data: Element) -> EventData:
    table: Table = {"messageSummary": ("summary", lambda e: fields_of(e, {"newMessages": ("new_messages", integer_of)}))}
    return MessageSummary(**fields_of(data, table).get("summary", {}))


_FORWARDING = {
    "CallForwardingAlwaysEvent": "Call Forwarding Always",
    "CallForwardingBusyEvent": "Call Forwarding Busy",
    "CallForwardingNoAnswerEvent": "Call Forwarding No Answer",
}


def _forwarding(kind: str, data: Element) -> EventData:
    return ForwardingState(_FORWARDING[kind], **_service(data, _SERVICE_INFO))


_EVENT_DATA: dict[str, Callable[[str, Element], EventData]] = {
    **dict.fromkeys(CALL_EVENTS, _call_event),
    **dict.fromkeys(CONFERENCE_EVENTS, _conference_event),
    **dict.fromkeys(_FORWARDING, _forwarding),
    "CallSubscriptionEvent": _snapshot,
    "CallSubscriptionResyncEvent": _snapshot,
    "HookStatusEvent": _hook_status,
    "CallParkedAgainstEvent": _parked,
    "DoNotDisturbEvent": _do_not_disturb,
    "VoiceMailMessageSummaryEvent": _message_summary,
    "SubscriptionTerminatedEvent": lambda kind, data: SubscriptionTerminated(),
}


def _event_data(element: Element) -> EventData:
    kind = _type_of(element)
    read = _EVENT_DATA.get(kind)
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


# Keys are lower case: the spelling of the heartbeat differs between descriptions and the wire.
_DOCUMENTS: dict[str, Callable[[Element], Document]] = {
    "channel": channel_of,
    "channelheartbeat": lambda root: Heartbeat(),
    "heartbeat": lambda root: Heartbeat(),
    "subscriptionevent": _subscription_event,
    "channelterminatedevent": _terminated,
}
