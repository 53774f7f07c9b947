from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bwconnector.xsi.http1 import MAX_HEAD, Answer, AnswerReader, BadAnswer

ANSWERS = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=4\r\nConnection: keep-alive\r\n\r\n", Answer(200, True)),
    (b"HTTP/1.1 200\r\ncontent-length:5 \r\n\r\n\r\n\r\nx", Answer(200, True)),
    (
        b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<htm\r\r\nA;x=1\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n",
        Answer(503, True),
    ),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", Answer(204, True)),
    (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx", Answer(200, True)),
    (b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno", Answer(403, False)),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", Answer(200, False)),
]
REUSABLE = [(data, answer) for data, answer in ANSWERS if answer.reusable]


@settings(max_examples=100)
@given(st.lists(st.sampled_from(REUSABLE), max_size=5), st.data())
def test_any_answers_in_any_pieces(items: list[tuple[bytes, Answer]], data: st.DataObject) -> None:
    whole = b"".join(raw for raw, _ in items)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    reader = AnswerReader()
    answers: list[Answer] = []
    for a, b in pairwise([0, *cuts, len(whole)]):
        reader.receive_data(whole[a:b])
        answers += list(reader)
    assert answers == [answer for _, answer in items]


@pytest.mark.parametrize(("raw", "answer"), ANSWERS)
def test_byte_by_byte(raw: bytes, answer: Answer) -> None:
    reader = AnswerReader()
    answers: list[Answer] = []
    for byte in raw:
        assert not answers
        reader.receive_data(bytes([byte]))
        answers += list(reader)
    assert answers == [answer]


def test_a_body_that_lasts_as_long_as_the_connection() -> None:
    reader = AnswerReader()
    reader.receive_data(b"HTTP/1.1 502 Bad\r\n\r\n<html>")
    assert next(iter(reader)) == Answer(502, False)


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"<html>" + b"x" * MAX_HEAD,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_HEAD + b"\r\n\r\n",
    ],
)
def test_bad_answers(raw: bytes) -> None:
    reader = AnswerReader()
    reader.receive_data(raw)
    with pytest.raises(BadAnswer):
        list(reader)
