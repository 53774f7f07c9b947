"""A T-Server's link for tests of the bridge: what is sent on it is encoded, checked against the schema table, and kept."""

from __future__ import annotations

from bwconnector.csta import messages as csta
from bwconnector.csta.xml import EventReport, encode
from tests.csta.schema import check

__all__ = ["FakeLink"]


class FakeLink:
    """
    :ivar events: events sent, with the namespace of each
    :ivar reports: the reports of which they were copies
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.events: list[csta.Message] = []
        self.bodies: list[bytes] = []
        self.reports: list[EventReport] = []

    def send_report(self, report: EventReport, cross_ref_id: str, namespace: str) -> None:
        self.send_event(report.message_for(cross_ref_id), namespace)
        assert report.encode_for(cross_ref_id, namespace) == self.bodies[-1]
        self.reports.append(report)

    def send_event(self, message: csta.Message, namespace: str) -> None:
        body = encode(message, namespace)
        assert check(body) == []
        self.events.append(message)
        self.bodies.append(body)

    def send(self, invoke_id: str, message: csta.Message, namespace: str) -> None:
        raise AssertionError("only events are sent here")

    def next_invoke_id(self) -> str:
        raise AssertionError("only events are sent here")

    def close(self, reason: str) -> None:
        raise AssertionError("nobody closes this link")

    @property
    def kinds(self) -> list[str]:
        return [type(message).__name__ for message in self.events]
