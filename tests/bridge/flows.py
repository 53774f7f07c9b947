"""A small language for golden call flows: Xsi legs in short form go in, one line per CSTA event and monitored device comes out."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence

import attrs
from twisted.internet.task import Clock

from bwconnector.bridge.callmodel import CallModel
from bwconnector.bridge.changes import Change, ConnectionId
from bwconnector.bridge.intents import Intent
from bwconnector.bridge.policy import Policy
from bwconnector.xsi.events import (
    CallEvent,
    CallParkedAgainst,
    CallSubscription,
    Conference,
    ConferenceEvent,
    ConferenceParticipant,
    EventData,
    Party,
    Redirect,
    Redirection,
    ReleaseCause,
    XsiCall,
)
from bwconnector.xsi.queues import QUEUE_EVENTS, QueueEntry, QueueEvent, QueueSubscription

USERS = "ABCDSGQPR"
QUEUES = "QPR"
"""Call centers and a route point."""
PERSONALITY = {"Or": "Originator", "Te": "Terminator", "CtD": "Click-to-Dial"}
STATE = {"Al": "Alerting", "Ac": "Active", "He": "Held", "RH": "Remote Held", "De": "Detached", "Re": "Released", "Id": "Idle"}


def party(name: str) -> Party:
    """``A``..: a BroadWorks user; ``X``, ``Y``: external numbers; ``?``: withheld."""
    if name in ("", "?"):
        return Party(private=name == "?")
    if name[0] in USERS:
        return Party(user_id=name, address=f"tel:{name}", call_type="Group")
    return Party(address=f"tel:{name}", call_type="Network")


def leg(
    call_id: str,
    text: str,
    *,
    why: str = "",
    release: str = "",
    to: str = "",
    reason: str = "transfer",
    via: Sequence[tuple[str, str]] = (),
    remote_type: str = "",
    **more: object,
) -> XsiCall:
    """``leg("a1", "K1 Or Al B")``: callId, then extTrackingId, personality, state and remote party.

    ``release``: ``local`` or ``remote``; ``why``: internalReleaseCause; ``to``/``reason``: redirect; ``via``: redirections, oldest first;
    ``remote_type``: callType of the remote party.
    """
    tracking, personality, state, *remote = text.split()
    far = party(remote[0] if remote else "")
    return XsiCall(
        call_id,
        tracking,
        PERSONALITY[personality],
        STATE[state],
        attrs.evolve(far, call_type=remote_type) if remote_type else far,
        releasing_party=f"{release}Release" if release else "",
        release_cause=ReleaseCause(internal=why) if why else None,
        redirect=Redirect(f"tel:{to}", reason) if to else None,
        redirections=tuple(Redirection(party(who), because) for who, because in via),
        **more,  # type: ignore[arg-type]
    )


def ev(name: str, *legs: XsiCall, reason: str = "") -> EventData:
    """``ev("Answered", leg(...))``."""
    return CallEvent(f"Call{name}Event", legs, reason)


def conf(name: str, *call_ids: str, kind: str = "") -> EventData:
    state = "Released" if name == "Released" else "Held" if name == "Held" else "Active"
    return ConferenceEvent(f"Conference{name}Event", Conference(state, tuple(map(ConferenceParticipant, call_ids)), kind))


def truth(*legs: XsiCall, conference: Sequence[str] = (), held: bool = False) -> EventData:
    state = "Held" if held else "Active"
    return CallSubscription(legs, Conference(state, tuple(map(ConferenceParticipant, conference))) if conference else None)


def entry(text: str, **more: object) -> QueueEntry:
    """``entry("q1 K1 X")``: callId, extTrackingId and caller."""
    call_id, tracking, who = text.split()
    return QueueEntry(call_id, tracking, party(who), **more)  # type: ignore[arg-type]


def acd(
    name: str,
    text: str,
    *,
    agent: str = "",
    to: str = "",
    because: str = "call-center",
    via: Sequence[tuple[str, str]] = (),
    point: bool = False,
    **more: object,
) -> EventData:
    """``acd("CallAdded", "q1 K1 X", position=1)``: an event of a call center, or of a route point if ``point``.

    ``agent``: the answering user and callId; ``to`` and ``because``: redirect; ``via``: redirections, oldest first.
    """
    kind = f"{'RoutePoint' if point else 'ACD'}{name}Event"
    answering = dict(zip(("answering_user_id", "answering_call_id"), agent.split(), strict=False))
    return QueueEvent(
        kind,
        QUEUE_EVENTS[kind],
        entry(text, **answering),
        redirect=Redirect(f"tel:{to}", because) if to else None,
        redirections=tuple(Redirection(party(who), why) for who, why in via),
        **more,  # type: ignore[arg-type]
    )


def waiting(*texts: str) -> EventData:
    """The whole truth about a queue."""
    return QueueSubscription(tuple(map(entry, texts)))


def agent_leg(call_id: str, text: str, queue: str = "Q", **more: object) -> XsiCall:
    """A call that a queue offers to an agent; the party in ``text`` is its caller."""
    found = leg(call_id, text, **more)  # type: ignore[arg-type]
    return attrs.evolve(found, remote=party(queue), acd_user_id=queue, acd_calling_party=found.remote)


def intend(service: str, user: str, *call_ids: str, target: str = "") -> tuple[str, Intent]:
    """A request of ours goes to BroadWorks."""
    return user, Intent(service, user, call_ids, target)


def parked(who: str) -> EventData:
    return CallParkedAgainst(party(who) if who else None)


class FlatDirectory:
    """Device keys are the letters themselves."""

    def key(self, party: Party) -> str:
        return party.user_id or self.key_of_address(party.address)

    def key_of_address(self, address: str) -> str:
        return address.removeprefix("tel:")

    def is_user(self, key: str) -> bool:
        return key[:1] in tuple(USERS)

    def is_queue(self, key: str) -> bool:
        return key[:1] in tuple(QUEUES)

    def is_route_point(self, key: str) -> bool:
        return key == "R"


class Flow:
    """A call model with everything that it needs, and what each monitored device heard."""

    def __init__(self, monitored: Iterable[str] = "ABC", policy: dict[str, str | int] | None = None) -> None:
        self.clock = Clock()
        self.monitored = set(monitored)
        self.heard: dict[str, list[str]] = {device: [] for device in self.monitored}
        self.changes: list[tuple[str, Change]] = []
        self.policy = Policy(policy)
        self.model = CallModel(self.clock, self.policy, FlatDirectory(), self.monitored.__contains__, self._deliver)

    def _deliver(self, change: Change, devices: tuple[str, ...]) -> None:
        for device in devices:
            self.heard[device].append(line(change, device))
            self.changes.append((device, change))

    def say(self, user: str, data: EventData | Intent | float, *, silent: bool = False) -> None:
        if isinstance(data, float):
            self.wait(data)
            return
        if isinstance(data, Intent):
            self.model.intents.add(Intent(data.service, data.user, data.call_ids, data.target))
            return
        if user in self.monitored:
            self.model.apply(user, data, silent=silent)

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def finish(self) -> None:
        """Let every timer of the model run out."""
        for _ in range(8):
            self.clock.advance(0.25)

    def holds(self) -> dict[str, dict[str, str]]:
        """callID to the states of its living connections."""
        return {call.id: {c.device: c.state for c in call.alive()} for call in self.model.table if call.alive()}


def line(change: Change, device: str) -> str:
    """One event as a monitor on ``device`` hears it, e.g. ``Delivered{K1,B} alerting newCall A>B``."""
    words = [f"{change.kind.removesuffix('Event')}{_id(change.subject)}", change.states[device], change.cause]
    if change.secondary is not None:
        words.append(f"and{_id(change.secondary)}")
    if change.kind not in _WITHOUT_PARTIES:
        words.append(f"{change.calling or '?'}>{change.called or '?'}")
        if change.last_redirection is not None:
            words.append(f"lr={change.last_redirection or '?'}")
    if change.kind in ("DivertedEvent", "TransferedEvent", "ConferencedEvent", "CallInformationEvent"):
        words.append(f"to={change.target or '?'}")
    if change.items:
        words.append("[" + " ".join(f"{_id(i.new)}{'<' + _id(i.old) if i.old else ''}" for i in change.items) + "]")
    if change.characteristics:
        words.append(",".join(sorted(change.characteristics)))
    return " ".join(words)


_WITHOUT_PARTIES = frozenset(
    {"HeldEvent", "RetrievedEvent", "ConnectionClearedEvent", "TransferedEvent", "ConferencedEvent", "ServiceInitiatedEvent"}
)


def _id(connection: ConnectionId) -> str:
    return f"{{{connection.call_id},{connection.device or '?'}}}"


Stream = tuple[str, EventData | Intent | float]


def interleavings(script: Sequence[Sequence[Stream]], most: int = 150, seed: int = 7) -> Iterator[list[Stream]]:
    """Arrival orders of a script: as listed, then random ones that keep each user's own order.

    A script is a list of phases; orders mix the events of one phase only (phases are further apart than streams can drift).
    """
    yield [event for phase in script for event in phase]
    rng = random.Random(seed)
    for _ in range(most):
        order: list[Stream] = []
        for phase in script:
            queues: dict[str, list[Stream]] = {}
            for event in phase:
                queues.setdefault(event[0], []).append(event)
            while queues:
                user = rng.choice(sorted(queues))
                order.append(queues[user].pop(0))
                if not queues[user]:
                    del queues[user]
        yield order
