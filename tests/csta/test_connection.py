"""Two cores talk to each other."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bwconnector.csta.connection import CstaConnection, Received, Unreadable
from bwconnector.csta.errors import EncodeError
from bwconnector.csta.framing import FramingError, encode_frame
from bwconnector.csta.messages import (
    ApplicationInfo,
    ConnectionID,
    CSTAErrorCode,
    HeldEvent,
    MonitorObject,
    MonitorStart,
    MonitorStartResponse,
    PartyDevice,
    RequestSystemStatus,
    StartApplicationSession,
    SystemStatus,
    SystemStatusResponse,
)
from bwconnector.csta.xml import ED3

ED5 = ED3.replace("ed3", "ed5")
START = MonitorStart(monitor_object=MonitorObject(device_object="alice"))
HELD = HeldEvent(monitor_cross_ref_id="1", held_connection=ConnectionID("K", "alice"), holding_device=PartyDevice("alice"), cause="normal")


def exchange(receiver: CstaConnection, data: bytes) -> list[Received | Unreadable]:
    receiver.receive_data(data)
    return list(receiver)


def test_a_conversation() -> None:
    client, server = CstaConnection(), CstaConnection()

    assert exchange(client, server.send(server.next_invoke_id(), SystemStatus(), ED3)) == [Received("0000", SystemStatus(), ED3)]
    assert exchange(server, client.send("0000", SystemStatusResponse(), ED3)) == [Received("0000", SystemStatusResponse(), ED3)]

    invoke_id = client.next_invoke_id()
    (request,) = exchange(server, client.send(invoke_id, START, ED5))
    assert request == Received(invoke_id, START, ED5)
    response = MonitorStartResponse(monitor_cross_ref_id="1")
    answers = server.send(invoke_id, response, ED5) + server.send_event(HELD, ED5)
    assert exchange(client, answers) == [Received(invoke_id, response, ED5), Received("9999", HELD, ED5)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 400), max_size=10))
def test_chunks_do_not_matter(sizes: list[int]) -> None:
    client, server = CstaConnection(), CstaConnection()
    stream = client.send("0001", START, ED3) + client.send("0002", RequestSystemStatus(), ED3) + client.send("0003", SystemStatus(), ED3)
    got = []
    for size in [*sizes, len(stream)]:
        got += exchange(server, stream[:size])
        stream = stream[size:]
    assert [item.invoke_id for item in got] == ["0001", "0002", "0003"]


def test_what_cannot_be_read_comes_with_what_to_answer() -> None:
    server = CstaConnection()
    (unknown,) = exchange(server, encode_frame("0007", f'<DialDigits xmlns="{ED5}"/>'.encode()))
    assert isinstance(unknown, Unreadable)
    assert (unknown.invoke_id, unknown.namespace, unknown.answerable) == ("0007", ED5, True)
    assert (unknown.error.category, unknown.error.value) == ("operation", "serviceNotSupported")
    assert "DialDigits" in unknown.detail


def test_noise_is_answered_in_the_namespace_that_the_peer_used_last() -> None:
    server, client = CstaConnection(), CstaConnection()
    (first,) = exchange(server, encode_frame("0001", b"noise"))
    assert first.namespace == ED3
    session = StartApplicationSession(application_info=ApplicationInfo(application_id="t"))
    exchange(server, client.send("0002", START, ED5) + client.send("0003", session, ED5))
    (second,) = exchange(server, encode_frame("0004", b"noise"))
    assert second.namespace == ED5


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(encode_frame("9999", b"noise"), id="noise as an event"),
        pytest.param(
            encode_frame("9999", b"<MonitorStop><monitorCrossRefID>1</monitorCrossRefID></MonitorStop>"), id="request as an event"
        ),
        pytest.param(encode_frame("9999", b"<DeliveredEvent/>"), id="event"),
        pytest.param(encode_frame("0001", b"<MonitorStartResponse/>"), id="response"),
        pytest.param(encode_frame("0001", b"<RouteSelect/>"), id="one-way message"),
    ],
)
def test_what_nobody_waits_for_is_not_answered(frame: bytes) -> None:
    (item,) = exchange(CstaConnection(), frame)
    assert isinstance(item, Unreadable)
    assert not item.answerable


def test_frames_before_a_broken_one_are_read() -> None:
    client, server = CstaConnection(), CstaConnection()
    server.receive_data(client.send("0001", START, ED3) + b"HELLO WORLD")
    items = iter(server)
    assert next(items) == Received("0001", START, ED3)
    with pytest.raises(FramingError):
        next(items)


def test_events_and_requests_are_not_mixed_up() -> None:
    connection = CstaConnection()
    with pytest.raises(EncodeError):
        connection.send("9999", SystemStatus(), ED3)
    with pytest.raises(EncodeError):
        connection.send("0001", HELD, ED3)
    with pytest.raises(EncodeError):
        connection.send_event(CSTAErrorCode("operation", "generic"), ED3)


def test_a_namespace_that_is_too_long_for_an_answer_is_not_taken_over() -> None:
    """It would come back with every answer and event, and fill a frame by itself."""
    peer = CstaConnection()
    body = b"<RequestSystemStatus xmlns='" + b"x" * 60_000 + b"'/>"
    (item,) = exchange(peer, encode_frame("0007", body))
    assert isinstance(item, Unreadable)
    assert (item.invoke_id, item.namespace, item.answerable, item.error.value) == ("0007", ED3, True, "generic")
    assert peer.send("0007", CSTAErrorCode("operation", "generic"), item.namespace)
