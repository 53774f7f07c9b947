"""What each policy row of the call model changes, against the golden flow that its default gives."""

from __future__ import annotations

import pytest

from bwconnector.bridge.policy import ROWS, Policy
from tests.bridge.flows import Flow, Stream, conf, ev, intend, leg, parked
from tests.bridge.scenarios import CONSULT_PHONE, TALK_A, TALK_B, talk


def hear(policy: dict[str, str | int], script: list[Stream], monitored: str = "AB") -> dict[str, list[str]]:
    flow = Flow(monitored, policy)
    for user, data in script:
        flow.say(user, data)
    flow.finish()
    return flow.heard


def click(*more: Stream) -> list[Stream]:
    return [("A", ev("Originating", leg("a1", "K1 CtD Al B"))), ("A", ev("Originated", leg("a1", "K1 Or Al B"))), *more]


def test_p_deliv_originated() -> None:
    assert hear({"P-DELIV": "originated"}, talk()[:1], "A")["A"] == TALK_A[:2]


def test_p_deliv_never() -> None:
    assert hear({"P-DELIV": "never"}, talk(), "A")["A"] == [TALK_A[0], TALK_A[2]]


def test_p_view_own() -> None:
    assert hear({"P-VIEW": "own"}, talk()) == {"A": TALK_A[:1], "B": TALK_B}


def test_p_view_limited() -> None:
    held: Stream = ("B", ev("Held", leg("b1", "K1 Te He A")))
    assert hear({"P-VIEW": "limited"}, [*talk(), held]) == {"A": TALK_A, "B": [*TALK_B, "Held{K1,B} hold normal"]}


def test_p_divunseen_suppress() -> None:
    flow = Flow("AB", {"P-DIVUNSEEN": "suppress"})
    flow.model.service_state("B", "Call Forwarding Always", True)
    for user, data in talk()[:2]:
        flow.say(user, data)
    flow.say("B", ev("Redirected", leg("b1", "K1 Te De A", to="C", reason="unconditional")))
    assert flow.heard == {"A": TALK_A[:1], "B": []}


def test_p_si_on() -> None:
    assert hear({"P-SI": "on"}, talk()[:1], "A")["A"] == ["ServiceInitiated{K1,A} initiated newCall", TALK_A[0]]


def test_p_ocause_new_call() -> None:
    assert hear({"P-OCAUSE": "newCall"}, click(), "A")["A"][1] == TALK_A[0]


def test_p_cons_consultation() -> None:
    heard = hear({"P-CONS": "consultation"}, [*talk(), *CONSULT_PHONE[:3]], "B")
    assert heard["B"][-1] == "Originated{K2,B} connected consultation B>C"


def test_p_hcause_normal() -> None:
    heard = hear({"P-HCAUSE": "normal"}, [*talk(), intend("ConsultationCall", "B", "b1"), CONSULT_PHONE[0]], "B")
    assert heard["B"][-1] == "Held{K1,B} hold normal"


def test_p_alt_alternate() -> None:
    swap: list[Stream] = [("B", ev("Held", leg("b2", "K2 Or He C"))), ("B", ev("Retrieved", leg("b1", "K1 Te Ac A")))]
    heard = hear({"P-ALT": "alternate"}, [*talk(), *CONSULT_PHONE, *swap], "B")
    assert heard["B"][-2:] == ["Held{K2,B} hold alternate", "Retrieved{K1,B} connected alternate"]


def test_p_alt_leaves_a_single_hold_alone() -> None:
    heard = hear({"P-ALT": "alternate"}, [*talk(), *CONSULT_PHONE, ("B", ev("Held", leg("b2", "K2 Or He C")))], "B")
    assert heard["B"][-1] == "Held{K2,B} hold normal"


def test_p_cancel_normal_clearing() -> None:
    ends: list[Stream] = [
        ("A", ev("Released", leg("a1", "K1 Or Re B", release="local"))),
        ("B", ev("Released", leg("b1", "K1 Te Re A", release="remote"))),
    ]
    assert hear({"P-CANCEL": "normalClearing"}, [*talk()[:2], *ends])["B"][-1] == "ConnectionCleared{K1,B} null normalClearing"


def test_p_called_transferred_to() -> None:
    blind: list[Stream] = [
        ("B", ev("Redirected", leg("b1", "K1 Te De A", to="X"))),
        ("A", ev("Transferred", leg("a1", "K1 Or Al X"))),
    ]
    assert hear({"P-CALLED": "transferred-to"}, [*talk(), *blind], "AB")["A"][-1] == (
        "Delivered{K1,X} connected singleStepTransfer A>X lr=B"
    )


@pytest.mark.parametrize(("row", "rows"), [("on", ["ServiceInitiated{K1,A} initiated newCall"]), ("off", [])])
def test_p_coll(row: str, rows: list[str]) -> None:
    assert hear({"P-COLL": row}, [("A", ev("Collecting", leg("a1", "K1 Or Ac")))], "A")["A"] == rows


def test_p_upd_off() -> None:
    script: list[Stream] = [
        ("A", ev("Received", leg("a1", "K1 Te Al X"))),
        ("A", ev("Answered", leg("a1", "K1 Te Ac X"))),
        ("A", ev("Updated", leg("a1", "K1 Te Ac Y"))),
    ]
    assert len(hear({"P-UPD": "off"}, script, "A")["A"]) == 2
    assert len(hear({}, script, "A")["A"]) == 3


def test_p_csi_information_once_for_both_ends() -> None:
    told: list[Stream] = [
        ("A", ev("ClientSessionInfoUpdated", leg("a1", "K1 Or Ac B", client_session_info="crm-4711"))),
        ("B", ev("ClientSessionInfoUpdated", leg("b1", "K1 Te Ac A", client_session_info="crm-4711"))),
    ]
    assert hear({"P-CSI": "information"}, [*talk(), *told])["B"][-1] == "CallInformation{K1,A} connected normal A>B to=A"
    assert hear({"P-CSI": "information"}, [*talk(), *told])["B"][:-1] == hear({}, [*talk(), *told])["B"]


def test_p_park_cleared() -> None:
    script: list[Stream] = [*talk(), intend("ParkCall", "B", "b1", target="tel:D"), ("B", ev("Released", leg("b1", "K1 Te Re A")))]
    assert hear({"P-PARK": "cleared"}, script)["B"][-1] == "ConnectionCleared{K1,B} null normalClearing"


def test_p_parkq_off() -> None:
    script: list[Stream] = [
        *talk(),
        ("B", ev("Redirected", leg("b1", "K1 Te De A", to="D", reason="unknown"))),
        ("D", parked("A")),
    ]
    assert hear({"P-PARKQ": "off"}, script, "ABD")["D"] == []


def test_p_hunt_cleared() -> None:
    script: list[Stream] = [
        ("B", ev("Received", leg("b1", "K1 Te Al X", hunt_group="H"))),
        ("A", ev("Received", leg("a1", "K1 Te Al X", hunt_group="H"))),
        ("A", ev("Released", leg("a1", "K1 Te Re X"))),
        ("B", ev("Answered", leg("b1", "K1 Te Ac X", hunt_group="H"))),
    ]
    assert hear({"P-HUNT": "cleared"}, script)["A"][-1] == "ConnectionCleared{K1,A} null callCancelled"


def test_p_merge_hold_keeps_the_private_call_unseen() -> None:
    script: list[Stream] = [
        *talk()[:3],
        ("D", ev("Originated", leg("d1", "K9 Or Al *98"))),
        ("D", ev("Answered", leg("d1", "K7 Or Ac A"))),
        ("A", ev("PickedUp", leg("a1", "K7 Or Al D"))),
    ]
    assert hear({"P-MERGE": "hold"}, script, "ABD")["D"] == ["Established{K1,D} connected callPickup A>B lr=B"]


def test_p_conf1_on() -> None:
    script: list[Stream] = [
        ("A", ev("Originated", leg("a1", "K1 Or Al X"))),
        ("A", ev("Answered", leg("a1", "K1 Or Ac X"))),
        ("A", ev("Held", leg("a1", "K1 Or He X"))),
        ("A", ev("Originated", leg("a2", "K2 Or Al Y"))),
        ("A", ev("Answered", leg("a2", "K2 Or Ac Y"))),
        ("A", conf("Started", "a1", "a2")),
        ("A", ev("Released", leg("a2", "K2 Or Re Y", release="remote"))),
    ]
    assert hear({"P-CONF1": "on"}, script, "A")["A"][-1] == "ConnectionCleared{K1,A} null normalClearing"
    assert hear({}, script, "A")["A"][-1] == "ConnectionCleared{K1,Y} connected normalClearing"


def test_p_silent_hide() -> None:
    script: list[Stream] = [
        *talk(),
        ("S", ev("Originated", leg("s1", "K9 Or Al B"))),
        ("A", ev("Monitored", leg("a1", "K7 Or Ac B"))),
        ("S", ev("Answered", leg("s1", "K7 Or Ac B"))),
        ("S", conf("Started", "s1", kind="Silently Monitored")),
        ("S", ev("Released", leg("s1", "K7 Or Re B", release="local"))),
    ]
    heard = hear({"P-SILENT": "hide"}, script, "ABS")
    assert heard["A"] == TALK_A and heard["B"] == TALK_B
    assert heard["S"][-1] == "ConnectionCleared{K1,S} null normalClearing"


@pytest.mark.parametrize(("row", "lr"), [("last", "D"), ("first", "C")])
def test_p_redirorder(row: str, lr: str) -> None:
    script: list[Stream] = [("A", ev("Received", leg("a1", "K1 Te Al X", via=[("C", "unconditional"), ("D", "user-busy")])))]
    assert hear({"P-REDIRORDER": row}, script, "A")["A"][0].endswith(f"lr={lr}")


def test_p_guard_zero_never_holds_delivered_back() -> None:
    flow = Flow("AB", {"P-GUARD": 0})
    flow.model.service_state("B", "Do Not Disturb", True)
    for user, data in talk()[:2]:
        flow.say(user, data)
    assert flow.heard["B"] == TALK_B[:1]


def test_p_far_zero_takes_another_legs_word_at_once() -> None:
    flow = Flow("AB", {"P-FAR": 0})
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al B")))
    flow.say("A", ev("Answered", leg("a1", "K1 Or Ac B")))
    assert flow.heard["A"] == [TALK_A[0], TALK_A[2]]


@pytest.mark.parametrize(("code", "value"), [("P-JOIN", "soon"), ("P-JOIN", -1), ("P-JOIN", True), ("P-RED", "other")])
def test_a_wrong_value_is_a_problem(code: str, value: object) -> None:
    assert ROWS[code].problem(value)


def test_every_default_is_allowed() -> None:
    assert [code for code, row in ROWS.items() if row.problem(row.default)] == []
    assert Policy({"P-JOIN": 50}).seconds("P-JOIN") == 0.05
