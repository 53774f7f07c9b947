"""Vendor specific extensions: Escape services and private events."""

from __future__ import annotations

import attrs

from bwconnector.csta.elements import (
    Extensions,
    PrivateData,
    Reference,
)
from bwconnector.csta.kinds import Event, Request, Response

__all__ = [
    "Escape",
    "EscapeRegister",
    "EscapeRegisterResponse",
    "EscapeResponse",
    "PrivateEvent",
]


@attrs.frozen(kw_only=True)
class Escape(Request):
    escape_register_id: Reference | None = None
    private_data: PrivateData | None = None


@attrs.frozen(kw_only=True)
class EscapeResponse(Response):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class EscapeRegister(Request):
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class EscapeRegisterResponse(Response):
    escape_register_id: Reference | None = None
    extensions: Extensions | None = None


@attrs.frozen(kw_only=True)
class PrivateEvent(Event):
    monitor_cross_ref_id: Reference | None = None
    private_data: PrivateData | None = None
