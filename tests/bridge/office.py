"""A small office for the tests of services: alice, bob and carol, a scripted BroadWorks, and links that keep what is sent on them."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any
from urllib.parse import unquote

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from bwconnector.bridge.callmodel import CallModel
from bwconnector.bridge.calls import ALERTING, CONNECTED, HOLD, INITIATED, NULL, Call, Leg
from bwconnector.bridge.changes import Change, ConnectionId
from bwconnector.bridge.devices import Directory
from bwconnector.bridge.features import Features
from bwconnector.bridge.monitors import Monitors
from bwconnector.bridge.policy import Policy
from bwconnector.bridge.routepoints import RoutePoints
from bwconnector.bridge.session import Session
from bwconnector.bridge.status import MONITOR_STOP, Status
from bwconnector.bridge.switching import Options, SwitchingFunction
from bwconnector.csta import messages as csta
from bwconnector.csta.xml import EventReport, decode, encode
from bwconnector.xsi.errors import Refused
from bwconnector.xsi.events import CallEvent, Party, XsiCall
from bwconnector.xsi.requests import Request, Response

from ..csta.schema import check

DOMAIN = "example.net"
ED3 = "http://www.ecma-international.org/standards/ecma-323/csta/ed3"
ED4 = "http://www.ecma-international.org/standards/ecma-323/csta/ed4"

USERS = {"alice": ("5550001001", "1001"), "bob": ("5550001002", "1002"), "carol": ("5550001003", "1003"), "dave": ("5550001004", "1004")}

STATE_OF = {
    "Alerting": ALERTING,
    "Active": CONNECTED,
    "Remote Held": CONNECTED,
    "Held": HOLD,
    "Dialling": CONNECTED,
    "Own phone": INITIATED,
}
LEG_STATE = {"Dialling": ("Originator", "Alerting"), "Own phone": ("Click-to-Dial", "Alerting")}


def user(name: str) -> str:
    """Device key of a user of the office."""
    return f"{name}@{DOMAIN}" if name in USERS or name in ("q1", "r1") else name


def leg(call_id: str, tracking_id: str, personality: str, state: str, remote: str, **more: Any) -> XsiCall:
    """A call of BroadWorks whose remote party is a user of the office."""
    number, extension = USERS[remote]
    party = Party(user_id=user(remote), user_dn=f"tel:+1{number};ext={extension}", address=f"tel:{extension}", call_type="Group")
    return XsiCall(call_id, tracking_id, personality, state, party, **more)


def profile(name: str) -> bytes:
    number, extension = USERS[name]
    return (
        '<Profile xmlns="http://schema.broadsoft.com/xsi"><details>'
        f"<userId>{user(name)}</userId><firstName>{name.title()}</firstName><lastName>Example</lastName>"
        f"<number>{number}</number><extension>{extension}</extension></details><countryCode>1</countryCode></Profile>"
    ).encode()


def start_info(call_id: str, tracking_id: str) -> bytes:
    ids = f"<callId>{call_id}</callId><externalTrackingId>{tracking_id}</externalTrackingId>"
    return f'<CallStartInfo xmlns="http://schema.broadsoft.com/xsi">{ids}</CallStartInfo>'.encode()


class BroadWorks:
    """An XsiPort that answers by a script and keeps what was asked, as ``"PUT user/…"`` lines; what identifies a device is kept apart."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.looked_up: list[str] = []
        self.classified: list[str] = []
        """Questions for calls in a queue, by which the kind of a device is found out."""
        self.otherwise: Any = Response(200)
        """Answer to what the script does not have."""
        self._script: dict[str, list[Any]] = {}

    def answers(self, line: str, *outcomes: Any) -> None:
        """What ``line`` is answered with, in turn, the last one for ever: a Response, bytes, an exception, or a Deferred of these."""
        self._script[line] = list(outcomes)

    def refuses(self, line: str, status: int = 403, code: int = 0) -> None:
        self.answers(line, Refused(status, code, "not now"))

    async def perform(self, request: Request) -> Response:
        line = f"{request.method} {request.target}".replace(f"@{DOMAIN}", "")
        scripted = self._script.get(line)
        if request.path.endswith("/profile") and scripted is None:
            self.looked_up.append(line)
            name = unquote(request.path.split("/")[1]).removesuffix(f"@{DOMAIN}")
            found = next((n for n, ids in USERS.items() if name in (n, *ids, f"+1{ids[0]}")), None)
            if found is None:
                raise Refused(404, 0, "no such user")
            return Response(200, {}, profile(found))
        if scripted is None and request.path.startswith(("callcenter/", "routepoint/")) and request.path.endswith("/calls"):
            self.classified.append(line)
            raise Refused(404, 0, "no call center and no route point")
        self.asked.append(line)
        outcome = self.otherwise if not scripted else scripted.pop(0) if len(scripted) > 1 else scripted[0]
        if isinstance(outcome, Deferred):
            outcome = await outcome
        if isinstance(outcome, Exception):
            raise outcome
        return Response(201, {}, outcome) if isinstance(outcome, bytes) else outcome


class Link:
    """Keeps what is sent, in order: messages as they are, and each event by its name. Everything must survive its own XML."""

    def __init__(self, name: str = "tserver-1") -> None:
        self.name = name
        self.peer = "10.1.0.5:40001"
        self.host = "10.1.0.5"
        self.certificate = ""
        self.sent: list[tuple[str, csta.Message | str, str]] = []
        self._ids = 0

    def send(self, invoke_id: str, message: csta.Message, namespace: str) -> None:
        body = encode(message, namespace)
        assert decode(body).message == message
        assert check(body) == []
        self.sent.append((invoke_id, message, namespace))

    def send_report(self, report: EventReport, cross_ref_id: str, namespace: str) -> None:
        self.send_event(report.message_for(cross_ref_id), namespace)

    def send_event(self, message: csta.Message, namespace: str) -> None:
        assert check(encode(message, namespace)) == []
        self.sent.append(("9999", type(message).__name__, namespace))

    def next_invoke_id(self) -> str:
        self._ids += 1
        return f"{self._ids:04d}"

    def close(self, reason: str) -> None:
        raise AssertionError(f"closed: {reason}")

    @property
    def messages(self) -> list[csta.Message | str]:
        return [message for _, message, _ in self.sent]


class FakeSubscriptions:
    """Subscriptions that exist when somebody asks for them."""

    def __init__(self) -> None:
        self.targets: dict[str, tuple[str, ...]] = {}
        self.refreshed: list[str] = []
        self.outcome: Exception | Deferred[None] | None = None
        self.virtual: set[str] = set()
        """Users without calls of their own, to which ``Advanced Call`` is refused."""

    async def subscribe(self, target: str, packages: Any) -> None:
        await self._happen()
        if target in self.virtual and "Advanced Call" in packages:
            raise Refused(403, 0, "not for virtual users")
        self.targets[target] = tuple(packages)

    async def refresh(self, target: str) -> None:
        self.refreshed.append(target)
        await self._happen()

    async def _happen(self) -> None:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        if self.outcome is not None:
            await self.outcome

    def release(self, target: str) -> None:
        self.targets.pop(target, None)

    def subscribed(self, target: str) -> bool:
        return target in self.targets

    def only_changes(self, target: str) -> bool:
        return False


class Office:
    """Everything put together, with one link open and all channels up."""

    def __init__(
        self,
        *,
        link_loss_policy: str = MONITOR_STOP,
        options: Options | None = None,
        kinds: dict[str, str] | None = None,
        **policy: str | int,
    ) -> None:
        self.clock = Clock()
        self.bw = BroadWorks()
        self.failures: list[object] = []
        self.policy = Policy({code.replace("_", "-"): value for code, value in policy.items()})
        self.directory = Directory(self.bw, self.clock, Deferred, DOMAIN, kinds)
        self.monitors = Monitors(self.directory.shown, lambda device, link: self.switch.snapshots.asked_by(device, link))
        self.subscriptions = FakeSubscriptions()
        self.model = CallModel(self.clock, self.policy, self.directory, self.subscriptions.subscribed, self.monitors.deliver)
        self.features = Features(self.monitors, self.model.service_state)
        self.table = self.model.table
        self.status = Status(link_loss_policy)
        self.status.channels_changed(1)
        self.switch = SwitchingFunction(
            directory=self.directory,
            table=self.table,
            intents=self.model.intents,
            monitors=self.monitors,
            features=self.features,
            subscriptions=self.subscriptions,
            xsi=self.bw,
            status=self.status,
            clock=self.clock,
            policy=self.policy,
            make_waiter=Deferred,
            spawn=self.spawn,
            options=options or Options(status_on_connect=False),
        )
        self.link = Link()
        self.session = Session(self.link, self.switch)
        self.route_points = RoutePoints(self.switch)
        self._requests = 0

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        Deferred.fromCoroutine(coroutine).addErrback(self.failures.append)

    def ask(self, request: csta.Message, *, session: Session | None = None, namespace: str = ED3) -> str:
        """Make a request; its invoke id."""
        self._requests += 1
        invoke_id = f"{5000 + self._requests}"
        (session or self.session).received(invoke_id, request, namespace)
        assert not self.failures
        return invoke_id

    def answer(self, request: csta.Message) -> Any:
        """Make a request that is answered at once; the answer."""
        invoke_id = self.ask(request)
        return self.answer_to(invoke_id)

    def answer_to(self, invoke_id: str) -> Any:
        (answer,) = [message for sent, message, _ in self.link.sent if sent == invoke_id]
        return answer

    def error(self, request: csta.Message) -> str:
        """Make a request that is refused at once: category and value."""
        answer = self.answer(request)
        assert isinstance(answer, csta.CSTAErrorCode), answer
        return f"{answer.category} {answer.value}"

    def waits(self, invoke_id: str) -> bool:
        return all(sent != invoke_id for sent, _, _ in self.link.sent)

    def call(self, call_id: str, **legs: str) -> Call:
        """A call with a leg ``<initial><digits of the call id>`` for each user: ``call("K1", alice="Active", bob="Held")``.

        A state in lower case is a connection without a leg here.
        """
        call = Call(call_id)
        self.table.add(call)
        for name, state in legs.items():
            self.join(call, name, state)
        return call

    def join(self, call: Call, name: str, state: str, leg_id: str = "", remote: str = "") -> None:
        connection = call.connection(user(name))
        if state.islower():
            connection.state = state
            return
        personality, leg_state = LEG_STATE.get(state, ("Terminator", state))
        leg = Leg(user(name), leg_id or f"{name[0]}{call.id[1:]}", call.id, connection, personality, leg_state, user(remote))
        connection.state = STATE_OF[state]
        self.table.add_leg(leg)
        self.subscriptions.targets.setdefault(user(name), ())

    def happens(self, name: str, event: str, *legs: XsiCall) -> None:
        """BroadWorks reports an event of a user."""
        self.model.apply(user(name), CallEvent(f"Call{event}Event", legs))
        assert not self.failures

    def change(self, kind: str, call: Call, name: str, cause: str = "normal", **fields: Any) -> None:
        """Something happens to a connection, and every monitor in the call hears of it."""
        states = {key: connection.state for key, connection in call.connections.items()} or {user(name): NULL}
        self.monitors.deliver(Change(kind, call, ConnectionId(call.id, user(name)), cause, states, **fields), tuple(states))
        assert not self.failures

    def monitor(self, name: str) -> str:
        return str(self.answer(csta.MonitorStart(monitor_object=csta.MonitorObject(device_object=name))).monitor_cross_ref_id)


def connection(call_id: str | None, device: str | None = None) -> csta.ConnectionID:
    return csta.ConnectionID(call_id, device)
