"""Capability lists: which services and events there are, and with which parameters, as nested maps.

The standard describes some 200 types of capabilities. Only the order of their children is worth knowing here; so a capability
list is a value such as ``{"callControlServList": {"answerCall": {"alerting": True}, "holdCall": {}}}``, and one table gives the order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from bwconnector.csta.codecs import Boolean, Node, Writer, by_name
from bwconnector.csta.errors import EncodeError

__all__ = ["CAPABILITIES", "CapabilityList"]

CAPABILITIES: dict[str, str] = {
    "SupportedServices": """
        capExchangeServList:CapExchangeServList systemStatServList:SystemStatusServList monitoringServList:MonitoringServList
        snapshotServList:SnapshotServList callControlServList:CallControlServList callAssociatedServList:CallAssociatedServList
        mediaServList: routeingServList:RouteingServList physDevServList: logicalServList:LogicalServList iOServicesServList:
        dataCollectionServList: voiceServList:VoiceServList cDRServList: vendorSpecificServList:VendorSpecificServList
        locationServicesServList:
    """,
    "CapExchangeServList": """
        getCSTAFeatures: getLogicalDeviceInformation: getPhysicalDeviceInformation: getSwitchingFunctionCaps:
        getSwitchingFunctionDevices:GetSwitchingFunctionDevicesCaps switchingFunctionDevices:
    """,
    "GetSwitchingFunctionDevicesCaps": """
        requestedDeviceID requestedDeviceCategoryACD requestedDeviceCategoryACDGroup requestedDeviceCategoryHuntGroup
        requestedDeviceCategoryPickGroup requestedDeviceCategoryUserGroup requestedDeviceCategoryOtherGroup
        requestedDeviceCategoryNetwInterface requestedDeviceCategoryPark requestedDeviceCategoryRouteingDevice
        requestedDeviceCategoryStation requestedDeviceCategoryVoiceUnit requestedDeviceCategoryGenericIV
        requestedDeviceCategoryListenerIV requestedDeviceCategoryVDTMFIV requestedDeviceCategoryPromptIV
        requestedDeviceCategoryPromptQueueIV requestedDeviceCategoryMessageIV requestedDeviceCategoryConference
        requestedDeviceCategoryOther privateData privateDataInAck
    """,
    "SystemStatusServList": """
        changeSystemStatusFilter: systemRegister: systemStatusRegisterAbort: systemStatusRegisterCancel:
        requestSystemStatus:RequestSystemStatusCaps systemStatus:SystemStatusCaps swFunctionCapsChanged: swFunctionDevicesChanged:
        getRegistrations: registrationInfo:
    """,
    "RequestSystemStatusCaps": """
        privateDataInReq systemStatusInitializing systemStatusEnabled systemStatusNormal systemStatusMessageLost
        systemStatusDisabled systemStatusPartiallyDisabled systemStatusOverloadImminent systemStatusOverloadReached
        systemStatusOverloadRelieved privateDataInAck switchingFunctionSupportsSending switchingFunctionSupportsReceiving
    """,
    "SystemStatusCaps": """
        systemStatusInitializing systemStatusEnabled systemStatusNormal systemStatusMessageLost systemStatusDisabled
        systemStatusPartiallyDisabled systemStatusOverloadImminent systemStatusOverloadReached systemStatusOverloadRelieved
        privateData privateDataInAck switchingFunctionSupportsSending switchingFunctionSupportsReceiving
    """,
    "MonitoringServList": """
        changeMonitorFilter: monitorStart:MonitorStartCaps monitorStop:MonitorStopCaps getMonitors: monitorInfo:
    """,
    "MonitorStartCaps": """
        monitorObjectDevice monitorObjectCall requestedMonitorFilter monitorTypeCall monitorTypeDevice monitorMediaClassParameter
        monitorMediaClassAudio monitorMediaClassData monitorMediaClassImage monitorMediaClassVoice monitorMediaClassChat
        monitorMediaClassEmail monitorMediaClassMessage monitorMediaClassIM monitorMediaClassSMS monitorMediaClassMMS
        monitorExistingCallsInAck privateDataInAck callIDOnly swDomainDefaultForMonitorTypeIsDevice acceptsMonitorStartWhileOOS
    """,
    "MonitorStopCaps": """
        privateData privateDataInAck switchingFunctionSupportsSending switchingFunctionSupportsReceiving
    """,
    "SnapshotServList": """
        snapshotCall:SnapshotCallCaps snapshotDevice:SnapshotDeviceCaps snapshotCallData: snapshotDeviceData:
    """,
    "SnapshotCallCaps": """
        privateData locaConnectionStateInAck mediaServiceInfoListInAck mediaServiceVersionInAck mediaServiceInstanceInAck
        mediaStreamID connectionInformation mediaCallCharacteristicsInAck callCharacteristicsInAck callingDeviceInAck
        calledDeviceInAck subjectOfCallInAck messageInfoInAck languagePreferencesInAck deviceHistoryInAck privateDataInAck
        callIDOnly reportsWithSnapsCallData locationInfoList
    """,
    "SnapshotDeviceCaps": """
        privateData localCallStateCompoundCallState localCallStateSimpleCallState localCallStateUnknown mediaServiceInfoListInAck
        mediaServiceVersionInAck mediaServiceInstanceInAck mediaStreamID connectionInformation mediaCallCharacteristicsInAck
        privateDataInAck reportsWithSnapsDeviceData
    """,
    "CallControlServList": """
        acceptCall: alternateCall:AlternateCallCaps answerCall:AnswerCallCaps callBack: callBackMessage: campOnCall:
        clearCall:ClearCallCaps clearConnection:ClearConnectionCaps conferenceCall:ConferenceCallCaps consultationCall:
        deflectCall:DeflectCallCaps dialDigits: directedPickupCall:DirectedPickupCallCaps groupPickupCall:GroupPickupCallCaps
        holdCall:HoldCallCaps intrudeCall: joinCall:JoinCallCaps makeCall:MakeCallCaps makeConnection: makePredictiveCall: parkCall:
        reconnectCall:ReconnectCallCaps retrieveCall:RetrieveCallCaps sendMessage: singleStepConference:
        singleStepTransfer:SingleStepTransferCaps transferCall:TransferCallCaps
    """,
    "AlternateCallCaps": """
        alerting hold queued connectionReservation consultOptionConsultOnly consultOptionTransferOnly consultOptionConferenceOnly
        consultOptionUnrestricted privateData privateDataInAck deviceIDOnly ackModelMultiStep supportsOfferedModeOfAlerting
    """,
    "AnswerCallCaps": """
        alerting initiated queued correlatorData userData privateData privateDataInAck deviceIDOnly supportsOfferedModeOfAlerting
        ackModelMultiStep
    """,
    "ClearCallCaps": """
        alerting connected failed queued initiated hold userData privateData privateDataInAck deviceIDOnly callIDOnly
        ackModelMultiStep reason
    """,
    "ClearConnectionCaps": """
        alerting connected fail queued initiated hold correlatorData userData reason privateData privateDataInAck deviceIDOnly
        ackModelMultiStep
    """,
    "ConferenceCallCaps": """
        activeCallConnected activeCallHold heldCallConnected heldCallHold privateData connectionParameterInAck endpointDeviceID
        resultingConnectionInfo conferenceCallOnfoInAck privateDataInAck protectedAgainstClearing deviceIDOnly ackModelMultiStep
    """,
    "DeflectCallCaps": """
        alerting connected failed hold queued correlatorData userData subjectOfCall languagePreferences reason privateData
        privateDataInAck deviceIDOnly ackModelMultiStep callCharacteristicsinRequest multipleDeviceIDsInNewDestination
    """,
    "DirectedPickupCallCaps": """
        alerting hold queued connected correlatorData userData privateData pickedCallInAck pickedCallInfoInAck privateDataInAck
        deviceIDOnly supportsOfferedModeOfAlerting supportsPrompting promptingMode ackModelMultiStep
    """,
    "GroupPickupCallCaps": """
        alerting connected hold queued pickGroup correlatorData userData privateData pickedCallInAck pickedCallInfoInAck
        privateDataInAck supportsPrompting promptingMode supportsOfferedModeOfAlerting ackModelMultiStep
    """,
    "HoldCallCaps": """
        connectionReservation privateData privateDataInAck deviceIDOnly ackModelMultiStep
    """,
    "JoinCallCaps": """
        autoOriginatePrompt autoOriginateDoNotPrompt participationTypeSilent participationTypeActive accountCode authCode
        correlatorData userData conferencedCallInAck conferencedCallInfoInAck privateDataInAck deviceIDOnly supportsPrompting
        promptingMode ackModelMultiStep
    """,
    "MakeCallCaps": """
        initiated null accountCode authCode autoOriginatePrompt autoOriginateDoNotPrompt correlatorData userData callCharacteristics
        callCharacteristicsACDCall callCharacteristicsLowPriorityCall callCharacteristicsPriorityCall
        callCharacteristicsHighPriorityCall callCharacteristicsMaintenanceCall callCharacteristicsDirectAgent
        callCharacteristicsAssistCall callCharacteristicsVoiceUnitCall callCharacteristicsPrivateCall
        callCharacteristicsPersonalCall callCharacteristicsSensitiveCall callCharacteristicsConfidentialCall
        callCharacteristicsEncryptedCall mediaCallCharacteristics callingConnectionInfo subjectOfCall languagePreferences
        privateData initiatedCallInfoInAck privateDataInAck multiStage supportsPrompting promptingMode offHook
        mediaCharacteristicsAdjustable ackModelMultiStep reason
    """,
    "ReconnectCallCaps": """
        alerting connected fail initiated queued privateData privateDataInAck deviceIDOnly ackModelMultiStep
    """,
    "RetrieveCallCaps": """
        privateData privateDataInAck deviceIDOnly ackModelMultiStep
    """,
    "SingleStepTransferCaps": """
        accountCode authCode correlatorData userData subjectOfCall languagePreferences reason privateData connectionParameterInAck
        endpointDeviceID resultionConnectionInformation transferredCollInfoInAck privateDataInAck deviceIDOnly multipleDevices
        ackModelMultiStep callCharacteristicsinRequest
    """,
    "TransferCallCaps": """
        activeCallConnected activeCallHold heldCallConnected heldCallHold privateData connectionsParameterInAck endpointDeviceID
        resultingConnectionInformation transferredCallInfoInAck privateDataInAck deviceIDOnly multipleDevices ackModelMultiStep
    """,
    "CallAssociatedServList": """
        associateData:AssociateDataCaps cancelTelephonyTones: changeConnectionInformation: generateDigits:GenerateDigitsCaps
        generateTelephonyTones: sendUserInformation:
    """,
    "AssociateDataCaps": """
        accountCode authCode correlatorData callQualifyingData callCharacteristics subjectOfCall languagePreferences privateData
        privateDataInAck deviceIDOnly rejectsRequestsWithOldConnectionID ackModelMultiStep deviceInfo
    """,
    "GenerateDigitsCaps": """
        digitModeDTMF digitModePulse toneDuration pulseRate pauseDuration privateData privateDataInAck deviceIDOnly
        supportsDTMFTonesABCD supportsPauseToneChar ackModelMultiStep
    """,
    "RouteingServList": """
        routeRegister: routeRegisterCancel: routeRegisterAbort: reRoute: routeEnd: routeReject: routeRequest: routeSelect:
        routeUsed:
    """,
    "LogicalServList": """
        callBackNonCallRel: callBackMsgNonCallRel: cancelCallBack: cancelCallBackMsg: getAgentState:GetAgentStateCaps
        getAutoAnswer: getAutoWorkMode: getCallBack: getCallerIDStatus: getDoNotDisturb: getForwarding:GetForwardingCaps
        getLastNumberDialed: getPresenceState: getRouteingMode: setAgentState:SetAgentStateCaps setAutoAnswer: setAutoWorkMode:
        setCallerIDStatus: setDoNotDisturb: setForwarding:SetForwardingCaps setPresenceState: setRouteingMode:
    """,
    "GetAgentStateCaps": """
        acdGroup privateData agentStateListAgentIDInAck agentGroupInAck pendingAgentStateInAck
        agentStateConditionForcedPauseInAck agentStateConditionPauseInAck privateDataInAck
    """,
    "SetAgentStateCaps": """
        requestedAgentStateLoggedOn requestedAgentStateLoggedOff requestedAgentStateNotReady requestedAgentStateReady
        requestedAgentStateWorkingAfterCall agentID password group privateData pendingAgentStateWorkingAfterCallInAck
        pendingAgentStateNotReadyInAck pendingAgentStateNullInAck privateDataInAck ackModelMultiStep groupDeviceAllowedInReq
        aCDDeviceAllowedInReq delayTransitionIfBusy delayTransitionIfWorkingAfterCall
    """,
    "GetForwardingCaps": """
        privateData forwardListInAck forwardListImmediateInAck forwardListBusyInAck forwardListDNDInAck forwardListNoAnsInAck
        forwardListBusyIntInAck forwardListBusyExtInAck forwardListDNDIntInAck forwardListDNDExtInAck forwardListNoAnsIntInAck
        forwardListNoAnsExtInAck forwardListImmIntInAck forwardListImmExtInAck forwardDNInAck forwardDefaultInAck
        forwardDefaultTypeAndDNInAck forwardDefaultTypeInAck forwardDefaultDNInAck ringCountInAck privateDataInAck
    """,
    "SetForwardingCaps": """
        forwardingTypeBusy forwardingTypeBusyInt forwardingTypeBusyExt forwardingTypeDND forwardingTypeDNDInt forwardingTypeDNDExt
        forwardingTypeNoAns forwardingTypeNoAnsInt forwardingTypeNoAnsExt forwardingTypeImmediate forwardingTypeImmInt
        forwardingTypeImmExt forwardDN ringCount privateData privateDataInAck ackModelMultiStep ringDuration
    """,
    "VoiceServList": """
        activate: clear: deactivate: concatenateMsg: deleteMsg: queueService: playMsg: queryVoiceAttrib: recordMsg: reposition:
        resume: review: start: setVoiceAttrib: stop: suspend: synthesizeMsg:
    """,
    "VendorSpecificServList": """
        escapeRegister: escapeRegisterCancel: escapeRegisterAbort: escape:EscapeCaps privateDataVersionSelection:
    """,
    "EscapeCaps": """
        privateDataInAck swFunctionSupportsSending swFunctionSupportsReceiving
    """,
    "SupportedEvents": """
        callControlEvtsList:CallControlEvtsList callAssociatedEvtsList:CallAssociatedEvtsList mediaEvtsList:
        physDevEvtsList:PhysDevEvtsList logicalEvtsList:LogicalEvtsList deviceMaintEvtsList:DeviceMaintEvtsList
        voiceEvtsList:VoiceEvtsList vendorSpecificEvtsList:VendorSpecificEvtsList
    """,
    "CallControlEvtsList": """
        bridged: callCleared: conferenced: connectionCleared: delivered: digitsDialed: diverted: established: failed: held:
        netwCapsChanged: netwReached: offered: originated: queued: retrieved: serviceInitiated: transferred:
    """,
    "CallAssociatedEvtsList": """
        callInformation: charging: digitsGenerated: telephonyTonesGenerated: serviceCompletionFailure:
    """,
    "PhysDevEvtsList": """
        buttonInformation: buttonPress: displayUpdated: hookswitch: lampMode: messageWaiting: microphoneGain: microphoneMute:
        ringerStatus: speakerMute: speakerVolume:
    """,
    "LogicalEvtsList": """
        agentBusy: agentLoggedOff: agentLoggedOn: agentNotReady: agentReady: agentWorkingAfterCall: autoAnswer: autoWorkMode:
        callBack: callBackMessage: callerIDStatus: doNotDisturb: forwarding: presenceState: routeingMode:
    """,
    "DeviceMaintEvtsList": """
        backInService: deviceCapsChanged: outOfService: partiallyInService:
    """,
    "VoiceEvtsList": """
        bookmarkReached: completed: dtmfDetected: emptied: interruptionDetected: notRecognized: play: recognized: record:
        reviewEvent: started: silenceTimeoutExpired: speechDetected: stopEvent: suspendPlay: suspendRecord: voiceAttribChanged:
        voiceErrorOccurred:
    """,
    "VendorSpecificEvtsList": """
        privateEvent:
    """,
    "ServEvtsList": """
        capExchangeServList:CapExchangeServList systemServList:SystemStatusServList monitoringServList:MonitoringServList
        snapshotServList:SnapshotServList callControlServList:CallControlServList callControlEvtsList:CallControlEvtsList
        callAssociatedServList:CallAssociatedServList callAssociatedEvtsList:CallAssociatedEvtsList mediaServList: mediaEvtsList:
        routeingServList:RouteingServList physDevServList: physDevEvtsList:PhysDevEvtsList logicalServList:LogicalServList
        logicalEvtsList:LogicalEvtsList deviceMaintEvtsList:DeviceMaintEvtsList iOServicesServList: dataCollectionServList:
        voiceServList:VoiceServList voiceEvtsList:VoiceEvtsList cdrServList: vendorSpecificServList:VendorSpecificServList
        vendorSpecificEvtsList:VendorSpecificEvtsList statusReportingServList: locationServicesServList:
    """,
    "LogDevServList": """
        callControlServList:CallControlServList callAssociatedServList:CallAssociatedServList logicalServList:LogicalServList
        mediaServList: iOServicesServList: dataCollectionServList: voiceServList:VoiceServList locationServicesServList:
    """,
    "LogDevEvtsList": """
        callControlEvtsList:CallControlEvtsList callAssociatedEvtsList:CallAssociatedEvtsList logicalEvtsList:LogicalEvtsList
        mediaEvtsList: voiceEvtsList:VoiceEvtsList
    """,
}
"""Children of each type in schema order: ``name:Type``, ``name:`` for an element that we never fill, ``name`` for a boolean."""


@attrs.frozen
class CapabilityList:
    """Codec of a nested map; an element without children is ``{}``.

    :ivar type: key in :data:`CAPABILITIES`, empty when the content is not known
    """

    type: str = ""

    @property
    def children(self) -> dict[str, str | None]:
        """Name to type of the children; None for a boolean."""
        children: dict[str, str | None] = {}
        for entry in CAPABILITIES.get(self.type, "").split():
            name, colon, child_type = entry.partition(":")
            children[name] = child_type if colon else None
        return children

    def read(self, node: Node) -> dict[str, Any]:
        found = by_name(node)
        return {
            name: Boolean().read(found[name]) if child_type is None else CapabilityList(child_type).read(found[name])
            for name, child_type in self.children.items()
            if name in found
        }

    def writer(self, name: str, edition: int) -> Writer:
        children = self.children

        def write(value: Mapping[str, Any]) -> str:
            unknown = set(value).difference(children)
            if unknown:
                raise EncodeError(f"{name} has no {', '.join(sorted(unknown))}")
            content = "".join(
                (Boolean() if child_type is None else CapabilityList(child_type)).writer(child, edition)(value[child])
                for child, child_type in children.items()
                if child in value
            )
            return f"<{name}>{content}</{name}>" if content else f"<{name}/>"

        return write
