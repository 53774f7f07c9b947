"""GetAgentState and SetAgentState, hot desking, and Escape: what BroadWorks is asked, what is answered, and in which order."""

from __future__ import annotations

import re
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from bwconnector.bridge.hoteling import ARRIVAL
from bwconnector.bridge.switching import Options
from bwconnector.csta import messages as csta
from bwconnector.xsi.agents import AgentState, AgentStateEvent, AgentSubscription, HotelingGuest, QueueMembership
from bwconnector.xsi.errors import NoXspAvailable, OutcomeUnknown, Refused
from bwconnector.xsi.requests import Request, Response

from .office import Office, user

AGENT = "services/CallCenter"
FORWARDING = "services/CallForwardingAlways"
GUEST = "services/HotelingGuest"
REQUESTED = {"loggedOn": "Sign-In", "ready": "Available", "notReady": "Unavailable", "workingAfterCall": "Wrap-Up", "loggedOff": "Sign-Out"}
OBJECT_STATE = "stateIncompatibility invalidObjectState"
LIMIT = ("associationLimitHours", "12")


class Desk(Office):
    """An office whose BroadWorks keeps the bodies of requests: ``written`` has them in short."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.written: list[str] = []
        perform = self.bw.perform

        async def keep(request: Request) -> Response:
            if request.method == "PUT":
                values = re.findall(r">([^<>]+)<", (request.body or b"").decode())
                self.written.append(" ".join([request.path.removeprefix("user/").replace("@example.net", ""), *values]))
            return await perform(request)

        self.bw.perform = keep  # type: ignore[method-assign]

    def agent(self, name: str, state: str = "", **queues: bool) -> None:
        """Monitor a user; the state is what BroadWorks tells first, none for a user who is no agent."""
        self.monitor(name)
        joins = tuple(QueueMembership(user(queue), joined) for queue, joined in queues.items())
        self.tell(name, AgentSubscription(AgentState(state, 1) if state else None, joins))

    def guest(self, name: str, host: str = "") -> None:
        """BroadWorks tells of the Hoteling Guest service of a user."""
        content = (("active", str(bool(host)).lower()), LIMIT, ("hostUserId", user(host) if host else ""))
        self.tell(name, HotelingGuest(bool(host), user(host) if host else "", content))

    def state(self, name: str, state: str, code: str = "") -> None:
        self.tell(name, AgentStateEvent(AgentState(state, 1, code)))

    def tell(self, name: str, event: Any) -> None:
        self.switch.agents.apply(user(name), event)
        assert not self.failures

    def since(self, mark: int) -> list[str]:
        """Names of what was sent on the link after ``mark`` messages."""
        return [message if isinstance(message, str) else type(message).__name__ for message in self.link.messages[mark:]]

    def entries(self, device: str, **more: Any) -> list[tuple[str | None, bool, str]]:
        answer = self.answer(csta.GetAgentState(device=device, **more))
        return [(each.agent_id, each.logged_on_state, each.agent_info[0].agent_state) for each in answer.agent_state_list]


def set_state(device: str, wanted: str, agent: str | None = None, **more: Any) -> csta.SetAgentState:
    return csta.SetAgentState(device=device, requested_agent_state=wanted, agent_id=agent, **more)


def hotel(guest: str = "bob", host: str | None = "alice", **more: str) -> csta.Escape:
    data = {"guestAssociatedExtension": "", "guestDevice": guest} | ({"hostDevice": host} if host else {}) | more
    return csta.Escape(private_data=data)


# GetAgentState


@pytest.mark.parametrize(
    ("state", "csta_state"),
    [
        ("Sign-In", "agentNotReady"),
        ("Available", "agentReady"),
        ("Unavailable", "agentNotReady"),
        ("Wrap-Up", "agentWorkingAfterCall"),
        ("Sign-Out", "agentNull"),
    ],
)
@pytest.mark.parametrize("monitored", [True, False])
def test_get_agent_state(state: str, csta_state: str, monitored: bool) -> None:
    desk = Desk()
    if monitored:
        desk.agent("alice", state)
    else:
        desk.bw.answers(f"GET user/alice/{AGENT}", f"<CallCenter><agentACDState>{state}</agentACDState></CallCenter>".encode())
    assert desk.entries("alice") == [("alice", state != "Sign-Out", csta_state)]


def test_get_agent_state_calls_the_agent_as_its_monitor_does() -> None:
    desk = Desk()
    desk.monitor("1001")
    desk.tell("alice", AgentSubscription(AgentState("Available")))
    assert desk.entries("alice") == [("1001", True, "agentReady")]


def test_get_agent_state_of_whoever_is_no_agent() -> None:
    desk = Desk(kinds={"q1": "callcenter"})
    desk.agent("alice")
    desk.bw.refuses(f"GET user/bob/{AGENT}")
    assert (desk.entries("alice"), desk.entries("bob"), desk.entries("q1")) == ([], [], [])
    assert desk.error(csta.GetAgentState(device="nobody")) == "operation invalidDeviceID"


@pytest.mark.parametrize(
    ("failure", "error"),
    [(Refused(500), "systemResourceAvailibility generic"), (NoXspAvailable("none"), "systemResourceAvailibility networkOutOfService")],
)
def test_get_agent_state_that_broadworks_does_not_answer(failure: Exception, error: str) -> None:
    desk = Desk()
    desk.bw.answers(f"GET user/alice/{AGENT}", failure)
    assert desk.error(csta.GetAgentState(device="alice")) == error


def test_get_agent_state_in_one_group() -> None:
    desk = Desk(kinds={"q1": "callcenter", "q2": "callcenter", "q3": "callcenter"})
    desk.agent("alice", "Available", **{"q1": True, "q2@example.net": False})
    assert desk.entries("alice", acd_group="q1") == [("alice", True, "agentReady")]
    assert desk.entries("alice", acd_group="q2") == [("alice", True, "agentNull")]
    assert desk.error(csta.GetAgentState(device="alice", acd_group="q3")) == "operation invalidAgentGroup"


def test_get_agent_state_of_a_host_names_its_guest() -> None:
    desk = Desk()
    desk.agent("alice", "Sign-Out")
    desk.agent("bob", "Available")
    desk.guest("bob", "alice")
    assert desk.entries("alice") == [("alice", False, "agentNull"), ("bob", True, "agentReady")]


# SetAgentState


@pytest.mark.parametrize("wanted", REQUESTED)
@pytest.mark.parametrize("before", ["Sign-Out", "Available", "Unavailable"])
def test_set_agent_state_any_to_any(wanted: str, before: str) -> None:
    desk = Desk()
    desk.agent("alice", before)
    assert desk.answer(set_state("alice", wanted)) == csta.SetAgentStateResponse()
    assert desk.written == [f"alice/{AGENT} {REQUESTED[wanted]}"]
    assert "9999" not in [invoke_id for invoke_id, _, _ in desk.link.sent]  # events come from BroadWorks' events alone


def test_set_agent_state_is_answered_before_the_events_that_it_causes() -> None:
    desk = Desk()
    desk.agent("alice", "Sign-Out")
    desk.bw.answers(f"PUT user/alice/{AGENT}", Deferred())
    mark = len(desk.link.sent)
    desk.ask(set_state("alice", "ready"))
    assert desk.since(mark) == []
    desk.state("alice", "Available")
    assert desk.since(mark) == ["SetAgentStateResponse", "AgentLoggedOnEvent", "AgentReadyEvent"]


def test_set_agent_state_is_not_proved_by_another_state() -> None:
    desk = Desk()
    desk.agent("alice", "Sign-Out")
    desk.agent("bob", "Sign-Out")
    desk.bw.answers(f"PUT user/alice/{AGENT}", Deferred())
    invoke_id = desk.ask(set_state("alice", "ready"))
    desk.state("alice", "Unavailable")
    desk.state("bob", "Available")
    assert desk.waits(invoke_id)
    desk.state("alice", "Available")
    assert not desk.waits(invoke_id)


@pytest.mark.parametrize("key", ["UnavailableCode", "ReasonCode"])
def test_set_agent_state_with_an_unavailable_code(key: str) -> None:
    desk = Desk()
    desk.agent("alice", "Available")
    desk.answer(set_state("alice", "notReady", extensions={key: "1007"}))
    desk.answer(set_state("alice", "ready", extensions={key: "1007"}))
    assert desk.written == [f"alice/{AGENT} Unavailable 1007", f"alice/{AGENT} Available"]
    desk.bw.refuses(f"PUT user/alice/{AGENT}")
    assert desk.error(set_state("alice", "notReady", extensions={key: "9"})) == "operation invalidParameterValue"


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (Refused(403), "operation requestIncompatibleWithDevice"),
        (Refused(400), "operation invalidParameterValue"),
        (Refused(404), "operation invalidDeviceID"),
        (OutcomeUnknown("time-out"), "systemResourceAvailibility networkBusy"),
    ],
)
def test_set_agent_state_that_is_refused(failure: Exception, error: str) -> None:
    desk = Desk()
    desk.bw.answers(f"PUT user/alice/{AGENT}", failure)
    assert desk.error(set_state("alice", "ready")) == error
    assert desk.error(set_state("nobody", "ready")) == "operation invalidDeviceID"
    assert desk.error(set_state("alice", "ready", "nobody")) == "operation invalidAgentIdentifier"


def test_p_joinreq_refuse() -> None:
    desk = Desk()
    desk.agent("alice", "Available", q1=True)
    assert desk.error(set_state("alice", "loggedOff", group="q1")) == "operation agentGroupNotSupported"
    assert desk.written == []


@pytest.mark.parametrize(("wanted", "available"), [("loggedOn", "true"), ("loggedOff", "false")])
def test_p_joinreq_perform(wanted: str, available: str) -> None:
    desk = Desk(kinds={"q1": "callcenter"}, P_JOINREQ="perform")
    desk.agent("alice", "Available", q1=True)
    assert desk.answer(set_state("alice", wanted, group="q1")) == csta.SetAgentStateResponse()
    assert desk.written == [f"alice/{AGENT} q1@example.net {available}"]
    assert desk.error(set_state("alice", "ready", group="q1")) == "operation invalidAgentState"
    desk.bw.refuses(f"PUT user/alice/{AGENT}")
    assert desk.error(set_state("alice", wanted, group="q1")) == "operation requestIncompatibleWithDevice"


def test_a_link_that_may_control_only_what_it_monitors() -> None:
    desk = Desk(options=Options(status_on_connect=False, monitored_only=True))
    refused = "operation privilegeViolationSpecifiedDevice"
    assert desk.error(set_state("alice", "ready")) == refused
    assert desk.error(hotel()) == refused
    desk.monitor("alice")
    assert desk.answer(set_state("alice", "ready")) == csta.SetAgentStateResponse()


# Hot desking

STARTING = [f"alice/{FORWARDING} true 1002", f"bob/{GUEST} true 12 alice@example.net"]
ENDING = [f"bob/{AGENT} Sign-Out", f"alice/{FORWARDING} false 1002", f"bob/{GUEST} false 12"]


def site(host_state: str = "", guest_at: str = "", **options: Any) -> Desk:
    """Alice's phone and bob, an agent with the Hoteling Guest service."""
    desk = Desk(**options)
    desk.agent("alice", host_state)
    desk.agent("bob", "Sign-Out")
    desk.guest("bob", guest_at)
    return desk


LOG_ON = [set_state("alice", "loggedOn", "bob"), hotel(), hotel(associate="true")]
LOG_OFF = [
    set_state("alice", "loggedOff", "bob"),
    set_state("alice", "loggedOff"),
    hotel(associate="false"),
    hotel(host=None, associate="0"),
]


@pytest.mark.parametrize("request_", LOG_ON)
def test_20_start(request_: csta.Message) -> None:
    desk = site(host_state="Available")
    mark = len(desk.link.sent)
    assert isinstance(desk.answer(request_), (csta.SetAgentStateResponse, csta.EscapeResponse))
    assert desk.written == [f"alice/{AGENT} Sign-Out", *STARTING]
    desk.guest("bob", "alice")  # only now, whatever was asked for
    assert desk.written[3:] == [f"bob/{AGENT} Unavailable"]
    desk.state("bob", "Unavailable")
    heard = ["AgentLoggedOnEvent"] * 2 + ["AgentNotReadyEvent"] * 2 + ["PrivateEvent"] * 2
    assert desk.since(mark)[1:] == heard
    assert not desk.clock.getDelayedCalls()


def test_20_start_where_nobody_is_signed_in() -> None:
    desk = site(host_state="Sign-Out")
    desk.answer(hotel())
    assert desk.written == STARTING


def test_20_start_is_answered_before_its_events() -> None:
    desk = site()
    desk.bw.answers(f"PUT user/bob/{GUEST}", Deferred())
    mark = len(desk.link.sent)
    desk.ask(hotel())
    assert desk.since(mark) == []
    desk.guest("bob", "alice")
    assert desk.since(mark)[:2] == ["EscapeResponse", "AgentLoggedOnEvent"]
    assert desk.written[2:] == [f"bob/{AGENT} Unavailable"]


def test_20_start_whose_event_stays_out() -> None:
    desk = site()
    desk.answer(hotel())
    desk.clock.advance(ARRIVAL)
    assert desk.written[2:] == [f"bob/{AGENT} Unavailable"]


def test_20_start_of_a_guest_that_nobody_monitors() -> None:
    desk = Desk()
    desk.bw.refuses(f"GET user/alice/{AGENT}")
    desk.bw.answers(f"GET user/bob/{GUEST}", b"<HotelingGuest><active>false</active><hours>12</hours></HotelingGuest>")
    desk.answer(hotel())
    assert desk.written == [
        f"alice/{FORWARDING} true 1002",
        f"bob/{GUEST} true 12 alice@example.net",
        f"bob/{AGENT} Unavailable",
    ]


def unknown_guest() -> Desk:
    """Alice's phone is monitored, and bob is not."""
    desk = Desk()
    desk.agent("alice")
    desk.bw.answers(f"GET user/bob/{GUEST}", b"<HotelingGuest><active>false</active></HotelingGuest>")
    return desk


def test_20_a_guest_that_nobody_monitors_is_told_at_its_host() -> None:
    desk = unknown_guest()
    desk.answer(hotel())
    assert user("bob") in desk.subscriptions.targets
    mark = len(desk.link.sent)
    desk.guest("bob", "alice")
    desk.state("bob", "Unavailable")
    desk.state("bob", "Available")
    assert desk.since(mark) == ["AgentLoggedOnEvent", "AgentNotReadyEvent", "PrivateEvent", "AgentReadyEvent"]
    desk.guest("bob")
    assert desk.since(mark)[4:] == ["AgentLoggedOffEvent", "PrivateEvent"]
    desk.clock.advance(0)
    assert list(desk.subscriptions.targets) == [user("alice")]


def test_20_a_guest_is_let_go_with_the_last_monitor_on_its_host() -> None:
    desk = unknown_guest()
    desk.answer(hotel())
    desk.guest("bob", "alice")
    desk.answer(csta.MonitorStop(monitor_cross_ref_id=desk.monitor("bob")))
    assert user("bob") in desk.subscriptions.targets  # its host needs it
    desk.session.closed("connection lost")
    assert desk.subscriptions.targets == {}


@pytest.mark.parametrize("refused", [True, False])
def test_20_a_guest_that_does_not_arrive_is_let_go(refused: bool) -> None:
    desk = unknown_guest()
    if refused:
        desk.bw.refuses(f"PUT user/bob/{GUEST}")
    desk.ask(hotel())
    desk.clock.advance(ARRIVAL)
    assert list(desk.subscriptions.targets) == [user("alice")]


def test_20_a_guest_that_cannot_be_subscribed_to() -> None:
    desk = unknown_guest()
    desk.subscriptions.outcome = Refused(403)
    assert desk.error(hotel()) == OBJECT_STATE
    assert desk.written == []


def test_20_a_guest_that_goes_on_at_once_is_left_alone() -> None:
    desk = site()
    desk.answer(hotel())
    desk.guest("bob", "carol")
    desk.clock.advance(ARRIVAL)
    assert f"bob/{AGENT} Unavailable" not in desk.written


@pytest.mark.parametrize("request_", LOG_OFF)
def test_20_end(request_: csta.Message) -> None:
    desk = site(guest_at="alice")
    mark = len(desk.link.sent)
    assert isinstance(desk.answer(request_), (csta.SetAgentStateResponse, csta.EscapeResponse))
    assert desk.written == ENDING
    desk.state("bob", "Sign-Out")
    desk.guest("bob")
    assert desk.since(mark)[1:] == ["AgentLoggedOffEvent", "AgentLoggedOffEvent", "PrivateEvent", "PrivateEvent"]


def test_20_end_of_a_guest_that_is_no_agent() -> None:
    desk = Desk()
    desk.agent("bob")
    desk.guest("bob", "alice")
    desk.answer(hotel(associate="false"))
    assert desk.written == ENDING[1:]


@pytest.mark.parametrize(
    ("failing", "failure", "error", "undone"),
    [
        (f"PUT user/alice/{AGENT}", Refused(403), "operation requestIncompatibleWithDevice", []),
        (f"PUT user/alice/{FORWARDING}", Refused(403), "operation invalidFeature", []),
        (f"PUT user/alice/{FORWARDING}", Refused(400), "operation invalidForwardingDestination", []),
        (f"PUT user/bob/{GUEST}", Refused(403), OBJECT_STATE, [f"alice/{FORWARDING} false"]),
        (
            f"PUT user/bob/{GUEST}",
            OutcomeUnknown("time-out"),
            "systemResourceAvailibility networkBusy",
            [f"bob/{GUEST} false 12", f"alice/{FORWARDING} false"],
        ),
    ],
)
@pytest.mark.parametrize("request_", LOG_ON[:2])
def test_20_start_that_fails_is_undone(failing: str, failure: Exception, error: str, undone: list[str], request_: csta.Message) -> None:
    desk = site(host_state="Available")
    desk.bw.answers(failing, failure, Response(200))
    assert desk.error(request_) == error
    steps = [f"alice/{AGENT} Sign-Out", *STARTING]
    count = 1 + next(n for n, step in enumerate(steps) if step.startswith(failing.removeprefix("PUT user/")))
    assert desk.written == [*steps[:count], *undone]
    assert isinstance(desk.answer(hotel()), csta.EscapeResponse)  # nothing is left of it


def test_20_end_that_fails_is_undone() -> None:
    desk = site(guest_at="alice")
    desk.bw.answers(f"PUT user/bob/{GUEST}", Refused(403))
    assert desk.error(hotel(associate="false")) == OBJECT_STATE
    assert desk.written == [*ENDING, f"alice/{FORWARDING} true 1002"]


def test_20_what_cannot_be_undone_does_not_change_the_answer() -> None:
    desk = site()
    desk.bw.answers(f"PUT user/alice/{FORWARDING}", Response(200), Refused(500))
    desk.bw.answers(f"PUT user/bob/{GUEST}", Refused(403))
    assert desk.error(hotel()) == OBJECT_STATE
    assert desk.written == [*STARTING, f"alice/{FORWARDING} false"]


def test_20_start_while_associated_end_while_not() -> None:
    desk = site(guest_at="alice")
    assert desk.error(hotel()) == OBJECT_STATE
    assert desk.error(hotel(host="carol")) == OBJECT_STATE
    assert desk.error(set_state("carol", "loggedOn", "bob")) == OBJECT_STATE
    assert desk.error(set_state("carol", "ready", "bob")) == OBJECT_STATE
    assert desk.error(hotel(host="carol", associate="false")) == OBJECT_STATE
    assert desk.written == []
    desk.guest("bob")
    assert desk.error(hotel(associate="false")) == OBJECT_STATE
    assert desk.error(set_state("alice", "loggedOff", "bob")) == OBJECT_STATE
    assert desk.written == []


def test_20_a_phone_has_one_guest() -> None:
    desk = site(guest_at="alice")
    desk.agent("carol", "Sign-Out")
    desk.guest("carol")
    assert desk.error(hotel(guest="carol")) == OBJECT_STATE


def test_20_two_requests_at_once() -> None:
    desk = site()
    waiting: Deferred[Response] = Deferred()
    desk.bw.answers(f"PUT user/alice/{FORWARDING}", waiting)
    desk.ask(hotel())
    assert desk.error(hotel()) == OBJECT_STATE
    assert desk.error(hotel(associate="false")) == OBJECT_STATE
    assert desk.error(hotel(guest="carol")) == OBJECT_STATE  # at the same phone
    waiting.callback(Response(200))
    assert desk.written == STARTING
    assert desk.switch.agents.moving == set()


@pytest.mark.parametrize("agent", ["bob", None])
def test_20_the_state_of_a_guest_is_set_at_its_host(agent: str | None) -> None:
    desk = site(guest_at="alice")
    desk.answer(set_state("alice", "ready", agent))
    assert desk.written == [f"bob/{AGENT} Available"]
    desk.answer(set_state("alice", "loggedOn", agent))
    assert desk.written[1:] == [f"bob/{AGENT} Sign-In"]


def test_a_guest_whose_service_cannot_be_read() -> None:
    desk = Desk()
    desk.bw.refuses(f"GET user/bob/{GUEST}")
    assert desk.error(hotel()) == OBJECT_STATE
    assert desk.written == []


def test_a_guest_is_monitored_like_anybody_else() -> None:
    desk = Desk()
    desk.bw.refuses(f"GET user/alice/{AGENT}")
    desk.monitor("1002")
    desk.guest("bob")
    mark = len(desk.link.sent)
    desk.guest("bob", "alice")
    assert desk.since(mark) == ["AgentLoggedOnEvent", "AgentNotReadyEvent", "PrivateEvent"]
    desk.tell("bob", AgentSubscription(AgentState("Sign-Out")))
    assert desk.entries("1002") == [("1002", True, "agentNotReady")]
    assert desk.entries("alice")[-1] == ("1002", True, "agentNotReady")


# Escape


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"somethingElse": "1"},
        {"guestAssociatedExtension": ""},
        {"guestAssociatedExtension": "", "guestDevice": "bob"},
        {"guestAssociatedExtension": "", "guestDevice": "bob", "hostDevice": "bob"},
        {"guestAssociatedExtension": "", "guestDevice": "bob", "hostDevice": "alice", "associate": "maybe"},
    ],
)
def test_private_data_that_are_not_understood(data: dict[str, str] | None) -> None:
    desk = site()
    assert desk.error(csta.Escape(private_data=data)) == "privateData cSTAPrivateDataInfoError"
    assert desk.written == []


def test_private_data_that_name_nobody() -> None:
    assert site().error(hotel(guest="nobody")) == "operation invalidDeviceID"
