"""Private services (ECMA-269 §27): Escape, and a table that finds the service by the name of an element of its private data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from bwconnector.bridge.hoteling import guest_associated_extension
from bwconnector.bridge.refusals import PRIVATE_DATA
from bwconnector.bridge.switching import Asker, SwitchingFunction
from bwconnector.csta import messages as csta
from bwconnector.csta.errors import CstaError

__all__ = ["ESCAPES", "escape"]

PrivateService = Callable[[SwitchingFunction, Asker, Mapping[str, str]], Awaitable[None]]
"""Gets the whole private data, element name to text; raises CstaError to refuse."""

ESCAPES: Mapping[str, PrivateService] = {
    "guestAssociatedExtension": guest_associated_extension,
}
"""By element name. The first element that is here names the service; the others are its parameters, inside of it or beside it."""


async def escape(switch: SwitchingFunction, asker: Asker, request: csta.Escape) -> csta.EscapeResponse:
    data = request.private_data or {}
    name = next((name for name in data if name in ESCAPES), "")
    if not name:
        raise CstaError(*PRIVATE_DATA, detail=f"Escape: there is no private service called {', '.join(data) or 'nothing'}")
    await ESCAPES[name](switch, asker, data)
    return csta.EscapeResponse()
