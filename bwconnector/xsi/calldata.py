"""Reads what events and answers say of calls: legs, parties, conferences."""

from __future__ import annotations

from typing import Any

from bwconnector.xsi.events import Conference, ConferenceParticipant, Party, Redirect, Redirection, ReleaseCause, XsiCall
from bwconnector.xsi.reading import Element, Table, fields_of, flag_of, integer_of, local_name, text_of, word_of

__all__ = ["call_of", "calls_of", "conference_of", "party_of", "redirect_of", "redirections_of", "release_cause_of"]


def call_of(element: Element) -> XsiCall:
    """A ``call`` of an event or a ``Call`` response."""
    fields = _IDENTITY | fields_of(element, _CALL)
    acd = fields.pop("acd", None)
    return XsiCall(**fields, **acd) if acd else XsiCall(**fields)


def calls_of(element: Element) -> tuple[XsiCall, ...]:
    return tuple([call_of(child) for child in element if local_name(child) == "call"])


def _redirection(element: Element) -> Redirection:
    return Redirection(**({"party": Party()} | fields_of(element, _REDIRECTION)))


def redirections_of(element: Element) -> tuple[Redirection, ...]:
    return tuple([_redirection(child) for child in element if local_name(child) == "redirection"])


def redirect_of(element: Element) -> Redirect:
    return Redirect(**fields_of(element, _REDIRECT))


def release_cause_of(element: Element) -> ReleaseCause:
    return ReleaseCause(**fields_of(element, _RELEASE_CAUSE))


def _participant(element: Element) -> ConferenceParticipant:
    return ConferenceParticipant(**({"call_id": ""} | fields_of(element, _PARTICIPANT)))


def _participants(element: Element) -> tuple[ConferenceParticipant, ...]:
    return tuple([_participant(child) for child in element if local_name(child) == "conferenceParticipant"])


def conference_of(element: Element) -> Conference:
    return Conference(**fields_of(element, _CONFERENCE))


def _acd(element: Element) -> dict[str, Any]:
    return fields_of(element, _ACD)


def _uri(element: Element) -> tuple[str, str]:
    return text_of(element), element.get("countryCode", "")


def party_of(element: Element) -> Party:
    fields = fields_of(element, _PARTY)
    address, address_code = fields.pop("address", ("", ""))
    user_dn, dn_code = fields.pop("user_dn", ("", ""))
    return Party(address=address, user_dn=user_dn, country_code=dn_code or address_code, **fields)


_IDENTITY: dict[str, Any] = {"call_id": "", "tracking_id": "", "personality": "", "state": ""}

_PARTY: Table = {
    "name": ("name", text_of),
    "address": ("address", _uri),
    "userId": ("user_id", text_of),
    "userDN": ("user_dn", _uri),
    "privacy": ("private", flag_of),
    "callType": ("call_type", text_of),
}
_REDIRECTION: Table = {"party": ("party", party_of), "reason": ("reason", text_of), "counter": ("counter", integer_of)}
_REDIRECT: Table = {"address": ("address", text_of), "reason": ("reason", text_of)}
_RELEASE_CAUSE: Table = {
    "internalReleaseCause": ("internal", text_of),
    "q850Cause": ("q850", text_of),
    "sipStatus": ("sip_status", text_of),
    "cdrTerminationCause": ("cdr", text_of),
}
_ACD: Table = {"acdUserId": ("acd_user_id", text_of), "callingPartyInfo": ("acd_calling_party", party_of)}
_CALL: Table = {
    "callId": ("call_id", text_of),
    "extTrackingId": ("tracking_id", text_of),
    "personality": ("personality", word_of),
    "state": ("state", word_of),
    "remoteParty": ("remote", party_of),
    "releasingParty": ("releasing_party", text_of),
    "releaseCause": ("release_cause", release_cause_of),
    "redirections": ("redirections", redirections_of),
    "redirect": ("redirect", redirect_of),
    "allowAnswer": ("allow_answer", flag_of),
    "allowRetrieve": ("allow_retrieve", flag_of),
    "huntGroupUserId": ("hunt_group", text_of),
    "recallType": ("recall_type", text_of),
    "startTime": ("start_time", integer_of),
    "answerTime": ("answer_time", integer_of),
    "acdCallInfo": ("acd", _acd),
    "agentEscalation": ("escalation", text_of),
    "allowedRecordingControls": ("recording_controls", text_of),
    "recordingState": ("recording_state", text_of),
    "clientSessionInfo": ("client_session_info", text_of),
}
_PARTICIPANT: Table = {"callId": ("call_id", text_of), "muted": ("muted", flag_of), "deaf": ("deaf", flag_of)}
_CONFERENCE: Table = {
    "state": ("state", text_of),
    "conferenceParticipantList": ("participants", _participants),
    "conferenceType": ("conference_type", text_of),
}
