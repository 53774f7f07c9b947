"""Monitors (ECMA-269 §15) and snapshots (§16)."""

from __future__ import annotations

from typing import Annotated, ClassVar

import attrs

from bwconnector.csta import values
from bwconnector.csta.codecs import Flags, OneOf
from bwconnector.csta.elements import (
    CallCharacteristics,
    CallState,
    ConnectionID,
    CorrelatorData,
    DeviceHistory,
    DeviceID,
    ExtendedDeviceID,
    Extensions,
    LocalConnectionState,
    MediaCallCharacteristics,
    MonitorFilterList,
    Reference,
    ServicesPermitted,
)
from bwconnector.csta.kinds import OneWay, Request, Response
from bwconnector.csta.schema import Element, Inside, ListOf, Named

__all__ = [
    "ChangeMonitorFilter",
    "ChangeMonitorFilterResponse",
    "MonitorObject",
    "MonitorStart",
    "MonitorStartResponse",
    "MonitorStop",
    "MonitorStopResponse",
    "SnapshotCall",
    "SnapshotCallInfo",
    "SnapshotCallResponse",
    "SnapshotDevice",
    "SnapshotDeviceData",
    "SnapshotDeviceInfo",
    "SnapshotDeviceResponse",
]

MonitorType = Annotated[str, OneOf(values.MONITOR_TYPE, "invalidMonitorType")]
MonitorMediaClass = Annotated[frozenset[str], Flags(values.MONITOR_MEDIA_CLASS)]


@attrs.frozen(kw_only=True)
class MonitorObject(Element):
    """What is to be monitored: a call or a device."""

    min_children: ClassVar[int] = 1
    max_children: ClassVar[int | None] = 1

    call_object: ConnectionID | None = None
    device_object: DeviceID | None = None


@attrs.frozen(kw_only=True)
class SnapshotDeviceInfo(Element):
    """A connection of a device.

    :ivar local_call_state: states of the connection (first) and of the other connections of its call; empty for unknown
    """

    connection_identifier: ConnectionID
    endpoint_device: ExtendedDeviceID | None = None
    local_call_state: CallState
    services_permitted: ServicesPermitted | None = None
    media_call_characteristics: MediaCallCharacteristics | None = None


@attrs.frozen(kw_only=True)
class SnapshotCallInfo(Element):
    """A device in a call."""

    device_on_call: ExtendedDeviceID
    call_identifier: ConnectionID | None = None
    local_connection_info: LocalConnectionState | None = None
    services_permitted: ServicesPermitted | None = None


DeviceSnapshot = Annotated[tuple[SnapshotDeviceInfo, ...], ListOf("snapshotDeviceResponseInfo", SnapshotDeviceInfo)]
CallSnapshot = Annotated[tuple[SnapshotCallInfo, ...], ListOf("snapshotCallResponseInfo", SnapshotCallInfo)]
_SNAPSHOT = "crossRefIDorSnapshotData"


@attrs.frozen(kw_only=True)
class MonitorStart(Request):
    monitor_object: MonitorObject
    requested_monitor_filter: MonitorFilterList | None = None
    monitor_type: MonitorType | None = None
    requested_monitor_media_class: MonitorMediaClass | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class MonitorStartResponse(Response):
    monitor_cross_ref_id: Reference
    actual_monitor_filter: MonitorFilterList | None = None
    actual_monitor_media_class: MonitorMediaClass | None = None
    monitor_existing_calls: bool | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class MonitorStop(Request):
    monitor_cross_ref_id: Reference
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class MonitorStopResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ChangeMonitorFilter(Request):
    monitor_cross_ref_id: Reference
    requested_filter_list: MonitorFilterList
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ChangeMonitorFilterResponse(Response):
    actual_filter_list: MonitorFilterList | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SnapshotDevice(Request):
    snapshot_object: DeviceID
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SnapshotDeviceResponse(Response):
    """Either the snapshot itself or the cross reference of the SnapshotDeviceData that will carry it."""

    min_children: ClassVar[int] = 1

    service_cross_ref_id: Annotated[Reference, Inside(_SNAPSHOT)] | None = None
    snapshot: Annotated[DeviceSnapshot, Named("snapshotData"), Inside(_SNAPSHOT)] | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SnapshotCall(Request):
    snapshot_object: ConnectionID
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SnapshotCallResponse(Response):
    """Either the snapshot itself or the cross reference of the SnapshotCallData that will carry it."""

    min_children: ClassVar[int] = 1

    service_cross_ref_id: Annotated[Reference, Inside(_SNAPSHOT)] | None = None
    snapshot: Annotated[CallSnapshot, Named("snapshotData"), Inside(_SNAPSHOT)] | None = None
    media_call_characteristics: MediaCallCharacteristics | None = None
    call_characteristics: CallCharacteristics | None = None
    calling_device: ExtendedDeviceID | None = None
    called_device: ExtendedDeviceID | None = None
    associated_calling_device: ExtendedDeviceID | None = None
    associated_called_device: ExtendedDeviceID | None = None
    correlator_data: CorrelatorData | None = None
    subject_of_call: str | None = None
    language_preferences: str | None = None
    device_history: DeviceHistory | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SnapshotDeviceData(OneWay):
    service_cross_ref_id: Reference | None = None
    segment_id: int | None = None
    last_segment: bool
    snapshot_data: DeviceSnapshot | None = None
    extensions: Extensions | None = None
