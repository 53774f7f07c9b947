"""One BroadWorks behind any number of XSPs: the switch, the channels, and the subscriptions that lead from one to the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from uuid import uuid4

import attrs
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from bwconnector.simulator import packages
from bwconnector.simulator.agents import WRAP_UP
from bwconnector.simulator.channels import Channels, Delivery
from bwconnector.simulator.config import SimulatorConfig
from bwconnector.simulator.directory import make_users, make_virtual_users
from bwconnector.simulator.model import Call, SimEvent, SwitchError, User, Variation
from bwconnector.simulator.render import Envelope, event_data, event_document
from bwconnector.simulator.switch import Switch

__all__ = ["ENTERPRISE", "BroadWorks", "Subscription", "Target"]

UNKNOWN_SUBSCRIPTION = 110862
BAD_CONTACT = 110400
NOT_FOR_THIS_USER = 110863
LAST_SEQUENCE_NUMBER = 2147483647
ENTERPRISE = "ExampleEnt"


@attrs.frozen(slots=True)
class Target:
    """Whom a subscription is about: one user, a group, or everybody (kinds ``User``, ``Group``, ``ServiceProvider``, ``System``)."""

    kind: str
    id: str = ""


def targets_of(user: User) -> tuple[Target, ...]:
    """Every target that a user belongs to."""
    return (Target("User", user.user_id), Target("Group", user.group), Target("ServiceProvider", ENTERPRISE), Target("System"))


@attrs.define(eq=False, slots=True)
class Subscription:
    """One subscription; it lives on without any channel, until it expires."""

    id: str
    owner: str
    target: Target
    package: str
    application_id: str
    set_id: str
    contact: str = ""
    """Where its events are posted to, in place of a channel."""
    shared_id: str = ""
    """Of several subscriptions with the same one, to the same target and package, only the first is told an event."""
    expires_at: float = 0.0
    sequence: int = 0
    timer: IDelayedCall | None = None

    @property
    def identity(self) -> tuple[str, Target, str, str]:
        """A subscription with the same identity replaces this one."""
        return (self.owner, self.target, self.package, self.application_id)


class BroadWorks:
    """What all XSPs share.

    :param config: lifetimes, time-outs, users, variations
    :param clock: the time of everything here
    :param post: posts a document to the URI of a subscription that has one in place of a channel set
    """

    def __init__(self, config: SimulatorConfig, clock: IReactorTime, post: Callable[[str, bytes], None] | None = None) -> None:
        self.config = config
        self._post = post
        self.clock = clock
        users = make_users(config.users, config.domain)
        self.switch = Switch(
            (*users, *make_virtual_users(config.users, config.call_centers, config.route_points, config.domain)),
            now=lambda: int(clock.seconds() * 1000),
            emit=self.publish,
            variation=Variation(
                tracking_ids=config.tracking_ids,
                transfer_id=config.transfer_id,
                released_after_redirected=config.released_after_redirected,
                transfer_event=config.transfer_event,
                updated_on_ringing=config.updated_on_ringing,
                treatment=config.treatment,
                colp=config.colp,
            ),
            seed=config.seed,
            agents=[user.user_id for user in users[: config.agents]],
        )
        self.channels = Channels(clock, config, self.new_id, self._stray)
        self.subscriptions: dict[str, Subscription] = {}
        self._by_identity: dict[tuple[str, Target, str, str], Subscription] = {}
        self._by_target: dict[Target, dict[str, Subscription]] = {}
        self._timers: set[IDelayedCall] = set()
        self._silent = False
        self._random = Random(config.seed)
        if config.unknown_events:
            self.later(config.unknown_events, self._tell_unknown_event)

    def new_id(self) -> str:
        """A fresh id for a channel, a subscription, an event or a session.

        Not from the seed: after a restart of the simulator its clients must not take new events for those they have seen.
        """
        return str(uuid4())

    def stop(self) -> None:
        """End all subscriptions and channels at once, and every timer."""
        for subscription in list(self.subscriptions.values()):
            self._remove(subscription)
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        self.channels.stop()

    # Subscriptions.

    def subscribe(
        self,
        owner: str,
        target: Target,
        package: str,
        set_id: str,
        application_id: str,
        expires: int,
        *,
        contact: str = "",
        shared_id: str = "",
    ) -> Subscription:
        """Subscribe, or replace the same owner's and application's subscription to the same target and package.

        The initial event follows, for a single user.

        :raises SwitchError: 400 for an unknown package or a contact that cannot be posted to, 403 when the set has no channel or the
            package is not for such a user, 404 for an unknown user
        """
        if not packages.known(package):
            raise SwitchError(400, 110861, f"Unknown event package: {package}")
        if not contact:
            self.channels.of_set(set_id)
        elif self._post is None or not contact.startswith("http://"):
            raise SwitchError(400, BAD_CONTACT, f"Events cannot be posted to {contact}")
        if target.kind == "User":
            user = self.switch.directory.user(target.id)
            if not packages.fits(package, user.kind):
                raise SwitchError(403, NOT_FOR_THIS_USER, f"{package} is not available for {user.user_id}")
            target = Target("User", user.user_id)
        subscription = Subscription(self.new_id(), owner, target, package, application_id, set_id, contact, shared_id)
        if replaced := self._by_identity.get(subscription.identity):
            self._remove(replaced)
        self.subscriptions[subscription.id] = self._by_identity[subscription.identity] = subscription
        self._by_target.setdefault(target, {})[subscription.id] = subscription
        self.refresh(subscription, expires)
        return subscription

    def subscription(self, subscription_id: str) -> Subscription:
        """The subscription of that id.

        :raises SwitchError: 403 when there is none
        """
        found = self.subscriptions.get(subscription_id)
        if found is None:
            raise SwitchError(403, UNKNOWN_SUBSCRIPTION, f"Subscription not found: {subscription_id}")
        return found

    def remaining(self, subscription: Subscription) -> int:
        """Seconds until a subscription expires."""
        return max(0, round(subscription.expires_at - self.clock.seconds()))

    def refresh(self, subscription: Subscription, expires: int) -> None:
        """Give a subscription a new lifetime; the initial event of a single user is sent (again) afterwards."""
        granted = self.channels.granted(expires)
        self._cancel(subscription)
        subscription.timer = self.clock.callLater(granted, self.unsubscribe, subscription)
        subscription.expires_at = self.clock.seconds() + granted
        if subscription.target.kind == "User":
            # In a turn of its own, so that it comes after the response, as it nearly always does.
            self.later(0, self._send_initial, subscription)

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription and tell it so."""
        self._remove(subscription)
        self._send(subscription, "", '<xsi:eventData xsi1:type="xsi:SubscriptionTerminatedEvent"/>')

    def later(self, seconds: float, call: Callable[..., object], *arguments: object) -> None:
        """``clock.callLater``, cancelled when everything stops."""

        def run() -> None:
            self._timers.discard(timer)
            call(*arguments)

        timer = self.clock.callLater(seconds, run)
        self._timers.add(timer)

    def _send_initial(self, subscription: Subscription) -> None:
        if subscription.id in self.subscriptions:
            event = packages.initial_event(self.switch, subscription.package, subscription.target.id)
            if event is not None:
                self._send(subscription, event.user_id, event_data(event))

    def _stray(self, subscription_id: str) -> None:
        if subscription := self.subscriptions.get(subscription_id):
            self._remove(subscription)

    def _remove(self, subscription: Subscription) -> None:
        del self.subscriptions[subscription.id], self._by_identity[subscription.identity]
        del self._by_target[subscription.target][subscription.id]
        self._cancel(subscription)
        self.channels.forget(subscription.id)

    def _cancel(self, subscription: Subscription) -> None:
        if subscription.timer is not None and subscription.timer.active():
            subscription.timer.cancel()

    # Events.

    def publish(self, event: SimEvent) -> None:
        """Send an event of the switch to every subscription that wants it."""
        if self._silent:
            return
        user = self.switch.directory.user(event.user_id)
        if event.type == "CallReceivedEvent":
            self.later(self.config.ring_time, self._rang_out, user.user_id, event.calls[0])
        if event.agent is not None and event.agent.state == WRAP_UP:
            self.later(self.config.wrap_up_time, self.switch.agents.wrap_up_over, user.user_id, event.agent.since)
        data = ""
        shared: set[tuple[Target, str, str]] = set()
        for target in targets_of(user):
            for subscription in list(self._by_target.get(target, {}).values()):
                same = (target, subscription.package, subscription.shared_id)
                if same in shared or not packages.contains(subscription.package, event.type):
                    continue
                if subscription.shared_id:
                    shared.add(same)
                data = data or event_data(event)
                self._send(subscription, user.user_id, data)

    def fail_over(self, lost: Sequence[str] = ()) -> None:
        """Another Application Server takes over: the calls of some users are gone without an event, then every user is told what is left.

        :param lost: user ids
        :raises SwitchError: 404 for an unknown user
        """
        users = [self.switch.directory.user(user).user_id for user in lost]
        self._silent = True
        try:
            for user in users:
                while legs := self.switch.legs(user):
                    (self.switch.no_answer if legs[0].ringing else self.switch.hang_up)(user, legs[0].call.call_id)
        finally:
            self._silent = False
        for subscription in list(self.subscriptions.values()):
            if subscription.target.kind == "User":
                event = packages.initial_event(self.switch, subscription.package, subscription.target.id)
                if event is not None and event.type == "CallSubscriptionEvent":
                    self._send(subscription, event.user_id, event_data(attrs.evolve(event, type="CallSubscriptionResyncEvent")))

    def _tell_unknown_event(self) -> None:
        self.publish(SimEvent(self._random.choice(sorted(self.switch.directory.users)), "CallHistoryEvent"))
        self.later(self.config.unknown_events, self._tell_unknown_event)

    def _rang_out(self, user_id: str, received: Call) -> None:
        for leg in self.switch.legs(user_id):
            if leg.ringing and (leg.call.call_id, leg.call.start_time) == (received.call_id, received.start_time):
                self.switch.no_answer(user_id, received.call_id)

    def _send(self, subscription: Subscription, user_id: str, data: str) -> None:
        subscription.sequence = subscription.sequence % LAST_SEQUENCE_NUMBER + 1
        target = user_id or (subscription.target.id if subscription.target.kind == "User" else "")
        envelope = Envelope(
            event_id=self.new_id(),
            sequence=subscription.sequence,
            user_id="" if subscription.target.kind == "System" else subscription.owner,
            client_id=subscription.owner if subscription.target.kind == "System" else "",
            application_id=subscription.application_id,
            subscription_id=subscription.id,
            shared_id=subscription.shared_id,
            target_id="" if target == subscription.owner else target,
            contact=subscription.contact,
        )
        if self._post is not None and subscription.contact:
            self._post(subscription.contact, event_document(envelope, "", data))
            return
        self.channels.deliver(
            Delivery(envelope.event_id, subscription.id, subscription.set_id, lambda channel_id: event_document(envelope, channel_id, data))
        )
