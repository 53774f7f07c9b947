"""Where BroadWorks is not documented, its simulator can play either way; what T-Servers hear may differ in call ids only."""

from __future__ import annotations

from itertools import product

import pytest

from tests.system.exchange import Exchange

__all__ = ["SURVIVORS", "VARIATIONS", "survivor"]

IDS = ("first", "second", "new")
EVENTS = ("CallTransferredEvent", "CallUpdatedEvent")

SURVIVORS = [pytest.param({"transfer_id": kept, "tracking_ids": "uuid"}, id=kept) for kept in IDS]
VARIATIONS = [
    pytest.param(
        {"transfer_id": kept, "transfer_event": event, "released_after_redirected": released},
        id=f"{kept}-{event.removesuffix('Event')}-{'released' if released else 'not-released'}",
    )
    for kept, event, released in product(IDS, EVENTS, (True, False))
]
"""For ``@pytest.mark.parametrize("exchange", …, indirect=True)``."""


def survivor(exchange: Exchange, first: str, second: str, *, blind: bool = False) -> str:
    """Name of the call that two calls become; after a blind transfer ``second`` is a new one."""
    third = second if blind else f"K{int(second[1:]) + 1}"
    return {"first": first, "second": second, "new": third}[exchange.simulated.transfer_id]
