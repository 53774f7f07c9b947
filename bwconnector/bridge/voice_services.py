"""Voice services (ECMA-269 §26): call recording at a user's part of a call, where the release of BroadWorks has it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import attrs

from bwconnector.bridge.calls import Connection, Leg
from bwconnector.bridge.connections import about, find_connection, leg_of
from bwconnector.bridge.devices import USER
from bwconnector.bridge.intents import Intent
from bwconnector.bridge.refusals import RECORDING, require
from bwconnector.bridge.switching import Asker, SwitchingFunction
from bwconnector.csta import messages as csta
from bwconnector.csta.errors import CstaError
from bwconnector.xsi import requests

__all__ = ["STOPPED_AT", "record_message", "resume", "stop", "suspend"]


@attrs.frozen(slots=True)
class _Verb:
    """A service on a recording.

    :ivar control: how ``allowedRecordingControls`` calls it
    :ivar event: proves that it was done
    """

    service: str
    control: str
    request: Callable[[str, str], requests.Request]
    event: str


_RECORD = _Verb("RecordMessage", "record", requests.record, "RecordEvent")
_STOP = _Verb("Stop", "stop", requests.stop_recording, "StopEvent")
_SUSPEND = _Verb("Suspend", "pause", requests.pause_recording, "SuspendRecordEvent")
_RESUME = _Verb("Resume", "resume", requests.resume_recording, "RecordEvent")


async def record_message(switch: SwitchingFunction, asker: Asker, request: csta.RecordMessage) -> csta.RecordMessageResponse:
    connection = await _recorded(switch, asker, "RecordMessage", request.call_to_be_recorded)
    await _apply(switch, asker, _RECORD, connection)
    return csta.RecordMessageResponse(resulting_message=connection.call.id)


async def stop(switch: SwitchingFunction, asker: Asker, request: csta.Stop) -> csta.StopResponse:
    """What it stops depends on the kind of the device: see :data:`STOPPED_AT`."""
    connection = await find_connection(switch, asker, "Stop", request.connection)
    stop_there = STOPPED_AT.get(switch.directory.kind(connection.device))
    if stop_there is None:
        raise CstaError("operation", "serviceNotSupported", f"nothing can be stopped at {asker.name(connection.device)}")
    await stop_there(switch, asker, connection)
    return csta.StopResponse()


async def _stop_recording(switch: SwitchingFunction, asker: Asker, connection: Connection) -> None:
    _check_release(switch, "Stop")
    await _apply(switch, asker, _STOP, connection)


STOPPED_AT: Mapping[str, Callable[[SwitchingFunction, Asker, Connection], Awaitable[None]]] = {USER: _stop_recording}
"""What Stop ends at the connection of a device, by the kind of the device."""


async def suspend(switch: SwitchingFunction, asker: Asker, request: csta.Suspend) -> csta.SuspendResponse:
    await _apply(switch, asker, _SUSPEND, await _recorded(switch, asker, "Suspend", request.connection))
    return csta.SuspendResponse()


async def resume(switch: SwitchingFunction, asker: Asker, request: csta.Resume) -> csta.ResumeResponse:
    await _apply(switch, asker, _RESUME, await _recorded(switch, asker, "Resume", request.connection))
    return csta.ResumeResponse()


def _check_release(switch: SwitchingFunction, service: str) -> None:
    if not switch.options.call_recording:
        detail = f"{service}: BroadWorks {switch.options.broadworks_version} has no call recording (broadworks-version)"
        raise CstaError("operation", "serviceNotSupported", detail)


async def _recorded(switch: SwitchingFunction, asker: Asker, service: str, identity: csta.ConnectionID | None) -> Connection:
    _check_release(switch, service)
    return await find_connection(switch, asker, service, identity)


async def _apply(switch: SwitchingFunction, asker: Asker, verb: _Verb, connection: Connection) -> None:
    service = verb.service
    switch.permit(asker, service, connection.device)
    require(service, connection)
    recorded = next((leg for leg in connection.legs if leg.recording), None)
    call_id = recorded.call_id if recorded is not None else await leg_of(switch, service, connection)
    leg = switch.table.leg(connection.device, call_id)
    if leg is not None:
        _check(verb, leg)
    intent = Intent(service, connection.device, (call_id,))
    action = verb.request(connection.device, call_id)
    await switch.carry_out(service, intent, lambda: switch.xsi.perform(action), about({verb.event}, connection), connection)


def _check(verb: _Verb, leg: Leg) -> None:
    """Refuse what makes no sense in the state of the recording, or what the user may not control."""
    where = f"{verb.service}: the recording of {leg.user}'s call is {leg.recording or 'off'}"
    if (row := RECORDING.get((verb.service, leg.recording))) is not None:
        raise CstaError(*row, detail=where)
    controls = leg.recording_controls
    if controls and verb.control not in controls.split("-"):
        raise CstaError("operation", "requestIncompatibleWithConnection", f"{where}, and BroadWorks allows: {controls}")
