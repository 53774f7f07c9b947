"""What a route point tells: of its calls to routeing, of what it plays to callers and of its own state to its monitors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from bwconnector.bridge.calls import QUEUED, Call
from bwconnector.bridge.changes import Change, ConnectionId
from bwconnector.bridge.devices import ROUTE_POINT
from bwconnector.bridge.switching import SwitchingFunction
from bwconnector.csta import messages as csta
from bwconnector.xsi.queues import QueueEvent, QueueSubscription, RoutePointState, TreatmentEvent

__all__ = ["MESSAGES", "RoutePoints", "STATE_EVENTS", "STOP_CAUSES"]

MESSAGES: Mapping[str, str] = {"Busy": "0", "MOH": "1", "Ringback": "2", "Silence": "3", "Treatment": "4"}
"""The number by which CSTA calls each treatment of BroadWorks; T-Servers know them so."""

STOP_CAUSES: Mapping[str, str] = {
    "Match": "dTMFDigitDetected",
    "NoMatch": "outOfGrammar",
    "Timeout": "timeout",
    "EOF": "endOfMessageDetected",
    "Stopped-OutOfQueue": "callCancelled",
    "Stopped-NewPlayCollect": "nextMessage",
    "Stopped-OfferedWithRingback": "distributed",
    "Error": "resourcesNotAvailable",
}
"""Why a treatment has ended (completionReason), as cause of the StopEvent; ``normal`` for any other reason."""


STATE_EVENTS: Mapping[str, Callable[..., csta.Event]] = {
    "OutOfServiceEvent": csta.OutOfServiceEvent,
    "BackInServiceEvent": csta.BackInServiceEvent,
}
"""What the monitors of a route point are told of its own state."""


class RoutePoints:
    """Takes the events of all route points that are subscribed. Call centers have some of these events, too; they are passed over."""

    def __init__(self, switch: SwitchingFunction) -> None:
        self._switch = switch

    def call(self, device: str, event: QueueEvent) -> None:
        """Something happened to a call."""
        if event.type.startswith("RoutePoint"):
            self._switch.routeing.event(device, event)

    def snapshot(self, device: str, subscription: QueueSubscription) -> None:
        """All calls that wait."""
        if self._switch.directory.kind(device) == ROUTE_POINT:
            self._switch.routeing.snapshot(device, subscription.entries)

    def treatment(self, device: str, event: TreatmentEvent) -> None:
        """Something begins or ends to be played to a call, which only the monitors of the route point are told."""
        call = self._switch.table.find(event.entry.tracking_id) or Call(event.entry.tracking_id)
        connection = call.connections.get(device)
        change = Change(
            kind="StopEvent" if event.completed else "PlayEvent",
            call=call,
            subject=ConnectionId(call.id, device),
            cause=STOP_CAUSES.get(event.completion_reason, "normal") if event.completed else "normal",
            states={device: connection.state if connection is not None else QUEUED},
            text=MESSAGES[event.treatment],
            private={"collectDigits": event.digits} if event.digits else None,
        )
        self._switch.monitors.deliver(change, (device,))

    def state(self, device: str, event: RoutePointState) -> None:
        """The route point has failed, so that BroadWorks routes its calls by default, or is well again."""
        kind = "OutOfServiceEvent" if event.failed else "BackInServiceEvent"
        self._switch.monitors.report(device, kind, partial(_state_event, kind))
        if event.failed:
            self._switch.routeing.abort(device)
            self._switch.release_unwanted(device)


def _state_event(kind: str, cross_ref_id: str, device: csta.PartyDevice) -> csta.Event:
    return STATE_EVENTS[kind](monitor_cross_ref_id=cross_ref_id, device=device)
