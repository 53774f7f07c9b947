"""Whether BroadWorks knows the devices that T-Servers will monitor, what they are, and what they can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred

from bwconnector.bridge.devices import CALL_CENTER, PROOF_OF_ABSENCE, ROUTE_POINT, USER, VIRTUAL, Device, Directory, UnknownDevice
from bwconnector.bridge.monitor_services import PACKAGES
from bwconnector.config import Config
from bwconnector.ops.findings import Findings
from bwconnector.xsi.answers import read_services
from bwconnector.xsi.errors import Refused, XsiFailure
from bwconnector.xsi.requests import services
from bwconnector.xsi.xsp import Xsp

__all__ = ["ask_for_devices"]

KINDS = {CALL_CENTER: "call center", ROUTE_POINT: "route point"}
SERVICES = tuple(package for package in PACKAGES[USER] if package.startswith(("Do Not Disturb", "Call Forwarding")))
"""Services of a user that T-Servers set and hear of; their packages have the same names."""


async def ask_for_devices(reactor: Any, xsp: Xsp, config: Config, names: Sequence[str], findings: Findings) -> None:
    """Tell of each device that is named, and of those in ``[devices]``.

    :param names: as T-Servers name devices
    """
    directory = Directory(xsp, reactor, Deferred, config.connector.default_domain, account=config.connector.user_id)
    for kind, configured in ((CALL_CENTER, config.devices.call_centers), (ROUTE_POINT, config.devices.route_points)):
        for name in configured:
            try:
                await xsp.perform(VIRTUAL[kind](directory.full(name)))
            except Refused as refused:
                if refused.status not in PROOF_OF_ABSENCE:
                    findings.problem(f"device {name}", str(refused))
                else:
                    findings.problem(
                        f"[devices] {name}", f"is no {KINDS[kind]} that the account may see ({refused}); check the name and default-domain"
                    )
            except XsiFailure as failure:
                findings.problem(f"device {name}", str(failure))
            else:
                findings.good(f"device {name}: is a {KINDS[kind]}")
    for name in names:
        try:
            device = await directory.classify(await directory.find(name))
            findings.good(f"device {name}: is {await _described(xsp, device)}")
        except UnknownDevice:
            findings.problem(
                f"device {name}",
                "BroadWorks knows no such user, call center or route point, the account may not see it, or several have this extension; "
                "check the name, default-domain and the scope of user-id",
            )
        except XsiFailure as failure:
            findings.problem(f"device {name}", f"could not be asked for: {failure}")


async def _described(xsp: Xsp, device: Device) -> str:
    if device.kind != USER:
        return f"the {KINDS[device.kind]} {device.key}"
    details = [device.name, f"extension {device.extension}" if device.extension else "", device.number]
    known = read_services((await xsp.perform(services(device.key))).body)
    has = [service for service in SERVICES if service in known]
    lacks = [service for service in SERVICES if service not in known]
    text = f"the user {device.key} ({', '.join(filter(None, details))})"
    text += f", with {', '.join(has)}" if has else ""
    return text + (f", without {', '.join(lacks)}: T-Servers cannot set these" if lacks else "")
