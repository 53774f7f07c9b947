"""What random calls under random faults have found: each a few events in an order, or with a loss, that is rare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from .flows import Flow, Stream, conf, ev, interleavings, leg, parked, truth


def told(flow: Flow, device: str) -> list[str]:
    """Event and connection of what a device heard."""
    return [line.split()[0] for line in flow.heard[device]]


def last_in_any_order(script: Sequence[Sequence[Stream]], monitored: str) -> Iterator[tuple[Flow, list[str]]]:
    """The flow of each order of the last part of ``script``, and whose events came when."""
    *before, last = script
    for order in interleavings([last]):
        flow = Flow(monitored)
        for part in before:
            for user, data in part:
                flow.say(user, data)
            flow.wait(1.0)
        for user, data in order:
            flow.say(user, data)
        flow.finish()
        yield flow, [user for user, _ in order]


def test_who_is_found_in_a_call_does_not_retrieve_who_holds_there() -> None:
    flow = Flow("AS")
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al X")))
    flow.say("A", ev("Answered", leg("a1", "K1 Or Ac X")))
    flow.say("A", ev("Held", leg("a1", "K1 Or He X")))
    before = list(flow.heard["A"])
    flow.say("S", truth(leg("s1", "K1 Or Ac A")))
    assert flow.heard["A"] == before
    assert flow.holds()["K1"]["A"] == "hold"
    assert flow.holds()["K1"]["S"] == "connected"


@pytest.mark.parametrize("reason", ["transfer", "deflection", "no-answer"])
def test_who_redirected_an_earlier_call_still_has_the_one_it_dialled_since(reason: str) -> None:
    flow = Flow("AD")
    flow.say("A", ev("Originated", leg("a1", "K2 Or Al C")))
    flow.say("A", ev("Updated", leg("a1", "K2 Or Al C")))
    flow.say("D", truth(leg("d1", "K1 Te Al C", via=[("A", reason)])))
    flow.finish()
    assert told(flow, "A") == ["Originated{K2,A}", "Delivered{K2,C}"]
    assert flow.holds()["K2"]["A"] == "connected"


def test_a_caller_that_speaks_late_does_not_bring_back_who_deflected() -> None:
    flow = Flow("ABC")
    flow.say("B", ev("Received", leg("b1", "K1 Te Al A")))
    flow.wait(1.0)
    flow.say("C", ev("Received", leg("c1", "K1 Te Al A", via=[("B", "deflection")])))
    flow.say("B", ev("Redirected", leg("b1", "K1 Te De A", to="C", reason="deflection")))
    flow.wait(1.0)
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al B")))
    flow.say("A", ev("Forwarded", leg("a1", "K1 Or Al B")))
    flow.say("A", ev("Answered", leg("a1", "K1 Or Ac B")))
    flow.say("C", ev("Answered", leg("c1", "K1 Te Ac A")))
    flow.wait(1.0)
    assert told(flow, "B") == ["Delivered{K1,B}", "Diverted{K1,B}"]
    assert told(flow, "A")[-1] == "Established{K1,C}"


def test_who_sent_a_transferred_call_on_is_still_shown_and_has_not_come_back() -> None:
    flow = Flow("AD")
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al B")))
    flow.say("A", ev("Answered", leg("a1", "K1 Or Ac B")))
    flow.say("A", ev("Transferred", leg("a1", "K1 Or Al C")))
    flow.wait(1.0)
    flow.say("D", ev("Received", leg("d1", "K1 Te Al A", via=[("B", "transfer"), ("C", "deflection")])))
    flow.say("A", ev("Forwarded", leg("a1", "K1 Or Al C")))
    flow.say("A", ev("Updated", leg("a1", "K1 Or Al C")))
    flow.finish()
    assert told(flow, "A")[-2:] == ["Diverted{K1,C}", "Delivered{K1,D}"]
    assert flow.holds() == {"K1": {"A": "connected", "D": "alerting"}}


def test_a_controllers_leg_to_who_has_parked_it_says_nothing_of_the_others() -> None:
    flow = Flow("ACD")
    for number, who in enumerate("AC", 1):
        flow.say(who, ev("Originated", leg(f"{who}1", f"K{number} Or Al D")))
        flow.say("D", ev("Received", leg(f"d{number}", f"K{number} Te Al {who}")))
        flow.wait(0.3)
        flow.say("D", ev("Answered", leg(f"d{number}", f"K{number} Te Ac {who}")))
        flow.say(who, ev("Answered", leg(f"{who}1", f"K{number} Or Ac D")))
        flow.wait(0.3)
    flow.say("D", conf("Started", "d1", "d2"))
    flow.say("C", ev("Released", leg("C1", "K2 Or Re D", release="local")))
    flow.say("D", ev("Held", leg("d2", "K2 Te RH C")))
    flow.wait(1.0)
    assert "Held{K1,A}" not in told(flow, "A")


def test_nothing_follows_a_call_that_ends_before_it_was_lifted() -> None:
    flow = Flow("A")
    flow.say("A", ev("Originating", leg("a1", "K1 CtD Al X")))
    flow.say("A", ev("Releasing", leg("a1", "K1 Or Ac X", why="Busy")))
    flow.say("A", ev("Released", leg("a1", "K1 Or Re X", why="Busy", release="remote")))
    flow.finish()
    assert told(flow, "A") == ["ServiceInitiated{K1,A}", "ConnectionCleared{K1,A}"]


@pytest.mark.parametrize("survivor", ["K1", "K2"])
def test_a_caller_retrieves_what_it_parked_elsewhere(survivor: str) -> None:
    script = [
        [
            ("A", ev("Originated", leg("a1", "K1 Or Al B"))),
            ("B", ev("Received", leg("b1", "K1 Te Al A"))),
            ("B", ev("Answered", leg("b1", "K1 Te Ac A"))),
            ("A", ev("Answered", leg("a1", "K1 Or Ac B"))),
        ],
        [
            ("D", parked("B")),
            ("A", ev("Released", leg("a1", "K1 Or Re B", release="local"))),
            ("B", ev("Held", leg("b1", "K1 Te RH A"))),
        ],
        [
            ("A", ev("Originated", leg("a2", "K2 Or Al D"))),
            ("A", ev("Answered", leg("a2", f"{survivor} Or Ac B"))),
            ("B", ev("ParkRetrieved", leg("b1", f"{survivor} Te Ac A"))),
            ("D", parked("")),
        ],
    ]
    for flow, order in last_in_any_order(script, "ABD"):
        assert flow.holds() == {"K1": {"A": "connected", "B": "connected"}}, order
        assert told(flow, "A")[-1] == "Retrieved{K1,A}"


def test_the_call_that_somebody_has_left_is_the_one_that_is_parked() -> None:
    flow = Flow("AB")
    for number, far in enumerate("CX", 1):
        flow.say("A", ev("Originated", leg(f"a{number}", f"K{number} Or Al {far}")))
        flow.say("A", ev("Answered", leg(f"a{number}", f"K{number} Or Ac {far}")))
        flow.say("A", ev("Held", leg(f"a{number}", f"K{number} Or He {far}")))
    flow.monitored.add("C")
    flow.heard["C"] = []
    flow.say("C", truth(leg("c1", "K1 Te Ac A")), silent=True)
    flow.say("C", ev("Released", leg("c1", "K1 Te Re A", release="local")))
    flow.say("B", parked("A"))
    flow.finish()
    assert flow.holds()["K1"]["B"] == "queued"
    assert flow.holds()["K2"] == {"A": "hold", "X": "connected"}


def test_a_conference_is_found_of_which_one_party_has_been_transferred() -> None:
    flow = Flow("C")
    transferred = leg("c1", "K1 Or Al X", answer_time=1)
    flow.say("C", truth(transferred, leg("c2", "K2 Te Ac A"), conference=["c1", "c2"]))
    assert list(flow.holds().values()) == [{"A": "connected", "C": "connected", "X": "alerting"}]


def test_the_far_end_of_who_is_found_after_a_visitor_is_part_of_the_call() -> None:
    flow = Flow("AD")
    for _ in range(2):
        flow.say("A", truth(leg("a1", "K1 Or Ac D")))
        flow.say("D", truth(leg("d1", "K1 Or RH C")))
    assert flow.holds()["K1"]["A"] == "connected"
    assert "Held{K1,A}" not in told(flow, "A")


def test_who_is_found_not_to_hold_has_retrieved() -> None:
    flow = Flow("A")
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al D")))
    flow.say("A", ev("Answered", leg("a1", "K1 Or Ac D")))
    flow.say("A", ev("Held", leg("a1", "K1 Or RH D")))
    flow.say("A", ev("Held", leg("a1", "K1 Or He D")))
    flow.monitored.add("D")
    flow.heard["D"] = []
    flow.say("D", truth(leg("d1", "K1 Te RH A")), silent=True)
    assert flow.holds() == {"K1": {"A": "hold", "D": "connected"}}
    assert told(flow, "A")[-1] == "Retrieved{K1,D}"
    assert flow.heard["D"] == []


@pytest.mark.parametrize("first", ["A", "D"])
def test_why_a_transferred_caller_is_released_does_not_depend_on_who_is_heard_first(first: str) -> None:
    flow = Flow("ABD")
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al B")))
    flow.say("B", ev("Received", leg("b1", "K1 Te Al A")))
    flow.say("B", ev("Answered", leg("b1", "K1 Te Ac A")))
    flow.say("A", ev("Answered", leg("a1", "K1 Or Ac B")))
    flow.say("B", ev("Redirected", leg("b1", "K1 Te De A", to="D")))
    flow.say("A", ev("Transferred", leg("a1", "K1 Or Al D")))
    flow.say("D", ev("Received", leg("d1", "K1 Te Al A", via=[("B", "transfer")])))
    flow.wait(1.0)
    ends = {
        "A": ev("Released", leg("a1", "K1 Or Re D", why="Busy", release="remote")),
        "D": ev("Released", leg("d1", "K1 Te Re A", release="local")),
    }
    for user in (first, *({"A", "D"} - {first})):
        flow.say(user, ends[user])
    flow.finish()
    assert flow.heard["A"][-2:] == ["ConnectionCleared{K1,D} connected callCancelled", "ConnectionCleared{K1,A} null busy"]


def test_who_barged_in_is_released_after_those_whose_call_it_is() -> None:
    script = [
        [
            ("A", ev("Originated", leg("a1", "K1 Or Al B"))),
            ("B", ev("Received", leg("b1", "K1 Te Al A"))),
            ("B", ev("Answered", leg("b1", "K1 Te Ac A"))),
            ("A", ev("Answered", leg("a1", "K1 Or Ac B"))),
        ],
        [
            ("S", ev("Originated", leg("s1", "K2 Or Al B"))),
            ("S", ev("Answered", leg("s1", "K1 Or Ac B"))),
            ("S", conf("Started", "s1", kind="Barge-In")),
            ("A", ev("BargedIn", leg("a1", "K1 Or Ac B"))),
            ("B", ev("BargedIn", leg("b1", "K1 Te Ac A"))),
        ],
        [
            ("A", ev("Released", leg("a1", "K1 Or Re B", release="local"))),
            ("B", ev("Released", leg("b1", "K1 Te Re A", release="remote"))),
            ("S", ev("Released", leg("s1", "K1 Or Re B", release="remote"))),
        ],
    ]
    views = set()
    for flow, _ in last_in_any_order(script, "ABS"):
        views.add(tuple(told(flow, "B")[-2:]))
    assert views == {("ConnectionCleared{K1,A}", "ConnectionCleared{K1,B}")}
