"""What arrives on an Event Channel, as frozen typed values.

Shapes only follow what the Xsi wire carries; their meaning for CSTA is decided in :mod:`bwconnector.bridge`.
Times are integer milliseconds since the epoch, UTC, as BroadWorks sends them.
"""

from __future__ import annotations

import attrs

__all__ = [
    "CallEvent",
    "CallParkedAgainst",
    "CallSubscription",
    "ChannelOpened",
    "ChannelTerminated",
    "Conference",
    "ConferenceEvent",
    "ConferenceParticipant",
    "DoNotDisturbState",
    "Document",
    "EventData",
    "ForwardingState",
    "Heartbeat",
    "HookStatus",
    "MessageSummary",
    "OtherDocument",
    "OtherEvent",
    "Party",
    "Redirect",
    "Redirection",
    "ReleaseCause",
    "SubscriptionEvent",
    "SubscriptionTerminated",
    "Unwanted",
    "XsiCall",
]


@attrs.frozen(slots=True)
class Party:
    """A party as BroadWorks describes it; every part may be missing (empty string).

    ``address`` and ``user_dn`` are URIs as on the wire (``tel:1002``, ``tel:+15550001002;ext=1002``);
    ``country_code`` is that of ``user_dn`` or else of ``address``; ``private`` is true when the party's identity is withheld.
    """

    name: str = ""
    address: str = ""
    user_id: str = ""
    user_dn: str = ""
    country_code: str = ""
    private: bool = False
    call_type: str = ""


@attrs.frozen(slots=True)
class Redirection:
    """One step by which a call came here: who redirected it, and why."""

    party: Party
    reason: str = ""
    counter: int = 0


@attrs.frozen(slots=True)
class Redirect:
    """Where this leg's user sent the call."""

    address: str = ""
    reason: str = ""


@attrs.frozen(slots=True)
class ReleaseCause:
    """Why a call failed or ended; empty strings where BroadWorks says nothing."""

    internal: str = ""
    q850: str = ""
    sip_status: str = ""
    cdr: str = ""


@attrs.frozen(slots=True)
class XsiCall:
    """One leg: a call as one user sees it (``callId``), tied to its other half by ``extTrackingId``."""

    call_id: str
    tracking_id: str
    personality: str
    """``Originator``, ``Terminator`` or ``Click-to-Dial``."""
    state: str
    """``Alerting``, ``Active``, ``Held``, ``Remote Held``, ``Detached``, ``Released`` or ``Idle``; other text is kept as it came."""
    remote: Party = Party()
    releasing_party: str = ""
    """``localRelease``, ``remoteRelease`` or empty."""
    release_cause: ReleaseCause | None = None
    redirections: tuple[Redirection, ...] = ()
    redirect: Redirect | None = None
    allow_answer: bool = False
    allow_retrieve: bool = False
    hunt_group: str = ""
    recall_type: str = ""
    start_time: int = 0
    answer_time: int = 0
    acd_user_id: str = ""
    """``acdCallInfo/acdUserId``: the queue or route point that distributed this call."""
    acd_calling_party: Party | None = None
    recording_controls: str = ""
    """``allowedRecordingControls``: ``none``, or what the user may ask for, such as ``pause-stop``; empty when nothing is said."""
    recording_state: str = ""
    """``Pending``, ``Started``, ``Paused``, ``Failed`` or empty."""
    escalation: str = ""
    """``Normal`` or ``Emergency`` when an agent escalates this call to its user."""
    client_session_info: str = ""


@attrs.frozen(slots=True)
class ConferenceParticipant:
    """A leg of the controller that takes part in the conference."""

    call_id: str
    muted: bool = False
    deaf: bool = False


@attrs.frozen(slots=True)
class Conference:
    """The controller's conference; ``participants`` is empty in ConferenceReleasedEvent."""

    state: str = ""
    """``Active``, ``Held`` or ``Released``."""
    participants: tuple[ConferenceParticipant, ...] = ()
    conference_type: str = ""
    """Empty, ``Barge-In``, ``Silently Monitored`` or ``Supervisor Coached``."""


@attrs.frozen(slots=True)
class EventData:
    """What an event tells; each kind is a class of its own, here or in the module of what it is about."""


@attrs.frozen(slots=True)
class CallEvent(EventData):
    """Any event about calls of one user: its type (``CallReceivedEvent`` …) and the calls it names (one, but for CallRedirectedEvent).

    ``reason`` is that of CallRecordingStoppedEvent: ``User Requested`` or ``Failure``.
    """

    type: str
    calls: tuple[XsiCall, ...]
    reason: str = ""


@attrs.frozen(slots=True)
class ConferenceEvent(EventData):
    """Any ``Conference…Event``."""

    type: str
    conference: Conference


@attrs.frozen(slots=True)
class CallSubscription(EventData):
    """CallSubscriptionEvent or CallSubscriptionResyncEvent: the whole truth about the calls of a user."""

    calls: tuple[XsiCall, ...] = ()
    conference: Conference | None = None
    hook_status: str = ""
    resync: bool = False


@attrs.frozen(slots=True)
class HookStatus(EventData):
    """``On-Hook`` or ``Off-Hook``."""

    status: str


@attrs.frozen(slots=True)
class CallParkedAgainst(EventData):
    """A call was parked against the target (``party``), or none is any more (``party`` is None)."""

    party: Party | None


@attrs.frozen(slots=True)
class DoNotDisturbState(EventData):
    """State of Do Not Disturb; ``unassigned`` when the user no longer has the service."""

    active: bool = False
    unassigned: bool = False


@attrs.frozen(slots=True)
class ForwardingState(EventData):
    """State of one Call Forwarding service (``service`` is its package name)."""

    service: str
    active: bool = False
    forward_to: str = ""
    number_of_rings: int | None = None
    unassigned: bool = False


@attrs.frozen(slots=True)
class MessageSummary(EventData):
    """Voice mail counters of VoiceMailMessageSummaryEvent."""

    new_messages: int = 0


@attrs.frozen(slots=True)
class SubscriptionTerminated(EventData):
    """The subscription has ended: deleted, expired, or its target is gone."""


@attrs.frozen(slots=True)
class OtherEvent(EventData):
    """An event type this version does not translate; it is acknowledged and counted."""

    type: str


@attrs.frozen(slots=True)
class Unwanted(EventData):
    """An event of a device that nobody monitors: what it tells was not even read."""


@attrs.frozen(slots=True)
class SubscriptionEvent:
    """One event of a subscription, in its envelope.

    ``owner_id`` is the owner of the subscription (``userId`` or ``clientId``), not the monitored user: that is ``target_id``,
    which is empty when it equals the owner.
    """

    event_id: str
    sequence: int
    subscription_id: str
    data: EventData
    target_id: str = ""
    owner_id: str = ""
    application_id: str = ""
    channel_id: str = ""


@attrs.frozen(slots=True)
class ChannelOpened:
    """First document of a stream: the channel's id and the lifetime that BroadWorks granted, in seconds."""

    channel_id: str
    expires: int


@attrs.frozen(slots=True)
class Heartbeat:
    """Echo of a heartbeat."""


@attrs.frozen(slots=True)
class ChannelTerminated:
    """The channel ends; ``reason`` is empty on older releases. It is never acknowledged."""

    channel_id: str
    reason: str = ""


@attrs.frozen(slots=True)
class OtherDocument:
    """A document this version does not know, by its root element; it is counted and ignored."""

    root: str


Document = ChannelOpened | Heartbeat | ChannelTerminated | SubscriptionEvent | OtherDocument
