"""The manhole's commands, and what the status page is made of, on a connector with calls and troubles."""

from __future__ import annotations

import io
from typing import Any

import attrs
import pytest
import pytest_twisted

from bwconnector.config import ManholeOptions
from bwconnector.csta import messages as csta
from bwconnector.ops.dump import read_dump
from bwconnector.ops.health import DEGRADED, DOWN, READY, health
from tests.system.exchange import Exchange, TServer, sleep, until
from tests.test_docs import table


class Prompt:
    """Types commands and gives what they print."""

    def __init__(self, exchange: Exchange, capsys: pytest.CaptureFixture[str], *, writes: bool = False) -> None:
        service = exchange.service
        service.config = attrs.evolve(service.config, manhole=ManholeOptions(writes=writes))
        self.names: dict[str, Any] = service.namespace("operator at 10.0.0.7")
        self._capsys = capsys

    def __call__(self, command: str, *arguments: Any) -> list[str]:
        self._capsys.readouterr()
        self.names[command](*arguments)
        return self._capsys.readouterr().out.splitlines()


async def ringing(exchange: Exchange) -> tuple[TServer, str]:
    """1001 calls 1002; the callID."""
    tserver = await exchange.connect()
    await tserver.monitor("1001", "1002")
    made = await tserver.ask(csta.MakeCall(calling_device="1001", called_directory_number="1002"))
    await until(lambda: any("Delivered" in line for line in tserver.told))
    tserver.forget()
    return tserver, made.calling_device.call_id


@pytest_twisted.ensureDeferred
async def test_tables(exchange: Exchange, capsys: pytest.CaptureFixture[str]) -> None:
    _, call_id = await ringing(exchange)
    prompt = Prompt(exchange, capsys)
    assert "up" in prompt("channels")[1].split()
    assert prompt("links")[1].split()[0] == "tserver-1"
    assert [line.split()[0] for line in prompt("monitors")[1:]] == ["1001", "1002"]
    assert "alice:connected bob:alerting" in prompt("calls")[1]
    assert prompt("suspects") == ["call  for  why  devices"]
    subscribed = prompt("subscriptions")
    assert any(line.startswith("alice ") and "Advanced Call" in line for line in subscribed)
    assert {line.split()[0] for line in prompt("subscriptions", "1002")[1:]} == {"bob"}
    told = "\n".join(prompt("device", "1001"))
    for part in ("alice@example.net", "tserver-1", "Advanced Call", call_id, "connected", "bob@example.net"):
        assert part in told


@pytest_twisted.ensureDeferred
async def test_what_was_recorded(exchange: Exchange, capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    _, call_id = await ringing(exchange)
    prompt = Prompt(exchange, capsys)
    story = prompt("call", call_id)
    assert any("CallReceivedEvent" in line for line in story)
    assert any("Delivered" in line and "tserver-1" in line for line in story)
    assert prompt("call", "99:1") == ["nothing of call 99:1 was recorded, or it has been overwritten"]
    trace = prompt("trace", "1002")
    assert any("CallReceivedEvent" in line for line in trace)
    assert any("MonitorStart 1002" in line for line in trace)
    assert not any("MonitorStart 1001" in line for line in trace)
    assert len(prompt("trace", "1002", 3)) == 4
    assert exchange.service.flight is not None
    exchange.service.flight._directory = tmp_path
    (line,) = prompt("dump")
    await until(lambda: list(tmp_path.glob("*")) and next(tmp_path.glob("*")).read_bytes() != b"")
    await sleep(0.1)
    (path,) = tmp_path.glob("*")
    assert str(path) in line
    assert read_dump(path).recording.entries


@pytest_twisted.ensureDeferred
async def test_reads_only_by_default(exchange: Exchange, capsys: pytest.CaptureFixture[str]) -> None:
    assert not {"close_link", "reopen_channel", "refresh", "service"} & set(Prompt(exchange, capsys).names)
    writing = Prompt(exchange, capsys, writes=True)
    assert {"close_link", "reopen_channel", "refresh", "service"} <= set(writing.names)
    assert any(line.startswith("close_link(name)") for line in writing("help"))
    documented = {row[0].literals[0] for row in table("operations.rst", "Commands of the manhole")}
    assert documented == {line.partition("  ")[0] for line in writing("help")[1:]}


@pytest_twisted.ensureDeferred
async def test_writes_are_logged_with_who_asked(exchange: Exchange, capsys: pytest.CaptureFixture[str], log_text: io.StringIO) -> None:
    tserver, _ = await ringing(exchange)
    prompt = Prompt(exchange, capsys, writes=True)
    assert prompt("refresh", "1003") == ["1003 is not monitored."]
    prompt("refresh", "1001")
    assert prompt("reopen_channel", "xsp9") == ["There is no channel xsp9 that has been up for five seconds."]
    assert prompt("close_link", "tserver-9") == ["There is no link tserver-9."]
    prompt("close_link", "tserver-1")
    await until(lambda: tserver.closed.called)
    text = log_text.getvalue()
    for line in ("operator at 10.0.0.7 refreshes alice@example.net", "reopens event channel xsp9", "10.0.0.7 closes link tserver-1"):
        assert line in text
    await exchange.unsubscribed()


@pytest.mark.parametrize("exchange", [{"xsps": 2}], indirect=True)
@pytest_twisted.ensureDeferred
async def test_a_channel_that_comes_and_goes(exchange: Exchange) -> None:
    assert health(exchange.service.survey()).state == READY
    exchange.xsps["xsp1"].drop_streams()
    await until(lambda: health(exchange.service.survey()).state != READY)
    assert health(exchange.service.survey()).state == DEGRADED
    (lost,) = exchange.service.survey().recoveries
    assert (lost.link, lost.ended) == ("xsp1", None)
    await until(lambda: health(exchange.service.survey()).state == READY)
    (back,) = exchange.service.survey().recoveries
    assert back.ended is not None
    assert back.ended >= back.started
    assert "stream" in back.reason


@pytest_twisted.ensureDeferred
async def test_readiness_is_what_t_servers_are_told(exchange: Exchange) -> None:
    tserver = await exchange.connect()
    assert (tserver.statuses, health(exchange.service.survey()).state) == (["normal"], READY)
    for xsp in exchange.xsps.values():
        xsp.drop_streams()
    await until(lambda: tserver.statuses[-1] == "disabled")
    assert health(exchange.service.survey()).state == DOWN
    await until(lambda: tserver.statuses[-1] == "normal")
    assert health(exchange.service.survey()).state == READY


@pytest_twisted.ensureDeferred
async def test_a_subscription_that_has_ended(exchange: Exchange) -> None:
    tserver = await exchange.connect()
    await tserver.monitor("1001")
    assert exchange.service.survey().troubles == ()
    exchange.fail("/user/", "503")
    for subscription in list(exchange.broadworks.subscriptions.values()):
        exchange.broadworks.unsubscribe(subscription)
    await until(lambda: exchange.service.survey().troubles)
    now = exchange.service.survey()
    assert [trouble.device for trouble in now.troubles] == ["alice"]
    assert health(now).state == DEGRADED
    exchange.heal()
    await until(lambda: health(exchange.service.survey()).state == READY)
    assert health(exchange.service.survey()).state == READY


@pytest_twisted.ensureDeferred
async def test_what_happened_lately(exchange: Exchange) -> None:
    await ringing(exchange)
    recent = exchange.service.survey().recent
    assert recent.events["xsp1"] > 5
    assert recent.messages["tserver-1"] > 5
    assert sum(recent.latency.counts) == recent.events["xsp1"]
    assert (recent.latency.quantile(0.99) or 0) > 0
