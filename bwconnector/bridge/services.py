"""The services of the switching function, one row each: this table decides what is supported, and the capabilities say the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs

from bwconnector.bridge import agent_services as agents
from bwconnector.bridge import basic_services as basic
from bwconnector.bridge import capability_services as capability
from bwconnector.bridge import diversion_services as diversion
from bwconnector.bridge import escapes
from bwconnector.bridge import feature_services as features
from bwconnector.bridge import monitor_services as monitoring
from bwconnector.bridge import multi_call_services as multi
from bwconnector.bridge import routeing_services as routeing
from bwconnector.bridge import supervision_services as supervision
from bwconnector.bridge import system_services as system
from bwconnector.bridge import treatment_services as treatment
from bwconnector.bridge import voice_services as voice
from bwconnector.bridge.access import Kind
from bwconnector.bridge.switching import Asker, SwitchingFunction
from bwconnector.csta import messages as csta

__all__ = ["ONE_WAY", "SERVICES", "OneWayService", "Service"]

Run = Callable[[SwitchingFunction, Asker, Any], Awaitable[csta.Message | tuple[csta.Message, ...]]]
"""Carries a request out. Returns its response, or that and requests of our own that follow it; raises CstaError to refuse."""


@attrs.frozen(slots=True)
class Service:
    """How a request is served.

    :ivar kind: what a link needs for it; whether it may do it at the device in question, the service itself asks
    :ivar asks_broadworks: it cannot be served while BroadWorks is out of reach, and may have to wait for it
    :ivar subject: the parameter that names the device or connection at which it is done, for the audit log
    :ivar what: the parameters that say where to, or what is wanted, for the audit log; never one that may hold a secret
    """

    run: Run
    kind: Kind
    asks_broadworks: bool = True
    subject: str = ""
    what: tuple[str, ...] = ()


def _controls(run: Run, subject: str = "", *what: str, asks_broadworks: bool = True) -> Service:
    return Service(run, Kind.CONTROLS, asks_broadworks, subject, what)


SERVICES: Mapping[type[csta.Message], Service] = {
    csta.RequestSystemStatus: Service(system.request_system_status, Kind.SYSTEM, asks_broadworks=False),
    csta.SystemStatus: Service(system.system_status, Kind.SYSTEM, asks_broadworks=False),
    csta.SystemRegister: Service(system.system_register, Kind.SYSTEM, asks_broadworks=False),
    csta.SystemRegisterCancel: Service(system.system_register_cancel, Kind.SYSTEM, asks_broadworks=False),
    csta.ChangeSysStatFilter: Service(system.change_sys_stat_filter, Kind.SYSTEM, asks_broadworks=False),
    csta.StartApplicationSession: Service(system.start_application_session, Kind.SYSTEM, asks_broadworks=False),
    csta.ResetApplicationSessionTimer: Service(system.reset_application_session_timer, Kind.SYSTEM, asks_broadworks=False),
    csta.StopApplicationSession: Service(system.stop_application_session, Kind.SYSTEM, asks_broadworks=False),
    csta.GetCSTAFeatures: Service(capability.get_csta_features, Kind.SYSTEM, asks_broadworks=False),
    csta.GetSwitchingFunctionCaps: Service(capability.get_switching_function_caps, Kind.SYSTEM, asks_broadworks=False),
    csta.GetSwitchingFunctionDevices: Service(capability.get_switching_function_devices, Kind.READS, asks_broadworks=False),
    csta.GetLogicalDeviceInformation: Service(capability.get_logical_device_information, Kind.READS),
    csta.MonitorStart: Service(monitoring.monitor_start, Kind.READS),
    csta.MonitorStop: Service(monitoring.monitor_stop, Kind.READS, asks_broadworks=False),
    csta.ChangeMonitorFilter: Service(monitoring.change_monitor_filter, Kind.READS, asks_broadworks=False),
    csta.SnapshotDevice: Service(monitoring.snapshot_device, Kind.READS),
    csta.SnapshotCall: Service(monitoring.snapshot_call, Kind.READS),
    csta.MakeCall: _controls(basic.make_call, "calling_device", "called_directory_number"),
    csta.AnswerCall: _controls(basic.answer_call, "call_to_be_answered"),
    csta.HoldCall: _controls(basic.hold_call, "call_to_be_held"),
    csta.RetrieveCall: _controls(basic.retrieve_call, "call_to_be_retrieved"),
    csta.ClearConnection: _controls(basic.clear_connection, "connection_to_be_cleared"),
    csta.ClearCall: _controls(basic.clear_call, "call_to_be_cleared"),
    csta.GenerateDigits: _controls(basic.generate_digits, "connection_to_send_digits"),
    csta.AssociateData: _controls(basic.associate_data, "existing_call"),
    csta.SendUserInformation: _controls(basic.send_user_information, "existing_call"),
    csta.ConsultationCall: _controls(multi.consultation_call, "existing_call", "consulted_device"),
    csta.AlternateCall: _controls(multi.alternate_call, "active_call", "held_call"),
    csta.ReconnectCall: _controls(multi.reconnect_call, "active_call", "held_call"),
    csta.TransferCall: _controls(multi.transfer_call, "active_call", "held_call"),
    csta.SingleStepTransferCall: _controls(multi.single_step_transfer_call, "active_call", "transferred_to"),
    csta.ConferenceCall: _controls(multi.conference_call, "active_call", "held_call"),
    csta.SingleStepConferenceCall: _controls(multi.single_step_conference_call, "active_call", "device_to_join", "participation_type"),
    csta.DeflectCall: _controls(diversion.deflect_call, "call_to_be_diverted", "new_destination"),
    csta.DirectedPickupCall: _controls(diversion.directed_pickup_call, "requesting_device", "call_to_be_picked_up"),
    csta.GroupPickupCall: _controls(diversion.group_pickup_call, "new_destination"),
    csta.ParkCall: _controls(diversion.park_call, "parking", "park_to"),
    csta.JoinCall: _controls(supervision.join_call, "joining_device", "active_call", "participation_type"),
    csta.RecordMessage: _controls(voice.record_message, "call_to_be_recorded"),
    csta.Stop: _controls(voice.stop, "connection"),
    csta.Suspend: _controls(voice.suspend, "connection"),
    csta.Resume: _controls(voice.resume, "connection"),
    csta.SetDoNotDisturb: _controls(features.set_do_not_disturb, "device", "do_not_disturb_on"),
    csta.GetDoNotDisturb: Service(features.get_do_not_disturb, Kind.READS),
    csta.SetForwarding: _controls(features.set_forwarding, "device", "forwarding_type", "activate_forward", "forward_dn"),
    csta.GetForwarding: Service(features.get_forwarding, Kind.READS),
    csta.GetAgentState: Service(agents.get_agent_state, Kind.READS),
    csta.SetAgentState: _controls(agents.set_agent_state, "device", "agent_id", "requested_agent_state"),
    csta.Escape: _controls(escapes.escape, "private_data"),
    csta.PlayMessage: _controls(treatment.play_message, "over_connection", "message_to_be_played"),
    csta.RouteRegister: _controls(routeing.route_register, "routeing_device"),
    csta.RouteRegisterCancel: _controls(routeing.route_register_cancel, asks_broadworks=False),
}
"""Service by request class. A request that is not here is answered with operation serviceNotSupported."""


@attrs.frozen(slots=True)
class OneWayService:
    """What is done with a message that has no response; ``what`` as of :class:`Service`.

    The dialogue that it is about exists only because its link was permitted to register at the route point.
    """

    take: Callable[[SwitchingFunction, Asker, Any], None]
    what: tuple[str, ...] = ()


ONE_WAY: Mapping[type[csta.Message], OneWayService] = {
    csta.RouteSelect: OneWayService(routeing.route_select, ("cross_ref_identifier", "route_selected")),
    csta.RouteReject: OneWayService(routeing.route_reject, ("cross_ref_identifier",)),
    csta.RouteEnd: OneWayService(routeing.route_end, ("cross_ref_identifier",)),
}
"""All others mean nothing here."""
