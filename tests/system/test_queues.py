"""Calls through a call center on real links: what the queue, its agents and its callers hear, and what is done with waiting calls."""

from __future__ import annotations

import pytest_twisted

from bwconnector.csta import messages as csta
from bwconnector.simulator.model import QueueRules
from tests.system.exchange import Exchange, TServer, conn

QUEUED = "Queued{K1,queue1} queued enteringDistribution alice>queue1"


async def waiting(exchange: Exchange, *devices: str, agents: int = 2) -> tuple[TServer, csta.ConnectionID]:
    """Alice waits at queue1, and its agent bob is asked: the T-Server, and the queue's connection."""
    exchange.switch.rules = QueueRules(agents=agents)
    tserver = await exchange.connect()
    await tserver.monitor(*devices)
    exchange.switch.dial("alice", "1501")
    rings = f"Delivered{{K1,{'bob' if 'bob' in devices else ''}}} "
    expected = {
        "alice": [
            "Originated{K1,alice} connected newCall alice>queue1",
            QUEUED.replace("queued ", "connected "),
            f"{rings}connected distributed alice>queue1 lr=queue1",
        ],
        "bob": ["Delivered{K1,bob} alerting distributed alice>queue1 lr=queue1"],
        "queue1": [QUEUED, f"{rings}queued distributed alice>queue1 lr=queue1"],
    }
    await tserver.hears({device: expected[device] for device in devices})
    return tserver, conn(exchange.call_id("K1"), "queue1")


class TestCallCenter:
    @pytest_twisted.ensureDeferred
    async def test_an_agent_answers_by_service(self, exchange: Exchange) -> None:
        tserver, queue = await waiting(exchange, "alice", "bob", "queue1")
        snapshot = await tserver.ask(csta.SnapshotDevice(snapshot_object="queue1"))
        assert [(info.connection_identifier, info.local_call_state[0]) for info in snapshot.snapshot] == [(queue, "queued")]
        await tserver.perform(
            csta.AnswerCall(call_to_be_answered=conn(queue.call_id or "", "bob")),
            {
                "alice": [
                    "Diverted{K1,queue1} connected distributed alice>queue1 lr=queue1 to=bob",
                    "Established{K1,bob} connected distributed alice>queue1 lr=queue1",
                ],
                "bob": [
                    "Diverted{K1,queue1} alerting distributed alice>queue1 lr=queue1 to=bob",
                    "Established{K1,bob} connected distributed alice>queue1 lr=queue1",
                ],
                "queue1": ["Diverted{K1,queue1} null distributed alice>queue1 lr=queue1 to=bob"],
            },
        )

    @pytest_twisted.ensureDeferred
    async def test_a_waiting_call_is_deflected(self, exchange: Exchange) -> None:
        tserver, queue = await waiting(exchange, "bob", "queue1")
        answer = await tserver.ask(csta.DeflectCall(call_to_be_diverted=queue, new_destination=("1003",)))
        assert isinstance(answer, csta.DeflectCallResponse)
        assert [leg.owner.user_id for leg in exchange.switch.legs("carol")] == ["carol@example.net"]

    @pytest_twisted.ensureDeferred
    async def test_a_waiting_call_is_cleared(self, exchange: Exchange) -> None:
        tserver, queue = await waiting(exchange, "queue1", "bob")
        assert isinstance(await tserver.ask(csta.ClearConnection(connection_to_be_cleared=queue)), csta.ClearConnectionResponse)
        assert exchange.switch.waiting("queue1") == ()
        assert exchange.switch.legs("alice") == ()

    @pytest_twisted.ensureDeferred
    async def test_private_services_move_waiting_calls(self, exchange: Exchange) -> None:
        tserver, _ = await waiting(exchange, "bob", "queue1")
        exchange.switch.dial("carol", "1501")
        second = exchange.switch.waiting("queue1")[1].entry.tracking_id
        await tserver.hears({"queue1": ["Queued{K2,queue1} queued enteringDistribution carol>queue1"]})
        for data in ({"acdPromote": "0"}, {"acdReorder": "2"}):
            answer = await tserver.ask(csta.Escape(private_data={**data, "callID": second, "deviceID": "queue1"}))
            assert isinstance(answer, csta.EscapeResponse)
        assert [each.entry.tracking_id for each in exchange.switch.waiting("queue1")][1] == second
        assert exchange.switch.waiting("queue1")[1].entry.priority == "0-Highest"

    @pytest_twisted.ensureDeferred
    async def test_a_monitor_that_starts_while_calls_wait(self, exchange: Exchange) -> None:
        exchange.switch.rules = QueueRules(agents=1)
        for caller in ("bob", "carol"):
            exchange.switch.dial(caller, "1501")
        tserver = await exchange.connect()
        unmonitored = await tserver.ask(csta.SnapshotDevice(snapshot_object="queue1"))
        await tserver.monitor("queue1")
        monitored = await tserver.ask(csta.SnapshotDevice(snapshot_object="queue1"))
        assert monitored.snapshot == unmonitored.snapshot
        assert [info.connection_identifier.call_id for info in monitored.snapshot] == [
            waiting.entry.tracking_id for waiting in exchange.switch.waiting("queue1")
        ]
