"""Agents' services (ECMA-269 §22): their states asked for and set. The events come from what BroadWorks tells, never from the request."""

from __future__ import annotations

from collections.abc import Mapping

from bwconnector.bridge.agents import AVAILABLE, CODE, CSTA_STATES, LOGGED_ON, SIGNED_IN, SIGNED_OUT, UNAVAILABLE, WRAP_UP
from bwconnector.bridge.changes import Change
from bwconnector.bridge.devices import USER, Device
from bwconnector.bridge.hoteling import associate, association, dissociate
from bwconnector.bridge.refusals import INVALID_AGENT, STATE, refusal
from bwconnector.bridge.switching import Asker, SwitchingFunction
from bwconnector.csta import messages as csta
from bwconnector.csta.errors import CstaError
from bwconnector.xsi import requests
from bwconnector.xsi.answers import read_agent
from bwconnector.xsi.errors import Refused, XsiFailure

__all__ = ["REQUESTED", "get_agent_state", "set_agent_state"]

REQUESTED: Mapping[str, str] = {
    "loggedOn": SIGNED_IN,
    "loggedOff": SIGNED_OUT,
    "notReady": UNAVAILABLE,
    "ready": AVAILABLE,
    "workingAfterCall": WRAP_UP,
}
"""What T-Servers ask for, to BroadWorks' states. Any state may follow any other."""

_CODES = (CODE, "ReasonCode")
"""Private data of SetAgentState that hold an unavailable code."""

_MEMBERSHIPS: Mapping[str, bool] = {"loggedOn": True, "loggedOff": False}
"""What can be asked for in one queue: to have joined it or not."""


async def get_agent_state(switch: SwitchingFunction, asker: Asker, request: csta.GetAgentState) -> csta.GetAgentStateResponse:
    """The agent at a device: its user, and whoever is a guest there. The list is empty where there is none."""
    service = "GetAgentState"
    device = await switch.watched(asker, service, request.device)
    group = (await switch.device(service, request.acd_group)).key if request.acd_group else ""
    agents = [device.key, switch.agents.guest_at(device.key)] if device.kind == USER else []
    entries = []
    for agent in filter(None, agents):
        told, state, queues = await _known(switch, service, agent)
        if not told:
            continue
        if group and group not in queues:
            raise CstaError("operation", "invalidAgentGroup", f"{service}: {agent} is not assigned to {request.acd_group}")
        info = csta.AgentInfo(acd_group=request.acd_group, agent_state=state if not group or queues[group] else CSTA_STATES[SIGNED_OUT][0])
        entries.append(csta.AgentStateEntry(agent_id=asker.name(agent), logged_on_state=told != SIGNED_OUT, agent_info=(info,)))
    return csta.GetAgentStateResponse(agent_state_list=tuple(entries))


async def _known(switch: SwitchingFunction, service: str, agent: str) -> tuple[str, str, Mapping[str, bool]]:
    """BroadWorks' state, CSTA's state, and queues of an agent; the states are empty for a user who is none."""
    record = switch.agents.record(agent)
    if record is not None and record.seeded:
        told = record.told if record.actual is not None or record.logged_on else ""
        return told, record.state if told else "", record.queues
    try:
        asked = read_agent((await switch.xsi.perform(requests.agent(agent))).body)
    except Refused as refused:
        if refused.status not in (403, 404):
            raise refusal(service, refused) from refused
        return "", "", {}
    except XsiFailure as failure:
        raise refusal(service, failure) from failure
    told = asked.state.state if asked.state is not None and asked.state.state in CSTA_STATES else ""
    queues = {switch.directory.full(each.queue): each.joined for each in asked.joins}
    return told, CSTA_STATES[told][0] if told else "", queues


async def set_agent_state(switch: SwitchingFunction, asker: Asker, request: csta.SetAgentState) -> csta.SetAgentStateResponse:
    service = "SetAgentState"
    device = await switch.device(service, request.device)
    agent = await _agent(switch, request, device)
    switch.permit(asker, service, device.key, agent)
    switch.permit_each(asker, service, device.key, agent)
    wanted = request.requested_agent_state
    code = next((value for key in _CODES if (value := (request.extensions or {}).get(key))), "") if wanted == "notReady" else ""
    if request.group is not None:
        await _join(switch, agent, request.group, wanted)
    elif agent == device.key:
        await _set(switch, agent, wanted, code)
    else:
        await _set_guest(switch, agent, device.key, wanted, code)
    return csta.SetAgentStateResponse()


async def _set_guest(switch: SwitchingFunction, guest: str, host: str, wanted: str, code: str) -> None:
    """At somebody else's phone to log on is to become a guest there, and to log off is to leave it."""
    service = "SetAgentState"
    place = (await association(switch, guest)).host
    if wanted == "loggedOff":
        await dissociate(switch, service, guest, host)
    elif wanted == "loggedOn" and place != host:
        await associate(switch, service, guest, host)
    elif place != host:
        raise CstaError(STATE, "invalidObjectState", f"{service}: {guest} is not a guest at {host}")
    else:
        await _set(switch, guest, wanted, code)


async def _agent(switch: SwitchingFunction, request: csta.SetAgentState, device: Device) -> str:
    """Whose state it is: that of the agent named, else of the guest at the device, else of the device's own user."""
    if not request.agent_id:
        return switch.agents.guest_at(device.key) or device.key
    try:
        return (await switch.device("SetAgentState", request.agent_id)).key
    except CstaError as error:
        if error.value != "invalidDeviceID":
            raise
        raise CstaError(*INVALID_AGENT, detail=f"SetAgentState: BroadWorks knows no agent {request.agent_id}") from error


async def _set(switch: SwitchingFunction, agent: str, wanted: str, code: str) -> None:
    kinds = {CSTA_STATES[REQUESTED[wanted]][1]} | ({LOGGED_ON} if wanted == "loggedOn" else set())

    def proof(change: Change) -> bool:
        return change.kind in kinds and change.subject.device == agent

    try:
        await switch.outstanding.proven(switch.xsi.perform(requests.set_agent_state(agent, REQUESTED[wanted], code)), proof)
    except XsiFailure as failure:
        record = switch.agents.record(agent)
        if isinstance(failure, Refused) and failure.status == 403 and code and record is not None and record.actual is not None:
            raise CstaError("operation", "invalidParameterValue", f"SetAgentState: unavailable code {code}: {failure}") from failure
        raise refusal("SetAgentState", failure) from failure


async def _join(switch: SwitchingFunction, agent: str, group: str, wanted: str) -> None:
    """Join or leave one queue, where a site permits that (P-JOINREQ)."""
    if switch.policy("P-JOINREQ") == "refuse":
        raise CstaError("operation", "agentGroupNotSupported", "SetAgentState: queues are assigned in BroadWorks (policy P-JOINREQ)")
    joined = _MEMBERSHIPS.get(wanted)
    if joined is None:
        raise CstaError("operation", "invalidAgentState", f"SetAgentState: {wanted} cannot be set for one queue alone")
    queue = (await switch.device("SetAgentState", group)).key
    try:
        await switch.xsi.perform(requests.join_queue(agent, queue, joined))
    except XsiFailure as failure:
        raise refusal("SetAgentState", failure) from failure
