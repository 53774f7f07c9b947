"""Refreshes of subscriptions on behalf of SnapshotDevice: one in flight per device, finished when its event was applied."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from bwconnector.bridge.once import Once
from bwconnector.bridge.ports import Clock, SubscriptionPort, Waiter
from bwconnector.xsi.errors import XsiFailure

__all__ = ["APPLY_TIMEOUT", "Snapshots"]

APPLY_TIMEOUT = 2.0
"""Seconds that the event of a refresh may take, before the answer is given from what is known."""


class Snapshots:
    """Knows which devices are being compared with BroadWorks, and for which links."""

    log = Logger()

    def __init__(self, subscriptions: SubscriptionPort, clock: Clock, make_waiter: Callable[[], Waiter]) -> None:
        self._subscriptions = subscriptions
        self._clock = clock
        self._make_waiter = make_waiter
        self._refreshes: Once[None] = Once(make_waiter)
        self._applied: dict[str, Waiter] = {}
        self._guessed: set[str] = set()
        self._askers: dict[str, list[str]] = {}

    async def refresh(self, device: str, link: str) -> None:
        """Return when the calls of ``device`` have been compared with BroadWorks, or when that cannot be had.

        :param link: name of the link that asks; its own monitors on the device get the answer, not the differences
        """
        askers = self._askers.setdefault(device, [])
        askers.append(link)
        try:
            await self._refreshes.run(device, lambda: self._refresh(device))
        finally:
            askers.remove(link)
            if not askers:
                del self._askers[device]

    def applied(self, device: str) -> None:
        """The initial event of a subscription to ``device``'s calls has been applied to the call model."""
        self._guessed.discard(device)
        self._finish(device)

    def guessed(self, device: str) -> bool:
        """A snapshot of ``device`` was answered from what is known, and BroadWorks' word has not come since."""
        return device in self._guessed

    def asked_by(self, device: str, link: str) -> bool:
        """Whether ``link`` is waiting for a snapshot of ``device``."""
        return link in self._askers.get(device, ())

    async def _refresh(self, device: str) -> None:
        waiter = self._applied[device] = self._make_waiter()
        try:
            await self._subscriptions.refresh(device)
            timeout = self._clock.callLater(APPLY_TIMEOUT, self._give_up, device)
            await waiter
            if timeout.active():
                timeout.cancel()
        except XsiFailure as failure:
            self._guessed.add(device)
            self.log.warn(
                "the calls of {device} could not be compared with BroadWorks ({failure}); its snapshot is given from what is known",
                device=device,
                failure=str(failure),
            )
        finally:
            self._applied.pop(device, None)

    def _give_up(self, device: str) -> None:
        self._guessed.add(device)
        self._finish(device)

    def _finish(self, device: str) -> None:
        waiter = self._applied.pop(device, None)
        if waiter is not None:
            waiter.callback(None)
