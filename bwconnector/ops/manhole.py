"""A Python prompt inside the running connector, over telnet and SSH: for the case that the status page does not answer.

Who is let in can do whatever the connector's process can. So telnet listens on loopback or a unix socket only, asks for a
password, takes few tries and few sessions, and ends them all when the connector stops. SSH is in :mod:`bwconnector.ops.ssh`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hmac import compare_digest
from pathlib import Path
from typing import Any

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import MultiService
from twisted.application.strports import service as listening_service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from bwconnector.checks import is_private_endpoint
from bwconnector.config import ConfigError, ManholeOptions
from bwconnector.ops.commands import Namespace
from bwconnector.privacy import private_file_problem

try:
    from twisted.conch.insults.insults import ServerProtocol
    from twisted.conch.manhole import ColoredManhole
    from twisted.conch.telnet import ECHO, StatefulTelnetProtocol, TelnetBootstrapProtocol, TelnetTransport

    from bwconnector.ops.ssh import SshFactory, ssh_factory
except ImportError as error:  # a Twisted that was packaged without conch
    raise ConfigError(('[manhole] needs the extra "manhole"; run: pip install "bwconnector[manhole]"',)) from error

__all__ = ["DEMO_USER", "ManholeFactory", "ManholeService"]

DEMO_USER = b"admin"
MAX_SESSIONS = 4
"""Two administrators with two windows each; a forgotten session must not keep the others out for ever."""
MAX_TRIES = 3
"""Passwords that one connection may try."""

log = Logger()


class ManholeService(MultiService):
    """Listens as section ``[manhole]`` says; stopping it ends the sessions."""

    def __init__(self, options: ManholeOptions, namespace: Namespace, reactor: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.factories: list[ManholeFactory | SshFactory] = []
        self.listener = self._listen(options.listen, self._telnet(options, namespace), reactor) if options.listen else None
        self.ssh = self._listen(options.ssh, ssh_factory(options, namespace), reactor) if options.ssh else None

    def _telnet(self, options: ManholeOptions, namespace: Namespace) -> ManholeFactory:
        if not is_private_endpoint(options.listen):
            raise ConfigError((f"[manhole] listen: {options.listen} can be reached from other machines; use the loopback interface",))
        return ManholeFactory(_passwords(options), namespace)

    def _listen(self, endpoint: str, factory: ManholeFactory | SshFactory, reactor: Any) -> StreamServerEndpointService:
        listener = listening_service(endpoint, factory, reactor)
        listener.setServiceParent(self)
        self.factories.append(factory)
        return listener

    async def _stop(self) -> None:
        await maybeDeferred(super().stopService)
        for factory in self.factories:
            await factory.close()

    def stopService(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._stop())


def _passwords(options: ManholeOptions) -> Callable[[], Mapping[bytes, bytes]]:
    """How to get the users and their passwords: a file is read at each login, so that a change needs no restart."""
    if options.password:
        return lambda: {DEMO_USER: options.password.reveal().encode()}

    def read() -> Mapping[bytes, bytes]:
        problem = private_file_problem(Path(options.passwd_file))
        if problem:
            log.warn("manhole: nobody can log in: {problem}", problem=problem)
            return {}
        pairs = (line.partition(b":") for line in Path(options.passwd_file).read_bytes().splitlines())
        return {user: password for user, colon, password in pairs if user and colon and password}

    return read


class ManholeFactory(ServerFactory):
    """Makes sessions, counts them, and ends them."""

    noisy = False

    def __init__(self, passwords: Callable[[], Mapping[bytes, bytes]], namespace: Namespace) -> None:
        self.passwords = passwords
        self.namespace = namespace
        self.sessions: dict[_Session, Deferred[None]] = {}

    def buildProtocol(self, addr: IAddress | None) -> _Session | None:
        if len(self.sessions) >= MAX_SESSIONS:
            log.warn("manhole: connection refused, {count} sessions are open", count=len(self.sessions))
            return None
        session = _Session(self)
        self.sessions[session] = Deferred()
        return session

    async def close(self) -> None:
        """End all sessions, and return when they are gone."""
        for session, gone in list(self.sessions.items()):
            session.abort()
            await gone

    def matches(self, user: bytes, password: bytes) -> bool:
        """Whether this is a user's password; takes as long for an unknown user."""
        known = self.passwords().get(user)
        return compare_digest(password, known or b"") and known is not None


class _Session(TelnetTransport):
    """One telnet connection."""

    transport: Any

    def __init__(self, factory: ManholeFactory) -> None:
        super().__init__(_Login, factory)  # type: ignore[no-untyped-call]
        self._sessions = factory.sessions

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)  # type: ignore[no-untyped-call]
        self._sessions.pop(self).callback(None)


class _Login(StatefulTelnetProtocol):
    """Asks for user and password, and then becomes the prompt."""

    transport: Any
    state = "User"

    def __init__(self, manhole: ManholeFactory) -> None:
        self._manhole = manhole
        self._user = b""
        self._tries = 0

    def connectionMade(self) -> None:
        self.transport.write(b"Username: ")

    def telnet_User(self, line: bytes) -> str:
        self._user = line
        # a client that does not answer the negotiation is told so after its password
        self.transport.will(ECHO).addErrback(lambda _: None)
        self.transport.write(b"Password: ")
        return "Password"

    def telnet_Password(self, line: bytes) -> str:
        self._tries += 1
        welcome = self._manhole.matches(self._user, line)
        self.transport.wont(ECHO).addCallbacks(lambda _: self._enter() if welcome else self._refuse(), lambda _: self._not_telnet())
        return "Wait"

    def telnet_Wait(self, line: bytes) -> None:
        """What is typed ahead of the answer is dropped."""

    def _enter(self) -> None:
        user = self._user.decode("utf-8", "replace")
        peer = self.transport.transport.getPeer()
        log.info("manhole: {user} logged in from {peer}", user=user, peer=peer)
        prompt = TelnetBootstrapProtocol(ServerProtocol, ColoredManhole, self._manhole.namespace(f"{user} at {peer}"))
        self.transport.protocol = prompt
        prompt.makeConnection(self.transport)

    def _refuse(self) -> None:
        log.warn("manhole: wrong user or password, try {tries} of {limit}", tries=self._tries, limit=MAX_TRIES)
        self.transport.write(b"\nWrong user or password.\n")
        if self._tries >= MAX_TRIES:
            self.transport.loseConnection()
            return
        self.transport.write(b"Username: ")
        self.state = "User"

    def _not_telnet(self) -> None:
        self.transport.write(b"\nThis needs a telnet client.\n")
        self.transport.loseConnection()
