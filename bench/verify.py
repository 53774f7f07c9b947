"""What came out against what the workload implies: everything, once, per device in order. Anything else is an error, and no figures."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from bench.tserver import BenchError
from bench.workload import Expected, XsiEvent

__all__ = ["check_acknowledgements", "check_documents", "check_events", "read_event"]

_NAME = re.compile(rb"<(\w+Event)[ >]")
_CROSS_REFERENCE = re.compile(rb"<monitorCrossRefID>([^<]+)</monitorCrossRefID>")
_SUBJECT = re.compile(rb"<callID>([^<]+)</callID><deviceID>([^<]+)</deviceID>")
_STATE = re.compile(rb"<localConnectionInfo>(\w+)</localConnectionInfo>")
_CAUSE = re.compile(rb"<cause>(\w+)</cause>")


def read_event(body: bytes) -> tuple[bytes, Expected]:
    """The monitorCrossRefID of an event, and what it says.

    :raises BenchError: it is no event of a call
    """
    found = [pattern.search(body) for pattern in (_NAME, _CROSS_REFERENCE, _SUBJECT, _STATE, _CAUSE)]
    name, reference, subject, state, cause = found
    if not (name and reference and subject and state and cause):
        raise BenchError(f"no event that the workload implies: {body[:300]!r}")
    texts = (name[1], subject[1], subject[2], state[1], cause[1])
    return reference[1], Expected(*(text.decode() for text in texts))


def check_events(link: str, monitors: Mapping[bytes, str], bodies: Iterable[bytes], events: Iterable[XsiEvent]) -> None:
    """Each device's monitor got exactly what the device's events imply, in that order.

    :param monitors: monitorCrossRefID to device; other devices' events are not for this link
    :raises BenchError: with the first device for which it is otherwise
    """
    came: dict[str, list[Expected]] = defaultdict(list)
    for body in bodies:
        reference, event = read_event(body)
        if reference not in monitors:
            raise BenchError(f"{link} got an event with a monitorCrossRefID that is not its own: {reference.decode()}")
        came[monitors[reference]].append(event)
    due: dict[str, list[Expected]] = {device: [] for device in monitors.values()}
    for sent in events:
        if sent.device in due:
            due[sent.device].append(sent.implies)
    for device, expected in due.items():
        if came[device] != expected:
            raise BenchError(f"{link}: events of {device}: {_difference(expected, came[device])}")


def check_acknowledgements(acknowledged: Sequence[tuple[str, int]], events: Iterable[XsiEvent]) -> None:
    """Each event was acknowledged once, as understood.

    :raises BenchError: otherwise
    """
    refused = [event_id for event_id, status in acknowledged if status != 200]
    if refused:
        raise BenchError(f"{len(refused)} events were refused, the first is {refused[0]}")
    came, due = Counter(event_id for event_id, _ in acknowledged), Counter(event.event_id for event in events)
    if came != due:
        raise BenchError(f"acknowledgements: {(due - came).total()} are missing, {(came - due).total()} are too many")


def check_documents(bodies: Sequence[bytes], events: Sequence[XsiEvent]) -> None:
    """The relay forwarded every document as it was, in order.

    :raises BenchError: otherwise
    """
    if list(bodies) != [event.document for event in events]:
        raise BenchError(f"the relay forwarded {len(bodies)} documents, not the {len(events)} that were sent, or in another order")


def _difference(expected: list[Expected], came: list[Expected]) -> str:
    due, had = Counter(expected), Counter(came)
    if due == had:
        return "out of order"
    lost, extra = list((due - had).elements()), list((had - due).elements())
    return f"{len(lost)} are lost ({lost[:1]}), {len(extra)} are too many ({extra[:1]})"
