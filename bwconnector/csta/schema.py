"""How a class declares a message: its annotations are the schema, and reading and writing are both driven by them.

A subclass of :class:`Element` lists the children of an XML element in schema order, one annotated attribute each::

    @attrs.frozen(kw_only=True)
    class GetForwarding(Request):
        device: DeviceID
        extensions: Extensions | None = None

The element's name is derived from the attribute's (``call_id`` is ``callID``; :class:`Named` says otherwise), its codec is found
by its type, and a child is mandatory unless its attribute may be None. A default other than None is what an absent child is read
as; it is always sent.
"""

from __future__ import annotations

import functools
import operator
import types
import typing
from collections.abc import Callable
from typing import Any, ClassVar

import attrs

from bwconnector.csta.codecs import Boolean, Codec, HexBinary, Integer, Node, Text, Writer, by_name, local_name
from bwconnector.csta.errors import CstaError, EncodeError

__all__ = [
    "Element",
    "Field",
    "Inside",
    "ListOf",
    "Named",
    "codec_for",
    "sequence_of",
]


@attrs.frozen
class Named:
    """Annotation: the element's name, where it does not follow from the attribute's."""

    name: str


@attrs.frozen
class Inside:
    """Annotation: the element is wrapped in one of this name. Neighbours with the same wrapper are a choice: one at most is there."""

    wrapper: str


@attrs.frozen
class Field:
    """One child of an element."""

    attribute: str
    element: str
    codec: Codec
    mandatory: bool
    """A message without it cannot be read."""
    always_sent: bool
    """A message without it must not be sent."""
    wrapper: str = ""


@attrs.frozen
class ListOf:
    """A list element with items of one name, held as a tuple."""

    item: str
    of: Any
    """Annotation of an item."""

    def read(self, node: Node) -> tuple[Any, ...]:
        codec = codec_for(self.of)
        return tuple(codec.read(child) for child in node if local_name(child) == self.item)

    def writer(self, name: str, edition: int) -> Writer:
        opening, closing = f"<{name}>", f"</{name}>"
        write_item = codec_for(self.of).writer(self.item, edition)

        def write(value: tuple[Any, ...]) -> str:
            return opening + "".join(map(write_item, value)) + closing

        return write


class Element:
    """Base of everything that is declared by annotations."""

    __slots__ = ()

    min_children: ClassVar[int] = 0
    """How many children there must be, whichever they are."""
    max_children: ClassVar[int | None] = None

    @classmethod
    def codec(cls) -> Codec:
        """The codec of this class; overridden where the schema is no sequence of named children."""
        return sequence_of(cls)


_UPPERCASE_WORDS = {"id": "ID", "dn": "DN", "nid": "NID"}


def element_name(attribute: str) -> str:
    """``monitor_cross_ref_id`` to ``monitorCrossRefID``."""
    first, *rest = attribute.split("_")
    return first + "".join(_UPPERCASE_WORDS.get(word, word.capitalize()) for word in rest)


def _unpack(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Take ``X | None`` and ``Annotated`` off a type: the bare type and what it was annotated with, outermost last."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        (annotation,) = (arm for arm in typing.get_args(annotation) if arm is not type(None))
        return _unpack(annotation)
    if typing.get_origin(annotation) is typing.Annotated:
        inner, *notes = typing.get_args(annotation)
        bare, inner_notes = _unpack(inner)
        return bare, (*inner_notes, *notes)
    return annotation, ()


_PLAIN_TYPES: dict[Any, Codec] = {str: Text(), bool: Boolean(), int: Integer(), bytes: HexBinary()}


def codec_for(annotation: Any) -> Codec:
    """The codec that an annotation names or implies."""
    bare, notes = _unpack(annotation)
    for note in reversed(notes):
        if hasattr(note, "writer"):
            return typing.cast(Codec, note)
    if isinstance(bare, type) and issubclass(bare, Element):
        return bare.codec()
    return _PLAIN_TYPES[bare]


class Sequence:
    """Codec of an :class:`Element`: its children in schema order. There is one per class: see :func:`sequence_of`."""

    def __init__(self, cls: type[Element]) -> None:
        self.cls = cls

    @functools.cached_property
    def fields(self) -> tuple[Field, ...]:
        """The children in schema order. Worked out late, when every module that an annotation names is loaded."""
        hints = typing.get_type_hints(self.cls, include_extras=True)
        return tuple(_field(attribute, hints[attribute.name]) for attribute in attrs.fields(typing.cast(Any, self.cls)))

    def read(self, node: Node) -> Any:
        children = by_name(node)
        values: dict[str, Any] = {}
        for field in self.fields:
            home = children
            if field.wrapper:
                home = by_name(children[field.wrapper]) if field.wrapper in children else {}
            child = home.get(field.element)
            value = None if child is None else field.codec.read(child)
            if value is not None:
                values[field.attribute] = value
            elif field.mandatory:
                raise CstaError("operation", "atLeastOneConditionalParameterNotProvided", f"{field.element} is missing")
        if len(values) < self.cls.min_children:
            raise CstaError("operation", "atLeastOneConditionalParameterNotProvided", f"{local_name(node)} is empty")
        return self.cls(**values)

    def writer(self, name: str, edition: int) -> Writer:
        cls = self.cls
        content = _content_writer(self.fields, cls.__name__, edition)
        opening, closing, empty = f"<{name}>", f"</{name}>", f"<{name}/>"
        at_least, at_most = cls.min_children, cls.max_children

        def write(value: Any) -> str:
            if type(value) is not cls:
                raise EncodeError(f"{name} takes a {cls.__name__}, not {value!r}")
            parts = content(value)
            if len(parts) < at_least or (at_most is not None and len(parts) > at_most):
                raise EncodeError(f"{cls.__name__} {value!r} has {len(parts)} children")
            return opening + "".join(parts) + closing if parts else empty

        return write


_SEQUENCES: dict[type[Element], Sequence] = {}


def sequence_of(cls: type[Element]) -> Sequence:
    """The codec of an element class."""
    if cls not in _SEQUENCES:
        _SEQUENCES[cls] = Sequence(cls)
    return _SEQUENCES[cls]


def _field(attribute: attrs.Attribute[Any], annotation: Any) -> Field:
    _, notes = _unpack(annotation)
    names = [note.name for note in notes if isinstance(note, Named)]
    wrappers = [note.wrapper for note in notes if isinstance(note, Inside)]
    return Field(
        attribute=attribute.name,
        element=names[-1] if names else element_name(attribute.name),
        codec=codec_for(annotation),
        mandatory=attribute.default is attrs.NOTHING,
        always_sent=attribute.default is not None,
        wrapper=wrappers[-1] if wrappers else "",
    )


def _content_writer(fields: tuple[Field, ...], owner: str, edition: int) -> Callable[[Any], list[str]]:
    """What renders the children of an element that are there."""
    children = [(f, f.wrapper, f.codec.writer(f.element, edition)) for f in fields]
    # at least two names, or it would give no tuple
    values_of = operator.attrgetter(*(f.attribute for f in fields), "__class__", "__class__")

    def content(value: Any) -> list[str]:
        parts: list[str] = []
        filled = ""
        for child, (field, wrapper, write) in zip(values_of(value), children, strict=False):
            if child is None:
                if field.always_sent:
                    raise EncodeError(f"{owner} must not be sent without {field.attribute}")
            elif not wrapper:
                parts.append(write(child))
            elif wrapper == filled:
                raise EncodeError(f"{owner}: only one thing can be in {wrapper}, so not {field.attribute} too")
            else:
                parts.append(f"<{wrapper}>{write(child)}</{wrapper}>")
                filled = wrapper
        return parts

    return content
