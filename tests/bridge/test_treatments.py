"""Treatments at a route point: what PlayMessage has BroadWorks play, and what monitors hear of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.defer import Deferred

from bwconnector.bridge.calls import QUEUED, Call, Leg
from bwconnector.bridge.routepoints import MESSAGES, STOP_CAUSES
from bwconnector.csta import messages as csta
from bwconnector.csta.xml import encode
from bwconnector.xsi import routepoint_requests
from bwconnector.xsi.queues import QueueEntry, TreatmentEvent
from bwconnector.xsi.requests import Request, Response

from ..csta.schema import check
from .office import ED3, Office, connection, user

R1 = user("r1")
ENTRY = QueueEntry(call_id="w1", tracking_id="K1")
ANSWER = b'<RoutePointPlayInfo xmlns="http://schema.broadsoft.com/xsi"><playCollectId>5</playCollectId></RoutePointPlayInfo>'


class Site(Office):
    """The office with route point r1, where call K1 of alice waits, and its monitor's events in full."""

    def __init__(self, **options: str | int) -> None:
        super().__init__(kinds={R1: "routepoint", user("q1"): "callcenter"}, **options)
        self.events: list[csta.Message] = []
        self.bodies: list[Request] = []
        self.monitor("r1")
        self.link.send_event = self._keep  # type: ignore[method-assign]
        self.waiting = self.call("K1", alice="Active")
        self.queue(self.waiting, "r1", "w1")

    def _keep(self, message: csta.Message, namespace: str) -> None:
        assert check(encode(message, ED3)) == []
        self.events.append(message)
        self.link.sent.append(("9999", type(message).__name__, namespace))

    def queue(self, call: Call, name: str, leg_id: str) -> None:
        place = call.connection(user(name))
        place.state = QUEUED
        self.table.add_leg(Leg(user(name), leg_id, call.id, place))

    def play(
        self, message: str | None, duration: int | None = None, call: str = "K1", device: str = "r1", **private: str
    ) -> csta.PlayMessage:
        return csta.PlayMessage(
            message_to_be_played=message, over_connection=connection(call, device), duration=duration, extensions=private or None
        )

    def tells(self, treatment: str, completed: bool = False, **more: str) -> None:
        self.route_points.treatment(R1, TreatmentEvent(treatment, completed, ENTRY, **more))


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    assert not site.failures


class TestPlayMessage:
    @pytest.mark.parametrize(
        ("message", "verb"),
        [("0", "PlayBusy"), ("1", "PlayMusicOnHold"), ("2", "PlayRingback"), ("3", "PlaySilence"), ("4", "PlayTreatment")],
    )
    def test_each_message_is_a_treatment(self, site: Site, message: str, verb: str) -> None:
        site.bw.answers(f"PUT routepoint/r1/calls/w1/{verb}", ANSWER)
        assert site.answer(site.play(message, audioUrl="http://media/a.wav")) == csta.PlayMessageResponse()
        assert site.bw.asked == [f"PUT routepoint/r1/calls/w1/{verb}"]

    def test_what_is_asked_for(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[tuple[object, ...]] = []
        for name in ("play", "play_busy", "play_treatment"):
            real = getattr(routepoint_requests, name)
            monkeypatch.setattr(routepoint_requests, name, lambda *args, _real=real: (asked.append(args[2:]), _real(*args))[1])
        site.answer(site.play("0", 5, busyPattern="FastBusy"))
        site.answer(site.play("0"))
        site.answer(site.play("1", 30, collectDigits="xx"))
        site.answer(site.play("4", audioUrl="http://media/a.wav http://media/b.wav", videoUrl="http://media/v.3gp", collectDigits="x.#"))
        assert asked == [
            (5, "FastBusy"),
            (None, "Normal"),
            ("MusicOnHold", 30, "xx"),
            (["http://media/a.wav", "http://media/b.wav"], ["http://media/v.3gp"], "x.#"),
        ]

    @pytest.mark.parametrize("message", [None, "5", "hello"])
    def test_other_messages(self, site: Site, message: str | None) -> None:
        assert site.error(site.play(message)) == "operation invalidMsgID"

    def test_files_need_a_url(self, site: Site) -> None:
        assert site.error(site.play("4")) == "operation atLeastOneConditionalParameterNotProvided"

    def test_only_a_call_that_waits(self, site: Site) -> None:
        assert site.error(site.play("1", device="alice")) == "stateIncompatibility notAbleToPlay"
        assert site.error(site.play("1", call="K9")) == "operation invalidCallID"

    def test_a_call_of_which_only_its_caller_has_told(self, site: Site) -> None:
        queue = (
            b'<RoutePointQueue xmlns="http://schema.broadsoft.com/xsi"><queueEntries><queueEntry><callId>w3</callId>'
            b"<extTrackingId>K3</extTrackingId></queueEntry></queueEntries></RoutePointQueue>"
        )
        site.bw.answers("GET routepoint/r1/calls", queue)
        site.call("K3", alice="Active", r1="queued")
        assert site.answer(site.play("3", call="K3")) == csta.PlayMessageResponse()
        assert site.bw.asked[-1] == "PUT routepoint/r1/calls/w3/PlaySilence"

    def test_not_at_a_call_center(self, site: Site) -> None:
        site.queue(site.call("K2", alice="Active"), "q1", "w2")
        assert site.error(site.play("1", call="K2", device="q1")) == "stateIncompatibility notAbleToPlay"
        assert site.bw.asked == []

    def test_refused_by_broadworks(self, site: Site) -> None:
        site.bw.refuses("PUT routepoint/r1/calls/w1/PlaySilence")
        assert site.error(site.play("3")) == "stateIncompatibility notAbleToPlay"
        site.bw.refuses("PUT routepoint/r1/calls/w1/PlaySilence", 404)
        assert site.error(site.play("3")) == "operation invalidConnectionID"

    def test_the_response_precedes_the_event(self, site: Site) -> None:
        pending: Deferred[Response] = Deferred()
        site.bw.answers("PUT routepoint/r1/calls/w1/PlayRingback", pending)
        invoke_id = site.ask(site.play("2"))
        site.tells("MOH")
        assert site.waits(invoke_id)
        site.tells("Ringback")
        assert site.link.messages[-3:] == ["PlayEvent", csta.PlayMessageResponse(), "PlayEvent"]
        pending.callback(Response(200))

    def test_stop_is_not_supported(self, site: Site) -> None:
        assert site.error(csta.Stop(connection=connection("K1", "r1"))) == "operation serviceNotSupported"


class TestEvents:
    @pytest.mark.parametrize("treatment", sorted(MESSAGES))
    def test_started(self, site: Site, treatment: str) -> None:
        site.tells(treatment, play_collect_id="5")
        (event,) = site.events
        assert event == csta.PlayEvent(
            monitor_cross_ref_id="1", connection=connection("K1", "r1"), message=MESSAGES[treatment], cause="normal"
        )

    @pytest.mark.parametrize("treatment", sorted(MESSAGES))
    def test_completed_with_digits(self, site: Site, treatment: str) -> None:
        site.tells(treatment, True, completion_reason="Match", digits="12")
        (event,) = site.events
        assert event == csta.StopEvent(
            monitor_cross_ref_id="1",
            connection=connection("K1", "r1"),
            message=MESSAGES[treatment],
            cause="dTMFDigitDetected",
            extensions={"collectDigits": "12"},
        )

    @pytest.mark.parametrize(("reason", "cause"), [*STOP_CAUSES.items(), ("", "normal"), ("SomethingNew", "normal")])
    def test_why_it_has_ended(self, site: Site, reason: str, cause: str) -> None:
        site.tells("Treatment", True, completion_reason=reason)
        (event,) = site.events
        assert isinstance(event, csta.StopEvent)
        assert (event.cause, event.extensions) == (cause, None)

    def test_an_older_one_ends_after_the_next_has_begun(self, site: Site) -> None:
        site.tells("MOH", play_collect_id="5")
        site.tells("Treatment", play_collect_id="6")
        site.tells("MOH", True, play_collect_id="5", completion_reason="Stopped-NewPlayCollect")
        told = [(type(event).__name__, event.message, event.cause) for event in site.events]  # type: ignore[attr-defined]
        assert told == [("PlayEvent", "1", "normal"), ("PlayEvent", "4", "normal"), ("StopEvent", "1", "nextMessage")]

    def test_a_call_that_has_gone(self, site: Site) -> None:
        site.table.drop(site.waiting)
        site.tells("MOH", True, completion_reason="Stopped-OutOfQueue")
        (event,) = site.events
        assert isinstance(event, csta.StopEvent)
        assert (event.connection, event.cause) == (connection("K1", "r1"), "callCancelled")

    def test_only_monitors_of_the_route_point_hear_it(self, site: Site) -> None:
        site.monitor("alice")
        site.tells("MOH")
        assert len(site.events) == 1

    def test_filtered(self, site: Site) -> None:
        site.answer(csta.ChangeMonitorFilter(monitor_cross_ref_id="1", requested_filter_list=csta.MonitorFilter(frozenset({"play"}))))
        site.tells("MOH")
        site.tells("MOH", True)
        assert [type(event) for event in site.events] == [csta.StopEvent]


class TestPolicyRows:
    @pytest.mark.parametrize(("unit", "seconds"), [("seconds", 5000), ("milliseconds", 5)])
    def test_P_PLAYTIME(self, unit: str, seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[object] = []
        real = routepoint_requests.play
        monkeypatch.setattr(routepoint_requests, "play", lambda *args: (asked.append(args[3]), real(*args))[1])
        site = Site(P_PLAYTIME=unit)
        site.answer(site.play("3", 5000))
        assert asked == [seconds]
