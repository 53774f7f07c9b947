"""Who can be called, and under which addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bwconnector.simulator.model import CALL_CENTER, ROUTE_POINT, Kind, Party, SwitchError, User

__all__ = ["VOICE_PORTAL", "Directory", "make_users", "make_virtual_users"]

NAMED = ("alice", "bob", "carol", "dave")
FIRST_EXTENSION = 1001
NUMBER_PREFIX = "+1555000"
COUNTRY_CODE = "1"
SHORTEST_PUBLIC_NUMBER = 7
EMERGENCY_NUMBERS = frozenset({"112", "911"})

VOICE_PORTAL = User(user_id="voice-portal", number="+15550009000", name="Voice Portal", extension="9000")
"""The voice mail system: a party without a group, as nobody subscribes to it."""


def make_users(count: int, domain: str, group: str = "sales") -> tuple[User, ...]:
    """``alice``, ``bob``, ``carol``, ``dave``, then ``user05`` and so on, with consecutive extensions and numbers."""
    users = []
    for index in range(count):
        local = NAMED[index] if index < len(NAMED) else f"user{index + 1:02}"
        extension = str(FIRST_EXTENSION + index)
        name = f"{local.capitalize()} Example"
        users.append(User(f"{local}@{domain}", f"{NUMBER_PREFIX}{extension}", name, extension, group))
    return tuple(users)


def make_virtual_users(count: int, call_centers: int, route_points: int, domain: str, group: str = "sales") -> tuple[User, ...]:
    """``queue1``, ``queue2`` and so on from extension 1501, then ``route1``, ``route2`` and so on from 1701, or behind ``count`` users."""
    users = []
    first_queue = max(1501, FIRST_EXTENSION + count)
    first_route = max(1701, first_queue + call_centers)
    for count, local, first, kind in (
        (call_centers, "queue", first_queue, CALL_CENTER),
        (route_points, "route", first_route, ROUTE_POINT),
    ):
        for index in range(count):
            extension = str(first + index)
            name = f"{local.capitalize()} {index + 1}"
            users.append(User(f"{local}{index + 1}@{domain}", f"{NUMBER_PREFIX}{extension}", name, extension, group, kind=kind))
    return tuple(users)


class Directory:
    """Finds parties by any form of their address.

    :ivar users: those who have phones, by user id
    :ivar virtual: call centers and route points, by user id
    """

    def __init__(self, users: Iterable[User]) -> None:
        everybody = {user.user_id: user for user in users}
        self.users = {user_id: user for user_id, user in everybody.items() if user.kind == "user"}
        self.virtual = {user_id: user for user_id, user in everybody.items() if user.kind != "user"}
        self._by_address: dict[str, User] = {VOICE_PORTAL.user_id: VOICE_PORTAL}
        for user in (*everybody.values(), VOICE_PORTAL):
            for address in (user.user_id, user.user_id.partition("@")[0], user.extension, user.number, _national(user.number)):
                self._by_address[address.lower()] = user

    def user(self, user_id: str) -> User:
        """The BroadWorks user of that id, with or without its domain.

        :raises SwitchError: 404 when there is none
        """
        found = self._by_address.get(user_id.lower())
        if found is None or found.outside:
            raise SwitchError(404, 110404, f"User not found: {user_id}")
        return found

    def virtual_user(self, user_id: str, kind: Kind) -> User:
        """The call center or route point of that id.

        :raises SwitchError: 404 when there is none
        """
        found = self._by_address.get(user_id.lower())
        if found is None or found.kind != kind:
            raise SwitchError(404, 110404, f"{'Call center' if kind == CALL_CENTER else 'Route point'} not found: {user_id}")
        return found

    def party(self, identity: str) -> User:
        """A BroadWorks user by its id, or anybody outside by its number; ``anonymous`` and what begins so withholds its number.

        :raises SwitchError: 404 when ``identity`` is neither
        """
        if identity.lower().startswith("anonymous"):
            return User(identity, "", private=True)
        found = self.resolve(identity)
        if found is None:
            raise SwitchError(404, 110404, f"User not found: {identity}")
        return found

    def resolve(self, address: str) -> User | None:
        """Who answers to a dialled address (extension, number, user id, ``tel:`` or ``sip:`` URI); None if nobody can."""
        plain = address.strip().lower().removeprefix("tel:").removeprefix("sip:").partition(";")[0]
        if found := self._by_address.get(plain):
            return found
        digits = re.sub(r"[\s().-]", "", plain)
        if digits in EMERGENCY_NUMBERS:
            return User(digits, digits)
        if found := self._by_address.get(digits):
            return found
        if not re.fullmatch(r"\+?\d+", digits) or len(digits.lstrip("+")) < SHORTEST_PUBLIC_NUMBER:
            return None
        if len(digits) == 11 and digits.startswith(COUNTRY_CODE):
            digits = f"+{digits}"
        elif len(digits) == 10:
            digits = f"+{COUNTRY_CODE}{digits}"
        return self._by_address.get(digits) or User(digits, digits)

    def group(self, user: User) -> list[User]:
        """The other members of a user's group."""
        return [other for other in self.users.values() if other.group == user.group and other != user]

    def show(self, party: User, viewer: User) -> Party:
        """How ``viewer`` sees ``party`` in a call."""
        if party.private:
            return Party(private=True, call_type="Network")
        if party == VOICE_PORTAL:
            return Party(name=party.name, address=party.address, call_type="Group")
        if party.outside:
            call_type = "Emergency" if party.number in EMERGENCY_NUMBERS else "Network"
            return Party(address=party.address, country_code=COUNTRY_CODE, call_type=call_type)
        return Party(
            name=party.name,
            address=party.address,
            user_id=party.user_id,
            user_dn=f"tel:{party.number};ext={party.extension}",
            country_code=COUNTRY_CODE,
            call_type="Group" if party.group == viewer.group else "Enterprise" if viewer.group else "Network",
        )

    def show_dialled(self, address: str, viewer: User) -> Party:
        """How a dialled address shows before anybody answers to it."""
        party = self.resolve(address)
        if party is not None:
            return self.show(party, viewer)
        return Party(address=address if address.startswith(("tel:", "sip:")) else f"tel:{address}")


def _national(number: str) -> str:
    return number.removeprefix(f"+{COUNTRY_CODE}")
