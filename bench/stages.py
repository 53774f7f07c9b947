"""Where the time of an event goes: each stage by itself, in this process and without sockets, over the same events."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable
from time import process_time
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.web.http import _ChunkedTransferDecoder

from bench.workload import DOMAIN, EVENTS_PER_CYCLE, Mix6, XsiEvent, chunk, device_name
from bwconnector.bridge.bridge import Bridge
from bwconnector.bridge.changes import Change
from bwconnector.csta.connection import CstaConnection
from bwconnector.csta.messages import MonitorFilter
from bwconnector.csta.xml import ED3, EventReport
from bwconnector.xsi.channelset import ChannelSet, Link
from bwconnector.xsi.events import CallSubscription, SubscriptionEvent
from bwconnector.xsi.opening import ChannelSettings
from bwconnector.xsi.parse import parse
from bwconnector.xsi.stream import DocumentStream

__all__ = ["STAGES", "InProcess", "profile"]

STAGES = ("chunks", "split", "parse", "order", "model", "event message", "encode")
READ = 65_536


class _Nobody:
    """Stands for an XSP and its acknowledgements."""

    name = "xsp1"

    def send(self, event_id: str, status_code: int = 200, reason: str = "OK") -> None:
        pass

    def close(self) -> None:
        pass


class _Subscribed:
    """Subscriptions that exist."""

    async def subscribe(self, target: str, packages: Any) -> None:
        pass

    def release(self, target: str) -> None:
        pass

    async def refresh(self, target: str) -> None:
        pass

    def subscribed(self, target: str) -> bool:
        return True

    def only_changes(self, target: str) -> bool:
        return False


class _Link:
    """A T-Server's link without its socket."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent: list[bytes] = []
        self.reports: list[tuple[EventReport, str, str]] = []
        self.encodes = True
        self._connection = CstaConnection()

    def send(self, invoke_id: str, message: Any, namespace: str) -> None:
        raise AssertionError("no requests are made here")

    def send_event(self, message: Any, namespace: str) -> None:
        raise AssertionError("all events here are events of calls")

    def send_report(self, report: EventReport, cross_ref_id: str, namespace: str) -> None:
        if self.encodes:
            self.sent.append(self._connection.send_report(report, cross_ref_id, namespace))
        else:
            self.reports.append((report, cross_ref_id, namespace))

    def next_invoke_id(self) -> str:
        raise AssertionError("no requests are made here")

    def close(self, reason: str) -> None:
        raise AssertionError(reason)


class InProcess:
    """A bridge with a monitor on each device, and the documents of a few cycles."""

    def __init__(self, devices: int, cycles: int, links: int = 1) -> None:
        names = [device_name(number) for number in range(devices)]
        self.clock = Clock()
        self.links = [_Link(f"tserver-{number}") for number in range(links)]
        self.bridge = Bridge(
            clock=self.clock,
            xsi=_Nobody(),  # type: ignore[arg-type]
            subscriptions=_Subscribed(),
            make_waiter=Deferred,
            spawn=lambda coroutine: ensureDeferred(coroutine) and None,
            default_domain=DOMAIN,
        )
        self.bridge.channels_changed(1)
        self.monitors: dict[bytes, str] = {}
        for name in names:
            for link in self.links:
                reference = self.bridge.monitors.start(link, f"{name}@{DOMAIN}", name, ED3, MonitorFilter())
                self.monitors[reference.encode()] = name
            self.bridge.event(f"{name}@{DOMAIN}", CallSubscription())
        self.devices = names
        self.events = [event for _, event in Mix6(names).cycles(cycles, {name: name for name in names}, ["channel"])]

    def take(self, event: XsiEvent) -> None:
        """One event through parser, bridge and encoder."""
        parsed = parse(event.document)
        assert isinstance(parsed, SubscriptionEvent)
        self.bridge.event(parsed.target_id, parsed.data)


def profile(devices: int, cycles: int, rounds: int) -> dict[str, float]:
    """Median microseconds of each stage for each event."""
    found: dict[str, list[float]] = {name: [] for name in STAGES}
    for _ in range(rounds):
        rig = InProcess(devices, cycles)
        gc.collect()
        gc.disable()  # what one stage hands to the next is kept, which it is not in the connector
        for name, seconds in _stages(rig).items():
            found[name].append(1e6 * seconds / devices / cycles / EVENTS_PER_CYCLE)
        gc.enable()
    return {name: statistics.median(values) for name, values in found.items()}


def _stages(rig: InProcess) -> dict[str, float]:
    documents = [event.document for event in rig.events]
    took: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        began = process_time()
        result = work()
        took[name] = process_time() - began
        return result

    stream = b"".join(map(chunk, documents))
    reads = [stream[start : start + READ] for start in range(0, len(stream), READ)]
    chunks: list[bytes] = []
    decoder = _ChunkedTransferDecoder(chunks.append, lambda rest: None)
    timed("chunks", lambda: [decoder.dataReceived(read) for read in reads])
    timed("split", lambda: _split(documents))
    parsed = timed("parse", lambda: list(map(parse, documents)))
    channel, ordered = _ordering(rig.devices)
    timed("order", lambda: [channel.received(event) for event in parsed])
    assert len(ordered) == len(documents)

    changes: list[tuple[Change, tuple[str, ...]]] = []
    rig.bridge.model.world.reports._deliver = lambda change, told: changes.append((change, told))
    timed("model", lambda: [rig.bridge.event(event.target_id, event.data) for event in ordered])
    (link,) = rig.links
    link.encodes = False
    timed("event message", lambda: [rig.bridge.monitors.deliver(change, told) for change, told in changes])
    connection = CstaConnection()
    timed("encode", lambda: [connection.send_report(*report) for report in link.reports])
    assert len(link.reports) == len(documents)
    return took


def _split(documents: list[bytes]) -> None:
    splitter = DocumentStream()
    for document in documents:
        splitter.receive_data(document)
        for _ in splitter:
            pass


def _ordering(subscriptions: list[str]) -> tuple[Any, list[SubscriptionEvent]]:
    """A channel of a channel set that has seen the initial event of each subscription, and what the set delivers."""
    ordered: list[SubscriptionEvent] = []
    nobody: Any = _Nobody()
    channels = ChannelSet(Clock(), [Link(nobody, nobody, ChannelSettings("bench", "bench"))])
    (channel,) = channels._channels
    for subscription in subscriptions:
        channels.adopt(subscription)
        channel.received(SubscriptionEvent(f"initial-{subscription}", 1, subscription, CallSubscription()))
    channels.on_event = lambda event, link: ordered.append(event)
    return channel, ordered
