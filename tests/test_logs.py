"""The log: who gets in, in which form, and how often."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import Logger, LogLevel, LogPublisher, formatTime

from bwconnector.logs import MOST, WINDOW, LogOutput, log_file
from bwconnector.options import LogOptions


class Log:
    """A log of its own.

    :ivar say: a logger of this namespace
    """

    def __init__(self, **options: Any) -> None:
        self.file = io.StringIO()
        self.clock = Clock()
        self.clock.advance(1_800_000_000)
        self.output = LogOutput(self.file, LogOptions(**options))
        self.publisher = LogPublisher(lambda event: self.output({**event, "log_time": self.clock.seconds()}))

    def logger(self, namespace: str = "bwconnector.test") -> Logger:
        return Logger(namespace, observer=self.publisher)

    @property
    def lines(self) -> list[str]:
        return self.file.getvalue().splitlines()

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


@pytest.fixture(params=["text", "json"])
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    yield Log(format=request.param)


def messages(log: Log) -> list[str]:
    return [json.loads(line)["message"] if line.startswith("{") else line.split("] ", 1)[1] for line in log.lines]


def test_text() -> None:
    log = Log()
    log.logger().warn("link {link} is slow", link="xsp1")
    assert log.lines == [f"{formatTime(1_800_000_000)} [bwconnector.test#warn] link xsp1 is slow"]


def test_json() -> None:
    log = Log(format="json")
    log.logger().warn("link {link}: {device} has {count} calls", link="xsp1", device="1001", count=3, call=None, error=ValueError("ü\n"))
    assert log.objects == [
        {
            "time": "2027-01-15T08:00:00.000Z",
            "level": "warn",
            "namespace": "bwconnector.test",
            "message": "link xsp1: 1001 has 3 calls",
            "link": "xsp1",
            "device": "1001",
            "count": 3,
            "error": "ü\n",
        }
    ]


def test_tracebacks(log: Log) -> None:
    try:
        raise ZeroDivisionError("of course")
    except ZeroDivisionError:
        log.logger().failure("link {link}: it failed", link="xsp1")
    assert "link xsp1: it failed" in log.lines[0]
    assert "ZeroDivisionError: of course" in log.file.getvalue()
    assert all(json.loads(line)["traceback"] for line in log.lines if line.startswith("{"))


def test_what_older_parts_of_twisted_say() -> None:
    log = Log(format="json")
    log.output({"log_format": "{log_text}", "log_text": "Main loop", "system": "-", "time": 1.0, "isError": 0, "log_time": 1.0})
    ((entry),) = log.objects
    assert entry == {"time": "1970-01-01T00:00:01.000Z", "level": "info", "namespace": "", "message": "Main loop"}


def test_levels() -> None:
    log = Log(level="warn", levels=(("bwconnector.xsi", "debug"), ("bwconnector.xsi.acks", "error")))
    namespaces = ("bwconnector.csta", "bwconnector.xsi.channel", "bwconnector.xsi.acks", "bwconnector.xsinot")

    def heard() -> dict[str, list[str]]:
        before = len(log.lines)
        for namespace in namespaces:
            for level in LogLevel.iterconstants():
                log.logger(namespace).emit(level, "{namespace}:{name}", namespace=namespace, name=level.name)
        said = [line.split("] ")[1].split(":") for line in log.lines[before:]]
        return {name: [level for space, level in said if space == name] for name in namespaces}

    all_levels = [level.name for level in LogLevel.iterconstants()]
    loud = ["warn", "error", "critical"]
    assert heard() == dict(zip(namespaces, (loud, all_levels, ["error", "critical"], loud), strict=True))
    log.clock.advance(2 * WINDOW)
    log.output.change(LogOptions(level="critical"))
    assert heard() == {name: ["critical"] for name in namespaces}


def test_a_change_of_the_form(log: Log) -> None:
    log.logger().info("before")
    log.output.change(LogOptions(format="json" if log.lines[0][0] != "{" else "text"))
    log.logger().info("after")
    assert messages(log) == ["before", "after"]
    assert [line.startswith("{") for line in log.lines].count(True) == 1


# Repetitions


def down(log: Log, link: str, reason: str = "lost", delay: float = 1.0) -> None:
    log.logger().warn("channel {link} is down: {reason}; next try in {delay:.1f} s", link=link, reason=reason, delay=delay)


def test_what_comes_again_is_counted(log: Log) -> None:
    for delay in range(5):
        down(log, "xsp1", delay=delay)
        log.clock.advance(1)
    assert messages(log) == ["channel xsp1 is down: lost; next try in 0.0 s"]
    log.clock.advance(WINDOW)
    log.logger().info("something else")
    last = "channel xsp1 is down: lost; next try in 4.0 s"
    if log.lines[0].startswith("{"):
        assert messages(log)[1:] == [last, "something else"]
        assert [entry.get("repeated") for entry in log.objects] == [None, 4, None]
    else:
        assert messages(log)[1:] == [last + " (repeated 4 times)", "something else"]
    down(log, "xsp1")
    assert len(log.lines) == 4


def test_other_links_and_other_reasons_are_something_else(log: Log) -> None:
    for link in ("xsp1", "xsp2"):
        for reason in ("lost", "refused"):
            down(log, link, reason)
    assert len(log.lines) == 4


def test_after_good_news_a_warning_is_new(log: Log) -> None:
    for link in ("xsp1", "xsp2", "xsp1", "xsp2"):
        down(log, link)
    log.logger().info("channel {link} is up", link="xsp1")
    down(log, "xsp1")
    down(log, "xsp2")
    assert len(log.lines) == 5
    assert [text.split(" (")[0][8:20] for text in messages(log)] == [
        "xsp1 is down",
        "xsp2 is down",
        "xsp1 is down",
        "xsp1 is up",
        "xsp1 is down",
    ]


def test_the_port_of_a_stranger_is_no_difference(log: Log) -> None:
    for port in range(50000, 50010):
        log.logger().warn("connection from {peer} is refused", peer=f"10.0.0.9:{port}")
    log.logger().warn("connection from {peer} is refused", peer="10.0.0.8:1")
    assert len(log.lines) == 2


def test_what_is_no_warning_is_never_left_out(log: Log) -> None:
    for _ in range(3):
        log.logger().info("channel {link} is up", link="xsp1")
    assert len(log.lines) == 3


def test_what_was_counted_is_said_at_the_end(log: Log) -> None:
    for _ in range(2):
        down(log, "xsp1")
    log.output.flush()
    log.output.flush()
    assert len(log.lines) == 2
    assert "once more" in log.lines[1] or log.objects[1]["repeated"] == 1


def test_nothing_is_remembered_for_ever() -> None:
    log = Log()
    for number in range(100):
        down(log, f"xsp{number}")
    log.clock.advance(WINDOW)
    log.logger().info("later")
    assert log.output._repeats._seen == {}
    assert len(log.lines) == 101


# Where it goes


def test_twistd_decides_where_it_goes(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert log_file(None) is None
    assert log_file({"syslog": True, "logfile": ""}) is None
    assert log_file({"logger": "some.observer", "nodaemon": True}) is None
    assert log_file({"logfile": "-", "nodaemon": False}) is None
    file = log_file({"logfile": None, "nodaemon": True})
    assert file is not None
    file.write("to the terminal\n")
    assert capsys.readouterr().out == "to the terminal\n"
    for name, path in ((None, "twistd.log"), ("other.log", "other.log")):
        file = log_file({"logfile": name, "nodaemon": name is not None})
        assert file is not None
        LogOutput(file, LogOptions())({"log_format": "ü", "log_time": 0.0, "log_level": LogLevel.info})
        file.close()
        assert (tmp_path / path).read_text(encoding="utf-8") == f"{formatTime(0.0)} [-#info] ü\n"


def test_what_is_audited_or_for_debugging_is_no_news(log: Log) -> None:
    for _ in range(3):
        log.logger().warn("link {link}: a request is refused", link="tserver-1")
        log.logger("bwconnector.audit").info("link={link} outcome=done", link="tserver-1")
        log.logger().debug("link {link}: MakeCall refused", link="tserver-1")
    assert [line for line in messages(log) if "a request" in line] == ["link tserver-1: a request is refused"]
    log.logger().info("link {link} is gone", link="tserver-1")
    assert len([line for line in messages(log) if "a request" in line]) == 2


@pytest.mark.parametrize("level", [LogLevel.debug, LogLevel.info, LogLevel.warn])
def test_a_flood_is_counted(log: Log, level: Any) -> None:
    """Whatever each line is about: that may be a peer's choice."""
    for number in range(10_000):
        log.logger().emit(level, "link {link} to {peer} is open", link=f"tserver-{number}", peer=f"192.0.2.7:{number}")
    assert len(log.lines) == MOST
    log.logger().info("something else")
    assert len(log.lines) == MOST + 1
    log.clock.advance(WINDOW)
    log.logger().info("something else")
    assert len(log.lines) == MOST + 3
    assert f"{10_000 - MOST} times" in log.lines[-2] or json.loads(log.lines[-2])["repeated"] == 10_000 - MOST
    assert "tserver-9999" in log.lines[-2]
    log.logger().emit(level, "link {link} to {peer} is open", link="tserver-1", peer="192.0.2.7:1")
    assert len(log.lines) == MOST + 4


def test_a_flood_fills_no_memory(log: Log) -> None:
    for number in range(10_000):
        log.logger().warn("it is {words}", words=f"different each time: {number}x")
    assert len(log.output._repeats._seen) <= MOST + 1


def test_a_flood_of_one_message_leaves_the_others_alone(log: Log) -> None:
    for number in range(10 * MOST):
        log.logger().info("link {link} is open", link=f"tserver-{number}")
        log.logger().info(f"line {number}")
    assert len(log.lines) == 11 * MOST


def test_every_line_of_the_audit_is_written(log: Log) -> None:
    for number in range(2 * MOST):
        log.logger("bwconnector.audit").info("link={link} invoke={number}", link="tserver-1", number=number)
    assert len(log.lines) == 2 * MOST
