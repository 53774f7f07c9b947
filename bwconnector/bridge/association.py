"""How a link becomes an association: three ways, each served and none demanded (ECMA-269 §7.2).

* none: the client just begins, or asks RequestSystemStatus
* SystemRegister: from then on SystemStatus carries the registration's id and passes its filter
* an application session (ECMA-354), which may expire; expiry ends the session, not the link
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

from bwconnector.bridge.ports import Clock, DelayedCall
from bwconnector.csta import messages as csta
from bwconnector.csta.errors import CstaError

__all__ = ["Association", "DEFAULT_NAMESPACE"]

DEFAULT_NAMESPACE = "http://www.ecma-international.org/standards/ecma-323/csta/ed3"
"""Spoken on a link until its client has shown another one."""

DEFAULT_DURATION = 3600
"""Seconds of a session whose client does not say how long it is to last."""

_EDITION = re.compile(r".*csta/ed[0-9]+")

_FILTER_NAMES = {"messagesLost": "messageLost"}
"""Status values that the filter of ECMA-323 spells otherwise."""


class Association:
    """The association of one link.

    :param expired: called with what to tell the client when its application session runs out
    :ivar namespace: CSTA namespace for messages that answer nothing
    """

    def __init__(self, clock: Clock, expired: Callable[[csta.Message], None]) -> None:
        self._clock = clock
        self._expired = expired
        self._ids = itertools.count(1)
        self._register_id: str | None = None
        self._filter: frozenset[str] = frozenset()
        self._session_id: str | None = None
        self._duration = DEFAULT_DURATION
        self._timer: DelayedCall | None = None
        self.namespace = DEFAULT_NAMESPACE

    def status(self, value: str) -> tuple[csta.Message, ...]:
        """The SystemStatus that tells ``value``; nothing if the client has filtered it out."""
        if _FILTER_NAMES.get(value, value) in self._filter:
            return ()
        return (csta.SystemStatus(sys_stat_register_id=self._register_id, system_status=value),)

    # System registration

    def register(self, request: csta.SystemRegister) -> csta.SystemRegisterResponse:
        """A second registration replaces the first: clients that lost their own state register anew.

        SystemStatus is sent whatever types of requests are registered for, as it is without a registration: T-Servers wait for it.
        """
        self._register_id = str(next(self._ids))
        self._filter = request.requested_status_filter or frozenset()
        return csta.SystemRegisterResponse(sys_stat_register_id=self._register_id, actual_status_filter=request.requested_status_filter)

    def change_filter(self, request: csta.ChangeSysStatFilter) -> csta.ChangeSysStatFilterResponse:
        self._check_registration(request.sys_stat_register_id)
        self._filter = request.requested_status_filter or frozenset()
        return csta.ChangeSysStatFilterResponse(actual_status_filter=self._filter)

    def cancel(self, request: csta.SystemRegisterCancel) -> csta.SystemRegisterCancelResponse:
        """Back to the state before any registration."""
        self._check_registration(request.sys_stat_register_id)
        self._register_id, self._filter = None, frozenset()
        return csta.SystemRegisterCancelResponse()

    def _check_registration(self, register_id: str | None) -> None:
        if self._register_id is None or register_id not in (None, self._register_id):
            raise CstaError("operation", "invalidCrossRefID", f"no registration {register_id or ''} on this link")

    # Application sessions

    def start(
        self, request: csta.StartApplicationSession
    ) -> csta.StartApplicationSessionPosResponse | csta.StartApplicationSessionNegResponse:
        """A second session replaces the first."""
        version = next((v for v in request.requested_protocol_versions if _EDITION.match(v)), "")
        if request.requested_protocol_versions and not version:
            error = csta.SessionError(defined_error="requestedProtocolVersionNotSupported")
            return csta.StartApplicationSessionNegResponse(error_code=error)
        version = version or self.namespace
        edition = _EDITION.match(version)
        self.namespace = edition.group() if edition is not None else self.namespace
        self._session_id = str(next(self._ids))
        duration = self._set_timer(request.requested_session_duration)
        return csta.StartApplicationSessionPosResponse(
            session_id=self._session_id, actual_protocol_version=version, actual_session_duration=duration
        )

    def reset_timer(
        self, request: csta.ResetApplicationSessionTimer
    ) -> csta.ResetApplicationSessionTimerPosResponse | csta.ResetApplicationSessionTimerNegResponse:
        if request.session_id != self._session_id:
            return csta.ResetApplicationSessionTimerNegResponse(error_code=csta.SessionError(defined_error="invalidSessionID"))
        wanted = self._duration if request.requested_session_duration is None else request.requested_session_duration
        return csta.ResetApplicationSessionTimerPosResponse(actual_session_duration=self._set_timer(wanted))

    def stop(self, request: csta.StopApplicationSession) -> csta.StopApplicationSessionPosResponse | csta.StopApplicationSessionNegResponse:
        if request.session_id != self._session_id:
            return csta.StopApplicationSessionNegResponse(error_code=csta.SessionError(defined_error="invalidSessionID"))
        self.close()
        return csta.StopApplicationSessionPosResponse()

    def close(self) -> None:
        """End the session, if there is one, without a word."""
        self._session_id = None
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _set_timer(self, duration: int | None) -> int:
        """Let the session end after ``duration`` seconds; never if that is 0, which no standard explains."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._duration = DEFAULT_DURATION if duration is None else max(0, duration)
        self._timer = self._clock.callLater(self._duration, self._expire) if self._duration else None
        return self._duration

    def _expire(self) -> None:
        session_id, self._session_id, self._timer = self._session_id, None, None
        if session_id is not None:
            reason = csta.SessionTermReason(defined_term_reason="sessionTimerExpired")
            self._expired(csta.ApplicationSessionTerminated(session_id=session_id, session_term_reason=reason))
