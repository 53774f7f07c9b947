from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from bwconnector.bridge.addresses import Address, is_number, parse_address
from bwconnector.bridge.devices import CALL_CENTER, ROUTE_POINT, USER, Device, Directory, UnknownDevice
from bwconnector.xsi.errors import NoXspAvailable, Refused
from bwconnector.xsi.events import Party
from bwconnector.xsi.requests import Response

from .office import BroadWorks, profile, user

BOB = Party(user_id="bob@example.net", user_dn="tel:+15550001002;ext=1002", address="tel:1002", country_code="1", call_type="Group")


def directory(bw: BroadWorks | None = None, clock: Clock | None = None, **options: Any) -> Directory:
    return Directory(bw or BroadWorks(), clock or Clock(), Deferred, "example.net", **options)


def found(directory: Directory, name: str) -> Device | type[Exception]:
    outcome: list[Any] = []
    Deferred.fromCoroutine(directory.find(name)).addBoth(outcome.append)
    (result,) = outcome
    return result if isinstance(result, Device) else result.type


# Addresses


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("tel:+15550001002;ext=1002", "", Address(number="+15550001002", extension="1002")),
        ("tel:+1 (555) 000-1002", "", Address(number="+15550001002")),
        ("tel:1002", "1", Address(digits="1002")),
        ("tel:5550001002", "1", Address(number="+15550001002", digits="5550001002")),
        ("tel:5550001002", "+1", Address(number="+15550001002", digits="5550001002")),
        ("tel:5550001002", "", Address(digits="5550001002")),
        ("1002", "", Address(digits="1002")),
        ("*72", "1", Address(digits="*72")),
        ("sip:+15550001002@sbc.example.org;user=phone", "", Address(number="+15550001002")),
        ("sip:guest@example.org", "", Address(user_id="sip:guest@example.org")),
        ("bob@example.net", "", Address(user_id="bob@example.net")),
        ("bob", "", Address(user_id="bob")),
        ("", "", Address()),
    ],
)
def test_parse_address(text: str, country: str, expected: Address) -> None:
    assert parse_address(text, country) == expected


@given(st.text(max_size=40), st.sampled_from(["", "1", "+49", "x"]))
def test_parse_address_takes_anything(text: str, country: str) -> None:
    address = parse_address(text, country)
    assert not address.number or (address.number.startswith("+") and is_number(address.number))


# Names that T-Servers use


@pytest.mark.parametrize("name", ["bob", "bob@example.net", "1002", "5550001002", "+15550001002"])
def test_a_user_is_found_by_any_name(name: str) -> None:
    assert found(directory(), name) == Device(user("bob"), number="+15550001002", extension="1002", name="Bob Example")


def test_broadworks_is_asked_once_whatever_name_is_used_next() -> None:
    bw = BroadWorks()
    names = directory(bw)
    for name in ("bob", "bob@example.net", "1002", "bob"):
        assert isinstance(found(names, name), Device)
    # 1002 was learned from bob's profile, which is asked for under his user id
    assert bw.looked_up == ["GET user/bob/profile", "GET user/bob/profile"]


def test_an_unknown_device_is_remembered_for_a_minute() -> None:
    bw, clock = BroadWorks(), Clock()
    names = directory(bw, clock)
    assert found(names, "nobody") is UnknownDevice
    clock.advance(59)
    assert found(names, "nobody") is UnknownDevice
    assert len(bw.looked_up) == 1
    clock.advance(2)
    assert found(names, "nobody") is UnknownDevice
    assert len(bw.looked_up) == 2


@pytest.mark.parametrize("failure", [Refused(401), Refused(503), NoXspAvailable("none")])
def test_a_failure_that_proves_nothing_is_not_remembered(failure: Exception) -> None:
    bw = BroadWorks()
    bw.answers("GET user/bob/profile", failure, profile("bob"))
    names = directory(bw)
    assert found(names, "bob") is type(failure)
    assert found(names, "bob") == Device(user("bob"), number="+15550001002", extension="1002", name="Bob Example")


def entries(*users: tuple[str, str], scope: str = "enterprise") -> bytes:
    details = "".join(
        f"<directoryDetails><userId>{name}@example.net</userId><extension>{extension}</extension></directoryDetails>"
        for name, extension in users
    )
    return f'<Enterprise xmlns="http://schema.broadsoft.com/xsi"><{scope}Directory>{details}</{scope}Directory></Enterprise>'.encode()


ENTERPRISE = "GET user/admin/directories/Enterprise?extension=2002"
GROUP = "GET user/admin/directories/Group?extension=2002"


def test_an_extension_that_is_no_user_id_is_looked_up_in_the_directory() -> None:
    bw = BroadWorks()
    bw.answers(ENTERPRISE, entries(("bob", "2002"), ("carol", "20021")))
    assert found(directory(bw, account="admin@example.net"), "2002") == Device(
        user("bob"), number="+15550001002", extension="1002", name="Bob Example"
    )


def test_an_account_without_an_enterprise_searches_its_group() -> None:
    bw = BroadWorks()
    bw.refuses(ENTERPRISE, 403)
    bw.answers(GROUP, entries(("bob", "2002"), scope="group"))
    outcome = found(directory(bw, account="admin@example.net"), "2002")
    assert isinstance(outcome, Device)
    assert outcome.key == user("bob")


@pytest.mark.parametrize(
    ("users", "asked"), [((), [ENTERPRISE, GROUP]), ((("bob", "2002"), ("carol", "2002")), [ENTERPRISE])], ids=["nobody", "two"]
)
def test_an_extension_that_nobody_or_more_than_one_has(users: tuple[tuple[str, str], ...], asked: list[str]) -> None:
    bw = BroadWorks()
    bw.answers(ENTERPRISE, entries(*users))
    bw.refuses(GROUP, 404)
    names = directory(bw, account="admin@example.net")
    assert [found(names, "2002"), found(names, "2002")] == [UnknownDevice, UnknownDevice]
    assert bw.asked == asked


def test_a_user_that_has_gone_is_forgotten() -> None:
    bw, clock = BroadWorks(), Clock()
    names = directory(bw, clock)
    found(names, "bob")
    bw.answers("GET user/bob/profile", Refused(404), profile("bob"))
    names.forget(user("bob"))
    assert names.known("bob") is None
    assert found(names, "bob") is UnknownDevice
    clock.advance(61)
    assert isinstance(found(names, "bob"), Device)


def test_two_who_look_for_the_same_device_share_one_question() -> None:
    bw, answer = BroadWorks(), Deferred[bytes]()
    bw.answers("GET user/bob/profile", answer)
    names = directory(bw)
    outcomes: list[Any] = []
    for _ in range(3):
        Deferred.fromCoroutine(names.find("bob")).addBoth(outcomes.append)
    assert outcomes == []
    answer.callback(profile("bob"))
    assert [device.key for device in outcomes] == [user("bob")] * 3
    assert bw.asked == ["GET user/bob/profile"]


def test_two_who_look_for_the_same_device_share_its_failure() -> None:
    bw, answer = BroadWorks(), Deferred[Exception]()
    bw.answers("GET user/bob/profile", answer)
    names = directory(bw)
    outcomes: list[Any] = []
    for _ in range(2):
        Deferred.fromCoroutine(names.find("bob")).addBoth(outcomes.append)
    answer.callback(Refused(503))
    assert [outcome.type for outcome in outcomes] == [Refused, Refused]


def test_a_configured_kind_needs_no_question() -> None:
    bw = BroadWorks()
    names = directory(bw, kinds={"q1": CALL_CENTER})
    assert found(names, "q1@example.net") == Device(user("q1"), CALL_CENTER)
    assert names.devices() == [Device(user("q1"), CALL_CENTER)]
    assert bw.looked_up == []


def test_names_are_shown_without_the_default_domain_only() -> None:
    names = directory()
    assert [names.shown(key) for key in ("bob@example.net", "eve@example.org", "+15559990000")] == [
        "bob",
        "eve@example.org",
        "+15559990000",
    ]
    plain = Directory(BroadWorks(), Clock(), Deferred)
    assert plain.shown("bob@example.net") == "bob@example.net"
    assert plain.full("bob") == "bob"


@pytest.mark.parametrize(
    ("name", "dialled"),
    [
        ("1002", "1002"),
        (" +15550001002 ", "+15550001002"),
        ("bob", "bob@example.net"),
        ("eve@example.org", "eve@example.org"),
        ("tel:+1555", "tel:+1555"),
        ("sip:eve@example.org", "sip:eve@example.org"),
        ("", ""),
        ("10 02", ""),
        ("<1002>", ""),
    ],
)
def test_dialled(name: str, dialled: str) -> None:
    assert directory().dialled(name) == dialled


def test_the_shortest_address_of_a_device() -> None:
    names = directory()
    assert names.address_of(user("bob")) == user("bob")
    found(names, "bob")
    assert names.address_of(user("bob")) == "1002"


# Parties that BroadWorks names


@pytest.mark.parametrize(
    ("party", "key"),
    [
        (BOB, "bob@example.net"),
        (Party(user_id="bob"), "bob@example.net"),
        (Party(address="tel:+15559990000", call_type="Network"), "+15559990000"),
        (Party(address="tel:5559990000", country_code="1", call_type="Network"), "+15559990000"),
        (Party(address="tel:5559990000", call_type="Network"), "5559990000"),
        (Party(user_dn="tel:+15550001009;ext=1009", address="tel:1009"), "+15550001009"),
        (Party(address="sip:guest@example.org"), "sip:guest@example.org"),
        (Party(private=True), ""),
    ],
)
def test_key_of_a_party(party: Party, key: str) -> None:
    assert directory().key(party) == key


def test_numbers_of_a_user_are_learned_from_parties() -> None:
    names = directory()
    names.key(BOB)
    for address in ("tel:1002", "tel:+15550001002", "tel:+15550001002;ext=1002", "sip:+15550001002@sbc.example.org", "1002", "bob"):
        assert names.key_of_address(address) == "bob@example.net"


def test_a_learned_extension_is_asked_for_by_user_id() -> None:
    bw = BroadWorks()
    names = directory(bw)
    names.key(BOB)
    found(names, "1002")
    assert bw.looked_up == ["GET user/bob/profile"]


def test_an_extension_that_two_users_have_names_neither() -> None:
    names = directory()
    names.key(BOB)
    names.key(Party(user_id="eve@example.org", user_dn="tel:+15557771002;ext=1002", address="tel:1002"))
    names.key(BOB)
    assert names.key_of_address("tel:1002") == "1002"
    assert names.key_of_address("tel:+15557771002") == "eve@example.org"


def test_a_number_that_moves_belongs_to_its_last_owner() -> None:
    names = directory()
    names.key(BOB)
    names.key(Party(user_id="eve@example.net", user_dn="tel:+15550001002"))
    assert names.key_of_address("tel:+15550001002") == "eve@example.net"


@pytest.mark.parametrize(
    ("key", "is_user"), [("bob@example.net", True), ("+15559990000", False), ("sip:guest@example.org", False), ("1002", False), ("", False)]
)
def test_is_user(key: str, is_user: bool) -> None:
    assert directory().is_user(key) is is_user


def test_what_was_not_used_for_longest_is_forgotten() -> None:
    names = directory(size=3)
    for number in range(10):
        names.key(Party(user_id=f"u{number}", address=f"tel:10{number}"))
    assert names.key_of_address("tel:109") == "u9@example.net"
    assert names.key_of_address("tel:100") == "100"


# Kinds of device


def test_a_call_center_that_broadworks_shows_as_a_user_is_classified_when_asked() -> None:
    bw = BroadWorks()
    bw.answers("GET callcenter/bob/calls", Response(200))
    names = directory(bw)
    device = found(names, "bob")
    assert isinstance(device, Device) and device.kind == names.kind(user("bob")) == USER
    outcome: list[Any] = []
    Deferred.fromCoroutine(names.classify(device)).addBoth(outcome.append)
    assert [each.kind for each in outcome] == [names.kind(user("bob"))] == [CALL_CENTER]
    assert outcome[0].number == "+15550001002"


def test_what_is_neither_call_center_nor_route_point_stays_a_user() -> None:
    bw = BroadWorks()
    names = directory(bw)
    device = found(names, "bob")
    assert isinstance(device, Device)
    outcome: list[Any] = []
    Deferred.fromCoroutine(names.classify(device)).addBoth(outcome.append)
    assert outcome == [device]
    assert bw.classified == ["GET callcenter/bob/calls", "GET routepoint/bob/calls"]


def test_a_device_that_is_no_user_is_looked_for_among_call_centers_and_route_points() -> None:
    bw = BroadWorks()
    bw.answers("GET routepoint/entry/calls", Response(200))
    assert found(directory(bw), "entry") == Device("entry@example.net", kind=ROUTE_POINT)
    assert bw.classified == ["GET callcenter/entry/calls"]


def test_an_unreachable_broadworks_says_nothing_about_the_kind() -> None:
    bw = BroadWorks()
    bw.answers("GET callcenter/entry/calls", NoXspAvailable("down"))
    assert found(directory(bw), "entry") is NoXspAvailable


def of(service_provider: str, group: str = "") -> bytes:
    """bob's profile, with where he belongs."""
    place = f"<groupId>{group}</groupId><serviceProvider>{service_provider}</serviceProvider></details>"
    return profile("bob").replace(b"</details>", place.encode())


def colleagues(*names: str) -> Response:
    """A page of a group's directory; extensions are the names' lengths."""
    details = "".join(
        f"<directoryDetails><userId>{name}@example.net</userId><groupId>sales</groupId><serviceProvider>Ent</serviceProvider>"
        f"<number>555000100{number}</number><extension>{len(name)}</extension></directoryDetails>"
        for number, name in enumerate(names)
    )
    return Response(200, {}, f'<Group xmlns="http://schema.broadsoft.com/xsi"><groupDirectory>{details}</groupDirectory></Group>'.encode())


def test_the_first_device_of_the_scope_makes_all_known() -> None:
    bw = BroadWorks()
    bw.answers("GET user/bob/profile", Response(200, {}, of("Ent", "sales")))
    bw.answers("GET user/bob/directories/Group?start=1&results=1000", colleagues("al", "eve"))
    bw.answers("GET user/bob/directories/Group?start=3&results=1000", colleagues("dan"))
    bw.answers("GET user/bob/directories/Group?start=4&results=1000", colleagues())
    names = directory(bw, scope_id="Ent/sales")
    assert isinstance(found(names, "bob"), Device)
    bw.asked.clear()
    assert found(names, "eve") == Device(
        "eve@example.net", number="+15550001001", extension="3", service_provider="Ent", group="sales", listed=True
    )
    assert found(names, "2") == found(names, "al@example.net")
    assert names.in_scope("dan@example.net") and not names.in_scope("alice@example.net")
    assert names.known("3") is None  # eve and dan both have it
    assert bw.asked == bw.looked_up == []


def test_a_page_that_repeats_itself_ends_the_directory() -> None:
    bw = BroadWorks()
    bw.answers("GET user/bob/profile", Response(200, {}, of("Ent")))
    bw.otherwise = colleagues("al", "eve")
    names = directory(bw, scope_id="Ent")
    found(names, "bob")
    assert names.in_scope("eve@example.net")
    assert len([line for line in bw.asked if "directories/Enterprise" in line]) == 2


def test_a_directory_without_end_is_read_as_far_as_can_be_remembered() -> None:
    bw = BroadWorks()
    bw.answers("GET user/bob/profile", Response(200, {}, of("Ent")))
    for start in range(1, 20, 2):
        bw.answers(f"GET user/bob/directories/Enterprise?start={start}&results=1000", colleagues(f"u{start}", f"v{start}"))
    assert isinstance(found(directory(bw, scope_id="Ent", size=6), "bob"), Device)
    assert len([line for line in bw.asked if "directories/Enterprise" in line]) == 3


def test_a_device_outside_of_the_scope_makes_nobody_known() -> None:
    bw = BroadWorks()
    names = directory(bw, scope_id="Ent/sales")
    assert isinstance(found(names, "bob"), Device) and found(names, "nobody") is UnknownDevice
    assert not names.in_scope(user("bob"))
    assert [line for line in bw.asked if "directories" in line] == []


def test_a_directory_that_cannot_be_read_costs_the_device_nothing() -> None:
    bw = BroadWorks()
    bw.answers("GET user/bob/profile", Response(200, {}, of("Ent")))
    bw.answers("GET user/bob/directories/Enterprise?start=1&results=1000", NoXspAvailable("down"))
    assert isinstance(found(directory(bw, scope_id="Ent"), "bob"), Device)
