"""Whatever gets lost, in the end each T-Server believes what is true, and was told of every time in which it could not."""

from __future__ import annotations

import re

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from bwconnector.csta import messages as csta

from .test_healing import Site, call

NAMES = ("alice", "bob")
STATES = {"Alerting": "alerting", "Active": "connected", "Held": "hold"}
NEXT = {
    "Alerting": (("CallAnsweredEvent", "Active"), ("CallReleasedEvent", "Released")),
    "Active": (("CallHeldEvent", "Held"), ("CallReleasedEvent", "Released")),
    "Held": (("CallRetrievedEvent", "Active"), ("CallReleasedEvent", "Released")),
}


class World(Site):
    """What is true at BroadWorks, and what a T-Server believes."""

    def __init__(self) -> None:
        super().__init__()
        self.truth: dict[str, dict[str, str]] = {name: {} for name in NAMES}
        self.believed: dict[str, dict[str, str]] = {name: {} for name in NAMES}
        self.statuses: list[str] = []
        self.monitor(*NAMES)
        self.link.send_event = self._believe  # type: ignore[method-assign]
        self._numbers = 0

    def _believe(self, message: csta.Message, namespace: str) -> None:
        values = [getattr(message, field.name) for field in attrs.fields(type(message))]
        connection = next(value for value in values if isinstance(value, csta.ConnectionID))
        cross_ref_id, state = message.monitor_cross_ref_id, message.local_connection_info  # type: ignore[attr-defined]
        self.believed[NAMES[int(cross_ref_id) - 1]][str(connection.call_id)] = str(state)

    def move(self, name: str, number: int, lost: bool) -> None:
        """A call of a user comes, or goes on."""
        calls = self.truth[name]
        moves = [(key, *move) for key, state in calls.items() for move in NEXT[state]]
        moves.append(("", "CallReceivedEvent", "Alerting"))
        key, kind, state = moves[number % len(moves)]
        if not key:
            self._numbers += 1
            key = str(self._numbers)
        calls[key] = state
        if state == "Released":
            del calls[key]
        self.bw.calls[name] = "".join(call(each, other) for other, each in calls.items())
        for subscription in [each for each in self.bw.sequences if each.startswith(name)][-1:]:
            self.bw.tell(subscription, kind, call(state, key), lost)

    def regain_all(self) -> None:
        """Every channel that is down comes up when it is tried next."""
        for number, xsp in enumerate(self.bw.xsps):
            if not xsp.opened[-1].waiting.called:
                xsp.opened[-1].come_up(f"ch-{number}-{len(xsp.opened)}", 2147483647)

    def told(self) -> list[str]:
        return [str(m.system_status) for m in self.link.messages if isinstance(m, csta.SystemStatus)]


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int, bool]]:
    moves = st.tuples(st.sampled_from(NAMES), st.integers(0, 20), st.sampled_from((False, False, True)))
    disturbances = st.sampled_from(
        (("lose", 0, False), ("wait", 1, False), ("wait", 30, False), ("refuse", 0, False), ("forget", 0, False))
    )
    return draw(st.lists(st.one_of(moves, moves, disturbances), max_size=25))


@settings(max_examples=100)
@given(histories())
def test_in_the_end_everybody_believes_what_is_true(history: list[tuple[str, int, bool]]) -> None:
    world = World()
    for what, number, lost in history:
        if what == "lose":
            world.lose_all()
        elif what == "wait":
            for _ in range(number):
                world.regain_all()
                world.wait(0.1)
        elif what == "refuse":
            world.bw.refuses = not world.bw.refuses
        elif what == "forget":
            world.bw.forgets = not world.bw.forgets
        else:
            world.move(what, number, lost)
    world.bw.refuses = world.bw.forgets = False
    for _ in range(300):
        world.regain_all()
        world.wait(0.5)
    # that the last of all events was lost is shown by the next one only
    for name in NAMES:
        world.move(name, number=0, lost=False)
    world.wait(5.0)
    expected = {name: {f"K{number}": STATES[state] for number, state in calls.items()} for name, calls in world.truth.items()}
    assert {name: {k: s for k, s in calls.items() if s != "null"} for name, calls in world.believed.items()} == expected
    assert world.bridge.status.value == "normal"
    assert re.fullmatch(r"(disabled messagesLost normal |messagesLost normal )*", " ".join([*world.told(), ""]))
    assert all(gap.ended is not None for gap in world.bridge.gaps)
