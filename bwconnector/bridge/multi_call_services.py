"""Services with two calls of one device, or with its second party: consult, alternate, reconnect, transfer, conference."""

from __future__ import annotations

from twisted.logger import Logger

from bwconnector.bridge.basic_services import dial, hold_request, started_call, starts, talk_request
from bwconnector.bridge.calls import CONNECTED, Connection
from bwconnector.bridge.changes import Change, ConnectionId, ListItem
from bwconnector.bridge.connections import about, find_controlled, leg_of
from bwconnector.bridge.intents import Intent
from bwconnector.bridge.naming import connection_id, connection_list
from bwconnector.bridge.outstanding import Proof, Proven
from bwconnector.bridge.refusals import require
from bwconnector.bridge.supervision_services import enter
from bwconnector.bridge.switching import Asker, SwitchingFunction
from bwconnector.csta import messages as csta
from bwconnector.csta.errors import CstaError
from bwconnector.xsi import requests
from bwconnector.xsi.answers import CallStartInfo
from bwconnector.xsi.errors import NoXspAvailable, Refused, XsiFailure

__all__ = [
    "alternate_call",
    "conference_call",
    "consultation_call",
    "reconnect_call",
    "single_step_conference_call",
    "single_step_transfer_call",
    "transfer_call",
]

log = Logger()

ANSWER_TIMEOUT = 60.0
"""Seconds that a device which is to join a conference may ring."""


async def consultation_call(switch: SwitchingFunction, asker: Asker, request: csta.ConsultationCall) -> csta.ConsultationCallResponse:
    service = "ConsultationCall"
    connection = await find_controlled(switch, asker, service, request.existing_call)
    require(service, connection)
    address = _destination(switch, request.consulted_device)
    leg = await leg_of(switch, service, connection)
    device = connection.device
    async with switch.turn(service, device):
        require(service, connection)  # it may have had to wait
        intent = Intent(service, device, (leg,), target=switch.directory.key_of_address(address))
        proof = starts(switch, intent, "consultation")
        proven = await switch.carry_out(service, intent, lambda: _consult(switch, connection, leg, intent, address), proof, connection)
        call_id = started_call(switch, device, proven)
    name = request.existing_call.device_id or asker.name(device)
    return csta.ConsultationCallResponse(initiated_call=csta.ConnectionID(call_id, name))


async def _consult(switch: SwitchingFunction, connection: Connection, leg: str, intent: Intent, address: str) -> CallStartInfo:
    held = connection.state == CONNECTED and switch.policy("P-HOLD") == "explicit"
    if held:
        await switch.xsi.perform(hold_request(connection, leg))
    try:
        return await dial(switch, intent, address)
    except (Refused, NoXspAvailable):
        if held:
            await _undo_hold(switch, connection, leg)
        raise


async def _undo_hold(switch: SwitchingFunction, connection: Connection, leg: str) -> None:
    try:
        await switch.xsi.perform(talk_request(connection, leg))
    except XsiFailure as failure:
        log.warn(
            "{device} stays on hold in call {call}: its consultation failed, and so did the retrieve ({failure})",
            device=connection.device,
            call=connection.call.id,
            failure=str(failure),
        )


# Two calls of one device


async def _pair(
    switch: SwitchingFunction, asker: Asker, service: str, held: csta.ConnectionID, active: csta.ConnectionID, *, controller: bool
) -> tuple[Connection, str, Connection, str]:
    """The held and the active connection of one device with their legs.

    :param controller: whether BroadWorks does this for the controller of a conference
    """
    held_one = await find_controlled(switch, asker, service, held)
    active_one = await find_controlled(switch, asker, service, active)
    if held_one.device != active_one.device:
        raise CstaError("operation", "notSameDevice", f"{service}: {held_one.device} and {active_one.device} are two devices")
    if not controller and held_one.device in (held_one.call.controller, active_one.call.controller):
        raise CstaError("stateIncompatibility", "invalidObjectState", f"{service}: {held_one.device} controls a conference")
    require("heldCall", held_one)
    require("activeCall", active_one)
    return held_one, await leg_of(switch, service, held_one), active_one, await leg_of(switch, service, active_one)


async def alternate_call(switch: SwitchingFunction, asker: Asker, request: csta.AlternateCall) -> csta.AlternateCallResponse:
    service = "AlternateCall"
    held, held_leg, active, active_leg = await _pair(switch, asker, service, request.held_call, request.active_call, controller=True)

    async def swap() -> None:
        try:
            await switch.xsi.perform(talk_request(held, held_leg))  # BroadWorks holds the other call by itself …
        except Refused as refused:
            if refused.status != 403:
                raise
            await switch.xsi.perform(hold_request(active, active_leg))  # … unless this phone's calls cannot be swapped like that
            await switch.xsi.perform(talk_request(held, held_leg))

    intent = Intent(service, held.device, (held_leg, active_leg))
    await switch.carry_out(service, intent, swap, _either(about({"HeldEvent"}, active), about({"RetrievedEvent"}, held)))
    return csta.AlternateCallResponse()


async def reconnect_call(switch: SwitchingFunction, asker: Asker, request: csta.ReconnectCall) -> csta.ReconnectCallResponse:
    service = "ReconnectCall"
    held, held_leg, active, active_leg = await _pair(switch, asker, service, request.held_call, request.active_call, controller=False)

    async def reconnect() -> None:
        if len(switch.table.connections_of(held.device)) == 2:
            await switch.xsi.perform(requests.reconnect(held.device, held_leg))
        else:
            # `reconnect` would release the third call as well
            await switch.xsi.perform(requests.release(active.device, active_leg))
            await switch.xsi.perform(requests.talk(held.device, held_leg))

    intent = Intent(service, held.device, (held_leg, active_leg))
    proof = _either(about({"ConnectionClearedEvent"}, active), about({"RetrievedEvent"}, held))
    await switch.carry_out(service, intent, reconnect, proof)
    return csta.ReconnectCallResponse()


async def transfer_call(switch: SwitchingFunction, asker: Asker, request: csta.TransferCall) -> csta.TransferCallResponse:
    service = "TransferCall"
    held, held_leg, active, active_leg = await _pair(switch, asker, service, request.held_call, request.active_call, controller=False)
    target = next((c.device for c in active.call.others(active.device)), "")
    intent = Intent(service, held.device, (held_leg, active_leg), target=target)
    action = requests.consult_transfer(held.device, held_leg, active_leg)
    change = await _joined(switch, service, intent, action, about({"TransferedEvent"}, held), held)
    name = asker.name
    if change is not None and change.items:
        new = next((item.new for item in change.items if item.new.device == target), change.items[-1].new)
        return csta.TransferCallResponse(transferred_call=connection_id(new, name), connections=connection_list(change.items, name))
    transferred = csta.ConnectionID(active.call.id, name(target) if target else None)
    return csta.TransferCallResponse(transferred_call=transferred, connections=connection_list(_expected(held, active), name))


async def single_step_transfer_call(
    switch: SwitchingFunction, asker: Asker, request: csta.SingleStepTransferCall
) -> csta.SingleStepTransferCallResponse:
    service = "SingleStepTransferCall"
    active = await find_controlled(switch, asker, service, request.active_call)
    require(service, active)
    address = _destination(switch, request.transferred_to)
    leg = await leg_of(switch, service, active)
    intent = Intent(service, active.device, (leg,), target=switch.directory.key_of_address(address))
    action = requests.blind_transfer(active.device, leg, address)
    change = await _joined(switch, service, intent, action, about({"TransferedEvent"}, active), active)
    name = asker.name
    if change is not None and change.items:
        call_id, connections = change.items[0].new.call_id, connection_list(change.items, name)
        return csta.SingleStepTransferCallResponse(
            transferred_call=csta.ConnectionID(call_id, request.transferred_to), connections=connections
        )
    return csta.SingleStepTransferCallResponse(transferred_call=csta.ConnectionID(active.call.id, request.transferred_to))


async def conference_call(switch: SwitchingFunction, asker: Asker, request: csta.ConferenceCall) -> csta.ConferenceCallResponse:
    service = "ConferenceCall"
    held, held_leg, active, active_leg = await _pair(switch, asker, service, request.held_call, request.active_call, controller=True)
    device = held.device
    if device == held.call.controller:
        service, action = "ConferenceCall.add", requests.conference_add(device, active_leg)
    elif device == active.call.controller:
        service, action = "ConferenceCall.add", requests.conference_add(device, held_leg)
    else:
        action = requests.conference(device, (held_leg, active_leg))
    intent = Intent("ConferenceCall", device, (held_leg, active_leg))
    proof = _either(about({"ConferencedEvent"}, held), about({"ConferencedEvent"}, active))
    change = await _joined(switch, service, intent, action, proof)
    name = asker.name
    own = request.held_call.device_id or name(device)
    if change is not None and change.items:
        return csta.ConferenceCallResponse(
            conference_call=csta.ConnectionID(change.items[0].new.call_id, own), connections=connection_list(change.items, name)
        )
    return csta.ConferenceCallResponse(conference_call=csta.ConnectionID(held.call.id, own))


async def single_step_conference_call(
    switch: SwitchingFunction, asker: Asker, request: csta.SingleStepConferenceCall
) -> csta.SingleStepConferenceCallResponse:
    """Call the device, and join the calls when it answers: BroadWorks cannot do it in one step. A silent one enters by itself."""
    service = "SingleStepConferenceCall"
    if switch.policy("P-SSC") == "off":
        raise CstaError("operation", "serviceNotSupported", f"{service} is off (policy P-SSC)")
    active = await find_controlled(switch, asker, service, request.active_call)
    if request.participation_type != "active":
        entered = await enter(switch, asker, service, request.device_to_join, active, request.participation_type, request.extensions)
        return csta.SingleStepConferenceCallResponse(conferenced_call=csta.ConnectionID(entered, request.device_to_join))
    require(service, active)
    address = _destination(switch, request.device_to_join or "")
    leg = await leg_of(switch, service, active)
    device = active.device
    async with switch.turn(service, device):
        consultation = Intent("ConsultationCall", device, (leg,), target=switch.directory.key_of_address(address))
        proven = await switch.carry_out(
            service,
            consultation,
            lambda: _consult(switch, active, leg, consultation, address),
            starts(switch, consultation, "consultation"),
        )
        call_id = started_call(switch, device, proven)
    answered = await switch.outstanding.change(lambda c: c.kind == "EstablishedEvent" and c.subject.call_id == call_id, ANSWER_TIMEOUT)
    joining = answered.call.connections.get(device) if answered is not None else None
    if joining is None or not joining.alive:
        raise CstaError(
            "stateIncompatibility", "invalidDestinationDeviceState", f"{address} did not answer, so it could not join call {active.call.id}"
        )
    joining_leg = await leg_of(switch, service, joining)
    if active.call.controller == device:
        action = requests.conference_add(device, joining_leg)
    else:
        action = requests.conference(device, (leg, joining_leg))
    intent = Intent("ConferenceCall", device, (leg, joining_leg))
    change = await _joined(switch, service, intent, action, about({"ConferencedEvent"}, active))
    conference = change.items[0].new.call_id if change is not None and change.items else active.call.id
    return csta.SingleStepConferenceCallResponse(conferenced_call=csta.ConnectionID(conference, request.device_to_join))


# What they share


async def _joined(
    switch: SwitchingFunction, service: str, intent: Intent, request: requests.Request, proof: Proof, subject: Connection | None = None
) -> Change | None:
    """Have calls joined. The change that tells how they are called from now on; None if it has not come P-JOIN after the answer."""
    proven: Proven[requests.Response] = await switch.carry_out(service, intent, lambda: switch.xsi.perform(request), proof, subject)
    if proven.change is not None:
        return proven.change
    return await switch.outstanding.change(proof, switch.seconds("P-JOIN"))


def _expected(held: Connection, active: Connection) -> list[ListItem]:
    """The connections after a transfer whose event has not come: everybody who stays is in the later call."""
    return [
        ListItem(ConnectionId(active.call.id, one.device), ConnectionId(one.call.id, one.device))
        for part in (held, active)
        for one in part.call.others(part.device)
    ]


def _either(one: Proof, other: Proof) -> Proof:
    return lambda change: one(change) or other(change)


def _destination(switch: SwitchingFunction, name: str) -> str:
    address = switch.directory.dialled(name)
    if not address:
        raise CstaError("operation", "invalidDestination", f"{name!r} cannot be dialled")
    return address
