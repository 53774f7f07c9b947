"""What ``bwctl check`` has found, told line by line as it is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from bwconnector.xsi.errors import OutcomeUnknown, Refused, XsiFailure

__all__ = ["Findings", "Tell", "date"]

Tell = Callable[[str], None]


class Findings:
    """Tells what was found, and remembers whether all was well.

    :ivar locked_out: the account was refused, so that it must not be tried again
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self.all_well = True
        self.locked_out = False

    def good(self, text: str) -> None:
        self._tell(f"ok       {text}")

    def note(self, text: str) -> None:
        """Something to think about, with which the connector works all the same."""
        self._tell(f"note     {text}")

    def problem(self, place: str, text: str) -> None:
        self._tell(f"PROBLEM  {place}: {text}")
        self.all_well = False

    def failure(self, link: str, failure: XsiFailure, hints: Mapping[int, str]) -> None:
        """What an Xsi failure means here.

        :param hints: what to do about a refusal, by HTTP status
        """
        if isinstance(failure, Refused):
            self.locked_out = self.locked_out or failure.status == 401
            hint = hints.get(failure.status)
            self.problem(f"link-{link}", f"{hint} ({failure})" if hint else str(failure))
        elif isinstance(failure, OutcomeUnknown):
            self.problem(f"link-{link}", f"no usable answer: {failure}; is it an XSP, and is tls right?")
        else:
            self.problem(f"link-{link}", str(failure))


def date(when: float) -> str:
    """A day for people, from seconds since the epoch."""
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d")
