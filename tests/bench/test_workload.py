"""What mix6 implies, and that the verifiers notice whatever else comes out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.stages import InProcess
from bench.tserver import BenchError, frames
from bench.verify import check_acknowledgements, check_documents, check_events, read_event
from bench.workload import EVENTS_PER_CYCLE, Mix6, XsiEvent, chunk, device_name

DEVICES = [device_name(number) for number in range(4)]


def played() -> tuple[dict[bytes, str], list[bytes], list[XsiEvent]]:
    """The monitors of a link, the bodies that it got, and the events."""
    rig = InProcess(devices=4, cycles=2)
    for event in rig.events:
        rig.take(event)
    return rig.monitors, [body for frame in rig.links[0].sent for body in frames(frame)], rig.events


def test_every_device_has_two_calls_in_each_cycle() -> None:
    subscriptions = {device: f"sub-{device}" for device in DEVICES}
    sent = list(Mix6(DEVICES, channels=3).cycles(2, subscriptions, ["c1", "c2", "c3"]))
    assert len(sent) == 2 * EVENTS_PER_CYCLE * len(DEVICES)
    assert len({event.event_id for _, event in sent}) == len(sent)
    assert {stream for stream, _ in sent} == {0, 1, 2}
    own = [event.implies for _, event in sent if event.device == DEVICES[1]]
    names = ["Delivered", "Established", "ConnectionCleared", "Originated", "Established", "ConnectionCleared"]
    assert [expected.name.removesuffix("Event") for expected in own] == names * 2
    assert len({expected.call_id for expected in own}) == 4
    sequences = [event.document.partition(b"<xsi:sequenceNumber>")[2].partition(b"<")[0] for _, event in sent if event.device == DEVICES[1]]
    assert sequences == [b"%d" % number for number in range(2, 14)]  # 1 is the initial event's


def test_chunks_are_those_of_http() -> None:
    assert chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"


def test_the_bridge_tells_what_mix6_implies() -> None:
    monitors, bodies, events = played()
    check_events("link", monitors, bodies, events)
    assert len(bodies) == len(events)


def swapped(bodies: list[bytes]) -> list[bytes]:
    """Two events of one device in the wrong order."""
    reference, _ = read_event(bodies[0])
    later = next(number for number, body in enumerate(bodies[1:], 1) if read_event(body)[0] == reference)
    bodies[0], bodies[later] = bodies[later], bodies[0]
    return bodies


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda bodies: bodies[:5] + bodies[6:], "1 are lost"),
        (lambda bodies: [*bodies, bodies[5]], "1 are too many"),
        (swapped, "out of order"),
        (lambda bodies: [bodies[0].replace(b"alerting", b"hold"), *bodies[1:]], "1 are lost"),
        (lambda bodies: [bodies[0].replace(b"200000:1", b"200001:1"), *bodies[1:]], "1 are lost"),
        (lambda bodies: [bodies[0].replace(b"CrossRefID>1<", b"CrossRefID>99<"), *bodies[1:]], "not its own"),
        (lambda bodies: [b"<SystemStatus/>", *bodies], "no event"),
    ],
)
def test_the_verifier_notices(damage: Callable[[list[bytes]], list[bytes]], complaint: str) -> None:
    monitors, bodies, events = played()
    with pytest.raises(BenchError, match=complaint):
        check_events("link", monitors, damage(bodies), events)


def test_events_of_devices_that_a_link_does_not_monitor_are_not_due_to_it() -> None:
    monitors, bodies, events = played()
    own = dict(list(monitors.items())[:2])
    check_events("link", own, [body for body in bodies if read_event(body)[0] in own], events)


def test_acknowledgements_are_counted_one_by_one() -> None:
    _, _, events = played()
    right = [(event.event_id, 200) for event in events]
    check_acknowledgements(list(reversed(right)), events)
    for wrong in (right[1:], [*right, right[0]], [(right[0][0], 481), *right[1:]]):
        with pytest.raises(BenchError):
            check_acknowledgements(wrong, events)


def test_the_relay_is_checked_too() -> None:
    _, _, events = played()
    documents = [event.document for event in events]
    check_documents(documents, events)
    for wrong in (documents[1:], [documents[1], documents[0], *documents[2:]]):
        with pytest.raises(BenchError):
            check_documents(wrong, events)
