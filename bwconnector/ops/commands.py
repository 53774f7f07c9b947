"""The commands of the manhole: tables of what goes on, and, where the config allows it, a few repairs, each of which is logged."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from math import inf
from typing import Any

import attrs
from twisted.logger import Logger

from bwconnector.bridge.bridge import Bridge
from bwconnector.csta.link import LinkFactory
from bwconnector.ops.differences import clock_time, frame_line, monitors_of
from bwconnector.ops.flight import FlightRecorder
from bwconnector.ops.inspection import Inspect, Inspection, LinkStatus
from bwconnector.ops.page import duration
from bwconnector.ops.recorder import Entry
from bwconnector.ops.story import HEADS, Unknown, document_line, story
from bwconnector.ops.tables import print_table
from bwconnector.xsi.channelset import ChannelSet
from bwconnector.xsi.collective import CollectiveSubscriptions
from bwconnector.xsi.errors import XsiFailure
from bwconnector.xsi.subscriptions import Subscriptions

__all__ = ["Namespace", "Parts", "commands"]

log = Logger()

Namespace = Callable[[str], dict[str, object]]
"""Makes the names of a session, for whoever it is: user and address."""

RECORDER_OFF = "The recorder is off ([recorder] size = 0)."


@attrs.frozen(slots=True, kw_only=True)
class Parts:
    """The parts of the connector that a command may look into."""

    bridge: Bridge
    channels: ChannelSet
    subscriptions: Subscriptions | CollectiveSubscriptions
    links: LinkFactory
    flight: FlightRecorder | None
    spawn: Callable[[Coroutine[Any, Any, None]], None]
    seconds: Callable[[], float]


def commands(inspect: Inspect, parts: Parts | None = None, *, writes: bool = False, who: str = "") -> dict[str, object]:
    """The names that a session starts with.

    :param inspect: takes the snapshot that the tables show
    :param parts: without them only the tables of the snapshot are there
    :param writes: those that change something are there, too
    :param who: user and address, for the log
    """
    known = _tables(inspect)
    if parts is not None:
        known += _looks(parts)
        if writes:
            known += _writes(parts, who)

    def help() -> None:
        """This list."""
        print_table(("command", ""), sorted((_signature(command), command.__doc__ or "") for command in [*known, help]))

    return {**{command.__name__: command for command in known}, "help": help, "inspect": inspect}


def _signature(command: Callable[..., None]) -> str:
    return f"{command.__name__}({', '.join(command.__code__.co_varnames[: command.__code__.co_argcount])})"


LINK_HEADS = ("link", "from", "for", "monitors", "in", "out", "bytes waiting", "certificate", "access", "refused")


def link_row(now: float, link: LinkStatus) -> tuple[object, ...]:
    """What a table tells of a T-Server."""
    refused = " ".join(f"{limit}:{count}" for limit, count in sorted(link.refused.items()))
    since = duration(now - link.since)
    own = (link.name, link.peer, since, link.monitors, link.messages_in, link.messages_out, link.unsent)
    return (*own, link.certificate, link.access, refused)


def _tables(inspect: Inspect) -> list[Callable[..., None]]:
    def channels() -> None:
        """The channels to BroadWorks."""
        now = inspect()
        heads = ("link", "xsp", "state", "for", "heartbeat", "events", "share", "wanted", "reason")
        print_table(heads, (_channel(now, number) for number in range(len(now.channels))))

    def links() -> None:
        """The T-Servers that are connected."""
        now = inspect()
        print_table(LINK_HEADS, (link_row(now.now, link) for link in now.links))

    def monitors(device: str = "") -> None:
        """The monitors, of all devices or of one."""
        rows = ((m.device, m.cross_ref, m.link, " ".join(m.filter)) for m in inspect().monitors if device in ("", m.device))
        print_table(("device", "cross reference", "link", "not sent"), rows)

    def calls(device: str = "") -> None:
        """The calls, of all devices or of one."""
        now = inspect()
        rows = (
            (call.id, "" if call.since is None else duration(now.now - call.since), " ".join(f"{p.device}:{p.state}" for p in call.parties))
            for call in now.calls
            if not device or any(party.device == device for party in call.parties)
        )
        print_table(("call", "for", "parties"), rows)

    def suspects() -> None:
        """Calls that are older than they should be."""
        now = inspect()
        rows = ((s.call, duration(now.now - s.since), s.why, " ".join(s.devices)) for s in now.suspects)
        print_table(("call", "for", "why", "devices"), rows)

    return [channels, links, monitors, calls, suspects]


def _channel(now: Inspection, number: int) -> tuple[object, ...]:
    channel = now.channels[number]
    beat = "" if channel.heartbeat is None else f"{duration(now.now - channel.heartbeat)} ago"
    share = f"{now.shares[number]:.0%}"
    wanted = f"{now.wanted_shares[number]:.0%}"
    since = duration(now.now - channel.since)
    return (channel.link, channel.peer, channel.state, since, beat, channel.events, share, wanted, channel.reason)


def _looks(parts: Parts) -> list[Callable[..., None]]:
    directory = parts.bridge.directory

    def key_of(device: str) -> str:
        known = directory.known(device)
        return known.key if known is not None else directory.full(device)

    def subscriptions(device: str = "") -> None:
        """The subscriptions, of all devices or of one."""
        now = parts.seconds()
        rows = (
            (directory.shown(s.target), s.package, "refused" if s.refused else s.id or "none", _left(s.expires, now), s.trouble)
            for s in parts.subscriptions.statuses(key_of(device) if device else "")
        )
        print_table(("device", "package", "id", "left", "trouble"), rows)

    def device(name: str) -> None:
        """Everything about one device: what BroadWorks says it is, who monitors it, its subscriptions, its calls."""
        key = key_of(name)
        found = directory.known(name)
        known = (found.kind, found.number, found.extension, found.name) if found is not None else ("unknown", "", "", "")
        print_table(("device", "kind", "number", "extension", "name"), [(key, *known)])
        own = [m for m in parts.bridge.monitors.all() if m.device_key == key]
        print_table(("monitored by", "as", "cross reference"), [(m.link.name, m.named, m.cross_ref_id) for m in own])
        subscriptions(name)
        table = parts.bridge.model.table.connections_of(key)
        print_table(("call", "state", "with"), [(c.call.id, c.state, " ".join(o.device for o in c.call.others(key))) for c in table])

    def call(id: str) -> None:
        """The story of one call, from what is recorded."""
        if parts.flight is None:
            print(RECORDER_OFF)
            return
        try:
            print_table(HEADS, story(parts.flight.recorder.recording(), id))
        except Unknown as error:
            print(error)

    def trace(name: str, last: int = 50) -> None:
        """What passed last that was about one device."""
        if parts.flight is None:
            print(RECORDER_OFF)
            return
        key = key_of(name)
        recording = parts.flight.recorder.recording()
        monitors = monitors_of(recording)
        names = {text.encode() for text in (key, name, directory.shown(key))}
        concerned = [entry for entry in recording.entries if _concerns(entry, key, names)]
        rows = ((clock_time(e.time), e.link or "model", e.word, _summary(e, monitors)) for e in concerned[-last:])
        print_table(("time", "where", "", "what"), rows, last)

    def dump() -> None:
        """Write what is recorded to a file, for bwctl replay and bwctl call."""
        if parts.flight is None:
            print(RECORDER_OFF)
            return
        path, written = parts.flight.dump("on demand")
        written.addErrback(lambda failure: failure.trap(OSError))  # the log says why
        print(f"being written to {path}; the log says when it is complete")

    return [subscriptions, device, call, trace, dump]


def _left(expires: float, now: float) -> str:
    return "for ever" if expires == inf else "over" if expires <= now else duration(expires - now)


def _concerns(entry: Entry, key: str, names: set[bytes]) -> bool:
    match entry.word:
        case "document" | "in" | "out":
            return any(b">" + name + b"<" in entry.what for name in names)
        case "change":
            return key in entry.what.states or key in (entry.what.device, entry.what.target)
        case "request":
            return key in entry.what.path.split("/")
        case "answer":
            return key in entry.what[0].path.split("/")
    return False


def _summary(entry: Entry, monitors: dict[str, str]) -> str:
    match entry.word:
        case "in" | "out":
            return frame_line(entry.what, monitors)
        case "change":
            return f"{entry.what.kind} {entry.what.call_id} {entry.what.device} {entry.what.cause}"
        case "request":
            return f"{entry.what.method} {entry.what.target}"
        case "answer":
            request, outcome = entry.what
            return f"{outcome.status or getattr(outcome, 'why', '')} to {request.method} {request.target}"
    return document_line(entry.what)[1]


def _writes(parts: Parts, who: str) -> list[Callable[..., None]]:
    def close_link(name: str) -> None:
        """Close a T-Server's link; it will connect again."""
        link = parts.links.links.get(name)
        if link is None:
            print(f"There is no link {name}.")
            return
        log.info("manhole: {who} closes link {link}", who=who, link=name)
        link.close("closed by an administrator")

    def reopen_channel(name: str) -> None:
        """Give up the channel to an XSP and open another one."""
        log.info("manhole: {who} reopens event channel {link}", who=who, link=name)
        if not parts.channels.reopen(name, "reopened by an administrator"):
            print(f"There is no channel {name} that has been up for five seconds.")

    def refresh(device: str) -> None:
        """Compare the calls of a device with BroadWorks."""
        known = parts.bridge.directory.known(device)
        if known is None or not parts.subscriptions.subscribed(known.key):
            print(f"{device} is not monitored.")
            return
        log.info("manhole: {who} refreshes {device}", who=who, device=known.key)
        parts.spawn(_refresh(parts, known.key))
        print("asked for; calls() and the log tell what came of it")

    return [close_link, reopen_channel, refresh]


async def _refresh(parts: Parts, device: str) -> None:
    try:
        await parts.subscriptions.refresh(device)
    except XsiFailure as failure:
        log.warn("the calls of {device} could not be compared with BroadWorks: {failure}", device=device, failure=str(failure))
