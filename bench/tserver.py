"""A T-Server that starts monitors, then only keeps what comes; what it was is looked at when the measurement is over."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

__all__ = ["BenchError", "TServer", "frames"]

NAMESPACE = "http://www.ecma-international.org/standards/ecma-323/csta/ed3"
_MONITOR_START = (
    '<?xml version="1.0" encoding="UTF-8"?><MonitorStart xmlns="{0}"><monitorObject><deviceObject>{1}</deviceObject></monitorObject>'
    "</MonitorStart>"
)
_CROSS_REFERENCE = re.compile(rb"<MonitorStartResponse.*?<monitorCrossRefID>([^<]+)<", re.DOTALL)
_STATUS = re.compile(rb"<systemStatus>(\w+)<")
_UNDER_WAY = 200
"""MonitorStart requests that wait for their answers at a time."""


class BenchError(Exception):
    """Something came out that the workload does not imply, or did not come: there are no figures."""


def frames(data: bytes) -> Iterator[bytes]:
    """The bodies of complete frames."""
    position = 0
    while position < len(data):
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        yield data[position + 8 : position + length]
        position += length


class TServer(Protocol):
    """One link.

    :ivar monitors: monitorCrossRefID to device
    :ivar received: event frames since :meth:`begin`
    :ivar on_received: called when that number has grown
    :ivar status: the last system status
    """

    transport: Any

    def __init__(self, name: str) -> None:
        self.name = name
        self.monitors: dict[bytes, str] = {}
        self.received = 0
        self.on_received: Callable[[], None] = lambda: None
        self.on_status: Callable[[str], None] = lambda status: None
        self.status = ""
        self._rest = b""
        self._kept: list[bytes] = []
        self._reads: list[tuple[int, float]] = []
        self._asked: dict[bytes, str] = {}
        self._to_ask: deque[str] = deque()
        self._started: Deferred[None] | None = None
        self._invoke_id = 0

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._started is not None:
            started, self._started = self._started, None
            started.errback(BenchError(f"{self.name}: the link was lost before its monitors were started"))

    # Monitors

    def start_monitors(self, devices: Iterable[str], under_way: int = _UNDER_WAY) -> Deferred[None]:
        """Start a monitor on each device; fires when all have started."""
        self._to_ask.extend(devices)
        self._started = Deferred()
        started = self._started
        for _ in range(min(under_way, len(self._to_ask))):
            self._ask()
        return started

    def _ask(self) -> None:
        device = self._to_ask.popleft()
        self._invoke_id = (self._invoke_id + 1) % 9999
        invoke_id = b"%04d" % self._invoke_id
        self._asked[invoke_id] = device
        body = _MONITOR_START.format(NAMESPACE, device).encode()
        self.transport.write(b"\0\0" + (8 + len(body)).to_bytes(2, "big") + invoke_id + body)

    def _answered(self, invoke_id: bytes, body: bytes) -> None:
        device = self._asked.pop(invoke_id, None)
        if device is None:
            status = _STATUS.search(body)
            if status is not None:
                self.status = status[1].decode()
                self.on_status(self.status)
            return
        found = _CROSS_REFERENCE.search(body)
        if found is None:
            if self._started is not None:
                started, self._started = self._started, None
                started.errback(BenchError(f"{self.name}: no monitor on {device}: {body!r}"))
            return
        self.monitors[found[1]] = device
        if self._to_ask:
            self._ask()
        elif not self._asked and self._started is not None:
            started, self._started = self._started, None
            started.callback(None)

    # Events

    def begin(self) -> None:
        """Forget what has come so far."""
        self.received = 0
        self._kept = []
        self._reads = []

    @property
    def kept(self) -> list[bytes]:
        """The bodies of the events since :meth:`begin`."""
        return list(frames(b"".join(self._kept)))

    def arrival(self, number: int) -> float:
        """When the event with this number (from 0) since :meth:`begin` came, by ``perf_counter``."""
        return self._reads[bisect_right(self._reads, (number, float("inf")))][1]

    def dataReceived(self, data: bytes) -> None:
        now = perf_counter()
        if self._rest:
            data = self._rest + data
        position, size = 0, len(data)
        while position + 8 <= size:
            end = position + (data[position + 2] << 8) + data[position + 3]
            if end > size:
                break
            if data[position + 4] != 0x39 or data[position + 4 : position + 8] != b"9999":
                self._answered(data[position + 4 : position + 8], data[position + 8 : end])
            else:
                self._kept.append(data[position:end])
                self.received += 1
            position = end
        self._rest = data[position:]
        self._reads.append((self.received, now))
        self.on_received()
