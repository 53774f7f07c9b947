"""Agents and guests: the ACD state of every agent, its queues, and who sits at whose phone (Hoteling).

Pure, like the switch: what a timer ends (wrapping up a call) is an operation that a driver calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from bwconnector.simulator.directory import Directory
from bwconnector.simulator.model import CALL_CENTER, AgentInfo, GuestInfo, Membership, SimEvent, SwitchError

__all__ = ["AVAILABLE", "CODES", "SIGNED_OUT", "STATES", "UNAVAILABLE", "WRAP_UP", "Agents"]

SIGNED_IN, AVAILABLE, UNAVAILABLE, WRAP_UP, SIGNED_OUT = "Sign-In", "Available", "Unavailable", "Wrap-Up", "Sign-Out"
STATES = (SIGNED_IN, AVAILABLE, UNAVAILABLE, WRAP_UP, SIGNED_OUT)
CODES = frozenset({"1001", "1002", "1007"})
"""Unavailable codes of the enterprise."""

NOT_AN_AGENT = 110407
NO_SUCH_VALUE = 110400
TAKEN = 110408


class Agents:
    """State of every agent and every guest. Users are named by user id.

    :param agents: user ids of the agents; they are assigned to every call center, and have joined it
    """

    def __init__(self, directory: Directory, now: Callable[[], int], emit: Callable[[SimEvent], None], agents: Iterable[str]) -> None:
        self._directory = directory
        self._now = now
        self._emit = emit
        queues = tuple(user.user_id for user in directory.virtual.values() if user.kind == CALL_CENTER)
        self._states = {directory.user(agent).user_id: AgentInfo(SIGNED_OUT) for agent in agents}
        self._joins = {agent: {queue: Membership(queue, joined=True) for queue in queues} for agent in self._states}
        self._guests: dict[str, GuestInfo] = {}

    # Agents

    @property
    def everybody(self) -> tuple[str, ...]:
        """The agents."""
        return tuple(self._states)

    def state(self, user: str) -> AgentInfo | None:
        """The state of an agent; None for a user who is none."""
        return self._states.get(self._directory.user(user).user_id)

    def memberships(self, user: str) -> tuple[Membership, ...]:
        """The queues that an agent is assigned to."""
        return tuple(self._joins.get(self._directory.user(user).user_id, {}).values())

    def available(self, queue: str) -> list[str]:
        """The agents to whom a call of this queue can be offered, the one that has been available for longest first."""
        place = self._directory.virtual_user(queue, CALL_CENTER).user_id
        ready = [agent for agent, info in self._states.items() if info.state == AVAILABLE and self._joins[agent][place].joined]
        return sorted(ready, key=lambda agent: self._states[agent].since)

    def set_state(self, user: str, state: str, code: str = "") -> None:
        """Set an ACD state; any may follow any. It is told, even if it is what it was.

        :raises SwitchError: 403 for a user who is no agent, 400 for a state or an unavailable code that does not exist
        """
        agent = self._agent(user)
        if state not in STATES or (code and code not in CODES):
            raise SwitchError(400, NO_SUCH_VALUE, f"There is no agent state {state}, or no unavailable code {code}")
        self._change(agent, AgentInfo(state, self._now(), code if state == UNAVAILABLE else ""))

    def acd_call_ended(self, user: str, queue: str, call_id: str = "") -> None:
        """A call of a queue has ended at an agent, who wraps it up; nothing happens unless the agent is available."""
        agent = self._agent(user)
        if self._states[agent].state == AVAILABLE:
            place = self._directory.virtual_user(queue, CALL_CENTER).user_id
            self._change(agent, AgentInfo(WRAP_UP, self._now(), wrap_up_queue=place, wrap_up_call_id=call_id))

    def wrap_up_over(self, user: str, since: int) -> None:
        """The time to wrap up is over; ``since`` tells of which one, as there may be another by now."""
        info = self.state(user)
        if info is not None and (info.state, info.since) == (WRAP_UP, since):
            self.set_state(user, AVAILABLE)

    def join(self, user: str, queue: str, joined: bool) -> None:
        """Join or leave a queue.

        :raises SwitchError: 403 for a user who is no agent of this queue
        """
        agent = self._agent(user)
        place = self._directory.virtual_user(queue, CALL_CENTER).user_id
        if place not in self._joins[agent]:
            raise SwitchError(403, NOT_AN_AGENT, f"{agent} is no agent of {place}")
        self._joins[agent][place] = Membership(place, joined=joined)
        self._emit(SimEvent(agent, "ACDAgentJoinUpdateEvent", joins=(self._joins[agent][place],)))

    def agent_event(self, user: str) -> SimEvent:
        """The event that tells everything about an agent."""
        owner = self._directory.user(user).user_id
        return SimEvent(owner, "AgentSubscriptionEvent", agent=self._states.get(owner), joins=self.memberships(owner))

    def _change(self, agent: str, info: AgentInfo) -> None:
        self._states[agent] = info
        self._emit(SimEvent(agent, "AgentStateEvent", agent=info))

    def _agent(self, user: str) -> str:
        agent = self._directory.user(user).user_id
        if agent not in self._states:
            raise SwitchError(403, NOT_AN_AGENT, f"{agent} is no agent")
        return agent

    # Guests

    def guest(self, user: str) -> GuestInfo:
        """The Hoteling Guest service of a user."""
        return self._guests.get(self._directory.user(user).user_id, GuestInfo())

    def set_guest(self, user: str, info: GuestInfo) -> None:
        """Bring a guest to a phone, or take it away.

        :raises SwitchError: 403 without a host, for one's own phone, or where somebody else is a guest
        """
        guest = self._directory.user(user).user_id
        if info.active:
            host = self._directory.user(info.host).user_id if info.host else ""
            if host in ("", guest) or any(other.active and other.host == host for each, other in self._guests.items() if each != guest):
                raise SwitchError(403, TAKEN, f"{guest} cannot be a guest at {host or 'nobody'}")
            info = attrs.evolve(info, host=host)
        else:
            info = attrs.evolve(info, host="")
        self._guests[guest] = info
        self._emit(self.guest_event(guest))

    def guest_event(self, user: str) -> SimEvent:
        """The event that tells the present state of the Hoteling Guest service."""
        return SimEvent(self._directory.user(user).user_id, "HotelingGuestEvent", guest=self.guest(user))
