"""Every link's monitors, and how a change reaches those that want it: filtered, named and numbered for each (ECMA-269 §6.7.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count

import attrs

from bwconnector.bridge.changes import WITHHELD, Change
from bwconnector.bridge.eventmessages import event_message
from bwconnector.bridge.ports import LinkPort
from bwconnector.csta import messages as csta
from bwconnector.csta.xml import EventReport

__all__ = ["Monitor", "Monitors"]


@attrs.define(eq=False, slots=True)
class Monitor:
    """One monitor of one link; only its filter ever changes.

    :ivar named: the device as MonitorStart named it
    :ivar namespace: that of the MonitorStart; its events are sent in it
    """

    cross_ref_id: str
    link: LinkPort
    device_key: str
    named: str
    namespace: str
    filter: csta.MonitorFilter


class _LinkMonitors:
    """The monitors of one link, and the form in which it names each device."""

    def __init__(self, shown: Callable[[str], str]) -> None:
        self.monitors: dict[str, Monitor] = {}
        self.names: dict[str, str] = {}
        self._shown = shown

    def name(self, device_key: str) -> str:
        """The form in which the link named the device, else the form that is shown to everybody."""
        named = self.names.get(device_key)
        if named is not None:
            return named
        return device_key if device_key.startswith(WITHHELD) else self._shown(device_key)


class Monitors:
    """All monitors of all links.

    :param shown: gives a device that a link has not named itself the form to be shown
    :param asked_by: tells whether a link waits for a SnapshotDevice of a device (device key, link name)
    """

    def __init__(self, shown: Callable[[str], str], asked_by: Callable[[str, str], bool]) -> None:
        self.observers: list[Callable[[Change], None]] = []
        self.started: list[Callable[[Monitor], None]] = []
        """Called with every new monitor, before its MonitorStart is answered."""
        self.snapshot_of = ""
        """Device whose snapshot is being applied: a monitor that asked for it gets it as the answer, not as events."""
        self._shown = shown
        self._asked_by = asked_by
        self._numbers = count(1)
        self._links: dict[LinkPort, _LinkMonitors] = {}
        self._by_device: dict[str, tuple[Monitor, ...]] = {}

    # monitors

    def start(self, link: LinkPort, device_key: str, named: str, namespace: str, event_filter: csta.MonitorFilter) -> str:
        """A new monitor; returns its monitorCrossRefID, which is never used again."""
        monitor = Monitor(str(next(self._numbers)), link, device_key, named, namespace, event_filter)
        self._list(monitor)
        for listener in self.started:
            listener(monitor)
        return monitor.cross_ref_id

    def resume(self, monitors: Iterable[Monitor], number: int) -> None:
        """Take up monitors that were started elsewhere; ``number`` becomes the next one's monitorCrossRefID."""
        for monitor in monitors:
            self._list(monitor)
        self._numbers = count(number)

    def get(self, link: LinkPort, cross_ref_id: str) -> Monitor:
        """Raises KeyError when the link has no such monitor."""
        return self._links[link].monitors[cross_ref_id]

    def stop(self, link: LinkPort, cross_ref_id: str) -> None:
        """Raises KeyError when the link has no such monitor."""
        own = self._links[link]
        monitor = own.monitors.pop(cross_ref_id)
        self._unlist(monitor)
        still = [other.named for other in self._by_device.get(monitor.device_key, ()) if other.link is link]
        if still:
            own.names[monitor.device_key] = still[-1]
        else:
            del own.names[monitor.device_key]
        if not own.monitors:
            del self._links[link]

    def change_filter(self, link: LinkPort, cross_ref_id: str, event_filter: csta.MonitorFilter) -> None:
        self.get(link, cross_ref_id).filter = event_filter

    def number_of(self, link: LinkPort) -> int:
        """How many monitors a link has."""
        own = self._links.get(link)
        return len(own.monitors) if own is not None else 0

    def of_link(self, link: LinkPort) -> list[str]:
        """The monitorCrossRefIDs of a link."""
        own = self._links.get(link)
        return list(own.monitors) if own is not None else []

    def close_link(self, link: LinkPort) -> list[str]:
        """End the link's monitors; returns the devices that nobody monitors any more."""
        own = self._links.pop(link, None)
        if own is None:
            return []
        for monitor in own.monitors.values():
            self._unlist(monitor)
        return [device for device in dict.fromkeys(m.device_key for m in own.monitors.values()) if device not in self._by_device]

    def monitors(self, link: LinkPort, device_key: str) -> bool:
        """Whether this link monitors the device."""
        own = self._links.get(link)
        return own is not None and device_key in own.names

    def count_of(self, device_key: str) -> int:
        return len(self._by_device.get(device_key, ()))

    def on(self, device_key: str) -> tuple[Monitor, ...]:
        """The monitors on a device, of whatever link."""
        return self._by_device.get(device_key, ())

    def monitored(self, device_key: str) -> bool:
        return device_key in self._by_device

    def devices(self) -> list[str]:
        """Every monitored device."""
        return list(self._by_device)

    def all(self) -> list[Monitor]:
        return [monitor for own in self._links.values() for monitor in own.monitors.values()]

    def name_for(self, link: LinkPort, device_key: str) -> str:
        """The form in which the link named the device, else the form that is shown to everybody."""
        own = self._links.get(link)
        return (own or _LinkMonitors(self._shown)).name(device_key)

    def _list(self, monitor: Monitor) -> None:
        own = self._links.setdefault(monitor.link, _LinkMonitors(self._shown))
        own.monitors[monitor.cross_ref_id] = monitor
        own.names[monitor.device_key] = monitor.named
        self._by_device[monitor.device_key] = (*self._by_device.get(monitor.device_key, ()), monitor)

    def _unlist(self, monitor: Monitor) -> None:
        listed = tuple(each for each in self._by_device[monitor.device_key] if each is not monitor)
        if listed:
            self._by_device[monitor.device_key] = listed
        else:
            del self._by_device[monitor.device_key]

    # events

    def deliver(self, change: Change, devices: tuple[str, ...]) -> None:
        """Tell a change to the monitors on ``devices``; requests that it proves are answered first (R13)."""
        if not change.belated:
            self.observe(change)
        named = tuple(change.devices)
        for device in devices:
            reports: dict[tuple[str, ...], EventReport] = {}
            for monitor in self._by_device.get(device, ()):
                own = self._links.get(monitor.link)  # none if it has gone meanwhile
                if own is not None and not monitor.filter.blocks(change.kind) and not self._answered_otherwise(monitor):
                    # links that name the devices alike get the same event
                    names = tuple(map(own.name, named))
                    report = reports.get(names)
                    if report is None:
                        name = dict(zip(named, names, strict=True)).__getitem__
                        report = reports[names] = EventReport(event_message(change, device, name))
                    monitor.link.send_report(report, monitor.cross_ref_id, monitor.namespace)

    def observe(self, change: Change) -> None:
        """Let requests that ``change`` proves be answered before anybody is told of it."""
        for observer in self.observers:
            observer(change)

    def report(self, device: str, kind: str, make: Callable[[str, csta.PartyDevice], csta.Event]) -> None:
        """Tell an event that is not about a call.

        :param make: gets the monitorCrossRefID and the device as the monitor's link names it
        """
        for monitor in self._by_device.get(device, ()):
            if not monitor.filter.blocks(kind):
                monitor.link.send_event(make(monitor.cross_ref_id, csta.PartyDevice(monitor.named)), monitor.namespace)

    def _answered_otherwise(self, monitor: Monitor) -> bool:
        return monitor.device_key == self.snapshot_of and self._asked_by(monitor.device_key, monitor.link.name)
