"""Capability exchange (ECMA-269 §13): what is told comes from the table of services and the list of events, and from nowhere else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from bwconnector.bridge.devices import CALL_CENTER, ROUTE_POINT, USER, Device
from bwconnector.bridge.switching import Asker, SwitchingFunction
from bwconnector.bridge.world import CALL_TYPES, ESCALATIONS
from bwconnector.csta import messages as csta
from bwconnector.csta.values import FILTER_GROUPS

__all__ = [
    "EVENTS",
    "SERVICE_CAPABILITIES",
    "get_csta_features",
    "get_logical_device_information",
    "get_switching_function_caps",
    "get_switching_function_devices",
]

Caps = dict[str, Any]

SERVICE_CAPABILITIES: Mapping[str, tuple[str, str, str]] = {
    "GetCSTAFeatures": ("capExchange", "getCSTAFeatures", ""),
    "GetLogicalDeviceInformation": ("capExchange", "getLogicalDeviceInformation", ""),
    "GetSwitchingFunctionCaps": ("capExchange", "getSwitchingFunctionCaps", ""),
    "GetSwitchingFunctionDevices": (
        "capExchange",
        "getSwitchingFunctionDevices",
        "requestedDeviceID requestedDeviceCategoryACD requestedDeviceCategoryRouteingDevice requestedDeviceCategoryStation",
    ),
    "ChangeSysStatFilter": ("system", "changeSystemStatusFilter", ""),
    "SystemRegister": ("system", "systemRegister", ""),
    "SystemRegisterCancel": ("system", "systemStatusRegisterCancel", ""),
    "RequestSystemStatus": (
        "system",
        "requestSystemStatus",
        "systemStatusInitializing systemStatusEnabled systemStatusNormal systemStatusMessageLost systemStatusDisabled "
        "switchingFunctionSupportsReceiving",
    ),
    "SystemStatus": (
        "system",
        "systemStatus",
        "systemStatusInitializing systemStatusEnabled systemStatusNormal systemStatusMessageLost systemStatusDisabled "
        "switchingFunctionSupportsSending switchingFunctionSupportsReceiving",
    ),
    "ChangeMonitorFilter": ("monitoring", "changeMonitorFilter", ""),
    "MonitorStart": (
        "monitoring",
        "monitorStart",
        "monitorObjectDevice requestedMonitorFilter monitorTypeDevice monitorExistingCallsInAck swDomainDefaultForMonitorTypeIsDevice",
    ),
    "MonitorStop": ("monitoring", "monitorStop", "switchingFunctionSupportsSending switchingFunctionSupportsReceiving"),
    "SnapshotCall": ("snapshot", "snapshotCall", "locaConnectionStateInAck callingDeviceInAck calledDeviceInAck callIDOnly"),
    "SnapshotDevice": ("snapshot", "snapshotDevice", "localCallStateCompoundCallState"),
    "AlternateCall": ("callControl", "alternateCall", "hold"),
    "AnswerCall": ("callControl", "answerCall", "alerting deviceIDOnly"),
    "ClearCall": ("callControl", "clearCall", "alerting connected failed queued initiated hold deviceIDOnly callIDOnly"),
    "ClearConnection": ("callControl", "clearConnection", "alerting connected fail queued initiated hold deviceIDOnly"),
    "ConferenceCall": ("callControl", "conferenceCall", "activeCallConnected heldCallHold connectionParameterInAck endpointDeviceID"),
    "ConsultationCall": ("callControl", "consultationCall", ""),
    "DeflectCall": ("callControl", "deflectCall", "alerting queued deviceIDOnly"),
    "DirectedPickupCall": ("callControl", "directedPickupCall", "alerting pickedCallInAck deviceIDOnly"),
    "GroupPickupCall": ("callControl", "groupPickupCall", "alerting pickedCallInAck"),
    "HoldCall": ("callControl", "holdCall", "deviceIDOnly"),
    "MakeCall": ("callControl", "makeCall", "null"),
    "ParkCall": ("callControl", "parkCall", ""),
    "ReconnectCall": ("callControl", "reconnectCall", "connected"),
    "RetrieveCall": ("callControl", "retrieveCall", "deviceIDOnly"),
    "SingleStepConferenceCall": ("callControl", "singleStepConference", ""),
    "SingleStepTransferCall": ("callControl", "singleStepTransfer", "connectionParameterInAck endpointDeviceID deviceIDOnly"),
    "TransferCall": ("callControl", "transferCall", "activeCallConnected heldCallHold connectionsParameterInAck endpointDeviceID"),
    "JoinCall": (
        "callControl",
        "joinCall",
        "autoOriginateDoNotPrompt participationTypeSilent participationTypeActive conferencedCallInAck deviceIDOnly",
    ),
    "AssociateData": ("callAssociated", "associateData", "correlatorData"),
    "GenerateDigits": ("callAssociated", "generateDigits", "digitModeDTMF supportsDTMFTonesABCD supportsPauseToneChar deviceIDOnly"),
    "SendUserInformation": ("callAssociated", "sendUserInformation", ""),
    "GetDoNotDisturb": ("logical", "getDoNotDisturb", ""),
    "GetForwarding": (
        "logical",
        "getForwarding",
        "forwardListInAck forwardListImmediateInAck forwardListBusyInAck forwardListNoAnsInAck forwardDNInAck ringCountInAck",
    ),
    "SetDoNotDisturb": ("logical", "setDoNotDisturb", ""),
    "SetForwarding": ("logical", "setForwarding", "forwardingTypeBusy forwardingTypeNoAns forwardingTypeImmediate forwardDN ringCount"),
    "RecordMessage": ("voice", "recordMsg", ""),
    "Resume": ("voice", "resume", ""),
    "Stop": ("voice", "stop", ""),
    "Suspend": ("voice", "suspend", ""),
    "GetAgentState": ("logical", "getAgentState", "acdGroup agentStateListAgentIDInAck agentGroupInAck"),
    "SetAgentState": (
        "logical",
        "setAgentState",
        "requestedAgentStateLoggedOn requestedAgentStateLoggedOff requestedAgentStateNotReady requestedAgentStateReady "
        "requestedAgentStateWorkingAfterCall agentID privateData",
    ),
    "Escape": ("vendor", "escape", "swFunctionSupportsReceiving"),
    "PlayMessage": ("voice", "playMsg", ""),
    "ReRoute": ("routeing", "reRoute", ""),
    "RouteEnd": ("routeing", "routeEnd", ""),
    "RouteRegister": ("routeing", "routeRegister", ""),
    "RouteRegisterAbort": ("routeing", "routeRegisterAbort", ""),
    "RouteRegisterCancel": ("routeing", "routeRegisterCancel", ""),
    "RouteReject": ("routeing", "routeReject", ""),
    "RouteRequest": ("routeing", "routeRequest", ""),
    "RouteSelect": ("routeing", "routeSelect", ""),
    "RouteUsed": ("routeing", "routeUsed", ""),
}
"""By service: the list that it stands in, its element there, and what it can do. Application sessions are not CSTA and have no row.
Routeing has services of ours, too."""

POLICY_OF_SERVICE: Mapping[str, tuple[str, str]] = {
    "SingleStepConferenceCall": ("P-SSC", "off"),
}
"""Services that a policy row may switch off, and its value that does."""

RECORDING = frozenset({"RecordMessage", "Stop", "Suspend", "Resume", "RecordEvent", "StopEvent", "SuspendRecordEvent"})
"""Services and events that a release without call recording does not have."""

EVENTS: Mapping[str, tuple[str, str]] = {
    "ConferencedEvent": ("callControl", "conferenced"),
    "ConnectionClearedEvent": ("callControl", "connectionCleared"),
    "DeliveredEvent": ("callControl", "delivered"),
    "DivertedEvent": ("callControl", "diverted"),
    "EstablishedEvent": ("callControl", "established"),
    "FailedEvent": ("callControl", "failed"),
    "HeldEvent": ("callControl", "held"),
    "NetworkReachedEvent": ("callControl", "netwReached"),
    "OriginatedEvent": ("callControl", "originated"),
    "QueuedEvent": ("callControl", "queued"),
    "RetrievedEvent": ("callControl", "retrieved"),
    "ServiceInitiatedEvent": ("callControl", "serviceInitiated"),
    "TransferedEvent": ("callControl", "transferred"),
    "CallInformationEvent": ("callAssociated", "callInformation"),
    "DoNotDisturbEvent": ("logical", "doNotDisturb"),
    "ForwardingEvent": ("logical", "forwarding"),
    "MessageWaitingEvent": ("physDev", "messageWaiting"),
    "RecordEvent": ("voice", "record"),
    "StopEvent": ("voice", "stopEvent"),
    "SuspendRecordEvent": ("voice", "suspendRecord"),
    "AgentLoggedOnEvent": ("logical", "agentLoggedOn"),
    "AgentLoggedOffEvent": ("logical", "agentLoggedOff"),
    "AgentReadyEvent": ("logical", "agentReady"),
    "AgentNotReadyEvent": ("logical", "agentNotReady"),
    "AgentWorkingAfterCallEvent": ("logical", "agentWorkingAfterCall"),
    "AgentBusyEvent": ("logical", "agentBusy"),
    "PrivateEvent": ("vendor", "privateEvent"),
    "PlayEvent": ("voice", "play"),
    "BackInServiceEvent": ("maintenance", "backInService"),
    "OutOfServiceEvent": ("maintenance", "outOfService"),
}
"""Events that are sent: the list that each stands in, and its element there."""

QUEUE_SERVICES = frozenset({"ClearCall", "ClearConnection", "DeflectCall", "SingleStepTransferCall"})
"""Call control that BroadWorks does for a call that waits at a call center or route point."""

QUEUE_EVENTS = frozenset(
    {
        "CallInformationEvent",
        "ConferencedEvent",
        "ConnectionClearedEvent",
        "DeliveredEvent",
        "DivertedEvent",
        "EstablishedEvent",
        "FailedEvent",
        "HeldEvent",
        "QueuedEvent",
        "RetrievedEvent",
        "TransferedEvent",
    }
)
"""Events that the monitor of a call center or route point may get."""

OF_ROUTE_POINTS = frozenset(
    {name for name, (group, _, _) in SERVICE_CAPABILITIES.items() if group == "routeing"}
    | {"BackInServiceEvent", "OutOfServiceEvent", "PlayEvent", "PlayMessage"}
)
"""Services and events that only route points have."""

SERVICES_OF: Mapping[str, Collection[str]] = {
    USER: SERVICE_CAPABILITIES.keys() - OF_ROUTE_POINTS,
    CALL_CENTER: QUEUE_SERVICES,
    ROUTE_POINT: QUEUE_SERVICES | OF_ROUTE_POINTS | {"MakeCall"},
}
EVENTS_OF: Mapping[str, Collection[str]] = {
    USER: EVENTS.keys() - OF_ROUTE_POINTS,
    CALL_CENTER: QUEUE_EVENTS,
    ROUTE_POINT: QUEUE_EVENTS | OF_ROUTE_POINTS | {"OriginatedEvent", "StopEvent"},
}
"""By kind of device: the services that can be asked of it, and the events that its monitors may get."""

DEVICE_LISTS: Mapping[str, str] = {
    "callControl": "callControlServList",
    "callAssociated": "callAssociatedServList",
    "logical": "logicalServList",
    "voice": "voiceServList",
}
"""The lists of services that a device has, with their names in the information about it."""

CATEGORY: Mapping[str, str] = {USER: "station", CALL_CENTER: "acd", ROUTE_POINT: "routeingDevice"}
"""Device category by kind of device."""

CHARACTERISTICS = frozenset().union(*ESCALATIONS.values(), *CALL_TYPES.values())
"""callCharacteristics that are told."""

SEGMENT = 100
"""Devices per SwitchingFunctionDevices: with the longest ids BroadWorks allows that is some 25 kB, and some clients cannot read a
frame of more than 32 kB."""


def _services(switch: SwitchingFunction, lists: Mapping[str, str], of: Collection[str] = SERVICE_CAPABILITIES) -> Caps:
    found: Caps = {}
    for service, (group, element, parameters) in SERVICE_CAPABILITIES.items():
        row, off = POLICY_OF_SERVICE.get(service, ("", ""))
        if service in of and group in lists and _has(switch, service, of) and not (row and switch.policy(row) == off):
            found.setdefault(lists[group], {})[element] = dict.fromkeys(parameters.split(), True)
    return found


def _has(switch: SwitchingFunction, name: str, of: Collection[str]) -> bool:
    """Whether the release of BroadWorks has what a service or an event is about; Stop is the end of treatments, too."""
    return name not in RECORDING or switch.options.call_recording or (name == "StopEvent" and "PlayEvent" in of)


def _events(switch: SwitchingFunction, lists: Mapping[str, str], of: Collection[str] = EVENTS) -> Caps:
    found: Caps = {}
    for event, (group, element) in EVENTS.items():
        if event in of and group in lists and _has(switch, event, of):
            found.setdefault(lists[group], {})[element] = {}
    return found


async def get_csta_features(switch: SwitchingFunction, asker: Asker, request: csta.GetCSTAFeatures) -> csta.GetCSTAFeaturesResponse:
    services = _services(
        switch,
        {
            "capExchange": "capExchangeServList",
            "system": "systemStatServList",
            "monitoring": "monitoringServList",
            "snapshot": "snapshotServList",
            "callControl": "callControlServList",
            "callAssociated": "callAssociatedServList",
            "logical": "logicalServList",
            "routeing": "routeingServList",
            "voice": "voiceServList",
            "vendor": "vendorSpecificServList",
        },
    )
    events = _events(
        switch,
        {
            "callControl": "callControlEvtsList",
            "callAssociated": "callAssociatedEvtsList",
            "physDev": "physDevEvtsList",
            "logical": "logicalEvtsList",
            "maintenance": "deviceMaintEvtsList",
            "voice": "voiceEvtsList",
            "vendor": "vendorSpecificEvtsList",
        },
    )
    return csta.GetCSTAFeaturesResponse(supported_services=services, supported_events=events)


async def get_switching_function_caps(
    switch: SwitchingFunction, asker: Asker, request: csta.GetSwitchingFunctionCaps
) -> csta.GetSwitchingFunctionCapsResponse:
    services = _services(
        switch,
        {
            "capExchange": "capExchangeServList",
            "system": "systemServList",
            "monitoring": "monitoringServList",
            "snapshot": "snapshotServList",
            "callControl": "callControlServList",
            "callAssociated": "callAssociatedServList",
            "logical": "logicalServList",
            "routeing": "routeingServList",
            "voice": "voiceServList",
            "vendor": "vendorSpecificServList",
        },
    )
    events = _events(
        switch,
        {
            "callControl": "callControlEvtsList",
            "callAssociated": "callAssociatedEvtsList",
            "physDev": "physDevEvtsList",
            "logical": "logicalEvtsList",
            "maintenance": "deviceMaintEvtsList",
            "voice": "voiceEvtsList",
            "vendor": "vendorSpecificEvtsList",
        },
    )
    strict = switch.policy("P-STRICT") == "reject"
    return csta.GetSwitchingFunctionCapsResponse(
        device_id_format=frozenset({"dialableDigitsAsterix", "dialableDigitsHash", "deviceNumber"}),
        sw_domain_features=frozenset({"extCallsIncoming", "extCallsOutgoing", "isForwardingAfter", "recall"}),
        ignore_unsupported_parameters="rejectMessage" if strict else "ignoreParameters",
        call_characteristics_supported=CHARACTERISTICS,
        media_class_support=frozenset({"voice"}),
        trans_and_conf_setup=frozenset({"consultationCall", "holdCallMakeCall", "alternateCall"}),
        monitor_filter_items=csta.MonitorFilterItems(device_on_device_monitor_filter=_never_sent(switch)),
        correlator_data_supported=True,
        dynamic_feature_supported="none",
        agent_state_models=frozenset({"agentOriented"}),
        connection_view="fixed",
        serv_evts_list=services | events,
        max_destination_devices_for_deflect=1,
    )


def _never_sent(switch: SwitchingFunction) -> csta.MonitorFilter:
    """Events that no monitor gets, as a filter names them."""
    filters = {csta.MonitorFilter(frozenset({name})) for names in FILTER_GROUPS.values() for name in names}
    sent = [event for event in EVENTS if _has(switch, event, EVENTS)]
    return csta.MonitorFilter(frozenset().union(*(f.blocked for f in filters if not any(map(f.blocks, sent)))))


async def get_switching_function_devices(
    switch: SwitchingFunction, asker: Asker, request: csta.GetSwitchingFunctionDevices
) -> tuple[csta.Message, ...]:
    """The devices that have been named so far: BroadWorks has no list of those that a CTI account may see."""
    visible = asker.access.monitor
    requested = (device for device in _requested(switch, request) if visible.has(switch.directory.names(device.key)))
    devices = sorted(requested, key=lambda device: device.key)
    segments = [devices[start : start + SEGMENT] for start in range(0, len(devices), SEGMENT)] or [[]]
    cross_ref_id = str(next(switch.references))
    return (
        csta.GetSwitchingFunctionDevicesResponse(service_cross_ref_id=cross_ref_id),
        *(
            csta.SwitchingFunctionDevices(
                service_cross_ref_id=cross_ref_id,
                segment_id=number,
                last_segment=number == len(segments),
                device_list=tuple(
                    csta.ListedDevice(device_id=asker.name(device.key), device_category=CATEGORY[device.kind]) for device in segment
                ),
            )
            for number, segment in enumerate(segments, 1)
        ),
    )


def _requested(switch: SwitchingFunction, request: csta.GetSwitchingFunctionDevices) -> Iterable[Device]:
    devices: Iterable[Device] = switch.directory.devices()
    if request.requested_device_id:
        known = switch.directory.known(request.requested_device_id)
        devices = [] if known is None else [known]
    category = request.requested_device_category
    return [device for device in devices if category in (None, CATEGORY[device.kind])]


async def get_logical_device_information(
    switch: SwitchingFunction, asker: Asker, request: csta.GetLogicalDeviceInformation
) -> csta.GetLogicalDeviceInformationResponse:
    device = await switch.watched(asker, "GetLogicalDeviceInformation", request.device)
    station, services, events = device.kind == USER, SERVICES_OF[device.kind], EVENTS_OF[device.kind]
    return csta.GetLogicalDeviceInformationResponse(
        device_category=CATEGORY[device.kind],
        named_device_types="station" if station else None,
        short_form_device_id=device.extension or None,
        has_physical_element=False,
        appearance_addressable=False,
        appearance_type="basicStandard",
        trans_and_conf_setup=frozenset({"consultationCall", "holdCallMakeCall", "alternateCall"}) if station else None,
        device_on_device_monitor_filter=_never_sent(switch),
        media_class_support=frozenset({"voice"}),
        routeing_serv_list=_services(switch, {"routeing": "routeing"}, services).get("routeing"),
        log_dev_serv_list=_services(switch, DEVICE_LISTS, services),
        log_dev_evts_list=_events(
            switch,
            {
                "callControl": "callControlEvtsList",
                "callAssociated": "callAssociatedEvtsList",
                "logical": "logicalEvtsList",
                "voice": "voiceEvtsList",
            },
            events,
        ),
        device_maint_evts_list=_events(switch, {"maintenance": "maintenance"}, events).get("maintenance"),
    )
