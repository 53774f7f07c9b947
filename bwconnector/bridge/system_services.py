"""System status, registration and application sessions: answered from memory, never behind a request to BroadWorks."""

from __future__ import annotations

from bwconnector.bridge.switching import Asker, SwitchingFunction
from bwconnector.csta import messages as csta

__all__ = [
    "change_sys_stat_filter",
    "request_system_status",
    "reset_application_session_timer",
    "start_application_session",
    "stop_application_session",
    "system_register",
    "system_register_cancel",
    "system_status",
]

Answers = tuple[csta.Message, ...]


async def request_system_status(
    switch: SwitchingFunction, asker: Asker, request: csta.RequestSystemStatus
) -> csta.RequestSystemStatusResponse:
    return csta.RequestSystemStatusResponse(system_status=switch.status.value)


async def system_status(switch: SwitchingFunction, asker: Asker, request: csta.SystemStatus) -> csta.SystemStatusResponse:
    """The client's own status; nothing depends on it."""
    return csta.SystemStatusResponse()


async def system_register(switch: SwitchingFunction, asker: Asker, request: csta.SystemRegister) -> Answers:
    # T-Servers use a link only once a SystemStatus has followed the answer to their association request.
    return (asker.association.register(request), *asker.association.status(switch.status.value))


async def change_sys_stat_filter(switch: SwitchingFunction, asker: Asker, request: csta.ChangeSysStatFilter) -> csta.Message:
    return asker.association.change_filter(request)


async def system_register_cancel(switch: SwitchingFunction, asker: Asker, request: csta.SystemRegisterCancel) -> csta.Message:
    return asker.association.cancel(request)


async def start_application_session(switch: SwitchingFunction, asker: Asker, request: csta.StartApplicationSession) -> Answers:
    answer = asker.association.start(request)
    if isinstance(answer, csta.StartApplicationSessionNegResponse):
        return (answer,)
    return (answer, *asker.association.status(switch.status.value))


async def reset_application_session_timer(
    switch: SwitchingFunction, asker: Asker, request: csta.ResetApplicationSessionTimer
) -> csta.Message:
    return asker.association.reset_timer(request)


async def stop_application_session(switch: SwitchingFunction, asker: Asker, request: csta.StopApplicationSession) -> csta.Message:
    return asker.association.stop(request)
