"""What a connector records, written to a file and replayed: the same CSTA comes out, from the beginning as well as from the middle."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest
import pytest_twisted

from bwconnector.csta import messages as csta
from bwconnector.ops.differences import differences, sent_of
from bwconnector.ops.dump import Dump, read_dump, write_dump
from bwconnector.ops.recorder import Keyframe, Recording
from bwconnector.ops.replay import replay
from bwconnector.ops.story import Unknown, story
from bwconnector.simulator.config import SimulatorConfig
from tests.system.exchange import Exchange, TServer, conn, make_config, sleep, until


def dump_of(exchange: Exchange) -> Dump:
    flight = exchange.service.flight
    assert flight is not None
    return Dump(recording=flight.recorder.recording(), settings=flight.settings)


async def a_call(exchange: Exchange, tserver: TServer) -> None:
    """1001 calls 1002, is answered, held, retrieved, and hung up."""
    tserver.told.clear()
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


def later(dump: Dump, moment: float, keyframe: Keyframe) -> Dump:
    """What a ring holds that has overwritten all before ``moment``."""
    entries = [entry for entry in dump.recording.entries if entry.time >= moment]
    return attrs.evolve(dump, recording=Recording(keyframe, entries))


@pytest_twisted.ensureDeferred
async def test_a_recording_from_the_beginning(exchange: Exchange, tmp_path: Path) -> None:
    tserver = await exchange.connect()
    await tserver.monitor("1001", "1002")
    await a_call(exchange, tserver)
    write_dump(tmp_path / "dump.jsonl", dump_of(exchange))
    dump = read_dump(tmp_path / "dump.jsonl")
    replayed = replay(dump)
    assert differences(dump.recording, replayed) == []
    assert (replayed.missing, replayed.errors) == ([], [])
    assert [each.frame for each in replayed.sent] == [each.frame for each in sent_of(dump.recording)]
    assert len(replayed.sent) > 15


@pytest_twisted.ensureDeferred
async def test_a_recording_from_the_middle(exchange: Exchange) -> None:
    flight = exchange.service.flight
    assert flight is not None
    tserver = await exchange.connect()
    other = await exchange.connect()
    await other.monitor("1002")
    await tserver.monitor("1001", "1002", requested_monitor_filter=csta.MonitorFilter(frozenset({"held"})))
    await a_call(exchange, tserver)
    await sleep(0.6)  # until the names of the calls that are over are forgotten, too
    moment = flight.recorder.moment()
    await a_call(exchange, tserver)
    await tserver.monitor("1003")
    dump = later(dump_of(exchange), moment.time, moment.keyframe())
    assert len(dump.recording.keyframe.monitors) == 3
    replayed = replay(dump)
    assert differences(dump.recording, replayed) == []
    assert (replayed.missing, replayed.errors) == ([], [])
    assert len(replayed.sent) > 20


@pytest_twisted.ensureDeferred
async def test_calls_from_before_the_recording_are_left_out(exchange: Exchange) -> None:
    flight = exchange.service.flight
    assert flight is not None
    tserver = await exchange.connect()
    await tserver.monitor("1001", "1002", "1003", "1004")
    made = await tserver.ask(csta.MakeCall(calling_device="1003", called_directory_number="1004"))
    await until(lambda: any("Delivered" in line for line in tserver.told))
    moment = flight.recorder.moment()
    tserver.told.clear()
    await tserver.ask(csta.ClearConnection(connection_to_be_cleared=made.calling_device))
    await a_call(exchange, tserver)
    dump = later(dump_of(exchange), moment.time, moment.keyframe())
    assert made.calling_device.call_id in dump.recording.keyframe.calls
    assert differences(dump.recording, replay(dump)) == []


@pytest.mark.parametrize("exchange", [{"xsps": 2}], indirect=True)
@pytest_twisted.ensureDeferred
async def test_channels_that_were_lost(exchange: Exchange) -> None:
    tserver = await exchange.connect()
    await tserver.monitor("1001", "1002")
    for xsp in exchange.xsps.values():
        xsp.drop_streams()
    await until(lambda: "enabled" in tserver.statuses)
    await tserver.monitor("1001", "1002")
    await a_call(exchange, tserver)
    dump = dump_of(exchange)
    replayed = replay(dump)
    assert differences(dump.recording, replayed) == []
    statuses = [each.frame for each in replayed.sent if b"<SystemStatus " in each.frame]
    assert len(statuses) == 4


@pytest_twisted.ensureDeferred
async def test_what_is_different_is_told(exchange: Exchange) -> None:
    tserver = await exchange.connect()
    await tserver.monitor("1001", "1002")
    await a_call(exchange, tserver)
    dump = dump_of(exchange)
    frames = [number for number, entry in enumerate(dump.recording.entries) if entry.word == "out" and b"<DeliveredEvent" in entry.what]
    entries = list(dump.recording.entries)
    del entries[frames[1]]
    entries[frames[0]] = entries[frames[0]]._replace(what=entries[frames[0]].what.replace(b"newCall", b"normal"))
    lines = differences(Recording(dump.recording.keyframe, entries), replay(dump))
    assert [line[0] for line in lines] == ["-", "+", "+"]
    assert "Delivered" in lines[0]
    assert "normal" in lines[0]
    assert "1002 " in lines[2]


@pytest.mark.parametrize("exchange", [{"password": "hunter2"}], indirect=True)
@pytest_twisted.ensureDeferred
async def test_nothing_secret_is_recorded(exchange: Exchange, tmp_path: Path) -> None:
    tserver = await exchange.connect()
    await tserver.monitor("1001", "1002")
    await a_call(exchange, tserver)
    write_dump(tmp_path / "dump.jsonl", dump_of(exchange))
    text = (tmp_path / "dump.jsonl").read_text()
    connector = exchange.service.config.connector
    assert connector.user_id in text
    for secret in (connector.password.reveal(), "Authorization", "Basic ", exchange.service.xsps["xsp1"].settings.authorization):
        assert secret not in text


@pytest_twisted.ensureDeferred
async def test_one_calls_story(exchange: Exchange) -> None:
    tserver = await exchange.connect()
    await tserver.monitor("1001", "1002")
    await a_call(exchange, tserver)
    recording = dump_of(exchange).recording
    (call_id,) = {entry.what.call_id for entry in recording.entries if entry.word == "change"}
    lines = story(recording, call_id)
    told = [f"{line.where} {line.direction} {line.what}" for line in lines]
    assert told[0].startswith("tserver-1 > ")
    assert "MakeCall" in told[0]

    def place(text: str) -> int:
        (first, *_) = [number for number, line in enumerate(told) if text in line]
        return first

    # an event at BroadWorks, what it changed, and who was told, in this order
    rings = place("CallReceivedEvent"), place("model = Delivered"), place("< 1001          Delivered"), place("< 1002          Delivered")
    assert list(rings) == sorted(rings)
    assert "acknowledged after" in told[rings[0]]
    assert place("xsp1 < PUT user/bob@example.net/calls/") < place("AnswerCallResponse")
    assert any("HoldCallResponse" in line for line in told)
    assert lines == story(recording, re.findall(r"callhalf-\S+", told[rings[0]])[0])  # by one of its legs
    with pytest.raises(Unknown, match="99:1"):
        story(recording, "99:1")


@pytest_twisted.ensureDeferred
async def test_collective_subscriptions() -> None:
    simulated = SimulatorConfig(users=8, xsps=1, demo=False, admin=False, lift_delay=0.02)
    exchange = Exchange(make_config(simulated, subscription_scope="group", subscription_scope_id="ExampleEnt/sales"))
    await exchange.start()
    try:
        flight = exchange.service.flight
        assert flight is not None
        tserver = await exchange.connect()
        for device in ("1001", "1002"):
            started = await tserver.ask(csta.MonitorStart(monitor_object=csta.MonitorObject(device_object=device)))
            tserver.monitors[started.monitor_cross_ref_id] = device
        await until(lambda: len(exchange.service.bridge._seeded) == 2)
        await a_call(exchange, tserver)
        whole = dump_of(exchange)
        await sleep(0.6)
        moment = flight.recorder.moment()
        await a_call(exchange, tserver)
        later_part = later(dump_of(exchange), moment.time, moment.keyframe())
    finally:
        await exchange.stop()
    for dump in (whole, later_part):
        replayed = replay(dump)
        assert differences(dump.recording, replayed) == []
        assert replayed.errors == []
        assert len(replayed.sent) > 10


@pytest_twisted.ensureDeferred
async def test_a_route_point(exchange: Exchange) -> None:
    tserver = await exchange.connect()
    await tserver.monitor("route1")
    exchange.switch.dial("alice", "1701")
    await tserver.hears({"route1": ["Queued{K1,route1} queued enteringDistribution alice>route1"]})
    dump = dump_of(exchange)
    replayed = replay(dump)
    assert differences(dump.recording, replayed) == []
    assert replayed.errors == []
