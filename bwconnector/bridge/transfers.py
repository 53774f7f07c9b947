"""Rules for calls that change hands: transfer, deflection and forwarding, and how their legs at several users are brought together.

The transferring user tells it (CallRedirected), the transferred one (CallTransferred) and the one it goes to (CallReceived with
redirections, CallTransferred or CallUpdated), in any order. Who comes first waits for the others, at most P-JOIN; one change results.
"""

from __future__ import annotations

from bwconnector.bridge import causes
from bwconnector.bridge.calls import ALERTING, CONNECTED, HOLD, NULL, Call, Connection, Leg
from bwconnector.bridge.changes import ConnectionId, ListItem
from bwconnector.bridge.pickup import park, parks
from bwconnector.bridge.rules import Rule
from bwconnector.bridge.steps import Step
from bwconnector.bridge.world import World

__all__ = ["RULES", "moved_on", "transferred", "transferred_gate", "waits_for_redirector"]

_WORDS = frozenset({"CallTransferredEvent", "CallUpdatedEvent", "CallReceivedEvent", "CallAnsweredEvent"})


def word_of(world: World, user: str, other: str) -> Step | None:
    """The waiting step by which ``user`` says that its far end is now ``other``."""
    return next((s for s in world.steps.of(user) if s.type in _WORDS and other in s.remotes), None)


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
        if not target:
            return world.policy.seconds("P-JOIN")
    for user, other in expected:
        if user and other and world.speaks(user) and word_of(world, user, other) is None:
            return world.policy.seconds("P-JOIN")
    return 0.0


def _answered(leg: Leg) -> bool:
    return leg.connection.state in (CONNECTED, HOLD)


def _target(world: World, step: Step, leg: Leg) -> str:
    """Device key of the party that the leg was redirected to: a waiting word of the others names it better than the bare address."""
    heard = world.steps.find(lambda s: s.type == "CallTransferredEvent" and s.user == leg.remote and s.remotes[0] not in ("", leg.user))
    if heard is not None:
        return heard.remotes[0]
    heard = world.steps.find(lambda s: s.type == "CallReceivedEvent" and leg.remote in s.remotes and _redirected_by(world, s, leg.user))
    if heard is not None:
        return heard.user
    redirect = next((x.redirect for x in step.calls if x.call_id == leg.call_id), None)
    return world.directory.key_of_address(redirect.address) if redirect is not None and redirect.address else ""


def _redirected_by(world: World, step: Step, user: str) -> bool:
    newest = world.newest(step.calls[0])
    return newest is not None and world.directory.key(newest.party) == user


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
            if not _answered(leg):
                divert(world, leg, target, causes.diverted_cause(reason))
            elif parks(world, leg) or not target:
                park(world, leg, target)
            else:
                _single_step_transfer(world, leg.connection, target, _survivor_id(world, leg, target))
    for leg, _ in pairs:
        retire(world, leg)


def _hidden(world: World, leg: Leg, target: str, reason: str) -> None:
    """Redirected without having rung (P-GUARD): the device's only event is this Diverted."""
    connection = leg.connection
    if connection.device in connection.call.diverted or world.reached(connection, ALERTING):
        return
    divert(world, leg, target, causes.diverted_cause(reason))


def divert(world: World, leg: Leg, target: str, cause: str) -> None:
    world.diverted(leg.connection, target, cause)


def retire(world: World, leg: Leg) -> None:
    """A detached leg is kept for its Released, but no longer counts."""
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
        divert(world, leg, intent.user if intent else "", "callPickup" if intent else "redirected")
    retire(world, leg)


# consultation transfer


def _consult_transfer(world: World, legs: list[Leg]) -> None:
    """Both calls of the user are joined. The one it consulted is the secondary call: the one whose far party it called last."""
    held, active = _primary_first(legs)
    a, c = world.far(held), world.far(active)
    new_id = ""
    for user, other in ((held.remote, active.remote), (active.remote, held.remote)):
        word = word_of(world, user, other) if user and other else None
        if word is not None:
            new_id = new_id or word.calls[0].tracking_id
    join_calls(world, held.connection, active.connection, a, c, new_id or active.connection.call.id)


def _primary_first(legs: list[Leg]) -> tuple[Leg, Leg]:
    """The held leg is the primary one; if none or both are held, the older."""
    held = [leg for leg in legs if leg.connection.state == HOLD]
    first = held[0] if len(held) == 1 else legs[0]
    return first, next(leg for leg in legs if leg is not first)


def join_calls(world: World, primary: Connection, secondary: Connection, a: Connection | None, c: Connection | None, new_id: str) -> None:
    """One TransferedEvent: the two calls of the transferring device become one between the others (ECMA-269 §17.2.18)."""
    call, other = primary.call, secondary.call
    transferring = primary.device
    old_ids = {connection.device: connection.call.id for connection in (*call.alive(), *other.alive())}
    primary_id, secondary_id = ConnectionId(call.id, transferring), ConnectionId(other.id, transferring)
    consulted_called = other.called
    world.enter(primary, NULL)
    world.enter(secondary, NULL)
    for leg in [*primary.legs, *secondary.legs]:
        leg.state = "Detached"
        world.table.drop_leg(leg)
    if other is not call:
        other.connections.pop(transferring, None)
        world.table.merge(call, other)
    world.table.rename(call, new_id)
    survivors = [connection for connection in call.alive() if connection.device != transferring]
    if call.calling in ("", transferring) and a is not None:
        call.calling = a.device
    call.called = consulted_called or (c.device if c is not None else call.called)
    call.outgoing_external = bool(call.called) and not world.directory.is_user(call.called)
    call.last_redirection = transferring
    states = {connection.device: connection.state for connection in survivors}
    states[transferring] = NULL
    _report(
        world,
        call,
        primary_id,
        secondary=secondary_id,
        transferring=transferring,
        target=c.device if c is not None else "",
        states=states,
        items=tuple(_item(world, call, connection.device, old_ids.get(connection.device)) for connection in survivors),
        cause="transfer",
    )


def _item(world: World, call: Call, device: str, old_id: str | None) -> ListItem:
    old = ConnectionId(old_id, device) if old_id is not None else None
    return ListItem(ConnectionId(call.id, device), old, external=bool(device) and not world.directory.is_user(device))


def _report(
    world: World,
    call: Call,
    primary: ConnectionId,
    *,
    secondary: ConnectionId | None,
    transferring: str,
    target: str,
    states: dict[str, str],
    items: tuple[ListItem, ...],
    cause: str,
) -> None:
    """Tell Transfered; with P-RED set the transferring device's own monitor hears Diverted instead."""
    own = world.policy.word("P-RED") == "diverted"
    told = {device: state for device, state in states.items() if not (own and device == transferring)}
    world.reports.tell(
        "TransferedEvent",
        call,
        primary.device,
        cause,
        states=told,
        call_id=primary.call_id,
        target=target,
        secondary=secondary,
        items=items,
    )
    if own:
        others = [item.new.device for item in items if item.new.device != target]
        only = {transferring: NULL}
        world.reports.tell("DivertedEvent", call, transferring, "transfer", states=only, call_id=primary.call_id, target=target)
        if secondary is not None:
            far = others[0] if others else ""
            world.reports.tell("DivertedEvent", call, transferring, "transfer", states=only, call_id=secondary.call_id, target=far)


# single step transfer


def _survivor_id(world: World, leg: Leg, target: str) -> str:
    """The tracking id that the surviving legs will carry, if one of them has spoken; else the call keeps its own."""
    call = leg.connection.call
    for user, other in ((leg.remote, target), (target, leg.remote)):
        word = word_of(world, user, other) if user and other else None
        if word is not None:
            return word.calls[0].tracking_id
    return call.id


def _single_step_transfer(world: World, connection: Connection, target: str, new_id: str) -> None:
    """One TransferedEvent without secondaryOldCall; the new party alerts afterwards."""
    call, transferring = connection.call, connection.device
    primary_id = ConnectionId(call.id, transferring)
    old_ids = {other.device: call.id for other in call.alive()}
    world.enter(connection, NULL)
    world.table.rename(call, new_id)
    survivors = call.alive()
    if call.calling == transferring and survivors:
        call.calling = survivors[0].device
    if world.policy.word("P-CALLED") == "transferred-to" or call.called == call.calling:
        call.called = target if world.policy.word("P-CALLED") == "transferred-to" else transferring
    call.last_redirection = transferring
    if target:
        call.singled.add(target)
    states = {other.device: other.state for other in survivors}
    states[transferring] = NULL
    items = [_item(world, call, other.device, old_ids.get(other.device)) for other in survivors]
    items.append(_item(world, call, target, None))
    _report(
        world,
        call,
        primary_id,
        secondary=None,
        transferring=transferring,
        target=target,
        states=states,
        items=tuple(items),
        cause="singleStepTransfer",
    )


# at the transferred user, and at the one it is transferred to


def transferred_gate(world: World, step: Step) -> float:
    """The transferring device's own word counts, if it is monitored; else that of the other surviving one is awaited."""
    leg = world.leg_of(step.user, step.calls[0])
    if leg is None or not leg.remote or leg.remote == step.remotes[0]:
        return 0.0
    transferring = leg.connection.call.connections.get(leg.remote)
    if transferring is not None and not transferring.alive and world.reached(transferring, CONNECTED):
        return 0.0
    if world.speaks(leg.remote):
        return world.policy.seconds("P-FAR")
    new = step.remotes[0]
    if new and world.speaks(new) and word_of(world, new, step.user) is None:
        return world.policy.seconds("P-JOIN")
    return 0.0


def transferred_rule(world: World, step: Step) -> None:
    if not transferred(world, step):
        leg = world.leg_of(step.user, step.calls[0])
        if leg is not None:
            world.follow(leg, step.calls[0], step.remotes[0])


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
    if mine is not None and mine.alive and remote != old and old:
        _by_survivor(world, leg, mine, xsi.tracking_id, remote, alerting)
    elif not (remote != old and old in call.connections):
        return False
    leg = world.leg_of(step.user, xsi) or leg
    world.follow(leg, xsi, remote)
    leg.state = xsi.state
    _new_far_end(world, leg, remote, alerting=alerting)
    return True


def _by_survivor(world: World, leg: Leg, transferring: Connection, tracking_id: str, remote: str, alerting: bool) -> None:
    """Told by a surviving party alone: the transferring device has no own word."""
    call = leg.connection.call
    other = _call_between(world, transferring.device, remote, call)
    new_id = tracking_id or call.id
    if other is None:
        known = world.table.find(new_id)
        if known is not None and known is not call:
            new_id = call.id
        if alerting:
            _single_step_transfer(world, transferring, remote, new_id)
        else:
            _joined_unseen(world, leg, transferring, remote, new_id)
        return
    mine, theirs = transferring, other.connections[transferring.device]
    # the transferring device held the call that is older and consulted in the newer one
    primary, secondary = (mine, theirs) if _older(world, call, other) else (theirs, mine)
    a = next(iter(primary.call.others(transferring.device)), None)
    c = next(iter(secondary.call.others(transferring.device)), None)
    join_calls(world, primary, secondary, a, c, new_id)


def _older(world: World, call: Call, other: Call) -> bool:
    return next((c is call for c in world.table if c in (call, other)), True)


def _call_between(world: World, device: str, remote: str, other_than: Call) -> Call | None:
    for call in world.table:
        if call is not other_than and _lives(call, device) and _lives(call, remote):
            return call
    return None


def _lives(call: Call, device: str) -> bool:
    connection = call.connections.get(device)
    return connection is not None and connection.alive


def _joined_unseen(world: World, leg: Leg, transferring: Connection, remote: str, new_id: str) -> None:
    """A consultation transfer of which only one call was ever seen."""
    call = transferring.call
    primary_id = ConnectionId(call.id, transferring.device)
    old_ids = {other.device: call.id for other in call.alive()}
    world.enter(transferring, NULL)
    world.table.rename(call, new_id)
    if remote:
        world.enter(call.connection(remote), CONNECTED)
    survivors = call.alive()
    consulted = leg.personality == "Terminator"  # as far as one leg can tell: who was called is who was consulted
    call.calling, call.called = (remote, leg.user) if consulted else (leg.user, remote)
    call.last_redirection = transferring.device
    states = {other.device: other.state for other in survivors}
    states[transferring.device] = NULL
    items = tuple(_item(world, call, other.device, old_ids.get(other.device)) for other in survivors)
    _report(
        world,
        call,
        primary_id,
        secondary=None,
        transferring=transferring.device,
        target=remote,
        states=states,
        items=items,
        cause="transfer",
    )


def _new_far_end(world: World, leg: Leg, remote: str, *, alerting: bool) -> None:
    """What a transferred leg says of its new far end, if that does not speak for itself."""
    if not remote or world.speaks(remote):
        return
    far = leg.connection.call.connection(remote)
    if alerting and not world.reached(far, ALERTING):
        world.delivered(far, "singleStepTransfer" if remote in leg.connection.call.singled else "newCall")


# at the new destination


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
    gone = connection is not None and not connection.alive and bool(connection.entered)
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


_GROUPS = frozenset({"hunt-group", "call-center", "route-point"})


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
    if connection is not None and connection.alive and connection.state in (CONNECTED, HOLD):
        _single_step_transfer(world, connection, step.user, xsi.tracking_id or call.id)
    elif (connection is not None and connection.alive) or (connection is None and _dialled(call, redirector)):
        world.diverted(call.connection(redirector), step.user, causes.diverted_cause(newest.reason))


def _dialled(call: Call, device: str) -> bool:
    return any(leg.remote == device for connection in call.connections.values() for leg in connection.legs)


# at the originator


def forwarded_gate(world: World, step: Step) -> float:
    leg = world.leg_of(step.user, step.calls[0])
    if leg is None or leg.moved or not leg.remote or leg.remote in leg.connection.call.diverted:
        return 0.0
    if world.speaks(leg.remote):
        return world.policy.seconds("P-FAR")
    new = step.remotes[0]
    if new and new != leg.remote and world.speaks(new) and word_of(world, new, step.user) is None:
        return world.policy.seconds("P-JOIN")  # the new destination knows the reason
    return 0.0


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
        new = remote if remote != old else ""
        word = word_of(world, new, step.user) if new else None
        newest = world.newest(word.calls[0]) if word is not None else world.newest(xsi)
        world.diverted(call.connection(old), new, causes.diverted_cause(newest.reason if newest else ""))
        leg.moved = 0
    world.follow(leg, xsi, remote)


RULES = {
    "CallRedirectedEvent": Rule(redirected, redirected_gate),
    "CallDetachedEvent": Rule(detached, detached_gate),
    "CallTransferredEvent": Rule(transferred_rule, transferred_gate),
    "CallForwardedEvent": Rule(forwarded, forwarded_gate),
}
