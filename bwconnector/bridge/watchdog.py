"""Finds calls that are stuck: an Application Server that failed over, or an event lost at the very end of a call, leaves calls behind
that BroadWorks does not have any more, and no later event tells so. What is old beyond reason is compared with BroadWorks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

import attrs
from twisted.logger import Logger

from bwconnector.bridge.calls import ALERTING, Call, CallTable
from bwconnector.bridge.ports import Clock, DelayedCall

__all__ = ["AT_A_TIME", "INTERVAL", "Limits", "Watchdog"]

INTERVAL = 30.0
"""Seconds between two looks at all calls, unless a limit is shorter."""
AT_A_TIME = 20
"""Calls that one look may have compared; the others' turn comes at the next ones."""


@attrs.frozen(slots=True)
class Limits:
    """Seconds after which a call is doubted, by its age and by how long a device of it has been alerting; 0 = never."""

    age: float = 0.0
    alerting: float = 0.0


class Watchdog:
    """Has old calls compared, each once within a limit, one after the other.

    :param monitored: tells whether a device has a subscription that can be refreshed
    :param compare: compares the calls of a device with BroadWorks, and returns when that is done or cannot be had
    :ivar limits: when a call is doubted
    """

    log = Logger()

    def __init__(
        self,
        clock: Clock,
        table: CallTable,
        monitored: Callable[[str], bool],
        compare: Callable[[str], Awaitable[None]],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        limits: Limits,
    ) -> None:
        self._clock = clock
        self._table = table
        self._monitored = monitored
        self._compare = compare
        self._spawn = spawn
        self.limits = limits
        self._checked: dict[int, float] = {}
        """When calls were compared last, by their numbers."""
        self._timer: DelayedCall | None = None
        self._running = False
        self._started = False

    def start(self) -> None:
        """Look at the calls from now on; a second start changes nothing."""
        self._started = True
        if self._timer is None and not self._running and (self.limits.age or self.limits.alerting):
            self._later()

    def change(self, limits: Limits) -> None:
        """These hold from now on."""
        self.limits = limits
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._started:
            self.start()

    def stop(self) -> None:
        self._started = False
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _later(self) -> None:
        limits = (limit for limit in (self.limits.age, self.limits.alerting, INTERVAL) if limit)
        self._timer = self._clock.callLater(min(limits), self._look)

    def _look(self) -> None:
        self._timer = None
        self._running = True
        self._spawn(self._check([call for _, call in zip(range(AT_A_TIME), self._doubtful(), strict=False)]))

    def _doubtful(self) -> Iterator[Call]:
        now = self._clock.seconds()
        self._checked = {call.number: self._checked[call.number] for call in self._table if call.number in self._checked}
        for call in self._table:
            limit = self._exceeded(call, now)
            if limit and now - self._checked.get(call.number, -limit) >= limit:
                self._checked[call.number] = now
                yield call

    def suspects(self) -> Iterator[tuple[Call, float]]:
        """The calls that are beyond a limit now, and the limit in seconds. Those that BroadWorks still has go on."""
        now = self._clock.seconds()
        for call in self._table:
            if limit := self._exceeded(call, now):
                yield call, limit

    def _exceeded(self, call: Call, now: float) -> float:
        """The shortest limit that the call is beyond; 0 if there is none."""
        connections = call.connections.values()
        alerting = [connection.since for connection in connections if connection.state == ALERTING]
        born = [leg.since for connection in connections for leg in connection.legs]
        doubts = ((self.limits.alerting, alerting), (self.limits.age, born))
        beyond = [limit for limit, times in doubts if limit and times and now - min(times) >= limit]
        return min(beyond, default=0.0)

    async def _check(self, calls: list[Call]) -> None:
        try:
            for device in dict.fromkeys(c.device for call in calls for c in call.connections.values() if c.legs):
                if self._running and self._monitored(device):
                    await self._compare(device)
            for call in calls:
                if not any(connection.legs for connection in call.connections.values()):
                    self.log.warn("call {call} was stuck, and has been ended: BroadWorks does not have it any more", call=call.id)
        finally:
            if self._running:
                self._running = False
                self._later()
