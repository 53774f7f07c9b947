from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bwconnector.xsi.errors import BadDocument
from bwconnector.xsi.stream import MAX_GARBAGE, MAX_TAG, DocumentStream

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'
DOCUMENTS = [
    DECLARATION + b'\n<Channel xmlns="http://schema.broadsoft.com/xsi"><channelId>c</channelId><expires>3600</expires></Channel>',
    b'<ChannelHeartBeat xmlns="http://schema.broadsoft.com/xsi"/>',
    DECLARATION + b"<ChannelHeartBeat xmlns='http://schema.broadsoft.com/xsi' />",
    DECLARATION
    + b'<xsi:Event xmlns:xsi="http://schema.broadsoft.com/xsi" a="x>y" b=\'"/>\'><xsi:EventX/><xsi:eventID>1</xsi:eventID></xsi:Event >',
    b"<e><!-- </e> --><e><![CDATA[</e>]]></e><?pi </e>?><e/><e a='/'></e></e>",
    DECLARATION + b"<!-- a comment > before the root --><?pi?><e>\xc3\xa9 a > b</e>",
    b"<e></e>",
]
BETWEEN = [b"", b"\n", b" \r\n\t", b"<!-- <e> -->", b"<?pi <e>?>\n", b"\xef\xbb\xbf"]


def split(*parts: bytes) -> list[bytes]:
    stream = DocumentStream()
    documents = []
    for part in parts:
        stream.receive_data(part)
        documents += list(stream)
    return documents


def test_every_split_position() -> None:
    whole = b"\n".join(DOCUMENTS)
    for position in range(len(whole) + 1):
        assert split(whole[:position], whole[position:]) == DOCUMENTS, whole[:position]


def test_byte_by_byte() -> None:
    assert split(*(bytes([byte]) for byte in b"".join(DOCUMENTS))) == DOCUMENTS


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(BETWEEN), st.sampled_from(DOCUMENTS)), max_size=6), st.data())
def test_any_documents_in_any_pieces(items: list[tuple[bytes, bytes]], data: st.DataObject) -> None:
    whole = b"".join(between + document for between, document in items)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    edges = [0, *cuts, len(whole)]
    parts = [whole[a:b] for a, b in pairwise(edges)]
    assert split(*parts) == [document for _, document in items]


def test_a_document_is_out_as_soon_as_it_is_complete() -> None:
    stream = DocumentStream()
    for document in DOCUMENTS:
        stream.receive_data(document)
        assert list(stream) == [document]


GARBAGE = [
    b"HTTP/1.1 400",
    b"</Event>",
    b"<!DOCTYPE x>",
    b"<![CDATA[x]]>",
    b"< a>",
    b"\x00",
    b"\xff\xfe<\x00e\x00/\x00>\x00",
    b"&amp;",
    b"<&>",
    b"<e <f>",
    b"<e a='<'/>",
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_says_what_was_seen(garbage: bytes) -> None:
    """Where documents have no declarations, nothing tells where the next one begins."""
    stream = DocumentStream()
    stream.receive_data(DOCUMENTS[1] + garbage)
    found: list[bytes] = []
    with pytest.raises(BadDocument) as raised:
        found.extend(stream)
    assert found == [DOCUMENTS[1]]
    assert repr(garbage.decode("latin-1")) in str(raised.value)


BROKEN = [
    *GARBAGE,
    DECLARATION + b'<!DOCTYPE e [<!ENTITY a "<e/>">]><e>&a;</e>',
    DECLARATION + b"<Event><never>ended</never>",
    DECLARATION + b"<Event><Event/><Event a='1'>",
    DECLARATION + b"<Event attribute='never ended>",
    DECLARATION + b"<Event a='<'></Event>",
    DECLARATION + b"text",
]


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_no_document_costs_only_itself(broken: bytes) -> None:
    before, after = DOCUMENTS[0], DOCUMENTS[3]
    whole = before + broken + after + DOCUMENTS[1]
    for position in range(len(whole) + 1):
        assert split(whole[:position], whole[position:]) == [before, broken, after, DOCUMENTS[1]], whole[:position]
    assert split(*(bytes([byte]) for byte in whole)) == [before, broken, after, DOCUMENTS[1]]


def test_garbage_without_end_is_bounded() -> None:
    stream = DocumentStream()
    stream.receive_data(DOCUMENTS[0] + b"x" * MAX_GARBAGE)
    assert list(stream) == [DOCUMENTS[0]]
    stream.receive_data(b"x")
    with pytest.raises(BadDocument, match="no XML between documents"):
        list(stream)


@pytest.mark.parametrize("quoted", [b"", b"'"])
def test_a_tag_without_end_is_bounded(quoted: bytes) -> None:
    stream = DocumentStream()
    stream.receive_data(b"<e " + quoted + b"a" * MAX_TAG)
    with pytest.raises(BadDocument, match="no XML between documents"):
        list(stream)


HOSTILE = {
    "tags that never end": (b"<e>", b"<e "),
    "quotes that never end": (b"<e>", b"<e '"),
    "a long tag": (b"<e><e ", b"a='1' "),
    "a long quote": (b"<e><e a='", b"x"),
    "a long comment": (b"<e><!--", b"-"),
    "long character data": (b"<e><![CDATA[", b"]"),
    "text": (b"<e>", b"x"),
    "other elements": (b"<e>", b"<f/>"),
    "nested": (b"<e>", b"<e>"),
}


@pytest.mark.parametrize(("head", "more"), HOSTILE.values(), ids=HOSTILE)
def test_the_work_grows_with_the_bytes_and_not_faster(head: bytes, more: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at again with a read is bounded, however long the document gets."""
    stream = DocumentStream()
    stream.receive_data(head)
    assert list(stream) == []
    looked_at = []
    for _ in range(60):
        stream.receive_data(more * (16_384 // len(more)))
        assert list(stream) == []
        looked_at.append(len(stream._buffer) - max(stream._position, stream._sought))
    assert max(looked_at) <= MAX_TAG + 16_384


def test_tags_that_never_end_are_each_looked_at_once() -> None:
    """A bound of time that only quadratic work reaches: all of it would take minutes."""
    stream = DocumentStream()
    stream.receive_data(b"<e>" + b"<e " * 1_300_000)
    assert list(stream) == []


@pytest.mark.parametrize("head", [b"<e>", b"<e ", b"<!--", b"<e><!--", b'<?xml version="1.0"?>', b"<e a='", b"<e><![CDATA["])
def test_a_document_without_end_is_bounded(head: bytes) -> None:
    stream = DocumentStream(limit=1000)
    stream.receive_data(head + b"\n" * 900)
    assert list(stream) == []
    stream.receive_data(b"x" * 200)
    with pytest.raises(BadDocument):
        list(stream)


def test_blanks_between_documents_are_not_kept() -> None:
    stream = DocumentStream(limit=100)
    for _ in range(10):
        stream.receive_data(b"\n" * 90)
        assert list(stream) == []
    stream.receive_data(b"<e/>")
    assert list(stream) == [b"<e/>"]


def test_many_documents_in_one_read_may_exceed_the_bound() -> None:
    stream = DocumentStream(limit=100)
    stream.receive_data(DOCUMENTS[1] * 50)
    assert list(stream) == [DOCUMENTS[1]] * 50
