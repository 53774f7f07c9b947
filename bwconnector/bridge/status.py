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


class Status:
    """SystemStatus of the connector, driven by the number of Event Channels that are up.

    As long as one channel lives the value is ``normal``: losing some of several is nobody else's business. When one is back after all
    were lost, ``monitor-stop`` is at an end with its monitors, and says so; under ``repair`` the value stays ``disabled`` until the
    monitors are true again (:meth:`repaired`), since nothing between is what ``normal`` promises. Requests are served meanwhile:
    ``disabled`` says that they may fail, not that they must.

    :ivar value: what RequestSystemStatus is answered
    :ivar operational: whether BroadWorks can be asked at all
    :ivar listeners: called with every value that T-Servers must be told
    """

    def __init__(self, link_loss_policy: str = MONITOR_STOP) -> None:
        self.value = INITIALIZING
        self.operational = False
        self.listeners: list[Callable[[str], None]] = []
        self.voids_monitors = link_loss_policy == MONITOR_STOP

    def channels_changed(self, up: int) -> None:
        """``up`` Event Channels are up now."""
        self.operational = up > 0
        if up and self.value == INITIALIZING:
            self._tell(NORMAL)
        elif up and self.value == DISABLED and self.voids_monitors:
            # `enabled` voids every earlier monitor (ECMA-269 §12.2.28), so only the policy that has ended them may send it.
            self._tell(ENABLED, NORMAL)
        elif not up and self.value == NORMAL:
            self._tell(DISABLED)

    def repaired(self) -> None:
        """Every monitored device has been compared with BroadWorks after all channels were lost."""
        if self.operational and self.value == DISABLED:
            self._tell(MESSAGES_LOST, NORMAL)

    def messages_lost(self) -> None:
        """A proven gap that could not be made good: clients may want to compare for themselves."""
        if self.value == NORMAL:
            self._tell(MESSAGES_LOST, NORMAL)

    def _tell(self, *values: str) -> None:
        for value in values:
            self.value = value
            for listener in list(self.listeners):
                listener(value)
