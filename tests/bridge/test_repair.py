"""Events that were lost, or told before to somebody else, and what a snapshot then makes of them."""

from __future__ import annotations

from bwconnector.xsi.events import CallSubscription, Conference, ConferenceParticipant
from tests.bridge.flows import Flow, Stream, conf, ev, leg, truth
from tests.bridge.scenarios import talk


def played(monitored: str, *script: Stream) -> Flow:
    flow = Flow(monitored)
    for user, data in script:
        flow.say(user, data)
    return flow


def again(flow: Flow, user: str, *legs: str) -> None:
    """``user`` was not monitored for a while, and is again."""
    flow.model.forget(user)
    flow.say(user, truth(*(leg(f"{user.lower()}1", text) for text in legs)), silent=True)


def test_nobody_hears_twice_what_a_new_monitor_has_to_learn() -> None:
    flow = played("AB", *talk())
    before = list(flow.heard["B"])
    again(flow, "A", "K1 Or Ac B")
    assert flow.heard["B"] == before
    flow.say("A", ev("Held", leg("a1", "K1 Or He B")))
    assert flow.heard["B"] == [*before, "Held{K1,A} connected normal"]


def test_nobody_hears_twice_that_a_phone_rings() -> None:
    flow = played("AB", ("A", ev("Originated", leg("a1", "K1 Or Al B"))), ("B", ev("Received", leg("b1", "K1 Te Al A"))))
    before = list(flow.heard["A"])
    again(flow, "B", "K1 Te Al A")
    assert flow.heard["A"] == before


def test_a_click_to_dial_that_was_there_when_its_monitor_began_still_originates() -> None:
    flow = played("B")
    flow.monitored.add("A")
    flow.heard["A"] = []
    flow.say("A", truth(leg("a1", "K1 CtD Al B")), silent=True)
    flow.say("B", ev("Received", leg("b1", "K1 Te Al A")))
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al B")))
    flow.finish()
    assert [line.split()[0] for line in flow.heard["A"]] == ["Originated{K1,A}", "Delivered{K1,B}"]


def test_a_click_to_dial_whose_originated_was_lost() -> None:
    clicked = ("A", ev("Originating", leg("a1", "K1 CtD Al X")))
    for later in (ev("Updated", leg("a1", "K1 Or Al X")), truth(leg("a1", "K1 Or Al X"))):
        flow = played("A", clicked, ("A", later))
        assert [line.split()[:2] for line in flow.heard["A"]][:2] == [
            ["ServiceInitiated{K1,A}", "initiated"],
            ["Originated{K1,A}", "connected"],
        ]
        assert flow.holds()["K1"]["A"] == "connected"


def test_a_late_ring_and_its_end_do_not_end_the_call_that_was_picked_up() -> None:
    flow = played(
        "AB",
        ("A", ev("Originated", leg("a1", "K1 Or Al B"))),
        ("A", ev("PickedUp", leg("a1", "K1 Or Al C"))),
        ("A", 1.0),
        ("A", ev("Answered", leg("a1", "K1 Or Ac C"))),
        ("B", ev("Received", leg("b1", "K1 Te Al A"))),
        ("B", ev("Released", leg("b1", "K1 Te Re A", release="remote"))),
    )
    flow.finish()
    assert flow.holds() == {"K1": {"A": "connected", "C": "connected"}}


def test_a_held_conference_is_held_in_a_snapshot() -> None:
    flow = Flow("A")
    conference = Conference("Held", (ConferenceParticipant("a1"), ConferenceParticipant("a2")))
    flow.say("A", CallSubscription((leg("a1", "K1 Or Ac B"), leg("a2", "K2 Or Ac C")), conference), silent=True)
    assert flow.holds() == {"K1": {"A": "hold", "B": "connected", "C": "connected"}}
    flow.say("A", conf("Retrieved", "a1", "a2"))
    assert flow.heard["A"] == ["Retrieved{K1,A} connected normal"]


def test_a_caller_of_whom_only_others_have_told_is_cleared_by_its_own_snapshot() -> None:
    flow = played("AB", ("B", ev("Received", leg("b1", "K1 Te Al A"))))
    flow.wait(1.0)
    assert flow.heard["A"] != []
    flow.say("B", ev("Released", leg("b1", "K1 Te Re A", release="local")))
    flow.say("A", truth())
    flow.finish()
    assert flow.heard["A"][-1] == "ConnectionCleared{K1,A} null switchingFunctionTerminated"
    assert len(flow.model.table) == 0


def test_whoever_parked_a_call_is_not_in_it_because_the_parked_party_is_shown_its_name() -> None:
    flow = played("B")
    flow.say("B", truth(), silent=True)
    flow.monitored.add("A")
    flow.heard["A"] = []
    flow.say("A", truth(leg("a1", "K1 Or RH B")), silent=True)
    flow.finish()
    assert flow.heard["B"] == []
    assert flow.holds() == {"K1": {"A": "connected"}}


def test_a_call_of_which_only_a_later_event_was_seen() -> None:
    flow = played("A", ("A", ev("Updated", leg("a1", "K1 Or Al X"))))
    assert flow.heard["A"] == []
    flow.say("A", truth(leg("a1", "K1 Or Al X")))
    assert [line.split()[0] for line in flow.heard["A"]] == ["Originated{K1,A}"]


def test_a_caller_of_whom_only_others_have_told_leaves_with_the_last_of_them() -> None:
    flow = played("AB", ("B", ev("Received", leg("b1", "K1 Te Al A"))), ("B", 1.0))
    flow.say("B", ev("Released", leg("b1", "K1 Te Re A", release="local")))
    flow.finish()
    assert flow.heard["A"][-1] == "ConnectionCleared{K1,A} null normalClearing"
    assert len(flow.model.table) == 0


def test_who_was_called_and_transferred_is_connected_while_the_new_party_rings() -> None:
    flow = Flow("BD")
    flow.say("B", truth(leg("b1", "K1 Te Al D", answer_time=1)), silent=True)
    flow.say("D", truth(leg("d1", "K1 Te Al B", via=[("A", "transfer")])), silent=True)
    assert flow.holds() == {"K1": {"B": "connected", "D": "alerting"}}
