"""What systemd is told of a service of Type=notify: that it is ready, how it fares, that it is alive, and that it stops.

One datagram for each message, of lines ``NAME=value``, to the socket that the environment variable NOTIFY_SOCKET names (sd_notify(3)).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

from twisted.application.service import Service
from twisted.logger import Logger

__all__ = ["STATUS_INTERVAL", "ServiceManager", "service_manager"]

STATUS_INTERVAL = 5.0
"""Seconds between two looks at whether the status has changed."""


class ServiceManager(Service):
    """Tells systemd; a socket that does not take it is no reason to stop working.

    :param address: of systemd's socket: a path, or ``@name`` in the abstract namespace
    :param status: the state in one line
    :param watchdog: seconds after which systemd ends a service that has not told that it is alive; 0 = it does not watch
    """

    name = "systemd"
    log = Logger()

    def __init__(self, address: str, status: Callable[[], str], clock: Any, watchdog: float = 0.0) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._status = status
        self._clock = clock
        self._watchdog = watchdog
        self._told = ""
        self._timer: Any = None
        self._complained = False

    def startService(self) -> None:
        """Tell that all ports listen."""
        super().startService()  # type: ignore[no-untyped-call]
        self._send("READY=1")
        self._live()

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._send("STOPPING=1")

    def _live(self) -> None:
        # Half of the watchdog's time, as sd_watchdog_enabled(3) has it: one late turn of the reactor is not yet a hang.
        self._timer = self._clock.callLater(min(self._watchdog / 2 or STATUS_INTERVAL, STATUS_INTERVAL), self._live)
        lines = ["WATCHDOG=1"] if self._watchdog else []
        status = self._status()
        if status != self._told:
            self._told = status
            lines.append(f"STATUS={status}")
        if lines:
            self._send(*lines)

    def _send(self, *lines: str) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as sender:
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            if not self._complained:
                self._complained = True
                self.log.warn("systemd could not be told how the connector fares: {error}", error=str(error))


def service_manager(environ: Mapping[str, str], status: Callable[[], str], clock: Any) -> ServiceManager | None:
    """What tells systemd, or None where nobody asked for it.

    :param environ: the process's environment: NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return None
    watched = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    microseconds = environ.get("WATCHDOG_USEC", "0")
    return ServiceManager(address, status, clock, int(microseconds) / 1e6 if watched and microseconds.isdecimal() else 0.0)
