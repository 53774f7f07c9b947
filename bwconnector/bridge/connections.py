"""From a ConnectionID in a request to the call, the connection and the leg that it means."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bwconnector.bridge.calls import ALERTING, CONNECTED, HOLD, Call, Connection
from bwconnector.bridge.changes import Change
from bwconnector.bridge.devices import UnknownDevice
from bwconnector.bridge.refusals import refusal
from bwconnector.bridge.switching import Asker, SwitchingFunction
from bwconnector.csta.elements import ConnectionID
from bwconnector.csta.errors import CstaError
from bwconnector.xsi.errors import Refused, XsiFailure
from bwconnector.xsi.events import XsiCall
from bwconnector.xsi.present import calls_of

__all__ = ["about", "calls_at", "find_call", "find_connection", "find_controlled", "leg_of", "own_leg"]

LEG_STATES = {ALERTING: ("Alerting",), CONNECTED: ("Active", "Remote Held"), HOLD: ("Held",)}
"""Xsi states of the leg that gives a connection its state; a conference controller's connection has several legs."""

GONE = ("Detached", "Released")


def find_call(switch: SwitchingFunction, identity: ConnectionID | None) -> Call:
    """The call of a callID or any live alias of it (R1)."""
    if identity is None or not identity.call_id:
        raise CstaError("operation", "atLeastOneConditionalParameterNotProvided", "the request names no call")
    call = switch.table.find(identity.call_id)
    if call is None:
        raise CstaError("operation", "invalidCallID", f"no call {identity.call_id} is known")
    return call


async def find_connection(switch: SwitchingFunction, asker: Asker, service: str, identity: ConnectionID | None) -> Connection:
    """The connection that a request names; a deviceID alone will do while the device has exactly one call."""
    if identity is not None and not identity.call_id and identity.device_id:
        device = await switch.device(service, identity.device_id)
        living = switch.table.connections_of(device.key)
        if len(living) != 1:
            raise CstaError("operation", "invalidConnectionID", f"{identity.device_id} has {len(living)} calls, so a callID is needed")
        return living[0]
    call = find_call(switch, identity)
    name = identity.device_id if identity is not None else None
    connection = _named(switch, asker, call, name) if name else None
    if connection is None and name:
        # A name that no monitor has used, such as an extension: BroadWorks knows whose it is.
        try:
            connection = call.connections.get((await switch.directory.find(name)).key)
        except UnknownDevice:
            connection = None
        except XsiFailure as failure:
            raise refusal(service, failure) from failure
    if connection is None:
        raise CstaError("operation", "invalidConnectionID", f"{name or 'no device'} has no connection in call {call.id}")
    return connection


async def find_controlled(switch: SwitchingFunction, asker: Asker, service: str, identity: ConnectionID | None) -> Connection:
    """The connection at whose device a request has something done."""
    connection = await find_connection(switch, asker, service, identity)
    switch.permit(asker, service, connection.device)
    return connection


def _named(switch: SwitchingFunction, asker: Asker, call: Call, name: str) -> Connection | None:
    directory = switch.directory
    known = directory.known(name)
    for key, connection in call.connections.items():
        if name in (key, directory.shown(key), asker.name(key)) or (known is not None and known.key == key):
            return connection
    return None


def own_leg(connection: Connection) -> str:
    """callId of the leg that gives ``connection`` its state; empty when the device is not subscribed."""
    legs = [leg for leg in connection.legs if leg.state not in GONE]
    matching = [leg for leg in legs if leg.state in LEG_STATES.get(connection.state, ())]
    return (matching or legs)[-1].call_id if legs else ""


async def leg_of(switch: SwitchingFunction, service: str, connection: Connection) -> str:
    """callId of the connection's leg; BroadWorks is asked if the device is a user that nobody monitors."""
    call_id = own_leg(connection)
    if not call_id and switch.directory.is_user(connection.device):
        names = {connection.call.id, *connection.call.aliases}
        try:
            found = await calls_at(switch, connection.device)
        except Refused:
            found = ()
        except XsiFailure as failure:
            raise refusal(service, failure) from failure
        call_id = next((call.call_id for call in found if call.tracking_id in names), "")
    if not call_id:
        detail = f"{service}: BroadWorks has no leg of {connection.device} in call {connection.call.id} that could be controlled"
        raise CstaError("operation", "invalidConnectionID", detail)
    return call_id


async def calls_at(switch: SwitchingFunction, user: str) -> tuple[XsiCall, ...]:
    """The calls that BroadWorks has at ``user`` now."""
    return await calls_of(switch.xsi.perform, user)


def about(kinds: Iterable[str], connection: Connection) -> Callable[[Change], bool]:
    """Proof of a request: one of these events about this connection."""
    wanted, call, device, call_id = frozenset(kinds), connection.call, connection.device, connection.call.id
    return lambda c: c.kind in wanted and c.subject.device == device and (c.call is call or c.subject.call_id == call_id)
