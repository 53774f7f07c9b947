"""Hot desking: the steps by which a guest is brought to somebody's phone and away again, undone in reverse if one fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
from twisted.logger import Logger

from bwconnector.bridge.agents import PRIVATE, SIGNED_OUT, UNAVAILABLE
from bwconnector.bridge.changes import Change
from bwconnector.bridge.devices import USER
from bwconnector.bridge.monitor_services import PACKAGES
from bwconnector.bridge.outstanding import Proven
from bwconnector.bridge.refusals import PRIVATE_DATA, STATE, refusal
from bwconnector.bridge.switching import Asker, SwitchingFunction
from bwconnector.csta.errors import CstaError
from bwconnector.xsi import requests
from bwconnector.xsi.agents import HotelingGuest
from bwconnector.xsi.answers import read_agent, read_hoteling_guest
from bwconnector.xsi.errors import OutcomeUnknown, Refused, XsiFailure
from bwconnector.xsi.requests import Request

__all__ = ["ARRIVAL", "Association", "associate", "association", "dissociate", "guest_associated_extension"]

log = Logger()

ARRIVAL = 5.0
"""Seconds that the event about a new guest is waited for, before its state is set without it."""

FORWARDING, GUEST = "hoteling.forwarding", "hoteling.guest"
"""Steps, as the table of errors calls them."""

_ALWAYS = "Call Forwarding Always"


@attrs.frozen(slots=True)
class Association:
    """The Hoteling Guest service of a user; ``host`` is the device key of whose phone it is at, or empty."""

    guest: HotelingGuest
    host: str


@attrs.frozen(slots=True)
class _Step:
    """:ivar row: service whose errors a refusal of this step gets"""

    row: str
    request: Request
    undo: Request | None = None


async def association(switch: SwitchingFunction, guest: str) -> Association:
    """Where a user is a guest: as its events tell, or as BroadWorks answers.

    :raises CstaError: it is no guest at all, or BroadWorks cannot be asked
    """
    record = switch.agents.record(guest)
    known = record.guest if record is not None else None
    if known is None or not known.content:
        try:
            known = read_hoteling_guest((await switch.xsi.perform(requests.hoteling_guest(guest))).body)
        except XsiFailure as failure:
            raise refusal(GUEST, failure) from failure
    return Association(known, switch.directory.full(known.host) if known.associated else "")


async def associate(switch: SwitchingFunction, service: str, guest: str, host: str) -> None:
    """Bring a guest to a phone. Returns when BroadWorks has accepted that; the guest's state is set when it has arrived."""
    with _moving(switch, service, guest, host):
        try:
            arrived = await _bring(switch, service, guest, host)
        except CstaError:
            switch.release_unwanted(guest)
            raise
    switch.spawn(_settle(switch, guest, host, arrived))


async def _bring(switch: SwitchingFunction, service: str, guest: str, host: str) -> bool:
    """Whether the guest has arrived already, when its last step is done."""
    agents = switch.agents
    await _attend(switch, guest, host)
    present = await association(switch, guest)
    if present.host:
        raise _impossible(service, f"{guest} is a guest at {present.host} already")
    if agents.guest_at(host):
        raise _impossible(service, f"{agents.guest_at(host)} is a guest at {host}")
    signed_in = await _signed_in(switch, service, host)
    steps = [
        *([_Step("SetAgentState", requests.set_agent_state(host, SIGNED_OUT))] if signed_in else []),
        _Step(
            FORWARDING,
            requests.set_call_forwarding(host, _ALWAYS, True, switch.directory.address_of(guest)),
            requests.set_call_forwarding(host, _ALWAYS, False),
        ),
        _Step(
            GUEST,
            requests.set_hoteling_guest(guest, present.guest.changed(host)),
            requests.set_hoteling_guest(guest, present.guest.changed("")),
        ),
    ]
    record = agents.record(guest)
    if switch.subscriptions.subscribed(guest) and (record is None or record.guest is None):
        agents.apply(guest, present.guest)  # what is there at first, so that what comes is a change
    return (await _carry_out(switch, guest, host, steps)).change is not None


async def dissociate(switch: SwitchingFunction, service: str, guest: str, host: str = "") -> None:
    """Take a guest away from a phone, by default from wherever it is."""
    with _moving(switch, service, guest, host):
        present = await association(switch, guest)
        if not present.host or host not in ("", present.host):
            raise _impossible(service, f"{guest} is not a guest at {host or 'any phone'}")
        address = switch.directory.address_of(guest)
        record = switch.agents.record(guest)
        is_agent = record is None or not record.seeded or record.actual is not None
        steps = [
            *([_Step("SetAgentState", requests.set_agent_state(guest, SIGNED_OUT))] if is_agent else []),
            _Step(
                FORWARDING,
                requests.set_call_forwarding(present.host, _ALWAYS, False, address),
                requests.set_call_forwarding(present.host, _ALWAYS, True, address),
            ),
            _Step(GUEST, requests.set_hoteling_guest(guest, present.guest.changed(""))),
        ]
        await _carry_out(switch, guest, present.host, steps)


@contextmanager
def _moving(switch: SwitchingFunction, service: str, guest: str, host: str) -> Iterator[None]:
    """One request at a time for a guest, and for a phone: the steps of two would undo each other's."""
    devices = {guest, host} - {""}
    moving = switch.agents.moving
    if moving & devices:
        raise _impossible(service, f"another request moves {' and '.join(sorted(moving & devices))}")
    moving |= devices
    try:
        yield
    finally:
        moving -= devices


async def _attend(switch: SwitchingFunction, guest: str, host: str) -> None:
    """Who monitors the host is to hear of its guest, even if nobody monitors that: its events are subscribed to."""
    if switch.monitors.monitored(host) and not switch.subscriptions.subscribed(guest):
        try:
            await switch.subscriptions.subscribe(guest, PACKAGES[USER])
        except XsiFailure as failure:
            raise refusal(GUEST, failure) from failure


def _impossible(service: str, why: str) -> CstaError:
    return CstaError(STATE, "invalidObjectState", f"{service}: {why}")


async def _signed_in(switch: SwitchingFunction, service: str, user: str) -> bool:
    """Whether somebody is signed in at this phone as an agent."""
    record = switch.agents.record(user)
    if record is not None and record.seeded:
        state = record.actual
    else:
        try:
            state = read_agent((await switch.xsi.perform(requests.agent(user))).body).state
        except Refused as refused:
            if refused.status not in (403, 404):
                raise refusal(service, refused) from refused
            return False
        except XsiFailure as failure:
            raise refusal(service, failure) from failure
    return state is not None and state.state != SIGNED_OUT


async def _carry_out(switch: SwitchingFunction, guest: str, host: str, steps: Sequence[_Step]) -> Proven[Any]:
    """All steps in their order; those before one that fails are undone. The event about the guest proves the last one, too."""

    def proof(change: Change) -> bool:
        return change.kind == PRIVATE and change.subject.device == guest and change.acting == host

    proven: Proven[Any] = Proven()
    for number, step in enumerate(steps):
        try:
            if step is steps[-1]:
                proven = await switch.outstanding.proven(switch.xsi.perform(step.request), proof)
            else:
                await switch.xsi.perform(step.request)
        except XsiFailure as failure:
            # what may have been done is undone as well
            done = steps[: number + isinstance(failure, OutcomeUnknown)]
            for undo in [each.undo for each in reversed(done) if each.undo is not None]:
                await _undo(switch, guest, host, undo)
            raise refusal(step.row, failure) from failure
    return proven


async def _undo(switch: SwitchingFunction, guest: str, host: str, request: Request) -> None:
    try:
        await switch.xsi.perform(request)
    except XsiFailure as failure:
        log.warn(
            "{guest} could not be brought to the phone of {host} or away from it, and {path} could not be undone: {failure}",
            guest=guest,
            host=host,
            path=request.path,
            failure=str(failure),
        )


async def _settle(switch: SwitchingFunction, guest: str, host: str, arrived: bool) -> None:
    """A new guest is unavailable at first, whatever was asked for: once its event has come, so that nothing depends on their order."""
    if not arrived and switch.subscriptions.subscribed(guest) and switch.agents.guest_at(host) != guest:
        await switch.outstanding.change(lambda c: c.kind == PRIVATE and c.subject.device == guest and c.acting == host, ARRIVAL)
    record = switch.agents.record(guest)
    switch.release_unwanted(guest)  # unless it has arrived where somebody is to hear of it
    if record is not None and record.guest is not None and record.host not in ("", host):
        return  # it has gone on to another phone meanwhile
    try:
        await switch.xsi.perform(requests.set_agent_state(guest, UNAVAILABLE))
    except XsiFailure as failure:
        log.warn("{guest} is a guest at {host}, but could not be made unavailable: {failure}", guest=guest, host=host, failure=str(failure))


async def guest_associated_extension(switch: SwitchingFunction, asker: Asker, data: Mapping[str, str]) -> None:
    """The private service ``guestAssociatedExtension``: ``hostDevice``, ``guestDevice``, and ``associate``, which is true by default."""
    service = "Escape"
    wanted = data.get("associate", "true").lower()
    if wanted not in ("true", "1", "false", "0") or not data.get("guestDevice"):
        raise CstaError(*PRIVATE_DATA, detail=f"{service}: guestDevice is missing, or associate is neither true nor false")
    guest = (await switch.device(service, data["guestDevice"])).key
    host = (await switch.device(service, data["hostDevice"])).key if data.get("hostDevice") else ""
    if host == guest or (not host and wanted in ("true", "1")):
        raise CstaError(*PRIVATE_DATA, detail=f"{service}: hostDevice is missing, or is the guest itself")
    switch.permit(asker, service, *filter(None, (host, guest)))
    switch.permit_each(asker, service, *filter(None, (host, guest)))
    if wanted in ("true", "1"):
        await associate(switch, service, guest, host)
    else:
        await dissociate(switch, service, guest, host)
