"""Rules for a call that was forwarded or deflected, told at its new destination and at its originator."""

from __future__ import annotations

from bwconnector.bridge import causes
from bwconnector.bridge.calls import ALERTING, CONNECTED, HOLD, Call, Connection
from bwconnector.bridge.joins import redirected_by, single_step_transfer, word_of
from bwconnector.bridge.rules import Rule
from bwconnector.bridge.steps import Step
from bwconnector.bridge.world import World

__all__ = ["RULES", "moved_on", "waits_for_redirector"]

# at the new destination


_GROUPS = frozenset({"hunt-group"})


def waits_for_redirector(world: World, step: Step) -> float:
    """A call that was redirected here: the redirecting device's own word, if it is monitored, goes first."""
    xsi = step.calls[0]
    newest = world.newest(xsi)
    if newest is None or xsi.acd_user_id or xsi.hunt_group or newest.reason in _GROUPS or xsi.recall_type:
        return 0.0
    redirector = world.directory.key(newest.party)
    if not redirector or redirector == step.user:
        return 0.0
    call = world.call_for(step.user, xsi, step.remotes[0])
    connection = call.connections.get(redirector) if call is not None else None
    gone = connection is not None and (not connection.alive or _asked_by(connection, step.user)) and bool(connection.entered)
    diverted = call is not None and redirector in call.diverted
    if gone or diverted:
        return 0.0
    if world.speaks(redirector):
        return world.policy.seconds("P-FAR")
    remote = step.remotes[0]
    told = any(s.type in ("CallForwardedEvent", "CallTransferredEvent") for s in world.steps.of(remote))
    if remote and world.speaks(remote) and not told:
        return world.policy.seconds("P-JOIN")
    return 0.0


def moved_on(world: World, step: Step) -> None:
    """The new destination's word that an unmonitored device redirected the call to it (its own word would have come by now)."""
    xsi = step.calls[0]
    newest = world.newest(xsi)
    if newest is None or xsi.acd_user_id or newest.reason in _GROUPS or xsi.recall_type:
        return
    redirector = world.directory.key(newest.party)
    call = world.call_for(step.user, xsi, step.remotes[0])
    connection = call.connections.get(redirector) if call is not None and redirector else None
    if call is None or redirector == step.user or redirector in call.diverted:
        return
    if connection is not None and _asked_by(connection, step.user):
        return
    if connection is None and newest.reason == "transfer":
        for queue in [c for c in call.others(step.user) if world.hides_agents(c)]:
            world.table.alias(call, xsi.tracking_id)
            world.diverted(queue, step.user, "redirected")
    if connection is not None and connection.alive and connection.state in (CONNECTED, HOLD):
        single_step_transfer(world, connection, step.user, xsi.tracking_id or call.id)
    elif (connection is not None and connection.alive) or (connection is None and _dialled(call, redirector)):
        world.diverted(call.connection(redirector), step.user, causes.diverted_cause(newest.reason))


def _asked_by(connection: Connection, queue: str) -> bool:
    """Who has sent the call to this queue is the agent to whom the queue offers it now."""
    return connection.state == ALERTING and any(leg.acd == queue for leg in connection.legs)


def _dialled(call: Call, device: str) -> bool:
    return any(leg.remote == device for connection in call.connections.values() for leg in connection.legs)


def forwarded_gate(world: World, step: Step) -> float:
    leg = world.leg_of(step.user, step.calls[0])
    if leg is None or leg.moved or not leg.remote or leg.remote in leg.connection.call.diverted:
        return 0.0
    if world.speaks(leg.remote):
        return world.policy.seconds("P-FAR")
    new = step.remotes[0]
    if new == leg.remote:  # not shown where to (COLP): a monitored new destination will tell
        return 0.0 if _arrival(world, leg.remote, step.user) is not None else world.policy.seconds("P-JOIN")
    if new and world.speaks(new) and word_of(world, new, step.user, leg.remote) is None:
        return world.policy.seconds("P-JOIN")  # the new destination knows the reason
    return 0.0


def _arrival(world: World, redirector: str, originator: str) -> Step | None:
    """The waiting CallReceived, at any user, of the call that ``redirector`` sent on."""

    def fits(step: Step) -> bool:
        return step.type == "CallReceivedEvent" and originator in step.remotes and redirected_by(world, step, redirector)

    return world.steps.find(fits)


def forwarded(world: World, step: Step) -> None:
    """The called party forwarded the call; a monitored one tells it itself."""
    xsi, remote = step.calls[0], step.remotes[0]
    leg = world.leg_of(step.user, xsi)
    if leg is None:
        return
    call, old = leg.connection.call, leg.remote
    if leg.moved:
        leg.moved -= 1
    elif old and old not in call.diverted and not world.speaks(old):
        word = word_of(world, remote, step.user, old) if remote != old else _arrival(world, old, step.user)
        new = remote if remote != old else (word.user if word is not None else "")
        newest = world.newest(word.calls[0]) if word is not None else world.newest(xsi)
        world.diverted(call.connection(old), new, causes.diverted_cause(newest.reason if newest else ""))
        leg.moved = 0
    world.follow(leg, xsi, remote)


RULES = {"CallForwardedEvent": Rule(forwarded, forwarded_gate)}
