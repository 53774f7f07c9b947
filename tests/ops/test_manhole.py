"""The manhole: who gets in, how often one may try, what is there, and that it ends with the connector."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import attrs
import pytest
import pytest_twisted
from twisted.conch.telnet import DO, DONT, IAC, WILL, WONT
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from bwconnector.checks import Secret
from bwconnector.config import ConfigError, ManholeOptions
from bwconnector.ops import manhole
from bwconnector.ops.commands import commands
from bwconnector.ops.inspection import Inspection, MonitorStatus
from bwconnector.ops.manhole import ManholeFactory, ManholeService
from bwconnector.ops.tables import LISTED

USERS = {b"admin": b"secret"}
ASKED = re.compile(IAC + b"([" + WILL + WONT + DO + DONT + b"])(.)", re.S)


class Terminal:
    """A telnet client in memory that agrees to every option."""

    def __init__(self, factory: ManholeFactory) -> None:
        self.transport = StringTransport()
        self.session: Any = factory.buildProtocol(None)
        self.session.makeConnection(self.transport)
        self.answered = 0

    def type(self, line: str) -> None:
        self.session.dataReceived(line.encode() + b"\r\n")
        self.negotiate()

    def negotiate(self) -> None:
        """Answer the options that were asked for since the last time; an answer may bring further ones."""
        answer = {WILL: DO, WONT: DONT, DO: WILL, DONT: WONT}
        while asked := ASKED.search(self.transport.value(), self.answered):
            self.answered = asked.end()
            command, option = asked.groups()
            self.session.dataReceived(IAC + answer[command] + option)

    @property
    def screen(self) -> str:
        return re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]|\x1b.", b"", self.transport.value()).decode("latin-1")

    def log_in(self, user: str = "admin", password: str = "secret") -> None:
        self.type(user)
        self.type(password)

    def close(self) -> None:
        self.session.connectionLost(Failure(ConnectionDone()))


def telnet(service: ManholeService) -> ManholeFactory:
    (factory,) = service.factories
    assert isinstance(factory, ManholeFactory)
    return factory


@pytest.fixture
def factory(snapshot: Inspection) -> ManholeFactory:
    return ManholeFactory(lambda: USERS, lambda who: commands(lambda: snapshot))


def test_a_user_gets_a_prompt_that_knows_the_commands(factory: ManholeFactory) -> None:
    terminal = Terminal(factory)
    terminal.log_in()
    terminal.type("links()")
    assert ">>> " in terminal.screen
    assert "tserver-1" in terminal.screen
    terminal.close()


@pytest.mark.parametrize(("user", "password"), [("admin", "wrong"), ("admin", ""), ("root", "secret"), ("root", "")])
def test_others_do_not(factory: ManholeFactory, user: str, password: str) -> None:
    terminal = Terminal(factory)
    terminal.log_in(user, password)
    assert "Wrong user or password." in terminal.screen
    assert ">>> " not in terminal.screen
    terminal.close()


def test_tries_are_capped(factory: ManholeFactory, log_text: io.StringIO) -> None:
    terminal = Terminal(factory)
    for attempt in range(manhole.MAX_TRIES):
        assert not terminal.transport.disconnecting, attempt
        terminal.log_in(password=f"hunter{attempt}")
    assert terminal.transport.disconnecting
    assert "hunter" not in log_text.getvalue()
    terminal.close()


def test_a_client_that_cannot_hide_the_password_is_sent_away(factory: ManholeFactory) -> None:
    terminal = Terminal(factory)
    for line in ("admin", "secret"):
        terminal.session.dataReceived(line.encode() + b"\r\n")  # negotiation is left unanswered
    assert "needs a telnet client" in terminal.screen
    assert terminal.transport.disconnecting
    terminal.close()


def test_sessions_are_capped_and_counted(factory: ManholeFactory) -> None:
    terminals = [Terminal(factory) for _ in range(manhole.MAX_SESSIONS)]
    assert factory.buildProtocol(None) is None
    terminals.pop().close()
    assert len(factory.sessions) == manhole.MAX_SESSIONS - 1
    terminals.append(Terminal(factory))
    for terminal in terminals:
        terminal.close()
    assert not factory.sessions


@pytest_twisted.ensureDeferred
async def test_stopping_ends_the_sessions() -> None:
    reactor = MemoryReactorClock()
    service = ManholeService(ManholeOptions(listen="tcp:4040:interface=127.0.0.1", password=Secret("secret")), lambda who: {}, reactor)
    service.startService()
    (port,) = reactor.tcpServers
    assert (port[0], port[3]) == (4040, "127.0.0.1")
    terminal = Terminal(telnet(service))
    terminal.log_in()
    stopped = service.stopService()
    assert terminal.transport.disconnected
    assert not stopped.called
    terminal.close()
    await stopped


def test_an_address_that_others_can_reach_is_refused() -> None:
    with pytest.raises(ConfigError, match="other machines"):
        ManholeService(ManholeOptions(listen="tcp:4040", password=Secret("secret")), lambda who: {}, MemoryReactorClock())


def test_passwords_are_read_at_each_login(tmp_path: Path) -> None:
    path = tmp_path / "users"
    path.write_text("admin:one\n\nbroken line\nempty:\n")
    path.chmod(0o600)
    service = ManholeService(ManholeOptions(listen="unix:x", passwd_file=str(path)), lambda who: {}, MemoryReactorClock())
    assert telnet(service).matches(b"admin", b"one")
    assert not telnet(service).matches(b"empty", b"")
    path.write_text("admin:two\n")
    assert not telnet(service).matches(b"admin", b"one")
    assert telnet(service).matches(b"admin", b"two")
    path.chmod(0o644)
    assert not telnet(service).matches(b"admin", b"two")


def test_commands_print_tables(snapshot: Inspection, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = commands(lambda: snapshot)
    names["channels"]()
    assert "the password was refused" in capsys.readouterr().out
    names["monitors"]("1001")
    assert capsys.readouterr().out.splitlines() == [
        "device  cross reference  link       not sent",
        "1001    0000000B         tserver-1  held retrieved",
    ]
    names["calls"]()
    assert "1000:connected" in capsys.readouterr().out
    names["calls"]("1999")
    assert len(capsys.readouterr().out.splitlines()) == 1
    names["help"]()
    assert {line.split("(")[0] for line in capsys.readouterr().out.splitlines()[1:]} == {
        *("channels", "links", "monitors", "calls", "suspects", "help"),
    }


def test_long_tables_are_cut(snapshot: Inspection, capsys: pytest.CaptureFixture[str]) -> None:
    many = attrs.evolve(snapshot, monitors=(MonitorStatus(str(n), "", "t") for n in range(LISTED + 7)))
    names: dict[str, Any] = commands(lambda: many)
    names["monitors"]()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + LISTED + 1
    assert lines[-1] == "... and 7 more"
