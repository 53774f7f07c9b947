"""No secret is shown: the product runs with secrets that are known here, makes every kind of noise, and all of it is searched for them."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from bwconnector.csta import messages as csta
from bwconnector.csta.connection import CstaConnection, Received
from bwconnector.csta.xml import ED3
from tests.ports import consecutive_ports, free_ports

from ..test_listening import certify
from .test_twistd import PROGRAMS, Site, bwctl, make_site, start

pytestmark = [pytest.mark.system, pytest.mark.timeout(90)]

USER = "ctiadmin@example.net"
SECRETS = {
    "XSI password": "Xsi+Geheim/7%Umlaut=ü",
    "wrong XSI password": "Xsi+Falsch/9%Umlaut=ö",
    "manhole password": "Man&Hole/Pass'wort\\3",
    "wrong manhole password": "Man&Falsch/Pass'wort\\4",
    "agent password": "Agent+5173/Kennwort",
    "account code": "Konto+7391/Nummer",
    "authorisation code": "Berechtigung+8264/Nummer",
    "digits": "3358*4711#9",
}
IAC = 255
WILL, WONT, DO, DONT = 251, 252, 253, 254


def forms(secret: str) -> dict[str, str]:
    """What a secret looks like where programs write it."""
    data = secret.encode()
    # in the middle of something encoded, a secret begins at one of three places of a group, and its ends depend on what is beside it
    shifted = {f"base64, at {n}": base64.b64encode(b"\0" * n + data).decode().rstrip("=")[(0, 2, 3)[n] : -2] for n in range(3)}
    return {
        "plain": secret,
        "repr": repr(secret)[1:-1],
        "repr of bytes": repr(data)[2:-1],
        "JSON": json.dumps(secret)[1:-1],
        "quoted": urllib.parse.quote(secret, safe=""),
        "quoted for paths": urllib.parse.quote(secret),
        "hexadecimal": data.hex(),
        "HEXADECIMAL": data.hex().upper(),
        "reversed": secret[::-1],
        "Basic": base64.b64encode(f"{USER}:{secret}".encode()).decode(),
        **shifted,
    }


@pytest.mark.parametrize("secret", SECRETS.values(), ids=list(SECRETS))
def test_each_form_would_be_found(secret: str) -> None:
    encoded = base64.b64encode(f"{USER}:{secret}".encode()).decode()
    assert any(form in encoded for name, form in forms(secret).items() if name.startswith("base64"))
    assert all(len(form) > 8 for form in forms(secret).values())


class Noise:
    """Everything that was heard, by where."""

    def __init__(self) -> None:
        self.heard: dict[str, str] = {}

    def hear(self, where: str, text: str) -> str:
        self.heard[f"{where} ({len(self.heard)})"] = text
        return text

    def found(self) -> list[str]:
        return [
            f"{name} as {form} in {where}"
            for where, text in self.heard.items()
            for name, secret in SECRETS.items()
            for form, shown in forms(secret).items()
            if shown in text
        ]


@attrs.define
class Here:
    """A connector whose XSPs are a simulator's of its own process.

    :ivar log: where it logs
    """

    site: Site
    manhole: int
    log: Path
    process: subprocess.Popen[str]
    noise: Noise = attrs.Factory(Noise)

    def logs(self, words: str) -> None:
        """Wait until the log says this; the test's own time-out ends a wait in vain."""
        while words not in self.log.read_text(encoding="utf-8"):
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            time.sleep(0.05)

    def set_password(self, secret: str) -> None:
        (self.site.folder / "xsi.password").write_text(secret + "\n", encoding="utf-8")
        self.process.send_signal(signal.SIGHUP)

    def get(self, path: str) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.site.web}{path}", timeout=10) as answer:
                return self.noise.hear(path, str(answer.headers) + answer.read(200_000).decode())
        except urllib.error.HTTPError as refused:
            return self.noise.hear(path, str(refused.headers) + refused.read().decode())

    def bwctl(self, *arguments: str) -> str:
        done = bwctl(*arguments)
        return self.noise.hear(f"bwctl {arguments[0]}", done.stdout + done.stderr)


class Telnet:
    """A session of the manhole that agrees to every option."""

    def __init__(self, here: Here) -> None:
        self._here = here
        self._socket = socket.create_connection(("127.0.0.1", here.manhole), timeout=20)
        self.screen = ""
        self._raw = b""

    def until(self, words: str, times: int = 1) -> None:
        while self.screen.count(words) < times:
            data = self._socket.recv(65536)
            assert data, self.screen
            self._raw += data
            self._agree(data)
            self.screen = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]|\x1b.", b"", self._raw).decode("latin-1")

    def _agree(self, data: bytes) -> None:
        answer = {WILL: DO, WONT: DONT, DO: WILL, DONT: WONT}
        for place in range(len(data) - 2):
            if data[place] == IAC and data[place + 1] in answer:
                self._socket.sendall(bytes((IAC, answer[data[place + 1]], data[place + 2])))

    def type(self, line: str) -> None:
        self._socket.sendall(line.encode() + b"\r\n")

    def run(self, line: str, number: int) -> None:
        """A line of Python, and wait until the prompt is back."""
        self.type(line)
        self.type(f"print('done', {number}, 'of these')")
        self.until(f"done {number} of these")

    def close(self) -> None:
        self._here.noise.hear("manhole", self.screen)
        self._here.noise.hear("manhole, with colours", self._raw.decode("latin-1"))
        self._socket.close()


class Client:
    """A T-Server that waits for each answer."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._connection = CstaConnection()

    def ask(self, request: csta.Request) -> csta.Message:
        invoke_id = self._connection.next_invoke_id()
        self._socket.sendall(self._connection.send(invoke_id, request, ED3))
        while True:
            self._connection.receive_data(self._socket.recv(65536))
            for item in self._connection:
                if isinstance(item, Received) and item.invoke_id == invoke_id and isinstance(item.message, csta.Response):
                    return item.message

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    xsp = consecutive_ports(2)
    simulator = make_site(tmp_path / "simulator")
    quoted = SECRETS["XSI password"]
    simulator.config.write_text(
        f'[simulator]\nxsps = 2\nusers = 10\ndemo = false\nbase-port = {xsp}\nuser-id = "{USER}"\npassword = "{quoted}"\n', encoding="utf-8"
    )
    site = make_site(tmp_path / "connector")
    (manhole,) = free_ports(1)
    files = {
        "xsi.password": SECRETS["XSI password"] + "\n",
        "manhole.users": f"admin:{SECRETS['manhole password']}\n",
        "own.pem": certify("connector.example.net").pem.decode(),
    }
    for name, text in files.items():
        (site.folder / name).write_text(text, encoding="utf-8")
        (site.folder / name).chmod(0o600)
    links = "".join(f'[link-xsp{n}]\nhostname = "127.0.0.1"\nport = {xsp + n}\ntls = false\n' for n in range(2))
    site.config.write_text(
        f"""
[Connector]
channel-set-name = "secrets"
app-controller = "secrets"
user-id = "{USER}"
password-file = "xsi.password"
default-domain = "example.net"
link-recovery-tout = 1
{links}
[csta]
listen = ["tcp:{site.csta}:interface=127.0.0.1"]
[web]
listen = "tcp:{site.web}:interface=127.0.0.1"
[manhole]
listen = "tcp:{manhole}:interface=127.0.0.1"
passwd-file = "manhole.users"
writes = true
[recorder]
directory = "."
mask-digits = true
[log]
level = "debug"
""",
        encoding="utf-8",
    )
    log = site.folder / "log"
    processes = [start(simulator, "-n", "--pidfile=", service="bwsimulator")]
    try:
        processes.append(start(site, "-n", "--pidfile=", f"--logfile={log}"))
        site.wait_until_ready(processes[1])
        yield Here(site, manhole, log, processes[1])
    finally:
        for process in reversed(processes):
            process.kill()
            process.communicate()


def ask_with_secrets(client: Client) -> None:
    """Requests that carry secrets, some of which are carried out, some refused."""
    codes: dict[str, Any] = {
        "account_code": SECRETS["account code"].encode(),
        "auth_code": SECRETS["authorisation code"].encode(),
    }
    client.ask(csta.MonitorStart(monitor_object=csta.MonitorObject(device_object="1001")))
    for device in ("1001", "nobody"):
        client.ask(
            csta.SetAgentState(
                device=device, requested_agent_state="loggedOn", password=SECRETS["agent password"].encode(), agent_id=device
            )
        )
    made = client.ask(csta.MakeCall(calling_device="1001", called_directory_number="1002", **codes))
    assert isinstance(made, csta.MakeCallResponse)
    for call_id in (made.calling_device.call_id, "none"):
        there = csta.ConnectionID(call_id, "1001")
        client.ask(csta.GenerateDigits(connection_to_send_digits=there, characters_to_send=SECRETS["digits"]))
        client.ask(csta.ConsultationCall(existing_call=there, consulted_device="1003", **codes))


def pages(here: Here) -> None:
    for path in ("/", "/api/status", "/livez", "/readyz", "/metrics", "/nowhere"):
        here.get(path)
    with socket.create_connection(("127.0.0.1", here.site.web), timeout=20) as stream:
        stream.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        here.noise.hear("/api/stream", stream.recv(65536).decode())


def manhole(here: Here) -> None:
    telnet = Telnet(here)
    for number, password in enumerate(("wrong manhole password", "manhole password"), 1):
        telnet.until("Username: ", number)
        telnet.type("admin")
        telnet.until("Password: ", number)
        telnet.type(SECRETS[password])
    telnet.until(">>> ")
    lines = [
        "help()", "channels()", "links()", "monitors()", "calls()", "suspects()", "subscriptions()", "device('1001')", "trace('1001')",
        "inspect()", "service", "service.config", "service.config.connector", "service.config.connector.password", "service.config.manhole",
        "service.xsps", "service.acks", "[each.settings for each in service.xsps.values()]", "vars(service).keys()", "service.reload()",
        "dump()",
    ]  # fmt: skip
    for number, line in enumerate(lines):
        telnet.run(line, number)
    # what is broken from here on is not mended: services fail with requests in their frames
    telnet.run("service.bridge.directory.find = lambda name: 1 / 0", 100)
    telnet.run("service.bridge.switch.agents.guest_at = lambda device: 1 / 0", 101)
    telnet.close()


def crash(here: Here, client: Client) -> None:
    """Requests that fail with a traceback, which has the recorder write a file."""
    for request in (
        csta.SetAgentState(device="1001", requested_agent_state="ready", password=SECRETS["agent password"].encode()),
        csta.MakeCall(calling_device="1009", called_directory_number="1002", account_code=SECRETS["account code"].encode()),
    ):
        answer = client.ask(request)
        assert isinstance(answer, csta.CSTAErrorCode), answer
        assert answer.value == "generic"
    here.logs("ZeroDivisionError")


def wrong_password(here: Here) -> None:
    """A file that has changed is read on SIGHUP: the wrong password is refused, and the right one is taken again."""
    here.set_password(SECRETS["wrong XSI password"])
    here.logs("[Connector] password has changed")
    (here.site.folder / "both.toml").write_text(here.site.config.read_text(encoding="utf-8"), encoding="utf-8")
    here.bwctl("check", str(here.site.folder / "both.toml"), "1001")
    assert "account was refused" in here.noise.heard[list(here.noise.heard)[-1]]
    here.bwctl("status", here.site.address)
    client = Client(here.site.csta)
    answer = client.ask(csta.SnapshotDevice(snapshot_object="1005"))
    client.close()
    assert answer == csta.CSTAErrorCode("security", "generic")
    here.set_password(SECRETS["XSI password"])
    client = Client(here.site.csta)
    while client.ask(csta.SnapshotDevice(snapshot_object="1005")) == answer:
        time.sleep(0.1)
    client.close()


def bad_configs(here: Here) -> None:
    """Files that are wrong in every place where there is a secret, read by bwctl, by the connector at its start, and by a reload."""
    good = here.site.config.read_text(encoding="utf-8")
    secret = SECRETS["XSI password"]
    literal = json.dumps(secret, ensure_ascii=False)
    wrong: dict[str, Callable[[str], str]] = {
        "no quotes": lambda text: text.replace('password-file = "xsi.password"', f"password = {secret}"),
        "no end": lambda text: text.replace('password-file = "xsi.password"', f'password = "{secret}'),
        "a list": lambda text: text.replace('password-file = "xsi.password"', f"password = [{literal}]"),
        "misspelt": lambda text: text.replace('password-file = "xsi.password"', f"pasword = {literal}"),
        "two": lambda text: text.replace("[csta]", f"password = {literal}\n[csta]", 1),
        "elsewhere": lambda text: text.replace("writes = true", f"writes = true\npassword = {literal}"),
    }
    for name, change in wrong.items():
        file = here.site.folder / "wrong.toml"
        file.write_text(change(good), encoding="utf-8")
        file.chmod(0o600)
        assert "PROBLEM" in here.bwctl("check", str(file)), name
        done = subprocess.run(
            [PROGRAMS / "twistd", "-n", "--pidfile=", "bwconnector", "--config", file], cwd=here.site.folder, capture_output=True, text=True
        )
        assert done.returncode == 1, name
        here.noise.hear(f"twistd, {name}", done.stdout + done.stderr)
        here.site.config.write_text(change(good), encoding="utf-8")
        before = here.log.read_text(encoding="utf-8").count("nothing has changed")
        here.process.send_signal(signal.SIGHUP)
        while here.log.read_text(encoding="utf-8").count("nothing has changed") == before:
            time.sleep(0.05)
    here.site.config.write_text(good, encoding="utf-8")
    (here.site.folder / "xsi.password").chmod(0o644)
    assert "can be read by other users (mode 0644)" in here.bwctl("check", str(here.site.config))
    (here.site.folder / "xsi.password").chmod(0o600)


def recordings(here: Here) -> None:
    """What the recorder has written, as it is and as the tools tell it."""
    here.process.send_signal(signal.SIGUSR2)
    while not {"on", "error", "signal"} <= {path.name.removesuffix(".jsonl.gz").rpartition("-")[2] for path in files(here)}:
        time.sleep(0.05)
    time.sleep(0.5)  # until they are complete
    for path in files(here):
        text = here.noise.hear(path.name, gzip.decompress(path.read_bytes()).decode())
        assert "SetAgentState" in text and "GenerateDigits" in text
        here.bwctl("replay", str(path))
        call = re.search(r"<callID>([^<]+)<", text)
        assert call is not None
        here.bwctl("call", call[1], "--file", str(path))


def files(here: Here) -> list[Path]:
    return list(here.site.folder.glob("bwconnector-*.jsonl.gz"))


def process_list(here: Here) -> None:
    for name in ("cmdline", "status", "stat", "comm"):
        here.noise.hear(f"/proc/PID/{name}", Path(f"/proc/{here.process.pid}/{name}").read_text(errors="replace"))
    assert b"twistd" in Path(f"/proc/{here.process.pid}/cmdline").read_bytes()


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")  # noqa: PTH112
def test_no_secret_is_shown(here: Here) -> None:
    client = Client(here.site.csta)
    ask_with_secrets(client)
    pages(here)
    process_list(here)
    wrong_password(here)
    bad_configs(here)
    # the rest of the log is JSON
    config = here.site.config
    config.write_text(config.read_text(encoding="utf-8").replace('level = "debug"', 'level = "debug"\nformat = "json"'), encoding="utf-8")
    here.process.send_signal(signal.SIGHUP)
    here.logs('"message": "the config was reloaded')
    client = Client(here.site.csta)
    ask_with_secrets(client)
    manhole(here)
    crash(here, client)
    client.close()
    recordings(here)
    pages(here)
    here.bwctl("links", f"http://127.0.0.1:{here.site.web}/")
    here.process.send_signal(signal.SIGTERM)
    output, _ = here.process.communicate(timeout=30)
    here.noise.hear("standard output", output)
    log = here.noise.hear("log", here.log.read_text(encoding="utf-8"))
    for path in here.site.folder.glob("log.*"):
        log += here.noise.hear(path.name, path.read_text(encoding="utf-8"))
    for made in (
        "#debug",
        '"level": "debug"',
        "Traceback",
        "service=SetAgentState",
        '"service": "GenerateDigits"',
        "wrong user or password",
    ):
        assert made in log, f"no noise of this kind: {made}"
    assert here.noise.found() == []
