"""Random things that people do with their phones, each of them possible when it is done."""

from __future__ import annotations

from random import Random

from bwconnector.simulator.model import HELD, SwitchError
from bwconnector.simulator.switch import Switch

__all__ = ["NUMBERS", "OUTSIDE", "QUEUES", "USERS", "entangled", "free_numbers", "use_phone"]

USERS = ("alice", "bob", "carol", "dave")
OUTSIDE = ("+15559990000", "+15559990001", "+15559990002", "+15559990003")
QUEUE, ROUTE = "queue1", "route1"
QUEUES = (QUEUE, ROUTE)
NUMBERS = ("1501", "1501", "1701", "1001", "1002", "1003", "1004", "+15550001002", *OUTSIDE, "5551")
"""What may be dialled: a call center, a route point, extensions, public numbers of the same people, outside numbers, and a number that
does not exist."""

ANYBODY = (*USERS, *OUTSIDE)

OPERATIONS: dict[str, tuple[tuple[str, ...], ...]] = {
    "dial": (ANYBODY, NUMBERS),
    "consult": (USERS, NUMBERS),
    "click_to_dial": (USERS, NUMBERS),
    "lift": (USERS,),
    "not_lifted": (USERS,),
    "answer": (ANYBODY,),
    "reject": (USERS,),
    "no_answer": (USERS,),
    "busy": (OUTSIDE,),
    "deflect": (USERS, NUMBERS),
    "hold": (USERS,),
    "retrieve": (USERS,),
    "hang_up": (ANYBODY,),
    "transfer_consult": (USERS,),
    "transfer_blind": (USERS, NUMBERS),
    "pickup": (USERS, USERS),
    "park": (USERS, USERS),
    "park_retrieve": (USERS, USERS),
    "conference_start": (USERS,),
    "conference_add": (USERS,),
    "conference_hold": (USERS,),
    "conference_retrieve": (USERS,),
    "conference_release": (USERS,),
    "barge_in": (USERS, USERS),
    "overflow": ((QUEUE,),),
    "strand": ((QUEUE,),),
    "release_waiting": (QUEUES,),
    "transfer_waiting": (QUEUES, NUMBERS),
    "promote": ((QUEUE,), ("0-Highest", "1-High")),
    "escape": (ANYBODY,),
    "offer": ((ROUTE,), USERS),
    "bounce": ((ROUTE,),),
    "fail": ((ROUTE,),),
}
"""Operations of the switch with what each of their arguments may be."""

OFTEN = ("dial", "answer")
"""Without these nothing else is possible."""

TRIES = 6
"""For one operation, with arguments at random, before another one is tried."""


def use_phone(switch: Switch, choice: int, *, but: frozenset[str] = frozenset()) -> str:
    """Do one thing; equal choices in equal situations do the same. Returns what was done, for a failure's report."""
    random = Random(choice)
    names = sorted(OPERATIONS.keys() - but)
    names = [random.choice(OFTEN), *random.sample(names, len(names))][random.randrange(2) :]
    for name in names:
        for _ in range(TRIES):
            arguments = [random.choice(values) for values in OPERATIONS[name]]
            if entangled(switch, name, arguments):
                continue
            try:
                getattr(switch, name)(*arguments)
            except SwitchError:
                continue
            return f"{name}({', '.join(arguments)})"
    return "nothing"


def free_numbers(switch: Switch, person: str) -> list[str]:
    """What ``person`` may call, or have called, without entangling calls."""
    return [number for number in NUMBERS if not entangled(switch, "dial", [person, number])]


def entangled(switch: Switch, name: str, arguments: list[str]) -> bool:
    """It might lead to two calls of one outside number or between the same two parties, to a party in two conferences, or to one parked, or
    to a party that is parked in nobody knows which of its calls.

    Events name a far end by its user, not by its leg, so there they do not say which of the two calls is meant; and a party that is in a
    CSTA call twice would have one connection for two legs. Snapshots must repair what the call model supposes.
    """
    person = arguments[0]
    far_ends = [leg.peer.owner.user_id for leg in switch.legs(person) if leg.peer is not None]
    others = set(far_ends)
    if name.startswith(("conference", "transfer")) and len(others) < len(far_ends):
        return True
    if name.startswith("conference"):
        return any(switch.bridge(other) is not None for other in others)
    if name == "park":
        return any(switch.bridge(other) is not None for other in (person, *others)) or _parks_one_of_several(switch, person)
    if person in OUTSIDE and name == "dial" and switch.legs(person):
        return True
    if name == "barge_in":
        parties = {arguments[1], *_others(switch, arguments[1])}
        return any(switch.bridge(party) is not None for party in (person, *parties)) or bool(others & parties)
    if name in ("dial", "consult", "click_to_dial", "deflect", "transfer_blind", "transfer_waiting", "pickup", "park_retrieve"):
        target = switch.directory.resolve(arguments[1])
        if target is not None and target.outside and switch.legs(target.user_id):
            return True
        mine = {switch.directory.party(person).user_id, *others}
        return target is not None and (target.user_id in mine or bool(mine & _others(switch, target.user_id)))
    if name == "transfer_consult":
        return any(others & _others(switch, other) for other in others)
    return False


def _parks_one_of_several(switch: Switch, person: str) -> bool:
    """Which of its calls the party would be parked in nobody tells: the far end of another one holds as well, or it holds both itself."""
    for parked in [leg.peer for leg in switch.legs(person) if leg.peer is not None]:
        rest = [leg for leg in switch.legs(parked.owner.user_id) if leg is not parked]
        if any(leg.peer is None or leg.peer.state == HELD or leg.state == parked.state == HELD for leg in rest):
            return True
    return False


def _others(switch: Switch, party: str) -> set[str]:
    return {leg.peer.owner.user_id for leg in switch.legs(party) if leg.peer is not None}
