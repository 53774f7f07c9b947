"""Row W5: from writing an Xsi event to reading the CSTA event that it implies, beside the relay's, at a steady pace."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.figures import Goal, Row, percentile, ratios
from bench.stage import ConnectorStage, RelayStage
from bench.workload import EVENTS_PER_CYCLE, device_name

__all__ = ["RATES", "LatencyRow"]

RATES = (500, 2000)
"""Events a second."""
DEVICES = 100


class LatencyRow:
    """Both processes in each round, at each rate.

    :param seconds: how long each goes on
    :ivar latencies: seconds, of all rounds, by process and rate
    """

    def __init__(self, reactor: Any, directory: Path, *, seconds: float, rounds: int) -> None:
        self._seconds = seconds
        self._rounds = rounds
        self._relay = RelayStage(reactor)
        self._connector = ConnectorStage(reactor, directory, "W5", [device_name(number) for number in range(DEVICES)])
        self._medians: dict[tuple[str, int], list[float]] = {}
        self.latencies: dict[tuple[str, int], list[float]] = {}

    async def run(self) -> None:
        try:
            await self._relay.start()
            await self._connector.start()
            for rate in RATES:
                cycles = max(1, round(rate * self._seconds / EVENTS_PER_CYCLE / DEVICES))
                for number in range(-1, self._rounds):
                    events = self._connector.events(cycles)
                    for name, stage in (("relay", self._relay), ("connector", self._connector)):
                        played = await stage.play(events, pace=rate)
                        if number >= 0:
                            self._medians.setdefault((name, rate), []).append(statistics.median(played.latencies))
                            self.latencies.setdefault((name, rate), []).extend(played.latencies)
        finally:
            await self._relay.end()
            await self._connector.end()

    def rows(self) -> Iterator[Row]:
        for rate in RATES:
            own, relay = self.latencies["connector", rate], self.latencies["relay", rate]
            values = "; ".join(
                f"{name} p50 {1e6 * percentile(values, 50):.0f} µs, p99 {1e6 * percentile(values, 99):.0f} µs"
                for name, values in (("connector", own), ("relay", relay))
            )
            yield Row(
                f"W5 {rate}",
                f"latency at {rate} events/s with acknowledgements",
                "p50 ÷ relay's",
                ratios(self._medians["connector", rate], self._medians["relay", rate]),
                values,
                Goal(5, 3, 1.5, more=False),
            )
