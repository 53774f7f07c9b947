"""``bwctl check`` against an XSP in this process: each thing that can be wrong is found and said, with what to do."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from bwconnector.ops.check import check

XSI = 'xmlns="http://schema.broadsoft.com/xsi"'
USER = "cti@example.net"


class FakeXsp(Resource):
    """Just enough of an XSP for the check.

    :ivar refuse: HTTP status with which a path is refused, by its last segment
    :ivar seen: method and path of every request
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.refuse: dict[str, int] = {}
        self.first_document = f"<Channel {XSI}><channelId>c-1</channelId><expires>3600</expires></Channel>"
        self.seen: list[str] = []
        self.bodies: list[str] = []
        self.streams: list[Any] = []

    def render(self, request: Any) -> Any:
        path = request.path.decode()
        self.seen.append(f"{request.method.decode()} {path}")
        self.bodies.append(request.content.read().decode())
        expected = b"Basic " + base64.b64encode(f"{USER}:secret".encode())
        status = 401 if request.getHeader(b"authorization") != expected else self.refuse.get(path.split("/")[-1], 200)
        request.setResponseCode(status)
        if status != 200:
            return b""
        if path == "/com.broadsoft.async/com.broadsoft.xsi-events/v2.0/channel":
            self.streams.append(request)
            request.write(self.first_document.encode())
            request.notifyFinish().addErrback(lambda _: None)
            return NOT_DONE_YET
        known = ("/com.broadsoft.xsi-actions/v2.0/user/", "/com.broadsoft.xsi-events/v2.0/")
        if not path.startswith(known):
            request.setResponseCode(404)
        return f"<Profile {XSI}/>".encode()


class QuietSite(Site):
    """Remembers its connections, so that a test can end them."""

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource)  # type: ignore[no-untyped-call]
        self.transports: list[Any] = []

    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        connected = protocol.makeConnection

        def make_connection(transport: Any) -> None:
            self.transports.append(transport)
            connected(transport)

        protocol.makeConnection = make_connection
        return protocol

    def log(self, request: Any) -> None:
        pass


class Checking:
    """Writes a config and checks it."""

    def __init__(self, folder: Path, xsp: FakeXsp, reactor: Any, port: int) -> None:
        self.xsp = xsp
        self.file = folder / "bwconnector.toml"
        self.options = f'user-id = "{USER}"\npassword = "secret"'
        self.link = f'hostname = "127.0.0.1"\nport = {port}\ntls = false'
        self.rest = '[csta]\nlisten = ["tcp:0:interface=127.0.0.1"]\n[web]\nlisten = ""\n'
        self.reactor = reactor

    async def run(self) -> tuple[bool, list[str]]:
        """Whether all is well, and what was told."""
        told: list[str] = []
        self.file.write_text(
            f'[Connector]\nchannel-set-name = "east"\napp-controller = "east"\n{self.options}\n[link-one]\n{self.link}\n{self.rest}'
        )
        return await check(self.reactor, self.file, told.append), told

    async def problem(self) -> str:
        """The only problem."""
        well, told = await self.run()
        assert not well
        (problem,) = (line for line in told if line.startswith("PROBLEM"))
        return problem


@pytest.fixture
def checking(tmp_path: Path) -> Iterator[Checking]:
    from twisted.internet import reactor

    xsp = FakeXsp()
    site = QuietSite(xsp)
    port = pytest_twisted.blockon(TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(site))
    yield Checking(tmp_path, xsp, reactor, port.getHost().port)
    for transport in site.transports:
        transport.abortConnection()
    pytest_twisted.blockon(port.stopListening())


@pytest_twisted.ensureDeferred
async def test_all_is_well(checking: Checking) -> None:
    well, told = await checking.run()
    assert well, told
    assert [line.split(" ")[0] for line in told] == ["ok", "ok", "note", "ok", "ok", "ok"]
    assert [entry.split("/v2.0/")[-1] for entry in checking.xsp.seen] == [f"user/{USER}/profile", "versions", "channel", "channel/c-1"]
    assert checking.xsp.seen[-1].startswith("DELETE")


@pytest_twisted.ensureDeferred
async def test_a_running_connectors_channels_are_left_alone(checking: Checking) -> None:
    """BroadWorks would end them if this channel had their application and another set."""
    await checking.run()
    body = checking.xsp.bodies[2]
    assert "<applicationId>GenesysConnector-check</applicationId>" in body
    assert "<channelSetId>east-check-" in body


@pytest_twisted.ensureDeferred
async def test_a_refused_account_is_tried_once_only(checking: Checking) -> None:
    checking.options = f'user-id = "{USER}"\npassword = "wrong"'
    checking.rest += f"[link-two]\n{checking.link}\n"
    well, told = await checking.run()
    assert not well
    assert "PROBLEM  link-one: the account was refused: check user-id and its password" in "\n".join(told)
    assert len(checking.xsp.seen) == 1
    assert "wrong" not in "\n".join(told)


@pytest.mark.parametrize(
    ("option", "names"),
    [
        ('actions-context = "/actions"', "check actions-context"),
        ('events-context = "/events"', "check events-context"),
        ('async-context = "/async"', "check async-context"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_wrong_context(checking: Checking, option: str, names: str) -> None:
    checking.options += f"\n{option}"
    assert names in await checking.problem()


@pytest_twisted.ensureDeferred
async def test_an_account_that_may_not_open_channels(checking: Checking) -> None:
    checking.xsp.refuse["channel"] = 403
    assert "the account may not open an event channel (HTTP 403" in await checking.problem()


@pytest_twisted.ensureDeferred
async def test_a_stream_that_is_no_xsi(checking: Checking) -> None:
    checking.xsp.first_document = "welcome"
    assert "what is no Xsi" in await checking.problem()


@pytest_twisted.ensureDeferred
async def test_nothing_listens(checking: Checking) -> None:
    checking.link = 'hostname = "127.0.0.1"\nport = 1\ntls = false'
    assert "link-one" in await checking.problem()


class PlainServer(Protocol):
    """Answers whatever it is told in plain HTTP, as web servers answer a TLS handshake."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.transport.loseConnection()


@pytest_twisted.ensureDeferred
async def test_tls_where_there_is_none(checking: Checking) -> None:
    port = await TCP4ServerEndpoint(checking.reactor, 0, interface="127.0.0.1").listen(Factory.forProtocol(PlainServer))
    checking.link = f'hostname = "127.0.0.1"\nport = {port.getHost().port}'
    problem = await checking.problem()
    await port.stopListening()
    assert problem.startswith("PROBLEM  link-one: TLS to XSP one")


@pytest_twisted.ensureDeferred
async def test_a_ca_file_that_is_not_there(checking: Checking) -> None:
    checking.link = checking.link.replace("tls = false", 'tls = true\nca-file = "absent.pem"')
    assert "ca-file: cannot be used" in await checking.problem()


@pytest_twisted.ensureDeferred
async def test_a_port_that_is_taken(checking: Checking) -> None:
    port = checking.link.split("port = ")[1].split("\n")[0]
    checking.rest = f'[csta]\nlisten = ["tcp:{port}:interface=127.0.0.1"]\n[web]\nlisten = ""\n'
    assert "is a connector running already?" in await checking.problem()


@pytest_twisted.ensureDeferred
async def test_a_file_with_problems_is_not_tried(checking: Checking) -> None:
    checking.options = ""
    well, told = await checking.run()
    assert not well
    assert all(line.startswith("PROBLEM  [Connector]") for line in told)
    assert checking.xsp.seen == []


@pytest_twisted.ensureDeferred
async def test_with_the_simulator_nothing_outside_is_tried(checking: Checking) -> None:
    checking.file.write_text(
        '[Connector]\nchannel-set-name = "x"\napp-controller = "x"\n[simulator]\n[csta]\nlisten = ["tcp:0"]\n[web]\nlisten = ""\n'
    )
    told: list[str] = []
    assert await check(checking.reactor, checking.file, told.append)
    assert "embedded simulator" in told[-1]
