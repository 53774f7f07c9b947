"""The audit log: one line for each request that has something done, with who asked for it and what came of it.

What is sent into a call (digits, data), passwords, account and authorisation codes are in no line: of a request only the parameters are
told that the table of services names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

import attrs
from twisted.logger import Logger

from bwconnector.bridge.ports import LinkPort
from bwconnector.csta.elements import ConnectionID
from bwconnector.csta.errors import CstaError
from bwconnector.csta.kinds import Message

__all__ = ["NAMESPACE", "About", "about", "audit"]

NAMESPACE = "bwconnector.audit"

log = Logger(namespace=NAMESPACE)

LONGEST = 100
"""Characters of a value that are told; no device or number is as long."""

_PLAIN = re.compile(r"[\w@.:+*#/-]+")
_PAUSE = re.compile(r"[,;]")


@attrs.frozen(slots=True)
class About:
    """What a request is about, as the client has named it; each empty if it has not.

    :ivar what: where to, or what is wanted
    """

    device: str = ""
    call: str = ""
    what: str = ""


def about(message: Message, subject: str, what: Iterable[str] = ()) -> About:
    """
    :param subject: parameter that names the device or the connection; private data name both by elements of their own
    :param what: parameters that say where to, or what is wanted
    """
    named = getattr(message, subject, None) if subject else None
    wanted = " ".join(_shown(value) for name in what if (value := getattr(message, name)) is not None)
    if isinstance(named, ConnectionID):
        return About(named.device_id or "", named.call_id or "", wanted)
    if isinstance(named, Mapping):
        device = next((named[name] for name in ("deviceID", "hostDevice", "guestDevice") if named.get(name)), "")
        return About(device, named.get("callID", ""), wanted or next(iter(named), ""))
    return About(named or "", "", wanted)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, ConnectionID):
        return f"{value.call_id or ''}/{value.device_id or ''}"
    if isinstance(value, tuple):
        return " ".join(map(_shown, value))
    # what follows a pause is dialled into the call: it may be a PIN
    return _PAUSE.split(str(value), maxsplit=1)[0]


def audit(
    link: LinkPort, service: str, subject: About, outcome: Message | CstaError | None, invoke_id: str, seconds: float | None = None
) -> None:
    """
    :param outcome: the response, or why there is none; None for a message that has no response
    :param seconds: from the request until its answer
    """
    call = subject.call
    if isinstance(outcome, Message) and not call:
        call = next((id.call_id or "" for id in _values(outcome) if isinstance(id, ConnectionID)), "")
    log.info(
        "link={link} peer={peer} certificate={certificate} service={service} device={device} call={call} what={what} outcome={outcome} "
        "invoke={invoke_id} ms={milliseconds}",
        link=link.name,
        peer=link.peer,
        certificate=_word(link.certificate),
        service=service,
        device=_word(subject.device),
        call=_word(call),
        what=_word(subject.what),
        outcome=f"{outcome.category}/{outcome.value}" if isinstance(outcome, CstaError) else "done" if outcome else "taken",
        invoke_id=invoke_id,
        milliseconds="-" if seconds is None else round(seconds * 1000, 1),
    )


def _values(message: Message) -> Iterable[object]:
    return (getattr(message, field.name) for field in attrs.fields(type(message)))  # type: ignore[arg-type]


def _word(text: str) -> str:
    """One word that cannot be taken for something else: what a client writes must not make a line of its own."""
    if not text:
        return "-"
    text = text[:LONGEST]
    return text if _PLAIN.fullmatch(text) and text.isascii() else json.dumps(text)
