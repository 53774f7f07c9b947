"""``python -m bench``: measure all rows, or some; print the table, and write it down with its pictures."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from twisted.internet import task
from twisted.internet.defer import ensureDeferred

from bench import pictures, recorder, stages
from bench.figures import Row, machine, percentile
from bench.latency import RATES, LatencyRow
from bench.memory import LargeSite, Memory
from bench.starts import Recovery, Starts
from bench.throughput import Throughput
from bench.tserver import BenchError

RESULTS = Path(__file__).resolve().parent / "results"
DOCUMENT = RESULTS.parent.parent / "docs" / "performance.rst"
GROUPS = ("throughput", "starts", "latency", "memory", "site", "recovery", "recorder", "stages")
FULL = {
    "devices": 1000,
    "cycles": 2,
    "rounds": 5,
    "seconds": 2.0,
    "starts": 1500,
    "monitors": 20_000,
    "calls": 8_000,
    "recovery": 2000,
    "site": (10_000, 100_000),
}
QUICK = {
    "devices": 60,
    "cycles": 3,
    "rounds": 2,
    "seconds": 0.3,
    "starts": 100,
    "monitors": 500,
    "calls": 200,
    "recovery": 50,
    "site": (200, 2_000),
}
CURVE = (*range(0, 100, 2), 99)
"""Percentiles of the picture of latencies."""


class Suite:
    """The groups of rows, one after the other, in a directory of their own."""

    def __init__(self, reactor: Any, directory: Path, options: argparse.Namespace) -> None:
        self._reactor = reactor
        self._directory = directory
        self._options = options
        self._sizes: dict[str, Any] = QUICK if options.quick else FULL
        self.rows: list[Row] = []
        self.pictures: dict[str, str] = {}
        self.notes: list[str] = []
        self.machine = machine()
        self.named = f"{self.machine['cpu']}, {self.machine['python']}, {self.machine['packages']}"

    @property
    def caveat(self) -> str:
        """What the figures are not worth: small numbers, or a machine that others have kept busy."""
        small = " with the small numbers of ``--quick``" if self._options.quick else ""
        return f"{small}; load of the machine at the end: {os.getloadavg()[1]:.1f}"

    async def run(self) -> None:
        for group in self._options.only or GROUPS:
            began = time.monotonic()
            self.rows += await getattr(self, f"_{group}")()
            sys.stderr.write(f"{group}: {time.monotonic() - began:.0f} s\n")

    async def _throughput(self) -> Iterable[Row]:
        sizes = self._sizes
        links = (1, 4) if self._options.quick else (1, 2, 4, 8)
        rows = Throughput(
            self._reactor,
            self._directory,
            devices=sizes["devices"],
            cycles=sizes["cycles"],
            rounds=sizes["rounds"],
            links=links,
            against=self._options.against,
        )
        await rows.run()
        self.notes.append(
            f"Workload: {rows.events} Xsi events of {rows.event_size:.0f} bytes in a round of each process; "
            f"{rows.out_size:.0f} bytes in a CSTA event, one for each Xsi event on each link."
        )
        by_links = {f"{count} link{'s' * (count > 1)}": rate for count, rate in rows.links.items()}
        self.pictures["links"] = pictures.bars(
            "CSTA events by number of links", self.named, "CSTA events for each second of CPU; every link monitors all devices", by_links
        )
        self._w1 = rows.cost("W1")
        return list(rows.rows())

    async def _starts(self) -> Iterable[Row]:
        rows = Starts(
            self._reactor, self._directory, monitors=self._options.monitors or self._sizes["starts"], rounds=self._sizes["rounds"]
        )
        await rows.run()
        return list(rows.rows())

    async def _latency(self) -> Iterable[Row]:
        rows = LatencyRow(self._reactor, self._directory, seconds=self._sizes["seconds"], rounds=self._sizes["rounds"])
        await rows.run()
        series = {
            f"{name}, {rate} events/s": [(percent, 1e6 * percentile(rows.latencies[name, rate], percent)) for percent in CURVE]
            for rate in RATES
            for name in ("connector", "relay")
        }
        self.pictures["latency"] = pictures.curves(
            "Latency", self.named, "µs from writing an Xsi event to reading its CSTA event, by percentile", series, lambda x: f"p{x:.0f}"
        )
        return list(rows.rows())

    async def _memory(self) -> Iterable[Row]:
        rows = Memory(self._reactor, self._directory, monitors=self._sizes["monitors"], calls=self._sizes["calls"])
        await rows.run()
        return list(rows.rows())

    async def _site(self) -> Iterable[Row]:
        monitors, devices = self._sizes["site"]
        rows = LargeSite(self._reactor, self._directory, monitors=monitors, devices=devices)
        await rows.run()
        return list(rows.rows())

    async def _recorder(self) -> Iterable[Row]:
        shares, cost = recorder.rounds(self._sizes["rounds"])
        told = f"{cost:.1f} µs an event"
        return [Row("recorder", "the flight recorder, for what passes in a recorded call", "its time ÷ everything else's", shares, told)]

    async def _recovery(self) -> Iterable[Row]:
        rows = Recovery(self._reactor, self._directory, monitors=self._sizes["recovery"], rounds=min(3, self._sizes["rounds"]))
        await rows.run()
        return list(rows.rows())

    async def _stages(self) -> Iterable[Row]:
        found = stages.profile(self._sizes["devices"] // 5, self._sizes["cycles"], self._sizes["rounds"])
        if hasattr(self, "_w1"):
            found["sockets, acks"] = max(0.0, self._w1 - sum(found.values()))
        self.pictures["stages"] = pictures.bars("Cost of an event by stage", self.named, "µs of CPU for each event", found)
        told = ", ".join(f"{name} {cost:.1f}" for name, cost in found.items())
        return [Row("stages", "cost of an event by stage, without sockets", "µs", (sum(found.values()),), told)]


def table(rows: Iterable[Row]) -> str:
    """The rows as text."""
    lines = []
    for row in rows:
        spread = f"{min(row.rounds):.3g} to {max(row.rounds):.3g} in {len(row.rounds)}"
        goal = f"  [{row.goal}: {row.verdict}]" if row.goal else ""
        lines.append(f"{row.code:<10} {row.what}\n{'':<10} {row.measure}: {row.median:.3g} ({spread}){goal}")
        if row.values:
            lines.append(f"{'':<10} {row.values}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small numbers, in a minute: whether it works, not how fast it is")
    parser.add_argument("--only", action="append", choices=GROUPS, help="this group of rows; may be given several times")
    parser.add_argument("--monitors", type=int, default=0, help="monitors that W4 starts in each round")
    parser.add_argument("--against", type=Path, help="another checkout of the connector, to be compared with this one in W1")
    parser.add_argument("--write", action="store_true", help="keep the figures, the pictures and the table of the documents")
    options = parser.parse_args()
    done: list[Suite] = []

    async def measure(reactor: Any) -> None:
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            suite = Suite(reactor, Path(directory), options)
            await suite.run()
            done.append(suite)

    try:
        task.react(lambda reactor: ensureDeferred(_reported(measure(reactor))))
    except SystemExit as end:
        if not done:
            raise SystemExit(end.code or 1) from None
    (suite,) = done
    head = [f"{name}: {value}" for name, value in suite.machine.items()]
    print("\n".join([*head, *suite.notes, "", table(suite.rows)]))
    if options.write:
        write(suite)


async def _reported(measuring: Any) -> None:
    try:
        await measuring
    except BenchError as error:
        sys.stderr.write(f"No figures: {error}\n")
        raise SystemExit(1) from None


def rst(rows: Iterable[Row], notes: Iterable[str]) -> str:
    """The figures as they stand in the documents."""
    lines = [*(f"{note}\n" for note in notes)]
    lines += [".. list-table:: Figures", "   :header-rows: 1", "   :widths: 10 30 30 20 10", "", "   * - Row"]
    lines += ["     - Measure", "     - Median, lowest to highest", "     - Goal", "     - Reached"]
    for row in rows:
        spread = f"**{row.median:.3g}** ({min(row.rounds):.3g} to {max(row.rounds):.3g})"
        cells = (row.measure, f"{spread}; {row.values}" if row.values else spread, str(row.goal or ""), row.verdict)
        lines += [f"   * - {row.code}", *(f"     - {cell}".rstrip() for cell in cells)]
    return "\n".join(lines)


def write(suite: Suite) -> None:
    """Keep the figures and the pictures, and bring the document up to date."""
    RESULTS.mkdir(exist_ok=True)
    found = {"machine": suite.machine, "notes": suite.notes, "rows": [row.as_dict() for row in suite.rows]}
    (RESULTS / "latest.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for name, picture in suite.pictures.items():
        (RESULTS / f"{name}.svg").write_text(picture, encoding="utf-8")
    begin, end = ".. figures begin\n", ".. figures end\n"
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(begin)
    measured = [f"Measured on {suite.named}{suite.caveat}.", *suite.notes]
    DOCUMENT.write_text(f"{before}{begin}\n{rst(suite.rows, measured)}\n\n{end}{rest.partition(end)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
