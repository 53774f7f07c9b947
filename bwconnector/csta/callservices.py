"""Call control and call associated services (ECMA-269 §17.1, §18.1): the requests."""

from __future__ import annotations

from typing import Annotated

import attrs

from bwconnector.csta import values
from bwconnector.csta.codecs import Identifier, Node, OneOf, Writer, text_of
from bwconnector.csta.elements import (
    CallCharacteristics,
    ConnectionID,
    ConnectionInformation,
    CorrelatorData,
    DeviceID,
    EventCause,
    Extensions,
    MediaCallCharacteristics,
    UserData,
)
from bwconnector.csta.errors import EncodeError
from bwconnector.csta.kinds import Request
from bwconnector.csta.schema import ListOf

__all__ = [
    "AcceptCall",
    "AlternateCall",
    "AnswerCall",
    "AssociateData",
    "CallBack",
    "ClearCall",
    "ClearConnection",
    "ConferenceCall",
    "ConsultationCall",
    "DeflectCall",
    "DirectedPickupCall",
    "GenerateDigits",
    "GroupPickupCall",
    "HoldCall",
    "JoinCall",
    "MakeCall",
    "ParkCall",
    "ReconnectCall",
    "RetrieveCall",
    "SendUserInformation",
    "SingleStepConferenceCall",
    "SingleStepTransferCall",
    "TransferCall",
]

AutoOriginate = Annotated[str, OneOf(values.AUTO_ORIGINATE)]
ConsultOptions = Annotated[str, OneOf(values.CONSULT_OPTIONS)]
ParticipationType = Annotated[str, OneOf(values.PARTICIPATION_TYPE, "invalidParticipationType")]
DigitMode = Annotated[str, OneOf(values.DIGIT_MODE)]


class DestinationList:
    """Codec of DeflectCall's newDestination: plain text up to edition 4, a list of ``device`` since edition 5. Both are read."""

    _list = ListOf("device", DeviceID)

    def read(self, node: Node) -> tuple[str, ...] | None:
        devices = tuple(device for device in self._list.read(node) if device)
        return devices or ((text_of(node),) if text_of(node) else None)

    def writer(self, name: str, edition: int) -> Writer:
        if edition >= 5:
            return self._list.writer(name, edition)
        write_device = Identifier().writer(name, edition)

        def write(devices: tuple[str, ...]) -> str:
            if len(devices) != 1:
                raise EncodeError(f"{name} takes one device in edition {edition}, not {devices!r}")
            return write_device(devices[0])

        return write


Destinations = Annotated[tuple[str, ...], DestinationList()]


@attrs.frozen(kw_only=True)
class MakeCall(Request):
    calling_device: DeviceID
    called_directory_number: DeviceID
    account_code: bytes | None = attrs.field(default=None, repr=False)
    auth_code: bytes | None = attrs.field(default=None, repr=False)
    auto_originate: AutoOriginate | None = None
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    call_characteristics: CallCharacteristics | None = None
    media_call_characteristics: MediaCallCharacteristics | None = None
    calling_connection_info: ConnectionInformation | None = None
    subject_of_call: str | None = None
    language_preferences: str | None = None
    reason: EventCause | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class AnswerCall(Request):
    call_to_be_answered: ConnectionID
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ClearConnection(Request):
    connection_to_be_cleared: ConnectionID
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    reason: EventCause | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ClearCall(Request):
    call_to_be_cleared: ConnectionID | None = None
    user_data: UserData | None = None
    reason: EventCause | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class HoldCall(Request):
    call_to_be_held: ConnectionID
    connection_reservation: bool | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class RetrieveCall(Request):
    call_to_be_retrieved: ConnectionID
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class AlternateCall(Request):
    held_call: ConnectionID
    active_call: ConnectionID
    connection_reservation: bool | None = None
    consult_options: ConsultOptions | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ReconnectCall(Request):
    active_call: ConnectionID
    held_call: ConnectionID
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ConsultationCall(Request):
    existing_call: ConnectionID
    consulted_device: DeviceID
    connection_reservation: bool | None = None
    account_code: bytes | None = attrs.field(default=None, repr=False)
    auth_code: bytes | None = attrs.field(default=None, repr=False)
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    call_characteristics: CallCharacteristics | None = None
    media_call_characteristics: MediaCallCharacteristics | None = None
    calling_connection_info: ConnectionInformation | None = None
    consult_options: ConsultOptions | None = None
    subject_of_call: str | None = None
    language_preferences: str | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class TransferCall(Request):
    held_call: ConnectionID
    active_call: ConnectionID
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SingleStepTransferCall(Request):
    active_call: ConnectionID
    transferred_to: DeviceID
    account_code: bytes | None = attrs.field(default=None, repr=False)
    auth_code: bytes | None = attrs.field(default=None, repr=False)
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    call_characteristics: CallCharacteristics | None = None
    subject_of_call: str | None = None
    language_preferences: str | None = None
    reason: EventCause | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ConferenceCall(Request):
    held_call: ConnectionID
    active_call: ConnectionID
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SingleStepConferenceCall(Request):
    active_call: ConnectionID | None = None
    device_to_join: DeviceID | None = None
    participation_type: ParticipationType
    account_code: bytes | None = attrs.field(default=None, repr=False)
    auth_code: bytes | None = attrs.field(default=None, repr=False)
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    subject_of_call: str | None = None
    language_preferences: str | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class DeflectCall(Request):
    call_to_be_diverted: ConnectionID
    new_destination: Destinations
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    call_characteristics: CallCharacteristics | None = None
    subject_of_call: str | None = None
    language_preferences: str | None = None
    reason: EventCause | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class DirectedPickupCall(Request):
    call_to_be_picked_up: ConnectionID | None = None
    requesting_device: DeviceID | None = None
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class GroupPickupCall(Request):
    new_destination: DeviceID | None = None
    pick_group: DeviceID | None = None
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ParkCall(Request):
    parking: ConnectionID | None = None
    park_to: DeviceID | None = None
    correlator_data: CorrelatorData | None = None
    subject_of_call: str | None = None
    language_preferences: str | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class AcceptCall(Request):
    call_to_be_accepted: ConnectionID | None = None
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class CallBack(Request):
    callback_connection: ConnectionID | None = None
    call_characteristics: CallCharacteristics | None = None
    subject_of_call: str | None = None
    language_preferences: str | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class JoinCall(Request):
    active_call: ConnectionID | None = None
    joining_device: DeviceID | None = None
    auto_originate: AutoOriginate
    participation_type: ParticipationType
    account_code: bytes | None = attrs.field(default=None, repr=False)
    auth_code: bytes | None = attrs.field(default=None, repr=False)
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class GenerateDigits(Request):
    connection_to_send_digits: ConnectionID
    digit_mode: DigitMode | None = None
    characters_to_send: str | None = None
    tone_duration: int | None = None
    pulse_rate: int | None = None
    pause_duration: int | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class AssociateData(Request):
    existing_call: ConnectionID | None = None
    account_code: bytes | None = attrs.field(default=None, repr=False)
    auth_code: bytes | None = attrs.field(default=None, repr=False)
    correlator_data: CorrelatorData | None = None
    call_qualifying_data: bytes | None = None
    call_characteristics: CallCharacteristics | None = None
    subject_of_call: str | None = None
    language_preferences: str | None = None
    device_info: DeviceID | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SendUserInformation(Request):
    existing_call: ConnectionID | None = None
    user_data: UserData | None = None
    extensions: Extensions | None = None
