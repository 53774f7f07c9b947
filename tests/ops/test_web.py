"""Status page, JSON, probes and metrics of one snapshot."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.testing import StringTransport

from bwconnector.ops.health import DEGRADED, DOWN, READY, health
from bwconnector.ops.inspection import Inspect, Inspection, SubscriptionTrouble
from bwconnector.ops.page import duration, status_page
from bwconnector.ops.web import status_site


def get(inspect: Inspect, path: str, method: str = "GET") -> tuple[int, dict[str, str], str]:
    """One request over an in-memory connection: status, headers, body."""
    protocol = status_site(inspect).buildProtocol(None)
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
        assert status_page(empty).count("None.") == 3

    @given(st.integers(0, 10**8))
    def test_durations_have_two_units_at_most(self, seconds: int) -> None:
        assert re.fullmatch(r"\d+ (d|h|min|s)( \d+ (h|min|s))?", duration(seconds))

    def test_durations(self) -> None:
        assert [duration(value) for value in (0, 59.9, 60, 3700, 90000, -3)] == ["0 s", "59 s", "1 min 0 s", "1 h 1 min", "1 d 1 h", "0 s"]


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

    def test_buckets_include_the_smaller_ones(self, snapshot: Inspection) -> None:
        samples = self.samples(snapshot)
        bucket = "bwconnector_event_latency_seconds_bucket"
        assert samples[bucket, (("le", "0.0005"),)] == 1
        assert samples[bucket, (("le", "0.001"),)] == samples[bucket, (("le", "2.5"),)] == 3
        assert samples[bucket, (("le", "+Inf"),)] == samples["bwconnector_event_latency_seconds_count", ()] == 4
        assert samples["bwconnector_event_latency_seconds_sum", ()] == 3.5
