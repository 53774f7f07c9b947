"""The manhole over SSH: keys only, no passwords, no commands, no forwarding; few sessions, all of which end with the connector."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, cast

from twisted.conch.checkers import IAuthorizedKeysDB, SSHPublicKeyChecker, readAuthorizedKeyFile
from twisted.conch.insults.insults import ServerProtocol
from twisted.conch.interfaces import IConchUser
from twisted.conch.manhole import ColoredManhole
from twisted.conch.manhole_ssh import TerminalRealm, TerminalSession, TerminalUser
from twisted.conch.ssh.connection import SSHConnection
from twisted.conch.ssh.factory import SSHFactory
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.transport import SSHServerTransport
from twisted.conch.ssh.userauth import SSHUserAuthServer
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from bwconnector.config import ConfigError, ManholeOptions
from bwconnector.ops.commands import Namespace
from bwconnector.privacy import private_file_problem

__all__ = ["MAX_CONNECTIONS", "SshFactory", "ssh_factory"]

MAX_CONNECTIONS = 4
"""As many as over telnet; connections that have not logged in count, and have two minutes for it."""
LOGIN_TIMEOUT = 120
MAX_TRIES = 6
"""Keys that a client may try: an agent offers all that it has."""

log = Logger()


def ssh_factory(options: ManholeOptions, namespace: Namespace) -> SshFactory:
    """What to listen with.

    :raises ConfigError: the host key cannot be used
    """
    problem = private_file_problem(Path(options.host_key))
    try:
        if problem:
            raise ValueError(problem)
        key = Key.fromFile(options.host_key)
        if key.isPublic():
            raise ValueError(f"{options.host_key} is a public key")
    except Exception as error:  # each kind of key fails in its own way
        raise ConfigError((f"[manhole] host-key: {error}",)) from None
    return SshFactory(key, Path(options.authorized_keys), namespace)


@implementer(IAuthorizedKeysDB)
class _Keys:
    """The keys that may log in, under any user name; the file is read at each login, so that a change needs no restart."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def getAuthorizedKeys(self, user: bytes) -> list[Key]:
        problem = private_file_problem(self._path)
        if problem:
            log.warn("manhole: nobody can log in: {problem}", problem=problem)
            return []
        with self._path.open("rb") as file:
            return list(readAuthorizedKeyFile(file))


class _User(TerminalUser):
    """Who has logged in; may have a terminal and nothing else."""

    def __init__(self, original: Any, avatar_id: bytes) -> None:
        super().__init__(original, avatar_id)  # type: ignore[no-untyped-call]
        self.name = avatar_id.decode("utf-8", "replace")


class _Session(TerminalSession):
    """A terminal with the prompt in it."""

    def __init__(self, original: Any, namespace: Namespace) -> None:
        super().__init__(original)  # type: ignore[no-untyped-call]
        self._namespace = namespace

    def openShell(self, proto: Any) -> None:
        user: Any = IConchUser(self.original)
        peer = user.conn.transport.transport.getPeer()
        log.info("manhole: {user} logged in from {peer} by SSH", user=user.name, peer=peer)
        prompt: Any = partial(ServerProtocol, ColoredManhole, self._namespace(f"{user.name} at {peer}"))
        self.chainedProtocolFactory = prompt
        super().openShell(proto)  # type: ignore[no-untyped-call]

    def windowChanged(self, newWindowSize: Any) -> None:
        """The prompt goes on as wide as it was."""

    def eofReceived(self) -> None:
        """The client sends nothing more; the connection ends soon."""


class _Login(SSHUserAuthServer):
    """Gives up sooner than Twisted would."""

    loginTimeout = LOGIN_TIMEOUT
    attemptsBeforeDisconnect = MAX_TRIES


class _Connection(SSHServerTransport):
    """One client."""

    factory: SshFactory

    def connectionLost(self, reason: Failure | None = connectionDone) -> None:
        super().connectionLost(reason)
        self.factory.sessions.pop(self).callback(None)


class SshFactory(SSHFactory):
    """Makes connections, counts them, and ends them."""

    noisy = False
    protocol = _Connection

    def __init__(self, host_key: Key, authorized_keys: Path, namespace: Namespace) -> None:
        self.services = {b"ssh-userauth": _Login, b"ssh-connection": SSHConnection}
        self.publicKeys = {host_key.sshType(): host_key.public()}
        self.privateKeys = {host_key.sshType(): host_key}
        realm: Any = TerminalRealm()
        realm.userFactory = _User
        realm.sessionFactory = lambda original: _Session(original, namespace)
        keys: Any = _Keys(authorized_keys)
        self.portal = Portal(realm, [SSHPublicKeyChecker(keys)])
        self.sessions: dict[_Connection, Deferred[None]] = {}

    def buildProtocol(self, addr: IAddress | None) -> _Connection | None:  # type: ignore[override]
        if len(self.sessions) >= MAX_CONNECTIONS:
            log.warn("manhole: connection refused, {count} sessions are open", count=len(self.sessions))
            return None
        connection = cast(_Connection, super().buildProtocol(addr))
        self.sessions[connection] = Deferred()
        return connection

    async def close(self) -> None:
        """End all connections, and return when they are gone."""
        for connection, gone in list(self.sessions.items()):
            transport: Any = connection.transport
            transport.abortConnection()
            await gone
