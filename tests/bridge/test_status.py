from __future__ import annotations

from bwconnector.bridge.status import MONITOR_STOP, REPAIR, Status


def history(policy: str, *counts: int) -> list[str]:
    status, told = Status(policy), []
    status.listeners.append(told.append)
    for count in counts:
        status.channels_changed(count)
    assert status.value == (told[-1] if told else "initializing")
    return told


def test_nothing_is_told_before_the_first_channel() -> None:
    assert history(MONITOR_STOP, 0, 0) == []


def test_the_first_channel_makes_it_normal() -> None:
    assert history(MONITOR_STOP, 1, 2) == ["normal"]


def test_losing_one_of_several_channels_is_not_told() -> None:
    assert history(REPAIR, 2, 1, 2, 1) == ["normal"]


def test_total_loss_and_return_under_monitor_stop() -> None:
    assert history(MONITOR_STOP, 2, 1, 0, 0, 1, 2) == ["normal", "disabled", "enabled", "normal"]


def test_under_repair_it_is_normal_only_when_everything_has_been_compared() -> None:
    status, told = Status(REPAIR), []
    status.listeners.append(told.append)
    for count in (1, 0, 1, 0):
        status.channels_changed(count)
        status.messages_lost()
        assert status.operational is (count == 1)
    assert told == ["normal", "messagesLost", "normal", "disabled"]
    status.repaired()
    assert status.value == "disabled"
    status.channels_changed(1)
    assert status.value == "disabled"
    status.repaired()
    status.repaired()
    assert told[4:] == ["messagesLost", "normal"]


def test_repair_never_sends_enabled_which_would_void_the_monitors() -> None:
    assert "enabled" not in history(REPAIR, 1, 0, 1, 0, 1)
    assert not Status(REPAIR).voids_monitors
    assert Status(MONITOR_STOP).voids_monitors


def test_a_proven_gap() -> None:
    status, told = Status(), []
    status.listeners.append(told.append)
    status.messages_lost()
    assert told == []
    status.channels_changed(1)
    status.messages_lost()
    assert told == ["normal", "messagesLost", "normal"]


def test_a_listener_may_leave_while_it_is_told() -> None:
    status, told = Status(), []

    def once(value: str) -> None:
        told.append(value)
        status.listeners.remove(once)

    status.listeners += [once, told.append]
    status.channels_changed(1)
    assert told == ["normal", "normal"]
    assert status.operational
