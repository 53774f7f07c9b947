from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from bwconnector.csta import messages as csta
from bwconnector.xsi.requests import Response

from .office import ED3, Office, connection, user

DEFLECT = "PUT user/bob/calls/b1/BlindTransfer?address=1003"


def deflect(*to: str) -> csta.DeflectCall:
    return csta.DeflectCall(call_to_be_diverted=connection("K1", "bob"), new_destination=to or ("1003",))


def test_deflect_call() -> None:
    office = Office()
    office.call("K1", alice="Dialling", bob="Alerting")
    assert office.answer(deflect()) == csta.DeflectCallResponse()
    assert office.bw.asked == [DEFLECT]


def test_deflect_call_is_answered_before_its_event() -> None:
    office = Office()
    call = office.call("K1", alice="Dialling", bob="Alerting")
    office.monitor("bob")
    office.bw.answers(DEFLECT, Deferred())
    invoke_id = office.ask(deflect())
    office.change("DivertedEvent", call, "bob", "redirected")
    assert office.link.sent[-2:] == [(invoke_id, csta.DeflectCallResponse(), ED3), ("9999", "DivertedEvent", ED3)]


def test_deflect_call_of_a_connected_call() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Active")
    assert office.error(deflect()) == "stateIncompatibility invalidConnectionState"


@pytest.mark.parametrize(
    ("to", "error"), [(("1003", "1004"), "operation parameterNotSupported"), (("10 03",), "operation invalidDestination")]
)
def test_deflect_call_to_what_it_cannot_go_to(to: tuple[str, ...], error: str) -> None:
    office = Office()
    office.call("K1", bob="Alerting")
    assert office.error(deflect(*to)) == error
    assert office.bw.asked == []


@pytest.mark.parametrize("status", [400, 403])
def test_deflect_call_refused(status: int) -> None:
    office = Office()
    office.call("K1", bob="Alerting")
    office.bw.refuses(DEFLECT, status)
    assert office.error(deflect()) == "operation invalidDestination"


# Pick-up

PICKUP = "POST user/dave/calls/CallPickup"


def test_group_pickup_call_tells_what_was_picked_up() -> None:
    office = Office()
    call = office.call("K1", alice="Dialling", bob="Alerting")
    invoke_id = office.ask(csta.GroupPickupCall(new_destination="1004"))
    assert office.bw.asked == [PICKUP]
    assert office.waits(invoke_id)
    office.change("DivertedEvent", call, "bob", "callPickup", target=user("dave"))
    assert office.answer_to(invoke_id) == csta.GroupPickupCallResponse(picked_call=connection("K1", "1004"))


def test_group_pickup_call_that_is_told_by_the_answered_call() -> None:
    office = Office()
    call = office.call("K1", alice="Active", dave="Active")
    office.bw.answers(PICKUP, Deferred())
    invoke_id = office.ask(csta.GroupPickupCall(new_destination="dave"))
    office.change("EstablishedEvent", call, "dave", "newCall")
    assert office.waits(invoke_id)
    office.change("EstablishedEvent", call, "dave", "callPickup")
    assert office.answer_to(invoke_id).picked_call == connection("K1", "dave")


def test_group_pickup_call_that_no_event_tells() -> None:
    office = Office()
    invoke_id = office.ask(csta.GroupPickupCall(new_destination="dave"))
    office.clock.advance(0.2)
    assert office.answer_to(invoke_id) == csta.GroupPickupCallResponse()


def test_group_pickup_call_refused() -> None:
    office = Office()
    office.bw.refuses(PICKUP)
    assert office.error(csta.GroupPickupCall(new_destination="dave")) == "operation requestIncompatibleWithPickupDevice"
    assert office.error(csta.GroupPickupCall(new_destination="nobody")) == "operation invalidDeviceID"
    assert office.error(csta.GroupPickupCall()) == "operation atLeastOneConditionalParameterNotProvided"


def directed(device: str = "dave") -> csta.DirectedPickupCall:
    return csta.DirectedPickupCall(call_to_be_picked_up=connection("K1", "1002"), requesting_device=device)


def test_directed_pickup_call() -> None:
    office = Office()
    call = office.call("K1", alice="Dialling", bob="Alerting")
    invoke_id = office.ask(directed())
    assert office.bw.asked == ["POST user/dave/calls/DirectedCallPickup?address=1002"]
    office.change("DivertedEvent", office.call("K2", carol="Alerting"), "carol", "callPickup", target=user("dave"))
    assert office.waits(invoke_id)
    office.change("DivertedEvent", call, "bob", "callPickup", target=user("dave"))
    assert office.answer_to(invoke_id) == csta.DirectedPickupCallResponse(picked_call=connection("K1", "dave"))


def test_directed_pickup_call_that_no_event_tells() -> None:
    office = Office()
    office.call("K1", alice="Dialling", bob="Alerting")
    invoke_id = office.ask(directed())
    office.clock.advance(0.2)
    assert office.answer_to(invoke_id).picked_call == connection("K1", "dave")


def test_directed_pickup_call_of_what_does_not_ring() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Active")
    assert office.error(directed()) == "stateIncompatibility noCallToAnswer"
    assert office.bw.asked == []


def test_directed_pickup_call_refused() -> None:
    office = Office()
    office.call("K1", alice="Dialling", bob="Alerting")
    assert office.error(directed("nobody")) == "operation invalidDeviceID"
    office.bw.refuses("POST user/dave/calls/DirectedCallPickup?address=1002")
    assert office.error(directed()) == "operation requestIncompatibleWithPickupDevice"


# ParkCall


def park(to: str | None = "1004") -> csta.ParkCall:
    return csta.ParkCall(parking=connection("K1", "bob"), park_to=to)


def test_park_call() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Active")
    assert office.answer(park()) == csta.ParkCallResponse(parked_to=connection("K1", "1004"))
    assert office.bw.asked == ["PUT user/bob/calls/b1/Park?address=1004"]


@pytest.mark.parametrize("place", ["1009", "+15550001009"])
def test_park_call_in_the_group_tells_where(place: str) -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Active")
    where = {"content-location": f"/com.broadsoft.xsi-actions/v2.0/user/bob/calls/ParkRetrieve?address={place}"}
    office.bw.answers("PUT user/bob/calls/b1/GroupCallPark", Response(200, where))
    assert office.answer(park(None)) == csta.ParkCallResponse(parked_to=connection("K1", place))


def test_park_call_in_the_group_whose_event_comes_first() -> None:
    office = Office()
    call = office.call("K1", alice="Active", bob="Active")
    office.bw.answers("PUT user/bob/calls/b1/GroupCallPark", Deferred())
    invoke_id = office.ask(park(None))
    office.change("DivertedEvent", call, "bob", "park", target=user("dave"))
    assert office.answer_to(invoke_id).parked_to == connection("K1", "dave")


def test_park_call_in_the_group_at_a_place_that_is_not_told() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Active")
    assert office.answer(park(None)) == csta.ParkCallResponse(parked_to=connection("K1"))


@pytest.mark.parametrize("status", [400, 403])
def test_park_call_refused(status: int) -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Active")
    office.bw.refuses("PUT user/bob/calls/b1/Park?address=1004", status)
    assert office.error(park()) == "operation invalidParkToDeviceID"


def test_park_call_checks_before_it_asks() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Held")
    assert office.error(park()) == "stateIncompatibility invalidConnectionState"
    office.call("K1", alice="Active", bob="Active")
    assert office.error(park("10 04")) == "operation invalidParkToDeviceID"
    assert office.bw.asked == []
