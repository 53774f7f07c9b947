"""Monitors and snapshots (ECMA-269 §15, §16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bwconnector.bridge.calls import ALERTING, CONNECTED, HOLD, INITIATED, NULL, QUEUED, Connection
from bwconnector.bridge.connections import calls_at, find_call
from bwconnector.bridge.devices import CALL_CENTER, ROUTE_POINT, USER, Device
from bwconnector.bridge.limits import Limited
from bwconnector.bridge.monitors import Monitor
from bwconnector.bridge.naming import party
from bwconnector.bridge.refusals import NO_CHANNEL, refusal
from bwconnector.bridge.switching import Asker, SwitchingFunction
from bwconnector.csta import messages as csta
from bwconnector.csta.errors import CstaError
from bwconnector.xsi.errors import Refused, XsiFailure
from bwconnector.xsi.events import XsiCall

__all__ = ["PACKAGES", "change_monitor_filter", "monitor_start", "monitor_stop", "snapshot_call", "snapshot_device", "subscribe"]

PACKAGES: Mapping[str, Sequence[str]] = {
    USER: (
        "Advanced Call",
        "Call Center Agent",
        "Do Not Disturb",
        "Call Forwarding Always",
        "Call Forwarding Busy",
        "Call Forwarding No Answer",
        "Hoteling Guest",
        "Call Park",
        "Voice Mail Message Summary",
    ),
    CALL_CENTER: ("Call Center Queue",),
    ROUTE_POINT: ("Route Point Queue",),
}
"""Event packages of a device by its kind, the one that tells its calls first."""

STATES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("Terminator", "Alerting"): (ALERTING, CONNECTED),
    ("Originator", "Alerting"): (CONNECTED, NULL),
    ("Click-to-Dial", "Alerting"): (INITIATED, NULL),
    ("Terminator", "Queued"): (QUEUED, CONNECTED),
    **{
        (personality, state): states
        for personality in ("Originator", "Terminator", "Click-to-Dial")
        for state, states in (("Active", (CONNECTED, CONNECTED)), ("Held", (HOLD, CONNECTED)), ("Remote Held", (CONNECTED, HOLD)))
    },
}
"""Personality and state of a leg: own connection state and the far one's, as far as the leg alone can tell."""

_EVERYTHING = csta.MonitorFilter()
"""One for all monitors that were started without a filter."""


async def monitor_start(switch: SwitchingFunction, asker: Asker, request: csta.MonitorStart) -> csta.MonitorStartResponse:
    name = request.monitor_object.device_object
    if name is None or request.monitor_type == "call":
        raise CstaError("operation", "monitorTypeNotSupported", "only devices can be monitored")
    _check_limit(switch, asker)
    device = await switch.watched(asker, "MonitorStart", name)
    key = device.key
    await subscribe(switch, asker, "MonitorStart", device)
    _check_limit(switch, asker)
    wanted = request.requested_monitor_filter
    cross_ref_id = switch.monitors.start(asker.link, key, name, asker.namespace, wanted or _EVERYTHING)
    # What exists already is not replayed, only what changes from now on is told (ECMA-269 §15.1.2).
    return csta.MonitorStartResponse(monitor_cross_ref_id=cross_ref_id, actual_monitor_filter=wanted, monitor_existing_calls=True)


async def subscribe(switch: SwitchingFunction, asker: Asker, service: str, device: Device) -> None:
    """Have BroadWorks tell the events of a device; whoever asked for them is still there afterwards."""
    key = device.key
    switch.starting[key] += 1
    try:
        await _subscribe(switch, device)
    except XsiFailure as failure:
        if isinstance(failure, Refused) and failure.status == 404:
            switch.directory.forget(key)
        raise refusal(service, failure) from failure
    finally:
        switch.starting[key] -= 1
        if not switch.starting[key]:
            del switch.starting[key]
    if asker.gone() or not switch.status.operational:
        switch.release_unwanted(key)
        raise CstaError(*NO_CHANNEL, detail=f"the link or the Event Channels were lost before {service} of {asker.name(key)} was done")


async def _subscribe(switch: SwitchingFunction, device: Device) -> None:
    try:
        await switch.subscriptions.subscribe(device.key, PACKAGES[device.kind])
    except Refused as refused:
        # Call centers and route points have no calls of their own to be subscribed to; nothing tells them from users before that.
        classified = await switch.directory.classify(device) if refused.status == 403 and device.kind == USER else device
        if classified.kind == USER:
            raise
        await switch.subscriptions.subscribe(device.key, PACKAGES[classified.kind])


def _check_limit(switch: SwitchingFunction, asker: Asker) -> None:
    limit = switch.options.max_monitors
    if switch.monitors.number_of(asker.link) >= limit:
        detail = f"link {asker.link.name} has {limit} monitors; raise max-monitors-per-link if that is not enough"
        raise Limited("monitors", detail)


async def monitor_stop(switch: SwitchingFunction, asker: Asker, request: csta.MonitorStop) -> csta.MonitorStopResponse:
    monitor = _monitor(switch, asker, request.monitor_cross_ref_id)
    switch.monitors.stop(asker.link, request.monitor_cross_ref_id)
    switch.release_unwanted(monitor.device_key)
    return csta.MonitorStopResponse()


async def change_monitor_filter(
    switch: SwitchingFunction, asker: Asker, request: csta.ChangeMonitorFilter
) -> csta.ChangeMonitorFilterResponse:
    _monitor(switch, asker, request.monitor_cross_ref_id)
    switch.monitors.change_filter(asker.link, request.monitor_cross_ref_id, request.requested_filter_list)
    return csta.ChangeMonitorFilterResponse(actual_filter_list=request.requested_filter_list)


def _monitor(switch: SwitchingFunction, asker: Asker, cross_ref_id: str) -> Monitor:
    try:
        return switch.monitors.get(asker.link, cross_ref_id)
    except KeyError:
        raise CstaError("operation", "invalidMonitorCrossRefID", f"link {asker.link.name} has no monitor {cross_ref_id}") from None


# Snapshots


async def snapshot_device(switch: SwitchingFunction, asker: Asker, request: csta.SnapshotDevice) -> csta.SnapshotDeviceResponse:
    name = request.snapshot_object
    device = await switch.watched(asker, "SnapshotDevice", name)
    if switch.subscriptions.subscribed(device.key):
        await switch.snapshots.refresh(device.key, asker.link.name)
        connections = sorted(switch.table.connections_of(device.key), key=_position)
        return csta.SnapshotDeviceResponse(snapshot=tuple(_connection(asker, c, name) for c in connections))
    # Nobody monitors it, so the model has at best what others tell of it: BroadWorks is asked.
    try:
        calls = await _calls(switch, device)
    except XsiFailure as failure:
        raise refusal("SnapshotDevice", failure) from failure
    return csta.SnapshotDeviceResponse(snapshot=tuple(_leg(switch, asker, c, name) for c in calls if (c.personality, c.state) in STATES))


def _position(connection: Connection) -> int:
    """Place in the line of a call that waits at a queue; 0 for any other."""
    return min((leg.position for leg in connection.legs), default=0)


def _connection(asker: Asker, connection: Connection, name: str) -> csta.SnapshotDeviceInfo:
    others = connection.call.others(connection.device)
    return csta.SnapshotDeviceInfo(
        connection_identifier=csta.ConnectionID(connection.call.id, name),
        # in a conference there is no one device at the other end
        endpoint_device=party(others[0].device, asker.name) if len(others) == 1 else None,
        local_call_state=(connection.state, *(other.state for other in others)) if others else (connection.state, NULL),
    )


async def _calls(switch: SwitchingFunction, device: Device) -> tuple[XsiCall, ...]:
    """The calls at a device that nobody monitors. Queues may show as users, but have no calls of their own as these have."""
    refusal = None
    try:
        calls = await calls_at(switch, device.key)
    except Refused as refused:
        if refused.status != 403 or device.kind != USER:
            raise
        calls, refusal = (), refused
    if not calls and device.kind == USER and (await switch.directory.classify(device)).kind != USER:
        return await calls_at(switch, device.key)
    if refusal is not None:
        raise refusal
    return calls


def _leg(switch: SwitchingFunction, asker: Asker, call: XsiCall, name: str) -> csta.SnapshotDeviceInfo:
    return csta.SnapshotDeviceInfo(
        connection_identifier=csta.ConnectionID(call.tracking_id, name),
        endpoint_device=party(switch.directory.key(call.remote), asker.name),
        local_call_state=STATES[call.personality, call.state],
    )


async def snapshot_call(switch: SwitchingFunction, asker: Asker, request: csta.SnapshotCall) -> csta.SnapshotCallResponse:
    call = find_call(switch, request.snapshot_object)
    switch.permit_look(asker, "SnapshotCall", *call.connections)
    entries = tuple(
        csta.SnapshotCallInfo(
            device_on_call=party(connection.device, asker.name),
            call_identifier=csta.ConnectionID(call.id, asker.name(connection.device)),
            local_connection_info=connection.state,
        )
        for connection in call.alive()
    )
    return csta.SnapshotCallResponse(
        snapshot=entries,
        calling_device=party(call.calling, asker.name),
        called_device=party(call.called, asker.name),
        call_characteristics=call.characteristics or None,
    )
