"""One T-Server's session: its requests in, answers and the connector's own requests out.

Every link is its own world. What a link has asked for is served concurrently, each request by its service; a service that refuses
raises CstaError, and one that breaks costs that request its answer's content (``operation generic``), not the link.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import attrs
from twisted.logger import Logger

from bwconnector.bridge.access import Kind
from bwconnector.bridge.association import Association
from bwconnector.bridge.audit import about, audit
from bwconnector.bridge.limits import LIMITS, Limited
from bwconnector.bridge.ports import LinkPort
from bwconnector.bridge.rates import Rate
from bwconnector.bridge.refusals import NO_CHANNEL
from bwconnector.bridge.services import ONE_WAY, SERVICES, Service
from bwconnector.bridge.status import DISABLED
from bwconnector.bridge.switching import Asker, SwitchingFunction
from bwconnector.csta import messages as csta
from bwconnector.csta.errors import CstaError

__all__ = ["Session", "UNSUPPORTED_PARAMETERS"]

UNSUPPORTED_PARAMETERS: Mapping[str, str] = {
    "account_code": "accountCodeNotSupported",
    "auth_code": "authorisationCodeNotSupported",
    "auto_originate": "parameterNotSupported",
    "call_characteristics": "parameterNotSupported",
    "call_origination": "parameterNotSupported",
    "calling_device_list": "parameterNotSupported",
    "connection_reservation": "connectionReservationNotSupported",
    "consult_options": "consultPurposeNotSupported",
    "encoding_algorithm": "parameterNotSupported",
    "language_preferences": "parameterNotSupported",
    "max_duration": "parameterNotSupported",
    "media_call_characteristics": "parameterNotSupported",
    "ring_duration": "parameterNotSupported",
    "sampling_rate": "parameterNotSupported",
    "subject_of_call": "parameterNotSupported",
}
"""Optional parameters that have no counterpart in BroadWorks, and the error for each if they are not ignored (P-STRICT)."""

STOP_BATCH = 500
STOP_PAUSE = 0.05
"""When all monitors end, so many MonitorStop requests are sent at a time, with a pause of so many seconds: the tens of thousands of
a large site would otherwise fill the link's send queue, and a link with a full queue is cut off."""


class Session:
    """What the link of a T-Server talks to.

    :param link: the link, which is open already
    :param services: the supported services by request class
    """

    log = Logger()

    def __init__(self, link: LinkPort, switch: SwitchingFunction, services: Mapping[type[csta.Message], Service] = SERVICES) -> None:
        self._link = link
        self._switch = switch
        self._services = services
        self._association = Association(switch.clock, self._request)
        self._awaited: dict[str, str] = {}
        self._waiting = 0
        self._rate = Rate(switch.clock)
        self._closed = False
        switch.status.listeners.append(self._status_changed)
        if switch.options.status_on_connect:
            self._tell(switch.status.value)

    # What the link calls

    def received(self, invoke_id: str, message: csta.Message, namespace: str) -> None:
        """A message of the client that could be read."""
        if message.own_namespace is None:
            self._association.namespace = namespace
        if isinstance(message, csta.Response):
            self._answered(invoke_id, message)
        elif isinstance(message, csta.Request):
            self._switch.spawn(self._serve(invoke_id, message, self._asker(namespace)))
        elif (service := ONE_WAY.get(type(message))) is not None:
            audit(self._link, type(message).__name__, about(message, "", service.what), None, invoke_id)
            service.take(self._switch, self._asker(namespace), message)
        else:
            self.log.debug("link {link}: {message} has no meaning here", link=self._link.name, message=type(message).__name__)

    def _asker(self, namespace: str) -> Asker:
        name = partial(self._switch.monitors.name_for, self._link)
        return Asker(self._link, self._association, namespace, lambda: self._closed, name, self._switch.access_of(self._link))

    def unreadable(self, invoke_id: str, error: csta.CSTAErrorCode | CstaError, namespace: str, detail: str = "") -> None:
        """A request that could not be read: ``error`` is the answer, ``detail`` is for the log."""
        self.log.debug("link {link}: unreadable request: {detail}", link=self._link.name, detail=detail or str(error))
        self._link.send(invoke_id, csta.CSTAErrorCode(error.category, error.value), namespace or self._association.namespace)

    def closed(self, reason: str) -> None:
        """The link is gone; nothing of it stays behind. ``reason`` is for the log of whoever closed it."""
        if self._closed:
            return
        self._closed = True
        self._association.close()
        self._awaited.clear()
        self._switch.status.listeners.remove(self._status_changed)
        for device in (*self._switch.monitors.close_link(self._link), *self._switch.routeing.close_link(self._link)):
            self._switch.release_unwanted(device)

    @property
    def outstanding(self) -> int:
        """Requests of this link that wait for BroadWorks."""
        return self._waiting

    @property
    def unanswered(self) -> int:
        """Requests of our own that the client has not answered; nothing depends on its answers."""
        return len(self._awaited)

    # Requests of the client

    async def _serve(self, invoke_id: str, request: csta.Request, asker: Asker) -> None:
        began = self._switch.clock.seconds()
        outcome: csta.Message | CstaError
        try:
            answers = await self._answers(request, asker)
            outcome = answers[0]
        except CstaError as error:
            self._refused(request, error)
            answers, outcome = (csta.CSTAErrorCode(error.category, error.value),), error
        except Exception:
            self.log.failure("link {link}: {request} failed unexpectedly", link=self._link.name, request=type(request).__name__)
            answers, outcome = (csta.CSTAErrorCode("operation", "generic"),), CstaError("operation", "generic")
        self._audit(request, outcome, invoke_id, self._switch.clock.seconds() - began)
        if self._closed:
            return
        self._link.send(invoke_id, answers[0], asker.namespace)
        for message in answers[1:]:
            self._request(message)

    async def _answers(self, request: csta.Request, asker: Asker) -> tuple[csta.Message, ...]:
        service = self._services.get(type(request))
        if service is None:
            raise CstaError("operation", "serviceNotSupported")
        self._check_rights(service, asker)
        self._check_parameters(request)
        if not service.asks_broadworks:
            return _tuple(await service.run(self._switch, asker, request))
        if not self._switch.status.operational:
            raise CstaError(*NO_CHANNEL, detail="no Event Channel to BroadWorks is up")
        if self._waiting >= self._switch.options.max_outstanding:
            raise Limited("outstanding", f"{self._waiting} requests of this link wait for BroadWorks")
        self._waiting += 1
        try:
            return _tuple(await service.run(self._switch, asker, request))
        finally:
            self._waiting -= 1

    def _check_rights(self, service: Service, asker: Asker) -> None:
        """What can be told without knowing the device; :meth:`SwitchingFunction.permit` and its like ask for that."""
        if service.kind is Kind.SYSTEM:
            return
        rate = self._switch.options.request_rate
        if not self._rate.take(rate):
            raise Limited("rate", f"more than {rate} requests a second")
        if service.kind is Kind.CONTROLS and asker.access.read_only:
            raise Limited("read-only", f"[access-{asker.access.name}] permits no control")

    def _refused(self, request: csta.Request, error: CstaError) -> None:
        link, name = self._link.name, type(request).__name__
        if isinstance(error, Limited):
            # in one place, and in words that repeat, so that the log counts them, however many requests there are
            self._switch.refused[link, error.limit] += 1
            advice = LIMITS[error.limit].advice
            self.log.warn("link {link}: a request is refused ({limit}): {advice}", link=link, limit=error.limit, advice=advice)
        if not isinstance(error, Limited) or error.limit != "rate":
            self.log.debug("link {link}: {request} refused: {error}", link=link, request=name, error=str(error))

    def _audit(self, request: csta.Request, outcome: csta.Message | CstaError, invoke_id: str, seconds: float) -> None:
        service = self._services.get(type(request))
        if service is None or service.kind is not Kind.CONTROLS or (isinstance(outcome, Limited) and outcome.limit == "rate"):
            return
        audit(self._link, type(request).__name__, about(request, service.subject, service.what), outcome, invoke_id, seconds)

    def _check_parameters(self, request: csta.Request) -> None:
        if self._switch.policy("P-STRICT") == "reject":
            fields = attrs.fields(type(request))  # type: ignore[arg-type]
            optional = {field.name for field in fields if field.default is None}
            for parameter, error in UNSUPPORTED_PARAMETERS.items():
                if parameter in optional and getattr(request, parameter) is not None:
                    raise CstaError("operation", error, f"{parameter} has no counterpart in BroadWorks (policy P-STRICT)")

    # Requests of our own

    def _request(self, message: csta.Message) -> None:
        self._send_request(message, self._association.namespace)

    def _send_request(self, message: csta.Message, namespace: str) -> None:
        invoke_id = self._link.next_invoke_id()
        if isinstance(message, csta.Request):
            self._awaited[invoke_id] = type(message).__name__
        self._link.send(invoke_id, message, namespace)

    def _answered(self, invoke_id: str, message: csta.Message) -> None:
        """An answer to a request of our own; nothing waits for it."""
        request = self._awaited.pop(invoke_id, None)
        if request is None or isinstance(message, csta.CSTAErrorCode):
            self.log.debug(
                "link {link}: {message} answers {request}",
                link=self._link.name,
                message=repr(message),
                request=request or "no request of ours",
            )

    def _tell(self, value: str) -> None:
        for message in self._association.status(value):
            self._request(message)

    def _status_changed(self, value: str) -> None:
        self._tell(value)
        if value == DISABLED and self._switch.status.voids_monitors:
            self._end_monitors()

    def _end_monitors(self) -> None:
        """Every channel is lost: the client starts its monitors again when they are back, so ours end here."""
        monitors = self._switch.monitors
        ended = [(cross_ref_id, monitors.get(self._link, cross_ref_id).namespace) for cross_ref_id in monitors.of_link(self._link)]
        for device in monitors.close_link(self._link):
            self._switch.release_unwanted(device)
        self._send_stops(ended)

    def _send_stops(self, ended: Sequence[tuple[str, str]]) -> None:
        if self._closed:
            return
        for cross_ref_id, namespace in ended[:STOP_BATCH]:
            self._send_request(csta.MonitorStop(monitor_cross_ref_id=cross_ref_id), namespace)
        if len(ended) > STOP_BATCH:
            self._switch.clock.callLater(STOP_PAUSE, partial(self._send_stops, ended[STOP_BATCH:]))


def _tuple(answers: csta.Message | tuple[csta.Message, ...]) -> tuple[csta.Message, ...]:
    return answers if isinstance(answers, tuple) else (answers,)
