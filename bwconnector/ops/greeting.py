"""What the connector says at its start: where everything is, and one line to paste that shows it at work."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import attrs
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress

from bwconnector.config import Config

__all__ = ["Addresses", "bwctl_here", "describe"]

ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
"""Listening addresses that nobody can connect to, and what a client on this machine connects to instead."""


@attrs.frozen(slots=True, kw_only=True)
class Addresses:
    """Where the parts really listen, which only the running ports know (``tcp:0`` is any free port).

    :ivar devices: a few devices that are worth watching; empty when none is known
    """

    csta: Sequence[IAddress] = ()
    web: IAddress | None = None
    manhole: IAddress | None = None
    ssh: IAddress | None = None
    devices: Sequence[str] = ()


def bwctl_here() -> str:
    """How ``bwctl`` is called from here: it is installed beside the Python that runs this, which need not be on the PATH."""
    beside = Path(sys.executable).with_name("bwctl")
    if shutil.which("bwctl") == str(beside) or not beside.exists():
        return "bwctl"
    return str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)


def describe(config: Config, addresses: Addresses, bwctl: str = "bwctl") -> str:
    """Some lines for the log and for whoever has started the connector in a terminal.

    The demo's manhole password is among them: it was made for this start and opens a port on loopback only.

    :param bwctl: how that command is called
    """
    lines = ["The BroadWorks Connector is up" + (" on its embedded BroadWorks simulator." if config.simulator is not None else ".")]
    lines += [f"  CSTA         {_place(address)}" for address in addresses.csta]
    if addresses.web is not None:
        lines.append(f"  status page  {_url(addresses.web, 'https' if config.web.listen.startswith('ssl:') else 'http')}")
    if addresses.manhole is not None:
        user = f"  (user admin, password {config.manhole.password.reveal()})" if config.manhole.password else ""
        lines.append(f"  manhole      {_telnet(addresses.manhole)}{user}")
    if addresses.ssh is not None:
        lines.append(f"  manhole      {_ssh(addresses.ssh)}")
    reachable = [address for address in addresses.csta if isinstance(address, IPv4Address | IPv6Address)]
    if reachable:
        devices = " ".join(addresses.devices) or "DEVICE..."
        lines.append(f"Watch it at work: {bwctl} watch {_place(reachable[0])} {devices}")
    return "\n".join(lines)


def _place(address: IAddress) -> str:
    """``host:port`` as a client on this machine writes it, or the path of a socket."""
    if isinstance(address, IPv4Address | IPv6Address):
        host = ANY_ADDRESS.get(address.host, address.host)
        return f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"
    if isinstance(address, UNIXAddress):
        return (address.name or b"?").decode("utf-8", "replace")
    return str(address)


def _url(address: IAddress, scheme: str) -> str:
    return f"{scheme}://{_place(address)}/" if isinstance(address, IPv4Address | IPv6Address) else _place(address)


def _telnet(address: IAddress) -> str:
    if isinstance(address, IPv4Address | IPv6Address):
        return f"telnet {ANY_ADDRESS.get(address.host, address.host)} {address.port}"
    return _place(address)


def _ssh(address: IAddress) -> str:
    if isinstance(address, IPv4Address | IPv6Address):
        return f"ssh -p {address.port} {ANY_ADDRESS.get(address.host, address.host)}"
    return _place(address)
