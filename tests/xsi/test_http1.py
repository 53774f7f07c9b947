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
    (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection:\r\n close\r\ncontent-length: 3\r\n\r\nabc", Answer(200, False)),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Answer(200, True)),
]
BODIES = [b"", b"\r\n\r\nx", b"<htm\r0123456789", b"", b"x", b"no", b"", b"abc", b""]
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


@settings(max_examples=100)
@given(st.lists(st.integers(0, len(ANSWERS) - 1).filter(lambda number: ANSWERS[number][1].reusable), max_size=5), st.data())
def test_any_bodies_in_any_pieces(numbers: list[int], data: st.DataObject) -> None:
    whole = b"".join(ANSWERS[number][0] for number in numbers)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    reader = AnswerReader(max_body=20)
    answers: list[Answer] = []
    for a, b in pairwise([0, *cuts, len(whole)]):
        reader.receive_data(whole[a:b])
        answers += list(reader)
    assert reader.between
    assert [(answer.status, answer.reusable, answer.body) for answer in answers] == [
        (ANSWERS[number][1].status, True, BODIES[number]) for number in numbers
    ]


@pytest.mark.parametrize(("raw", "answer", "body"), [(raw, answer, body) for (raw, answer), body in zip(ANSWERS, BODIES, strict=True)])
def test_bodies_byte_by_byte(raw: bytes, answer: Answer, body: bytes) -> None:
    reader = AnswerReader(max_body=len(body))
    for byte in raw[:-1]:
        reader.receive_data(bytes([byte]))
        assert not list(reader)
    reader.receive_data(raw[-1:])
    (whole,) = reader
    assert (whole.status, whole.reusable, whole.body) == (answer.status, answer.reusable, body)
    assert reader.between


@given(st.integers(0, 60))
def test_a_body_that_lasts_as_long_as_the_connection_in_two_pieces(cut: int) -> None:
    raw = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n" + b"b" * 20
    reader = AnswerReader(max_body=20)
    for piece in (raw[:cut], raw[cut:]):
        reader.receive_data(piece)
        assert not list(reader)
    last = reader.end()
    assert last is not None
    assert (last.body, last.reusable, last.fields) == (b"b" * 20, False, [("x", "y")])
    assert reader.end() is None


@pytest.mark.parametrize("raw", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na"])
def test_an_end_in_the_middle(raw: bytes) -> None:
    reader = AnswerReader(max_body=10)
    reader.receive_data(raw)
    assert not list(reader)
    assert reader.end() is None


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n6\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n01234567890",
    ],
)
def test_bodies_that_are_too_large(raw: bytes) -> None:
    """They are noticed as soon as they can be, before they have come."""
    reader = AnswerReader(max_body=10)
    reader.receive_data(raw)
    with pytest.raises(BadAnswer, match="more than 10 bytes"):
        list(reader)


def test_headers() -> None:
    answer = Answer(200, True, b"HTTP/1.1 200 OK\r\nLocation:  http://a/b \r\nX: a:b\r\nX: c\r\n\td\r\nnonsense\r\nEmpty:\r\n\r\n")
    assert answer.fields == [("location", "http://a/b"), ("x", "a:b"), ("x", "c d"), ("empty", "")]


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
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * MAX_HEAD,
    ],
)
def test_bad_answers(raw: bytes) -> None:
    reader = AnswerReader()
    reader.receive_data(raw)
    with pytest.raises(BadAnswer):
        list(reader)
