"""Routeing services (ECMA-269 §20): registrations, and the messages of a dialogue for which the standard has no answer."""

from __future__ import annotations

from bwconnector.bridge.devices import ROUTE_POINT, USER
from bwconnector.bridge.monitor_services import subscribe
from bwconnector.bridge.refusals import BY_STATUS, SUBSCRIBED, refusal
from bwconnector.bridge.switching import Asker, SwitchingFunction
from bwconnector.csta import messages as csta
from bwconnector.csta.errors import CstaError
from bwconnector.xsi.errors import XsiFailure

__all__ = ["route_end", "route_register", "route_register_cancel", "route_reject", "route_select"]


async def route_register(switch: SwitchingFunction, asker: Asker, request: csta.RouteRegister) -> tuple[csta.Message, ...]:
    """The response, and a RouteRequest for each call that waits already. (If nobody has had events of this route point before, the
    calls that wait come with its first event.)"""
    service, name = "RouteRegister", request.routeing_device
    device = await switch.device(service, name)
    switch.permit_each(asker, service, device.key)
    if device.kind == USER:
        try:
            device = await switch.directory.classify(device)
        except XsiFailure as failure:
            raise refusal(service, failure) from failure
    if device.kind != ROUTE_POINT:
        raise CstaError(*BY_STATUS[404], detail=f"{service}: {name} is no route point")
    _check(switch, asker, device.key)
    await subscribe(switch, asker, service, device)
    _check(switch, asker, device.key)
    registration, questions = switch.routeing.register(asker.link, device.key, name or device.key, asker.namespace)
    return (csta.RouteRegisterResponse(route_register_req_id=registration.id), *questions)


def _check(switch: SwitchingFunction, asker: Asker, route_point: str) -> None:
    if switch.routeing.registration(asker.link, route_point) is not None:
        detail = f"RouteRegister: link {asker.link.name} is registered at {asker.name(route_point)} already"
        raise CstaError(SUBSCRIBED, "objectRegistrationLimitExceeded", detail)


async def route_register_cancel(
    switch: SwitchingFunction, asker: Asker, request: csta.RouteRegisterCancel
) -> csta.RouteRegisterCancelResponse:
    try:
        route_point = switch.routeing.cancel(asker.link, request.route_register_req_id)
    except KeyError:
        detail = f"link {asker.link.name} has no routeing registration {request.route_register_req_id or ''}".rstrip()
        raise CstaError("operation", "invalidRouteRegistrationCrossRefID", detail) from None
    switch.release_unwanted(route_point)
    return csta.RouteRegisterCancelResponse()


def route_select(switch: SwitchingFunction, asker: Asker, message: csta.RouteSelect) -> None:
    switch.routeing.select(asker.link, message, asker.namespace)


def route_reject(switch: SwitchingFunction, asker: Asker, message: csta.RouteReject) -> None:
    switch.routeing.reject(asker.link, message.cross_ref_identifier)


def route_end(switch: SwitchingFunction, asker: Asker, message: csta.RouteEnd) -> None:
    switch.routeing.end(asker.link, message.cross_ref_identifier)
