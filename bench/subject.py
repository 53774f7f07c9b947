"""The process that is measured: a connector as its config says, and a line of JSON for each line that is asked.

``python bench/subject.py CONFIG`` tells its CSTA port, then answers ``usage`` with seconds of CPU, bytes of memory and the longest pause
of the garbage collector. It ends with its standard input. It is run by its file name and imports nothing of the bench, so that any
checkout of the connector can be measured with it.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet import stdio
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.protocols.basic import LineOnlyReceiver

from bwconnector.config import load
from bwconnector.service import ConnectorService

reactor: Any = _reactor


class Usage:
    """What the process has used."""

    def __init__(self) -> None:
        self.longest_pause = 0.0
        self._began = 0.0
        self._asked = False
        gc.callbacks.append(self._collecting)

    def _collecting(self, phase: str, info: dict[str, int]) -> None:
        now = time.perf_counter()
        if phase == "start":
            self._began = now
        elif not self._asked:
            self.longest_pause = max(self.longest_pause, now - self._began)

    def collect(self) -> None:
        """Free what nothing refers to; this is no pause of the collector's own."""
        self._asked = True
        gc.collect()
        self._asked = False

    def read(self) -> dict[str, Any]:
        pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
        return {"cpu": time.process_time(), "memory": pages * os.sysconf("SC_PAGE_SIZE"), "pause": self.longest_pause}


class Control(LineOnlyReceiver):
    """Questions on standard input, answers on standard output."""

    delimiter = b"\n"

    def __init__(self, usage: Usage, service: ConnectorService) -> None:
        self._usage = usage
        self._service = service

    def lineReceived(self, line: bytes) -> None:
        if line == b"collect":
            self._usage.collect()
        if line == b"forget pauses":
            self._usage.longest_pause = 0.0
        found = {**self._usage.read(), "subscriptions": self._service.subscriptions.live, "calls": len(self._service.bridge.model.table)}
        self.tell(found)

    def tell(self, found: dict[str, Any]) -> None:
        self.sendLine(json.dumps(found).encode())

    def connectionLost(self, reason: Any = None) -> None:
        if reactor.running:
            reactor.stop()


def main() -> None:
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
    usage = Usage()
    service = ConnectorService(load(sys.argv[1]), reactor)

    def begin() -> None:
        service.startService()
        (port,) = service.getServiceNamed("links").ports
        control = Control(usage, service)
        stdio.StandardIO(control)
        control.tell({"port": port._waitingForPort.result.getHost().port})

    reactor.callWhenRunning(begin)
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.run()


if __name__ == "__main__":
    main()
