"""A snapshot is the truth: what the model holds is compared with it, and only differences are told (monitors started in mid-call,
refreshes, Application Server failover), and late or repeated news changes nothing."""

from __future__ import annotations

import attrs
import pytest

from bwconnector.xsi.events import CallEvent, EventData
from tests.bridge.flows import Flow, ev, leg, truth
from tests.bridge.scenarios import TALK_A, TALK_B, talk

TALKING = {"K1": {"A": "connected", "B": "connected"}}


def talking(monitored: str = "AB") -> Flow:
    flow = Flow(monitored)
    for user, data in talk():
        flow.say(user, data)
    for device in flow.heard:
        flow.heard[device].clear()
    return flow


def test_first_snapshot_is_silent_for_its_own_device_and_later_events_are_told() -> None:
    flow = Flow("A")
    flow.say("A", truth(leg("a1", "K1 Or Ac B")), silent=True)
    assert flow.heard == {"A": []}
    assert flow.holds() == TALKING
    flow.say("A", ev("Held", leg("a1", "K1 Or He B")))
    assert flow.heard["A"] == ["Held{K1,A} hold normal"]


def test_a_snapshot_of_one_device_tells_others_what_they_did_not_know() -> None:
    flow = talking("A")
    flow.monitored.add("B")
    flow.heard["B"] = []
    flow.say("B", truth(leg("b1", "K1 Te He A")), silent=True)
    assert flow.heard == {"A": ["Held{K1,B} connected normal"], "B": []}


@pytest.mark.parametrize(("a", "b"), [("Ac", "Ac"), ("RH", "He"), ("He", "RH")])
@pytest.mark.parametrize("first", ["A", "B"])
def test_monitors_that_start_in_the_same_call_hear_nothing_of_one_another(a: str, b: str, first: str) -> None:
    flow = Flow("AB")
    snapshots = {"A": truth(leg("a1", f"K1 Or {a} B")), "B": truth(leg("b1", f"K1 Te {b} A"))}
    for user in (first, "AB".replace(first, "")):
        flow.say(user, snapshots[user], silent=True)
    assert flow.heard == {"A": [], "B": []}
    state = {"Ac": "connected", "RH": "connected", "He": "hold"}
    assert flow.holds() == {"K1": {"A": state[a], "B": state[b]}}


def test_a_leg_that_is_gone_is_cleared_and_monitored_others_stay() -> None:
    flow = talking()
    flow.say("A", truth())
    assert flow.heard["A"] == ["ConnectionCleared{K1,A} null switchingFunctionTerminated"]
    assert flow.heard["B"] == ["ConnectionCleared{K1,A} connected switchingFunctionTerminated"]
    assert flow.holds() == {"K1": {"B": "connected"}}


def test_an_unmonitored_party_is_gone_with_the_last_leg() -> None:
    flow = talking("A")
    flow.say("A", truth())
    flow.finish()
    assert flow.heard["A"] == ["ConnectionCleared{K1,A} null switchingFunctionTerminated"]
    assert len(flow.model.table) == 0


NEW_LEGS = {
    "K1 Or Al B": ["Originated{K1,A} connected newCall A>B"],
    "K1 Te Al X": ["Delivered{K1,A} alerting newCall X>A"],
    "K1 Te Ac X": ["Established{K1,A} connected normal X>A"],
    "K1 Or Ac X": ["Established{K1,X} connected normal A>X"],
    "K1 Te He X": ["Held{K1,A} hold normal"],
    "K1 Or RH X": ["Established{K1,X} connected normal A>X", "Held{K1,X} connected normal"],
    "K1 CtD Al B": ["ServiceInitiated{K1,A} initiated makeCall"],
    "K1 Te De X": [],
    "K1 Te Re X": [],
    "K1 Te Id X": [],
}


@pytest.mark.parametrize(("text", "rows"), NEW_LEGS.items())
def test_a_leg_that_was_missed_is_told_as_what_it_is_now(text: str, rows: list[str]) -> None:
    flow = Flow("A")
    flow.say("A", truth(leg("a1", text)))
    assert flow.heard["A"] == rows


PROGRESS = {
    ("K1 Te Al X", "K1 Te Ac X"): ["Established{K1,A} connected newCall X>A"],
    ("K1 Te Al X", "K1 Te He X"): ["Established{K1,A} connected newCall X>A", "Held{K1,A} hold normal"],
    ("K1 Or Al X", "K1 Or Ac X"): ["Established{K1,X} connected newCall A>X"],
    ("K1 Te Ac X", "K1 Te He X"): ["Held{K1,A} hold normal"],
    ("K1 Te Ac X", "K1 Te RH X"): ["Held{K1,X} connected normal"],
    ("K1 Te He X", "K1 Te Ac X"): ["Retrieved{K1,A} connected normal"],
    ("K1 Te Ac X", "K1 Te Al X"): [],
    ("K1 Te Ac X", "K2 Te Ac X"): [],
}


@pytest.mark.parametrize(("change", "rows"), PROGRESS.items())
def test_progress_that_was_missed_is_told(change: tuple[str, str], rows: list[str]) -> None:
    before, after = change
    flow = Flow("A")
    flow.say("A", truth(leg("a1", before)))
    flow.heard["A"].clear()
    flow.say("A", truth(leg("a1", after)))
    assert flow.heard["A"] == rows


def test_another_tracking_id_in_a_snapshot_is_an_alias() -> None:
    flow = talking("A")
    flow.say("A", truth(leg("a1", "K2 Or Ac B")))
    assert flow.heard["A"] == []
    found = flow.model.table.find("K2")
    assert found is not None and found.id == "K1"


def test_a_conference_that_was_missed_is_told() -> None:
    flow = Flow("A")
    flow.say("A", truth(leg("a1", "K1 Or Ac B"), leg("a2", "K2 Or Ac C"), conference=["a1", "a2"]))
    assert flow.heard["A"] == [
        "Established{K1,B} connected normal A>B",
        "Established{K2,C} connected normal A>C",
        "Conferenced{K1,A} connected conference and{K2,A} to=C [{K1,A}<{K1,A} {K1,B}<{K1,B} {K1,C}<{K2,C}]",
    ]


def test_steps_that_wait_are_older_than_the_snapshot_and_go_first() -> None:
    flow = Flow("AB")
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al B")))
    flow.say("A", ev("Answered", leg("a1", "K1 Or Ac B")))  # waits for B's own word
    flow.say("A", truth(leg("a1", "K1 Or Ac B")))
    assert flow.heard["A"] == ["Originated{K1,A} connected newCall A>B", "Established{K1,B} connected newCall A>B"]


ADOPTED: dict[str, tuple[EventData, list[str]]] = {
    "answered": (ev("Answered", leg("a1", "K1 Te Ac X")), ["Established{K1,A} connected newCall X>A"]),
    "held": (ev("Held", leg("a1", "K1 Te He X")), ["Held{K1,A} hold normal"]),
    "released": (ev("Released", leg("a1", "K1 Te Re X", release="local")), []),
    "detached": (ev("Detached", leg("a1", "K1 Te De X")), []),
    "updated": (ev("Updated", leg("a1", "K1 Te Ac X")), []),
    "redirected": (ev("Redirected", leg("a1", "K1 Te De X", to="C")), []),
}


@pytest.mark.parametrize("name", ADOPTED)
def test_an_unknown_leg_is_adopted_in_mid_life(name: str) -> None:
    """R15"""
    data, rows = ADOPTED[name]
    flow = Flow("A")
    flow.say("A", data)
    assert flow.heard["A"] == rows


def test_unmonitoring_a_device_leaves_its_part_to_be_inferred() -> None:
    flow = talking()
    flow.monitored.discard("B")
    flow.model.forget("B")
    flow.say("A", ev("Held", leg("a1", "K1 Or RH B")))
    flow.say("A", ev("Released", leg("a1", "K1 Or Re B", release="remote")))
    flow.finish()
    assert flow.heard["A"] == [
        "Held{K1,B} connected normal",
        "ConnectionCleared{K1,B} connected normalClearing",
        "ConnectionCleared{K1,A} null normalClearing",
    ]
    assert len(flow.model.table) == 0


def test_unmonitoring_the_last_device_forgets_the_call() -> None:
    flow = talking()
    for device in "AB":
        flow.monitored.discard(device)
        flow.model.forget(device)
    flow.finish()
    assert len(flow.model.table) == 0
    assert not flow.clock.getDelayedCalls()


@pytest.mark.parametrize("service", ["Do Not Disturb", "Call Forwarding Always"])
def test_a_service_that_keeps_the_phone_from_ringing_holds_delivered_back(service: str) -> None:
    """11, P-GUARD"""
    flow = Flow("AB")
    flow.model.service_state("B", service, True)
    for user, data in talk()[:2]:
        flow.say(user, data)
    assert flow.heard["B"] == []
    flow.wait(0.3)
    assert flow.heard == {"A": TALK_A[:2], "B": TALK_B[:1]}


def test_forwarding_always_shows_no_delivered_at_the_forwarding_device() -> None:
    """11"""
    flow = Flow("ABC")
    flow.model.service_state("B", "Call Forwarding Always", True)
    for user, data in talk()[:2]:
        flow.say(user, data)
    flow.say("B", ev("Redirected", leg("b1", "K1 Te De A", to="C", reason="unconditional")))
    flow.say("C", ev("Received", leg("c1", "K1 Te Al A", via=[("B", "unconditional")])))
    assert flow.heard == {
        "A": [
            TALK_A[0],
            "Diverted{K1,B} connected callForwardImmediate A>B to=C",
            "Delivered{K1,C} connected callForwardImmediate A>B lr=B",
        ],
        "B": ["Diverted{K1,B} null callForwardImmediate A>B to=C"],
        "C": ["Delivered{K1,C} alerting callForwardImmediate A>B lr=B"],
    }


def test_do_not_disturb_is_the_cause_of_a_busy_device() -> None:
    """11, row of do not disturb"""
    flow = Flow("AB")
    flow.model.service_state("B", "Do Not Disturb", True)
    for user, data in talk()[:2]:
        flow.say(user, data)
    flow.say("B", ev("Released", leg("b1", "K1 Te Re A", why="Busy")))
    flow.say("A", ev("Released", leg("a1", "K1 Or Re B", why="Busy", release="remote")))
    assert flow.heard == {
        "A": [TALK_A[0], "Failed{K1,B} connected doNotDisturb A>B", "ConnectionCleared{K1,A} null normalClearing"],
        "B": [],
    }


def test_hunt_group_members_that_did_not_get_the_call_are_diverted() -> None:
    """11, P-HUNT"""
    flow = Flow("BC")
    flow.say("B", ev("Received", leg("b1", "K1 Te Al X", hunt_group="H")))
    flow.say("C", ev("Received", leg("c1", "K1 Te Al X", hunt_group="H")))
    flow.say("C", ev("Released", leg("c1", "K1 Te Re X")))
    flow.say("B", ev("Answered", leg("b1", "K1 Te Ac X", hunt_group="H")))
    assert flow.heard["C"] == [
        "Delivered{K1,C} alerting distributed X>B",
        "Established{K1,B} alerting distributed X>B",
        "Diverted{K1,C} null distributed X>B to=B",
    ]


def test_a_withheld_caller_has_a_device_id_of_its_own() -> None:
    """R12"""
    flow = Flow("A")
    flow.say("A", ev("Received", leg("a1", "K1 Te Al ?")))
    assert flow.holds() == {"K1": {"ext-K1": "connected", "A": "alerting"}}


def test_an_external_party_keeps_its_device_id_for_the_life_of_the_call() -> None:
    """R12, P-UPD"""
    flow = Flow("A")
    flow.say("A", ev("Received", leg("a1", "K1 Te Al X")))
    flow.say("A", ev("Answered", leg("a1", "K1 Te Ac X")))
    flow.say("A", ev("Updated", leg("a1", "K1 Te Ac Y")))
    flow.say("A", ev("Released", leg("a1", "K1 Te Re Y", release="remote")))
    assert flow.heard["A"][2:] == [
        "CallInformation{K1,A} connected normal X>A to=Y",
        "ConnectionCleared{K1,X} connected normalClearing",
        "ConnectionCleared{K1,A} null normalClearing",
    ]


def test_a_callid_may_be_used_again() -> None:
    """28"""
    flow = Flow("A")
    for k in ("K1", "K2"):
        flow.say("A", ev("Received", leg("a1", f"{k} Te Al X")))
        flow.say("A", ev("Released", leg("a1", f"{k} Te Re X", release="local")))
    assert [row.split("}")[0] for row in flow.heard["A"]] == [
        "Delivered{K1,A",
        "ConnectionCleared{K1,A",
        "Delivered{K2,A",
        "ConnectionCleared{K2,A",
    ]


@pytest.mark.parametrize("kind", ["SomethingNewEvent", "CallHistoryEvent", "CallSecurityClassificationUpdatedEvent"])
def test_an_unknown_event_is_counted_and_ignored(kind: str) -> None:
    """28"""
    flow = Flow("A")
    flow.say("A", CallEvent(kind, (leg("a1", "K1 Te Al X"),)))
    assert flow.heard["A"] == [] and flow.holds() == {}
    assert flow.model.world.counts[f"ignored {kind}"] == 1


def test_a_leg_without_a_tracking_id_is_a_call_of_its_own() -> None:
    flow = Flow("A")
    for number in (1, 2):
        flow.say("A", CallEvent("CallReceivedEvent", (attrs.evolve(leg(f"a{number}", "K Te Al X"), tracking_id=""),)))
    flow.wait(0.3)
    assert flow.holds() == {"a1": {"X": "connected", "A": "alerting"}, "a2": {"X": "connected", "A": "alerting"}}
