"""``twistd bwconnector``: reads the options, loads the config, and has the service made."""

from __future__ import annotations

from typing import ClassVar

from twisted.application.service import IService
from twisted.python import usage

from bwconnector.config import ConfigError, demo, load

__all__ = ["Options", "makeService"]


class Options(usage.Options):
    synopsis = "[--config FILE]"
    longdesc = "Connects T-Servers with BroadWorks. Without --config it runs on an embedded BroadWorks simulator, on this machine only."
    optParameters: ClassVar = [["config", "c", None, "The config file (TOML); conf/bwconnector.toml explains every option."]]


def makeService(options: Options) -> IService:
    """The connector's service tree; a config that cannot be used ends the process with all of its problems and exit code 1."""
    try:
        config = load(options["config"]) if options["config"] else demo()
    except ConfigError as error:
        raise SystemExit(str(error)) from None

    from twisted.internet import reactor

    from bwconnector.service import make_service

    return make_service(config, reactor)
