"""A connector on its simulator, for each test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_twisted

pytest.register_assert_rewrite("tests.system.exchange")

from tests.system.exchange import Exchange  # noqa: E402


@pytest_twisted.async_yield_fixture
async def exchange(request: pytest.FixtureRequest) -> AsyncIterator[Exchange]:
    """Started; ``parametrize(..., indirect=True)`` with a dict changes the simulator's options."""
    exchange = Exchange(**getattr(request, "param", {}))
    await exchange.start()
    try:
        yield exchange
    finally:
        await exchange.stop()
