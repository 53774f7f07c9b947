"""The status page for people: one self-contained HTML document, made of a snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files
from itertools import islice
from string import Template

from bwconnector.ops.health import Health, health
from bwconnector.ops.inspection import Inspection

__all__ = ["LISTED", "duration", "status_page"]

LISTED = 100
"""Calls and monitors that are listed one by one; more would make the page slow, and nobody reads them."""

_TEMPLATE = Template(files(__package__).joinpath("status.html").read_text(encoding="utf-8"))


def status_page(now: Inspection) -> str:
    """The page as HTML."""
    condition = health(now)
    body = [
        f'<h1>BroadWorks Connector: <span class="{condition.state}">{condition.state}</span></h1>',
        f'<p class="soft">Version {escape(now.version)}, running for {duration(now.now - now.started)}. '
        f'T-Servers are told <span class="{escape(now.system_status)}">{escape(now.system_status)}</span>.</p>',
        _reasons(condition),
        _table(
            "Channels to BroadWorks",
            ("Link", "XSP", "State", "For", "Last heartbeat", "Events", ""),
            (
                (c.link, c.peer, _State(c.state), duration(now.now - c.since), _ago(now, c.heartbeat), c.events, c.reason)
                for c in now.channels
            ),
        ),
        _table(
            "T-Servers",
            ("Link", "From", "For", "Monitors", "Messages in", "Messages out"),
            ((x.name, x.peer, duration(now.now - x.since), x.monitors, x.messages_in, x.messages_out) for x in now.links),
        ),
        _table(
            "Since the start",
            ("Events", "Seen before", "Gaps", "Calls repaired", "Links dropped"),
            [
                (
                    now.totals.events,
                    now.totals.duplicates,
                    now.totals.gaps,
                    now.totals.calls_repaired,
                    sum(now.totals.links_dropped.values()),
                )
            ],
        ),
        *_gaps(now),
        _table(
            f"Calls ({now.call_count})",
            ("Call", "Parties"),
            ((call.id, ", ".join(f"{party.device} {party.state}" for party in call.parties)) for call in islice(now.calls, LISTED)),
        ),
        _table(
            f"Monitors ({now.monitor_count})",
            ("Device", "Cross reference", "Link", "Not sent"),
            ((m.device, m.cross_ref, m.link, ", ".join(m.filter)) for m in islice(now.monitors, LISTED)),
        ),
    ]
    return _TEMPLATE.substitute(title=f"{condition.state}: BroadWorks Connector", body="\n".join(body))


def _gaps(now: Inspection) -> Iterator[str]:
    """Only where there is something to tell."""
    if now.gaps:
        rows = (
            (_ago(now, g.started), duration((now.now if g.ended is None else g.ended) - g.started), g.devices, g.uncompared, g.reason)
            for g in reversed(now.gaps)
        )
        yield _table("Gaps in the events", ("Began", "For", "Devices", "Not compared", "Reason"), rows)


def duration(seconds: float) -> str:
    """A length of time for people: the two largest units that matter."""
    minutes, left = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (left, "s")]
    while len(parts) > 1 and not parts[0][0]:
        parts.pop(0)
    return " ".join(f"{count} {unit}" for count, unit in parts[:2])


class _State(str):
    """A cell that is coloured by what it says."""


def _ago(now: Inspection, moment: float | None) -> str:
    return "none yet" if moment is None else f"{duration(now.now - moment)} ago"


def _reasons(condition: Health) -> str:
    return "<ul>" + "".join(f"<li>{escape(reason)}</li>" for reason in condition.reasons) + "</ul>" if condition.reasons else ""


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in rows]
    if not lines:
        return f'<h2>{escape(title)}</h2>\n<p class="soft">None.</p>'
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    return f'<h2>{escape(title)}</h2>\n<div class="scroll"><table><tr>{head}</tr>\n' + "\n".join(lines) + "\n</table></div>"


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f'<td class="number">{value:,}</td>'
    shown = escape(str(value))
    return f'<td class="{shown}">{shown}</td>' if isinstance(value, _State) else f"<td>{shown}</td>"
