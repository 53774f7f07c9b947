"""Features that users switch: Do Not Disturb, call forwarding, message waiting. One event per real change (flows of feature switches)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs

from bwconnector.bridge.monitors import Monitors
from bwconnector.csta import messages as csta
from bwconnector.xsi.events import DoNotDisturbState, ForwardingState, MessageSummary

__all__ = ["DO_NOT_DISTURB", "FORWARDING_TYPES", "FeatureEvent", "Features", "Switched"]

FeatureEvent = DoNotDisturbState | ForwardingState | MessageSummary

DO_NOT_DISTURB = "Do Not Disturb"

FORWARDING_TYPES = {
    "Call Forwarding Always": "forwardImmediate",
    "Call Forwarding Busy": "forwardBusy",
    "Call Forwarding No Answer": "forwardNoAns",
}
"""BroadWorks service to CSTA forwardingType."""

_KEEP_FROM_RINGING = frozenset({DO_NOT_DISTURB, "Call Forwarding Always"})
"""Services because of which a call that is reported may never ring (P-GUARD)."""


@attrs.frozen(slots=True)
class Switched:
    """BroadWorks tells the state of a feature of ``user`` (device key)."""

    user: str
    event: FeatureEvent


class Features:
    """The state of each feature of each monitored user. The first state is the present, not a change.

    :param only_changes: tells of which users (device keys) no state is told at first, but only what changes
    :param service_state: is told what may keep a user's phone from ringing (device key, service, active)
    :ivar observers: see each state that BroadWorks tells, before any monitor does
    """

    def __init__(
        self, monitors: Monitors, service_state: Callable[[str, str, bool], None], only_changes: Callable[[str], bool] = lambda user: False
    ) -> None:
        self.observers: list[Callable[[Switched], None]] = []
        self._only_changes = only_changes
        self._monitors = monitors
        self._service_state = service_state
        self._states: dict[str, dict[str, FeatureEvent]] = {}

    def get(self, user: str, service: str) -> FeatureEvent | None:
        """What is known of a feature, or None."""
        return self._states.get(user, {}).get(service)

    def forget(self, user: str) -> None:
        self._states.pop(user, None)

    def clear(self) -> None:
        self._states.clear()

    def apply(self, user: str, event: FeatureEvent) -> None:
        """Take the state of one feature; tell the user's monitors if it has changed."""
        if isinstance(event, MessageSummary):
            event = MessageSummary(min(1, event.new_messages))  # that messages wait is what counts, not how many
        service = _service_of(event)
        known = self._states.setdefault(user, {})
        before, known[service] = known.get(service), event
        if service in _KEEP_FROM_RINGING:
            self._service_state(user, service, not isinstance(event, MessageSummary) and event.active)
        for observer in self.observers:
            observer(Switched(user, event))
        if before == event or (before is None and not self._only_changes(user)):
            return
        kind, make = _TELL[type(event)]
        self._monitors.report(user, kind, partial(make, event))


def _service_of(event: FeatureEvent) -> str:
    if isinstance(event, ForwardingState):
        return event.service
    return DO_NOT_DISTURB if isinstance(event, DoNotDisturbState) else "Voice Mail Message Summary"


def _do_not_disturb(event: DoNotDisturbState, cross_ref_id: str, device: csta.PartyDevice) -> csta.Event:
    return csta.DoNotDisturbEvent(monitor_cross_ref_id=cross_ref_id, device=device, do_not_disturb_on=event.active)


def _forwarding(event: ForwardingState, cross_ref_id: str, device: csta.PartyDevice) -> csta.Event:
    return csta.ForwardingEvent(
        monitor_cross_ref_id=cross_ref_id,
        device=device,
        forwarding_type=FORWARDING_TYPES.get(event.service),
        forward_status=event.active,
        forward_to=event.forward_to.removeprefix("tel:") or None,
        ring_count=event.number_of_rings,
    )


def _message_waiting(event: MessageSummary, cross_ref_id: str, device: csta.PartyDevice) -> csta.Event:
    return csta.MessageWaitingEvent(monitor_cross_ref_id=cross_ref_id, target_device=device, message_waiting_on=event.new_messages > 0)


_TELL: dict[type[FeatureEvent], tuple[str, Callable[..., csta.Event]]] = {
    DoNotDisturbState: ("DoNotDisturbEvent", _do_not_disturb),
    ForwardingState: ("ForwardingEvent", _forwarding),
    MessageSummary: ("MessageWaitingEvent", _message_waiting),
}
