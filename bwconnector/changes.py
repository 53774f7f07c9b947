"""What differs between the config that runs and the file as it is now, and when each difference takes effect.

The file is read again on SIGHUP. What an option needs to take effect is a row of :data:`WHEN`; what has no row waits for a restart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

import attrs

from bwconnector.bridge.policy import ROWS
from bwconnector.checks import Secret
from bwconnector.options import AccessOptions, Config, XspLink

__all__ = ["WHEN", "Change", "When", "differences", "effective", "when"]


class When(Enum):
    """When a changed option takes effect."""

    NOW = "at once"
    CHANNEL = "with a new channel"
    """The channels concerned are replaced: each is up again before the old one is deleted, if any other one can be."""
    RESTART = "after a restart"


WHEN: Mapping[str, Mapping[str, When]] = {
    "Connector": {
        "broadworks-version": When.CHANNEL,
        "channel-expire-tout": When.NOW,
        "subscription-expire-tout": When.NOW,
        "resync-interval": When.NOW,
        "kpl-interval": When.NOW,
        "kpl-tolerance": When.NOW,
        "link-recovery-tout": When.NOW,
        "call-age-limit": When.NOW,
        "alerting-limit": When.NOW,
        "password-file": When.NOW,
        "password": When.NOW,
        "events-context": When.CHANNEL,
        "async-context": When.CHANNEL,
        "actions-context": When.CHANNEL,
    },
    "link-NAME": {
        "hostname": When.CHANNEL,
        "port": When.CHANNEL,
        "tls": When.CHANNEL,
        "ca-file": When.NOW,
        "cert-file": When.NOW,
        "key-file": When.NOW,
        "priority": When.CHANNEL,
        "weight": When.CHANNEL,
        "request-rate": When.NOW,
        "kpl-interval": When.NOW,
        "kpl-tolerance": When.NOW,
        "drain": When.NOW,
    },
    "csta": {
        "client-ca": When.NOW,
        "allow": When.NOW,
        "status-on-connect": When.NOW,
        "max-links": When.NOW,
        "monitored-only": When.NOW,
        "max-monitors-per-link": When.NOW,
        "request-rate": When.NOW,
        "send-queue-limit": When.NOW,
        "message-tout": When.NOW,
    },
    "access-NAME": dict.fromkeys(("networks", "certificates", "monitor", "control", "read-only"), When.NOW),
    "devices": {"call-centers": When.NOW, "route-points": When.NOW},
    "web": {"client-ca": When.NOW},
    "log": dict.fromkeys(("format", "level", "levels"), When.NOW),
    "policy": dict.fromkeys(ROWS, When.NOW),
}
"""By section and option. A link or an access section that is added or removed comes or goes at once."""

NAMED = ("link", "access")
"""Kinds of sections of which there may be several, each with a name of its own."""

APART = ("connector", "links", "access", "policy", "simulator")
"""Fields of a config that are compared in a way of their own."""


def when(section: str, option: str) -> When:
    """When a changed option takes effect; ``section`` as in the file."""
    kind = next((f"{kind}-NAME" for kind in NAMED if section.startswith(f"{kind}-")), section)
    return WHEN.get(kind, {}).get(option, When.RESTART)


@attrs.frozen(slots=True)
class Change:
    """One difference.

    :ivar option: empty for a section that came or went
    :ivar what: the difference in words, without secrets
    """

    section: str
    option: str
    what: str
    when: When

    def __str__(self) -> str:
        return f"[{self.section}]{self.option and ' ' + self.option} {self.what}"


def differences(running: Config, file: Config) -> tuple[Change, ...]:
    """All of them, in the order of the sections."""
    if (running.simulator is None) != (file.simulator is None):
        # Links and account are others altogether.
        return (Change("simulator", "", "came" if file.simulator else "went", When.RESTART),)
    return tuple(_differences(running, file))


def _differences(running: Config, file: Config) -> Iterator[Change]:
    yield from _options("Connector", running.connector, file.connector)
    yield from _named("link", running.links, file.links)
    yield from _named("access", running.access, file.access)
    for field in attrs.fields(Config):
        if field.name not in APART:
            yield from _options(field.name, getattr(running, field.name), getattr(file, field.name))
    for code, row in ROWS.items():
        values = running.policy.get(code, row.default), file.policy.get(code, row.default)
        if values[0] != values[1]:
            yield Change("policy", code, _words(*values), when("policy", code))
    if running.simulator != file.simulator:
        yield Change("simulator", "", "has changed", When.RESTART)


def _named(kind: str, before: Sequence[XspLink | AccessOptions], after: Sequence[XspLink | AccessOptions]) -> Iterator[Change]:
    old, new = ({section.name: section for section in sections} for sections in (before, after))
    yield from (Change(f"{kind}-{name}", "", "went", When.NOW) for name in old if name not in new)
    for name, section in new.items():
        if name in old:
            yield from _options(f"{kind}-{name}", old[name], section)
        else:
            yield Change(f"{kind}-{name}", "", "came", When.NOW)
    stayed = [name for name in old if name in new]
    if kind == "access" and stayed != [name for name in new if name in old]:
        yield Change("access-NAME", "", f"are in another order: {', '.join(new)}", When.NOW)


def _options(section: str, before: attrs.AttrsInstance, after: attrs.AttrsInstance) -> Iterator[Change]:
    for field in attrs.fields(type(before)):
        values = getattr(before, field.name), getattr(after, field.name)
        if "check" in field.metadata and values[0] != values[1]:
            option = field.name.replace("_", "-")
            yield Change(section, option, _words(*values), when(section, option))


def _words(before: Any, after: Any) -> str:
    return "has changed" if isinstance(after, Secret) else f"is {_shown(after)}, was {_shown(before)}"


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int) else f'"{value}"'


def effective(running: Config, file: Config) -> Config:
    """The config that holds from now on: that of the file where it can take effect, and otherwise that which runs."""
    if (running.simulator is None) != (file.simulator is None):
        return running
    sections = {
        field.name: _effective(field.name, getattr(running, field.name), getattr(file, field.name))
        for field in attrs.fields(Config)
        if field.name not in APART
    }
    return attrs.evolve(
        running,
        connector=_effective("Connector", running.connector, file.connector),
        links=file.links,
        access=file.access,
        policy=file.policy,
        **sections,
    )


def _effective(section: str, before: Any, after: Any) -> Any:
    fields = [field.name for field in attrs.fields(type(before)) if when(section, field.name.replace("_", "-")) is not When.RESTART]
    return attrs.evolve(before, **{name: getattr(after, name) for name in fields})
