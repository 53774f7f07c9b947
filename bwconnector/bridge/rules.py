"""The master table's row type: for each Xsi event what it does, and what it has to wait for."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from bwconnector.bridge.steps import Step
from bwconnector.bridge.world import World

__all__ = ["Rule"]


def _at_once(_world: World, _step: Step) -> float:
    return 0.0


@attrs.frozen(slots=True)
class Rule:
    """What one kind of step does.

    :ivar run: applies a step to the world
    :ivar gate: seconds after its arrival that it may wait for others' words
    :ivar unknown: what it does when its (only) leg is not known (R15); None when ``run`` makes the leg, or ignores the event
    """

    run: Callable[[World, Step], None]
    gate: Callable[[World, Step], float] = _at_once
    unknown: Callable[[World, Step], None] | None = None
