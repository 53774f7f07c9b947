"""The ``bwctl`` command: the administrator's tool beside a connector."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from bwconnector import __version__
from bwconnector.csta.messages import MakeCall, MakeCallResponse, Message, RequestSystemStatus, RequestSystemStatusResponse
from bwconnector.ops.check import check
from bwconnector.ops.client import ClientError, address_of, connect
from bwconnector.ops.differences import differences, monitors_of, sent_lines
from bwconnector.ops.dump import DumpError, read_dump
from bwconnector.ops.fixture import write_fixture
from bwconnector.ops.remote import DEFAULT_URL, link_lines
from bwconnector.ops.replay import replay
from bwconnector.ops.sizing import HEADS as SITE_HEADS
from bwconnector.ops.sizing import SITES, Site, lines
from bwconnector.ops.story import HEADS, Unknown, story
from bwconnector.ops.tables import table_lines
from bwconnector.ops.watch import Watch
from bwconnector.options import RecorderOptions

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 if all is well, 1 if not, 2 if the command line makes no sense."""
    react(_run, (_parser().parse_args(argv),))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bwctl", description="Checks and watches a BroadWorks Connector.")
    parser.add_argument("--version", action="version", version=f"bwctl {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(function: Callable[..., Any], explanation: str) -> argparse.ArgumentParser:
        added = commands.add_parser(function.__name__.strip("_"), help=explanation, description=explanation)
        added.set_defaults(command=function)
        return added

    checking = command(
        _check, "Try everything that a config needs, and tell what is wrong; exit code 0 if the connector would work with it."
    )
    checking.add_argument("file", metavar="FILE")
    checking.add_argument("devices", metavar="DEVICE", nargs="*", help="devices that BroadWorks is asked for")

    watching = command(_watch, "Monitor devices and print their events as they come, until Ctrl-C.")
    _add_address(watching)
    watching.add_argument("devices", metavar="DEVICE", nargs="+")
    watching.add_argument("--seconds", type=float, metavar="N", help="end after N seconds")
    watching.add_argument("--events", type=int, metavar="N", help="end after N events")

    dialling = command(_dial, "Make one call.")
    _add_address(dialling)
    dialling.add_argument("calling", metavar="FROM")
    dialling.add_argument("called", metavar="TO")

    replaying = command(_replay, "Let what a connector recorded pass through this version, and print the CSTA that comes out.")
    replaying.add_argument("file", metavar="FILE", help="written by the connector: see [recorder]")
    replaying.add_argument("--diff", action="store_true", help="print only where it differs from what was sent; exit code 0 if nowhere")
    replaying.add_argument("--test", metavar="NAME", help="make a test of it: tests/replays/NAME.jsonl, for a tree of the sources")

    telling = command(_call, "Tell the story of one call from a recording.")
    telling.add_argument("id", metavar="ID", help="its callID at CSTA, or an extTrackingId or callId of BroadWorks")
    telling.add_argument("--file", metavar="FILE", required=True, help="written by the connector: see [recorder]")

    listing = command(_links, "List the T-Servers of a running connector, what they may do, and what they were refused.")
    listing.add_argument(
        "url", metavar="URL", nargs="?", default=DEFAULT_URL, help=f"the connector's status page; {DEFAULT_URL} by default"
    )

    sizing = command(_size, "Reckon what a site needs of CPU, memory and XSPs; without numbers, for some examples.")
    sizing.add_argument("--agents", type=_number, metavar="N", help="monitored devices")
    sizing.add_argument("--calls", type=_number, metavar="N", default=0, help="calls in an hour, of all agents together")
    sizing.add_argument("--links", type=_number, metavar="N", default=1, help="T-Servers that monitor every agent")

    asking = command(_status, "Print the system status; exit code 0 if it is normal.")
    _add_address(asking)
    return parser


def _number(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 10_000_000:
        raise ValueError(text)
    return number


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", metavar="HOST:PORT", type=address_of, help="the connector's CSTA port")


async def _run(reactor: Any, arguments: argparse.Namespace) -> None:
    try:
        well = await arguments.command(reactor, arguments)
    except (ClientError, DumpError, Unknown) as error:
        print(f"bwctl: {error}", file=sys.stderr)
        well = False
    if not well:
        raise SystemExit(1)


def _tell(line: str) -> None:
    """To a terminal or a pipe, at once."""
    print(line, flush=True)


async def _check(reactor: Any, arguments: argparse.Namespace) -> bool:
    return await check(reactor, arguments.file, _tell, arguments.devices)


async def _watch(reactor: Any, arguments: argparse.Namespace) -> bool:
    watch = Watch(reactor, _tell, arguments.events)
    # Ctrl-C begins a shutdown, which waits for what its triggers return
    reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromCoroutine(watch.stop()))
    await watch.start(arguments.address, arguments.devices)
    if arguments.seconds is not None:
        reactor.callLater(arguments.seconds, watch.finish)
    await watch.finished
    await watch.stop()
    return True


async def _dial(reactor: Any, arguments: argparse.Namespace) -> bool:
    client = await connect(reactor, arguments.address, _ignore)
    try:
        request = MakeCall(calling_device=arguments.calling, called_directory_number=arguments.called)
        connection = (await client.request(request, MakeCallResponse)).calling_device
    finally:
        await client.close()
    _tell(f"call {connection.call_id} from {connection.device_id or arguments.calling} to {arguments.called}")
    return True


async def _status(reactor: Any, arguments: argparse.Namespace) -> bool:
    client = await connect(reactor, arguments.address, _ignore)
    try:
        status = (await client.request(RequestSystemStatus(), RequestSystemStatusResponse)).system_status
    finally:
        await client.close()
    _tell(status)
    return status == "normal"


async def _links(reactor: Any, arguments: argparse.Namespace) -> bool:
    for line in await link_lines(reactor, arguments.url):
        _tell(line)
    return True


async def _replay(reactor: Any, arguments: argparse.Namespace) -> bool:
    dump = read_dump(arguments.file)
    replayed = replay(dump)
    if arguments.test:
        fixture = write_fixture(dump, replayed, arguments.test)
        _tell(f"{fixture} expects what this version sends; look through it, and for names and numbers that must not leave the site")
    told = differences(dump.recording, replayed)
    if arguments.diff or arguments.test:
        well = not told
    else:
        well, told = True, list(sent_lines(replayed.sent, monitors_of(dump.recording)))
    for line in told:
        _tell(line)
    for request in replayed.missing:
        print(f"bwctl: the recording has no answer to {request}", file=sys.stderr)
    for error in replayed.errors:
        print(f"bwctl: this version failed: {error}", file=sys.stderr)
    return (well or bool(arguments.test)) and not replayed.errors


async def _call(reactor: Any, arguments: argparse.Namespace) -> bool:
    told = story(read_dump(arguments.file).recording, arguments.id)
    for line in table_lines(HEADS, told, len(told)):
        _tell(line)
    return True


async def _size(reactor: Any, arguments: argparse.Namespace) -> bool:
    sites = SITES if arguments.agents is None else (Site(arguments.agents, arguments.calls, max(1, arguments.links)),)
    for line in table_lines(SITE_HEADS, lines(sites, RecorderOptions().size)):
        _tell(line)
    return True


def _ignore(message: Message) -> None:
    """Events of devices that this command has not asked for."""
