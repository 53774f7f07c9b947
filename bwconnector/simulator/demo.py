"""Calls that people might make, a few at a time: deterministic from a seed, on an injected clock."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from random import Random

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from bwconnector.simulator.model import CALL_CENTER, SwitchError
from bwconnector.simulator.switch import Switch

__all__ = ["Demo"]

Story = Generator[float, None, None]
"""What some people do with their phones; it yields the seconds until it goes on."""

PAUSE = (1.0, 4.0)
"""Seconds between the end of one story and the start of the next, at random in these limits."""

FAVOURED = 4
"""The first users are introduced to whoever has a look, so they are the busiest: a story is about two of them if two are free."""


def short_call(switch: Switch, a: str, b: str, c: str, outside: str) -> Story:
    """A calls B, and one of them hangs up."""
    switch.dial(a, b)
    yield 4
    switch.answer(b)
    yield 7
    switch.hang_up(b)


def held_call(switch: Switch, a: str, b: str, c: str, outside: str) -> Story:
    """B puts a caller from outside on hold for a while."""
    switch.dial(outside, b)
    yield 5
    switch.answer(b)
    yield 7
    switch.hold(b)
    yield 6
    switch.retrieve(b)
    yield 7
    switch.hang_up(outside)


def consultation(switch: Switch, a: str, b: str, c: str, outside: str) -> Story:
    """B asks C, and transfers its caller to C."""
    switch.dial(outside, b)
    yield 4
    switch.answer(b)
    yield 7
    switch.consult(b, c)
    yield 4
    switch.answer(c)
    yield 5
    switch.transfer_consult(b)
    yield 7
    switch.hang_up(c)


def blind_transfer(switch: Switch, a: str, b: str, c: str, outside: str) -> Story:
    """B sends its caller to C unasked."""
    switch.dial(a, b)
    yield 4
    switch.answer(b)
    yield 6
    switch.transfer_blind(b, c)
    yield 5
    switch.answer(c)
    yield 7
    switch.hang_up(a)


def conference(switch: Switch, a: str, b: str, c: str, outside: str) -> Story:
    """A talks to B and C together."""
    switch.dial(a, b)
    yield 3
    switch.answer(b)
    yield 6
    switch.consult(a, c)
    yield 3
    switch.answer(c)
    yield 4
    switch.conference_start(a)
    yield 7
    switch.hang_up(c)
    yield 5
    switch.hang_up(a)


def outgoing_call(switch: Switch, a: str, b: str, c: str, outside: str) -> Story:
    """A calls somebody outside."""
    switch.dial(a, outside)
    yield 6
    switch.answer(outside)
    yield 7
    switch.hang_up(a)


def busy_number(switch: Switch, a: str, b: str, c: str, outside: str) -> Story:
    """A calls somebody outside who is busy."""
    switch.dial(a, outside)
    yield 2
    switch.busy(outside)


def no_answer(switch: Switch, a: str, b: str, c: str, outside: str) -> Story:
    """B is not there, and A gives up."""
    switch.dial(a, b)
    yield 7
    switch.hang_up(a)


def picked_up(switch: Switch, a: str, b: str, c: str, outside: str) -> Story:
    """C answers a call that rings at B."""
    switch.dial(a, b)
    yield 6
    switch.pickup(c, b)
    yield 7
    switch.hang_up(a)


def queued_call(switch: Switch, a: str, b: str, c: str, outside: str) -> Story:
    """A customer calls a call center, and whoever is asked there answers."""
    queue = _call_center(switch)
    if not queue:
        return
    switch.dial(outside, queue)
    yield 5
    agent = _asked(switch, queue, outside)
    if not agent:
        yield 9
        agent = _asked(switch, queue, outside)
    if agent:
        switch.answer(agent)
        yield 9
    switch.hang_up(outside)


def impatient_customer(switch: Switch, a: str, b: str, c: str, outside: str) -> Story:
    """A customer calls a call center, the agent asked first declines, and the customer gives up."""
    queue = _call_center(switch)
    if not queue:
        return
    switch.dial(outside, queue)
    yield 4
    agent = _asked(switch, queue, outside)
    if agent:
        switch.reject(agent)
        yield 5
    switch.hang_up(outside)


def _call_center(switch: Switch) -> str:
    return next((user.user_id for user in switch.directory.virtual.values() if user.kind == CALL_CENTER), "")


def _asked(switch: Switch, queue: str, caller: str) -> str:
    """The agent at whom the caller's call rings."""
    offers = [leg for waiting in switch.waiting(queue) for leg in waiting.offers]
    return next((leg.owner.user_id for leg in offers if leg.peer is not None and leg.peer.owner.user_id == caller), "")


STORIES: tuple[Callable[[Switch, str, str, str, str], Story], ...] = (
    short_call,
    short_call,
    held_call,
    held_call,
    consultation,
    blind_transfer,
    conference,
    outgoing_call,
    busy_number,
    no_answer,
    picked_up,
    queued_call,
    impatient_customer,
)
"""What happens how often: a story that stands here twice happens twice as often."""


class Demo(Service):
    """Keeps ``calls`` stories going, each with users that take part in no other.

    :param switch: where the calls are made
    :param clock: its time
    :param calls: how many stories run at the same time, as far as there are users
    :param seed: makes the choice repeatable
    """

    name = "demo"

    def __init__(self, switch: Switch, clock: IReactorTime, calls: int, seed: int) -> None:
        self._switch = switch
        self._clock = clock
        self._calls = calls
        self._random = Random(seed)
        self._taken: set[str] = set()
        self._timers: set[IDelayedCall] = set()

    def startService(self) -> None:
        """Begin one story after the other."""
        super().startService()  # type: ignore[no-untyped-call]
        for number in range(self._calls):
            self._later(number * 1.0, self._begin)

    def stopService(self) -> None:
        """Stop telling; the calls stay as they are."""
        super().stopService()  # type: ignore[no-untyped-call]
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _later(self, seconds: float, call: Callable[..., object], *arguments: object) -> None:
        def run() -> None:
            self._timers.discard(timer)
            call(*arguments)

        timer = self._clock.callLater(seconds, run)
        self._timers.add(timer)

    def _begin(self) -> None:
        free = [user for user in self._switch.directory.users if user not in self._taken and not self._switch.legs(user)]
        if len(free) < 3:
            self._later(self._random.uniform(*PAUSE), self._begin)
            return
        a, b, c = self._choose(free)
        self._taken.update((a, b, c))
        outside = f"+1555999{self._random.randrange(10_000):04}"
        self._go_on(self._random.choice(STORIES)(self._switch, a, b, c, outside), (a, b, c, outside))

    def _choose(self, free: Sequence[str]) -> list[str]:
        """Three users that take part in no story."""
        first = [user for user in list(self._switch.directory.users)[:FAVOURED] if user in free]
        if len(first) < 2:
            return self._random.sample(free, 3)
        chosen = self._random.sample(first, 2)
        return [
            *chosen,
            self._random.choice([user for user in free if user not in first] or [user for user in first if user not in chosen]),
        ]

    def _go_on(self, story: Story, people: Sequence[str]) -> None:
        try:
            pause = next(story)
        except (StopIteration, SwitchError):
            # Somebody else may have touched these calls: then the story ends here, and nobody stays in a call.
            self._hang_up(people)
            self._taken.difference_update(people)
            self._later(self._random.uniform(*PAUSE), self._begin)
        else:
            self._later(pause * self._random.uniform(0.7, 1.3), self._go_on, story, people)

    def _hang_up(self, people: Sequence[str]) -> None:
        for person in people:
            while legs := self._switch.legs(person):
                leg = legs[0]
                (self._switch.no_answer if leg.ringing else self._switch.hang_up)(person, leg.call.call_id)
