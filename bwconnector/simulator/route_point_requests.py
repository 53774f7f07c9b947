"""Requests under the Xsi actions context about route points: what becomes of their calls, and what these hear."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from bwconnector.simulator.broadworks import BroadWorks
from bwconnector.simulator.legs import CANNOT
from bwconnector.simulator.model import ROUTE_POINT, SwitchError
from bwconnector.simulator.render import DECLARATION, XSI, element
from bwconnector.simulator.routes import OK, Asked, Handler, Reply, xml

__all__ = ["route_point_routes"]

MALFORMED = 110400
PATTERNS = ("Normal", "FastBusy")


def route_point_routes(broadworks: BroadWorks) -> list[tuple[str, str, Handler]]:
    """The rows of the table of requests."""
    requests = RoutePointRequests(broadworks)
    switch = broadworks.switch
    rows: list[tuple[str, str, Handler]] = [
        ("POST", "calls/new", requests.dial),
        ("DELETE", "calls/{call}", requests.on_call(switch.release_waiting)),
        ("PUT", "calls/{call}/Admit", requests.on_call(switch.admit)),
        ("PUT", "calls/{call}/Reject", requests.on_call(switch.refuse)),
        ("PUT", "calls/{call}/Bounce", requests.on_call(switch.bounce)),
        ("PUT", "calls/{call}/Fail", requests.on_call(switch.fail)),
        ("PUT", "calls/{call}/Distribute", requests.distribute),
        ("PUT", "calls/{call}/BlindTransfer", requests.blind_transfer),
        ("PUT", "calls/{call}/PlayBusy", partial(requests.play, "Busy")),
        ("PUT", "calls/{call}/PlayMusicOnHold", partial(requests.play, "MOH")),
        ("PUT", "calls/{call}/PlayRingback", partial(requests.play, "Ringback")),
        ("PUT", "calls/{call}/PlaySilence", partial(requests.play, "Silence")),
        ("PUT", "calls/{call}/PlayTreatment", partial(requests.play, "Treatment")),
        ("GET", "profile/State", requests.get_state),
        ("PUT", "profile/State", requests.put_state),
    ]
    return [(method, f"routepoint/{{queue}}/{path}", handler) for method, path, handler in rows]


class RoutePointRequests:
    """One method per request; each raises :class:`~bwconnector.simulator.model.SwitchError` for what is refused."""

    def __init__(self, broadworks: BroadWorks) -> None:
        self._broadworks = broadworks
        self._switch = broadworks.switch

    def route_point(self, asked: Asked) -> str:
        return self._switch.directory.virtual_user(asked.parts["queue"], ROUTE_POINT).user_id

    def on_call(self, operation: Callable[[str, str], Any]) -> Handler:
        """Apply an operation of the switch to the call in the path."""

        def handler(asked: Asked) -> Reply:
            operation(self.route_point(asked), asked.parts["call"])
            return OK

        return handler

    def distribute(self, asked: Asked) -> Reply:
        self._switch.distribute(self.route_point(asked), _mandatory(asked, "agentId"), asked.parts["call"])
        return OK

    def blind_transfer(self, asked: Asked) -> Reply:
        address = asked.parameter("address") or _mandatory(asked, "address")
        self._switch.route(self.route_point(asked), address, asked.parts["call"])
        return OK

    def dial(self, asked: Asked) -> Reply:
        owner = self.route_point(asked)
        leg = self._switch.dial_from(owner, _mandatory(asked, "address"))
        info = (element("callId", leg.call.call_id), element("externalTrackingId", leg.call.tracking_id))
        return xml("CallStartInfo", *info, status=201, Location=f"/v2.0/routepoint/{owner}/calls/{leg.call.call_id}")

    def play(self, treatment: str, asked: Asked) -> Reply:
        """What has a duration ends by itself, as do files; all else goes on until something else happens to the call."""
        route_point, body = self.route_point(asked), asked.body
        duration: float = body.number("duration", 0)
        if treatment == "Treatment":
            if not body.texts("uri"):
                raise SwitchError(400, MALFORMED, "A treatment needs a file")
            duration = self._broadworks.config.treatment_time
        elif treatment == "Busy" and body.text("busyPattern") not in PATTERNS:
            raise SwitchError(400, MALFORMED, "busyPattern is Normal or FastBusy")
        elif duration < 0:
            raise SwitchError(400, CANNOT, "duration is positive")
        play_id = self._switch.play(route_point, treatment, asked.parts["call"], body.text("digitMap"))
        if duration:
            self._broadworks.later(duration, self._switch.played, route_point, play_id)
        return xml("RoutePointPlayInfo", element("playCollectId", play_id))

    def get_state(self, asked: Asked) -> Reply:
        state = "Failed" if self._switch.route_point_failed(self.route_point(asked)) else "Normal"
        return Reply(body=f'{DECLARATION}<RoutePointState xmlns="{XSI}">{state}</RoutePointState>'.encode())

    def put_state(self, asked: Asked) -> Reply:
        route_point, state = self.route_point(asked), asked.body.text("RoutePointState")
        if state not in ("Normal", "Failed"):
            raise SwitchError(400, MALFORMED, "The state is Normal or Failed")
        if (state == "Failed") != self._switch.route_point_failed(route_point):
            (self._switch.fail_route_point if state == "Failed" else self._switch.recover_route_point)(route_point)
        return OK


def _mandatory(asked: Asked, tag: str) -> str:
    text = asked.body.text(tag)
    if not text:
        raise SwitchError(400, MALFORMED, f"{tag} is missing")
    return text
