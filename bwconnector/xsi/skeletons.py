"""Documents that differ in their texts only are read without looking at each element again.

The tags of a document are its *skeleton*. BroadWorks sends the same few skeletons over and over, so what the readers make of one that
has come often is kept as a function of the texts:

* The readers are given the document with a :class:`~bwconnector.xsi.reading.Hole` in the place of each text. What they make has the
  holes in it, and becomes a function that makes it with them filled. A reader that has to look at a text fails at that; then the
  skeleton is read as any other document, always.
* Of a later document, only what separates tags from texts is looked at. Its tags are those that lxml has accepted once; its texts are
  plain characters and the five references that need no declaration, so lxml would accept them too (XML 1.0 sections 2.4 and 4.6). Whatever
  else there is, is left to lxml.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar, cast

import attrs

from bwconnector.xsi.reading import Element, Hole, Opaque, root_of

__all__ = ["OFTEN", "Skeletons", "cut"]

T = TypeVar("T")

OFTEN = 32
"""Times that a skeleton comes before it is kept. To make its function takes as long as to read ten documents, so even a sender of ever new
skeletons makes a third more work at most."""
MOST = 512
"""Skeletons that are kept. Each event type comes in a few, by the parties and details it has."""
LARGEST = 8192
"""Bytes of a document whose skeleton is kept; larger ones list many calls, of which no two are alike."""

# What may stand in tags and texts: not the ends of tags; no carriage return, which is read as a line feed (section 2.11); no control
# character, which XML does not have; no 0xEF, with which the UTF-8 of U+FFFE, U+FFFF and of byte order marks begins.
_PLAIN = bytes(sorted({*range(0x20, 0x100), *b"\t\n"} - {*b"<>\xef"}))
_REFERENCE = re.compile("&(amp|lt|gt|quot|apos);")
_CHARACTERS = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


def cut(document: bytes) -> tuple[str, list[str]] | None:
    """The skeleton of a document, and its pieces: what stands before the first tag, the first tag, its text, the next tag …

    None for a document that is to be read by lxml, be it well-formed or not. A comment or CDATA section has its ``!`` in the skeleton.
    """
    if len(document) > LARGEST:
        return None
    marks = document.translate(None, _PLAIN)
    # Only tags begin with '<' (section 3.1). With as many '>', each ends one, and none stands in an attribute or a text.
    if not marks or marks != b"<>" * (len(marks) // 2):
        return None
    try:
        text = document.decode().replace("<", ">")
    except UnicodeDecodeError:
        return None
    pieces = text.split(">")
    # Outside of the root element there is no text but white space (section 2.8), so it is a part of the skeleton.
    skeleton = "<".join((*pieces[1::2], pieces[0], pieces[2], pieces[-1]))
    reference = text.find("&")
    while reference >= 0:
        at = text.count(">", 0, reference)
        escaped = pieces[at]
        pieces[at], count = _REFERENCE.subn(_character, escaped)
        if count != escaped.count("&"):
            return None  # by its number, or of no entity
        end = text.find(">", reference)
        reference = text.find("&", end) if end >= 0 else -1
    return skeleton, pieces


def _character(reference: re.Match[str]) -> str:
    return _CHARACTERS[reference[1]]


class Skeletons(Generic[T]):
    """Reads documents, and those whose skeleton has come often in a short way.

    :param read: makes a value of a root element, by nothing but tables and leaves (:mod:`bwconnector.xsi.reading`)
    :param often: see :data:`OFTEN`
    :param most: see :data:`MOST`
    """

    def __init__(self, read: Callable[[Element], T], often: int = OFTEN, most: int = MOST) -> None:
        self._read = read
        self._often = often
        self._most = most
        self._fills: dict[str, Callable[[list[str]], T]] = {}
        self._met: dict[int, int] = {}
        """How often skeletons came that are not kept, by their hashes: should two have the same, one is kept early."""

    def __len__(self) -> int:
        return len(self._fills)

    def parse(self, document: bytes) -> T:
        """The value of ``document``.

        :raises BadDocument: see :func:`~bwconnector.xsi.reading.root_of`
        """
        found = cut(document)
        if found is None:
            return self._read(root_of(document))
        skeleton, pieces = found
        fill = self._fills.get(skeleton)
        if fill is not None:
            return fill(pieces)
        root = root_of(document)
        value = self._read(root)
        if self._comes_often(skeleton):
            made = _fill_of(self._read, root, pieces)
            # All rests on the pieces being what lxml has found, so that is looked at.
            if made is not None and made(pieces) == value:
                if len(self._fills) >= self._most:
                    del self._fills[next(iter(self._fills))]
                self._fills[skeleton] = made
                del self._met[hash(skeleton)]  # should it be dropped, it may come often again
        return value

    def _comes_often(self, skeleton: str) -> bool:
        """It has come so often for the first time."""
        if len(self._met) >= 4 * self._most:
            self._met.clear()
        key = hash(skeleton)
        self._met[key] = times = self._met.get(key, 0) + 1
        return times == self._often


class _Hollow:
    """An element as readers know it, with a hole in the place of its text."""

    def __init__(self, tag: str, attributes: Mapping[str, str], text: Hole | None) -> None:
        self.tag = tag
        self.text = text
        self.get = attributes.get
        self.children: list[_Hollow] = []

    def __iter__(self) -> Iterator[_Hollow]:
        return iter(self.children)

    def __len__(self) -> int:
        return len(self.children)

    def iter(self) -> Iterator[_Hollow]:
        yield self
        for child in self.children:
            yield from child.iter()


def _hollow(root: Element, pieces: list[str]) -> _Hollow | None:
    """The document with holes; None if its pieces are not tags and texts alone."""
    if (root.getroottree().docinfo.encoding or "UTF-8").upper() != "UTF-8":
        return None
    elements = root.iter()
    path = [_Hollow("", {}, None)]
    for at in range(1, len(pieces), 2):
        tag = pieces[at]
        if tag.startswith("?xml "):
            continue
        if tag[0] in "!?":
            return None
        if tag[0] == "/":
            path.pop()
            continue
        element = next(elements)
        empty = tag.endswith("/")
        child = _Hollow(str(element.tag), cast("Mapping[str, str]", element.attrib), None if empty else Hole(at + 1))
        path[-1].children.append(child)
        if not empty:
            path.append(child)
    return path[0].children[0]


def _fill_of(read: Callable[[Element], T], root: Element, pieces: list[str]) -> Callable[[list[str]], T] | None:
    """What makes the value of a document with the skeleton of ``root`` out of its pieces; None if texts decide about more than values."""
    try:
        hollow = _hollow(root, pieces)
        return None if hollow is None else _compiled(read(cast("Element", hollow)))
    except Opaque:
        return None


def _compiled(value: Any) -> Callable[[list[str]], Any]:
    """A function of pieces that makes ``value`` with its holes filled, in one expression, as attrs makes its methods.

    Nothing that was received becomes code: constants have names there.
    """
    names: dict[str, Any] = {}

    def named(constant: Any) -> str:
        name = f"_{len(names)}"
        names[name] = constant
        return name

    def written(part: Any) -> str:
        if part.__class__ is Hole:
            return f"{named(part.of)}(pieces[{part.index}])"
        parts = _parts(part)
        if not any(map(_has_holes, parts)):
            return named(part)
        inner = "".join(f"{written(each)}, " for each in parts)
        return f"({inner})" if part.__class__ is tuple else f"{named(part.__class__)}({inner})"

    return cast("Callable[[list[str]], Any]", eval(f"lambda pieces: {written(value)}", names))


def _parts(value: Any) -> tuple[Any, ...]:
    """What a value is put together from, in the order of its class's arguments."""
    if value.__class__ is tuple:
        return value
    if attrs.has(value.__class__):
        return tuple(getattr(value, field.name) for field in attrs.fields(value.__class__))
    if isinstance(value, (str, int, type(None))):
        return ()
    raise Opaque  # whoever changed it would change it for all documents


def _has_holes(value: Any) -> bool:
    return value.__class__ is Hole or any(map(_has_holes, _parts(value)))
