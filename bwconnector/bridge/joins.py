"""Two calls become one, or a call goes to somebody else: the changes themselves, told as one Transfered (ECMA-269 §17.2.18)."""

from __future__ import annotations

from bwconnector.bridge.calls import CONNECTED, NULL, QUEUED, Call, Connection, Leg
from bwconnector.bridge.changes import ConnectionId, ListItem
from bwconnector.bridge.steps import Step
from bwconnector.bridge.world import World

__all__ = ["join_calls", "joined_late", "joined_unseen", "redirected_by", "single_step_transfer", "word_of"]


_ARRIVALS = frozenset({"CallReceivedEvent", "ACDCallAddedEvent", "RoutePointCallAddedEvent"})
_WORDS = _ARRIVALS | {"CallTransferredEvent", "CallUpdatedEvent", "CallAnsweredEvent", "ACDCallUpdatedEvent", "RoutePointCallUpdatedEvent"}


def word_of(world: World, user: str, other: str, redirector: str) -> Step | None:
    """The waiting step by which ``user`` says that its far end is now ``other``, and was ``redirector`` or was redirected by it."""

    def says(step: Step) -> bool:
        if other not in step.remotes or step.type not in _WORDS:
            return False
        if step.type in _ARRIVALS:
            return redirected_by(world, step, redirector)
        leg = world.leg_of(user, step.calls[0])
        return leg is not None and leg.remote == redirector

    return next(filter(says, world.steps.of(user)), None)


def redirected_by(world: World, step: Step, redirector: str) -> bool:
    """``redirector`` was the last who redirected the call that this step tells of."""
    newest = world.newest(step.calls[0])
    return newest is not None and world.directory.key(newest.party) == redirector


def join_calls(world: World, primary: Connection, secondary: Connection, a: Connection | None, c: Connection | None, new_id: str) -> None:
    """One TransferedEvent: the two calls of the transferring device become one between the others (ECMA-269 §17.2.18)."""
    call, other = primary.call, secondary.call
    transferring = primary.device
    for parked in [c for c in (*call.alive(), *other.alive()) if c.state == QUEUED and not c.legs]:
        elsewhere = (other if parked.call is call else call).connections.get(parked.device)
        if elsewhere is not None and elsewhere.alive:
            world.cleared(parked, "normalClearing")  # who waited there now talks to this very device
    old_ids = {connection.device: connection.call.id for connection in (*call.alive(), *other.alive())}
    primary_id, secondary_id = ConnectionId(call.id, transferring), ConnectionId(other.id, transferring)
    consulted_called = other.called
    world.enter(primary, NULL)
    world.enter(secondary, NULL)
    for leg in [*primary.legs, *secondary.legs]:
        leg.state = "Detached"
        world.table.drop_leg(leg)
    if other is not call:
        other.remove(transferring)
        world.table.merge(call, other)
    world.table.rename(call, new_id)
    survivors = [connection for connection in call.alive() if connection.device != transferring]
    call.diverted -= {connection.device for connection in survivors}
    if a is not None and a.queue:
        call.calling, call.called = (c.device if c is not None else call.calling), a.device  # who was consulted waits in the queue now
    else:
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


def single_step_transfer(world: World, connection: Connection, target: str, new_id: str) -> None:
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
        call.singled |= {target}
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


def joined_unseen(world: World, leg: Leg, transferring: Connection, remote: str, new_id: str) -> None:
    """A consultation transfer of which only one call was ever seen."""
    call = transferring.call
    primary_id = ConnectionId(call.id, transferring.device)
    old_ids = {other.device: call.id for other in call.alive()}
    world.enter(transferring, NULL)
    world.table.rename(call, new_id)
    if remote:
        far = call.connection(remote)
        far.queue = world.is_queue(far)
        world.enter(far, QUEUED if far.queue else CONNECTED)
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


def joined_late(world: World, transferring: Connection, known: Call) -> None:
    """The other half of such a transfer, whose first half has made ``known`` the call that goes on: only those who come hear of it."""
    call = transferring.call
    primary_id = ConnectionId(call.id, transferring.device)
    coming = [connection for connection in call.alive() if connection is not transferring]
    old_ids = {connection.device: call.id for connection in coming}
    states = {connection.device: connection.state for connection in coming}
    world.enter(transferring, NULL)
    world.table.merge(known, call)
    known.last_redirection = transferring.device
    items = tuple(_item(world, known, connection.device, old_ids.get(connection.device)) for connection in known.alive())
    _report(
        world,
        known,
        primary_id,
        secondary=None,
        transferring=transferring.device,
        target=coming[0].device if coming else "",
        states=states,
        items=items,
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
