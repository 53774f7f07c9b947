"""Agents: their ACD state, their queues, and the phone that they are guests at. One event per change that T-Servers can see.

BroadWorks tells an agent's state and its place as a guest on two subscriptions, in any order. What T-Servers are told is derived from
both, and kept, so that GetAgentState says the same as the events have said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from weakref import WeakKeyDictionary

import attrs

from bwconnector.bridge.calls import NULL, Call
from bwconnector.bridge.changes import Change, ConnectionId
from bwconnector.bridge.monitors import Monitor, Monitors
from bwconnector.bridge.ports import Clock
from bwconnector.csta import messages as csta
from bwconnector.xsi.agents import AgentJoin, AgentState, AgentStateEvent, AgentSubscription, HotelingGuest, QueueMembership

__all__ = [
    "AGENT_EVENTS",
    "AVAILABLE",
    "AgentEvent",
    "AgentRecord",
    "Agents",
    "CODE",
    "CSTA_STATES",
    "LOGGED_OFF",
    "LOGGED_ON",
    "PRIVATE",
    "SIGNED_IN",
    "SIGNED_OUT",
    "UNAVAILABLE",
    "WRAP_UP",
]

AgentEvent = AgentSubscription | AgentStateEvent | AgentJoin | HotelingGuest
"""What BroadWorks tells of agents."""

SIGNED_IN, AVAILABLE, UNAVAILABLE, WRAP_UP, SIGNED_OUT = "Sign-In", "Available", "Unavailable", "Wrap-Up", "Sign-Out"

CSTA_STATES: Mapping[str, tuple[str, str]] = {
    SIGNED_IN: ("agentNotReady", "AgentNotReadyEvent"),
    AVAILABLE: ("agentReady", "AgentReadyEvent"),
    UNAVAILABLE: ("agentNotReady", "AgentNotReadyEvent"),
    WRAP_UP: ("agentWorkingAfterCall", "AgentWorkingAfterCallEvent"),
    SIGNED_OUT: ("agentNull", "AgentLoggedOffEvent"),
}
"""State of BroadWorks to the state and the event of CSTA."""

LOGGED_ON, LOGGED_OFF, NOT_READY, BUSY = "AgentLoggedOnEvent", "AgentLoggedOffEvent", "AgentNotReadyEvent", "AgentBusyEvent"
PRIVATE = "PrivateEvent"

AGENT_EVENTS: Mapping[str, Callable[..., csta.Event]] = {
    LOGGED_ON: csta.AgentLoggedOnEvent,
    LOGGED_OFF: csta.AgentLoggedOffEvent,
    "AgentReadyEvent": csta.AgentReadyEvent,
    NOT_READY: csta.AgentNotReadyEvent,
    "AgentWorkingAfterCallEvent": csta.AgentWorkingAfterCallEvent,
    BUSY: csta.AgentBusyEvent,
}
"""By element name, in the order of the states."""

CODE = "UnavailableCode"
"""Private data of AgentNotReady, and of SetAgentState."""

_NO_CALL = Call("")


def _code(state: AgentState | None) -> str:
    return state.unavailable_code if state is not None and state.state == UNAVAILABLE else ""


def _differ(before: AgentState | None, after: AgentState) -> bool:
    """Whether there is anything new to tell. Of one state there may be several events, such as with other statistics."""
    return before is None or (before.state, _code(before)) != (after.state, _code(after))


@attrs.define(eq=False, slots=True)
class AgentRecord:
    """What is known of one monitored user as an agent.

    :ivar actual: state as BroadWorks has it; None for a user who is no agent, as far as is known
    :ivar told: state that T-Servers believe it to be in; empty like ``actual``
    :ivar code: unavailable code that belongs to ``told``
    :ivar busy: call of a queue that the agent has answered, while T-Servers believe it busy (P-BUSY)
    :ivar queues: call centers that the agent is assigned to (device keys), and whether it has joined each
    :ivar guest: its Hoteling Guest service; None while that is not known
    :ivar seeded: BroadWorks has told the state that was there at first
    """

    actual: AgentState | None = None
    told: str = ""
    code: str = ""
    busy: Call | None = None
    queues: dict[str, bool] = attrs.Factory(dict)
    guest: HotelingGuest | None = None
    host: str = ""
    """Device key of whose phone it is a guest at; empty if at none."""
    seeded: bool = False

    @property
    def state(self) -> str:
        """In terms of CSTA."""
        return "agentBusy" if self.busy is not None else CSTA_STATES[self.told][0]

    @property
    def logged_on(self) -> bool:
        return self.told not in ("", SIGNED_OUT)


class Agents:
    """The record of every monitored user, and what T-Servers are told of its changes.

    :param full: user id to device key
    :param call_center: the same for what is certainly a call center
    :param policy: value of a policy row
    :param only_changes: tells of which users (device keys) no state is told at first, but only what changes
    :ivar moving: guests that are being brought to a phone, or away from one, and these phones' users
    """

    def __init__(
        self,
        monitors: Monitors,
        full: Callable[[str], str],
        call_center: Callable[[str], str],
        policy: Callable[[str], str | int],
        clock: Clock,
        only_changes: Callable[[str], bool] = lambda user: False,
    ) -> None:
        self._monitors = monitors
        self._full = full
        self._call_center = call_center
        self._policy = policy
        self._clock = clock
        self._only_changes = only_changes
        self.moving: set[str] = set()
        self._records: dict[str, AgentRecord] = {}
        self._joins_told: WeakKeyDictionary[Monitor, dict[tuple[str, str], bool]] = WeakKeyDictionary()
        """Agents and queues whose membership a monitor was told, and what it was told last."""
        self._guests: dict[str, str] = {}
        self._members: dict[str, dict[str, None]] = {}
        """By queue: the agents that are assigned to it, as far as is known."""
        self.left: Callable[[str], None] = lambda guest: None
        """Called with a guest that has left a phone, when everybody was told."""
        monitors.started.append(self._started)

    # What is known

    def record(self, agent: str) -> AgentRecord | None:
        """What is known of a user; None if nothing is."""
        return self._records.get(agent)

    def guest_at(self, host: str) -> str:
        """The guest at somebody's phone (device keys), as far as is known; empty if there is none."""
        return self._guests.get(host, "")

    def attended(self, user: str) -> bool:
        """Whether a user is a guest at a phone that is monitored, whose monitors hear of it as well as its own."""
        record = self._records.get(user)
        return record is not None and self._monitors.monitored(record.host)

    def forget(self, user: str) -> None:
        """Nobody monitors this user any more."""
        record = self._records.pop(user, None)
        if record is not None:
            self._leave(user, record)
            for queue in list(record.queues):
                self._unassign(user, record, queue)

    def clear(self) -> None:
        self._records.clear()
        self._guests.clear()
        self._members.clear()

    # What happens

    def apply(self, user: str, event: AgentEvent) -> None:
        """Take one event of a user; tell what it changes."""
        record = self._records.setdefault(user, AgentRecord())
        match event:
            case AgentSubscription():
                self._sync(user, record, event)
            case AgentStateEvent():
                self._set_state(user, record, event.state)
            case AgentJoin():
                self._set_joins(user, record, event.joins)
            case HotelingGuest():
                self._set_guest(user, record, event)

    def changed(self, change: Change) -> None:
        """A call has changed, and everybody was told: who answers a call of its queue is busy while that lasts (P-BUSY)."""
        if self._policy("P-BUSY") == "off":
            return
        queue = change.last_redirection or ""
        record = self._records.get(change.acting)
        if change.kind == "EstablishedEvent" and record is not None and record.logged_on and queue in record.queues:
            already, record.busy = record.busy, change.call
            if already is None:
                self._tell(change.acting, record, BUSY, queue)
        for user, state in change.states.items():
            if state == NULL and (leaving := self._records.get(user)) is not None and leaving.busy is not None:
                # What it does now comes on another subscription; if nothing comes it goes on as before.
                self._clock.callLater(int(self._policy("P-FAR")) / 1000, self._idle, user, leaving, leaving.busy)

    def _idle(self, user: str, record: AgentRecord, call: Call) -> None:
        connection = call.connections.get(user)
        if record.busy is call and self._records.get(user) is record and (connection is None or not connection.alive):
            self._believe(user, record, record.told, record.code)

    # State

    def _sync(self, user: str, record: AgentRecord, event: AgentSubscription) -> None:
        """The first one is the present, which clients take from GetAgentState; later ones are compared."""
        state = event.state if event.state is not None and event.state.state in CSTA_STATES else None
        if not record.seeded:
            record.seeded, record.actual = True, state
            record.told = self._believed(record, state.state if state is not None else "")
            record.code = _code(state)
        elif state is not None:
            if _differ(record.actual, state):
                self._set_state(user, record, state)
        else:
            record.actual = None
            if record.logged_on and not record.host:
                self._believe(user, record, SIGNED_OUT)
        named = {self._full(each.queue) for each in event.joins}
        gone = [queue for queue in record.queues if queue not in named]
        self._set_joins(user, record, (*event.joins, *map(QueueMembership, gone)))
        for queue in gone:
            self._unassign(user, record, queue)

    def _believed(self, record: AgentRecord, state: str) -> str:
        """A guest counts as logged on, whatever its state is (P-HOTEL)."""
        return SIGNED_IN if state in ("", SIGNED_OUT) and record.host and self._policy("P-HOTEL") == "login" else state

    def _set_state(self, user: str, record: AgentRecord, state: AgentState) -> None:
        if state.state not in CSTA_STATES:
            return
        before, record.actual, record.seeded = record.actual, state, True
        if _differ(before, state) or record.busy is not None:
            group = self._full(state.wrap_up_queue) if state.state == WRAP_UP and state.wrap_up_queue else ""
            self._believe(user, record, state.state, _code(state), group)

    def _believe(self, user: str, record: AgentRecord, state: str, code: str = "", group: str = "") -> None:
        """Have T-Servers believe that the agent is in ``state``: tell what is new to them."""
        before, busy = (record.told or SIGNED_OUT, record.code), record.busy is not None
        record.told, record.code, record.busy = state, code, None
        kind = CSTA_STATES[state][1]
        # A guest counts as signed in until its own state comes: that it is not ready is no news then.
        known = (CSTA_STATES[before[0]][1], before[1]) == (kind, code) if record.host else before == (state, code)
        if known and not busy:
            return
        first = before[0] == SIGNED_OUT
        for each in (LOGGED_ON, kind) if first else (kind,):
            self._observe(each, user)
        if first:
            self._tell(user, record, LOGGED_ON)
        private = {CODE: code} if code and self._policy("P-CODE") == "on" else None
        self._tell(user, record, kind, group, private)

    # Queues

    def _set_joins(self, user: str, record: AgentRecord, joins: Iterable[QueueMembership]) -> None:
        for each in joins:
            queue = self._call_center(each.queue)
            record.queues[queue] = each.joined
            self._members.setdefault(queue, {})[user] = None
            for monitor in (*self._monitors.on(user), *self._monitors.on(queue)):
                self._tell_join(monitor, user, record, queue)

    def _unassign(self, user: str, record: AgentRecord, queue: str) -> None:
        del record.queues[queue]
        members = self._members[queue]
        del members[user]
        if not members:
            del self._members[queue]

    def _started(self, monitor: Monitor) -> None:
        """A new monitor is told of the memberships that are known, after the answer to its MonitorStart."""
        if self._policy("P-JOINSYNC") == "silent":
            self._catch_up(monitor)
        elif any(True for _ in self._memberships(monitor.device_key)):
            self._clock.callLater(0, self._catch_up, monitor)

    def _catch_up(self, monitor: Monitor) -> None:
        if monitor in self._monitors.on(monitor.device_key):
            for user, record, queue in list(self._memberships(monitor.device_key)):
                self._tell_join(monitor, user, record, queue)

    def _memberships(self, device: str) -> Iterator[tuple[str, AgentRecord, str]]:
        """Those of an agent, or of all agents of a queue."""
        own = self._records.get(device)
        if own is not None:
            yield from ((device, own, queue) for queue in own.queues)
        yield from ((user, self._records[user], device) for user in self._members.get(device, ()))

    def _tell_join(self, monitor: Monitor, user: str, record: AgentRecord, queue: str) -> None:
        joined = record.queues[queue]
        told = self._joins_told.setdefault(monitor, {})
        known = told.get((user, queue))
        told[user, queue] = joined
        if known == joined or (known is None and self._policy("P-JOINSYNC") == "silent"):
            return
        kinds = [LOGGED_ON if joined else LOGGED_OFF]
        if joined and record.logged_on:
            kinds.append(CSTA_STATES[record.told][1])
        for kind in kinds:
            self._send(monitor, kind, user, queue, queue)

    # Guests

    def _set_guest(self, user: str, record: AgentRecord, guest: HotelingGuest) -> None:
        first, record.guest = record.guest is None and not self._only_changes(user), guest
        host, left = (self._full(guest.host) if guest.associated else ""), record.host
        if host == left:
            return
        if first:
            self._enter(user, record, host)
            record.told = self._believed(record, record.told)
            return
        login = self._policy("P-HOTEL") == "login"
        state, code = (record.told, record.code) if record.logged_on else (SIGNED_IN if login else "", "")
        if left:
            self._observe(PRIVATE, user, left)
            if record.logged_on:
                self._believe(user, record, SIGNED_OUT)
            self._leave(user, record)
            self._tell_guest(user, left, "cancelled")
        if host:
            self._enter(user, record, host)
            self._observe(PRIVATE, user, host)
            # It is at another phone now, where it was not logged on.
            record.told, record.code, record.busy = SIGNED_OUT, "", None
        if state and (host or not login):
            self._believe(user, record, state, code)
        if host:
            self._tell_guest(user, host, "established")
        if left:
            self.left(user)

    def _enter(self, user: str, record: AgentRecord, host: str) -> None:
        record.host = host
        self._guests[host] = user

    def _leave(self, user: str, record: AgentRecord) -> None:
        if record.host and self._guests.get(record.host) == user:
            del self._guests[record.host]
        record.host = ""

    def _tell_guest(self, guest: str, host: str, word: str) -> None:
        for monitor in (*self._monitors.on(host), *self._monitors.on(guest)):
            if not monitor.filter.blocks(PRIVATE):
                name = partial(self._monitors.name_for, monitor.link)
                private = {
                    "guestAssociatedEvent": word,
                    "hostDevice": name(host),
                    "guestDevice": name(guest),
                }
                event = csta.PrivateEvent(monitor_cross_ref_id=monitor.cross_ref_id, private_data=private)
                monitor.link.send_event(event, monitor.namespace)

    # Telling

    def _tell(self, user: str, record: AgentRecord, kind: str, group: str = "", private: dict[str, str] | None = None) -> None:
        """Tell the monitors on the agent, on its host, and on the queues that it has joined (P-AGENTQ)."""
        # Whoever logs off leaves the phone at which it was a guest.
        device = user if kind == LOGGED_OFF else record.host or user
        joined = [queue for queue, there in record.queues.items() if there] if self._policy("P-AGENTQ") == "queues" else []
        for place in dict.fromkeys((user, record.host, *joined)):
            for monitor in self._monitors.on(place):
                self._send(monitor, kind, user, device, group, private)

    def _send(self, monitor: Monitor, kind: str, agent: str, device: str, group: str, private: dict[str, str] | None = None) -> None:
        if monitor.filter.blocks(kind):
            return
        name = partial(self._monitors.name_for, monitor.link)
        event = AGENT_EVENTS[kind](
            monitor_cross_ref_id=monitor.cross_ref_id,
            agent_device=csta.PartyDevice(name(device)),
            agent_id=name(agent),
            acd_group=name(group) if group else None,
            extensions=private,
        )
        monitor.link.send_event(event, monitor.namespace)

    def _observe(self, kind: str, agent: str, host: str = "") -> None:
        """Have requests answered that wait for this. They wait for changes of calls; this one belongs to none."""
        self._monitors.observe(Change(kind, _NO_CALL, ConnectionId("", agent), "", {}, acting=host))
