"""What every rule of the call model works on: the known calls, and the elementary changes of a connection with their reports."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from bwconnector.bridge.calls import ALERTING, CONNECTED, FAIL, HOLD, INITIATED, NULL, QUEUED, Call, CallTable, Connection, Leg
from bwconnector.bridge.changes import WITHHELD
from bwconnector.bridge.intents import Intents
from bwconnector.bridge.policy import Policy
from bwconnector.bridge.ports import Clock, DelayedCall
from bwconnector.bridge.reports import Deliver, Reports
from bwconnector.bridge.steps import Step, Steps
from bwconnector.xsi.events import Party, Redirection, XsiCall

if TYPE_CHECKING:
    from bwconnector.bridge.steps import Gate

__all__ = ["CALL_TYPES", "ESCALATIONS", "Directory", "World"]

_RANK = {NULL: 0, INITIATED: 1, ALERTING: 2, QUEUED: 2, CONNECTED: 3, HOLD: 3, FAIL: 4}

_TALKING = (CONNECTED, HOLD)
_ENTERED: dict[frozenset[str], frozenset[str]] = {}
"""One set serves all connections that have been in the same states."""

ESCALATIONS = {"Normal": frozenset({"assistCall"}), "Emergency": frozenset({"assistCall", "highPriorityCall"})}
"""``agentEscalation`` of a leg to what CSTA calls such a call."""

CALL_TYPES = {"Emergency": frozenset({"priorityCall"})}
"""The same by ``callType`` of the remote party."""


class Directory(Protocol):
    """What the model asks of the device directory."""

    def key(self, party: Party) -> str: ...
    def key_of_address(self, address: str) -> str: ...
    def is_user(self, key: str) -> bool: ...
    def is_queue(self, key: str) -> bool: ...
    def is_route_point(self, key: str) -> bool: ...


class World:
    """The calls and everything the rules need to reason about them.

    :param subscribed: tells whether a device is monitored by any link, so that its own events come (R3)
    :param deliver: see :class:`~bwconnector.bridge.reports.Reports`
    """

    def __init__(
        self,
        clock: Clock,
        policy: Policy,
        directory: Directory,
        subscribed: Callable[[str], bool],
        deliver: Deliver,
        gate: Gate,
        run: Callable[[Step], None],
    ) -> None:
        self.clock = clock
        self.policy = policy
        self.directory = directory
        self.subscribed = subscribed
        self.table = CallTable()
        self.intents = Intents(clock)
        self.reports = Reports(deliver, subscribed, policy)
        self.steps = Steps(clock, gate, run)
        self.comparing = False
        """A snapshot is being compared: what it shows has been so for some time."""
        self.unsettled: dict[str, set[str]] = {}
        """Services that make a ringing phone unlikely: device key to the names of those that are active (P-GUARD)."""
        self._closing: deque[tuple[float, Call]] = deque()
        self._closer: DelayedCall | None = None
        self._now = 0.0
        self.counts: Counter[str] = Counter()
        """Things that were absorbed, adopted or repaired, by name."""

    def now(self) -> float:
        """Clock seconds. What happens within a millisecond has one time, which takes the room of one."""
        now = self.clock.seconds()
        if not 0.0 <= now - self._now < 0.001:
            self._now = now
        return self._now

    # parties

    def remote_of(self, user: str, call: XsiCall) -> str:
        """Device key of a leg's remote party; an external one that is withheld gets a name of its own for the call's life (R12).

        A leg that a queue has distributed shows the queue, and its caller apart; only as long as it is connected to this caller.
        """
        remote = call.remote
        if call.acd_calling_party is not None and self._shows_queue(user, call):
            remote = call.acd_calling_party
        key = self.directory.key(remote)
        if not remote.private or (key and self.directory.is_user(key)):
            return key
        known = self.table.find(call.tracking_id)
        return f"{WITHHELD}{known.id if known else call.tracking_id}"

    def _shows_queue(self, user: str, call: XsiCall) -> bool:
        """Its far end has not changed since the queue distributed it."""
        shown, leg = self.directory.key(call.remote), self.leg_of(user, call)
        if leg is not None:
            return shown == leg.offered_as
        return not self.directory.is_user(shown) or shown == self.directory.key(Party(user_id=call.acd_user_id))

    def is_outside(self, device: str) -> bool:
        """An external party."""
        return bool(device) and not self.directory.is_user(device)

    def newest(self, call: XsiCall) -> Redirection | None:
        """The newest redirection of a leg (P-REDIRORDER)."""
        if not call.redirections:
            return None
        return call.redirections[-1 if self.policy.word("P-REDIRORDER") == "last" else 0]

    def oldest(self, call: XsiCall) -> Redirection | None:
        if not call.redirections:
            return None
        return call.redirections[0 if self.policy.word("P-REDIRORDER") == "last" else -1]

    # legs

    def leg_of(self, user: str, call: XsiCall) -> Leg | None:
        """The leg that an event is about. A click-to-dial leg may get another callId once the far leg is set up: match by either id."""
        leg = self.table.leg(user, call.call_id)
        if leg is None:
            leg = next(
                (
                    other
                    for other in self.table.legs_of(user)
                    if other.personality == "Click-to-Dial" and other.state == "Alerting" and other.tracking_id == call.tracking_id
                ),
                None,
            )
            if leg is not None:
                self.table.rekey(leg, call.call_id)
        return leg

    def attach(self, user: str, call: XsiCall, remote: str) -> Leg:
        """The leg of an event, made when it is new: part of the call that its tracking id or its redirections name, else of a new call."""
        leg = self.leg_of(user, call)
        if leg is not None:
            self.follow(leg, call, remote)
            return leg
        known = self.call_for(user, call, remote)
        if known is None:
            known = Call(call.tracking_id or call.call_id)
            self.table.add(known)
        self.table.alias(known, call.tracking_id)
        connection = known.connection(user)
        if not connection.alive and connection.born:
            known.remove(user)  # the device left this call before: it takes part anew
            known.forget_told(user)
            connection = known.connection(user)
        leg = Leg(user, call.call_id, call.tracking_id, connection, call.personality, call.state, remote, since=self.now())
        leg.offered_as = self.directory.key(call.remote) if call.acd_calling_party is not None else ""
        self.table.add_leg(leg)
        self.follow(leg, call, remote)
        return leg

    def call_for(self, user: str, call: XsiCall, remote: str) -> Call | None:
        """The known call that a new leg belongs to (joins 1 and 4)."""
        known = self.table.find(call.tracking_id)
        answered = self.comparing and call.state != "Alerting"  # so it waits no longer
        if known is None and call.acd_user_id and not answered and self.policy.word("P-ACDJOIN") == "caller":
            known = self._waiting_call(self.directory.key(Party(user_id=call.acd_user_id)), remote)
        newest = self.newest(call)
        transferred = bool(call.answer_time) and call.state == "Alerting"  # its remote party is not the one that was redirected here
        if known is not None or newest is None or transferred:
            return known
        redirector = self.directory.key(newest.party)
        candidates = [c for c in self.table.calls_of(redirector) if _has(c, remote) and _may_have_redirected(c, redirector, newest.reason)]
        if self.comparing:
            candidates = [c for c in candidates if not c.connections[redirector].alive]  # its own snapshot would tell otherwise
        candidates.sort(key=lambda c: (not _rings(c, remote), _has(c, redirector)))
        if not candidates and newest.reason == "transfer":
            # An agent of whom nobody has told, since it answered a call of a queue that does not speak either.
            candidates = [c for c in self.table.calls_of(remote) if any(self.hides_agents(other) for other in c.others(remote))]
        return candidates[-1] if candidates else None

    def hides_agents(self, connection: Connection) -> bool:
        """A call waits at a queue, or talks to an agent there: nobody who is monitored tells which."""
        return connection.state == QUEUED and connection.queue and not self.speaks(connection.device)

    def _waiting_call(self, queue: str, caller: str) -> Call | None:
        """The call of ``caller`` that has waited longest at ``queue``, of those that ring nowhere yet (P-ACDJOIN)."""
        waiting = [c.call for c in self.table.connections_of(queue) if c.state == QUEUED and any(leg.remote == caller for leg in c.legs)]
        return next((call for call in waiting if not any(c.state == ALERTING for c in call.connections.values())), None)

    def follow(self, leg: Leg, call: XsiCall, remote: str) -> None:
        """Take over what an event says of a leg, but for its state. A new tracking id becomes an alias (R1)."""
        leg.personality = call.personality or leg.personality
        leg.allow_answer = call.allow_answer
        marks = ESCALATIONS.get(call.escalation, frozenset()) | CALL_TYPES.get(call.remote.call_type, frozenset())
        if marks:
            leg.connection.call.mark(leg.user, marks)
        leg.recording_controls = call.recording_controls or leg.recording_controls
        own = leg.connection.call
        if call.tracking_id and call.tracking_id != leg.tracking_id and self.table.find(call.tracking_id) in (None, own):
            leg.tracking_id = call.tracking_id
            self.table.alias(own, call.tracking_id)
        if remote and remote != leg.remote and remote not in own.diverted and not self._same_outside(own, leg.remote, remote):
            leg.remote = remote

    def _same_outside(self, call: Call, old: str, new: str) -> bool:
        """An external party keeps its device id although BroadWorks writes its number differently later (R12)."""
        if not old or self.directory.is_user(old) or self.directory.is_user(new):
            return False
        known = call.connections.get(old)
        return known is not None and known.alive and new not in call.connections

    def far(self, leg: Leg) -> Connection | None:
        """The living connection at the other end of a leg: the remote party's, or the only other one."""
        call = leg.connection.call
        named = call.connections.get(leg.remote)
        if named is not None and named.alive and named.device != leg.user:
            return named
        others = call.others(leg.user)
        # where more than two meet, a leg leads to the party that it names, or to nobody
        crowd = len(leg.connection.legs) > 1 or call.entered
        return others[0] if len(others) == 1 and not crowd else None

    def speaks(self, device: str) -> bool:
        """The device's own events come, so nobody else's word is needed (R3)."""
        return self.subscribed(device)

    # states

    def enter(self, connection: Connection, state: str) -> None:
        """Move a connection to a state and remember when. Whoever had sent the call on, but is in it, has come back."""
        if connection.state != state and connection.state in _TALKING:
            connection.before = connection.since
        connection.state, connection.since = state, self.now()
        if state not in connection.entered:
            entered = connection.entered | {state}
            connection.entered = _ENTERED.setdefault(entered, entered)
        call = connection.call
        if state != NULL and connection.device in call.diverted:
            call.diverted -= {connection.device}

    def reached(self, connection: Connection | None, state: str) -> bool:
        """The connection has been in ``state`` or a later one (R4)."""
        return connection is not None and any(_RANK[was] >= _RANK[state] for was in connection.entered)

    # elementary changes

    def originated(self, connection: Connection, cause: str) -> None:
        """Connected as the originator. Nobody else is in the call when this happens, so nobody else hears of it (R8)."""
        if not self.reached(connection, CONNECTED):
            self.enter(connection, CONNECTED)
        states, own = {connection.device: CONNECTED}, connection.call.marks.get(connection.device, frozenset())
        self.reports.tell(
            "OriginatedEvent", connection.call, connection.device, cause, states=states, characteristics=own, last_redirection=None
        )

    def delivered(self, connection: Connection, cause: str) -> None:
        if self.is_queue(connection):
            self.queued(connection)
            return
        self.enter(connection, ALERTING)
        connection.alerted = True
        connection.cause = cause
        connection.call.singled = _less(connection.call.singled, connection.device)
        for leg in connection.legs:
            if leg.acd:
                connection.call.forget_subject(leg.acd)  # from an agent the call may bounce back there again
        self.reports.tell("DeliveredEvent", connection.call, connection.device, cause)

    def established(self, connection: Connection, cause: str, birth: str = "") -> None:
        if self.is_queue(connection):
            self.queued(connection, birth=birth)
            return
        self.enter(connection, CONNECTED)
        self.reports.tell("EstablishedEvent", connection.call, connection.device, cause, birth=birth)

    def is_queue(self, connection: Connection) -> bool:
        """Calls wait at the device of this connection: whatever a caller says of it, it neither rings nor answers."""
        return connection.queue or self.directory.is_queue(connection.device)

    def queued(self, connection: Connection, *, birth: str = "", line: tuple[int, int] | None = None) -> None:
        """The call waits at a call center or route point; told once for each time that it came there.

        :param line: calls there, and those of them in front of this one
        """
        call = connection.call
        if connection.device in call.singled:
            connection.entered = frozenset()  # it was transferred back to where it had been before
        new = not self.reached(connection, QUEUED)
        connection.queue = True
        call.singled = _less(call.singled, connection.device)
        if new:
            self.enter(connection, QUEUED)
        if not (new or (birth and connection.alive)):
            return
        if self.policy.word("P-RPADD") == "delivered" and self.directory.is_route_point(connection.device):
            states = {c.device: c.state for c in call.alive()} | {connection.device: ALERTING}
            self.reports.tell("DeliveredEvent", call, connection.device, "enteringDistribution", states=states, birth=birth)
        else:
            self.reports.tell("QueuedEvent", call, connection.device, "enteringDistribution", birth=birth, queued=line)

    def held(self, connection: Connection, cause: str) -> None:
        self.enter(connection, HOLD)
        self.reports.tell("HeldEvent", connection.call, connection.device, cause)

    def retrieved(self, connection: Connection, cause: str) -> None:
        self.enter(connection, CONNECTED)
        self.reports.tell("RetrievedEvent", connection.call, connection.device, cause)

    def cleared(self, connection: Connection, cause: str) -> None:
        """Null; a connection is cleared once (R9)."""
        if connection.alive:
            self.enter(connection, NULL)
            self.reports.tell("ConnectionClearedEvent", connection.call, connection.device, cause)
            if connection.queue:
                for entry in connection.legs:
                    self.table.drop_leg(entry)  # the queue's own word may come later, or not at all

    def diverted(self, connection: Connection, target: str, cause: str) -> None:
        """Gone from the call to somewhere else; the call goes on (R10)."""
        call = connection.call
        call.diverted |= {connection.device}
        seen = connection.born or not self.subscribed(connection.device)
        self.enter(connection, NULL)
        if seen or self.policy.word("P-DIVUNSEEN") == "send":
            self.reports.tell("DivertedEvent", call, connection.device, cause, target=target)
        call.last_redirection = connection.device
        if target:
            self._redirect_legs(call, connection.device, target)

    def _redirect_legs(self, call: Call, device: str, target: str) -> None:
        """Legs towards ``device`` lead to ``target`` now, whether BroadWorks shows it to their users or not (COLP)."""
        for connection in call.connections.values():
            for leg in connection.legs:
                if leg.remote == device and leg.user != target:  # who is parked at its own device leads nowhere else
                    leg.remote = target
                    leg.moved += 1
                    leg.ringing_told = False

    def failed(self, connection: Connection, cause: str) -> None:
        self.enter(connection, FAIL)
        self.reports.tell("FailedEvent", connection.call, connection.device, cause)

    # ends

    def close(self, call: Call) -> None:
        """Forget a call once no leg of it is left. Its names are kept for P-FAR: slower streams may still speak of it (I7)."""
        if self._goes_on(call):
            return
        self._closing.append((self.clock.seconds() + self.policy.seconds("P-FAR"), call))
        if self._closer is None:
            self._closer = self.clock.callLater(self.policy.seconds("P-FAR"), self._forget)

    def _forget(self) -> None:
        self._closer = None
        now = self.clock.seconds()
        while self._closing and self._closing[0][0] <= now + 1e-6:
            _, call = self._closing.popleft()
            if self.table.find(call.id) is call and not self._goes_on(call):
                for connection in call.alive():
                    self.cleared(connection, "normalClearing")  # only others had told of it
                self.table.drop(call)
        if self._closing:
            self._closer = self.clock.callLater(max(0.0, self._closing[0][0] - now), self._forget)

    def _goes_on(self, call: Call) -> bool:
        """Some leg of the call is left, or it waits where it was parked, which that place will tell the end of."""
        return any(c.legs or (c.state == QUEUED and not c.queue and self.speaks(c.device)) for c in call.connections.values())

    def stop(self) -> None:
        """Forget everything: all channels are lost, or the server stops."""
        self.steps.clear()
        self.table.clear()
        self.reports.introduced.clear()
        self._closing.clear()
        if self._closer is not None:
            self._closer.cancel()
            self._closer = None


def _less(devices: frozenset[str], device: str) -> frozenset[str]:
    """``devices`` without one; nearly always it is not among them, and the same empty set stays with all calls."""
    return devices - {device} if device in devices else devices


def _has(call: Call, device: str) -> bool:
    """The device is in the call; any call that is not over will do for one that is not known."""
    if not device:
        return bool(call.alive())
    connection = call.connections.get(device)
    return connection is not None and connection.alive


def _rings(call: Call, device: str) -> bool:
    """The device is asked to answer, as an agent maybe, so nobody has redirected it to somebody else there."""
    return device in call.connections and call.connections[device].state == ALERTING


def _may_have_redirected(call: Call, device: str, reason: str) -> bool:
    """A transfer takes an answered leg, anything else a call that was received; of a device without a leg nothing is known."""
    connection = call.connections.get(device)
    legs = connection.legs if connection is not None else []
    return not legs or any(leg.answered if reason == "transfer" else leg.personality == "Terminator" for leg in legs)
