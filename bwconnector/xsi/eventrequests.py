"""Requests of Event Channels and subscriptions, as values; see :mod:`~bwconnector.xsi.requests`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from bwconnector.xsi.bodies import document, element, segment
from bwconnector.xsi.requests import Request

__all__ = [
    "TargetKind",
    "add_channel",
    "channel_set",
    "delete_channel",
    "delete_subscription",
    "event_response",
    "heartbeat",
    "renew_channel",
    "renew_subscription",
    "subscribe",
]


def add_channel(channel_set_id: str, priority: int = 1, weight: int = 50, expires: int = 3600, application_id: str = "") -> Request:
    """Open an Event Channel; the answer is a stream that begins with a Channel. Not safe: each opens another channel of the set."""
    content = (
        element("channelSetId", channel_set_id) + element("priority", priority) + element("weight", weight) + element("expires", expires)
    )
    if application_id:
        content += element("applicationId", application_id)
    return Request("POST", "channel", body=document("Channel", content), context="async")


def heartbeat(channel_id: str) -> Request:
    """Must go to the XSP that holds the channel, on another connection."""
    return Request("PUT", f"channel/{segment(channel_id)}/heartbeat", context="events", safe=True)


def renew_channel(channel_id: str, expires: int) -> Request:
    """Ask for ``expires`` seconds from now; the answer is for :func:`~bwconnector.xsi.answers.read_channel`."""
    return Request(
        "PUT", f"channel/{segment(channel_id)}", body=document("Channel", element("expires", expires)), context="events", safe=True
    )


def delete_channel(channel_id: str) -> Request:
    """The stream then tells ChannelTerminatedEvent and ends."""
    return Request("DELETE", f"channel/{segment(channel_id)}", context="events", safe=True)


def channel_set(channel_set_id: str) -> Request:
    """The channels of a set; the answer is for :func:`~bwconnector.xsi.answers.read_channel_set`."""
    return Request("GET", f"channelset/{segment(channel_set_id)}", context="events", safe=True)


def event_response(event_id: str, status_code: int = 200, reason: str = "OK") -> Request:
    """Acknowledge an event, at the XSP that delivered it.

    :param status_code: 200 understood, 400 cannot be processed, 404 not my channel, 481 not my subscription, which deletes it,
        500 to be given to another channel
    :param reason: mandatory on the wire, so it must not be empty
    """
    content = element("eventID", event_id) + element("statusCode", status_code) + element("reason", reason)
    return Request("POST", "channel/eventresponse", body=document("EventResponse", content), context="events", safe=True)


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
    path = _TARGET_PATHS[target_kind].format(*map(segment, target.split("/")))
    if isinstance(packages, str):
        content = element("event", packages)
    else:
        content = f"<eventPackageList>{''.join(element('event', package) for package in packages)}</eventPackageList>"
    content += element("expires", expires) + element("channelSetId", channel_set_id) + element("applicationId", application_id)
    return Request("POST", path, body=document("Subscription", content), context="events", safe=True)


def renew_subscription(subscription_id: str, expires: int) -> Request:
    """Ask for ``expires`` seconds from now; BroadWorks also sends the initial event again if the target is a user."""
    body = document("Subscription", element("expires", expires))
    return Request("PUT", f"subscription/{segment(subscription_id)}", body=body, context="events", safe=True)


def delete_subscription(subscription_id: str) -> Request:
    return Request("DELETE", f"subscription/{segment(subscription_id)}", context="events", safe=True)
