"""Xsi documents as text: events with the prefixes ``xsi:`` and ``xsi1:``, responses with a default namespace and a bare root.

Elements are written in schema order, as BroadWorks does; optional ones without a value are left out.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from bwconnector.simulator.model import (
    CALL_CENTER,
    AcdInfo,
    AgentInfo,
    Call,
    Conference,
    GuestInfo,
    Membership,
    Party,
    QueueEntry,
    Redirect,
    Redirection,
    ServiceState,
    SimEvent,
    TreatmentResult,
)

__all__ = [
    "DECLARATION",
    "XSI",
    "HEARTBEAT",
    "Element",
    "Envelope",
    "call_elements",
    "channel_terminated",
    "conference_elements",
    "document",
    "element",
    "event_data",
    "event_document",
    "guest_elements",
    "optional",
    "queue_elements",
    "service_elements",
    "truth_value",
]

XSI = "http://schema.broadsoft.com/xsi"
XSI1 = "http://www.w3.org/2001/XMLSchema-instance"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
HEARTBEAT = f'{DECLARATION}<ChannelHeartBeat xmlns="{XSI}"/>'.encode()
EVENT_START = f'{DECLARATION}<xsi:Event xmlns:xsi="{XSI}" xmlns:xsi1="{XSI1}" xsi1:type="xsi:'

ENDPOINTS = {
    "Primary": ("AccessEndpoint", "addressOfRecord"),
    "RemoteOffice": ("RemoteOfficeEndpoint", "address"),
    "BroadWorksAnywhere": ("BroadWorksAnywhereEndpoint", "address"),
    "BroadWorksMobility": ("BroadWorksMobilityEndpoint", "address"),
}
"""By a user's location: type of the endpoint, and its one child."""

ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


@attrs.frozen(slots=True)
class Element:
    """One element: children, or text; ``type`` is a type name to be qualified."""

    tag: str
    content: tuple[Element, ...] | str = ()
    type: str = ""
    attributes: tuple[tuple[str, str], ...] = ()

    def write(self, prefix: str, out: list[str]) -> None:
        """Append this element to ``out``, with ``prefix`` (empty, or with its colon) before every name."""
        out.append(f"<{prefix}{self.tag}")
        if self.type:
            out.append(f' xsi1:type="{prefix}{self.type}"')
        for name, value in self.attributes:
            out.append(f' {name}="{value.translate(ESCAPES)}"')
        if not self.content:
            out.append("/>")
            return
        out.append(">")
        if isinstance(self.content, str):
            out.append(self.content.translate(ESCAPES))
        else:
            for child in self.content:
                child.write(prefix, out)
        out.append(f"</{prefix}{self.tag}>")


def element(tag: str, *content: Element | str | int, type: str = "", **attributes: str) -> Element:
    """An element with children, or with one text or number."""
    children = tuple(child for child in content if isinstance(child, Element))
    text = "".join(str(part) for part in content if not isinstance(part, Element))
    return Element(tag, children or text, type, tuple((name, value) for name, value in attributes.items() if value))


def optional(tag: str, value: str | int, **attributes: str) -> tuple[Element, ...]:
    """The element, if there is a value."""
    return (element(tag, value, **attributes),) if value else ()


def flag(tag: str, value: bool) -> tuple[Element, ...]:
    """An empty element whose presence means yes."""
    return (Element(tag),) if value else ()


def truth_value(value: bool) -> str:
    return "true" if value else "false"


def document(root: str, children: Iterable[Element], encoding: str = "UTF-8", newline: bool = False) -> bytes:
    """A response; ``newline`` after the declaration is how Channel and Subscription come."""
    out = [f'<?xml version="1.0" encoding="{encoding}"?>', "\n" if newline else "", f'<{root} xmlns="{XSI}" xmlns:xsi1="{XSI1}">']
    for child in children:
        child.write("", out)
    out.append(f"</{root}>")
    text = "".join(out)
    return (text if "xsi1:type" in text else text.replace(f' xmlns:xsi1="{XSI1}"', "", 1)).encode(encoding, "xmlcharrefreplace")


@attrs.frozen(slots=True)
class Envelope:
    """What is around ``eventData``; ``target_id`` is empty when the subscription's owner is the target.

    :ivar user_id: the subscription's owner, of a system subscription the ``client_id`` in its place
    :ivar contact: where it is posted to, in place of a channel
    """

    event_id: str
    sequence: int
    user_id: str
    application_id: str
    subscription_id: str
    target_id: str
    client_id: str = ""
    shared_id: str = ""
    contact: str = ""


def event_document(envelope: Envelope, channel_id: str, data: str) -> bytes:
    """A SubscriptionEvent for one channel; ``data`` comes from :func:`event_data`."""
    fields = (
        ("eventID", envelope.event_id),
        ("sequenceNumber", str(envelope.sequence)),
        ("userId", envelope.user_id),
        ("clientId", envelope.client_id),
        ("externalApplicationId", envelope.application_id),
        ("subscriptionId", envelope.subscription_id),
        ("sharedSubscriptionId", envelope.shared_id),
        ("channelId", channel_id),
        ("targetId", envelope.target_id),
    )
    written = [f"<xsi:{tag}>{value.translate(ESCAPES)}</xsi:{tag}>" for tag, value in fields if value]
    if envelope.contact:
        where = f"<xsi:httpContact><xsi:uri>{envelope.contact.translate(ESCAPES)}</xsi:uri></xsi:httpContact>"
        written.insert(len(written) - bool(envelope.target_id), where)
    return f'{EVENT_START}SubscriptionEvent">{"".join(written)}{data}</xsi:Event>'.encode()


def channel_terminated(channel_id: str, reason: str) -> bytes:
    """The last document of a channel; older releases give no ``reason``."""
    why = f"<xsi:reason>{reason}</xsi:reason>" if reason else ""
    return f'{EVENT_START}ChannelTerminatedEvent"><xsi:channelId>{channel_id}</xsi:channelId>{why}</xsi:Event>'.encode()


def event_data(event: SimEvent) -> str:
    """``eventData`` of an event, to be put into any number of envelopes."""
    out: list[str] = []
    element("eventData", *_content(event), type=event.type).write("xsi:", out)
    return "".join(out)


def _content(event: SimEvent) -> list[Element]:
    if event.type.startswith(("ACD", "RoutePoint")) and not event.joins:
        return _queue_content(event)
    calls = [element("call", *call_elements(call)) for call in event.calls]
    if calls and (event.type == "CallRedirectedEvent" or event.hook_status):
        calls = [element("calls", *calls)]
    content = calls
    if event.conference is not None:
        content = [*content, element("conference", *conference_elements(event.conference))]
    content.extend(optional("reason", event.reason))
    content.extend(optional("hookStatus", event.hook_status))
    if event.party is not None:
        content.append(element("parkedParty", *party_elements(event.party)))
    if event.service is not None and not event.service.assigned:
        content.append(element("unassigned"))
    elif event.service is not None:
        content.append(element("info", *service_elements(event.service)))
    content.extend(_agent_content(event))
    if event.type == "VoiceMailMessageSummaryEvent":
        content.append(element("messageSummary", element("newMessages", event.new_messages)))
    return content


def _agent_content(event: SimEvent) -> list[Element]:
    joins = [element("joinInfo", *_membership_elements(each)) for each in event.joins]
    content = []
    if event.type == "AgentSubscriptionEvent":
        content.append(element("joinData", element("joinInfos", *joins)))
    elif joins:
        content.append(element("ccAgentJoinUpdateData", *joins))
    if event.agent is not None:
        content.append(element("stateInfo" if event.type == "AgentSubscriptionEvent" else "agentStateInfo", *_agent_elements(event.agent)))
    if event.guest is not None:
        content.append(element("info", *guest_elements(event.guest)))
    return content


def _membership_elements(membership: Membership) -> list[Element]:
    return [element("acdUserId", membership.queue), *flag("joined", membership.joined), element("skillLevel", 1)]


def _agent_elements(info: AgentInfo) -> list[Element]:
    return [
        element("state", info.state),
        element("stateTimestamp", element("value", info.since)),
        *optional("unavailableCode", info.unavailable_code),
        *optional("wrapUpCallId", info.wrap_up_call_id),
        element("signInTimestamp", 0),
        element("totalAvailableTime", 0),
        element("averageWrapUpTime", element("value", 0)),
        *optional("wrapUpCallCenterUserId", info.wrap_up_queue),
    ]


def guest_elements(info: GuestInfo) -> list[Element]:
    """Children of the Hoteling Guest service's ``info``, and of the response that carries it."""
    return [
        element("active", truth_value(info.active)),
        element("enableAssociationLimit", "true"),
        element("associationLimitHours", info.limit_hours),
        *optional("hostUserId", info.host),
    ]


FLAT = ("CallForwardedEvent", "CallRejectedEvent", "NewCallEvent", "PolicyAppliedEvent")
"""How the types of events end that tell of a call which never waited: without a queue entry."""
REASONS = {"CallFailedEvent": "failureReason", "CallReleasedEvent": "releaseReason"}
"""Elements that tell why, by how the types of events end."""


def _queue_content(event: SimEvent) -> list[Element]:
    if event.type.endswith("SubscriptionEvent") or event.type.endswith("SubscriptionResyncEvent"):
        return queue_elements(event.entries)
    if not event.entries:
        return [*optional("stateChangeReason", event.reason)]
    (entry,) = event.entries
    tail = [*_redirect(event.redirect), *flag("treatmentStarted", event.treatment)]
    if event.type.endswith(FLAT):
        return [
            element("callId", entry.call_id),
            element("extTrackingId", entry.tracking_id),
            *_queue_names(entry),
            element("remoteParty", *party_elements(entry.remote)),
            *([element("receiveTime", entry.add_time)] if event.type.endswith("NewCallEvent") else []),
            *optional("rejectReason", event.reason),
            *tail,
        ]
    reason = next((name for end, name in REASONS.items() if event.type.endswith(end)), "reason")
    if event.type.endswith("OverflowedEvent"):
        reason = "overflowReason" if entry.kind == CALL_CENTER else "overFlowReason"
    return [
        element("queueEntry", *_entry(entry)),
        *optional("position", event.position if entry.kind == CALL_CENTER else 0),
        *optional(reason, event.reason),
        *_result(event.result),
        *tail,
        *_redirections(event.redirections),
    ]


def queue_elements(entries: tuple[QueueEntry, ...]) -> list[Element]:
    """Children of a queue's subscription event, and of the responses ``ACDQueue`` and ``RoutePointQueue``."""
    return [element("queueEntries", *(element("queueEntry", *_entry(entry)) for entry in entries))] if entries else []


def _queue_names(entry: QueueEntry) -> list[Element]:
    kind = "acd" if entry.kind == CALL_CENTER else "routePoint"
    return [element(f"{kind}Name", entry.name), element(f"{kind}Number", f"tel:{entry.number}", countryCode="1")]


def _entry(entry: QueueEntry) -> list[Element]:
    return [
        element("callId", entry.call_id),
        element("extTrackingId", entry.tracking_id),
        element("remoteParty", *party_elements(entry.remote)),
        element("addTime", entry.add_time),
        *optional("removeTime", entry.remove_time),
        *flag("bounced", entry.bounced),
        *flag("reordered", entry.reordered),
        *_queue_names(entry),
        *optional("acdPriority", entry.priority),
        *([element("addTimeInPriorityBucket", entry.add_time)] if entry.priority else []),
        *_playing(entry),
        *flag("outgoingCall", entry.outgoing),
        *optional("answeringUserId", entry.answering_user_id),
        *optional("answeringCallId", entry.answering_call_id),
    ]


def _playing(entry: QueueEntry) -> list[Element]:
    if not entry.play_id:
        return []
    return [element("playCollectInfo", element("playCollectId", entry.play_id), element("playCollectType", entry.play_type))]


def _result(result: TreatmentResult | None) -> list[Element]:
    if result is None:
        return []
    parts = (element("playCollectId", result.play_id), element("completionReason", result.reason), *optional("digits", result.digits))
    return [element("playCollectResult", *parts)]


def _acd(info: AcdInfo) -> list[Element]:
    return [
        element("acdUserId", info.user_id),
        element("acdName", info.name),
        element("acdNumber", f"tel:{info.number}", countryCode="1"),
        element("numCallsInQueue", info.waiting),
        element("waitTime", info.wait_time),
        element("callingPartyInfo", *party_elements(info.caller)),
        *flag("routePoint", info.route_point),
    ]


def _redirections(steps: Iterable[Redirection]) -> list[Element]:
    rows = [
        element(
            "redirection",
            element("party", *party_elements(step.party)),
            element("reason", step.reason),
            element("counter", step.counter),
        )
        for step in steps
    ]
    return [element("redirections", *rows)] if rows else []


def _redirect(redirect: Redirect | None) -> list[Element]:
    if redirect is None:
        return []
    parts = (("address", redirect.address), ("reason", redirect.reason), ("redirectTime", redirect.time))
    return [element("redirect", *(element(tag, value) for tag, value in parts))]


def party_elements(party: Party) -> list[Element]:
    address_country = "" if party.user_dn else party.country_code
    return [
        *optional("name", party.name),
        *optional("address", party.address, countryCode=address_country),
        *optional("userId", party.user_id),
        *optional("userDN", party.user_dn, countryCode=party.country_code),
        *flag("privacy", party.private),
        *optional("callType", party.call_type),
    ]


def call_elements(call: Call) -> list[Element]:
    """Children of ``call`` and of the response ``Call``."""
    children = [
        element("callId", call.call_id),
        element("extTrackingId", call.tracking_id),
        *optional("networkCallId", call.network_call_id),
        element("personality", call.personality),
        element("state", call.state),
    ]
    if call.cause is not None:
        cause = call.cause
        children.append(element("releaseCause", element("internalReleaseCause", cause.internal), *optional("sipStatus", cause.sip_status)))
    children += optional("releasingParty", call.releasing_party)
    children.append(element("remoteParty", *party_elements(call.remote)))
    children += _redirections(call.redirections)
    children += _redirect(call.redirect)
    if call.endpoint:
        kind, child = ENDPOINTS[call.location]
        children.append(element("endpoint", element(child, call.endpoint), type=kind))
    return [
        *children,
        *flag("allowAnswer", call.allow_answer),
        *flag("allowRetrieve", call.allow_retrieve),
        element("startTime", call.start_time),
        *optional("answerTime", call.answer_time),
        *optional("heldTime", call.held_time),
        *optional("detachedTime", call.detached_time),
        *optional("releaseTime", call.release_time),
        *([element("acdCallInfo", *_acd(call.acd))] if call.acd is not None else []),
        *optional("agentEscalation", call.escalation),
        *flag("recorded", bool(call.recording)),
        *optional("allowedRecordingControls", call.recording_controls),
        *optional("recordingState", call.recording),
        *optional("clientSessionInfo", call.client_session_info),
    ]


def conference_elements(conference: Conference) -> list[Element]:
    """Children of ``conference`` and of the response ``Conference``."""
    participants = [element("conferenceParticipant", element("callId", call_id)) for call_id in conference.participants]
    return [
        element("state", conference.state),
        *optional("conferenceType", conference.type),
        *([element("conferenceParticipantList", *participants)] if participants else []),
    ]


def service_elements(state: ServiceState) -> list[Element]:
    """Children of a service's ``info``, and of the response that carries the service."""
    children = [element("active", truth_value(state.active))]
    if state.name.startswith("CallForwarding"):
        children += optional("forwardToPhoneNumber", state.forward_to)
    if state.name in ("DoNotDisturb", "CallForwardingAlways"):
        children.append(element("ringSplash", truth_value(state.ring_splash)))
    if state.name == "CallForwardingNoAnswer":
        children.append(element("numberOfRings", state.number_of_rings))
    return children
