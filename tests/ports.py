"""Ports of this machine for processes that are told where to listen."""

from __future__ import annotations

import socket

__all__ = ["consecutive_ports", "free_ports"]


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses at the moment."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def consecutive_ports(count: int) -> int:
    """The first of so many ports that nobody uses at the moment."""
    while True:
        (first,) = free_ports(1)
        sockets = [socket.socket() for _ in range(count)]
        try:
            for number, each in enumerate(sockets):
                each.bind(("127.0.0.1", first + number))
        except (OSError, OverflowError):
            continue
        finally:
            for each in sockets:
                each.close()
        return first
