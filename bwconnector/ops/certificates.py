"""Certificates that run out: those that the connector shows, those that it trusts, and those that XSPs have shown to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from twisted.application.service import Service
from twisted.logger import Logger

__all__ = ["CertificateWatch", "expiry_of_file"]

WARN_DAYS = (1, 7, 30)
"""How many days ahead it is said, each once."""
FIRST_LOOK = 10.0
"""Seconds after the start: by then XSPs have shown theirs."""
INTERVAL = 3600.0
DAY = 86_400.0

Expiries = Mapping[str, float]
"""When each certificate expires, in seconds since the epoch, by where it is found."""


def expiry_of_file(file: str, now: float) -> float | None:
    """When the first of a file's certificates runs out that has not yet, or the last one did; None if there is none to be read.

    A file of authorities may well have some that ended long ago.
    """
    try:
        ends = [each.not_valid_after_utc.timestamp() for each in x509.load_pem_x509_certificates(Path(file).read_bytes())]
    except (OSError, ValueError):
        return None  # whoever needs the file says so
    return min((end for end in ends if end > now), default=max(ends))


class CertificateWatch(Service):
    """Looks at the certificates every hour, and warns in the log.

    :param expiries: all certificates that there are
    """

    name = "certificates"
    log = Logger()

    def __init__(self, clock: Any, expiries: Callable[[], Expiries]) -> None:
        self._clock = clock
        self._expiries = expiries
        self._told: dict[str, tuple[float, int]] = {}
        self._timer: Any = None

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        self._timer = self._clock.callLater(FIRST_LOOK, self._tick)

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def look(self) -> None:
        """Warn of what has come nearer to its end than the warning before said."""
        for name, expires in self._expiries().items():
            left = expires - self._clock.seconds()
            within = next((days for days in (0, *WARN_DAYS) if left <= days * DAY), None)
            before, told = self._told.get(name, (expires, WARN_DAYS[-1] + 1))
            if within is None or (before == expires and told <= within):
                continue
            self._told[name] = expires, within
            date = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%d %H:%M UTC")
            if within:
                self.log.warn("certificate {name} expires on {date}, in less than {days} days", name=name, date=date, days=within)
            else:
                self.log.error("certificate {name} has expired on {date}", name=name, date=date)

    def _tick(self) -> None:
        self._timer = self._clock.callLater(INTERVAL, self._tick)
        self.look()
