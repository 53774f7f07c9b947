"""A leg that is first seen in mid-call (R15): it is connected, held or remotely held, and has been for some time."""

from __future__ import annotations

from bwconnector.bridge.calls import ALERTING, CONNECTED, HOLD, NULL, QUEUED
from bwconnector.bridge.distribution import has_left_queue, or_its_queue
from bwconnector.bridge.holding import far_hold
from bwconnector.bridge.steps import Step
from bwconnector.bridge.world import World

__all__ = ["adopt"]


def adopt(world: World, step: Step, cause: str = "newCall") -> None:
    """A leg first seen in mid-call (R15): it is connected, held or remotely held, or has been transferred to who alerts now."""
    xsi, remote = step.calls[0], step.remotes[0]
    leg = world.attach(step.user, xsi, remote)
    leg.state, leg.answered = xsi.state, True
    connection, call = leg.connection, leg.connection.call
    world.counts["adopted"] += 1
    has_left_queue(world, leg, xsi, remote)
    # whether a monitored far end still is in the call, its own events tell (R3), once it has told anything at all
    inferred = bool(remote) and (not world.speaks(remote) or remote not in world.reports.introduced) and remote not in call.diverted
    far_state = ALERTING if xsi.state == "Alerting" else CONNECTED
    if inferred:
        far = call.connection(remote)
        far.queue = world.is_queue(far)
        far_state = QUEUED if far.queue else far_state
    fresh = inferred and not world.reached(call.connection(remote), far_state)
    if connection.born and connection.alive:
        if fresh:
            world.enter(call.connection(remote), far_state)
        if xsi.state == "Held" and connection.state == CONNECTED:
            world.held(connection, "normal")
        return
    terminator = xsi.personality == "Terminator"
    call.calling = call.calling or (remote if terminator else step.user)
    call.called = call.called or (step.user if terminator else remote)
    held = xsi.state == "Held"
    subject = connection if held or terminator or not remote else or_its_queue(call.connection(remote)) or connection
    # the monitors of the others know already when the far party was adopted before
    news = step.user != world.reports.silent or not (subject.state == HOLD if held else world.reached(subject, CONNECTED))
    if not world.reached(connection, CONNECTED):
        world.enter(connection, CONNECTED)
    elif connection.state == HOLD and not held:  # so the others had told (R3); that it joins is all that its own monitors hear
        world.enter(connection, CONNECTED)
        world.reports.tell("RetrievedEvent", call, step.user, "normal", states={c.device: c.state for c in call.others(step.user)})
    if fresh:
        world.enter(call.connection(remote), far_state)
    if news and held:
        world.held(connection, "normal")
    elif news and subject is not connection and subject.state in (NULL, HOLD):  # not this leg's to tell (R3, R4)
        world.reports.tell("EstablishedEvent", call, remote, cause, states={step.user: connection.state}, birth=step.user)
    elif news:
        world.established(subject, cause, birth=step.user)
    if xsi.state == "Remote Held" and remote:
        far_hold(world, call.connection(remote), HOLD, step)
