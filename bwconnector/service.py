"""The service tree of a config: the simulator if there is one, the Event Channels, the links, and what an operator sees of them.

Every part has a name by which the manhole can look it up. The parts are made when the service starts: the simulator's ports are known
only then, and after twistd has become a daemon.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import attrs
from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized

from bwconnector.bridge.bridge import Bridge
from bwconnector.bridge.policy import Policy
from bwconnector.changes import differences, effective
from bwconnector.checks import Secret
from bwconnector.config import ConfigError
from bwconnector.csta.link import Link, LinkFactory, LinkSession
from bwconnector.garbage import Garbage
from bwconnector.listening import PortContext, contexts_of, listening_service
from bwconnector.logs import LogOutput
from bwconnector.ops.certificates import CertificateWatch, expiry_of_file
from bwconnector.ops.commands import Parts, commands
from bwconnector.ops.flight import FlightRecorder, replay_settings
from bwconnector.ops.greeting import Addresses, bwctl_here, describe
from bwconnector.ops.health import in_one_line
from bwconnector.ops.recoveries import Recoveries
from bwconnector.ops.survey import Latency, Survey
from bwconnector.ops.web import status_site
from bwconnector.options import Config, ConnectorOptions, XspLink
from bwconnector.reloading import Report, carry_out, told
from bwconnector.sdnotify import service_manager
from bwconnector.settings import application_id, channel_set_id, channel_settings, kinds, limits, link_options, subscription_settings
from bwconnector.simulator.service import SimulatorService, make_simulator
from bwconnector.xsi.acks import Acks
from bwconnector.xsi.channel import ChannelStatus
from bwconnector.xsi.channelset import ChannelSet
from bwconnector.xsi.channelset import Link as ChannelLink
from bwconnector.xsi.collective import CollectiveSubscriptions, Scope
from bwconnector.xsi.eventrequests import TargetKind
from bwconnector.xsi.events import Document, SubscriptionEvent
from bwconnector.xsi.opening import ChannelSettings
from bwconnector.xsi.parse import parse, unwanted
from bwconnector.xsi.subscriptions import Subscriptions
from bwconnector.xsi.xsp import Xsp
from bwconnector.xsps import xsp_settings

__all__ = ["ConnectorService", "make_service"]


def make_service(
    config: Config, reactor: Any, read: Callable[[], Config] | None = None, log_output: LogOutput | None = None
) -> ConnectorService:
    """The connector, not yet started.

    :param read: reads the config again, for :meth:`ConnectorService.reload`; None where there is no file
    :param log_output: the log, which may be told to change; None where somebody else writes it
    """
    return ConnectorService(config, reactor, read, log_output)


class ChannelsService(Service):
    """The Event Channels and the subscriptions on them."""

    name = "channels"

    def __init__(self, channels: ChannelSet, subscriptions: Subscriptions | CollectiveSubscriptions) -> None:
        self.channels = channels
        self.subscriptions = subscriptions

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        self.channels.start()

    def stopService(self) -> Deferred[None]:
        super().stopService()  # type: ignore[no-untyped-call]
        self.subscriptions.stop()
        return self.channels.stop()


class LinksService(MultiService):
    """The listening ports for T-Servers, and their links."""

    name = "links"

    def __init__(self, factory: LinkFactory, listen: Sequence[str], client_ca: str, reactor: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.factory = factory
        self.ports = [listening_service(endpoint, factory, reactor, client_ca) for endpoint in listen]
        for port in self.ports:
            port.setServiceParent(self)

    def stopService(self) -> Deferred[Any]:
        stopped = maybeDeferred(super().stopService)
        return gatherResults([stopped, self.factory.close_all("the connector stops")], consumeErrors=True)


class _Links:
    """What the link factory talks to: the bridge, and a note of when each link was opened."""

    def __init__(self, bridge: Bridge, clock: Any) -> None:
        self.opened: dict[str, float] = {}
        self._bridge = bridge
        self._clock = clock

    def link_opened(self, link: Link) -> LinkSession:
        self.opened[link.name] = self._clock.seconds()
        return self._bridge.link_opened(link)


class ConnectorService(MultiService):
    """The connector.

    ``stopService`` closes the links and the channels in order, the simulator last, and fires when these are gone. A request that is
    still under way, such as the DELETE of a subscription, is not waited for: a hung XSP must not hold up the end.
    """

    log = Logger()

    def __init__(self, config: Config, reactor: Any, read: Callable[[], Config] | None = None, log_output: LogOutput | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.name = "bwconnector"
        self.config = config
        """What holds at present: the file's as far as it has taken effect."""
        self.reactor = reactor
        self.log_output = log_output
        self._read_config = read
        self._simulator: SimulatorService | None = None
        self.latency = Latency()
        self._recoveries = Recoveries()

    def setServiceParent(self, parent: Any) -> None:
        """Twistd asks the application for what is to write the log; a service meets it only here."""
        if self.log_output is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self.log_output)
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]

    def startService(self) -> None:
        """Start everything; where a port cannot be listened on, the process ends, and says so without a traceback."""
        super().startService()  # type: ignore[no-untyped-call]
        try:
            if self.config.simulator is not None:
                self._simulator = make_simulator(self.config.simulator, self.reactor)
                self._simulator.setServiceParent(self)  # type: ignore[no-untyped-call]
                self.config = self._simulated(self.config)
            self._make_parts()
        except CannotListenError as error:
            where = f"port {error.port} of {error.interface or 'all addresses'}" if isinstance(error.port, int) else error.port
            raise SystemExit(f"Cannot listen on {where}: {error.socketError}. Is another connector running?") from None
        self._greet()
        Garbage().setServiceParent(self)  # type: ignore[no-untyped-call]
        systemd = service_manager(os.environ, lambda: in_one_line(self.survey()), self.reactor)
        if systemd is not None:
            systemd.setServiceParent(self)  # type: ignore[no-untyped-call]

    def _simulated(self, config: Config) -> Config:
        """The simulator's XSPs and its account take the place of link sections."""
        simulated, simulator = config.simulator, self._simulator
        if simulated is None or simulator is None:
            return config
        links = tuple(
            XspLink(
                name=name,
                hostname=host,
                port=port,
                tls=False,
                kpl_interval=config.connector.kpl_interval,
                kpl_tolerance=config.connector.kpl_tolerance,
            )
            for name, (host, port) in zip(simulator.xsps, simulator.xsp_addresses, strict=True)
        )
        connector = attrs.evolve(
            config.connector,
            user_id=simulated.user_id,
            password=Secret(simulated.password),
            default_domain=config.connector.default_domain or simulated.domain,
        )
        return attrs.evolve(config, links=links, connector=connector)

    def _make_parts(self) -> None:
        config, reactor = self.config, self.reactor
        self.xsps: dict[str, Xsp] = {}
        self.acks: dict[str, Acks] = {}
        policy = Policy(config.policy)
        links = [self._channel_link(config, link) for link in config.links]
        self.channel_set = ChannelSet(reactor, links, self._channel_changed, policy.seconds("P-GAP"))
        scope = _scope(config.connector)
        self.subscriptions: Subscriptions | CollectiveSubscriptions
        if scope is None:
            self.subscriptions = Subscriptions(reactor, self.channel_set, subscription_settings(config), self._event)
        else:
            self.subscriptions = CollectiveSubscriptions(
                reactor,
                self.channel_set,
                subscription_settings(config),
                scope,
                lambda target: self.bridge.directory.in_scope(target),
                self._event,
            )
        # the time is noted where the set hands an event over, as only the set knows by which link it came
        receive = self.channel_set.on_event

        def receive_timed(event: SubscriptionEvent, link: str) -> None:
            receive(event, link)
            self.latency.observe(max(0.0, reactor.seconds() - self.channel_set.read_at(link)))

        self.channel_set.on_event = receive_timed
        self.bridge = Bridge(
            clock=reactor,
            xsi=self.channel_set,
            subscriptions=self.subscriptions,
            make_waiter=Deferred,
            spawn=self._spawn,
            policy=policy,
            options=link_options(config),
            link_loss_policy=config.connector.link_loss_policy,
            default_domain=config.connector.default_domain,
            account=config.connector.user_id,
            kinds=kinds(config),
            scope_id=config.connector.subscription_scope_id,
            limits=limits(config),
        )
        self.bridge.restored = self.channel_set.on_doubt = self.subscriptions.channels_restored
        self.subscriptions.on_lost = self.bridge.events_lost
        tservers = _Links(self.bridge, reactor)
        factory = LinkFactory(
            tservers,
            reactor,
            max_links=config.csta.max_links,
            send_queue_limit=config.csta.send_queue_limit,
            message_tout=config.csta.message_tout,
            allow=config.csta.allow,
        )
        self.flight = self._make_flight_recorder(factory) if config.recorder.size else None
        self.survey = Survey(
            reactor,
            bridge=self.bridge,
            channels=self.channel_set,
            xsps=self.xsps,
            links=factory,
            opened=tservers.opened,
            latency=self.latency,
            subscriptions=self.subscriptions,
            recoveries=self._recoveries,
            flight=self.flight,
            certificates=self.certificates,
        )
        self.survey.trend.start()
        self._channels = ChannelsService(self.channel_set, self.subscriptions)
        self._channels.setServiceParent(self)  # type: ignore[no-untyped-call]
        self._links = LinksService(factory, config.csta.listen, config.csta.client_ca, reactor)
        self._links.setServiceParent(self)  # type: ignore[no-untyped-call]
        self._certificates = CertificateWatch(reactor, self.certificates)
        self._certificates.setServiceParent(self)  # type: ignore[no-untyped-call]
        self._web = self._listen_for_readers() if config.web.listen else None
        self._manhole = self._make_manhole() if config.manhole.listen or config.manhole.ssh else None

    # changes while it runs

    def reload(self) -> Report:
        """Read the config file again, and make work by it what can be changed; the log says the same as the report.

        A file that cannot be used changes nothing.
        """
        if self._read_config is None:
            return told(Report(problems=("there is no config file: the connector was started without one",)))
        try:
            config = self._simulated(self._read_config())
            changes = differences(self.config, config)
            after = effective(self.config, config)
            carry_out(self, self.config, after, changes)
        except ConfigError as error:
            return told(Report(problems=error.problems))
        self.config = after
        self._certificates.look()
        return told(Report(changes))

    def certificates(self) -> dict[str, float]:
        """When each certificate expires, in seconds since the epoch, by the place in the config that it belongs to."""
        links = [link for link in self.config.links if link.tls]
        files = {f"[link-{link.name}] ca-file": link.ca_file for link in links}
        files |= {f"[link-{link.name}] cert-file": link.cert_file for link in links}
        files |= {"[csta] client-ca": self.config.csta.client_ca, "[web] client-ca": self.config.web.client_ca}
        now = self.reactor.seconds()
        found: dict[str, float | None] = {name: expiry_of_file(file, now) for name, file in files.items() if file}
        for section, contexts in self.tls_ports.items():
            found |= {f"[{section}] listen {':'.join(each.description.split(':')[:2])}": each.expires for each in contexts}
        found |= {f"link-{name}": xsp.certificate_expires for name, xsp in self.xsps.items()}
        return {name: expires for name, expires in found.items() if expires is not None}

    def drain(self, link: str, drained: bool = True) -> None:
        """Use an XSP no more, as for its maintenance, until :meth:`undrain` or a reload.

        :raises LookupError: there is no such link
        :raises ValueError: it is the only one in use
        """
        if drained and not any(not each.drain for each in self.config.links if each.name != link):
            raise ValueError(f"{link} is the only link in use: T-Servers would be cut off")
        self.channel_set.members.drain(link, drained)
        links = (attrs.evolve(each, drain=drained) if each.name == link else each for each in self.config.links)
        self.config = attrs.evolve(self.config, links=tuple(links))

    def undrain(self, link: str) -> None:
        """Use an XSP again."""
        self.drain(link, False)

    def add_link(self, config: Config, link: XspLink) -> None:
        """One more XSP; its channel is opened at once if the others are."""
        self.channel_set.members.add(self._channel_link(config, link))

    def remove_link(self, name: str) -> None:
        """That XSP is not wanted any more; it is forgotten when its channel is deleted."""
        xsp = self.xsps.pop(name)
        del self.acks[name]
        leaving, gone = self.channel_set.members.remove(name)
        if not gone.called:
            self.xsps[leaving] = xsp
            gone.addCallback(lambda _: self.xsps.pop(leaving))

    def channel_settings(self, config: Config, link: XspLink) -> ChannelSettings:
        """What the channel of a link is to be like."""
        return channel_settings(config, link, parse if _scope(self.config.connector) is None else self._read)

    # parts

    def _make_flight_recorder(self, factory: LinkFactory) -> FlightRecorder:
        config, options = self.config, self.config.recorder
        flight = FlightRecorder(self.reactor, options.size, options.mask_digits, options.directory)
        flight.settings = replay_settings(config, channel_set_id(config), application_id(config), kinds(config), _scope(config.connector))
        flight.attach(self.bridge, self.channel_set, factory)
        flight.setServiceParent(self)  # type: ignore[no-untyped-call]
        return flight

    def _channel_link(self, config: Config, link: XspLink) -> ChannelLink:
        settings = xsp_settings(config.connector, link)
        xsp = self.xsps[link.name] = Xsp(self.reactor, settings)
        acks = self.acks[link.name] = Acks(self.reactor, settings, settings.endpoint(self.reactor), depth=config.connector.ack_pipelining)
        return ChannelLink(xsp, acks, self.channel_settings(config, link), link.request_rate, link.drain)

    def _listen_for_readers(self) -> StreamServerEndpointService:
        options = self.config.web
        service = listening_service(options.listen, status_site(self.survey, self.reactor, options.hosts), self.reactor, options.client_ca)
        service.name = "web"
        service.setServiceParent(self)
        return service

    @property
    def tls_ports(self) -> dict[str, list[PortContext]]:
        """The contexts of the ports with TLS, by the section of the config that has their ``client-ca``."""
        return {"csta": contexts_of(self._links.ports), "web": contexts_of([self._web])}

    def _make_manhole(self) -> Any:
        # twisted.conch is only needed, and only looked for, where there is a manhole
        from bwconnector.ops.manhole import ManholeService

        manhole = ManholeService(self.config.manhole, self.namespace, self.reactor)
        manhole.name = "manhole"
        manhole.setServiceParent(self)  # type: ignore[no-untyped-call]
        return manhole

    def namespace(self, who: str) -> dict[str, object]:
        """The names of a manhole's session of ``who``."""
        parts = Parts(
            bridge=self.bridge,
            channels=self.channel_set,
            subscriptions=self.subscriptions,
            links=self._links.factory,
            flight=self.flight,
            spawn=self._spawn,
            seconds=self.reactor.seconds,
        )
        writes = self.config.manhole.writes
        return commands(self.survey, parts, writes=writes, who=who) | ({"service": self} if writes else {})

    def _greet(self) -> None:
        addresses = Addresses(
            csta=[address for port in self._links.ports if (address := _address(port)) is not None],
            web=_address(self._web) if self._web is not None else None,
            manhole=self._manhole_address("listener"),
            ssh=self._manhole_address("ssh"),
            devices=self._demo_devices(),
        )
        self.log.info("{greeting}", greeting=describe(self.config, addresses, bwctl_here()))

    def _manhole_address(self, name: str) -> IAddress | None:
        listener = getattr(self._manhole, name, None)
        return _address(listener) if listener is not None else None

    def _demo_devices(self) -> list[str]:
        """A few of the simulator's users, for a first look."""
        if self._simulator is None:
            return []
        return [user.extension for user in self._simulator.broadworks.switch.directory.users.values()][:4]

    # what the parts tell one another

    def _channel_changed(self, status: ChannelStatus) -> None:
        self._recoveries.changed(status)
        self.bridge.channels_changed(self.channel_set.up_count, f"the last Event Channel, {status.link}: {status.reason}")

    def _read(self, document: bytes) -> Document:
        """A document of a channel that brings events of everybody; most are of devices that nobody monitors."""
        return unwanted(document, self.subscriptions.wants) or parse(document)

    def _event(self, target: str, event: SubscriptionEvent) -> None:
        self.bridge.event(target, event.data)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        ensureDeferred(coroutine).addErrback(lambda failure: self.log.failure("a request failed unexpectedly", failure))

    # the end

    def stopService(self) -> Deferred[Any]:
        return ensureDeferred(self._stop())

    async def _stop(self) -> None:
        self.running = False
        last = [self._simulator] if self._simulator is not None else []
        await gatherResults([maybeDeferred(child.stopService) for child in self if child not in last], consumeErrors=True)
        self.bridge.stop()
        self.survey.trend.stop()
        for child in last:
            await maybeDeferred(child.stopService)
        if self.log_output is not None:
            self.log_output.flush()


def _scope(connector: ConnectorOptions) -> Scope | None:
    """What collective subscriptions cover; None with subscriptions of each device."""
    kinds: dict[str, TargetKind] = {"group": "group", "enterprise": "serviceprovider"}
    kind = kinds.get(connector.subscription_scope)
    return Scope(kind, connector.subscription_scope_id) if kind is not None else None


def _address(service: StreamServerEndpointService) -> IAddress | None:
    """Where a listening service really listens, which only its port knows."""
    waiting = service._waitingForPort
    port = getattr(waiting, "result", None)
    address: IAddress | None = port.getHost() if port is not None and hasattr(port, "getHost") else None
    return address
