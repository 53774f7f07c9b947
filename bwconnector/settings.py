"""From the config's sections to what channels, subscriptions and the bridge want to know, and under which names BroadWorks knows them."""

from __future__ import annotations

import socket
from collections.abc import Callable

from bwconnector.bridge.access import Access, Devices
from bwconnector.bridge.devices import CALL_CENTER, ROUTE_POINT
from bwconnector.bridge.switching import Options
from bwconnector.bridge.watchdog import Limits
from bwconnector.config import Config, XspLink
from bwconnector.xsi.channelset import instance_name
from bwconnector.xsi.events import Document
from bwconnector.xsi.opening import ChannelSettings
from bwconnector.xsi.subscriptions import SubscriptionSettings

__all__ = ["application_id", "channel_set_id", "channel_settings", "kinds", "limits", "link_options", "subscription_settings"]


def channel_set_id(config: Config) -> str:
    """The same at every start, and another one for every other connector."""
    return instance_name(config.connector.channel_set_name, config.connector.application_name, _instance(config))


def application_id(config: Config) -> str:
    """Likewise."""
    return instance_name(config.connector.application_name, config.connector.channel_set_name, _instance(config))


def _instance(config: Config) -> str:
    """What tells this connector from another one with the same names: the machine, and where it listens on it."""
    return " ".join((socket.gethostname(), *config.csta.listen))


def channel_settings(config: Config, link: XspLink, read: Callable[[bytes], Document]) -> ChannelSettings:
    """What the event channel of a link asks of BroadWorks.

    :param read: reads its documents
    """
    return ChannelSettings(
        channel_set_id=channel_set_id(config),
        application_id=application_id(config),
        priority=link.priority,
        weight=link.weight,
        expires=config.connector.channel_expire_tout,
        heartbeat_interval=link.kpl_interval,
        heartbeat_tolerance=link.kpl_tolerance,
        retry_cap=config.connector.link_recovery_tout,
        read=read,
    )


def subscription_settings(config: Config) -> SubscriptionSettings:
    """What subscriptions ask of BroadWorks."""
    return SubscriptionSettings(
        channel_set_id=channel_set_id(config),
        application_id=application_id(config),
        expires=config.connector.subscription_expire_tout,
        resync_interval=config.connector.resync_interval,
        controller_id=config.connector.app_controller,
    )


def kinds(config: Config) -> dict[str, str]:
    """The devices whose kind is fixed, and their kind."""
    return {
        **dict.fromkeys(config.devices.call_centers, CALL_CENTER),
        **dict.fromkeys(config.devices.route_points, ROUTE_POINT),
    }


def limits(config: Config) -> Limits:
    """When calls are doubted."""
    return Limits(config.connector.call_age_limit, config.connector.alerting_limit)


def link_options(config: Config) -> Options:
    """How T-Servers are treated, and what they may do."""
    return Options(
        status_on_connect=config.csta.status_on_connect,
        max_monitors=config.csta.max_monitors_per_link,
        monitored_only=config.csta.monitored_only,
        request_rate=config.csta.request_rate,
        broadworks_version=config.connector.broadworks_version,
        access=tuple(
            Access(
                name=section.name,
                networks=section.networks,
                certificates=section.certificates,
                monitor=Devices(section.monitor),
                control=Devices(section.control),
                read_only=section.read_only,
            )
            for section in config.access
        ),
    )
