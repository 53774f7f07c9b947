"""The call model: Xsi call events of every monitored user go in, changes of CSTA connections come out.

It is a table: for each Xsi event a rule that says what the event waits for and what it does. The rules are in the modules
:mod:`~bwconnector.bridge.originating`, :mod:`~bwconnector.bridge.basic`, :mod:`~bwconnector.bridge.holding`,
:mod:`~bwconnector.bridge.clearing`, :mod:`~bwconnector.bridge.transfers`, :mod:`~bwconnector.bridge.forwarding`,
:mod:`~bwconnector.bridge.pickup`, :mod:`~bwconnector.bridge.conferences`, :mod:`~bwconnector.bridge.recording`,
:mod:`~bwconnector.bridge.queueing` and
:mod:`~bwconnector.bridge.resync`.
"""

from __future__ import annotations

from collections.abc import Callable

from bwconnector.bridge import basic, clearing, conferences, forwarding, originating, pickup, queueing, recording, resync, transfers
from bwconnector.bridge.adoption import adopt
from bwconnector.bridge.calls import NULL, QUEUED, CallTable
from bwconnector.bridge.holding import hold_gate, settle_hold
from bwconnector.bridge.intents import Intents
from bwconnector.bridge.policy import Policy
from bwconnector.bridge.ports import Clock
from bwconnector.bridge.reports import Deliver
from bwconnector.bridge.rules import Rule
from bwconnector.bridge.steps import Step
from bwconnector.bridge.world import Directory, World
from bwconnector.xsi.events import CallEvent, CallParkedAgainst, CallSubscription, ConferenceEvent, EventData, XsiCall
from bwconnector.xsi.queues import QueueEvent, QueueSubscription

__all__ = ["CallModel", "MASTER_TABLE"]

MASTER_TABLE: dict[str, Rule] = {
    **originating.RULES,
    **basic.RULES,
    "CallHeldEvent": Rule(settle_hold, hold_gate, adopt),
    "CallRetrievedEvent": Rule(settle_hold, hold_gate, adopt),
    **clearing.RULES,
    **transfers.RULES,
    **forwarding.RULES,
    **pickup.RULES,
    **conferences.RULES,
    **recording.RULES,
    **queueing.RULES,
    **resync.RULES,
}


class CallModel:
    """Calls as CSTA sees them, from what BroadWorks says of their legs.

    :param subscribed: tells whether a device (by device key) is monitored, so that its own events come
    :param deliver: gets each change with the devices whose monitors are to be told of it
    """

    def __init__(
        self,
        clock: Clock,
        policy: Policy,
        directory: Directory,
        subscribed: Callable[[str], bool],
        deliver: Deliver,
    ) -> None:
        self._clock = clock
        self.world = World(clock, policy, directory, subscribed, deliver, self._gate, self._run)

    @property
    def table(self) -> CallTable:
        return self.world.table

    @property
    def intents(self) -> Intents:
        return self.world.intents

    def apply(self, user: str, data: EventData, *, silent: bool = False) -> None:
        """Take one event of ``user`` (device key), in the order of its subscription.

        :param silent: a snapshot that the monitors of ``user`` take from elsewhere: only others hear of differences
        """
        self.world.reports.introduced[user] = None
        if isinstance(data, CallEvent):
            if data.type not in MASTER_TABLE or not data.calls:
                self.world.counts["ignored " + data.type] += 1
                return
            step = self._step(user, data.type, data.calls)
            step.reason = data.reason
            self.world.steps.add(step)
        elif isinstance(data, ConferenceEvent):
            if data.type in MASTER_TABLE:
                step = self._step(user, data.type, ())
                step.conference = data.conference
                step.legs = self._all_legs(user)
                self.world.steps.add(step)
        elif isinstance(data, QueueEvent):
            if data.type in MASTER_TABLE:
                step = self._step(user, data.type, (queueing.waiting_leg(data.entry, data.redirections, data.redirect),))
                step.queue = data
                self.world.steps.add(step)
        elif isinstance(data, CallSubscription):
            step = self._step(user, resync.SNAPSHOT, data.calls)
            step.conference, step.silent = data.conference, silent
            self._compare(step)
        elif isinstance(data, QueueSubscription):
            step = self._step(user, queueing.QUEUE_SNAPSHOT, tuple(map(queueing.waiting_leg, data.entries)))
            step.silent = silent
            self._compare(step)
        elif isinstance(data, CallParkedAgainst):
            party = self.world.directory.key(data.party) if data.party is not None else ""
            self.world.steps.add(Step(user, "CallParkedAgainstEvent", self._clock.seconds(), party=party))

    def _compare(self, step: Step) -> None:
        """A snapshot is the truth now: nothing of its device waits any longer, nor by what others name a call that it shows."""
        self.world.steps.hurry(step.user)
        for call in step.calls:
            if self.table.find(call.tracking_id) is None:
                self._hurry_naming(call.tracking_id)
        self._run(step)
        self.world.steps.settle()

    def _hurry_naming(self, tracking_id: str) -> None:
        naming = self.world.steps.find(lambda step: bool(step.calls) and step.calls[0].tracking_id == tracking_id)
        if naming is not None:
            self.world.steps.hurry(naming.user)

    def forget(self, user: str) -> None:
        """``user`` is no longer subscribed: from now on its part is inferred from others."""
        self.world.reports.introduced.pop(user, None)
        self.world.steps.forget(user)
        for connection in self.table.connections_of(user):
            if connection.state == QUEUED and not connection.queue:  # what waits at a queue is inferred from its caller
                self.world.enter(connection, NULL)
                self.world.close(connection.call)
        self.world.unsettled.pop(user, None)
        for leg in self.table.legs_of(user):
            self.table.drop_leg(leg)
            leg.connection.born = False
            leg.connection.call.forget_told(user)
            self.world.close(leg.connection.call)
        self.world.steps.settle()

    def service_state(self, user: str, service: str, active: bool) -> None:
        """A service that keeps phones from ringing was switched (P-GUARD)."""
        names = self.world.unsettled.setdefault(user, set())
        (names.add if active else names.discard)(service)

    def catch_up(self) -> None:
        """All channels are lost: what waits for events of others is told as it is known."""
        self.world.steps.hurry_all()

    def stop(self) -> None:
        """Forget all calls and timers."""
        self.world.stop()

    def _step(self, user: str, kind: str, calls: tuple[XsiCall, ...]) -> Step:
        return Step(
            user,
            kind,
            self._clock.seconds(),
            calls,
            tuple(self.world.remote_of(user, call) for call in calls),
            legs=frozenset([call.call_id for call in calls]),
        )

    def _all_legs(self, user: str) -> frozenset[str]:
        names = {leg.call_id for leg in self.table.legs_of(user)}
        for step in self.world.steps.of(user):
            names |= step.legs
        return frozenset(names)

    def _gate(self, step: Step) -> float:
        return MASTER_TABLE[step.type].gate(self.world, step)

    def _run(self, step: Step) -> None:
        rule = MASTER_TABLE[step.type]
        if rule.unknown is not None and self.world.leg_of(step.user, step.calls[0]) is None:
            rule.unknown(self.world, step)
        else:
            rule.run(self.world, step)
