"""Route points: what the switch tells when applications route calls, play to them, or keep silent; and their requests."""

from __future__ import annotations

from typing import Any

import pytest
from switch_scripts import A, B, C, X
from test_queues import Office as QueueOffice
from test_queues import R, Y
from twisted.internet.task import Clock

from bwconnector.simulator.action_requests import action_routes
from bwconnector.simulator.broadworks import BroadWorks
from bwconnector.simulator.config import SimulatorConfig
from bwconnector.simulator.model import RoutePointRules, SwitchError
from bwconnector.simulator.render import event_data
from bwconnector.simulator.routes import Asked, Reply


class Office(QueueOffice):
    def __init__(self, **rules: Any) -> None:
        super().__init__()
        self.switch.route_rules = RoutePointRules(**rules)

    def waits(self, caller: str = C) -> str:
        """Somebody calls the route point; the callId there."""
        self.switch.dial(caller, "1701")
        self.told(R)
        return self.switch.waiting(R)[-1].entry.call_id

    def results(self) -> list[tuple[str, str, str]]:
        """Treatments that have ended since the last time: type of event, reason, digits."""
        found = [(event.type, event.result.reason, event.result.digits) for event in self.events if event.result is not None]
        self.events.clear()
        return found


def test_a_call_waits_until_it_is_distributed() -> None:
    office = Office()
    office.switch.dial(C, "1701")
    assert office.told(R) == ["RoutePointCallAdded 77:1 >carol@example.net, 1"]
    office.switch.distribute(R, A)
    assert office.told(R) == ["RoutePointCallOfferedToAgent 77:1 >carol@example.net"]
    office.switch.answer(A)
    (line,) = office.told(R)
    assert line.startswith("RoutePointCallAnsweredByAgent 77:1 >carol@example.net, answered by alice@example.net")


def test_bounced_by_request_and_by_the_user() -> None:
    office = Office()
    office.waits()
    office.switch.distribute(R, A)
    office.switch.bounce(R)
    assert office.switch.legs(A) == ()
    office.switch.distribute(R, B)
    office.switch.reject(B)
    kinds = [line.split()[0] for line in office.told(R)]
    assert kinds == ["RoutePointCallOfferedToAgent", "RoutePointCallBounced"] * 2
    with pytest.raises(SwitchError):
        office.switch.bounce(R)


def test_transferred_anywhere() -> None:
    office = Office()
    office.waits()
    office.switch.route(R, Y)
    assert office.told(R) == [f"RoutePointCallTransferred 77:1 >carol@example.net, to tel:{Y}"]
    assert [leg.state for leg in office.switch.legs(Y)] == ["Alerting"]


@pytest.mark.parametrize(("default_to", "tail"), [("1001", ", to tel:1001"), ("", "")])
def test_the_default_routing(default_to: str, tail: str) -> None:
    office = Office(default_to=default_to)
    office.waits()
    office.switch.fail(R)
    assert office.told(R) == [f"RoutePointCallFailed 77:1 >carol@example.net, CallFailureRequested{tail}"]
    assert len(office.switch.legs(A)) == bool(default_to)


def test_released() -> None:
    office = Office()
    office.waits()
    office.switch.release_waiting(R)
    assert office.told(R) == ["RoutePointCallReleased 77:1 >carol@example.net, CallReleaseRequested"]
    assert office.switch.legs(C) == ()


def test_the_route_point_fails_and_recovers() -> None:
    office = Office(default_to="1001")
    office.waits()
    office.switch.fail_route_point(R)
    kinds = [line.split()[0] for line in office.told(R)]
    assert kinds == ["RoutePointFailed", "RoutePointCallFailed"]
    office.switch.dial(X, "1701")
    assert [leg.state for leg in office.switch.legs(A)] == ["Alerting", "Alerting"]
    assert office.told(R) == []
    office.switch.recover_route_point(R)
    office.switch.dial(Y, "1701")
    assert [line.split()[0] for line in office.told(R)] == ["RoutePointRecovered", "RoutePointCallAdded"]


class TestTreatments:
    def test_digits_are_collected(self) -> None:
        office = Office()
        call = office.waits()
        play_id = office.switch.play(R, "Treatment", call, "xx")
        entry = office.switch.waiting(R)[0].entry
        assert (entry.play_id, entry.play_type) == (play_id, "Treatment")
        office.switch.collect(C, "12")
        assert office.results() == [("RoutePointTreatmentCompletedEvent", "Match", "12")]
        with pytest.raises(SwitchError):
            office.switch.collect(C, "12")

    @pytest.mark.parametrize(
        ("digit_map", "digits", "reason"),
        [("x.#", "123#", "Match"), ("x.#", "123", "NoMatch"), ("11|22", "22", "Match"), ("[1-3]x", "45", "NoMatch"), ("*x", "*1", "Match")],
    )
    def test_digit_maps(self, digit_map: str, digits: str, reason: str) -> None:
        office = Office()
        office.switch.play(R, "MOH", office.waits(), digit_map)
        office.switch.collect(C, digits)
        assert office.results() == [("RoutePointMOHCompletedEvent", reason, digits)]

    def test_the_next_one_ends_it(self) -> None:
        office = Office()
        call = office.waits()
        first, second = (office.switch.play(R, treatment, call) for treatment in ("MOH", "Silence"))
        assert first != second
        assert office.results() == [("RoutePointMOHCompletedEvent", "Stopped-NewPlayCollect", "")]
        office.switch.played(R, first)
        assert office.results() == []
        office.switch.played(R, second)
        assert office.results() == [("RoutePointSilenceCompletedEvent", "EOF", "")]

    def test_no_digits_in_time(self) -> None:
        office = Office()
        office.switch.played(R, office.switch.play(R, "Silence", office.waits(), "x"))
        assert office.results() == [("RoutePointSilenceCompletedEvent", "Timeout", "")]

    def test_it_ends_when_the_call_is_offered(self) -> None:
        office = Office()
        call = office.waits()
        office.switch.play(R, "MOH", call)
        office.switch.distribute(R, A, call)
        assert office.results() == [("RoutePointMOHCompletedEvent", "Stopped-OfferedWithRingback", "")]
        with pytest.raises(SwitchError):
            office.switch.play(R, "MOH", call)

    def test_it_ends_when_the_call_goes(self) -> None:
        office = Office()
        office.switch.play(R, "MOH", office.waits())
        office.switch.hang_up(C)
        assert office.results() == [("RoutePointMOHCompletedEvent", "Stopped-OutOfQueue", "")]


def test_a_call_that_the_route_point_makes() -> None:
    office = Office()
    leg = office.switch.dial_from(R, "1001")
    office.switch.answer(A)
    assert [entry.outgoing for entry in office.switch.line(R).entries] == [True]
    office.switch.release_waiting(R, leg.call.call_id)
    kinds = [line.split()[0] for line in office.told(R) if line.startswith("RoutePoint")]
    assert kinds == ["RoutePointOutgoingCallOriginated", "RoutePointOutgoingCallAnswered", "RoutePointCallReleased"]
    assert office.switch.legs(A) == ()


class TestAdmission:
    def test_admitted(self) -> None:
        office = Office(admission=True)
        office.switch.dial(C, "1701")
        (event,) = [event for event in office.events if event.type == "RoutePointNewCallEvent"]
        call_id = event.entries[0].call_id
        assert office.switch.waiting(R) == ()
        office.switch.admit(R, call_id)
        assert [waiting.entry.call_id for waiting in office.switch.waiting(R)] == [call_id]

    def test_refused(self) -> None:
        office = Office(admission=True)
        office.switch.dial(C, "1701")
        (event,) = [event for event in office.events if event.type == "RoutePointNewCallEvent"]
        office.switch.refuse(R, event.entries[0].call_id)
        assert [line.split()[0] for line in office.told(R)] == ["RoutePointNewCall", "RoutePointCallRejected"]
        assert office.switch.legs(C) == ()

    def test_a_caller_who_has_gone(self) -> None:
        office = Office(admission=True)
        office.switch.dial(C, "1701")
        (event,) = [event for event in office.events if event.type == "RoutePointNewCallEvent"]
        office.switch.hang_up(C)
        with pytest.raises(SwitchError):
            office.switch.admit(R, event.entries[0].call_id)


class Site:
    """BroadWorks without XSPs."""

    def __init__(self, **config: Any) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.broadworks = BroadWorks(SimulatorConfig(users=4, **config), self.clock)
        self.switch = self.broadworks.switch
        self.told: list[str] = []
        publish = self.broadworks.publish
        self.switch._emit = lambda event: (self.told.append(event.type), publish(event))  # type: ignore[assignment]
        self._routes = action_routes(self.broadworks)

    def ask(self, line: str, body: bytes = b"") -> Reply:
        method, path = line.split()
        handler, parts = self._routes.find(method, path)
        return handler(Asked("xsp1", "ctiadmin@example.net", body, parts))

    @property
    def call(self) -> str:
        return self.switch.waiting(R)[0].entry.call_id


class TestTime:
    def test_a_silent_application(self) -> None:
        site = Site(route_point_default="1002")
        site.switch.dial(C, "1701")
        site.clock.advance(9.9)
        assert site.switch.waiting(R)
        site.clock.advance(0.2)
        assert site.told.count("RoutePointCallFailedEvent") == 1
        assert [leg.state for leg in site.switch.legs(B)] == ["Alerting"]
        site.broadworks.stop()

    def test_an_application_that_does_something(self) -> None:
        site = Site()
        site.switch.dial(C, "1701")
        site.clock.advance(8)
        site.switch.play(R, "MOH")
        site.clock.advance(8)
        assert site.switch.waiting(R)
        site.clock.advance(2.1)
        assert not site.switch.waiting(R)
        site.broadworks.stop()

    def test_a_call_that_rings_at_a_user_is_not_idle(self) -> None:
        site = Site(ring_time=60)
        site.switch.dial(C, "1701")
        site.switch.distribute(R, A)
        site.clock.pump([1.0] * 30)
        assert site.switch.waiting(R)
        site.broadworks.stop()

    @pytest.mark.parametrize(("verb", "body", "after"), [
        ("PlaySilence", b"<RoutePointPlaySilence><duration>5</duration></RoutePointPlaySilence>", 5),
        ("PlayTreatment", b"<RoutePointPlayTreatment><audioUrlList><uri>http://a</uri></audioUrlList></RoutePointPlayTreatment>", 3),
    ])  # fmt: skip
    def test_what_ends_by_itself(self, verb: str, body: bytes, after: float) -> None:
        site = Site()
        site.switch.dial(C, "1701")
        site.ask(f"PUT routepoint/route1/calls/{site.call}/{verb}", body)
        site.clock.advance(after - 0.1)
        assert not any("Completed" in kind for kind in site.told)
        site.clock.advance(0.2)
        assert [kind for kind in site.told if "Completed" in kind] == [f"RoutePoint{verb.removeprefix('Play')}CompletedEvent"]
        site.broadworks.stop()


class TestRequests:
    @pytest.mark.parametrize(
        ("line", "body", "told"),
        [
            ("DELETE {}", "", "CallReleased"),
            ("PUT {}/Fail", "", "CallFailed"),
            ("PUT {}/Distribute", "<RoutePointDistribute><agentId>alice</agentId></RoutePointDistribute>", "CallOfferedToAgent"),
            ("PUT {}/BlindTransfer", "<RoutePointBlindTransfer><address>1001</address></RoutePointBlindTransfer>", "CallTransferred"),
            ("PUT {}/PlayBusy", "<RoutePointPlayBusy><busyPattern>Normal</busyPattern></RoutePointPlayBusy>", "BusyStarted"),
            ("PUT {}/PlayMusicOnHold", "", "MOHStarted"),
            ("PUT {}/PlayRingback", "", "RingbackStarted"),
        ],
    )
    def test_on_a_call(self, line: str, body: str, told: str) -> None:
        site = Site()
        site.switch.dial(C, "1701")
        assert site.ask(line.format(f"routepoint/route1/calls/{site.call}"), body.encode()).status == 200
        assert f"RoutePoint{told}Event" in site.told
        site.broadworks.stop()

    @pytest.mark.parametrize(
        ("line", "status"),
        [
            ("PUT routepoint/route1/calls/nothing/Fail", 404),
            ("PUT routepoint/queue1/calls/{}/Fail", 404),
            ("PUT routepoint/route1/calls/{}/Distribute", 400),
            ("PUT routepoint/route1/calls/{}/PlayBusy", 400),
            ("PUT routepoint/route1/calls/{}/PlayTreatment", 400),
            ("PUT routepoint/route1/calls/{}/Bounce", 403),
            ("POST routepoint/route1/calls/new", 400),
            ("PUT routepoint/route1/profile/State", 400),
        ],
    )
    def test_refused(self, line: str, status: int) -> None:
        site = Site()
        site.switch.dial(C, "1701")
        with pytest.raises(SwitchError) as raised:
            site.ask(line.format(site.call))
        assert raised.value.status == status
        site.broadworks.stop()

    def test_state(self) -> None:
        site = Site()
        for state, told in (("Failed", "RoutePointFailedEvent"), ("Normal", "RoutePointRecoveredEvent")):
            site.ask("PUT routepoint/route1/profile/State", f"<RoutePointState>{state}</RoutePointState>".encode())
            assert site.told.count(told) == 1
            assert f">{state}<" in site.ask("GET routepoint/route1/profile/State").body.decode()
        site.broadworks.stop()

    def test_dial(self) -> None:
        site = Site()
        reply = site.ask("POST routepoint/route1/calls/new", b"<RoutePointOutgoingDial><address>1001</address></RoutePointOutgoingDial>")
        assert reply.status == 201
        assert b"<externalTrackingId>" in reply.body
        site.broadworks.stop()


def test_how_it_is_written() -> None:
    office = Office()
    office.switch.play(R, "Treatment", office.waits(), "xx")
    office.switch.collect(C, "12")
    texts = {event.type: event_data(event) for event in office.events if event.type.startswith("RoutePointTreatment")}
    playing = "<xsi:playCollectInfo><xsi:playCollectId>1</xsi:playCollectId><xsi:playCollectType>Treatment</xsi:playCollectType>"
    assert playing in texts["RoutePointTreatmentStartedEvent"]
    result = (
        "</xsi:queueEntry><xsi:playCollectResult><xsi:playCollectId>1</xsi:playCollectId>"
        "<xsi:completionReason>Match</xsi:completionReason><xsi:digits>12</xsi:digits></xsi:playCollectResult>"
    )
    assert result in texts["RoutePointTreatmentCompletedEvent"]
