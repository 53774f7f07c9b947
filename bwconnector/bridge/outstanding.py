"""Response first (R13): a request is answered as soon as its HTTP answer or a first event proves it, before the events it caused.

ECMA-269 lets a switch report the events of a service before its response; T-Servers do not like it, and ECMA TR/82 shows the
response first. :meth:`Outstanding.observe` sees every change before a link does, and wakes the waiting service on the spot.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

import attrs
from twisted.logger import Logger

from bwconnector.bridge.changes import Change
from bwconnector.bridge.features import Switched
from bwconnector.bridge.ports import Clock, Waiter

__all__ = ["Outstanding", "Proof", "Proven"]

T = TypeVar("T")
Proof = Callable[[Change], bool]
"""Whether a change shows that a request was carried out."""
SwitchedProof = Callable[[Switched], bool]
"""Whether the state of a feature shows it."""


@attrs.frozen(slots=True)
class Proven(Generic[T]):
    """How a request was proved: by its answer, or by a change that came before it."""

    answer: T | None = None
    change: Change | None = None


@attrs.define(eq=False, slots=True)
class _Expectation:
    """One proof that somebody waits for; it settles once, with whatever comes first."""

    of: type
    proof: Callable[[Any], bool]
    waiter: Waiter
    settled: bool = False

    def settle(self, outcome: object) -> bool:
        if self.settled:
            return False
        self.settled = True
        self.waiter.callback(outcome)
        return True


class Outstanding:
    """The requests and waits that a change may settle."""

    log = Logger()

    def __init__(self, clock: Clock, make_waiter: Callable[[], Waiter], spawn: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        self._clock = clock
        self._make_waiter = make_waiter
        self._spawn = spawn
        self._expectations: list[_Expectation] = []

    def observe(self, seen: Change | Switched) -> None:
        """See a change before any link does; register this as an observer of the monitors and the features."""
        change = seen if isinstance(seen, Change) else None
        if change is not None and change.belated:
            return  # it happened before, and was seen then
        for expectation in [e for e in self._expectations if isinstance(seen, e.of) and e.proof(seen)]:
            expectation.settle(Proven[Any](change=change))

    async def proven(self, action: Awaitable[T], proof: Proof) -> Proven[T]:
        """Wait until ``action`` succeeded or a change satisfies ``proof``, whichever comes first.

        A failure of ``action`` is raised, unless a change has proved the request by then: it is only logged in that case.
        """
        return await self._proven(action, self._expect(proof))

    async def switched(self, action: Awaitable[T], proof: SwitchedProof) -> Proven[T]:
        """As :meth:`proven`, where the state of a feature is the proof."""
        return await self._proven(action, self._expect(proof, Switched))

    async def _proven(self, action: Awaitable[T], expectation: _Expectation) -> Proven[T]:
        async def act() -> None:
            outcome: object
            try:
                outcome = Proven(answer=await action)
            except Exception as failure:
                outcome = failure
            if not expectation.settle(outcome) and isinstance(outcome, Exception):
                self.log.warn("BroadWorks carried a request out, yet answered: {failure}", failure=str(outcome))

        self._spawn(act())
        outcome: Proven[T] | Exception = await self._settled(expectation)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def change(self, proof: Proof, timeout: float) -> Change | None:
        """The next change that satisfies ``proof``, or None when none has come within ``timeout`` seconds."""
        expectation = self._expect(proof)
        timer = self._clock.callLater(timeout, expectation.settle, Proven[None]())
        proven: Proven[None] = await self._settled(expectation)
        if timer.active():
            timer.cancel()
        return proven.change

    def _expect(self, proof: Callable[[Any], bool], of: type = Change) -> _Expectation:
        expectation = _Expectation(of, proof, self._make_waiter())
        self._expectations.append(expectation)
        return expectation

    async def _settled(self, expectation: _Expectation) -> Any:
        try:
            return await expectation.waiter
        finally:
            self._expectations.remove(expectation)
