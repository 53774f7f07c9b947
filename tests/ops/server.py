"""A CSTA server for tests of the client: it answers from a table and can be told to send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import Protocol, ServerFactory

from bwconnector.csta.connection import CstaConnection, Received
from bwconnector.csta.messages import (
    ConnectionID,
    DeliveredEvent,
    MakeCall,
    MakeCallResponse,
    Message,
    MonitorStart,
    MonitorStartResponse,
    MonitorStop,
    MonitorStopResponse,
    PartyDevice,
    RequestSystemStatus,
    RequestSystemStatusResponse,
)
from bwconnector.csta.xml import ED3

ANSWERS: dict[type[Message], Callable[[Any], Message]] = {
    MonitorStart: lambda request: MonitorStartResponse(monitor_cross_ref_id=f"ref-{request.monitor_object.device_object}"),
    MonitorStop: lambda request: MonitorStopResponse(),
    MakeCall: lambda request: MakeCallResponse(calling_device=ConnectionID(call_id="77:1", device_id=request.calling_device)),
    RequestSystemStatus: lambda request: RequestSystemStatusResponse(system_status="normal"),
}


def delivered(device: str) -> DeliveredEvent:
    """A call from 1000 rings at ``device``."""
    return DeliveredEvent(
        monitor_cross_ref_id=f"ref-{device}",
        connection=ConnectionID(call_id="77:1", device_id=device),
        alerting_device=PartyDevice(device),
        calling_device=PartyDevice("1000"),
        called_device=PartyDevice(device),
        last_redirection_device=PartyDevice(absent="notRequired"),
        local_connection_info="alerting",
        cause="newCall",
    )


class Server(Protocol):
    """One link, from the other side."""

    def __init__(self, factory: Listener) -> None:
        self.received: list[Message] = []
        self._factory = factory
        self._connection = CstaConnection()

    def dataReceived(self, data: bytes) -> None:
        self._connection.receive_data(data)
        for received in self._connection:
            assert isinstance(received, Received)
            message = received.message
            self.received.append(message)
            if type(message) in self._factory.answers:
                self.write(received.invoke_id, self._factory.answers[type(message)](message))
            if type(message) in self._factory.after:
                self._factory.after[type(message)](self, message)

    def write(self, invoke_id: str, message: Message) -> None:
        assert self.transport is not None
        self.transport.write(self._connection.send(invoke_id, message, ED3))

    def ask(self, message: Message) -> None:
        self.write(self._connection.next_invoke_id(), message)

    def tell(self, event: Message) -> None:
        assert self.transport is not None
        self.transport.write(self._connection.send_event(event, ED3))


class Listener(ServerFactory):
    """Makes the links.

    :ivar answers: the answer to a request, by its class
    :ivar after: what to do after the answer
    """

    noisy = False

    def __init__(self) -> None:
        self.answers = dict(ANSWERS)
        self.after: dict[type[Message], Callable[[Server, Any], None]] = {}
        self.links: list[Server] = []

    def buildProtocol(self, addr: object) -> Server:
        self.links.append(Server(self))
        return self.links[-1]
