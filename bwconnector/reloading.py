"""A config that has changed, carried out on a connector that runs: everything is prepared first, so that what cannot be used changes
nothing; and whatever has not changed is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.logger import Logger

from bwconnector.changes import Change, When
from bwconnector.config import Config, ConfigError
from bwconnector.listening import PortContext
from bwconnector.settings import kinds, limits, link_options, subscription_settings
from bwconnector.xsps import xsp_settings

if TYPE_CHECKING:
    from OpenSSL import SSL

    from bwconnector.service import ConnectorService, LinksService

__all__ = ["Report", "carry_out", "told"]

log = Logger()


@attrs.frozen(slots=True, repr=False)
class Report:
    """What came of a reload.

    :ivar changes: what differed from the config that ran
    :ivar problems: why nothing has changed; empty if all went well
    """

    changes: tuple[Change, ...] = ()
    problems: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """In words, for a prompt."""
        if self.problems:
            return "\n".join(["The config was not reloaded, and nothing has changed:", *self.problems])
        lines = [f"{change.when.value}: {change}" for change in self.changes]
        return "\n".join(lines) or "Nothing in the config has changed; certificates were read again."


def told(report: Report) -> Report:
    """Log what came of a reload."""
    for problem in report.problems:
        log.error("the config was not reloaded, and nothing has changed: {problem}", problem=problem)
    for change in report.changes:
        if change.when is When.RESTART:
            log.warn("reload: {change}, but not before a restart of the connector", change=str(change))
        else:
            log.info("reload: {change}; takes effect {when}", change=str(change), when=change.when.value)
    if not report.problems:
        log.info("the config was reloaded; differences: {count}", count=len(report.changes))
    return report


@attrs.frozen(slots=True)
class _Prepared:
    """What had to be read from files, and could be."""

    endpoints: dict[str, tuple[IStreamClientEndpoint, IStreamClientEndpoint]]
    """By link, for its requests and its acknowledgements."""
    contexts: list[tuple[PortContext, SSL.Context]]


def carry_out(service: ConnectorService, before: Config, after: Config, changes: Sequence[Change]) -> None:
    """Make the running parts work by ``after``.

    :param changes: the differences between the two
    :raises ConfigError: a file that it names cannot be used; nothing has changed then
    """
    prepared = _prepare(service, after)
    for context, renewed in prepared.contexts:
        context.context = renewed
    _links(service, before, after, changes, prepared)
    service.subscriptions.change(subscription_settings(after))
    if service.log_output is not None:
        service.log_output.change(after.log)
    bridge = service.bridge
    bridge.policy.change(after.policy)
    service.channel_set.gap_timeout = bridge.policy.seconds("P-GAP")
    bridge.directory.configure(kinds(after))
    if limits(after) != limits(before):
        bridge.watchdog.change(limits(after))
    options = link_options(after)
    for name in ("status_on_connect", "monitored_only", "max_monitors", "request_rate", "access"):
        setattr(bridge.switch.options, name, getattr(options, name))
    factory = _ports(service).factory
    factory.allow = after.csta.allow
    factory.max_links = after.csta.max_links
    factory.send_queue_limit = after.csta.send_queue_limit
    factory.message_tout = after.csta.message_tout


def _ports(service: ConnectorService) -> LinksService:
    links: LinksService = service.getServiceNamed("links")  # type: ignore[no-untyped-call]
    return links


def _prepare(service: ConnectorService, after: Config) -> _Prepared:
    problems: list[str] = []
    endpoints = {}
    for link in after.links:
        try:
            settings = xsp_settings(after.connector, link)
            endpoints[link.name] = (settings.endpoint(service.reactor), settings.endpoint(service.reactor))
        except OSError as error:
            problems.append(f"[link-{link.name}]: TLS cannot be used: {error}")
        except UnicodeError as error:
            problems.append(f"[link-{link.name}] hostname: is no name of a host: {error}")
    contexts = []
    authorities = {"csta": after.csta.client_ca, "web": after.web.client_ca}
    for section, context in ((section, each) for section, found in service.tls_ports.items() for each in found):
        try:
            contexts.append((context, context.read(authorities[section])))
        except Exception as error:  # every kind of broken key or certificate fails in its own way
            problems.append(f"[{section}] listen: the certificate of {context.description} cannot be used: {error}")
    if problems:
        raise ConfigError(tuple(problems))
    return _Prepared(endpoints, contexts)


def _links(service: ConnectorService, before: Config, after: Config, changes: Sequence[Change], prepared: _Prepared) -> None:
    members = service.channel_set.members
    old = {link.name: link for link in before.links}
    new = {link.name: link for link in after.links}
    places = {change.section for change in changes if change.when is When.CHANNEL}
    replaced = [name for name in old if name in new and places & {"Connector", f"link-{name}"}]
    for name in replaced:
        service.remove_link(name)
    for name, link in new.items():
        if name in replaced or name not in old:
            service.add_link(after, link)
            continue
        settings, channel = xsp_settings(after.connector, link), service.channel_settings(after, link)
        was = service.xsps[name].settings, service.channel_settings(before, old[name]), old[name].request_rate
        to_xsp, to_acks = prepared.endpoints[name]
        service.xsps[name].change(settings, to_xsp)
        service.acks[name].change(settings, to_acks)
        if (settings, channel, link.request_rate) != was:
            members.change(name, channel, link.request_rate)
        members.drain(name, link.drain)
    # Last, so that those that came are there already.
    for name in old:
        if name not in new:
            service.remove_link(name)
