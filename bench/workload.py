"""The workload *mix6*: two short calls at each device, as the six Xsi events that tell of them, and the CSTA events that they imply.

The devices take turns event by event, so that all of them have a call at any time. First a call center sends them a call from outside,
then each calls somebody outside. What must come out is written down here by hand, not asked of the connector.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

__all__ = ["DOMAIN", "EVENTS_PER_CYCLE", "Expected", "Mix6", "XsiEvent", "chunk", "device_name"]

DOMAIN = "example.net"
EVENTS_PER_CYCLE = 6

_NAMESPACES = 'xmlns:xsi="http://schema.broadsoft.com/xsi" xmlns:xsi1="http://www.w3.org/2001/XMLSchema-instance"'
_ENVELOPE = (
    f'<?xml version="1.0" encoding="UTF-8"?><xsi:Event {_NAMESPACES} xsi1:type="xsi:SubscriptionEvent">'
    "<xsi:eventID>{event_id}</xsi:eventID><xsi:sequenceNumber>{sequence}</xsi:sequenceNumber><xsi:userId>ctiadmin@example.net</xsi:userId>"
    "<xsi:externalApplicationId>GenesysConnector-4f2a90b1c3d5</xsi:externalApplicationId>"
    "<xsi:subscriptionId>{subscription}</xsi:subscriptionId><xsi:channelId>{channel}</xsi:channelId>"
    "<xsi:targetId>{device}@example.net</xsi:targetId>"
    '<xsi:eventData xsi1:type="xsi:{kind}"><xsi:call><xsi:callId>callhalf-{call}:0</xsi:callId>'
    "<xsi:extTrackingId>{call}:1</xsi:extTrackingId><xsi:networkCallId>BW101500000221126{call}@10.20.30.40</xsi:networkCallId>"
    "<xsi:personality>{personality}</xsi:personality><xsi:state>{state}</xsi:state>{release}"
    "<xsi:remoteParty>{party}</xsi:remoteParty>"
    '<xsi:endpoint xsi1:type="xsi:AccessEndpoint"><xsi:addressOfRecord>sip:{device}@example.net</xsi:addressOfRecord></xsi:endpoint>'
    "<xsi:appearance>2</xsi:appearance><xsi:diversionInhibited/>{flags}<xsi:startTime>1764000000000</xsi:startTime>{times}{acd}"
    "</xsi:call></xsi:eventData></xsi:Event>"
)
_QUEUE = (
    "<xsi:name>Customer Service, Second Line</xsi:name><xsi:address>tel:1500</xsi:address><xsi:userId>service@example.net</xsi:userId>"
    '<xsi:userDN countryCode="1">tel:+15550001500;ext=1500</xsi:userDN><xsi:callType>Group</xsi:callType>'
)
_CALLER = (
    '<xsi:name>MIDDLEHAM &amp; SONS</xsi:name><xsi:address countryCode="1">tel:+1555{number}</xsi:address>'
    "<xsi:callType>Network</xsi:callType>"
)
_ACD = (
    "<xsi:acdCallInfo><xsi:acdUserId>service@example.net</xsi:acdUserId><xsi:acdName>Customer Service, Second Line</xsi:acdName>"
    '<xsi:acdNumber countryCode="1">tel:+15550001500</xsi:acdNumber><xsi:numCallsInQueue>17</xsi:numCallsInQueue>'
    "<xsi:waitTime>48</xsi:waitTime><xsi:longestWaitTime>131</xsi:longestWaitTime>"
    "<xsi:callingPartyInfo>{caller}</xsi:callingPartyInfo></xsi:acdCallInfo>"
)
_ANSWERED = "<xsi:answerTime>1764000004000</xsi:answerTime>"
_TIMES = _ANSWERED + "<xsi:releaseTime>1764000064000</xsi:releaseTime>"
_RELEASED = (
    "<xsi:releaseCause><xsi:internalReleaseCause>Normal</xsi:internalReleaseCause></xsi:releaseCause>"
    "<xsi:releasingParty>localRelease</xsi:releasingParty>"
)


@dataclass(frozen=True)
class Expected:
    """One CSTA event that a monitor of ``device`` must get.

    :ivar subject: device of the connection that it is about
    :ivar state: localConnectionInfo
    """

    name: str
    call_id: str
    subject: str
    state: str
    cause: str


@dataclass(frozen=True)
class XsiEvent:
    """One document of a stream, and what it implies at each monitor of its device."""

    device: str
    event_id: str
    document: bytes
    implies: Expected


def device_name(number: int) -> str:
    """How T-Servers name the device; with the domain it is BroadWorks' user id."""
    return f"agent{number:05}"


def chunk(document: bytes) -> bytes:
    """The document as one chunk of an HTTP/1.1 body."""
    return b"%x\r\n%b\r\n" % (len(document), document)


@dataclass(frozen=True)
class _Step:
    """One of the six events: what BroadWorks says, and the one CSTA event that it implies.

    :ivar call: 0 is the call from the queue, 1 the other one
    :ivar far: the CSTA event is about the other end's connection
    """

    kind: str
    call: int
    personality: str
    state: str
    name: str
    local_state: str
    cause: str
    far: bool = False
    flags: str = ""
    times: str = ""
    release: str = ""


_STEPS = (
    _Step("CallReceivedEvent", 0, "Terminator", "Alerting", "DeliveredEvent", "alerting", "distributed", flags="<xsi:allowAnswer/>"),
    _Step("CallAnsweredEvent", 0, "Terminator", "Active", "EstablishedEvent", "connected", "distributed", times=_ANSWERED),
    _Step(
        "CallReleasedEvent",
        0,
        "Terminator",
        "Released",
        "ConnectionClearedEvent",
        "null",
        "normalClearing",
        times=_TIMES,
        release=_RELEASED,
    ),
    _Step("CallOriginatedEvent", 1, "Originator", "Alerting", "OriginatedEvent", "connected", "newCall"),
    _Step("CallAnsweredEvent", 1, "Originator", "Active", "EstablishedEvent", "connected", "newCall", far=True, times=_ANSWERED),
    _Step(
        "CallReleasedEvent",
        1,
        "Originator",
        "Released",
        "ConnectionClearedEvent",
        "null",
        "normalClearing",
        times=_TIMES,
        release=_RELEASED,
    ),
)


class Mix6:
    """The workload of one connector.

    :param devices: names of the devices, as T-Servers name them; gone through several times
    :param channels: how many streams the events are spread over; a device changes its stream from event to event
    """

    def __init__(self, devices: Iterable[str], channels: int = 1) -> None:
        self._devices = devices
        self._channels = channels
        self._cycles = 0
        self._sequence = 1
        """The next sequence number of every subscription; 1 is its initial event's."""
        self._turn = 0

    def cycles(self, count: int, subscriptions: Mapping[str, str], channel_ids: list[str]) -> Iterator[tuple[int, XsiEvent]]:
        """The next ``count`` times six events of each device, each with the number of its stream, in the order in which they are sent.

        :param subscriptions: device to the id of its subscription
        """
        for _ in range(count):
            self._cycles += 1
            for step in _STEPS:
                self._sequence += 1
                for number, device in enumerate(self._devices):
                    stream = self._turn % self._channels
                    self._turn += 1
                    yield stream, self._event(step, number, device, subscriptions[device], channel_ids[stream])

    def _event(self, step: _Step, number: int, device: str, subscription: str, channel: str) -> XsiEvent:
        call = f"{self._cycles * 2 + step.call}{number:05}"
        outside = f"{number:07}"
        caller = _CALLER.format(number=outside)
        event_id = f"{self._sequence:08x}-7a3c-4b1d-9e52-{number:012x}"
        document = _ENVELOPE.format(
            event_id=event_id,
            sequence=self._sequence,
            subscription=subscription,
            channel=channel,
            device=device,
            kind=step.kind,
            call=call,
            personality=step.personality,
            state=step.state,
            release=step.release,
            party=caller if step.call else _QUEUE,
            flags=step.flags,
            times=step.times,
            acd="" if step.call else _ACD.format(caller=caller),
        )
        subject = f"+1555{outside}" if step.far else device
        return XsiEvent(device, event_id, document.encode(), Expected(step.name, f"{call}:1", subject, step.local_state, step.cause))
