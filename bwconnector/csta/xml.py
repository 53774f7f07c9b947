"""XML bodies to messages and back (ECMA-323). Liberal in what is read, strict in what is sent."""

from __future__ import annotations

import functools
import re
import sys
import typing
from collections.abc import Callable
from typing import Any

import attrs
from lxml import etree

from bwconnector.csta.codecs import Node, escape, local_name
from bwconnector.csta.errors import CstaError, UnreadableMessage
from bwconnector.csta.framing import MAX_BODY
from bwconnector.csta.messages import (
    MESSAGES,
    Event,
    Message,
    Request,
)

__all__ = ["ED3", "MAX_DEPTH", "MAX_NAMESPACE", "MAX_NODES", "Decoded", "EventReport", "decode", "encode"]

ED3 = "http://www.ecma-international.org/standards/ecma-323/csta/ed3"
"""Namespace that is used where the client has not shown another."""

MAX_DEPTH = 32
"""Nested elements. The deepest message that is known here has 7; private data may add a few."""

MAX_NODES = 5000
"""Elements of a body. A filter with every event of the standard has 100, the longest device list that fits into a frame 3000."""

MAX_NAMESPACE = 256
"""Characters of a namespace, which is sent back with every answer and event. Those of the standard have 60."""

LAST_EDITION = 9
"""Editions of ECMA-323 that are told apart; a later one is spoken as this."""


@attrs.frozen
class Decoded:
    """A message and the namespace of its root element, empty if it has none."""

    message: Message
    namespace: str


def decode(body: bytes) -> Decoded:
    """Read one body.

    Namespaces and prefixes are not looked at, nor is the order of children; children and attributes that are not known are skipped.

    :raises UnreadableMessage: with the error to answer
    """
    root = _parse(body)
    name = local_name(root)
    namespace = root.tag[1:].partition("}")[0] if root.tag.startswith("{") else ""
    if len(namespace) > MAX_NAMESPACE:
        raise _not_xml(f"its namespace has more than {MAX_NAMESPACE} characters")
    namespace = sys.intern(namespace)  # one text for all monitors that were started in it
    cls = MESSAGES.get(name)
    if cls is None:
        error = CstaError("operation", "serviceNotSupported", "no such message is known")
        raise UnreadableMessage(error, name, namespace, answerable=not name.endswith(("Event", "Response")))
    try:
        return Decoded(cls.codec().read(root), namespace)
    except CstaError as error:
        raise UnreadableMessage(error, name, namespace, answerable=issubclass(cls, Request)) from None


def _parse(body: bytes) -> Node:
    """The root element of ``body``, which is small, flat and free of a DTD."""
    if len(body) > MAX_BODY:
        raise _not_xml(f"{len(body)} bytes are more than fit into a frame")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        parser.feed(body.lstrip())
        root = parser.close()
    except etree.XMLSyntaxError as error:
        raise _not_xml(f"not well-formed: {error.msg}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        # a DTD could define entities; no CSTA message has one
        raise _not_xml("it has a DOCTYPE")
    level = [root]
    nodes = depth = 0
    while level:
        nodes += len(level)
        depth += 1
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            raise _not_xml(f"more than {MAX_NODES} elements, or more than {MAX_DEPTH} nested ones")
        level = [child for node in level for child in node]
    return root


def _not_xml(detail: str) -> UnreadableMessage:
    return UnreadableMessage(CstaError("operation", "generic", detail))


def encode(message: Message, namespace: str = ED3) -> bytes:
    """Render a message with ``namespace`` as default namespace (none if empty); session messages keep their own.

    Everything beyond ASCII is sent as a character reference: peers are known that count characters where the frame wants bytes.

    :raises EncodeError: the message must not be sent (our bug)
    """
    return _encoder(type(message).__name__, message.own_namespace or namespace)(message)


@functools.lru_cache(maxsize=2048)
def _encoder(name: str, namespace: str) -> Callable[[Message], bytes]:
    """What renders messages of one class in one namespace."""
    declaration = f' xmlns="{_attribute(namespace)}"' if namespace else ""
    write = _writer(name, edition_of(namespace))
    start = f'<?xml version="1.0" encoding="UTF-8"?><{name}{declaration}'
    after_name = len(name) + 1

    def render(message: Message) -> bytes:
        # the root element as its codec writes it, but for its name, to which the prolog and the namespace were added
        return (start + write(message)[after_name:]).encode("ascii", "xmlcharrefreplace")

    return render


# Apart from the namespaces, whose number only the peers decide: what renders a large message takes some 70 KB.
@functools.cache
def _writer(name: str, edition: int) -> Callable[[Message], str]:
    """What renders messages of one class as one edition has them."""
    return MESSAGES[name].codec().writer(name, edition)


class EventReport:
    """An event for any number of monitors, encoded once for each namespace: monitors differ in nothing but their monitorCrossRefID.

    :param message: the event with an empty monitor_cross_ref_id
    """

    __slots__ = ("_bodies", "_message")

    def __init__(self, message: Event) -> None:
        self._message = message
        self._bodies: dict[str, tuple[bytes, bytes]] = {}

    @property
    def name(self) -> str:
        """The event's name."""
        return type(self._message).__name__

    def message_for(self, cross_ref_id: str) -> Event:
        """The event as one monitor gets it."""
        message: Any = self._message
        return typing.cast(Event, attrs.evolve(message, monitor_cross_ref_id=cross_ref_id))

    def encode_for(self, cross_ref_id: str, namespace: str) -> bytes:
        """What :func:`encode` makes of the event for one monitor.

        :raises EncodeError: the event must not be sent (our bug)
        """
        body = self._bodies.get(namespace)
        if body is None:
            before, mark, after = encode(self._message, namespace).partition(b"</monitorCrossRefID>")
            body = self._bodies[namespace] = (before, mark + after)
        return b"%b%b%b" % (body[0], escape(cross_ref_id).encode("ascii", "xmlcharrefreplace"), body[1])


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def edition_of(namespace: str) -> int:
    """The edition of ECMA-323 that a namespace names, up to :data:`LAST_EDITION`; 3 if it names none."""
    found = re.search(r"/ed([0-9]{1,2})(?![0-9])", namespace)
    return min(int(found[1]), LAST_EDITION) if found else 3
