"""A device enters the call of another one: barge-in, silent monitoring, coaching (ECMA-269 §17.1)."""

from __future__ import annotations

from collections.abc import Callable

from bwconnector.bridge.calls import Connection
from bwconnector.bridge.changes import Change
from bwconnector.bridge.connections import find_connection
from bwconnector.bridge.intents import Intent
from bwconnector.bridge.outstanding import Proof
from bwconnector.bridge.refusals import require
from bwconnector.bridge.switching import Asker, SwitchingFunction
from bwconnector.csta import messages as csta
from bwconnector.csta.errors import CstaError
from bwconnector.xsi import requests

__all__ = ["COACH", "enter", "join_call"]

COACH = "coach"
"""Private data of a request by which the device is heard by the other one only; Conferenced carries it, too."""

ENTRANCES: dict[str, Callable[[str, str], requests.Request]] = {"active": requests.barge_in, "silent": requests.silent_monitor}
"""By participationType."""


async def join_call(switch: SwitchingFunction, asker: Asker, request: csta.JoinCall) -> csta.JoinCallResponse:
    connection = await find_connection(switch, asker, "JoinCall", request.active_call)
    call_id = await enter(switch, asker, "JoinCall", request.joining_device, connection, request.participation_type, request.extensions)
    return csta.JoinCallResponse(conferenced_call=csta.ConnectionID(call_id, request.joining_device))


async def enter(
    switch: SwitchingFunction,
    asker: Asker,
    service: str,
    name: str | None,
    connection: Connection,
    participation: str,
    private: dict[str, str] | None,
) -> str:
    """Have the device ``name`` enter the call of ``connection``; the callID of what it is in then."""
    if participation not in ENTRANCES:
        raise CstaError("operation", "invalidParticipationType", f"{service}: a device cannot enter a call as {participation}")
    action = requests.coach_agent if _coaches(private or {}) else ENTRANCES[participation]
    switch.permit_each(asker, service, connection.device)
    require(service, connection)
    device = (await switch.controlled(asker, service, name)).key
    request = action(device, switch.directory.address_of(connection.device))
    # the intent tells the model that the first call that the device begins now is only the way into this one
    intent = Intent("JoinCall", device, target=connection.device)
    proof = _entered(connection, device)
    proven = await switch.carry_out(service, intent, lambda: switch.xsi.perform(request), proof, connection)
    change = proven.change or await switch.outstanding.change(proof, switch.seconds("P-JOIN"))
    return change.subject.call_id if change is not None else connection.call.id


def _coaches(private: dict[str, str]) -> bool:
    """An empty element says it by being there."""
    return private.get(COACH, "false").strip().lower() not in ("false", "0")


def _entered(connection: Connection, device: str) -> Proof:
    call = connection.call

    def proof(change: Change) -> bool:
        return change.kind == "ConferencedEvent" and change.call is call and change.target == device

    return proof
