"""Devices: every name that a T-Server or BroadWorks uses for a device leads to one device key.

The key of a BroadWorks subscriber is the full user id, that of an external party its E.164 number. T-Servers may name a subscriber by
user id (with or without its domain), extension or number; BroadWorks is asked once who that is. Events name parties in turn by user
id, number or short address; each party that shows both its user id and its numbers teaches the directory which belong together.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from sys import intern
from typing import Generic, Literal, TypeVar

import attrs
from twisted.logger import Logger

from bwconnector.bridge.addresses import Address, is_number, parse_address
from bwconnector.bridge.once import Once
from bwconnector.bridge.ports import Clock, Waiter, XsiPort
from bwconnector.bridge.slots import Slots
from bwconnector.xsi import requests
from bwconnector.xsi.answers import Profile, read_directory, read_profile
from bwconnector.xsi.errors import Refused, XsiFailure
from bwconnector.xsi.events import Party

__all__ = ["CALL_CENTER", "Device", "Directory", "ROUTE_POINT", "USER", "UnknownDevice", "VIRTUAL"]

USER = "user"
CALL_CENTER = "callcenter"
ROUTE_POINT = "routepoint"

Scope = Literal["Enterprise", "Group"]
SCOPES: tuple[Scope, ...] = ("Enterprise", "Group")
"""Directories in which an extension is looked up; the wider one first, because it shows when two groups use the same extension."""

PAGE = 1000
"""Entries of a directory that are asked for at a time; BroadWorks may give fewer."""

SEARCHES = 32
"""Names that BroadWorks is asked about at a time; beyond that an XSP only queues the requests, until they time out."""

ABSENCE = 60.0
"""Seconds for which BroadWorks is not asked again about a name that it does not know."""

PROOF_OF_ABSENCE = frozenset({403, 404})
"""HTTP statuses that say "no such user, or none of yours"; any other failure says nothing about the user."""

NAMES = 200_000
"""Names, numbers and parties remembered: several for each device of the largest sites; the least recently used are forgotten."""

VIRTUAL: Mapping[str, Callable[[str], requests.Request]] = {CALL_CENTER: requests.queue, ROUTE_POINT: requests.route_point_queue}
"""What only a device of this kind can be asked."""

log = Logger()

_UNDIALLABLE = re.compile(r"[\s<>\x00-\x1f]").search

K = TypeVar("K")
V = TypeVar("V")


class UnknownDevice(Exception):
    """BroadWorks knows no such device, or the connector's account may not see it."""


@attrs.frozen(slots=True, weakref_slot=False)
class Device:
    """A device that BroadWorks knows.

    :ivar key: full user id
    :ivar kind: ``user``, ``callcenter`` or ``routepoint``
    :ivar number: E.164 with ``+``, or as BroadWorks has it if the country is not known
    :ivar listed: it is in the directory of the group or enterprise whose devices share subscriptions
    """

    key: str
    kind: str = USER
    number: str = ""
    extension: str = ""
    name: str = ""
    service_provider: str = ""
    group: str = ""
    listed: bool = False


class _Recent(Generic[K, V]):
    """A mapping that remembers at least the half of ``size`` that was used last, and at most ``size``.

    Two dicts take less memory for each entry than one that keeps an order, and looking up moves nothing most of the time.
    """

    def __init__(self, size: int) -> None:
        self._most = max(1, size // 2)
        self._new: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        value = self._new.get(key)
        if value is None and self._old:
            value = self._old.get(key)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        if len(self._new) >= self._most and key not in self._new:
            self._old, self._new = self._new, {}
        self._new[key] = value
        self._old.pop(key, None)

    def discard(self, key: K) -> None:
        self._new.pop(key, None)
        self._old.pop(key, None)

    def values(self) -> Iterator[V]:
        """The oldest first."""
        return iter([*self._old.values(), *self._new.values()])


class Directory:
    """Who is who.

    :param default_domain: domain of user ids that are written without one; empty if there is none
    :param account: BroadWorks account of the connector, whose directories are searched for extensions; empty to do without
    :param kinds: devices whose kind is fixed in the configuration: name to kind
    :param scope_id: group (``<service provider>/<group>``) or enterprise whose devices are to be known without asking for each; or empty
    :param size: how much of each sort is remembered
    """

    def __init__(
        self,
        xsi: XsiPort,
        clock: Clock,
        make_waiter: Callable[[], Waiter],
        default_domain: str = "",
        kinds: Mapping[str, str] | None = None,
        account: str = "",
        size: int = NAMES,
        scope_id: str = "",
    ) -> None:
        self._xsi = xsi
        self._clock = clock
        self._account = account
        self._domain = f"@{default_domain.lstrip('@')}" if default_domain else ""
        self._searches: Once[Device] = Once(make_waiter)
        self._slots = Slots(SEARCHES, make_waiter)
        self._scope_id = scope_id
        self._size = size
        self._listing: Once[None] = Once(make_waiter)
        self._colleagues_known = False
        self._devices: _Recent[str, Device] = _Recent(size)
        self._keys: _Recent[str, str] = _Recent(size)
        self._absent: _Recent[str, float] = _Recent(size)
        self._numbers: _Recent[str, str] = _Recent(size)
        self._parties: _Recent[Party, str] = _Recent(size)
        self._kinds: _Recent[str, str] = _Recent(size)
        self.configure(kinds or {})

    def configure(self, kinds: Mapping[str, str]) -> None:
        """These devices' kinds are fixed from now on, and no others'."""
        self._configured = {self.full(name): Device(self.full(name), kind) for name, kind in kinds.items()}

    # Names that T-Servers use

    async def find(self, name: str) -> Device:
        """The device that ``name`` means: a user id, its part before the default domain, an extension or a number.

        :raises UnknownDevice: BroadWorks knows none
        :raises XsiFailure: it could not be asked
        """
        known = self.known(name)
        if known is not None:
            return known
        if self._scope_id and not self._colleagues_known:
            # Thousands may be named at once: what the first one makes known need not be asked for each.
            await self._listing.run("", lambda: self._find_colleagues(name))
            known = self.known(name)
            if known is not None:
                return known
        if (self._absent.get(name) or 0.0) > self._clock.seconds():
            raise UnknownDevice(name)
        return await self._searches.run(name, lambda: self._slots.run(lambda: self._search(name)))

    def known(self, name: str) -> Device | None:
        """The device that ``name`` means, if it was found before."""
        key = self._keys.get(name) or self.full(name)
        return self._configured.get(key) or self._devices.get(key)

    def kind(self, key: str) -> str:
        """The kind of a device, ``user`` as long as nothing else is known."""
        device = self._configured.get(key) or self._devices.get(key)
        return device.kind if device is not None else self._kinds.get(key) or USER

    def call_center(self, user_id: str) -> str:
        """Device key of what BroadWorks names as a call center, so that its kind is known without asking."""
        key = self.full(user_id)
        self._kinds.put(key, CALL_CENTER)
        return key

    def in_scope(self, key: str) -> bool:
        """Whether a device is listed as a user of the scope's group or enterprise; call centers and route points are not."""
        device = self._devices.get(key)
        return device is not None and device.listed

    def forget(self, key: str) -> None:
        """BroadWorks spoke as if it did not know this device: it is asked again when the device is named next."""
        self._devices.discard(key)

    def learn(self, device: Device, *names: str) -> None:
        """What was found out elsewhere: BroadWorks need not be asked for this device by any of ``names``."""
        for name in names or (device.key,):
            self._learn_device(name, device)

    def devices(self) -> list[Device]:
        """Every device that was configured or found so far."""
        return [*self._configured.values(), *(device for device in self._devices.values() if device.key not in self._configured)]

    def full(self, user_id: str) -> str:
        """``user_id`` with the default domain, if it has none."""
        return user_id if "@" in user_id else user_id + self._domain

    def shown(self, key: str) -> str:
        """The key as T-Servers see it when they have not named the device otherwise: without the default domain."""
        return key.removesuffix(self._domain) if self._domain else key

    def names(self, key: str) -> tuple[str, ...]:
        """Every name that T-Servers may use for a device, as far as they are known; some may be empty."""
        device = self._configured.get(key) or self._devices.get(key)
        numbers = (device.extension, device.number, device.number.lstrip("+")) if device is not None else (key.lstrip("+"),)
        return (key, self.shown(key), *numbers)

    def dialled(self, name: str) -> str:
        """``name`` as BroadWorks dials it: a number as it is, a user id with its domain; empty for what cannot be dialled."""
        text = name.strip()
        if not text or _UNDIALLABLE(text):
            return ""
        return text if is_number(text) or text.lower().startswith(("tel:", "sip:", "sips:")) else self.full(text)

    def address_of(self, key: str) -> str:
        """Something short that BroadWorks dials to reach ``key``: its extension, else its number, else the key."""
        device = self._devices.get(key)
        return (device.extension or device.number) if device is not None and (device.extension or device.number) else key

    def is_user(self, key: str) -> bool:
        """Whether the key is that of a BroadWorks subscriber, not of an external party."""
        return (("@" in key and not key.startswith("sip:")) or self._devices.get(key) is not None) if key else False

    def is_queue(self, key: str) -> bool:
        """Whether calls wait at this device: it is known as a call center or route point."""
        return self.kind(key) != USER

    def is_route_point(self, key: str) -> bool:
        return self.kind(key) == ROUTE_POINT

    def queue_kind(self, key: str) -> requests.QueueKind:
        """Which kind of queue a device is."""
        return "routepoint" if self.kind(key) == ROUTE_POINT else "callcenter"

    # Parties that BroadWorks names

    def key(self, party: Party) -> str:
        """Device key of a party: by user id, then by number, then by its address; empty if nothing names it."""
        if not party.user_id:
            return self._key_of(parse_address(party.user_dn, party.country_code)) or self.key_of_address(party.address, party.country_code)
        known = self._parties.get(party)
        if known is None:
            known = self.full(party.user_id)
            for text in (party.user_dn, party.address):
                self._learn_address(known, parse_address(text, party.country_code))
            self._parties.put(party, known)
        return known

    def key_of_address(self, address: str, country_code: str = "") -> str:
        """Device key of an address in any form that BroadWorks or a T-Server writes; empty for an empty one."""
        return self._key_of(parse_address(address, country_code))

    def _key_of(self, address: Address) -> str:
        for text in (address.number, address.digits, address.extension):
            known = self._numbers.get(text) if text else None
            if known:
                return known
        if address.user_id.startswith("sip:"):
            identity = address.user_id.removeprefix("sip:")
            return identity if self._devices.get(identity) is not None else address.user_id
        return (self.full(address.user_id) if address.user_id else "") or address.number or address.digits

    def _learn_address(self, key: str, address: Address) -> None:
        for text in (address.number, address.digits, address.extension):
            if text:
                # A number belongs to one user, whoever showed it last. An extension may exist in several groups: once two users
                # have shown it, it names nobody.
                alone = text.startswith("+") or self._numbers.get(text) in (None, key)
                self._numbers.put(text, key if alone else "")

    def _learn_device(self, name: str, device: Device) -> None:
        self._devices.put(device.key, device)
        for known in {name, device.key, self.shown(device.key)} - {""}:
            if self.full(known) == device.key:  # a user id: it leads there by itself
                self._keys.discard(known)
            else:
                self._keys.put(known, device.key)
            self._absent.discard(known)
        self._learn_address(device.key, Address(number=device.number if device.number.startswith("+") else "", extension=device.extension))

    # Questions to BroadWorks

    async def _search(self, name: str) -> Device:
        for question in self._questions(name):
            try:
                device = await question
            except UnknownDevice:
                break
            except Refused as refused:
                if refused.status not in PROOF_OF_ABSENCE:
                    raise
                continue
            if device is not None:
                self._learn_device(name, device)
                return device
        self._absent.put(name, self._clock.seconds() + ABSENCE)
        raise UnknownDevice(name)

    def _questions(self, name: str) -> Iterator[Awaitable[Device | None]]:
        """What to ask, most likely first; a number that an event has taught saves the rest."""
        taught = self.key_of_address(name) if is_number(name) else ""
        # BroadWorks takes a directory number where it takes a user id, in the form in which it was provisioned: with or without +.
        candidates = (taught if self.is_user(taught) else "", self.full(name), *((name, name.lstrip("+")) if is_number(name) else ()))
        for user in dict.fromkeys(filter(None, candidates)):
            yield self._profile(user)
        if self._account and name.isdigit():
            for scope in SCOPES:
                yield self._extension(scope, name)
        # Last, as most names are those of users. By a number these are not found: nothing would tell their user id.
        yield self._virtual(Device(self.full(name)))

    async def _extension(self, scope: Scope, extension: str) -> Device | None:
        """The user of a directory who has this extension.

        :raises UnknownDevice: several have it, so that it says nothing about any
        """
        answer = await self._xsi.perform(requests.directory(self._account, scope, extension=extension))
        users = {entry.user_id for entry in read_directory(answer.body) if entry.extension == extension and entry.user_id}
        if len(users) > 1:
            raise UnknownDevice(extension)
        return await self._profile(users.pop()) if users else None

    async def classify(self, device: Device) -> Device:
        """``device`` with its kind. BroadWorks shows call centers and route points as users at first; what they alone can be asked tells.

        :raises XsiFailure: BroadWorks could not be asked
        """
        found = await self._virtual(device)
        if found is None:
            return device
        self._devices.put(found.key, found)
        return found

    async def _virtual(self, device: Device) -> Device | None:
        for kind, question in VIRTUAL.items():
            try:
                await self._xsi.perform(question(device.key))
            except Refused as refused:
                if refused.status not in PROOF_OF_ABSENCE:
                    raise
            else:
                return attrs.evolve(device, kind=kind)
        return None

    async def _find_colleagues(self, name: str) -> None:
        """Read the directory of the scope, if the device that ``name`` means belongs to it; else the next device will do."""
        try:
            device = await self._search(name)
            if self._scope_id in (device.service_provider, f"{device.service_provider}/{device.group}"):
                await self._learn_colleagues(device.key)
                self._colleagues_known = True
        except UnknownDevice:
            pass
        except XsiFailure as failure:
            log.info("the directory of {scope} could not be read: {failure}", scope=self._scope_id, failure=str(failure))

    async def _learn_colleagues(self, user: str) -> None:
        scope: Scope = "Group" if "/" in self._scope_id else "Enterprise"
        country_code = read_profile((await self._xsi.perform(requests.profile(user))).body).country_code
        colleagues: dict[str, Device] = {}
        while True:
            request = requests.directory(user, scope, start=str(len(colleagues) + 1), results=str(PAGE))
            page = read_directory((await self._xsi.perform(request)).body)
            before = len(colleagues)
            found = [attrs.evolve(self._described(entry, country_code), listed=True) for entry in page if entry.user_id]
            colleagues.update((device.key, device) for device in found)
            if len(colleagues) == before or len(colleagues) >= self._size:  # more would not be remembered
                break
        extensions = Counter(device.extension for device in colleagues.values())
        for device in colleagues.values():
            if self.kind(device.key) == USER:
                self._learn_device(device.extension if extensions[device.extension] == 1 else device.key, device)
        log.info("{count} devices of {scope} are known from its directory", count=len(colleagues), scope=self._scope_id)

    async def _profile(self, user: str) -> Device:
        profile = read_profile((await self._xsi.perform(requests.profile(user))).body)
        return self._described(attrs.evolve(profile, user_id=profile.user_id or user), profile.country_code)

    def _described(self, profile: Profile, country_code: str) -> Device:
        # not from the cache: events write this number otherwise, and there are as many as devices
        address = parse_address.__wrapped__(profile.number, country_code)
        return Device(
            self.full(profile.user_id),
            number=address.number or profile.number,
            extension=profile.extension,
            name=" ".join(filter(None, (profile.first_name, profile.last_name))),
            service_provider=intern(profile.service_provider),  # a few names for all devices
            group=intern(profile.group_id),
        )
