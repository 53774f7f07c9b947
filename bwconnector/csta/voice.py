"""Voice unit services and events: treatments and recording."""

from __future__ import annotations

from typing import Annotated

import attrs

from bwconnector.csta import values
from bwconnector.csta.codecs import Flags, OneOf
from bwconnector.csta.elements import (
    ConnectionID,
    EventCause,
    Extensions,
    Reference,
    ServicesPermitted,
)
from bwconnector.csta.kinds import Event, Request, Response

__all__ = [
    "PlayEvent",
    "PlayMessage",
    "PlayMessageResponse",
    "RecordEvent",
    "RecordMessage",
    "RecordMessageResponse",
    "Resume",
    "ResumeResponse",
    "ReviewEvent",
    "Stop",
    "StopEvent",
    "StopResponse",
    "Suspend",
    "SuspendPlayEvent",
    "SuspendRecordEvent",
    "SuspendResponse",
]

TerminatingConditions = Annotated[frozenset[str], Flags(values.TERMINATING_CONDITIONS)]
EncodingAlgorithm = Annotated[str, OneOf(values.ENCODING_ALGORITHM)]


@attrs.frozen(kw_only=True)
class PlayMessage(Request):
    message_to_be_played: str | None = None
    over_connection: ConnectionID | None = None
    duration: int | None = None
    termination: TerminatingConditions | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class PlayMessageResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class Stop(Request):
    connection: ConnectionID | None = None
    message_to_be_stopped: str | None = None
    resource: str | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class StopResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class RecordMessage(Request):
    call_to_be_recorded: ConnectionID | None = None
    resource: str | None = None
    sampling_rate: int | None = None
    encoding_algorithm: EncodingAlgorithm | None = None
    max_duration: int | None = None
    termination: TerminatingConditions | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class RecordMessageResponse(Response):
    resulting_message: str | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class Suspend(Request):
    connection: ConnectionID | None = None
    message: str | None = None
    resource: str | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SuspendResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class Resume(Request):
    connection: ConnectionID | None = None
    message_to_resume: str | None = None
    resource: str | None = None
    duration: int | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ResumeResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class PlayEvent(Event):
    monitor_cross_ref_id: Reference | None = None
    connection: ConnectionID | None = None
    message: str | None = None
    resource: str | None = None
    length: int | None = None
    current_position: int | None = None
    speed: int | None = None
    cause: EventCause | None = None
    services_permitted: ServicesPermitted | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class StopEvent(Event):
    monitor_cross_ref_id: Reference | None = None
    connection: ConnectionID | None = None
    message: str | None = None
    resource: str | None = None
    length: int | None = None
    current_position: int | None = None
    cause: EventCause | None = None
    services_permitted: ServicesPermitted | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class RecordEvent(Event):
    monitor_cross_ref_id: Reference | None = None
    connection: ConnectionID | None = None
    message: str | None = None
    resource: str | None = None
    length: int | None = None
    current_position: int | None = None
    cause: EventCause | None = None
    services_permitted: ServicesPermitted | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SuspendPlayEvent(Event):
    monitor_cross_ref_id: Reference | None = None
    connection: ConnectionID | None = None
    message: str | None = None
    resource: str | None = None
    length: int | None = None
    current_position: int | None = None
    cause: EventCause | None = None
    services_permitted: ServicesPermitted | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class SuspendRecordEvent(Event):
    monitor_cross_ref_id: Reference | None = None
    connection: ConnectionID | None = None
    message: str | None = None
    resource: str | None = None
    length: int | None = None
    current_position: int | None = None
    cause: EventCause | None = None
    services_permitted: ServicesPermitted | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class ReviewEvent(Event):
    monitor_cross_ref_id: Reference | None = None
    connection: ConnectionID | None = None
    message: str | None = None
    resource: str | None = None
    length: int | None = None
    current_position: int | None = None
    cause: EventCause | None = None
    services_permitted: ServicesPermitted | None = None
    extensions: Extensions | None = None
