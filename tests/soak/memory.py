"""How much memory a connector takes at most while T-Servers do not read, and hostile XSPs never end: the most is what is printed.

Half of the T-Servers monitor everybody and then read nothing more; the other half asks for what is long and reads none of the answers.
One XSP is well, each other one is hostile in its own way. The exit status is 1 if the connector did not survive, if a T-Server that is well
was not served to the end, or if the most is beyond what the limits allow.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from itertools import count, repeat
from random import Random
from typing import Any

from twisted.internet import task
from twisted.internet.defer import ensureDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol

from bwconnector.csta import messages as csta
from bwconnector.csta.xml import ED3
from tests.chaos.soak import SocketLink, Tally
from tests.chaos.tserver import TServer
from tests.soak.flat import read
from tests.soak.site import Site
from tests.xsi.samples import channel
from tests.xsi.server import Endless, Seen, chunked, http, serving

USERS = 40
QUEUE = 8 * 2**20
"""``send-queue-limit``: what may wait for one link."""
OVERHEAD = 1.5
"""What a byte that waits costs, with the object that it is part of."""
HOSTILE_XSP = 32 * 2**20
"""What one hostile XSP may take: some documents and answers of the greatest length, and what they are put together from."""


def document_without_end(seen: Seen) -> bytes:
    """The stream begins a document that never ends."""
    return _endless(seen, chunked(200, channel() + b"<Event>", end=False), b"10000\r\n" + b"x" * 65536 + b"\r\n")


def headers_without_end(seen: Seen) -> bytes:
    return _endless(seen, b"HTTP/1.1 200 OK\r\n", b"X-Filler: " + b"x" * 1000 + b"\r\n")


def bomb(seen: Seen) -> bytes:
    """A little that becomes a lot."""
    return http(200, BOMB, "Content-Encoding: gzip")


def answers_without_end(seen: Seen) -> bytes:
    """The channel is well; all other requests are answered without an end."""
    if seen.method == "POST" and seen.target.endswith("/channel"):
        return chunked(200, channel(), end=False)
    if "/channel/" in seen.target:
        return http(200, channel())
    return _endless(seen, http(200, b"", "Connection: close", length=False), b"x" * 65536)


BOMB = gzip.compress(bytes(2**28), 9)
KINDS: tuple[Callable[[Seen], bytes], ...] = (document_without_end, headers_without_end, bomb, answers_without_end)


def _endless(seen: Seen, head: bytes, piece: bytes) -> bytes:
    task.deferLater(_reactor(), 0, Endless, seen, repeat(piece)).addErrback(lambda _: None)
    return head


def _reactor() -> Any:
    from twisted.internet import reactor

    return reactor


class Asker(SocketLink):
    """Asks for what is long, as fast as it is taken, and reads nothing."""

    def ask(self) -> None:
        transport: Any = self.transport
        transport.stopReading()
        requests = [f"{number:04}" for number in range(50)]
        transport.write(b"".join(self._csta.send(invoke_id, csta.GetSwitchingFunctionCaps(), ED3) for invoke_id in requests))


async def measure(reactor: Any, tservers: int, seconds: float) -> bool:
    """Print the figures; whether they are within the limits."""
    async with AsyncExitStack() as stack:
        sections = '[recorder]\nsize = 0\n[log]\nlevel = "info"\n'
        for kind in KINDS:
            server = await stack.enter_async_context(serving())
            server.answer = kind
            name = kind.__name__.replace("_", "-")
            sections += f'[link-{name}]\nhostname = "127.0.0.1"\nport = {server.port}\ntls = false\n'
        site = Site(reactor, 1, f"users = {USERS}\n", sections)
        site.start()
        try:
            await site.ready(1)
            return await _measure(reactor, site, tservers, seconds)
        finally:
            site.stop()


async def _measure(reactor: Any, site: Site, tservers: int, seconds: float) -> bool:
    random, began, operations = Random(1), reactor.seconds(), count()
    names = [user["user_id"] for user in await site.admin("GET", "/users")]
    endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", site.csta)
    before = read(0.0, await site.metrics()).memory
    well = TServer("well", reactor, ["alice", "bob"])
    told = Tally()
    await connectProtocol(endpoint, SocketLink(well, told))
    askers: list[Asker] = []
    for number in range(tservers):
        tserver = TServer(f"{number}", reactor, [name.partition("@")[0] for name in names])
        if number % 2:
            askers.append(await connectProtocol(endpoint, Asker(tserver, Tally())))
        else:
            link = await connectProtocol(endpoint, SocketLink(tserver, Tally()))
            reactor.callLater(min(20.0, seconds / 3), _read_no_more, link)
    most, events = before, 0
    while reactor.seconds() - began < seconds:
        for asker in askers:
            if asker.transport is not None and asker.transport.connected:  # type: ignore[attr-defined]
                asker.ask()
        for operation in ("dial", "answer", "hang_up"):
            next(operations)
            party, address = random.sample(names[:10], 2)
            await site.admin("POST", f"/operations/{operation}", party=party, **({"address": address} if operation == "dial" else {}))
        sample = read(reactor.seconds() - began, await site.metrics())
        most = max(most, sample.memory)
    events = told.events
    alive = site.alive and well.connected
    limit = before + int(tservers * QUEUE * OVERHEAD) + len(KINDS) * HOSTILE_XSP
    dropped = (await site.status())["totals"]["links_dropped"]
    say(f"{tservers} T-Servers that do not read and {len(KINDS)} hostile XSPs for {seconds:.0f} s: {before / 2**20:.0f} MB before, ")
    say(f"{most / 2**20:.0f} MB at most (the limits allow {limit / 2**20:.0f} MB); links ended: {dropped or 'none'}")
    say(f"the T-Server that is well {'was told ' + str(events) + ' events' if alive else 'lost its link'}")
    return alive and most <= limit and events > 0


def _read_no_more(link: SocketLink) -> None:
    transport: Any = link.transport
    if transport is not None and transport.connected:
        transport.stopReading()


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="memory", description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--tservers", type=int, default=12, help="that do not read")
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()

    async def run(reactor: Any) -> None:
        if not await measure(reactor, options.tservers, options.seconds):
            raise SystemExit(1)

    task.react(lambda reactor: ensureDeferred(run(reactor)))


if __name__ == "__main__":
    main()
