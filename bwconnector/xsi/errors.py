"""Why an Xsi request did not succeed, typed by what the caller may do about it."""

from __future__ import annotations

__all__ = ["NO_CHANNEL_SET", "NO_SUBSCRIPTION", "BadDocument", "NoXspAvailable", "OutcomeUnknown", "Refused", "XsiFailure"]

NO_CHANNEL_SET = 110842
"""``errorCode`` with HTTP 403: BroadWorks does not know the channel set, since it has no channel (any more)."""

NO_SUBSCRIPTION = 110862
"""``errorCode`` with HTTP 403: BroadWorks does not know the subscription (any more)."""


class XsiFailure(Exception):
    """Root of all failures of an Xsi request."""


class Refused(XsiFailure):
    """BroadWorks answered, and the answer is no.

    :ivar status: HTTP status
    :ivar error_code: ``errorCode`` of the ErrorInfo body, 0 when there was none
    :ivar summary: ``summaryEnglish`` of the ErrorInfo body, or a short description of the body
    """

    def __init__(self, status: int, error_code: int = 0, summary: str = "") -> None:
        super().__init__(f"HTTP {status}" + (f", error {error_code}" if error_code else "") + (f": {summary}" if summary else ""))
        self.status = status
        self.error_code = error_code
        self.summary = summary


class OutcomeUnknown(XsiFailure):
    """The request was sent, but no usable answer came: it may have taken effect. Never repeated unless it is safe to."""


class NoXspAvailable(XsiFailure):
    """No XSP could be reached, so the request had no effect."""


class BadDocument(Exception):
    """BroadWorks sent bytes that cannot be read as an Xsi document; the text says what was seen."""
