"""Whether the machine at the other end of a link is in one of some networks."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

__all__ = ["Network", "within"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def within(host: str, networks: Iterable[Network]) -> bool:
    """Whether an address is in one of ``networks``; an IPv4 address that came over an IPv6 socket counts as what it is."""
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)
