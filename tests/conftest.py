"""What holds for every test: no failure is logged, no Deferred fails unheard, no delayed call is left in the reactor."""

from __future__ import annotations

import gc
import io
from collections.abc import Iterator

import pytest
from hypothesis import settings
from twisted.logger import LogEvent, LogLevel, eventAsText, globalLogPublisher

# Chosen with --hypothesis-profile: `dev` plays the same examples every time, so that a change is to blame when one fails, `ci` new ones.
# No deadlines: how long an example takes says something about the machine only.
settings.register_profile("dev", max_examples=25, deadline=None, derandomize=True)
settings.register_profile("ci", max_examples=200, deadline=None)
settings.load_profile("dev")


class LoggedErrors:
    """The failures (tracebacks) logged during a test, as text; a test that provokes some takes them with :meth:`take`.

    Messages at level error without a traceback are told to administrators; whether they are right, the tests of their modules ask.
    """

    def __init__(self) -> None:
        self._events: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        if event.get("isError") or event.get("log_failure") or event.get("log_level") is LogLevel.critical:
            self._events.append(event)

    def take(self) -> list[str]:
        # a failed Deferred tells of itself when it is freed; the young generations are where a test's objects are
        gc.collect(1)
        events, self._events = self._events, []
        return [eventAsText(event, includeTimestamp=False, includeSystem=False) for event in events]


@pytest.fixture(autouse=True)
def logged_errors() -> Iterator[LoggedErrors]:
    """Fails the test if it leaves logged failures or delayed calls behind."""
    from twisted.internet import reactor

    before = set(reactor.getDelayedCalls())  # type: ignore[attr-defined]
    failures = LoggedErrors()
    globalLogPublisher.addObserver(failures)
    try:
        yield failures
        left = [call for call in reactor.getDelayedCalls() if call not in before]  # type: ignore[attr-defined]
        for call in left:
            call.cancel()
        logged = failures.take()
    finally:
        globalLogPublisher.removeObserver(failures)
    assert not logged, "failures were logged:\n" + "\n".join(logged)
    assert not left, f"left in the reactor: {left}"


@pytest.fixture(autouse=True, scope="module")
def unheard_failures() -> Iterator[None]:
    """Fails the module if a Deferred that only a full collection frees had failed unheard."""
    failures = LoggedErrors()
    globalLogPublisher.addObserver(failures)
    try:
        yield
        failures.take()  # these were the tests' own
        gc.collect()
        logged = failures.take()
    finally:
        globalLogPublisher.removeObserver(failures)
    assert not logged, "failed unheard:\n" + "\n".join(logged)


@pytest.fixture
def log_text() -> Iterator[io.StringIO]:
    """Everything that is logged during the test, one line an event."""
    text = io.StringIO()

    def observer(event: LogEvent) -> None:
        text.write(eventAsText(event, includeTimestamp=False, includeSystem=False) + "\n")

    globalLogPublisher.addObserver(observer)
    try:
        yield text
    finally:
        globalLogPublisher.removeObserver(observer)
