"""The status page for people: one self-contained HTML document, made of a snapshot."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from importlib.resources import files
from itertools import islice
from string import Template

from bwconnector.ops.health import Health, health
from bwconnector.ops.inspection import ChannelStatus, Inspection, LinkStatus

__all__ = ["CONTENT_POLICY", "LISTED", "duration", "page_body", "page_title", "status_page"]

LISTED = 100
"""Calls and monitors that are listed one by one; more would make the page slow, and nobody reads them."""

UNFAIR = 0.1
"""How far a channel's part of the events may be from what its weight asks for before it is marked."""
SHORT = 10.0
"""Seconds below which tenths matter."""
ENOUGH = 200
"""Events below which the parts say nothing."""

_SOURCE = files(__package__).joinpath("status.html").read_text(encoding="utf-8")
_TEMPLATE = Template(_SOURCE)


def _hashes(tag: str) -> str:
    """The contents of the page's own elements of this kind, as a content policy names them: nothing else of that kind is run."""
    found = re.findall(rf"<{tag}>(.*?)</{tag}>", _SOURCE.replace("$$", "$"), re.S)
    return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in found)


CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src {_hashes('style')}",
        f"script-src {_hashes('script')}",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""The Content-Security-Policy under which the page works: it loads nothing, and runs nothing that something else has put into it."""


def status_page(now: Inspection) -> str:
    """The page as HTML."""
    return _TEMPLATE.substitute(title=page_title(now), body=page_body(now))


def page_title(now: Inspection) -> str:
    return f"{health(now).state}: BroadWorks Connector"


def page_body(now: Inspection) -> str:
    """What changes of the page."""
    return "\n".join(_sections(now))


def _sections(now: Inspection) -> Iterator[str]:
    condition = health(now)
    yield (
        f'<header><h1>BroadWorks Connector</h1><p class="badge {condition.state}">{condition.state}</p>'
        f'<p class="soft">Version {escape(now.version)}, running for {duration(now.now - now.started)}</p></header>'
    )
    yield _reasons(condition)
    yield _picture(now, condition)
    yield from _troubles(now)
    yield _table(
        "Since the start",
        ("Events", "Seen before", "Gaps", "Calls repaired", "Links dropped", "Requests refused"),
        [
            (
                now.totals.events,
                now.totals.duplicates,
                now.totals.gaps,
                now.totals.calls_repaired,
                _sum(now.totals.links_dropped),
                _sum(_by_limit(now.totals.refused)),
            )
        ],
    )
    calls = ((c.id, _for(now, c.since), ", ".join(f"{p.device} {p.state}" for p in c.parties)) for c in islice(now.calls, LISTED))
    yield _details("calls", f"Calls ({now.call_count:,})", ("Call", "For", "Parties"), calls)
    monitors = ((m.device, m.cross_ref, m.link, ", ".join(m.filter)) for m in islice(now.monitors, LISTED))
    yield _details("monitors", f"Monitors ({now.monitor_count:,})", ("Device", "Cross reference", "Link", "Not sent"), monitors)


def _sum(counts: Mapping[str, int]) -> str:
    """A sum, and what it consists of."""
    parts = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
    return f"{sum(counts.values()):,}" + (f" ({parts})" if parts else "")


def _by_limit(refused: Mapping[tuple[str, str], int]) -> Mapping[str, int]:
    found: Counter[str] = Counter()
    for (_, limit), count in refused.items():
        found[limit] += count
    return found


# The picture


def _picture(now: Inspection, condition: Health) -> str:
    links = "".join(_link(now, link) for link in now.links) or _node("none", "No T-Server", "idle", ["none is connected"])
    channels = "".join(_channel(now, number, channel) for number, channel in enumerate(now.channels))
    return (
        '<section class="picture" aria-label="T-Servers, connector and XSPs">'
        f'<div class="group left"><h2>T-Servers</h2>{links}</div>'
        f'<div class="group middle"><h2>Connector</h2>{_connector(now, condition)}</div>'
        f'<div class="group right"><h2>BroadWorks XSPs</h2>{channels}</div></section>'
    )


def _link(now: Inspection, link: LinkStatus) -> str:
    facts = [
        f"from {link.peer}",
        _since(now, link.since),
        _count(link.monitors, "monitor"),
        f"{_rate(now.recent.rate(now.recent.messages.get(link.name, 0)))} messages/s",
    ]
    if link.certificate:
        facts.append(f"certificate {link.certificate}")
    if link.access:
        facts.append(f"access {link.access}")
    if link.refused:
        facts.append("refused: " + ", ".join(f"{limit} {count:,}" for limit, count in sorted(link.refused.items())))
    if link.unsent:
        facts.append(f"does not keep up: {link.unsent:,} bytes wait for it")
    return _node(link.name, link.name, "slow" if link.unsent else "up", facts)


def _connector(now: Inspection, condition: Health) -> str:
    recent = now.recent
    latency = [recent.latency.quantile(part) for part in (0.5, 0.99)]
    events = recent.rate(sum(recent.events.values()))
    facts = [
        f"T-Servers are told “{now.system_status}”",
        f"{_count(now.call_count, 'call')}, {_count(now.monitor_count, 'monitor')}",
        f"{_rate(events)} events/s",
        "latency: no events" if latency[0] is None else f"latency p50 {_milliseconds(latency[0])}, p99 {_milliseconds(latency[1])}",
        f"in the last {duration(recent.seconds)}",
        "records nothing" if now.recorder is None else f"records, {_since(now, now.recorder)}",
    ]
    return _node("connector", condition.state, condition.state, facts, _sparkline(recent.rates))


def _channel(now: Inspection, number: int, channel: ChannelStatus) -> str:
    share, wanted = now.shares[number], now.wanted_shares[number]
    silent = channel.silent(now.now)
    facts = [channel.peer, f"{channel.state}, {_since(now, channel.since)}"]
    if channel.reason:
        facts.append(channel.reason)
    if channel.up:
        facts.append(f"heartbeat {_ago(now, channel.heartbeat)}" if channel.patience else "no heartbeats (kpl-interval = 0)")
    facts.append(f"{_rate(now.recent.rate(now.recent.events.get(channel.link, 0)))} events/s, {channel.events:,} since the start")
    count = sum(now.recent.events.values())
    unfair = count >= ENOUGH and abs(share - wanted) > UNFAIR
    text = f"{share:.0%} of the events, {wanted:.0%} by its weight" + (": not as its weight wants it" if unfair else "")
    state = "slow" if silent else channel.state
    return _node(channel.link, channel.link, state, facts, _bar(share, wanted, text, unfair))


def _node(name: str, title: str, state: str, facts: Iterable[str], more: str = "") -> str:
    told = "".join(f"<li>{escape(fact)}</li>" for fact in facts)
    return f'<article class="node {escape(state)}" data-name="{escape(name)}"><h3>{escape(title)}</h3><ul>{told}</ul>{more}</article>'


def _bar(share: float, wanted: float, text: str, unfair: bool) -> str:
    """A part of the events as a bar, with a mark where it should be."""
    return (
        f'<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label="{escape(text)}">'
        f'<rect class="all" width="100" height="6"/><rect class="part" width="{share * 100:.1f}" height="6"/>'
        f'<rect class="mark" x="{min(wanted * 100, 99):.1f}" width="1" height="6"/></svg>'
        f'<p class="{"bad" if unfair else "soft"}">{escape(text)}</p>'
    )


def _sparkline(rates: Sequence[float]) -> str:
    """Events a second over the last minutes, as a line."""
    if len(rates) < 2:
        return ""
    top = max(*rates, 1.0)
    points = " ".join(f"{number * 100 / (len(rates) - 1):.1f},{29 - rate * 27 / top:.1f}" for number, rate in enumerate(rates))
    text = f"events a second, at most {_rate(max(rates))}"
    return (
        f'<svg class="line" viewBox="0 0 100 30" preserveAspectRatio="none" role="img" aria-label="{text}"><polyline points="{points}"/>'
        f'</svg><p class="soft">{text}</p>'
    )


# What is, or was, not as it should be


def _troubles(now: Inspection) -> Iterator[str]:
    """Only where there is something to tell."""
    suspects = [(s.call, _for(now, s.since), s.why, ", ".join(s.devices)) for s in islice(now.suspects, LISTED)]
    if suspects:
        yield _table("Calls that may be stuck", ("Call", "For", "Why", "Devices"), suspects)
    if now.troubles:
        rows = ((trouble.device, trouble.why) for trouble in islice(now.troubles, LISTED))
        yield _table(f"Devices without events ({len(now.troubles):,})", ("Device", "Why"), rows)
    if now.recoveries:
        losses = ((r.link, _moment(now, r.started), _lasted(now, r.started, r.ended), r.reason) for r in reversed(now.recoveries))
        yield _table("Channels that were lost", ("Link", "Began", "For", "Reason"), losses)
    if now.gaps:
        gaps = ((_moment(now, g.started), _lasted(now, g.started, g.ended), g.devices, g.uncompared, g.reason) for g in reversed(now.gaps))
        yield _table("Gaps in the events", ("Began", "For", "Devices", "Not compared", "Reason"), gaps)


# Words


def duration(seconds: float) -> str:
    """A length of time for people: the two largest units that matter."""
    minutes, left = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (left, "s")]
    while len(parts) > 1 and not parts[0][0]:
        parts.pop(0)
    return " ".join(f"{count} {unit}" for count, unit in parts[:2])


def _for(now: Inspection, since: float | None) -> str:
    return "" if since is None else duration(now.now - since)


def _lasted(now: Inspection, since: float, until: float | None) -> str:
    if until is None:
        return f"{duration(now.now - since)} so far"
    seconds = until - since
    return f"{seconds:.1f} s" if seconds < SHORT else duration(seconds)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _ago(now: Inspection, moment: float | None) -> str:
    return "none yet" if moment is None else f"{duration(now.now - moment)} ago"


def _moment(now: Inspection, moment: float) -> str:
    """A time in the connector's time zone, with its date if that is not today's."""
    when, today = datetime.fromtimestamp(moment), datetime.fromtimestamp(now.now)
    return f"{when:%H:%M:%S}" if when.date() == today.date() else f"{when:%Y-%m-%d %H:%M}"


def _since(now: Inspection, moment: float) -> str:
    return f"since {_moment(now, moment)} ({duration(now.now - moment)})"


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"


def _milliseconds(seconds: float | None) -> str:
    return f"{(seconds or 0.0) * 1000:.1f} ms"


def _reasons(condition: Health) -> str:
    items = "".join(f"<li>{escape(reason)}</li>" for reason in condition.reasons)
    return f'<ul class="reasons {condition.state}">{items}</ul>' if items else ""


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    return f"<h2>{escape(title)}</h2>\n{_cells(heads, rows)}"


def _details(name: str, title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table that is folded away until somebody wants to see it."""
    return f'<details id="{name}"><summary>{escape(title)}</summary>\n{_cells(heads, rows)}</details>'


def _cells(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in rows]
    if not lines:
        return '<p class="soft">None.</p>'
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>\n' + "\n".join(lines) + "\n</tbody></table></div>"


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f'<td class="number">{value:,}</td>'
    return f"<td>{escape(str(value))}</td>"
