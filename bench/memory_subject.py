"""The process that W6 and W8 measure: the connector on an XSP in memory, so that 20,000 monitors start in seconds.

Everything but the HTTP client is the connector's own. Beyond what :mod:`bench.subject` is asked, ``calls N E`` has N devices answer a
call, as far as event E, and every answer tells how many requests there were and how many devices are known.

``python bench/memory_subject.py CONFIG PACKAGES [DEVICES]``: packages are ``calls`` or ``all``; so many devices are in the
enterprise's directory.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl
from zlib import crc32

import subject
from twisted.internet.defer import Deferred, succeed

import bwconnector.service
from bench.broadworks import FIRST_PACKAGE, NOT_FOUND, BroadWorks, xml_answer
from bench.workload import DOMAIN, Mix6, XsiEvent, device_name
from bwconnector.bridge.addresses import parse_address
from bwconnector.xsi.errors import Refused
from bwconnector.xsi.requests import Request, Response


class MemoryStream:
    def __init__(self, receiver: Any) -> None:
        self.id = "memory"
        self.receiver = receiver

    def write(self, chunks: bytes) -> None:
        _, _, rest = chunks.partition(b"\r\n")
        self.receiver.data_received(rest[:-2])

    def abort(self) -> None:
        pass


class Forgetful(BroadWorks):
    """Keeps nothing of a subscription, since that would be measured too: its id says all.

    :ivar devices: that the directory of the enterprise has
    """

    devices = int(sys.argv[3]) if len(sys.argv) > 3 else 0

    def serve(self, method: bytes, path: str, body: bytes) -> bytes:
        self.requests["all"] += 1
        what, _, query = path.partition("?")
        if "/directories/" in what:
            wanted = dict(parse_qsl(query))
            first = int(wanted["start"]) - 1
            return xml_answer(directory_page(range(first, min(first + int(wanted["results"]), self.devices))))
        if what.endswith("/calls"):
            return xml_answer('<Calls xmlns="http://schema.broadsoft.com/xsi"/>')
        if "/services/" in what:
            return NOT_FOUND  # nobody is an agent
        if what.startswith("serviceprovider/"):
            return self._granted(f"enterprise-{crc32(body)}")
        return super().serve(method, path, body)

    def _subscribe(self, user: str, body: bytes) -> bytes:
        package = body.partition(b"<event>")[2].partition(b"<")[0]
        if self.packages is not None and package not in self.packages:
            return NOT_FOUND
        subscription = subscription_id(user, package)
        if package == FIRST_PACKAGE:
            self._snapshot(subscription, user)
            self._sequences.clear()
        return self._granted(subscription)


def directory_page(numbers: range) -> str:
    entries = "".join(
        f"<directoryDetails><userId>{name}@{DOMAIN}</userId><firstName>Agent</firstName><lastName>{name}</lastName>"
        f"<number>+1555{name[5:]}</number><extension>{name[5:]}</extension><groupId>agents</groupId></directoryDetails>"
        for name in map(device_name, numbers)
    )
    return f'<Enterprise xmlns="http://schema.broadsoft.com/xsi"><enterpriseDirectory>{entries}</enterpriseDirectory></Enterprise>'


def subscription_id(user: str, package: bytes = FIRST_PACKAGE) -> str:
    return f"5d0d2f3e-6f0e-4b53-{crc32(package) & 0xFFFF:04x}-{user[5:].partition('@')[0]:>012}"


class Names:
    """Names of the first devices. Made anew each time, as is what is told below: nothing that belongs to the bench is to be measured."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __iter__(self) -> Iterator[str]:
        return map(device_name, range(self._number))


class SubscriptionIds(dict[str, str]):
    """By the names of devices."""

    def __missing__(self, device: str) -> str:
        return subscription_id(f"{device}@{DOMAIN}")


class MemoryXsp:
    """Takes the place of :class:`bwconnector.xsi.xsp.Xsp`; every request is answered at once."""

    broadworks = Forgetful(subject.reactor, packages=frozenset((b"Advanced Call",)) if sys.argv[2] == "calls" else None)

    def __init__(self, reactor: Any, settings: Any) -> None:
        self.name = settings.name
        self.settings = settings
        self.requests: dict[str, int] = {}

    async def perform(self, request: Request, timeout: float = 0.0) -> Response:
        answer = self.broadworks.serve(request.method.encode(), request.target, request.body or b"")
        head, _, body = answer.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status >= 300:
            raise Refused(status, 0, "not here")
        return Response(status, {}, body)

    async def open_stream(self, request: Request, receiver: Any, timeout: float = 0.0) -> Any:
        stream = MemoryStream(receiver)
        self.broadworks.streams.append(stream)  # type: ignore[arg-type]
        opened = '<Channel xmlns="http://schema.broadsoft.com/xsi"><channelId>memory</channelId><expires>3600</expires></Channel>'
        subject.reactor.callLater(0, receiver.data_received, opened.encode())
        return stream

    def close(self) -> Deferred[None]:
        return succeed(None)


class MemoryAcks:
    def __init__(self, *arguments: Any, **options: Any) -> None:
        pass

    def send(self, event_id: str, status_code: int = 200, reason: str = "OK") -> None:
        pass

    def close(self) -> None:
        pass


class Control(subject.Control):
    _calls: Iterator[tuple[int, tuple[int, XsiEvent]]] | None = None

    def lineReceived(self, line: bytes) -> None:
        if line.startswith(b"calls "):
            self._call(*map(int, line.split()[1:]))
            self._usage.collect()
        super().lineReceived(line)

    def tell(self, found: dict[str, Any]) -> None:
        known = len(self._service.bridge.switch.directory.devices())
        super().tell({**found, "requests": MemoryXsp.broadworks.requests["all"], "devices": known})

    def _call(self, number: int, events: int) -> None:
        """Calls ring at so many devices, and are answered: go on until so many events have come."""
        (stream,) = MemoryXsp.broadworks.streams
        if self._calls is None:
            self._calls = enumerate(Mix6(Names(number)).cycles(1, SubscriptionIds(), [stream.id]), 1)
        for sent, (_, event) in self._calls:
            stream.receiver.data_received(event.document)  # type: ignore[attr-defined]
            if sent == events:
                break


def fill_caches() -> None:
    """What is kept of the latest addresses is of one size, however many calls there are."""
    for number in range(parse_address.cache_info().maxsize or 0):
        parse_address(f"tel:+1666{number:07}", "")


def main() -> None:
    fill_caches()
    bwconnector.service.Xsp = MemoryXsp  # type: ignore[assignment,misc]
    bwconnector.service.Acks = MemoryAcks  # type: ignore[assignment,misc]
    subject.Control = Control  # type: ignore[misc]
    subject.main()


if __name__ == "__main__":
    main()
