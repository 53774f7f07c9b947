"""Features of a user's phone that a T-Server switches or asks for: Do Not Disturb and call forwarding (ECMA-269 §22.1)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from bwconnector.bridge.features import DO_NOT_DISTURB, FORWARDING_TYPES, FeatureEvent, Switched
from bwconnector.bridge.refusals import refusal
from bwconnector.bridge.switching import Asker, SwitchingFunction
from bwconnector.csta import messages as csta
from bwconnector.csta.errors import CstaError
from bwconnector.xsi import requests
from bwconnector.xsi.answers import read_do_not_disturb, read_forwarding
from bwconnector.xsi.errors import XsiFailure
from bwconnector.xsi.events import DoNotDisturbState, ForwardingState

__all__ = ["get_do_not_disturb", "get_forwarding", "set_do_not_disturb", "set_forwarding"]

SERVICE_OF_TYPE = {kind: service for service, kind in FORWARDING_TYPES.items()}
"""forwardingType to BroadWorks service; BroadWorks has no other type that CSTA has."""

INVALID_FEATURE = ("operation", "invalidFeature")

State = TypeVar("State", DoNotDisturbState, ForwardingState)


async def set_do_not_disturb(switch: SwitchingFunction, asker: Asker, request: csta.SetDoNotDisturb) -> csta.SetDoNotDisturbResponse:
    service, active = "SetDoNotDisturb", request.do_not_disturb_on
    user = (await switch.controlled(asker, service, request.device)).key

    def done(switched: Switched) -> bool:
        event = switched.event
        return switched.user == user and isinstance(event, DoNotDisturbState) and event.active == active and not event.unassigned

    await _set(switch, service, user, DO_NOT_DISTURB, requests.set_do_not_disturb(user, active), done)
    return csta.SetDoNotDisturbResponse()


async def get_do_not_disturb(switch: SwitchingFunction, asker: Asker, request: csta.GetDoNotDisturb) -> csta.GetDoNotDisturbResponse:
    service = "GetDoNotDisturb"
    user = (await switch.watched(asker, service, request.device)).key
    state = await _state(switch, service, user, DO_NOT_DISTURB, DoNotDisturbState, read_do_not_disturb)
    if state is None:
        raise _unassigned(service, user, DO_NOT_DISTURB)
    return csta.GetDoNotDisturbResponse(do_not_disturb_on=state.active)


async def set_forwarding(switch: SwitchingFunction, asker: Asker, request: csta.SetForwarding) -> csta.SetForwardingResponse:
    """Without forwardingType all calls are forwarded; without forwardDN to where they were before."""
    service, active = "SetForwarding", request.activate_forward
    kind = request.forwarding_type or "forwardImmediate"
    feature = SERVICE_OF_TYPE.get(kind)
    if feature is None:
        raise CstaError("operation", "invalidForwardingType", f"BroadWorks has no forwarding of type {kind}")
    user = (await switch.controlled(asker, service, request.device)).key
    address = switch.directory.dialled(request.forward_dn or "")
    if request.forward_dn and not address:
        raise CstaError("operation", "invalidForwardingDestination", f"{request.forward_dn!r} cannot be dialled")
    rings = request.ring_count if kind == "forwardNoAns" else None

    def done(switched: Switched) -> bool:
        event = switched.event
        return (
            switched.user == user
            and isinstance(event, ForwardingState)
            and (event.service, event.active, event.unassigned) == (feature, active, False)
            and (not address or switch.directory.key_of_address(event.forward_to) == switch.directory.key_of_address(address))
            and rings in (None, event.number_of_rings)
        )

    await _set(switch, service, user, feature, requests.set_call_forwarding(user, feature, active, address, rings), done)
    return csta.SetForwardingResponse()


async def get_forwarding(switch: SwitchingFunction, asker: Asker, request: csta.GetForwarding) -> csta.GetForwardingResponse:
    service = "GetForwarding"
    user = (await switch.watched(asker, service, request.device)).key
    found = []
    for feature in FORWARDING_TYPES:
        state = await _state(switch, service, user, feature, ForwardingState, partial(read_forwarding, feature))
        if state is not None:
            found.append(state)
    if not found:
        raise _unassigned(service, user, "Call Forwarding")
    return csta.GetForwardingResponse(
        forwarding_list=tuple(
            csta.ForwardingSetting(
                forwarding_type=FORWARDING_TYPES[state.service],
                forward_status=state.active,
                forward_dn=state.forward_to.removeprefix("tel:") or None,
                ring_count=state.number_of_rings,
            )
            for state in found
        )
    )


async def _set(
    switch: SwitchingFunction, service: str, user: str, feature: str, request: requests.Request, done: Callable[[Switched], bool]
) -> None:
    known = switch.features.get(user, feature)
    if known is not None and _gone(known):
        raise _unassigned(service, user, feature)
    try:
        await switch.outstanding.switched(switch.xsi.perform(request), done)
    except XsiFailure as failure:
        raise refusal(service, failure) from failure


async def _state(
    switch: SwitchingFunction, service: str, user: str, feature: str, kind: type[State], read: Callable[[bytes], State]
) -> State | None:
    """The state of a feature, from memory if the user's events tell it; None if the user does not have it."""
    known = switch.features.get(user, feature)
    if isinstance(known, kind):
        return None if _gone(known) else known
    try:
        return read((await switch.xsi.perform(requests.service(user, feature))).body)
    except XsiFailure as failure:
        error = refusal(service, failure)
        if (error.category, error.value) == INVALID_FEATURE:
            return None
        raise error from failure


def _gone(state: FeatureEvent) -> bool:
    return isinstance(state, DoNotDisturbState | ForwardingState) and state.unassigned


def _unassigned(service: str, user: str, feature: str) -> CstaError:
    return CstaError(*INVALID_FEATURE, detail=f"{service}: {user} does not have the service {feature}")
