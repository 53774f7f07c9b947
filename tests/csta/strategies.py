"""Hypothesis strategies for every message, derived from the declarations themselves."""

from __future__ import annotations

import types
import typing
from typing import Any

import attrs
from hypothesis import strategies as st

from bwconnector.csta import callservices, elements, routeing, servicelists, values
from bwconnector.csta.codecs import Flags, Identifier, OneOf, Private, PrivateOrString
from bwconnector.csta.messages import ConnectionID, CSTAErrorCode, Message, MonitorFilter, MonitorObject, PartyDevice
from bwconnector.csta.monitoring import SnapshotCallResponse, SnapshotDeviceResponse
from bwconnector.csta.schema import Element, ListOf

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=12).map(str.strip)
NAMES = TEXT.filter(bool)
ELEMENT_NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
"""Names as private data may have them."""
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    bool: st.booleans(),
    int: st.integers(-(2**31), 2**31),
    bytes: st.binary(max_size=8),
}


def messages(cls: type[Message]) -> st.SearchStrategy[Any]:
    """Messages of one class that may be sent."""
    return _instances(cls)


def _instances(cls: type[Element]) -> st.SearchStrategy[Any]:
    if cls is CSTAErrorCode:
        return _errors()
    hints = typing.get_type_hints(cls, include_extras=True)
    fields = {}
    for attribute in attrs.fields(typing.cast(Any, cls)):
        optional = type(None) in typing.get_args(hints[attribute.name])
        value = _values(hints[attribute.name])
        fields[attribute.name] = st.none() | value if optional else value
    whole = st.fixed_dictionaries(fields)
    return whole.map(lambda chosen: cls(**_settled(cls, dict(chosen))))


def _settled(cls: type[Element], chosen: dict[str, Any]) -> dict[str, Any]:
    """Make a choice where the schema wants one."""
    if cls is ConnectionID and not any(chosen.values()):
        chosen["call_id"] = "C"
    elif cls is MonitorObject:
        chosen["call_object"] = None if chosen["device_object"] else chosen["call_object"] or ConnectionID("C")
    elif cls in (SnapshotDeviceResponse, SnapshotCallResponse):
        chosen["snapshot"] = None if chosen["service_cross_ref_id"] else chosen["snapshot"] or ()
    elif cls.__name__.startswith("Session"):
        first, second = chosen
        chosen[second] = None if chosen[first] is not None else chosen[second]
        if chosen[second] is None and chosen[first] is None:
            chosen["appl_error" if cls.__name__ == "SessionError" else "server_term_reason"] = "other"
            if cls.__name__ == "SessionEndReason":
                return {"defined_end_reason": "normal"}
    return chosen


def _values(annotation: Any) -> st.SearchStrategy[Any]:
    notes: list[Any] = []
    while typing.get_origin(annotation) in (typing.Union, types.UnionType, typing.Annotated):
        notes += getattr(annotation, "__metadata__", ())
        annotation = typing.get_args(annotation)[0]
    for note in notes:
        found = _of_codec(note)
        if found is not None:
            return found
    if isinstance(annotation, type) and issubclass(annotation, Element):
        return _instances(annotation)
    return PLAIN[annotation]


def _of_codec(codec: Any) -> st.SearchStrategy[Any] | None:
    """Values of one codec; None if it is no codec."""
    match codec:
        case Identifier():
            return NAMES
        case OneOf():
            return st.sampled_from(sorted(codec.values))
        case Flags():
            return st.frozensets(st.sampled_from(codec.names))
        case ListOf():
            return st.lists(_values(codec.of), max_size=3).map(tuple)
        case Private():
            return st.dictionaries(ELEMENT_NAMES, TEXT, max_size=3)
        case PrivateOrString():
            return PLAIN[bytes]
        case elements.Party():
            return NAMES.map(PartyDevice) | st.sampled_from([PartyDevice(absent=absent) for absent in codec.absences])
        case elements.FilterGroups():
            leaves = [name for names in values.FILTER_GROUPS.values() for name in names]
            return st.frozensets(st.sampled_from(leaves)).map(MonitorFilter)
        case elements.CompoundCallState():
            states = st.sampled_from(sorted(values.LOCAL_CONNECTION_STATE))
            simple = st.sampled_from(sorted(values.SIMPLE_CALL_STATE))
            return st.lists(states, max_size=3).map(tuple) | st.tuples(simple)
        case callservices.DestinationList():
            return st.tuples(NAMES)
        case routeing.RetryCount():
            return PLAIN[int]
        case servicelists.CapabilityList():
            return _capabilities(codec)
    return None


def _capabilities(codec: servicelists.CapabilityList) -> st.SearchStrategy[Any]:
    children = {
        name: st.booleans() if child_type is None else _capabilities(servicelists.CapabilityList(child_type))
        for name, child_type in codec.children.items()
    }
    if not children:
        return st.just({})
    return st.lists(st.sampled_from(sorted(children)), max_size=3, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: children[name] for name in names})
    )


def _errors() -> st.SearchStrategy[CSTAErrorCode]:
    pairs = [(category, value) for category, known in values.ERROR_VALUES.items() for value in sorted(known or ["XSP 4410"])]
    return st.sampled_from(pairs).map(lambda pair: CSTAErrorCode(*pair))
