"""Addresses as BroadWorks writes them (``tel:`` and ``sip:`` URIs, digits, user ids), taken apart so that they can be compared."""

from __future__ import annotations

import re
from functools import lru_cache

import attrs

__all__ = ["Address", "is_number", "parse_address"]

NATIONAL_DIGITS = 7
"""Digits from which on a number without ``+`` is taken as a national number, not as an extension."""

_SEPARATORS = str.maketrans("", "", "-.() ")
_NUMBER = re.compile(r"\+?[0-9*#]+\Z")


@attrs.frozen(slots=True)
class Address:
    """The parts of an address; those that it does not have are empty.

    :ivar user_id: user id or SIP identity (``sip:`` kept, so that no external identity passes for a BroadWorks user)
    :ivar number: E.164 number with its ``+``
    :ivar digits: digits as they were written, without ``+``: an extension, a short code or a national number
    :ivar extension: the ``;ext=`` parameter
    """

    user_id: str = ""
    number: str = ""
    digits: str = ""
    extension: str = ""


def is_number(text: str) -> bool:
    """Whether ``text`` is digits, with a ``+`` or without."""
    return _NUMBER.match(text.translate(_SEPARATORS)) is not None


# The parties of the last moments: every event of a call names the same few.
@lru_cache(maxsize=4096)
def parse_address(text: str, country_code: str = "") -> Address:
    """Take ``text`` apart.

    >>> parse_address("tel:+15550001002;ext=1002")
    Address(user_id='', number='+15550001002', digits='', extension='1002')
    """
    scheme, colon, rest = text.strip().partition(":")
    if not colon or scheme.lower() not in ("tel", "sip", "sips"):
        scheme, rest = "", text.strip()
    body, *parameters = rest.split(";")
    extension = next((p[4:] for p in parameters if p.lower().startswith("ext=")), "")
    if scheme.lower() in ("sip", "sips"):
        user = body.split("@")[0]
        if not is_number(user):
            return Address(user_id=f"sip:{body}", extension=extension)
        body = user
    plain = body.translate(_SEPARATORS)
    if not _NUMBER.match(plain):
        return Address(user_id=body, extension=extension)
    if plain.startswith("+"):
        return Address(number=plain, extension=extension)
    national = country_code.lstrip("+") if plain.isdigit() and len(plain) >= NATIONAL_DIGITS else ""
    return Address(number=f"+{national}{plain}" if national else "", digits=plain, extension=extension)
