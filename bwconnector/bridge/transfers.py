"""Rules for calls that change hands: transfer, deflection and forwarding, and how their legs at several users are brought together.

The transferring user tells it (CallRedirected), the transferred one (CallTransferred) and the one it goes to (CallReceived with
redirections, CallTransferred or CallUpdated), in any order. Who comes first waits for the others, at most P-JOIN; one change results.
"""

from __future__ import annotations

from bwconnector.bridge import causes
from bwconnector.bridge.calls import ALERTING, CONNECTED, HOLD, QUEUED, Call, Connection, Leg
from bwconnector.bridge.distribution import answered_by, offers, taken_back
from bwconnector.bridge.holding import far_hold
from bwconnector.bridge.joins import join_calls, joined_late, joined_unseen, redirected_by, single_step_transfer, word_of
from bwconnector.bridge.pickup import park, parks
from bwconnector.bridge.rules import Rule
from bwconnector.bridge.steps import Step
from bwconnector.bridge.world import World

__all__ = ["RULES", "transferred", "transferred_gate"]

# at the redirecting user


def redirected_gate(world: World, step: Step) -> float:
    legs = [leg for xsi in step.calls if (leg := world.leg_of(step.user, xsi)) is not None and leg.connection.alive]
    if not legs or not any(_answered(leg) for leg in legs):
        return 0.0
    if len(legs) >= 2:
        a, c = legs[0].remote, legs[1].remote
        expected = [(a, c), (c, a)]
    else:
        a = legs[0].remote
        if parks(world, legs[0]):
            return 0.0
        target = _target(world, step, legs[0])
        expected = [(a, target), (target, a)]
        if not target or target.isdigit():
            return world.policy.seconds("P-JOIN")  # an extension's first event may tell whose it is
    for user, other in expected:
        if user and other and world.speaks(user) and word_of(world, user, other, step.user) is None:
            return world.policy.seconds("P-JOIN")
    return 0.0


def _answered(leg: Leg) -> bool:
    return leg.connection.state in (CONNECTED, HOLD)


def _target(world: World, step: Step, leg: Leg) -> str:
    """Device key of the party that the leg was redirected to: a waiting word of the others names it better than the bare address."""

    def exchanged(heard: Step) -> bool:
        if heard.type != "CallTransferredEvent" or heard.user != leg.remote or heard.remotes[0] in ("", leg.user):
            return False
        far = world.leg_of(heard.user, heard.calls[0])
        return far is not None and far.remote == leg.user

    heard = world.steps.find(exchanged)
    if heard is not None:
        return heard.remotes[0]
    heard = world.steps.find(lambda s: s.type == "CallReceivedEvent" and leg.remote in s.remotes and redirected_by(world, s, leg.user))
    if heard is not None:
        return heard.user
    redirect = next((x.redirect for x in step.calls if x.call_id == leg.call_id), None)
    return world.directory.key_of_address(redirect.address) if redirect is not None and redirect.address else ""


def redirected(world: World, step: Step) -> None:
    """The user sent its call(s) elsewhere: by what they were, this is a transfer, a deflection, a forwarding or a park."""
    pairs = [(leg, xsi) for xsi in step.calls if (leg := world.leg_of(step.user, xsi)) is not None]
    living = [(leg, xsi) for leg, xsi in pairs if leg.connection.alive]
    for leg, _ in pairs:
        leg.state = "Detached"
    if not living:
        for leg, xsi in pairs:
            _hidden(world, leg, _target(world, step, leg), xsi.redirect.reason if xsi.redirect else "")
    elif len(living) >= 2 and any(_answered(leg) for leg, _ in living):
        _consult_transfer(world, [leg for leg, _ in living])
    else:
        for leg, xsi in living:
            reason = xsi.redirect.reason if xsi.redirect else ""
            target = _target(world, step, leg)
            if leg.acd and not _answered(leg) and reason != "deflection":
                taken_back(leg)
                world.diverted(leg.connection, leg.acd, "callNotAnswered")  # back to its queue
            elif not _answered(leg):
                world.diverted(leg.connection, target, causes.diverted_cause(reason))
            elif parks(world, leg) or not target:
                park(world, leg, target)
            else:
                single_step_transfer(world, leg.connection, target, _survivor_id(world, leg, target))
    for leg, _ in pairs:
        _retire(world, leg)


def _hidden(world: World, leg: Leg, target: str, reason: str) -> None:
    """Redirected without having rung (P-GUARD): the device's only event is this Diverted."""
    connection = leg.connection
    if connection.device in connection.call.diverted or world.reached(connection, ALERTING):
        return
    world.diverted(leg.connection, target, causes.diverted_cause(reason))


def _retire(world: World, leg: Leg) -> None:
    """A detached leg no longer counts; the Released that follows finds nothing to tell."""
    call = leg.connection.call
    world.table.drop_leg(leg)
    world.close(call)


def detached_gate(world: World, step: Step) -> float:
    leg = world.leg_of(step.user, step.calls[0])
    return world.policy.seconds("P-JOIN") if leg is not None and leg.connection.alive else 0.0


def detached(world: World, step: Step) -> None:
    """The call is no longer presented here, and no join explained why within P-JOIN."""
    leg = world.leg_of(step.user, step.calls[0])
    if leg is None:
        return
    leg.state = "Detached"
    if leg.connection.alive:
        intent = next((i for i in world.intents if i.service in ("GroupPickupCall", "DirectedPickupCall")), None)
        world.diverted(leg.connection, intent.user if intent else "", "callPickup" if intent else "redirected")
    _retire(world, leg)


def _consult_transfer(world: World, legs: list[Leg]) -> None:
    """Both calls of the user are joined. The one it consulted is the secondary call: the one whose far party it called last."""
    held, active = _primary_first(legs)
    a, c = world.far(held), world.far(active)
    new_id = ""
    for user, other in ((held.remote, active.remote), (active.remote, held.remote)):
        word = word_of(world, user, other, held.user) if user and other else None
        if word is not None:
            new_id = new_id or word.calls[0].tracking_id
    join_calls(world, held.connection, active.connection, a, c, new_id or active.connection.call.id)


def _primary_first(legs: list[Leg]) -> tuple[Leg, Leg]:
    """The held leg is the primary one; if none or both are held, the older."""
    held = [leg for leg in legs if leg.connection.state == HOLD]
    first = held[0] if len(held) == 1 else legs[0]
    return first, next(leg for leg in legs if leg is not first)


def _survivor_id(world: World, leg: Leg, target: str) -> str:
    """The tracking id that the surviving legs will carry, if one of them has spoken; else the call keeps its own."""
    call = leg.connection.call
    for user, other in ((leg.remote, target), (target, leg.remote)):
        word = word_of(world, user, other, leg.user) if user and other else None
        if word is not None:
            return word.calls[0].tracking_id
    return call.id


def transferred_gate(world: World, step: Step) -> float:
    """The transferring device's own word counts, if it is monitored; else that of the other surviving one is awaited."""
    leg = world.leg_of(step.user, step.calls[0])
    if leg is None or not leg.remote or leg.remote == step.remotes[0]:
        return 0.0
    transferring = leg.connection.call.connections.get(leg.remote)
    if transferring is not None and not transferring.alive and (transferring.queue or world.reached(transferring, CONNECTED)):
        return 0.0
    asked = transferring is not None and transferring.queue and any(world.speaks(c.device) for c in offers(leg.connection.call))
    if world.speaks(leg.remote) or asked:
        return world.policy.seconds("P-FAR")
    new = step.remotes[0]
    if new and world.speaks(new) and word_of(world, new, step.user, leg.remote) is None:
        return world.policy.seconds("P-JOIN")
    return 0.0


def transferred_rule(world: World, step: Step) -> None:
    if not transferred(world, step):
        leg = world.leg_of(step.user, step.calls[0])
        if leg is not None:
            world.follow(leg, step.calls[0], step.remotes[0])
            leg.state = step.calls[0].state


def transferred(world: World, step: Step) -> bool:
    """The far end of this leg was exchanged. False when nothing but attributes changed."""
    xsi, remote = step.calls[0], step.remotes[0]
    leg = world.leg_of(step.user, xsi)
    if leg is None:
        return False
    call, old = leg.connection.call, leg.remote
    mine = call.connections.get(old)
    # a terminator that alerts is itself being called; for any other leg Alerting means that its new far end is
    alerting = xsi.state == "Alerting" and (leg.answered or leg.personality != "Terminator")
    if mine is not None and mine.alive and mine.queue and remote != old:
        world.diverted(mine, remote, "redirected" if alerting else "distributed")  # the queue has sent it there
        if not alerting:
            answered_by(world, mine, remote, "distributed")
    elif mine is not None and mine.alive and remote != old and old and not _asked(mine, remote):
        _by_survivor(world, leg, mine, xsi.tracking_id, remote, alerting)
    elif not (remote != old and old in call.connections):
        return False
    leg = world.leg_of(step.user, xsi) or leg
    world.follow(leg, xsi, remote)
    leg.state = xsi.state
    _new_far_end(world, leg, remote, alerting=alerting)
    far = leg.connection.call.connections.get(remote)
    if xsi.state == "Remote Held" and far is not None and not world.speaks(remote):
        far_hold(world, far, HOLD, step)  # the transferring device held it too, so nobody has told
    return True


def _asked(agent: Connection, queue: str) -> bool:
    """This is the queue whose agent it is; or the call that it has transferred is offered to it, having come to a queue."""
    return any(leg.acd == queue or (leg.acd and agent.state == ALERTING) for leg in agent.legs)


def _by_survivor(world: World, leg: Leg, transferring: Connection, tracking_id: str, remote: str, alerting: bool) -> None:
    """Told by a surviving party alone: the transferring device has no own word."""
    call = leg.connection.call
    new_id = tracking_id or call.id
    other = _call_between(world, transferring.device, remote, leg, new_id)
    if other is None:
        known = world.table.find(new_id)
        if known is not None and known is not call and not alerting and _lives(known, remote):
            joined_late(world, transferring, known)
            return
        if known is not None and known is not call:
            new_id = call.id
        if alerting:
            single_step_transfer(world, transferring, remote, new_id)
        else:
            joined_unseen(world, leg, transferring, remote, new_id)
        return
    mine, theirs = transferring, other.connections[transferring.device]
    # the transferring device held the call that is older and consulted in the newer one
    primary, secondary = (mine, theirs) if call.number < other.number else (theirs, mine)
    a = next(iter(primary.call.others(transferring.device)), None)
    c = next(iter(secondary.call.others(transferring.device)), None)
    join_calls(world, primary, secondary, a, c, new_id)


def _call_between(world: World, device: str, remote: str, leg: Leg, new_id: str) -> Call | None:
    """The call in which the transferring device talked to ``remote``, to whom this leg leads now."""
    calls = [c for c in world.table.calls_of(device) if c is not leg.connection.call and _lives(c, device) and _lives(c, remote)]
    if len(calls) < 2:
        return calls[0] if calls else None
    # it may have left one of them unnoticed, while remote held that: the other survivor's word, or the id that goes on, tells which
    word = word_of(world, remote, leg.user, device)
    theirs = world.leg_of(remote, word.calls[0]) if word is not None else None
    known = theirs.connection.call if theirs is not None else world.table.find(new_id)
    return known if known in calls else calls[0]


def _lives(call: Call, device: str) -> bool:
    connection = call.connections.get(device)
    parked = connection is not None and connection.state == QUEUED and not connection.queue
    return connection is not None and connection.alive and not parked


def _new_far_end(world: World, leg: Leg, remote: str, *, alerting: bool) -> None:
    """What a transferred leg says of its new far end, if that does not speak for itself."""
    if not remote or world.speaks(remote):
        return
    far = leg.connection.call.connection(remote)
    if alerting and not world.reached(far, ALERTING):
        world.delivered(far, "singleStepTransfer" if remote in leg.connection.call.singled else "newCall")


RULES = {
    "CallRedirectedEvent": Rule(redirected, redirected_gate),
    "CallDetachedEvent": Rule(detached, detached_gate),
    "CallTransferredEvent": Rule(transferred_rule, transferred_gate),
}
