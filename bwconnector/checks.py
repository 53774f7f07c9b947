"""Checks of single config values, and what the config must understand of endpoint descriptions.

A check takes a value as TOML gave it and returns what the option holds, or raises ValueError with what the value must be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, cast

import attrs
from twisted.internet.endpoints import serverFromString

from bwconnector.bridge.access import Devices

__all__ = [
    "Check",
    "Network",
    "Secret",
    "devices",
    "endpoint",
    "endpoint_keyword",
    "endpoint_port",
    "flag",
    "integer",
    "is_private_endpoint",
    "list_of",
    "network",
    "nonempty",
    "one_of",
    "optional",
    "private_endpoint",
    "secret",
    "table_of",
    "text",
]

Check = Callable[[object], Any]
Network = IPv4Network | IPv6Network


@attrs.frozen(slots=True, repr=False)
class Secret:
    """A password: shows nothing of itself in logs, reprs and reports."""

    _text: str

    def reveal(self) -> str:
        """The password itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(...)"

    def __bool__(self) -> bool:
        return bool(self._text)


def text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a string in quotes, not {_shown(value)}")
    return value


def nonempty(value: object) -> str:
    if not text(value):
        raise ValueError("must not be empty")
    return text(value)


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {_shown(value)}")
    return value


def integer(lowest: int, highest: int | None = None) -> Check:
    """A whole number from ``lowest`` to ``highest`` (no limit when None)."""

    def check(value: object) -> int:
        limits = f"from {lowest} to {highest}" if highest is not None else f"of at least {lowest}"
        if not isinstance(value, int) or isinstance(value, bool) or value < lowest or (highest is not None and value > highest):
            raise ValueError(f"must be a whole number {limits}, not {_shown(value)}")
        return value

    return check


def secret(value: object) -> Secret:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a string in quotes that is not empty")  # and is never shown
    return Secret(value)


def one_of(*words: str) -> Check:
    def check(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"must be {_choice(words)}, not {_shown(value)}")
        return value

    return check


def list_of(item: Check) -> Check:
    def check(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError(f"must be a list in brackets, not {_shown(value)}")
        return tuple(item(element) for element in value)

    return check


def table_of(item: Check) -> Check:
    """Names with a value each, in the order of the file."""

    def check(value: object) -> tuple[tuple[str, Any], ...]:
        if not isinstance(value, dict):
            raise ValueError(f'must be a table such as {{"name" = "value"}}, not {_shown(value)}')
        return tuple((name, item(element)) for name, element in value.items())

    return check


def network(value: object) -> Network:
    try:
        return ip_network(text(value))
    except ValueError as error:
        raise ValueError(f"must be an address or a CIDR block such as 10.1.0.0/16: {error}") from None


def devices(value: object) -> str:
    """A pattern of :class:`~bwconnector.bridge.access.Devices`."""
    Devices((nonempty(value),))
    return text(value)


def endpoint(value: object) -> str:
    """A Twisted server endpoint description; files that it names (keys, certificates) are read to see that they can be."""
    description = nonempty(value)
    try:
        serverFromString(cast(Any, None), description)  # parsing needs no reactor, only listening does
    except Exception as error:  # every kind of endpoint fails in its own way
        raise ValueError(f'"{description}" is no endpoint to listen on ({error}); write for example "tcp:1040"') from None
    port = endpoint_port(description)
    if port is not None and port > 65535:
        raise ValueError(f'"{description}": there is no port {port}; the highest is 65535')
    return description


def optional(check: Check) -> Check:
    """``check``, or the empty string (the option is off)."""
    return lambda value: "" if value == "" else check(value)


def _shown(value: object) -> str:
    """A value as the file's author wrote it, near enough; long ones are cut."""
    shown = str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _choice(words: Sequence[str]) -> str:
    return " or ".join(f'"{word}"' for word in words)


def endpoint_fields(description: str) -> list[str]:
    """The fields of an endpoint description, its kind first; a backslash keeps a colon inside its field."""
    return [field.replace("\\:", ":") for field in re.split(r"(?<!\\):", description)]


def endpoint_keyword(description: str, keyword: str) -> str:
    """The value of ``keyword=`` in an endpoint description, empty when it is not there."""
    for field in endpoint_fields(description)[1:]:
        name, equals, value = field.partition("=")
        if equals and name == keyword:
            return value
    return ""


def endpoint_port(description: str) -> int | None:
    """The TCP port of an endpoint description, None when its kind has none (``unix:``, ``systemd:`` …)."""
    kind, *fields = endpoint_fields(description)
    if kind not in ("tcp", "tcp4", "tcp6", "ssl") or not fields:
        return None
    return int(endpoint_keyword(description, "port") or fields[0])


def is_private_endpoint(description: str) -> bool:
    """Whether only processes on this machine can reach an endpoint: a unix socket, or the loopback interface."""
    return description.startswith("unix:") or endpoint_keyword(description, "interface") in ("127.0.0.1", "::1", "localhost")


def private_endpoint(value: object) -> str:
    description = endpoint(value)
    if not is_private_endpoint(description):
        raise ValueError(
            f'"{description}" can be reached from other machines, and telnet shows passwords in clear text;'
            ' use "tcp:4040:interface=127.0.0.1" or "unix:/run/bwconnector/manhole"'
        )
    return description
