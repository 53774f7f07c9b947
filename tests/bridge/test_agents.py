"""What each monitor hears of agents, queues and guests. Golden rows of scenarios 18 (states), 19 (joins) and 20 (guests)."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from bwconnector.bridge.agents import AgentEvent, Agents
from bwconnector.bridge.calls import Call
from bwconnector.bridge.changes import Change, ConnectionId
from bwconnector.bridge.monitors import Monitors
from bwconnector.bridge.policy import Policy
from bwconnector.csta import messages as csta
from bwconnector.csta.xml import ED3
from bwconnector.xsi.agents import AgentJoin, AgentState, AgentStateEvent, AgentSubscription, HotelingGuest, QueueMembership
from bwconnector.xsi.events import CallEvent, XsiCall
from tests.bridge.links import FakeLink
from tests.bridge.office import leg, user
from tests.bridge.test_redundancy import Site

IN, AVAILABLE, UNAVAILABLE, WRAP_UP, OUT = "Sign-In", "Available", "Unavailable", "Wrap-Up", "Sign-Out"


def state(name: str, code: str = "", queue: str = "") -> AgentStateEvent:
    return AgentStateEvent(AgentState(name, 1, code, wrap_up_queue=queue))


def truth(name: str = "", code: str = "", **queues: bool) -> AgentSubscription:
    joins = tuple(QueueMembership(queue, joined) for queue, joined in queues.items())
    return AgentSubscription(AgentState(name, 1, code) if name else None, joins)


def join(**queues: bool) -> AgentJoin:
    return AgentJoin(tuple(QueueMembership(queue, joined) for queue, joined in queues.items()))


def guest(host: str = "") -> HotelingGuest:
    return HotelingGuest(bool(host), host, (("active", "true"),))


class World:
    """Monitors on agent G, host H and queue Q, unless others are named; each link hears its events in its own way."""

    def __init__(self, *monitored: str, **policy: str | int) -> None:
        self.clock = Clock()
        self.link = FakeLink("one")
        self.monitors = Monitors(str, lambda device, link: False)
        self.observed: list[str] = []
        self.monitors.observers.append(lambda change: self.observed.append(change.kind))
        values = {code.replace("_", "-"): value for code, value in policy.items()}
        self.agents = Agents(self.monitors, str, str, Policy(values), self.clock)
        self.refs: dict[str, str] = {}
        for device in monitored or ("G", "H", "Q"):
            self.monitor(device)

    def monitor(self, device: str, link: FakeLink | None = None) -> None:
        ref = self.monitors.start(link or self.link, device, device, ED3, csta.MonitorFilter())
        self.refs[ref] = device

    def say(self, *events: AgentEvent, agent: str = "G") -> list[str]:
        """What is heard of these events, a line each: monitored device, event, agent, where, and what else there is."""
        self.link.events.clear()
        for event in events:
            self.agents.apply(agent, event)
        return self.heard()

    def heard(self, link: FakeLink | None = None) -> list[str]:
        link = link or self.link
        lines = [self.line(event) for event in link.events]
        link.events.clear()
        return lines

    def line(self, event: Any) -> str:
        words = [self.refs[event.monitor_cross_ref_id], type(event).__name__.removesuffix("Event")]
        if isinstance(event, csta.PrivateEvent):
            return " ".join([*words, *(f"{key}={value}" for key, value in (event.private_data or {}).items())])
        words.append(f"{event.agent_id}@{event.agent_device.device}")
        words += [f"in={event.acd_group}"] if event.acd_group else []
        words += [f"{key}={value}" for key, value in (event.extensions or {}).items()]
        return " ".join(words)


def both(*lines: str) -> list[str]:
    """Each line at the agent's and the host's monitor."""
    return [f"{place} {line}" for line in lines for place in "GH"]


def hosted(now: str = OUT, **policy: str | int) -> World:
    """A guest that has just come to H, whose ACD state is ``now``."""
    world = World("G", "H", **policy)
    world.say(truth(now), guest(), guest("H"))
    return world


# 18


def test_18_the_state_that_is_there_at_first_is_silent() -> None:
    world = World()
    assert world.say(truth(AVAILABLE)) == []
    record = world.agents.record("G")
    assert record is not None and (record.state, record.logged_on) == ("agentReady", True)


@pytest.mark.parametrize(
    ("before", "event", "heard", "csta_state"),
    [
        (OUT, state(IN), ["AgentLoggedOn G@G", "AgentNotReady G@G"], "agentNotReady"),
        (IN, state(AVAILABLE), ["AgentReady G@G"], "agentReady"),
        (AVAILABLE, state(UNAVAILABLE, "1007"), ["AgentNotReady G@G UnavailableCode=1007"], "agentNotReady"),
        (AVAILABLE, state(UNAVAILABLE), ["AgentNotReady G@G"], "agentNotReady"),
        (IN, state(UNAVAILABLE), ["AgentNotReady G@G"], "agentNotReady"),
        (AVAILABLE, state(WRAP_UP, queue="Q"), ["AgentWorkingAfterCall G@G in=Q"], "agentWorkingAfterCall"),
        (AVAILABLE, state(OUT), ["AgentLoggedOff G@G"], "agentNull"),
        (OUT, state(AVAILABLE), ["AgentLoggedOn G@G", "AgentReady G@G"], "agentReady"),
        (OUT, state(WRAP_UP), ["AgentLoggedOn G@G", "AgentWorkingAfterCall G@G"], "agentWorkingAfterCall"),
        (AVAILABLE, state(AVAILABLE), [], "agentReady"),
        (OUT, state(OUT), [], "agentNull"),
        (AVAILABLE, state("Meditating"), [], "agentReady"),
    ],
)
def test_18_states(before: str, event: AgentStateEvent, heard: list[str], csta_state: str) -> None:
    world = World("G")
    world.say(truth(before))
    assert world.say(event, event) == [f"G {line}" for line in heard]
    record = world.agents.record("G")
    assert record is not None and (record.state, record.logged_on) == (csta_state, csta_state != "agentNull")


def test_18_another_unavailable_code_is_told() -> None:
    world = World("G")
    world.say(truth(UNAVAILABLE, "1"))
    assert world.say(state(UNAVAILABLE, "1"), state(UNAVAILABLE, "2")) == ["G AgentNotReady G@G UnavailableCode=2"]


def test_18_a_typical_day() -> None:
    world = World("G")
    world.say(truth(OUT))
    day = [state(each) for each in (IN, AVAILABLE, WRAP_UP, AVAILABLE, OUT)]
    assert [line.split()[1] for line in world.say(*day)] == [
        "AgentLoggedOn",
        "AgentNotReady",
        "AgentReady",
        "AgentWorkingAfterCall",
        "AgentReady",
        "AgentLoggedOff",
    ]


def test_18_a_refresh_tells_the_difference() -> None:
    world = World("G")
    world.say(truth(OUT))
    assert world.say(truth(UNAVAILABLE, "3"), truth(UNAVAILABLE, "3")) == [
        "G AgentLoggedOn G@G",
        "G AgentNotReady G@G UnavailableCode=3",
    ]
    assert world.say(truth(), truth()) == ["G AgentLoggedOff G@G"]  # no agent any more


def test_18_whoever_is_no_agent_is_silent() -> None:
    world = World("G")
    assert world.say(truth(), truth(OUT)) == []


@pytest.mark.parametrize(("value", "heard"), [("queues", ["G", "Q"]), ("own", ["G"])])
def test_p_agentq(value: str, heard: list[str]) -> None:
    world = World("G", "Q", "R", P_AGENTQ=value)
    world.say(truth(OUT, Q=True, R=False))
    assert world.say(state(AVAILABLE)) == [f"{place} {line}" for line in ("AgentLoggedOn G@G", "AgentReady G@G") for place in heard]


@pytest.mark.parametrize(("value", "more"), [("on", " UnavailableCode=7"), ("off", "")])
def test_p_code(value: str, more: str) -> None:
    world = World("G", P_CODE=value)
    world.say(truth(AVAILABLE))
    assert world.say(state(UNAVAILABLE, "7")) == [f"G AgentNotReady G@G{more}"]


def answers(world: World, queue: str = "Q") -> Call:
    call = Call("K1")
    call.connection("G").state = "connected"
    change = Change(
        "EstablishedEvent", call, ConnectionId("K1", "G"), "distributed", {"G": "connected"}, acting="G", last_redirection=queue
    )
    world.agents.changed(change)
    return call


@pytest.mark.parametrize(("value", "heard"), [("on", ["G AgentBusy G@G in=Q"]), ("off", [])])
def test_p_busy(value: str, heard: list[str]) -> None:
    world = World("G", P_BUSY=value, P_JOINSYNC="silent")
    world.say(truth(AVAILABLE, Q=True))
    answers(world)
    assert world.heard() == heard
    answers(world)
    answers(world, queue="another")
    world.say(truth(AVAILABLE, Q=True))  # a refresh
    assert world.heard() == []
    record = world.agents.record("G")
    assert record is not None and record.state == ("agentBusy" if heard else "agentReady")


@pytest.mark.parametrize(("after", "heard"), [(AVAILABLE, "AgentReady"), (WRAP_UP, "AgentWorkingAfterCall")])
def test_p_busy_ends_with_the_next_state(after: str, heard: str) -> None:
    world = World("G", P_BUSY="on", P_JOINSYNC="silent")
    world.say(truth(AVAILABLE, Q=True))
    answers(world)
    assert world.say(state(UNAVAILABLE), state(after))[-1] == f"G {heard} G@G"
    world.clock.advance(1.0)
    assert world.heard() == []


def test_p_busy_ends_with_the_call_if_no_state_comes() -> None:
    world = World("G", P_BUSY="on", P_JOINSYNC="silent")
    world.say(truth(AVAILABLE, Q=True))
    call = answers(world)
    world.heard()
    call.connection("G").state = "null"
    world.agents.changed(Change("ConnectionClearedEvent", call, ConnectionId("K1", "G"), "normalClearing", {"G": "null"}, acting="G"))
    assert world.heard() == []
    world.clock.advance(0.5)
    assert world.heard() == ["G AgentReady G@G"]
    assert not world.clock.getDelayedCalls()


def test_p_busy_goes_on_with_another_call() -> None:
    world = World("G", P_BUSY="on", P_JOINSYNC="silent")
    world.say(truth(AVAILABLE, Q=True))
    first = answers(world)
    first.connection("G").state = "null"
    world.agents.changed(Change("ConnectionClearedEvent", first, ConnectionId("K1", "G"), "normalClearing", {"G": "null"}, acting="G"))
    answers(world)
    world.heard()
    world.clock.advance(0.5)
    assert world.heard() == []


def test_p_busy_comes_after_the_established() -> None:
    site = Site()
    site.bridge.policy._values["P-BUSY"] = "on"
    site.bridge.policy._values["P-JOINSYNC"] = "silent"
    site.monitor("alice")
    site.bridge.event(user("alice"), truth(AVAILABLE, q1=True))
    for kind, now in (("Received", "Alerting"), ("Answered", "Active")):
        call: XsiCall = leg("a1", "K1", "Terminator", now, "bob", acd_user_id="q1", answer_time=1 if now == "Active" else 0)
        site.bridge.event(user("alice"), CallEvent(f"Call{kind}Event", (call,)))
    assert site.heard() == ["DeliveredEvent", "EstablishedEvent", "AgentBusyEvent"]


def test_a_filter_keeps_agent_events_away() -> None:
    world = World("G", "H")
    world.monitors.change_filter(world.link, "1", csta.MonitorFilter(frozenset({"agentReady", "private"})))
    world.say(truth(OUT), guest())
    assert world.say(state(AVAILABLE), guest("H")) == [
        "G AgentLoggedOn G@G",
        "G AgentLoggedOn G@H",
        "H AgentLoggedOn G@H",
        "H AgentReady G@H",
        "H Private guestAssociatedEvent=established hostDevice=H guestDevice=G",
    ]


def test_a_forgotten_agent_leaves_nothing() -> None:
    world = hosted()
    world.say(join(Q=True))
    world.agents.forget("G")
    assert world.agents.record("G") is None
    assert (world.agents.guest_at("H"), world.agents._members) == ("", {})
    assert world.say(truth(AVAILABLE)) == []


def test_nobody_monitors_an_agent_any_more() -> None:
    site = Site()
    site.monitor("alice", "bob")
    for name in ("alice", "bob"):
        site.bridge.event(user(name), truth(AVAILABLE))
    site.answer(csta.MonitorStop(monitor_cross_ref_id="1"))
    agents = site.bridge.switch.agents
    assert (agents.record(user("alice")) is None, agents.record(user("bob")) is None) == (True, False)
    site.bridge.stop()
    assert agents.record(user("bob")) is None


# 19


@pytest.mark.parametrize(("value", "heard"), [("once", True), ("silent", False)])
def test_p_joinsync_19_memberships_are_told_once_to_each_monitor(value: str, heard: bool) -> None:
    world = World("G", "Q", P_JOINSYNC=value)
    first = world.say(truth(AVAILABLE, Q=True, R=False), join(Q=True), truth(AVAILABLE, Q=True, R=False))
    second = FakeLink("two")
    world.monitor("G", second)
    assert second.events == []  # not before its MonitorStart is answered
    world.clock.advance(0)
    expected = ["AgentLoggedOn G@Q in=Q", "AgentReady G@Q in=Q"]
    left = ["G AgentLoggedOff G@R in=R"]
    assert first == ([f"{place} {line}" for place in "GQ" for line in expected] + left if heard else [])
    assert world.heard(second) == ([f"G {line}" for line in expected] + left if heard else [])
    assert world.say(join(Q=False)) == ["G AgentLoggedOff G@Q in=Q", "Q AgentLoggedOff G@Q in=Q"]
    assert world.heard(second) == ["G AgentLoggedOff G@Q in=Q"]


def test_19_a_queue_that_is_monitored_later_hears_of_its_agents() -> None:
    world = World("G", "F")
    world.say(truth(UNAVAILABLE, Q=True), agent="G")
    world.say(truth(AVAILABLE, R=True), agent="F")
    world.monitor("Q")
    world.clock.advance(0)
    assert world.heard() == ["Q AgentLoggedOn G@Q in=Q", "Q AgentNotReady G@Q in=Q"]


def test_19_joining_and_leaving() -> None:
    world = World("G", "Q", P_JOINSYNC="silent")
    world.say(truth(UNAVAILABLE, Q=False))
    assert world.say(join(Q=True), join(Q=True)) == [
        *("G AgentLoggedOn G@Q in=Q", "G AgentNotReady G@Q in=Q"),
        *("Q AgentLoggedOn G@Q in=Q", "Q AgentNotReady G@Q in=Q"),
    ]
    assert world.say(truth(UNAVAILABLE)) == ["G AgentLoggedOff G@Q in=Q", "Q AgentLoggedOff G@Q in=Q"]  # not assigned any more
    assert world.say(state(AVAILABLE)) == ["G AgentReady G@G"]
    record = world.agents.record("G")
    assert record is not None and record.queues == {}


def test_19_a_monitor_that_is_gone_is_told_nothing() -> None:
    world = World("G")
    world.say(truth(AVAILABLE, Q=True))
    second = FakeLink("two")
    world.monitor("G", second)
    world.monitors.close_link(second)
    world.clock.advance(0)
    assert second.events == []


# 20


STARTED = "Private guestAssociatedEvent=established hostDevice=H guestDevice=G"
ENDED = "Private guestAssociatedEvent=cancelled hostDevice=H guestDevice=G"


def at_host(*lines: str) -> list[str]:
    return [f"{place} {line}" for line in lines for place in "HG"]


def test_20_start_and_end_by_our_own_requests() -> None:
    world = World("G", "H")
    world.say(truth(OUT), guest())
    assert world.say(guest("H"), state(UNAVAILABLE)) == [*both("AgentLoggedOn G@H", "AgentNotReady G@H"), *at_host(STARTED)]
    assert world.agents.guest_at("H") == "G"
    assert world.say(state(AVAILABLE)) == both("AgentReady G@H")
    assert world.say(state(OUT), guest()) == [*both("AgentLoggedOff G@G"), *at_host(ENDED)]
    assert world.agents.guest_at("H") == ""
    assert "PrivateEvent" in world.observed


def test_20_end_in_the_other_order() -> None:
    world = hosted(AVAILABLE)
    assert world.say(guest(), state(OUT)) == [*both("AgentLoggedOff G@G"), *at_host(ENDED)]


def test_p_hotel_login_20_by_phone_or_portal() -> None:
    world = World("G", "H")
    world.say(truth(OUT), guest())
    assert world.say(guest("H")) == [*both("AgentLoggedOn G@H", "AgentNotReady G@H"), *at_host(STARTED)]
    assert world.say(guest()) == [*both("AgentLoggedOff G@G"), *at_host(ENDED)]
    world.say(state(AVAILABLE))
    assert world.say(guest("H")) == [*both("AgentLoggedOn G@H", "AgentReady G@H"), *at_host(STARTED)]
    assert world.say(guest()) == [*both("AgentLoggedOff G@G"), *at_host(ENDED)]
    record = world.agents.record("G")
    assert record is not None and record.state == "agentNull"


def test_p_hotel_state() -> None:
    world = World("G", "H", P_HOTEL="state")
    world.say(truth(OUT), guest())
    assert world.say(guest("H")) == at_host(STARTED)
    assert world.say(state(AVAILABLE)) == both("AgentLoggedOn G@H", "AgentReady G@H")
    assert world.say(guest()) == [*both("AgentLoggedOff G@G"), *at_host(ENDED), "G AgentLoggedOn G@G", "G AgentReady G@G"]


def test_20_where_no_state_is_told_at_first_each_event_is_a_change() -> None:
    world = World("G", "H")
    world.agents._only_changes = lambda user: True
    assert world.say(guest("H")) == [*both("AgentLoggedOn G@H", "AgentNotReady G@H"), *at_host(STARTED)]
    world = World("G")
    world.agents._only_changes = lambda user: True
    assert world.say(state(AVAILABLE), state(UNAVAILABLE)) == ["G AgentLoggedOn G@G", "G AgentReady G@G", "G AgentNotReady G@G"]


def test_20_a_guest_that_changes_its_phone() -> None:
    world = World("G", "H", "I")
    world.say(truth(AVAILABLE), guest("H"))
    heard = world.say(guest("I"))
    assert [line for line in heard if line[0] == "H"] == ["H AgentLoggedOff G@G", f"H {ENDED}"]
    assert [line for line in heard if line[0] == "I"] == [
        "I AgentLoggedOn G@I",
        "I AgentReady G@I",
        "I Private guestAssociatedEvent=established hostDevice=I guestDevice=G",
    ]
    assert (world.agents.guest_at("H"), world.agents.guest_at("I")) == ("", "G")


@pytest.mark.parametrize("order", [(truth(OUT), guest("H")), (guest("H"), truth(OUT))])
def test_20_a_guest_that_is_there_at_first_is_silent(order: tuple[AgentEvent, ...]) -> None:
    world = World("G", "H")
    assert world.say(*order) == []
    record = world.agents.record("G")
    assert record is not None and (record.state, record.host, world.agents.guest_at("H")) == ("agentNotReady", "H", "G")
    assert world.say(*order) == []  # a refresh


def test_20_a_guest_that_is_no_agent() -> None:
    world = World("G", "H")
    world.say(truth(), guest())
    assert world.say(guest("H"), truth()) == [*both("AgentLoggedOn G@H", "AgentNotReady G@H"), *at_host(STARTED)]
    assert world.say(guest(), truth()) == [*both("AgentLoggedOff G@G"), *at_host(ENDED)]


def test_an_unassigned_hoteling_service_ends_the_association() -> None:
    world = hosted()
    assert world.say(HotelingGuest()) == [*both("AgentLoggedOff G@G"), *at_host(ENDED)]
