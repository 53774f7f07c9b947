"""A T-Server: it monitors its devices whenever it can, and keeps a picture of each. Its link is a socket, or without one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from bwconnector.bridge.bridge import Bridge
from bwconnector.bridge.session import Session
from bwconnector.csta import messages as csta
from bwconnector.csta.xml import ED3, EventReport, decode, encode

from .phones import QUEUES
from .picture import Picture

__all__ = ["MemoryLink", "TServer"]

Write = Callable[[str, csta.Message], None]

RETRY = 1.0
"""Seconds after which a refused MonitorStart or SnapshotDevice is tried again."""


JOINS: dict[type[csta.Message], str] = {
    csta.TransferCall: "transfer_consult",
    csta.SingleStepTransferCall: "transfer",
    csta.ConferenceCall: "conference_start",
}
"""Requests that join calls or send them elsewhere, as operations of the switch."""


class TServer:
    """What a T-Server does with its link, whatever that is made of.

    :param devices: what it monitors, by the names that it gives them
    :ivar statuses: every system status that it was told
    :ivar stopped: monitors that the connector ended
    """

    def __init__(self, name: str, clock: Any, devices: Sequence[str]) -> None:
        self.name = name
        self.devices = devices
        self.pictures: dict[str, Picture] = {}
        self.statuses: list[str] = []
        self.stopped = 0
        self._clock = clock
        self._write: Write | None = None
        self._monitors: dict[str, Picture] = {}
        self._waiting: dict[str, Callable[[csta.Message], None]] = {}
        self._timers: list[Any] = []
        self._asked = 0

    # The link

    @property
    def connected(self) -> bool:
        return self._write is not None

    @property
    def ready(self) -> bool:
        """All monitors are started, and what is there already is known."""
        return len(self.pictures) == len(self.devices) and all(picture.seeded for picture in self.pictures.values())

    def opened(self, write: Write) -> None:
        """The link is there; ``write`` sends a message with an invoke id."""
        self._write = write

    def closed(self) -> None:
        """The link is gone, and with it all monitors."""
        self._write = None
        self._monitors.clear()
        self.pictures.clear()
        self._waiting.clear()
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        self._timers.clear()

    def received(self, invoke_id: str, message: csta.Message) -> None:
        if isinstance(message, csta.Event):
            self._hear(message)
        elif isinstance(message, csta.Response):
            self._waiting.pop(invoke_id, lambda _: None)(message)
        elif isinstance(message, csta.SystemStatus):
            self._answer(invoke_id, csta.SystemStatusResponse())
            self.statuses.append(message.system_status)
            if message.system_status == "normal":
                self._start_monitors()
        elif isinstance(message, csta.MonitorStop):
            self._answer(invoke_id, csta.MonitorStopResponse())
            self.stopped += 1
            picture = self._monitors.pop(message.monitor_cross_ref_id)
            self.pictures.pop(picture.device, None)

    def _hear(self, event: csta.Event) -> None:
        picture = self._monitors[event.monitor_cross_ref_id]  # type: ignore[attr-defined]
        if hasattr(event, "local_connection_info") or isinstance(event, csta.CallInformationEvent):
            picture.hear(event)

    # Requests

    def ask(self, request: csta.Message, answered: Callable[[csta.Message], None] = lambda _: None) -> None:
        """Make a request."""
        assert self._write is not None
        self._asked += 1
        invoke_id = f"{5000 + self._asked % 4000}"
        self._waiting[invoke_id] = answered
        self._write(invoke_id, request)

    def _answer(self, invoke_id: str, response: csta.Message) -> None:
        # Not while the link is still being opened.
        self._later(0.0, lambda: self._write is not None and self._write(invoke_id, response))

    def _later(self, seconds: float, call: Callable[..., object], *arguments: object) -> None:
        self._timers = [timer for timer in self._timers if timer.active()]
        self._timers.append(self._clock.callLater(seconds, call, *arguments))

    # Monitors

    def _start_monitors(self) -> None:
        for device in self.devices:
            if device not in self.pictures:
                self.pictures[device] = Picture(device)
                self._later(0.0, self._start, self.pictures[device])

    def _start(self, picture: Picture) -> None:
        def answered(answer: csta.Message) -> None:
            if isinstance(answer, csta.MonitorStartResponse):
                self._monitors[answer.monitor_cross_ref_id] = picture
                self._later(0.0, self._look, picture)
            else:
                self._later(RETRY, self._start, picture)

        if self.pictures.get(picture.device) is picture:
            self.ask(csta.MonitorStart(monitor_object=csta.MonitorObject(device_object=picture.device)), answered)

    def _look(self, picture: Picture) -> None:
        def answered(answer: csta.Message) -> None:
            if isinstance(answer, csta.SnapshotDeviceResponse):
                picture.seed(answer)
            else:
                self._later(RETRY, self._look, picture)

        if self.pictures.get(picture.device) is picture:
            self.ask(csta.SnapshotDevice(snapshot_object=picture.device), answered)

    # Calls

    def use_phone(
        self,
        random: Random,
        numbers: Callable[[str], Sequence[str]],
        entangles: Callable[[str, str], bool] = lambda operation, device: False,
    ) -> str:
        """Make some request about the calls of some device, as far as the pictures tell. Returns what was asked, for a failure's report.

        :param numbers: what a device may call
        :param entangles: whether an operation of the switch, by a device, would entangle calls
        """
        people = [device for device in self.devices if device not in QUEUES]
        if not people:
            return f"{self.name}: nothing"
        device = random.choice(people)
        calls = self.pictures[device].calls if device in self.pictures else {}
        states = {state: csta.ConnectionID(call_id, device) for call_id, state in calls.items()}
        number = random.choice(numbers(device))
        requests: list[csta.Message] = [csta.MakeCall(calling_device=device, called_directory_number=number)]
        if alerting := states.get("alerting"):
            requests = [
                csta.AnswerCall(call_to_be_answered=alerting),
                csta.DeflectCall(call_to_be_diverted=alerting, new_destination=(number,)),
                csta.ClearConnection(connection_to_be_cleared=alerting),
            ]
        active, held = states.get("connected"), states.get("hold")
        if active:
            requests += [
                csta.HoldCall(call_to_be_held=active),
                csta.ClearConnection(connection_to_be_cleared=active),
                csta.ConsultationCall(existing_call=active, consulted_device=number),
                csta.SingleStepTransferCall(active_call=active, transferred_to=number),
            ]
        if held:
            requests.append(csta.RetrieveCall(call_to_be_retrieved=held))
        if active and held:
            requests += [
                csta.AlternateCall(held_call=held, active_call=active),
                csta.ReconnectCall(held_call=held, active_call=active),
                csta.TransferCall(held_call=held, active_call=active),
                csta.ConferenceCall(held_call=held, active_call=active),
            ]
        request = random.choice(requests)
        if entangles(JOINS.get(type(request), ""), device):
            return f"{self.name}: nothing"
        self.ask(request)
        return f"{self.name}: {request}"


class MemoryLink:
    """A link without a socket: implements LinkPort; everything that is sent on it survives its own XML."""

    def __init__(self, tserver: TServer, bridge: Bridge) -> None:
        self.name = tserver.name
        self._tserver = tserver
        self._told = 0
        self._session: Session | None = None
        tserver.opened(self._write)
        self._session = bridge.link_opened(self)

    def drop(self) -> None:
        """The link breaks: nothing that was on its way arrives."""
        self._tserver.closed()
        session, self._session = self._session, None
        if session is not None:
            session.closed("connection lost")

    def send(self, invoke_id: str, message: csta.Message, namespace: str) -> None:
        self._tserver.received(invoke_id, decode(encode(message, namespace)).message)

    def send_report(self, report: EventReport, cross_ref_id: str, namespace: str) -> None:
        self.send_event(report.message_for(cross_ref_id), namespace)

    def send_event(self, message: csta.Message, namespace: str) -> None:
        self.send("9999", message, namespace)

    peer, host, certificate = "127.0.0.1:40001", "127.0.0.1", ""

    def next_invoke_id(self) -> str:
        self._told += 1
        return f"{self._told % 5000:04}"

    def close(self, reason: str) -> None:
        raise AssertionError(f"closed: {reason}")

    def _write(self, invoke_id: str, message: csta.Message) -> None:
        if self._session is not None:
            self._session.received(invoke_id, decode(encode(message, ED3)).message, ED3)
