"""The recorder's ring, what never gets into it, and its files."""

from __future__ import annotations

import gzip
import json
import os
import signal
import stat
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.logger import Logger

from bwconnector.bridge.devices import Device
from bwconnector.csta.framing import encode_frame
from bwconnector.csta.messages import MonitorFilter
from bwconnector.ops import flight
from bwconnector.ops.dump import Dump, DumpError, read_dump, write_dump
from bwconnector.ops.flight import FlightRecorder
from bwconnector.ops.recorder import ENTRY, ChangeNote, Entry, Failed, Keyframe, Moment, MonitorNote, Recorder, Recording
from bwconnector.xsi.channel import ChannelStatus, State
from bwconnector.xsi.errors import NoXspAvailable, OutcomeUnknown, Refused
from bwconnector.xsi.requests import Request, Response, dial, transmit_dtmf

from ..conftest import LoggedErrors


class Time:
    """Seconds that go on by one whenever they are asked for."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def recorder(size: int = 1_000_000, mask_digits: bool = False) -> Recorder:
    return Recorder(Time(), size, mask_digits)


def kept(recorder: Recorder) -> list[Entry]:
    return recorder.recording().entries


class TestRing:
    def test_refers_to_what_passes(self) -> None:
        ring = recorder()
        document, frame = b"<Event/>", encode_frame("9999", b"<DeliveredEvent/>")
        ring.xsi("xsp1", "document", document)
        ring.csta("tserver-1", "out", frame)
        first, second = kept(ring)
        assert (first.word, first.link, second.word, second.link) == ("document", "xsp1", "out", "tserver-1")
        assert first.what is document
        assert second.what is frame
        assert first.time < second.time

    @pytest.mark.parametrize("length", [10, 500, 5_000])
    def test_holds_most_of_its_size_and_no_more(self, length: int) -> None:
        size = 400_000
        ring = recorder(size)
        for _ in range(3 * size // (length + ENTRY)):
            ring.xsi("xsp1", "document", b"x" * length)
            assert ring.used <= size + length + ENTRY
        assert sum(len(entry.what) + ENTRY for entry in kept(ring)) >= size * 3 // 4 - length

    def test_forgets_the_oldest(self) -> None:
        ring = recorder(100_000)
        for number in range(2_000):
            ring.xsi("xsp1", "document", b"%d" % number)
        numbers = [int(entry.what) for entry in kept(ring)]
        assert numbers == list(range(numbers[0], 2_000))
        assert ring.since <= kept(ring)[0].time

    def test_begins_with_what_there_was_then(self) -> None:
        ring = recorder(100_000)
        seen: list[float] = []

        def moment() -> Moment:
            seen.append(now := ring._seconds())
            return Moment(now, 80, lambda: Keyframe(time=now, calls=frozenset({f"call at {now}"})))

        ring.moment = moment
        for _ in range(2_000):
            ring.xsi("xsp1", "document", b"x")
        keyframe = ring.recording().keyframe
        assert keyframe.calls == {f"call at {keyframe.time}"}
        assert keyframe.time in seen[:-2]
        assert keyframe.time < kept(ring)[0].time

    def test_is_not_filled_by_keyframes(self) -> None:
        ring = recorder(100_000)
        ring.moment = lambda: Moment(0.0, 20_000, lambda: Keyframe(time=0.0))
        for _ in range(3_000):
            ring.xsi("xsp1", "document", b"x")
        assert len(kept(ring)) * ENTRY > 19_000

    def test_what_was_held_does_not_change(self) -> None:
        ring = recorder()
        ring.xsi("xsp1", "document", b"first")
        hold = ring.hold()
        ring.xsi("xsp1", "document", b"second")
        assert [entry.what for entry in hold().entries] == [b"first"]


class TestSecrets:
    @pytest.mark.parametrize(
        "element",
        [
            "<password>{}</password>",
            "<c:agentPassword xmlns:c='x' a='>'>{}</c:agentPassword>",
            "<agentPassword><![CDATA[{}]]></agentPassword>",
            "<password\n>{}",
            "<password>{}</password ><password>{}</password>",
        ],
    )
    def test_passwords_never_get_in(self, element: str) -> None:
        ring = recorder()
        frame = encode_frame("0001", ("<SetAgentState>" + element.replace("{}", "hunter2")).encode() + b"</SetAgentState>")
        ring.csta("tserver-1", "in", frame)
        (entry,) = kept(ring)
        assert b"hunter" not in entry.what
        assert len(entry.what) == len(frame)
        assert entry.what.startswith(frame[:12])

    def test_nor_those_in_another_encoding(self) -> None:
        ring = recorder()
        ring.csta("tserver-1", "in", encode_frame("0001", "<password>hunter2</password>".encode("utf-16")))
        assert "hunter" not in kept(ring)[0].what.decode("utf-16-le", "replace")
        assert b"h\0u\0n" not in kept(ring)[0].what

    @pytest.mark.parametrize("masked", [True, False])
    def test_digits(self, masked: bool) -> None:
        ring = recorder(mask_digits=masked)
        ring.csta("t", "in", encode_frame("0001", b"<GenerateDigits><charactersToSend>4711#</charactersToSend></GenerateDigits>"))
        request = transmit_dtmf("alice", "c1", "4711#")
        ring.xsi("xsp1", "request", request)
        ring.xsi("xsp1", "answer", (request, Response(200)))
        ring.xsi("xsp1", "request", dial("alice", "4711"))
        frame, asked, (again, _), other = (entry.what for entry in kept(ring))
        assert (b"4711" not in frame) is masked
        assert asked.query == again.query == (("playdtmf", "*****" if masked else "4711#"),)
        assert other.query == (("address", "4711"),)

    def test_cookies_never_get_in(self) -> None:
        ring = recorder()
        ring.xsi("xsp1", "answer", (dial("a", "b"), Response(200, {"set-cookie": "JSESSIONID=1", "location": "x"})))
        assert kept(ring)[0].what[1].headers == {"location": "x"}

    @pytest.mark.parametrize(
        ("failure", "noted"),
        [
            (Refused(403, 110, "no"), Failed("Refused", "no", 403, 110)),
            (NoXspAvailable("away"), Failed("NoXspAvailable", "away")),
            (OutcomeUnknown("late"), Failed("OutcomeUnknown", "late")),
        ],
    )
    def test_failures_are_kept_without_their_tracebacks(self, failure: Exception, noted: Failed) -> None:
        ring = recorder()
        ring.xsi("xsp1", "answer", (dial("a", "b"), failure))
        assert kept(ring)[0].what[1] == noted


def a_recording() -> Recording:
    ring = recorder()
    asked, again = dial("alice", "4711"), dial("alice", "4711")
    ring.xsi("xsp1", "answer", (dial("bob", "1"), Response(200)))  # whose request was overwritten
    ring.xsi("xsp1", "request", asked)
    ring.xsi("xsp1", "request", again)
    ring.xsi("xsp1", "answer", (asked, Response(201, {"location": "/x"}, b"<CallStartInfo/>")))
    ring.xsi("xsp1", "answer", (again, Refused(403, 7, "no")))
    ring.xsi("xsp1", "request", Request("POST", "user/a", body=b"<Subscription/>", context="events", safe=True))
    ring.xsi("xsp1", "document", b"<Event>\xe4\xff\xc3\xa4</Event>")
    ring.xsi("xsp1", "ack", "event-1")
    ring.xsi("xsp1", "state", ChannelStatus("xsp1", State.BACKOFF, 1010.0, "gone", ""))
    ring.csta("t", "open", b"10.0.0.1:4711")
    ring.csta("t", "in", encode_frame("0001", b"\xff\xfe<odd/>"))
    ring.csta("t", "out", encode_frame("9999", b"<DeliveredEvent/>"))
    ring.csta("t", "closed", b"Connection was closed cleanly.")
    note = ChangeNote("80:1", "DeliveredEvent", "alice", "newCall", "", {"alice": "alerting"}, "")
    ring._add("change", "", tuple(note), 0)
    keyframe = Keyframe(
        time=1000.0,
        channels=(ChannelStatus("xsp1", State.UP, 1000.0, "", "c1"), ChannelStatus("xsp2", State.BACKOFF, 1000.0, "", "")),
        links=(("t", "10.0.0.1:4711"),),
        monitors=(
            MonitorNote("1", "t", "alice@example.net", "1001", "urn:any", MonitorFilter()),
            MonitorNote("2", "t", "bob@example.net", "1002", "", MonitorFilter(blocked=frozenset({"held", "delivered"}))),
        ),
        devices=(Device("alice@example.net", number="+15551001", extension="1001", name="Alice"),),
        calls=frozenset({"70:1", "71:1"}),
    )
    return Recording(keyframe, kept(ring))


class TestFiles:
    @pytest.mark.parametrize("name", ["dump.jsonl", "dump.jsonl.gz"])
    def test_come_back_as_they_were(self, tmp_path: Path, name: str) -> None:
        dump = Dump(recording=a_recording(), version="1.2", made=2000.0, reason="on demand", settings={"policy": {"P-JOIN": 200}})
        write_dump(tmp_path / name, dump)
        assert read_dump(tmp_path / name) == dump
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600

    def test_an_answer_names_its_request_by_number(self, tmp_path: Path) -> None:
        write_dump(tmp_path / "d.jsonl", Dump(recording=a_recording()))
        lines = [json.loads(line) for line in (tmp_path / "d.jsonl").read_text().splitlines()[2:]]
        asked = [line["n"] for line in lines if line.get("xsi") == "request"]
        answered = [line["n"] for line in lines if line.get("xsi") == "answer"]
        assert (asked, answered) == ([1, 2, 3], [None, 1, 2])

    def test_are_never_overwritten(self, tmp_path: Path) -> None:
        path = tmp_path / "dump.jsonl"
        path.write_text("precious")
        with pytest.raises(FileExistsError):
            write_dump(path, Dump(recording=a_recording()))
        assert path.read_text() == "precious"

    def test_half_a_file_is_not_left(self, tmp_path: Path) -> None:
        broken = Dump(recording=a_recording(), settings={"not JSON": object()})
        with pytest.raises(TypeError):
            write_dump(tmp_path / "dump.jsonl.gz", broken)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{}\n",
            b"no JSON\n",
            b'{"recording": 99}\n{}\n',
            b'{"recording": 1, "version": "", "made": 0, "reason": "", "settings": {}}\n',
            b"[1]\n",
        ],
    )
    def test_what_is_none_is_refused(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "dump.jsonl"
        path.write_bytes(content)
        with pytest.raises(DumpError, match=r"dump.jsonl is no recording"):
            read_dump(path)

    def test_what_is_not_there_or_cut_off_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DumpError, match="No such file"):
            read_dump(tmp_path / "dump.jsonl")
        (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b"{}" * 1000)[:-12])
        with pytest.raises(DumpError):
            read_dump(tmp_path / "cut.jsonl.gz")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def until_there_are(folder: Path, count: int) -> None:
    from tests.system.exchange import until

    await until(lambda: len(files(folder)) >= count)
    assert len(files(folder)) == count


class TestFlight:
    """When files are written."""

    def service(self, folder: Path) -> FlightRecorder:
        from twisted.internet import reactor

        made = FlightRecorder(reactor, 100_000, directory=str(folder))
        made.recorder.xsi("xsp1", "document", b"<Event/>")
        return made

    @pytest_twisted.ensureDeferred
    async def test_on_demand(self, tmp_path: Path) -> None:
        path, written = self.service(tmp_path).dump()
        assert await written == path
        assert [entry.what for entry in read_dump(path).recording.entries] == [b"<Event/>"]
        assert (stat.S_IMODE(path.stat().st_mode), read_dump(path).reason) == (0o600, "on demand")

    @pytest_twisted.ensureDeferred
    async def test_where_it_cannot_be(self, tmp_path: Path, log_text: Any) -> None:
        _, written = self.service(tmp_path / "nowhere").dump()
        with pytest.raises(FileNotFoundError):
            await written
        assert "could not be written to a file" in log_text.getvalue()

    @pytest_twisted.ensureDeferred
    async def test_after_an_error_once_an_hour(self, tmp_path: Path, logged_errors: LoggedErrors) -> None:
        service = self.service(tmp_path)
        service.startService()
        for _ in range(3):
            try:
                raise ValueError("a bug")
            except ValueError:
                Logger().failure("unexpected")
        await until_there_are(tmp_path, 1)
        service.stopService()
        Logger().critical("nobody listens")
        assert len(logged_errors.take()) == 4
        await until_there_are(tmp_path, 1)
        assert files(tmp_path)[0].endswith("-error.jsonl.gz")

    @pytest_twisted.ensureDeferred
    async def test_files_of_errors_do_not_fill_the_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(flight, "KEPT", 2)
        service = self.service(tmp_path)
        for number in range(4):
            (tmp_path / f"bwconnector-2001010{number}-000000-0-1-error.jsonl.gz").touch()
        (tmp_path / "other.jsonl.gz").touch()
        await service.dump("error, the first one in an hour")[1]
        kept, *rest = files(tmp_path)
        assert kept.startswith("bwconnector-20010103")
        assert len(rest) == 2
        assert "other.jsonl.gz" in rest

    @pytest_twisted.ensureDeferred
    async def test_on_a_signal(self, tmp_path: Path) -> None:
        before = signal.getsignal(signal.SIGUSR2)
        service = self.service(tmp_path)
        service.startService()
        os.kill(os.getpid(), signal.SIGUSR2)
        await until_there_are(tmp_path, 1)
        service.stopService()
        assert signal.getsignal(signal.SIGUSR2) == before
