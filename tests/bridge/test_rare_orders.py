"""What random calls under random faults have found: each a few events in an order, or with a loss, that is rare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import pytest

from .flows import Flow, Stream, acd, agent_leg, conf, ev, interleavings, leg, parked, party, truth, waiting


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


# Queues


def test_music_that_names_the_agent_who_sent_the_call_there_is_not_its_answer() -> None:
    flow = Flow("AGQ")
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al G")))
    flow.say("G", ev("Received", leg("g1", "K1 Te Al A")))
    flow.say("G", ev("Redirected", leg("g1", "K1 Te De A", to="Q", reason="deflection")))
    flow.say("A", ev("Forwarded", leg("a1", "K1 Or Al G")))
    flow.say("Q", acd("CallAdded", "q1 K1 A", position=1))
    flow.say("G", ev("Received", agent_leg("g2", "K1 Te Al A")))
    flow.say("A", ev("Answered", leg("a1", "K1 Or Ac G")))
    flow.finish()
    assert flow.holds()["K1"] == {"A": "connected", "Q": "queued", "G": "alerting"}


def test_an_offer_waits_for_who_has_sent_the_call_to_the_queue() -> None:
    script: list[list[Stream]] = [
        [("A", ev("Originated", leg("a1", "K1 Or Al X"))), ("A", ev("Answered", leg("a1", "K1 Or Ac X")))],
        [
            ("A", ev("Redirected", leg("a1", "K1 Or De X", to="Q", reason="transfer"))),
            ("G", ev("Received", agent_leg("g1", "K1 Te Al X"))),
        ],
    ]
    for flow, order in last_in_any_order(script, "AG"):
        assert told(flow, "A")[-1] == "Transfered{K1,A}", order
        assert told(flow, "G") == ["Delivered{K1,G}"], order


def test_an_agent_to_whom_its_own_transfer_is_offered_keeps_it() -> None:
    flow = Flow("ADQ")
    flow.say("D", ev("Originated", leg("d1", "K1 Or Al A")))
    flow.say("A", ev("Received", leg("a1", "K1 Te Al D")))
    flow.say("A", ev("Answered", leg("a1", "K1 Te Ac D")))
    flow.say("D", ev("Answered", leg("d1", "K1 Or Ac A")))
    flow.say("D", ev("Transferred", leg("d1", "K1 Or Al Q")))
    flow.say("A", truth(agent_leg("a2", "K1 Te Al D")))
    flow.say("Q", acd("CallAdded", "q1 K1 D", position=1, via=[("A", "transfer")]))
    flow.finish()
    assert flow.holds()["K1"]["A"] == "alerting"


def test_a_queue_that_begins_to_speak_knows_that_the_call_has_gone() -> None:
    flow = Flow("A")
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al Q")))
    flow.say("A", ev("Answered", leg("a1", "K1 Or Ac Q")))
    assert flow.holds()["K1"]["Q"] == "queued"
    flow.monitored.add("Q")
    flow.heard["Q"] = []
    flow.say("Q", waiting(), silent=True)
    assert "Q" not in flow.holds()["K1"]
    assert told(flow, "A")[-1] == "ConnectionCleared{K1,Q}"
    assert not flow.heard["Q"]


def test_an_agent_nobody_has_told_of_transfers_the_call_of_its_queue() -> None:
    script: list[list[Stream]] = [
        [("D", ev("Originated", leg("d1", "K1 Or Al Q"))), ("D", ev("Answered", leg("d1", "K1 Or Ac Q")))],
        [
            ("D", ev("Transferred", leg("d1", "K2 Or Al B"))),
            ("B", ev("Received", leg("b1", "K2 Te Al D", via=[("G", "transfer")]))),
        ],
    ]
    for flow, order in last_in_any_order(script, "BD"):
        assert [line[:9] for line in told(flow, "B")] == ["Delivered"], order
        assert [call for call, parties in flow.holds().items() if "D" in parties] == ["K1"], order


def test_a_parked_call_of_a_queue_is_retrieved_by_another_one_than_its_caller() -> None:
    flow = Flow("BDG")
    flow.say("D", ev("Originated", leg("d1", "K1 Or Al Q")))
    flow.say("G", ev("Received", agent_leg("g1", "K1 Te Al D")))
    flow.say("G", ev("Answered", agent_leg("g1", "K1 Te Ac D")))
    flow.say("D", ev("Released", leg("d1", "K1 Or Re Q", release="local")))
    flow.finish()
    retrieved = attrs.evolve(agent_leg("g1", "K1 Te Ac D"), remote=party("B"))
    flow.say("B", ev("Originated", leg("b1", "K2 Or Al G")))
    flow.say("G", ev("ParkRetrieved", retrieved))
    flow.say("B", ev("Answered", leg("b1", "K1 Or Ac G")))
    flow.finish()
    assert flow.holds()["K1"].get("D") is None
    assert flow.holds()["K1"]["B"] == "connected"


# Snapshots


def test_what_waited_for_a_birth_does_not_take_it_back() -> None:
    flow = Flow("BC")
    flow.say("C", ev("Originating", leg("c1", "K1 CtD Al B")))
    flow.say("B", truth(leg("b1", "K1 Te Ac C")))
    flow.say("C", truth(leg("c1", "K1 Or Ac B")))
    flow.finish()
    assert flow.heard["C"][-1].startswith("Established{K1,B} connected")


def test_a_device_that_comes_back_hears_again_who_is_there() -> None:
    flow = Flow("AD")
    flow.say("D", ev("Originated", leg("d1", "K1 Or Al A")))
    flow.say("A", ev("Received", leg("a1", "K1 Te Al D")))
    flow.say("A", ev("Answered", leg("a1", "K1 Te Ac D")))
    flow.say("D", truth())
    assert told(flow, "D")[-1] == "ConnectionCleared{K1,D}"
    flow.say("D", truth(leg("d1", "K1 Or Ac A")))
    assert flow.heard["D"][-1].startswith("Established{K1,A} connected")


def test_a_leg_that_others_had_told_of_is_held() -> None:
    flow = Flow("BG")
    flow.say("G", ev("Received", leg("g1", "K1 Te Al B")))
    flow.finish()
    assert flow.holds()["K1"]["B"] == "connected"
    flow.say("B", truth(leg("b1", "K1 Or He G")))
    assert flow.heard["B"][-1].startswith("Held{K1,B} hold")


def test_a_held_call_that_was_transferred_to_who_alerts_is_retrieved() -> None:
    flow = Flow("C")
    flow.say("C", ev("Originated", leg("c1", "K1 Or Al X")))
    flow.say("C", ev("Answered", leg("c1", "K1 Or Ac X")))
    flow.say("C", ev("Held", leg("c1", "K1 Or He X")))
    flow.say("C", truth(leg("c1", "K2 Or Al B", answer_time=1)))
    assert flow.heard["C"][-1].startswith("Retrieved{K1,C} connected")


def test_a_conference_with_somebody_unknown_is_one_call() -> None:
    flow = Flow("AB")
    flow.say("A", truth())
    flow.say("B", truth(leg("b1", "K1 Or Ac A"), leg("b2", "K2 Te Ac X")), silent=True)
    flow.say("B", conf("Started", "b2", "b1"))
    flow.finish()
    assert [parties for parties in flow.holds().values() if "B" in parties] == [{"B": "connected", "X": "connected"}]


def test_a_parked_call_that_is_transferred_to_where_it_is_parked() -> None:
    flow = Flow("BD")
    flow.say("D", ev("Originated", leg("d1", "K1 Or Al X")))
    flow.say("D", ev("Answered", leg("d1", "K1 Or Ac X")))
    flow.say("B", parked("D"))
    flow.finish()
    assert flow.holds()["K1"]["B"] == "queued"
    flow.say("D", ev("Originated", leg("d2", "K2 Or Al B")))
    flow.say("B", ev("Received", leg("b1", "K2 Te Al D")))
    flow.say("D", ev("Redirected", leg("d1", "K1 Or De X", to="B", reason="transfer"), leg("d2", "K2 Or De B", to="X", reason="transfer")))
    flow.say("B", ev("Transferred", leg("b1", "K3 Te Al X")))
    flow.finish()
    assert "ConnectionCleared{K1,B}" in told(flow, "B")
    assert [parties["B"] for parties in flow.holds().values() if "B" in parties] == ["alerting"]


def test_a_call_that_is_parked_is_not_one_that_waits_in_a_queue() -> None:
    flow = Flow("AB")
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al Q")))
    flow.say("A", ev("Answered", leg("a1", "K1 Or Ac Q")))
    flow.say("A", ev("Held", leg("a1", "K1 Or He Q")))
    flow.say("A", ev("Originated", leg("a2", "K2 Or Al B")))
    flow.say("B", ev("Received", leg("b1", "K2 Te Al A")))
    flow.say("B", ev("Answered", leg("b1", "K2 Te Ac A")))
    flow.say("A", ev("Answered", leg("a2", "K2 Or Ac B")))
    flow.say("B", parked("A"))
    flow.say("B", ev("Released", leg("b1", "K2 Te Re A", release="local")))
    flow.finish()
    assert "B" not in flow.holds()["K1"]


def test_both_halves_of_a_transfer_that_nobody_told_become_one_call() -> None:
    flow = Flow("AC")
    flow.say("C", ev("Received", agent_leg("c1", "K1 Te Al B")))
    flow.say("A", ev("Received", leg("a1", "K2 Te Al B")))
    flow.say("A", ev("Answered", leg("a1", "K2 Te Ac B")))
    flow.finish()
    flow.say("A", ev("Transferred", leg("a1", "K2 Te Ac Q")))
    flow.say("C", ev("Updated", attrs.evolve(agent_leg("c1", "K2 Te Al A"), remote=party("Q"))))
    flow.finish()
    assert flow.holds()["K2"] == {"A": "connected", "C": "alerting", "Q": "queued"}
    assert told(flow, "A").count("Transfered{K2,B}") == 1
    assert told(flow, "C")[-1] == "Transfered{K1,B}"


def test_a_held_conference_is_held_although_a_participant_holds() -> None:
    flow = Flow("B")
    for held in (False, True):
        flow.say("B", truth(leg("b1", "K1 Or Ac C"), leg("b2", "K2 Or Ac X"), conference=["b1", "b2"], held=held))
    assert flow.holds()["K1"]["B"] == "hold"
    flow.say("B", ev("Held", leg("b1", "K1 Or RH C")))
    flow.finish()
    assert flow.holds()["K1"]["B"] == "hold"


def test_a_snapshot_shows_a_leg_in_the_call_that_it_was_picked_up_into() -> None:
    flow = Flow("AC")
    flow.say("C", ev("Originated", leg("c1", "K1 Or Al X")))
    flow.say("A", ev("Originated", leg("a1", "K2 Or Al X")))
    flow.say("A", ev("Answered", leg("a1", "K2 Or Ac C")))
    flow.finish()
    flow.say("C", truth(leg("c1", "K2 Or Ac A")))
    assert flow.holds()["K2"]["C"] == "connected"
    assert "C" not in flow.holds().get("K1", {})


def test_an_agent_waits_for_a_monitored_caller_that_knows_how_it_came_to_the_queue() -> None:
    script: list[list[Stream]] = [
        [
            ("A", ev("Originated", leg("a1", "K1 Or Al B"))),
            ("B", ev("Received", leg("b1", "K1 Te Al A"))),
            ("B", ev("Answered", leg("b1", "K1 Te Ac A"))),
        ],
        [
            ("A", ev("Redirected", leg("a1", "K1 Or De B", to="Q", reason="transfer"))),
            ("B", ev("Transferred", leg("b1", "K2 Te Ac Q"))),
            ("G", ev("Received", agent_leg("g1", "K2 Te Al B"))),
        ],
    ]
    for flow, order in last_in_any_order(script, "ABG"):
        assert told(flow, "B")[-3:] == ["Transfered{K1,A}", "Queued{K2,Q}", "Delivered{K2,G}"], order


def test_a_snapshot_of_a_redirected_call_is_not_part_of_one_that_still_rings_at_who_redirected_it() -> None:
    flow = Flow("ABD")
    flow.say("B", truth(leg("b1", "K1 Te Al A")), silent=True)
    flow.say("D", truth(leg("d1", "K2 Te Al A", via=[("B", "deflection")])), silent=True)
    assert flow.holds()["K1"] == {"A": "connected", "B": "alerting"}
    assert flow.holds()["K2"]["D"] == "alerting"


def test_music_of_a_queue_that_has_not_spoken_yet_is_no_answer_of_its_agent() -> None:
    flow = Flow("AGQ")
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al Q")))
    flow.say("G", ev("Received", agent_leg("g1", "K1 Te Al A")))
    flow.finish()
    flow.say("A", ev("Answered", leg("a1", "K1 Or Ac Q")))
    flow.finish()
    flow.say("Q", acd("CallAdded", "q1 K1 A", position=1))
    flow.finish()
    assert flow.holds()["K1"] == {"A": "connected", "G": "alerting", "Q": "queued"}


def test_who_barges_into_the_call_of_an_unknown_agent_retrieves_nothing() -> None:
    flow = Flow("AC")
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al Q")))
    flow.say("A", ev("Answered", leg("a1", "K1 Or Ac Q")))
    flow.say("A", ev("BargedIn", leg("a1", "K1 Or Ac Q")))
    flow.say("C", ev("Originated", leg("c1", "K2 Or Al G")))
    flow.say("C", ev("Answered", leg("c1", "K1 Or Ac G")))
    flow.say("C", conf("Started", "c1", kind="Barge-In"))
    flow.finish()
    assert told(flow, "A")[-1].startswith("Conferenced")
    assert "Retrieved{K1,C}" not in told(flow, "A")


def test_which_of_its_calls_is_parked_the_parked_party_tells() -> None:
    script: list[list[Stream]] = [
        [("A", ev("Received", leg("a1", "K1 Te Al X"))), ("A", ev("Answered", leg("a1", "K1 Te Ac X")))],
        [
            ("A", ev("Held", leg("a1", "K1 Te He X"))),
            ("A", ev("Received", leg("a2", "K2 Te Al D"))),
            ("A", ev("Answered", leg("a2", "K2 Te Ac D"))),
        ],
        [
            ("A", ev("Held", leg("a2", "K2 Te RH D"))),
            ("C", parked("A")),
            ("D", ev("Released", leg("d1", "K2 Or Re A", release="local"))),
        ],
    ]
    for flow, order in last_in_any_order(script, "ACD"):
        assert {call: parties["C"] for call, parties in flow.holds().items() if "C" in parties} == {"K2": "queued"}, order


def test_who_waits_at_a_queue_is_not_parked() -> None:
    flow = Flow("CQ")
    flow.say("Q", acd("CallAdded", "q1 K1 A", position=1))
    flow.say("C", parked("A"))
    flow.finish()
    assert flow.holds()["K1"] == {"A": "connected", "Q": "queued"}


def test_a_caller_that_others_gave_up_is_there_again_when_it_is_answered_late() -> None:
    flow = Flow("AC")
    flow.say("C", ev("Originated", leg("c1", "K1 Or Al A")))
    flow.say("A", ev("Received", leg("a1", "K1 Te Al C")))
    flow.say("A", ev("Released", leg("a1", "K1 Te Re C", release="remote")))
    flow.finish()
    assert told(flow, "C")[-1] == "ConnectionCleared{K1,C}"
    flow.say("C", ev("Answered", leg("c1", "K1 Or Ac D")))
    flow.finish()
    assert flow.holds()["K1"] == {"C": "connected", "D": "connected"}
    assert told(flow, "C")[-1] == "Established{K1,D}"


def test_a_caller_that_others_gave_up_is_there_again_when_a_snapshot_shows_it() -> None:
    flow = Flow("AC")
    flow.say("C", ev("Originated", leg("c1", "K1 Or Al A")))
    flow.say("A", ev("Received", leg("a1", "K1 Te Al C")))
    flow.say("A", ev("Released", leg("a1", "K1 Te Re C", release="remote")))
    flow.wait(2.0)
    flow.say("C", truth(leg("c1", "K1 Or Ac D")))
    assert flow.holds()["K1"] == {"C": "connected", "D": "connected"}


def test_a_remote_hold_that_is_over_when_it_is_told_holds_nobody() -> None:
    flow = Flow("BD")
    flow.say("B", ev("Originated", leg("b1", "K1 Or Al D")))
    flow.say("D", ev("Received", leg("d1", "K1 Te Al B")))
    flow.say("D", ev("Answered", leg("d1", "K1 Te Ac B")))
    flow.say("B", ev("Answered", leg("b1", "K1 Or Ac D")))
    flow.say("D", truth(leg("d1", "K1 Te He B")))
    flow.finish()
    flow.say("D", ev("Retrieved", leg("d1", "K1 Te Ac B")))
    flow.say("B", ev("Held", leg("b1", "K1 Or RH D")))
    flow.say("B", ev("Retrieved", leg("b1", "K1 Or Ac D")))
    flow.finish()
    assert flow.holds()["K1"] == {"B": "connected", "D": "connected"}


def test_an_answer_older_than_a_hold_leaves_it() -> None:
    flow = Flow("C")
    flow.say("C", truth(leg("c1", "K1 Or He X")))
    flow.say("C", ev("Answered", leg("c1", "K1 Or Ac X")))
    flow.finish()
    assert flow.holds()["K1"]["C"] == "hold"
    flow.say("C", ev("Retrieved", leg("c1", "K1 Or Ac X")))
    assert flow.holds()["K1"]["C"] == "connected"


def test_a_snapshot_shows_who_has_answered_and_was_transferred_to_who_alerts() -> None:
    flow = Flow("B")
    flow.say("B", ev("Received", leg("b1", "K1 Te Al C")))
    flow.say("B", truth(leg("b1", "K2 Te Al A", answer_time=1)))
    assert [parties["B"] for parties in flow.holds().values()] == ["connected"]


def test_a_queue_that_only_its_late_caller_told_of_is_left_with_the_call() -> None:
    flow = Flow("BQ")
    flow.say("Q", waiting())
    flow.say("B", ev("Originated", leg("b1", "K1 Or Al Q")))
    flow.say("B", ev("Answered", leg("b1", "K1 Or Ac Q")))
    flow.finish()
    flow.say("B", ev("Released", leg("b1", "K1 Or Re Q", release="local")))
    flow.finish()
    assert not flow.holds()
    assert told(flow, "Q")[-1] == "ConnectionCleared{K1,Q}"


def test_a_snapshot_comes_after_the_words_that_name_what_it_shows() -> None:
    flow = Flow("BCD")
    flow.say("B", ev("Originated", leg("b1", "K1 Or Al X")))
    flow.say("B", ev("Answered", leg("b1", "K1 Or Ac X")))
    flow.say("D", parked("B"))
    flow.finish()
    flow.say("B", ev("ParkRetrieved", leg("b1", "K2 Or Ac C")))
    flow.say("C", truth(leg("c1", "K2 Or Ac B")))
    flow.finish()
    assert [parties for parties in flow.holds().values() if "C" in parties] == [{"B": "connected", "C": "connected"}]


def test_an_offer_waits_for_the_caller_of_who_deflected_to_the_queue() -> None:
    script: list[list[Stream]] = [
        [("A", ev("Originated", leg("a1", "K1 Or Al X")))],
        [("A", ev("Forwarded", leg("a1", "K1 Or Al Q"))), ("G", ev("Received", agent_leg("g1", "K1 Te Al A")))],
    ]
    for flow, order in last_in_any_order(script, "AG"):
        assert told(flow, "G") == ["Delivered{K1,G}"], order
        assert told(flow, "A")[1:] == ["Diverted{K1,X}", "Queued{K1,Q}", "Delivered{K1,G}"], order


def test_who_is_found_connected_to_a_queue_has_not_been_answered_by_its_agent() -> None:
    flow = Flow("AGQ")
    flow.say("Q", acd("CallAdded", "q1 K1 A", position=1))
    flow.say("G", ev("Received", agent_leg("g1", "K1 Te Al A")))
    flow.say("A", truth(leg("a1", "K1 Or Ac G")))
    flow.finish()
    assert flow.holds()["K1"] == {"A": "connected", "G": "alerting", "Q": "queued"}


def test_somebody_unknown_has_answered_where_the_called_party_would_have_told() -> None:
    flow = Flow("AB")
    flow.say("B", truth())
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al B")))
    flow.say("A", ev("Answered", leg("a1", "K1 Or Ac B")))
    flow.finish()
    assert told(flow, "A")[-1] == "Established{K1,?}"
    assert flow.holds()["K1"] == {"A": "connected"}
    assert not flow.heard["B"]


def test_whoever_tells_first_of_a_pickup_after_a_transfer_the_phone_that_rang_is_told_of() -> None:
    script: list[list[Stream]] = [
        [
            ("D", ev("Originated", leg("d1", "K1 Or Al Q"))),
            ("Q", acd("CallAdded", "q1 K1 D", position=1)),
            ("D", ev("Answered", leg("d1", "K1 Or Ac Q"))),
        ],
        [("Q", acd("CallTransferred", "q1 K1 D", to="C")), ("D", ev("Transferred", leg("d1", "K1 Or Al C")))],
        [
            ("B", ev("Originated", leg("b1", "K2 Or Al C"))),
            ("B", ev("Answered", leg("b1", "K1 Or Ac D"))),
            ("D", ev("PickedUp", leg("d1", "K1 Or Al B"))),
        ],
    ]
    for flow, order in last_in_any_order(script, "BDQ"):
        assert told(flow, "D")[-2:] == ["Diverted{K1,C}", "Established{K1,B}"], order


def test_the_extension_to_which_a_call_was_deflected_is_the_queue_where_it_waits() -> None:
    flow = Flow("AGR")
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al G")))
    flow.say("G", ev("Received", leg("g1", "K1 Te Al A")))
    flow.say("G", ev("Redirected", leg("g1", "K1 Te De A", to="1701", reason="deflection")))
    flow.say("A", ev("Forwarded", leg("a1", "K1 Or Al G")))
    flow.say("R", acd("CallAdded", "r1 K1 A", position=1, point=True))
    flow.say("A", ev("Answered", leg("a1", "K1 Or Ac G")))
    flow.finish()
    assert flow.holds()["K1"] == {"A": "connected", "R": "queued"}


def test_an_agent_whose_caller_has_sent_it_to_a_queue_leaves_as_a_caller() -> None:
    flow = Flow("GQ")
    flow.say("G", ev("Received", agent_leg("g1", "K1 Te Al X")))
    flow.say("G", ev("Answered", agent_leg("g1", "K1 Te Ac X")))
    flow.say("Q", acd("CallAdded", "q2 K1 G", position=1, via=[("X", "transfer")]))
    flow.finish()
    assert flow.holds()["K1"]["Q"] == "queued"
    flow.say("G", ev("Released", attrs.evolve(leg("g1", "K1 Te Re Q", release="remote"), acd_user_id="Q")))
    assert told(flow, "G")[-1] != "ConnectionCleared{K1,G}"
    flow.say("Q", acd("CallReleased", "q2 K1 G"))
    assert told(flow, "G")[-1] == "ConnectionCleared{K1,G}"
    assert "ConnectionCleared{K1,Q}" in told(flow, "G")


def test_who_picked_up_and_tells_it_late_hears_what_comes_then() -> None:
    flow = Flow("AC")
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al B")))
    flow.say("C", ev("Originated", leg("c1", "K2 Or Al B")))
    flow.say("A", ev("PickedUp", leg("a1", "K1 Or Al C")))
    flow.say("A", ev("Answered", leg("a1", "K1 Or Ac C")))
    flow.finish()
    assert told(flow, "C")[-1] == "Established{K1,C}"
    flow.say("C", ev("Answered", leg("c1", "K1 Or Ac A")))
    flow.say("A", ev("Held", leg("a1", "K1 Or He C")))
    flow.finish()
    assert told(flow, "C")[-2:] == ["ConnectionCleared{K2,C}", "Held{K1,A}"]
    flow.say("C", ev("Held", leg("c1", "K1 Or He A")))
    assert flow.heard["C"][-1].startswith("Held{K1,C} hold")


@pytest.mark.parametrize(("waits", "held_again"), [(0.2, False), (3.0, True)])
def test_a_hold_that_is_over_is_not_told_again_by_whoever_was_held(waits: float, held_again: bool) -> None:
    """The far end's word comes late: within P-FAR it means what the holding device has told itself, later something new."""
    flow = Flow("AB")
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al B")))
    flow.say("B", ev("Received", leg("b1", "K1 Te Al A")))
    flow.say("B", ev("Answered", leg("b1", "K1 Te Ac A")))
    flow.say("A", ev("Answered", leg("a1", "K1 Or Ac B")))
    flow.wait(5.0)
    flow.say("B", ev("Held", leg("b1", "K1 Te He A")))
    flow.say("B", ev("Retrieved", leg("b1", "K1 Te Ac A")))
    flow.wait(waits)
    before = told(flow, "A")
    flow.say("A", ev("Held", leg("a1", "K1 Or RH B")))
    flow.finish()
    assert before[-2:] == ["Held{K1,B}", "Retrieved{K1,B}"]
    assert told(flow, "A")[len(before) :] == (["Held{K1,B}"] if held_again else [])


def test_who_still_rings_has_not_answered_although_the_caller_names_it() -> None:
    flow = Flow("ADQ")
    flow.say("A", truth(leg("a1", "K1 Or Ac D")), silent=True)
    flow.say("Q", waiting("q1 K1 A"), silent=True)
    flow.say("D", truth(agent_leg("d1", "K1 Te Al A")), silent=True)
    assert flow.holds()["K1"] == {"A": "connected", "D": "alerting", "Q": "queued"}
    assert told(flow, "A")[-1] == "Delivered{K1,D}"
    flow.say("D", ev("Answered", agent_leg("d1", "K1 Te Ac A")))
    flow.finish()
    assert told(flow, "D") == ["Established{K1,D}"]


def test_music_heard_late_does_not_take_a_call_back_to_the_queue_whose_agent_is_found_with_it() -> None:
    flow = Flow("AGQ")
    flow.say("Q", waiting())
    flow.say("G", truth(agent_leg("g1", "K1 Te Ac A")))
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al Q")))
    flow.say("A", ev("Answered", leg("a1", "K1 Or Ac Q")))
    flow.finish()
    assert flow.holds()["K1"] == {"A": "connected", "G": "connected"}
    flow.say("G", ev("Redirected", agent_leg("g1", "K1 Te De A", to="Q")))
    flow.say("Q", acd("CallAdded", "q1 K1 A", position=1, via=[("G", "transfer")]))
    flow.finish()
    assert flow.holds()["K1"] == {"A": "connected", "Q": "queued"}


def test_an_agent_found_with_a_call_has_taken_it_from_a_queue_that_does_not_speak() -> None:
    flow = Flow("AG")
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al Q")))
    flow.say("A", ev("Answered", leg("a1", "K1 Or Ac Q")))
    flow.finish()
    flow.say("G", truth(agent_leg("g1", "K1 Te Ac A")))
    assert flow.holds()["K1"] == {"A": "connected", "G": "connected"}
    assert told(flow, "A")[-2:] == ["Diverted{K1,Q}", "Established{K1,G}"]


@pytest.mark.parametrize("survivor", ["K2", "K3", "K9"])
def test_of_two_calls_with_who_transfers_the_survivors_tell_which_goes_on(survivor: str) -> None:
    before: list[list[Stream]] = [
        [
            ("C", ev("Originated", leg(f"c{number}", f"K{number} Or Al B"))),
            ("C", ev("Answered", leg(f"c{number}", f"K{number} Or Ac B"))),
            ("C", ev("Held", leg(f"c{number}", f"K{number} Or He B"))),
        ]
        for number in (1, 2)
    ]
    script = [
        *before,
        [("D", ev("Received", leg("d1", "K3 Te Al B"))), ("D", ev("Answered", leg("d1", "K3 Te Ac B")))],
        [
            ("D", ev("Transferred", leg("d1", f"{survivor} Te RH C"))),
            ("C", ev("Transferred", leg("c2", f"{survivor} Or He D"))),
        ],
    ]
    for flow, order in last_in_any_order(script, "CD"):
        assert flow.holds() == {"K1": {"B": "connected", "C": "hold"}, survivor: {"C": "hold", "D": "connected"}}, order
        assert told(flow, "C")[-1].startswith("Transfered{K2,B}") or told(flow, "C")[-1].startswith("Transfered{K3,B}"), order


def test_who_retrieves_what_it_parked_at_the_parked_device_itself_can_transfer_it() -> None:
    flow = Flow("BD")
    flow.say("D", ev("Originated", leg("d1", "K1 Or Al B")))
    flow.say("B", ev("Received", leg("b1", "K1 Te Al D")))
    flow.say("B", ev("Answered", leg("b1", "K1 Te Ac D")))
    flow.say("D", ev("Answered", leg("d1", "K1 Or Ac B")))
    flow.finish()
    flow.say("D", parked("D"))
    flow.say("D", ev("Held", leg("d1", "K1 Or RH B")))
    flow.say("B", ev("Released", leg("b1", "K1 Te Re D", release="local")))
    flow.finish()
    flow.say("D", ev("ParkRetrieved", leg("d1", "K1 Or Ac B")))
    flow.say("B", ev("Originated", leg("b2", "K2 Or Al D")))
    flow.say("B", ev("Answered", leg("b2", "K1 Or Ac D")))
    flow.say("D", parked(""))
    flow.finish()
    flow.say("B", ev("Originated", leg("b3", "K3 Or Al X")))
    flow.say("B", ev("Answered", leg("b3", "K3 Or Ac X")))
    flow.say("B", ev("Redirected", leg("b2", "K1 Or De D", to="X"), leg("b3", "K3 Or De X", to="D")))
    flow.say("D", ev("Transferred", leg("d1", "K1 Or Ac X")))
    flow.finish()
    assert flow.holds() == {"K1": {"D": "connected", "X": "connected"}}
    assert [line[:10] for line in told(flow, "D")].count("Transfered") == 1


def test_who_is_parked_leads_to_whoever_has_retrieved_it() -> None:
    flow = Flow("ABD")
    flow.say("D", ev("Originated", leg("d1", "K1 Or Al B")))
    flow.say("B", ev("Received", leg("b1", "K1 Te Al D")))
    flow.say("B", ev("Answered", leg("b1", "K1 Te Ac D")))
    flow.say("D", ev("Answered", leg("d1", "K1 Or Ac B")))
    flow.finish()
    flow.say("A", parked("D"))
    flow.say("D", ev("Held", leg("d1", "K1 Or RH B")))
    flow.say("B", ev("Released", leg("b1", "K1 Te Re D", release="local")))
    flow.finish()
    flow.say("B", ev("Originated", leg("b2", "K2 Or Al A")))
    flow.say("D", ev("ParkRetrieved", leg("d1", "K1 Or Ac B")))
    flow.say("B", ev("Answered", leg("b2", "K1 Or Ac D")))
    flow.finish()
    (call,) = [call for call in flow.model.table if call.alive()]
    assert [own.remote for own in call.connections["D"].legs] == ["B"]
    assert not call.diverted & {connection.device for connection in call.alive()}


def test_what_is_left_of_a_held_conference_and_rings_is_not_held() -> None:
    flow = Flow("B")
    for number, far in enumerate("CX", 1):
        flow.say("B", ev("Originated", leg(f"b{number}", f"K{number} Or Al {far}")))
        flow.say("B", ev("Answered", leg(f"b{number}", f"K{number} Or Ac {far}")))
    flow.say("B", conf("Started", "b1", "b2"))
    flow.say("B", conf("Held", "b1", "b2"))
    flow.say("B", ev("Transferred", leg("b1", "K1 Or Al D")))
    flow.finish()
    assert flow.holds()["K1"]["B"] == "hold"
    flow.say("B", ev("Released", leg("b2", "K2 Or Re X", release="remote")))
    flow.say("B", conf("Released"))
    flow.finish()
    assert flow.holds()["K1"] == {"B": "connected", "D": "alerting"}
    assert told(flow, "B")[-1] == "Retrieved{K1,B}"


def test_a_conference_whose_party_was_in_a_queue_comes_to_that_queue_again() -> None:
    script: list[list[Stream]] = []
    for number, far in enumerate("AB", 1):
        script.append(
            [
                ("D", ev("Originated", leg(f"d{number}", f"K{number} Or Al {far}"))),
                ("D", ev("Answered", leg(f"d{number}", f"K{number} Or Ac {far}"))),
            ]
        )
    script.append([("D", ev("Originated", leg("d3", "K3 Or Al X"))), ("D", ev("Answered", leg("d3", "K3 Or Ac X")))])
    script.append([("D", conf("Started", "d1", "d2", "d3"))])
    script.append([("Q", acd("CallAdded", "q1 K4 A", position=1))])
    script.append([("D", ev("Transferred", leg("d1", "K4 Or Ac Q"))), ("Q", acd("CallUpdated", "q1 K4 D"))])
    script.append(
        [
            ("D", ev("Released", leg("d1", "K4 Or Re Q", release="remote"))),
            ("D", conf("Updated", "d2", "d3")),
            ("Q", acd("CallReleased", "q1 K4 D")),
        ]
    )
    for flow, order in last_in_any_order(script, "DQ"):
        assert told(flow, "Q")[-1] == "ConnectionCleared{K4,Q}", order
        flow.say("Q", acd("CallAdded", "q2 K5 B", position=1))
        flow.say("Q", acd("CallUpdated", "q2 K5 D"))
        flow.say("D", ev("Transferred", leg("d2", "K5 Or Ac Q")))
        flow.finish()
        assert flow.holds() == {"K5": {"D": "connected", "X": "connected", "Q": "queued"}}, order
        flow.say("Q", acd("CallAbandoned", "q2 K5 D"))
        flow.finish()
        assert told(flow, "Q")[-1] == "ConnectionCleared{K5,Q}", order


def test_why_a_waiting_party_leaves_a_conference_its_queue_tells() -> None:
    script: list[list[Stream]] = [
        [("D", ev("Originated", leg("d1", "K1 Or Al Q"))), ("D", ev("Answered", leg("d1", "K1 Or Ac Q")))],
        [("Q", acd("CallAdded", "q1 K1 D", position=1))],
        [("D", ev("Originated", leg("d2", "K2 Or Al X"))), ("D", ev("Answered", leg("d2", "K2 Or Ac X")))],
        [("D", ev("Originated", leg("d3", "K3 Or Al Y"))), ("D", ev("Answered", leg("d3", "K3 Or Ac Y")))],
        [("D", conf("Started", "d1", "d2", "d3"))],
        [("D", ev("Released", leg("d1", "K1 Or Re Q", release="remote"))), ("Q", acd("CallStranded", "q1 K1 D"))],
    ]
    for flow, order in last_in_any_order(script, "DQ"):
        assert flow.heard["D"][-1] == "ConnectionCleared{K1,Q} connected noAvailableAgents", order


def test_who_holds_a_call_and_does_not_tell_of_a_hold_is_parked_in_that_one() -> None:
    flow = Flow("CD")
    for number, far in enumerate("AB", 1):
        flow.say("D", ev("Originated", leg(f"d{number}", f"K{number} Or Al {far}")))
        flow.say("D", ev("Answered", leg(f"d{number}", f"K{number} Or Ac {far}")))
        if number == 1:
            flow.say("D", ev("Held", leg("d1", "K1 Or He A")))
    flow.say("C", parked("D"))
    flow.finish()
    assert {call: parties.get("C") for call, parties in flow.holds().items()} == {"K1": "queued", "K2": None}


def test_an_agent_to_whom_the_conference_comes_back_that_it_has_just_left_keeps_it() -> None:
    script: list[list[Stream]] = [
        [("B", ev("Originated", leg("b1", "K1 Or Al A"))), ("B", ev("Answered", leg("b1", "K1 Or Ac A")))],
        [("A", ev("Received", leg("a1", "K1 Te Al B"))), ("A", ev("Answered", leg("a1", "K1 Te Ac B")))],
        [("B", ev("Originated", leg("b2", "K2 Or Al Q"))), ("B", ev("Answered", leg("b2", "K2 Or Ac Q")))],
        [("Q", acd("CallAdded", "q1 K2 B", position=1)), ("B", conf("Started", "b1", "b2"))],
        [("C", ev("Originated", leg("c1", "K3 Or Al A"))), ("C", ev("Answered", leg("c1", "K3 Or Ac A")))],
        [("A", ev("Received", leg("a2", "K3 Te Al C"))), ("A", ev("Answered", leg("a2", "K3 Te Ac C")))],
        [
            ("A", ev("Redirected", leg("a1", "K1 Te De B", to="C"), leg("a2", "K3 Te De C", to="B"))),
            ("A", ev("Received", agent_leg("a3", "K2 Te Al B"))),
            ("B", ev("Transferred", leg("b1", "K3 Or Ac C"))),
            ("C", ev("Transferred", leg("c1", "K3 Or Ac B"))),
        ],
    ]
    for flow, order in last_in_any_order(script, "ABCQ"):
        (call,) = flow.holds().values()
        assert call == {"B": "connected", "C": "connected", "Q": "queued", "A": "alerting"}, order


def test_an_offer_follows_the_word_of_its_queue_that_waits_as_long_for_who_sent_the_call() -> None:
    script: list[list[Stream]] = [
        [
            ("Q", acd("CallAdded", "q1 K1 X", position=1, via=[("A", "transfer")])),
            ("G", ev("Received", agent_leg("g1", "K1 Te Al X"))),
        ]
    ]
    for flow, order in last_in_any_order(script, "AGQ"):
        assert told(flow, "Q") == ["Queued{K1,Q}", "Delivered{K1,G}"], order
        assert told(flow, "G") == ["Delivered{K1,G}"], order


@pytest.mark.parametrize("inside", [1, 2])
def test_nobody_outside_parks_a_call(inside: int) -> None:
    flow = Flow("AC")
    for number in (1, 2):
        far = "D" if number == inside else "X"
        flow.say("A", ev("Received", leg(f"a{number}", f"K{number} Te Al {far}")))
        flow.say("A", ev("Answered", leg(f"a{number}", f"K{number} Te Ac {far}")))
        flow.say("A", ev("Held", leg(f"a{number}", f"K{number} Te He {far}")))
    flow.say("C", parked("A"))
    flow.finish()
    assert {call: parties["C"] for call, parties in flow.holds().items() if "C" in parties} == {f"K{inside}": "queued"}


def test_who_is_found_transferred_was_not_redirected_here_by_the_one_it_talks_to_now() -> None:
    flow = Flow("BCD")
    flow.say("C", ev("Originated", leg("c1", "K1 Or Al B")))
    flow.say("B", ev("Received", leg("b1", "K1 Te Al C")))
    flow.say("B", ev("Answered", leg("b1", "K1 Te Ac C")))
    flow.say("B", ev("Redirected", leg("b1", "K1 Te De C", to="X")))
    flow.say("C", ev("Transferred", leg("c1", "K1 Or Al X")))
    flow.finish()
    assert list(flow.holds()) == ["K1"]
    flow.say("D", truth(leg("d1", "K2 Te Al C", via=[("B", "deflection")], answer_time=1)), silent=True)
    assert "D" not in flow.holds()["K1"]
    assert flow.holds()["K2"]["D"] == "connected"


def test_the_extension_where_a_transferred_call_was_deflected_to_is_a_queue() -> None:
    script: list[list[Stream]] = [
        [("D", ev("Originated", leg("d1", "K1 Or Al B"))), ("D", ev("Answered", leg("d1", "K1 Or Ac B")))],
        [("D", ev("Transferred", leg("d1", "K1 Or Al A"))), ("A", ev("Received", leg("a1", "K1 Te Al D", via=[("B", "transfer")])))],
        [
            ("A", ev("Redirected", leg("a1", "K1 Te De D", to="1701", reason="deflection"))),
            ("D", ev("Forwarded", leg("d1", "K1 Or Al A"))),
            ("D", ev("Answered", leg("d1", "K1 Or Ac A"))),
            ("R", acd("CallAdded", "r1 K1 D", position=1, point=True, via=[("A", "deflection")])),
        ],
    ]
    for flow, order in last_in_any_order(script, "ADR"):
        assert flow.holds() == {"K1": {"D": "connected", "R": "queued"}}, order


def test_who_held_a_call_that_its_far_end_held_too_still_holds_it_when_that_has_transferred_it() -> None:
    script: list[list[Stream]] = [
        [
            ("B", ev("Received", leg("b1", "K1 Te Al C"))),
            ("B", ev("Answered", leg("b1", "K1 Te Ac C"))),
            ("B", ev("Held", leg("b1", "K1 Te He C"))),
        ],
        [
            ("A", ev("Originated", leg("a1", "K2 Or Al B"))),
            ("B", ev("Received", leg("b2", "K2 Te Al A"))),
            ("B", ev("Answered", leg("b2", "K2 Te Ac A"))),
            ("A", ev("Answered", leg("a1", "K2 Or Ac B"))),
        ],
        [
            ("B", ev("Redirected", leg("b1", "K1 Te De C", to="A"), leg("b2", "K2 Te De A", to="C"))),
            ("A", ev("Transferred", leg("a1", "K1 Or RH C"))),
        ],
    ]
    for flow, order in last_in_any_order(script, "AB"):
        assert flow.holds() == {"K1": {"A": "connected", "C": "hold"}}, order
        assert told(flow, "A")[-2:] == ["Transfered{K1,B}", "Held{K1,C}"], order


def test_a_conference_goes_on_when_a_party_of_it_joins_it_to_an_older_call() -> None:
    flow = Flow("AB")
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al C")))
    flow.say("A", ev("Answered", leg("a1", "K1 Or Ac C")))
    flow.say("A", ev("Held", leg("a1", "K1 Or He C")))
    flow.say("B", ev("Originated", leg("b1", "K2 Or Al A")))
    flow.say("A", ev("Received", leg("a2", "K2 Te Al B")))
    flow.finish()
    flow.say("A", ev("Answered", leg("a2", "K2 Te Ac B")))
    flow.say("B", ev("Answered", leg("b1", "K2 Or Ac A")))
    flow.say("B", ev("Originated", leg("b2", "K3 Or Al X")))
    flow.say("B", ev("Answered", leg("b2", "K3 Or Ac X")))
    flow.say("B", conf("Started", "b1", "b2"))
    flow.finish()
    flow.say("A", ev("Redirected", leg("a1", "K1 Or De C", to="B"), leg("a2", "K2 Te De B", to="C")))
    flow.say("B", ev("Transferred", leg("b1", "K1 Or Ac C")))
    flow.finish()
    flow.say("B", ev("Released", leg("b2", "K3 Or Re X", release="remote")))
    flow.finish()
    assert list(flow.holds().values()) == [{"B": "connected", "C": "connected"}]


def test_a_call_that_rings_at_an_agent_is_not_the_one_in_which_its_caller_has_transferred_that_agent() -> None:
    flow = Flow("ABQR")
    flow.say("B", ev("Originated", leg("b1", "K1 Or Al A")))
    flow.say("A", ev("Received", leg("a1", "K1 Te Al B")))
    flow.say("A", ev("Answered", leg("a1", "K1 Te Ac B")))
    flow.say("B", ev("Answered", leg("b1", "K1 Or Ac A")))
    flow.say("A", ev("Originated", leg("a2", "K2 Or Al Q")))
    flow.say("A", ev("Answered", leg("a2", "K2 Or Ac Q")))
    flow.say("Q", acd("CallAdded", "q1 K2 A", position=1))
    flow.say("B", ev("Received", agent_leg("b2", "K2 Te Al A")))
    flow.finish()
    flow.say("R", acd("CallAdded", "r1 K3 B", position=1, point=True, via=[("A", "transfer")]))
    flow.finish()  # the others are heard late
    flow.say("A", ev("Redirected", leg("a1", "K1 Te De B", to="1701")))
    flow.say("B", ev("Transferred", leg("b1", "K3 Or Al R")))
    flow.say("B", ev("Answered", leg("b1", "K3 Or Ac R")))
    flow.finish()
    waits, talks = sorted(flow.holds().values(), key=len, reverse=True)
    assert waits == {"A": "connected", "Q": "queued", "B": "alerting"}
    assert talks == {"B": "connected", "R": "queued"}
