"""The association of a link: application sessions (ECMA-354), System Status services (ECMA-269 §13), and the error message."""

from __future__ import annotations

from typing import Annotated, ClassVar

import attrs

from bwconnector.csta import values
from bwconnector.csta.codecs import Codec, Flags, Node, OneOf, Writer, by_name, escape, local_name, text_of
from bwconnector.csta.elements import Extensions, Reference
from bwconnector.csta.errors import CstaError, EncodeError
from bwconnector.csta.kinds import Message, OneWay, Request, Response
from bwconnector.csta.schema import Element, ListOf

__all__ = [
    "SESSION_NAMESPACE",
    "ApplicationInfo",
    "ApplicationSessionTerminated",
    "CSTAErrorCode",
    "ChangeSysStatFilter",
    "ChangeSysStatFilterResponse",
    "RequestSystemStatus",
    "RequestSystemStatusResponse",
    "ResetApplicationSessionTimer",
    "ResetApplicationSessionTimerNegResponse",
    "ResetApplicationSessionTimerPosResponse",
    "SessionEndReason",
    "SessionError",
    "SessionTermReason",
    "StartApplicationSession",
    "StartApplicationSessionNegResponse",
    "StartApplicationSessionPosResponse",
    "StopApplicationSession",
    "StopApplicationSessionNegResponse",
    "StopApplicationSessionPosResponse",
    "SystemRegister",
    "SystemRegisterAbort",
    "SystemRegisterCancel",
    "SystemRegisterCancelResponse",
    "SystemRegisterResponse",
    "SystemStatus",
    "SystemStatusResponse",
]

SESSION_NAMESPACE = "http://www.ecma-international.org/standards/ecma-354/appl_session"

SystemStatusValue = Annotated[str, OneOf(values.SYSTEM_STATUS, "systemStatusOutOfRange")]
RequestTypes = Annotated[frozenset[str], Flags(values.REQUEST_TYPES)]
StatusFilter = Annotated[frozenset[str], Flags(values.STATUS_FILTER)]
"""Status values that are not wanted; the filter spells messagesLost as ``messageLost``."""


@attrs.frozen
class CSTAErrorCode(Response):
    """The negative response to any request (ECMA-269 §12.2.12).

    :ivar category: e.g. ``operation``
    :ivar value: e.g. ``invalidCallID``; any text for ``privateErrorCode``, empty for ``unspecified``
    """

    category: str
    value: str = ""

    @classmethod
    def codec(cls) -> Codec:
        return ErrorChoice()


class ErrorChoice:
    """Codec of an error: one element that is named after the category and holds the value."""

    def read(self, node: Node) -> CSTAErrorCode:
        for category, child in by_name(node).items():
            if category in values.ERROR_VALUES:
                known = values.ERROR_VALUES[category]
                value = text_of(child)
                if known is not None and value not in known:
                    # an edition to come may know more values than this one
                    value = "generic" if "generic" in known else min(known)
                return CSTAErrorCode(category, value)
        raise CstaError("operation", "atLeastOneConditionalParameterNotProvided", f"{local_name(node)} names no error")

    def writer(self, name: str, edition: int) -> Writer:
        def write(error: CSTAErrorCode) -> str:
            known = values.ERROR_VALUES.get(error.category, frozenset())
            if known is not None and error.value not in known:
                raise EncodeError(f"CSTA knows no error {error.category}/{error.value}")
            content = f"<{error.category}>{escape(error.value)}</{error.category}>" if error.value else f"<{error.category}/>"
            return f"<{name}>{content}</{name}>"

        return write


@attrs.frozen(kw_only=True)
class SystemStatus(Request):
    """Sent by either side. OpenScape was seen to send it without a status, which can only mean ``normal``."""

    sys_stat_register_id: Reference | None = None
    system_status: SystemStatusValue = "normal"
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SystemStatusResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class RequestSystemStatus(Request):
    sys_stat_register_id: Reference | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class RequestSystemStatusResponse(Response):
    system_status: SystemStatusValue
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SystemRegister(Request):
    request_types: RequestTypes
    requested_status_filter: StatusFilter | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SystemRegisterResponse(Response):
    sys_stat_register_id: Reference
    actual_status_filter: StatusFilter | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SystemRegisterCancel(Request):
    sys_stat_register_id: Reference | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SystemRegisterCancelResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SystemRegisterAbort(OneWay):
    sys_stat_register_id: Reference | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ChangeSysStatFilter(Request):
    sys_stat_register_id: Reference | None = None
    requested_status_filter: StatusFilter | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ChangeSysStatFilterResponse(Response):
    actual_status_filter: StatusFilter | None = None
    extensions: Extensions | None = None


# Application sessions: the reasons and errors are either one of the standard's or one of the application's.


@attrs.frozen(kw_only=True)
class ApplicationInfo(Element):
    """Who asks for a session. What it says about itself beyond its id is not read: it holds credentials."""

    application_id: str = ""


@attrs.frozen(kw_only=True)
class SessionError(Element):
    """Why a session request is refused."""

    min_children: ClassVar[int] = 1
    max_children: ClassVar[int | None] = 1

    appl_error: str | None = None
    defined_error: Annotated[str, OneOf(values.SESSION_ERROR)] | None = None


@attrs.frozen(kw_only=True)
class SessionEndReason(Element):
    """Why a client ends its session."""

    defined_end_reason: str | None = None
    app_end_reason: str | None = None


@attrs.frozen(kw_only=True)
class SessionTermReason(Element):
    """Why the server ends a session."""

    min_children: ClassVar[int] = 1
    max_children: ClassVar[int | None] = 1

    defined_term_reason: Annotated[str, OneOf(values.SESSION_TERMINATION)] | None = None
    server_term_reason: str | None = None


class SessionMessage(Message):
    """Base of the messages of ECMA-354, which have a namespace of their own."""

    __slots__ = ()

    own_namespace: ClassVar[str | None] = SESSION_NAMESPACE


@attrs.frozen(kw_only=True)
class StartApplicationSession(SessionMessage, Request):
    """:ivar requested_session_duration: seconds"""

    application_info: ApplicationInfo
    requested_protocol_versions: Annotated[tuple[str, ...], ListOf("protocolVersion", str)] = ()
    requested_session_duration: int | None = None


@attrs.frozen(kw_only=True)
class StartApplicationSessionPosResponse(SessionMessage, Response):
    session_id: Reference
    actual_protocol_version: str
    actual_session_duration: int


@attrs.frozen(kw_only=True)
class StartApplicationSessionNegResponse(SessionMessage, Response):
    error_code: SessionError


@attrs.frozen(kw_only=True)
class ResetApplicationSessionTimer(SessionMessage, Request):
    session_id: Reference
    requested_session_duration: int | None = None


@attrs.frozen(kw_only=True)
class ResetApplicationSessionTimerPosResponse(SessionMessage, Response):
    actual_session_duration: int


@attrs.frozen(kw_only=True)
class ResetApplicationSessionTimerNegResponse(SessionMessage, Response):
    error_code: SessionError


@attrs.frozen(kw_only=True)
class StopApplicationSession(SessionMessage, Request):
    session_id: Reference
    session_end_reason: SessionEndReason | None = None


@attrs.frozen(kw_only=True)
class StopApplicationSessionPosResponse(SessionMessage, Response):
    pass


@attrs.frozen(kw_only=True)
class StopApplicationSessionNegResponse(SessionMessage, Response):
    error_code: SessionError


@attrs.frozen(kw_only=True)
class ApplicationSessionTerminated(SessionMessage, OneWay):
    session_id: Reference
    session_term_reason: SessionTermReason
