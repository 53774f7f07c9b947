"""Requests of Xsi-Actions about agents and guests: ``services/CallCenter`` and ``services/HotelingGuest`` of a user."""

from __future__ import annotations

import attrs

from bwconnector.simulator.agents import Agents
from bwconnector.simulator.model import SwitchError, User
from bwconnector.simulator.render import element, guest_elements, optional, truth_value
from bwconnector.simulator.routes import OK, Asked, Handler, Reply, xml
from bwconnector.simulator.switch import Switch

__all__ = ["agent_routes"]

LATIN = "ISO-8859-1"
NOT_ASSIGNED = 110407


def agent_routes(switch: Switch) -> list[tuple[str, str, Handler]]:
    """Rows for the table of requests under the actions context; they must stand before those of other services."""
    requests = AgentRequests(switch)
    return [
        ("GET", "user/{user}/services/CallCenter", requests.get_agent),
        ("PUT", "user/{user}/services/CallCenter", requests.put_agent),
        ("GET", "user/{user}/services/HotelingGuest", requests.get_guest),
        ("PUT", "user/{user}/services/HotelingGuest", requests.put_guest),
    ]


class AgentRequests:
    """One method per request; each raises :class:`~bwconnector.simulator.model.SwitchError` for what is refused."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    @property
    def _agents(self) -> Agents:
        return self._switch.agents

    def _user(self, asked: Asked) -> User:
        return self._switch.directory.user(asked.parts["user"])

    def get_agent(self, asked: Asked) -> Reply:
        user = self._user(asked).user_id
        info = self._agents.state(user)
        if info is None:
            raise SwitchError(403, NOT_ASSIGNED, f"{user} is no agent")
        queues = (
            element("callCenterDetails", element("serviceUserId", each.queue), element("available", truth_value(each.joined)))
            for each in self._agents.memberships(user)
        )
        return xml(
            "CallCenter",
            element("agentACDState", info.state),
            *optional("agentUnavailableCode", info.unavailable_code),
            element("callCenterList", *queues),
            encoding=LATIN,
        )

    def put_agent(self, asked: Asked) -> Reply:
        """Change what the body names: the state, or whether queues are joined."""
        user, body = self._user(asked).user_id, asked.body
        if state := body.text("agentACDState"):
            self._agents.set_state(user, state, body.text("agentUnavailableCode"))
        for queue, available in zip(body.texts("serviceUserId"), body.texts("available"), strict=False):
            self._agents.join(user, queue, available.lower() == "true")
        return OK

    def get_guest(self, asked: Asked) -> Reply:
        return xml("HotelingGuest", *guest_elements(self._agents.guest(self._user(asked).user_id)), encoding=LATIN)

    def put_guest(self, asked: Asked) -> Reply:
        user, body = self._user(asked).user_id, asked.body
        known = self._agents.guest(user)
        changed = attrs.evolve(
            known,
            active=body.truth_value("active", known.active),
            host=body.text("hostUserId", known.host),
            limit_hours=body.number("associationLimitHours", known.limit_hours),
        )
        self._agents.set_guest(user, changed)
        return OK
