"""Calls that are made at the phones, seen on real links: each monitor hears the truth, once and in order."""

from __future__ import annotations

import pytest
import pytest_twisted

from tests.system.exchange import Exchange

TALK = {
    "alice": [
        "Originated{K1,alice} connected newCall alice>bob",
        "Delivered{K1,bob} connected newCall alice>bob",
        "Established{K1,bob} connected newCall alice>bob",
    ],
    "bob": ["Delivered{K1,bob} alerting newCall alice>bob", "Established{K1,bob} connected newCall alice>bob"],
}


@pytest_twisted.ensureDeferred
async def test_a_call(exchange: Exchange) -> None:
    tserver = await exchange.connect()
    await tserver.monitor("alice", "bob")
    exchange.switch.dial("alice", "1002")
    exchange.switch.answer("bob")
    await tserver.hears(TALK)
    exchange.switch.hang_up("alice")
    await tserver.hears(
        {
            "alice": ["ConnectionCleared{K1,alice} null normalClearing"],
            "bob": ["ConnectionCleared{K1,alice} connected normalClearing", "ConnectionCleared{K1,bob} null normalClearing"],
        }
    )


@pytest.mark.parametrize("form", ["bob@example.net", "bob", "1002", "+15550001002", "tel:+15550001002", "sip:bob@example.net"])
@pytest_twisted.ensureDeferred
async def test_a_device_is_called_as_its_monitor_calls_it(exchange: Exchange, form: str) -> None:
    tserver = await exchange.connect()
    await tserver.monitor(form)
    exchange.switch.dial("alice", "1002")
    exchange.switch.answer("bob")
    exchange.switch.hang_up("bob")
    await tserver.hears(
        {
            form: [
                f"Delivered{{K1,{form}}} alerting newCall alice>{form}",
                f"Established{{K1,{form}}} connected newCall alice>{form}",
                f"ConnectionCleared{{K1,{form}}} null normalClearing",
            ]
        }
    )
