"""Rows W1, W1p, W2 and W3: events for each second of CPU, beside relaydoc's in the same rounds."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.figures import Goal, Row, ratios
from bench.stage import ConnectorStage, RelayStage, Round, Stage
from bench.workload import EVENTS_PER_CYCLE, device_name

__all__ = ["DEPTH", "Throughput"]

DEPTH = 32
"""Acknowledgements under way on a connection where they are pipelined."""
LINKS = (1, 2, 4, 8)
"""Of the picture; all of them monitor everything."""
AGAINST = "against"


class Throughput:
    """All of them at once: every process is started once, and has its turn in each round.

    :param against: another checkout of the connector, for a comparison with its W1
    """

    def __init__(
        self, reactor: Any, directory: Path, *, devices: int, cycles: int, rounds: int, links: tuple[int, ...], against: Path | None
    ) -> None:
        names = [device_name(number) for number in range(devices)]
        self._cycles = cycles
        self._rounds = rounds
        self._relay = RelayStage(reactor)
        self._stages: dict[str, ConnectorStage] = {
            "W1": ConnectorStage(reactor, directory, "W1", names),
            "W1p": ConnectorStage(reactor, directory, "W1p", names, ack_pipelining=DEPTH),
            "W3": ConnectorStage(reactor, directory, "W3", names, channels=3, links=4, shared=False),
        }
        for count in links:
            if count > 1:
                self._stages[f"links {count}"] = ConnectorStage(reactor, directory, f"links-{count}", names, links=count)
        if against is not None:
            self._stages[AGAINST] = ConnectorStage(reactor, directory, AGAINST, names, checkout=against)
        self._played: dict[str, list[Round]] = {name: [] for name in ("relay", *self._stages)}

    async def run(self) -> None:
        stages: list[Stage] = [self._relay, *self._stages.values()]
        try:
            for stage in stages:
                await stage.start()
            for number in range(-1, self._rounds):  # the first one warms up
                events = self._stages["W1"].events(self._cycles)
                rounds = {"relay": await self._relay.play(events), "W1": await self._stages["W1"].play(events)}
                self.event_size = sum(len(event.document) for _, event in events) / len(events)
                self.out_size = statistics.mean(map(len, self._stages["W1"].links[0].kept))
                for name, stage in self._stages.items():
                    if name != "W1":
                        rounds[name] = await stage.play(stage.events(self._cycles))
                if number >= 0:
                    for name, played in rounds.items():
                        self._played[name].append(played)
        finally:
            for stage in stages:
                await stage.end()

    def cost(self, name: str) -> float:
        """Median microseconds of CPU for each event."""
        return statistics.median(played.cost for played in self._played[name])

    @property
    def links(self) -> dict[int, float]:
        """Median CSTA events for each second of CPU, by number of links."""
        rates = {1: statistics.median(played.rate for played in self._played["W1"])}
        for name, rounds in self._played.items():
            if name.startswith("links "):
                count = int(name.removeprefix("links "))
                rates[count] = count * statistics.median(played.rate for played in rounds)
        return dict(sorted(rates.items()))

    def rows(self) -> Iterator[Row]:
        relay = [played.rate for played in self._played["relay"]]
        busy = [played.generator / played.wall for played in self._played["W1"]]
        yield Row(
            "floor",
            "relaydoc: read, split, frame, forward",
            "events per CPU second",
            tuple(relay),
            f"{self.cost('relay'):.1f} µs an event; {statistics.median(p.events / p.wall for p in self._played['relay']):.0f} events/s of "
            f"wall time from the same generator, which is {statistics.median(busy):.0%} busy in W1",
        )
        goals = {
            "W1": ("one link, one acknowledgement at a time on a connection", Goal(0.05, 0.08, 0.15)),
            "W1p": (f"the same, acknowledgements pipelined by {DEPTH}", Goal(0.08, 0.13, 0.25)),
            "W3": ("three channels, four links, each device on one link", Goal(0.05, 0.08, 0.15)),
        }
        for code in ("W1", "W1p"):
            yield self._throughput(code, *goals[code], relay)
        if "links 4" in self._stages:
            one, four = ([played.cost for played in self._played[name]] for name in ("W1", "links 4"))
            yield Row(
                "W2",
                "four links that all monitor everything",
                "CPU per event ÷ W1's",
                ratios(four, one),
                f"{self.cost('links 4'):.0f} µs ÷ {self.cost('W1'):.0f} µs",
                Goal(2.0, 1.4, 1.15, more=False),
            )
        yield self._throughput("W3", *goals["W3"], relay)
        if AGAINST in self._stages:
            old, new = ([played.cost for played in self._played[name]] for name in (AGAINST, "W1"))
            yield Row("A/B", "W1 of the other checkout", "its CPU per event ÷ W1's", ratios(old, new), f"{self.cost(AGAINST):.0f} µs")

    def _throughput(self, code: str, what: str, goal: Goal, relay: list[float]) -> Row:
        rates = [played.rate for played in self._played[code]]
        values = f"{statistics.median(rates):.0f} events per CPU second, {self.cost(code):.0f} µs an event"
        return Row(code, what, "CPU rate ÷ relaydoc's", ratios(rates, relay), values, goal)

    @property
    def events(self) -> int:
        """Xsi events of one round of one process."""
        return EVENTS_PER_CYCLE * self._cycles * len(self._stages["W1"].devices)
