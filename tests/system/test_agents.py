"""Agents and hot desking over real sockets: a pair of T-Servers, one of which asks, and both of which hear."""

from __future__ import annotations

import pytest
import pytest_twisted

from bwconnector.csta import messages as csta
from bwconnector.simulator.config import SimulatorConfig
from bwconnector.simulator.model import GuestInfo
from tests.system.exchange import SETTLE, Exchange, TServer, make_config, sleep, until

pytestmark = pytest.mark.system

FLOOR = {"users": 8, "xsps": 2, "demo": False, "admin": False, "lift_delay": 0.02, "agents": 3}
on_the_floor = pytest.mark.parametrize("exchange", [FLOOR], indirect=True)
repaired = pytest.mark.parametrize(
    "exchange", [{"config": make_config(SimulatorConfig(**FLOOR), link_loss_policy="repair", link_recovery_tout=1)}], indirect=True
)

JOINED = ["AgentLoggedOn {0}@queue1 in=queue1"]
Lines = dict[str, list[str]]


async def has_heard(tserver: TServer, device: str, count: int) -> None:
    await until(lambda: len(tserver._unseen.get(device, ())) >= count)


async def hear(tservers: tuple[TServer, TServer], heard: Lines) -> None:
    """Both hear exactly this of agents; what else goes on comes on other subscriptions, in between."""
    for tserver in tservers:
        for device, lines in heard.items():
            await has_heard(tserver, device, len(lines) + (device == "alice"))
        await sleep(SETTLE)
        assert {each: [line for line in lines if "Forwarding" not in line] for each, lines in tserver._unseen.items()} == heard
        assert tserver.wrong == []
        tserver.forget()


async def pair(exchange: Exchange, *devices: str) -> tuple[TServer, TServer]:
    """Two T-Servers that monitor the same devices."""
    tservers = (await exchange.connect(), await exchange.connect())
    for tserver in tservers:
        await tserver.monitor(*devices)
        await tserver.hears({device: [JOINED[0].format(device)] for device in devices})
    return tservers


async def asks(tservers: tuple[TServer, TServer], request: csta.Request, heard: Lines) -> None:
    """The first one asks, and is answered before its events; both hear the same."""
    await tservers[0].perform(request, heard)
    await tservers[1].hears(heard)


async def states(tserver: TServer, device: str) -> list[tuple[str | None, bool, str]]:
    answer = await tserver.ask(csta.GetAgentState(device=device))
    return [(each.agent_id, each.logged_on_state, each.agent_info[0].agent_state) for each in answer.agent_state_list]


def set_state(wanted: str, device: str = "alice", agent: str | None = None, **private: str) -> csta.SetAgentState:
    return csta.SetAgentState(device=device, requested_agent_state=wanted, agent_id=agent, extensions=private or None)


@on_the_floor
@pytest_twisted.ensureDeferred
async def test_an_agents_day(exchange: Exchange) -> None:
    tservers = await pair(exchange, "alice")
    assert await states(tservers[1], "alice") == [("alice", False, "agentNull")]
    await asks(tservers, set_state("loggedOn"), {"alice": ["AgentLoggedOn alice@alice", "AgentNotReady alice@alice"]})
    await asks(tservers, set_state("ready"), {"alice": ["AgentReady alice@alice"]})
    away: Lines = {"alice": ["AgentNotReady alice@alice UnavailableCode=1007"]}
    await asks(tservers, set_state("notReady", UnavailableCode="1007"), away)
    assert await states(tservers[1], "alice") == [("alice", True, "agentNotReady")]
    assert await tservers[0].refused(set_state("notReady", UnavailableCode="9")) == "operation invalidParameterValue"
    await asks(tservers, set_state("workingAfterCall"), {"alice": ["AgentWorkingAfterCall alice@alice"]})
    exchange.switch.agents.set_state("alice", "Available")  # by itself
    for tserver in tservers:
        await tserver.hears({"alice": ["AgentReady alice@alice"]})
    await asks(tservers, set_state("loggedOff"), {"alice": ["AgentLoggedOff alice@alice"]})
    assert await states(tservers[0], "alice") == [("alice", False, "agentNull")]


@on_the_floor
@pytest_twisted.ensureDeferred
async def test_a_queue_hears_of_its_agents(exchange: Exchange) -> None:
    tserver, _ = await pair(exchange, "alice")
    await tserver.monitor("queue1")
    await tserver.hears({"queue1": ["AgentLoggedOn alice@queue1 in=queue1"]})
    exchange.switch.agents.set_state("alice", "Available")
    await tserver.hears({device: ["AgentLoggedOn alice@alice", "AgentReady alice@alice"] for device in ("alice", "queue1")})
    exchange.switch.agents.join("alice", "queue1", False)
    await tserver.hears({device: ["AgentLoggedOff alice@queue1 in=queue1"] for device in ("alice", "queue1")})
    exchange.switch.agents.set_state("alice", "Sign-Out")
    await tserver.hears({"alice": ["AgentLoggedOff alice@alice"]})


@on_the_floor
@pytest_twisted.ensureDeferred
async def test_whoever_is_no_agent(exchange: Exchange) -> None:
    tserver = await exchange.connect()
    assert await states(tserver, "dave") == []
    assert await tserver.refused(set_state("ready", "dave")) == "operation requestIncompatibleWithDevice"
    assert await tserver.refused(csta.Escape(private_data={"sing": "loud"})) == "privateData cSTAPrivateDataInfoError"


def moved(word: str) -> str:
    return f"Private guestAssociatedEvent={word} hostDevice=alice guestDevice=bob"


@on_the_floor
@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("private", [True, False])
async def test_hot_desking(exchange: Exchange, private: bool) -> None:
    tservers = await pair(exchange, "alice", "bob")
    data = {"guestAssociatedExtension": "", "hostDevice": "alice", "guestDevice": "bob"}
    begin = csta.Escape(private_data=data) if private else set_state("loggedOn", agent="bob")
    answer = await tservers[0].ask(begin)
    assert isinstance(answer, (csta.EscapeResponse, csta.SetAgentStateResponse))
    arrived = ["AgentLoggedOn bob@alice", "AgentNotReady bob@alice", moved("established")]
    await hear(tservers, {"alice": arrived, "bob": arrived})
    agents, services = exchange.switch.agents, exchange.switch.services
    await until(lambda: agents.state("bob").state == "Unavailable")  # type: ignore[union-attr]
    assert agents.state("bob").state == "Unavailable"  # type: ignore[union-attr]
    assert agents.guest("bob").host == "alice@example.net"
    forwarding = services.state("alice", "CallForwardingAlways")
    assert (forwarding.active, forwarding.forward_to) == (True, "1002")
    for tserver in tservers:
        assert await states(tserver, "alice") == [("alice", False, "agentNull"), ("bob", True, "agentNotReady")]
    if private:
        assert await tservers[1].refused(begin) == "stateIncompatibility invalidObjectState"
    ready: Lines = {device: ["AgentReady bob@alice"] for device in ("alice", "bob")}
    await asks(tservers, set_state("ready", agent="bob"), ready)
    end = csta.Escape(private_data=data | {"associate": "false"}) if private else set_state("loggedOff", agent="bob")
    await tservers[1].ask(end)
    left = ["AgentLoggedOff bob@bob", moved("cancelled")]
    await hear(tservers, {"alice": left, "bob": left})
    assert agents.guest("bob") == GuestInfo()
    assert services.state("alice", "CallForwardingAlways").active is False


@on_the_floor
@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("stays", [True, False])
async def test_the_monitors_on_a_host_hear_of_its_guest(exchange: Exchange, stays: bool) -> None:
    """Nobody monitors the guest; its subscriptions end when it leaves, or with the last monitor on the host."""
    tservers = await pair(exchange, "alice")
    agents = exchange.switch.agents
    agents.set_state("bob", "Unavailable")
    live = exchange.service.subscriptions.live
    await tservers[0].ask(set_state("loggedOn", agent="bob"))
    await hear(tservers, {"alice": ["AgentLoggedOn bob@alice", "AgentNotReady bob@alice", moved("established")]})
    await exchange.settled()
    assert exchange.service.subscriptions.live > live
    await asks(tservers, set_state("ready", agent="bob"), {"alice": ["AgentReady bob@alice"]})
    if stays:
        for tserver in tservers:
            await tserver.close()
        await exchange.unsubscribed()
    else:
        await tservers[1].ask(set_state("loggedOff", agent="bob"))
        await hear(tservers, {"alice": ["AgentLoggedOff bob@bob", moved("cancelled")]})
        await until(lambda: exchange.service.subscriptions.live == live)
        assert exchange.service.subscriptions.live == live
        assert exchange.service.bridge.switch.agents.record("bob@example.net") is None


@on_the_floor
@pytest_twisted.ensureDeferred
async def test_whoever_is_signed_in_at_the_host_is_signed_out(exchange: Exchange) -> None:
    tservers = await pair(exchange, "alice")
    exchange.switch.agents.set_state("alice", "Available")
    for tserver in tservers:
        await tserver.hears({"alice": ["AgentLoggedOn alice@alice", "AgentReady alice@alice"]})
    await tservers[0].ask(set_state("loggedOn", agent="bob"))
    for tserver in tservers:
        await has_heard(tserver, "alice", 5)
        assert sorted(line.split()[0] for line in tserver._unseen["alice"] if "Agent" in line) == [
            "AgentLoggedOff",
            "AgentLoggedOn",
            "AgentNotReady",
        ]
        assert "AgentLoggedOff alice@alice" in tserver._unseen["alice"]
        tserver.forget()


@on_the_floor
@pytest_twisted.ensureDeferred
async def test_a_step_that_fails_is_undone(exchange: Exchange) -> None:
    exchange.switch.agents.set_guest("carol", GuestInfo(True, "alice"))  # whom nobody here knows of
    tserver = await exchange.connect()
    assert await tserver.refused(set_state("loggedOn", agent="bob")) == "stateIncompatibility invalidObjectState"
    assert exchange.switch.services.state("alice", "CallForwardingAlways").active is False
    assert exchange.switch.agents.guest("bob") == GuestInfo()


@on_the_floor
@pytest_twisted.ensureDeferred
async def test_hot_desking_by_portal(exchange: Exchange) -> None:
    tservers = await pair(exchange, "bob")
    exchange.switch.agents.set_guest("bob", GuestInfo(True, "alice"))
    for tserver in tservers:
        await tserver.hears({"bob": ["AgentLoggedOn bob@alice", "AgentNotReady bob@alice", moved("established")]})
    exchange.switch.agents.set_guest("bob", GuestInfo())
    for tserver in tservers:
        await tserver.hears({"bob": ["AgentLoggedOff bob@bob", moved("cancelled")]})


@on_the_floor
@pytest_twisted.ensureDeferred
async def test_a_guests_calls_are_the_guests(exchange: Exchange) -> None:
    """A monitor on the agent id of a guest is one like any other: calls are told there, not at the host."""
    tservers = await pair(exchange, "bob")
    exchange.switch.agents.set_guest("bob", GuestInfo(True, "alice"))
    for tserver in tservers:
        await has_heard(tserver, "bob", 3)
        tserver.forget()
    exchange.switch.dial("carol", "1002")
    exchange.switch.answer("bob")
    for tserver in tservers:
        await tserver.hears(
            {
                "bob": [
                    "Delivered{K1,bob} alerting newCall carol>bob",
                    "Established{K1,bob} connected newCall carol>bob",
                ]
            }
        )


async def lose_and_regain(exchange: Exchange, tserver: TServer) -> None:
    """All channels are lost; meanwhile alice becomes available, and bob a guest at dave's phone."""
    for xsp in exchange.xsps.values():
        xsp.stop()
    await until(lambda: "disabled" in tserver.statuses)
    exchange.switch.agents.set_state("alice", "Available")
    exchange.switch.agents.set_guest("bob", GuestInfo(True, "dave"))
    for xsp in exchange.xsps.values():
        xsp.start()
    await until(lambda: tserver.statuses[-1] == "normal" and len(tserver.statuses) > 2)


@on_the_floor
@pytest_twisted.ensureDeferred
async def test_agents_after_all_channels_were_lost_under_monitor_stop(exchange: Exchange) -> None:
    tserver, _ = await pair(exchange, "alice", "bob")
    await lose_and_regain(exchange, tserver)
    tserver.monitors.clear()
    await tserver.monitor("alice", "bob")
    await has_heard(tserver, "alice", 2)
    assert tserver._unseen["alice"] == ["AgentLoggedOn alice@queue1 in=queue1", "AgentReady alice@queue1 in=queue1"]
    assert await states(tserver, "alice") == [("alice", True, "agentReady")]
    assert await states(tserver, "dave") == [("bob", True, "agentNotReady")]


@repaired
@pytest_twisted.ensureDeferred
async def test_agents_after_all_channels_were_lost_under_repair(exchange: Exchange) -> None:
    tservers = await pair(exchange, "alice", "bob")
    await lose_and_regain(exchange, tservers[0])
    arrived = ["AgentLoggedOn bob@dave", "AgentNotReady bob@dave", moved("established").replace("alice", "dave")]
    for tserver in tservers:
        await tserver.hears({"alice": ["AgentLoggedOn alice@alice", "AgentReady alice@alice"], "bob": arrived})
        assert await states(tserver, "alice") == [("alice", True, "agentReady")]
