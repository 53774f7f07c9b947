"""Logical and physical device features, agents among them, and the events of features, maintenance and call association."""

from __future__ import annotations

from typing import Annotated

import attrs

from bwconnector.csta import values
from bwconnector.csta.codecs import Flags, OneOf
from bwconnector.csta.elements import (
    CallCharacteristics,
    ConnectionID,
    ConnectionInformation,
    CorrelatorData,
    DeviceID,
    EventCause,
    ExtendedDeviceID,
    Extensions,
    ForwardDefault,
    ForwardingType,
    Reference,
    ServicesPermitted,
    UserData,
)
from bwconnector.csta.kinds import Event, Request, Response
from bwconnector.csta.schema import Element, ListOf

__all__ = [
    "AgentBusyEvent",
    "AgentInfo",
    "AgentLoggedOffEvent",
    "AgentLoggedOnEvent",
    "AgentNotReadyEvent",
    "AgentReadyEvent",
    "AgentStateEntry",
    "AgentWorkingAfterCallEvent",
    "BackInServiceEvent",
    "CallInformationEvent",
    "DeviceCapsChangedEvent",
    "DigitsGeneratedEvent",
    "DoNotDisturbEvent",
    "ForwardingEvent",
    "ForwardingSetting",
    "GetAgentState",
    "GetAgentStateResponse",
    "GetDoNotDisturb",
    "GetDoNotDisturbResponse",
    "GetForwarding",
    "GetForwardingResponse",
    "MessageWaitingEvent",
    "OutOfServiceEvent",
    "SetAgentState",
    "SetAgentStateResponse",
    "SetDoNotDisturb",
    "SetDoNotDisturbResponse",
    "SetForwarding",
    "SetForwardingResponse",
]

RequestedAgentState = Annotated[str, OneOf(values.REQUESTED_AGENT_STATE, "invalidAgentState")]
PendingAgentState = Annotated[str, OneOf(values.PENDING_AGENT_STATE)]
AfterCallPendingState = Annotated[str, OneOf(values.AFTER_CALL_PENDING_STATE)]
CallOrigination = Annotated[frozenset[str], Flags(values.CALL_ORIGINATION)]
CallingDeviceList = Annotated[tuple[str, ...], ListOf("callingDevice", DeviceID)]


@attrs.frozen(kw_only=True)
class AgentInfo(Element):
    """State of an agent in one ACD group, or in all of them when no group is named."""

    acd_group: DeviceID | None = None
    agent_state: Annotated[str, OneOf(values.AGENT_STATE)]
    pending_agent_state: PendingAgentState | None = None
    agent_state_condition: Annotated[str, OneOf(values.AGENT_STATE_CONDITION)] | None = None


@attrs.frozen(kw_only=True)
class AgentStateEntry(Element):
    """An agent at a device."""

    agent_id: Reference | None = None
    logged_on_state: bool
    agent_info: Annotated[tuple[AgentInfo, ...], ListOf("agentInfoItem", AgentInfo)] | None = None


@attrs.frozen(kw_only=True)
class ForwardingSetting(Element):
    """One kind of forwarding of a device."""

    forwarding_type: ForwardingType | None = None
    forward_status: bool
    forward_dn: DeviceID | None = None
    forward_default: ForwardDefault | None = None
    ring_count: int | None = None
    ring_duration: int | None = None


@attrs.frozen(kw_only=True)
class SetAgentState(Request):
    device: DeviceID
    requested_agent_state: RequestedAgentState
    agent_id: Reference | None = None
    password: bytes | None = attrs.field(default=None, repr=False)
    group: DeviceID | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SetAgentStateResponse(Response):
    pending_agent_state: PendingAgentState | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class GetAgentState(Request):
    device: DeviceID
    acd_group: DeviceID | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class GetAgentStateResponse(Response):
    agent_state_list: Annotated[tuple[AgentStateEntry, ...], ListOf("agentStateEntry", AgentStateEntry)]
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SetForwarding(Request):
    device: DeviceID
    forwarding_type: ForwardingType | None = None
    activate_forward: bool
    forward_dn: DeviceID | None = None
    ring_count: int | None = None
    ring_duration: int | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SetForwardingResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class GetForwarding(Request):
    device: DeviceID
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class GetForwardingResponse(Response):
    forwarding_list: Annotated[tuple[ForwardingSetting, ...], ListOf("forwardListItem", ForwardingSetting)] | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SetDoNotDisturb(Request):
    device: DeviceID
    do_not_disturb_on: bool
    call_origination: CallOrigination | None = None
    calling_device_list: CallingDeviceList | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SetDoNotDisturbResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class GetDoNotDisturb(Request):
    device: DeviceID
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class GetDoNotDisturbResponse(Response):
    do_not_disturb_on: bool
    call_origination: CallOrigination | None = None
    calling_device_list: CallingDeviceList | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class DigitsGeneratedEvent(Event):
    monitor_cross_ref_id: Reference | None = None
    connection: ConnectionID | None = None
    digit_generated_list: str | None = None
    digit_duration_list: Annotated[tuple[int, ...], ListOf("digitDuration", int)] | None = None
    pause_duration_list: Annotated[tuple[int, ...], ListOf("pauseDuration", int)] | None = None
    connection_info: ConnectionInformation | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class CallInformationEvent(Event):
    monitor_cross_ref_id: Reference
    connection: ConnectionID
    device: ExtendedDeviceID | None = None
    calling_device: ExtendedDeviceID | None = None
    account_info: bytes | None = None
    auth_code: bytes | None = attrs.field(default=None, repr=False)
    correlator_data: CorrelatorData | None = None
    services_permitted: ServicesPermitted | None = None
    user_data: UserData | None = None
    call_qualifying_data: bytes | None = None
    connection_info: ConnectionInformation | None = None
    call_characteristics: CallCharacteristics | None = None
    subject_of_call: str | None = None
    language_preferences: str | None = None
    device_info: DeviceID | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class AgentLoggedOnEvent(Event):
    monitor_cross_ref_id: Reference
    agent_device: ExtendedDeviceID
    agent_id: Reference | None = None
    acd_group: DeviceID | None = None
    agent_password: bytes | None = attrs.field(default=None, repr=False)
    cause: EventCause | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class AgentLoggedOffEvent(Event):
    monitor_cross_ref_id: Reference
    agent_device: ExtendedDeviceID
    agent_id: Reference | None = None
    acd_group: DeviceID | None = None
    agent_password: bytes | None = attrs.field(default=None, repr=False)
    cause: EventCause | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class AgentReadyEvent(Event):
    monitor_cross_ref_id: Reference
    agent_device: ExtendedDeviceID
    agent_id: Reference | None = None
    acd_group: DeviceID | None = None
    cause: EventCause | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class AgentNotReadyEvent(Event):
    monitor_cross_ref_id: Reference
    agent_device: ExtendedDeviceID
    agent_id: Reference | None = None
    acd_group: DeviceID | None = None
    cause: EventCause | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class AgentWorkingAfterCallEvent(Event):
    monitor_cross_ref_id: Reference
    agent_device: ExtendedDeviceID
    agent_id: Reference | None = None
    acd_group: DeviceID | None = None
    pending_agent_state: AfterCallPendingState | None = None
    cause: EventCause | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class AgentBusyEvent(Event):
    monitor_cross_ref_id: Reference
    agent_device: ExtendedDeviceID
    agent_id: Reference | None = None
    acd_group: DeviceID | None = None
    pending_agent_state: PendingAgentState | None = None
    cause: EventCause | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class DoNotDisturbEvent(Event):
    monitor_cross_ref_id: Reference
    device: ExtendedDeviceID
    do_not_disturb_on: bool
    call_origination: CallOrigination | None = None
    calling_device_list: CallingDeviceList | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ForwardingEvent(Event):
    monitor_cross_ref_id: Reference
    device: ExtendedDeviceID
    forwarding_type: ForwardingType | None = None
    forward_status: bool
    forward_to: DeviceID | None = None
    forward_default: ForwardDefault | None = None
    ring_count: int | None = None
    ring_duration: int | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class MessageWaitingEvent(Event):
    monitor_cross_ref_id: Reference | None = None
    target_device: ExtendedDeviceID | None = None
    device_for_message: DeviceID | None = None
    message_waiting_on: bool
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class BackInServiceEvent(Event):
    monitor_cross_ref_id: Reference
    device: ExtendedDeviceID
    cause: EventCause | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class OutOfServiceEvent(Event):
    monitor_cross_ref_id: Reference
    device: ExtendedDeviceID
    cause: EventCause | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class DeviceCapsChangedEvent(Event):
    monitor_cross_ref_id: Reference | None = None
    device: ExtendedDeviceID | None = None
    cause: EventCause | None = None
    extensions: Extensions | None = None
