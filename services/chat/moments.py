"""What a conversation tells the agent whose turn it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from email.utils import parseaddr
from itertools import islice
from typing import Final

from libs.conversations.port import Item
from libs.shops.profile import ShopProfile

_EMAIL: Final = re.compile(r"[^\s@]{1,64}@[^\s@.]{1,63}(?:\.[^\s@.]{1,63})+")
_NUMBER: Final = re.compile(r"(?<![A-Za-z0-9_$€£¥])[+(（]{0,2}\d[\d ().\-/+\u00a0（）－–—]{5,58}+")  # noqa: RUF001 - as people write them
"""What may be dialled. A name in a script without spaces may stand right before it."""
_DIGITS: Final = range(7, 16)
_YEARS: Final = re.compile(r"(19|20)\d\d\s*[-–]\s*(19|20)\d\d\s*")  # noqa: RUF001 - likewise
_MOST_NUMBERS: Final = 10
"""Of one line: who pastes more has not written a phone number."""

TITLE_CHARACTERS: Final = 60


def customer_lines(items: Iterable[Item]) -> list[str]:
    return [item.text for item in items if item.speaker == "customer"]


def last_words(items: Sequence[Item]) -> str:
    """What the customer just said; empty when they only sent a photo."""
    return items[-1].text if items and items[-1].speaker == "customer" else ""


def is_reachable(items: Iterable[Item], shop: ShopProfile) -> bool:
    """Whether they gave an email address or a whole phone number, and not only the shop's own.

    No more than what the lead service takes, which reads more carefully: whoever hears that we
    can reach them leaves.
    """
    return any(_has_email(line, shop) or _has_phone(line, shop) for line in customer_lines(items))


def just_gave_half_a_number(items: Sequence[Item], shop: ShopProfile) -> bool:
    """What they just wrote looks like a phone number, can be called by nobody, and is all we have
    to reach them by.
    """
    line = last_words(items)
    looks_like_one = any(_numbers(line)) and not any(_whole_numbers(line, shop))
    return looks_like_one and not is_reachable(items, shop)


def _has_email(line: str, shop: ShopProfile) -> bool:
    own = {parseaddr(box)[1].lower() for box in (shop.sender, *shop.recipients)}
    domains = {domain.lower() for domain in shop.email_domains}
    found = (address.strip(".,;:!?<>()\"'").lower() for address in _EMAIL.findall(line))
    return any(address not in own and address.partition("@")[2] not in domains for address in found)


def _has_phone(line: str, shop: ShopProfile) -> bool:
    return any(number not in shop.own_phones for number in _whole_numbers(line, shop))


def _whole_numbers(line: str, shop: ShopProfile) -> Iterator[str]:
    """As the network knows them: `+14085550176`."""
    import phonenumbers

    e164 = phonenumbers.PhoneNumberFormat.E164
    for number in islice(_numbers(line), _MOST_NUMBERS):
        for found in phonenumbers.PhoneNumberMatcher(number, shop.phone_region):
            yield phonenumbers.format_number(found.number, e164)


def _numbers(line: str) -> Iterator[str]:
    for found in _NUMBER.findall(line):
        if sum(map(str.isdecimal, found)) in _DIGITS and not _YEARS.fullmatch(found):
            yield found


def title_of(items: Iterable[Item]) -> str:
    """A thread is called by what its customer said first; empty while they said nothing."""
    for line in customer_lines(items):
        words = " ".join(line.split())
        if len(words) > TITLE_CHARACTERS:
            cut = words[:TITLE_CHARACTERS]
            return (cut.rpartition(" ")[0] or cut) + "…"
        if words:
            return words
    return ""
