"""What a link may do: rules that match a link by its network and its certificate, and devices by their names. Nothing but the decision;
it is asked for in :mod:`bwconnector.bridge.switching` and :mod:`bwconnector.bridge.session`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from enum import Enum
from fnmatch import fnmatchcase, translate

import attrs

from bwconnector.csta.networks import Network, within

__all__ = ["EVERYTHING", "NOTHING", "Access", "Devices", "Kind", "access_of", "permitted"]

_RANGE = re.compile(r"(\+?)([0-9]+)-\1([0-9]+)")


class Kind(Enum):
    """What a service does, as far as rights are concerned."""

    SYSTEM = "system"
    """It is about the link itself, or about what the connector can do: free to all, and not counted towards a rate."""
    READS = "reads"
    """It tells something of a device, and changes nothing."""
    CONTROLS = "controls"
    """It has something done at a device."""


@attrs.frozen(slots=True)
class Devices:
    """A set of devices.

    :param patterns: names with ``*``, ``?`` and ``[...]`` as in file names, and ranges of numbers such as ``1000-1999``, both ends of as
        many digits; upper and lower case are the same
    :raises ValueError: a range is none; says what it must be
    """

    patterns: tuple[str, ...] = ("*",)
    _names: re.Pattern[str] = attrs.field(init=False, eq=False, repr=False)
    _ranges: tuple[tuple[str, str, str], ...] = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        found = {text: _RANGE.fullmatch(text) for text in self.patterns}
        for text, match in found.items():
            if match is not None and (len(match[2]) != len(match[3]) or match[2] > match[3]):
                raise ValueError(f'"{text}" is no range of numbers: both ends have as many digits, and the first one is the lower one')
        globs = [translate(text.casefold()) for text, match in found.items() if match is None]
        object.__setattr__(self, "_names", re.compile("|".join(globs) if globs else r"(?!)"))
        object.__setattr__(self, "_ranges", tuple((m[1], m[2], m[3]) for m in found.values() if m is not None))

    @property
    def all(self) -> bool:
        """There is no device that it does not have."""
        return "*" in self.patterns

    def has(self, names: Iterable[str]) -> bool:
        """Whether a device is in the set that has all of these names."""
        return self.all or any(self._named(name) for name in names if name)

    def _named(self, name: str) -> bool:
        if self._names.fullmatch(name.casefold()) is not None:
            return True
        for sign, low, high in self._ranges:
            digits = name.removeprefix(sign) if name.startswith(sign) else ""
            if digits.isascii() and digits.isdigit() and len(digits) == len(low) and low <= digits <= high:
                return True
        return False


@attrs.frozen(slots=True, kw_only=True)
class Access:
    """Which links it is for, and what they may do.

    :ivar networks: the link comes from one of them; empty for any, a local socket among them
    :ivar certificates: common name of its certificate, with ``*`` as in file names; empty for any and for none
    :ivar monitor: devices that may be monitored, and asked about
    :ivar control: devices at which something may be done
    :ivar read_only: no service that controls is permitted, at whatever device
    """

    name: str = ""
    networks: tuple[Network, ...] = ()
    certificates: tuple[str, ...] = ()
    monitor: Devices = Devices()
    control: Devices = Devices()
    read_only: bool = False

    def matches(self, host: str, certificate: str) -> bool:
        """
        :param host: address of the other side, empty for a local socket
        :param certificate: common name in its certificate, empty without one
        """
        if self.networks and not (host and within(host, self.networks)):
            return False
        return not self.certificates or any(
            certificate and fnmatchcase(certificate.casefold(), each.casefold()) for each in self.certificates
        )


EVERYTHING = Access()
"""What holds where there are no rules."""

NOTHING = Access(name="none", monitor=Devices(()), control=Devices(()), read_only=True)
"""What is left to a link that no rule is for."""


def access_of(rules: Sequence[Access], host: str, certificate: str) -> Access:
    """The first of the rules that is for a link; see :meth:`Access.matches`."""
    if not rules:
        return EVERYTHING
    return next((rule for rule in rules if rule.matches(host, certificate)), NOTHING)


def permitted(devices: Devices, names: Collection[Collection[str]], *, each: bool = False) -> bool:
    """Whether one device is in the set, or ``each`` of them; ``names`` has all names of each."""
    return devices.all or (all if each else any)(devices.has(every) for every in names)
