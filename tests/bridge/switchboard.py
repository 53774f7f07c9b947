"""The simulated switch in front of the call model: what happens at phones goes out as XML and arrives late and out of step."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

import attrs
from twisted.internet.task import Clock

from bwconnector.bridge.callmodel import CallModel
from bwconnector.bridge.changes import Change
from bwconnector.bridge.policy import Policy
from bwconnector.simulator.model import SimEvent, SwitchError, User, Variation
from bwconnector.simulator.render import Envelope, event_data, event_document
from bwconnector.simulator.switch import Switch
from bwconnector.xsi.events import Party, SubscriptionEvent
from bwconnector.xsi.parse import parse

STEP = 0.025
DOMAIN = "example.net"
NAMES = ("alice", "bob", "carol", "dave", "erin")
OUTSIDE = ("+15559990000", "+15559990001")

BASIC = ("dial", "answer", "hang_up", "reject", "no_answer", "hold", "retrieve", "click_to_dial", "lift", "not_lifted", "busy")
MOVING = ("dial", "answer", "hang_up", "hold", "retrieve", "consult", "transfer_consult", "transfer_blind", "deflect", "no_answer")
CONFERENCES = (
    *("dial", "answer", "hang_up", "hold", "retrieve", "consult"),
    *("conference_start", "conference_add", "conference_hold", "conference_retrieve", "conference_release"),
)
ENTERING = ("dial", "answer", "hang_up", "hold", "reject", "pickup", "park", "park_retrieve", "barge_in")
HELPING = (
    *("dial", "answer", "hang_up", "hold", "retrieve", "record", "pause_recording", "resume_recording", "stop_recording"),
    *("escalate", "emergency_escalate"),
)
EVERYTHING = tuple(dict.fromkeys((*BASIC, *MOVING, *CONFERENCES, *ENTERING, *HELPING)))

_ONE_PARTY = frozenset(
    {"lift", "not_lifted", "answer", "reject", "no_answer", "hold", "retrieve", "hang_up", "transfer_consult", "conference_start"}
    | {"conference_add", "conference_hold", "conference_retrieve", "conference_release"}
    | {"record", "pause_recording", "resume_recording", "stop_recording", "escalate", "emergency_escalate"}
)
_OF_OUTSIDE = frozenset({"answer", "hang_up", "busy"})


def user_id(name: str) -> str:
    return f"{name}@{DOMAIN}"


@attrs.frozen
class Happening:
    """One operation at the switch that was possible: after how many seconds, which, with what arguments."""

    after: float
    operation: str
    arguments: tuple[str, ...]


class _PhoneBook:
    """Device keys by number, as a directory that knows everybody gives them."""

    def __init__(self, users: Iterable[User]) -> None:
        self._keys = {number: user.user_id for user in users for number in (user.number, user.extension)}

    def key(self, party: Party) -> str:
        return party.user_id or self.key_of_address(party.address)

    def key_of_address(self, address: str) -> str:
        text = address.removeprefix("tel:").partition(";")[0]
        return self._keys.get(text, text)

    def is_user(self, key: str) -> bool:
        return "@" in key


class Switchboard:
    """A switch, streams that are up to ``drift`` seconds late, and a call model that hears of the monitored users."""

    def __init__(self, monitored: Iterable[str], variation: Variation, rng: random.Random, drift: float = 0.25) -> None:
        self.clock = Clock()
        self.users = [User(user_id(n), f"+1555000100{i}", n.title(), f"100{i}", "sales") for i, n in enumerate(NAMES, 1)]
        self.monitored = {user_id(name) for name in monitored}
        self.heard: dict[str, list[Change]] = {device: [] for device in sorted(self.monitored)}
        self.watchers: list[Callable[[Change, tuple[str, ...]], None]] = []
        self.model = CallModel(self.clock, Policy(), _PhoneBook(self.users), self.monitored.__contains__, self._deliver)
        self.switch = Switch(self.users, now=self._now, emit=self._emit, variation=variation)
        self._rng = rng
        self._drift = drift
        self._sent = 0
        self._waiting: dict[str, list[bytes]] = {}

    def _now(self) -> int:
        return int(self.clock.seconds() * 1000) + 1

    def _deliver(self, change: Change, devices: tuple[str, ...]) -> None:
        for watcher in self.watchers:
            watcher(change, devices)
        for device in devices:
            self.heard[device].append(change)

    def _emit(self, event: SimEvent) -> None:
        if event.user_id not in self.monitored:
            return
        self._sent += 1
        envelope = Envelope(f"e{self._sent}", self._sent, "admin", "tests", "s", event.user_id)
        # what was sent later of the same user cannot arrive earlier: each arrival takes the oldest document
        self._waiting.setdefault(event.user_id, []).append(event_document(envelope, "c", event_data(event)))
        self.clock.callLater(self._rng.random() * self._drift, self._arrive, event.user_id)

    def _arrive(self, user: str) -> None:
        document = parse(self._waiting[user].pop(0))
        assert isinstance(document, SubscriptionEvent)
        self.model.apply(user, document.data)

    def do(self, happening: Happening) -> bool:
        """Let time pass and do it; False when the switch does not allow it."""
        self.wait(happening.after)
        try:
            getattr(self.switch, happening.operation)(*happening.arguments)
        except SwitchError:
            return False
        return True

    def wait(self, seconds: float) -> None:
        """Let time pass in steps so small that what is due in between sees the right time."""
        steps = max(1, round(seconds / STEP))
        for _ in range(steps):
            self.clock.advance(seconds / steps)

    def quiet(self) -> None:
        self.wait(3.0)

    def hang_up_everywhere(self) -> None:
        """End every call there is, by whatever operation ends it."""
        for _ in range(200):
            parties = [*(user.user_id for user in self.users), *OUTSIDE]
            busy = [party for party in parties if self.switch.legs(party)]
            if not busy:
                break
            for party in busy:
                for operation in ("conference_release", "hang_up", "reject", "not_lifted"):
                    self.do(Happening(0.0, operation, (party,)))
            self.wait(0.5)
        self.quiet()


def script(rng: random.Random, operations: Sequence[str], length: int, pause: float) -> list[Happening]:
    """Random operations of random parties; not all of them will be possible."""
    users = [user_id(name) for name in NAMES]
    addresses = [*(f"100{i}" for i in range(1, 6)), *(f"+1555000100{i}" for i in range(1, 6)), *OUTSIDE, "9999"]
    found = []
    for _ in range(length):
        operation = rng.choice(operations)
        party = rng.choice([*users, *OUTSIDE]) if operation in _OF_OUTSIDE or operation == "dial" else rng.choice(users)
        if operation == "busy":
            party = rng.choice(OUTSIDE)
        if operation in _ONE_PARTY or operation == "busy":
            arguments: tuple[str, ...] = (party,)
        elif operation in ("pickup", "barge_in"):
            arguments = (party, rng.choice(users))
        elif operation in ("park", "park_retrieve"):
            arguments = (party, rng.choice(addresses[:5]))
        else:
            arguments = (party, rng.choice(addresses))
        found.append(Happening(pause + rng.random() * 0.2, operation, arguments))
    return found


def variation(rng: random.Random) -> Variation:
    """One of the ways in which BroadWorks releases may differ."""
    return Variation(
        transfer_id=rng.choice(["first", "second", "new"]),
        released_after_redirected=rng.random() < 0.5,
        transfer_event=rng.choice(["CallTransferredEvent", "CallUpdatedEvent"]),
        updated_on_ringing=rng.random() < 0.7,
        treatment=rng.random() < 0.5,
        colp=rng.random() < 0.7,
    )
