"""What the switch tells: users, calls and events as frozen values, in the words of Xsi.

Times are integer milliseconds since the epoch, UTC; 0 means that the moment has not come. Addresses are URIs as on the wire (``tel:1002``).
"""

from __future__ import annotations

from typing import Literal

import attrs

__all__ = [
    "ACTIVE",
    "ALERTING",
    "CALL_CENTER",
    "CLICK_TO_DIAL",
    "CONNECTED",
    "DETACHED",
    "HELD",
    "Kind",
    "LOCAL_RELEASE",
    "ORIGINATOR",
    "RECORDING_CONTROLS",
    "RELEASED",
    "REMOTE_HELD",
    "REMOTE_RELEASE",
    "ROUTE_POINT",
    "SERVICES",
    "TERMINATOR",
    "AgentInfo",
    "Call",
    "CallTruth",
    "Conference",
    "GuestInfo",
    "Membership",
    "Party",
    "Redirect",
    "Redirection",
    "ReleaseCause",
    "ServiceState",
    "SimEvent",
    "SwitchError",
    "User",
    "Variation",
]

ALERTING, ACTIVE, HELD, REMOTE_HELD = "Alerting", "Active", "Held", "Remote Held"
DETACHED, RELEASED = "Detached", "Released"
CONNECTED = frozenset({ACTIVE, HELD, REMOTE_HELD})

ORIGINATOR, TERMINATOR, CLICK_TO_DIAL = "Originator", "Terminator", "Click-to-Dial"
LOCAL_RELEASE, REMOTE_RELEASE = "localRelease", "remoteRelease"

RECORDING_CONTROLS = {"": "record", "Pending": "stop", "Started": "pause-stop", "Paused": "resume-stop"}
"""``allowedRecordingControls`` by the state of the recording."""

Kind = Literal["user", "callcenter", "routepoint"]
CALL_CENTER: Kind = "callcenter"
ROUTE_POINT: Kind = "routepoint"

SERVICES = {
    "Do Not Disturb": "DoNotDisturb",
    "Call Forwarding Always": "CallForwardingAlways",
    "Call Forwarding Busy": "CallForwardingBusy",
    "Call Forwarding No Answer": "CallForwardingNoAnswer",
    "Call Waiting": "CallWaiting",
}
"""Event package of each service that the switch plays, and the service's name in paths and documents."""


class SwitchError(Exception):
    """The operation is not possible; nothing has changed.

    :ivar status: HTTP status with which an XSP answers: 400, 403 or 404
    :ivar code: errorCode of the ErrorInfo
    :ivar text: summary of the ErrorInfo
    """

    def __init__(self, status: int, code: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text


@attrs.frozen(slots=True)
class User:
    """Somebody who can be in a call: a BroadWorks user, or a party outside of BroadWorks.

    A party outside has no group and no extension; its ``user_id`` is its number. Nobody can subscribe to it.
    """

    user_id: str
    number: str
    name: str = ""
    extension: str = ""
    group: str = ""
    location: str = "Primary"
    """``Primary``, ``RemoteOffice``, ``BroadWorksAnywhere`` or ``BroadWorksMobility``: the kind of endpoint that its calls show."""
    private: bool = False
    """The party withholds its identity."""
    kind: Kind = "user"
    """Call centers and route points are users without a phone: BroadWorks calls them virtual users."""

    @property
    def outside(self) -> bool:
        return not self.group

    @property
    def address(self) -> str:
        """The short form in which BroadWorks names this party."""
        return f"tel:{self.extension or self.number}"


@attrs.frozen(slots=True)
class Party:
    """A party as a call shows it to the other side."""

    name: str = ""
    address: str = ""
    user_id: str = ""
    user_dn: str = ""
    country_code: str = ""
    private: bool = False
    call_type: str = "Unknown"


@attrs.frozen(slots=True)
class Redirection:
    """One step by which a call came to its present user."""

    party: Party
    reason: str
    counter: int = 1


@attrs.frozen(slots=True)
class Redirect:
    """Where a user sent a call, why, and when."""

    address: str
    reason: str
    time: int


@attrs.frozen(slots=True)
class ReleaseCause:
    """Why a call failed."""

    internal: str
    sip_status: str = ""


@attrs.frozen(slots=True)
class Call:
    """One leg, as its user sees it."""

    call_id: str
    tracking_id: str
    personality: str
    state: str
    remote: Party
    start_time: int
    network_call_id: str = ""
    cause: ReleaseCause | None = None
    releasing_party: str = ""
    redirections: tuple[Redirection, ...] = ()
    redirect: Redirect | None = None
    endpoint: str = ""
    """Address of record, or the address of a remote location."""
    location: str = "Primary"
    answer_time: int = 0
    held_time: int = 0
    detached_time: int = 0
    release_time: int = 0
    escalation: str = ""
    """Empty, ``Normal`` or ``Emergency``: an agent asks this user for help."""
    recording: str = ""
    """Empty, ``Pending``, ``Started`` or ``Paused``."""
    client_session_info: str = ""

    @property
    def recording_controls(self) -> str:
        """What the user may do about the recording of this call; empty before it is answered and after it has ended."""
        return RECORDING_CONTROLS[self.recording] if self.state in CONNECTED else ""

    @property
    def allow_answer(self) -> bool:
        return self.state == ALERTING and self.personality != ORIGINATOR and not self.answer_time

    @property
    def allow_retrieve(self) -> bool:
        return self.state == HELD


@attrs.frozen(slots=True)
class Conference:
    """The conference that a user controls, with the callIds of its legs in it."""

    state: str
    participants: tuple[str, ...] = ()
    type: str = ""
    """Empty, ``Barge-In``, ``Silently Monitored`` or ``Supervisor Coached``."""


@attrs.frozen(slots=True)
class ServiceState:
    """State of one service of one user; the parts that a service does not have keep their defaults."""

    name: str
    active: bool = False
    forward_to: str = ""
    ring_splash: bool = False
    number_of_rings: int = 3
    assigned: bool = True
    """False once an administrator has taken the service away."""


@attrs.frozen(slots=True)
class AgentInfo:
    """ACD state of an agent: ``Sign-In``, ``Available``, ``Unavailable``, ``Wrap-Up`` or ``Sign-Out``."""

    state: str
    since: int = 0
    unavailable_code: str = ""
    wrap_up_queue: str = ""
    """User id of the call center whose call is wrapped up."""
    wrap_up_call_id: str = ""


@attrs.frozen(slots=True)
class Membership:
    """One of the queues (user id) that an agent is assigned to."""

    queue: str
    joined: bool = False


@attrs.frozen(slots=True)
class GuestInfo:
    """The Hoteling Guest service: at whose phone (user id) a user is a guest."""

    active: bool = False
    host: str = ""
    limit_hours: int = 12


@attrs.frozen(slots=True)
class SimEvent:
    """One event for the subscriptions on one user; which parts are set depends on ``type`` (the wire's ``eventData`` type)."""

    user_id: str
    type: str
    calls: tuple[Call, ...] = ()
    conference: Conference | None = None
    hook_status: str = ""
    party: Party | None = None
    """CallParkedAgainstEvent: who is parked, None when nobody is any more."""
    service: ServiceState | None = None
    new_messages: int = 0
    reason: str = ""
    """CallRecordingStoppedEvent: ``User Requested`` or ``Failure``."""
    agent: AgentInfo | None = None
    joins: tuple[Membership, ...] = ()
    guest: GuestInfo | None = None


@attrs.frozen(slots=True)
class CallTruth:
    """One call of people who can hear each other (or are about to), for tests.

    ``legs`` are (user id or outside number, state) of every leg; a conference with all its parties is one call.
    """

    tracking_ids: frozenset[str]
    legs: frozenset[tuple[str, str]]


@attrs.frozen(slots=True)
class Variation:
    """What differs between BroadWorks releases, or is not documented."""

    tracking_ids: Literal["counter", "uuid"] = "counter"
    transfer_id: Literal["first", "second", "new"] = "second"
    """Which extTrackingId survives a transfer, pick-up, park retrieve or barge-in: of the older call, the newer call, or neither."""
    released_after_redirected: bool = True
    transfer_event: Literal["CallTransferredEvent", "CallUpdatedEvent"] = "CallTransferredEvent"
    """What the consulted party gets when it is connected by a transfer."""
    updated_on_ringing: bool = True
    """The originator gets one CallUpdatedEvent while the far end rings."""
    treatment: bool = True
    """A failing call plays an announcement: CallReleasingEvent before CallReleasedEvent."""
    colp: bool = True
    """The originator is shown where its call was forwarded to."""
