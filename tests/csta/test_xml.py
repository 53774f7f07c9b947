"""What is read although it is odd, and what is not read because it is wrong or hostile."""

from __future__ import annotations

import os
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bwconnector.csta.errors import UnreadableMessage
from bwconnector.csta.framing import MAX_BODY
from bwconnector.csta.messages import (
    MESSAGES,
    NOT_KNOWN,
    RESTRICTED,
    ChangeMonitorFilter,
    ClearConnection,
    ConnectionID,
    CSTAErrorCode,
    DeflectCall,
    Escape,
    EstablishedEvent,
    MakeCall,
    MonitorFilter,
    MonitorObject,
    MonitorStart,
    MonitorStop,
    PartyDevice,
    RouteSelect,
    SnapshotDeviceResponse,
    SystemRegister,
    SystemStatus,
)
from bwconnector.csta.xml import ED3, MAX_DEPTH, MAX_NAMESPACE, MAX_NODES, EventReport, decode, edition_of, encode

CLEAR = ClearConnection(connection_to_be_cleared=ConnectionID("K1", "bob"))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            "<ClearConnection xmlns='{ns}'><connectionToBeCleared><callID>K1</callID><deviceID>bob</deviceID>"
            "</connectionToBeCleared></ClearConnection>",
            id="no prolog",
        ),
        pytest.param(
            "<?xml version='1.0'?>\n<c:ClearConnection xmlns:c='{ns}'>\n <c:connectionToBeCleared>\n  <c:callID> K1\n</c:callID>"
            "<c:deviceID>bob</c:deviceID></c:connectionToBeCleared></c:ClearConnection>\n",
            id="prefix and white space",
        ),
        pytest.param(
            "<c:ClearConnection xmlns:c='{ns}'><connectionToBeCleared><callID>K1</callID><deviceID>bob</deviceID>"
            "</connectionToBeCleared></c:ClearConnection>",
            id="only the root has a namespace",
        ),
        pytest.param(
            "<ClearConnection xmlns='{ns}' xmlns:x='urn:x' x:hint='1'><x:trace>9</x:trace>"
            "<reason>normalClearing</reason><connectionToBeCleared><deviceID typeOfNumber='deviceNumber'>bob</deviceID>"
            "<callID>K1</callID><x:more/>"
            "</connectionToBeCleared></ClearConnection>",
            id="order, attributes, unknown children",
        ),
        pytest.param(
            "<!-- a --><ClearConnection xmlns='{ns}'><?pi x?><connectionToBeCleared><callID>K<!-- b -->1</callID>"
            "<deviceID><![CDATA[bob]]></deviceID></connectionToBeCleared></ClearConnection><!-- c -->",
            id="comments, processing instructions, CDATA",
        ),
        pytest.param(
            " \r\n<ClearConnection xmlns='{ns}'><connectionToBeCleared><callID>&#75;1</callID><deviceID>b&#x6f;b</deviceID>"
            "</connectionToBeCleared></ClearConnection>",
            id="leading white space, character references",
        ),
    ],
)
@pytest.mark.parametrize(
    "namespace",
    [
        ED3,
        "http://www.ecma-international.org/standards/ecma-323/csta/ed6",
        "http://www.ecma-international.org/standards/ecma-323/csta/ed3/priv5",
        "http://www.ecma.ch/standards/ecma-323/csta/ed2",
    ],
)
def test_the_same_request_in_many_dresses(body: str, namespace: str) -> None:
    decoded = decode(body.replace("{ns}", namespace).encode())
    reason = "normalClearing" if "reason" in body else None
    assert decoded.message == ClearConnection(connection_to_be_cleared=ConnectionID("K1", "bob"), reason=reason)
    assert decoded.namespace == namespace


def test_no_namespace_at_all() -> None:
    assert decode(b"<MonitorStop><monitorCrossRefID>7</monitorCrossRefID></MonitorStop>").namespace == ""


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "utf-8-sig"])
def test_other_encodings(encoding: str) -> None:
    declared = encoding.removesuffix("-sig").upper()
    text = f'<?xml version="1.0" encoding="{declared}"?><MonitorStop><monitorCrossRefID>ü</monitorCrossRefID></MonitorStop>'
    assert decode(text.encode(encoding)).message == MonitorStop(monitor_cross_ref_id="ü")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "<DeflectCall><callToBeDiverted><callID>c</callID></callToBeDiverted><newDestination>1002</newDestination></DeflectCall>",
            DeflectCall(call_to_be_diverted=ConnectionID("c"), new_destination=("1002",)),
        ),
        (
            "<DeflectCall><callToBeDiverted><callID>c</callID></callToBeDiverted><newDestination><device>1002</device>"
            "<device>1003</device></newDestination></DeflectCall>",
            DeflectCall(call_to_be_diverted=ConnectionID("c"), new_destination=("1002", "1003")),
        ),
        ("<SystemStatus/>", SystemStatus(system_status="normal")),
        (
            "<SystemRegister><requestTypes><systemStatus>1</systemStatus><requestSystemStatus>FALSE</requestSystemStatus></requestTypes>"
            "</SystemRegister>",
            SystemRegister(request_types=frozenset({"systemStatus"})),
        ),
        (
            "<MonitorStart><monitorObject><deviceObject>a</deviceObject></monitorObject><requestedMonitorFilter><maintenance/>"
            "<callcontrol><held>true</held><delivered>false</delivered></callcontrol><logicalDeviceFeature><agentBusy>true</agentBusy>"
            "</logicalDeviceFeature></requestedMonitorFilter></MonitorStart>",
            MonitorStart(
                monitor_object=MonitorObject(device_object="a"),
                requested_monitor_filter=MonitorFilter(frozenset({"held", "agentBusy"})),
            ),
        ),
        (
            "<MonitorStart><monitorObject><callObject><callID>c</callID></callObject></monitorObject></MonitorStart>",
            MonitorStart(monitor_object=MonitorObject(call_object=ConnectionID("c"))),
        ),
        (
            "<Escape><privateData><private><hot xmlns='urn:x'><guestAssociatedExtension> 7 </guestAssociatedExtension><host>h</host></hot>"
            "<host>second</host></private></privateData></Escape>",
            Escape(private_data={"hot": "", "guestAssociatedExtension": "7", "host": "h"}),
        ),
        (
            "<RouteSelect><crossRefIdentifier>x</crossRefIdentifier><routeSelected>1</routeSelected><remainRetries><noListAvailable>true"
            "</noListAvailable></remainRetries></RouteSelect>",
            RouteSelect(cross_ref_identifier="x", route_selected="1"),
        ),
        (
            "<MakeCall><callingDevice>a</callingDevice><calledDirectoryNumber>b</calledDirectoryNumber><correlatorData><private>z</private>"
            "</correlatorData><userData><string>4142</string></userData></MakeCall>",
            MakeCall(calling_device="a", called_directory_number="b", user_data=b"AB"),
        ),
        (
            "<SnapshotDeviceResponse><crossRefIDorSnapshotData><snapshotData/></crossRefIDorSnapshotData></SnapshotDeviceResponse>",
            SnapshotDeviceResponse(snapshot=()),
        ),
        (
            "<SnapshotDeviceResponse><crossRefIDorSnapshotData><serviceCrossRefID>5</serviceCrossRefID></crossRefIDorSnapshotData>"
            "</SnapshotDeviceResponse>",
            SnapshotDeviceResponse(service_cross_ref_id="5"),
        ),
        ("<CSTAErrorCode><operation>somethingNew</operation></CSTAErrorCode>", CSTAErrorCode("operation", "generic")),
        ("<CSTAErrorCode><unspecified/></CSTAErrorCode>", CSTAErrorCode("unspecified")),
    ],
)
def test_forms_that_clients_use(body: str, message: object) -> None:
    assert decode(body.encode()).message == message


def test_parties_of_an_event() -> None:
    decoded = decode(
        b"<EstablishedEvent><monitorCrossRefID>1</monitorCrossRefID><establishedConnection><callID>K</callID></establishedConnection>"
        b"<answeringDevice>1001</answeringDevice><callingDevice/><calledDevice><deviceIdentifier>2</deviceIdentifier></calledDevice>"
        b"<lastRedirectionDevice><restricted/></lastRedirectionDevice><cause>newCall</cause></EstablishedEvent>"
    )
    assert isinstance(decoded.message, EstablishedEvent)
    assert decoded.message.answering_device == PartyDevice("1001")
    assert decoded.message.calling_device == NOT_KNOWN
    assert decoded.message.called_device == PartyDevice("2")
    assert decoded.message.last_redirection_device == RESTRICTED


MISSING = "atLeastOneConditionalParameterNotProvided"


@pytest.mark.parametrize(
    ("body", "value", "answerable"),
    [
        ("<ClearConnection/>", MISSING, True),
        ("<ClearConnection><connectionToBeCleared/></ClearConnection>", MISSING, True),
        ("<MonitorStop><monitorCrossRefID> </monitorCrossRefID></MonitorStop>", MISSING, True),
        ("<MonitorStart><monitorObject/></MonitorStart>", MISSING, True),
        ("<DeflectCall><callToBeDiverted><callID>c</callID></callToBeDiverted><newDestination/></DeflectCall>", MISSING, True),
        ("<CSTAErrorCode/>", MISSING, False),
        ("<DeliveredEvent/>", MISSING, False),
        ("<RouteSelect/>", MISSING, False),
        ("<MonitorStartResponse/>", MISSING, False),
        ("<DialDigits/>", "serviceNotSupported", True),
        ("<BridgedEvent/>", "serviceNotSupported", False),
        ("<DialDigitsResponse/>", "serviceNotSupported", False),
        (
            "<MonitorStart><monitorObject><deviceObject>a</deviceObject></monitorObject><monitorType>line</monitorType></MonitorStart>",
            "invalidMonitorType",
            True,
        ),
        ("<SystemStatus><systemStatus>messageLost</systemStatus></SystemStatus>", "systemStatusOutOfRange", True),
        (
            "<SetAgentState><device>a</device><requestedAgentState>asleep</requestedAgentState></SetAgentState>",
            "invalidAgentState",
            True,
        ),
        ("<SetDoNotDisturb><device>a</device><doNotDisturbOn>on</doNotDisturbOn></SetDoNotDisturb>", "invalidParameterValue", True),
        ("<SetDoNotDisturb><device>a</device><doNotDisturbOn/></SetDoNotDisturb>", "invalidParameterValue", True),
        (
            "<GenerateDigits><connectionToSendDigits><callID>c</callID></connectionToSendDigits><toneDuration>1e9</toneDuration>"
            "</GenerateDigits>",
            "invalidParameterValue",
            True,
        ),
        (
            "<SendUserInformation><userData><string>4G</string></userData></SendUserInformation>",
            "invalidParameterValue",
            True,
        ),
        ("not XML", "generic", True),
        ("", "generic", True),
    ],
)
def test_what_cannot_be_read_says_what_to_answer(body: str, value: str, answerable: bool) -> None:
    with pytest.raises(UnreadableMessage) as caught:
        decode(body.encode())
    assert (caught.value.category, caught.value.value, caught.value.answerable) == ("operation", value, answerable)


def test_an_unreadable_request_keeps_its_namespace() -> None:
    with pytest.raises(UnreadableMessage) as caught:
        decode(b"<x:MakeCall xmlns:x='urn:x'/>")
    assert (caught.value.namespace, caught.value.root) == ("urn:x", "MakeCall")
    assert "callingDevice is missing" in caught.value.detail


BOMB = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(10))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<!DOCTYPE MonitorStop><MonitorStop><monitorCrossRefID>1</monitorCrossRefID></MonitorStop>", id="doctype"),
        pytest.param(
            b'<!DOCTYPE MonitorStop SYSTEM "http://127.0.0.1:1/x.dtd"><MonitorStop><monitorCrossRefID>1</monitorCrossRefID></MonitorStop>',
            id="external DTD",
        ),
        pytest.param(
            b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]>'
            b"<MonitorStop><monitorCrossRefID>&f;</monitorCrossRefID></MonitorStop>",
            id="external entity",
        ),
        pytest.param(
            f"<!DOCTYPE x [{BOMB}]><MonitorStop><monitorCrossRefID>&l9;</monitorCrossRefID></MonitorStop>".encode(), id="bomb in text"
        ),
        pytest.param(f"<!DOCTYPE x [{BOMB}]><MonitorStop a='&l9;'/>".encode(), id="bomb in an attribute"),
        pytest.param(b"<MonitorStop><monitorCrossRefID>&undefined;</monitorCrossRefID></MonitorStop>", id="unknown entity"),
        pytest.param(b"<MonitorStop>" + b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH + b"</MonitorStop>", id="deep"),
        pytest.param(b"<MonitorStop>" + b"<a>" * 9000 + b"</a>" * 9000 + b"</MonitorStop>", id="deeper"),
        pytest.param(b"<MonitorStop>" + b"<a/>" * MAX_NODES + b"</MonitorStop>", id="wide"),
        pytest.param(b"<MonitorStop><monitorCrossRefID>" + b"1" * MAX_BODY + b"</monitorCrossRefID></MonitorStop>", id="long"),
        pytest.param(b"<MonitorStop><monitorCrossRefID>\xff\xfe</monitorCrossRefID></MonitorStop>", id="bad UTF-8"),
        pytest.param(b"<MonitorStop><monitorCrossRefID>1\x00</monitorCrossRefID></MonitorStop>", id="NUL"),
        pytest.param(b"<MonitorStop><monitorCrossRefID>&#0;</monitorCrossRefID></MonitorStop>", id="reference to NUL"),
        pytest.param(b"<MonitorStop><monitorCrossRefID>1</monitorCrossRefID></MonitorSto", id="cut off"),
        pytest.param(b"<MonitorStop/><MonitorStop/>", id="two roots"),
        pytest.param(b"<MonitorStop a='1' a='2'/>", id="attribute twice"),
        pytest.param(b"<?xml version='1.0' encoding='KLINGON'?><MonitorStop/>", id="unknown encoding"),
        pytest.param(b"<?xml version='1.0' encoding='UTF-16'?><MonitorStop/>", id="wrong encoding"),
        pytest.param(
            "<?xml version='1.0' encoding='UTF-16'?><!DOCTYPE a [<!ENTITY b 'c'>]><MonitorStop>&b;</MonitorStop>".encode("utf-16"),
            id="entity in UTF-16",
        ),
        pytest.param(b"<MonitorStop xmlns='" + b"x" * (MAX_NAMESPACE + 1) + b"'/>", id="long namespace"),
    ],
)
def test_hostile_bodies_are_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(UnreadableMessage) as caught:
        decode(body)
    assert (caught.value.category, caught.value.value) == ("operation", "generic")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f"<MonitorStop><monitorCrossRefID>{'7' * 513}</monitorCrossRefID></MonitorStop>", id="a long name"),
        pytest.param(
            f"<SetForwarding><device>a</device><activateForward>true</activateForward><forwardDN>b</forwardDN>"
            f"<ringCount>{'9' * 10_000}</ringCount></SetForwarding>",
            id="a number of 10,000 digits",
        ),
        pytest.param(
            "<SetForwarding><device>a</device><activateForward>true</activateForward><forwardDN>b</forwardDN>"
            "<ringCount>\u0667</ringCount></SetForwarding>",
            id="a number in other digits",
        ),
    ],
)
def test_values_beyond_their_bounds_are_refused(body: str) -> None:
    with pytest.raises(UnreadableMessage) as caught:
        decode(body.encode())
    assert (str(caught.value.value), caught.value.answerable) == ("invalidParameterValue", True)
    assert len(str(caught.value)) < 300


def test_thousands_of_attributes_are_not_looked_at() -> None:
    attributes = " ".join(f"a{n}='{n}'" for n in range(4000))
    body = f"<MonitorStop {attributes}><monitorCrossRefID>1</monitorCrossRefID></MonitorStop>"
    assert decode(body.encode()).message == MonitorStop(monitor_cross_ref_id="1")


def test_editions_to_come_are_spoken_as_the_last_one_that_is_known() -> None:
    """What renders a message is kept for each edition, and peers may name any."""
    assert [edition_of(f"urn:x/ed{edition}/y") for edition in ("1", "9", "10", "99", "100", "\u0661")] == [1, 9, 9, 9, 3, 3]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_noise_is_refused_and_nothing_worse(body: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        decode(body)


REQUEST = encode(CLEAR, ED3)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(REQUEST) - 1), st.binary(max_size=3))
def test_a_damaged_request_is_read_or_refused_and_nothing_worse(position: int, noise: bytes) -> None:
    body = REQUEST[:position] + noise + REQUEST[position + 1 :]
    try:
        message = decode(body).message
    except UnreadableMessage:
        return
    assert isinstance(message, (ClearConnection, *MESSAGES.values()))


def test_private_data_is_read_up_to_a_bound() -> None:
    content = "".join(f"<k{n}/>" for n in range(1000))
    decoded = decode(f"<Escape><privateData><private>{content}</private></privateData></Escape>".encode())
    assert isinstance(decoded.message, Escape)
    assert len(decoded.message.private_data or ()) == 256


def test_an_empty_filter_blocks_nothing() -> None:
    body = b"<ChangeMonitorFilter><monitorCrossRefID>1</monitorCrossRefID><requestedFilterList/></ChangeMonitorFilter>"
    message = decode(body).message
    assert message == ChangeMonitorFilter(monitor_cross_ref_id="1", requested_filter_list=MonitorFilter())


SAMPLES = Path(os.environ.get("BWCONNECTOR_SAMPLES", Path(__file__).parents[3] / "shared" / "wire" / "samples"))


def test_samples_are_read_and_sent_in_the_same_form() -> None:
    samples = sorted((SAMPLES / "csta").glob("*.xml"))
    if not samples:
        pytest.skip(f"no samples in {SAMPLES}")
    for sample in samples:
        decoded = decode(sample.read_bytes())
        assert decode(encode(decoded.message, decoded.namespace)) == decoded, sample.name


@pytest.mark.parametrize("reference", ["1", "4711", "a&b", "<é>"])
@pytest.mark.parametrize("namespace", [ED3, "", ED3.replace("ed3", "ed5")])
def test_a_report_is_for_each_monitor_what_the_event_is(reference: str, namespace: str) -> None:
    event = EstablishedEvent(
        monitor_cross_ref_id="",
        established_connection=ConnectionID("K</monitorCrossRefID>", "ë"),
        answering_device=PartyDevice("ë"),
        calling_device=PartyDevice(absent="notKnown"),
        called_device=PartyDevice("<b>"),
        last_redirection_device=PartyDevice(absent="notRequired"),
        cause="newCall",
    )
    report = EventReport(event)
    for _ in range(2):
        assert report.encode_for(reference, namespace) == encode(attrs.evolve(event, monitor_cross_ref_id=reference), namespace)
    assert report.message_for(reference) == attrs.evolve(event, monitor_cross_ref_id=reference)
