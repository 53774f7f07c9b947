"""systemd is told what it must know, by datagrams."""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from bwconnector.sdnotify import STATUS_INTERVAL, ServiceManager, service_manager


class Systemd:
    """The other end of the socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)

    def heard(self) -> list[str]:
        """The messages since the last time."""
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "path" else f"@bwconnector-test-{os.getpid()}"


@pytest.fixture
def systemd(address: str) -> Iterator[Systemd]:
    systemd = Systemd(address)
    yield systemd
    systemd.close()


def test_a_life(systemd: Systemd, address: str) -> None:
    clock, state = Clock(), ["starting"]
    service = ServiceManager(address, lambda: state[0], clock, watchdog=6.0)
    service.startService()
    assert systemd.heard() == ["READY=1", "WATCHDOG=1\nSTATUS=starting"]
    clock.advance(3.0)
    assert systemd.heard() == ["WATCHDOG=1"]
    state[0] = "all is well"
    clock.advance(3.0)
    assert systemd.heard() == ["WATCHDOG=1\nSTATUS=all is well"]
    service.stopService()
    assert systemd.heard() == ["STOPPING=1"]
    assert not clock.getDelayedCalls()


def test_nothing_is_said_in_vain_without_a_watchdog(systemd: Systemd, address: str) -> None:
    clock = Clock()
    service = ServiceManager(address, lambda: "all is well", clock)
    service.startService()
    assert systemd.heard() == ["READY=1", "STATUS=all is well"]
    clock.pump([STATUS_INTERVAL] * 5)
    assert systemd.heard() == []
    service.stopService()


def test_a_socket_that_is_gone_is_told_once(tmp_path: Path, log_text: io.StringIO) -> None:
    clock = Clock()
    service = ServiceManager(str(tmp_path / "gone"), lambda: "", clock, watchdog=1.0)
    service.startService()
    clock.advance(0.5)
    service.stopService()
    assert log_text.getvalue().count("systemd could not be told") == 1


def test_only_what_was_asked_for() -> None:
    def watchdog(environ: dict[str, str]) -> float | None:
        manager = service_manager(environ, str, Clock())
        return manager._watchdog if manager is not None else None

    here = {"NOTIFY_SOCKET": "/run/systemd/notify"}
    assert watchdog({}) is None
    assert watchdog({"NOTIFY_SOCKET": "vsock:2:1"}) is None
    assert watchdog(here) == 0.0
    assert watchdog({**here, "WATCHDOG_USEC": "30000000"}) == 30.0
    assert watchdog({**here, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}) == 30.0
    assert watchdog({**here, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}) == 0.0
