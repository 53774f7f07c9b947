"""``bwctl watch``: monitors devices and tells what happens to them, one line an event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, cast

import attrs
from twisted.internet.defer import Deferred

from bwconnector.csta.messages import (
    ConnectionID,
    Event,
    Message,
    MonitorObject,
    MonitorStart,
    MonitorStartResponse,
    MonitorStop,
    MonitorStopResponse,
    PartyDevice,
    SystemStatus,
)
from bwconnector.ops.client import ClientError, CstaClient, connect

__all__ = ["Watch", "event_line"]

PARTIES = {
    "calling_device": "from",
    "called_device": "to",
    "new_destination": "goes to",
    "transferred_to_device": "goes to",
    "added_party": "adds",
    "agent_id": "agent",
    "acd_group": "group",
}
"""Children of events that name somebody, in the order in which they are told, and what they are called."""


def event_line(device: str, event: Event) -> str:
    """An event in one line: device, event, connection, its local state, cause, and who takes part."""
    fields = {field.name: getattr(event, field.name) for field in attrs.fields(cast(Any, type(event)))}
    connection = next((value for value in fields.values() if isinstance(value, ConnectionID)), None)
    parts = [
        f"{device:<12}",
        f"{type(event).__name__.removesuffix('Event'):<18}",
        f"{_connection(connection):<24}",
        f"{fields.get('local_connection_info') or '-':<10}",
        f"{fields.get('cause') or '-'}",
        *(f"{word} {_party(fields[name])}" for name, word in PARTIES.items() if fields.get(name)),
    ]
    return "  ".join(parts).rstrip()


def _connection(connection: ConnectionID | None) -> str:
    return f"{connection.call_id or '-'}/{connection.device_id or '-'}" if connection else "-"


def _party(party: object) -> str:
    return party.device or party.absent or "-" if isinstance(party, PartyDevice) else str(party)


class Watch:
    """Monitors on one link.

    :ivar finished: fires with None when as many events as wanted were told, or with a ClientError when nothing more can come
    """

    def __init__(self, reactor: Any, tell: Callable[[str], None], events: int | None = None) -> None:
        """
        :param tell: takes each line
        :param events: end after so many
        """
        self.finished: Deferred[None] = Deferred()
        self._reactor = reactor
        self._tell = tell
        self._left = events
        self._client: CstaClient | None = None
        self._devices: dict[str, str] = {}

    async def start(self, address: tuple[str, int], devices: Sequence[str]) -> None:
        """Monitor ``devices``; one that is refused is told and left out.

        :raises ClientError: no link, or nothing to watch on it
        """
        self._client = client = await connect(self._reactor, address, self._heard)
        client.closed.addCallback(self._lost)
        for device in devices:
            try:
                started = await client.request(MonitorStart(monitor_object=MonitorObject(device_object=device)), MonitorStartResponse)
            except ClientError as error:
                self._say(f"{device:<12}  is not watched: {error}")
            else:
                self._devices[started.monitor_cross_ref_id] = device
        if not self._devices:
            await self.stop()
            raise ClientError("there is nothing to watch")
        self._say(f"watching {', '.join(self._devices.values())}")

    async def stop(self) -> None:
        """End the monitors and the link, in order as far as the server still answers."""
        client, self._client = self._client, None
        if client is None:
            return
        devices, self._devices = self._devices, {}
        try:
            for cross_ref in devices:
                await client.request(MonitorStop(monitor_cross_ref_id=cross_ref), MonitorStopResponse)
        except ClientError as error:
            self._say(f"ended without the server: {error}")
        await client.close()

    def finish(self, error: ClientError | None = None) -> None:
        """Fire :attr:`finished`, unless it has fired."""
        if not self.finished.called:
            if error is None:
                self.finished.callback(None)
            else:
                self.finished.errback(error)

    def _heard(self, message: Message) -> None:
        if isinstance(message, Event):
            cross_ref = getattr(message, "monitor_cross_ref_id", "")
            if cross_ref in self._devices:
                self._say(event_line(self._devices[cross_ref], message))
                self._count()
        elif isinstance(message, SystemStatus):
            self._say(f"system status: {message.system_status}")
        elif isinstance(message, MonitorStop):
            device = self._devices.pop(message.monitor_cross_ref_id, None)
            if device is not None:
                self._say(f"{device:<12}  its monitor was stopped by the server")
                if not self._devices:
                    self.finish(ClientError("the server stopped all monitors"))

    def _count(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                self.finish()

    def _lost(self, reason: str) -> str:
        if self._client is not None:
            self._client = None
            self.finish(ClientError(reason))
        return reason

    def _say(self, line: str) -> None:
        moment = datetime.fromtimestamp(self._reactor.seconds())
        self._tell(f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}  {line}")
