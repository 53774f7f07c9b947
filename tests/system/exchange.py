"""A connector on its simulator in this process, and T-Servers on its links: real sockets, and the events as short lines.

A line is ``Delivered{K1,bob} alerting newCall alice>bob``: event, connection, state of the monitored device's own connection, cause,
then what the event has of calling and called device, redirecting device (``lr=``), second connection (``and``), where the call goes
(``to=``), connections (``[{new}<{old}]``), and call characteristics. Calls are called K1, K2 … in the order in which the T-Servers
hear of them. Of an agent it is ``AgentReady alice@bob in=queue1``: agent, device, group, then private data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater

from bwconnector.config import Config, ConnectorOptions, CstaOptions, WebOptions
from bwconnector.csta import messages as csta
from bwconnector.csta.connection import Received, Unreadable
from bwconnector.csta.framing import FrameReader, encode_frame
from bwconnector.ops.client import CstaClient, RequestRefused
from bwconnector.service import ConnectorService, make_service
from bwconnector.simulator.broadworks import BroadWorks
from bwconnector.simulator.config import SimulatorConfig
from bwconnector.simulator.switch import Switch
from bwconnector.simulator.xsp import Xsp

from ..csta.schema import check

__all__ = ["Exchange", "TServer", "conn", "make_config", "timers", "until"]

M = TypeVar("M", bound=csta.Message)

PATIENCE = 8.0
"""Seconds after which what has not come is taken as missing; nothing waits for so long when all is well."""
SETTLE = 0.05
"""Seconds in which what comes unasked would come."""


async def sleep(seconds: float) -> None:
    from twisted.internet import reactor

    await deferLater(reactor, seconds)  # type: ignore[arg-type]


async def until(condition: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait for ``condition``, or for as long as it may take: whoever asks looks at the outcome himself."""
    for _ in range(int(patience / 0.005)):
        if condition():
            return
        await sleep(0.005)


def timers() -> set[Any]:
    """What the reactor is to do later."""
    from twisted.internet import reactor

    return set(reactor.getDelayedCalls())  # type: ignore[attr-defined]


def conn(call_id: str, device: str | None = None) -> csta.ConnectionID:
    return csta.ConnectionID(call_id, device)


class TServer(CstaClient):
    """A T-Server that keeps what it hears, and checks each message against the schema.

    :ivar told: responses by name, and events as ``<monitored device> <line>``, in the order of arrival
    :ivar statuses: system statuses that were told
    """

    def __init__(self, exchange: Exchange) -> None:
        from twisted.internet import reactor

        super().__init__(reactor, self._note)
        self.told: list[str] = []
        self.statuses: list[str] = []
        self.messages: list[csta.Message] = []
        self.monitors: dict[str, str] = {}
        self.wrong: list[str] = []
        self._exchange = exchange
        self._frames = FrameReader()
        self._unseen: dict[str, list[str]] = {}

    # what comes

    def dataReceived(self, data: bytes) -> None:
        self._frames.receive_data(data)
        for frame in self._frames:
            self.wrong += check(frame.body)
        super().dataReceived(data)

    def _take(self, received: Received | Unreadable) -> None:
        assert isinstance(received, Received), received
        if isinstance(received.message, csta.Response):
            self.told.append(type(received.message).__name__)
        super()._take(received)

    def _note(self, message: csta.Message) -> None:
        self.messages.append(message)
        if isinstance(message, csta.SystemStatus):
            self.statuses.append(message.system_status)
        elif isinstance(message, csta.Event):
            device = self.monitors[message.monitor_cross_ref_id]  # type: ignore[attr-defined]
            text = self._exchange.line(message)
            self.told.append(f"{device} {text}")
            self._unseen.setdefault(device, []).append(text)

    async def hears(self, expected: Mapping[str, Sequence[str]]) -> None:
        """Wait for these events by monitored device; there must be no others on this link since the last time."""
        wanted = {device: list(lines) for device, lines in expected.items() if lines}
        await until(lambda: all(len(self._unseen.get(device, ())) >= len(lines) for device, lines in wanted.items()))
        await sleep(SETTLE)
        heard, self._unseen = self._unseen, {}
        assert heard == wanted
        assert self.wrong == []

    def forget(self) -> None:
        """What came so far has been looked at in another way."""
        self._unseen.clear()

    # what is said

    async def ask(self, request: csta.Request) -> Any:
        """The positive response."""
        return await self.request(request, csta.Response)

    def say(self, message: csta.OneWay) -> None:
        """Send what has no answer."""
        self._send(self._connection.next_invoke_id(), message)

    async def hears_of(self, kind: type[M], number: int = 1) -> M:
        """The so many-th message of this kind, as soon as it has come."""
        await until(lambda: sum(isinstance(message, kind) for message in self.messages) >= number)
        return [message for message in self.messages if isinstance(message, kind)][number - 1]

    async def refused(self, request: csta.Request) -> str:
        """Category and value of the negative response."""
        try:
            answer = await self.ask(request)
        except RequestRefused as refused:
            return f"{refused.category} {refused.value}".rstrip()
        raise AssertionError(f"not refused: {answer}")

    async def monitor(self, *devices: str, **options: Any) -> str:
        """Start monitors; the cross reference of the last one."""
        cross_ref = ""
        for device in devices:
            request = csta.MonitorStart(monitor_object=csta.MonitorObject(device_object=device), **options)
            cross_ref = (await self.ask(request)).monitor_cross_ref_id
            self.monitors[cross_ref] = device
        await self._exchange.settled()
        return cross_ref

    async def perform(self, request: csta.Request, expected: Mapping[str, Sequence[str]]) -> Any:
        """Make a request that causes events: its response must come before all of them."""
        already = len(self.told)
        answer = await self.ask(request)
        await self.hears(expected)
        assert self.told[already] == type(answer).__name__, self.told[already:]
        return answer

    def raw(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)

    def raw_frame(self, invoke_id: str, body: bytes) -> Deferred[csta.Response]:
        """Send a body as it is; fires with its answer."""
        answered: Deferred[csta.Response] = Deferred()
        self._waiting[invoke_id] = "a request of its own making", answered
        self.raw(encode_frame(invoke_id, body))
        return answered


def make_config(simulator: SimulatorConfig | None = None, **connector: Any) -> Config:
    """Everything on free loopback ports; options of section ``[Connector]``."""
    policy = connector.pop("policy", {})
    options = {"channel_set_name": "test", "app_controller": "test", "default_domain": "example.net"} | connector
    return Config(
        connector=ConnectorOptions(**options),
        csta=CstaOptions(listen=("tcp:0:interface=127.0.0.1",)),
        web=WebOptions(listen=""),
        policy=policy,
        simulator=simulator,
    )


class Exchange:
    """:ivar service: the connector
    :ivar tservers: every T-Server that ever was connected
    """

    def __init__(self, config: Config | None = None, **simulated: Any) -> None:
        from twisted.internet import reactor

        options = {"users": 8, "xsps": 1, "demo": False, "admin": False, "lift_delay": 0.02} | simulated
        self.simulated = SimulatorConfig(**options)
        self.service: ConnectorService = make_service(config or make_config(self.simulated), reactor)
        self.tservers: list[TServer] = []
        self._calls: dict[str, str] = {}

    @property
    def broadworks(self) -> BroadWorks:
        assert self.service._simulator is not None
        return self.service._simulator.broadworks

    @property
    def switch(self) -> Switch:
        return self.broadworks.switch

    @property
    def xsps(self) -> dict[str, Xsp]:
        assert self.service._simulator is not None
        return self.service._simulator.xsps

    def fail(self, path: str, fault: str) -> None:
        """From now on requests for ``path`` get an HTTP status, or no answer: see the simulator's Faults."""
        for xsp in self.xsps.values():
            xsp.faults.paths = {path: fault}

    def heal(self) -> None:
        for xsp in self.xsps.values():
            xsp.faults.paths = {}

    @property
    def address(self) -> Any:
        return self.service._links.ports[0]._waitingForPort.result.getHost()

    async def start(self) -> None:
        self._timers = timers()
        self.service.startService()
        await until(lambda: self.service.channel_set.up_count == len(self.service.config.links))
        assert self.service.channel_set.up_count == len(self.service.config.links)

    async def stop(self) -> None:
        """Stop the connector; all that it had must be gone in the time that a service manager gives it."""
        from twisted.internet import reactor

        stopped = self.service.stopService()
        await stopped.addTimeout(5, reactor)  # type: ignore[arg-type]
        await until(lambda: all(tserver.closed.called for tserver in self.tservers))
        assert all(tserver.closed.called for tserver in self.tservers)
        assert [problem for tserver in self.tservers for problem in tserver.wrong] == []
        assert list(self.service.bridge.model.table) == []
        if self.service._simulator is not None:
            # requests that were under way have nobody to answer them any more
            await until(lambda: timers() <= self._timers)

    async def connect(self) -> TServer:
        """One more T-Server, which has been told the system status."""
        from twisted.internet import reactor

        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.address.port)
        tserver: TServer = await endpoint.connect(_quiet(lambda: TServer(self)))
        self.tservers.append(tserver)
        await until(lambda: tserver.statuses)
        return tserver

    async def settled(self) -> None:
        """Until every subscription is open, so that whatever happens from now on is told."""
        targets = self.service.subscriptions._targets.values()
        await until(lambda: all(each.id for target in list(targets) for each in target.all))
        await sleep(SETTLE)

    async def forgotten(self) -> None:
        """Until the connector knows of no call any more."""
        await until(lambda: not list(self.service.bridge.model.table))
        assert list(self.service.bridge.model.table) == []

    async def unsubscribed(self) -> None:
        """Until neither the connector nor BroadWorks has a subscription any more."""
        await until(lambda: not self.service.subscriptions.live and not self.broadworks.subscriptions)
        assert self.service.subscriptions.live == 0
        assert self.broadworks.subscriptions == {}

    # lines

    def call(self, call_id: str | None) -> str:
        if call_id is None:
            return "-"
        return self._calls.setdefault(call_id, f"K{len(self._calls) + 1}")

    def call_id(self, name: str) -> str:
        """The callID of a call that is called ``K1``, ``K2`` … here."""
        return next(call_id for call_id, known in self._calls.items() if known == name)

    def connection(self, connection: csta.ConnectionID | None) -> str:
        return "" if connection is None else f"{{{self.call(connection.call_id)},{connection.device_id}}}"

    def line(self, event: csta.Event) -> str:
        fields = {field.name: getattr(event, field.name) for field in attrs.fields(type(event))}  # type: ignore[arg-type]
        first, *others = [value for value in fields.values() if isinstance(value, csta.ConnectionID)] or [None]
        words = [type(event).__name__.removesuffix("Event") + self.connection(first)]
        words += [str(fields[name]) for name in ("local_connection_info", "cause") if fields.get(name)]
        words += [f"and{self.connection(other)}" for other in others]
        if fields.get("calling_device"):
            words.append(f"{_party(fields['calling_device'])}>{_party(fields['called_device'])}")
        if (redirecting := fields.get("last_redirection_device")) and redirecting.absent != "notRequired":
            words.append(f"lr={_party(redirecting)}")
        words += [f"to={_party(fields[name])}" for name in TARGETS if fields.get(name)]
        for name in ("transferred_connections", "conference_connections"):
            if fields.get(name):
                items = [
                    self.connection(item.new_connection) + (f"<{self.connection(item.old_connection)}" if item.old_connection else "")
                    for item in fields[name]
                ]
                words.append(f"[{' '.join(items)}]")
        if fields.get("agent_device"):
            words.append(f"{fields['agent_id']}@{_party(fields['agent_device'])}")
            words += [f"in={fields['acd_group']}"] if fields["acd_group"] else []
        told = [name for name in STATES if fields.get(name) is not None and not (first and fields[name] == first.call_id)]
        words += [f"{name}={fields[name]}" for name in told]
        words += sorted(fields.get("call_characteristics") or ())
        if not isinstance(first, csta.ConnectionID):
            words += [f"{name}={value}" for name, value in (fields.get("private_data") or fields.get("extensions") or {}).items()]
        return " ".join(words)


TARGETS = ("new_destination", "transferred_to_device", "added_party")
STATES = ("message", "do_not_disturb_on", "forwarding_type", "forward_status", "forward_to", "message_waiting_on")


def _party(party: csta.PartyDevice | None) -> str:
    return "?" if party is None else party.device or party.absent or "?"


def _quiet(make: Callable[[], CstaClient]) -> Factory:
    factory = Factory.forProtocol(make)  # type: ignore[arg-type]
    factory.noisy = False
    return factory
