"""What a connector records, written to a file and replayed: the same CSTA comes out, from the beginning as well as from the middle."""

from __future__ import annotations

import pytest_twisted

from bwconnector.csta import messages as csta
from bwconnector.ops.dump import Dump
from tests.system.exchange import Exchange, TServer, conn, until


def dump_of(exchange: Exchange) -> Dump:
    flight = exchange.service.flight
    assert flight is not None
    return Dump(recording=flight.recorder.recording(), settings=flight.settings)


async def a_call(exchange: Exchange, tserver: TServer) -> None:
    """1001 calls 1002, is answered, held, retrieved, and hung up."""
    made = await tserver.ask(csta.MakeCall(calling_device="1001", called_directory_number="1002"))
    call = made.calling_device.call_id
    await until(lambda: any("Delivered" in t for t in tserver.told))
    await tserver.ask(csta.AnswerCall(call_to_be_answered=conn(call, "1002")))
    await until(lambda: any("Established" in t for t in tserver.told))
    await tserver.ask(csta.HoldCall(call_to_be_held=conn(call, "1001")))
    await tserver.ask(csta.RetrieveCall(call_to_be_retrieved=conn(call, "1001")))
    await tserver.ask(csta.ClearConnection(connection_to_be_cleared=conn(call, "1001")))
    await exchange.forgotten()
    tserver.forget()


@pytest_twisted.ensureDeferred
async def test_x(exchange: Exchange) -> None:
    tserver = await exchange.connect()
    await tserver.monitor("1001", "1002")
    await a_call(exchange, tserver)
    dump = dump_of(exchange)
    assert differences(dump.recording, replay(dump)) == []
