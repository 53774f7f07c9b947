"""Calls that wait at call centers and route points: what T-Servers may ask for them, and what BroadWorks is asked."""

from __future__ import annotations

import attrs
import pytest
from twisted.internet.defer import Deferred

from bwconnector.bridge.changes import Change
from bwconnector.bridge.devices import CALL_CENTER, ROUTE_POINT
from bwconnector.csta import messages as csta
from bwconnector.xsi.events import EventData, Party, Redirect, XsiCall
from bwconnector.xsi.queues import QueueEntry, QueueEvent, QueueSubscription
from bwconnector.xsi.requests import Response

from .office import DOMAIN, Office, connection

Q, R = f"queue1@{DOMAIN}", f"route1@{DOMAIN}"
CALLER = Party(address="tel:+15559990000", call_type="Network")
SECOND = Party(address="tel:+15559990001", call_type="Network")


def waits(call_id: str = "q1", tracking_id: str = "K1", remote: Party = CALLER) -> QueueEntry:
    return QueueEntry(call_id, tracking_id, remote)


def queue_body(*entries: tuple[str, str, str]) -> bytes:
    rows = "".join(
        f"<queueEntry><callId>{call}</callId><extTrackingId>{tracking}</extTrackingId>"
        f"<remoteParty><address>{address}</address><callType>Network</callType></remoteParty></queueEntry>"
        for call, tracking, address in entries
    )
    return f'<ACDQueue xmlns="http://schema.broadsoft.com/xsi"><queueEntries>{rows}</queueEntries></ACDQueue>'.encode()


class Site(Office):
    """An office with a call center and a route point, both monitored unless ``monitored`` says otherwise."""

    def __init__(self, *, monitored: bool = True) -> None:
        super().__init__(kinds={"queue1": CALL_CENTER, "route1": ROUTE_POINT})
        if monitored:
            self.monitor("queue1")
            self.monitor("route1")
            self.link.sent.clear()

    def happens_at(self, queue: str, data: EventData) -> None:
        self.model.apply(queue, data)
        assert not self.failures

    def call_waits(self, queue: str = Q, call_id: str = "q1", tracking_id: str = "K1", remote: Party = CALLER) -> None:
        kind = "RoutePointCallAddedEvent" if queue == R else "ACDCallAddedEvent"
        position = len(self.table.legs_of(queue)) + 1
        self.happens_at(queue, QueueEvent(kind, "Added", waits(call_id, tracking_id, remote), position))
        self.link.sent.clear()


def waiting() -> Site:
    site = Site()
    site.call_waits()
    return site


# events as messages


def test_queued_tells_the_line() -> None:
    site = Site()
    for number, remote in enumerate((CALLER, SECOND), 1):
        added = QueueEvent("ACDCallAddedEvent", "Added", waits(f"q{number}", f"K{number}", remote), number)
        changes: list[Change] = []
        site.monitors.observers.append(changes.append)
        site.happens_at(Q, added)
        assert [(change.kind, change.queued) for change in changes] == [("QueuedEvent", (number, number - 1))]


def test_another_place_is_told_in_private_data() -> None:
    site = waiting()
    changes: list[Change] = []
    site.monitors.observers.append(changes.append)
    entry = attrs.evolve(waits(), priority="1-High")
    site.happens_at(Q, QueueEvent("ACDCallPromotedEvent", "Promoted", entry, 1))
    assert [change.private for change in changes] == [{"position": "1", "priority": "1-High"}]
    assert site.link.messages == ["CallInformationEvent"]


# clear


def test_clear_connection_of_a_queue_ends_the_waiting_call() -> None:
    site = waiting()
    answer = site.answer(csta.ClearConnection(connection_to_be_cleared=connection("K1", "queue1")))
    assert answer == csta.ClearConnectionResponse()
    assert site.bw.asked[-1] == "DELETE callcenter/queue1/calls/q1"


def test_clear_connection_of_a_route_point() -> None:
    site = Site()
    site.call_waits(R, "r1")
    site.answer(csta.ClearConnection(connection_to_be_cleared=connection("K1", "route1")))
    assert site.bw.asked[-1] == "DELETE routepoint/route1/calls/r1"


def test_a_waiting_caller_is_cleared_by_its_queue() -> None:
    site = waiting()
    site.answer(csta.ClearConnection(connection_to_be_cleared=connection("K1", "+15559990000")))
    assert site.bw.asked[-1] == "DELETE callcenter/queue1/calls/q1"


def test_clear_call_of_a_waiting_call() -> None:
    site = waiting()
    site.answer(csta.ClearCall(call_to_be_cleared=connection("K1")))
    assert site.bw.asked[-1] == "DELETE callcenter/queue1/calls/q1"


def test_the_event_may_come_before_the_answer() -> None:
    site = waiting()
    site.bw.answers("DELETE callcenter/queue1/calls/q1", Deferred())
    site.ask(csta.ClearConnection(connection_to_be_cleared=connection("K1", "queue1")))
    site.happens_at(Q, QueueEvent("ACDCallReleasedEvent", "Released", waits()))
    assert site.link.messages == [csta.ClearConnectionResponse(), "ConnectionClearedEvent"]


# elsewhere


def test_deflect_call_sends_a_waiting_call_elsewhere() -> None:
    site = waiting()
    deflect = csta.DeflectCall(call_to_be_diverted=connection("K1", "queue1"), new_destination=("1002",))
    assert site.answer(deflect) == csta.DeflectCallResponse()
    assert site.bw.asked[-1] == "PUT callcenter/queue1/calls/q1/BlindTransfer?phoneno=1002"


def test_deflect_call_at_a_route_point_names_the_address_otherwise() -> None:
    site = Site()
    site.call_waits(R, "r1")
    site.answer(csta.DeflectCall(call_to_be_diverted=connection("K1", "route1"), new_destination=("1002",)))
    assert site.bw.asked[-1] == "PUT routepoint/route1/calls/r1/BlindTransfer?address=1002"


def test_single_step_transfer_of_a_waiting_call() -> None:
    site = waiting()
    invoke_id = site.ask(csta.SingleStepTransferCall(active_call=connection("K1", "queue1"), transferred_to="1002"))
    assert site.bw.asked[-1] == "PUT callcenter/queue1/calls/q1/BlindTransfer?phoneno=1002"
    site.happens_at(Q, QueueEvent("ACDCallTransferredEvent", "Transferred", waits(), redirect=Redirect("tel:1002", "transfer")))
    assert site.answer_to(invoke_id).transferred_call == connection("K1", "1002")
    assert site.link.messages[1:] == ["DivertedEvent"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, "operation invalidDestination"),
        (403, "operation invalidDestination"),
        (404, "operation invalidConnectionID"),
        (503, "systemResourceAvailibility resourceBusy"),
    ],
)
def test_a_refused_deflection(status: int, error: str) -> None:
    site = waiting()
    site.bw.refuses("PUT callcenter/queue1/calls/q1/BlindTransfer?phoneno=1002", status)
    deflect = csta.DeflectCall(call_to_be_diverted=connection("K1", "queue1"), new_destination=("1002",))
    assert site.error(deflect) == error


def test_a_call_that_is_parked_at_a_user_does_not_wait_in_a_queue() -> None:
    office = Office()
    office.call("K1", alice="queued", bob="Active")
    deflect = csta.DeflectCall(call_to_be_diverted=connection("K1", "alice"), new_destination=("1002",))
    assert office.error(deflect) == "stateIncompatibility invalidConnectionState"


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (csta.AnswerCall(call_to_be_answered=connection("K1", "queue1")), "stateIncompatibility noCallToAnswer"),
        (csta.HoldCall(call_to_be_held=connection("K1", "queue1")), "stateIncompatibility invalidConnectionState"),
        (csta.ParkCall(parking=connection("K1", "queue1")), "stateIncompatibility invalidConnectionState"),
    ],
)
def test_what_a_queue_cannot_do(request_: csta.Message, error: str) -> None:
    site = waiting()
    assert site.error(request_) == error
    assert not [line for line in site.bw.asked if not line.startswith("GET")]


# private services


def test_promote() -> None:
    site = waiting()
    data = {"acdPromote": "0-Highest", "callID": "K1", "deviceID": "queue1"}
    assert site.answer(csta.Escape(private_data=data)) == csta.EscapeResponse()
    assert site.bw.asked[-1] == "PUT callcenter/queue1/calls/q1/Promote"


def test_reorder() -> None:
    site = waiting()
    data = {"acdReorder": "2", "callID": "K1", "deviceID": "queue1"}
    assert site.answer(csta.Escape(private_data=data)) == csta.EscapeResponse()
    assert site.bw.asked[-1] == "PUT callcenter/queue1/calls/q1/Reorder?index=2"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (None, "privateData cSTAPrivateDataInfoError"),
        ({"somethingElse": "1"}, "privateData cSTAPrivateDataInfoError"),
        ({"acdPromote": "0"}, "operation atLeastOneConditionalParameterNotProvided"),
        ({"acdPromote": "9", "callID": "K1", "deviceID": "queue1"}, "operation invalidParameterValue"),
        ({"acdReorder": "0", "callID": "K1", "deviceID": "queue1"}, "operation invalidParameterValue"),
        ({"acdReorder": "first", "callID": "K1", "deviceID": "queue1"}, "operation invalidParameterValue"),
        ({"acdPromote": "0", "callID": "K9", "deviceID": "queue1"}, "operation invalidCallID"),
        ({"acdPromote": "0", "callID": "K1", "deviceID": "+15559990000"}, "stateIncompatibility invalidConnectionState"),
        ({"acdPromote": "0", "callID": "K2", "deviceID": "route1"}, "stateIncompatibility invalidConnectionState"),
    ],
)
def test_private_services_that_make_no_sense(data: dict[str, str] | None, error: str) -> None:
    site = waiting()
    site.call_waits(R, "r1", "K2")
    assert site.error(csta.Escape(private_data=data)) == error


# snapshots


def test_the_snapshot_of_a_queue_is_in_the_order_of_positions() -> None:
    site = Site()
    site.call_waits(Q, "q1", "K1")
    site.call_waits(Q, "q2", "K2", SECOND)
    site.happens_at(Q, QueueEvent("ACDCallReorderedEvent", "Reordered", waits("q2", "K2", SECOND), 1))
    invoke_id = site.ask(csta.SnapshotDevice(snapshot_object="queue1"))
    assert site.waits(invoke_id)
    site.switch.snapshots.applied(Q)
    snapshot = site.answer_to(invoke_id).snapshot
    assert [info.connection_identifier for info in snapshot] == [connection("K2", "queue1"), connection("K1", "queue1")]
    assert [info.local_call_state for info in snapshot] == [("queued", "connected")] * 2


def test_the_snapshot_of_a_queue_that_nobody_monitors_is_asked_for() -> None:
    site = Site(monitored=False)
    site.bw.answers("GET callcenter/queue1/calls", Response(200, {}, queue_body(("q1", "K1", "tel:+15559990000"))))
    (info,) = site.answer(csta.SnapshotDevice(snapshot_object="queue1")).snapshot
    assert info.connection_identifier == connection("K1", "queue1")
    assert info.endpoint_device == csta.PartyDevice("+15559990000")
    assert info.local_call_state == ("queued", "connected")


def test_a_queue_that_is_not_known_as_such_is_found_out_before_its_snapshot() -> None:
    office = Office()
    office.bw.answers("GET user/carol/calls", Response(200, {}, b'<Calls xmlns="http://schema.broadsoft.com/xsi"/>'))
    body = Response(200, {}, queue_body(("q1", "K1", "tel:+15559990000")))
    office.bw.answers("GET callcenter/carol/calls", body)
    (info,) = office.answer(csta.SnapshotDevice(snapshot_object="carol")).snapshot
    assert info.local_call_state == ("queued", "connected")


def test_a_waiting_call_of_an_unmonitored_queue_can_be_deflected() -> None:
    site = Site(monitored=False)
    site.monitor("alice")
    queue = Party(user_id=Q, address="tel:1501", call_type="Group")
    site.happens("alice", "Answered", XsiCall("a1", "K1", "Originator", "Active", queue))
    site.bw.answers("GET callcenter/queue1/calls", Response(200, {}, queue_body(("q7", "K1", "tel:1001"))))
    deflect = csta.DeflectCall(call_to_be_diverted=connection("K1", "queue1"), new_destination=("1002",))
    assert site.answer(deflect) == csta.DeflectCallResponse()
    assert site.bw.asked[-1] == "PUT callcenter/queue1/calls/q7/BlindTransfer?phoneno=1002"


def test_a_snapshot_is_compared_when_it_comes() -> None:
    site = waiting()
    site.happens_at(Q, QueueSubscription((waits("q2", "K2", SECOND),)))
    assert site.link.messages == ["ConnectionClearedEvent", "QueuedEvent"]
