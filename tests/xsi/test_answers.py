from __future__ import annotations

from collections.abc import Callable

import pytest

from bwconnector.xsi import answers
from bwconnector.xsi.answers import CallStartInfo, ErrorInfo, Profile, SubscriptionGrant
from bwconnector.xsi.errors import OutcomeUnknown
from bwconnector.xsi.events import ChannelOpened, DoNotDisturbState, ForwardingState

from .samples import channel, error_info, subscription

X = 'xmlns="http://schema.broadsoft.com/xsi"'


def test_call_start_info() -> None:
    body = f"<CallStartInfo {X}><callId>c:0</callId><externalTrackingId>9:1</externalTrackingId></CallStartInfo>"
    assert answers.read_call_start_info(body.encode()) == CallStartInfo("c:0", "9:1")


def test_calls() -> None:
    body = f'<Calls {X}><call inConference="false"><callId>c:0</callId><uri>u</uri></call><call/><call><callId>c:1</callId></call></Calls>'
    assert answers.read_calls(body.encode()) == {"c:0": False, "c:1": False}
    assert answers.read_calls(body.replace("false", "true").encode()) == {"c:0": True, "c:1": False}
    assert answers.read_calls(f"<Calls {X}/>".encode()) == {}


def test_call() -> None:
    body = (
        f"<Call {X}><callId>c:0</callId><extTrackingId>9:1</extTrackingId><personality>Originator</personality><state>Held</state></Call>"
    )
    call = answers.read_call(body.encode())
    assert (call.call_id, call.tracking_id, call.personality, call.state) == ("c:0", "9:1", "Originator", "Held")


def test_profile_in_another_charset() -> None:
    body = (
        f'<?xml version="1.0" encoding="ISO-8859-1"?><Profile {X}><details><userId>jo@ex.org</userId><firstName>Jörg</firstName>'
        "<lastName>Ex</lastName>"
        '<groupId>G</groupId><serviceProvider isEnterprise="true">E</serviceProvider><number>5551</number>'
        "<extension>51</extension></details>"
        "<countryCode>49</countryCode></Profile>"
    )
    assert answers.read_profile(body.encode("latin-1")) == Profile("jo@ex.org", "5551", "51", "49", "G", "E", "Jörg", "Ex")
    assert answers.read_profile(f"<Profile {X}/>".encode()) == Profile()


def test_do_not_disturb() -> None:
    body = f"<DoNotDisturb {X}><active>true</active><ringSplash>false</ringSplash></DoNotDisturb>"
    assert answers.read_do_not_disturb(body.encode()) == DoNotDisturbState(active=True)


def test_forwarding() -> None:
    content = "<active>true</active><forwardToPhoneNumber>tel:9</forwardToPhoneNumber><numberOfRings>3</numberOfRings>"
    body = f"<CallForwardingNoAnswer {X}>{content}</CallForwardingNoAnswer>"
    expected = ForwardingState("Call Forwarding No Answer", active=True, forward_to="tel:9", number_of_rings=3)
    assert answers.read_forwarding("Call Forwarding No Answer", body.encode()) == expected
    with pytest.raises(OutcomeUnknown):
        answers.read_forwarding("Call Forwarding Busy", body.encode())


def test_services() -> None:
    body = f"<Services {X}><service><name>Do Not Disturb</name><uri>x</uri></service><service><name>Call Park</name></service></Services>"
    assert answers.read_services(body.encode()) == ("Do Not Disturb", "Call Park")


def test_subscription_and_channel() -> None:
    assert answers.read_subscription(subscription("s-2", 7200)) == SubscriptionGrant("s-2", 7200)
    assert answers.read_channel(channel("c-2", 7200)) == ChannelOpened("c-2", 7200)


@pytest.mark.parametrize(
    "read",
    [
        answers.read_call_start_info,
        answers.read_calls,
        answers.read_call,
        answers.read_profile,
        answers.read_services,
        answers.read_subscription,
        answers.read_channel,
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>", b"<Other/>", b"\x1f\x8b"])
def test_accepted_but_unreadable(read: Callable[[bytes], object], body: bytes) -> None:
    with pytest.raises(OutcomeUnknown, match="accepted"):
        read(body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (error_info(110842, "Große Störung"), ErrorInfo(110842, "Große Störung")),
        (b"<ErrorInfo><summary>only local</summary></ErrorInfo>", ErrorInfo(0, "only local")),
        (b"<ErrorInfo><errorCode>x</errorCode></ErrorInfo>", ErrorInfo(0, "")),
        (b"", ErrorInfo(0, "")),
        (b"<html><head><style>p {}</style></head><body><h1>HTTP Status 503</h1><p>Busy<br></body>", ErrorInfo(0, "HTTP Status 503 Busy")),
        (b"<html><body>well formed</body></html>", ErrorInfo(0, "well formed")),
        ("gestört".encode("latin-1"), ErrorInfo(0, "gest\ufffdrt")),
        (b"x" * 100_000, ErrorInfo(0, "x" * 120)),
    ],
)
def test_error_info_reads_anything(body: bytes, expected: ErrorInfo) -> None:
    assert answers.read_error_info(body) == expected
