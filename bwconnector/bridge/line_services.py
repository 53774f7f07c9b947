"""Private services that change the order in which calls wait at a call center."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bwconnector.bridge.connections import find_controlled, leg_of, waits
from bwconnector.bridge.devices import CALL_CENTER
from bwconnector.bridge.intents import Intent
from bwconnector.bridge.switching import Asker, SwitchingFunction
from bwconnector.csta import messages as csta
from bwconnector.csta.errors import CstaError
from bwconnector.xsi import requests

__all__ = ["promote", "reorder"]

PRIORITIES = ("0-Highest", "1-High", "2-Medium", "3-Low")
"""Priorities of calls at a call center, in BroadWorks' words."""

Data = Mapping[str, str]
"""Private data: element name to text."""


async def promote(switch: SwitchingFunction, asker: Asker, data: Data) -> None:
    """Give a call that waits at a call center another priority."""
    priority = next((each for each in PRIORITIES if data["acdPromote"] in (each, each[0])), None)
    if priority is None:
        raise CstaError("operation", "invalidParameterValue", f"acdPromote is a priority, one of {', '.join(PRIORITIES)}")
    await _move(switch, asker, data, lambda queue, call_id: requests.promote_waiting(queue, call_id, priority))


async def reorder(switch: SwitchingFunction, asker: Asker, data: Data) -> None:
    """Move a call that waits at a call center to another position."""
    text = data["acdReorder"]
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 5 and int(text)):
        raise CstaError("operation", "invalidParameterValue", "acdReorder is a position, 1 is next")
    await _move(switch, asker, data, lambda queue, call_id: requests.reorder_waiting(queue, call_id, int(text)))


async def _move(switch: SwitchingFunction, asker: Asker, data: Data, request: Callable[[str, str], requests.Request]) -> None:
    identity = csta.ConnectionID(data.get("callID"), data.get("deviceID")) if data.get("callID") or data.get("deviceID") else None
    connection = await find_controlled(switch, asker, "Escape", identity)
    if not waits(connection) or switch.directory.kind(connection.device) != CALL_CENTER:
        detail = f"the connection of {connection.device} in call {connection.call.id} does not wait at a call center"
        raise CstaError("stateIncompatibility", "invalidConnectionState", detail)
    leg = await leg_of(switch, "Escape", connection)
    intent = Intent("Escape", connection.device, (leg,))
    action = request(connection.device, leg)
    await switch.carry_out("Escape", intent, lambda: switch.xsi.perform(action), lambda change: False, connection)
