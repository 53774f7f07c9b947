"""Every message that is declared can be sent, obeys the schema, and comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bwconnector.csta.errors import EncodeError
from bwconnector.csta.messages import (
    MESSAGES,
    NOT_KNOWN,
    NOT_REQUIRED,
    RESTRICTED,
    ClearConnection,
    ConnectionID,
    CSTAErrorCode,
    DeflectCall,
    DeliveredEvent,
    Escape,
    Message,
    MonitorFilter,
    MonitorObject,
    MonitorStart,
    MonitorStartResponse,
    PartyDevice,
    SetAgentState,
    SnapshotDeviceResponse,
    SystemStatus,
    SystemStatusResponse,
)
from bwconnector.csta.xml import ED3, decode, encode
from tests.csta import schema, strategies

ED6 = ED3.replace("ed3", "ed6")


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_every_message_obeys_the_schema_and_survives_the_way_there_and_back(name: str) -> None:
    # an inner function, because pytest-twisted cannot run what is both parametrized and given
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(strategies.messages(MESSAGES[name]), st.sampled_from([ED3, ED6]))
    def there_and_back(message: Message, namespace: str) -> None:
        body = encode(message, namespace)
        assert schema.check(body) == []
        decoded = decode(body)
        assert decoded.message == message
        assert decoded.namespace == (message.own_namespace or namespace)

    there_and_back()


def test_every_message_of_the_schema_is_declared() -> None:
    assert frozenset(MESSAGES) == schema.MESSAGES


DELIVERED = DeliveredEvent(
    monitor_cross_ref_id="7",
    connection=ConnectionID("K1", "bob"),
    alerting_device=PartyDevice("bob"),
    calling_device=RESTRICTED,
    called_device=NOT_KNOWN,
    last_redirection_device=NOT_REQUIRED,
    local_connection_info="alerting",
    cause="newCall",
)


def test_an_event_reads_like_this() -> None:
    assert encode(DELIVERED, ED3).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<DeliveredEvent xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3">'
        "<monitorCrossRefID>7</monitorCrossRefID><connection><callID>K1</callID><deviceID>bob</deviceID></connection>"
        "<alertingDevice><deviceIdentifier>bob</deviceIdentifier></alertingDevice><callingDevice><restricted/></callingDevice>"
        "<calledDevice><notKnown/></calledDevice><lastRedirectionDevice><notRequired/></lastRedirectionDevice>"
        "<localConnectionInfo>alerting</localConnectionInfo><cause>newCall</cause></DeliveredEvent>"
    )


def test_what_is_beyond_ascii_is_sent_as_references() -> None:
    message = MonitorStart(monitor_object=MonitorObject(device_object="Jürgen <&> ☎ 𝄞"))
    body = encode(message, ED3)
    assert b"J&#252;rgen &lt;&amp;&gt; &#9742; &#119070;" in body
    assert decode(body).message == message


@pytest.mark.parametrize("namespace", ["", "urn:a&b'c", "http://www.ecma.ch/standards/ecma-323/csta/ed2"])
def test_any_namespace_can_be_answered_in(namespace: str) -> None:
    assert decode(encode(DELIVERED, namespace)).namespace == namespace
    assert (b"xmlns" in encode(DELIVERED, namespace)) == bool(namespace)


def test_control_characters_are_left_out_of_texts_and_refused_in_identifiers() -> None:
    body = encode(SystemStatus(extensions={"Note": "a\x00b\x1bc\ufffed\ud800e\tf"}), ED3)
    assert decode(body).message == SystemStatus(extensions={"Note": "abcde\tf"})
    with pytest.raises(EncodeError, match="characters that XML cannot carry"):
        encode(MonitorStart(monitor_object=MonitorObject(device_object="bo\x00b")), ED3)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(MonitorStartResponse(monitor_cross_ref_id=None), id="mandatory child is None"),  # type: ignore[arg-type]
        pytest.param(ClearConnection(connection_to_be_cleared=ConnectionID()), id="empty connection"),
        pytest.param(ClearConnection(connection_to_be_cleared=PartyDevice("x")), id="wrong type"),  # type: ignore[arg-type]
        pytest.param(MonitorStart(monitor_object=MonitorObject()), id="choice of none"),
        pytest.param(MonitorStart(monitor_object=MonitorObject(device_object="a", call_object=ConnectionID("b"))), id="choice of two"),
        pytest.param(
            MonitorStart(monitor_object=MonitorObject(device_object="a"), requested_monitor_filter=MonitorFilter(frozenset({"deliverd"}))),
            id="filter name",
        ),
        pytest.param(SystemStatus(system_status="messageLost"), id="value of a filter, not of a status"),
        pytest.param(CSTAErrorCode("operation", "invalidCallId"), id="error value"),
        pytest.param(CSTAErrorCode("systemResourceAvailability", "generic"), id="error category in correct English"),
        pytest.param(SnapshotDeviceResponse(), id="snapshot of nothing"),
        pytest.param(SnapshotDeviceResponse(snapshot=(), service_cross_ref_id="1"), id="snapshot twice"),
        pytest.param(SystemStatusResponse(extensions={"two words": ""}), id="name of private data"),
        pytest.param(
            DeflectCall(call_to_be_diverted=ConnectionID("c", "d"), new_destination=("a", "b")), id="two destinations in edition 3"
        ),
    ],
)
def test_what_the_schema_does_not_allow_is_not_sent(message: Message) -> None:
    with pytest.raises(EncodeError):
        encode(message, ED3)


def test_absent_parties_must_fit_their_place() -> None:
    with pytest.raises(EncodeError, match="alertingDevice"):
        encode(_with_alerting(NOT_REQUIRED), ED3)
    with pytest.raises(EncodeError, match="alertingDevice"):
        encode(_with_alerting(PartyDevice()), ED3)


def _with_alerting(party: PartyDevice) -> DeliveredEvent:
    return DeliveredEvent(
        monitor_cross_ref_id="7",
        connection=ConnectionID("K1", "bob"),
        alerting_device=party,
        calling_device=NOT_KNOWN,
        called_device=NOT_KNOWN,
        last_redirection_device=NOT_REQUIRED,
        cause="newCall",
    )


@pytest.mark.parametrize(
    ("event", "leaf"),
    [
        ("DeliveredEvent", "delivered"),
        ("TransferedEvent", "transferred"),
        ("ServiceInitiatedEvent", "serviceInitiated"),
        ("AgentWorkingAfterCallEvent", "agentWorkingAfterCall"),
        ("DeviceCapsChangedEvent", "deviceCapabilityChanged"),
        ("SuspendRecordEvent", "suspendRecord"),
        ("PrivateEvent", "private"),
    ],
)
def test_a_filter_blocks_what_it_names_and_nothing_else(event: str, leaf: str) -> None:
    assert MonitorFilter(frozenset({leaf})).blocks(event)
    assert not MonitorFilter(frozenset({"held"})).blocks(event)
    assert not MonitorFilter().blocks(event)


def test_every_event_can_be_filtered() -> None:
    everything = MonitorFilter(frozenset().union(*strategies.values.FILTER_GROUPS.values()))
    assert [name for name in MESSAGES if name.endswith("Event") and not everything.blocks(name)] == []


def test_passwords_are_not_shown() -> None:
    message = SetAgentState(device="a", requested_agent_state="loggedOn", password=b"secret")
    assert "secret" not in repr(message)


def test_private_data_of_an_escape_is_its_own_child() -> None:
    body = encode(Escape(private_data={"guestAssociatedExtension": "1001"}), ED3)
    assert b"><privateData><private><guestAssociatedExtension>1001</guestAssociatedExtension></private></privateData></Escape>" in body
