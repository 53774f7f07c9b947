"""The sections of the config file as classes: a field is an option (``kpl_interval`` is ``kpl-interval``), its metadata hold the check of
its value, and its default that of the file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs

from bwconnector.checks import (
    Check,
    Network,
    Secret,
    devices,
    endpoint,
    flag,
    integer,
    list_of,
    network,
    nonempty,
    one_of,
    optional,
    private_endpoint,
    secret,
    table_of,
    text,
)
from bwconnector.simulator.config import SimulatorConfig

__all__ = [
    "AccessOptions",
    "Config",
    "ConnectorOptions",
    "CstaOptions",
    "DevicesOptions",
    "LogOptions",
    "ManholeOptions",
    "RecorderOptions",
    "WebOptions",
    "XspLink",
]


def option(check: Check, default: Any = attrs.NOTHING) -> Any:
    """A field that is an option of the file; mandatory when it has no default."""
    return attrs.field(default=default, metadata={"check": check})


PORT = integer(1, 65535)
SECONDS = integer(1)
KPL_INTERVAL = integer(0, 600)
KPL_TOLERANCE = integer(0, 10)
LEVEL = one_of("debug", "info", "warn", "error", "critical")
ACK_PIPELINING = integer(1, 64)


@attrs.frozen(slots=True, kw_only=True)
class ConnectorOptions:
    """``[Connector]``; times in seconds."""

    channel_set_name: str = option(nonempty)
    app_controller: str = option(nonempty)
    application_name: str = option(nonempty, "GenesysConnector")
    broadworks_version: str = option(text, "")
    channel_expire_tout: int = option(SECONDS, 3600)
    subscription_expire_tout: int = option(SECONDS, 86400)
    resync_interval: int = option(integer(0), 1800)
    kpl_interval: int = option(KPL_INTERVAL, 10)
    kpl_tolerance: int = option(KPL_TOLERANCE, 0)
    link_recovery_tout: int = option(SECONDS, 30)
    ack_pipelining: int = option(ACK_PIPELINING, 1)
    subscription_scope: str = option(one_of("user", "group", "enterprise"), "user")
    subscription_scope_id: str = option(text, "")
    link_loss_policy: str = option(one_of("monitor-stop", "repair"), "monitor-stop")
    call_age_limit: int = option(integer(0), 14_400)
    alerting_limit: int = option(integer(0), 300)
    default_domain: str = option(text, "")
    user_id: str = option(text, "")
    password_file: str = option(text, "")
    password: Secret = option(secret, Secret(""))
    events_context: str = option(nonempty, "/com.broadsoft.xsi-events")
    async_context: str = option(nonempty, "/com.broadsoft.async/com.broadsoft.xsi-events")
    actions_context: str = option(nonempty, "/com.broadsoft.xsi-actions")


@attrs.frozen(slots=True, kw_only=True)
class XspLink:
    """``[link-NAME]``: one XSP. The heartbeat options are those of ``[Connector]`` unless the section has its own."""

    name: str = ""
    """What follows ``link-`` in the section's name."""
    hostname: str = option(nonempty)
    port: int = option(PORT, 443)
    tls: bool = option(flag, True)
    ca_file: str = option(text, "")
    cert_file: str = option(text, "")
    key_file: str = option(text, "")
    priority: int = option(integer(0, 100), 1)
    weight: int = option(integer(0, 100), 50)
    request_rate: int = option(integer(0), 0)
    kpl_interval: int = option(KPL_INTERVAL, 10)
    kpl_tolerance: int = option(KPL_TOLERANCE, 0)
    drain: bool = option(flag, False)


@attrs.frozen(slots=True, kw_only=True)
class CstaOptions:
    """``[csta]``: where T-Servers connect, and what one of them may take."""

    listen: tuple[str, ...] = option(list_of(endpoint), ("tcp:1040",))
    client_ca: str = option(text, "")
    allow: tuple[Network, ...] = option(list_of(network), ())
    status_on_connect: bool = option(flag, True)
    max_links: int = option(integer(1), 32)
    monitored_only: bool = option(flag, False)
    max_monitors_per_link: int = option(integer(1), 50_000)
    request_rate: int = option(integer(0), 0)
    send_queue_limit: int = option(integer(65_536), 8_388_608)
    message_tout: int = option(integer(0), 60)


@attrs.frozen(slots=True, kw_only=True)
class AccessOptions:
    """``[access-NAME]``: which links it is for, and what they may do. The first section that is for a link holds for it."""

    name: str = ""
    """What follows ``access-`` in the section's name."""
    networks: tuple[Network, ...] = option(list_of(network), ())
    certificates: tuple[str, ...] = option(list_of(nonempty), ())
    monitor: tuple[str, ...] = option(list_of(devices), ("*",))
    control: tuple[str, ...] = option(list_of(devices), ("*",))
    read_only: bool = option(flag, False)


@attrs.frozen(slots=True, kw_only=True)
class DevicesOptions:
    """``[devices]``: kinds of devices that BroadWorks need not be asked for."""

    call_centers: tuple[str, ...] = option(list_of(nonempty), ())
    route_points: tuple[str, ...] = option(list_of(nonempty), ())


@attrs.frozen(slots=True, kw_only=True)
class WebOptions:
    """``[web]``: status page and metrics."""

    listen: str = option(optional(endpoint), "tcp:8040:interface=127.0.0.1")
    public: bool = option(flag, False)
    client_ca: str = option(text, "")
    hosts: tuple[str, ...] = option(list_of(nonempty), ())


@attrs.frozen(slots=True, kw_only=True)
class ManholeOptions:
    """``[manhole]``. ``password`` is no option: the demo makes one for the user ``admin`` at each start."""

    listen: str = option(optional(private_endpoint), "")
    passwd_file: str = option(text, "")
    ssh: str = option(optional(endpoint), "")
    authorized_keys: str = option(text, "")
    host_key: str = option(text, "")
    writes: bool = option(flag, False)
    password: Secret = Secret("")


@attrs.frozen(slots=True, kw_only=True)
class LogOptions:
    """``[log]``: what is written to the log, and how."""

    format: str = option(one_of("text", "json"), "text")
    level: str = option(LEVEL, "debug")
    levels: tuple[tuple[str, str], ...] = option(table_of(LEVEL), ())


@attrs.frozen(slots=True, kw_only=True)
class RecorderOptions:
    """``[recorder]``: the ring that keeps the last bytes of both wires."""

    size: int = option(integer(0), 67_108_864)
    mask_digits: bool = option(flag, False)
    directory: str = option(text, "")


@attrs.frozen(slots=True, kw_only=True)
class Config:
    """Everything that an administrator can decide.

    :ivar links: the XSPs in the order of the file; empty with an embedded simulator, whose XSPs take their place
    :ivar access: in the order of the file, which decides
    :ivar policy: policy rows that differ from their defaults, by code
    :ivar simulator: the embedded simulator, or None without one
    """

    connector: ConnectorOptions
    links: tuple[XspLink, ...] = ()
    csta: CstaOptions = CstaOptions()
    access: tuple[AccessOptions, ...] = ()
    devices: DevicesOptions = DevicesOptions()
    web: WebOptions = WebOptions()
    manhole: ManholeOptions = ManholeOptions()
    policy: Mapping[str, str | int] = MappingProxyType({})
    recorder: RecorderOptions = RecorderOptions()
    log: LogOptions = LogOptions()
    simulator: SimulatorConfig | None = None
