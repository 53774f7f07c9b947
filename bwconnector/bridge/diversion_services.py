"""Services that take a call elsewhere: deflect, pick up, park."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from bwconnector.bridge.changes import Change
from bwconnector.bridge.connections import about, find_connection, find_controlled, leg_of, waits
from bwconnector.bridge.intents import Intent
from bwconnector.bridge.outstanding import Proof
from bwconnector.bridge.refusals import require
from bwconnector.bridge.switching import Asker, SwitchingFunction
from bwconnector.csta import messages as csta
from bwconnector.csta.errors import CstaError
from bwconnector.xsi import requests

__all__ = ["deflect_call", "directed_pickup_call", "group_pickup_call", "park_call"]


async def deflect_call(switch: SwitchingFunction, asker: Asker, request: csta.DeflectCall) -> csta.DeflectCallResponse:
    service = "DeflectCall"
    connection = await find_controlled(switch, asker, service, request.call_to_be_diverted)
    require(service, connection)
    if len(request.new_destination) != 1:
        raise CstaError("operation", "parameterNotSupported", "BroadWorks deflects a call to exactly one destination")
    address = switch.directory.dialled(request.new_destination[0])
    if not address:
        raise CstaError("operation", "invalidDestination", f"{request.new_destination[0]!r} cannot be dialled")
    leg = await leg_of(switch, service, connection)
    # Xsi has no verb of its own for this: a blind transfer of an alerting call deflects it.
    if waits(connection):
        action = requests.transfer_waiting(switch.directory.queue_kind(connection.device), connection.device, leg, address)
    else:
        action = requests.blind_transfer(connection.device, leg, address)
    intent = Intent(service, connection.device, (leg,), target=switch.directory.key_of_address(address))
    proof = about({"DivertedEvent"}, connection)
    await switch.carry_out(service, intent, lambda: switch.xsi.perform(action), proof, connection)
    return csta.DeflectCallResponse()


async def group_pickup_call(switch: SwitchingFunction, asker: Asker, request: csta.GroupPickupCall) -> csta.GroupPickupCallResponse:
    service = "GroupPickupCall"
    picker = await switch.controlled(asker, service, request.new_destination)
    action = requests.pickup(picker.key)
    picked = await _pick_up(switch, Intent(service, picker.key), action, _picked(picker.key))
    return csta.GroupPickupCallResponse(picked_call=csta.ConnectionID(picked, request.new_destination) if picked else None)


async def directed_pickup_call(
    switch: SwitchingFunction, asker: Asker, request: csta.DirectedPickupCall
) -> csta.DirectedPickupCallResponse:
    service = "DirectedPickupCall"
    connection = await find_connection(switch, asker, service, request.call_to_be_picked_up)
    switch.permit_each(asker, service, connection.device)
    require(service, connection)
    picker = await switch.controlled(asker, service, request.requesting_device)
    call = connection.call
    action = requests.directed_pickup(picker.key, switch.directory.address_of(connection.device))
    intent = Intent(service, picker.key, target=connection.device)
    picked = await _pick_up(switch, intent, action, lambda c: c.call is call and _picked(picker.key)(c))
    return csta.DirectedPickupCallResponse(picked_call=csta.ConnectionID(picked or call.id, request.requesting_device))


def _picked(picker: str) -> Proof:
    """The call has left the device where it rang for the picker, or has been answered there."""

    def proof(change: Change) -> bool:
        if change.kind == "DivertedEvent":
            return change.target == picker
        return change.kind == "EstablishedEvent" and change.subject.device == picker and change.cause == "callPickup"

    return proof


async def _pick_up(switch: SwitchingFunction, intent: Intent, request: requests.Request, proof: Proof) -> str:
    """Pick up, and tell the callID of what was picked up; empty if no event has told it P-JOIN after the answer."""
    proven = await switch.carry_out(intent.service, intent, lambda: switch.xsi.perform(request), proof)
    change = proven.change or await switch.outstanding.change(proof, switch.seconds("P-JOIN"))
    return change.subject.call_id if change is not None else ""


async def park_call(switch: SwitchingFunction, asker: Asker, request: csta.ParkCall) -> csta.ParkCallResponse:
    service = "ParkCall"
    connection = await find_controlled(switch, asker, service, request.parking)
    require(service, connection)
    leg = await leg_of(switch, service, connection)
    user, target = connection.device, request.park_to or ""
    if target:
        address = switch.directory.dialled(target)
        if not address:
            raise CstaError("operation", "invalidParkToDeviceID", f"{target!r} cannot be dialled")
        action = requests.park(user, leg, address)
        intent = Intent(service, user, (leg,), target=switch.directory.key_of_address(address))
    else:
        action = requests.group_park(user, leg)
        intent = Intent(service, user, (leg,))
    call_id = connection.call.id
    proof = about({"DivertedEvent"}, connection)
    proven = await switch.carry_out(service, intent, lambda: switch.xsi.perform(action), proof, connection)
    if not target and proven.answer is not None:
        target = _place(proven.answer.content_location)
    elif not target and proven.change is not None and proven.change.target:
        target = asker.name(proven.change.target)
    return csta.ParkCallResponse(parked_to=csta.ConnectionID(call_id, target or None))


def _place(content_location: str) -> str:
    """Where GroupCallPark has parked the call."""
    # a plus sign is part of a number here, not a space
    return parse_qs(urlsplit(content_location).query.replace("+", "%2B")).get("address", [""])[0]
