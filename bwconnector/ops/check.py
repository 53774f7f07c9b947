"""``bwctl check``: does with a config what the connector would do at its start, and says in words what would go wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import attrs
from twisted.internet.defer import Deferred, TimeoutError, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory

from bwconnector.config import Config, ConfigError, ConnectorOptions, XspLink, load
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

Tell = Callable[[str], None]


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


async def check(reactor: Any, file: str | Path, tell: Tell) -> bool:
    """Try a config.

    :param tell: takes the findings, a line each
    :returns: whether the connector would start and work with it
    """
    try:
        config = load(file)
    except ConfigError as error:
        for problem in error.problems:
            tell(f"PROBLEM  {problem}")
        return False
    tell(f"ok       {file}: no problem in the file itself")
    findings = _Findings(tell)
    await _check_ports(reactor, config, findings)
    if config.simulator is not None:
        findings.good("BroadWorks is the embedded simulator, so there is nothing more to try")
        return findings.all_well
    if len(config.links) == 1:
        findings.note("there is one XSP only: when it fails, T-Servers get no events; add a second link section")
    for link in config.links:
        if findings.locked_out:
            findings.problem(link.name, "was not tried")
        else:
            await _check_xsp(reactor, config.connector, link, findings)
    return findings.all_well


class _Findings:
    """Tells what was found, and remembers whether all was well."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self.all_well = True
        self.locked_out = False

    def good(self, text: str) -> None:
        self._tell(f"ok       {text}")

    def note(self, text: str) -> None:
        self._tell(f"note     {text}")

    def problem(self, place: str, text: str) -> None:
        self._tell(f"PROBLEM  {place}: {text}")
        self.all_well = False

    def failure(self, link: str, failure: XsiFailure, hints: Mapping[int, str]) -> None:
        """What an Xsi failure means here."""
        if isinstance(failure, Refused):
            self.locked_out = self.locked_out or failure.status == 401
            hint = hints.get(failure.status)
            self.problem(f"link-{link}", f"{hint} ({failure})" if hint else str(failure))
        elif isinstance(failure, OutcomeUnknown):
            self.problem(f"link-{link}", f"no usable answer: {failure}; is it an XSP, and is tls right?")
        else:
            self.problem(f"link-{link}", str(failure))


async def _check_ports(reactor: Any, config: Config, findings: _Findings) -> None:
    """Whether every address can be listened on now."""
    places = [*(("[csta] listen", address) for address in config.csta.listen), ("[web] listen", config.web.listen)]
    for place, address in [*places, ("[manhole] listen", config.manhole.listen)]:
        if not address or address.startswith("systemd:"):
            continue
        try:
            port = await serverFromString(reactor, address).listen(Factory())
        except CannotListenError as error:
            findings.problem(place, f"cannot listen on {address}: {error.socketError}; is a connector running already?")
        else:
            await maybeDeferred(port.stopListening)
            findings.good(f"{place}: {address} is free")


async def _check_xsp(reactor: Any, connector: ConnectorOptions, link: XspLink, findings: _Findings) -> None:
    try:
        xsp = Xsp(reactor, xsp_settings(connector, link))
    except OSError as error:
        findings.problem(f"[link-{link.name}] ca-file", f"cannot be used: {error}")
        return
    hints: Mapping[int, str] = {}
    try:
        for question in QUESTIONS:
            hints = question.hints
            await xsp.perform(question.request(connector))
            findings.good(f"link-{link.name}: {question.learnt}")
        hints = CHANNEL_HINTS
        await _try_channel(reactor, xsp, connector)
        findings.good(f"link-{link.name}: an event channel was opened and closed")
    except XsiFailure as failure:
        findings.failure(link.name, failure, hints)
    finally:
        await xsp.close()


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
