"""Services on one call: make, answer, hold, retrieve, clear, digits and data (ECMA-269 §17.1, §18.1)."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from bwconnector.bridge.calls import ALERTING, Call, Connection
from bwconnector.bridge.changes import Change
from bwconnector.bridge.connections import about, find_call, find_connection, find_controlled, leg_of, own_leg, waits
from bwconnector.bridge.intents import Intent
from bwconnector.bridge.outstanding import Proof, Proven
from bwconnector.bridge.refusals import require
from bwconnector.bridge.switching import Asker, SwitchingFunction
from bwconnector.csta import messages as csta
from bwconnector.csta.errors import CstaError
from bwconnector.xsi import requests, routepoint_requests
from bwconnector.xsi.answers import CallStartInfo, read_call_start_info

__all__ = [
    "answer_call",
    "associate_data",
    "clear_call",
    "clear_connection",
    "dial",
    "generate_digits",
    "hold_call",
    "hold_request",
    "make_call",
    "retrieve_call",
    "send_user_information",
    "started_call",
    "starts",
    "talk_request",
]

DIGITS = frozenset("0123456789*#ABCDabcd,")
"""Characters that BroadWorks can send as DTMF; the comma is a pause."""

# A new call at a device


async def make_call(switch: SwitchingFunction, asker: Asker, request: csta.MakeCall) -> csta.MakeCallResponse:
    device = await switch.controlled(asker, "MakeCall", request.calling_device)
    address = switch.directory.dialled(request.called_directory_number)
    if not address:
        raise CstaError("operation", "invalidCalledDeviceID", f"{request.called_directory_number!r} cannot be dialled")
    async with switch.turn("MakeCall", device.key):
        intent = Intent("MakeCall", device.key, target=switch.directory.key_of_address(address))
        proven = await switch.carry_out("MakeCall", intent, lambda: dial(switch, intent, address), starts(switch, intent, "makeCall"))
        call_id = started_call(switch, device.key, proven)
    return csta.MakeCallResponse(calling_device=csta.ConnectionID(call_id, request.calling_device))


async def dial(switch: SwitchingFunction, intent: Intent, address: str) -> CallStartInfo:
    """Have the device of ``intent`` call ``address``, and let the intent know the ids of the call."""
    at_route_point = switch.directory.is_route_point(intent.user)
    action = routepoint_requests.dial(intent.user, address) if at_route_point else requests.dial(intent.user, address)
    info = read_call_start_info((await switch.xsi.perform(action)).body)
    intent.tracking_id = info.tracking_id
    intent.call_ids += (info.call_id,) if info.call_id else ()
    return info


def starts(switch: SwitchingFunction, intent: Intent, cause: str) -> Proof:
    """The new call of the intent's user shows itself. Its cause says that it was not dialled at the phone, the called party that it
    is not one that was started elsewhere, such as at a web portal."""

    def identified(key: str) -> bool:
        return key.startswith("+") or switch.directory.is_user(key)

    def proof(change: Change) -> bool:
        if change.kind not in ("ServiceInitiatedEvent", "OriginatedEvent") or change.subject.device != intent.user or change.cause != cause:
            return False
        return change.called == intent.target or not (identified(change.called) and identified(intent.target))

    return proof


def started_call(switch: SwitchingFunction, device: str, proven: Proven[CallStartInfo]) -> str:
    """callID of the call that a request has started."""
    if proven.change is not None:
        return proven.change.subject.call_id
    info = proven.answer or CallStartInfo()
    call = switch.table.find(info.tracking_id)
    leg = switch.table.leg(device, info.call_id)
    call_id = call.id if call is not None else info.tracking_id or (leg.connection.call.id if leg is not None else "")
    if not call_id:
        raise CstaError("systemResourceAvailibility", "networkBusy", f"BroadWorks started a call at {device} without telling its id")
    return call_id


# Answer, hold, retrieve: one leg and one verb


def hold_request(connection: Connection, leg: str) -> requests.Request:
    """Hold a call; a controller holds its conference."""
    return requests.conference_hold(connection.device) if _controls(connection) else requests.hold(connection.device, leg)


def talk_request(connection: Connection, leg: str) -> requests.Request:
    """Answer or retrieve a call; a controller retrieves its conference."""
    return requests.conference_talk(connection.device) if _controls(connection) else requests.talk(connection.device, leg)


@attrs.frozen(slots=True)
class _Verb:
    """A service that BroadWorks does with one request on one leg."""

    service: str
    request: Callable[[Connection, str], requests.Request]
    event: str


_ANSWER = _Verb("AnswerCall", talk_request, "EstablishedEvent")
_HOLD = _Verb("HoldCall", hold_request, "HeldEvent")
_RETRIEVE = _Verb("RetrieveCall", talk_request, "RetrievedEvent")


async def _apply(switch: SwitchingFunction, asker: Asker, verb: _Verb, identity: csta.ConnectionID) -> None:
    connection = await find_controlled(switch, asker, verb.service, identity)
    require(verb.service, connection)
    leg = await leg_of(switch, verb.service, connection)
    if verb is _ANSWER and switch.policy("P-ALLOW") == "refuse":
        known = switch.table.leg(connection.device, leg)
        if known is not None and not known.allow_answer:
            raise CstaError("operation", "requestIncompatibleWithConnection", f"the phone of {connection.device} cannot be made to answer")
    request = verb.request(connection, leg)
    intent = Intent(verb.service, connection.device, (leg,))
    await switch.carry_out(verb.service, intent, lambda: switch.xsi.perform(request), about({verb.event}, connection), connection)


async def answer_call(switch: SwitchingFunction, asker: Asker, request: csta.AnswerCall) -> csta.AnswerCallResponse:
    await _apply(switch, asker, _ANSWER, request.call_to_be_answered)
    return csta.AnswerCallResponse()


async def hold_call(switch: SwitchingFunction, asker: Asker, request: csta.HoldCall) -> csta.HoldCallResponse:
    await _apply(switch, asker, _HOLD, request.call_to_be_held)
    return csta.HoldCallResponse()


async def retrieve_call(switch: SwitchingFunction, asker: Asker, request: csta.RetrieveCall) -> csta.RetrieveCallResponse:
    await _apply(switch, asker, _RETRIEVE, request.call_to_be_retrieved)
    return csta.RetrieveCallResponse()


# Clearing


async def clear_connection(switch: SwitchingFunction, asker: Asker, request: csta.ClearConnection) -> csta.ClearConnectionResponse:
    connection = await find_connection(switch, asker, "ClearConnection", request.connection_to_be_cleared)
    # The controller of a conference may have anybody leave it.
    switch.permit(asker, "ClearConnection", *filter(None, (connection.device, connection.call.controller)))
    require("ClearConnection", connection)
    owner, leg = await _leg_to_clear(switch, connection)
    await _clear(switch, "ClearConnection", owner, leg, connection)
    return csta.ClearConnectionResponse()


async def clear_call(switch: SwitchingFunction, asker: Asker, request: csta.ClearCall) -> csta.ClearCallResponse:
    identity = request.call_to_be_cleared
    if identity is not None and not identity.call_id:
        call = (await find_connection(switch, asker, "ClearCall", identity)).call
    else:
        call = find_call(switch, identity)
    living = call.alive()
    if not living:
        raise CstaError("stateIncompatibility", "noCallToClear", f"everybody has left call {call.id}")
    switch.permit(asker, "ClearCall", *(connection.device for connection in living))
    owner = next((c for c in living if _controls(c)), None) or next((c for c in living if own_leg(c)), living[0])
    await _clear(switch, "ClearCall", owner, await leg_of(switch, "ClearCall", owner), None)
    return csta.ClearCallResponse()


async def _leg_to_clear(switch: SwitchingFunction, connection: Connection) -> tuple[Connection, str]:
    """Whose leg is released so that ``connection`` is cleared, and which."""
    call = connection.call
    leg = own_leg(connection)
    controller = call.connections.get(call.controller) if call.controller else None
    if leg:
        return connection, leg
    if waits(connection):
        return connection, await leg_of(switch, "ClearConnection", connection)
    if controller is not None:
        for towards in controller.legs:
            if towards.remote == connection.device:
                return controller, towards.call_id
    elif len(call.alive()) == 2:
        # A party without a leg here can only be left: BroadWorks then releases it.
        (other,) = call.others(connection.device)
        if own_leg(other):
            return other, own_leg(other)
    return connection, await leg_of(switch, "ClearConnection", connection)


async def _clear(switch: SwitchingFunction, service: str, owner: Connection, leg: str, subject: Connection | None) -> None:
    if waits(owner) or switch.directory.is_route_point(owner.device):
        request = requests.release_waiting(switch.directory.queue_kind(owner.device), owner.device, leg)
    elif _controls(owner) and subject in (owner, None):
        # The controller cannot leave a conference without ending it.
        request = requests.conference_release(owner.device)
    else:
        request = requests.release(owner.device, leg, decline=owner.state == ALERTING)
    intent = Intent(service, owner.device, (leg,))
    await switch.carry_out(service, intent, lambda: switch.xsi.perform(request), _cleared(owner.call), subject)


def _cleared(call: Call) -> Proof:
    def proof(change: Change) -> bool:
        return change.kind == "ConnectionClearedEvent" and change.call is call

    return proof


def _controls(connection: Connection) -> bool:
    return bool(connection.call.controller) and connection.call.controller == connection.device


# Digits and data


async def generate_digits(switch: SwitchingFunction, asker: Asker, request: csta.GenerateDigits) -> csta.GenerateDigitsResponse:
    connection = await find_controlled(switch, asker, "GenerateDigits", request.connection_to_send_digits)
    require("GenerateDigits", connection)
    digits = request.characters_to_send or ""
    if not digits or not DIGITS.issuperset(digits):
        raise CstaError("operation", "charactersToSendNotSupported", f"{digits!r} has characters that are no DTMF digits")
    leg = await leg_of(switch, "GenerateDigits", connection)
    action = requests.transmit_dtmf(connection.device, leg, digits.upper())
    await _perform(switch, "GenerateDigits", connection, leg, action)
    return csta.GenerateDigitsResponse()


async def associate_data(switch: SwitchingFunction, asker: Asker, request: csta.AssociateData) -> csta.AssociateDataResponse:
    await _attach(switch, asker, "AssociateData", request.existing_call, request.correlator_data)
    return csta.AssociateDataResponse()


async def send_user_information(
    switch: SwitchingFunction, asker: Asker, request: csta.SendUserInformation
) -> csta.SendUserInformationResponse:
    await _attach(switch, asker, "SendUserInformation", request.existing_call, request.user_data)
    return csta.SendUserInformationResponse()


async def _attach(switch: SwitchingFunction, asker: Asker, service: str, identity: csta.ConnectionID | None, data: bytes | None) -> None:
    """Send data along with a call as its ClientSessionInfo, which is text."""
    connection = await find_controlled(switch, asker, service, identity)
    require(service, connection)
    if not data:
        raise CstaError("operation", "atLeastOneConditionalParameterNotProvided", f"{service} carries no data that could be sent")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise CstaError("operation", "invalidParameterValue", f"{service}: BroadWorks carries text only, and this is no UTF-8") from error
    leg = await leg_of(switch, service, connection)
    await _perform(switch, service, connection, leg, requests.client_session_info(connection.device, leg, text))


async def _perform(switch: SwitchingFunction, service: str, connection: Connection, leg: str, request: requests.Request) -> None:
    """A request that no event proves."""
    intent = Intent(service, connection.device, (leg,))
    await switch.carry_out(service, intent, lambda: switch.xsi.perform(request), lambda change: False, connection)
