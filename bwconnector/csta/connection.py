"""One side of a CSTA connection without its socket: bytes in, messages out, and the other way round."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from bwconnector.csta.association import SESSION_NAMESPACE
from bwconnector.csta.errors import CstaError, EncodeError, UnreadableMessage
from bwconnector.csta.framing import EVENT_INVOKE_ID, Frame, FrameReader, InvokeIds, encode_frame
from bwconnector.csta.kinds import Event, Message, Request
from bwconnector.csta.xml import ED3, EventReport, decode, encode

__all__ = ["CstaConnection", "Received", "Unreadable"]


@attrs.frozen
class Received:
    """A message of the peer.

    :ivar namespace: of its root element; answer in the same
    :ivar body: what it was read from
    """

    invoke_id: str
    message: Message
    namespace: str
    body: bytes = attrs.field(default=b"", eq=False, repr=False)


@attrs.frozen
class Unreadable:
    """A frame of the peer whose body is no message.

    :ivar error: what to answer
    :ivar namespace: what to answer in
    :ivar detail: what is wrong, for the log
    :ivar answerable: the peer waits for an answer
    :ivar body: what could not be read
    """

    invoke_id: str
    error: CstaError
    namespace: str
    detail: str
    answerable: bool
    body: bytes = attrs.field(default=b"", eq=False, repr=False)


class CstaConnection:
    """Feed it with :meth:`receive_data`, then iterate over what the peer said.

    :ivar namespace: the last CSTA namespace that the peer used
    """

    def __init__(self) -> None:
        self._frames = FrameReader()
        self._invoke_ids = InvokeIds()
        self.namespace = ED3

    def receive_data(self, data: bytes) -> None:
        """Add what was received, then iterate."""
        self._frames.receive_data(data)

    @property
    def partial(self) -> bool:
        """Part of a frame has been received, once those that are complete have been read."""
        return self._frames.partial

    def __iter__(self) -> Iterator[Received | Unreadable]:
        """What the complete frames hold.

        :raises FramingError: nothing more can be read; end the connection
        """
        for frame in self._frames:
            yield self._read(frame)

    def _read(self, frame: Frame) -> Received | Unreadable:
        is_event = frame.invoke_id == EVENT_INVOKE_ID
        try:
            decoded = decode(frame.body)
            if is_event and isinstance(decoded.message, Request):
                # nothing could be told apart from an event report in answer to it
                misused = CstaError("operation", "generic", f"a request cannot have invoke id {EVENT_INVOKE_ID}")
                raise UnreadableMessage(misused, type(decoded.message).__name__, decoded.namespace)
        except UnreadableMessage as error:
            self._remember(error.namespace)
            namespace = self.namespace if error.namespace is None else error.namespace
            return Unreadable(frame.invoke_id, error, namespace, error.detail, error.answerable and not is_event, frame.body)
        self._remember(decoded.namespace)
        return Received(frame.invoke_id, decoded.message, decoded.namespace, frame.body)

    def _remember(self, namespace: str | None) -> None:
        if namespace is not None and namespace != SESSION_NAMESPACE:
            self.namespace = namespace

    def next_invoke_id(self) -> str:
        """An invoke id for a request of our own."""
        return self._invoke_ids.next()

    def send(self, invoke_id: str, message: Message, namespace: str) -> bytes:
        """The bytes of a request or an answer.

        :raises EncodeError: it must not be sent (our bug)
        """
        if invoke_id == EVENT_INVOKE_ID or isinstance(message, Event):
            raise EncodeError(
                f"{type(message).__name__} with invoke id {invoke_id}: {EVENT_INVOKE_ID} is for event reports, and for them alone"
            )
        return encode_frame(invoke_id, encode(message, namespace))

    def send_event(self, message: Message, namespace: str) -> bytes:
        """The bytes of an event report.

        :raises EncodeError: it must not be sent (our bug)
        """
        if not isinstance(message, Event):
            raise EncodeError(f"{type(message).__name__} is no event report")
        return encode_frame(EVENT_INVOKE_ID, encode(message, namespace))

    def send_report(self, report: EventReport, cross_ref_id: str, namespace: str) -> bytes:
        """The bytes of an event report that several monitors get.

        :raises EncodeError: it must not be sent (our bug)
        """
        return encode_frame(EVENT_INVOKE_ID, report.encode_for(cross_ref_id, namespace))
