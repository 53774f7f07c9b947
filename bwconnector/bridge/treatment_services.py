"""PlayMessage (ECMA-269 §26): what a caller hears while the call waits at a route point, and the digits that are collected meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bwconnector.bridge.calls import Connection
from bwconnector.bridge.connections import about, find_controlled, leg_of
from bwconnector.bridge.devices import ROUTE_POINT
from bwconnector.bridge.intents import Intent
from bwconnector.bridge.outstanding import Proof
from bwconnector.bridge.refusals import NEEDS, require
from bwconnector.bridge.switching import Asker, SwitchingFunction
from bwconnector.csta import messages as csta
from bwconnector.csta.errors import CstaError
from bwconnector.xsi import requests
from bwconnector.xsi import routepoint_requests as at

__all__ = ["PLAY", "play_message"]

Private = Mapping[str, str]


def _of_broadworks(what: str) -> Callable[[str, str, int | None, Private], requests.Request]:
    return lambda route_point, call_id, seconds, private: at.play(route_point, call_id, what, seconds, private.get("collectDigits", ""))


def _busy(route_point: str, call_id: str, seconds: int | None, private: Private) -> requests.Request:
    return at.play_busy(route_point, call_id, seconds, private.get("busyPattern") or "Normal")


def _files(route_point: str, call_id: str, seconds: int | None, private: Private) -> requests.Request:
    """BroadWorks plays files to their end: no duration."""
    audio, video = (private.get(name, "").split() for name in ("audioUrl", "videoUrl"))
    if not audio:
        detail = "PlayMessage of message 4 needs the URL of an audio file in private data audioUrl"
        raise CstaError("operation", "atLeastOneConditionalParameterNotProvided", detail)
    return at.play_treatment(route_point, call_id, audio, video, private.get("collectDigits", ""))


PLAY: Mapping[str, Callable[[str, str, int | None, Private], requests.Request]] = {
    "0": _busy,
    "1": _of_broadworks("MusicOnHold"),
    "2": _of_broadworks("Ringback"),
    "3": _of_broadworks("Silence"),
    "4": _files,
}
"""By messageToBePlayed: the request, from route point, callId, duration in seconds and private data."""


async def play_message(switch: SwitchingFunction, asker: Asker, request: csta.PlayMessage) -> csta.PlayMessageResponse:
    service, number = "PlayMessage", (request.message_to_be_played or "").strip()
    play = PLAY.get(number)
    if play is None:
        raise CstaError("operation", "invalidMsgID", f"{service}: there is no message {number!r}, only 0 to 4")
    connection = await find_controlled(switch, asker, service, request.over_connection)
    require(service, connection)
    if switch.directory.kind(connection.device) != ROUTE_POINT:
        _, row = NEEDS[service]
        raise CstaError(*row, detail=f"{service}: {asker.name(connection.device)} is no route point")
    call_id = await leg_of(switch, service, connection)
    action = play(connection.device, call_id, _seconds(switch, request.duration), request.extensions or {})
    intent = Intent(service, connection.device, (call_id,))
    await switch.carry_out(service, intent, lambda: switch.xsi.perform(action), _started(connection, number), connection)
    return csta.PlayMessageResponse()


def _started(connection: Connection, number: str) -> Proof:
    begins = about({"PlayEvent"}, connection)
    return lambda change: begins(change) and change.text == number


def _seconds(switch: SwitchingFunction, duration: int | None) -> int | None:
    """P-PLAYTIME."""
    if duration is None or switch.policy("P-PLAYTIME") == "seconds":
        return duration
    return max(1, round(duration / 1000))
