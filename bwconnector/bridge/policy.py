"""Open questions of the BroadWorks-to-CSTA mapping, one row each: a site changes a row in its config, never the code.

The rows are documented in docs/policy.rst. Times are milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

__all__ = ["ROWS", "Policy", "PolicyRow"]


@attrs.frozen(slots=True)
class PolicyRow:
    """One row: its default and what else it may be set to.

    :ivar default: value when the config says nothing
    :ivar choices: permitted words; empty for a time in milliseconds (0 to 60,000)
    :ivar meaning: what the row decides
    """

    default: str | int
    choices: tuple[str, ...]
    meaning: str

    def problem(self, value: Any) -> str | None:
        """What is wrong with ``value`` for this row, or None."""
        if not self.choices:
            if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 60_000:
                return None
            return "must be a whole number of milliseconds from 0 to 60000"
        return None if value in self.choices else "must be one of " + ", ".join(f'"{choice}"' for choice in self.choices)


def _words(default: str, *alternatives: str, meaning: str) -> PolicyRow:
    return PolicyRow(default, (default, *alternatives), meaning)


def _time(default: int, meaning: str) -> PolicyRow:
    return PolicyRow(default, (), meaning)


ROWS: Mapping[str, PolicyRow] = {
    "P-RED": _words("transferred", "diverted", meaning="what the transferring device's own monitor hears of a transfer"),
    "P-JOIN": _time(200, "how long to wait for the other legs of a transfer, pick-up or conference"),
    "P-FAR": _time(500, "how long a monitored far device's own event is awaited before another leg's word counts"),
    "P-GAP": _time(300, "how long events of a subscription wait for an earlier one, which another channel may bring"),
    "P-GUARD": _time(250, "how long Delivered is held back when the device may never ring (0 = never)"),
    "P-VIEW": _words(
        "all", "own", "limited", meaning="events about all connections of the call, the own only, or of others only the main ones"
    ),
    "P-DELIV": _words("updated", "originated", "never", meaning="when an unmonitored called party is taken to be alerting"),
    "P-DIVALL": _words("all", "diverting", meaning="who hears of a Diverted: every monitor in the call, or the diverting device's"),
    "P-DIVUNSEEN": _words("send", "suppress", meaning="Diverted of a device whose Delivered was never sent"),
    "P-SI": _words("off", "on", meaning="ServiceInitiated before the Originated of a call dialled at the phone"),
    "P-OCAUSE": _words("makeCall", "newCall", meaning="cause of Originated after MakeCall"),
    "P-CONS": _words("newCall", "consultation", meaning="cause of a call dialled at the phone while another is held"),
    "P-HCAUSE": _words("consultation", "normal", meaning="cause of the Held that ConsultationCall brings about"),
    "P-ALT": _words("normal", "alternate", meaning="cause of Held and Retrieved when a user swaps two calls at the phone"),
    "P-NR": _words("off", "on", meaning="NetworkReached for outgoing external calls"),
    "P-CANCEL": _words("callCancelled", "normalClearing", meaning="cause at the alerting side when the caller gives up"),
    "P-CALLED": _words("first", "transferred-to", meaning="calledDevice after a transfer"),
    "P-FAIL": _words("on", "off", meaning="Failed is made from a failing release cause when no CallReleasing told it"),
    "P-COLL": _words("on", "off", meaning="ServiceInitiated for CallCollecting"),
    "P-UPD": _words("on", "off", meaning="CallInformation when the far party changes without a transfer"),
    "P-CSI": _words("ignore", "information", meaning="CallInformation when client session info changes"),
    "P-PARK": _words("diverted", "cleared", meaning="what a proven park is at the parking device"),
    "P-PARKQ": _words("on", "off", meaning="Queued at the device a call is parked against"),
    "P-HUNT": _words("diverted", "cleared", meaning="hunt group members that did not get the call"),
    "P-MERGE": _words("clear", "hold", meaning="the private call of a device that picks up, barges in or retrieves"),
    "P-CONF1": _words("off", "on", meaning="ConnectionCleared of the controller when a conference shrinks to two parties"),
    "P-SSC": _words("off", "on", meaning="SingleStepConferenceCall"),
    "P-SILENT": _words("show", "hide", meaning="whether monitored parties hear of a silent supervisor"),
    "P-RESUME": _words("record", "none", meaning="what tells that a paused recording goes on, for which CSTA has no event"),
    "P-SNAPSELF": _words("off", "on", meaning="SnapshotDevice also sends differences to the monitor that asked"),
    "P-PEND": _time(2000, "how long a second MakeCall at a device waits for the first"),
    "P-ALLOW": _words("try", "refuse", meaning="AnswerCall of a leg that does not allow it"),
    "P-HOLD": _words("explicit", "implicit", meaning="hold before the consultation call is dialled"),
    "P-REDIRORDER": _words("last", "first", meaning="which entry of the redirections is the newest"),
    "P-AGENTQ": _words("queues", "own", meaning="agent events also to monitors on the queues that the agent has joined"),
    "P-BUSY": _words("off", "on", meaning="AgentBusy when an agent answers a call of a queue"),
    "P-CODE": _words("on", "off", meaning="unavailable code in private data of AgentNotReady"),
    "P-JOINSYNC": _words("once", "silent", meaning="memberships in queues that are there when a monitor starts"),
    "P-JOINREQ": _words("refuse", "perform", meaning="SetAgentState for one queue: joins or leaves it"),
    "P-HOTEL": _words("login", "state", meaning="whether being a guest at somebody's phone is being logged on by itself"),
    "P-STRICT": _words("ignore", "reject", meaning="optional parameters that BroadWorks has no counterpart for"),
}


class Policy:
    """The rows with a site's changes applied.

    :param changes: values by row code; they have been checked against :data:`ROWS` by the config
    """

    def __init__(self, changes: Mapping[str, str | int] | None = None) -> None:
        self._values: dict[str, str | int] = {code: row.default for code, row in ROWS.items()}
        self._values.update(changes or {})

    def __call__(self, code: str) -> str | int:
        return self._values[code]

    def word(self, code: str) -> str:
        """Value of a row of words."""
        return str(self._values[code])

    def seconds(self, code: str) -> float:
        """Value of a row of time, in seconds."""
        return int(self._values[code]) / 1000
