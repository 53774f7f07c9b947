"""Requests of our own that BroadWorks is carrying out: they explain events that would otherwise be ambiguous (joins, causes)."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from bwconnector.bridge.ports import Clock

__all__ = ["Intent", "Intents", "LINGER"]

LINGER = 5.0
"""Seconds that an intent stays valid after its HTTP answer: its events may still be under way."""


@attrs.define(eq=False, slots=True)
class Intent:
    """One outstanding service request.

    :ivar service: CSTA service name, e.g. ``ConsultationCall``
    :ivar user: device key of the device on whose behalf BroadWorks acts
    :ivar call_ids: BroadWorks callIds of that device's legs concerned, as far as known
    :ivar target: device key (or dialled address) of the other device, if the service has one
    :ivar tracking_id: extTrackingId that BroadWorks answered, if any
    """

    service: str
    user: str
    call_ids: tuple[str, ...] = ()
    target: str = ""
    tracking_id: str = ""
    expires: float | None = None


class Intents:
    """The outstanding service requests, newest last."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._intents: list[Intent] = []

    def add(self, intent: Intent) -> Intent:
        self._intents.append(intent)
        return intent

    def answered(self, intent: Intent) -> None:
        """BroadWorks accepted the request: keep the intent while its events may come."""
        intent.expires = self._clock.seconds() + LINGER

    def remove(self, intent: Intent) -> None:
        """The request failed, or its events have come."""
        if intent in self._intents:
            self._intents.remove(intent)

    def find(self, service: str, user: str, call_id: str = "") -> Intent | None:
        """The newest valid intent of this service at this user that concerns ``call_id`` (any leg when empty)."""
        for intent in reversed(self._valid() if self._intents else ()):
            if intent.service == service and intent.user == user and (not call_id or not intent.call_ids or call_id in intent.call_ids):
                return intent
        return None

    def __iter__(self) -> Iterator[Intent]:
        return iter(list(self._valid() if self._intents else ()))

    def _valid(self) -> list[Intent]:
        now = self._clock.seconds()
        self._intents = [i for i in self._intents if i.expires is None or i.expires > now]
        return self._intents
