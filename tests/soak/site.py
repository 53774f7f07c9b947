"""The simulator and the connector as two processes, and what is asked of them over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import treq
from twisted.internet import task
from twisted.web.client import HTTPConnectionPool

from tests.ports import consecutive_ports, free_ports

__all__ = ["Site"]

PROGRAMS = Path(sys.executable).parent
ACCOUNT = 'user-id = "ctiadmin@example.net"\npassword = "ctiadmin"\n'


class Site:
    """A connector whose XSPs are those of a simulator; each is a process.

    :param xsps: how many XSPs there are
    :param simulator: further options of ``[simulator]``, as lines of TOML
    :param connector: further sections of the connector's config
    :ivar csta: port for T-Servers
    """

    def __init__(self, reactor: Any, xsps: int, simulator: str, connector: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bwconnector-soak-"))
        self.csta, self._web, self._admin = free_ports(3)
        self.xsps = [f"xsp{number + 1}" for number in range(xsps)]
        self._reactor = reactor
        self._pool = HTTPConnectionPool(reactor, persistent=False)
        first = consecutive_ports(xsps)
        (self.folder / "simulator.toml").write_text(
            f"[simulator]\nxsps = {xsps}\nbase-port = {first}\nadmin-port = {self._admin}\ndemo = false\n{simulator}"
        )
        links = "".join(
            f'[link-{name}]\nhostname = "127.0.0.1"\nport = {first + number}\ntls = false\n' for number, name in enumerate(self.xsps)
        )
        config = self.folder / "connector.toml"
        config.write_text(
            f'[Connector]\nchannel-set-name = "soak"\napp-controller = "soak"\n{ACCOUNT}kpl-interval = 2\nlink-recovery-tout = 2\n'
            f'[csta]\nlisten = ["tcp:{self.csta}:interface=127.0.0.1"]\nmax-links = 16\n'
            f'[web]\nlisten = "tcp:{self._web}:interface=127.0.0.1"\n{connector}{links}'
        )
        config.chmod(0o600)
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start both; what they log is in files of their own."""
        for service, config in (("bwsimulator", "simulator.toml"), ("bwconnector", "connector.toml")):
            with (self.folder / f"{service}.log").open("wb") as log:
                command = [PROGRAMS / "twistd", "-n", "--pidfile=", service, "--config", self.folder / config]
                self._processes.append(subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, env=dict(os.environ)))

    def stop(self) -> list[int]:
        """End both in order; the exit statuses, of the connector first."""
        statuses = []
        for process in reversed(self._processes):
            process.terminate()
            try:
                statuses.append(process.wait(10))
            except subprocess.TimeoutExpired:
                process.kill()
                statuses.append(process.wait())
        return statuses

    @property
    def alive(self) -> bool:
        """Neither has ended by itself."""
        return all(process.poll() is None for process in self._processes)

    @property
    def log(self) -> str:
        """What the connector has logged."""
        return (self.folder / "bwconnector.log").read_text(errors="replace")

    async def metrics(self) -> str:
        """What ``/metrics`` of the connector says."""
        return (await self._ask("GET", f"http://127.0.0.1:{self._web}/metrics")).decode()

    async def status(self) -> dict[str, Any]:
        """What ``/api/status`` of the connector says."""
        answer: dict[str, Any] = json.loads(await self._ask("GET", f"http://127.0.0.1:{self._web}/api/status"))
        return answer

    async def admin(self, method: str, path: str, **arguments: Any) -> Any:
        """A request to the simulator's remote control; None if it was refused, as the phones of people refuse what makes no sense."""
        answer = json.loads(await self._ask(method, f"http://127.0.0.1:{self._admin}{path}", arguments))
        return answer.get("result")

    async def ready(self, channels: int | None = None) -> None:
        """Until so many channels are up, or all."""
        while True:
            if not self.alive:
                raise RuntimeError(f"a process has ended; see {self.folder}")
            try:
                status = await self.status()
            except Exception:  # nothing listens yet
                status = {"channels": [{"state": ""}]}
            up = sum(channel["state"] == "up" for channel in status["channels"])
            if up >= (len(status["channels"]) if channels is None else channels):
                return
            await task.deferLater(self._reactor, 0.2)

    async def _ask(self, method: str, url: str, arguments: dict[str, Any] | None = None) -> bytes:
        response = await treq.request(
            method, url, data=json.dumps(arguments).encode() if arguments else None, pool=self._pool, timeout=30, reactor=self._reactor
        )
        body: bytes = await treq.content(response)
        return body
