"""Route points in the whole bridge: events in, and what the links hear, also when all Event Channels are lost."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import attrs
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from bwconnector.bridge.bridge import Bridge
from bwconnector.bridge.policy import Policy
from bwconnector.bridge.status import MONITOR_STOP, REPAIR
from bwconnector.bridge.switching import Options
from bwconnector.csta import messages as csta
from bwconnector.xsi.errors import Refused
from bwconnector.xsi.events import EventData, Party, Redirect
from bwconnector.xsi.queues import QueueEntry, QueueEvent, QueueSubscription, RoutePointState, TreatmentEvent
from bwconnector.xsi.requests import Response

from .office import DOMAIN, ED3, BroadWorks, FakeSubscriptions, Link, connection, start_info, user

R1 = user("r1")
CALLER = Party(address="tel:+15559990000", call_type="Network")

QUEUE = (
    b'<RoutePointQueue xmlns="http://schema.broadsoft.com/xsi"><queueEntries>'
    b"<queueEntry><callId>callhalf-3001:0</callId><extTrackingId>120:1</extTrackingId><remoteParty>"
    b'<address countryCode="1">tel:+15559990000</address><callType>Network</callType></remoteParty></queueEntry>'
    b"<queueEntry><callId>callhalf-3001:1</callId><extTrackingId>121:1</extTrackingId><outgoingCall/></queueEntry>"
    b"</queueEntries></RoutePointQueue>"
)


def entry(call: str = "w1", **more: Any) -> QueueEntry:
    return attrs.evolve(QueueEntry(call_id=call, tracking_id=f"K{call[1:]}", remote=CALLER), **more)


def told(kind: str, call: str = "w1", **more: Any) -> QueueEvent:
    name = {"NewCall": kind}.get(kind, f"Call{kind}").replace("CallOutgoing", "OutgoingCall")
    fields = {field: more.pop(field) for field in ("outgoing", "remote", "answering_user_id") if field in more}
    return QueueEvent(f"RoutePoint{name}Event", kind, entry(call, **fields), **more)


class Site:
    """The bridge with route point r1, and one link."""

    def __init__(self, link_loss_policy: str = MONITOR_STOP, **policy: str | int) -> None:
        self.clock = Clock()
        self.bw = BroadWorks()
        self.subscriptions = FakeSubscriptions()
        self.bridge = Bridge(
            clock=self.clock,
            xsi=self.bw,
            subscriptions=self.subscriptions,
            make_waiter=Deferred,
            spawn=self._spawn,
            policy=Policy({code.replace("_", "-"): value for code, value in policy.items()}),
            options=Options(status_on_connect=False),
            link_loss_policy=link_loss_policy,
            default_domain=DOMAIN,
            kinds={"r1": "routepoint"},
        )
        self.bridge.channels_changed(1)
        self.link = Link()
        self.session = self.bridge.link_opened(self.link)
        self._seen = 0

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        Deferred.fromCoroutine(coroutine).addErrback(lambda failure: failure.raiseException())

    def ask(self, request: csta.Message) -> Any:
        self.session.received("5000", request, ED3)
        return next(message for invoke_id, message, _ in reversed(self.link.sent) if invoke_id == "5000")

    def error(self, request: csta.Message) -> str:
        answer = self.ask(request)
        assert isinstance(answer, csta.CSTAErrorCode), answer
        return f"{answer.category} {answer.value}"

    def monitor(self, name: str = "r1") -> None:
        assert isinstance(self.ask(csta.MonitorStart(monitor_object=csta.MonitorObject(device_object=name))), csta.MonitorStartResponse)

    def register(self) -> None:
        assert isinstance(self.ask(csta.RouteRegister(routeing_device="r1")), csta.RouteRegisterResponse)

    def happens(self, *events: EventData) -> None:
        for event in events:
            self.bridge.event(R1, event)

    def heard(self) -> list[str]:
        begin, self._seen = self._seen, len(self.link.sent)
        return [_line(message) for _, message, _ in self.link.sent[begin:]]


def _line(message: csta.Message | str) -> str:
    if isinstance(message, str):
        return message
    if isinstance(message, csta.SystemStatus):
        return f"SystemStatus {message.system_status}"
    error = message.error_value if isinstance(message, csta.RouteEnd) else None
    return type(message).__name__ + (f" {error.value}" if error is not None else "")


class TestEvents:
    def test_monitors_hear_of_a_call_before_it_is_asked_about(self) -> None:
        site = Site()
        site.monitor()
        site.register()
        site.heard()
        site.happens(QueueSubscription(), told("Added"))
        assert site.heard() == ["QueuedEvent", "RouteRequest"]
        site.happens(told("Abandoned"))
        assert site.heard() == ["ConnectionClearedEvent", "ConnectionClearedEvent", "RouteEnd noActiveCall"]

    def test_the_first_event_of_a_registration_asks_about_what_waits(self) -> None:
        site = Site()
        site.register()
        site.heard()
        site.happens(QueueSubscription((entry("w1"), entry("w2"))))
        assert site.heard() == ["RouteRequest", "RouteRequest"]

    def test_a_treatment(self) -> None:
        site = Site()
        site.monitor()
        site.happens(QueueSubscription(), told("Added"))
        site.heard()
        site.ask(csta.PlayMessage(message_to_be_played="1", over_connection=connection("K1", "r1")))
        assert site.bw.asked == ["PUT routepoint/r1/calls/w1/PlayMusicOnHold"]
        site.happens(TreatmentEvent("MOH", False, entry()), TreatmentEvent("MOH", True, entry(), completion_reason="EOF"))
        assert site.heard() == ["PlayMessageResponse", "PlayEvent", "StopEvent"]

    def test_the_route_point_fails_and_recovers(self) -> None:
        site = Site()
        site.monitor()
        site.register()
        site.heard()
        site.happens(RoutePointState(True), RoutePointState(False))
        assert site.heard() == ["OutOfServiceEvent", "RouteRegisterAbort", "BackInServiceEvent"]

    def test_the_link_goes(self) -> None:
        site = Site()
        site.register()
        site.happens(QueueSubscription((entry(),)))
        site.session.closed("gone")
        assert site.subscriptions.targets == {}
        assert site.bridge.switch.routeing.waiting(R1) == []


class TestAllChannelsLost:
    def test_monitor_stop_aborts_registrations(self) -> None:
        site = Site(MONITOR_STOP)
        site.monitor()
        site.register()
        site.happens(QueueSubscription((entry(),)))
        site.heard()
        site.bridge.channels_changed(0)
        assert site.heard() == ["SystemStatus disabled", "MonitorStop", "RouteRegisterAbort"]
        assert site.subscriptions.targets == {}
        assert site.error(csta.RouteRegister(routeing_device="r1")) == "systemResourceAvailibility networkOutOfService"
        site.bridge.channels_changed(1)
        site.register()
        site.heard()
        site.happens(QueueSubscription((entry(),)))
        assert site.heard() == ["RouteRequest"]

    def test_monitor_stop_releases_a_route_point_without_a_monitor(self) -> None:
        site = Site(MONITOR_STOP)
        site.register()
        site.bridge.channels_changed(0)
        assert site.subscriptions.targets == {}

    def test_repair_keeps_registrations_and_asks_anew(self) -> None:
        site = Site(REPAIR)
        site.register()
        site.happens(QueueSubscription((entry("w1"), entry("w2"))))
        site.heard()
        site.bridge.channels_changed(0)
        assert site.heard() == ["SystemStatus disabled", "RouteEnd networkOutOfService", "RouteEnd networkOutOfService"]
        site.bridge.channels_changed(1)
        site.happens(QueueSubscription((entry("w2"),)))
        assert site.heard() == ["SystemStatus messagesLost", "SystemStatus normal", "RouteRequest"]

    def test_a_stop_leaves_nothing_behind(self) -> None:
        site = Site(REPAIR)
        site.register()
        site.happens(QueueSubscription((entry(),)))
        site.bridge.stop()
        assert site.clock.getDelayedCalls() == []


class TestCallsOfTheRoutePoint:
    def call(self, site: Site, **more: Any) -> Any:
        site.bw.answers("POST routepoint/r1/calls/new", start_info("w7", "K7"))
        return site.ask(csta.MakeCall(calling_device="r1", called_directory_number="+15558880000", **more))

    def test_make_call(self) -> None:
        site = Site()
        site.monitor()
        site.happens(QueueSubscription())
        answer = self.call(site)
        assert answer == csta.MakeCallResponse(calling_device=connection("K7", "r1"))
        site.heard()
        callee = Party(address="tel:+15558880000", call_type="Network")
        site.happens(told("OutgoingOriginated", "w7", outgoing=True, remote=callee))
        assert site.heard() == ["OriginatedEvent"]
        site.happens(told("OutgoingAnswered", "w7", outgoing=True, remote=callee))
        assert site.heard() == ["EstablishedEvent"]
        site.happens(QueueSubscription((entry("w7", outgoing=True, remote=callee),)))
        assert site.heard() == []
        site.happens(told("Released", "w7", outgoing=True, remote=callee, reason="CallReleaseRequested"))
        assert site.heard() == ["ConnectionClearedEvent"]

    def test_refused(self) -> None:
        site = Site()
        site.bw.answers("POST routepoint/r1/calls/new", Refused(403, 0, "no"))
        request = csta.MakeCall(calling_device="r1", called_directory_number="+15558880000")
        assert site.error(request) == "stateIncompatibility invalidCallingDeviceState"

    def test_calls_that_nobody_asked_for_are_not_told(self) -> None:
        site = Site()
        site.monitor()
        site.register()
        site.happens(QueueSubscription())
        site.heard()
        site.happens(told("OutgoingOriginated", outgoing=True), told("OutgoingAnswered", outgoing=True), told("Released", outgoing=True))
        site.happens(QueueSubscription((entry(outgoing=True),)))
        assert site.heard() == []


class TestServices:
    @pytest.fixture
    def site(self) -> Site:
        site = Site()
        site.monitor()
        site.happens(QueueSubscription(), told("Added"))
        return site

    def test_clear_connection(self, site: Site) -> None:
        answer = site.ask(csta.ClearConnection(connection_to_be_cleared=connection("K1", "r1")))
        assert answer == csta.ClearConnectionResponse()
        assert site.bw.asked == ["DELETE routepoint/r1/calls/w1"]

    def test_clear_call(self, site: Site) -> None:
        assert site.ask(csta.ClearCall(call_to_be_cleared=connection("K1"))) == csta.ClearCallResponse()
        assert site.bw.asked == ["DELETE routepoint/r1/calls/w1"]

    def test_clearing_the_caller_releases_the_waiting_call(self, site: Site) -> None:
        site.ask(csta.ClearConnection(connection_to_be_cleared=connection("K1", "+15559990000")))
        assert site.bw.asked == ["DELETE routepoint/r1/calls/w1"]

    def test_deflect_call(self, site: Site) -> None:
        request = csta.DeflectCall(call_to_be_diverted=connection("K1", "r1"), new_destination=("1001",))
        assert site.ask(request) == csta.DeflectCallResponse()
        assert site.bw.asked == ["PUT routepoint/r1/calls/w1/BlindTransfer?address=1001"]

    def test_deflect_call_refused(self, site: Site) -> None:
        site.bw.refuses("PUT routepoint/r1/calls/w1/BlindTransfer?address=1001")
        request = csta.DeflectCall(call_to_be_diverted=connection("K1", "r1"), new_destination=("1001",))
        assert site.error(request) == "operation invalidDestination"

    def test_single_step_transfer_call(self, site: Site) -> None:
        transferred: Deferred[Response] = Deferred()
        site.bw.answers("PUT routepoint/r1/calls/w1/BlindTransfer?address=1001", transferred)
        site.heard()
        site.session.received("5001", csta.SingleStepTransferCall(active_call=connection("K1", "r1"), transferred_to="1001"), ED3)
        site.happens(told("Transferred", redirect=Redirect(address="tel:1001")))
        assert site.heard() == ["SingleStepTransferCallResponse", "DivertedEvent"]
        transferred.callback(Response(200))

    def test_snapshot_device(self, site: Site) -> None:
        site.subscriptions.targets.clear()
        site.bw.answers("GET routepoint/r1/calls", QUEUE)
        info, made = site.ask(csta.SnapshotDevice(snapshot_object="r1")).snapshot
        assert (made.connection_identifier, made.local_call_state) == (connection("121:1", "r1"), ("connected", "null"))
        assert (info.connection_identifier, info.local_call_state) == (connection("120:1", "r1"), ("queued", "connected"))
        assert info.endpoint_device == csta.PartyDevice("+15559990000")
        assert site.bw.asked == ["GET routepoint/r1/calls"]
        site.bw.refuses("GET routepoint/r1/calls", 404)
        assert site.error(csta.SnapshotDevice(snapshot_object="r1")) == "operation invalidDeviceID"

    def test_snapshot_device_of_what_shows_as_a_user(self, site: Site) -> None:
        site.bw.refuses("GET user/alice/calls")
        assert site.error(csta.SnapshotDevice(snapshot_object="alice")) == "stateIncompatibility generic"
        site.bw.answers("GET routepoint/alice/calls", QUEUE)
        info, _ = site.ask(csta.SnapshotDevice(snapshot_object="alice")).snapshot
        assert info.connection_identifier == connection("120:1", "alice")


@pytest.mark.parametrize(("row", "event"), [("queued", "QueuedEvent"), ("delivered", "DeliveredEvent")])
def test_P_RPADD(row: str, event: str) -> None:
    site = Site(P_RPADD=row)
    site.monitor()
    site.happens(QueueSubscription())
    site.heard()
    site.happens(told("Added"))
    assert site.heard() == [event]
    site.happens(told("Transferred", redirect=Redirect(address="tel:+15558880000")))
    assert site.heard() == ["DivertedEvent"]
