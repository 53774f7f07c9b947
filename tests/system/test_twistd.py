"""The installed product as an administrator runs it: a process of its own, real sockets, signals, files."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import attrs
import pytest

from tests.ports import consecutive_ports, free_ports

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

PROGRAMS = Path(sys.executable).parent
STOP_TIMEOUT = 5
"""Seconds that a stop may take: a contract with service managers."""


@attrs.frozen
class Site:
    """A folder with a config in it, and the ports that the config names."""

    folder: Path
    csta: int
    web: int

    @property
    def config(self) -> Path:
        return self.folder / "bwconnector.toml"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.csta}"

    def link_to(self, *ports: int) -> None:
        """Have the connector use the XSPs on these ports instead of a simulator of its own."""
        links = "".join(f'[link-xsp{port}]\nhostname = "127.0.0.1"\nport = {port}\ntls = false\n' for port in ports)
        account = f'channel-set-name = "{self.folder.name}"\nuser-id = "ctiadmin@example.net"\npassword = "ctiadmin"\n'
        text = self.config.read_text().partition("[simulator]")[0]
        self.config.write_text(textwrap.dedent(text).replace('channel-set-name = "test"\n', account) + links)
        self.config.chmod(0o600)

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.web}{path}", timeout=10) as answer:
            text: str = answer.read().decode()
            return text

    def wait_until_ready(self, alive: subprocess.Popen[str] | None = None) -> None:
        """Until the connector says that it can work; the test's own time-out ends a wait in vain."""
        while True:
            assert alive is None or alive.poll() is None, alive.communicate()
            try:
                self.get("/readyz")
            except OSError:  # nothing listens yet, or 503
                time.sleep(0.05)
            else:
                return


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path)


def make_site(folder: Path) -> Site:
    folder.mkdir(exist_ok=True)
    csta, web = free_ports(2)
    site = Site(folder, csta, web)
    site.config.write_text(
        f"""
        [Connector]
        channel-set-name = "test"
        app-controller = "test"
        [csta]
        listen = ["tcp:{csta}:interface=127.0.0.1"]
        [web]
        listen = "tcp:{web}:interface=127.0.0.1"
        [simulator]
        xsps = 2
        users = 10
        demo = true
        """
    )
    return site


def start(
    site: Site, *options: str, service: str = "bwconnector", environ: Mapping[str, str] = MappingProxyType({})
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [PROGRAMS / "twistd", *options, service, "--config", site.config],
        cwd=site.folder,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A connector in the foreground that is ready; at the end it is stopped as a service manager stops it."""
    site = make_site(tmp_path_factory.mktemp("running"))
    log = (site.folder / "output").open("w")
    process = subprocess.Popen(
        [PROGRAMS / "twistd", "-n", "--pidfile=", "bwconnector", "--config", site.config],
        cwd=site.folder,
        stdout=log,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        site.wait_until_ready(process)
        yield site
    finally:
        process.kill()
        process.wait()
        log.close()


def bwctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAMS / "bwctl", *arguments], capture_output=True, text=True, timeout=50)


def greeted(site: Site) -> list[str]:
    """The words of the command that the connector's greeting asks to paste."""
    (line,) = re.findall(r"bwctl (watch .*)", (site.folder / "output").read_text())
    return str(line).split()


def test_status(running: Site) -> None:
    done = bwctl("status", running.address)
    assert (done.returncode, done.stdout) == (0, "normal\n")


def test_the_line_to_paste_shows_demo_calls(running: Site) -> None:
    command = greeted(running)
    assert command[1] == running.address
    done = bwctl(*command, "--events", "3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") >= 4
    assert any(device in line for device in command[2:] for line in done.stdout.splitlines()[1:])


def test_a_dialled_call_is_watched(running: Site) -> None:
    calling, called, *_ = greeted(running)[2:]
    watch = subprocess.Popen(
        [PROGRAMS / "bwctl", "watch", running.address, calling], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert watch.stdout is not None
    try:
        assert any("watching" in line for line in watch.stdout)
        # demo calls may keep the device busy for a while
        while (done := bwctl("dial", running.address, calling, called)).returncode:
            time.sleep(0.2)
        call = done.stdout.split()[1]
        assert any(call in line for line in watch.stdout)
        watch.send_signal(signal.SIGINT)
        assert watch.wait(timeout=10) == 0
    finally:
        watch.kill()
        watch.wait()
        watch.stdout.close()


def test_web(running: Site) -> None:
    assert running.get("/livez") == "alive\n"
    assert json.loads(running.get("/readyz")) == {"state": "ready", "reasons": []}
    assert len(json.loads(running.get("/api/status"))["channels"]) == 2
    assert "BroadWorks Connector" in running.get("/")
    metrics = running.get("/metrics")
    assert len(re.findall(r"^bwconnector_channel_up\{.*\} 1\.0$", metrics, re.M)) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_in_time_and_in_order(site: Site, number: signal.Signals) -> None:
    process = start(site, "-n", "--pidfile=")
    try:
        site.wait_until_ready(process)
        process.send_signal(number)
        output, _ = process.communicate(timeout=STOP_TIMEOUT)
    finally:
        process.kill()
    assert process.returncode == 0, output
    assert "Main loop terminated" in output
    assert "Traceback" not in output


def test_a_signal_reloads_the_config(site: Site) -> None:
    process = start(site, "-n", "--pidfile=")
    assert process.stdout is not None
    try:
        site.wait_until_ready(process)
        text = site.config.read_text()
        site.config.write_text(text.replace("[csta]", "[csta]\nmax-links = 1"))
        process.send_signal(signal.SIGHUP)
        assert any("reload: [csta] max-links is 1, was 32; takes effect at once" in line for line in process.stdout)
        site.config.write_text("broken")
        process.send_signal(signal.SIGHUP)
        assert any("nothing has changed: " in line and "is no valid TOML" in line for line in process.stdout)
        assert bwctl("status", site.address).stdout == "normal\n"
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=STOP_TIMEOUT)
    finally:
        process.kill()
    assert process.returncode == 0, output


def test_the_log_as_json_and_a_new_file(site: Site) -> None:
    log = site.folder / "connector.log"
    site.config.write_text(site.config.read_text() + '[log]\nformat = "json"\nlevel = "info"\n')
    process = start(site, "-n", "--pidfile=", f"--logfile={log}")
    try:
        site.wait_until_ready(process)
        process.send_signal(signal.SIGUSR1)
        old = log.with_name("connector.log.1")
        while not old.exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=STOP_TIMEOUT)
    finally:
        process.kill()
    assert (process.returncode, output) == (0, "")
    entries = [json.loads(line) for file in (old, log) for line in file.read_text().splitlines()]
    assert all({"time", "level", "namespace", "message"} <= set(entry) for entry in entries)
    assert {entry["link"] for entry in entries if " is up as " in entry["message"] and entry["channel"]} == {"xsp1", "xsp2"}


def test_daemon(site: Site) -> None:
    pidfile, logfile = site.folder / "connector.pid", site.folder / "connector.log"
    process = start(site, f"--pidfile={pidfile}", f"--logfile={logfile}")
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    pid = int(pidfile.read_text())
    try:
        site.wait_until_ready()
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT
        while pidfile.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not pidfile.exists()
    finally:
        if pidfile.exists():
            os.kill(pid, signal.SIGKILL)
    log = logfile.read_text()
    assert "bwctl watch" in log
    assert "Server Shut Down" in log
    assert "Traceback" not in log


def test_systemd_is_told(site: Site) -> None:
    address = str(site.folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(30)
        process = start(site, "-n", "--pidfile=", environ={"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000000"})
        try:
            assert systemd.recv(4096) == b"READY=1"
            with socket.create_connection(("127.0.0.1", site.csta)):
                pass
            while b"STATUS=ready, system status normal: 2 of 2" not in (message := systemd.recv(4096)):
                assert message.startswith(b"WATCHDOG=1")
            process.send_signal(signal.SIGTERM)
            while (message := systemd.recv(4096)) != b"STOPPING=1":
                assert message.startswith(b"WATCHDOG=1")
            output, _ = process.communicate(timeout=STOP_TIMEOUT)
        finally:
            process.kill()
    assert process.returncode == 0, output


def test_two_connectors_share_one_simulator(tmp_path: Path) -> None:
    xsp1 = consecutive_ports(2)
    xsp2 = xsp1 + 1
    simulator = make_site(tmp_path / "simulator")
    simulator.config.write_text(f"[simulator]\nxsps = 2\nusers = 10\ndemo = false\nbase-port = {xsp1}\n")
    sites = [make_site(tmp_path / name) for name in ("east", "west")]
    processes = [start(simulator, "-n", "--pidfile=", service="bwsimulator")]
    try:
        for site in sites:
            site.link_to(xsp1, xsp2)
            processes.append(start(site, "-n", "--pidfile="))
        for site, process in zip(sites, processes[1:], strict=True):
            site.wait_until_ready(process)
        east, west = sites
        assert bwctl("dial", east.address, "1001", "1002").returncode == 0
        processes[1].send_signal(signal.SIGTERM)
        assert processes[1].wait(timeout=STOP_TIMEOUT) == 0
        assert bwctl("status", west.address).stdout == "normal\n"
        assert bwctl("dial", west.address, "1003", "1004").returncode == 0
        assert len(json.loads(west.get("/api/status"))["channels"]) == 2
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_a_config_that_cannot_be_used(site: Site) -> None:
    site.config.write_text("[Connector]\nkpl-interval = 601\n")
    process = start(site, "-n", "--pidfile=")
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "[Connector] channel-set-name: is mandatory, but missing" in output
    assert "[Connector] kpl-interval: must be a whole number from 0 to 600, not 601" in output
    assert "Traceback" not in output


def test_a_port_that_is_taken(site: Site) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", site.csta))
        taken.listen()
        process = start(site, "-n", "--pidfile=")
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"Cannot listen on port {site.csta} of 127.0.0.1: " in output
    assert "Address already in use. Is another connector running?" in output
    assert "Traceback" not in output


def test_the_drill_of_the_documents(tmp_path: Path) -> None:
    """Its config, with other ports, and its requests one after the other have the effects that it promises."""
    text = (Path(__file__).parents[2] / "docs" / "operations.rst").read_text(encoding="utf-8")
    (drill,) = re.findall(r"This is ``drill.toml``::\n\n((?:    .*\n|\n)+)", text)
    csta, web, admin = free_ports(3)
    site = Site(tmp_path, csta, web)
    for documented, port in ((1040, csta), (8040, web), (8090, admin)):
        assert str(documented) in drill
        drill = drill.replace(str(documented), str(port))
    site.config.write_text(textwrap.dedent(drill))
    process = start(site, "-n", "--pidfile=")
    seen = []
    try:
        site.wait_until_ready(process)
        for path in re.findall(r"``curl -X POST http://127\.0\.0\.1:8090(/\S+)``", text):
            urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{admin}{path}", method="POST"), timeout=10).close()
            becomes = {
                "/xsps/xsp1/kill": "degraded",
                "/xsps/xsp2/kill": "down",
                "/xsps/xsp1/revive": "degraded",
                "/xsps/xsp2/revive": "ready",
            }
            while json.loads(site.get("/api/status"))["state"] != becomes[path]:
                time.sleep(0.05)
            seen.append((becomes[path], bwctl("status", site.address).stdout))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=STOP_TIMEOUT) == 0
    finally:
        process.kill()
        process.communicate()
    assert seen == [("degraded", "normal\n"), ("down", "disabled\n"), ("degraded", "normal\n"), ("ready", "normal\n")]
