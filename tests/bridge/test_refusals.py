from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bwconnector.bridge.calls import Call
from bwconnector.bridge.refusals import (
    BY_ERROR_CODE,
    BY_SERVICE,
    BY_STATUS,
    INVALID_AGENT,
    NEEDS,
    PRIVATE_DATA,
    UNKNOWN_DEVICE,
    refusal,
    require,
)
from bwconnector.bridge.services import SERVICES
from bwconnector.csta.errors import CstaError
from bwconnector.csta.values import ERROR_VALUES, LOCAL_CONNECTION_STATE
from bwconnector.xsi.errors import NoXspAvailable, OutcomeUnknown, Refused


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, "operation/invalidParameterValue"),
        (401, "security/generic"),
        (403, "stateIncompatibility/generic"),
        (404, "operation/invalidDeviceID"),
        (405, "operation/serviceNotSupported"),
        (408, "performanceManagement/performanceLimitExceeded"),
        (409, "stateIncompatibility/invalidObjectState"),
        (429, "performanceManagement/performanceLimitExceeded"),
        (500, "systemResourceAvailibility/generic"),
        (501, "operation/serviceNotSupported"),
        (502, "systemResourceAvailibility/resourceBusy"),
        (503, "systemResourceAvailibility/resourceBusy"),
        (504, "systemResourceAvailibility/resourceBusy"),
        (418, "systemResourceAvailibility/generic"),
    ],
)
def test_what_every_service_answers_to_a_status(status: int, error: str) -> None:
    assert str(refusal("SnapshotDevice", Refused(status))).startswith(error)


def test_an_error_code_says_more_than_the_status() -> None:
    assert refusal("MakeCall", Refused(403, 110842)).value == "resourceOutOfService"
    assert refusal("MakeCall", Refused(403, 8251)).value == "invalidCallingDeviceState"


def test_a_request_that_got_no_answer() -> None:
    assert refusal("HoldCall", OutcomeUnknown("time-out")).value == "networkBusy"
    assert refusal("HoldCall", NoXspAvailable("none")).value == "networkOutOfService"


def test_what_broadworks_said_is_kept_for_the_log() -> None:
    error = refusal("HoldCall", Refused(403, 8251, "Call hold is not allowed"))
    assert error.detail == "HoldCall: HTTP 403, error 8251: Call hold is not allowed"


def test_every_row_is_an_error_that_csta_has() -> None:
    rows = [
        *BY_ERROR_CODE.values(),
        *BY_SERVICE.values(),
        *BY_STATUS.values(),
        *UNKNOWN_DEVICE.values(),
        INVALID_AGENT,
        PRIVATE_DATA,
        *(row for _, row in NEEDS.values()),
    ]
    for category, value in rows:
        assert value in (ERROR_VALUES[category] or ())


def test_every_row_is_about_a_service_that_exists() -> None:
    names = {service.__name__ for service in SERVICES} | {
        "ConferenceCall.add",
        "hoteling.forwarding",
        "hoteling.guest",
        "heldCall",
        "activeCall",
    }
    assert {service for service, _ in BY_SERVICE} | NEEDS.keys() | UNKNOWN_DEVICE.keys() <= names
    assert all(states <= LOCAL_CONNECTION_STATE for states, _ in NEEDS.values())


@given(st.sampled_from(sorted(NEEDS)), st.sampled_from(sorted(LOCAL_CONNECTION_STATE)))
def test_a_state_is_good_enough_or_refused_with_the_row_of_the_service(what: str, state: str) -> None:
    connection = Call("K1").connection("alice")
    connection.state = state
    states, row = NEEDS[what]
    if state in states:
        require(what, connection)
    else:
        with pytest.raises(CstaError) as raised:
            require(what, connection)
        assert (raised.value.category, raised.value.value) == row
