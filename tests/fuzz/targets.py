"""What is fuzzed: functions of bytes that raise if a promise of a reader is broken. Most compare two ways to the same answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lxml import etree

from bwconnector.csta.connection import CstaConnection, Unreadable
from bwconnector.csta.errors import EncodeError, UnreadableMessage
from bwconnector.csta.framing import MAX_FRAME, FrameReader, FramingError, encode_frame
from bwconnector.csta.messages import CSTAErrorCode
from bwconnector.csta.xml import decode, encode
from bwconnector.xsi import answers
from bwconnector.xsi.errors import BadDocument, OutcomeUnknown
from bwconnector.xsi.events import SubscriptionEvent
from bwconnector.xsi.http1 import AnswerReader, BadAnswer
from bwconnector.xsi.parse import event_id_of, parse, read, unwanted
from bwconnector.xsi.reading import root_of
from bwconnector.xsi.skeletons import Skeletons
from bwconnector.xsi.stream import DocumentStream

__all__ = ["TARGETS", "Target"]

Target = Callable[[bytes], None]


def _pieces(data: bytes) -> tuple[list[bytes], list[bytes]]:
    """``data`` without its first byte: whole, and in chunks of a size that this byte decides."""
    size, rest = (data[0] % 64 + 1, data[1:]) if data else (1, b"")
    return [rest], [rest[at : at + size] for at in range(0, len(rest), size)]


def _read(reader: Any, pieces: list[bytes], error: type[Exception]) -> tuple[list[Any], bool]:
    """What a reader makes of the pieces, and whether it gave up."""
    items: list[Any] = []
    for piece in pieces:
        reader.receive_data(piece)
        try:
            for item in reader:
                items.append(item)
        except error:
            return items, True
    return items, False


def framing(data: bytes) -> None:
    """Frames do not depend on how the stream is chopped, and are what was sent."""
    whole, chopped = (_read(FrameReader(), pieces, FramingError) for pieces in _pieces(data[:MAX_FRAME]))
    assert whole == chopped
    sent = b"".join(encode_frame(frame.invoke_id, frame.body) for frame in whole[0])
    assert data[1:].startswith(sent)


def csta_message(data: bytes) -> None:
    """A message that can be read is read, and sent, and read again as the same one."""
    try:
        decoded = decode(data)
    except UnreadableMessage as error:
        assert str(error)
        return
    encode(CSTAErrorCode("operation", "generic"), decoded.namespace)
    try:
        body = encode(decoded.message, ED6)
    except EncodeError:
        return
    again = decode(body)
    assert again.message == decoded.message


ED6 = "http://www.ecma-international.org/standards/ecma-323/csta/ed6"


def csta_link(data: bytes) -> None:
    """Whatever a client sends is delivered, or can be answered, or ends its link."""
    connection = CstaConnection()
    items, _ = _read(connection, [data[:MAX_FRAME]], FramingError)
    for item in items:
        if isinstance(item, Unreadable):
            if item.answerable:
                connection.send(item.invoke_id, CSTAErrorCode(item.error.category, item.error.value), item.namespace)
        elif item.invoke_id != "9999":
            connection.send(item.invoke_id, CSTAErrorCode("operation", "generic"), item.namespace)


def xsi_stream(data: bytes) -> None:
    """Documents do not depend on how the stream is chopped; a document by itself comes out as it is."""
    whole, chopped = (_read(DocumentStream(), pieces, BadDocument) for pieces in _pieces(data))
    assert whole == chopped
    if _is_document(data[1:]):
        documents, given_up = whole
        assert not given_up
        (document,) = documents
        assert _tree(document) == _tree(data[1:])


def _is_document(data: bytes) -> bool:
    """XML without a DTD, in an encoding in which the stream can be cut."""
    if b"\0" in data or b"encoding" in data or b"<!DOCTYPE" in data:
        return False
    try:
        etree.fromstring(data, _PLAIN)
    except (etree.XMLSyntaxError, ValueError):
        return False
    return True


_PLAIN = etree.XMLParser(resolve_entities=False, no_network=True)
_WITHOUT_COMMENTS = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)


def _tree(data: bytes) -> list[tuple[str, dict[str, str], str | None, str | None]]:
    """Everything in a document, in its order."""
    root = etree.fromstring(data, _WITHOUT_COMMENTS)
    return [(str(node.tag), dict(node.attrib), node.text, node.tail) for node in root.iter()]  # type: ignore[arg-type]


def xsi_document(data: bytes) -> None:
    """A document is read or refused; an event's envelope is what a plain reading finds, and a glance at it finds the same."""
    event_id_of(data)
    glance = unwanted(data, lambda target: False)
    try:
        document = parse(data)
    except BadDocument:
        return
    if not isinstance(document, SubscriptionEvent):
        return
    plain: dict[str, str] = {}
    counted: dict[str, int] = {}
    for child in etree.fromstring(data, _WITHOUT_COMMENTS):
        name = etree.QName(child).localname
        plain[name] = (child.text or "").strip()
        counted[name] = counted.get(name, 0) + 1
    assert document.event_id == plain.get("eventID", "")
    assert document.subscription_id == plain.get("subscriptionId", "")
    assert document.target_id == plain.get("targetId", "")
    assert -(2**63) <= document.sequence < 2**63
    usual = all(counted.get(name) == 1 for name in ("eventID", "sequenceNumber", "subscriptionId", "targetId", "eventData"))
    if glance is not None and usual and _flat(data):
        assert (glance.event_id, glance.sequence) == (document.event_id.strip(), document.sequence)


def _flat(data: bytes) -> bool:
    """Nothing of the envelope stands anywhere else than in it, in plain ASCII."""
    root = etree.fromstring(data, _WITHOUT_COMMENTS)
    names = [etree.QName(node).localname for node in root.iter()]
    children = [etree.QName(node).localname for node in root]
    told = ("eventID", "sequenceNumber", "subscriptionId", "targetId")
    plain = data.isascii() and b"&" not in data and b"<!" not in data and data.count(b"<?") <= 1 and b"encoding" not in data[60:]
    return plain and all(names.count(name) == 1 for name in told) and children[-1:] == ["eventData"]


def xsi_skeleton(data: bytes) -> None:
    """A document whose skeleton is known is read, or refused, as lxml reads it, whatever has become of its texts.

    The first byte tells which text is replaced, the second by how many of the bytes that follow; the rest is the document.
    """
    if len(data) < 2:
        return
    text, document = data[2 : 2 + data[1] % 16], data[2 + data[1] % 16 :]
    skeletons = Skeletons(read, often=1)
    ends = [at + 1 for at, byte in enumerate(document) if byte == ord(">")] or [0]
    start = ends[data[0] % len(ends)]
    end = document.find(b"<", start)
    other = document[:start] + text + (document[end:] if end >= 0 else b"")
    for each in (document, other, document):
        assert _value(skeletons.parse, each) == _value(lambda each: read(root_of(each)), each)


def _value(reader: Callable[[bytes], Any], document: bytes) -> Any:
    try:
        return reader(document)
    except BadDocument:
        return None


def xsi_answer(data: bytes) -> None:
    """The body of an answer is read, or its request's outcome is unknown; of an error something can always be said."""
    assert len(answers.read_error_info(data).summary) <= max(120, len(data))
    for reader in READERS:
        try:
            reader(data)
        except OutcomeUnknown:
            pass


READERS: tuple[Callable[[bytes], object], ...] = (
    answers.read_call_start_info,
    answers.read_calls,
    answers.read_call,
    answers.read_conference,
    answers.read_queue,
    answers.read_agent,
    answers.read_hoteling_guest,
    answers.read_profile,
    answers.read_directory,
    answers.read_services,
    answers.read_do_not_disturb,
    lambda body: answers.read_forwarding("Call Forwarding Always", body),
    answers.read_subscription,
    answers.read_channel,
    answers.read_channel_set,
)


def http_answers(data: bytes) -> None:
    """Answers on a connection do not depend on how it is chopped."""
    whole, chopped = (_read(AnswerReader(), pieces, BadAnswer) for pieces in _pieces(data))
    assert whole == chopped


TARGETS: dict[str, Target] = {
    each.__name__: each for each in (framing, csta_message, csta_link, xsi_stream, xsi_document, xsi_skeleton, xsi_answer, http_answers)
}
"""By name."""
