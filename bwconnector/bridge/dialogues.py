"""Routeing dialogues (ECMA-269 §20): what applications are asked about a call, what they are told of its outcome, and their timers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from bwconnector.bridge.calls import CallTable
from bwconnector.bridge.naming import party
from bwconnector.bridge.ports import Clock, DelayedCall, LinkPort
from bwconnector.bridge.refusals import OPERATION, Row
from bwconnector.csta import messages as csta
from bwconnector.xsi.events import Party
from bwconnector.xsi.queues import QueueEntry

__all__ = ["Dialogue", "Dialogues", "Registration", "RoutedCall"]

TIME_OUT: Row = (OPERATION, "routeingTimerExpired")


@attrs.frozen(eq=False, slots=True)
class Registration:
    """A link that wants to be asked about the calls at a route point.

    :ivar id: routeRegisterReqID
    :ivar route_point: device key
    :ivar named: the route point as RouteRegister named it
    :ivar namespace: that of the RouteRegister; what it is told is in the same
    """

    id: str
    link: LinkPort
    route_point: str
    named: str
    namespace: str

    def tell(self, message: csta.Message) -> None:
        self.link.send(self.link.next_invoke_id(), message, self.namespace)


@attrs.define(eq=False, slots=True)
class Dialogue:
    """One question about a call, asked of one application.

    :ivar id: crossRefIdentifier
    :ivar routes: what the application has selected and has not been tried yet, best first
    :ivar used: what is being tried, or has succeeded; empty as long as nothing is selected
    :ivar retries: how often the application is ready to be asked for another route (remainRetries); each RouteSelect tells it anew
    """

    id: str
    registration: Registration
    call: RoutedCall
    timer: DelayedCall | None = None
    routes: list[str] = attrs.Factory(list)
    used: str = ""
    used_wanted: bool = False
    retries: int = 0
    open: bool = True


@attrs.define(eq=False, slots=True)
class RoutedCall:
    """A call that waits at a route point.

    :ivar admitted: it waits; else it is only about to (Call Admission), and BroadWorks asks whether it may
    :ivar routed: what an application has selected for it is being done, or is done
    :ivar requests: RouteRequests that were sent about it
    """

    route_point: str
    entry: QueueEntry
    admitted: bool = True
    routed: bool = False
    requests: int = 0
    dialogues: list[Dialogue] = attrs.Factory(list)


class Dialogues:
    """All open dialogues.

    :param ids: numbers that no registration and no other dialogue has
    :param policy: value of a policy row
    :param key: gives the device key of a party
    :param name: gives a device the form in which a link knows it
    """

    def __init__(
        self,
        ids: Iterator[int],
        clock: Clock,
        policy: Callable[[str], str | int],
        table: CallTable,
        key: Callable[[Party], str],
        name: Callable[[LinkPort, str], str],
    ) -> None:
        self._clock = clock
        self._policy = policy
        self._table = table
        self._key = key
        self._name = name
        self._ids = ids
        self._dialogues: dict[str, Dialogue] = {}

    def all(self) -> list[Dialogue]:
        return list(self._dialogues.values())

    def of_link(self, link: LinkPort, cross_ref_id: str | None) -> Dialogue | None:
        """The dialogue that a message of a link means."""
        dialogue = self._dialogues.get(cross_ref_id or "")
        return dialogue if dialogue is not None and dialogue.registration.link is link else None

    def of_registration(self, registration: Registration) -> list[Dialogue]:
        return [dialogue for dialogue in self._dialogues.values() if dialogue.registration is registration]

    def open(self, registration: Registration, call: RoutedCall) -> csta.RouteRequest:
        """Begin a dialogue; returns its first message, which is to be sent at once."""
        dialogue = Dialogue(str(next(self._ids)), registration, call)
        self._dialogues[dialogue.id] = dialogue
        call.dialogues.append(dialogue)
        timeout = self._start_timer(dialogue)

        def name(device: str) -> str:
            return registration.named if device == registration.route_point else self._name(registration.link, device)

        entry = call.entry
        known = self._table.find(entry.tracking_id)
        calling = (known.calling if known is not None else "") or self._key(entry.remote)
        route_point = csta.PartyDevice(registration.named)
        return csta.RouteRequest(
            cross_ref_identifier=dialogue.id,
            route_register_req_id=registration.id,
            current_route=route_point,
            calling_device=csta.RESTRICTED if entry.remote.private and not entry.remote.user_id else party(calling, name),
            routeing_device=route_point,
            routed_call=csta.ConnectionID(known.id if known is not None else entry.tracking_id, registration.named),
            reply_timeout=timeout,
        )

    def ask_again(self, dialogue: Dialogue) -> None:
        """ReRoute: the route that was selected has come to nothing, and the application is ready to select another one."""
        dialogue.used = ""
        timeout, registration = self._start_timer(dialogue), dialogue.registration
        registration.tell(csta.ReRoute(cross_ref_identifier=dialogue.id, route_register_req_id=registration.id, reply_timeout=timeout))

    def answered(self, dialogue: Dialogue, message: csta.RouteSelect) -> None:
        """The application has selected a route, and perhaps others for when it comes to nothing."""
        self._stop_timer(dialogue)
        dialogue.routes = [message.route_selected, *(message.alternate_routes or ())]
        dialogue.retries = message.remain_retries or 0
        dialogue.used_wanted = bool(message.route_used_req)

    def tell_used(self, dialogue: Dialogue) -> None:
        """RouteUsed, once, if the application has asked for it."""
        if dialogue.used_wanted and dialogue.used:
            dialogue.used_wanted = False
            registration = dialogue.registration
            used = csta.PartyDevice(dialogue.used)
            registration.tell(csta.RouteUsed(cross_ref_identifier=dialogue.id, route_register_req_id=registration.id, route_used=used))

    def end(self, dialogue: Dialogue, error: Row | None = None) -> None:
        """End a dialogue, and tell its application."""
        self.drop(dialogue)
        registration = dialogue.registration
        registration.tell(
            csta.RouteEnd(
                cross_ref_identifier=dialogue.id,
                route_register_req_id=registration.id,
                error_value=csta.CSTAErrorCode(*error) if error is not None else None,
            )
        )

    def drop(self, dialogue: Dialogue) -> None:
        """End a dialogue without a word."""
        dialogue.open = False
        self._stop_timer(dialogue)
        del self._dialogues[dialogue.id]
        dialogue.call.dialogues.remove(dialogue)

    def _start_timer(self, dialogue: Dialogue) -> int:
        """The application has so many milliseconds to answer."""
        dialogue.call.requests += 1
        timeout = int(self._policy("P-RPTIME"))
        dialogue.timer = self._clock.callLater(timeout / 1000, self.end, dialogue, TIME_OUT)
        return timeout

    def _stop_timer(self, dialogue: Dialogue) -> None:
        if dialogue.timer is not None and dialogue.timer.active():
            dialogue.timer.cancel()
        dialogue.timer = None
