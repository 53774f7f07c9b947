"""The bench itself, with a handful of events: it ends, it verifies, and it leaves no process behind. No figure is looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import ensureDeferred

from bench.stage import ConnectorStage, RelayStage
from bench.tserver import BenchError
from bench.workload import device_name

ROOT = Path(__file__).resolve().parents[2]
DEVICES = [device_name(number) for number in range(5)]


@pytest.mark.system
@pytest_twisted.inlineCallbacks
def test_connector_and_relay_are_measured(tmp_path: Path) -> Any:
    from twisted.internet import reactor

    async def measure() -> None:
        relay = RelayStage(reactor)
        connector = ConnectorStage(reactor, tmp_path, "smoke", DEVICES, channels=2, links=2, ack_pipelining=4)
        try:
            await relay.start()
            await connector.start()
            events = connector.events(2)
            assert (await connector.play(events)).events == 60
            assert 1 < connector.broadworks.pipelined <= 4  # as its config says
            assert (await relay.play([(0, event) for _, event in events])).events == 60
            paced = connector.events(1)
            relayed = await relay.play([(0, event) for _, event in paced], pace=2000)
            assert len(relayed.latencies) == 30
            with pytest.raises(BenchError):  # what was sent to the relay alone did not come out of the connector
                connector.check([event for _, event in paced])
        finally:
            await relay.end()
            await connector.end()
        assert connector.child.ended
        assert relay.child.ended

    yield ensureDeferred(measure())


@pytest.mark.system
def test_rows_are_printed() -> None:
    command = [sys.executable, "-m", "bench", "--quick", "--only", "stages"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    assert "python: " in done.stdout
    assert "stages" in done.stdout
