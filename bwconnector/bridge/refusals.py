"""What a refused or impossible request is answered with: tables of CSTA errors (ECMA-269 §12.2.12), nothing else.

A row is looked up from the special to the general: by BroadWorks' error code, by service and HTTP status, by HTTP status alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from bwconnector.bridge.calls import ALERTING, CONNECTED, FAIL, HOLD, INITIATED, QUEUED, Connection
from bwconnector.bridge.recording import NOT_RECORDED, PAUSED, PENDING, STARTED
from bwconnector.csta.errors import CstaError
from bwconnector.xsi.errors import OutcomeUnknown, Refused, XsiFailure

__all__ = [
    "BY_ERROR_CODE",
    "BY_SERVICE",
    "BY_STATUS",
    "INVALID_AGENT",
    "NEEDS",
    "NO_CHANNEL",
    "PRIVATE_DATA",
    "RECORDING",
    "Row",
    "UNKNOWN_DEVICE",
    "refusal",
    "require",
]

OPERATION = "operation"
STATE = "stateIncompatibility"
SYSTEM = "systemResourceAvailibility"
SUBSCRIBED = "subscribedResourceAvailability"

Row = tuple[str, str]
"""Category and value."""

NO_CHANNEL: Row = (SYSTEM, "networkOutOfService")
"""Every Event Channel is down, or no XSP can be reached."""

OUTCOME_UNKNOWN: Row = (SYSTEM, "networkBusy")

BY_ERROR_CODE: Mapping[int, Row] = {
    110842: (SYSTEM, "resourceOutOfService"),  # the channel set is gone
}
"""By ``errorCode`` of BroadWorks. There is no public list of them: this table grows with the codes that sites meet."""

BY_STATUS: Mapping[int, Row] = {
    400: (OPERATION, "invalidParameterValue"),
    401: ("security", "generic"),
    403: (STATE, "generic"),
    404: (OPERATION, "invalidDeviceID"),
    405: (OPERATION, "serviceNotSupported"),
    408: ("performanceManagement", "performanceLimitExceeded"),
    409: (STATE, "invalidObjectState"),
    429: ("performanceManagement", "performanceLimitExceeded"),
    500: (SYSTEM, "generic"),
    501: (OPERATION, "serviceNotSupported"),
    502: (SYSTEM, "resourceBusy"),
    503: (SYSTEM, "resourceBusy"),
    504: (SYSTEM, "resourceBusy"),
}
OTHER_STATUS: Row = (SYSTEM, "generic")

ON_A_CALL = [
    "AlternateCall",
    "AssociateData",
    "ClearCall",
    "ClearConnection",
    "ConferenceCall",
    "ConferenceCall.add",
    "ConsultationCall",
    "DeflectCall",
    "GenerateDigits",
    "HoldCall",
    "ParkCall",
    "PlayMessage",
    "ReconnectCall",
    "RecordMessage",
    "Resume",
    "RetrieveCall",
    "SendUserInformation",
    "SingleStepConferenceCall",
    "SingleStepTransferCall",
    "Stop",
    "Suspend",
    "TransferCall",
]
"""Services whose requests name a call, so that 404 speaks of the call."""

BY_SERVICE: Mapping[tuple[str, int], Row] = {
    **{(service, 404): (OPERATION, "invalidConnectionID") for service in ON_A_CALL},
    ("MakeCall", 400): (OPERATION, "invalidCalledDeviceID"),
    ("MakeCall", 403): (STATE, "invalidCallingDeviceState"),
    ("MakeCall", 404): (OPERATION, "invalidCallingDeviceID"),
    ("AnswerCall", 403): (OPERATION, "requestIncompatibleWithConnection"),
    ("AnswerCall", 404): (STATE, "noCallToAnswer"),
    ("ClearConnection", 403): (STATE, "invalidConnectionState"),
    ("HoldCall", 403): (STATE, "invalidConnectionState"),
    ("RetrieveCall", 403): (STATE, "invalidConnectionState"),
    ("ConsultationCall", 400): (OPERATION, "invalidDestination"),
    ("ConsultationCall", 403): (STATE, "invalidActiveConnectionState"),
    ("TransferCall", 403): (STATE, "invalidObjectState"),
    ("ConferenceCall", 403): (SYSTEM, "conferenceResourceCannotBeSatisfied"),
    ("ConferenceCall.add", 403): (SYSTEM, "conferenceMemberLimitExceeded"),
    ("SingleStepTransferCall", 400): (OPERATION, "invalidDestination"),
    ("SingleStepTransferCall", 403): (OPERATION, "invalidDestination"),
    ("DeflectCall", 400): (OPERATION, "invalidDestination"),
    ("DeflectCall", 403): (OPERATION, "invalidDestination"),
    ("GroupPickupCall", 403): (OPERATION, "requestIncompatibleWithPickupDevice"),
    ("DirectedPickupCall", 403): (OPERATION, "requestIncompatibleWithPickupDevice"),
    ("ParkCall", 400): (OPERATION, "invalidParkToDeviceID"),
    ("ParkCall", 403): (OPERATION, "invalidParkToDeviceID"),
    ("SingleStepConferenceCall", 403): (OPERATION, "privilegeViolationSpecifiedDevice"),
    ("JoinCall", 403): (OPERATION, "privilegeViolationSpecifiedDevice"),
    ("GenerateDigits", 403): (OPERATION, "requestIncompatibleWithConnection"),
    ("RecordMessage", 403): (OPERATION, "requestIncompatibleWithConnection"),
    ("Stop", 403): (OPERATION, "requestIncompatibleWithConnection"),
    ("Suspend", 403): (OPERATION, "requestIncompatibleWithConnection"),
    ("Resume", 403): (OPERATION, "requestIncompatibleWithConnection"),
    ("SetDoNotDisturb", 403): (OPERATION, "invalidFeature"),
    ("SetDoNotDisturb", 404): (OPERATION, "invalidFeature"),
    ("GetDoNotDisturb", 403): (OPERATION, "invalidFeature"),
    ("GetDoNotDisturb", 404): (OPERATION, "invalidFeature"),
    ("SetForwarding", 403): (OPERATION, "invalidForwardingDestination"),
    ("SetForwarding", 404): (OPERATION, "invalidFeature"),
    ("GetForwarding", 403): (OPERATION, "invalidFeature"),
    ("GetForwarding", 404): (OPERATION, "invalidFeature"),
    ("SetAgentState", 403): (OPERATION, "requestIncompatibleWithDevice"),
    ("hoteling.forwarding", 400): (OPERATION, "invalidForwardingDestination"),
    ("hoteling.forwarding", 403): (OPERATION, "invalidFeature"),
    ("hoteling.guest", 403): (STATE, "invalidObjectState"),
    ("Escape", 404): (OPERATION, "invalidConnectionID"),
    ("PlayMessage", 403): (STATE, "notAbleToPlay"),
    ("RouteRegister", 403): (OPERATION, "privilegeViolationSpecifiedDevice"),
    ("RouteSelect", 400): (OPERATION, "invalidDestination"),
    ("RouteSelect", 403): (OPERATION, "invalidDestination"),
    ("RouteSelect", 404): (STATE, "noActiveCall"),
    ("MonitorStart", 403): (OPERATION, "privilegeViolationSpecifiedDevice"),
    ("MonitorStart", 404): (OPERATION, "invalidMonitorObject"),
}
"""By service and HTTP status."""

INVALID_AGENT: Row = (OPERATION, "invalidAgentIdentifier")
"""An agentID that is no user of BroadWorks."""

PRIVATE_DATA: Row = ("privateData", "cSTAPrivateDataInfoError")
"""Private data of Escape that name no service, or lack a parameter of it."""

UNKNOWN_DEVICE: Mapping[str, Row] = {
    "MakeCall": (OPERATION, "invalidCallingDeviceID"),
    "MonitorStart": (OPERATION, "invalidMonitorObject"),
}
"""A device that BroadWorks does not know; :data:`BY_STATUS` says what the other services answer."""

ALIVE = frozenset({INITIATED, ALERTING, CONNECTED, HOLD, QUEUED, FAIL})

NEEDS: Mapping[str, tuple[frozenset[str], Row]] = {
    "AnswerCall": (frozenset({ALERTING}), (STATE, "noCallToAnswer")),
    "ClearConnection": (ALIVE, (STATE, "noConnectionToClear")),
    "HoldCall": (frozenset({CONNECTED}), (STATE, "invalidConnectionState")),
    "RetrieveCall": (frozenset({HOLD}), (STATE, "noHeldCall")),
    "ConsultationCall": (frozenset({CONNECTED, HOLD}), (STATE, "noActiveCall")),
    "SingleStepTransferCall": (frozenset({CONNECTED}), (STATE, "invalidActiveConnectionState")),
    "SingleStepConferenceCall": (frozenset({CONNECTED}), (STATE, "invalidObjectState")),
    "JoinCall": (frozenset({CONNECTED}), (STATE, "invalidObjectState")),
    "DeflectCall": (frozenset({ALERTING}), (STATE, "invalidConnectionState")),
    "DirectedPickupCall": (frozenset({ALERTING}), (STATE, "noCallToAnswer")),
    "ParkCall": (frozenset({CONNECTED}), (STATE, "invalidConnectionState")),
    "PlayMessage": (frozenset({QUEUED}), (STATE, "notAbleToPlay")),
    "GenerateDigits": (frozenset({CONNECTED}), (STATE, "invalidConnectionState")),
    "RecordMessage": (frozenset({CONNECTED}), (STATE, "invalidConnectionState")),
    "Stop": (frozenset({CONNECTED}), (STATE, "invalidConnectionState")),
    "Suspend": (frozenset({CONNECTED}), (STATE, "invalidConnectionState")),
    "Resume": (frozenset({CONNECTED}), (STATE, "invalidConnectionState")),
    "AssociateData": (ALIVE, (STATE, "invalidConnectionState")),
    "SendUserInformation": (ALIVE, (STATE, "invalidConnectionState")),
    # the two calls of AlternateCall, ReconnectCall, TransferCall and ConferenceCall
    "heldCall": (frozenset({HOLD}), (STATE, "invalidHeldConnectionState")),
    "activeCall": (frozenset({CONNECTED}), (STATE, "invalidActiveConnectionState")),
}
"""By service (or parameter): states in which it makes sense, and the error for all others."""

RECORDING: Mapping[tuple[str, str], Row] = {
    ("RecordMessage", PENDING): (STATE, "invalidConnectionState"),
    ("RecordMessage", STARTED): (STATE, "invalidConnectionState"),
    ("RecordMessage", PAUSED): (STATE, "msgSuspended"),
    ("Stop", NOT_RECORDED): (STATE, "invalidConnectionState"),
    ("Suspend", NOT_RECORDED): (STATE, "invalidConnectionState"),
    ("Suspend", PENDING): (STATE, "invalidConnectionState"),
    ("Suspend", PAUSED): (STATE, "msgSuspended"),
    ("Resume", NOT_RECORDED): (STATE, "notAbleToResume"),
    ("Resume", PENDING): (STATE, "notAbleToResume"),
    ("Resume", STARTED): (STATE, "notAbleToResume"),
}
"""By service and state of the recording in which it makes no sense."""


OF_WAITING_CALLS = frozenset({"DeflectCall", "SingleStepTransferCall"})
"""Services that a call center or route point does with a call that waits there."""


def require(what: str, connection: Connection) -> None:
    """Refuse unless ``connection`` is in a state that ``what``, a row of :data:`NEEDS`, makes sense in."""
    states, row = NEEDS[what]
    waiting = what in OF_WAITING_CALLS and connection.queue and connection.state == QUEUED
    if connection.state not in states and not waiting:
        raise CstaError(*row, detail=f"{what}: the connection of {connection.device} in call {connection.call.id} is {connection.state}")


def refusal(service: str, failure: XsiFailure) -> CstaError:
    """What to answer when BroadWorks refused ``service``, or could not be asked."""
    if isinstance(failure, Refused):
        row = (
            BY_ERROR_CODE.get(failure.error_code)
            or BY_SERVICE.get((service, failure.status))
            or BY_STATUS.get(failure.status)
            or OTHER_STATUS
        )
    else:
        row = OUTCOME_UNKNOWN if isinstance(failure, OutcomeUnknown) else NO_CHANNEL
    return CstaError(*row, detail=f"{service}: {failure}")
