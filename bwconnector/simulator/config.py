"""Options of the simulator, and how they are read from the ``[simulator]`` section of a config file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

__all__ = ["ConfigError", "SimulatorConfig", "read_section"]


@attrs.frozen(slots=True, kw_only=True)
class SimulatorConfig:
    """Everything that can be configured; times are in seconds.

    In a file the names have ``-`` instead of ``_``.
    """

    xsps: int = 2
    users: int = 50
    call_centers: int = 1
    route_points: int = 1
    agents: int = 0
    """How many users, the first ones, are agents of every call center."""
    wrap_up_time: float = 5.0
    """How long an agent wraps up a call."""
    domain: str = "example.net"
    host: str = "127.0.0.1"
    base_port: int = 0
    """Port of the first XSP, the others follow; 0: any free ports."""
    admin: bool = True
    admin_port: int = 0
    user_id: str = "ctiadmin@example.net"
    password: str = attrs.field(default="ctiadmin", repr=False)
    token: str = attrs.field(default="", repr=False)
    """Accepted as a Bearer token in place of the password; empty: none is."""
    demo: bool = True
    """Keep some calls going."""
    demo_calls: int = 4
    """How many of them at a time."""
    seed: int = 1
    """Makes the demo and the ids of its calls repeatable."""
    lift_delay: float = 1.0
    """How long a user takes to lift after a click-to-dial; 0: nobody lifts by itself."""
    ring_time: float = 20.0
    """How long an unanswered call rings."""
    min_expires: int = 3600
    """Shorter lifetimes of channels and subscriptions are raised to this."""
    granted_expires: int = 0
    """What is granted at least, whatever was asked for."""
    event_timeout: float = 30.0
    """A channel without heartbeat for so long is torn down."""
    ack_timeout: float = 5.0
    """An event without response for so long is sent on the next channel."""
    unknown_events: float = 0.0
    """Some user gets an event of a type that no client knows, every so many seconds; 0: never."""
    older_release: bool = False
    """What older releases leave out is left out: why a channel is terminated."""
    keep_alive: int = 4
    """Idle time after which an ordinary connection is closed."""
    tracking_ids: Literal["counter", "uuid"] = "counter"
    transfer_id: Literal["first", "second", "new"] = "second"
    released_after_redirected: bool = True
    transfer_event: Literal["CallTransferredEvent", "CallUpdatedEvent"] = "CallTransferredEvent"
    updated_on_ringing: bool = True
    treatment: bool = True
    colp: bool = True


class ConfigError(Exception):
    """Everything that is wrong with the section, one problem each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


CHOICES: dict[str, tuple[str, ...]] = {
    "tracking_ids": ("counter", "uuid"),
    "transfer_id": ("first", "second", "new"),
    "transfer_event": ("CallTransferredEvent", "CallUpdatedEvent"),
}
LEAST = {
    "xsps": 1,
    "users": 4,
    "call_centers": 0,
    "route_points": 0,
    "wrap_up_time": 0.1,
    "keep_alive": 1,
    "event_timeout": 1,
    "ack_timeout": 0.1,
    "ring_time": 1,
}


def read_section(section: Mapping[str, Any]) -> SimulatorConfig:
    """Read the values of ``[simulator]``.

    :raises ConfigError: for unknown options, wrong types and values out of range, all together
    """
    fields = {field.name.replace("_", "-"): field for field in attrs.fields(SimulatorConfig)}
    values: dict[str, Any] = {}
    problems = []
    for name, value in section.items():
        field = fields.get(name)
        if field is None:
            problems.append(f"[simulator] {name}: there is no such option")
        elif problem := _problem(field.name, value, field.default):
            problems.append(f"[simulator] {name}: {problem}")
        else:
            values[field.name] = value
    if problems:
        raise ConfigError(problems)
    return SimulatorConfig(**values)


def _problem(name: str, value: Any, default: Any) -> str:
    if isinstance(default, bool) != isinstance(value, bool):
        return f"true or false is expected, not {value!r}" if isinstance(default, bool) else f"{value!r} is not allowed here"
    expected = (int, float) if isinstance(default, float) else type(default)
    if not isinstance(value, expected):
        return f"{'a text' if isinstance(default, str) else 'a number'} is expected, not {value!r}"
    if name in CHOICES and value not in CHOICES[name]:
        return f"one of {', '.join(CHOICES[name])} is expected, not {value!r}"
    if not isinstance(value, (str, bool)) and value < LEAST.get(name, 0):
        return f"at least {LEAST.get(name, 0)} is expected, not {value!r}"
    return ""
