"""One user's events wait for one another: a step runs at once unless what it presumes has not been told yet (R3, R8, joins).

Events of one user come in order; those of different users do not. Where an event of one user presumes something that another user's
own events will tell (that the far party has answered, that it has transferred the call), it is put aside until they have, or until a
time limit passes. Later events of the same legs wait behind it, so that each leg's own order is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from bwconnector.bridge.ports import Clock, DelayedCall
from bwconnector.xsi.events import Conference, XsiCall

__all__ = ["Gate", "Step", "Steps"]


@attrs.define(eq=False, slots=True)
class Step:
    """One event of one user, not yet processed.

    :ivar user: device key
    :ivar type: Xsi event type, e.g. ``CallAnsweredEvent``, or a name of the model's own
    :ivar remotes: device key of the remote party of each call
    :ivar legs: callIds concerned
    :ivar reason: of CallRecordingStoppedEvent
    :ivar arrived: clock seconds
    """

    user: str
    type: str
    arrived: float
    calls: tuple[XsiCall, ...] = ()
    remotes: tuple[str, ...] = ()
    conference: Conference | None = None
    legs: frozenset[str] = frozenset()
    party: str = ""
    silent: bool = False
    reason: str = ""


Gate = Callable[[Step], float]
"""How many seconds after its arrival a step may be put aside; 0 when there is nothing (more) to wait for."""


class Steps:
    """The steps that wait, by user.

    :param gate: see :data:`Gate`; asked again whenever another step has run
    :param run: processes a step
    """

    def __init__(self, clock: Clock, gate: Gate, run: Callable[[Step], None]) -> None:
        self._clock = clock
        self._gate = gate
        self._run = run
        self._waiting: dict[str, list[Step]] = {}
        self._timer: DelayedCall | None = None
        self._running = False

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def add(self, step: Step) -> None:
        """Take a step: run it now, or put it aside; then run whatever no longer waits."""
        if self._waiting or self._running or self._gate(step) > 0:
            self._waiting.setdefault(step.user, []).append(step)
            self.settle()
            return
        # nothing waits for anything: this is nearly always so
        self._running = True
        try:
            self._run(step)
        finally:
            self._running = False
        if self._waiting:
            self.settle()

    def hurry(self, user: str) -> None:
        """Run every step of ``user`` now, in order: something newer is the truth."""
        for step in self._waiting.pop(user, []):
            self._run(step)

    def hurry_all(self) -> None:
        """Run every step now, in the order of their arrival: what they wait for cannot come any more."""
        for user in [step.user for step in sorted((s for queue in self._waiting.values() for s in queue), key=lambda s: s.arrived)]:
            queue = self._waiting.get(user)
            if queue:
                step = queue.pop(0)
                if not queue:
                    del self._waiting[user]
                self._run(step)
        self.settle()

    def forget(self, user: str) -> None:
        """Drop the steps of a user that is no longer subscribed."""
        self._waiting.pop(user, None)

    def clear(self) -> None:
        self._waiting.clear()
        self._schedule(None)

    def of(self, user: str) -> Iterator[Step]:
        """The waiting steps of ``user``, oldest first."""
        return iter(self._waiting.get(user, ()))

    def find(self, wanted: Callable[[Step], bool]) -> Step | None:
        """The first waiting step of any user that is ``wanted``."""
        return next((step for queue in self._waiting.values() for step in queue if wanted(step)), None)

    def after(self, step: Step, call_id: str) -> Step | None:
        """The next waiting step of the same user that concerns the leg ``call_id`` and is not the same event again."""
        queue = self._waiting.get(step.user, [])
        position = queue.index(step) + 1 if step in queue else 0
        return next((later for later in queue[position:] if call_id in later.legs and later.type != step.type), None)

    def settle(self) -> None:
        """Run all steps that need not wait, until none is left."""
        if self._running:
            return
        self._running = True
        try:
            while (step := self._next_ready()) is not None:
                queue = self._waiting[step.user]
                queue.remove(step)
                if not queue:
                    del self._waiting[step.user]
                self._run(step)
        finally:
            self._running = False

    def _next_ready(self) -> Step | None:
        now = self._clock.seconds()
        earliest: float | None = None
        for queue in self._waiting.values():
            blocked: set[str] = set()
            for step in queue:
                if blocked & step.legs:
                    blocked |= step.legs
                    continue
                try:
                    wait = self._gate(step)
                except Exception:
                    queue.remove(step)  # whoever logs this must not meet it again
                    raise
                due = step.arrived + wait
                if wait <= 0 or due <= now:
                    return step
                blocked |= step.legs
                earliest = due if earliest is None else min(earliest, due)
        self._schedule(earliest)
        return None

    def _schedule(self, due: float | None) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if due is not None:
            self._timer = self._clock.callLater(max(0.0, due - self._clock.seconds()), self.settle)
