"""Requests under the Xsi actions context: call control, profile, services and directories of a user."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import attrs

from bwconnector.simulator.agent_requests import agent_routes
from bwconnector.simulator.broadworks import ENTERPRISE, BroadWorks
from bwconnector.simulator.event_requests import versions
from bwconnector.simulator.legs import CANNOT, NO_CALL, Leg
from bwconnector.simulator.model import CALL_CENTER, HELD, ROUTE_POINT, SERVICES, Kind, SwitchError, User
from bwconnector.simulator.render import Element, call_elements, conference_elements, element, queue_elements, service_elements
from bwconnector.simulator.route_point_requests import route_point_routes
from bwconnector.simulator.routes import OK, Asked, Handler, Reply, Routes, xml

__all__ = ["action_routes"]

LATIN = "ISO-8859-1"
"""Profiles, services and directories come in the user's locale."""
PAGE = 50
DIGITS = re.compile(r"[0-9*#A-Da-d,]+")
SERVICE_BY_PATH = {name.lower(): name for name in SERVICES.values()}


def action_routes(broadworks: BroadWorks) -> Routes:
    """The table of requests under the actions context."""
    switch = broadworks.switch
    requests = ActionRequests(broadworks)

    def on_call(operation: Callable[..., Any], parameter: str = "") -> Handler:
        """Apply an operation of the switch to the call in the path, with one query parameter before it if named."""

        def handler(asked: Asked) -> Reply:
            leg = requests.leg(asked)
            arguments = [asked.parameter(parameter)] if parameter else []
            operation(leg.owner.user_id, *arguments, leg.call.call_id)
            return OK

        return handler

    def on_waiting(operation: Callable[..., Any], parameter: str = "") -> Handler:
        """Apply an operation of the switch to the call that waits at the call center in the path."""

        def handler(asked: Asked) -> Reply:
            queue = requests.call_center(asked)
            operation(queue, *([asked.parameter(parameter)] if parameter else []), asked.parts["call"])
            return OK

        return handler

    def on_conference(operation: Callable[[str], None]) -> Handler:
        def handler(asked: Asked) -> Reply:
            operation(asked.parts["user"])
            return OK

        return handler

    def enter(operation: Callable[[str, str], str]) -> Handler:
        """Make a call by entering one that exists: pick-up, park retrieve, barge-in."""

        def handler(asked: Asked) -> Reply:
            return requests.started(asked, operation(asked.parts["user"], asked.parameter("address")))

        return handler

    calls: list[tuple[str, str, Handler]] = [
        ("GET", "", requests.list_calls),
        ("POST", "new", requests.new_call),
        ("GET", "HookStatus", requests.hook_status),
        ("POST", "CallPickup", requests.group_pickup),
        ("POST", "DirectedCallPickup", enter(switch.pickup)),
        ("POST", "DirectedCallPickupBargeIn", enter(switch.barge_in)),
        ("POST", "SilentMonitor", enter(lambda user, address: switch.barge_in(user, address, "Silently Monitored"))),
        ("POST", "CoachAgent", enter(lambda user, address: switch.barge_in(user, address, "Supervisor Coached"))),
        ("POST", "ParkRetrieve", enter(switch.park_retrieve)),
        ("GET", "Conference", requests.get_conference),
        ("POST", "Conference", requests.start_conference),
        ("DELETE", "Conference", on_conference(switch.conference_release)),
        ("PUT", "Conference/Hold", on_conference(switch.conference_hold)),
        ("PUT", "Conference/Talk", on_conference(switch.conference_retrieve)),
        ("PUT", "Conference/{call}", on_call(switch.conference_add)),
        ("GET", "{call}", requests.get_call),
        ("DELETE", "{call}", requests.release),
        ("PUT", "{call}/talk", requests.talk),
        ("PUT", "{call}/hold", on_call(switch.hold)),
        ("PUT", "{call}/reconnect", requests.reconnect),
        ("PUT", "{call}/BlindTransfer", requests.blind_transfer),
        ("PUT", "{call}/MuteTransfer", on_call(switch.transfer_blind, "address")),
        ("PUT", "{call}/ConsultTransfer/{second}", requests.consult_transfer),
        ("PUT", "{call}/VmTransfer", on_call(switch.to_voice_mail)),
        ("PUT", "{call}/TransmitDTMF", requests.transmit_dtmf),
        ("PUT", "{call}/Park", requests.park),
        ("PUT", "{call}/GroupCallPark", requests.group_park),
        ("PUT", "{call}/ClientSessionInfo", on_call(switch.session_info, "info")),
        ("PUT", "{call}/Record", on_call(switch.record)),
        ("PUT", "{call}/PauseRecording", on_call(switch.pause_recording)),
        ("PUT", "{call}/ResumeRecording", on_call(switch.resume_recording)),
        ("PUT", "{call}/StopRecording", on_call(switch.stop_recording)),
        ("POST", "Escalate", enter(switch.escalate)),
        ("POST", "{call}/EmergencyEscalate", requests.emergency_escalate),
    ]
    return Routes(
        [
            *((method, f"user/{{user}}/calls/{path}".rstrip("/"), handler) for method, path, handler in calls),
            ("GET", "user/{user}/profile", requests.profile),
            ("GET", "user/{user}/services", requests.services),
            *agent_routes(switch),
            ("GET", "user/{user}/services/{service}", requests.get_service),
            ("PUT", "user/{user}/services/{service}", requests.put_service),
            ("GET", "user/{user}/directories/Group", requests.group_directory),
            ("GET", "user/{user}/directories/Enterprise", requests.enterprise_directory),
            ("GET", "callcenter/{queue}/calls", requests.waiting(CALL_CENTER, "ACDQueue")),
            ("DELETE", "callcenter/{queue}/calls/{call}", on_waiting(switch.release_waiting)),
            ("PUT", "callcenter/{queue}/calls/{call}/BlindTransfer", on_waiting(switch.transfer_waiting, "phoneno")),
            ("PUT", "callcenter/{queue}/calls/{call}/Promote", requests.promote),
            ("PUT", "callcenter/{queue}/calls/{call}/Reorder", requests.reorder),
            ("GET", "routepoint/{queue}/calls", requests.waiting(ROUTE_POINT, "RoutePointQueue")),
            *route_point_routes(broadworks),
            ("GET", "versions", versions),
        ]
    )


class ActionRequests:
    """One method per request; each raises :class:`~bwconnector.simulator.model.SwitchError` for what is refused."""

    def __init__(self, broadworks: BroadWorks) -> None:
        self._broadworks = broadworks
        self._switch = broadworks.switch

    def waiting(self, kind: Kind, root: str) -> Handler:
        """The calls at a call center or route point."""

        def handler(asked: Asked) -> Reply:
            queue = self._switch.directory.virtual_user(asked.parts["queue"], kind)
            return xml(root, *queue_elements(self._switch.line(queue.user_id).entries))

        return handler

    def call_center(self, asked: Asked) -> str:
        return self._switch.directory.virtual_user(asked.parts["queue"], CALL_CENTER).user_id

    def promote(self, asked: Asked) -> Reply:
        self._switch.promote(self.call_center(asked), asked.body.text("priority"), asked.parts["call"])
        return OK

    def reorder(self, asked: Asked) -> Reply:
        index = asked.parameter("index")
        if not index.isdecimal():
            raise SwitchError(400, 110400, "index is a number")
        self._switch.reorder(self.call_center(asked), int(index), asked.parts["call"])
        return OK

    def user(self, asked: Asked) -> User:
        return self._switch.directory.user(asked.parts["user"])

    def leg(self, asked: Asked, part: str = "call") -> Leg:
        """The leg that the path names."""
        user = self.user(asked)
        for leg in self._switch.legs(user.user_id):
            if leg.call.call_id == asked.parts[part]:
                return leg
        raise SwitchError(404, NO_CALL, f"Call not found: {asked.parts[part]}")

    def started(self, asked: Asked, call_id: str) -> Reply:
        """What is answered to a request that made a call."""
        user = self.user(asked)
        tracking_id = next((leg.call.tracking_id for leg in self._switch.legs(user.user_id) if leg.call.call_id == call_id), "")
        info = (element("callId", call_id), element("externalTrackingId", tracking_id))
        return xml("CallStartInfo", *info, status=201, Location=_call_uri(user, call_id))

    # Calls.

    def list_calls(self, asked: Asked) -> Reply:
        user = self.user(asked)
        if user.kind != "user":
            raise SwitchError(403, CANNOT, f"{user.user_id} has no calls of its own")
        bridge = self._switch.bridge(user.user_id)
        return xml(
            "Calls",
            *(
                element(
                    "call",
                    element("callId", leg.call.call_id),
                    element("uri", _call_uri(user, leg.call.call_id)),
                    inConference="true" if bridge is not None and leg in bridge.legs else "false",
                )
                for leg in self._switch.legs(user.user_id)
            ),
        )

    def get_call(self, asked: Asked) -> Reply:
        return xml("Call", *call_elements(self.leg(asked).call))

    def new_call(self, asked: Asked) -> Reply:
        leg = self._switch.click_to_dial(self.user(asked).user_id, asked.parameter("address"))
        if delay := self._broadworks.config.lift_delay:
            self._broadworks.later(delay, self._lift, leg)
        return self.started(asked, leg.call.call_id)

    def _lift(self, leg: Leg) -> None:
        if leg.offered:
            self._switch.lift(leg.owner.user_id, leg.call.call_id)

    def release(self, asked: Asked) -> Reply:
        """Without ``decline`` an alerting call only stops ringing, which nobody is told."""
        leg = self.leg(asked)
        if not leg.ringing:
            self._switch.hang_up(leg.owner.user_id, leg.call.call_id)
        elif asked.parameter("decline").lower() == "true":
            self._switch.reject(leg.owner.user_id, leg.call.call_id)
        return OK

    def talk(self, asked: Asked) -> Reply:
        leg = self.leg(asked)
        operation = self._switch.retrieve if leg.state == HELD else self._switch.answer
        operation(leg.owner.user_id, leg.call.call_id)
        return OK

    def reconnect(self, asked: Asked) -> Reply:
        """Retrieve a call, and end all others."""
        leg = self.leg(asked)
        user_id = leg.owner.user_id
        if leg.state != HELD or self._switch.bridge(user_id) is not None:
            raise SwitchError(403, CANNOT, "The call is not held")
        for other in self._switch.legs(user_id):
            if other is not leg:
                (self._switch.reject if other.ringing else self._switch.hang_up)(user_id, other.call.call_id)
        self._switch.retrieve(user_id, leg.call.call_id)
        return OK

    def blind_transfer(self, asked: Asked) -> Reply:
        leg = self.leg(asked)
        operation = self._switch.deflect if leg.ringing else self._switch.transfer_blind
        operation(leg.owner.user_id, asked.parameter("address"), leg.call.call_id)
        return OK

    def consult_transfer(self, asked: Asked) -> Reply:
        first, second = self.leg(asked), self.leg(asked, "second")
        self._switch.transfer_consult(first.owner.user_id, first.call.call_id, second.call.call_id)
        return OK

    def transmit_dtmf(self, asked: Asked) -> Reply:
        if not DIGITS.fullmatch(asked.parameter("playdtmf")):
            raise SwitchError(400, 110400, "playdtmf has no digits")
        if not self.leg(asked).connected:
            raise SwitchError(403, CANNOT, "The call is not connected")
        return OK

    def park(self, asked: Asked) -> Reply:
        leg = self.leg(asked)
        self._switch.park(leg.owner.user_id, asked.parameter("address") or leg.owner.extension, leg.call.call_id)
        return OK

    def group_park(self, asked: Asked) -> Reply:
        leg = self.leg(asked)
        place = self._switch.park(leg.owner.user_id, "", leg.call.call_id)
        where = f"{_call_uri(leg.owner, leg.call.call_id)}/GroupCallPark?address={place}"
        return Reply(headers=(("Content-Location", where),))

    def emergency_escalate(self, asked: Asked) -> Reply:
        leg = self.leg(asked)
        return self.started(asked, self._switch.emergency_escalate(leg.owner.user_id, asked.parameter("address"), leg.call.call_id))

    def group_pickup(self, asked: Asked) -> Reply:
        return self.started(asked, self._switch.pickup(asked.parts["user"]))

    def hook_status(self, asked: Asked) -> Reply:
        return xml("HookStatus", element("hookStatus", self._switch.snapshot(asked.parts["user"]).hook_status))

    def get_conference(self, asked: Asked) -> Reply:
        bridge = self._switch.bridge(self.user(asked).user_id)
        if bridge is None:
            raise SwitchError(404, NO_CALL, "No conference")
        return xml("Conference", *conference_elements(bridge.view()))

    def start_conference(self, asked: Asked) -> Reply:
        call_ids = asked.body.texts("callId")
        if len(call_ids) < 2:
            raise SwitchError(400, 110400, "A conference needs two calls")
        user = self.user(asked)
        self._switch.conference_start(user.user_id, call_ids)
        return Reply(201, headers=(("Location", _call_uri(user, "Conference")),))

    # What belongs to a user.

    def profile(self, asked: Asked) -> Reply:
        user = self.user(asked)
        details = element("details", *_details(user))
        return xml("Profile", details, element("countryCode", "1"), encoding=LATIN)

    def services(self, asked: Asked) -> Reply:
        user = self.user(asked)
        rows = (
            element("service", element("name", package), element("uri", f"/v2.0/user/{user.user_id}/services/{name}"))
            for package, name in SERVICES.items()
            if self._switch.services.state(user.user_id, name).assigned
        )
        return xml("Services", *rows, encoding=LATIN)

    def get_service(self, asked: Asked) -> Reply:
        name = _service(asked)
        state = self._switch.services.state(self.user(asked).user_id, name)
        if not state.assigned:
            raise SwitchError(404, 110404, f"Service not found: {name}")
        return xml(name, *service_elements(state), encoding=LATIN)

    def put_service(self, asked: Asked) -> Reply:
        """Change what the body names, and leave the rest as it is."""
        user, name, body = self.user(asked), _service(asked), asked.body
        state = self._switch.services.state(user.user_id, name)
        self._switch.services.change(
            user.user_id,
            attrs.evolve(
                state,
                active=body.truth_value("active", state.active),
                forward_to=body.text("forwardToPhoneNumber", state.forward_to),
                ring_splash=body.truth_value("ringSplash", state.ring_splash),
                number_of_rings=body.number("numberOfRings", state.number_of_rings),
            ),
        )
        return OK

    def _person(self, asked: Asked) -> User:
        """A user with a phone: virtual users have no directories."""
        user = self.user(asked)
        if user.kind != "user":
            raise SwitchError(403, CANNOT, f"{user.user_id} is a virtual user")
        return user

    def group_directory(self, asked: Asked) -> Reply:
        user = self._person(asked)
        return _directory_page("Group", "groupDirectory", [user, *self._switch.directory.group(user)], asked)

    def enterprise_directory(self, asked: Asked) -> Reply:
        self._person(asked)
        return _directory_page("Enterprise", "enterpriseDirectory", list(self._switch.directory.users.values()), asked)


def _call_uri(user: User, call_id: str) -> str:
    return f"/v2.0/user/{user.user_id}/calls/{call_id}"


def _service(asked: Asked) -> str:
    try:
        return SERVICE_BY_PATH[asked.parts["service"].lower()]
    except KeyError:
        raise SwitchError(404, 110404, f"Service not found: {asked.parts['service']}") from None


def _details(user: User) -> list[Element]:
    first, _, last = user.name.partition(" ")
    return [
        element("userId", user.user_id),
        element("firstName", first),
        element("lastName", last),
        element("groupId", user.group),
        element("serviceProvider", ENTERPRISE, isEnterprise="true"),
        element("number", user.number.removeprefix("+1")),
        element("extension", user.extension),
    ]


def _directory_page(root: str, listing: str, users: list[User], asked: Asked) -> Reply:
    """A page of those users whose details fit all the filters asked for: ``*`` is a wildcard, ``/i`` at the end ignores case."""
    rows = sorted((_details(user) for user in users), key=lambda row: str(row[0].content))
    found = [row for row in rows if all(_fits(str(part.content), asked.parameter(part.tag)) for part in row)]
    try:
        start = max(1, int(asked.parameter("start") or 1))
        results = int(asked.parameter("results") or PAGE)
    except ValueError:
        raise SwitchError(400, 110400, "start and results are numbers") from None
    page = found[start - 1 : start - 1 + results]
    return xml(
        root,
        element("startIndex", start),
        element("numberOfRecords", len(page)),
        element("totalAvailableRecords", len(found)),
        element(listing, *(element("directoryDetails", *row) for row in page)),
        encoding=LATIN,
    )


def _fits(value: str, wanted: str) -> bool:
    if wanted.endswith("/i"):
        value, wanted = value.lower(), wanted.removesuffix("/i").lower()
    return not wanted or fnmatchcase(value, wanted)
