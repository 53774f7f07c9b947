"""T-Servers route the calls of a route point, over real sockets."""

from __future__ import annotations

import pytest
import pytest_twisted

from bwconnector.csta import messages as csta
from tests.system.exchange import Exchange, TServer, conn, until

X = "+15559990000"
QUEUED = "Queued{K1,route1} queued enteringDistribution +15559990000>route1"


async def router(exchange: Exchange, *, monitored: bool = False) -> TServer:
    """A T-Server that has registered at the route point."""
    tserver = await exchange.connect()
    if monitored:
        await tserver.monitor("route1")
    answer = await tserver.ask(csta.RouteRegister(routeing_device="route1"))
    assert answer.route_register_req_id
    await exchange.settled()
    return tserver


def select(question: csta.RouteRequest, route: str, *alternates: str) -> csta.RouteSelect:
    return csta.RouteSelect(
        cross_ref_identifier=question.cross_ref_identifier,
        route_register_req_id=question.route_register_req_id,
        route_selected=route,
        alternate_routes=alternates or None,
        route_used_req=True,
    )


def dialogue(tserver: TServer) -> list[str]:
    """The routeing messages that a T-Server has heard."""
    return [type(message).__name__ for message in tserver.messages if isinstance(message, csta.OneWay)]


class TestOneTServer:
    @pytest_twisted.ensureDeferred
    async def test_a_call_is_routed_to_a_user(self, exchange: Exchange) -> None:
        tserver = await router(exchange, monitored=True)
        await tserver.monitor("alice")
        exchange.switch.dial(X, "1701")
        question = await tserver.hears_of(csta.RouteRequest)
        assert question.current_route == csta.PartyDevice("route1")
        assert question.calling_device == csta.PartyDevice(X)
        await tserver.hears({"route1": [QUEUED]})
        assert question.routed_call == conn(exchange.call_id("K1"), "route1")
        tserver.say(select(question, "1001"))
        ended = await tserver.hears_of(csta.RouteEnd)
        assert (ended.cross_ref_identifier, ended.error_value) == (question.cross_ref_identifier, None)
        assert (await tserver.hears_of(csta.RouteUsed)).route_used == csta.PartyDevice("1001")
        parties = f"distributed {X}>route1 lr=route1"
        await tserver.hears({"route1": [f"Delivered{{K1,alice}} queued {parties}"], "alice": [f"Delivered{{K1,alice}} alerting {parties}"]})
        exchange.switch.answer("alice")
        await tserver.hears(
            {
                "route1": [f"Diverted{{K1,route1}} null {parties} to=alice"],
                "alice": [f"Diverted{{K1,route1}} alerting {parties} to=alice", f"Established{{K1,alice}} connected {parties}"],
            }
        )
        assert dialogue(tserver) == ["RouteRequest", "RouteUsed", "RouteEnd"]

    @pytest_twisted.ensureDeferred
    async def test_a_call_is_routed_outside(self, exchange: Exchange) -> None:
        tserver = await router(exchange)
        exchange.switch.dial(X, "1701")
        question = await tserver.hears_of(csta.RouteRequest)
        tserver.say(select(question, "+15558880000"))
        await tserver.hears_of(csta.RouteEnd)
        assert dialogue(tserver) == ["RouteRequest", "RouteUsed", "RouteEnd"]
        assert [leg.state for leg in exchange.switch.legs("+15558880000")] == ["Alerting"]

    @pytest_twisted.ensureDeferred
    async def test_an_alternate_route_and_a_refusal(self, exchange: Exchange) -> None:
        tserver = await router(exchange)
        exchange.switch.dial("alice", "1002")  # nobody can be offered a call while it has another one
        exchange.switch.dial(X, "1701")
        question = await tserver.hears_of(csta.RouteRequest)
        tserver.say(select(question, "1002"))
        ended = await tserver.hears_of(csta.RouteEnd)
        assert ended.error_value == csta.CSTAErrorCode("operation", "invalidDestination")
        again = await tserver.hears_of(csta.RouteRequest, 2)
        tserver.say(select(again, "1002", "1003"))
        assert (await tserver.hears_of(csta.RouteUsed)).route_used == csta.PartyDevice("1003")
        assert [leg.ringing for leg in exchange.switch.legs("carol")] == [True]

    @pytest_twisted.ensureDeferred
    async def test_a_user_who_does_not_answer(self, exchange: Exchange) -> None:
        tserver = await router(exchange)
        exchange.switch.dial(X, "1701")
        tserver.say(select(await tserver.hears_of(csta.RouteRequest), "1001"))
        await tserver.hears_of(csta.RouteEnd)
        exchange.switch.no_answer("alice")
        tserver.say(select(await tserver.hears_of(csta.RouteRequest, 2), "1002"))
        await tserver.hears_of(csta.RouteEnd, 2)
        assert [leg.ringing for leg in exchange.switch.legs("bob")] == [True]

    @pytest_twisted.ensureDeferred
    async def test_calls_that_waited_already(self, exchange: Exchange) -> None:
        exchange.switch.dial(X, "1701")
        tserver = await router(exchange)
        question = await tserver.hears_of(csta.RouteRequest)
        assert question.calling_device == csta.PartyDevice(X)
        exchange.switch.hang_up(X)
        ended = await tserver.hears_of(csta.RouteEnd)
        assert ended.error_value == csta.CSTAErrorCode("stateIncompatibility", "noActiveCall")

    @pytest_twisted.ensureDeferred
    async def test_an_unknown_dialogue(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        tserver.say(csta.RouteSelect(cross_ref_identifier="77", route_selected="1001"))
        ended = await tserver.hears_of(csta.RouteEnd)
        assert ended.error_value == csta.CSTAErrorCode("operation", "invalidRouteingCrossRefID")

    @pytest_twisted.ensureDeferred
    @pytest.mark.parametrize("exchange", [{"route_point_default": "1004"}], indirect=True)
    async def test_the_application_does_not_want_it(self, exchange: Exchange) -> None:
        tserver = await router(exchange)
        exchange.switch.dial(X, "1701")
        question = await tserver.hears_of(csta.RouteRequest)
        tserver.say(csta.RouteReject(cross_ref_identifier=question.cross_ref_identifier, reject_cause="busyOverflow"))
        await until(lambda: exchange.switch.legs("dave"))
        assert [leg.ringing for leg in exchange.switch.legs("dave")] == [True]

    @pytest_twisted.ensureDeferred
    @pytest.mark.parametrize("exchange", [{"call_admission": True}], indirect=True)
    async def test_call_admission(self, exchange: Exchange) -> None:
        tserver = await router(exchange)
        exchange.switch.dial(X, "1701")
        tserver.say(select(await tserver.hears_of(csta.RouteRequest), "1001"))
        await tserver.hears_of(csta.RouteEnd)
        assert [leg.ringing for leg in exchange.switch.legs("alice")] == [True]

    @pytest_twisted.ensureDeferred
    async def test_the_route_point_fails(self, exchange: Exchange) -> None:
        tserver = await router(exchange, monitored=True)
        exchange.switch.fail_route_point("route1")
        await tserver.hears_of(csta.RouteRegisterAbort)
        exchange.switch.recover_route_point("route1")
        await tserver.hears({"route1": ["OutOfService", "BackInService"]})

    @pytest_twisted.ensureDeferred
    async def test_the_controller_is_who_subscribes(self, exchange: Exchange) -> None:
        await router(exchange)
        assert [(each.package, each.application_id) for each in exchange.broadworks.subscriptions.values()] == [
            ("Route Point Queue", "test")
        ]

    @pytest_twisted.ensureDeferred
    async def test_cancelled(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        answer = await tserver.ask(csta.RouteRegister(routeing_device="route1"))
        await tserver.ask(csta.RouteRegisterCancel(route_register_req_id=answer.route_register_req_id))
        await exchange.unsubscribed()


class TestTwoTServers:
    @pytest_twisted.ensureDeferred
    async def test_the_other_one_takes_over(self, exchange: Exchange) -> None:
        first, second = await router(exchange), await router(exchange)
        callers = [f"+1555999000{number}" for number in range(3)]
        for caller in callers:
            exchange.switch.dial(caller, "1701")
        for number in range(1, 4):
            await first.hears_of(csta.RouteRequest, number)
        tserver_one = [message for message in first.messages if isinstance(message, csta.RouteRequest)]
        first.say(select(tserver_one[0], "1001"))
        await first.hears_of(csta.RouteEnd)
        assert dialogue(second) == []
        assert first.transport is not None
        first.transport.abortConnection()  # type: ignore[attr-defined]
        for number, extension in ((1, "1002"), (2, "1003")):
            question = await second.hears_of(csta.RouteRequest, number)
            assert question.calling_device == csta.PartyDevice(callers[number])
            second.say(select(question, extension))
        await second.hears_of(csta.RouteEnd, 2)
        ringing = {user: exchange.switch.legs(user)[0].peer for user in ("alice", "bob", "carol")}
        assert [leg.owner.number for leg in ringing.values() if leg is not None] == callers

    @pytest_twisted.ensureDeferred
    async def test_the_last_one_leaves_nothing_behind(self, exchange: Exchange) -> None:
        first, second = await router(exchange), await router(exchange)
        await first.close()
        assert len(exchange.broadworks.subscriptions) == 1
        await second.close()
        await exchange.unsubscribed()


class TestTreatments:
    @pytest_twisted.ensureDeferred
    async def test_digits_are_collected_and_the_call_is_routed(self, exchange: Exchange) -> None:
        tserver = await router(exchange, monitored=True)
        exchange.switch.dial(X, "1701")
        question = await tserver.hears_of(csta.RouteRequest)
        await tserver.hears({"route1": [QUEUED]})
        call = exchange.call_id("K1")
        await tserver.perform(
            csta.PlayMessage(message_to_be_played="1", over_connection=conn(call, "route1")),
            {"route1": ["Play{K1,route1} normal message=1"]},
        )
        private = {"audioUrl": "http://media.example.net/menu.wav", "collectDigits": "xx"}
        await tserver.perform(
            csta.PlayMessage(message_to_be_played="4", over_connection=conn(call, "route1"), extensions=private),
            {"route1": ["Stop{K1,route1} nextMessage message=1", "Play{K1,route1} normal message=4"]},
        )
        exchange.switch.collect(X, "12")
        await tserver.hears({"route1": ["Stop{K1,route1} dTMFDigitDetected message=4"]})
        (stop,) = [message for message in tserver.messages if isinstance(message, csta.StopEvent) and message.extensions]
        assert stop.extensions == {"collectDigits": "12"}
        await tserver.perform(
            csta.PlayMessage(message_to_be_played="2", over_connection=conn(call, "route1"), duration=60),
            {"route1": ["Play{K1,route1} normal message=2"]},
        )
        tserver.say(select(question, "1001"))
        await tserver.hears(
            {
                "route1": [
                    "Stop{K1,route1} distributed message=2",
                    f"Delivered{{K1,None}} queued distributed {X}>route1 lr=route1",
                ]
            }
        )

    @pytest_twisted.ensureDeferred
    async def test_refused(self, exchange: Exchange) -> None:
        tserver = await router(exchange, monitored=True)
        exchange.switch.dial(X, "1701")
        await tserver.hears({"route1": [QUEUED]})
        request = csta.PlayMessage(message_to_be_played="1", over_connection=conn(exchange.call_id("K1"), "route1"))
        exchange.switch.distribute("route1", "alice")
        assert await tserver.refused(request) == "stateIncompatibility notAbleToPlay"


class TestServices:
    @pytest_twisted.ensureDeferred
    async def test_clear_connection(self, exchange: Exchange) -> None:
        tserver = await router(exchange, monitored=True)
        exchange.switch.dial(X, "1701")
        await tserver.hears({"route1": [QUEUED]})
        await tserver.perform(
            csta.ClearConnection(connection_to_be_cleared=conn(exchange.call_id("K1"), "route1")),
            {"route1": ["ConnectionCleared{K1,route1} null normalClearing"]},
        )
        await tserver.hears_of(csta.RouteEnd)

    @pytest_twisted.ensureDeferred
    @pytest.mark.parametrize("service", ["DeflectCall", "SingleStepTransferCall"])
    async def test_deflect(self, exchange: Exchange, service: str) -> None:
        tserver = await router(exchange, monitored=True)
        exchange.switch.dial(X, "1701")
        await tserver.hears({"route1": [QUEUED]})
        waiting = conn(exchange.call_id("K1"), "route1")
        request: csta.Request = csta.DeflectCall(call_to_be_diverted=waiting, new_destination=("1003",))
        if service == "SingleStepTransferCall":
            request = csta.SingleStepTransferCall(active_call=waiting, transferred_to="1003")
        await tserver.perform(request, {"route1": [f"Diverted{{K1,route1}} null redirected {X}>route1 to=1003"]})
        assert [leg.ringing for leg in exchange.switch.legs("carol")] == [True]

    @pytest_twisted.ensureDeferred
    async def test_make_call(self, exchange: Exchange) -> None:
        tserver = await router(exchange, monitored=True)
        made = await tserver.perform(
            csta.MakeCall(calling_device="route1", called_directory_number="+15558880000"),
            {"route1": ["Originated{K1,route1} connected makeCall route1>+15558880000"]},
        )
        assert made.calling_device == conn(exchange.call_id("K1"), "route1")
        exchange.switch.answer("+15558880000")
        await tserver.hears({"route1": ["Established{K1,+15558880000} connected newCall route1>+15558880000"]})
        await tserver.perform(
            csta.ClearConnection(connection_to_be_cleared=made.calling_device),
            {"route1": ["ConnectionCleared{K1,route1} null normalClearing"]},
        )

    @pytest_twisted.ensureDeferred
    async def test_snapshot_device(self, exchange: Exchange) -> None:
        exchange.switch.dial(X, "1701")
        tserver = await exchange.connect()
        (info,) = (await tserver.ask(csta.SnapshotDevice(snapshot_object="route1"))).snapshot
        assert info.local_call_state == ("queued", "connected")
        await tserver.monitor("route1")
        (known,) = (await tserver.ask(csta.SnapshotDevice(snapshot_object="route1"))).snapshot
        assert known.connection_identifier == info.connection_identifier
        assert known.local_call_state == info.local_call_state
