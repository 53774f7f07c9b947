"""Where BroadWorks is not documented, its simulator can play either way; what T-Servers hear may differ in call ids only."""

from __future__ import annotations

import pytest

from tests.system.exchange import Exchange

__all__ = ["VARIATIONS", "survivor"]

VARIATIONS = [
    pytest.param(
        {"transfer_id": kept, "transfer_event": event, "released_after_redirected": released}, id=f"{kept}-{event[4:11]}-{released}"
    )
    for kept, event, released in (
        ("first", "CallTransferredEvent", True),
        ("second", "CallUpdatedEvent", False),
        ("new", "CallTransferredEvent", False),
        ("new", "CallUpdatedEvent", True),
    )
]
"""For ``@pytest.mark.parametrize("exchange", VARIATIONS, indirect=True)``."""


def survivor(exchange: Exchange, first: str, second: str, *, blind: bool = False) -> str:
    """Name of the call that two calls become; after a blind transfer ``second`` is a new one."""
    third = second if blind else f"K{int(second[1:]) + 1}"
    return {"first": first, "second": second, "new": third}[exchange.simulated.transfer_id]
