"""The kinds of message: what its sender may expect, and its receiver must do."""

from __future__ import annotations

from typing import ClassVar

from bwconnector.csta.schema import Element

__all__ = ["Event", "Message", "OneWay", "Request", "Response"]


class Message(Element):
    """Base of every message. The class is named like the root element."""

    __slots__ = ()

    own_namespace: ClassVar[str | None] = None
    """Namespace that this message has whatever edition of CSTA is spoken; None for the messages of CSTA itself."""


class Request(Message):
    """Wants an answer with the same invoke id: its response or CSTAErrorCode."""

    __slots__ = ()


class Response(Message):
    """Answers a request."""

    __slots__ = ()


class Event(Message):
    """An event report: invoke id 9999, no answer."""

    __slots__ = ()


class OneWay(Message):
    """A service request for which the schema has no response, such as RouteSelect."""

    __slots__ = ()
