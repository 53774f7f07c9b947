"""Call control events (ECMA-269 §17.2)."""

from __future__ import annotations

import attrs

from bwconnector.csta.elements import (
    CallCharacteristics,
    ConnectionID,
    ConnectionInformation,
    ConnectionList,
    CorrelatorData,
    DeviceHistory,
    DeviceID,
    EventCause,
    ExtendedDeviceID,
    Extensions,
    LocalConnectionState,
    MediaCallCharacteristics,
    NetworkCapability,
    RedirectionDeviceID,
    Reference,
    ServicesPermitted,
    UserData,
)
from bwconnector.csta.kinds import Event

__all__ = [
    "CallClearedEvent",
    "ConferencedEvent",
    "ConnectionClearedEvent",
    "DeliveredEvent",
    "DigitsDialedEvent",
    "DivertedEvent",
    "EstablishedEvent",
    "FailedEvent",
    "HeldEvent",
    "NetworkReachedEvent",
    "OfferedEvent",
    "OriginatedEvent",
    "QueuedEvent",
    "RetrievedEvent",
    "ServiceInitiatedEvent",
    "TransferedEvent",
]


@attrs.frozen(kw_only=True)
class ServiceInitiatedEvent(Event):
    monitor_cross_ref_id: Reference
    initiated_connection: ConnectionID
    initiating_device: ExtendedDeviceID
    called_device: ExtendedDeviceID | None = None
    local_connection_info: LocalConnectionState | None = None
    correlator_data: CorrelatorData | None = None
    cause: EventCause
    services_permitted: ServicesPermitted | None = None
    media_call_characteristics: MediaCallCharacteristics | None = None
    call_characteristics: CallCharacteristics | None = None
    initiated_connection_info: ConnectionInformation | None = None
    network_calling_device: ExtendedDeviceID | None = None
    network_called_device: ExtendedDeviceID | None = None
    associated_calling_device: ExtendedDeviceID | None = None
    subject_of_call: str | None = None
    language_preferences: str | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class OriginatedEvent(Event):
    monitor_cross_ref_id: Reference
    originated_connection: ConnectionID
    calling_device: ExtendedDeviceID
    called_device: ExtendedDeviceID
    originating_device: DeviceID | None = None
    local_connection_info: LocalConnectionState | None = None
    correlator_data: CorrelatorData | None = None
    cause: EventCause
    services_permitted: ServicesPermitted | None = None
    network_calling_device: ExtendedDeviceID | None = None
    network_called_device: ExtendedDeviceID | None = None
    associated_calling_device: ExtendedDeviceID | None = None
    associated_called_device: ExtendedDeviceID | None = None
    media_call_characteristics: MediaCallCharacteristics | None = None
    call_characteristics: CallCharacteristics | None = None
    originated_connection_info: ConnectionInformation | None = None
    subject_of_call: str | None = None
    language_preferences: str | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class DeliveredEvent(Event):
    monitor_cross_ref_id: Reference
    connection: ConnectionID
    alerting_device: ExtendedDeviceID
    calling_device: ExtendedDeviceID
    called_device: ExtendedDeviceID
    last_redirection_device: RedirectionDeviceID
    originating_nid_connection: ConnectionID | None = None
    local_connection_info: LocalConnectionState | None = None
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    cause: EventCause
    services_permitted: ServicesPermitted | None = None
    network_calling_device: ExtendedDeviceID | None = None
    network_called_device: ExtendedDeviceID | None = None
    associated_calling_device: ExtendedDeviceID | None = None
    associated_called_device: ExtendedDeviceID | None = None
    media_call_characteristics: MediaCallCharacteristics | None = None
    call_characteristics: CallCharacteristics | None = None
    connection_info: ConnectionInformation | None = None
    subject_of_call: str | None = None
    language_preferences: str | None = None
    device_history: DeviceHistory | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class EstablishedEvent(Event):
    monitor_cross_ref_id: Reference
    established_connection: ConnectionID
    answering_device: ExtendedDeviceID
    calling_device: ExtendedDeviceID
    called_device: ExtendedDeviceID
    last_redirection_device: RedirectionDeviceID
    originatin_nid_connection: ConnectionID | None = None
    local_connection_info: LocalConnectionState | None = None
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    cause: EventCause
    services_permitted: ServicesPermitted | None = None
    network_calling_device: ExtendedDeviceID | None = None
    network_called_device: ExtendedDeviceID | None = None
    associated_calling_device: ExtendedDeviceID | None = None
    associated_called_device: ExtendedDeviceID | None = None
    media_call_characteristics: MediaCallCharacteristics | None = None
    call_characteristics: CallCharacteristics | None = None
    established_connection_info: ConnectionInformation | None = None
    subject_of_call: str | None = None
    language_preferences: str | None = None
    device_history: DeviceHistory | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class HeldEvent(Event):
    monitor_cross_ref_id: Reference
    held_connection: ConnectionID
    holding_device: ExtendedDeviceID
    local_connection_info: LocalConnectionState | None = None
    correlator_data: CorrelatorData | None = None
    cause: EventCause
    services_permitted: ServicesPermitted | None = None
    media_call_characteristics: MediaCallCharacteristics | None = None
    call_characteristics: CallCharacteristics | None = None
    held_connection_info: ConnectionInformation | None = None
    language_preferences: str | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class RetrievedEvent(Event):
    monitor_cross_ref_id: Reference
    retrieved_connection: ConnectionID
    retrieving_device: ExtendedDeviceID
    local_connection_info: LocalConnectionState | None = None
    correlator_data: CorrelatorData | None = None
    cause: EventCause
    services_permitted: ServicesPermitted | None = None
    media_call_characteristics: MediaCallCharacteristics | None = None
    call_characteristics: CallCharacteristics | None = None
    retrieved_connection_info: ConnectionInformation | None = None
    language_preferences: str | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ConnectionClearedEvent(Event):
    monitor_cross_ref_id: Reference
    dropped_connection: ConnectionID
    releasing_device: ExtendedDeviceID
    local_connection_info: LocalConnectionState | None = None
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    cause: EventCause
    services_permitted: ServicesPermitted | None = None
    media_call_characteristics: MediaCallCharacteristics | None = None
    call_characteristics: CallCharacteristics | None = None
    dropped_connection_info: ConnectionInformation | None = None
    language_preferences: str | None = None
    device_history: DeviceHistory | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class CallClearedEvent(Event):
    monitor_cross_ref_id: Reference
    cleared_call: ConnectionID
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    cause: EventCause
    media_call_characteristics: MediaCallCharacteristics | None = None
    call_characteristics: CallCharacteristics | None = None
    language_preferences: str | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class DivertedEvent(Event):
    monitor_cross_ref_id: Reference
    connection: ConnectionID
    diverting_device: ExtendedDeviceID
    new_destination: ExtendedDeviceID
    calling_device: ExtendedDeviceID | None = None
    called_device: ExtendedDeviceID | None = None
    last_redirection_device: RedirectionDeviceID
    local_connection_info: LocalConnectionState | None = None
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    cause: EventCause
    services_permitted: ServicesPermitted | None = None
    media_call_characteristics: MediaCallCharacteristics | None = None
    call_characteristics: CallCharacteristics | None = None
    connection_info: ConnectionInformation | None = None
    network_calling_device: ExtendedDeviceID | None = None
    network_called_device: ExtendedDeviceID | None = None
    associated_calling_device: ExtendedDeviceID | None = None
    associated_called_device: ExtendedDeviceID | None = None
    subject_of_call: str | None = None
    language_preferences: str | None = None
    device_history: DeviceHistory | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class QueuedEvent(Event):
    monitor_cross_ref_id: Reference
    queued_connection: ConnectionID
    queue: ExtendedDeviceID
    calling_device: ExtendedDeviceID
    called_device: ExtendedDeviceID
    last_redirection_device: RedirectionDeviceID
    number_queued: int | None = None
    calls_in_front: int | None = None
    local_connection_info: LocalConnectionState | None = None
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    cause: EventCause
    services_permitted: ServicesPermitted | None = None
    network_calling_device: ExtendedDeviceID | None = None
    network_called_device: ExtendedDeviceID | None = None
    associated_calling_device: ExtendedDeviceID | None = None
    associated_called_device: ExtendedDeviceID | None = None
    media_call_characteristics: MediaCallCharacteristics | None = None
    call_characteristics: CallCharacteristics | None = None
    queued_connection_info: ConnectionInformation | None = None
    subject_of_call: str | None = None
    language_preferences: str | None = None
    device_history: DeviceHistory | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class TransferedEvent(Event):
    monitor_cross_ref_id: Reference
    primary_old_call: ConnectionID
    secondary_old_call: ConnectionID | None = None
    transferring_device: ExtendedDeviceID
    transferred_to_device: ExtendedDeviceID
    transferred_connections: ConnectionList
    local_connection_info: LocalConnectionState | None = None
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    cause: EventCause
    services_permitted: ServicesPermitted | None = None
    media_call_characteristics: MediaCallCharacteristics | None = None
    call_characteristics: CallCharacteristics | None = None
    language_preferences: str | None = None
    device_history: DeviceHistory | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ConferencedEvent(Event):
    monitor_cross_ref_id: Reference
    primary_old_call: ConnectionID
    secondary_old_call: ConnectionID | None = None
    conferencing_device: ExtendedDeviceID
    added_party: ExtendedDeviceID
    conference_connections: ConnectionList
    local_connection_info: LocalConnectionState | None = None
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    cause: EventCause
    services_permitted: ServicesPermitted | None = None
    media_call_characteristics: MediaCallCharacteristics | None = None
    call_characteristics: CallCharacteristics | None = None
    language_preferences: str | None = None
    device_history: DeviceHistory | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class FailedEvent(Event):
    monitor_cross_ref_id: Reference
    failed_connection: ConnectionID
    failing_device: ExtendedDeviceID
    calling_device: ExtendedDeviceID
    called_device: ExtendedDeviceID
    last_redirection_device: RedirectionDeviceID
    originating_nid_connection: ConnectionID | None = None
    local_connection_info: LocalConnectionState | None = None
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    cause: EventCause
    services_permitted: ServicesPermitted | None = None
    network_calling_device: ExtendedDeviceID | None = None
    network_called_device: ExtendedDeviceID | None = None
    associated_calling_device: ExtendedDeviceID | None = None
    associated_called_device: ExtendedDeviceID | None = None
    media_call_characteristics: MediaCallCharacteristics | None = None
    call_characteristics: CallCharacteristics | None = None
    failed_connection_info: ConnectionInformation | None = None
    subject_of_call: str | None = None
    language_preferences: str | None = None
    device_history: DeviceHistory | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class NetworkReachedEvent(Event):
    monitor_cross_ref_id: Reference
    outbound_connection: ConnectionID
    network_interface_used: ExtendedDeviceID
    calling_device: ExtendedDeviceID
    called_device: ExtendedDeviceID
    last_redirection_device: RedirectionDeviceID
    originating_nid_connection: ConnectionID | None = None
    local_connection_info: LocalConnectionState | None = None
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    network_capability: NetworkCapability | None = None
    cause: EventCause
    services_permitted: ServicesPermitted | None = None
    media_call_characteristics: MediaCallCharacteristics | None = None
    call_characteristics: CallCharacteristics | None = None
    outbound_connection_info: ConnectionInformation | None = None
    network_calling_device: ExtendedDeviceID | None = None
    network_called_device: ExtendedDeviceID | None = None
    associated_calling_device: ExtendedDeviceID | None = None
    language_preferences: str | None = None
    device_history: DeviceHistory | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class OfferedEvent(Event):
    monitor_cross_ref_id: Reference | None = None
    offered_connection: ConnectionID | None = None
    offered_device: ExtendedDeviceID | None = None
    calling_device: ExtendedDeviceID | None = None
    called_device: ExtendedDeviceID | None = None
    last_redirection_device: RedirectionDeviceID | None = None
    originating_nid_connection: ConnectionID | None = None
    local_connection_info: LocalConnectionState | None = None
    correlator_data: CorrelatorData | None = None
    user_data: UserData | None = None
    cause: EventCause
    services_permitted: ServicesPermitted | None = None
    network_calling_device: ExtendedDeviceID | None = None
    network_called_device: ExtendedDeviceID | None = None
    associated_calling_device: ExtendedDeviceID | None = None
    associated_called_device: ExtendedDeviceID | None = None
    media_call_characteristics: MediaCallCharacteristics | None = None
    call_characteristics: CallCharacteristics | None = None
    offered_connection_info: ConnectionInformation | None = None
    subject_of_call: str | None = None
    language_preferences: str | None = None
    device_history: DeviceHistory | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class DigitsDialedEvent(Event):
    monitor_cross_ref_id: Reference | None = None
    dialing_connection: ConnectionID | None = None
    dialing_device: ExtendedDeviceID | None = None
    dialing_sequence: DeviceID | None = None
    local_connection_info: LocalConnectionState | None = None
    correlator_data: CorrelatorData | None = None
    cause: EventCause
    services_permitted: ServicesPermitted | None = None
    network_calling_device: ExtendedDeviceID | None = None
    network_called_device: ExtendedDeviceID | None = None
    associated_calling_device: ExtendedDeviceID | None = None
    associated_called_device: ExtendedDeviceID | None = None
    dialing_connection_info: ConnectionInformation | None = None
    call_characteristics: CallCharacteristics | None = None
    language_preferences: str | None = None
    extensions: Extensions | None = None
