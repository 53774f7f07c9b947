"""Routeing dialogues at a route point: what each event of BroadWorks and each answer of an application leads to, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from twisted.internet.defer import Deferred

from bwconnector.bridge.routeing import MOST_REQUESTS
from bwconnector.bridge.session import Session
from bwconnector.csta import messages as csta
from bwconnector.xsi.errors import NoXspAvailable, Refused
from bwconnector.xsi.events import Party, Redirect
from bwconnector.xsi.queues import QueueEntry, QueueEvent, QueueSubscription, RoutePointState
from bwconnector.xsi.requests import Response

from .office import ED4, Link, Office, user

R1 = user("r1")
CALLER = Party(address="tel:+15559990000", call_type="Network")
DISTRIBUTE = "PUT routepoint/r1/calls/w1/Distribute"
ELSEWHERE = "PUT routepoint/r1/calls/w1/BlindTransfer?address="
TRANSFER = f"{ELSEWHERE}%2B15558880000"
OUTSIDE = "+15558880000"


def entry(call: str = "w1", **more: Any) -> QueueEntry:
    return attrs.evolve(QueueEntry(call_id=call, tracking_id=f"K{call[1:]}", remote=CALLER), **more)


class Site(Office):
    """The office with route point r1, and what its applications have been told as short lines."""

    def __init__(self, **options: Any) -> None:
        super().__init__(kinds={R1: "routepoint"}, **options)
        self.sessions: dict[str, tuple[Link, Session]] = {"tserver-1": (self.link, self.session)}
        self._seen: dict[str, int] = {}

    def connect(self, name: str) -> Session:
        link = Link(name)
        session = Session(link, self.switch)
        self.sessions[name] = (link, session)
        return session

    def register(self, name: str = "tserver-1") -> str:
        session = self.sessions[name][1] if name in self.sessions else self.connect(name)
        invoke_id = self.ask(csta.RouteRegister(routeing_device="r1"), session=session)
        (answer,) = [message for sent, message, _ in self.sessions[name][0].sent if sent == invoke_id]
        assert isinstance(answer, csta.RouteRegisterResponse), answer
        return answer.route_register_req_id

    def happens_there(self, kind: str, call: str = "w1", **more: Any) -> None:
        fields = {name: more.pop(name) for name in ("outgoing", "remote", "tracking_id") if name in more}
        name = kind if kind == "NewCall" else f"Call{kind}"
        self.route_points.call(R1, QueueEvent(f"RoutePoint{name}Event", kind, entry(call, **fields), **more))
        assert not self.failures

    def comes(self, call: str = "w1", **more: Any) -> None:
        self.happens_there("Added", call, **more)

    def says(self, message: csta.OneWay, name: str = "tserver-1") -> None:
        self.sessions[name][1].received("7777", message, ED4)
        assert not self.failures

    def selects(self, dialogue: str, *routes: str, name: str = "tserver-1", **more: Any) -> None:
        first, *others = routes
        message = csta.RouteSelect(cross_ref_identifier=dialogue, route_selected=first, alternate_routes=tuple(others) or None, **more)
        self.says(message, name)

    def told(self, name: str = "tserver-1") -> list[str]:
        """The routeing messages that a link has got since the last time."""
        link, _ = self.sessions[name]
        begin, self._seen[name] = self._seen.get(name, 0), len(link.sent)
        return [line for _, message, _ in link.sent[begin:] if (line := _line(message))]

    def goes(self, name: str) -> None:
        """A link goes."""
        _, session = self.sessions.pop(name)
        session.closed("gone")


def _line(message: csta.Message | str) -> str:
    match message:
        case csta.RouteRequest():
            called = message.routed_call
            assert called is not None and message.calling_device is not None
            assert message.current_route == message.routeing_device == csta.PartyDevice("r1")
            caller = message.calling_device.device or message.calling_device.absent
            registration, timeout = message.route_register_req_id, message.reply_timeout
            return f"RouteRequest {message.cross_ref_identifier} of {registration}: {called.call_id},{called.device_id} {caller} {timeout}"
        case csta.RouteEnd():
            error = message.error_value
            return f"RouteEnd {message.cross_ref_identifier}" + (f" {error.category} {error.value}" if error is not None else "")
        case csta.RouteUsed():
            assert message.route_used is not None
            return f"RouteUsed {message.cross_ref_identifier} {message.route_used.device}"
        case csta.ReRoute():
            return f"ReRoute {message.cross_ref_identifier} {message.reply_timeout}"
        case csta.RouteRegisterAbort():
            return f"RouteRegisterAbort {message.route_register_req_id}"
    return ""


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    assert not site.failures


class TestRegistrations:
    def test_events_of_the_route_point_are_subscribed_to(self, site: Site) -> None:
        assert site.register() == "1"
        assert site.subscriptions.targets == {R1: ("Route Point Queue",)}

    def test_one_for_each_route_point_and_link(self, site: Site) -> None:
        site.register()
        again = csta.RouteRegister(routeing_device="r1")
        assert site.error(again) == "subscribedResourceAvailability objectRegistrationLimitExceeded"
        site.connect("tserver-2")
        assert site.register("tserver-2") == "2"

    def test_a_user_is_no_route_point(self, site: Site) -> None:
        assert site.error(csta.RouteRegister(routeing_device="alice")) == "operation invalidDeviceID"
        assert site.error(csta.RouteRegister(routeing_device="nobody")) == "operation invalidDeviceID"
        assert site.error(csta.RouteRegister()) == "operation atLeastOneConditionalParameterNotProvided"

    def test_a_route_point_that_shows_as_a_user_is_found_out(self, site: Site) -> None:
        site.bw.answers("GET routepoint/alice/calls", Response(200))
        assert isinstance(site.answer(csta.RouteRegister(routeing_device="alice")), csta.RouteRegisterResponse)
        assert site.subscriptions.targets == {user("alice"): ("Route Point Queue",)}

    def test_refused_by_broadworks(self, site: Site) -> None:
        site.subscriptions.outcome = Refused(403, 0, "not yours")
        assert site.error(csta.RouteRegister(routeing_device="r1")) == "operation privilegeViolationSpecifiedDevice"

    def test_while_no_channel_is_up(self, site: Site) -> None:
        site.status.channels_changed(0)
        assert site.error(csta.RouteRegister(routeing_device="r1")) == "systemResourceAvailibility networkOutOfService"

    def test_a_link_that_goes_meanwhile_leaves_nothing_behind(self, site: Site) -> None:
        site.connect("tserver-2")
        pending: Deferred[None] = Deferred()
        site.subscriptions.outcome = pending
        site.ask(csta.RouteRegister(routeing_device="r1"), session=site.sessions["tserver-2"][1])
        site.goes("tserver-2")
        pending.callback(None)
        assert not site.switch.routeing.registered(R1)
        assert site.subscriptions.targets == {}

    def test_cancelled(self, site: Site) -> None:
        registration = site.register()
        assert site.answer(csta.RouteRegisterCancel(route_register_req_id=registration)) == csta.RouteRegisterCancelResponse()
        assert site.subscriptions.targets == {}
        again = csta.RouteRegisterCancel(route_register_req_id=registration)
        assert site.error(again) == "operation invalidRouteRegistrationCrossRefID"
        site.comes()
        assert site.told() == []

    def test_nobody_cancels_the_registration_of_another_link(self, site: Site) -> None:
        registration = site.register()
        session = site.connect("tserver-2")
        site.ask(csta.RouteRegisterCancel(route_register_req_id=registration), session=session)
        assert site.switch.routeing.registered(R1)

    def test_the_last_user_ends_the_subscription(self, site: Site) -> None:
        monitor = site.monitor("r1")
        registration = site.register()
        site.answer(csta.MonitorStop(monitor_cross_ref_id=monitor))
        assert R1 in site.subscriptions.targets
        monitor = site.monitor("r1")
        site.answer(csta.RouteRegisterCancel(route_register_req_id=registration))
        assert R1 in site.subscriptions.targets
        site.answer(csta.MonitorStop(monitor_cross_ref_id=monitor))
        assert site.subscriptions.targets == {}

    def test_what_it_is_told_is_in_its_own_namespace(self, site: Site) -> None:
        site.ask(csta.RouteRegister(routeing_device="r1"), namespace=ED4)
        site.comes()
        assert {namespace for _, message, namespace in site.link.sent if isinstance(message, csta.RouteRequest)} == {ED4}


class TestRows:
    def test_row_a_a_call_that_waits_is_asked_about(self, site: Site) -> None:
        registration = site.register()
        site.comes()
        assert site.told() == [f"RouteRequest 2 of {registration}: K1,r1 +15559990000 4000"]

    def test_row_a_nothing_is_asked_twice(self, site: Site) -> None:
        site.register()
        site.comes()
        site.comes()
        assert len(site.told()) == 1

    def test_row_a_a_caller_may_withhold_its_number(self, site: Site) -> None:
        site.register()
        site.comes(remote=Party(private=True))
        assert site.told() == ["RouteRequest 2 of 1: K1,r1 restricted 4000"]

    def test_row_a_not_about_calls_of_the_route_point_itself(self, site: Site) -> None:
        site.register()
        site.comes(outgoing=True)
        assert site.told() == []

    def test_row_a_calls_that_wait_already(self, site: Site) -> None:
        site.monitor("r1")
        site.comes("w1")
        site.comes("w2")
        site.happens_there("Abandoned", "w2")
        site.register()
        assert site.told() == ["RouteRequest 2 of 1: K1,r1 +15559990000 4000"]

    def test_row_a_the_response_comes_first(self, site: Site) -> None:
        site.monitor("r1")
        site.comes()
        site.register()
        names = [type(message).__name__ for message in site.link.messages[-2:]]
        assert names == ["RouteRegisterResponse", "RouteRequest"]

    def test_row_a_calls_of_the_first_event_of_a_subscription(self, site: Site) -> None:
        site.register()
        site.route_points.snapshot(R1, QueueSubscription((entry("w1"), entry("w2", outgoing=True))))
        assert site.told() == ["RouteRequest 2 of 1: K1,r1 +15559990000 4000"]

    def test_row_a0_a_new_call_is_admitted(self, site: Site) -> None:
        site.register()
        site.happens_there("NewCall")
        assert site.bw.asked == ["PUT routepoint/r1/calls/w1/Admit"]
        assert site.told() == []
        site.comes()
        assert site.told() == ["RouteRequest 2 of 1: K1,r1 +15559990000 4000"]

    def test_row_b_a_user_is_distributed_to(self, site: Site) -> None:
        site.register()
        site.comes()
        site.selects("2", "1001")
        assert site.bw.asked == [DISTRIBUTE]

    def test_row_b_anybody_else_is_transferred_to(self, site: Site) -> None:
        site.register()
        site.comes()
        site.selects("2", OUTSIDE)
        assert site.bw.asked == [TRANSFER]

    def test_row_b_a_call_center_is_transferred_to(self, site: Site) -> None:
        site.bw.refuses(DISTRIBUTE)
        site.bw.answers("GET callcenter/bob/calls", Response(200))
        site.register()
        site.comes()
        site.selects("2", "bob")
        assert site.bw.asked == [DISTRIBUTE, "GET callcenter/bob/calls", f"{ELSEWHERE}bob"]

    def test_row_c_offered(self, site: Site) -> None:
        site.register()
        site.comes()
        site.selects("2", "1001", route_used_req=True)
        site.told()
        site.happens_there("OfferedToAgent")
        assert site.told() == ["RouteUsed 2 1001", "RouteEnd 2"]
        site.happens_there("AnsweredByAgent")
        assert site.told() == []

    def test_row_c_route_used_only_if_wanted(self, site: Site) -> None:
        site.register()
        site.comes()
        site.selects("2", "1001")
        site.told()
        site.happens_there("OfferedToAgent")
        assert site.told() == ["RouteEnd 2"]

    def test_row_c_somebody_else_has_routed_the_call(self, site: Site) -> None:
        site.register()
        site.comes()
        site.told()
        site.happens_there("OfferedToAgent")
        assert site.told() == ["RouteEnd 2"]

    def test_row_d_answered_when_nobody_saw_it_offered(self, site: Site) -> None:
        site.register()
        site.comes()
        site.selects("2", "1001")
        site.told()
        site.happens_there("AnsweredByAgent")
        assert site.told() == ["RouteEnd 2"]

    def test_row_e_bounced_is_asked_about_anew(self, site: Site) -> None:
        site.register()
        site.comes()
        site.selects("2", "1001")
        site.happens_there("OfferedToAgent")
        site.told()
        site.happens_there("Bounced")
        assert site.told() == ["RouteRequest 3 of 1: K1,r1 +15559990000 4000"]

    def test_row_e_bounced_to_somewhere_else(self, site: Site) -> None:
        site.register()
        site.comes()
        site.selects("2", "1001")
        site.happens_there("OfferedToAgent")
        site.told()
        site.happens_there("Bounced", redirect=Redirect(address="tel:1600"))
        assert site.told() == []
        assert site.switch.routeing.waiting(R1) == []

    def test_row_f_refused(self, site: Site) -> None:
        site.bw.refuses(DISTRIBUTE)
        site.register()
        site.comes()
        site.told()
        site.selects("2", "1001")
        assert site.told() == ["RouteEnd 2 operation invalidDestination", "RouteRequest 3 of 1: K1,r1 +15559990000 4000"]

    def test_row_f_refused_while_the_caller_hangs_up(self, site: Site) -> None:
        refusal: Deferred[Any] = Deferred()
        site.bw.answers(DISTRIBUTE, refusal)
        site.register()
        site.comes()
        site.selects("2", "1001")
        site.told()
        site.happens_there("Abandoned")
        refusal.callback(Refused(403, 0, "gone"))
        assert site.told() == ["RouteEnd 2 stateIncompatibility noActiveCall"]

    def test_row_f_broadworks_does_not_know_the_call(self, site: Site) -> None:
        site.bw.refuses(DISTRIBUTE, 404)
        site.register()
        site.comes()
        site.told()
        site.selects("2", "1001")
        assert site.told() == ["RouteEnd 2 stateIncompatibility noActiveCall"]

    def test_row_f_what_cannot_be_dialled(self, site: Site) -> None:
        site.register()
        site.comes()
        site.told()
        site.selects("2", "no such place")
        assert site.bw.asked == []
        assert site.told() == ["RouteEnd 2 operation invalidDestination", "RouteRequest 3 of 1: K1,r1 +15559990000 4000"]

    def test_row_f_broadworks_cannot_be_asked(self, site: Site) -> None:
        site.bw.answers(DISTRIBUTE, NoXspAvailable("all are down"))
        site.register()
        site.comes()
        site.told()
        site.selects("2", "1001")
        assert site.told() == ["RouteEnd 2 systemResourceAvailibility networkOutOfService"]

    def test_row_f_not_for_ever(self, site: Site) -> None:
        site.bw.refuses(DISTRIBUTE)
        site.register()
        site.comes()
        for dialogue in range(2, 2 + MOST_REQUESTS):
            site.selects(str(dialogue), "1001")
        assert len(site.bw.asked) == MOST_REQUESTS
        assert site.told()[-1] == f"RouteEnd {1 + MOST_REQUESTS} operation invalidDestination"

    def test_row_g_transferred(self, site: Site) -> None:
        site.register()
        site.comes()
        site.selects("2", OUTSIDE, route_used_req=True)
        site.told()
        site.happens_there("Transferred", redirect=Redirect(address=f"tel:{OUTSIDE}"))
        assert site.told() == [f"RouteUsed 2 {OUTSIDE}", "RouteEnd 2"]

    @pytest.mark.parametrize("cause", [None, "busyOverflow", "calendarOverflow"])
    def test_row_h_rejected(self, site: Site, cause: str | None) -> None:
        site.register()
        site.comes()
        site.told()
        site.says(csta.RouteReject(cross_ref_identifier="2", reject_cause=cause))
        assert site.bw.asked == ["PUT routepoint/r1/calls/w1/Fail"]
        site.happens_there("Failed", reason="CallFailureRequested", redirect=Redirect(address="tel:1600"))
        assert site.told() == []

    def test_row_h_broadworks_refuses_the_default_routing(self, site: Site) -> None:
        site.bw.refuses("PUT routepoint/r1/calls/w1/Fail")
        site.register()
        site.comes()
        site.says(csta.RouteReject(cross_ref_identifier="2"))
        site.happens_there("Failed", reason="CallFailureDueToInactivity")
        assert site.switch.routeing.waiting(R1) == []

    def test_row_i_no_answer(self, site: Site) -> None:
        site.register()
        site.comes()
        site.told()
        site.clock.advance(3.999)
        assert site.told() == []
        site.clock.advance(0.001)
        assert site.told() == ["RouteEnd 2 operation routeingTimerExpired"]
        site.happens_there("Failed", reason="CallFailureDueToInactivity")
        assert site.told() == []

    def test_row_i_a_selection_stops_the_timer(self, site: Site) -> None:
        site.register()
        site.comes()
        site.selects("2", "1001")
        site.told()
        site.clock.advance(60)
        assert site.told() == []

    @pytest.mark.parametrize(
        "kind", ["Failed", "Released", "Overflowed", "Forwarded", "Rejected", "NightPolicyApplied", "HolidayPolicyApplied"]
    )
    def test_rows_j_and_l_the_call_goes(self, site: Site, kind: str) -> None:
        site.register()
        site.comes()
        site.told()
        site.happens_there(kind)
        assert site.told() == ["RouteEnd 2"]
        assert site.clock.getDelayedCalls() == []

    def test_row_k_abandoned(self, site: Site) -> None:
        site.register()
        site.comes()
        site.told()
        site.happens_there("Abandoned")
        assert site.told() == ["RouteEnd 2 stateIncompatibility noActiveCall"]
        site.selects("2", "1001")
        assert site.bw.asked == []
        assert site.told() == ["RouteEnd 2 operation invalidRouteingCrossRefID"]

    def test_row_m_the_route_point_fails(self, site: Site) -> None:
        site.monitor("r1")
        site.connect("tserver-2")
        site.register()
        site.register("tserver-2")
        site.comes()
        site.told()
        site.route_points.state(R1, RoutePointState(True, "FailureDetected"))
        assert site.link.messages[-2:] == ["OutOfServiceEvent", csta.RouteRegisterAbort(route_register_req_id="1")]
        assert site.told("tserver-2") == ["RouteRegisterAbort 2"]
        assert site.clock.getDelayedCalls() == []
        assert R1 in site.subscriptions.targets

    def test_row_m_nobody_wants_its_events_any_more(self, site: Site) -> None:
        site.register()
        site.route_points.state(R1, RoutePointState(True, "ExternalRequest"))
        assert site.subscriptions.targets == {}

    def test_row_n_the_route_point_is_well_again(self, site: Site) -> None:
        site.monitor("r1")
        site.register()
        site.route_points.state(R1, RoutePointState(True))
        site.told()
        site.route_points.state(R1, RoutePointState(False))
        assert site.link.messages[-1] == "BackInServiceEvent"
        site.register()
        site.comes()
        assert site.told() == ["RouteRequest 3 of 2: K1,r1 +15559990000 4000"]

    def test_row_o_the_next_link_is_asked(self, site: Site) -> None:
        site.connect("tserver-2")
        site.register()
        site.register("tserver-2")
        site.comes("w1")
        site.comes("w2")
        site.selects("4", "1001")
        assert site.told("tserver-2") == []
        site.goes("tserver-1")
        assert site.told("tserver-2") == ["RouteRequest 5 of 2: K1,r1 +15559990000 4000"]
        site.selects("5", "1001", name="tserver-2")
        assert site.bw.asked == ["PUT routepoint/r1/calls/w2/Distribute", DISTRIBUTE]

    def test_row_o_a_selection_under_way_when_the_link_goes(self, site: Site) -> None:
        refusal: Deferred[Any] = Deferred()
        site.bw.answers(DISTRIBUTE, refusal)
        site.connect("tserver-2")
        site.register()
        site.register("tserver-2")
        site.comes()
        site.selects("3", "1001")
        site.goes("tserver-1")
        assert site.told("tserver-2") == []
        refusal.callback(Refused(403, 0, "busy"))
        assert site.told("tserver-2") == ["RouteRequest 4 of 2: K1,r1 +15559990000 4000"]

    def test_row_o_nobody_else_is_there(self, site: Site) -> None:
        site.register()
        site.comes()
        site.goes("tserver-1")
        assert site.subscriptions.targets == {}
        assert site.clock.getDelayedCalls() == []
        assert site.bw.asked == []

    def test_row_o_a_cancelled_registration_is_followed_by_the_next(self, site: Site) -> None:
        site.connect("tserver-2")
        registration = site.register()
        site.register("tserver-2")
        site.comes()
        site.answer(csta.RouteRegisterCancel(route_register_req_id=registration))
        assert site.told("tserver-2") == ["RouteRequest 4 of 2: K1,r1 +15559990000 4000"]


class TestDialogues:
    def test_alternate_routes_are_tried_in_turn(self, site: Site) -> None:
        site.bw.refuses(DISTRIBUTE)
        site.register()
        site.comes()
        site.selects("2", "1001", "no such place", OUTSIDE, route_used_req=True)
        site.told()
        assert site.bw.asked == [DISTRIBUTE, TRANSFER]
        site.happens_there("Transferred")
        assert site.told() == [f"RouteUsed 2 {OUTSIDE}", "RouteEnd 2"]

    def test_none_of_the_alternate_routes_is_possible(self, site: Site) -> None:
        site.bw.refuses(DISTRIBUTE)
        site.bw.refuses(TRANSFER, 400)
        site.register()
        site.comes()
        site.told()
        site.selects("2", "1001", OUTSIDE)
        assert site.told() == ["RouteEnd 2 operation invalidDestination", "RouteRequest 3 of 1: K1,r1 +15559990000 4000"]

    def test_a_second_selection_is_ignored(self, site: Site) -> None:
        site.register()
        site.comes()
        site.selects("2", "1001")
        site.selects("2", "1002")
        assert site.bw.asked == [DISTRIBUTE]

    @pytest.mark.parametrize("message", [csta.RouteReject(cross_ref_identifier="99"), csta.RouteEnd(cross_ref_identifier="99")])
    def test_unknown_dialogues(self, site: Site, message: csta.OneWay) -> None:
        site.register()
        site.says(message)
        assert site.told() == []
        assert site.bw.asked == []

    def test_a_dialogue_of_another_link(self, site: Site) -> None:
        site.register()
        site.connect("tserver-2")
        site.comes()
        site.selects("2", "1001", name="tserver-2")
        assert site.told("tserver-2") == ["RouteEnd 2 operation invalidRouteingCrossRefID"]
        site.says(csta.RouteReject(cross_ref_identifier="2"), "tserver-2")
        assert site.bw.asked == []

    def test_the_application_ends_it(self, site: Site) -> None:
        site.register()
        site.comes()
        site.told()
        site.says(csta.RouteEnd(cross_ref_identifier="2"))
        site.clock.advance(60)
        assert site.told() == []
        assert site.bw.asked == []

    def test_messages_that_mean_nothing_here(self, site: Site) -> None:
        site.says(csta.ReRoute(cross_ref_identifier="2"))
        assert site.link.sent == []

    def test_a_snapshot_ends_what_is_gone_and_asks_about_what_is_new(self, site: Site) -> None:
        site.register()
        site.comes("w1")
        site.comes("w2")
        site.told()
        site.route_points.snapshot(R1, QueueSubscription((entry("w2"), entry("w3"))))
        assert site.told() == ["RouteEnd 2 stateIncompatibility noActiveCall", "RouteRequest 4 of 1: K3,r1 +15559990000 4000"]

    def test_call_centers_are_nobody_s_business_here(self, site: Site) -> None:
        site.register()
        site.route_points.call(user("q1"), QueueEvent("ACDCallAddedEvent", "Added", entry()))
        site.route_points.snapshot(user("q1"), QueueSubscription((entry(),)))
        assert site.switch.routeing.waiting(user("q1")) == []

    def test_stop_leaves_no_timer(self, site: Site) -> None:
        site.register()
        site.comes()
        site.switch.routeing.stop()
        assert site.clock.getDelayedCalls() == []


class TestPolicyRows:
    def test_P_RPTIME(self) -> None:
        site = Site(P_RPTIME=1500)
        site.register()
        site.comes()
        assert site.told() == ["RouteRequest 2 of 1: K1,r1 +15559990000 1500"]
        site.clock.advance(1.5)
        assert site.told() == ["RouteEnd 2 operation routeingTimerExpired"]

    def test_P_ROUTELINK_first(self) -> None:
        site = Site(P_ROUTELINK="first")
        site.connect("tserver-2")
        site.register()
        site.register("tserver-2")
        site.comes()
        assert (len(site.told()), site.told("tserver-2")) == (1, [])

    def test_P_ROUTELINK_all(self) -> None:
        site = Site(P_ROUTELINK="all")
        site.connect("tserver-2")
        site.register()
        site.register("tserver-2")
        site.comes()
        assert site.told() == ["RouteRequest 3 of 1: K1,r1 +15559990000 4000"]
        assert site.told("tserver-2") == ["RouteRequest 4 of 2: K1,r1 +15559990000 4000"]
        site.selects("4", "1001", name="tserver-2")
        assert site.told() == ["RouteEnd 3"]
        site.selects("3", "1002")
        assert site.told() == ["RouteEnd 3 operation invalidRouteingCrossRefID"]
        assert site.bw.asked == [DISTRIBUTE]
        site.happens_there("OfferedToAgent")
        assert site.told("tserver-2") == ["RouteEnd 4"]

    def test_P_ROUTELINK_all_a_later_registration_is_asked_too(self) -> None:
        site = Site(P_ROUTELINK="all")
        site.connect("tserver-2")
        site.register()
        site.comes()
        site.register("tserver-2")
        assert site.told("tserver-2") == ["RouteRequest 4 of 3: K1,r1 +15559990000 4000"]

    def test_P_ROUTELINK_all_rejected_only_by_all(self) -> None:
        site = Site(P_ROUTELINK="all")
        site.connect("tserver-2")
        site.register()
        site.register("tserver-2")
        site.comes()
        site.says(csta.RouteReject(cross_ref_identifier="3"))
        assert site.bw.asked == []
        site.says(csta.RouteReject(cross_ref_identifier="4"), "tserver-2")
        assert site.bw.asked == ["PUT routepoint/r1/calls/w1/Fail"]

    def test_P_ROUTEEND_answered(self) -> None:
        site = Site(P_ROUTEEND="answered")
        site.register()
        site.comes()
        site.selects("2", "1001", route_used_req=True)
        site.told()
        site.happens_there("OfferedToAgent")
        assert site.told() == ["RouteUsed 2 1001"]
        site.happens_there("AnsweredByAgent")
        assert site.told() == ["RouteEnd 2"]

    def test_P_ROUTEEND_answered_bounced_goes_to_the_next_alternate_route(self) -> None:
        site = Site(P_ROUTEEND="answered")
        site.register()
        site.comes()
        site.selects("2", "1001", OUTSIDE)
        site.happens_there("OfferedToAgent")
        site.told()
        site.happens_there("Bounced")
        assert site.told() == []
        assert site.bw.asked == [DISTRIBUTE, TRANSFER]

    def test_P_ROUTEEND_answered_bounced_is_routed_again_if_retries_remain(self) -> None:
        site = Site(P_ROUTEEND="answered")
        site.register()
        site.comes()
        site.selects("2", "1001", remain_retries=1)
        site.happens_there("OfferedToAgent")
        site.told()
        site.happens_there("Bounced")
        assert site.told() == ["ReRoute 2 4000"]
        site.selects("2", OUTSIDE)
        assert site.bw.asked == [DISTRIBUTE, TRANSFER]
        site.happens_there("Transferred")
        assert site.told() == ["RouteEnd 2"]

    def test_P_ROUTEEND_answered_nobody_answers_the_re_route(self) -> None:
        site = Site(P_ROUTEEND="answered")
        site.register()
        site.comes()
        site.selects("2", "1001", remain_retries=1)
        site.happens_there("OfferedToAgent")
        site.happens_there("Bounced")
        site.told()
        site.clock.advance(4)
        assert site.told() == ["RouteEnd 2 operation routeingTimerExpired"]

    def test_P_ROUTEEND_answered_bounced_without_retries(self) -> None:
        site = Site(P_ROUTEEND="answered")
        site.register()
        site.comes()
        site.selects("2", "1001")
        site.happens_there("OfferedToAgent")
        site.told()
        site.happens_there("Bounced")
        assert site.told() == ["RouteEnd 2", "RouteRequest 3 of 1: K1,r1 +15559990000 4000"]

    def test_P_ADMIT_request(self) -> None:
        site = Site(P_ADMIT="request")
        site.register()
        site.happens_there("NewCall")
        assert site.told() == ["RouteRequest 2 of 1: K1,r1 +15559990000 4000"]
        assert site.bw.asked == []
        site.selects("2", "1001")
        assert site.bw.asked == ["PUT routepoint/r1/calls/w1/Admit"]
        site.comes()
        assert site.bw.asked[1:] == [DISTRIBUTE]
        site.happens_there("OfferedToAgent")
        assert site.told() == ["RouteEnd 2"]

    def test_P_ADMIT_request_refused_by_broadworks(self) -> None:
        site = Site(P_ADMIT="request")
        site.bw.refuses("PUT routepoint/r1/calls/w1/Admit", 404)
        site.register()
        site.happens_there("NewCall")
        site.told()
        site.selects("2", "1001")
        assert site.told() == ["RouteEnd 2 stateIncompatibility noActiveCall"]
        site.route_points.snapshot(R1, QueueSubscription())
        assert site.switch.routeing.waiting(R1) == []

    def test_P_ADMIT_request_a_snapshot_comes_between(self) -> None:
        site = Site(P_ADMIT="request")
        site.register()
        site.happens_there("NewCall")
        site.told()
        site.route_points.snapshot(R1, QueueSubscription())
        assert site.told() == []
        site.selects("2", "1001")
        assert site.bw.asked == ["PUT routepoint/r1/calls/w1/Admit"]

    def test_P_ADMIT_request_rejected(self) -> None:
        site = Site(P_ADMIT="request")
        site.register()
        site.happens_there("NewCall")
        site.says(csta.RouteReject(cross_ref_identifier="2"))
        assert site.bw.asked == ["PUT routepoint/r1/calls/w1/Reject"]

    def test_P_ADMIT_request_nobody_to_ask(self) -> None:
        site = Site(P_ADMIT="request")
        site.monitor("r1")
        site.happens_there("NewCall")
        assert site.bw.asked == ["PUT routepoint/r1/calls/w1/Admit"]
