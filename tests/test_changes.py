"""What differs between two configs is found, told without secrets, and takes effect when its row says so."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import attrs
import pytest

from bwconnector.changes import WHEN, When, differences, effective, when
from bwconnector.checks import Secret
from bwconnector.config import AccessOptions, Config, ConnectorOptions, CstaOptions, XspLink, option_names
from bwconnector.simulator.config import SimulatorConfig

BASE = Config(
    connector=ConnectorOptions(channel_set_name="east", app_controller="east", user_id="cti@example.net", password=Secret("old")),
    links=(XspLink(name="xsp1", hostname="xsp1.example.net"), XspLink(name="xsp2", hostname="xsp2.example.net")),
    access=(AccessOptions(name="sales"), AccessOptions(name="rest")),
)
SECTIONS = {
    "Connector": ConnectorOptions,
    "link-NAME": XspLink,
    "access-NAME": AccessOptions,
    **{field.name: type(field.default) for field in attrs.fields(Config) if attrs.has(type(field.default))},
}


def connector(**options: Any) -> Config:
    return attrs.evolve(BASE, connector=attrs.evolve(BASE.connector, **options))


def test_every_row_is_an_option() -> None:
    for section, rows in WHEN.items():
        if section != "policy":
            assert set(rows) <= set(option_names(SECTIONS[section])), section


def test_every_option_of_a_link_can_be_changed() -> None:
    """Since a link can be removed and added under the same name."""
    assert set(WHEN["link-NAME"]) == set(option_names(XspLink))
    assert When.RESTART not in WHEN["link-NAME"].values()


def test_nothing() -> None:
    assert differences(BASE, BASE) == ()
    assert effective(BASE, BASE) == BASE


def test_in_words() -> None:
    file = attrs.evolve(
        connector(kpl_interval=20, channel_set_name="west"),
        links=(attrs.evolve(BASE.links[1], tls=False), XspLink(name="xsp3", hostname="xsp3.example.net")),
        csta=CstaOptions(allow=(ip_network("10.0.0.0/8"),)),
        policy={"P-JOIN": 100},
    )
    assert [(str(change), change.when) for change in differences(BASE, file)] == [
        ('[Connector] channel-set-name is "west", was "east"', When.RESTART),
        ("[Connector] kpl-interval is 20, was 10", When.NOW),
        ("[link-xsp1] went", When.NOW),
        ("[link-xsp2] tls is false, was true", When.CHANNEL),
        ("[link-xsp3] came", When.NOW),
        ('[csta] allow is ["10.0.0.0/8"], was []', When.NOW),
        ("[policy] P-JOIN is 100, was 200", When.NOW),
    ]


def test_access_sections_that_change_places() -> None:
    sales, rest = BASE.access
    file = attrs.evolve(BASE, access=(rest, sales, AccessOptions(name="new")))
    assert [(str(change), change.when) for change in differences(BASE, file)] == [
        ("[access-new] came", When.NOW),
        ("[access-NAME] are in another order: rest, sales, new", When.NOW),
    ]
    assert effective(BASE, file) == file


def test_a_password_is_not_told() -> None:
    (change,) = differences(BASE, connector(password=Secret("geheim")))
    assert str(change) == "[Connector] password has changed"
    assert "geheim" not in repr(change) and "old" not in repr(change)


def test_what_waits_for_a_restart_does_not_hold_until_then_and_is_told_again() -> None:
    file = connector(kpl_interval=20, channel_set_name="west", user_id="other@example.net", password=Secret("new"))
    holds = effective(BASE, file)
    assert holds == connector(kpl_interval=20, password=Secret("new"))
    assert [change.option for change in differences(holds, file)] == ["channel-set-name", "user-id"]


@pytest.mark.parametrize("section", SECTIONS)
def test_each_option_holds_or_waits_as_its_row_says(section: str) -> None:
    for field in attrs.fields(SECTIONS[section]):
        if "check" not in field.metadata:
            continue
        option = field.name.replace("_", "-")
        if section == "Connector":
            file = connector(**{field.name: "x"})
        elif section == "access-NAME":
            file = attrs.evolve(BASE, access=(attrs.evolve(BASE.access[0], **{field.name: "x"}), BASE.access[1]))
        elif section == "link-NAME":
            file = attrs.evolve(BASE, links=(attrs.evolve(BASE.links[0], **{field.name: "x"}), BASE.links[1]))
        else:
            file = attrs.evolve(BASE, **{section: attrs.evolve(getattr(BASE, section), **{field.name: "x"})})
        (change,) = differences(BASE, file)
        assert (change.option, change.when) == (option, when(section, option))
        assert (effective(BASE, file) == file) is (change.when is not When.RESTART), option


def test_a_simulator_that_comes_or_goes_changes_everything() -> None:
    file = attrs.evolve(connector(kpl_interval=20), links=(), simulator=SimulatorConfig())
    assert [(str(change), change.when) for change in differences(BASE, file)] == [("[simulator] came", When.RESTART)]
    assert effective(BASE, file) == BASE


def test_a_simulator_that_changes() -> None:
    running = attrs.evolve(BASE, simulator=SimulatorConfig())
    file = attrs.evolve(running, simulator=SimulatorConfig(users=9))
    assert [(str(change), change.when) for change in differences(running, file)] == [("[simulator] has changed", When.RESTART)]
    assert effective(running, file) == running
