"""A connector's snapshot to show: one channel up, one waiting; one T-Server; one call."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from bwconnector.ops.inspection import (
    LATENCY_BOUNDS,
    CallStatus,
    ChannelStatus,
    GapStatus,
    Histogram,
    Inspection,
    LinkStatus,
    MonitorStatus,
    PartyStatus,
    Totals,
)


@pytest.fixture
def snapshot() -> Inspection:
    return Inspection(
        version="1.2.3",
        started=1000.0,
        now=4700.0,
        system_status="normal",
        channels=(
            ChannelStatus("xsp1", "xsp1.example.net:443", "up", since=1010.0, events=1234, heartbeat=4695.0),
            ChannelStatus("xsp2", "xsp2.example.net:443", "backoff", since=4600.0, reason="the password was refused (HTTP 401)"),
        ),
        links=(
            LinkStatus(
                "tserver-1",
                "10.0.0.9:40001",
                since=1100.0,
                monitors=2,
                messages_in=7,
                messages_out=99,
                certificate="<tserver>.example.net",
                access="sales",
                refused=MappingProxyType({"rate": 3, "access": 1}),
            ),
        ),
        call_count=1,
        calls=(CallStatus("77:1", (PartyStatus("1000", "connected"), PartyStatus("<b>1001</b>", "alerting"))),),
        monitors=(
            MonitorStatus("1000", "0000000A", "tserver-1"),
            MonitorStatus("1001", "0000000B", "tserver-1", filter=("held", "retrieved")),
        ),
        totals=Totals(
            events=1234,
            duplicates=5,
            gaps=1,
            calls_repaired=2,
            links_dropped=MappingProxyType({"slow": 1}),
            requests=MappingProxyType({("xsp1", "200"): 40, ("xsp2", "401"): 3}),
            refused=MappingProxyType({("tserver-1", "rate"): 3, ("tserver-1", "access"): 1, ("tserver-9", "access"): 7}),
            latency=Histogram((1, 2, *(0,) * (len(LATENCY_BOUNDS) - 2), 1), total=3.5),
        ),
        gaps=(GapStatus(1200.0, 1260.0, "xsp1: <lost>", 2, ("1000", "1001"), 1), GapStatus(4640.0, None, "xsp2: connection lost", 2)),
    )
