"""Value tables of ECMA-323: enumerations as sets, flags as tuples in schema order."""

from __future__ import annotations

__all__ = [
    "ACD_MODELS",
    "AFTER_CALL_PENDING_STATE",
    "AGENT_LOG_ON_MODELS",
    "AGENT_STATE",
    "AGENT_STATE_CONDITION",
    "AGENT_STATE_MODELS",
    "APPEARANCE_ADDRESSABILITY",
    "APPEARANCE_TYPE",
    "APPEARANCE_TYPES",
    "AUTO_ORIGINATE",
    "BIT_RATE",
    "CALL_ASSOCIATED_SERVICES",
    "CALL_CHARACTERISTICS",
    "CALL_CONTROL_SERVICES",
    "CALL_ORIGINATION",
    "CONNECTION_VIEW",
    "CONSULT_OPTIONS",
    "DEVICE_ATTRIBUTES",
    "DEVICE_CATEGORY",
    "DEVICE_ID_FORMAT",
    "DIGIT_MODE",
    "DYNAMIC_FEATURES",
    "ENCODING_ALGORITHM",
    "ERROR_VALUES",
    "EVENT_CAUSE",
    "FILTER_GROUPS",
    "FLOW_DIRECTION",
    "FORWARDING_TYPE",
    "FORWARD_DEFAULT",
    "GROUP_DEVICE_ATTRIBUTES",
    "LOCAL_CONNECTION_STATE",
    "MEDIA_ATTACHMENT_SERVICES",
    "MEDIA_CLASS",
    "MISC_MONITOR_CAPS",
    "MONITOR_MEDIA_CLASS",
    "MONITOR_TYPE",
    "NAMED_DEVICE_TYPE",
    "NETWORK_EVENTS",
    "NETWORK_TYPE",
    "PARTICIPATION_TYPE",
    "PENDING_AGENT_STATE",
    "PROFILES",
    "REJECT_CAUSE",
    "REQUESTED_AGENT_STATE",
    "REQUESTED_DEVICE_CATEGORY",
    "REQUEST_TYPES",
    "ROUTEING_SERVICES",
    "ROUTE_SELECTION",
    "SESSION_ERROR",
    "SESSION_TERMINATION",
    "SIMPLE_CALL_STATE",
    "STATUS_FILTER",
    "SWITCHING_DOMAIN_FEATURES",
    "SYSTEM_STATUS",
    "TERMINATING_CONDITIONS",
    "TRANSFER_CONFERENCE_SETUP",
    "UNSUPPORTED_PARAMETERS",
    "VOICE_SERVICES",
]


def _names(words: str) -> tuple[str, ...]:
    return tuple(words.split())


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


EVENT_CAUSE = _set(
    """
    aCDBusy aCDForward aCDSaturated activation activeParticipation alertTimeExpired alternate autoWork babble badAttribute
    badGrammar badURI badVoice blocked busy busyOverflow calendarOverflow callBack callCancelled callForward callForwardImmediate
    callForwardBusy callForwardNoAnswer callInterception callInterceptionBusy callInterceptionForwarded callInterceptionNoAnswer
    callInterceptionResourcesNotAvailable callNotAnswered callPickup campOn campOnTrunks capacityOverflow characterCountReached
    conference consultation destDetected destNotObtainable destOutOfOrder distributed distributionDelay doNotDisturb
    dTMFDigitDetected duplicateDTMF durationExceeded earlyStop emptyQueue endOfMessageDetected enteringDistribution forcedPause
    forcedTransition incompatibleDestination interdigitTimeout intrude invalidAccountCode invalidConnection invalidConnectionState
    invalidNumberFormat joinCall keyOperation keyOperationInUse lawfulInterception lockout maintenance makeCall makeConnection
    makePredictiveCall maxTimeout messageDurationExceeded messageSizeExceeded multipleAlerting multipleQueuing networkCongestion
    networkDialling networkNotObtainable networkOutOfOrder networkSignal newCall nextMessage noAvailableAgents normal normalClearing
    noAudioSaved noQueue noRule noSpeechDetected notAvailableBearerService notSupportedBearerService numberChanged numberUnallocated
    outOfGrammar overflow override park pathReplacement queueCleared queueTimeOverflow recall recallBusy recallForwarded
    recallNoAnswer recallResourcesNotAvailable redirected remainsInQueue reorderTone reserved resourcesNotAvailable
    selectedTrunkBusy silentParticipation singleStepConference singleStepTransfer speechDetected suspend switchingFunctionTerminated
    terminationCharacterReceived timeout transfer trunksBusy unauthorisedBearerService unknownOverflow
    """
)
"""ECMA-269 §12.2.15; spelt as ECMA-323 does"""
LOCAL_CONNECTION_STATE = _set("null initiated alerting connected hold queued fail")
SIMPLE_CALL_STATE = _set(
    """
    callNull callPending callOriginated callDelivered callDeliveredHeld callReceived callEstablished callEstablishedHeld
    callReceivedOnHold callEstablishedOnHold callQueued callQueuedHeld callFailed callFailedHeld callBlocked
    """
)
SYSTEM_STATUS = _set(
    """
    disabled partiallyDisabled enabled initializing messagesLost normal overloadImminent overloadReached overloadRelieved
    """
)
"""ECMA-269 §12.2.28"""
MONITOR_TYPE = _set("call device")
AUTO_ORIGINATE = _set("prompt doNotPrompt")
CONSULT_OPTIONS = _set("unrestricted consultOnly transferOnly conferenceOnly")
PARTICIPATION_TYPE = _set("silent active none")
DIGIT_MODE = _set("rotaryPulse dTMF")
REQUESTED_AGENT_STATE = _set("loggedOn loggedOff notReady ready workingAfterCall")
AGENT_STATE = _set("agentNotReady agentNull agentReady agentBusy agentWorkingAfterCall")
PENDING_AGENT_STATE = _set("agentNotReady agentNull agentReady agentWorkingAfterCall")
AFTER_CALL_PENDING_STATE = _set("notReady ready null")
"""AgentWorkingAfterCallEvent alone spells its pending states so"""
AGENT_STATE_CONDITION = _set("forcedPause other")
FORWARDING_TYPE = _set(
    """
    forwardImmediate forwardBusy forwardNoAns forwardDND forwardBusyInt forwardBusyExt forwardNoAnsInt forwardNoAnsExt forwardImmInt
    forwardImmExt forwardDNDInt forwardDNDExt
    """
)
FORWARD_DEFAULT = _set("forwardingTypeAndForwardDN forwardingType forwardDN")
ENCODING_ALGORITHM = _set("aDPCM6K aDPCM8K muLawPCM6K aLawPCM6K")
ROUTE_SELECTION = _set("normal leastCost emergency aCD userDefined")
REJECT_CAUSE = _set("busyOverflow queueTimeOverflow capacityOverflow calendarOverflow unknownOverflow")
FLOW_DIRECTION = _set("transmit receive transmitAndReceive none")
NETWORK_TYPE = _set("iSDNPublic nonISDNPublic iSDNPrivate nonISDNPrivate other")
BIT_RATE = _set("constant variable")
REQUESTED_DEVICE_CATEGORY = _set(
    """
    acd groupACD groupHunt groupPick groupUser groupOther networkInterface park routeingDevice station voiceUnit genericIV
    listenerIV dtmfIV promptIV promptQueue messageIV conference other
    """
)
DEVICE_CATEGORY = _set(
    """
    acd group networkInterface park routeingDevice station voiceUnit genericInteractiveVoice listenerInteractiveVoice
    dtmfInteractiveVoice promptInteractiveVoice promptQueueInteractiveVoice messageInteractiveVoice conference other
    """
)
NAMED_DEVICE_TYPE = _set(
    """
    acd acdGroup button buttonGroup conferenceBridge line lineGroup operator operatorGroup parkingDevice station stationGroup trunk
    trunkGroup other otherGroup
    """
)
APPEARANCE_TYPE = _set(
    """
    selectedStandard basicStandard basicBridged exclusiveBridged independentSharedBridged interdependentSharedBridged
    """
)
UNSUPPORTED_PARAMETERS = _set("ignoreParameters rejectMessage")
CONNECTION_VIEW = _set("fixed local")
DYNAMIC_FEATURES = _set("none all some")
SESSION_ERROR = _set(
    """
    invalidApplicationInfo requestedProtocolVersionNotSupported serverResourcesBusy maxNumberSessions invalidSessionID
    serverCannotResetSessionTimer
    """
)
"""ECMA-354: the errors of all its services together"""
SESSION_TERMINATION = _set("resourceLimitation sessionTimerExpired")
MEDIA_CLASS = _names("voice data image audio other notKnown chat email message im sms mms")
MONITOR_MEDIA_CLASS = _names("voice data image audio other chat email message im sms mms")
CALL_CHARACTERISTICS = _names(
    """
    acdCall lowPriorityCall priorityCall highPriorityCall maintainanceCall directAgent assistCall voiceUnitCall privateCall
    personalCall sensitiveCall confidentialCall encryptedCall
    """
)
REQUEST_TYPES = _names(
    """
    systemStatus requestSystemStatus switchingFunctionCapsChanged switchingFunctionDevicesChanged
    """
)
STATUS_FILTER = _names(
    """
    initializing enabled normal messageLost disabled partiallyDisabled overloadImminent overloadReached overloadRelieved
    """
)
CALL_ORIGINATION = _names("internal external")
TERMINATING_CONDITIONS = _names("durationExceeded dTMFDigitDetected endOfMessageDetected speechDetected")
NETWORK_EVENTS = _names(
    """
    bridged callCleared conferenced connectionCleared delivered digitsDialed diverted established failed held
    networkCapabilitiesChange networkReached offered originated queued retrieved serviceInitiated transferred
    """
)
GROUP_DEVICE_ATTRIBUTES = _names("acd hunt pick user agent other")
DEVICE_ATTRIBUTES = _names("mediaAccessDevice routeingDevice groupACD groupHunt groupPick groupUser")
CALL_CONTROL_SERVICES = _names(
    """
    acceptCall alternateCall answerCall callBack callBackMessage campOnCall clearCall clearConnection conferenceCall
    consultationCall deflectCall dialDigits directedPickupCall groupPickupCall holdCall intrudeCall joinCall makeCall
    makePredictiveCall parkCall reconnectCall retrieveCall sendMessage singleStepConference singleStepTransfer transferCall
    """
)
CALL_ASSOCIATED_SERVICES = _names(
    """
    associateData cancelTelephonyTones generateDigits generateTelephonyTones sendUserInformation changeConnectionInformation
    """
)
MEDIA_ATTACHMENT_SERVICES = _names("attachMediaService detachMediaService")
ROUTEING_SERVICES = _names(
    """
    routeRegister routeRegisterCancel routeRegisterAbort reRoute routeEnd routeReject routeRequest routeSelect routeUsed
    """
)
VOICE_SERVICES = _names(
    """
    activate clear deactivate concatenateMessage deleteMessage playMessage queryVoiceAttribute recordMessage reposition resume
    review setVoiceAttribute stop suspend synthesizeMessage
    """
)
PROFILES = _names(
    """
    basicTelephonyProfile routeingProfile l1aVoiceBrowserProfile l1bVoiceBrowserProfile l2VoiceBrowserProfile
    minimalUACSTACallControlProfile basicUACSTAtCallControlProfile advancedUACSTACallControlProfile
    conferencingUACSTACallControlProfile basicUACSTADeviceFeatureProfile speakerUACSTADeviceFeatureProfile basicSpeechServiceProfile
    advancedSpeechServiceProfile
    """
)
DEVICE_ID_FORMAT = _names(
    """
    dialableDigitsAsterix dialableDigitsHash dialableDigitsABCD dialableDigitsExclamation dialableDigitsP dialableDigitsT
    dialableDigitsComma dialableDigitsW dialableDigitsAt dialableDigitsDollar dialableDigitsSemicolon sFReprExclamation sFReprEt
    sFReprSlash sFReprPercent sFReprNM sFReprGeneric sFReprImplicitTON sFReprPubTONUnkown sFReprPubTONInternal sFReprPubTONNational
    sFReprPubTONSubscriber sFReprPubTONAbbreviated sFReprPriTONUnknown sFReprPriTONLevel3 sFReprPriTONLevel2 sFReprPriTONLevel1
    sFReprPriTONLocal sFReprPriTONAbbreviated sFReprOther deviceNumber deviceIDTagPrivateNumber deviceIDTagPrivateName
    """
)
SWITCHING_DOMAIN_FEATURES = _names(
    """
    isForwardingBefore isForwardingAfter swFunctionDefaultSettings userSpecific userSpecificDefaultFowardingType
    userSpecificDefaultForwardDestination negativeAcknowledgment supportFailedWithAssConn supportFailedWithoutAssConn
    supportFailedWithAssConnNotReportet recall callBack extCallsIncoming extCallsOutgoing prompting
    """
)
APPEARANCE_ADDRESSABILITY = _names("nonAddressable addressable")
APPEARANCE_TYPES = _names(
    """
    selectedStandard basicStandard basicBridged exclusiveBridged independentSharedBridged interDependentSharedBridged
    """
)
TRANSFER_CONFERENCE_SETUP = _names(
    """
    consultationCall holdCallMakeCall alternateCall twoCallsInHold twoCallsInConnected
    """
)
MISC_MONITOR_CAPS = _names(
    """
    groupInclusivModel groupExclusiveModel monitorPhysicalElement acdDeviceInclusiv acdDeviceExclusiv
    """
)
ACD_MODELS = _names("visibleACDRelatedDevices nonVisibleACDRelatedDevices")
AGENT_LOG_ON_MODELS = _names(
    """
    logOnToACDDevice logOnToACDGroupExplOneStep logOnToACDGroupExplTwoSteps logOnToACDImplOneStep
    """
)
AGENT_STATE_MODELS = _names("multiState multiStateSemiIndependentLinked agentOriented")
FILTER_GROUPS: dict[str, tuple[str, ...]] = {
    "callcontrol": _names(
        """
        bridged callCleared conferenced connectionCleared delivered digitsDialed diverted established failed held
        networkCapabilitiesChanged networkReached offered originated queued retrieved serviceInitiated transferred
        """
    ),
    "callAssociated": _names("callInformation charging digitsGenerated telephonyTonesGenerated serviceCompletionFailure"),
    "mediaAttachment": _names("mediaAttached mediaDetached"),
    "physicalDeviceFeature": _names(
        """
        buttonInformation buttonPress displayUpdated hookswitch lampMode messageWaiting microphoneGain microphoneMute ringerStatus
        speakerMute speakerVolume
        """
    ),
    "logicalDeviceFeature": _names(
        """
        agentBusy agentLoggedOn agentLoggedOff agentNotReady agentReady agentWorkingAfterCall autoAnswer autoWorkMode callBack
        callBackMessage callerIDStatus doNotDisturb forwarding presenceState routeingMode
        """
    ),
    "maintenance": _names("backInService deviceCapabilityChanged outOfService partiallyInService"),
    "voice": _names(
        """
        bookmarkReached completed dtmfDetected emptied interruptionDetected notRecognized play recognized record review started
        silenceTimeoutExpired speechDetected stop suspendPlay suspendRecord voiceAttributesChanged voiceErrorOccurred
        """
    ),
    "private": _names("private"),
}
"""Monitor filter: group to event names, both in schema order."""
ERROR_VALUES: dict[str, frozenset[str] | None] = {
    "operation": _set(
        """
        generic atLeastOneConditionalParameterNotProvided featureAlreadySet invalidMsgID invalidParameterValue invalidAccountCode
        invalidAgentGroup invalidAgentIdentifier invalidAgentPassword invalidAgentState invalidAlertTime invalidAllocationState
        invalidAuthCode invalidAutoAnswer invalidBitRate invalidButtonIdentifier invalidCallType invalidConnectionRate
        invalidConsultPurpose invalidCorrelatorData invalidCrossRefID invalidDelayTolerance invalidDestination
        invalidDestinationDetect invalidDoNotDisturb invalidEscapeCrossRefID invalidFeature invalidFile invalidFlowDirection
        invalidForwardingDestination invalidForwardingFlag invalidForwardingType invalidHookswitchType invalidHookswitchComponent
        invalidLampMode invalidLampID invalidMessageWaitingSetting invalidMicrophoneGain invalidMicrophoneMute
        invalidMonitorCrossRefID invalidMonitorFilter invalidMonitorObject invalidMonitorType invalidNumberOFChannels
        invalidParticipationType invalidRemainRetry invalidRingCount invalidRingPattern invalidRingVolume invalidRouteingAlgorithm
        invalidRouteingCrossRefID invalidRouteRegistrationCrossRefID invalidSpeakerVolume invalidSpeakerMute
        invalidSwitchingSubdomainCharsType invalidObjectType invalidActiveCallObject invalidCalledDeviceObjectType
        invalidCallingDeviceObjectType invalidCallToBePickedUpObjectType invalidCallToDivertObjectType invalidCallToParkObjectType
        invalidDestinationDeviceObject invalidHeldCallObject invalidMonitorObjectType invalidParkToObjectType messageIDRequired
        notDifferentDevices notSameDevice objectNotKnown invalidCallID invalidActiveCallID invalidHeldCallID invalidConnectionID
        invalidActiveConnectionID invalidHeldConnectionID invalidDeviceID invalidActiveDeviceID invalidCalledDeviceID
        invalidCallingDeviceID invalidCallToParkDeviceID invalidDestinationDeviceID invalidDivertingDeviceID invalidHeldDeviceID
        invalidParkToDeviceID invalidPickUpDeviceID parameterNotSupported accountCodeNotSupported agentGroupNotSupported
        agentPasswordNotSupported agentStateNotSupported alertTimeNotSupported allocationNotSupported authorisationCodeNotSupported
        autoAnswerNotSupported bitRateNotSupported buttonNotSupported callTypeNotSupported charactersToSendNotSupported
        connectionRateNotSupported connectionReservationNotSupported consultPurposeNotSupported correlatorDataNotSupported
        delayToleranceNotSupported destinationDetectNotSupported digitModeNotSupported errorValueNotSupported
        flowDirectionNotSupported forwardingDestinationNotSupported lampNotSupported monitorTypeNotSupported
        numberOfChannelsNotSupported parameterTypeNotSupported priorityNotSupported privateDataNotSupported
        pulseDurationNotSupported pulseRateNotSupported remainRetryNotSupported ringCountNotSupported routeUsedNotSupported
        securityNotSupported swSubdomainCCIETypeNotSupported toneDurationNotSupported sysStatRegIDNotSupported userDataNotSupported
        privilegeViolationSpecifiedDevice privilegeViolationActiveDevice privilegeViolationCalledDevice
        privilegeViolationCallingDevice privilegeViolationCallToParkDevice privilegeViolationDestinationDevice
        privilegeViolationOnDivertingDevice privilegeViolationHeldDevice privilegeViolationOnParkToDevice
        privilegeViolationPickUpDevice routeingTimerExpired requestIncompatibleWithObject requestIncompatibleWithConnection
        requestIncompatibleWithActiveConnection requestIncompatibleWithHeldConnection requestIncompatibleWithDevice
        requestIncompatibleWithCalledDevice requestIncompatibleWithCallingDevice requestIncompatibleWithSubjectDevice
        requestIncompatibleWithActiveDevice requestIncompatibleWithCallToParkDevice requestIncompatibleWithDestinationDevice
        requestIncompatibleWithDivertingDevice requestIncompatibleWithHeldDevice requestIncompatibleWithMedia
        requestIncompatibleWithParkToDevice requestIncompatibleWithPickupDevice serviceNotSupported securityViolation
        valueOutOfRange agentStateOutOfRange alertTimeOutOfRange allocationOutOfRange autoAnswerOutOfRange bitRateOutOfRange
        callTypeOutOfRange connectionRateOutOfRange connectionReservoationOutOfRange consultPurposeOutOfRange
        correlatorDataOutOfRange delayToleranceOutOfRange destinationDetectOutOfRange digitModeOutOfRange doNotDisturbOutOfRange
        flowDirectionOutOfRange forwardingFlagOutOfRange forwardingTypeOutOfRange hookswitchComponentOutOfRange
        hookswitchTypeOutOfRange lampModeOutOfRange messageWaitingSettingOutOfRange micGainOutOfRange micMuteOutOfRange
        monitorTypeOutOfRange numberOfChannelsOutOfRange participationTypeOutOfRange pulseDurationOutOfRange pulseRateOutOfRange
        ringCountOutOfRange ringPatternOutOfRange ringVolumnOutOfRange routeingAlgorithmOutOfRange speakerMuteOutOfRange
        speakerVolumeOutOfRange switchingCcittTypeOutOfRange systemStatusOutOfRange toneCharacterOutOfRange toneDurationOutOfRange
        """
    ),
    "performanceManagement": _set("generic performanceLimitExceeded"),
    "privateData": _set("cSTAPrivateDataInfoError"),
    "privateErrorCode": None,
    "security": _set("generic sequenceNumberViolated timeStampViolated securityInfoViolated"),
    "stateIncompatibility": _set(
        """
        generic invalidObjectState invalidDeviceState connectedCallExists invalidActiveDeviceState invalidCalledDeviceState
        invalidCallingDeviceState invalidCallToParkDeviceState invalidDestinationDeviceState invalidDivertingDeviceState
        invalidHeldDeviceState invalidParkToDeviceState invalidConnectionState invalidActiveConnectionState
        invalidConnectionIDForActiveCall invalidHeldConnectionState noActiveCall noCallToAnswer noCallToClear noCallToComplete
        noConnectionToClear noHeldCall incorrectMsgState beginningOfMsg endOfMsg msgSuspended notAbleToPlay notAbleToResume
        """
    ),
    "subscribedResourceAvailability": _set(
        """
        generic objectMonitorLimitExceeded trunkLimitExceeded outstandingReqLimitExceeded objectRegistrationLimitExceeded
        """
    ),
    "systemResourceAvailibility": _set(
        """
        generic resourceBusy internalResourceBusy classifierBusy noMediaChannelsAvailable channelsInUseForBridgedDevices
        channelsInUseForData toneDetectorBusy toneGeneratorBusy networkBusy resourceOutOfService deviceOutOfService
        activeDeviceOutOfService calledDeviceOutOfService callingDeviceOutOfService callToParkDeviceOutOfService
        destinationDeviceOutOfService divertingDeviceOutOfService heldDeviceOutOfService parkToDeviceOutOfService
        pickupDeviceOutOfService networkOutOfService otherResourceOutOfService resourceLimitExceeded overallMonitorLimitExceeded
        conferenceMemberLimitExceeded registrationLimitExceeded conferenceResourceCannotBeSatisfied maxDevicesExceeded
        startTimeOutOfRange durationExceeded
        """
    ),
    "unspecified": frozenset([""]),
}
"""CSTAErrorCode: category to its values; None where any text will do. The misspelling of systemResourceAvailibility is the wire's."""
