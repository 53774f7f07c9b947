"""Capability exchange (ECMA-269 §13): what the switching function and its devices can do.

Children that have no meaning for user telephony (data rates, buttons and lamps, media services …) are neither read nor sent.
"""

from __future__ import annotations

from typing import Annotated, Any

import attrs

from bwconnector.csta import values
from bwconnector.csta.codecs import Flags, OneOf
from bwconnector.csta.elements import (
    CallCharacteristics,
    DeviceID,
    DeviceList,
    Extensions,
    MonitorFilterList,
    Reference,
)
from bwconnector.csta.kinds import OneWay, Request, Response
from bwconnector.csta.schema import Element, ListOf, Named
from bwconnector.csta.servicelists import CapabilityList

__all__ = [
    "GetCSTAFeatures",
    "GetCSTAFeaturesResponse",
    "GetLogicalDeviceInformation",
    "GetLogicalDeviceInformationResponse",
    "GetPhysicalDeviceInformation",
    "GetPhysicalDeviceInformationResponse",
    "GetSwitchingFunctionCaps",
    "GetSwitchingFunctionCapsResponse",
    "GetSwitchingFunctionDevices",
    "GetSwitchingFunctionDevicesResponse",
    "ListedDevice",
    "MonitorFilterItems",
    "SwitchingFunctionDevices",
]

Profiles = Annotated[frozenset[str], Flags(values.PROFILES)]
DeviceIDFormat = Annotated[frozenset[str], Flags(values.DEVICE_ID_FORMAT)]
SwDomainFeatures = Annotated[frozenset[str], Flags(values.SWITCHING_DOMAIN_FEATURES)]
SwAppearanceAddressability = Annotated[frozenset[str], Flags(values.APPEARANCE_ADDRESSABILITY)]
SwAppearanceTypes = Annotated[frozenset[str], Flags(values.APPEARANCE_TYPES)]
MonitorMediaClass = Annotated[frozenset[str], Flags(values.MONITOR_MEDIA_CLASS)]
TransAndConfSetup = Annotated[frozenset[str], Flags(values.TRANSFER_CONFERENCE_SETUP)]
MiscMonitorCaps = Annotated[frozenset[str], Flags(values.MISC_MONITOR_CAPS)]
ACDModels = Annotated[frozenset[str], Flags(values.ACD_MODELS)]
AgentLogOnModels = Annotated[frozenset[str], Flags(values.AGENT_LOG_ON_MODELS)]
AgentStateModels = Annotated[frozenset[str], Flags(values.AGENT_STATE_MODELS)]
GroupDeviceAttributes = Annotated[frozenset[str], Flags(values.GROUP_DEVICE_ATTRIBUTES)]
DeviceAttributes = Annotated[frozenset[str], Flags(values.DEVICE_ATTRIBUTES)]
IgnoreUnsupportedParameters = Annotated[str, OneOf(values.UNSUPPORTED_PARAMETERS)]
DynamicFeatureSupported = Annotated[str, OneOf(values.DYNAMIC_FEATURES)]
ConnectionView = Annotated[str, OneOf(values.CONNECTION_VIEW)]
RequestedDeviceCategory = Annotated[str, OneOf(values.REQUESTED_DEVICE_CATEGORY)]
DeviceCategory = Annotated[str, OneOf(values.DEVICE_CATEGORY)]
NamedDeviceTypes = Annotated[str, OneOf(values.NAMED_DEVICE_TYPE)]
AppearanceType = Annotated[str, OneOf(values.APPEARANCE_TYPE)]


@attrs.frozen(kw_only=True)
class MonitorFilterItems(Element):
    """Events that no monitor of a kind ever gets."""

    device_on_device_monitor_filter: MonitorFilterList | None = None
    device_on_connection_monitor_filter: MonitorFilterList | None = None
    call_on_device_monitor_filter: MonitorFilterList | None = None
    call_on_connection_monitor_filter: MonitorFilterList | None = None


@attrs.frozen(kw_only=True)
class ListedDevice(Element):
    """A device in the list of the switching function's devices."""

    device_id: DeviceID | None = None
    device_category: DeviceCategory | None = None
    named_device_types: NamedDeviceTypes | None = None
    device_attributes: DeviceAttributes | None = None
    device_model_name: str | None = None


@attrs.frozen(kw_only=True)
class GetSwitchingFunctionCaps(Request):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class GetSwitchingFunctionCapsResponse(Response):
    switching_sub_domain_name: str | None = None
    manufacturer_name: str | None = None
    profiles: Profiles | None = None
    device_id_format: DeviceIDFormat | None = None
    sw_domain_features: SwDomainFeatures | None = None
    sw_appearance_addressability: SwAppearanceAddressability | None = None
    sw_appearance_types: SwAppearanceTypes | None = None
    ignore_unsupported_parameters: IgnoreUnsupportedParameters
    call_characteristics_supported: CallCharacteristics | None = None
    media_class_support: MonitorMediaClass | None = None
    pause_time: int | None = None
    current_time: str | None = None
    trans_and_conf_setup: TransAndConfSetup | None = None
    monitor_filter_items: MonitorFilterItems | None = None
    misc_monitor_caps: MiscMonitorCaps | None = None
    correlator_data_supported: bool | None = None
    dynamic_feature_supported: DynamicFeatureSupported | None = None
    acd_models: Annotated[ACDModels, Named("aCDModels")] | None = None
    agent_log_on_models: AgentLogOnModels | None = None
    agent_state_models: AgentStateModels | None = None
    connection_view: ConnectionView
    serv_evts_list: Annotated[dict[str, Any], CapabilityList("ServEvtsList")] | None = None
    system_status_timer: int | None = None
    max_device_history_entries: int | None = None
    max_destination_devices_for_deflect: int | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class GetSwitchingFunctionDevices(Request):
    requested_device_id: DeviceID | None = None
    requested_device_category: RequestedDeviceCategory | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class GetSwitchingFunctionDevicesResponse(Response):
    service_cross_ref_id: Reference | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class GetLogicalDeviceInformation(Request):
    device: DeviceID
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class GetLogicalDeviceInformationResponse(Response):
    device_category: DeviceCategory | None = None
    group_device_attributes: GroupDeviceAttributes | None = None
    named_device_types: NamedDeviceTypes | None = None
    short_form_device_id: DeviceID | None = None
    has_physical_element: bool
    acd_models: ACDModels | None = None
    agent_log_on_models: AgentLogOnModels | None = None
    appearance_addressable: bool
    appearance_type: AppearanceType
    appearance_list: Annotated[tuple[str, ...], ListOf("appearance", str)] | None = None
    other_physical_device_list: DeviceList | None = None
    misc_monitor_caps: MiscMonitorCaps | None = None
    associated_group_list: DeviceList | None = None
    max_callbacks: int | None = None
    max_auto_answer_rings: int | None = None
    max_active_calls: int | None = None
    max_held_calls: int | None = None
    max_fwd_settings: int | None = None
    max_devices_in_conf: int | None = None
    trans_and_conf_setup: TransAndConfSetup | None = None
    device_on_device_monitor_filter: MonitorFilterList | None = None
    device_on_connection_monitor_filter: MonitorFilterList | None = None
    call_on_device_monitor_filter: MonitorFilterList | None = None
    call_on_connection_monitor_filter: MonitorFilterList | None = None
    media_class_support: MonitorMediaClass | None = None
    routeing_serv_list: Annotated[dict[str, Any], CapabilityList("RouteingServList")] | None = None
    log_dev_serv_list: Annotated[dict[str, Any], CapabilityList("LogDevServList")] | None = None
    log_dev_evts_list: Annotated[dict[str, Any], CapabilityList("LogDevEvtsList")] | None = None
    device_maint_evts_list: Annotated[dict[str, Any], CapabilityList("DeviceMaintEvtsList")] | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class GetPhysicalDeviceInformation(Request):
    device: DeviceID | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class GetPhysicalDeviceInformationResponse(Response):
    device_category: DeviceCategory
    group_device_attributes: GroupDeviceAttributes | None = None
    named_device_types: NamedDeviceTypes | None = None
    has_logical_element: bool
    other_logical_device_list: DeviceList | None = None
    device_model_name: str | None = None
    device_on_device_monitor_filter: MonitorFilterList | None = None
    device_on_connection_monitor_filter: MonitorFilterList | None = None
    call_on_device_monitor_filter: MonitorFilterList | None = None
    call_on_connection_monitor_filter: MonitorFilterList | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class GetCSTAFeatures(Request):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class GetCSTAFeaturesResponse(Response):
    supported_services: Annotated[dict[str, Any], CapabilityList("SupportedServices")] | None = None
    supported_events: Annotated[dict[str, Any], CapabilityList("SupportedEvents")] | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SwitchingFunctionDevices(OneWay):
    service_cross_ref_id: Reference | None = None
    segment_id: int | None = None
    last_segment: bool
    device_list: Annotated[tuple[ListedDevice, ...], ListOf("device", ListedDevice)] | None = None
    extensions: Extensions | None = None
