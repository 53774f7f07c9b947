"""``twistd bwsimulator``: command line and config file to service."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, ClassVar, cast

from twisted.application.service import IService
from twisted.python import usage

from bwconnector.simulator.config import ConfigError, SimulatorConfig, read_section
from bwconnector.simulator.server import ServerReactor
from bwconnector.simulator.service import make_simulator

__all__ = ["Options", "makeService"]


class Options(usage.Options):
    """Options of the command."""

    optParameters: ClassVar[list[list[str | None]]] = [
        ["config", "c", None, "TOML file; its section [simulator] is read. Without a file: two XSPs, fifty users, demo calls."]
    ]

    def postOptions(self) -> None:
        """Read the file, so that everything wrong with it is said before anything starts.

        :raises usage.UsageError: with all problems
        """
        self.simulator = _read(self["config"])


def _read(path: str | None) -> SimulatorConfig:
    if path is None:
        return SimulatorConfig()
    try:
        with Path(path).open("rb") as file:
            section: Any = tomllib.load(file).get("simulator", {})
        if not isinstance(section, dict):
            raise usage.UsageError(f"{path}: simulator is not a section; write [simulator]")
        return read_section(section)
    except OSError as error:
        raise usage.UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise usage.UsageError(f"{path}: not a TOML file: {error}") from None
    except ConfigError as error:
        raise usage.UsageError("\n".join(f"{path}: {problem}" for problem in error.problems)) from None


def makeService(options: Options) -> IService:
    """The service that twistd runs."""
    from twisted.internet import reactor

    return make_simulator(options.simulator, cast(ServerReactor, reactor))
