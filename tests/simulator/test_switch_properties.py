"""Whatever people do with their phones: events alone give the state of every user, and every leg comes to its end."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from switch_scripts import A, B, C, D, Recorded, X

from bwconnector.simulator.model import Call, Conference, SimEvent, SwitchError, Variation

USERS = (A, B, C, D)
PARTIES = (*USERS, X)
ADDRESSES = ("1001", "1002", "1003", "1004", X, "5551", "9000")
WITH_PARTY = (
    "answer", "hang_up", "hold", "retrieve", "reject", "no_answer", "busy", "lift", "not_lifted", "transfer_consult", "pickup", "park",
    "park_retrieve", "conference_start", "conference_add", "conference_hold", "conference_retrieve", "conference_release", "to_voice_mail",
    "record", "pause_recording", "resume_recording", "stop_recording", "escalate", "emergency_escalate",
)  # fmt: skip
WITH_ADDRESS = ("dial", "consult", "click_to_dial", "transfer_blind", "deflect", "pickup", "park", "park_retrieve", "barge_in", "escalate")

operations = st.one_of(
    st.tuples(st.sampled_from(WITH_PARTY), st.sampled_from(PARTIES)),
    st.tuples(st.sampled_from(WITH_ADDRESS), st.sampled_from(PARTIES), st.sampled_from(ADDRESSES)),
    st.tuples(st.just("forward"), st.sampled_from(USERS), st.sampled_from(["Always", "Busy", "NoAnswer"]), st.sampled_from(ADDRESSES)),
)
variations = st.builds(
    Variation,
    tracking_ids=st.sampled_from(["counter", "uuid"]),
    transfer_id=st.sampled_from(["first", "second", "new"]),
    released_after_redirected=st.booleans(),
    transfer_event=st.sampled_from(["CallTransferredEvent", "CallUpdatedEvent"]),
    updated_on_ringing=st.booleans(),
    treatment=st.booleans(),
    colp=st.booleans(),
)


class Observer:
    """What a subscriber of one user knows from events alone."""

    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        self.conference: Conference | None = None
        self.hook = "On-Hook"

    def see(self, event: SimEvent) -> None:
        for call in event.calls:
            if call.state in ("Released", "Detached"):
                self.calls.pop(call.call_id, None)
            else:
                self.calls[call.call_id] = call
        if event.conference is not None:
            self.conference = event.conference if event.conference.participants else None
        self.hook = event.hook_status or self.hook


def perform(run: Recorded, operation: tuple[str, ...]) -> None:
    name, *arguments = operation
    before = len(run.events)
    try:
        if name == "forward":
            run.forward(arguments[0], f"CallForwarding{arguments[1]}", arguments[2])
        else:
            getattr(run.switch, name)(*arguments)
    except SwitchError:
        assert len(run.events) == before, f"{operation} was refused after it had told events"


def observe(run: Recorded) -> dict[str, Observer]:
    observers = {user: Observer() for user in run.switch.directory.users}
    for event in run.events:
        observers[event.user_id].see(event)
    return observers


@settings(max_examples=200, deadline=None)
@given(variations, st.lists(operations, min_size=10, max_size=60))
def test_snapshot_equals_the_events_replayed(variation: Variation, script: list[tuple[str, ...]]) -> None:
    run = Recorded()
    run.switch.variation = variation
    for operation in script:
        perform(run, operation)
        for user, seen in observe(run).items():
            snapshot = run.switch.snapshot(user)
            assert {call.call_id: call for call in snapshot.calls} == seen.calls
            assert snapshot.conference == seen.conference
            assert snapshot.hook_status == seen.hook


@settings(max_examples=200, deadline=None)
@given(variations, st.lists(operations, min_size=10, max_size=60))
def test_every_leg_ends(variation: Variation, script: list[tuple[str, ...]]) -> None:
    run = Recorded()
    run.switch.variation = variation
    for operation in script:
        perform(run, operation)
    for party in (*run.switch.directory.users, X, "voice-portal"):
        for leg in run.switch.legs(party):
            if leg in run.switch.legs(party):
                (run.switch.reject if leg.ringing else run.switch.hang_up)(party, leg.call.call_id)
    while ringing := [(user, leg) for user in run.switch.directory.users for leg in run.switch.legs(user)]:
        user, leg = ringing[0]
        (run.switch.no_answer if leg.ringing else run.switch.hang_up)(user, leg.call.call_id)
    assert run.switch.truth() == []
    assert all(not seen.calls and seen.conference is None and seen.hook == "On-Hook" for seen in observe(run).values())


@settings(max_examples=200, deadline=None)
@given(st.lists(operations, min_size=10, max_size=60))
def test_the_two_ends_of_a_call_agree(script: list[tuple[str, ...]]) -> None:
    run = Recorded()
    for operation in script:
        perform(run, operation)
        for leg in (leg for user in USERS for leg in run.switch.legs(user) if leg.peer is not None and leg.peer.guest is not leg):
            assert leg.peer is not None
            assert leg.peer.peer is leg
            assert leg.connected == leg.peer.connected
            if leg.state == "Alerting":
                assert leg.ringing != leg.peer.ringing
            if leg.state == "Remote Held":
                assert leg.peer.state == "Held"


@settings(max_examples=200, deadline=None)
@given(st.lists(operations, min_size=10, max_size=60))
def test_a_phone_has_one_voice_path(script: list[tuple[str, ...]]) -> None:
    run = Recorded()
    for operation in script:
        perform(run, operation)
        for user in USERS:
            bridge = run.switch.bridge(user)
            conversations = [leg for leg in run.switch.legs(user) if bridge is None or leg not in bridge.legs]
            active = sum(leg.state in ("Active", "Remote Held") for leg in conversations)
            assert active + (bridge is not None and bridge.state == "Active") <= 1
