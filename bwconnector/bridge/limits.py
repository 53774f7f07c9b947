"""What a link is refused because of who it is, or of how much it asks for: the answer, and what an administrator may do about it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from bwconnector.csta.errors import CstaError

__all__ = ["LIMITS", "Limit", "Limited"]

PRIVILEGE = ("operation", "privilegeViolationSpecifiedDevice")


@attrs.frozen(slots=True)
class Limit:
    """
    :ivar error: category and value of the answer
    :ivar advice: for the log
    """

    error: tuple[str, str]
    advice: str


LIMITS: Mapping[str, Limit] = {
    "access": Limit(PRIVILEGE, "its section [access-NAME] does not name the device"),
    "read-only": Limit(PRIVILEGE, "its section [access-NAME] has read-only, or no section is for it"),
    "monitored-only": Limit(PRIVILEGE, "it does not monitor the device ([csta] monitored-only)"),
    "rate": Limit(("performanceManagement", "performanceLimitExceeded"), "it asks too much at once ([csta] request-rate)"),
    "monitors": Limit(("systemResourceAvailibility", "overallMonitorLimitExceeded"), "it has too many ([csta] max-monitors-per-link)"),
    "outstanding": Limit(("subscribedResourceAvailability", "outstandingReqLimitExceeded"), "too many of its requests wait for BroadWorks"),
}
"""By the name under which refusals are counted."""


class Limited(CstaError):
    """A request that runs into a row of :data:`LIMITS`.

    :ivar limit: which one
    """

    def __init__(self, limit: str, detail: str) -> None:
        super().__init__(*LIMITS[limit].error, detail=detail)
        self.limit = limit
