"""Causes: what BroadWorks says about a failed, released or redirected call, as CSTA EventCause (ECMA-269 §12.2.15)."""

from __future__ import annotations

from typing import Final

import attrs

from bwconnector.xsi.events import ReleaseCause

__all__ = ["FAR", "Failure", "OWN", "delivered_cause", "diverted_cause", "failure"]

FAR: Final = "far"
OWN: Final = "own"


@attrs.frozen(slots=True)
class Failure:
    """Why a call could not be completed, and whose connection fails: :data:`FAR` or :data:`OWN`."""

    cause: str
    failing: str


_INTERNAL: Final = {
    # internalReleaseCause: (cause, failing connection, specific?)
    "Busy": ("busy", FAR, True),
    "Forbidden": ("destNotObtainable", OWN, False),
    "Routing Failure": ("networkNotObtainable", FAR, False),
    "Global Failure": ("destNotObtainable", FAR, False),
    "Request Failure": ("destNotObtainable", FAR, False),
    "Server Failure": ("networkOutOfOrder", FAR, False),
    "Translation Failure": ("invalidNumberFormat", OWN, True),
    "Temporarily Unavailable": ("destOutOfOrder", FAR, True),
    "User Not Found": ("numberUnallocated", FAR, True),
    "Request Timeout": ("timeout", FAR, True),
    "Dial Tone Timeout": ("timeout", OWN, True),
    "Insufficient Credits": ("resourcesNotAvailable", OWN, True),
}

_UNKNOWN: Final = ("destNotObtainable", FAR, False)


def _rows(*rows: tuple[str, tuple[int, ...]]) -> dict[int, str]:
    return {code: cause for cause, codes in rows for code in codes}


_Q850: Final = _rows(
    ("numberUnallocated", (1,)),
    ("networkNotObtainable", (2, 3)),
    ("normalClearing", (16, 31)),
    ("busy", (17,)),
    ("callNotAnswered", (18, 19)),
    ("destOutOfOrder", (20, 27)),
    ("callCancelled", (21,)),
    ("numberChanged", (22,)),
    ("invalidNumberFormat", (28,)),
    ("destNotObtainable", (29, 50, 52, 54, 55)),
    ("networkCongestion", (34, 42, 44)),
    ("resourcesNotAvailable", (47, 63)),
    ("networkOutOfOrder", (38, 41)),
    ("unauthorisedBearerService", (57,)),
    ("notAvailableBearerService", (58,)),
    ("notSupportedBearerService", (65, 66, 69, 70, 79)),
    ("incompatibleDestination", (88,)),
    ("timeout", (102,)),
    ("networkSignal", (*range(95, 102), *range(103, 128))),
)

_SIP: Final = _rows(
    ("networkSignal", (400, 405, 420, 421, 481, 491)),
    ("destNotObtainable", (401, 403, 407)),
    ("numberUnallocated", (404, 604)),
    ("timeout", (408, 504)),
    ("numberChanged", (410,)),
    ("invalidNumberFormat", (413, 414, 416, 484)),
    ("destOutOfOrder", (480,)),
    ("networkNotObtainable", (482, 483)),
    ("incompatibleDestination", (485, 488, 415, 606)),
    ("busy", (486, 600)),
    ("callCancelled", (487, 603, 607)),
    ("networkOutOfOrder", (500, 501, 505, 513)),
    ("networkCongestion", (502, 503)),
)

_SIP_CLASSES: Final = {3: "redirected", 4: "destNotObtainable", 5: "networkOutOfOrder", 6: "networkOutOfOrder"}

_NO_ANSWER: Final = frozenset({"Request Timeout", "Temporarily Unavailable"})
"""Internal causes which, after ringing, say no more than that nobody answered."""


def failure(release: ReleaseCause | None, *, rang: bool = False, do_not_disturb: bool = False) -> Failure | None:
    """Why the call failed, or None when it ended without a failure or merely was not answered.

    A specific internalReleaseCause wins; a generic or unknown one is refined by Q.850, then SIP status, then the CDR cause.

    :param rang: the called party was alerting, so "no answer" is not a failure
    :param do_not_disturb: the called device is known to have Do Not Disturb on
    """
    if release is None:
        return None
    cause, failing, specific = _INTERNAL.get(release.internal, _UNKNOWN)
    if rang and release.internal in _NO_ANSWER:
        return None
    if not specific:
        refined = _refined(release)
        if refined is None and not release.internal:
            return None
        cause = refined or cause
    if cause in ("normalClearing", "callNotAnswered") or (rang and cause == "destOutOfOrder"):
        return None
    if cause == "busy" and do_not_disturb:
        cause = "doNotDisturb"
    return Failure(cause, failing)


def _refined(release: ReleaseCause) -> str | None:
    q850 = _number(release.q850)
    sip = _number(release.sip_status)
    cdr = _number(release.cdr[-2:])  # the CDR cause's last two digits are a Q.850 cause
    return _Q850.get(q850) or _SIP.get(sip) or _SIP_CLASSES.get(sip // 100) or _Q850.get(cdr)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


_REDIRECT: Final = {
    # reason: (cause of Diverted, cause of Delivered at the new destination)
    "unconditional": ("callForwardImmediate", "callForwardImmediate"),
    "user-busy": ("callForwardBusy", "callForwardBusy"),
    "no-answer": ("callForwardNoAnswer", "callForwardNoAnswer"),
    "unavailable": ("callForward", "callForward"),
    "away": ("callForward", "callForward"),
    "follow-me": ("callForward", "callForward"),
    "voicemail": ("callForward", "callForward"),
    "time-of-day": ("callForward", "callForward"),
    "do-not-disturb": ("doNotDisturb", "callForward"),
    "out-of-service": ("destOutOfOrder", "callForward"),
    "deflection": ("redirected", "redirected"),
    "transfer": ("redirected", "redirected"),
    "hunt-group": ("distributed", "distributed"),
    "call-center": ("distributed", "distributed"),
    "route-point": ("distributed", "distributed"),
    "agent-wrap-up": ("aCDForward", "distributed"),
    "voicexml-script-termination": ("redirected", "redirected"),
}


def diverted_cause(reason: str) -> str:
    """Cause of the Diverted of an alerting connection, from the redirect's reason."""
    return _REDIRECT.get(reason, ("redirected", "redirected"))[0]


def delivered_cause(reason: str, *, was_connected: bool = False) -> str:
    """Cause of the Delivered at the new destination, from the newest redirection's reason.

    :param was_connected: the redirecting party had answered, so ``transfer`` is a single step transfer
    """
    if reason == "transfer" and was_connected:
        return "singleStepTransfer"
    return _REDIRECT.get(reason, ("redirected", "redirected"))[1]
