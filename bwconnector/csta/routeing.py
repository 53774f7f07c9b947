"""Routeing services (ECMA-269 §20): the application decides where a call goes."""

from __future__ import annotations

from typing import Annotated

import attrs

from bwconnector.csta import values
from bwconnector.csta.association import CSTAErrorCode
from bwconnector.csta.codecs import Integer, Node, OneOf, Writer, by_name
from bwconnector.csta.elements import (
    CallCharacteristics,
    ConnectionID,
    ConnectionInformation,
    CorrelatorData,
    DeviceHistory,
    DeviceID,
    DeviceList,
    ExtendedDeviceID,
    Extensions,
    MediaCallCharacteristics,
    MediaClass,
    Reference,
)
from bwconnector.csta.kinds import OneWay, Request, Response

__all__ = [
    "ReRoute",
    "RouteEnd",
    "RouteRegister",
    "RouteRegisterAbort",
    "RouteRegisterCancel",
    "RouteRegisterCancelResponse",
    "RouteRegisterResponse",
    "RouteReject",
    "RouteRequest",
    "RouteSelect",
    "RouteUsed",
]

RouteSelection = Annotated[str, OneOf(values.ROUTE_SELECTION)]
RejectCause = Annotated[str, OneOf(values.REJECT_CAUSE)]


class RetryCount:
    """Codec of remainRetries: only the count is kept; ``noCountAvailable`` and ``noListAvailable`` say nothing."""

    def read(self, node: Node) -> int | None:
        count = by_name(node).get("retryCount")
        return None if count is None else Integer().read(count)

    def writer(self, name: str, edition: int) -> Writer:
        write_count = Integer().writer("retryCount", edition)
        return lambda value: f"<{name}>{write_count(value)}</{name}>"


@attrs.frozen(kw_only=True)
class RouteRegister(Request):
    routeing_device: DeviceID | None = None
    requested_routeing_media_class: MediaClass | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class RouteRegisterResponse(Response):
    route_register_req_id: Reference
    actual_routeing_media_class: MediaClass | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class RouteRegisterCancel(Request):
    route_register_req_id: Reference | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class RouteRegisterCancelResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class RouteRequest(OneWay):
    cross_ref_identifier: Reference
    route_register_req_id: Reference | None = None
    current_route: ExtendedDeviceID
    calling_device: ExtendedDeviceID | None = None
    routeing_device: ExtendedDeviceID | None = None
    routed_call: ConnectionID | None = None
    route_sel_algorithm: RouteSelection | None = None
    associated_calling_device: ExtendedDeviceID | None = None
    associated_called_device: ExtendedDeviceID | None = None
    priority: bool | None = None
    reply_timeout: int | None = None
    correlator_data: CorrelatorData | None = None
    media_call_characteristics: MediaCallCharacteristics | None = None
    call_characteristics: CallCharacteristics | None = None
    route_call_info: ConnectionInformation | None = None
    subject_of_call: str | None = None
    language_preferences: str | None = None
    device_history: DeviceHistory | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class RouteSelect(OneWay):
    cross_ref_identifier: Reference
    route_register_req_id: Reference | None = None
    route_selected: DeviceID
    alternate_routes: DeviceList | None = None
    remain_retries: Annotated[int, RetryCount()] | None = None
    route_used_req: bool | None = None
    correlator_data: CorrelatorData | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class RouteEnd(OneWay):
    cross_ref_identifier: Reference
    route_register_req_id: Reference | None = None
    error_value: CSTAErrorCode | None = None
    correlator_data: CorrelatorData | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class RouteReject(OneWay):
    cross_ref_identifier: Reference | None = None
    route_register_req_id: Reference | None = None
    reject_cause: RejectCause | None = None
    correlator_data: CorrelatorData | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class RouteUsed(OneWay):
    cross_ref_identifier: Reference | None = None
    route_register_req_id: Reference | None = None
    route_used: ExtendedDeviceID | None = None
    calling_device: ExtendedDeviceID | None = None
    domain: bool | None = None
    correlator_data: CorrelatorData | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ReRoute(OneWay):
    cross_ref_identifier: Reference | None = None
    route_register_req_id: Reference | None = None
    reply_timeout: int | None = None
    correlator_data: CorrelatorData | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class RouteRegisterAbort(OneWay):
    route_register_req_id: Reference | None = None
    extensions: Extensions | None = None
