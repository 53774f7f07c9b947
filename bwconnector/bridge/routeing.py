"""Routeing (ECMA-269 §20): applications that have registered at a route point are asked where each call that waits there is to go.

A *registration* is a link's wish to be asked. A call that waits is a :class:`RoutedCall`; each question about it is a *dialogue*, from
RouteRequest to RouteEnd. What an application answers is done by BroadWorks, and what BroadWorks then tells ends the dialogue::

    RoutePointCallAdded        [ asked ] ---RouteSelect---> [ routed ] ---OfferedToAgent, Transferred---> RouteUsed, RouteEnd
    ----------RouteRequest-------> |  |                        |    |
                                   |  +---time-out, gone       |    +---refused: the next alternate route; none left: RouteEnd,
                                   |      RouteEnd(error)      |        and asked again
                                   +---RouteReject: default    +---bounced: the same, or ReRoute
                                       routing

Whatever nobody answers is left to the timer and the default routing of BroadWorks.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any

from twisted.logger import Logger

from bwconnector.bridge.calls import CallTable
from bwconnector.bridge.devices import USER, Directory, UnknownDevice
from bwconnector.bridge.dialogues import Dialogue, Dialogues, Registration, RoutedCall
from bwconnector.bridge.ports import Clock, LinkPort, XsiPort
from bwconnector.bridge.refusals import NO_CHANNEL, OPERATION, STATE, Row, refusal
from bwconnector.csta import messages as csta
from bwconnector.csta.errors import CstaError
from bwconnector.xsi import routepoint_requests as requests
from bwconnector.xsi.errors import Refused, XsiFailure
from bwconnector.xsi.queues import QueueEntry, QueueEvent
from bwconnector.xsi.requests import Request, transfer_waiting

__all__ = ["MOST_REQUESTS", "Routeing"]

MOST_REQUESTS = 20
"""RouteRequests about one call at most: an application that always selects what BroadWorks refuses would be asked for ever."""

NO_CALL: Row = (STATE, "noActiveCall")
NO_DIALOGUE: Row = (OPERATION, "invalidRouteingCrossRefID")


class Routeing:
    """All registrations, and the calls that wait at the route points that are subscribed.

    :param policy: value of a policy row
    :param name: gives a device the form in which a link knows it
    :param spawn: runs a coroutine
    """

    log = Logger()

    def __init__(
        self,
        clock: Clock,
        policy: Callable[[str], str | int],
        directory: Directory,
        table: CallTable,
        xsi: XsiPort,
        name: Callable[[LinkPort, str], str],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._policy = policy
        self._directory = directory
        self._xsi = xsi
        self._spawn = spawn
        self._registrations: dict[str, list[Registration]] = {}
        self._ids = itertools.count(1)
        self._dialogues = Dialogues(self._ids, clock, policy, table, directory.key, name)
        self._calls: dict[str, dict[str, RoutedCall]] = {}

    # Registrations

    def registered(self, route_point: str) -> bool:
        """Whether any link wants to be asked about calls there."""
        return route_point in self._registrations

    def registration(self, link: LinkPort, route_point: str) -> Registration | None:
        """The link's registration at a route point."""
        return next((each for each in self._registrations.get(route_point, ()) if each.link is link), None)

    def registrations(self) -> Iterator[Registration]:
        """All there are, the oldest at each route point first."""
        for registrations in self._registrations.values():
            yield from registrations

    def waiting(self, route_point: str) -> list[RoutedCall]:
        """The calls that wait there, as far as they have been told."""
        return list(self._calls.get(route_point, {}).values())

    def register(self, link: LinkPort, route_point: str, named: str, namespace: str) -> tuple[Registration, list[csta.RouteRequest]]:
        """A new registration, and what it is to be asked at once: about calls that wait already and of which nobody is asked."""
        registration = Registration(str(next(self._ids)), link, route_point, named, namespace)
        self._registrations.setdefault(route_point, []).append(registration)
        waiting = (call for call in self.waiting(route_point) if not call.routed)
        return registration, [self._dialogues.open(registration, call) for call in waiting if registration in self._to_ask(call)]

    def cancel(self, link: LinkPort, registration_id: str | None) -> str:
        """End a registration of the link, and its dialogues with it; returns the route point. Raises KeyError for an unknown one."""
        own = [each for each in self.registrations() if each.link is link and registration_id in (None, each.id)]
        if len(own) != 1:
            raise KeyError(registration_id)
        self._end_registrations(own)
        return own[0].route_point

    def close_link(self, link: LinkPort) -> list[str]:
        """The link is gone: others are asked instead of it. Returns the route points where it had registered."""
        own = [each for each in self.registrations() if each.link is link]
        self._end_registrations(own)
        return [each.route_point for each in own]

    def abort(self, route_point: str) -> None:
        """Nobody is asked any more about calls there, and everybody is told so."""
        for registration in self._registrations.pop(route_point, []):
            self._silence(registration)
            registration.tell(csta.RouteRegisterAbort(route_register_req_id=registration.id))

    def abort_all(self) -> list[str]:
        """All Event Channels are lost for good. Returns the route points where there were registrations."""
        route_points = list(self._registrations)
        for route_point in route_points:
            self.abort(route_point)
        self._calls.clear()
        return route_points

    def suspend(self) -> None:
        """All Event Channels are lost for a while: registrations stay, and the calls are learnt again from the next snapshots."""
        for dialogue in self._dialogues.all():
            self._dialogues.end(dialogue, NO_CHANNEL)
        self._calls.clear()

    def forget(self, route_point: str) -> None:
        """The route point is not subscribed any more."""
        for call in self.waiting(route_point):
            self._forget(call)

    def stop(self) -> None:
        """Forget everything, and end all timers."""
        for dialogue in self._dialogues.all():
            self._dialogues.drop(dialogue)
        self._calls.clear()
        self._registrations.clear()

    def _end_registrations(self, registrations: Iterable[Registration]) -> None:
        orphans: list[RoutedCall] = []
        for registration in registrations:
            others = self._registrations[registration.route_point]
            others.remove(registration)
            if not others:
                del self._registrations[registration.route_point]
            orphans += self._silence(registration)
        for call in orphans:
            if not call.dialogues and not call.routed:
                self._ask(call)

    def _silence(self, registration: Registration) -> list[RoutedCall]:
        """End the dialogues of a registration that is no more, without a word; returns their calls."""
        own = self._dialogues.of_registration(registration)
        for dialogue in own:
            self._dialogues.drop(dialogue)
        return [dialogue.call for dialogue in own]

    # What BroadWorks tells

    def event(self, route_point: str, event: QueueEvent) -> None:
        """Something happened to a call at a route point."""
        handle = _EVENTS.get(event.kind)
        if handle is not None:
            handle(self, route_point, event)

    def snapshot(self, route_point: str, entries: Iterable[QueueEntry]) -> None:
        """These calls wait there now, and no others."""
        present = {entry.call_id: entry for entry in entries if not entry.outgoing}
        for call in self.waiting(route_point):
            # one that is not admitted does not wait yet; it is forgotten once nobody is asked about it
            if call.entry.call_id not in present and (call.admitted or not call.dialogues):
                self._over(call, NO_CALL)
        for entry in present.values():
            self._waits(route_point, entry)

    def _added(self, route_point: str, event: QueueEvent) -> None:
        if not event.entry.outgoing:
            self._waits(route_point, event.entry)

    def _waits(self, route_point: str, entry: QueueEntry) -> None:
        call = self._call(route_point, entry)
        if call is None:
            self._ask(self._new(route_point, entry))
            return
        call.entry = entry
        if not call.admitted:
            call.admitted = True
            selected = [dialogue for dialogue in call.dialogues if dialogue.routes]
            for dialogue in selected:
                self._spawn(self._route(dialogue))
            if not call.dialogues:
                self._ask(call)

    def _comes(self, route_point: str, event: QueueEvent) -> None:
        """Call Admission (P-ADMIT): the call waits only if it is let in."""
        if self._call(route_point, event.entry) is not None:
            return
        call = self._new(route_point, event.entry)
        call.admitted = False
        if self._policy("P-ADMIT") == "request" and self.registered(route_point):
            self._ask(call)
        else:
            self._spawn(self._do(call, "admitted", requests.admit(route_point, event.entry.call_id)))

    def _offered(self, route_point: str, event: QueueEvent) -> None:
        call = self._call(route_point, event.entry)
        if call is not None:
            call.routed = True
            for dialogue in list(call.dialogues):
                self._dialogues.tell_used(dialogue)
                if not dialogue.used or self._policy("P-ROUTEEND") == "offered":
                    self._dialogues.end(dialogue)

    def _bounced(self, route_point: str, event: QueueEvent) -> None:
        """The user did not answer: the call waits again, unless it was sent elsewhere."""
        call = self._call(route_point, event.entry)
        if event.redirect is not None:
            self._gone(route_point, event)
        elif call is not None:
            call.routed = False
            for dialogue in list(call.dialogues):
                self._retry(dialogue)
            if not call.dialogues:
                self._ask(call)

    def _updated(self, route_point: str, event: QueueEvent) -> None:
        call = self._call(route_point, event.entry)
        if call is not None:
            call.entry = event.entry

    def _gone(self, route_point: str, event: QueueEvent) -> None:
        """The call waits no more."""
        call = self._call(route_point, event.entry)
        if call is None:
            return
        if event.kind == "Transferred":
            for dialogue in call.dialogues:
                self._dialogues.tell_used(dialogue)
        self._over(call, NO_CALL if event.kind == "Abandoned" else None)

    # What applications say

    def select(self, link: LinkPort, message: csta.RouteSelect, namespace: str) -> None:
        """The application has selected a route; of several applications that are asked the first one decides."""
        dialogue = self._dialogues.of_link(link, message.cross_ref_identifier)
        if dialogue is None:
            end = csta.RouteEnd(cross_ref_identifier=message.cross_ref_identifier, error_value=csta.CSTAErrorCode(*NO_DIALOGUE))
            link.send(link.next_invoke_id(), end, namespace)
            return
        call = dialogue.call
        if call.routed:
            self.log.debug("link {link}: a second RouteSelect in dialogue {id} is ignored", link=link.name, id=dialogue.id)
            return
        self._dialogues.answered(dialogue, message)
        call.routed = True
        for other in [each for each in call.dialogues if each is not dialogue]:
            self._dialogues.end(other)
        self._spawn(self._route(dialogue) if call.admitted else self._admit(dialogue))

    def reject(self, link: LinkPort, cross_ref_id: str | None) -> None:
        """The application does not want the call. If nobody does, it gets BroadWorks' default routing at once."""
        dialogue = self._dialogues.of_link(link, cross_ref_id)
        if dialogue is None:
            return
        call = dialogue.call
        self._dialogues.drop(dialogue)
        if not call.dialogues and not call.routed:
            call.routed = True
            refuse = requests.fail if call.admitted else requests.reject
            self._spawn(self._do(call, "given to the default routing", refuse(call.route_point, call.entry.call_id)))

    def end(self, link: LinkPort, cross_ref_id: str | None) -> None:
        """The application ends a dialogue; the call is left to BroadWorks."""
        dialogue = self._dialogues.of_link(link, cross_ref_id)
        if dialogue is not None:
            self._dialogues.drop(dialogue)

    # What BroadWorks is asked to do

    async def _route(self, dialogue: Dialogue) -> None:
        """Try what was selected until BroadWorks accepts one of it."""
        call, again = dialogue.call, True
        error = CstaError(OPERATION, "invalidDestination")
        while dialogue.open and dialogue.routes:
            dialogue.used = dialogue.routes.pop(0)
            try:
                await self._send(call, dialogue.used)
                return
            except XsiFailure as failure:
                error = refusal("RouteSelect", failure)
                again = isinstance(failure, Refused) and failure.status != 404
            except CstaError as unusable:
                error, again = unusable, True
            self.log.debug("{route_point}: a call was not routed: {error}", route_point=call.route_point, error=str(error))
        self._not_routed(dialogue, (error.category, error.value), again)

    async def _admit(self, dialogue: Dialogue) -> None:
        """Let a call in of which an application has said where it is to go; it is routed as soon as it waits."""
        call = dialogue.call
        try:
            await self._xsi.perform(requests.admit(call.route_point, call.entry.call_id))
        except XsiFailure as failure:
            error = refusal("RouteSelect", failure)
            self._not_routed(dialogue, (error.category, error.value), again=False)

    async def _send(self, call: RoutedCall, name: str) -> None:
        """Offer the call to a user of BroadWorks, or transfer it to whatever else ``name`` is."""
        address = self._directory.dialled(name)
        if not address:
            raise CstaError(OPERATION, "invalidDestination", f"{name!r} cannot be dialled")
        route_point, call_id = call.route_point, call.entry.call_id
        try:
            device = await self._directory.find(name)
            if device.kind == USER:
                await self._xsi.perform(requests.distribute(route_point, call_id, device.key))
                return
        except UnknownDevice:
            pass
        except Refused as refused:
            # Nothing tells call centers and route points from users before that; calls cannot be distributed to them.
            if refused.status != 403 or (await self._directory.classify(device)).kind == USER:
                raise
        await self._xsi.perform(transfer_waiting("routepoint", route_point, call_id, address))

    def _not_routed(self, dialogue: Dialogue, error: Row, again: bool) -> None:
        call = dialogue.call
        call.routed = False
        if dialogue.open:
            self._dialogues.end(dialogue, error)
        if again and not call.dialogues and self._call(call.route_point, call.entry) is call:
            self._ask(call)

    def _retry(self, dialogue: Dialogue) -> None:
        """What was selected did not answer: the next alternate route, or the application is asked in the same dialogue, or anew."""
        if not dialogue.used:
            return  # it is still to select something
        if dialogue.routes:
            dialogue.call.routed = True
            self._spawn(self._route(dialogue))
        elif dialogue.retries > 0 and self._may_ask(dialogue.call):
            self._dialogues.ask_again(dialogue)
        else:
            self._dialogues.end(dialogue)

    async def _do(self, call: RoutedCall, what: str, request: Request) -> None:
        """A request after which nobody has to be answered."""
        try:
            await self._xsi.perform(request)
        except XsiFailure as failure:
            self.log.warn(
                "a call at {route_point} could not be {what}, and is left to the timers of BroadWorks: {failure}",
                route_point=call.route_point,
                what=what,
                failure=str(failure),
            )

    # Whom to ask

    def _to_ask(self, call: RoutedCall) -> list[Registration]:
        """Who is to be asked about a call and is not (P-ROUTELINK)."""
        registrations = self._registrations.get(call.route_point, [])
        if not self._may_ask(call):
            return []
        if self._policy("P-ROUTELINK") == "first":
            return registrations[:1] if not call.dialogues else []
        asked = [dialogue.registration for dialogue in call.dialogues]
        return [registration for registration in registrations if registration not in asked]

    def _may_ask(self, call: RoutedCall) -> bool:
        return call.requests < MOST_REQUESTS

    def _ask(self, call: RoutedCall) -> None:
        for registration in self._to_ask(call):
            registration.tell(self._dialogues.open(registration, call))

    # Calls

    def _call(self, route_point: str, entry: QueueEntry) -> RoutedCall | None:
        return self._calls.get(route_point, {}).get(entry.call_id)

    def _new(self, route_point: str, entry: QueueEntry) -> RoutedCall:
        call = RoutedCall(route_point, entry)
        self._calls.setdefault(route_point, {})[entry.call_id] = call
        return call

    def _over(self, call: RoutedCall, error: Row | None) -> None:
        for dialogue in list(call.dialogues):
            self._dialogues.end(dialogue, error)
        self._forget(call)

    def _forget(self, call: RoutedCall) -> None:
        for dialogue in list(call.dialogues):
            self._dialogues.drop(dialogue)
        calls = self._calls.get(call.route_point, {})
        calls.pop(call.entry.call_id, None)
        if not calls:
            self._calls.pop(call.route_point, None)


_Handler = Callable[[Routeing, str, QueueEvent], None]
_EVENTS: Mapping[str, _Handler] = {
    "Added": Routeing._added,
    "NewCall": Routeing._comes,
    "OfferedToAgent": Routeing._offered,
    "Bounced": Routeing._bounced,
    "Updated": Routeing._updated,
    **dict.fromkeys(
        (
            "Abandoned",
            "AnsweredByAgent",
            "Failed",
            "Forwarded",
            "HolidayPolicyApplied",
            "NightPolicyApplied",
            "Overflowed",
            "Rejected",
            "Released",
            "Transferred",
        ),
        Routeing._gone,
    ),
}
"""What each kind of event means for the dialogues about its call."""
