"""The processes that are measured: started, asked what they have used, and ended with this one."""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from bench.tserver import BenchError

__all__ = ["Child", "Usage", "config_text"]

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT = 120.0
ANSWER_TIMEOUT = 60.0
LAST_WORDS = 4000
"""Characters of a child's log that are shown when it has failed."""

Usage = dict[str, Any]
"""``cpu``: seconds; ``memory``: bytes; ``pause``: the garbage collector's longest, in seconds."""


class Child(ProcessProtocol):
    """One child process.

    :param program: file name of the program in this directory
    :param checkout: whose connector it runs
    :ivar port: where its T-Servers connect
    :ivar told: fires with what it tells by itself, once it runs
    """

    transport: Any

    def __init__(self, reactor: Any, name: str, program: str, *arguments: str, checkout: Path = ROOT) -> None:
        self.name = name
        self.port = 0
        self._reactor = reactor
        self._lines = b""
        self._log = b""
        self._asked: deque[Deferred[Usage]] = deque()
        self._over: Deferred[None] = Deferred()
        self.told = self._answer(START_TIMEOUT)
        command = [sys.executable, str(Path(__file__).parent / program), *arguments]
        environment = {**os.environ, "PYTHONPATH": str(checkout), "PYTHONHASHSEED": "0"}
        reactor.spawnProcess(self, sys.executable, command, env=environment)

    @property
    def ended(self) -> bool:
        """The process is gone."""
        return self._over.called

    async def started(self) -> None:
        """Wait until it has told its port."""
        self.port = (await self.told)["port"]

    async def ask(self, question: str = "usage") -> Usage:
        self.transport.write(question.encode() + b"\n")
        return await self._answer(ANSWER_TIMEOUT)

    async def end(self) -> None:
        """End it and wait until it is gone."""
        self.transport.closeStdin()
        killer = self._reactor.callLater(10.0, self._kill)
        await self._over
        if killer.active():
            killer.cancel()

    def _kill(self) -> None:
        self.transport.signalProcess("KILL")

    def _answer(self, timeout: float) -> Deferred[Usage]:
        answer: Deferred[Usage] = Deferred()
        self._asked.append(answer)
        answer.addTimeout(timeout, self._reactor)
        return answer

    def outReceived(self, data: bytes) -> None:
        *lines, self._lines = (self._lines + data).split(b"\n")
        for line in lines:
            self._asked.popleft().callback(json.loads(line))

    def errReceived(self, data: bytes) -> None:
        self._log = (self._log + data)[-LAST_WORDS:]

    def processEnded(self, reason: Failure) -> None:
        failed = BenchError(f"{self.name} has ended: {reason.getErrorMessage()}\n{self.log}")
        while self._asked:
            self._asked.popleft().errback(failed)
        if not reason.check(ProcessDone):
            sys.stderr.write(f"{failed}\n")
        self._over.callback(None)

    @property
    def log(self) -> str:
        """The end of what it has logged."""
        return self._log.decode(errors="replace")


def config_text(xsp_ports: list[int], **options: str | int) -> str:
    """The config of a connector at these XSPs; ``options`` are those of ``[Connector]``, with ``_`` for ``-``."""
    lines = [
        "[Connector]",
        'channel-set-name = "bench"',
        'app-controller = "bench"',
        'user-id = "ctiadmin@example.net"',
        'password = "bench"',
        'default-domain = "example.net"',
        *(f"{name.replace('_', '-')} = {json.dumps(value)}" for name, value in options.items()),
        "[csta]",
        'listen = ["tcp:0:interface=127.0.0.1"]',
        "[web]",
        'listen = ""',
    ]
    for number, port in enumerate(xsp_ports, 1):
        lines += [f"[link-xsp{number}]", 'hostname = "127.0.0.1"', f"port = {port}", "tls = false"]
    return "\n".join(lines) + "\n"
