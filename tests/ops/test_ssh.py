"""The manhole over SSH: who gets in, and that it ends with the connector. The other end is OpenSSH."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from bwconnector.config import ConfigError, ManholeOptions
from bwconnector.ops import ssh
from bwconnector.ops.commands import commands
from bwconnector.ops.inspection import Inspection
from bwconnector.ops.manhole import ManholeService
from bwconnector.ops.ssh import SshFactory, ssh_factory
from tests.system.exchange import until

SSH, KEYGEN = shutil.which("ssh"), shutil.which("ssh-keygen")

pytestmark = pytest.mark.skipif(not (SSH and KEYGEN), reason="there is no OpenSSH client here")


class Client(ProcessProtocol):
    """An OpenSSH client in a terminal of its own."""

    def __init__(self) -> None:
        self.screen = ""
        self.code: int | None = None

    def outReceived(self, data: bytes) -> None:
        self.screen += data.decode("latin-1")

    errReceived = outReceived

    def processEnded(self, reason: Failure) -> None:
        self.code = 0 if reason.check(ProcessDone) else getattr(reason.value, "exitCode", -1) or -1

    def type(self, line: str) -> None:
        assert self.transport is not None
        self.transport.write(line.encode() + b"\r")


class Console:
    """A manhole that listens for SSH, and keys.

    :ivar asked: for whom a session's names were made
    """

    def __init__(self, folder: Path, snapshot: Inspection) -> None:
        from twisted.internet import reactor

        self.folder = folder
        for name in ("host", "admin", "stranger"):
            subprocess.run([str(KEYGEN), "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
        self.allow("admin")
        self.asked: list[str] = []

        def namespace(who: str) -> dict[str, object]:
            self.asked.append(who)
            return commands(lambda: snapshot, who=who)

        options = ManholeOptions(ssh="tcp:0:interface=127.0.0.1", authorized_keys=str(folder / "authorized"), host_key=str(folder / "host"))
        self.service = ManholeService(options, namespace, reactor)
        self.service.startService()
        assert self.service.ssh is not None
        self.port = self.service.ssh._waitingForPort.result.getHost().port
        self.clients: list[Client] = []

    @property
    def factory(self) -> SshFactory:
        (factory,) = self.service.factories
        assert isinstance(factory, SshFactory)
        return factory

    def allow(self, *names: str) -> None:
        path = self.folder / "authorized"
        path.write_text("# those who may\n" + "".join((self.folder / f"{name}.pub").read_text() for name in names))
        path.chmod(0o600)

    def connect(self, key: str = "admin", *options: str) -> Client:
        from twisted.internet import reactor

        client = Client()
        arguments = [
            *("ssh", "-tt", "-F", "none", "-p", str(self.port), "-i", str(self.folder / key), "-o", "IdentitiesOnly=yes"),
            *("-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={self.folder}/known", "-o", "BatchMode=yes"),
            *options,
            "operator@127.0.0.1",
        ]
        environment = {"PATH": os.environ["PATH"], "TERM": "xterm", "HOME": str(self.folder)}
        reactor.spawnProcess(client, SSH, arguments, env=environment, usePTY=True)  # type: ignore[attr-defined]
        self.clients.append(client)
        return client

    async def stop(self) -> None:
        await self.service.stopService()
        await until(lambda: all(client.code is not None for client in self.clients))


@pytest_twisted.ensureDeferred
async def test_a_key_gets_a_prompt_that_knows_the_commands(tmp_path: Path, snapshot: Inspection) -> None:
    console = Console(tmp_path, snapshot)
    client = console.connect()
    await until(lambda: ">>> " in client.screen)
    client.type("links()")
    await until(lambda: "10.0.0.9" in client.screen)
    assert "10.0.0.9" in client.screen
    assert [who.split(" at ")[0] for who in console.asked] == ["operator"]
    await console.stop()
    assert client.code is not None


@pytest_twisted.ensureDeferred
async def test_others_do_not(tmp_path: Path, snapshot: Inspection, log_text: Any) -> None:
    console = Console(tmp_path, snapshot)
    stranger = console.connect("stranger")
    await until(lambda: stranger.code is not None)
    assert "Permission denied" in stranger.screen
    console.allow("stranger")  # is read at each login
    admin = console.connect("admin")
    await until(lambda: admin.code is not None)
    (tmp_path / "authorized").chmod(0o644)
    late = console.connect("stranger")
    await until(lambda: late.code is not None)
    assert "nobody can log in" in log_text.getvalue()
    assert console.asked == []
    await console.stop()


@pytest_twisted.ensureDeferred
async def test_passwords_are_not_even_asked_for(tmp_path: Path, snapshot: Inspection) -> None:
    console = Console(tmp_path, snapshot)
    client = console.connect("stranger", "-o", "PreferredAuthentications=password,keyboard-interactive")
    await until(lambda: client.code is not None)
    assert "(publickey)" in client.screen
    await console.stop()


@pytest_twisted.ensureDeferred
async def test_connections_are_capped(tmp_path: Path, snapshot: Inspection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "MAX_CONNECTIONS", 1)
    console = Console(tmp_path, snapshot)
    first = console.connect()
    await until(lambda: ">>> " in first.screen)
    second = console.connect()
    await until(lambda: second.code is not None)
    assert second.code != 0
    assert len(console.factory.sessions) == 1
    await console.stop()
    assert not console.factory.sessions


@pytest.mark.parametrize(("content", "problem"), [("", "host-key"), ("no key", "host-key"), (None, "cannot be read")])
def test_a_host_key_that_cannot_be_used(tmp_path: Path, content: str | None, problem: str) -> None:
    path = tmp_path / "host"
    if content is not None:
        path.write_text(content)
        path.chmod(0o600)
    with pytest.raises(ConfigError, match=problem):
        ssh_factory(ManholeOptions(ssh="tcp:4022", host_key=str(path), authorized_keys="x"), lambda who: {})
