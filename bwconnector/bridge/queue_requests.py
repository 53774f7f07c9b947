"""What BroadWorks is asked to do with a connection, by the kind of its device: the calls of queues have requests of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from bwconnector.bridge.devices import ROUTE_POINT
from bwconnector.xsi import requests, routepoint_requests

__all__ = ["BY_KIND", "QueueRequests", "blind_transfer", "dial"]


@attrs.frozen(slots=True)
class QueueRequests:
    """Requests about the calls of one kind of queue.

    :ivar release: from queue and callId
    :ivar blind_transfer: from queue, callId and address
    :ivar dial: from queue and address
    """

    release: Callable[[str, str], requests.Request]
    blind_transfer: Callable[[str, str, str], requests.Request]
    dial: Callable[[str, str], requests.Request] = requests.dial


BY_KIND: Mapping[str, QueueRequests] = {
    ROUTE_POINT: QueueRequests(routepoint_requests.release, routepoint_requests.blind_transfer, routepoint_requests.dial),
}
"""By kind of device. A device whose kind is not here is asked as a user."""


def blind_transfer(kind: str, device: str, call_id: str, address: str) -> requests.Request:
    found = BY_KIND.get(kind)
    return (found.blind_transfer if found is not None else requests.blind_transfer)(device, call_id, address)


def dial(kind: str, device: str, address: str) -> requests.Request:
    found = BY_KIND.get(kind)
    return (found.dial if found is not None else requests.dial)(device, address)
