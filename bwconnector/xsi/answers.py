"""Bodies of BroadWorks' answers, read into values.

All readers but the one for errors raise OutcomeUnknown when the body is not the document that was asked for: BroadWorks accepted the
request, but what became of it is not known.
"""

from __future__ import annotations

import re
from typing import Any

import attrs

from bwconnector.xsi.agents import AgentState, AgentSubscription, HotelingGuest, guest_of, memberships_of
from bwconnector.xsi.calldata import call_of, conference_of
from bwconnector.xsi.errors import BadDocument, OutcomeUnknown
from bwconnector.xsi.events import ChannelOpened, Conference, DoNotDisturbState, ForwardingState, XsiCall
from bwconnector.xsi.parse import DND_INFO, SERVICE_INFO, channel_of
from bwconnector.xsi.queues import QueueEntry, entries_of
from bwconnector.xsi.reading import Table, fields_of, integer_of, local_name, root_of, text_of


@attrs.frozen(slots=True)
class CallStartInfo:
    """Ids of a call that a request has started; either may be empty."""

    call_id: str = ""
    tracking_id: str = ""


@attrs.frozen(slots=True)
class Profile:
    """Who a user is; whatever BroadWorks left out is empty."""

    user_id: str = ""
    number: str = ""
    extension: str = ""
    country_code: str = ""
    group_id: str = ""
    service_provider: str = ""
    first_name: str = ""
    last_name: str = ""


@attrs.frozen(slots=True)
class SubscriptionGrant:
    """A subscription as BroadWorks accepted it; ``expires`` in seconds."""

    id: str = ""
    expires: int = 0


@attrs.frozen(slots=True)
class ErrorInfo:
    """Why BroadWorks refused; ``code`` 0 when the body was no ErrorInfo, whose ``summary`` then says what it was."""

    code: int = 0
    summary: str = ""


_CALL_START_INFO: Table = {"callId": ("call_id", text_of), "externalTrackingId": ("tracking_id", text_of)}
_SUBSCRIPTION: Table = {"subscriptionId": ("id", text_of), "expires": ("expires", integer_of)}
_ERROR_INFO: Table = {"errorCode": ("code", integer_of), "summaryEnglish": ("summary", text_of), "summary": ("localised", text_of)}
_DETAILS: Table = {
    "userId": ("user_id", text_of),
    "number": ("number", text_of),
    "extension": ("extension", text_of),
    "groupId": ("group_id", text_of),
    "serviceProvider": ("service_provider", text_of),
    "firstName": ("first_name", text_of),
    "lastName": ("last_name", text_of),
}
_AGENT: Table = {"agentACDState": ("state", text_of), "agentUnavailableCode": ("unavailable_code", text_of)}
_PROFILE: Table = {"details": ("details", lambda e: fields_of(e, _DETAILS)), "countryCode": ("country_code", text_of)}


def _answer(body: bytes, name: str) -> Any:
    """Root of a body that must be a ``name``."""
    try:
        root = root_of(body)
    except BadDocument as error:
        raise OutcomeUnknown(f"BroadWorks accepted the request, but its answer is {error}") from error
    if local_name(root) != name:
        raise OutcomeUnknown(f"BroadWorks accepted the request, but answered {local_name(root)} where {name} was expected")
    return root


def read_call_start_info(body: bytes) -> CallStartInfo:
    return CallStartInfo(**fields_of(_answer(body, "CallStartInfo"), _CALL_START_INFO))


def read_calls(body: bytes) -> dict[str, bool]:
    """callIds, and whether each call is in its user's conference."""
    calls = [child for child in _answer(body, "Calls") if local_name(child) == "call"]
    entries = [(fields_of(call, _CALL_START_INFO), call.get("inConference") == "true") for call in calls]
    return {entry["call_id"]: in_conference for entry, in_conference in entries if entry.get("call_id")}


def read_call(body: bytes) -> XsiCall:
    return call_of(_answer(body, "Call"))


def read_conference(body: bytes) -> Conference:
    return conference_of(_answer(body, "Conference"))


def read_queue(body: bytes) -> tuple[QueueEntry, ...]:
    """The entries of an ``ACDQueue`` or ``RoutePointQueue``, in the order of their positions."""
    try:
        root = root_of(body)
    except BadDocument as error:
        raise OutcomeUnknown(f"BroadWorks accepted the request, but its answer is {error}") from error
    return tuple(entry for child in root if local_name(child) == "queueEntries" for entry in entries_of(child))


def read_agent(body: bytes) -> AgentSubscription:
    """State and call centers of a ``CallCenter``; no state if the user is no agent."""
    root = _answer(body, "CallCenter")
    state = AgentState(**fields_of(root, _AGENT))
    joins = fields_of(root, {"callCenterList": ("joins", memberships_of)}).get("joins", ())
    return AgentSubscription(state if state.state else None, joins)


def read_hoteling_guest(body: bytes) -> HotelingGuest:
    return guest_of(_answer(body, "HotelingGuest"))


def read_profile(body: bytes) -> Profile:
    fields = fields_of(_answer(body, "Profile"), _PROFILE)
    return Profile(**fields.pop("details", {}), **fields)


def read_directory(body: bytes) -> tuple[Profile, ...]:
    """The entries of a directory of any scope."""
    try:
        root = root_of(body)
    except BadDocument as error:
        raise OutcomeUnknown(f"BroadWorks accepted the request, but its answer is {error}") from error
    entries = (element for element in root.iter() if local_name(element) == "directoryDetails")
    return tuple(Profile(**fields_of(entry, _DETAILS)) for entry in entries)


def read_services(body: bytes) -> tuple[str, ...]:
    """Names as BroadWorks shows them, e.g. ``Do Not Disturb``."""
    entries = [fields_of(child, {"name": ("name", text_of)}) for child in _answer(body, "Services") if local_name(child) == "service"]
    return tuple(entry["name"] for entry in entries if entry.get("name"))


def read_do_not_disturb(body: bytes) -> DoNotDisturbState:
    return DoNotDisturbState(**fields_of(_answer(body, "DoNotDisturb"), DND_INFO))


def read_forwarding(service: str, body: bytes) -> ForwardingState:
    """State of the Call Forwarding service with this package name."""
    return ForwardingState(service, **fields_of(_answer(body, service.replace(" ", "")), SERVICE_INFO))


def read_subscription(body: bytes) -> SubscriptionGrant:
    return SubscriptionGrant(**fields_of(_answer(body, "Subscription"), _SUBSCRIPTION))


def read_channel(body: bytes) -> ChannelOpened:
    return channel_of(_answer(body, "Channel"))


def read_channel_set(body: bytes) -> tuple[str, ...]:
    """channelIds."""
    entries = [channel_of(child) for child in _answer(body, "ChannelSet") if local_name(child) == "channel"]
    return tuple(entry.channel_id for entry in entries if entry.channel_id)


_TAGS = re.compile(r"<(script|style).*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)


def read_error_info(body: bytes) -> ErrorInfo:
    """Never raises: web servers and proxies answer with HTML, plain text or nothing."""
    try:
        root = root_of(body)
    except BadDocument:
        root = None
    if root is not None and local_name(root) == "ErrorInfo":
        fields = fields_of(root, _ERROR_INFO)
        localised = fields.pop("localised", "")
        return ErrorInfo(fields.get("code", 0), fields.get("summary") or localised)
    words = _TAGS.sub(" ", body[:4096].decode("utf-8", "replace")).split()
    return ErrorInfo(0, " ".join(words)[:120])
