"""The flight recorder at work: what it is shown, and when its ring is written to a file: on demand, after an error, on SIGUSR2."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, globalLogPublisher
from twisted.python.failure import Failure

from bwconnector import __version__
from bwconnector.bridge.bridge import Bridge
from bwconnector.bridge.devices import Device
from bwconnector.bridge.monitors import Monitor
from bwconnector.csta.link import LinkFactory
from bwconnector.ops.dump import Dump, write_dump
from bwconnector.ops.recorder import Keyframe, Moment, MonitorNote, Recorder
from bwconnector.options import Config
from bwconnector.xsi.channel import ChannelStatus
from bwconnector.xsi.channelset import ChannelSet
from bwconnector.xsi.collective import Scope

__all__ = ["ERROR_PAUSE", "KEPT", "FlightRecorder", "replay_settings"]

ERROR_PAUSE = 3600.0
"""Seconds between two files that errors make: one error rarely comes alone, and its ring tells of the next ones too."""
KEPT = 5
"""Files that errors have made, in one directory; a connector that fails all the time must not fill the disk."""

REFERENCE = 8
"""Bytes of a reference."""


def replay_settings(
    config: Config, channel_set_id: str, application_id: str, kinds: Mapping[str, str], scope: Scope | None
) -> dict[str, Any]:
    """What a replay must know of the connector that made a recording, as JSON values; nothing secret is among it."""
    return {
        "policy": dict(config.policy),
        "link_loss_policy": config.connector.link_loss_policy,
        "default_domain": config.connector.default_domain,
        "account": config.connector.user_id,
        "kinds": dict(kinds),
        "status_on_connect": config.csta.status_on_connect,
        "monitored_only": config.csta.monitored_only,
        "max_monitors": config.csta.max_monitors_per_link,
        "channel_set_id": channel_set_id,
        "application_id": application_id,
        "controller_id": config.connector.app_controller,
        "broadworks_version": config.connector.broadworks_version,
        "scope": [scope.kind, scope.id] if scope is not None else None,
        "subscription_expires": config.connector.subscription_expire_tout,
        "xsps": [link.name for link in config.links],
    }


class FlightRecorder(Service):
    """Records from :meth:`attach` on, and writes files while the service runs.

    :param directory: where files are written; empty for the system's directory for temporary files
    :ivar settings: go into each file, see :func:`replay_settings`
    """

    name = "recorder"
    log = Logger()

    def __init__(self, reactor: Any, size: int, mask_digits: bool = False, directory: str = "") -> None:
        self.recorder = Recorder(reactor.seconds, size, mask_digits)
        self.settings: Mapping[str, Any] = {}
        self._reactor = reactor
        self._directory = Path(directory or tempfile.gettempdir())
        self._next_error = 0.0
        self._handler: Any = None
        self._observer = cast(ILogObserver, self._logged)

    def attach(self, bridge: Bridge, channels: ChannelSet, links: LinkFactory) -> None:
        """Record these from now on."""
        self.recorder.moment = partial(self._moment, bridge, channels, links)
        channels.show(self.recorder.xsi)
        links.trace = self.recorder.csta
        # before the others: a change belongs before the response that it causes
        bridge.monitors.observers.insert(0, self.recorder.change)

    def dump(self, reason: str = "on demand") -> tuple[Path, Deferred[Path]]:
        """Write what the ring holds to a new file, in a thread: its path, and what fires with it when it is written, or with an OSError."""
        made = self._reactor.seconds()
        # the time makes it sort, the process and the microseconds make it the only one
        stamp = datetime.fromtimestamp(made, UTC).strftime("%Y%m%d-%H%M%S-%f")
        path = self._directory / f"bwconnector-{stamp}-{os.getpid()}-{reason.partition(' ')[0].strip(',')}.jsonl.gz"
        hold = self.recorder.hold()

        def write() -> Path:
            write_dump(path, Dump(recording=hold(), version=__version__, made=made, reason=reason, settings=self.settings))
            return path

        written: Deferred[Path] = deferToThreadPool(self._reactor, self._reactor.getThreadPool(), write)
        return path, written.addCallbacks(self._written, self._not_written, (reason,))

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        globalLogPublisher.addObserver(self._observer)
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGUSR2, lambda *_: self._reactor.callFromThread(self._write, "signal SIGUSR2"))

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        globalLogPublisher.removeObserver(self._observer)
        if self._handler is not None:
            signal.signal(signal.SIGUSR2, self._handler)
            self._handler = None

    def _logged(self, event: LogEvent) -> None:
        """Anything may log, in any thread: only the first error of an hour costs more than this look."""
        if "log_failure" in event or event.get("log_level") is LogLevel.critical:
            self._reactor.callFromThread(self._error)

    def _error(self) -> None:
        now = self._reactor.seconds()
        if self.running and now >= self._next_error:
            self._next_error = now + ERROR_PAUSE
            self._write("error, the first one in an hour")

    def _write(self, reason: str) -> None:
        self.dump(reason)[1].addErrback(lambda failure: failure.trap(OSError))  # which was logged

    def _written(self, path: Path, reason: str) -> Path:
        self.log.info("what passed over both wires was written to {path} ({reason}); see bwctl replay", path=str(path), reason=reason)
        self._tidy()
        return path

    def _not_written(self, failure: Failure) -> Failure:
        self.log.warn("what passed over both wires could not be written to a file: {error}", error=failure.getErrorMessage())
        return failure

    def _tidy(self) -> None:
        for old in sorted(self._directory.glob("bwconnector-*-error.jsonl.gz"))[:-KEPT]:
            with suppress(OSError):  # another user's
                old.unlink()

    def _moment(self, bridge: Bridge, channels: ChannelSet, links: LinkFactory) -> Moment:
        now = self._reactor.seconds()
        monitors = bridge.monitors.all()
        devices = bridge.directory.devices()
        calls = frozenset(name for call in bridge.model.table for name in (call.id, *call.aliases))
        size = REFERENCE * (len(monitors) + len(devices) + 4 * len(calls))
        peers = tuple((name, link.peer) for name, link in links.links.items())
        statuses = channels.statuses
        return Moment(now, size, lambda: _keyframe(now, statuses, peers, monitors, devices, calls))


def _keyframe(
    now: float,
    channels: tuple[ChannelStatus, ...],
    links: tuple[tuple[str, str], ...],
    monitors: list[Monitor],
    devices: list[Device],
    calls: frozenset[str],
) -> Keyframe:
    notes = tuple(MonitorNote(m.cross_ref_id, m.link.name, m.device_key, m.named, m.namespace, m.filter) for m in monitors)
    return Keyframe(time=now, channels=channels, links=links, monitors=notes, devices=tuple(devices), calls=calls)
