"""``bwctl check``: does with a config what the connector would do at its start, and says in words what would go wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import attrs
from twisted.internet.defer import Deferred, TimeoutError, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory

from bwconnector.config import Config, ConfigError, ConnectorOptions, XspLink, load
from bwconnector.ops.files import check_files
from bwconnector.ops.findings import Findings, Tell
from bwconnector.ops.inquiry import ask_for_devices
from bwconnector.ops.reach import reach
from bwconnector.options import DevicesOptions
from bwconnector.xsi import eventrequests, requests
from bwconnector.xsi.errors import BadDocument, OutcomeUnknown, Refused, XsiFailure
from bwconnector.xsi.events import ChannelOpened
from bwconnector.xsi.parse import parse
from bwconnector.xsi.requests import Request
from bwconnector.xsi.stream import DocumentStream
from bwconnector.xsi.xsp import Xsp
from bwconnector.xsps import xsp_settings

__all__ = ["check"]

CHANNEL_TIMEOUT = 10.0
"""Seconds for the first document of an event channel."""


@attrs.frozen(slots=True)
class _Question:
    """Something that BroadWorks must answer.

    :ivar learnt: what an answer proves
    :ivar hints: what to do about a refusal, by HTTP status
    """

    request: Callable[[ConnectorOptions], Request]
    learnt: str
    hints: Mapping[int, str]


CREDENTIALS = "the account was refused: check user-id and its password; no more tries are made, since BroadWorks may lock the account"

QUESTIONS = (
    _Question(
        lambda connector: requests.profile(connector.user_id),
        "the account is accepted, and Xsi-Actions are where actions-context says",
        {401: CREDENTIALS, 403: "the account may not use Xsi-Actions", 404: "there are no Xsi-Actions: check actions-context"},
    ),
    _Question(
        lambda connector: requests.versions("events"),
        "Xsi-Events are where events-context says",
        {401: CREDENTIALS, 403: "the account may not use Xsi-Events", 404: "there are no Xsi-Events: check events-context"},
    ),
)
CHANNEL_HINTS = {
    401: CREDENTIALS,
    403: "the account may not open an event channel",
    404: "no event channel can be opened: check async-context",
}


async def check(reactor: Any, file: str | Path, tell: Tell, devices: Sequence[str] = ()) -> bool:
    """Try a config.

    :param tell: takes the findings, a line each
    :param devices: devices that BroadWorks is asked for, besides those in ``[devices]``
    :returns: whether the connector would start and work with it
    """
    try:
        config = load(file)
    except ConfigError as error:
        for problem in error.problems:
            tell(f"PROBLEM  {problem}")
        return False
    tell(f"ok       {file}: no problem in the file itself")
    findings = Findings(tell)
    check_files(Path(file), config, reactor.seconds(), findings)
    await _check_ports(reactor, config, findings)
    if config.simulator is not None:
        findings.good("BroadWorks is the embedded simulator, so there is nothing more to try")
        return findings.all_well
    if len(config.links) == 1:
        findings.note("there is one XSP only: when it fails, T-Servers get no events; add a second link section")
    unasked = True
    for link in config.links:
        if findings.locked_out:
            findings.problem(link.name, "was not tried")
        elif await _check_xsp(reactor, config, link, findings, devices if unasked else None):
            unasked = False
    if unasked and (devices or config.devices != DevicesOptions()):
        findings.problem("devices", "could not be asked for, as no XSP could be used")
    return findings.all_well


async def _check_ports(reactor: Any, config: Config, findings: Findings) -> None:
    """Whether every address can be listened on now."""
    places = [*(("[csta] listen", address) for address in config.csta.listen), ("[web] listen", config.web.listen)]
    places += [("[manhole] listen", config.manhole.listen), ("[manhole] ssh", config.manhole.ssh)]
    for place, address in places:
        if not address or address.startswith("systemd:"):
            continue
        try:
            port = await serverFromString(reactor, address).listen(Factory())
        except CannotListenError as error:
            findings.problem(place, f"cannot listen on {address}: {error.socketError}; is a connector running already?")
        else:
            await maybeDeferred(port.stopListening)
            findings.good(f"{place}: {address} is free")


async def _check_xsp(reactor: Any, config: Config, link: XspLink, findings: Findings, devices: Sequence[str] | None) -> bool:
    """Try one XSP.

    :param devices: are asked for there; None to ask for none
    :returns: whether it can be used
    """
    connector = config.connector
    try:
        xsp = Xsp(reactor, xsp_settings(connector, link))
    except OSError as error:
        findings.problem(f"[link-{link.name}]", f"TLS cannot be used: {error}")
        return False
    if link.drain:
        findings.note(f"link-{link.name} is drained: it will not be used")
    if not await reach(reactor, xsp.settings, findings):
        return False
    hints: Mapping[int, str] = {}
    try:
        for question in QUESTIONS:
            hints = question.hints
            try:
                await xsp.perform(question.request(connector))
            except Refused as refused:
                # An administrator's account is no user and has no profile; that BroadWorks says so itself is as good as one.
                if refused.status != 404 or not refused.error_code:
                    raise
            findings.good(f"link-{link.name}: {question.learnt}")
        hints = CHANNEL_HINTS
        await _try_channel(reactor, xsp, connector)
        findings.good(f"link-{link.name}: an event channel was opened and closed")
        if devices is not None:
            await ask_for_devices(reactor, xsp, config, devices, findings)
    except XsiFailure as failure:
        findings.failure(link.name, failure, hints)
        return False
    finally:
        await xsp.close()
    return True


async def _try_channel(reactor: Any, xsp: Xsp, connector: ConnectorOptions) -> None:
    """Open an event channel and close it.

    BroadWorks keeps one channel set for each application of an account: a name of its own for both leaves a running connector alone.
    """
    first = _FirstDocument()
    request = eventrequests.add_channel(
        channel_set_id=f"{connector.channel_set_name}-check-{uuid4()}",
        expires=connector.channel_expire_tout,
        application_id=f"{connector.application_name}-check",
    )
    stream = await xsp.open_stream(request, first)
    try:
        opened = await first.arrived.addTimeout(CHANNEL_TIMEOUT, reactor)
        await xsp.perform(eventrequests.delete_channel(opened.channel_id))
    except TimeoutError:
        raise OutcomeUnknown(f"the event channel says nothing for {CHANNEL_TIMEOUT:.0f} s; does a proxy hold it back?") from None
    finally:
        stream.abort()


class _FirstDocument:
    """Receives a stream until it names its channel."""

    def __init__(self) -> None:
        self.arrived: Deferred[ChannelOpened] = Deferred()
        self._documents = DocumentStream()

    def data_received(self, data: bytes) -> None:
        self._documents.receive_data(data)
        try:
            for document in self._documents:
                parsed = parse(document)
                if isinstance(parsed, ChannelOpened) and not self.arrived.called:
                    self.arrived.callback(parsed)
        except BadDocument as error:
            self._fail(f"the event channel sends what is no Xsi: {error}")

    def stream_ended(self, reason: str) -> None:
        self._fail(f"the event channel ended at once: {reason}")

    def _fail(self, text: str) -> None:
        if not self.arrived.called:
            self.arrived.errback(OutcomeUnknown(text))
