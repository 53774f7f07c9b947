"""Agents of the simulated switch in any states, with events that get lost or come twice: what T-Servers believe is what is true."""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from bwconnector.csta import messages as csta
from bwconnector.csta.xml import encode
from bwconnector.simulator.directory import make_users, make_virtual_users
from bwconnector.simulator.model import GuestInfo, SimEvent, SwitchError
from bwconnector.simulator.packages import initial_event
from bwconnector.simulator.render import Envelope, event_data, event_document
from bwconnector.simulator.switch import Switch
from bwconnector.xsi.events import SubscriptionEvent
from bwconnector.xsi.parse import parse

from ..csta.schema import check
from .office import Link, user
from .test_redundancy import Site

AGENTS = ("alice", "bob")
QUEUES = ("queue1@example.net", "queue2@example.net")
STATES = ("Sign-In", "Available", "Unavailable", "Wrap-Up", "Sign-Out")
CSTA = {
    "Sign-In": "agentNotReady",
    "Available": "agentReady",
    "Unavailable": "agentNotReady",
    "Wrap-Up": "agentWorkingAfterCall",
    "Sign-Out": "agentNull",
}
TELLS = {
    "AgentLoggedOffEvent": "agentNull",
    "AgentNotReadyEvent": "agentNotReady",
    "AgentReadyEvent": "agentReady",
    "AgentWorkingAfterCallEvent": "agentWorkingAfterCall",
}


class Ear(Link):
    """A T-Server that believes what it hears, and hears nothing that it believes already."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.state: dict[tuple[str, str], str] = {}
        """By monitor and agent."""
        self.code: dict[tuple[str, str], str] = {}
        self.joined: dict[tuple[str, str, str], bool] = {}
        """By monitor, agent and queue."""
        self.heard: list[Any] = []

    def send_event(self, message: csta.Message, namespace: str) -> None:
        assert check(encode(message, namespace)) == []
        self.heard.append(message)
        if not isinstance(message, csta.PrivateEvent):
            self._believe(message, type(message).__name__)

    def _believe(self, event: Any, kind: str) -> None:
        place = str(event.agent_device.device)
        agent = (event.monitor_cross_ref_id, event.agent_id)
        if place.startswith("queue"):
            self._believe_joined((*agent, place), kind)
            return
        before = self.state.get(agent, "agentNull")
        code = (event.extensions or {}).get("UnavailableCode", "")
        if kind == "AgentLoggedOnEvent":
            assert before == "agentNull" or place != agent[1], "logged on twice"
            self.state[agent], self.code[agent] = "logged on", ""
            return
        assert before != "agentNull", f"{kind} of an agent that is not logged on"
        self.state[agent], self.code[agent] = TELLS[kind], code

    def _believe_joined(self, membership: tuple[str, str, str], kind: str) -> None:
        if kind in ("AgentLoggedOnEvent", "AgentLoggedOffEvent"):
            joined = kind == "AgentLoggedOnEvent"
            assert self.joined.get(membership) != joined, "told twice"
            self.joined[membership] = joined
        else:
            assert self.joined[membership], "a state where nobody has joined"


class Board(Site):
    """The whole bridge between the agents of a simulated switch and two T-Servers that monitor them."""

    def __init__(self) -> None:
        super().__init__()
        self.fate = "ok"
        self.gaps: set[tuple[str, str]] = set()
        people = make_users(4, "example.net")
        agents = [user(name) for name in AGENTS]
        self.switch = Switch(
            (*people, *make_virtual_users(4, 2, 0, "example.net")),
            now=lambda: 1 + int(self.clock.seconds()),
            emit=self._emit,
            agents=agents,
        )
        self.ears = [Ear("tserver-1"), Ear("tserver-2")]
        self.sessions = [self.bridge.link_opened(ear) for ear in self.ears]
        for session in self.sessions:
            for name in ("alice", "bob", "carol"):
                self.ask(csta.MonitorStart(monitor_object=csta.MonitorObject(device_object=name)), session)
        for name in (*AGENTS, "carol"):
            self.refresh(name)
        self.clock.advance(0)

    def _emit(self, event: SimEvent) -> None:
        package = "Hoteling Guest" if event.guest is not None else "Call Center Agent"
        if self.fate == "lost":
            self.gaps.add((event.user_id, package))
            return
        for _ in range(1 + (self.fate == "twice")):
            self._arrive(event)
        if (event.user_id, package) in self.gaps:  # the gap shows, and its subscription is refreshed
            self.gaps.discard((event.user_id, package))
            self._refresh(event.user_id, package)

    def refresh(self, name: str) -> None:
        for package in ("Call Center Agent", "Hoteling Guest"):
            self._refresh(user(name), package)

    def _refresh(self, user_id: str, package: str) -> None:
        event = initial_event(self.switch, package, user_id)
        assert event is not None
        self._arrive(event)

    def _arrive(self, event: SimEvent) -> None:
        document = parse(event_document(Envelope("e", 1, "admin", "tests", "s", event.user_id), "c", event_data(event)))
        assert isinstance(document, SubscriptionEvent)
        self.bridge.event(event.user_id, document.data)
        assert not self.failures

    def do(self, step: Step) -> None:
        self.fate = step.fate
        agents = self.switch.agents
        self.clock.advance(1)
        try:
            if step.what == "state":
                agents.set_state(step.agent, step.value, "1007" if step.flag else "")
            elif step.what == "join":
                agents.join(step.agent, QUEUES[step.flag], step.value == "Available")
            elif step.what == "wrap up":
                agents.acd_call_ended(step.agent, QUEUES[step.flag])
            else:
                host = user("carol") if step.flag else ""
                agents.set_guest(step.agent, GuestInfo(bool(host), host))
        except SwitchError:
            pass
        self.fate = "ok"

    def states(self, number: int, name: str) -> tuple[str, bool]:
        """What a T-Server is answered about an agent."""
        ear, session = self.ears[number], self.sessions[number]
        invoke_id = self.ask(csta.GetAgentState(device=name), session)
        (answer,) = [message for sent, message, _ in ear.sent if sent == invoke_id]
        (entry,) = answer.agent_state_list  # type: ignore[union-attr]
        (info,) = entry.agent_info
        return info.agent_state, entry.logged_on_state


@attrs.frozen
class Step:
    what: str
    agent: str
    value: str
    flag: bool
    fate: str


def walks(*what: str, fates: tuple[str, ...] = ("ok", "ok", "lost", "twice")) -> st.SearchStrategy[list[Step]]:
    steps = st.builds(Step, st.sampled_from(what), st.sampled_from(AGENTS), st.sampled_from(STATES), st.booleans(), st.sampled_from(fates))
    return st.lists(steps, max_size=30)


def kinds(ear: Ear, cross_ref_id: str) -> list[tuple[str, str]]:
    """State events of one monitor, with their codes."""
    return [
        (type(event).__name__, (event.extensions or {}).get("UnavailableCode", ""))
        for event in ear.heard
        if event.monitor_cross_ref_id == cross_ref_id and not str(event.agent_device.device).startswith("queue")
    ]


@settings(max_examples=150)
@given(walks("state", "state", "join", "wrap up"))
def test_agents_are_in_the_end_what_they_are_at_the_switch(walk: list[Step]) -> None:
    board = Board()
    for step in walk:
        board.do(step)
    for name in AGENTS:
        board.refresh(name)
    for number, ear in enumerate(board.ears):
        for name in AGENTS:
            info = board.switch.agents.state(name)
            assert info is not None
            assert board.states(number, name) == (CSTA[info.state], info.state != "Sign-Out")
            # monitors are numbered 1 to 3 on the first link, 4 to 6 on the second
            monitor = str(1 + 3 * number + AGENTS.index(name))
            assert ear.state.get((monitor, name), "agentNull") == CSTA[info.state]
            assert ear.code.get((monitor, name), "") == info.unavailable_code
            for each in board.switch.agents.memberships(name):
                assert ear.joined[monitor, name, each.queue.removesuffix("@example.net")] == each.joined


@settings(max_examples=100)
@given(walks("state", "join", fates=("ok", "twice")))
def test_every_change_is_heard_once_and_by_all_alike(walk: list[Step]) -> None:
    board = Board()
    expected: dict[str, list[tuple[str, str]]] = {name: [] for name in AGENTS}
    for step in walk:
        before = board.switch.agents.state(step.agent)
        board.do(step)
        after = board.switch.agents.state(step.agent)
        assert before is not None and after is not None
        if (before.state, before.unavailable_code) != (after.state, after.unavailable_code):
            if before.state == "Sign-Out":
                expected[step.agent].append(("AgentLoggedOnEvent", ""))
            kind = next(kind for kind, state in TELLS.items() if state == CSTA[after.state])
            expected[step.agent].append((kind, after.unavailable_code))
    for number, ear in enumerate(board.ears):
        for index, name in enumerate(AGENTS):
            assert kinds(ear, str(1 + 3 * number + index)) == expected[name]


@settings(max_examples=150)
@given(walks("state", "guest"))
def test_guests_are_told_as_they_are_answered(walk: list[Step]) -> None:
    board = Board()
    for step in walk:
        board.do(step)
    for name in AGENTS:
        board.refresh(name)
    agents = board.bridge.switch.agents
    for name in AGENTS:
        guest = board.switch.agents.guest(name)
        record = agents.record(user(name))
        assert record is not None and record.host == guest.host
        assert (agents.guest_at(user("carol")) == user(name)) == guest.active
        for number, ear in enumerate(board.ears):
            monitor = str(1 + 3 * number + AGENTS.index(name))
            believed = ear.state.get((monitor, name), "agentNull")
            assert board.states(number, name) == (believed, believed != "agentNull")
    first, second = ([type(event).__name__ for event in ear.heard] for ear in board.ears)
    assert first == second
