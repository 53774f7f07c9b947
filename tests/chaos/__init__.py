"""Random calls and random faults, played to the whole connector on a simulated clock.

With the profile ``dev`` the same 2,200 examples are played every time; with ``--hypothesis-profile=ci`` there are eight times as many,
and others every time.
"""

from __future__ import annotations

from hypothesis import Phase, settings

__all__ = ["EXAMPLES", "PHASES", "REPEATABLE"]

EXAMPLES = 4 * settings.default.max_examples
REPEATABLE = settings.default.derandomize
PHASES = (Phase.explicit, Phase.generate)
"""A failure is not made smaller, which would take minutes; the report says what was done when."""
