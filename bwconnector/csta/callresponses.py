"""Call control and call associated services (ECMA-269 §17.1, §18.1): the positive responses."""

from __future__ import annotations

import attrs

from bwconnector.csta.elements import (
    ConnectionID,
    ConnectionInformation,
    ConnectionList,
    DeviceID,
    Extensions,
    MediaCallCharacteristics,
)
from bwconnector.csta.kinds import Response

__all__ = [
    "AcceptCallResponse",
    "AlternateCallResponse",
    "AnswerCallResponse",
    "AssociateDataResponse",
    "CallBackResponse",
    "ClearCallResponse",
    "ClearConnectionResponse",
    "ConferenceCallResponse",
    "ConsultationCallResponse",
    "DeflectCallResponse",
    "DirectedPickupCallResponse",
    "GenerateDigitsResponse",
    "GroupPickupCallResponse",
    "HoldCallResponse",
    "JoinCallResponse",
    "MakeCallResponse",
    "ParkCallResponse",
    "ReconnectCallResponse",
    "RetrieveCallResponse",
    "SendUserInformationResponse",
    "SingleStepConferenceCallResponse",
    "SingleStepTransferCallResponse",
    "TransferCallResponse",
]


@attrs.frozen(kw_only=True)
class MakeCallResponse(Response):
    calling_device: ConnectionID
    media_call_characteristics: MediaCallCharacteristics | None = None
    initiated_call_info: ConnectionInformation | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class AnswerCallResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ClearConnectionResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ClearCallResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class HoldCallResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class RetrieveCallResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class AlternateCallResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ReconnectCallResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ConsultationCallResponse(Response):
    initiated_call: ConnectionID
    media_call_characteristics: MediaCallCharacteristics | None = None
    initiated_call_info: ConnectionInformation | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class TransferCallResponse(Response):
    transferred_call: ConnectionID
    connections: ConnectionList | None = None
    transferred_call_info: ConnectionInformation | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SingleStepTransferCallResponse(Response):
    transferred_call: ConnectionID | None = None
    connections: ConnectionList | None = None
    transferred_call_info: ConnectionInformation | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ConferenceCallResponse(Response):
    conference_call: ConnectionID
    connections: ConnectionList | None = None
    conference_call_info: ConnectionInformation | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SingleStepConferenceCallResponse(Response):
    conferenced_call: ConnectionID | None = None
    conferenced_call_info: ConnectionInformation | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class DeflectCallResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class DirectedPickupCallResponse(Response):
    picked_call: ConnectionID | None = None
    picked_call_info: ConnectionInformation | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class GroupPickupCallResponse(Response):
    picked_call: ConnectionID | None = None
    picked_call_info: ConnectionInformation | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ParkCallResponse(Response):
    parked_to: ConnectionID | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class AcceptCallResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class CallBackResponse(Response):
    target_device: DeviceID | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class JoinCallResponse(Response):
    conferenced_call: ConnectionID | None = None
    conferenced_call_info: ConnectionInformation | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class GenerateDigitsResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class AssociateDataResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SendUserInformationResponse(Response):
    extensions: Extensions | None = None
