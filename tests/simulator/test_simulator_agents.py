"""Agents and guests of the simulator: by its switch, over HTTP, and by remote control."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import pytest_twisted
from test_simulator_http import ACTIONS, XMLNS, Client, start, until

from bwconnector.simulator.directory import make_users, make_virtual_users
from bwconnector.simulator.model import GuestInfo, Membership, SimEvent, SwitchError
from bwconnector.simulator.switch import Switch

assert start  # a fixture

A, B, C = "alice@example.net", "bob@example.net", "carol@example.net"
Q = "queue1@example.net"
STATES = ("Sign-In", "Available", "Unavailable", "Wrap-Up", "Sign-Out")


class Floor:
    def __init__(self) -> None:
        self.events: list[SimEvent] = []
        ticks = itertools.count(1)
        people = (*make_users(4, "example.net"), *make_virtual_users(4, 1, 1, "example.net"))
        self.switch = Switch(people, now=lambda: next(ticks), emit=self.events.append, agents=[A, B])
        self.agents = self.switch.agents

    def status(self, operation: Callable[..., None], *arguments: object) -> int:
        count = len(self.events)
        with pytest.raises(SwitchError) as refused:
            operation(*arguments)
        assert len(self.events) == count
        return refused.value.status


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
def test_any_state_may_follow_any(before: str, after: str) -> None:
    floor = Floor()
    floor.agents.set_state(A, before)
    floor.agents.set_state(A, after, "1007")
    event = floor.events[-1]
    assert (event.user_id, event.type) == (A, "AgentStateEvent")
    assert event.agent is not None
    assert (event.agent.state, event.agent.unavailable_code) == (after, "1007" if after == "Unavailable" else "")
    assert floor.agents.state(A) == event.agent


def test_what_agents_cannot_do() -> None:
    floor = Floor()
    assert floor.status(floor.agents.set_state, C, "Available") == 403
    assert floor.status(floor.agents.set_state, A, "Asleep") == 400
    assert floor.status(floor.agents.set_state, A, "Unavailable", "9999") == 400
    assert floor.status(floor.agents.join, C, Q, True) == 403
    assert floor.status(floor.agents.join, A, "route1", True) == 404
    assert floor.agents.state(C) is None


def test_joining_and_leaving_a_queue() -> None:
    floor = Floor()
    assert floor.agents.memberships(A) == (Membership(Q, joined=True),)
    floor.agents.join(A, Q, False)
    assert floor.events[-1] == SimEvent(A, "ACDAgentJoinUpdateEvent", joins=(Membership(Q),))
    assert floor.agents.agent_event(A).joins == (Membership(Q),)
    assert floor.agents.agent_event(C) == SimEvent(C, "AgentSubscriptionEvent")


def test_who_is_available_longest_first() -> None:
    floor = Floor()
    for agent in (B, A):
        floor.agents.set_state(agent, "Available")
    assert floor.agents.available(Q) == [B, A]
    floor.agents.join(B, Q, False)
    assert floor.agents.available(Q) == [A]
    floor.agents.set_state(A, "Unavailable")
    assert floor.agents.available(Q) == []


def test_wrapping_up_a_call() -> None:
    floor = Floor()
    floor.agents.acd_call_ended(A, Q)
    assert floor.events == []  # signed out
    floor.agents.set_state(A, "Available")
    floor.agents.acd_call_ended(A, Q, "callhalf-1:0")
    info = floor.agents.state(A)
    assert info is not None and (info.state, info.wrap_up_queue, info.wrap_up_call_id) == ("Wrap-Up", Q, "callhalf-1:0")
    floor.agents.wrap_up_over(A, info.since - 1)  # of a call before
    assert floor.agents.state(A) == info
    floor.agents.wrap_up_over(A, info.since)
    assert floor.agents.available(Q) == [A]


def test_guests() -> None:
    floor = Floor()
    floor.agents.set_guest(A, GuestInfo(True, "carol"))
    assert floor.events[-1] == SimEvent(A, "HotelingGuestEvent", guest=GuestInfo(True, C))
    assert floor.status(floor.agents.set_guest, B, GuestInfo(True, C)) == 403
    assert floor.status(floor.agents.set_guest, B, GuestInfo(True, B)) == 403
    assert floor.status(floor.agents.set_guest, B, GuestInfo(True)) == 403
    assert floor.status(floor.agents.set_guest, B, GuestInfo(True, "nobody")) == 404
    floor.agents.set_guest(A, GuestInfo(False, C))
    assert floor.agents.guest(A) == GuestInfo()
    floor.agents.set_guest(B, GuestInfo(True, C))
    assert floor.agents.guest(B).host == C


@pytest_twisted.ensureDeferred
async def test_agents_over_http(start: Callable[..., Client]) -> None:
    client = start(agents=1, wrap_up_time=0.1)
    stream = await client.open()
    await client.subscribe(A, "Call Center Agent")
    await until(lambda: stream.events("AgentSubscriptionEvent"))
    seed = stream.events()[0]
    assert (seed.findtext(".//stateInfo/state"), seed.findtext(".//joinInfos/joinInfo/acdUserId")) == ("Sign-Out", Q)
    assert seed.find(".//joinInfo/joined") is not None
    path = f"{ACTIONS}user/alice/services/CallCenter"
    body = f"<CallCenter {XMLNS}><agentACDState>Unavailable</agentACDState><agentUnavailableCode>1007</agentUnavailableCode></CallCenter>"
    assert (await client.ask("PUT", path, body)).status == 200
    leave = f"<serviceUserId>{Q}</serviceUserId><available>false</available>"
    body = f"<CallCenter {XMLNS}><callCenterList><callCenterDetails>{leave}</callCenterDetails></callCenterList></CallCenter>"
    assert (await client.ask("PUT", path, body)).status == 200
    await until(lambda: stream.events("ACDAgentJoinUpdateEvent"))
    assert stream.events("AgentStateEvent")[0].findtext(".//agentStateInfo/unavailableCode") == "1007"
    assert stream.events("ACDAgentJoinUpdateEvent")[0].find(".//joined") is None
    answer = await client.ask("GET", path)
    assert (answer.text("agentACDState"), answer.text("agentUnavailableCode"), answer.text("available")) == ("Unavailable", "1007", "false")
    assert (await client.ask("GET", f"{ACTIONS}user/bob/services/CallCenter")).status == 403
    client.simulator.broadworks.switch.agents.set_state(A, "Available")
    client.simulator.broadworks.switch.agents.acd_call_ended(A, Q)
    await until(lambda: len(stream.events("AgentStateEvent")) == 4)
    assert [event.findtext(".//state") for event in stream.events("AgentStateEvent")[1:]] == ["Available", "Wrap-Up", "Available"]


@pytest_twisted.ensureDeferred
async def test_guests_over_http(start: Callable[..., Client]) -> None:
    client = start()
    stream = await client.open()
    await client.subscribe(B, "Hoteling Guest")
    await until(lambda: stream.events("HotelingGuestEvent"))
    path = f"{ACTIONS}user/bob/services/HotelingGuest"
    body = "<HotelingGuest {}><active>{}</active><hostUserId>{}</hostUserId></HotelingGuest>"
    assert (await client.ask("PUT", path, body.format(XMLNS, "true", A))).status == 200
    answer = await client.ask("GET", path)
    assert (answer.text("active"), answer.text("hostUserId"), answer.text("associationLimitHours")) == ("true", A, "12")
    assert (await client.ask("PUT", path, body.format(XMLNS, "false", ""))).status == 200
    await until(lambda: len(stream.events("HotelingGuestEvent")) == 3)
    assert [event.findtext(".//info/hostUserId") for event in stream.events()] == [None, A, None]


@pytest_twisted.ensureDeferred
async def test_agents_by_remote_control(start: Callable[..., Client]) -> None:
    client = start(agents=2)
    agents = client.simulator.broadworks.switch.agents
    assert (await client.admin("POST", "agents", user="alice", state="Available")).status == 200
    assert agents.available(Q) == [A]
    assert (await client.admin("POST", "agents", user="carol", state="Available")).status == 403
    assert (await client.admin("POST", "guests", user="alice", host="carol")).status == 200
    assert agents.guest(A) == GuestInfo(True, C)
    assert (await client.admin("POST", "guests", user="alice")).status == 200
    assert agents.guest(A) == GuestInfo()
