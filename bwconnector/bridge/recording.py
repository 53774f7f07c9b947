"""Rules for call recording: what BroadWorks records at a leg is told by events of voice services. No connection changes its state."""

from __future__ import annotations

from bwconnector.bridge.adoption import adopt
from bwconnector.bridge.calls import Leg
from bwconnector.bridge.rules import Rule
from bwconnector.bridge.steps import Step
from bwconnector.bridge.world import World
from bwconnector.xsi.events import XsiCall

__all__ = ["NOT_RECORDED", "PAUSED", "PENDING", "RULES", "STARTED", "compare_recording"]

NOT_RECORDED, PENDING, STARTED, PAUSED = "", "Pending", "Started", "Paused"

RESUMED = "CallRecordingResumedEvent"

AFTER = {
    "CallRecordingStartingEvent": PENDING,
    "CallRecordingStartedEvent": STARTED,
    "CallRecordingPausedEvent": PAUSED,
    RESUMED: STARTED,
    "CallRecordingStoppedEvent": NOT_RECORDED,
}
"""Xsi event to the state of the recording from then on."""

EVENTS = {STARTED: "RecordEvent", PAUSED: "SuspendRecordEvent", NOT_RECORDED: "StopEvent"}
"""State of the recording to the CSTA event that tells it; that a start was accepted is none."""


def recorded(world: World, step: Step) -> None:
    leg = world.leg_of(step.user, step.calls[0])
    if leg is None:
        return
    leg.recording_controls = step.calls[0].recording_controls or leg.recording_controls
    unseen = step.type == RESUMED and world.policy.word("P-RESUME") == "none"
    _settle(world, leg, AFTER[step.type], _cause(step.reason == "Failure"), unseen=unseen)


def unknown(world: World, step: Step) -> None:
    """The leg is recorded, so it has been connected for some time (R15); one that has ended meanwhile stays forgotten."""
    if step.calls[0].state in ("Active", "Held", "Remote Held"):
        adopt(world, step)
        recorded(world, step)


def compare_recording(world: World, leg: Leg, xsi: XsiCall) -> None:
    """Make the model agree with a snapshot. One that says nothing of recording at all is no proof that it has ended."""
    if not (xsi.recording_state or xsi.recording_controls):
        return
    state = xsi.recording_state if xsi.recording_state in (PENDING, STARTED, PAUSED) else NOT_RECORDED
    _settle(world, leg, state, _cause(xsi.recording_state == "Failed"))


def _cause(failed: bool) -> str:
    return "resourcesNotAvailable" if failed else "normal"


def _settle(world: World, leg: Leg, state: str, cause: str, *, unseen: bool = False) -> None:
    if state == leg.recording or (state == PENDING and leg.recording):
        return
    leg.recording = state
    if state in EVENTS and leg.connection.alive and not unseen:
        world.reports.tell(EVENTS[state], leg.connection.call, leg.user, cause)


RULES = {event: Rule(recorded, unknown=unknown) for event in AFTER}
