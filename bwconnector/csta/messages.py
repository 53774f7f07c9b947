"""Every message of the wire under one roof, and how to find its class by the name of its root element.

A message is a frozen attrs class that is named like its root element, with keyword arguments named like its children:
``MonitorStartResponse(monitor_cross_ref_id="1")``. Children that user telephony has no use for (call linkage, message info, location,
charging, security) are not modelled: skipped when read, never sent.
"""
# each of these modules says in its __all__ what it adds

from __future__ import annotations

import attrs

from bwconnector.csta.association import *
from bwconnector.csta.callevents import *
from bwconnector.csta.callresponses import *
from bwconnector.csta.callservices import *
from bwconnector.csta.capability import *
from bwconnector.csta.elements import *
from bwconnector.csta.features import *
from bwconnector.csta.kinds import *
from bwconnector.csta.monitoring import *
from bwconnector.csta.routeing import *
from bwconnector.csta.vendor import *
from bwconnector.csta.voice import *

MESSAGES: dict[str, type[Message]] = {
    name: member
    for name, member in list(globals().items())
    if isinstance(member, type) and attrs.has(member) and issubclass(member, Message)
}
"""Root element name to message class."""
