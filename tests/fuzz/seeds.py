"""What fuzzing begins with: a few inputs of each kind, from the fixtures of the other tests, and those that once were trouble."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bwconnector.csta import messages as csta
from bwconnector.csta.framing import encode_frame
from bwconnector.csta.xml import ED3, encode
from tests.xsi import samples
from tests.xsi.server import chunked, http

__all__ = ["CORPUS", "seeds"]

CORPUS = Path(__file__).parent / "corpus"
"""A folder for each target with a file for each input that a fix was made for, or that reaches what no other one does."""

CONNECTION = csta.ConnectionID("77:1", "1001")

MESSAGES = (
    csta.MakeCall(calling_device="1001", called_directory_number="1002", user_data=b"AB"),
    csta.MonitorStart(
        monitor_object=csta.MonitorObject(device_object="1001"), requested_monitor_filter=csta.MonitorFilter(frozenset({"held"}))
    ),
    csta.MonitorStartResponse(monitor_cross_ref_id="1"),
    csta.Escape(private_data={"guestAssociatedExtension": "7", "host": "h"}),
    csta.SystemRegister(request_types=frozenset({"systemStatus"})),
    csta.StartApplicationSession(
        application_info=csta.ApplicationInfo(application_id="x"), requested_protocol_versions=(ED3,), requested_session_duration=600
    ),
    csta.DeflectCall(call_to_be_diverted=CONNECTION, new_destination=("1002",)),
    csta.HeldEvent(monitor_cross_ref_id="1", held_connection=CONNECTION, holding_device=csta.PartyDevice("1001"), cause="normal"),
    csta.CSTAErrorCode("operation", "invalidCallID"),
    csta.SystemStatus(),
)

BODIES = [encode(message, ED3) for message in MESSAGES]
FRAMES = b"".join(encode_frame("9999" if b"HeldEvent" in body else f"{number:04}", body) for number, body in enumerate(BODIES))

DOCUMENTS = [
    samples.channel(),
    samples.HEARTBEAT,
    samples.terminated("Expired"),
    samples.event("CallReceivedEvent", samples.call("<xsi:allowAnswer/>")),
    samples.event("CallSubscriptionEvent", f"<xsi:calls>{samples.call()}{samples.call(call_id='2')}</xsi:calls>"),
    samples.event("HookStatusEvent", "<xsi:hookStatus>On-Hook</xsi:hookStatus>"),
    b'<?xml version="1.0"?><!DOCTYPE e [<!ENTITY a "b">]><e>&a;</e>',
    b"<e><!-- </e> --><e><![CDATA[</e>]]></e><?pi </e>?><e/><e a='/'></e></e>",
]

ANSWERS = [
    samples.subscription(),
    samples.channel(),
    samples.error_info(110842, "gone"),
    b"<html><body>Please log in</body></html>",
    b"<Profile><details><userId>a@ex.org</userId><number>+1</number></details><countryCode>1</countryCode></Profile>",
    b"<CallStartInfo><callId>1</callId><externalTrackingId>2</externalTrackingId></CallStartInfo>",
]

HTTP = [
    http(200),
    http(403, samples.error_info(110842)),
    chunked(200, b"<a>", b"</a>"),
    b"HTTP/1.1 100 Continue\r\n\r\n" + http(200, b"x", "Connection: close"),
]

_SEEDS: dict[str, list[bytes]] = {
    "framing": [b"\x07" + FRAMES, b"\x01GET / HTTP/1.1\r\n", b"\x3f\x00\x00\x00\x080001"],
    "csta_message": BODIES,
    "csta_link": [FRAMES, *(encode_frame("0001", body) for body in BODIES)],
    "xsi_stream": [b"\x0a" + b"\n".join(DOCUMENTS), *(b"\x01" + document for document in DOCUMENTS)],
    "xsi_document": DOCUMENTS,
    "xsi_skeleton": [b"\x07\x05&amp;<" + document for document in DOCUMENTS],
    "xsi_answer": ANSWERS,
    "http_answers": [b"\x05" + b"".join(HTTP), *(b"\x01" + answer for answer in HTTP)],
}


def seeds(target: str) -> Iterator[bytes]:
    """The inputs of one target."""
    yield from _SEEDS[target]
    for file in sorted((CORPUS / target).glob("*")):
        yield file.read_bytes()
