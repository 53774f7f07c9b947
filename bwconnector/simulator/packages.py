"""Event packages: which events a subscription gets, and with which event it begins."""

from __future__ import annotations

from bwconnector.simulator.model import CALL_CENTER, ROUTE_POINT, SERVICES, Kind, SimEvent
from bwconnector.simulator.switch import Switch

__all__ = ["contains", "fits", "initial_event", "known"]

BASIC = frozenset(
    f"Call{name}Event"
    for name in (
        "Subscription",
        "SubscriptionResync",
        "Originating",
        "Originated",
        "Collecting",
        "Received",
        "Answered",
        "Releasing",
        "Released",
    )
) | {"HookStatusEvent"}

ADVANCED_ONLY = frozenset({"CallRedirectedEvent", "CallDetachedEvent"})

CALL_PACKAGES = frozenset({"Basic Call", "Standard Call", "Advanced Call"})

SILENT = frozenset(
    {
        "BroadWorks Anywhere",
        "Call Center Configuration",
        "Call Center Monitoring",
        "Call Center Queue",
        "CommPilot Express",
        "Music On Hold",
        "Remote Office",
        "Route Point Queue",
        "Security Classification",
        "Sequential Ring",
        "Simultaneous Ring Personal",
    }
)
"""Packages that can be subscribed to, though the switch never has anything to tell in them."""

VIRTUAL: dict[str, Kind] = {
    "Call Center Configuration": CALL_CENTER,
    "Call Center Monitoring": CALL_CENTER,
    "Call Center Queue": CALL_CENTER,
    "Route Point Queue": ROUTE_POINT,
}
"""Packages whose target is a virtual user, and of which kind it is."""

OTHER = {
    "Call Park": frozenset({"CallParkedAgainstEvent"}),
    "Voice Mail Message Summary": frozenset({"VoiceMailMessageSummaryEvent"}),
    "Call Center Agent": frozenset({"AgentSubscriptionEvent", "AgentStateEvent", "ACDAgentJoinUpdateEvent"}),
    "Hoteling Guest": frozenset({"HotelingGuestEvent"}),
}
SERVICE_EVENTS = {package: f"{name}Event" for package, name in SERVICES.items()}
NOT_OF_CALLS = frozenset(SERVICE_EVENTS.values()).union(*OTHER.values())


def known(package: str) -> bool:
    """Whether that is the name of an event package here."""
    return package in CALL_PACKAGES or package in SERVICE_EVENTS or package in OTHER or package in SILENT


def fits(package: str, kind: Kind) -> bool:
    """Whether a user of this kind can be the target of a subscription: virtual users have no calls of their own, but a queue."""
    return VIRTUAL.get(package, "user") == kind


def contains(package: str, event_type: str) -> bool:
    """Whether the package tells events of this type. What no package knows belongs to the Advanced Call package."""
    if package == "Basic Call":
        return event_type in BASIC
    if package in CALL_PACKAGES:
        return event_type not in NOT_OF_CALLS and (package == "Advanced Call" or event_type not in ADVANCED_ONLY)
    return event_type == SERVICE_EVENTS.get(package) or event_type in OTHER.get(package, ())


def initial_event(switch: Switch, package: str, user_id: str) -> SimEvent | None:
    """The event that follows a subscription to (or a refresh of) one user; None where the package has no state to tell."""
    if package in CALL_PACKAGES:
        return switch.snapshot(user_id)
    if package in SERVICES:
        return switch.services.event(user_id, SERVICES[package])
    if package == "Voice Mail Message Summary":
        return switch.services.message_event(user_id)
    if package == "Call Center Agent":
        return switch.agents.agent_event(user_id)
    if package == "Hoteling Guest":
        return switch.agents.guest_event(user_id)
    return None
