"""Requests under the Xsi events context: channels, subscriptions, event responses."""

from __future__ import annotations

from collections.abc import Callable

from bwconnector.simulator.badgerfish import badgerfish
from bwconnector.simulator.broadworks import ENTERPRISE, BroadWorks, Subscription, Target
from bwconnector.simulator.channels import Stream
from bwconnector.simulator.faults import Faults
from bwconnector.simulator.model import SwitchError
from bwconnector.simulator.render import Element, document, element, optional
from bwconnector.simulator.routes import OK, Asked, Handler, Reply, Routes, xml

__all__ = ["add_channel", "event_routes"]

DEFAULT_EXPIRES = 3600


def add_channel(broadworks: BroadWorks, asked: Asked, faults: Faults, open_stream: Callable[[], Stream]) -> Stream:
    """Open an event channel at the XSP that was asked; its first document tells its id and lifetime.

    :param open_stream: starts the response; called once the request is found good
    :raises SwitchError: 400 without a channelSetId
    """
    body = asked.body
    set_id = body.text("channelSetId")
    if not set_id:
        raise SwitchError(400, 110400, "channelSetId is missing")
    priority, weight, expires = (
        body.number(tag, default) for tag, default in (("priority", 1), ("weight", 50), ("expires", DEFAULT_EXPIRES))
    )
    stream = open_stream()
    channel = broadworks.channels.add(
        asked.xsp,
        faults,
        stream,
        owner=asked.caller,
        set_id=set_id,
        application_id=body.text("applicationId"),
        priority=priority,
        weight=weight,
        expires=expires,
    )
    lifetime = (element("channelId", channel.id), element("expires", broadworks.channels.remaining(channel)))
    first = document("Channel", lifetime, newline=True)
    stream.write(badgerfish(first) if asked.wants_json or faults.json_only else first)
    return stream


def event_routes(broadworks: BroadWorks) -> Routes:
    """The table of requests under the events context."""
    requests = EventRequests(broadworks)
    targets: list[tuple[str, Handler]] = [
        ("user/{user}", requests.subscribe_user),
        ("user/{user}/subscription", requests.subscribe_user),
        ("serviceprovider/{provider}", requests.subscribe_provider),
        ("enterprise/{provider}", requests.subscribe_provider),
        ("serviceprovider/{provider}/group/{group}", requests.subscribe_group),
        ("enterprise/{provider}/group/{group}", requests.subscribe_group),
        ("system", requests.subscribe_system),
    ]
    return Routes(
        [
            ("POST", "channel/eventresponse", requests.respond),
            ("PUT", "channel/{channel}/heartbeat", requests.heartbeat),
            ("PUT", "channel/{channel}", requests.renew_channel),
            ("DELETE", "channel/{channel}", requests.delete_channel),
            ("GET", "channelset/{set}", requests.channel_set),
            ("GET", "subscription", requests.list_subscriptions),
            ("GET", "subscription/{subscription}", requests.get_subscription),
            ("PUT", "subscription/{subscription}", requests.renew_subscription),
            ("DELETE", "subscription/{subscription}", requests.delete_subscription),
            ("GET", "versions", versions),
            *(("POST", path, handler) for path, handler in targets),
        ]
    )


def versions(asked: Asked) -> Reply:
    """What releases are supported."""
    return xml("Versions", *(element(part, element("baseline", "23.0")) for part in ("commands", "eventPackages")))


class EventRequests:
    """One method per request; each raises :class:`~bwconnector.simulator.model.SwitchError` for what is refused."""

    def __init__(self, broadworks: BroadWorks) -> None:
        self._broadworks = broadworks
        self._channels = broadworks.channels

    def respond(self, asked: Asked) -> Reply:
        if not asked.body.text("eventID") or not asked.body.text("reason"):
            raise SwitchError(400, 110400, "eventID and reason are mandatory")
        self._channels.respond(asked.xsp, asked.body.text("eventID"), asked.body.text("statusCode"))
        return OK

    def heartbeat(self, asked: Asked) -> Reply:
        self._channels.heartbeat(asked.xsp, asked.parts["channel"])
        return OK

    def renew_channel(self, asked: Asked) -> Reply:
        granted = self._channels.renew(asked.parts["channel"], asked.body.number("expires", DEFAULT_EXPIRES))
        return xml("Channel", element("channelId", asked.parts["channel"]), element("expires", granted), newline=True)

    def delete_channel(self, asked: Asked) -> Reply:
        self._channels.delete(asked.parts["channel"])
        return OK

    def channel_set(self, asked: Asked) -> Reply:
        return xml(
            "ChannelSet",
            *(
                element(
                    "channel",
                    element("channelId", channel.id),
                    element("channelSetId", channel.set_id),
                    element("priority", channel.priority),
                    element("weight", channel.weight),
                    element("expires", self._channels.remaining(channel)),
                    *optional("applicationId", channel.application_id),
                )
                for channel in self._channels.of_set(asked.parts["set"])
            ),
        )

    def subscribe_user(self, asked: Asked) -> Reply:
        return self._subscribe(asked, Target("User", asked.parts["user"]))

    def subscribe_provider(self, asked: Asked) -> Reply:
        _require_provider(asked)
        return self._subscribe(asked, Target("ServiceProvider", ENTERPRISE))

    def subscribe_group(self, asked: Asked) -> Reply:
        _require_provider(asked)
        return self._subscribe(asked, Target("Group", asked.parts["group"]))

    def subscribe_system(self, asked: Asked) -> Reply:
        return self._subscribe(asked, Target("System"))

    def _subscribe(self, asked: Asked, target: Target) -> Reply:
        body = asked.body
        set_id, contact = body.text("channelSetId"), body.text("uri")
        if len(body.texts("event")) != 1 or bool(set_id) is bool(contact):
            raise SwitchError(400, 110400, "One event, and a channelSetId or an httpContact, are expected")
        subscription = self._broadworks.subscribe(
            asked.caller,
            target,
            body.text("event"),
            set_id,
            body.text("applicationId"),
            body.number("expires", DEFAULT_EXPIRES),
            contact=contact,
            shared_id=body.text("sharedSubscriptionId"),
        )
        return self._lifetime(subscription)

    def renew_subscription(self, asked: Asked) -> Reply:
        subscription = self._broadworks.subscription(asked.parts["subscription"])
        self._broadworks.refresh(subscription, asked.body.number("expires", DEFAULT_EXPIRES))
        return self._lifetime(subscription)

    def delete_subscription(self, asked: Asked) -> Reply:
        self._broadworks.unsubscribe(self._broadworks.subscription(asked.parts["subscription"]))
        return OK

    def get_subscription(self, asked: Asked) -> Reply:
        return xml("Subscription", *self._describe(self._broadworks.subscription(asked.parts["subscription"])))

    def list_subscriptions(self, asked: Asked) -> Reply:
        wanted = {
            "owner": asked.parameter("subscriberId") or asked.caller,
            "package": asked.parameter("event"),
            "application_id": asked.parameter("extAppId"),
        }
        target = asked.parameter("targetId")
        found = [
            subscription
            for subscription in self._broadworks.subscriptions.values()
            if all(not value or getattr(subscription, name) == value for name, value in wanted.items())
            and (not target or subscription.target.id == target)
        ]
        return xml("SubscriptionList", *(element("subscription", *self._describe(each)) for each in found))

    def _lifetime(self, subscription: Subscription) -> Reply:
        remaining = self._broadworks.remaining(subscription)
        return xml("Subscription", element("subscriptionId", subscription.id), element("expires", remaining), newline=True)

    def _describe(self, subscription: Subscription) -> list[Element]:
        return [
            element("subscriptionId", subscription.id),
            *optional("sharedSubscriptionId", subscription.shared_id),
            element("subscriberId", subscription.owner),
            element("targetIdType", subscription.target.kind),
            *optional("targetId", subscription.target.id),
            element("event", subscription.package),
            element("expires", self._broadworks.remaining(subscription)),
            *((element("httpContact", element("uri", subscription.contact)),) if subscription.contact else ()),
            *optional("channelSetId", subscription.set_id),
            *optional("applicationId", subscription.application_id),
        ]


def _require_provider(asked: Asked) -> None:
    if asked.parts["provider"] != ENTERPRISE:
        raise SwitchError(404, 110404, f"Service provider not found: {asked.parts['provider']}")
