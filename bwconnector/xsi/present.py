"""What is going on at a device now, asked for by requests, as the value that an initial event would have been."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from itertools import islice
from typing import Any

from bwconnector.xsi.answers import read_agent, read_call, read_calls, read_conference, read_queue
from bwconnector.xsi.errors import Refused
from bwconnector.xsi.events import CallSubscription, Conference, EventData, XsiCall
from bwconnector.xsi.queues import QueueSubscription
from bwconnector.xsi.requests import Request, Response, agent, call, calls, get_conference, queue, route_point_queue

__all__ = ["MAX_CALLS", "PRESENT", "calls_of"]

Perform = Callable[[Request], Awaitable[Response]]

MAX_CALLS = 20
"""Calls of one user that are looked at, one request each."""


async def calls_of(perform: Perform, user: str) -> tuple[XsiCall, ...]:
    """The calls that BroadWorks has at ``user``.

    :raises XsiFailure: it could not be asked, or refused
    """
    return await _details(perform, user, read_calls((await perform(calls(user))).body))


async def _details(perform: Perform, user: str, call_ids: Iterable[str]) -> tuple[XsiCall, ...]:
    found = []
    for call_id in islice(call_ids, MAX_CALLS):
        try:
            found.append(read_call((await perform(call(user, call_id))).body))
        except Refused as refused:
            if refused.status not in (403, 404):  # it has ended meanwhile
                raise
    return tuple(found)


async def _conference(perform: Perform, user: str) -> Conference | None:
    try:
        return read_conference((await perform(get_conference(user))).body)
    except Refused as refused:
        if refused.status not in (403, 404):
            raise
        return None


async def _user(perform: Perform, user: str) -> EventData:
    listed = read_calls((await perform(calls(user))).body)
    conference = await _conference(perform, user) if any(listed.values()) else None
    return CallSubscription(await _details(perform, user, listed), conference)


async def _call_center(perform: Perform, target: str) -> EventData:
    return QueueSubscription(read_queue((await perform(queue(target))).body))


async def _route_point(perform: Perform, target: str) -> EventData:
    return QueueSubscription(read_queue((await perform(route_point_queue(target))).body))


async def _agent(perform: Perform, user: str) -> EventData:
    return read_agent((await perform(agent(user))).body)


PRESENT: Mapping[str, Callable[[Perform, str], Coroutine[Any, Any, EventData]]] = {
    "Basic Call": _user,
    "Standard Call": _user,
    "Advanced Call": _user,
    "Call Center Queue": _call_center,
    "Route Point Queue": _route_point,
    "Call Center Agent": _agent,
}
"""By event package; packages without a row tell nothing at first but what changes."""
