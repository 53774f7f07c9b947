"""The config changes under a connector that works: what has changed takes effect, and nothing else moves."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
from twisted.logger import globalLogPublisher

from bwconnector.config import LogOptions, load
from bwconnector.csta import messages as csta
from bwconnector.logs import LogOutput
from bwconnector.ops.client import CstaClient, connect
from bwconnector.reloading import Report
from bwconnector.service import ConnectorService, make_service
from bwconnector.simulator.config import SimulatorConfig
from bwconnector.simulator.service import SimulatorService, make_simulator
from bwconnector.xsi.channel import State
from bwconnector.xsi.members import DRAINED

from ..test_listening import certify
from ..xsi.server import asynchronous, reactor, until
from .exchange import timers

pytestmark = pytest.mark.system

PASSWORD = "geheim-1"


@attrs.define
class Site:
    """A connector with a config file, a simulator of its own, and a T-Server that monitors two devices.

    :ivar options: lines of the file, by section
    """

    file: Path
    simulator: SimulatorService
    options: dict[str, dict[str, str]]
    service: ConnectorService = attrs.field(init=False)
    tserver: CstaClient = attrs.field(init=False)
    got: list[csta.Message] = attrs.field(factory=list)

    def write(self) -> None:
        sections = (
            f"[{section}]\n" + "".join(f"{name} = {value}\n" for name, value in lines.items()) for section, lines in self.options.items()
        )
        self.file.write_text("\n".join(sections))
        self.file.chmod(0o600)

    def reload(self) -> Report:
        self.write()
        return self.service.reload()

    def xsp(self, number: int) -> dict[str, str]:
        host, port = self.simulator.xsp_addresses[number]
        return {"hostname": f'"{host}"', "port": str(port), "tls": "false", "kpl-interval": "1"}

    def states(self) -> dict[str, State]:
        return {status.link: status.state for status in self.service.channel_set.statuses}

    def all_up(self, *names: str) -> bool:
        return self.states() == dict.fromkeys(names, State.UP)

    def channels(self) -> list[str]:
        """Names of the XSPs at which BroadWorks has a channel."""
        return sorted(channel.xsp for channel in self.simulator.broadworks.channels)

    def statuses(self) -> list[str]:
        return [message.system_status for message in self.got if isinstance(message, csta.SystemStatus)]

    def events(self) -> list[str]:
        return [type(message).__name__ for message in self.got if isinstance(message, csta.Event)]

    async def a_call_is_told(self) -> None:
        """The T-Server still has its link and its monitors, and the truth about them."""
        before = len(self.events())
        switch = self.simulator.broadworks.switch
        switch.dial("1001", "1002")
        await until(lambda: self.events()[before:].count("DeliveredEvent") == 2)
        switch.answer("1002")
        await until(lambda: self.events()[before:].count("EstablishedEvent") == 2)
        switch.hang_up("1002")
        await until(lambda: self.events()[before:].count("ConnectionClearedEvent") == 3)
        assert self.statuses() == ["normal"]


@asynccontextmanager
async def site(folder: Path, links: int = 2, **sections: dict[str, str]) -> AsyncIterator[Site]:
    before = timers()
    simulator = make_simulator(SimulatorConfig(xsps=3, users=6, demo=False, admin=False, password=PASSWORD), reactor)
    simulator.startService()
    here = Site(folder / "bwconnector.toml", simulator, {})
    here.options = {
        "Connector": {
            "channel-set-name": '"reload"',
            "app-controller": '"reload"',
            "user-id": f'"{simulator.broadworks.config.user_id}"',
            "password": f'"{simulator.broadworks.config.password}"',
            "default-domain": '"example.net"',
            "link-recovery-tout": "1",
        },
        **{f"link-xsp{number + 1}": here.xsp(number) for number in range(links)},
        "csta": {"listen": '["tcp:0:interface=127.0.0.1"]'},
        "web": {"listen": '""'},
        **sections,
    }
    here.write()
    here.service = make_service(load(here.file), reactor, lambda: load(here.file))
    here.service.startService()
    try:
        await until(lambda: here.service.channel_set.up_count == links)
        port = here.service._links.ports[0]._waitingForPort.result.getHost().port
        here.tserver = await connect(reactor, ("127.0.0.1", port), here.got.append)
        for device in ("1001", "1002"):
            start = csta.MonitorStart(monitor_object=csta.MonitorObject(device_object=device))
            await here.tserver.request(start, csta.MonitorStartResponse)
        await until(lambda: len(here.service.bridge._seeded) == 2)
        yield here
        assert not here.service.running or not here.tserver.closed.called
        await here.tserver.close()
    finally:
        await here.service.stopService()
        await simulator.stopService()
        await until(lambda: timers() <= before)


@asynchronous
async def test_nothing_has_changed(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        channels = {channel.id for channel in here.simulator.broadworks.channels}
        assert here.reload() == Report()
        assert "Nothing in the config has changed" in repr(here.reload())
        assert {channel.id for channel in here.simulator.broadworks.channels} == channels
        await here.a_call_is_told()


@asynchronous
async def test_a_broken_file_changes_nothing_and_says_why(tmp_path: Path, log_text: io.StringIO) -> None:
    async with site(tmp_path) as here:
        before = here.service.config
        here.options["Connector"]["kpl-interval"] = "601"
        here.options["csta"]["max-links"] = "7"
        report = here.reload()
        assert report.problems == ("[Connector] kpl-interval: must be a whole number from 0 to 600, not 601",)
        assert "nothing has changed: [Connector] kpl-interval: must be" in log_text.getvalue()
        assert here.service.config == before
        assert here.service._links.factory.max_links == 32
        here.options["Connector"]["kpl-interval"] = "10"
        here.options["link-xsp1"]["ca-file"] = '"absent.pem"'
        here.options["link-xsp1"]["tls"] = "true"
        here.options["link-xsp2"]["hostname"] = '"' + "x" * 70 + '"'
        report = here.reload()
        assert "[link-xsp1] ca-file: there is no file" in repr(report)
        assert "[link-xsp2] hostname: is no name of a host" in repr(report)
        assert here.service.config == before
        assert here.all_up("xsp1", "xsp2")


@asynchronous
async def test_options_that_take_effect_at_once(tmp_path: Path, log_text: io.StringIO) -> None:
    async with site(tmp_path) as here:
        here.options["Connector"] |= {"resync-interval": "7", "subscription-expire-tout": "5000", "call-age-limit": "11"}
        here.options["link-xsp1"] |= {"request-rate": "5", "kpl-interval": "3", "kpl-tolerance": "2"}
        here.options["csta"] |= {
            "max-links": "7",
            "max-monitors-per-link": "9",
            "monitored-only": "true",
            "allow": '["127.0.0.0/8"]',
            "send-queue-limit": "70000",
            "message-tout": "77",
            "status-on-connect": "false",
        }
        here.options["policy"] = {"P-GAP": "100", "P-SI": '"on"'}
        here.options["devices"] = {"call-centers": '["sales"]'}
        report = here.reload()
        assert len(report.changes) == 16
        assert "reload: [csta] max-links is 7, was 32; takes effect at once" in log_text.getvalue()
        service = here.service
        factory = service._links.factory
        assert (factory.max_links, factory.send_queue_limit, factory.message_tout, len(factory.allow)) == (7, 70000, 77, 1)
        options = service.bridge.switch.options
        assert (options.max_monitors, options.monitored_only, options.status_on_connect) == (9, True, False)
        assert service.bridge.policy("P-SI") == "on"
        assert service.channel_set.gap_timeout == 0.1
        assert service.bridge.directory.kind("sales@example.net") == "callcenter"
        assert service.bridge.watchdog.limits.age == 11
        assert service.subscriptions._settings.expires == 5000
        assert next(iter(service.subscriptions._targets.values())).due < reactor.seconds() + 7 + 600
        (channel,) = (channel for channel in service.channel_set.members if channel.link == "xsp1")
        assert (channel._settings.heartbeat_interval, channel._settings.heartbeat_tolerance) == (3, 2)
        assert service.channel_set.members._find("xsp1").budget._distance == 0.2
        assert here.all_up("xsp1", "xsp2")


@asynchronous
async def test_what_waits_for_a_restart_is_told(tmp_path: Path, log_text: io.StringIO) -> None:
    async with site(tmp_path) as here:
        here.options["Connector"]["channel-set-name"] = '"other"'
        for _ in range(2):
            (change,) = here.reload().changes
            assert str(change) == '[Connector] channel-set-name is "other", was "reload"'
        assert log_text.getvalue().count("but not before a restart of the connector") == 2
        assert here.all_up("xsp1", "xsp2")


@asynchronous
async def test_a_link_comes_and_another_one_goes(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        del here.options["link-xsp1"]
        here.options["link-xsp3"] = here.xsp(2)
        here.reload()
        await until(lambda: here.all_up("xsp2", "xsp3"))
        assert here.channels() == ["xsp2", "xsp3"]
        await until(lambda: set(here.service.xsps) == {"xsp2", "xsp3"} == set(here.service.acks))
        await here.a_call_is_told()


@asynchronous
async def test_the_only_link_moves_and_nobody_notices(tmp_path: Path) -> None:
    async with site(tmp_path, links=1) as here:
        seen = []
        here.service.bridge.status.listeners.append(seen.append)
        here.options["link-xsp1"] |= here.xsp(1)
        (change,) = here.reload().changes
        assert change.option == "port"
        await until(lambda: here.all_up("xsp1"))
        assert here.channels() == ["xsp2"]
        assert seen == []
        await here.a_call_is_told()


@asynchronous
async def test_the_only_link_moves_to_where_nobody_is_and_back(tmp_path: Path) -> None:
    async with site(tmp_path, links=1) as here:
        port, here.options["link-xsp1"]["port"] = here.options["link-xsp1"]["port"], "1"
        here.reload()
        await until(lambda: here.states().get("xsp1") is State.BACKOFF)
        assert here.states()["xsp1 (leaving)"] is State.UP
        assert here.service.survey().channels[0].peer != here.service.survey().channels[1].peer
        await here.a_call_is_told()
        here.options["link-xsp1"]["port"] = port
        here.reload()
        await until(lambda: here.all_up("xsp1"))
        assert len(here.channels()) == 1
        await here.a_call_is_told()


@asynchronous
async def test_all_channels_are_replaced_for_another_context_or_version(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        old = {channel.id for channel in here.simulator.broadworks.channels}
        here.options["Connector"]["broadworks-version"] = '"22.0"'
        here.reload()
        await until(lambda: here.all_up("xsp1", "xsp2"))
        assert not old & {channel.id for channel in here.simulator.broadworks.channels}
        assert here.channels() == ["xsp1", "xsp2"]
        await here.a_call_is_told()


@asynchronous
async def test_a_link_is_drained_and_used_again(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        here.options["link-xsp1"]["drain"] = "true"
        here.reload()
        await until(lambda: here.channels() == ["xsp2"])
        await until(lambda: here.states() == {"xsp1": State.IDLE, "xsp2": State.UP})
        before = here.service.xsps["xsp1"].requests.total()
        await here.a_call_is_told()
        assert here.service.xsps["xsp1"].requests.total() == before
        assert [channel.reason for channel in here.service.survey().channels] == [DRAINED, ""]
        here.options["link-xsp1"]["drain"] = "false"
        here.reload()
        await until(lambda: here.all_up("xsp1", "xsp2"))
        await here.a_call_is_told()


@asynchronous
async def test_all_links_drained_is_no_config(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        for section in ("link-xsp1", "link-xsp2"):
            here.options[section]["drain"] = "true"
        assert "every link is drained" in repr(here.reload())
        assert here.all_up("xsp1", "xsp2")


@asynchronous
async def test_drained_from_the_manhole(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        here.service.drain("xsp1")
        with pytest.raises(ValueError, match="the only link in use"):
            here.service.drain("xsp2")
        with pytest.raises(LookupError, match="there is no link xsp9"):
            here.service.drain("xsp9")
        await until(lambda: here.channels() == ["xsp2"])
        here.service.undrain("xsp1")
        await until(lambda: here.all_up("xsp1", "xsp2"))
        here.service.drain("xsp1")
        assert [str(change) for change in here.reload().changes] == ["[link-xsp1] drain is false, was true"]
        await until(lambda: here.channels() == ["xsp1", "xsp2"])


@asynchronous
async def test_a_wrong_password_is_corrected_and_none_is_logged(tmp_path: Path) -> None:
    log, wrong = io.StringIO(), "geheim-2"
    output = LogOutput(log, LogOptions(format="json"))
    globalLogPublisher.addObserver(output)
    try:
        async with site(tmp_path) as here:
            here.options["Connector"]["password"] = f'"{wrong}"'
            here.options["log"] = {"level": '"debug"'}
            assert [str(change) for change in here.reload().changes] == ["[Connector] password has changed"]
            sent = here.service.acks["xsp1"]._head
            assert base64.b64encode(f"{here.service.config.connector.user_id}:{wrong}".encode()) in sent
            # The next heartbeats are refused, and then the channels; their next try would be in five minutes.
            await until(lambda: all("check user-id" in status.reason for status in here.service.channel_set.statuses))
            here.options["Connector"]["password"] = f'"{PASSWORD}"'
            here.reload()
            await until(lambda: here.all_up("xsp1", "xsp2"))
            account = here.service.config.connector.user_id
    finally:
        globalLogPublisher.removeObserver(output)
    text = log.getvalue()
    assert "check user-id and password" in text
    for secret in (PASSWORD, wrong):
        assert secret not in text
        assert base64.b64encode(f"{account}:{secret}".encode()).decode() not in text


@asynchronous
async def test_without_a_file_there_is_nothing_to_reload(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        here.service._read_config = None
        assert "there is no config file" in repr(here.service.reload())


@asynchronous
async def test_a_renewed_certificate_is_taken_and_links_stay(tmp_path: Path, log_text: io.StringIO) -> None:
    file, authorities = tmp_path / "server.pem", tmp_path / "ca.pem"
    authority = certify("authority.example.net", days=400)
    authorities.write_bytes(authority.public)

    def issue(days: int) -> float:
        issued = certify("connector.example.net", authority, days)
        file.write_bytes(issued.pem)
        return issued.certificate.not_valid_after_utc.timestamp()

    first = issue(5)
    listen = f'["tcp:0:interface=127.0.0.1", "ssl:0:interface=127.0.0.1:privateKey={file}:certKey={file}"]'
    async with site(tmp_path, csta={"listen": listen}) as here:
        shown = {each.name: each.expires for each in here.service.survey().certificates}
        assert shown == {"[csta] listen ssl:0": first}
        here.service._certificates.look()
        assert "certificate [csta] listen ssl:0 expires on" in log_text.getvalue()
        second = issue(90)
        here.options["csta"]["client-ca"] = '"ca.pem"'
        here.reload()
        shown = {each.name: each.expires for each in here.service.survey().certificates}
        assert shown == {
            "[csta] listen ssl:0": second,
            "[csta] client-ca": authority.certificate.not_valid_after_utc.timestamp(),
        }
        issue(3)
        before = len(log_text.getvalue())
        here.reload()
        assert "in less than 7 days" in log_text.getvalue()[before:]
        shown = here.service.certificates()
        file.write_text("broken")
        assert here.reload().problems
        assert here.service.certificates() == shown
        await here.a_call_is_told()


@asynchronous
async def test_a_stop_tells_tservers_before_it_closes_their_links(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await here.service.stopService().addTimeout(5, reactor)
        await here.tserver.closed
        assert here.statuses() == ["normal", "disabled"]
        assert here.channels() == []
