"""Warnings of certificates that run out: in time, and each once."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from bwconnector.ops.certificates import DAY, FIRST_LOOK, INTERVAL, CertificateWatch, expiry_of_file

from ..test_listening import certify


class World:
    def __init__(self, **expiries: float) -> None:
        self.clock = Clock()
        self.clock.advance(100 * DAY)
        self.expiries = {name: self.clock.seconds() + days * DAY for name, days in expiries.items()}
        self.watch = CertificateWatch(self.clock, lambda: self.expiries)
        self.watch.startService()

    def pass_days(self, days: float) -> None:
        for _ in range(int(days * 24)):
            self.clock.advance(INTERVAL)


@pytest.fixture
def text(log_text: io.StringIO) -> io.StringIO:
    return log_text


def warnings(text: io.StringIO) -> list[str]:
    return [" ".join(line.split()[-4:]) for line in text.getvalue().splitlines()]


def test_each_warning_comes_once(text: io.StringIO) -> None:
    world = World(port=40)
    world.pass_days(9)
    assert warnings(text) == []
    world.pass_days(29)
    assert warnings(text) == ["less than 30 days", "less than 7 days"]
    world.pass_days(3)
    assert warnings(text)[2] == "less than 1 days"
    assert "certificate port has expired on 1970-05-21" in text.getvalue().splitlines()[3]
    world.pass_days(10)
    assert len(warnings(text)) == 4
    world.watch.stopService()


def test_soon_after_the_start(text: io.StringIO) -> None:
    world = World(port=5)
    world.clock.advance(FIRST_LOOK)
    assert warnings(text) == ["less than 7 days"]
    world.watch.stopService()
    assert not world.clock.getDelayedCalls()


def test_a_renewed_one_begins_anew(text: io.StringIO) -> None:
    world = World(port=5)
    world.watch.look()
    world.expiries["port"] += 60 * DAY
    world.watch.look()
    assert len(warnings(text)) == 1
    world.pass_days(40)
    assert warnings(text) == ["less than 7 days", "less than 30 days"]
    world.watch.stopService()


def test_files(tmp_path: Path) -> None:
    old, young = certify("old", days=-0.5), certify("young", days=9)
    ends = [each.certificate.not_valid_after_utc.timestamp() for each in (old, young)]
    file = tmp_path / "ca.pem"
    file.write_bytes(young.public + old.public)
    assert expiry_of_file(str(file), ends[0] - 1) == ends[0]
    assert expiry_of_file(str(file), ends[0] + 1) == ends[1]
    assert expiry_of_file(str(file), ends[1] + 1) == ends[1]
    file.write_text("nothing")
    assert expiry_of_file(str(file), 0) is None
    assert expiry_of_file(str(tmp_path / "absent"), 0) is None
