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
from bwconnector.bridge import supervision_services as supervision
from bwconnector.bridge import system_services as system
from bwconnector.bridge import voice_services as voice
from bwconnector.bridge.switching import Asker, SwitchingFunction
from bwconnector.csta import messages as csta

__all__ = ["SERVICES", "Service"]

Run = Callable[[SwitchingFunction, Asker, Any], Awaitable[csta.Message | tuple[csta.Message, ...]]]
"""Carries a request out. Returns its response, or that and requests of our own that follow it; raises CstaError to refuse."""


@attrs.frozen(slots=True)
class Service:
    """How a request is served.

    :ivar asks_broadworks: it cannot be served while BroadWorks is out of reach, and may have to wait for it
    """

    run: Run
    asks_broadworks: bool = True


SERVICES: Mapping[type[csta.Message], Service] = {
    csta.RequestSystemStatus: Service(system.request_system_status, asks_broadworks=False),
    csta.SystemStatus: Service(system.system_status, asks_broadworks=False),
    csta.SystemRegister: Service(system.system_register, asks_broadworks=False),
    csta.SystemRegisterCancel: Service(system.system_register_cancel, asks_broadworks=False),
    csta.ChangeSysStatFilter: Service(system.change_sys_stat_filter, asks_broadworks=False),
    csta.StartApplicationSession: Service(system.start_application_session, asks_broadworks=False),
    csta.ResetApplicationSessionTimer: Service(system.reset_application_session_timer, asks_broadworks=False),
    csta.StopApplicationSession: Service(system.stop_application_session, asks_broadworks=False),
    csta.GetCSTAFeatures: Service(capability.get_csta_features, asks_broadworks=False),
    csta.GetSwitchingFunctionCaps: Service(capability.get_switching_function_caps, asks_broadworks=False),
    csta.GetSwitchingFunctionDevices: Service(capability.get_switching_function_devices, asks_broadworks=False),
    csta.GetLogicalDeviceInformation: Service(capability.get_logical_device_information),
    csta.MonitorStart: Service(monitoring.monitor_start),
    csta.MonitorStop: Service(monitoring.monitor_stop, asks_broadworks=False),
    csta.ChangeMonitorFilter: Service(monitoring.change_monitor_filter, asks_broadworks=False),
    csta.SnapshotDevice: Service(monitoring.snapshot_device),
    csta.SnapshotCall: Service(monitoring.snapshot_call),
    csta.MakeCall: Service(basic.make_call),
    csta.AnswerCall: Service(basic.answer_call),
    csta.HoldCall: Service(basic.hold_call),
    csta.RetrieveCall: Service(basic.retrieve_call),
    csta.ClearConnection: Service(basic.clear_connection),
    csta.ClearCall: Service(basic.clear_call),
    csta.GenerateDigits: Service(basic.generate_digits),
    csta.AssociateData: Service(basic.associate_data),
    csta.SendUserInformation: Service(basic.send_user_information),
    csta.ConsultationCall: Service(multi.consultation_call),
    csta.AlternateCall: Service(multi.alternate_call),
    csta.ReconnectCall: Service(multi.reconnect_call),
    csta.TransferCall: Service(multi.transfer_call),
    csta.SingleStepTransferCall: Service(multi.single_step_transfer_call),
    csta.ConferenceCall: Service(multi.conference_call),
    csta.SingleStepConferenceCall: Service(multi.single_step_conference_call),
    csta.DeflectCall: Service(diversion.deflect_call),
    csta.DirectedPickupCall: Service(diversion.directed_pickup_call),
    csta.GroupPickupCall: Service(diversion.group_pickup_call),
    csta.ParkCall: Service(diversion.park_call),
    csta.JoinCall: Service(supervision.join_call),
    csta.RecordMessage: Service(voice.record_message),
    csta.Stop: Service(voice.stop),
    csta.Suspend: Service(voice.suspend),
    csta.Resume: Service(voice.resume),
    csta.SetDoNotDisturb: Service(features.set_do_not_disturb),
    csta.GetDoNotDisturb: Service(features.get_do_not_disturb),
    csta.SetForwarding: Service(features.set_forwarding),
    csta.GetForwarding: Service(features.get_forwarding),
    csta.GetAgentState: Service(agents.get_agent_state),
    csta.SetAgentState: Service(agents.set_agent_state),
    csta.Escape: Service(escapes.escape),
}
"""Service by request class. A request that is not here is answered with operation serviceNotSupported."""
