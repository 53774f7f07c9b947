"""The complex types that many messages share: connections, devices, monitor filters, and what a call carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import attrs

from bwconnector.csta import values
from bwconnector.csta.codecs import Flags, Identifier, Node, OneOf, Private, PrivateOrString, Writer, by_name, local_name, text_of
from bwconnector.csta.errors import EncodeError
from bwconnector.csta.schema import Element, ListOf, Named

__all__ = [
    "NOT_KNOWN",
    "NOT_REQUIRED",
    "NOT_SPECIFIED",
    "NetworkCapability",
    "RESTRICTED",
    "CallCharacteristics",
    "CallState",
    "ConnectionID",
    "ConnectionInformation",
    "ConnectionList",
    "ConnectionListItem",
    "CorrelatorData",
    "DeviceHistory",
    "DeviceHistoryItem",
    "DeviceID",
    "DeviceList",
    "EventCause",
    "ExtendedDeviceID",
    "Extensions",
    "ForwardDefault",
    "ForwardingType",
    "LocalConnectionState",
    "MediaCallCharacteristics",
    "MediaClass",
    "MonitorFilter",
    "MonitorFilterList",
    "PartyDevice",
    "PrivateData",
    "RedirectionDeviceID",
    "Reference",
    "ServicesPermitted",
    "UserData",
]

Reference = Annotated[str, Identifier()]
"""A cross reference or another id that its receiver gives back unchanged."""
DeviceID = Annotated[str, Identifier()]
"""A device as plain text. The attributes that some senders add (typeOfNumber …) do not change which device it is: not read."""
DeviceList = Annotated[tuple[str, ...], ListOf("deviceID", DeviceID)]
EventCause = Annotated[str, OneOf(values.EVENT_CAUSE)]
LocalConnectionState = Annotated[str, OneOf(values.LOCAL_CONNECTION_STATE)]
ForwardingType = Annotated[str, OneOf(values.FORWARDING_TYPE, "invalidForwardingType")]
ForwardDefault = Annotated[str, OneOf(values.FORWARD_DEFAULT)]
MediaClass = Annotated[frozenset[str], Flags(values.MEDIA_CLASS)]
CallCharacteristics = Annotated[frozenset[str], Flags(values.CALL_CHARACTERISTICS)]
CorrelatorData = Annotated[bytes, PrivateOrString()]
UserData = Annotated[bytes, PrivateOrString()]
Extensions = Annotated[dict[str, str], Private(("privateData",))]
"""Private data of an ordinary message, as a map from element name to text."""
PrivateData = Annotated[dict[str, str], Private()]
"""Private data of Escape and PrivateEvent."""


@attrs.frozen
class ConnectionID(Element):
    """A connection (ECMA-269 §6.1). Requests may leave out either half; events carry both."""

    min_children: ClassVar[int] = 1

    call_id: Reference | None = None
    device_id: DeviceID | None = None


@attrs.frozen
class PartyDevice:
    """A device in an event: its id, or why there is none.

    :ivar device: device id
    :ivar absent: ``notKnown``, ``restricted``, and for a redirection device ``notRequired`` or ``notSpecified``
    """

    device: str | None = None
    absent: str | None = None


NOT_KNOWN = PartyDevice(absent="notKnown")
NOT_REQUIRED = PartyDevice(absent="notRequired")
NOT_SPECIFIED = PartyDevice(absent="notSpecified")
RESTRICTED = PartyDevice(absent="restricted")


@attrs.frozen
class Party:
    """Codec of a :class:`PartyDevice`.

    :ivar device: name of the element that holds the device id
    :ivar absences: empty elements that may stand in its place
    """

    device: str
    absences: tuple[str, ...]

    def read(self, node: Node) -> PartyDevice:
        for child in node:
            name = local_name(child)
            if name == self.device and text_of(child):
                return PartyDevice(text_of(child))
            if name in self.absences:
                return PartyDevice(absent=name)
        return PartyDevice(text_of(node)) if text_of(node) else NOT_KNOWN

    def writer(self, name: str, edition: int) -> Writer:
        write_device = Identifier().writer(self.device, edition, outside=name)
        absences = {absent: f"<{name}><{absent}/></{name}>" for absent in self.absences}

        def write(value: PartyDevice) -> str:
            if value.device is not None:
                return write_device(value.device)
            try:
                return absences[value.absent or ""]
            except KeyError:
                raise EncodeError(f"{name} cannot be {value!r}") from None

        return write


ExtendedDeviceID = Annotated[PartyDevice, Party("deviceIdentifier", ("notKnown", "restricted"))]
RedirectionDeviceID = Annotated[PartyDevice, Party("numberDialed", ("notKnown", "notRequired", "notSpecified", "restricted"))]


@attrs.frozen
class ConnectionInformation(Element):
    """Media stream of a connection (ECMA-269 §12.2.10)."""

    flow_direction: Annotated[str, OneOf(values.FLOW_DIRECTION)] | None = None
    number_of_channels: int | None = None
    media_session_info: str | None = None


@attrs.frozen
class ConnectionListItem(Element):
    """How one connection of a transferred or conferenced call is called from now on (ECMA-269 §12.2.9)."""

    new_connection: ConnectionID | None = None
    old_connection: ConnectionID | None = None
    endpoint: Annotated[PartyDevice, Party("deviceID", ("notKnown", "restricted"))] | None = None
    associated_nid: Annotated[PartyDevice, Party("deviceID", ("notKnown",))] | None = None
    resulting_connection_info: ConnectionInformation | None = None


ConnectionList = Annotated[tuple[ConnectionListItem, ...], ListOf("connectionListItem", ConnectionListItem)]


@attrs.frozen(kw_only=True)
class DeviceHistoryItem(Element):
    """A device that the call has left."""

    old_device_id: RedirectionDeviceID | None = None
    event_cause: EventCause | None = None
    old_connection_id: ConnectionID | None = None


DeviceHistory = Annotated[tuple[DeviceHistoryItem, ...], ListOf("DeviceHistoryListItem", DeviceHistoryItem)]


@attrs.frozen(kw_only=True)
class MediaCallCharacteristics(Element):
    media_class: MediaClass | None = None
    connection_rate: int | None = None
    bit_rate: Annotated[str, OneOf(values.BIT_RATE)] | None = None
    delay_tolerance: int | None = None


@attrs.frozen(kw_only=True)
class NetworkCapability(Element):
    """What is still told about a call that has left for a network."""

    network_type: Annotated[str, OneOf(values.NETWORK_TYPE)]
    events_provided: Annotated[frozenset[str], Flags(values.NETWORK_EVENTS)] | None = None


@attrs.frozen(kw_only=True)
class ServicesPermitted(Element):
    """Services that the device may use on its connection now (ECMA-269 §12.2.25)."""

    call_control_services: Annotated[frozenset[str], Flags(values.CALL_CONTROL_SERVICES)] | None = None
    call_associated_services: Annotated[frozenset[str], Flags(values.CALL_ASSOCIATED_SERVICES)] | None = None
    media_services: Annotated[frozenset[str], Flags(values.MEDIA_ATTACHMENT_SERVICES), Named("mediaAttachementServices")] | None = None
    routeing_services: Annotated[frozenset[str], Flags(values.ROUTEING_SERVICES)] | None = None
    voice_services: Annotated[frozenset[str], Flags(values.VOICE_SERVICES)] | None = None


class CompoundCallState:
    """Codec of a snapshot's localCallState, held as a tuple of states.

    Local connection states (own first, then the others') are a compoundCallState, a single ``call…`` name is a simpleCallState,
    the empty tuple is ``unknown``.
    """

    def read(self, node: Node) -> tuple[str, ...]:
        children = by_name(node)
        if "compoundCallState" in children:
            state = OneOf(values.LOCAL_CONNECTION_STATE)
            return tuple(state.read(child) for child in children["compoundCallState"])
        if "simpleCallState" in children:
            return (OneOf(values.SIMPLE_CALL_STATE).read(children["simpleCallState"]),)
        return ()

    def writer(self, name: str, edition: int) -> Writer:
        write_compound = OneOf(values.LOCAL_CONNECTION_STATE).writer("localConnectionState", edition)
        write_simple = OneOf(values.SIMPLE_CALL_STATE).writer("simpleCallState", edition)

        def write(value: tuple[str, ...]) -> str:
            if not value:
                content = "<unknown/>"
            elif value[0] in values.SIMPLE_CALL_STATE:
                content = "".join(map(write_simple, value[:1]))
            else:
                content = f"<compoundCallState>{''.join(map(write_compound, value))}</compoundCallState>"
            return f"<{name}>{content}</{name}>"

        return write


CallState = Annotated[tuple[str, ...], CompoundCallState()]

_FILTER_NAMES: Mapping[str, str] = {"TransferedEvent": "transferred", "DeviceCapsChangedEvent": "deviceCapabilityChanged"}
"""Events that a filter does not spell as it spells all others: without ``Event``, first letter small."""


@attrs.frozen
class MonitorFilter:
    """Events that a monitor does not want (ECMA-269 §12.2.23): true in the filter means not sent.

    :ivar blocked: names as in the filter, e.g. ``delivered``. A group that is named without any of its events blocks none.
    """

    blocked: frozenset[str] = frozenset()

    def blocks(self, event_name: str) -> bool:
        """Is the event with this element name, e.g. ``DeliveredEvent``, kept from the monitor?"""
        if not self.blocked:
            return False
        name = _FILTER_NAMES.get(event_name)
        if name is None:
            stem = event_name.removesuffix("Event")
            name = stem[:1].lower() + stem[1:]
        return name in self.blocked


class FilterGroups:
    """Codec of a :class:`MonitorFilter`: event names in groups, both in schema order."""

    _groups: ClassVar[Mapping[str, Flags]] = {group: Flags(names) for group, names in values.FILTER_GROUPS.items()}

    def read(self, node: Node) -> MonitorFilter:
        blocked: set[str] = set()
        for name, child in by_name(node).items():
            # "callControl" is what one would write who has not seen the schema, which has "callcontrol"
            group = self._groups.get("callcontrol" if name == "callControl" else name)
            if group is not None:
                blocked |= group.read(child)
        return MonitorFilter(frozenset(blocked))

    def writer(self, name: str, edition: int) -> Writer:
        writers = [(group, values.FILTER_GROUPS[group], flags.writer(group, edition)) for group, flags in self._groups.items()]

        def write(value: MonitorFilter) -> str:
            groups = [(frozenset(names) & value.blocked, render) for _, names, render in writers]
            unknown = value.blocked.difference(*(names for names, _ in groups))
            if unknown:
                raise EncodeError(f"a monitor filter has no {', '.join(sorted(unknown))}")
            return f"<{name}>{''.join(render(names) for names, render in groups if names)}</{name}>"

        return write


MonitorFilterList = Annotated[MonitorFilter, FilterGroups()]
