"""Status page, JSON, probes and metrics of one snapshot."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import attrs
import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet import reactor
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from bwconnector.ops.client import ClientError
from bwconnector.ops.health import DEGRADED, DOWN, READY, health
from bwconnector.ops.inspection import (
    LATENCY_BOUNDS,
    Histogram,
    Inspect,
    Inspection,
    Recent,
    Recovery,
    SubscriptionTrouble,
    SuspectStatus,
)
from bwconnector.ops.live import INTERVAL, MAX_VIEWERS
from bwconnector.ops.page import duration, status_page
from bwconnector.ops.remote import link_lines
from bwconnector.ops.web import status_site


def get(inspect: Inspect, path: str, method: str = "GET") -> tuple[int, dict[str, str], str]:
    """One request over an in-memory connection: status, headers, body."""
    protocol = status_site(inspect, Clock()).buildProtocol(None)
    transport = StringTransport()
    protocol.makeConnection(transport)
    protocol.dataReceived(f"{method} {path} HTTP/1.0\r\n\r\n".encode())
    head, _, body = transport.value().decode().partition("\r\n\r\n")
    status, *headers = head.split("\r\n")
    return int(status.split()[1]), {name.lower(): value for name, value in (line.split(": ", 1) for line in headers)}, body


@pytest.fixture
def all_up(snapshot: Inspection) -> Inspection:
    return attrs.evolve(snapshot, channels=snapshot.channels[:1])


@pytest.fixture
def all_down(snapshot: Inspection) -> Inspection:
    return attrs.evolve(snapshot, system_status="disabled", channels=snapshot.channels[1:])


class TestHealth:
    def test_ready(self, all_up: Inspection) -> None:
        assert health(all_up).state == READY
        assert health(all_up).reasons == ()

    def test_degraded(self, snapshot: Inspection) -> None:
        assert health(snapshot).state == DEGRADED
        assert health(snapshot).reasons == (
            "The channel to xsp2 (xsp2.example.net:443) is not up (backoff): the password was refused (HTTP 401).",
        )

    def test_down(self, all_down: Inspection) -> None:
        assert health(all_down).state == DOWN
        assert "No channel to BroadWorks is up" in health(all_down).reasons[0]

    def test_not_ready_while_t_servers_are_told_otherwise(self, all_up: Inspection) -> None:
        told = health(attrs.evolve(all_up, system_status="disabled"))
        assert told.state == DOWN
        assert "are being compared" in told.reasons[0]

    def test_a_channel_without_heartbeats(self, all_up: Inspection) -> None:
        (channel,) = all_up.channels
        patient = attrs.evolve(all_up, channels=(attrs.evolve(channel, patience=23.0),))
        assert health(patient).state == READY
        told = health(attrs.evolve(patient, now=channel.heartbeat + 24.0))
        assert (told.state, told.reasons) == (DEGRADED, ("The channel to xsp1 (xsp1.example.net:443) has had no heartbeat for 24 s.",))

    def test_a_channel_that_has_just_come_up_has_no_heartbeat_yet(self, all_up: Inspection) -> None:
        (channel,) = all_up.channels
        young = attrs.evolve(channel, patience=23.0, heartbeat=None, since=all_up.now - 20.0)
        assert health(attrs.evolve(all_up, channels=(young,))).state == READY

    def test_subscriptions_that_have_ended(self, all_up: Inspection) -> None:
        ailing = attrs.evolve(all_up, troubles=(SubscriptionTrouble("1000", "HTTP 403"), SubscriptionTrouble("1001", "HTTP 403")))
        assert health(ailing).state == DEGRADED
        assert health(ailing).reasons == ("The subscriptions of 2 devices, 1000 among them, have ended or could not be renewed: HTTP 403.",)

    def test_without_channels(self, snapshot: Inspection) -> None:
        assert health(attrs.evolve(snapshot, channels=())).state == DOWN


class TestProbes:
    def test_alive_even_when_down(self, all_down: Inspection) -> None:
        assert get(lambda: all_down, "/livez")[0] == 200

    def test_alive_without_a_snapshot(self) -> None:
        def broken() -> Inspection:
            raise AssertionError("not to be asked")

        assert get(broken, "/livez")[0] == 200

    def test_ready(self, all_up: Inspection) -> None:
        status, headers, body = get(lambda: all_up, "/readyz")
        assert (status, headers["content-type"], json.loads(body)) == (200, "application/json", {"state": "ready", "reasons": []})

    def test_degraded_is_ready_but_says_why(self, snapshot: Inspection) -> None:
        status, _, body = get(lambda: snapshot, "/readyz")
        assert (status, json.loads(body)["state"], len(json.loads(body)["reasons"])) == (200, "degraded", 1)

    def test_down(self, all_down: Inspection) -> None:
        status, _, body = get(lambda: all_down, "/readyz")
        assert (status, json.loads(body)["state"]) == (503, "down")


class Links(HTMLParser):
    """Collects what a page would load from elsewhere, and whether its tags are balanced."""

    VOID = frozenset({"meta"})

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.loads += [str(value) for name, value in attributes if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


class TestPage:
    def test_shows_what_there_is(self, snapshot: Inspection) -> None:
        status, headers, body = get(lambda: snapshot, "/")
        assert status == 200
        assert headers["content-type"].startswith("text/html")
        for shown in (
            "degraded",
            "xsp1",
            "the password was refused",
            "tserver-1",
            "1,234",
            "77:1",
            "0000000B",
            "1 h 1 min",
            "xsp1: &lt;lost&gt;",
        ):
            assert shown in body

    def test_escapes_what_comes_from_outside(self, snapshot: Inspection) -> None:
        _, _, body = get(lambda: snapshot, "/")
        assert "<b>1001" not in body
        assert "&lt;b&gt;1001" in body

    def test_is_one_well_formed_document_by_itself(self, snapshot: Inspection) -> None:
        page = Links()
        page.feed(status_page(snapshot))
        assert page.loads == []
        assert page.open == []
        assert "$" not in re.sub(r"<script>.*</script>", "", status_page(snapshot), flags=re.S)

    def test_says_none_where_there_is_nothing(self, snapshot: Inspection) -> None:
        empty = attrs.evolve(snapshot, links=(), calls=(), monitors=(), call_count=0)
        assert status_page(empty).count("None.") == 2
        assert "No T-Server" in status_page(empty)

    def test_shows_what_happened_lately(self, snapshot: Inspection) -> None:
        recent = Recent(
            seconds=100.0,
            events={"xsp1": 900, "xsp2": 100},
            messages={"tserver-1": 50},
            latency=Histogram((0, 98, 0, 0, 0, 0, 2, *(0,) * (len(LATENCY_BOUNDS) - 6)), 0.2),
            rates=(1.0, 20.0, 9.0),
        )
        both = attrs.evolve(snapshot, recent=recent, channels=tuple(attrs.evolve(c, state="up") for c in snapshot.channels))
        page = status_page(both)
        for shown in ("10 events/s", "9.0 events/s", "0.5 messages/s", "p50 0.8 ms, p99 37.5 ms", "at most 20", "polyline"):
            assert shown in page
        assert "90% of the events, 50% by its weight: not as its weight wants it" in page

    def test_parts_of_few_events_say_nothing(self, snapshot: Inspection) -> None:
        few = attrs.evolve(snapshot, recent=Recent(seconds=10.0, events={"xsp1": 9, "xsp2": 1}))
        both = attrs.evolve(few, channels=tuple(attrs.evolve(c, state="up") for c in snapshot.channels))
        assert "90% of the events, 50% by its weight<" in status_page(both)

    def test_a_channel_of_a_later_priority_is_to_have_nothing(self, snapshot: Inspection) -> None:
        first, second = (attrs.evolve(c, state="up") for c in snapshot.channels)
        told = attrs.evolve(snapshot, channels=(first, attrs.evolve(second, priority=2)))
        assert told.wanted_shares == (1.0, 0.0)
        assert attrs.evolve(told, channels=(attrs.evolve(first, state="backoff"), told.channels[1])).wanted_shares == (0.0, 1.0)

    def test_shows_what_is_wrong(self, snapshot: Inspection) -> None:
        wrong = attrs.evolve(
            snapshot,
            suspects=(SuspectStatus("80:1", snapshot.now - 400.0, "it has been alerting for too long", ("1000",)),),
            troubles=(SubscriptionTrouble("1001", "HTTP 403"),),
            recoveries=(Recovery("xsp1", snapshot.now - 60.0, snapshot.now - 59.6, "stream closed"), Recovery("xsp2", 4600.0, None, "401")),
            links=(attrs.evolve(snapshot.links[0], unsent=70_000),),
        )
        page = status_page(wrong)
        for shown in (
            "6 min 40 s",
            "it has been alerting",
            "HTTP 403",
            "stream closed",
            "40 s",
            "1 min 40 s so far",
            "70,000 bytes wait for it",
        ):
            assert shown in page

    def test_a_content_policy_names_the_pages_own_script_and_style_alone(self, snapshot: Inspection) -> None:
        _, headers, body = get(lambda: snapshot, "/")
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy
        for tag in ("script", "style"):
            (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", body, flags=re.S)
            assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
        assert " style=" not in body  # which the policy would not let pass
        assert not re.search(r" on\w+=", body)

    @given(st.integers(0, 10**8))
    def test_durations_have_two_units_at_most(self, seconds: int) -> None:
        assert re.fullmatch(r"\d+ (d|h|min|s)( \d+ (h|min|s))?", duration(seconds))

    def test_durations(self) -> None:
        assert [duration(value) for value in (0, 59.9, 60, 3700, 90000, -3)] == ["0 s", "59 s", "1 min 0 s", "1 h 1 min", "1 d 1 h", "0 s"]


class Viewer:
    """A client of the stream, in memory."""

    def __init__(self, site: Any) -> None:
        self.protocol = site.buildProtocol(None)
        self.transport = StringTransport()
        self.protocol.makeConnection(self.transport)
        self.protocol.dataReceived(b"GET /api/stream HTTP/1.0\r\n\r\n")

    @property
    def head(self) -> str:
        return self.transport.value().decode().partition("\r\n\r\n")[0]

    @property
    def told(self) -> list[Any]:
        body = self.transport.value().decode().partition("\r\n\r\n")[2]
        return [json.loads(event.partition("\ndata: ")[2]) for event in body.split("\n\n") if event]

    def leave(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))


class TestStream:
    def test_tells_at_once_and_then_now_and_again(self, snapshot: Inspection) -> None:
        clock, shown = Clock(), [snapshot]
        viewer = Viewer(status_site(lambda: shown[0], clock))
        assert "text/event-stream" in viewer.head
        assert len(viewer.told) == 1
        assert viewer.told[0]["title"] == "degraded: BroadWorks Connector"
        assert "tserver-1" in viewer.told[0]["main"]
        shown[0] = attrs.evolve(snapshot, system_status="disabled")
        clock.advance(INTERVAL)
        assert viewer.told[1]["title"] == "down: BroadWorks Connector"
        viewer.leave()

    def test_nobody_is_told_when_nobody_looks_on(self, snapshot: Inspection) -> None:
        clock = Clock()
        viewers = [Viewer(site := status_site(lambda: snapshot, clock)), Viewer(site)]
        viewers[0].leave()
        clock.advance(INTERVAL)
        assert [len(viewer.told) for viewer in viewers] == [1, 2]
        viewers[1].leave()
        assert clock.getDelayedCalls() == []

    def test_who_does_not_read_is_told_nothing(self, snapshot: Inspection) -> None:
        clock = Clock()
        viewer = Viewer(status_site(lambda: snapshot, clock))
        viewer.transport.producer.pauseProducing()
        clock.advance(INTERVAL)
        assert len(viewer.told) == 1
        viewer.transport.producer.resumeProducing()
        clock.advance(INTERVAL)
        assert len(viewer.told) == 2
        viewer.leave()

    def test_too_many_are_turned_away(self, snapshot: Inspection) -> None:
        clock = Clock()
        site = status_site(lambda: snapshot, clock)
        viewers = [Viewer(site) for _ in range(MAX_VIEWERS)]
        assert " 503 " in Viewer(site).head
        viewers.pop().leave()
        viewers.append(Viewer(site))
        assert " 200 " in viewers[-1].head
        for viewer in viewers:
            viewer.leave()

    def test_ends_with_the_server(self, snapshot: Inspection) -> None:
        clock = Clock()
        site = status_site(lambda: snapshot, clock)
        site.doStart()
        viewer = Viewer(site)
        site.doStop()
        assert viewer.transport.disconnecting
        assert clock.getDelayedCalls() == []


def test_quantiles() -> None:
    empty = Histogram()
    assert empty.quantile(0.5) is None
    half = Histogram((10, 10, *(0,) * (len(LATENCY_BOUNDS) - 1)))
    assert half.quantile(0.5) == pytest.approx(0.0005)
    assert half.quantile(0.75) == pytest.approx(0.00075)
    slow = Histogram((*(0,) * len(LATENCY_BOUNDS), 4))
    assert slow.quantile(0.99) == LATENCY_BOUNDS[-1]


def test_what_links_may_do_and_were_refused(snapshot: Inspection) -> None:
    page = status_page(snapshot)
    assert "certificate &lt;tserver&gt;.example.net" in page
    assert "<li>access sales</li>" in page
    assert "<li>refused: access 1, rate 3</li>" in page
    assert "<td>11 (access 8, rate 3)</td>" in page
    assert "<td>1 (slow 1)</td>" in page


@pytest_twisted.ensureDeferred
async def test_bwctl_links(snapshot: Inspection) -> None:
    port = reactor.listenTCP(0, status_site(lambda: snapshot, Clock()), interface="127.0.0.1")
    url = f"http://127.0.0.1:{port.getHost().port}/"
    try:
        heads, row = await link_lines(reactor, url)
        with pytest.raises(ClientError, match="is no status page of a connector: it answers 404"):
            await link_lines(reactor, url + "elsewhere")
    finally:
        await port.stopListening()
    assert heads.split()[-3:] == ["certificate", "access", "refused"]
    assert row.endswith("<tserver>.example.net  sales   access:1 rate:3")
    with pytest.raises(ClientError, match="is no status page of a connector"):
        await link_lines(reactor, url)


def test_json_says_the_same(snapshot: Inspection) -> None:
    status, headers, body = get(lambda: snapshot, "/api/status")
    told = json.loads(body)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert [channel["link"] for channel in told["channels"]] == ["xsp1", "xsp2"]
    assert told["links"][0]["monitors"] == told["monitor_count"] == len(told["monitors"]) == 2
    assert told["calls"][0]["parties"][0] == {"device": "1000", "state": "connected"}
    assert told["totals"]["links_dropped"] == {"slow": 1}
    assert told["gaps"][0] == {
        "from": 1200.0,
        "to": 1260.0,
        "reason": "xsp1: <lost>",
        "devices": 2,
        "examples": ["1000", "1001"],
        "uncompared": 1,
    }
    assert told["gaps"][1]["to"] is None
    assert {"link": "xsp2", "status": "401", "count": 3} in told["totals"]["requests"]
    assert [(channel["share"], channel["wanted_share"]) for channel in told["channels"]] == [(1.0, 1.0), (0.0, 0.0)]
    assert told["recent"]["latency_p99"] is None
    json.dumps(told, allow_nan=False)


def test_an_unknown_path(snapshot: Inspection) -> None:
    status, _, body = get(lambda: snapshot, "/secret")
    assert status == 404
    assert "/readyz" in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed(snapshot: Inspection, method: str) -> None:
    assert get(lambda: snapshot, "/livez", method)[0] == 405


def test_head(snapshot: Inspection) -> None:
    status, headers, body = get(lambda: snapshot, "/api/status", "HEAD")
    assert (status, body) == (200, "")
    assert int(headers["content-length"]) == len(get(lambda: snapshot, "/api/status")[2])


METRICS = {
    "bwconnector_channel_up": {"link"},
    "bwconnector_xsi_events_total": {"link"},
    "bwconnector_xsi_events_duplicate_total": set(),
    "bwconnector_xsi_event_gaps_total": set(),
    "bwconnector_csta_links": set(),
    "bwconnector_csta_monitors": {"link"},
    "bwconnector_csta_messages_total": {"link", "direction"},
    "bwconnector_event_latency_seconds_bucket": {"le"},
    "bwconnector_event_latency_seconds_sum": set(),
    "bwconnector_event_latency_seconds_count": set(),
    "bwconnector_xsi_requests_total": {"link", "status"},
    "bwconnector_calls_repaired_total": set(),
    "bwconnector_links_dropped_total": {"reason"},
    "bwconnector_csta_refused_total": {"link", "limit"},
}
"""Names and labels that monitoring systems rely on."""


class TestMetrics:
    def samples(self, snapshot: Inspection) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        _, headers, body = get(lambda: snapshot, "/metrics")
        assert headers["content-type"].startswith("text/plain; version=0.0.4")
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(body)
            for sample in family.samples
        }

    def test_names_and_labels_are_kept(self, snapshot: Inspection) -> None:
        found = {name: {label for label, _ in labels} for name, labels in self.samples(snapshot)}
        assert {name: found.get(name) for name in METRICS} == METRICS

    def test_values(self, snapshot: Inspection) -> None:
        samples = self.samples(snapshot)
        assert samples["bwconnector_channel_up", (("link", "xsp1"),)] == 1
        assert samples["bwconnector_channel_up", (("link", "xsp2"),)] == 0
        assert samples["bwconnector_csta_messages_total", (("direction", "out"), ("link", "tserver-1"))] == 99
        assert samples["bwconnector_xsi_requests_total", (("link", "xsp2"), ("status", "401"))] == 3
        assert samples["bwconnector_csta_refused_total", (("limit", "rate"), ("link", "tserver-1"))] == 3
        assert samples["bwconnector_csta_refused_total", (("limit", "access"), ("link", "tserver-9"))] == 7
        assert samples["bwconnector_channel_share", (("link", "xsp1"),)] == 1.0
        assert samples["bwconnector_channel_wanted_share", (("link", "xsp2"),)] == 0.0
        assert samples["bwconnector_channel_losses_total", (("link", "xsp2"),)] == 0

    def test_the_state_is_that_of_readyz(self, snapshot: Inspection) -> None:
        samples = self.samples(snapshot)
        assert {state: samples["bwconnector_state", (("state", state),)] for state in (READY, DEGRADED, DOWN)} == {
            READY: 0,
            DEGRADED: 1,
            DOWN: 0,
        }

    def test_what_is_not_as_it_should_be(self, snapshot: Inspection) -> None:
        wrong = attrs.evolve(snapshot, suspects=(SuspectStatus("1", 0.0, ""),), troubles=(SubscriptionTrouble("1001", ""),) * 2)
        samples = self.samples(wrong)
        assert samples["bwconnector_calls_suspect", ()] == 1
        assert samples["bwconnector_devices_without_events", ()] == 2

    def test_buckets_include_the_smaller_ones(self, snapshot: Inspection) -> None:
        samples = self.samples(snapshot)
        bucket = "bwconnector_event_latency_seconds_bucket"
        assert samples[bucket, (("le", "0.0005"),)] == 1
        assert samples[bucket, (("le", "0.001"),)] == samples[bucket, (("le", "2.5"),)] == 3
        assert samples[bucket, (("le", "+Inf"),)] == samples["bwconnector_event_latency_seconds_count", ()] == 4
        assert samples["bwconnector_event_latency_seconds_sum", ()] == 3.5
