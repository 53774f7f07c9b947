"""Requests to BroadWorks as values: the path, query and body of every action and event request that the connector makes.

Nothing is sent here. A path is relative to ``<context>/v2.0/``, where the context is that of Xsi-Actions, of Xsi-Events, or the streaming
one that opens an Event Channel. ``safe`` marks a request that may be repeated when its outcome is unknown, because doing it twice leaves
BroadWorks as doing it once does: reading, setting a value or a state, deleting one named thing. Bodies of answers are read in
:mod:`bwconnector.xsi.answers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

import attrs

Context = Literal["actions", "events", "async"]

_NAMESPACE = "http://schema.broadsoft.com/xsi"


@attrs.frozen(slots=True)
class Request:
    """One HTTP request.

    :ivar path: percent-encoded, relative to ``<context>/v2.0/``
    :ivar query: names and values, not yet encoded
    :ivar body: an XML document, or None for no body
    :ivar safe: repeating it has no second effect
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    context: Context = "actions"
    safe: bool = False

    @property
    def target(self) -> str:
        """Path and query, encoded, as they stand after ``/v2.0/``."""
        return f"{self.path}?{urlencode(self.query, quote_via=quote, safe='@:')}" if self.query else self.path


@attrs.frozen(slots=True)
class Response:
    """An answer with a 2xx status.

    :ivar headers: values by lower-case name
    """

    status: int
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = b""

    @property
    def location(self) -> str:
        """Where the thing is that a POST created; empty if the answer does not say."""
        return self.headers.get("location", "")

    @property
    def content_location(self) -> str:
        """Of GroupCallPark: ends in ``?address=`` and the extension where the call was parked."""
        return self.headers.get("content-location", "")


# Characters that XML 1.0 (section 2.2) cannot carry, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _segment(identifier: str) -> str:
    """An id as one path segment; BroadWorks' clients send '@' and ':' as they are."""
    return quote(identifier, safe="@:")


def _element(name: str, value: object) -> str:
    return f"<{name}>{escape(_NOT_XML.sub('', str(value)))}</{name}>"


def _document(root: str, content: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><{root} xmlns="{_NAMESPACE}">{content}</{root}>'.encode()


def _query(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in values.items() if value)


def _calls_of(method: str, user: str, verb: str = "", *, safe: bool = False, body: bytes | None = None, **query: str) -> Request:
    """A request about all calls of a user, or about the next one."""
    return Request(method, f"user/{_segment(user)}/calls" + (f"/{verb}" if verb else ""), _query(query), body, safe=safe)


def _on_call(method: str, user: str, call_id: str, verb: str = "", *, safe: bool = False, **query: str) -> Request:
    """A request about one call of a user."""
    path = f"user/{_segment(user)}/calls/{_segment(call_id)}" + (f"/{verb}" if verb else "")
    return Request(method, path, _query(query), safe=safe)


# Calls of a user


def calls(user: str) -> Request:
    """List the user's calls; the answer is for :func:`~bwconnector.xsi.answers.read_calls`."""
    return _calls_of("GET", user, safe=True)


def call(user: str, call_id: str) -> Request:
    """One call in full; the answer is for :func:`~bwconnector.xsi.answers.read_call`."""
    return _on_call("GET", user, call_id, safe=True)


def dial(user: str, address: str) -> Request:
    """Call ``address`` from the user's phone, which rings first (click-to-dial).

    The answer is for :func:`~bwconnector.xsi.answers.read_call_start_info`.
    """
    return _calls_of("POST", user, "new", address=address)


def talk(user: str, call_id: str) -> Request:
    """Answer an alerting call or retrieve a held one: sets a state."""
    return _on_call("PUT", user, call_id, "talk", safe=True)


def hold(user: str, call_id: str) -> Request:
    """Sets a state."""
    return _on_call("PUT", user, call_id, "hold", safe=True)


def reconnect(user: str, call_id: str) -> Request:
    """Retrieve this call and release all others; not safe, since a call that came in between would be released."""
    return _on_call("PUT", user, call_id, "reconnect")


def release(user: str, call_id: str, decline: bool = False) -> Request:
    """Release a call. An alerting call only stops ringing here and goes on, unless ``decline`` rejects it."""
    return _on_call("DELETE", user, call_id, safe=True, decline="true" if decline else "")


def blind_transfer(user: str, call_id: str, address: str) -> Request:
    """Transfer to ``address`` at once; deflects an alerting call."""
    return _on_call("PUT", user, call_id, "BlindTransfer", address=address)


def consult_transfer(user: str, call_id: str, other_call_id: str) -> Request:
    """Join the far ends of two calls of the user."""
    return _on_call("PUT", user, call_id, f"ConsultTransfer/{_segment(other_call_id)}")


def voicemail_transfer(user: str, call_id: str, address: str = "") -> Request:
    """Transfer to the mailbox of ``address``, by default the user's own."""
    return _on_call("PUT", user, call_id, "VmTransfer", address=address)


def conference(user: str, call_ids: Sequence[str]) -> Request:
    """Start a conference of two or more calls of the user."""
    participants = "".join(f"<conferenceParticipant>{_element('callId', call_id)}</conferenceParticipant>" for call_id in call_ids)
    body = _document("Conference", f"<conferenceParticipantList>{participants}</conferenceParticipantList>")
    return _calls_of("POST", user, "Conference", body=body)


def get_conference(user: str) -> Request:
    """The conference that ``user`` controls; refused when there is none."""
    return _calls_of("GET", user, "Conference", safe=True)


def conference_add(user: str, call_id: str) -> Request:
    """Add a call to the user's conference: sets a member."""
    return _calls_of("PUT", user, f"Conference/{_segment(call_id)}", safe=True)


def conference_hold(user: str) -> Request:
    """Sets a state."""
    return _calls_of("PUT", user, "Conference/Hold", safe=True)


def conference_talk(user: str) -> Request:
    """Retrieve a held conference: sets a state."""
    return _calls_of("PUT", user, "Conference/Talk", safe=True)


def conference_release(user: str) -> Request:
    """Release the conference with all its calls."""
    return _calls_of("DELETE", user, "Conference", safe=True)


def transmit_dtmf(user: str, call_id: str, digits: str) -> Request:
    """Play ``digits`` (0-9, ``*``, ``#``, A-D, comma for a pause) into an active call."""
    return _on_call("PUT", user, call_id, "TransmitDTMF", playdtmf=digits)


def park(user: str, call_id: str, address: str = "") -> Request:
    """Park against the user at ``address``, by default against the user's own number."""
    return _on_call("PUT", user, call_id, "Park", address=address)


def group_park(user: str, call_id: str) -> Request:
    """Park where a member of the park group is free; :attr:`Response.content_location` tells where."""
    return _on_call("PUT", user, call_id, "GroupCallPark")


def park_retrieve(user: str, address: str = "") -> Request:
    """Retrieve the call parked at ``address``; the answer is for :func:`~bwconnector.xsi.answers.read_call_start_info`."""
    return _calls_of("POST", user, "ParkRetrieve", address=address)


def pickup(user: str) -> Request:
    """Answer a call that rings in the user's pick-up group."""
    return _calls_of("POST", user, "CallPickup")


def directed_pickup(user: str, address: str) -> Request:
    """Answer the call that rings at ``address``."""
    return _calls_of("POST", user, "DirectedCallPickup", address=address)


def barge_in(user: str, address: str) -> Request:
    """Answer the call that rings at ``address``, or enter the one that is active there."""
    return _calls_of("POST", user, "DirectedCallPickupBargeIn", address=address)


def silent_monitor(user: str, address: str) -> Request:
    """Listen to the call that is active at ``address``, unheard."""
    return _calls_of("POST", user, "SilentMonitor", address=address)


def coach_agent(user: str, address: str) -> Request:
    """Listen to the call that is active at ``address``, and be heard there only."""
    return _calls_of("POST", user, "CoachAgent", address=address)


def record(user: str, call_id: str) -> Request:
    """Start recording; accepted is not done: an event tells the result."""
    return _on_call("PUT", user, call_id, "Record")


def pause_recording(user: str, call_id: str) -> Request:
    """Sets a state."""
    return _on_call("PUT", user, call_id, "PauseRecording", safe=True)


def resume_recording(user: str, call_id: str) -> Request:
    """Sets a state."""
    return _on_call("PUT", user, call_id, "ResumeRecording", safe=True)


def stop_recording(user: str, call_id: str) -> Request:
    """Sets a state."""
    return _on_call("PUT", user, call_id, "StopRecording", safe=True)


def client_session_info(user: str, call_id: str, info: str) -> Request:
    """Attach ``info`` to the call at both ends: sets a value."""
    return _on_call("PUT", user, call_id, "ClientSessionInfo", safe=True, info=info)


# The user


def profile(user: str) -> Request:
    """For :func:`~bwconnector.xsi.answers.read_profile`."""
    return Request("GET", f"user/{_segment(user)}/profile", safe=True)


def services(user: str) -> Request:
    """Names of the services assigned to the user, for :func:`~bwconnector.xsi.answers.read_services`."""
    return Request("GET", f"user/{_segment(user)}/services", safe=True)


def directory(user: str, scope: Literal["Enterprise", "Group"], **filters: str) -> Request:
    """The colleagues of ``user`` that match, e.g. ``extension="1002"``, for :func:`~bwconnector.xsi.answers.read_directory`."""
    return Request("GET", f"user/{_segment(user)}/directories/{scope}", _query(filters), safe=True)


def service(user: str, name: str) -> Request:
    """State of a service, named as its event package is; for the reader of :mod:`~bwconnector.xsi.answers` that is called as it is."""
    return Request("GET", f"user/{_segment(user)}/services/{name.replace(' ', '')}", safe=True)


def set_do_not_disturb(user: str, active: bool) -> Request:
    """Sets a value."""
    body = _document("DoNotDisturb", _element("active", str(active).lower()))
    return Request("PUT", f"user/{_segment(user)}/services/DoNotDisturb", body=body, safe=True)


def set_call_forwarding(user: str, service: str, active: bool, forward_to: str = "", number_of_rings: int | None = None) -> Request:
    """Set a Call Forwarding service, named as its event package is (``Call Forwarding Always``, ``… Busy``, ``… No Answer``).

    An empty ``forward_to`` keeps the number that is set; ``number_of_rings`` exists for No Answer only.
    """
    name = service.replace(" ", "")
    content = _element("active", str(active).lower())
    if forward_to:
        content += _element("forwardToPhoneNumber", forward_to)
    if number_of_rings is not None:
        content += _element("numberOfRings", number_of_rings)
    return Request("PUT", f"user/{_segment(user)}/services/{name}", body=_document(name, content), safe=True)


def agent(user: str) -> Request:
    """State and call centers of an agent, for :func:`~bwconnector.xsi.answers.read_agent`."""
    return Request("GET", f"user/{_segment(user)}/services/CallCenter", safe=True)


def set_agent_state(user: str, state: str, unavailable_code: str = "") -> Request:
    """Sets the ACD state; an unavailable code goes with ``Unavailable``."""
    code = _element("agentUnavailableCode", unavailable_code) if unavailable_code else ""
    body = _document("CallCenter", _element("agentACDState", state) + code)
    return Request("PUT", f"user/{_segment(user)}/services/CallCenter", body=body, safe=True)


def join_queue(user: str, call_center: str, joined: bool) -> Request:
    """Have an agent join or leave one of its call centers: sets a value."""
    details = _element("serviceUserId", call_center) + _element("available", str(joined).lower())
    body = _document("CallCenter", f"<callCenterList><callCenterDetails>{details}</callCenterDetails></callCenterList>")
    return Request("PUT", f"user/{_segment(user)}/services/CallCenter", body=body, safe=True)


def hoteling_guest(user: str) -> Request:
    """For :func:`~bwconnector.xsi.answers.read_hoteling_guest`."""
    return Request("GET", f"user/{_segment(user)}/services/HotelingGuest", safe=True)


def set_hoteling_guest(user: str, content: Iterable[tuple[str, str]]) -> Request:
    """Sets all values of the service, by element name and in this order."""
    body = _document("HotelingGuest", "".join(_element(name, text) for name, text in content))
    return Request("PUT", f"user/{_segment(user)}/services/HotelingGuest", body=body, safe=True)


# Call centers and route points


def queue(call_center: str) -> Request:
    """The calls that wait at a call center; the answer is read by :func:`~bwconnector.xsi.answers.read_queue`."""
    return Request("GET", f"callcenter/{_segment(call_center)}/calls", safe=True)


def route_point_queue(route_point: str) -> Request:
    """The calls that wait at a route point; the answer is read by :func:`~bwconnector.xsi.answers.read_queue`."""
    return Request("GET", f"routepoint/{_segment(route_point)}/calls", safe=True)


def versions(context: Context = "actions") -> Request:
    """Release of the XSP; the cheapest question that proves it alive."""
    return Request("GET", "versions", context=context, safe=True)


# Event Channels and subscriptions


def add_channel(channel_set_id: str, priority: int = 1, weight: int = 50, expires: int = 3600, application_id: str = "") -> Request:
    """Open an Event Channel; the answer is a stream that begins with a Channel. Not safe: each opens another channel of the set."""
    content = (
        _element("channelSetId", channel_set_id)
        + _element("priority", priority)
        + _element("weight", weight)
        + _element("expires", expires)
    )
    if application_id:
        content += _element("applicationId", application_id)
    return Request("POST", "channel", body=_document("Channel", content), context="async")


def heartbeat(channel_id: str) -> Request:
    """Must go to the XSP that holds the channel, on another connection."""
    return Request("PUT", f"channel/{_segment(channel_id)}/heartbeat", context="events", safe=True)


def renew_channel(channel_id: str, expires: int) -> Request:
    """Ask for ``expires`` seconds from now; the answer is for :func:`~bwconnector.xsi.answers.read_channel`."""
    return Request(
        "PUT", f"channel/{_segment(channel_id)}", body=_document("Channel", _element("expires", expires)), context="events", safe=True
    )


def delete_channel(channel_id: str) -> Request:
    """The stream then tells ChannelTerminatedEvent and ends."""
    return Request("DELETE", f"channel/{_segment(channel_id)}", context="events", safe=True)


def channel_set(channel_set_id: str) -> Request:
    """The channels of a set; the answer is for :func:`~bwconnector.xsi.answers.read_channel_set`."""
    return Request("GET", f"channelset/{_segment(channel_set_id)}", context="events", safe=True)


def event_response(event_id: str, status_code: int = 200, reason: str = "OK") -> Request:
    """Acknowledge an event, at the XSP that delivered it.

    :param status_code: 200 understood, 400 cannot be processed, 404 not my channel, 481 not my subscription, which deletes it,
        500 to be given to another channel
    :param reason: mandatory on the wire, so it must not be empty
    """
    content = _element("eventID", event_id) + _element("statusCode", status_code) + _element("reason", reason)
    return Request("POST", "channel/eventresponse", body=_document("EventResponse", content), context="events", safe=True)


TargetKind = Literal["user", "group", "enterprise", "serviceprovider", "system"]

_TARGET_PATHS: dict[str, str] = {
    "user": "user/{}",
    "group": "serviceprovider/{}/group/{}",
    "enterprise": "enterprise/{}",
    "serviceprovider": "serviceprovider/{}",
    "system": "system",
}


def subscribe(
    target_kind: TargetKind, target: str, packages: str | Sequence[str], expires: int, channel_set_id: str, application_id: str
) -> Request:
    """Subscribe to one event package, or to several at once where the release has eventPackageList (23 and later).

    Safe because BroadWorks keeps one subscription per owner, target, package and application: a second request replaces the first one's.

    :param target: a user id; of a group ``<service provider>/<group>``; empty for the system
    :param expires: seconds; BroadWorks may grant more or less
    """
    path = _TARGET_PATHS[target_kind].format(*map(_segment, target.split("/")))
    if isinstance(packages, str):
        content = _element("event", packages)
    else:
        content = f"<eventPackageList>{''.join(_element('event', package) for package in packages)}</eventPackageList>"
    content += _element("expires", expires) + _element("channelSetId", channel_set_id) + _element("applicationId", application_id)
    return Request("POST", path, body=_document("Subscription", content), context="events", safe=True)


def renew_subscription(subscription_id: str, expires: int) -> Request:
    """Ask for ``expires`` seconds from now; BroadWorks also sends the initial event again if the target is a user."""
    body = _document("Subscription", _element("expires", expires))
    return Request("PUT", f"subscription/{_segment(subscription_id)}", body=body, context="events", safe=True)


def delete_subscription(subscription_id: str) -> Request:
    return Request("DELETE", f"subscription/{_segment(subscription_id)}", context="events", safe=True)
