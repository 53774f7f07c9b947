"""The service tree of a config: the simulator if there is one, the Event Channels, the links, and what an operator sees of them.

Every part has a name by which the manhole can look it up. The parts are made when the service starts: the simulator's ports are known
only then, and after twistd has become a daemon.
"""

from __future__ import annotations

import socket
from collections.abc import Coroutine, Sequence
from typing import Any

import attrs
from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IProtocolFactory
from twisted.logger import Logger

from bwconnector.bridge.bridge import Bridge
from bwconnector.bridge.devices import CALL_CENTER, ROUTE_POINT
from bwconnector.bridge.policy import Policy
from bwconnector.bridge.switching import Options
from bwconnector.bridge.watchdog import Limits
from bwconnector.checks import Secret
from bwconnector.csta.link import Link, LinkFactory, LinkSession
from bwconnector.listening import listening_service
from bwconnector.ops.commands import Parts, commands
from bwconnector.ops.flight import FlightRecorder, replay_settings
from bwconnector.ops.greeting import Addresses, bwctl_here, describe
from bwconnector.ops.recoveries import Recoveries
from bwconnector.ops.survey import Latency, Survey
from bwconnector.ops.web import status_site
from bwconnector.options import Config, ConnectorOptions, XspLink
from bwconnector.simulator.service import SimulatorService, make_simulator
from bwconnector.xsi.acks import Acks
from bwconnector.xsi.channel import ChannelStatus
from bwconnector.xsi.channelset import ChannelSet, instance_name
from bwconnector.xsi.channelset import Link as ChannelLink
from bwconnector.xsi.collective import CollectiveSubscriptions, Scope
from bwconnector.xsi.events import Document, SubscriptionEvent
from bwconnector.xsi.opening import ChannelSettings
from bwconnector.xsi.parse import parse, unwanted
from bwconnector.xsi.requests import TargetKind
from bwconnector.xsi.subscriptions import Subscriptions, SubscriptionSettings
from bwconnector.xsi.xsp import Xsp
from bwconnector.xsps import xsp_settings

__all__ = ["ConnectorService", "make_service"]


def make_service(config: Config, reactor: Any) -> ConnectorService:
    """The connector, not yet started."""
    return ConnectorService(config, reactor)


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

    def __init__(self, config: Config, reactor: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.name = "bwconnector"
        self.config = config
        self._reactor = reactor
        self._simulator: SimulatorService | None = None
        self.latency = Latency()
        self._recoveries = Recoveries()

    def startService(self) -> None:
        """Start everything; where a port cannot be listened on, the process ends, and says so without a traceback."""
        super().startService()  # type: ignore[no-untyped-call]
        try:
            if self.config.simulator is not None:
                self._simulator = make_simulator(self.config.simulator, self._reactor)
                self._simulator.setServiceParent(self)  # type: ignore[no-untyped-call]
                self._use_simulator(self._simulator)
            self._make_parts()
        except CannotListenError as error:
            where = f"port {error.port} of {error.interface or 'all addresses'}" if isinstance(error.port, int) else error.port
            raise SystemExit(f"Cannot listen on {where}: {error.socketError}. Is another connector running?") from None
        self._greet()

    def _use_simulator(self, simulator: SimulatorService) -> None:
        """The simulator's XSPs and its account take the place of link sections."""
        simulated = self.config.simulator
        assert simulated is not None
        links = tuple(
            XspLink(
                name=name,
                hostname=host,
                port=port,
                tls=False,
                kpl_interval=self.config.connector.kpl_interval,
                kpl_tolerance=self.config.connector.kpl_tolerance,
            )
            for name, (host, port) in zip(simulator.xsps, simulator.xsp_addresses, strict=True)
        )
        connector = attrs.evolve(
            self.config.connector,
            user_id=simulated.user_id,
            password=Secret(simulated.password),
            default_domain=self.config.connector.default_domain or simulated.domain,
        )
        self.config = attrs.evolve(self.config, links=links, connector=connector)

    def _make_parts(self) -> None:
        config, reactor = self.config, self._reactor
        self.xsps = {link.name: Xsp(reactor, xsp_settings(config.connector, link)) for link in config.links}
        policy = Policy(config.policy)
        xsp_links = [self._channel_link(link) for link in config.links]
        self.channel_set = ChannelSet(reactor, xsp_links, self._channel_changed, policy.seconds("P-GAP"))
        settings = SubscriptionSettings(
            channel_set_id=self._channel_set_id,
            application_id=self._application_id,
            expires=config.connector.subscription_expire_tout,
            resync_interval=config.connector.resync_interval,
        )
        scope = _scope(config.connector)
        self.subscriptions: Subscriptions | CollectiveSubscriptions
        if scope is None:
            self.subscriptions = Subscriptions(reactor, self.channel_set, settings, self._event)
        else:
            self.subscriptions = CollectiveSubscriptions(
                reactor, self.channel_set, settings, scope, lambda target: self.bridge.directory.in_scope(target), self._event
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
            options=Options(
                status_on_connect=config.csta.status_on_connect,
                monitored_only=config.csta.monitored_only,
                max_monitors=config.csta.max_monitors_per_link,
                broadworks_version=config.connector.broadworks_version,
            ),
            link_loss_policy=config.connector.link_loss_policy,
            default_domain=config.connector.default_domain,
            account=config.connector.user_id,
            kinds=self._kinds,
            scope_id=config.connector.subscription_scope_id,
            limits=Limits(config.connector.call_age_limit, config.connector.alerting_limit),
        )
        self.bridge.restored = self.subscriptions.channels_restored
        self.subscriptions.on_lost = self.bridge.events_lost
        links = _Links(self.bridge, reactor)
        factory = LinkFactory(
            links,
            reactor,
            max_links=config.csta.max_links,
            send_queue_limit=config.csta.send_queue_limit,
            allow=config.csta.allow,
        )
        self.flight = self._make_flight_recorder(factory) if config.recorder.size else None
        self.survey = Survey(
            reactor,
            bridge=self.bridge,
            channels=self.channel_set,
            xsps=self.xsps,
            links=factory,
            opened=links.opened,
            latency=self.latency,
            subscriptions=self.subscriptions,
            settings={link.xsp.name: link.settings for link in xsp_links},
            recoveries=self._recoveries,
            flight=self.flight,
        )
        self.survey.trend.start()
        self._channels = ChannelsService(self.channel_set, self.subscriptions)
        self._channels.setServiceParent(self)  # type: ignore[no-untyped-call]
        self._links = LinksService(factory, config.csta.listen, config.csta.client_ca, reactor)
        self._links.setServiceParent(self)  # type: ignore[no-untyped-call]
        self._web = self._listen("web", config.web.listen, status_site(self.survey, reactor)) if config.web.listen else None
        self._manhole = self._make_manhole() if config.manhole.listen or config.manhole.ssh else None

    # identity at BroadWorks

    @property
    def _instance(self) -> str:
        """What tells this connector from another one with the same names: the machine, and where it listens on it."""
        return " ".join((socket.gethostname(), *self.config.csta.listen))

    @property
    def _channel_set_id(self) -> str:
        connector = self.config.connector
        return instance_name(connector.channel_set_name, connector.application_name, self._instance)

    @property
    def _application_id(self) -> str:
        connector = self.config.connector
        return instance_name(connector.application_name, connector.channel_set_name, self._instance)

    # parts

    @property
    def _kinds(self) -> dict[str, str]:
        devices = self.config.devices
        return {**dict.fromkeys(devices.call_centers, CALL_CENTER), **dict.fromkeys(devices.route_points, ROUTE_POINT)}

    def _make_flight_recorder(self, factory: LinkFactory) -> FlightRecorder:
        options = self.config.recorder
        flight = FlightRecorder(self._reactor, options.size, options.mask_digits, options.directory)
        flight.settings = replay_settings(
            self.config, self._channel_set_id, self._application_id, self._kinds, _scope(self.config.connector)
        )
        flight.attach(self.bridge, self.channel_set, factory)
        flight.setServiceParent(self)  # type: ignore[no-untyped-call]
        return flight

    def _channel_link(self, link: XspLink) -> ChannelLink:
        connector = self.config.connector
        settings = xsp_settings(connector, link)
        return ChannelLink(
            self.xsps[link.name],
            Acks(self._reactor, settings, settings.endpoint(self._reactor), depth=connector.ack_pipelining),
            ChannelSettings(
                channel_set_id=self._channel_set_id,
                application_id=self._application_id,
                priority=link.priority,
                weight=link.weight,
                expires=connector.channel_expire_tout,
                heartbeat_interval=link.kpl_interval,
                heartbeat_tolerance=link.kpl_tolerance,
                retry_cap=connector.link_recovery_tout,
                read=parse if _scope(connector) is None else self._read,
            ),
            link.request_rate,
        )

    def _listen(self, name: str, endpoint: str, factory: IProtocolFactory) -> StreamServerEndpointService:
        service = listening_service(endpoint, factory, self._reactor)
        service.name = name
        service.setServiceParent(self)
        return service

    def _make_manhole(self) -> Any:
        # twisted.conch is only needed, and only looked for, where there is a manhole
        from bwconnector.ops.manhole import ManholeService

        manhole = ManholeService(self.config.manhole, self.namespace, self._reactor)
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
            seconds=self._reactor.seconds,
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
