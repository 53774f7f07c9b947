"""What the bridge needs from outside, as interfaces: time, subscriptions, Xsi requests, and the links to T-Servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from bwconnector.csta.messages import Message
    from bwconnector.csta.xml import EventReport
    from bwconnector.xsi.requests import Request, Response

__all__ = ["Clock", "DelayedCall", "LinkPort", "SubscriptionPort", "Waiter", "XsiPort"]


class DelayedCall(Protocol):
    """What :meth:`Clock.callLater` returns."""

    def cancel(self) -> None: ...
    def active(self) -> bool: ...


class Clock(Protocol):
    """The part of Twisted's IReactorTime that the bridge uses."""

    def seconds(self) -> float: ...
    def callLater(self, delay: float, callable: Callable[..., Any], *args: Any, **kw: Any) -> DelayedCall: ...


class Waiter(Protocol):
    """A one-shot awaitable that is fired from elsewhere (a Deferred, in the running server)."""

    def __await__(self) -> Any: ...
    def callback(self, result: Any) -> None: ...


class XsiPort(Protocol):
    """Performs one Xsi request on some XSP that is up.

    Raises :class:`~bwconnector.xsi.errors.Refused`, :class:`~bwconnector.xsi.errors.OutcomeUnknown` or
    :class:`~bwconnector.xsi.errors.NoXspAvailable`.
    """

    def perform(self, request: Request) -> Awaitable[Response]: ...


class SubscriptionPort(Protocol):
    """One subscription per target and event package, whatever number of monitors wants it.

    ``subscribe`` may be called again for a target that is subscribed. It finishes when BroadWorks accepted the first package (the call
    package), and raises an XsiFailure if that is refused; a refused further package is no error. ``release`` ends all subscriptions of a
    target, once nobody monitors it. ``refresh`` finishes when BroadWorks accepted it; the initial event follows as an event.
    """

    def subscribe(self, target: str, packages: Sequence[str]) -> Awaitable[None]: ...
    def release(self, target: str) -> None: ...
    def refresh(self, target: str) -> Awaitable[None]: ...
    def subscribed(self, target: str) -> bool: ...
    def only_changes(self, target: str) -> bool:
        """The target's services tell no state at first, only what changes."""


class LinkPort(Protocol):
    """One T-Server's link, as the bridge uses it."""

    @property
    def name(self) -> str: ...

    @property
    def peer(self) -> str:
        """Address and port of the other side."""

    @property
    def host(self) -> str:
        """Its address alone; empty for a local socket."""

    @property
    def certificate(self) -> str:
        """Common name in the certificate that it has shown; empty without one."""

    def send(self, invoke_id: str, message: Message, namespace: str) -> None:
        """Send a response, or a request of our own with an invoke id from :meth:`next_invoke_id`."""

    def send_event(self, message: Message, namespace: str) -> None:
        """Send an event report (invoke id 9999)."""

    def send_report(self, report: EventReport, cross_ref_id: str, namespace: str) -> None:
        """Send an event report that other monitors get too."""

    def next_invoke_id(self) -> str: ...

    def close(self, reason: str) -> None:
        """End the link in order; ``reason`` is for the log."""
