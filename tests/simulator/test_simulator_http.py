"""The simulator over real sockets: what a client of Xsi sees."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import attrs
import pytest
import pytest_twisted
import treq
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from bwconnector.simulator.service import SimulatorConfig, SimulatorService, make_simulator

USER = ("ctiadmin@example.net", "ctiadmin")
ACTIONS = "/com.broadsoft.xsi-actions/v2.0/"
EVENTS = "/com.broadsoft.xsi-events/v2.0/"
ASYNC = "/com.broadsoft.async/com.broadsoft.xsi-events/v2.0/channel"
QUICK = SimulatorConfig(users=6, demo=False, lift_delay=0, event_timeout=20, ack_timeout=5)
XMLNS = 'xmlns="http://schema.broadsoft.com/xsi"'
LOCAL = re.compile(r"\{[^}]*\}")


@attrs.define(eq=False)
class Answer:
    status: int
    headers: Any
    data: bytes

    @property
    def tree(self) -> ElementTree.Element:
        return strip(ElementTree.fromstring(self.data))

    def text(self, tag: str) -> str | None:
        return self.tree.findtext(f".//{tag}")


def strip(tree: ElementTree.Element) -> ElementTree.Element:
    for node in tree.iter():
        node.tag = LOCAL.sub("", node.tag)
    return tree


class Stream:
    """The documents of one event channel, as they come."""

    def __init__(self) -> None:
        self.data = b""
        self.ended = False

    @property
    def documents(self) -> list[ElementTree.Element]:
        complete = [
            b"<?xml" + part
            for part in self.data.split(b"<?xml")[1:]
            if part.rstrip().endswith((b"</Channel>", b"</xsi:Event>", b"<ChannelHeartBeat " + XMLNS.encode() + b"/>"))
        ]
        return [strip(ElementTree.fromstring(document)) for document in complete]

    @property
    def channel_id(self) -> str:
        return self.documents[0].findtext("channelId") or ""

    def events(self, kind: str = "") -> list[ElementTree.Element]:
        """SubscriptionEvents, all or those whose eventData is of one type."""
        return [tree for tree in self.documents if tree.find("eventData") is not None and kind in kind_of(tree)]


def kind_of(event: ElementTree.Element) -> str:
    data = event.find("eventData")
    assert data is not None
    return next(value for name, value in data.attrib.items() if name.endswith("type")).removeprefix("xsi:")


async def until(condition: Callable[[], object]) -> None:
    """Wait for what is to come; the suite's own time-out ends a test in which it does not."""
    while not condition():
        await deferLater(reactor, 0.005)


class Client:
    """A client of one simulator."""

    def __init__(self, simulator: SimulatorService) -> None:
        self.simulator = simulator
        self.pool = HTTPConnectionPool(reactor, persistent=False)
        self.http = treq.client.HTTPClient(Agent(reactor, pool=self.pool))

    def url(self, path: str, xsp: int = 0) -> str:
        host, port = self.simulator.xsp_addresses[xsp]
        return f"http://{host}:{port}{path}"

    async def ask(self, method: str, path: str, body: str = "", xsp: int = 0, auth: tuple[str, str] | None = USER) -> Answer:
        response = await self.http.request(method, self.url(path, xsp), data=body.encode(), auth=auth)
        return Answer(response.code, response.headers, await response.content())

    async def open(self, set_id: str = "set", xsp: int = 0, extra: str = "", path: str = ASYNC) -> Stream:
        body = f"<Channel {XMLNS}><channelSetId>{set_id}</channelSetId>{extra}</Channel>"
        response = await self.http.post(self.url(path, xsp), data=body.encode(), auth=USER, unbuffered=True)
        assert response.code == 200
        stream = Stream()

        def collect(data: bytes) -> None:
            stream.data += data

        def end(_: object) -> None:
            stream.ended = True

        treq.collect(response, collect).addBoth(end)
        await until(lambda: stream.documents)
        return stream

    async def subscribe(self, user: str, package: str = "Advanced Call", set_id: str = "set", xsp: int = 0) -> Answer:
        body = f"<Subscription {XMLNS}><event>{package}</event><expires>60</expires><channelSetId>{set_id}</channelSetId></Subscription>"
        return await self.ask("POST", f"{EVENTS}user/{user}", body, xsp)

    async def respond(self, event: ElementTree.Element, status: str = "200", xsp: int = 0) -> Answer:
        event_id = event.findtext("eventID")
        body = f"<EventResponse {XMLNS}><eventID>{event_id}</eventID><statusCode>{status}</statusCode><reason>x</reason></EventResponse>"
        return await self.ask("POST", f"{EVENTS}channel/eventresponse", body, xsp)

    async def admin(self, method: str, path: str, **arguments: Any) -> Answer:
        assert self.simulator.admin_address is not None
        host, port = self.simulator.admin_address
        response = await self.http.request(method, f"http://{host}:{port}/{path}", data=json.dumps(arguments).encode())
        return Answer(response.code, response.headers, await response.content())


@pytest.fixture
def start() -> Iterator[Callable[..., Client]]:
    started: list[SimulatorService] = []

    def make(**config: Any) -> Client:
        simulator = make_simulator(attrs.evolve(QUICK, **config), reactor)
        simulator.startService()
        started.append(simulator)
        return Client(simulator)

    yield make
    for simulator in started:
        pytest_twisted.blockon(simulator.stopService())


@pytest.fixture
def client(start: Callable[..., Client]) -> Client:
    return start()


@pytest_twisted.ensureDeferred
async def test_a_wrong_password_is_refused_everywhere(client: Client) -> None:
    for method, path in (("GET", f"{ACTIONS}versions"), ("POST", ASYNC), ("POST", f"{EVENTS}channel/eventresponse")):
        for auth in (None, ("ctiadmin@example.net", "wrong")):
            assert (await client.ask(method, path, auth=auth)).status == 401


@pytest_twisted.ensureDeferred
async def test_paths_match_in_any_case_and_unknown_ones_are_told(client: Client) -> None:
    assert (await client.ask("GET", f"{ACTIONS}User/alice@example.net/Services/donotdisturb")).text("active") == "false"
    assert (await client.ask("GET", "/COM.BroadSoft.xsi-actions/V2.0/user/alice@example.net/PROFILE")).text("extension") == "1001"
    unknown = await client.ask("GET", f"{ACTIONS}user/alice@example.net/nothing")
    assert (unknown.status, unknown.tree.tag) == (404, "ErrorInfo")
    assert (await client.ask("DELETE", f"{ACTIONS}versions")).status == 405
    assert (await client.ask("GET", f"{ACTIONS}user/nobody@example.net/calls")).status == 404


@pytest_twisted.ensureDeferred
async def test_the_head_of_an_answer(client: Client) -> None:
    answer = await client.ask("GET", f"{EVENTS}versions")
    assert answer.headers.getRawHeaders("Content-Type") == ["text/xml;charset=UTF-8"]
    assert "Path=/com.broadsoft.xsi-events" in answer.headers.getRawHeaders("Set-Cookie")[0]


@pytest_twisted.ensureDeferred
async def test_channel_heartbeat_renewal_and_deletion(client: Client) -> None:
    stream = await client.open(extra="<expires>60</expires>")
    assert stream.documents[0].findtext("expires") == "3600"
    channel = stream.channel_id
    assert (await client.ask("PUT", f"{EVENTS}channel/{channel}/heartbeat")).status == 200
    await until(lambda: stream.documents[-1].tag == "ChannelHeartBeat")
    assert (await client.ask("PUT", f"{EVENTS}channel/{channel}/heartbeat", xsp=1)).status == 404
    renewed = await client.ask("PUT", f"{EVENTS}channel/{channel}", f"<Channel {XMLNS}><expires>9000</expires></Channel>")
    assert renewed.text("expires") == "9000"
    listed = await client.ask("GET", f"{EVENTS}channelset/set", xsp=1)
    assert listed.text("channelId") == channel
    assert (await client.ask("DELETE", f"{EVENTS}channel/{channel}", xsp=1)).status == 200
    await until(lambda: stream.ended)
    assert stream.documents[-1].findtext("reason") == "ExplicitDelete"
    gone = await client.ask("GET", f"{EVENTS}channelset/set")
    assert (gone.status, gone.text("errorCode")) == (403, "110842")


@pytest_twisted.ensureDeferred
async def test_a_silent_channel_is_torn_down_without_a_word(start: Callable[..., Client]) -> None:
    client = start(event_timeout=0.05)
    stream = await client.open()
    await until(lambda: stream.ended)
    assert len(stream.documents) == 1


@pytest_twisted.ensureDeferred
async def test_subscription_begins_with_the_state_and_goes_on_with_events(client: Client) -> None:
    stream = await client.open()
    answer = await client.subscribe("alice@example.net")
    assert (answer.status, answer.text("expires")) == (200, "3600")
    await until(lambda: stream.events("CallSubscriptionEvent"))
    initial = stream.events()[0]
    assert initial.findtext("sequenceNumber") == "1"
    assert initial.findtext("targetId") == "alice@example.net"
    assert initial.findtext("userId") == "ctiadmin@example.net"
    assert initial.findtext(".//hookStatus") == "On-Hook"
    assert initial.find(".//calls") is None
    client.simulator.broadworks.switch.dial("bob@example.net", "1001")
    await until(lambda: stream.events("CallReceivedEvent"))
    received = stream.events("CallReceivedEvent")[0]
    assert received.findtext("sequenceNumber") == "2"
    assert received.findtext(".//remoteParty/userDN") == "tel:+15550001002;ext=1002"
    assert received.find(".//allowAnswer") is not None


@pytest_twisted.ensureDeferred
async def test_refresh_sends_the_state_again_and_deletion_ends_with_an_event(client: Client) -> None:
    stream = await client.open()
    subscription = (await client.subscribe("alice@example.net")).text("subscriptionId")
    path = f"{EVENTS}subscription/{subscription}"
    refreshed = await client.ask("PUT", path, f"<Subscription {XMLNS}><expires>7200</expires></Subscription>", xsp=1)
    assert refreshed.text("expires") == "7200"
    await until(lambda: len(stream.events("CallSubscriptionEvent")) == 2)
    assert (await client.ask("GET", path)).text("event") == "Advanced Call"
    assert (await client.ask("DELETE", path)).status == 200
    await until(lambda: stream.events("SubscriptionTerminatedEvent"))
    gone = await client.ask("DELETE", path)
    assert (gone.status, gone.text("errorCode")) == (403, "110862")


@pytest_twisted.ensureDeferred
async def test_subscribing_needs_a_channel_a_user_and_a_package(client: Client) -> None:
    without = await client.subscribe("alice@example.net")
    assert (without.status, without.text("errorCode")) == (403, "110842")
    await client.open()
    assert (await client.subscribe("nobody@example.net")).status == 404
    assert (await client.subscribe("alice@example.net", "No Such Package")).status == 400
    assert (await client.ask("POST", f"{EVENTS}user/alice@example.net", "<Subscription>")).status == 400
    assert (await client.subscribe("alice@example.net/subscription")).status == 200


@pytest_twisted.ensureDeferred
async def test_a_subscription_outlives_its_channels(client: Client) -> None:
    first = await client.open()
    subscription = (await client.subscribe("alice@example.net")).text("subscriptionId")
    await client.ask("DELETE", f"{EVENTS}channel/{first.channel_id}")
    second = await client.open(xsp=1)
    client.simulator.broadworks.switch.dial("alice@example.net", "1002")
    await until(lambda: second.events("CallOriginatedEvent"))
    assert second.events()[0].findtext("subscriptionId") == subscription


@pytest_twisted.ensureDeferred
async def test_subscribing_again_replaces_and_collective_targets_tell_whom_it_is_about(client: Client) -> None:
    stream = await client.open()
    first = (await client.subscribe("alice@example.net")).text("subscriptionId")
    second = (await client.subscribe("alice@example.net")).text("subscriptionId")
    assert (await client.ask("GET", f"{EVENTS}subscription/{first}")).status == 403
    assert (await client.ask("GET", f"{EVENTS}subscription")).text("subscriptionId") == second
    body = f"<Subscription {XMLNS}><event>Advanced Call</event><channelSetId>set</channelSetId></Subscription>"
    assert (await client.ask("POST", f"{EVENTS}serviceprovider/ExampleEnt/group/sales", body)).status == 200
    client.simulator.broadworks.switch.dial("carol@example.net", "1004")
    await until(lambda: stream.events("CallReceivedEvent"))
    assert stream.events("CallReceivedEvent")[0].findtext("targetId") == "dave@example.net"


@pytest.mark.parametrize(
    ("package", "event"),
    [
        ("Do Not Disturb", "DoNotDisturbEvent"),
        ("Call Forwarding Always", "CallForwardingAlwaysEvent"),
        ("Call Forwarding No Answer", "CallForwardingNoAnswerEvent"),
        ("Voice Mail Message Summary", "VoiceMailMessageSummaryEvent"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_service_packages_begin_with_the_state_of_the_service(client: Client, package: str, event: str) -> None:
    stream = await client.open()
    await client.subscribe("alice@example.net", package)
    await until(lambda: stream.events(event))
    assert stream.events()[0].findtext("sequenceNumber") == "1"


@pytest_twisted.ensureDeferred
async def test_changing_a_service_is_told_and_can_be_read_back(client: Client) -> None:
    stream = await client.open()
    await client.subscribe("alice@example.net", "Call Forwarding Always")
    path = f"{ACTIONS}user/alice@example.net/services/CallForwardingAlways"
    body = f"<CallForwardingAlways {XMLNS}><active>true</active></CallForwardingAlways>"
    assert (await client.ask("PUT", path, body)).status == 403
    body = body.replace("</active>", "</active><forwardToPhoneNumber>1003</forwardToPhoneNumber>")
    assert (await client.ask("PUT", path, body)).status == 200
    await until(lambda: len(stream.events("CallForwardingAlwaysEvent")) == 2)
    assert stream.events()[-1].findtext(".//info/forwardToPhoneNumber") == "1003"
    assert (await client.ask("GET", path)).text("active") == "true"


@pytest_twisted.ensureDeferred
async def test_events_without_response_go_to_the_next_channel(start: Callable[..., Client]) -> None:
    client = start(ack_timeout=0.05)
    first, second = await client.open(xsp=0), await client.open(xsp=1)
    await client.subscribe("alice@example.net")
    await until(lambda: first.events() and second.events())
    assert first.events()[0].findtext("eventID") == second.events()[0].findtext("eventID")
    await until(lambda: first.ended and second.ended)
    assert {stream.documents[-1].findtext("reason") for stream in (first, second)} == {"NonResponsiveChannel"}


@pytest_twisted.ensureDeferred
async def test_responses_count_only_at_the_xsp_that_delivered(client: Client) -> None:
    stream = await client.open()
    subscription = (await client.subscribe("alice@example.net")).text("subscriptionId")
    await until(lambda: stream.events())
    event = stream.events()[0]
    assert (await client.respond(event, xsp=1)).status == 404
    assert (await client.respond(event, status="481")).status == 200
    assert (await client.ask("GET", f"{EVENTS}subscription/{subscription}")).status == 403


@pytest_twisted.ensureDeferred
async def test_a_service_that_a_user_does_not_have(client: Client) -> None:
    client.simulator.broadworks.switch.services.unassign("alice", "DoNotDisturb")
    services = f"{ACTIONS}user/alice@example.net/services"
    assert (await client.ask("GET", f"{services}/DoNotDisturb")).status == 404
    assert (
        await client.ask("PUT", f"{services}/DoNotDisturb", f"<DoNotDisturb {XMLNS}><active>true</active></DoNotDisturb>")
    ).status == 404
    listed = [name.text for name in (await client.ask("GET", services)).tree.iter("name")]
    assert "Do Not Disturb" not in listed and "Call Waiting" in listed


@pytest_twisted.ensureDeferred
async def test_recording_and_escalation_by_request(client: Client) -> None:
    switch = client.simulator.broadworks.switch
    a1 = switch.dial("alice", "1002")
    bob = f"{ACTIONS}user/bob@example.net/calls"
    switch.answer("bob")
    path = f"{ACTIONS}user/alice@example.net/calls/{a1}"
    states = [("Record", "Started"), ("PauseRecording", "Paused"), ("ResumeRecording", "Started")]
    for verb, state in states:
        assert (await client.ask("PUT", f"{path}/{verb}")).status == 200
        assert (await client.ask("GET", path)).text("recordingState") == state
    assert (await client.ask("PUT", f"{path}/Record")).status == 403
    assert (await client.ask("PUT", f"{path}/StopRecording")).status == 200
    assert (await client.ask("GET", path)).text("allowedRecordingControls") == "record"
    b1 = switch.legs("bob")[0].call.call_id
    urgent = await client.ask("POST", f"{bob}/{b1}/EmergencyEscalate?address=1004")
    assert (urgent.status, urgent.tree.tag) == (201, "CallStartInfo")
    switch.answer("dave")
    assert switch.bridge("bob") is not None
    switch.conference_release("bob")
    switch.dial("carol", "1002")
    switch.answer("bob")
    assert (await client.ask("POST", f"{bob}/Escalate?address=1004")).status == 201
    assert switch.legs("dave")[0].call.escalation == "Normal"


@pytest_twisted.ensureDeferred
async def test_call_control_of_a_whole_call(client: Client) -> None:
    alice, bob = (f"{ACTIONS}user/{name}@example.net/calls" for name in ("alice", "bob"))
    switch = client.simulator.broadworks.switch
    started = await client.ask("POST", f"{alice}/New?address=1002")
    assert (started.status, started.tree.tag) == (201, "CallStartInfo")
    a1 = started.text("callId")
    assert started.headers.getRawHeaders("Location") == [f"/v2.0/user/alice@example.net/calls/{a1}"]
    assert (await client.ask("PUT", f"{alice}/{a1}/talk")).status == 200
    b1 = (await client.ask("GET", bob)).text("callId")
    assert (await client.ask("GET", f"{bob}/{b1}")).text("extTrackingId") == started.text("externalTrackingId")
    for step, state in (("talk", "Active"), ("Hold", "Held"), ("Talk", "Active")):
        assert (await client.ask("PUT", f"{bob}/{b1}/{step}")).status == 200
        assert (await client.ask("GET", f"{bob}/{b1}")).text("state") == state
    assert (await client.ask("PUT", f"{bob}/{b1}/TransmitDTMF?playdtmf=12*%23,3")).status == 200
    assert (await client.ask("PUT", f"{bob}/{b1}/TransmitDTMF?playdtmf=x")).status == 400
    assert (await client.ask("PUT", f"{bob}/{b1}/ClientSessionInfo?info=crm")).status == 200
    assert (await client.ask("GET", f"{bob}/HookStatus")).text("hookStatus") == "Off-Hook"
    assert (await client.ask("PUT", f"{bob}/{b1}/BlindTransfer?address=1003")).status == 200
    c1 = switch.legs("carol")[0].call.call_id
    assert (await client.ask("DELETE", f"{ACTIONS}user/carol@example.net/calls/{c1}")).status == 200
    assert switch.legs("carol") != ()
    assert (await client.ask("DELETE", f"{ACTIONS}user/carol@example.net/calls/{c1}?decline=true")).status == 200
    assert switch.truth() == []
    refused = await client.ask("PUT", f"{bob}/{b1}/talk")
    assert (refused.status, refused.tree.tag) == (404, "ErrorInfo")


@pytest_twisted.ensureDeferred
async def test_consultation_conference_park_and_pickup_by_request(client: Client) -> None:
    switch = client.simulator.broadworks.switch
    alice = f"{ACTIONS}user/alice@example.net/calls"
    switch.dial("alice", "1002")
    switch.answer("bob")
    a1 = switch.legs("alice")[0].call.call_id
    assert (await client.ask("PUT", f"{alice}/{a1}/hold")).status == 200
    a2 = (await client.ask("POST", f"{alice}/new?address=1003")).text("callId")
    await client.ask("PUT", f"{alice}/{a2}/talk")
    switch.answer("carol")
    members = "".join(f"<conferenceParticipant><callId>{call}</callId></conferenceParticipant>" for call in (a1, a2))
    body = f"<Conference {XMLNS}><conferenceParticipantList>{members}</conferenceParticipantList></Conference>"
    assert (await client.ask("POST", f"{alice}/Conference", body)).status == 201
    assert len((await client.ask("GET", f"{alice}/conference")).tree.findall(".//callId")) == 2
    assert (await client.ask("PUT", f"{alice}/Conference/Hold")).status == 200
    assert (await client.ask("PUT", f"{alice}/Conference/Talk")).status == 200
    assert (await client.ask("PUT", f"{alice}/{a1}/ConsultTransfer/{a2}")).status == 403
    assert (await client.ask("DELETE", f"{alice}/{a2}")).status == 200
    parked = await client.ask("PUT", f"{alice}/{a1}/GroupCallPark")
    place = parked.headers.getRawHeaders("Content-Location")[0].partition("?address=")[2]
    retrieved = await client.ask("POST", f"{ACTIONS}user/dave@example.net/calls/ParkRetrieve?address={place}")
    assert retrieved.status == 201
    assert (await client.ask("DELETE", f"{ACTIONS}user/dave@example.net/calls/{retrieved.text('callId')}")).status == 200
    switch.dial("+15559990000", "1001")
    picked = await client.ask("POST", f"{ACTIONS}user/dave@example.net/calls/DirectedCallPickup?address=1001")
    assert picked.status == 201
    assert {user for call in switch.truth() for user, _ in call.legs} == {"dave@example.net", "+15559990000"}


@pytest_twisted.ensureDeferred
async def test_click_to_dial_is_lifted_for_after_a_while(start: Callable[..., Client]) -> None:
    client = start(lift_delay=0.02)
    await client.ask("POST", f"{ACTIONS}user/alice@example.net/calls/new?address=1002")
    await until(lambda: client.simulator.broadworks.switch.legs("bob"))


@pytest_twisted.ensureDeferred
async def test_an_unanswered_call_rings_out(start: Callable[..., Client]) -> None:
    client = start(ring_time=0.02)
    client.simulator.broadworks.switch.dial("alice", "1002")
    await until(lambda: not client.simulator.broadworks.switch.truth())


@pytest_twisted.ensureDeferred
async def test_directories_come_in_pages_and_with_filters(client: Client) -> None:
    page = await client.ask("GET", f"{ACTIONS}user/alice@example.net/directories/Enterprise?start=3&results=2")
    assert [page.text(tag) for tag in ("startIndex", "numberOfRecords", "totalAvailableRecords")] == ["3", "2", "6"]
    assert [node.text for node in page.tree.iter("userId")] == ["carol@example.net", "dave@example.net"]
    found = await client.ask("GET", f"{ACTIONS}user/alice@example.net/directories/Group?firstName=ALI*/i")
    assert [node.text for node in found.tree.iter("userId")] == ["alice@example.net"]
    assert found.headers.getRawHeaders("Content-Type") == ["text/xml;charset=ISO-8859-1"]


@pytest_twisted.ensureDeferred
async def test_scattered_chunks_carry_the_same_documents(client: Client) -> None:
    stream = await client.open()
    assert (await client.admin("POST", "xsps/xsp1/faults", chunking="scattered")).status == 200
    await client.subscribe("alice@example.net")
    for _ in range(20):
        client.simulator.broadworks.switch.dial("bob", "1001")
        client.simulator.broadworks.switch.hang_up("bob")
    await until(lambda: len(stream.events()) == 41)
    assert [event.findtext("sequenceNumber") for event in stream.events()] == [str(number) for number in range(1, 42)]


@pytest_twisted.ensureDeferred
async def test_a_killed_xsp_drops_its_channels_and_comes_back_on_its_port(client: Client) -> None:
    first, second = await client.open(xsp=0), await client.open(xsp=1)
    addresses = client.simulator.xsp_addresses
    assert (await client.admin("POST", "xsps/xsp1/kill")).status == 200
    await until(lambda: first.ended)
    assert (await client.subscribe("alice@example.net", xsp=1)).status == 200
    await until(lambda: second.events())
    assert (await client.admin("POST", "xsps/xsp1/revive")).status == 200
    assert client.simulator.xsp_addresses == addresses
    assert (await client.ask("GET", f"{EVENTS}versions", xsp=0)).status == 200


@pytest_twisted.ensureDeferred
async def test_faults_of_paths_and_streams(client: Client) -> None:
    stream = await client.open()
    await client.admin("POST", "xsps/xsp1/faults", paths={"heartbeat": 503, "versions": "refuse"})
    assert (await client.ask("PUT", f"{EVENTS}channel/{stream.channel_id}/heartbeat")).status == 503
    with pytest.raises(Exception, match=r"Connection|Response"):
        await client.ask("GET", f"{EVENTS}versions")
    await client.admin("POST", "xsps/xsp1/faults", paths={}, echo=False)
    assert (await client.ask("PUT", f"{EVENTS}channel/{stream.channel_id}/heartbeat")).status == 200
    await client.admin("POST", "xsps/xsp1/drop")
    await until(lambda: stream.ended)
    assert len(stream.documents) == 1


@pytest_twisted.ensureDeferred
async def test_a_stream_that_is_behind_keeps_its_order(client: Client) -> None:
    stream = await client.open()
    await client.subscribe("alice@example.net")
    await until(stream.events)
    await client.admin("POST", "xsps/xsp1/faults", drift=0.05)
    client.simulator.broadworks.switch.dial("alice", "1002")
    client.simulator.broadworks.switch.answer("bob")
    client.simulator.broadworks.switch.hang_up("alice")
    assert len(stream.events()) == 1
    (channel,) = client.simulator.broadworks.channels
    client.simulator.broadworks.channels.delete(channel.id)
    await until(lambda: stream.ended)
    numbers = [int(event.findtext("sequenceNumber") or 0) for event in stream.events()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert "CallReleasedEvent" in map(kind_of, stream.events())
    assert (await client.admin("POST", "xsps/xsp1/faults", drift=-1)).status == 400


@pytest_twisted.ensureDeferred
async def test_a_fail_over_by_remote_control(client: Client) -> None:
    stream = await client.open()
    await client.subscribe("alice@example.net")
    client.simulator.broadworks.switch.dial("alice", "1002")
    assert (await client.admin("POST", "failover", lost=["alice"])).status == 200
    await until(lambda: stream.events("CallSubscriptionResyncEvent"))
    assert client.simulator.broadworks.switch.truth() == []


@pytest_twisted.ensureDeferred
async def test_a_path_that_hangs_until_the_xsp_dies(client: Client) -> None:
    await client.admin("POST", "xsps/xsp1/faults", paths={"versions": "hang"})
    hanging = ensureDeferred(client.ask("GET", f"{EVENTS}versions"))
    assert (await client.ask("GET", f"{ACTIONS}user/alice@example.net/profile")).status == 200
    assert not hanging.called
    await client.admin("POST", "xsps/xsp1/kill")
    with pytest.raises(Exception, match=r"Connection|Response"):
        await hanging


@pytest_twisted.ensureDeferred
async def test_the_remote_control(client: Client) -> None:
    stream = await client.open()
    await client.subscribe("alice@example.net")
    assert json.loads((await client.admin("POST", "operations/dial", party="alice", address="1002")).data)["result"].startswith("callhalf-")
    users = json.loads((await client.admin("GET", "users")).data)["result"]
    assert users[0]["hook"] == "Off-Hook"
    assert users[1]["calls"][0]["remote"] == "alice@example.net"
    assert len(json.loads((await client.admin("GET", "calls")).data)["result"]) == 1
    assert (await client.admin("POST", "events", user="alice", type="CallHistoryEvent")).status == 200
    await until(lambda: stream.events("CallHistoryEvent"))
    assert json.loads((await client.admin("GET", "xsps")).data)["result"]["xsp1"]["channels"] == [stream.channel_id]
    for path, arguments, status in (
        ("operations/hold", {"party": "carol"}, 403),
        ("operations/hold", {"nobody": "carol"}, 400),
        ("operations/_forget", {}, 404),
        ("xsps/xsp1/faults", {"chunking": "no"}, 400),
        ("xsps/xsp9/kill", {}, 404),
        ("services", {"user": "alice", "service": "CallForwardingAlways", "active": True}, 403),
    ):
        assert (await client.admin("POST", path, **arguments)).status == status


class Raw(Protocol):
    """Everything that comes over a connection, as it comes."""

    data = b""

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def chunks(self) -> list[bytes]:
        """The complete chunks of the response so far."""
        rest = self.data.partition(b"\r\n\r\n")[2]
        found = []
        while b"\r\n" in rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size, 16)
            if len(rest) >= length + 2:
                found.append(rest[:length])
            rest = rest[length + 2 :]
        return found


@pytest.mark.parametrize("chunking", ["whole", "scattered"])
@pytest_twisted.ensureDeferred
async def test_on_the_wire_each_document_is_one_chunk_unless_scattered(client: Client, chunking: str) -> None:
    await client.admin("POST", "xsps/xsp1/faults", chunking=chunking)
    host, port = client.simulator.xsp_addresses[0]
    raw = await connectProtocol(TCP4ClientEndpoint(reactor, host, port), Raw())
    body = f"<Channel {XMLNS}><channelSetId>set</channelSetId></Channel>".encode()
    token = b64encode(":".join(USER).encode()).decode()
    head = f"POST {ASYNC.upper()} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    raw.transport.write(head.encode() + body)
    await until(lambda: b"".join(raw.chunks()).endswith(b"</Channel>"))
    await client.subscribe("alice@example.net")
    await until(lambda: b"".join(raw.chunks()).endswith(b"</xsi:Event>"))
    raw.transport.abortConnection()
    assert b"Transfer-Encoding: chunked" in raw.data
    assert b"Keep-Alive: timeout=4" in raw.data
    chunks = raw.chunks()
    channel, _, event = b"".join(chunks).rpartition(b'<?xml version="1.0" encoding="UTF-8"?>')
    assert channel.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<Channel xmlns="http://schema.broadsoft.com/xsi"><channelId>')
    assert event.startswith(b'<xsi:Event xmlns:xsi="http://schema.broadsoft.com/xsi"')
    if chunking == "whole":
        assert [chunk.count(b"<?xml") for chunk in chunks] == [1, 1]
    else:
        assert len(chunks) > 3


@pytest.mark.parametrize(
    ("virtual", "own", "others"),
    [("queue1", "Call Center Queue", "Route Point Queue"), ("route1", "Route Point Queue", "Call Center Queue")],
)
@pytest_twisted.ensureDeferred
async def test_virtual_users_have_a_queue_but_no_calls_of_their_own(client: Client, virtual: str, own: str, others: str) -> None:
    await client.open()
    user = f"{virtual}@example.net"
    assert (await client.subscribe(user, own)).status == 200
    assert (await client.subscribe(user, others)).status == 403
    assert (await client.subscribe(user, "Advanced Call")).status == 403
    assert (await client.subscribe("alice@example.net", own)).status == 403
    assert (await client.ask("GET", f"{ACTIONS}user/{user}/profile")).text("userId") == user


@pytest_twisted.ensureDeferred
async def test_queues_are_asked_for_by_the_kind_of_their_virtual_user(client: Client) -> None:
    queue = await client.ask("GET", f"{ACTIONS}callcenter/queue1@example.net/calls")
    assert (queue.status, queue.tree.tag) == (200, "ACDQueue")
    assert (await client.ask("GET", f"{ACTIONS}routepoint/route1@example.net/calls")).tree.tag == "RoutePointQueue"
    for path in ("callcenter/route1@example.net", "callcenter/alice@example.net", "routepoint/queue1@example.net"):
        assert (await client.ask("GET", f"{ACTIONS}{path}/calls")).status == 404


# What not every client uses


@pytest_twisted.ensureDeferred
async def test_a_bearer_token_takes_the_place_of_the_password(start: Callable[..., Client]) -> None:
    client = start(token="t0ken")

    async def status(authorization: str) -> int:
        headers = {"Authorization": authorization, "TrackingID": "track-1"}
        response = await client.http.get(client.url(f"{ACTIONS}versions"), headers=headers)
        await response.content()
        if response.code == 200:
            assert response.headers.getRawHeaders("TrackingID") == ["track-1"]
        return int(response.code)

    assert await status("Bearer t0ken") == 200
    assert await status("Bearer other") == 401
    await client.admin("POST", "xsps/xsp1/faults", expired_token=True)
    assert await status("Bearer t0ken") == 401
    assert (await client.ask("GET", f"{ACTIONS}versions")).status == 200


@pytest_twisted.ensureDeferred
async def test_without_a_token_there_is_no_bearer(client: Client) -> None:
    for shown in ("Bearer", "Bearer ", ""):
        response = await client.http.get(client.url(f"{ACTIONS}versions"), headers={"Authorization": shown})
        await response.content()
        assert response.code == 401


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("how", ["header", "parameter", "fault"])
async def test_json_for_who_asks_for_it(client: Client, how: str) -> None:
    if how == "fault":
        await client.admin("POST", "xsps/xsp1/faults", json_only=True)
    query = "?format=json" if how == "parameter" else ""
    headers = {"Accept": "application/json"} if how == "header" else {}

    async def ask(method: str, path: str, body: str = "") -> tuple[int, Any]:
        response = await client.http.request(method, client.url(path + query), data=body.encode(), auth=USER, headers=headers)
        assert response.headers.getRawHeaders("Content-Type") == ["application/json;charset=UTF-8"]
        return response.code, json.loads(await response.content())

    stream = await client.open(xsp=1)
    assert await ask("GET", f"{EVENTS}channelset/none") == (
        403,
        {
            "ErrorInfo": {
                "@xmlns": {"$": "http://schema.broadsoft.com/xsi"},
                "summary": {"$": "Channel set not found: none"},
                "summaryEnglish": {"$": "Channel set not found: none"},
                "errorCode": {"$": "110842"},
            }
        },
    )
    subscription = f"<Subscription {XMLNS}><event>Advanced Call</event><channelSetId>set</channelSetId></Subscription>"
    status, granted = await ask("POST", f"{EVENTS}user/alice@example.net", subscription)
    assert (status, granted["Subscription"]["expires"]) == (200, {"$": "3600"})
    for user in ("bob", "carol"):
        client.simulator.broadworks.switch.dial("alice@example.net", user)
    _, listed = await ask("GET", f"{ACTIONS}user/alice@example.net/calls")
    assert [call["@inConference"] for call in listed["Calls"]["call"]] == ["false", "false"]
    _, call = await ask("GET", f"{ACTIONS}user/alice@example.net/calls/{listed['Calls']['call'][0]['callId']['$']}")
    assert call["Call"]["endpoint"]["@xsi1:type"] == "AccessEndpoint"
    # events are XML for everybody
    await until(lambda: stream.events("CallSubscriptionEvent"))


@pytest_twisted.ensureDeferred
async def test_the_first_document_of_a_channel_in_json(client: Client) -> None:
    body = f"<Channel {XMLNS}><channelSetId>set</channelSetId></Channel>"
    response = await client.http.post(
        client.url(ASYNC), data=body.encode(), auth=USER, headers={"Accept": "application/json"}, unbuffered=True
    )
    got: list[bytes] = []
    ended = treq.collect(response, got.append)
    await until(lambda: got)
    (channel,) = client.simulator.broadworks.channels
    assert json.loads(got[0])["Channel"]["channelId"] == {"$": channel.id}
    client.simulator.broadworks.channels.close(channel, "ExplicitDelete")
    await ended
    assert b"ChannelTerminatedEvent" in got[-1]


class Contact(Resource):
    """An application that has its events posted to it, and answers as it is told to."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.status = 200
        self.got: list[ElementTree.Element] = []
        self.port = reactor.listenTCP(0, Site(self), interface="127.0.0.1")

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port.getHost().port}/events?for=me"

    def render_POST(self, request: Request) -> bytes:
        assert request.getHeader("Content-Type") == "application/xml; charset=UTF-8"
        self.got.append(strip(ElementTree.fromstring(request.content.read())))
        request.setResponseCode(self.status)
        return b"whatever"


@pytest.fixture
def contact() -> Iterator[Contact]:
    contact = Contact()
    yield contact
    pytest_twisted.blockon(contact.port.stopListening())


@pytest_twisted.ensureDeferred
async def test_events_are_posted_to_an_http_contact(client: Client, contact: Contact) -> None:
    uri = contact.uri.replace("&", "&amp;")
    body = f"<Subscription {XMLNS}><event>Advanced Call</event><httpContact><uri>{uri}</uri></httpContact></Subscription>"
    subscription = (await client.ask("POST", f"{EVENTS}user/alice@example.net", body)).text("subscriptionId")
    await until(lambda: contact.got)
    switch = client.simulator.broadworks.switch
    contact.status = 503
    switch.dial("alice@example.net", "1002")
    (sent,) = client.simulator.broadworks.subscriptions.values()
    await until(lambda: len(contact.got) == sent.sequence > 1)
    contact.status = 200
    switch.hang_up("alice@example.net")
    await until(lambda: len(contact.got) == sent.sequence and kind_of(contact.got[-1]) == "HookStatusEvent")
    told = contact.got
    assert kind_of(told[0]) == "CallSubscriptionEvent"
    assert [event.findtext("sequenceNumber") for event in told] == [str(number + 1) for number in range(sent.sequence)]
    assert [child.tag for child in told[-1]] == [
        "eventID", "sequenceNumber", "userId", "subscriptionId", "httpContact", "targetId", "eventData",
    ]  # fmt: skip
    assert told[-1].findtext("httpContact/uri") == contact.uri
    assert client.simulator.contacts.lost > 0
    described = await client.ask("GET", f"{EVENTS}subscription/{subscription}")
    assert (described.text("uri"), described.text("channelSetId")) == (contact.uri, None)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("ways", ["", "<httpContact><uri>ftp://x/</uri></httpContact>", "both"])
async def test_a_subscription_has_one_way_for_its_events(client: Client, ways: str) -> None:
    if ways == "both":
        await client.open()
        ways = "<httpContact><uri>http://127.0.0.1:9/</uri></httpContact><channelSetId>set</channelSetId>"
    body = f"<Subscription {XMLNS}><event>Advanced Call</event>{ways}</Subscription>"
    assert (await client.ask("POST", f"{EVENTS}user/alice@example.net", body)).status == 400


@pytest_twisted.ensureDeferred
async def test_a_contact_that_cannot_be_reached_loses_its_events(client: Client) -> None:
    body = f"<Subscription {XMLNS}><event>Basic Call</event><httpContact><uri>http://127.0.0.1:1/</uri></httpContact></Subscription>"
    assert (await client.ask("POST", f"{EVENTS}user/alice@example.net", body)).status == 200
    await until(lambda: client.simulator.contacts.lost == 1)
    client.simulator.broadworks.switch.dial("alice@example.net", "1002")
    await until(lambda: client.simulator.contacts.lost > 1)


@pytest_twisted.ensureDeferred
async def test_subscriptions_with_a_shared_id_are_told_once(client: Client) -> None:
    stream = await client.open()
    for application, shared in (("one", "s"), ("two", "s"), ("three", "t"), ("four", "")):
        known = f"<sharedSubscriptionId>{shared}</sharedSubscriptionId>" if shared else ""
        rest = f"<event>Advanced Call</event><channelSetId>set</channelSetId><applicationId>{application}</applicationId>"
        answer = await client.ask("POST", f"{EVENTS}user/alice@example.net", f"<Subscription {XMLNS}>{known}{rest}</Subscription>")
        assert answer.status == 200
    client.simulator.broadworks.switch.dial("alice@example.net", "1002")
    await until(lambda: len(stream.events("CallOriginatedEvent")) == 3)
    told = [(e.findtext("externalApplicationId"), e.findtext("sharedSubscriptionId")) for e in stream.events("CallOriginatedEvent")]
    assert told == [("one", "s"), ("three", "t"), ("four", None)]


@pytest_twisted.ensureDeferred
async def test_a_system_subscription_names_its_client(client: Client) -> None:
    stream = await client.open()
    body = f"<Subscription {XMLNS}><event>Advanced Call</event><channelSetId>set</channelSetId></Subscription>"
    assert (await client.ask("POST", f"{EVENTS}system", body)).status == 200
    client.simulator.broadworks.switch.dial("alice@example.net", "1002")
    await until(lambda: stream.events("CallOriginatedEvent"))
    (event,) = stream.events("CallOriginatedEvent")
    assert (event.findtext("clientId"), event.find("userId"), event.findtext("targetId")) == (USER[0], None, "alice@example.net")


@pytest.mark.parametrize("listing", ["Group", "Enterprise"])
@pytest_twisted.ensureDeferred
async def test_virtual_users_have_no_directories_and_are_in_none(client: Client, listing: str) -> None:
    assert (await client.ask("GET", f"{ACTIONS}user/queue1@example.net/directories/{listing}")).status == 403
    people = await client.ask("GET", f"{ACTIONS}user/alice@example.net/directories/{listing}")
    assert "queue1@example.net" not in [entry.text for entry in people.tree.iter("userId")]
