"""Events of agents (package ``Call Center Agent``) and of hot desking (``Hoteling Guest``): values, and their readers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from bwconnector.xsi.events import EventData
from bwconnector.xsi.reading import Element, Table, fields_of, flag_of, integer_of, local_name, text_of

__all__ = [
    "AgentJoin",
    "AgentState",
    "AgentSubscription",
    "AgentStateEvent",
    "HotelingGuest",
    "QueueMembership",
    "READERS",
    "guest_of",
    "memberships_of",
]


@attrs.frozen(slots=True)
class AgentState:
    """The ACD state of an agent: ``Sign-In``, ``Available``, ``Unavailable``, ``Wrap-Up`` or ``Sign-Out``; other text is kept as it came.

    Times are milliseconds since the epoch.
    """

    state: str = ""
    since: int = 0
    unavailable_code: str = ""
    wrap_up_call_id: str = ""
    wrap_up_queue: str = ""
    """User id of the call center whose call the agent wraps up."""


@attrs.frozen(slots=True)
class QueueMembership:
    """An agent at one of the call centers that it is assigned to (``queue`` is its user id): has it joined?"""

    queue: str = ""
    joined: bool = False
    skill_level: int = 0


@attrs.frozen(slots=True)
class AgentSubscription(EventData):
    """The whole truth about an agent. ``state`` is None for a user who is none."""

    state: AgentState | None = None
    joins: tuple[QueueMembership, ...] = ()


@attrs.frozen(slots=True)
class AgentStateEvent(EventData):
    """An agent's ACD state was set, perhaps to what it was before."""

    state: AgentState


@attrs.frozen(slots=True)
class AgentJoin(EventData):
    """An agent joined or left some of its call centers."""

    joins: tuple[QueueMembership, ...]


@attrs.frozen(slots=True)
class HotelingGuest(EventData):
    """The Hoteling Guest service of a user: at whose phone is it?

    ``host`` is that user's id. ``content`` has all elements as they came, by name, since a change has to send them again.
    """

    active: bool = False
    host: str = ""
    content: tuple[tuple[str, str], ...] = ()

    @property
    def associated(self) -> bool:
        return self.active and bool(self.host)

    def changed(self, host: str) -> tuple[tuple[str, str], ...]:
        """The elements with another host; none ends the association. Each keeps the name and the place that BroadWorks gave it."""
        wanted = {"active": "true" if host else "false", "host": host}
        written = []
        for name, text in self.content:
            meaning = _GUEST[name][0] if name in _GUEST else ""
            written.append((name, wanted.pop(meaning, text)))
        return (*written, *((_GUEST_NAMES[meaning], text) for meaning, text in wanted.items()))


_MEMBERSHIP: Table = {"acdUserId": ("queue", text_of), "joined": ("joined", flag_of), "skillLevel": ("skill_level", integer_of)}
# The answer of services/CallCenter says the same in other words.
_SETTINGS_MEMBERSHIP: Table = {"serviceUserId": ("queue", text_of), "available": ("joined", flag_of)}


def _memberships(element: Element) -> tuple[QueueMembership, ...]:
    """Those of ``joinInfos``, ``joinData`` or ``ccAgentJoinUpdateData``."""
    return tuple(QueueMembership(**fields_of(each, _MEMBERSHIP)) for each in element.iter() if local_name(each) == "joinInfo")


def memberships_of(element: Element) -> tuple[QueueMembership, ...]:
    """Those of a ``callCenterList``."""
    return tuple(QueueMembership(**fields_of(each, _SETTINGS_MEMBERSHIP)) for each in element if local_name(each) == "callCenterDetails")


_STATE: Table = {
    "state": ("state", text_of),
    "stateTimestamp": ("since", lambda e: fields_of(e, {"value": ("value", integer_of)}).get("value", 0)),
    "unavailableCode": ("unavailable_code", text_of),
    "wrapUpCallId": ("wrap_up_call_id", text_of),
    "wrapUpCallCenterUserId": ("wrap_up_queue", text_of),
}
_GUEST: Table = {
    "active": ("active", flag_of),
    "isActive": ("active", flag_of),
    "hostUserId": ("host", text_of),
    "hostSubscriberId": ("host", text_of),
}
_GUEST_NAMES = {"active": "active", "host": "hostUserId"}
"""What the elements are called where BroadWorks has not shown them before."""


def _state(element: Element) -> AgentState:
    return AgentState(**fields_of(element, _STATE))


def guest_of(element: Element) -> HotelingGuest:
    """The ``info`` of an event, or a ``HotelingGuest`` response."""
    content = tuple((local_name(child), text_of(child)) for child in element if not len(child))
    return HotelingGuest(**fields_of(element, _GUEST), content=content)


def _subscription(kind: str, data: Element) -> EventData:
    table: Table = {"stateInfo": ("state", _state), "joinData": ("joins", _memberships)}
    return AgentSubscription(**fields_of(data, table))


def _state_event(kind: str, data: Element) -> EventData:
    return AgentStateEvent(**({"state": AgentState()} | fields_of(data, {"agentStateInfo": ("state", _state)})))


def _join(kind: str, data: Element) -> EventData:
    joins: dict[str, Any] = fields_of(data, {"ccAgentJoinUpdateData": ("joins", _memberships)})
    return AgentJoin(**({"joins": ()} | joins))


def _guest(kind: str, data: Element) -> EventData:
    guest: HotelingGuest = fields_of(data, {"info": ("guest", guest_of)}).get("guest", HotelingGuest())
    return guest


READERS: dict[str, Callable[[str, Element], EventData]] = {
    "AgentSubscriptionEvent": _subscription,
    "AgentStateEvent": _state_event,
    "ACDAgentJoinUpdateEvent": _join,
    "HotelingGuestEvent": _guest,
}
"""By type of event."""
