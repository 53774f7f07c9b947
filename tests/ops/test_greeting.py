"""What the connector says at its start."""

from __future__ import annotations

import sys
from pathlib import Path

import attrs
import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress

from bwconnector.checks import Secret
from bwconnector.config import ConnectorOptions, ManholeOptions, demo
from bwconnector.ops.greeting import Addresses, bwctl_here, describe


def test_demo() -> None:
    config = demo()
    addresses = Addresses(
        csta=[IPv4Address("TCP", "127.0.0.1", 1040)],
        web=IPv4Address("TCP", "127.0.0.1", 8040),
        manhole=IPv4Address("TCP", "127.0.0.1", 4040),
        devices=["1000", "1001"],
    )
    assert describe(config, addresses).splitlines() == [
        "The BroadWorks Connector is up on its embedded BroadWorks simulator.",
        "  CSTA         127.0.0.1:1040",
        "  status page  http://127.0.0.1:8040/",
        f"  manhole      telnet 127.0.0.1 4040  (user admin, password {config.manhole.password.reveal()})",
        "Watch it at work: bwctl watch 127.0.0.1:1040 1000 1001",
    ]


def test_only_what_there_is() -> None:
    config = attrs.evolve(demo(), simulator=None, manhole=ManholeOptions())
    assert describe(config, Addresses()) == "The BroadWorks Connector is up."


def test_no_password_but_the_demos() -> None:
    connector = ConnectorOptions(channel_set_name="x", app_controller="x", password=Secret("hunter2"))
    config = attrs.evolve(demo(), connector=connector, manhole=ManholeOptions(listen="unix:m", passwd_file="users"))
    text = describe(config, Addresses(manhole=UNIXAddress(b"/run/m")))
    assert "hunter2" not in text
    assert "  manhole      /run/m\n" in text + "\n"


def test_a_manhole_over_ssh() -> None:
    told = describe(attrs.evolve(demo(), manhole=ManholeOptions()), Addresses(ssh=IPv4Address("TCP", "0.0.0.0", 4022)))
    assert "  manhole      ssh -p 4022 127.0.0.1" in told.splitlines()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (IPv4Address("TCP", "0.0.0.0", 1040), "127.0.0.1:1040"),
        (IPv6Address("TCP", "::", 1040), "[::1]:1040"),
        (IPv6Address("TCP", "fe80::1", 1040), "[fe80::1]:1040"),
    ],
)
def test_the_line_to_paste_has_an_address_to_connect_to(address: IAddress, shown: str) -> None:
    assert f"bwctl watch {shown} DEVICE..." in describe(demo(), Addresses(csta=[address]))


class TestBwctl:
    @pytest.fixture(autouse=True)
    def installed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """An installation in ``.venv`` of the current directory, which is not on the PATH."""
        programs = tmp_path / ".venv" / "bin"
        programs.mkdir(parents=True)
        (programs / "bwctl").touch(mode=0o755)
        monkeypatch.setattr(sys, "executable", str(programs / "python"))
        monkeypatch.setenv("PATH", "/usr/bin")
        monkeypatch.chdir(tmp_path)
        return programs

    def test_is_called_by_its_path(self) -> None:
        assert bwctl_here() == ".venv/bin/bwctl"

    def test_is_called_by_its_whole_path_from_elsewhere(self, installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (installed / "elsewhere").mkdir()
        monkeypatch.chdir(installed / "elsewhere")
        assert bwctl_here() == f"{installed}/bwctl"

    def test_is_called_by_its_name_where_that_works(self, installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(installed))
        assert bwctl_here() == "bwctl"

    def test_that_is_not_installed(self, installed: Path) -> None:
        (installed / "bwctl").unlink()
        assert bwctl_here() == "bwctl"
