"""A device enters a call by pick-up or park retrieval, and its own private call's tracking id is the one that goes on."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from .flows import Flow, Stream, ev, interleavings, leg, parked

A_CALLS_D = [("A", ev("Originated", leg("a1", "K1 Or Al D"))), ("A", ev("Updated", leg("a1", "K1 Or Al D")))]
C_PICKS_UP = [
    ("C", ev("Originated", leg("c1", "K2 Or Al D"))),
    ("C", ev("Answered", leg("c1", "K2 Or Ac A"))),
    ("A", ev("PickedUp", leg("a1", "K2 Or Al C"))),
    ("A", ev("Answered", leg("a1", "K2 Or Ac C"))),
]
B_TALKS_AND_PARKS_AT_D = [
    ("A", ev("Originated", leg("a1", "K1 Or Al B"))),
    ("B", ev("Received", leg("b1", "K1 Te Al A"))),
    ("B", ev("Answered", leg("b1", "K1 Te Ac A"))),
    ("A", ev("Answered", leg("a1", "K1 Or Ac B"))),
]
PARKED = [("B", ev("Released", leg("b1", "K1 Te Re A", release="local"))), ("A", ev("Held", leg("a1", "K1 Or RH B"))), ("D", parked("A"))]
C_RETRIEVES = [
    ("C", ev("Originated", leg("c1", "K2 Or Al D"))),
    ("C", ev("Answered", leg("c1", "K2 Or Ac A"))),
    ("A", ev("ParkRetrieved", leg("a1", "K2 Or Ac C"))),
    ("D", parked("")),
]


def heard(script: Sequence[Sequence[Stream]], monitored: str) -> set[tuple[str, ...]]:
    """What A's monitor hears, in every order of arrival; the call is one in the end."""
    views = set()
    for order in interleavings(script):
        flow = Flow(monitored)
        for user, data in order:
            flow.say(user, data)
        flow.finish()
        assert flow.holds() == {"K1": {"A": "connected", "C": "connected"}}, [user for user, _ in order]
        views.add(tuple(flow.heard["A"]))
    return views


@pytest.mark.parametrize("monitored", ["A", "AC"])
def test_a_pick_up_where_the_pickers_own_id_goes_on(monitored: str) -> None:
    (view,) = heard([A_CALLS_D, C_PICKS_UP], monitored)
    assert [line.split()[0] for line in view] == ["Originated{K1,A}", "Delivered{K1,D}", "Diverted{K1,D}", "Established{K1,C}"]


@pytest.mark.parametrize("monitored", ["ABC", "ABCD"])
def test_a_retrieval_where_the_retrievers_own_id_goes_on(monitored: str) -> None:
    for view in heard([B_TALKS_AND_PARKS_AT_D, PARKED, C_RETRIEVES], monitored):
        assert view[-1].split()[0] == "Retrieved{K1,C}"


def test_the_parking_device_retrieves_the_call_itself() -> None:
    script = [
        B_TALKS_AND_PARKS_AT_D,
        [*PARKED[:2], ("B", parked("A"))],
        [
            ("B", ev("Originated", leg("b2", "K2 Or Al B"))),
            ("B", ev("Answered", leg("b2", "K2 Or Ac A"))),
            ("A", ev("ParkRetrieved", leg("a1", "K2 Or Ac B"))),
            ("B", parked("")),
        ],
    ]
    for order in interleavings(script):
        flow = Flow("AB")
        for user, data in order:
            flow.say(user, data)
        flow.finish()
        assert flow.holds() == {"K1": {"A": "connected", "B": "connected"}}, [user for user, _ in order]
        assert [line.split()[0] for line in flow.heard["A"]][-1] == "Retrieved{K1,B}"


def test_a_pick_up_where_the_caller_is_not_shown_who_rings() -> None:
    script = [
        [("A", ev("Originated", leg("a1", "K1 Or Al B"))), ("A", ev("Updated", leg("a1", "K1 Or Al B")))],
        [
            ("A", ev("Forwarded", leg("a1", "K1 Or Al B"))),
            ("D", ev("Received", leg("d1", "K1 Te Al A", via=[("B", "deflection")]))),
        ],
        [
            ("D", ev("Released", leg("d1", "K1 Te Re A", release="remote", via=[("B", "deflection")]))),
            ("A", ev("PickedUp", leg("a1", "K2 Or Al C"))),
            ("A", ev("Answered", leg("a1", "K2 Or Ac C"))),
        ],
    ]
    for order in interleavings(script):
        flow = Flow("AD")
        for user, data in order:
            flow.say(user, data)
        flow.finish()
        assert flow.holds() == {"K1": {"A": "connected", "C": "connected"}}, [user for user, _ in order]
        assert flow.heard["D"][-1].startswith("Diverted{K1,D} null callPickup")


def test_who_has_two_calls_is_parked_in_the_one_where_it_waits() -> None:
    flow = Flow("ABD")
    for user, data in [
        *B_TALKS_AND_PARKS_AT_D,
        ("A", ev("Originating", leg("a2", "K2 CtD Al X"))),
        *PARKED,
    ]:
        flow.say(user, data)
    flow.finish()
    assert flow.holds() == {"K1": {"A": "connected", "D": "queued"}, "K2": {"A": "initiated"}}
