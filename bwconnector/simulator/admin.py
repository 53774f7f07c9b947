"""The simulator's remote control: JSON over HTTP, for tests, scripts and demonstrations. Loopback only.

========================= =====================================================================================================
``GET /users``            users with their calls and hook status
``GET /calls``            every call with all its legs
``GET /xsps``             the XSPs, their addresses, faults and channels
``POST /operations/NAME`` performs an operation of the switch; the body is an object of its arguments
``POST /services``        ``{"user", "service", "active", "forward_to"}``: changes a service of a user
``POST /agents``          ``{"user", "state", "code"}``: sets the ACD state of an agent
``POST /guests``          ``{"user", "host"}``: a user becomes a guest at somebody's phone; without ``host`` it leaves it
``POST /events``          ``{"user", "type"}``: tells an event of any type, without content
``POST /failover``        ``{"lost"}``: another Application Server takes over, without the calls of these users
``POST /xsps/NAME/kill``  stops an XSP and cuts its connections; ``revive`` starts it again; ``drop`` cuts its streams only
``POST /xsps/NAME/faults`` sets some of :class:`~bwconnector.simulator.faults.Faults`
========================= =====================================================================================================

Answers ``{"result": …}``, or ``{"error": …}`` with a status of 400, 403 or 404.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

import attrs
from twisted.web.resource import Resource
from twisted.web.server import Request

from bwconnector.simulator.broadworks import BroadWorks
from bwconnector.simulator.faults import Faults
from bwconnector.simulator.model import GuestInfo, ServiceState, SimEvent, SwitchError
from bwconnector.simulator.xsp import Xsp

__all__ = ["Admin"]

OPERATIONS = frozenset(
    {
        "answer", "barge_in", "busy", "click_to_dial", "conference_add", "conference_hold", "conference_release", "conference_retrieve",
        "conference_start", "consult", "deflect", "dial", "emergency_escalate", "escalate", "hang_up", "hold", "lift", "no_answer",
        "not_lifted", "park", "park_retrieve", "pause_recording", "pickup", "record", "reject", "resume_recording", "retrieve",
        "session_info", "stop_recording", "to_voice_mail", "transfer_blind", "transfer_consult",
    }
)  # fmt: skip
"""Operations of the switch that may be asked for by name."""

FAULTS: dict[str, Callable[[Any], bool]] = {
    "paths": lambda value: (
        isinstance(value, dict) and all(fault in ("refuse", "hang") or str(fault).isdecimal() for fault in value.values())
    ),
    "echo": lambda value: isinstance(value, bool),
    "chunking": lambda value: value in ("whole", "scattered"),
    "drift": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0,
    "duplicate_events": lambda value: isinstance(value, bool),
    "drop_acks": lambda value: isinstance(value, bool),
    "expired_token": lambda value: isinstance(value, bool),
    "json_only": lambda value: isinstance(value, bool),
}
"""What may be set, and what it may be set to."""


class Admin(Resource):
    """The resource of the admin port."""

    isLeaf = True

    def __init__(self, broadworks: BroadWorks, xsps: Mapping[str, Xsp]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._broadworks = broadworks
        self._xsps = xsps

    def render(self, request: Request) -> bytes:
        """Answer one request."""
        status, answer = 200, {}
        try:
            path = request.path.decode("ascii", "replace").strip("/").split("/")
            data = request.content.read() if request.content is not None else b""
            answer = {"result": self._answer(request.method.decode("ascii"), path, json.loads(data) if data else {})}
        except SwitchError as error:
            status, answer = error.status, {"error": error.text}
        except ValueError as error:
            status, answer = 400, {"error": f"The body is not what is expected: {error}"}
        request.setResponseCode(status)
        request.setHeader("Content-Type", "application/json")
        return json.dumps(answer).encode()

    def _answer(self, method: str, path: list[str], arguments: Any) -> Any:
        if not isinstance(arguments, dict):
            raise SwitchError(400, 400, "The body is not an object")
        match (method, *path):
            case ("GET", "users"):
                return self._users()
            case ("GET", "calls"):
                return [{"ids": sorted(call.tracking_ids), "legs": sorted(call.legs)} for call in self._broadworks.switch.truth()]
            case ("GET", "xsps"):
                return self._list_xsps()
            case ("POST", "operations", name) if name in OPERATIONS:
                return self._operate(name, arguments)
            case ("POST", "services"):
                return self._change_service(**_checked(self._change_service, arguments))
            case ("POST", "agents"):
                return self._broadworks.switch.agents.set_state(**_checked(self._broadworks.switch.agents.set_state, arguments))
            case ("POST", "guests"):
                return self._move_guest(**_checked(self._move_guest, arguments))
            case ("POST", "events"):
                return self._inject(**_checked(self._inject, arguments))
            case ("POST", "failover"):
                return self._broadworks.fail_over(**_checked(self._broadworks.fail_over, arguments))
            case ("POST", "xsps", name, action) if name in self._xsps:
                return self._control(self._xsps[name], action, arguments)
        raise SwitchError(404, 404, f"{method} /{'/'.join(path)}: there is no such request")

    def _users(self) -> list[dict[str, Any]]:
        switch = self._broadworks.switch
        users = []
        for user in switch.directory.users.values():
            snapshot = switch.snapshot(user.user_id)
            calls = [
                {"call_id": call.call_id, "state": call.state, "remote": call.remote.user_id or call.remote.address}
                for call in snapshot.calls
            ]
            users.append({"user_id": user.user_id, "extension": user.extension, "hook": snapshot.hook_status, "calls": calls})
        return users

    def _list_xsps(self) -> dict[str, Any]:
        return {
            name: {
                "host": xsp.http.host,
                "port": xsp.http.port,
                "up": xsp.http.listening,
                "faults": attrs.asdict(xsp.faults),
                "channels": [channel.id for channel in self._broadworks.channels if channel.xsp == name],
            }
            for name, xsp in self._xsps.items()
        }

    def _operate(self, name: str, arguments: dict[str, Any]) -> str | None:
        operation = getattr(self._broadworks.switch, name)
        result = operation(**_checked(operation, arguments))
        return result if isinstance(result, str) else None

    def _change_service(self, user: str, service: str, active: bool, forward_to: str = "") -> None:
        self._broadworks.switch.services.change(user, ServiceState(service, active=active, forward_to=forward_to))

    def _move_guest(self, user: str, host: str = "") -> None:
        self._broadworks.switch.agents.set_guest(user, GuestInfo(active=bool(host), host=host))

    def _inject(self, user: str, type: str) -> None:
        self._broadworks.publish(SimEvent(self._broadworks.switch.directory.user(user).user_id, type))

    def _control(self, xsp: Xsp, action: str, arguments: dict[str, Any]) -> None:
        match action:
            case "kill":
                xsp.stop()
            case "revive":
                xsp.start()
            case "drop":
                xsp.drop_streams()
            case "faults":
                _set_faults(xsp.faults, arguments)
            case _:
                raise SwitchError(404, 404, f"{action}: there is no such action")


def _set_faults(faults: Faults, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if name not in FAULTS or not FAULTS[name](value):
            raise ValueError(f"{name}: {value!r}")
    for name, value in values.items():
        setattr(faults, name, {part: str(fault) for part, fault in value.items()} if name == "paths" else value)


def _checked(call: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments, if ``call`` can be called with them."""
    try:
        inspect.signature(call).bind(**arguments)
    except TypeError as error:
        raise ValueError(str(error)) from None
    return arguments
