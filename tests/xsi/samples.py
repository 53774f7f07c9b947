"""Event documents written for these tests, and where to find further sample files."""

from __future__ import annotations

import os
from pathlib import Path

NAMESPACES = 'xmlns:xsi="http://schema.broadsoft.com/xsi" xmlns:xsi1="http://www.w3.org/2001/XMLSchema-instance"'

REMOTE = (
    "<xsi:remoteParty><xsi:name>Bob &amp; Söhne</xsi:name><xsi:address>tel:202</xsi:address><xsi:userId>bob@ex.org</xsi:userId>"
    '<xsi:userDN countryCode="49">tel:+4930202;ext=202</xsi:userDN><xsi:callType>Group</xsi:callType></xsi:remoteParty>'
)


def event(
    data_type: str,
    content: str = "",
    *,
    event_id: str = "e-1",
    sequence: int = 1,
    subscription: str = "s-1",
    target: str = "alice@ex.org",
) -> bytes:
    """A SubscriptionEvent document with this eventData."""
    targeted = f"<xsi:targetId>{target}</xsi:targetId>" if target else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><xsi:Event {NAMESPACES} xsi1:type="xsi:SubscriptionEvent">'
        f"<xsi:eventID>{event_id}</xsi:eventID>"
        f"<xsi:sequenceNumber>{sequence}</xsi:sequenceNumber><xsi:userId>cti@ex.org</xsi:userId>"
        f"<xsi:externalApplicationId>app</xsi:externalApplicationId><xsi:subscriptionId>{subscription}</xsi:subscriptionId>"
        f'<xsi:channelId>ch-1</xsi:channelId>{targeted}<xsi:eventData xsi1:type="xsi:{data_type}">{content}</xsi:eventData></xsi:Event>'
    ).encode()


def call(extra: str = "", *, call_id: str = "callhalf-7:0", personality: str = "Terminator", state: str = "Alerting") -> str:
    return (
        f"<xsi:call><xsi:callId>{call_id}</xsi:callId><xsi:extTrackingId>9:1</xsi:extTrackingId>"
        f"<xsi:personality>{personality}</xsi:personality><xsi:state>{state}</xsi:state>{REMOTE}{extra}"
        "<xsi:startTime>1700000000123</xsi:startTime></xsi:call>"
    )


def channel(channel_id: str = "ch-1", expires: int = 3600) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Channel xmlns="http://schema.broadsoft.com/xsi">'
        f"<channelId>{channel_id}</channelId><expires>{expires}</expires></Channel>"
    ).encode()


def subscription(subscription_id: str = "s-1", expires: int = 86400) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><Subscription xmlns="http://schema.broadsoft.com/xsi">'
        f"<subscriptionId>{subscription_id}</subscriptionId><expires>{expires}</expires></Subscription>"
    ).encode()


def terminated(reason: str = "", channel_id: str = "ch-1") -> bytes:
    told = f"<xsi:reason>{reason}</xsi:reason>" if reason else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><xsi:Event {NAMESPACES} xsi1:type="xsi:ChannelTerminatedEvent">'
        f"<xsi:channelId>{channel_id}</xsi:channelId>{told}</xsi:Event>"
    ).encode()


HEARTBEAT = b'<ChannelHeartBeat xmlns="http://schema.broadsoft.com/xsi"/>'


def error_info(code: int, summary: str = "no") -> bytes:
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?><ErrorInfo xmlns="http://schema.broadsoft.com/xsi">'
        f"<summary>{summary}</summary><summaryEnglish>{summary}</summaryEnglish><errorCode>{code}</errorCode></ErrorInfo>"
    ).encode("latin-1")


def sample_files(pattern: str) -> list[Path]:
    """Files of a folder of captured documents, if there is one."""
    root = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("BWCONNECTOR_SAMPLES") or root.parent / "shared" / "wire" / "samples")
    return sorted((folder / "xsi").glob(pattern))
