"""Events, requests and answers about agents and hot desking, as BroadWorks writes them."""

from __future__ import annotations

import pytest

from bwconnector.xsi import requests
from bwconnector.xsi.agents import AgentJoin, AgentState, AgentStateEvent, AgentSubscription, HotelingGuest, QueueMembership
from bwconnector.xsi.answers import read_agent, read_hoteling_guest

from .test_queues import read

INFO = (
    "<xsi:state>Unavailable</xsi:state><xsi:stateTimestamp><xsi:value>1700000000000</xsi:value><xsi:severity>Yellow</xsi:severity>"
    "</xsi:stateTimestamp><xsi:unavailableCode>1007</xsi:unavailableCode><xsi:signInTimestamp>1</xsi:signInTimestamp>"
    "<xsi:totalAvailableTime>277</xsi:totalAvailableTime><xsi:averageWrapUpTime><xsi:value>0</xsi:value></xsi:averageWrapUpTime>"
)
JOIN = (
    "<xsi:joinInfo><xsi:acdUserId>q1@example.net</xsi:acdUserId><xsi:joined/><xsi:skillLevel>2</xsi:skillLevel></xsi:joinInfo>"
    "<xsi:joinInfo><xsi:acdUserId>q2@example.net</xsi:acdUserId></xsi:joinInfo>"
)
JOINS = (QueueMembership("q1@example.net", joined=True, skill_level=2), QueueMembership("q2@example.net"))
AWAY = AgentState("Unavailable", 1700000000000, "1007")
XMLNS = 'xmlns="http://schema.broadsoft.com/xsi"'


def test_the_whole_truth_about_an_agent() -> None:
    data = f"<xsi:joinData><xsi:joinInfos>{JOIN}</xsi:joinInfos></xsi:joinData><xsi:stateInfo>{INFO}</xsi:stateInfo>"
    assert read("AgentSubscriptionEvent", data) == AgentSubscription(AWAY, JOINS)
    assert read("AgentSubscriptionEvent", "<xsi:joinData/>") == AgentSubscription(None, ())


def test_a_state() -> None:
    assert read("AgentStateEvent", f"<xsi:agentStateInfo>{INFO}</xsi:agentStateInfo>") == AgentStateEvent(AWAY)
    wrapping = (
        "<xsi:agentStateInfo><xsi:state>Wrap-Up</xsi:state><xsi:wrapUpCallId>callhalf-1:0</xsi:wrapUpCallId>"
        "<xsi:wrapUpCallCenterUserId>q1@example.net</xsi:wrapUpCallCenterUserId></xsi:agentStateInfo>"
    )
    assert read("AgentStateEvent", wrapping) == AgentStateEvent(
        AgentState("Wrap-Up", wrap_up_call_id="callhalf-1:0", wrap_up_queue="q1@example.net")
    )
    assert read("AgentStateEvent", "") == AgentStateEvent(AgentState())


def test_joins() -> None:
    assert read("ACDAgentJoinUpdateEvent", f"<xsi:ccAgentJoinUpdateData>{JOIN}</xsi:ccAgentJoinUpdateData>") == AgentJoin(JOINS)
    assert read("ACDAgentJoinUpdateEvent", "") == AgentJoin(())


GUEST = "<{0}active>true</{0}active><{0}associationLimitHours>12</{0}associationLimitHours><{0}hostUserId>h@example.net</{0}hostUserId>"
CONTENT = (("active", "true"), ("associationLimitHours", "12"), ("hostUserId", "h@example.net"))


def test_a_guest() -> None:
    event = read("HotelingGuestEvent", f"<xsi:info>{GUEST.format('xsi:')}</xsi:info>")
    assert event == HotelingGuest(True, "h@example.net", CONTENT)
    assert isinstance(event, HotelingGuest) and event.associated
    assert read("HotelingGuestEvent", "<xsi:unassigned/>") == HotelingGuest()
    assert read_hoteling_guest(f"<HotelingGuest {XMLNS}>{GUEST.format('')}</HotelingGuest>".encode()) == event


def test_a_guest_in_other_words_is_changed_in_the_same_words() -> None:
    event = read(
        "HotelingGuestEvent", "<xsi:info><xsi:hostSubscriberId>h</xsi:hostSubscriberId><xsi:isActive>true</xsi:isActive></xsi:info>"
    )
    assert isinstance(event, HotelingGuest) and event.associated
    assert event.changed("") == (("hostSubscriberId", ""), ("isActive", "false"))


def test_a_change_of_a_guest_sends_everything_else_as_it_was() -> None:
    assert HotelingGuest(True, "h", CONTENT).changed("i") == (("active", "true"), ("associationLimitHours", "12"), ("hostUserId", "i"))
    nobody = HotelingGuest(False, "", CONTENT[:2])
    assert nobody.changed("i") == (("active", "true"), ("associationLimitHours", "12"), ("hostUserId", "i"))
    assert HotelingGuest().changed("") == (("active", "false"), ("hostUserId", ""))


@pytest.mark.parametrize(
    ("body", "agent"),
    [
        (
            "<agentACDState>Unavailable</agentACDState><agentUnavailableCode>7</agentUnavailableCode><guardTimerSeconds>5</guardTimerSeconds>"
            "<callCenterList><callCenterDetails><serviceUserId>q1</serviceUserId><available>true</available></callCenterDetails>"
            "<callCenterDetails><serviceUserId>q2</serviceUserId><available>false</available></callCenterDetails></callCenterList>",
            AgentSubscription(
                AgentState("Unavailable", unavailable_code="7"), (QueueMembership("q1", joined=True), QueueMembership("q2", joined=False))
            ),
        ),
        ("<agentACDState>Sign-Out</agentACDState>", AgentSubscription(AgentState("Sign-Out"))),
        ("", AgentSubscription(None)),
    ],
)
def test_what_broadworks_answers_of_an_agent(body: str, agent: AgentSubscription) -> None:
    assert read_agent(f"<CallCenter {XMLNS}>{body}</CallCenter>".encode()) == agent


@pytest.mark.parametrize(
    ("request_", "method", "path", "content"),
    [
        (requests.agent("a@x"), "GET", "user/a@x/services/CallCenter", None),
        (
            requests.set_agent_state("a@x", "Unavailable", "7"),
            "PUT",
            "user/a@x/services/CallCenter",
            "<agentACDState>Unavailable</agentACDState><agentUnavailableCode>7</agentUnavailableCode>",
        ),
        (requests.set_agent_state("a@x", "Sign-In"), "PUT", "user/a@x/services/CallCenter", "<agentACDState>Sign-In</agentACDState>"),
        (
            requests.join_queue("a@x", "q@x", False),
            "PUT",
            "user/a@x/services/CallCenter",
            "<callCenterList><callCenterDetails><serviceUserId>q@x</serviceUserId><available>false</available></callCenterDetails></callCenterList>",
        ),
        (requests.hoteling_guest("a@x"), "GET", "user/a@x/services/HotelingGuest", None),
        (
            requests.set_hoteling_guest("a@x", (("active", "true"), ("hostUserId", "h<"))),
            "PUT",
            "user/a@x/services/HotelingGuest",
            "<active>true</active><hostUserId>h&lt;</hostUserId>",
        ),
    ],
)
def test_requests(request_: requests.Request, method: str, path: str, content: str | None) -> None:
    assert (request_.method, request_.path, request_.safe) == (method, path, True)
    root = path.rpartition("/")[2]
    if content is None:
        assert request_.body is None
    else:
        assert request_.body == f'<?xml version="1.0" encoding="UTF-8"?><{root} {XMLNS}>{content}</{root}>'.encode()
