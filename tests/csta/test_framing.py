"""Frames come out as they went in, however the stream is chopped."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bwconnector.csta.errors import EncodeError
from bwconnector.csta.framing import EVENT_INVOKE_ID, MAX_BODY, MAX_FRAME, Frame, FrameReader, FramingError, InvokeIds, encode_frame

FRAMES = [Frame("0000", b"<a/>"), Frame("9999", b""), Frame("0042", "<b>\u00fc</b>".encode()), Frame("9998", b"x" * 300)]
STREAM = b"".join(encode_frame(frame.invoke_id, frame.body) for frame in FRAMES)


def read(*chunks: bytes) -> list[Frame]:
    reader = FrameReader()
    frames = []
    for chunk in chunks:
        reader.receive_data(chunk)
        frames.extend(reader)
    return frames


def test_the_header_counts_itself_and_bytes_not_characters() -> None:
    assert encode_frame("0001", "<ü/>".encode()) == b"\x00\x00\x00\x0d0001<\xc3\xbc/>"


def test_every_split() -> None:
    for position in range(len(STREAM) + 1):
        assert read(STREAM[:position], STREAM[position:]) == FRAMES, position


def test_byte_by_byte_and_all_at_once() -> None:
    assert read(*(STREAM[i : i + 1] for i in range(len(STREAM)))) == FRAMES
    assert read(STREAM * 100) == FRAMES * 100


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.from_regex(r"[0-9]{4}", fullmatch=True), st.binary(max_size=50)), max_size=8), st.data())
def test_any_frames_in_any_chunks(frames: list[tuple[str, bytes]], data: st.DataObject) -> None:
    stream = b"".join(encode_frame(invoke_id, body) for invoke_id, body in frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    edges = [0, *cuts, len(stream)]
    chunks = [stream[start:end] for start, end in itertools.pairwise(edges)]
    assert read(*chunks) == [Frame(invoke_id, body) for invoke_id, body in frames]


def test_the_longest_frame_and_one_more() -> None:
    frame = encode_frame("0001", b"x" * MAX_BODY)
    assert len(frame) == MAX_FRAME
    assert read(frame) == [Frame("0001", b"x" * MAX_BODY)]
    with pytest.raises(EncodeError, match="does not fit"):
        encode_frame("0001", b"x" * (MAX_BODY + 1))


@pytest.mark.parametrize("invoke_id", ["", "1", "00001", "abcd", "٠٠٠١"])
def test_invoke_ids_of_ours_are_four_digits(invoke_id: str) -> None:
    with pytest.raises(EncodeError, match="four digits"):
        encode_frame(invoke_id, b"")


@pytest.mark.parametrize(
    ("received", "sentence"),
    [
        (b'<?xml version="1.0"?>', "XML without the 8-byte header"),
        (b"<MonitorStart/>", "XML without the 8-byte header"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", "TLS handshake"),
        (b"GET / HTTP/1.1\r\n", "HTTP request"),
        (b"\x00\x01\x00\x200001", "SOAP"),
        (b"\x02\x00\x00\x200001", "version 512"),
        (b"\x00\x00\x00\x070001", "length of 7"),
        (b"\x00\x00\x00\x20001x", "invoke id b'001x'"),
        (b"\x00\x00\x00\x20\x00\x00\x00\x01", "not four digits"),
    ],
)
def test_what_is_no_frame_is_explained(received: bytes, sentence: str) -> None:
    reader = FrameReader()
    reader.receive_data(STREAM + received)
    frames = iter(reader)
    assert [next(frames) for _ in FRAMES] == FRAMES
    with pytest.raises(FramingError, match=sentence) as caught:
        next(frames)
    assert received[:8].hex(" ") in str(caught.value)


def test_after_an_error_there_is_nothing_but_that_error() -> None:
    reader = FrameReader()
    reader.receive_data(b"GET / HTTP/1.1\r\n")
    for _ in range(2):
        with pytest.raises(FramingError):
            list(reader)
        reader.receive_data(STREAM)


def test_the_buffer_is_bounded() -> None:
    reader = FrameReader()
    reader.receive_data(STREAM * 1000)
    with pytest.raises(RuntimeError, match="have not been read"):
        reader.receive_data(STREAM)
    assert len(list(reader)) == 1000 * len(FRAMES)


def test_invoke_ids_go_round_without_that_of_events() -> None:
    invoke_ids = InvokeIds()
    ids = [invoke_ids.next() for _ in range(10_000)]
    assert ids[0] == "0000"
    assert ids[9998:] == ["9998", "0000"]
    assert EVENT_INVOKE_ID not in ids
