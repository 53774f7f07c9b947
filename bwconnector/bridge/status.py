"""The state of the connector as a whole, as T-Servers see it in SystemStatus (ECMA-269 §12.2.28)."""

from __future__ import annotations

from collections.abc import Callable

__all__ = [
    "DISABLED",
    "ENABLED",
    "INITIALIZING",
    "MESSAGES_LOST",
    "MONITOR_STOP",
    "NORMAL",
    "REPAIR",
    "Status",
]

INITIALIZING = "initializing"
NORMAL = "normal"
DISABLED = "disabled"
ENABLED = "enabled"
MESSAGES_LOST = "messagesLost"

MONITOR_STOP = "monitor-stop"
REPAIR = "repair"

RETURN = {
    # `enabled` voids every earlier monitor (ECMA-269 §12.2.28), so only the policy that has ended them may send it.
    MONITOR_STOP: (ENABLED, NORMAL),
    REPAIR: (MESSAGES_LOST, NORMAL),
}
"""What is told, in this order, when a channel is back after all were lost, by ``link-loss-policy``."""


class Status:
    """SystemStatus of the connector, driven by the number of Event Channels that are up.

    As long as one channel lives the value is ``normal``: losing some of several is nobody else's business.

    :ivar value: what RequestSystemStatus is answered
    :ivar listeners: called with every value that T-Servers must be told
    """

    def __init__(self, link_loss_policy: str = MONITOR_STOP) -> None:
        self.value = INITIALIZING
        self.listeners: list[Callable[[str], None]] = []
        self._return = RETURN[link_loss_policy]
        self.voids_monitors = link_loss_policy == MONITOR_STOP

    @property
    def operational(self) -> bool:
        """Whether BroadWorks can be asked at all."""
        return self.value not in (INITIALIZING, DISABLED)

    def channels_changed(self, up: int) -> None:
        """``up`` Event Channels are up now."""
        if up and self.value == INITIALIZING:
            self._tell(NORMAL)
        elif up and self.value == DISABLED:
            self._tell(*self._return)
        elif not up and self.operational:
            self._tell(DISABLED)

    def messages_lost(self) -> None:
        """A proven gap: events were lost and have been made good by a comparison."""
        if self.operational:
            self._tell(MESSAGES_LOST, NORMAL)

    def _tell(self, *values: str) -> None:
        for value in values:
            self.value = value
            for listener in list(self.listeners):
                listener(value)
