"""Rules for calls that a route point makes itself. They are told only where a T-Server has asked for them (MakeCall)."""

from __future__ import annotations

from bwconnector.bridge.calls import CONNECTED
from bwconnector.bridge.rules import Rule
from bwconnector.bridge.steps import Step
from bwconnector.bridge.world import World

__all__ = ["BY_KIND"]


def originated(world: World, step: Step) -> None:
    """The route point calls somebody."""
    if world.leg_of(step.user, step.calls[0]) is not None or world.intents.find("MakeCall", step.user) is None:
        return
    leg = world.attach(step.user, step.calls[0], step.remotes[0])
    call = leg.connection.call
    call.calling = call.calling or step.user
    call.called = call.called or leg.remote
    call.outgoing_external = world.is_outside(call.called)
    world.originated(leg.connection, world.policy.word("P-OCAUSE"))


def answered_gate(world: World, step: Step) -> float:
    """A monitored called party tells that itself."""
    leg = world.leg_of(step.user, step.calls[0])
    if leg is None or not leg.remote or not world.speaks(leg.remote):
        return 0.0
    return 0.0 if world.reached(leg.connection.call.connections.get(leg.remote), CONNECTED) else world.policy.seconds("P-FAR")


def answered(world: World, step: Step) -> None:
    """Whom the route point has called has answered."""
    leg = world.leg_of(step.user, step.calls[0])
    if leg is None or not leg.connection.alive:
        return
    leg.answered = True
    far = leg.connection.call.connection(leg.remote)
    if leg.remote and not world.reached(far, CONNECTED):
        world.established(far, "newCall")


BY_KIND = {"OutgoingOriginated": Rule(originated), "OutgoingAnswered": Rule(answered, answered_gate)}
"""By what a route point tells of a call."""
