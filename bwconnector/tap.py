"""``twistd bwconnector``: reads the options, loads the config, and has the service made."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from twisted.application.service import IService
from twisted.internet.error import ReactorNotRunning
from twisted.python import usage

from bwconnector.config import ConfigError, demo, load

__all__ = ["Options", "makeService"]

STOPPING_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Options(usage.Options):
    """The command line after ``twistd bwconnector``."""

    synopsis = "[--config FILE]"
    longdesc = "Connects T-Servers with BroadWorks. Without --config it runs on an embedded BroadWorks simulator, on this machine only."
    optParameters: ClassVar = [["config", "c", None, "The config file (TOML); conf/bwconnector.toml explains every option."]]


def makeService(options: Options) -> IService:
    """The connector's service tree; a config that cannot be used ends the process with all of its problems and exit code 1."""
    # A relative name would be another one after twistd has become a daemon; links are not followed, since a new version of a file may
    # come by changing one.
    file = options["config"] and Path(options["config"]).absolute()
    try:
        config = load(file) if file else demo()
    except ConfigError as error:
        raise SystemExit(str(error)) from None

    from twisted.internet import reactor

    from bwconnector.logs import LogOutput, log_file
    from bwconnector.service import make_service

    log = log_file(getattr(options, "parent", None))
    output = LogOutput(log, config.log) if log is not None else None
    service = make_service(config, reactor, partial(load, file) if file else None, output)
    # the reactor sets handlers of its own when it starts
    reactor.callWhenRunning(_obey_signals, reactor, service.reload, getattr(log, "rotate", None))
    return service


def _obey_signals(reactor: Any, reload: Callable[[], object], rotate: Callable[[], object] | None) -> None:
    """Let SIGHUP reload the config, SIGUSR1 begin a new log file, and the others stop the reactor: the exit code is 0 then.

    Left to itself it would die of SIGHUP at once, channels and all, and of the others in the end, which looks like a failure.
    """

    def stop() -> None:
        try:
            reactor.stop()
        except ReactorNotRunning:
            pass  # a second signal, while the first is being obeyed

    for number in STOPPING_SIGNALS:
        signal.signal(number, lambda *_: reactor.callFromThread(stop))
    if rotate is not None:
        signal.signal(signal.SIGUSR1, lambda *_: reactor.callFromThread(rotate))
    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(reload))
