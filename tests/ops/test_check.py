"""``bwctl check`` against an XSP in this process: each thing that can be wrong is found and said, with what to do."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from bwconnector.config import load
from bwconnector.ops.check import check
from bwconnector.ops.files import check_files
from bwconnector.ops.findings import Findings
from bwconnector.simulator.config import SimulatorConfig
from bwconnector.simulator.service import SimulatorService, make_simulator

from ..test_listening import AUTHORITY, Certified, certify

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
        self.devices: list[str] = []

    async def run(self) -> tuple[bool, list[str]]:
        """Whether all is well, and what was told."""
        told: list[str] = []
        self.file.write_text(
            f'[Connector]\nchannel-set-name = "east"\napp-controller = "east"\n{self.options}\n[link-one]\n{self.link}\n{self.rest}'
        )
        self.file.chmod(0o600)
        return await check(self.reactor, self.file, told.append, self.devices), told

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
    assert [line.split(" ")[0] for line in told] == ["ok", "ok", "note", "ok", "ok", "ok", "ok"]
    assert told[3].startswith("ok       link-one: port ")
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
    assert "nothing listens on that port" in await checking.problem()


@pytest_twisted.ensureDeferred
async def test_a_name_that_nobody_has(checking: Checking) -> None:
    checking.link = 'hostname = "nobody.invalid"'
    assert "link-one: there is no host nobody.invalid" in await checking.problem()


@pytest_twisted.ensureDeferred
async def test_a_name_is_looked_up(checking: Checking) -> None:
    checking.link = checking.link.replace("127.0.0.1", "localhost")
    _, told = await checking.run()
    assert any("link-one: localhost is " in line and "127.0.0.1" in line for line in told)


@pytest_twisted.ensureDeferred
async def test_a_drained_link_is_tried_all_the_same(checking: Checking) -> None:
    checking.link += f"\ndrain = true\n[link-two]\n{checking.link}"
    well, told = await checking.run()
    assert well
    assert "note     link-one is drained: it will not be used" in told


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
    assert problem.startswith("PROBLEM  link-one: TLS to 127.0.0.1")
    assert "is tls right" in problem


@pytest_twisted.ensureDeferred
async def test_a_ca_file_that_is_not_there(checking: Checking) -> None:
    checking.link = checking.link.replace("tls = false", 'tls = true\nca-file = "absent.pem"')
    assert "ca-file: there is no file" in await checking.problem()


@pytest_twisted.ensureDeferred
async def test_a_port_that_is_taken(checking: Checking) -> None:
    port = checking.link.split("port = ")[1].split("\n")[0]
    checking.rest = f'[csta]\nlisten = ["tcp:{port}:interface=127.0.0.1"]\n[web]\nlisten = ""\n'
    assert "is a connector running already?" in await checking.problem()


@pytest_twisted.ensureDeferred
async def test_a_password_that_others_can_read(checking: Checking) -> None:
    well, _ = await checking.run()
    checking.file.chmod(0o644)
    told: list[str] = []
    assert await check(checking.reactor, checking.file, told.append) is well
    (line,) = (line for line in told if "can be read by other users (mode 0644)" in line)
    assert line.endswith(f"run: chmod 600 {checking.file}")


@pytest.mark.parametrize(
    ("make", "sign", "says"),
    [
        (
            lambda: certify("localhost", AUTHORITY, days=60),
            "ok",
            "its certificate is trusted, was issued by authority.example.net, and expires",
        ),
        (lambda: certify("localhost", AUTHORITY, days=5), "note", "its certificate expires soon"),
        (lambda: certify("localhost", AUTHORITY, days=-0.5), "PROBLEM", "its certificate has expired on"),
        (lambda: certify("localhost", certify("stranger")), "PROBLEM", "was issued by stranger, which is not among the authorities in"),
        (lambda: certify("other.example.net", AUTHORITY), "PROBLEM", "is not for localhost, but for other.example.net"),
    ],
    ids=["good", "soon", "expired", "unknown authority", "other name"],
)
@pytest_twisted.ensureDeferred
async def test_certificates_of_an_xsp(checking: Checking, tmp_path: Path, make: Callable[[], Certified], sign: str, says: str) -> None:
    (tmp_path / "authority.pem").write_bytes(AUTHORITY.public)
    options = PrivateCertificate.loadPEM(make().pem).options()
    port = await SSL4ServerEndpoint(checking.reactor, 0, options, interface="127.0.0.1").listen(QuietSite(checking.xsp))
    checking.link = f'hostname = "localhost"\nport = {port.getHost().port}\nca-file = "authority.pem"'
    well, told = await checking.run()
    await port.stopListening()
    assert any(line.startswith(sign) and says in line for line in told), told
    assert well is (sign != "PROBLEM")
    assert bool(checking.xsp.seen) is well, "the password goes to nobody who is not trusted"


@pytest.mark.parametrize(
    ("days", "sign", "says"), [(60, "ok", "is good until"), (5, "note", "expires on"), (-0.5, "PROBLEM", "has expired")]
)
@pytest_twisted.ensureDeferred
async def test_the_ports_own_certificate(checking: Checking, tmp_path: Path, days: float, sign: str, says: str) -> None:
    file = tmp_path / "server.pem"
    file.write_bytes(certify("connector.example.net", AUTHORITY, days).pem)
    checking.rest = f'[csta]\nlisten = ["ssl:0:interface=127.0.0.1:privateKey={file}:certKey={file}"]\n[web]\nlisten = ""\n'
    well, told = await checking.run()
    assert any(line.startswith(sign) and says in line and "server.pem" in line for line in told), told
    assert any(f"{file} holds a secret" in line for line in told)
    assert well is (sign != "PROBLEM")


def test_a_port_that_asks_nobody_who_comes(tmp_path: Path) -> None:
    (tmp_path / "own.pem").write_bytes(certify("connector.example.net", AUTHORITY).pem)
    (tmp_path / "authority.pem").write_bytes(AUTHORITY.public)
    tls = f"ssl:1041:privateKey={tmp_path}/own.pem:certKey={tmp_path}/own.pem"
    for options, noted in (
        ('listen = ["tcp:1040"]', "tcp:1040"),
        (f'listen = ["{tls}"]', tls),
        (f'listen = ["tcp:1040", "{tls}"]\nclient-ca = "authority.pem"', "tcp:1040"),
        (f'listen = ["{tls}"]\nclient-ca = "authority.pem"', ""),
        ('listen = ["tcp:1040:interface=127.0.0.1"]', ""),
        ('listen = ["tcp:1040"]\nallow = ["10.0.0.0/8"]', ""),
    ):
        file = tmp_path / "a.toml"
        file.write_text(f'[Connector]\nchannel-set-name = "x"\napp-controller = "x"\n[csta]\n{options}\n[simulator]\n')
        told: list[str] = []
        check_files(file, load(file), 0.0, Findings(told.append), 1000)
        notes = [line for line in told if "[csta] allow: whoever reaches" in line]
        assert [line.partition("reaches ")[2].partition(" may")[0] for line in notes] == ([noted] if noted else []), options


def test_files_of_another_user(tmp_path: Path) -> None:
    config = f'[Connector]\nchannel-set-name = "x"\napp-controller = "x"\nuser-id = "{USER}"\npassword-file = "pw"\n'
    config += '[csta]\nallow = ["10.0.0.0/8"]\n'
    for name, text in {"a.toml": config + '[link-a]\nhostname = "h"\n', "pw": "secret"}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    for user, lines in ((0, 1), (1000, 0)):
        told: list[str] = []
        check_files(tmp_path / "a.toml", load(tmp_path / "a.toml"), 0.0, Findings(told.append), user)
        assert len(told) == lines
        assert not lines or f"{tmp_path / 'pw'} belongs to" in told[0]


# Devices, asked of the simulator


@pytest_twisted.async_yield_fixture
async def broadworks(checking: Checking) -> AsyncIterator[SimulatorService]:
    """The check is pointed to a simulator."""
    simulator = make_simulator(SimulatorConfig(xsps=1, users=4, demo=False, admin=False), checking.reactor)
    simulator.startService()
    ((host, port),) = simulator.xsp_addresses
    config = simulator.broadworks.config
    checking.options = f'user-id = "{config.user_id}"\npassword = "{config.password}"\ndefault-domain = "{config.domain}"'
    checking.link = f'hostname = "{host}"\nport = {port}\ntls = false'
    yield simulator
    await simulator.stopService()


@pytest_twisted.ensureDeferred
async def test_devices_are_asked_for(checking: Checking, broadworks: SimulatorService) -> None:
    checking.devices = ["1001", "alice", "queue1"]
    checking.rest += '[devices]\ncall-centers = ["queue1"]\nroute-points = ["route1"]\n'
    well, told = await checking.run()
    assert well, told
    devices = [line.removeprefix("ok       ") for line in told if "device " in line]
    assert devices[:2] == ["device queue1: is a call center", "device route1: is a route point"]
    assert devices[2].startswith("device 1001: is the user alice@example.net (")
    assert "extension 1001" in devices[2] and "Do Not Disturb" in devices[2]
    assert devices[3].startswith("device alice: is the user alice@example.net (")
    assert devices[4] == "device queue1: is the call center queue1@example.net"


@pytest_twisted.ensureDeferred
async def test_devices_that_are_not_what_they_should_be(checking: Checking, broadworks: SimulatorService) -> None:
    checking.devices = ["nobody"]
    checking.rest += '[devices]\ncall-centers = ["alice"]\nroute-points = ["queue1"]\n'
    well, told = await checking.run()
    assert not well
    problems = [line for line in told if line.startswith("PROBLEM")]
    assert ["is no call center" in problems[0], "is no route point" in problems[1], "knows no such user" in problems[2]] == [True] * 3


@pytest_twisted.ensureDeferred
async def test_devices_that_nobody_can_be_asked_for(checking: Checking) -> None:
    checking.link = 'hostname = "127.0.0.1"\nport = 1\ntls = false'
    checking.devices = ["alice"]
    _, told = await checking.run()
    assert told[-1] == "PROBLEM  devices: could not be asked for, as no XSP could be used"


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
