"""A switch under test, and its events as short lines that read like the tables of a call flow."""

from __future__ import annotations

import itertools
from typing import Any

from bwconnector.simulator.directory import make_users
from bwconnector.simulator.model import Call, ServiceState, SimEvent, Variation
from bwconnector.simulator.switch import Switch

A, B, C, D = ("alice@example.net", "bob@example.net", "carol@example.net", "dave@example.net")
X = "+15559990000"
STEP = 1000


class Recorded:
    """A switch with an own time that goes on by one second with every look at it, and all events that it emitted."""

    def __init__(self, **variation: Any) -> None:
        self.events: list[SimEvent] = []
        ticks = itertools.count(1_700_000_000_000, STEP)
        self.switch = Switch(
            make_users(8, "example.net"), now=lambda: next(ticks), emit=self.events.append, variation=Variation(**variation)
        )

    def forward(self, user: str, service: str, address: str) -> None:
        self.switch.services.change(user, ServiceState(service, active=True, forward_to=address))

    def take(self, user: str) -> list[str]:
        """The user's events since the last :meth:`clear`, without hook status."""
        return [line(event) for event in self.events if event.user_id == user and event.type != "HookStatusEvent"]

    def clear(self) -> None:
        self.events.clear()


def line(event: SimEvent) -> str:
    name = event.type.removesuffix("Event")
    if event.conference is not None and event.type != "CallSubscriptionEvent":
        members = ",".join(call_id.rpartition(":")[2] for call_id in event.conference.participants)
        return f"{name} {event.conference.type or event.conference.state} [{members}]"
    if event.calls:
        return " + ".join([f"{name} {leg(event.calls[0])}", *(leg(call) for call in event.calls[1:])])
    if event.party is not None:
        return f"{name} {who(event.party.user_id, event.party.address)}"
    return name


def leg(call: Call) -> str:
    personality = {"Originator": "Or", "Terminator": "Te", "Click-to-Dial": "CtD"}[call.personality]
    parts = [f"{call.tracking_id} {personality} {call.state} >{who(call.remote.user_id, call.remote.address)}"]
    parts += [f"by {who(r.party.user_id, r.party.address)} {r.reason}" for r in call.redirections]
    if call.redirect is not None:
        parts.append(f"to {call.redirect.address} {call.redirect.reason}")
    if call.cause is not None:
        parts.append(call.cause.internal)
    if call.releasing_party:
        parts.append(call.releasing_party.removesuffix("Release"))
    return ", ".join(parts)


def who(user_id: str, address: str) -> str:
    return user_id.partition("@")[0] or address.removeprefix("tel:")
