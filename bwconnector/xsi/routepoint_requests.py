"""Requests about the calls that wait at a route point, as values like those of :mod:`bwconnector.xsi.requests`.

What call centers can be asked as well is there.

``call_id`` is that of a queue entry. None of these is safe to repeat but where it sets a state.
"""

from __future__ import annotations

from collections.abc import Sequence

from bwconnector.xsi.bodies import document, element, segment
from bwconnector.xsi.requests import Request

__all__ = [
    "admit",
    "bounce",
    "dial",
    "distribute",
    "fail",
    "play",
    "play_busy",
    "play_treatment",
    "reject",
]


def _on_call(route_point: str, call_id: str, verb: str, *, safe: bool = False, body: bytes | None = None) -> Request:
    return Request("PUT", f"routepoint/{segment(route_point)}/calls/{segment(call_id)}/{verb}", body=body, safe=safe)


# What becomes of a call


def admit(route_point: str, call_id: str) -> Request:
    """Let a new call wait here, where BroadWorks asks for that (Call Admission): sets a state."""
    return _on_call(route_point, call_id, "Admit", safe=True)


def reject(route_point: str, call_id: str) -> Request:
    """Do not let a new call wait here."""
    return _on_call(route_point, call_id, "Reject")


def distribute(route_point: str, call_id: str, agent: str) -> Request:
    """Offer the call to a user of BroadWorks; it waits here until the user has answered.

    :param agent: full user id
    """
    return _on_call(route_point, call_id, "Distribute", body=document("RoutePointDistribute", element("agentId", agent)))


def bounce(route_point: str, call_id: str) -> Request:
    """Take the call back from the user whom it is offered to."""
    return _on_call(route_point, call_id, "Bounce")


def fail(route_point: str, call_id: str) -> Request:
    """Leave the call to the default routing that is configured in BroadWorks."""
    return _on_call(route_point, call_id, "Fail")


def dial(route_point: str, address: str) -> Request:
    """Call ``address`` from the route point.

    The answer is for :func:`~bwconnector.xsi.answers.read_call_start_info`.
    """
    body = document("RoutePointOutgoingDial", element("address", address))
    return Request("POST", f"routepoint/{segment(route_point)}/calls/new", body=body)


# What is played to it. The children of a body are in the order of BroadWorks' schema.


def play(route_point: str, call_id: str, what: str, duration: int | None = None, digit_map: str = "") -> Request:
    """Play something of BroadWorks' own.

    :param what: ``MusicOnHold``, ``Ringback`` or ``Silence``
    :param duration: seconds; without it, until something else happens to the call
    :param digit_map: digits to be collected meanwhile, in the notation of MGCP (RFC 3435 §3.2.2), e.g. ``xx``
    """
    content = _optional("duration", duration) + _optional("digitMap", digit_map)
    return _on_call(route_point, call_id, f"Play{what}", body=document(f"RoutePointPlay{what}", content))


def play_busy(route_point: str, call_id: str, duration: int | None = None, pattern: str = "Normal") -> Request:
    """Play the busy tone.

    :param pattern: ``Normal`` or ``FastBusy``
    """
    content = _optional("duration", duration) + element("busyPattern", pattern)
    return _on_call(route_point, call_id, "PlayBusy", body=document("RoutePointPlayBusy", content))


def play_treatment(route_point: str, call_id: str, audio: Sequence[str], video: Sequence[str] = (), digit_map: str = "") -> Request:
    """Play files once, one after the other.

    :param audio: URLs, at least one
    """
    content = _list("audioUrlList", audio) + (_list("videoUrlList", video) if video else "") + element("numberOfPlay", 1)
    content += _optional("digitMap", digit_map)
    return _on_call(route_point, call_id, "PlayTreatment", body=document("RoutePointPlayTreatment", content))


def _optional(name: str, value: str | int | None) -> str:
    return element(name, value) if value else ""


def _list(name: str, urls: Sequence[str]) -> str:
    return f"<{name}>{''.join(element('uri', url) for url in urls)}</{name}>"
