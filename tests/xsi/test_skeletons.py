"""A document read by its skeleton is read as lxml and the readers read it, or refused as they refuse it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bwconnector.xsi import skeletons
from bwconnector.xsi.errors import BadDocument
from bwconnector.xsi.events import Document
from bwconnector.xsi.parse import EVENT_DATA, read
from bwconnector.xsi.reading import Element, Hole, Opaque, fields_of, flag_of, integer_of, root_of, text_of
from bwconnector.xsi.skeletons import Skeletons, cut

from . import samples
from .test_parse import CONFERENCE

ENTRY = (
    "<xsi:queueEntry><xsi:callId>c</xsi:callId><xsi:extTrackingId>7:1</xsi:extTrackingId>"
    f"{samples.REMOTE}<xsi:addTime>17</xsi:addTime><xsi:bounced>false</xsi:bounced><xsi:acdPriority>1-High</xsi:acdPriority>"
    "<xsi:playCollectInfo><xsi:playCollectId>p</xsi:playCollectId></xsi:playCollectInfo></xsi:queueEntry>"
)
CONTENT = (
    samples.call(
        "<xsi:releaseCause><xsi:internalReleaseCause>Busy</xsi:internalReleaseCause></xsi:releaseCause><xsi:redirections><xsi:redirection>"
        "<xsi:party><xsi:address countryCode='1'>tel:+1555</xsi:address></xsi:party><xsi:counter>2</xsi:counter></xsi:redirection>"
        "</xsi:redirections><xsi:allowAnswer/><xsi:acdCallInfo><xsi:acdUserId>q@ex.org</xsi:acdUserId><xsi:callingPartyInfo>"
        "<xsi:name>X</xsi:name></xsi:callingPartyInfo></xsi:acdCallInfo>"
    )
    + f"<xsi:calls>{samples.call()}{samples.call(call_id='2')}</xsi:calls>"
    + CONFERENCE
    + ENTRY
    + f"<xsi:queueEntries>{ENTRY}{ENTRY}</xsi:queueEntries><xsi:position>2</xsi:position><xsi:reason>r</xsi:reason>"
    + f"{samples.REMOTE.replace('remoteParty', 'parkedParty')}<xsi:hookStatus>On-Hook</xsi:hookStatus>"
    + "<xsi:info><xsi:active>true</xsi:active><xsi:hostUserId>h@ex.org</xsi:hostUserId><xsi:numberOfRings>3</xsi:numberOfRings></xsi:info>"
    + "<xsi:messageSummary><xsi:newMessages>4</xsi:newMessages></xsi:messageSummary><xsi:stateInfo><xsi:state>Available</xsi:state>"
    + "<xsi:stateTimestamp><xsi:value>5</xsi:value></xsi:stateTimestamp></xsi:stateInfo><xsi:agentStateInfo><xsi:state>Sign-In</xsi:state>"
    + "</xsi:agentStateInfo><xsi:joinData><xsi:joinInfos><xsi:joinInfo><xsi:acdUserId>q</xsi:acdUserId><xsi:skillLevel>6</xsi:skillLevel>"
    + "</xsi:joinInfo></xsi:joinInfos></xsi:joinData><xsi:playCollectResult><xsi:digits>12</xsi:digits></xsi:playCollectResult>"
)
"""Something for every reader."""

EVENT = samples.event("CallReceivedEvent", samples.call())
OTHERS = [samples.channel(), samples.HEARTBEAT, samples.terminated("Expired"), samples.terminated(), b"<a>\n<b>c</b></a>\n"]


def plainly(document: bytes) -> Document:
    return read(root_of(document))


def known(document: bytes) -> Skeletons[Document]:
    """Skeletons that know the one of ``document``, and are not to ask lxml for it again."""
    found = Skeletons(read, often=1)
    found.parse(document)
    return found


def agreed(found: Skeletons[Document], document: bytes) -> None:
    try:
        expected = plainly(document)
    except BadDocument:
        with pytest.raises(BadDocument):
            found.parse(document)
        return
    assert found.parse(document) == expected


@pytest.fixture
def no_lxml(monkeypatch: pytest.MonkeyPatch) -> None:
    def root_of(document: bytes) -> Element:
        raise AssertionError("lxml was asked")

    monkeypatch.setattr(skeletons, "root_of", root_of)


def _other_text(found: re.Match[bytes]) -> bytes:
    text = found[1]
    if text.isdigit():
        return b"> %d <" % (int(text) + 1)
    return {b">true<": b"> False\t<", b">false<": b">1<"}.get(found[0], b">" + text + b" b&apos;\xc3\xa4 &amp;lt; &lt;c&gt;&quot;<")


@pytest.mark.parametrize("kind", [*sorted(EVENT_DATA), "LaterEvent"])
@pytest.mark.parametrize("content", [CONTENT, ""])
def test_no_reader_looks_at_a_text(kind: str, content: str) -> None:
    document = samples.event(kind, content)
    found = known(document)
    assert len(found) == 1
    other = re.sub(b">([^<>\\n]+)<", _other_text, document)
    assert other != document
    assert cut(other) is not None
    assert found.parse(other) == plainly(other) != plainly(document)


@pytest.mark.parametrize("document", OTHERS)
def test_other_documents(document: bytes) -> None:
    found = known(document)
    assert len(found) == 1
    assert found.parse(document) == plainly(document)


@pytest.mark.usefixtures("no_lxml")
def test_lxml_is_not_asked_once_a_skeleton_came_often(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Skeletons(read, often=3)
    with monkeypatch.context() as context:
        context.setattr(skeletons, "root_of", root_of)
        for number in range(2):
            found.parse(samples.event("CallReceivedEvent", samples.call(), sequence=number))
            assert not len(found)
        found.parse(EVENT)
    assert len(found) == 1
    event: Any = found.parse(samples.event("CallReceivedEvent", samples.call(), sequence=7))
    assert event.sequence == 7
    with pytest.raises(AssertionError, match="lxml"):
        found.parse(samples.event("CallReceivedEvent", samples.call("<xsi:allowAnswer/>")))


@pytest.mark.parametrize(
    "text",
    [
        b"a &amp; b",
        b"&lt;&gt;&quot;&apos;",
        b"&amp;lt;",
        b"&#65;",
        b"&#x41;",
        b"&#0;",
        b"&nbsp;",
        b"&amp",
        b"a & b",
        b"&;",
        b"a > b",
        b"a]]>b",
        b"a\r\nb",
        b"\xc2\xa0a\xc2\x85\xe2\x80\xa8",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\xef\xbf\xbf",
        b"\xef\xbf\xbd",
        b"\xf0\x9f\x98\x80",
        b"\xf0\x9f\xbf\xbf",
        b"\x00",
        b"\x0b",
        b"\x1f",
        b"\x7f",
        b"<!-- c -->",
        b"a<!-- c -->b",
        b"a<![CDATA[<x>]]>b",
        b"a<?pi d?>b",
        b"<xsi:x/>",
        b"<xsi:x></xsi:x>",
        b"</xsi:eventID><xsi:eventID>",
        b"><",
        b"",
    ],
)
def test_texts(text: bytes) -> None:
    document = EVENT.replace(b"e-1", text)
    agreed(known(EVENT), document)
    agreed(
        known(EVENT.replace(b"<xsi:eventID>", b"<xsi:eventID a='&lt;&#65;'>")),
        document.replace(b"<xsi:eventID>", b"<xsi:eventID a='&lt;&#65;'>"),
    )
    for at in (b"<?xml", b"<xsi:Event ", b"</xsi:Event>"):
        beside = EVENT.replace(at, text + at)
        agreed(known(EVENT), beside)
        found = Skeletons(read, often=1)
        for _ in range(2):
            agreed(found, beside)
    agreed(known(EVENT), EVENT + text)


@pytest.mark.parametrize(
    "document",
    [
        EVENT.decode().encode("utf-16"),
        EVENT.replace(b"UTF-8", b"ISO-8859-1"),
        EVENT.replace(b"UTF-8", b"US-ASCII").replace("ö".encode(), b"o"),
        EVENT.replace(b"</xsi:Event>", b"<!-- c --></xsi:Event>"),
        EVENT.replace(b"<xsi:state>", b"<xsi:state><![CDATA[Al]]>"),
        EVENT.replace(b"</xsi:Event>", b"<?pi d?></xsi:Event>"),
        b"<?pi d?>" + samples.HEARTBEAT,
        b"\xef\xbb\xbf" + EVENT,
        samples.event("CallReceivedEvent", samples.call("x" * skeletons.LARGEST)),
    ],
)
def test_what_is_left_to_lxml(document: bytes) -> None:
    found = Skeletons(read, often=1)
    for _ in range(3):
        assert found.parse(document) == plainly(document)
    assert not len(found)


def test_a_declared_encoding_in_small_letters() -> None:
    assert len(known(EVENT.replace(b"UTF-8", b"utf-8"))) == 1


def _by_text(root: Element) -> object:
    return "on" if flag_of(root) else "off"


def _word(root: Element) -> object:
    return text_of(root).lower()


def _list(root: Element) -> object:
    return [text_of(root)]


@pytest.mark.parametrize("decides", [_by_text, _word, _list, lambda root: {text_of(root): 1}, lambda root: f"{text_of(root)}"])
def test_readers_to_which_texts_are_more_than_values(decides: Callable[[Element], object]) -> None:
    found = Skeletons(decides, often=1)
    for text in ("true", "false", "Other"):
        document = f"<a>{text}</a>".encode()
        for _ in range(2):
            assert found.parse(document) == decides(root_of(document))
    assert not len(found)


def test_a_function_that_makes_another_value_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skeletons, "_fill_of", lambda *arguments: lambda pieces: None)
    found = Skeletons(read, often=1)
    assert [found.parse(EVENT) for _ in range(2)] == [plainly(EVENT)] * 2
    assert not len(found)


@pytest.mark.parametrize("look", [bool, str, int, len, list, hash, repr, lambda hole: hole == "", lambda hole: hole.strip(), "{}".format])
def test_to_look_at_a_hole_fails(look: Callable[[Any], object]) -> None:
    with pytest.raises(Opaque):
        look(Hole(1))


@attrs.frozen
class Pair:
    number: int
    word: str = ""


def test_what_is_known_is_bounded() -> None:
    found = Skeletons(lambda root: Pair(**fields_of(root, {"n": ("number", integer_of), "w": ("word", text_of)})), often=2, most=3)
    documents = [f"<a{number}><n>{number}</n><w>x</w></a{number}>".encode() for number in range(30)]
    for document in documents:
        for _ in range(3):
            assert found.parse(document).word == "x"
        assert len(found._met) <= 12
    assert len(found) == 3
    for _ in range(2):
        found.parse(documents[0])
    assert any(skeleton.startswith("a0<") for skeleton in found._fills), "dropped, it came often again"
    assert [found.parse(document).number for document in documents] == list(range(30))


def test_of_two_skeletons_none_is_taken_for_the_other() -> None:
    documents = [
        b"<a><b/>1</a>",
        b"<a><b></b>1</a>",
        b"<a>1<b/></a>",
        b"<a b=''>1</a>",
        b"<a b='' >1</a>",
        b"<a>1</a>",
        b"<a>1</a>\n",
        b"\n<a>1</a>",
        b"<?xml version='1.0'?><a>1</a>",
        b"<?xml version='1.0'?>\n<a>1</a>",
    ]
    keys = [found[0] for found in map(cut, documents) if found is not None]
    assert len(set(keys)) == len(documents)


TEXTS = st.one_of(
    st.text(max_size=8).map(str.encode),
    st.binary(max_size=5),
    st.sampled_from(
        [b"&amp;", b"&lt;", b"&#10;", b"<", b">", b"&", b"\r", b"]]>", b"<x/>", b"<!--", b"-->", b"</xsi:callId>", b" true ", b"-1"]
    ),
)


@given(st.sampled_from(sorted(EVENT_DATA)), st.lists(st.tuples(st.integers(0), TEXTS), min_size=1, max_size=4))
def test_any_text_in_any_place(kind: str, changes: list[tuple[int, bytes]]) -> None:
    document = samples.event(kind, CONTENT)
    found = known(document)
    ends = [at + 1 for at, byte in enumerate(document) if byte == ord(">")]
    spans = [(start, document.find(b"<", start)) for start in ends if document.find(b"<", start) >= 0] + [(len(document), len(document))]
    for place, text in sorted({place % len(spans): text for place, text in changes}.items(), reverse=True):
        start, end = spans[place]
        document = document[:start] + text + document[end:]
    agreed(found, document)


@given(st.integers(0), st.integers(0), st.binary(max_size=6))
def test_damage_anywhere(start: int, length: int, noise: bytes) -> None:
    start %= len(EVENT)
    damaged = EVENT[:start] + noise + EVENT[start + length % 12 :]
    agreed(known(EVENT), damaged)


def test_pieces_are_tags_and_texts_in_turn() -> None:
    found = cut(b"<?xml version='1.0'?>\n<a>1<b/>&lt;2</a>")
    assert found is not None
    pieces = found[1]
    assert pieces == ["", "?xml version='1.0'?", "\n", "a", "1", "b/", "<2", "/a", ""]
