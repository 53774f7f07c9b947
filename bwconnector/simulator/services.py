"""The services of users that a subscription can follow: Do Not Disturb, Call Forwarding, Call Waiting, voice mail counters."""

from __future__ import annotations

from collections.abc import Callable

from bwconnector.simulator.directory import Directory
from bwconnector.simulator.model import SERVICES, ServiceState, SimEvent, SwitchError

__all__ = ["FORWARDING", "Services"]

FORWARDING = frozenset(name for name in SERVICES.values() if name.startswith("CallForwarding"))


class Services:
    """State of every service of every user. Users are named by user id; service names are the values of ``SERVICES``."""

    def __init__(self, directory: Directory, emit: Callable[[SimEvent], None]) -> None:
        self._directory = directory
        self._emit = emit
        self._states: dict[tuple[str, str], ServiceState] = {}
        self._messages: dict[str, int] = {}

    def state(self, user: str, name: str) -> ServiceState:
        owner = self._directory.user(user)
        return self._states.get((owner.user_id, name), ServiceState(name, active=name == "CallWaiting"))

    def change(self, user: str, state: ServiceState) -> None:
        """Set a service and tell it.

        :raises SwitchError: 403 when a forwarding is activated without a destination, 404 for a service that the user does not have
        """
        owner = self._directory.user(user)
        if state.name not in SERVICES.values() or not self.state(user, state.name).assigned:
            raise SwitchError(404, 110404, f"Service not found: {state.name}")
        if state.name in FORWARDING and state.active and not state.forward_to:
            raise SwitchError(403, 110406, "A number to forward to is required")
        self._states[owner.user_id, state.name] = state
        self._emit(self.event(user, state.name))

    def unassign(self, user: str, name: str) -> None:
        """Take a service away from a user, and tell it."""
        self._states[self._directory.user(user).user_id, name] = ServiceState(name, assigned=False)
        self._emit(self.event(user, name))

    def event(self, user: str, name: str) -> SimEvent:
        """The event that tells the present state of a service."""
        return SimEvent(self._directory.user(user).user_id, f"{name}Event", service=self.state(user, name))

    def change_messages(self, user: str, new_messages: int) -> None:
        """Set the number of new voice mail messages and tell it."""
        self._messages[self._directory.user(user).user_id] = new_messages
        self._emit(self.message_event(user))

    def message_event(self, user: str) -> SimEvent:
        """The event that tells the number of new voice mail messages."""
        owner = self._directory.user(user)
        return SimEvent(owner.user_id, "VoiceMailMessageSummaryEvent", new_messages=self._messages.get(owner.user_id, 0))
