"""Who a person is to the stores: the conversations that name them, their visitors and files."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection
from typing import Final

import msgspec

from libs.attachments.records import StoredAttachment
from libs.conversations.port import Conversation
from libs.errors import SettingsError
from libs.leads.attribution import TrailKey, Trails
from libs.leads.snapshot import SNAPSHOTS, LeadSnapshot, snapshots_folder
from libs.ledger.record import LeadKey
from libs.shops.profile import ShopProfile, Shops
from ops.desk import THREAD, Desk
from services.lead.contact.extract import named
from services.lead.transcript import lines_of

_PREFIX: Final = "cthr_"
_SHORTEST_NUMBER: Final = 9
_NUMBER: Final = re.compile(r"\+?[\d ]+", re.ASCII)
_MEXICO_OF_OLD: Final = re.compile(r"^(\+ *52) *1(?=(?: *\d){10} *$)")
_WRAPPED: Final = re.compile(
    r"(?:[^@<>]*<)?\s*(?:mailto:)?(?P<address>[^@\s<>,;]+@[^@\s<>,;]*[^@\s<>,;.])[.,;\s]*>?[.,;\s]*",
    re.IGNORECASE,
)
"""`Ana <ana@example.com>,`"""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation of somebody, and what hangs on it."""

    key: LeadKey
    visitors: frozenset[str]
    attachments: frozenset[str]
    other_threads: tuple[str, ...]
    """Of the same visitors. A browser may be shared, so these are named and not touched."""


async def find_threads(desk: Desk, who: str) -> list[LeadKey]:
    """A thread by its id; or all that name this contact. Raises SettingsError."""
    if who.startswith(_PREFIX):
        if not THREAD.fullmatch(who):
            raise SettingsError(f"{who!r} is no thread id")
        shop, _ = await desk.find(who)
        return [LeadKey(shop, who)]
    asked = {slug: contact_values(who, shop) for slug, shop in desk.shops.by_slug.items()}
    if not any(asked.values()):
        raise SettingsError(
            "That is no thread id, no email address and no whole phone number. Give a number with"
            " its area code, or with + and its country code"
        )
    found = {
        key
        async for key, values in _named_everywhere(desk)
        if asked[_profile(desk.shops, key.shop).slug] & values
    }
    return sorted(found)


def contact_values(who: str, profile: ShopProfile) -> set[str]:
    """As a lead may keep it; empty: it is not whole, and would remove strangers.

    Whatever stands around an address or between digits may go; no letter and no digit does.
    """
    if "@" in who:
        bare = _WRAPPED.fullmatch(who)
        return {bare["address"].lower()} if bare else set()
    kept = re.sub(r"[^\w+]|_", " ", who.strip())
    digits = "".join(filter(str.isdigit, kept))
    if kept.startswith("00"):
        kept = f"+{kept[2:]}"
    kept = _MEXICO_OF_OLD.sub(r"\1", kept)
    parsed = _parsed(who, profile) or _parsed(kept, profile)
    found = {parsed} - {""}
    if len(digits) >= _SHORTEST_NUMBER and _NUMBER.fullmatch(kept):
        abroad = who.strip().startswith("+")
        found |= {f"+{digits}"} if abroad or not parsed else set()
        found |= set() if abroad else {digits}
    return found


def _parsed(who: str, profile: ShopProfile) -> str:
    import phonenumbers

    try:
        number = phonenumbers.parse(who, profile.phone_region)
    except phonenumbers.NumberParseException:
        return ""
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


async def know(desk: Desk, key: LeadKey) -> Person:
    record = await desk.record(key)
    conversation = await desk.conversations.read(key.shop, key.thread_id)
    visitors = {record.visitor if record else "", conversation.visitor if conversation else ""}
    visitors.discard("")
    visitors |= await _also(desk, key.shop, visitors)
    others = await _other_threads(desk, key, visitors)
    attachments = set() if conversation is None else _files(conversation)
    async for snapshot in _snapshots(desk, snapshots_folder(key.shop, key.thread_id)):
        attachments |= {photo.id for photo in snapshot.photos}
    attachments |= await _uploads(desk, key, visitors, others)
    return Person(
        key=key,
        visitors=frozenset(visitors),
        attachments=frozenset(attachments),
        other_threads=tuple(others),
    )


async def _also(desk: Desk, shop: str, visitors: Collection[str]) -> set[str]:
    """The same browser under newer or older site keys."""
    trails = Trails(desk.blobs)
    found = [await trails.also(TrailKey(shop, visitor)) for visitor in visitors]
    return set().union(*found)


async def _named_everywhere(desk: Desk) -> AsyncIterator[tuple[LeadKey, set[str]]]:
    """Leads are kept for 90 days, conversations for longer, and not each becomes a lead."""
    async for snapshot in _snapshots(desk, SNAPSHOTS):
        values = named(snapshot.lines, _profile(desk.shops, snapshot.shop))
        values |= {one.value for one in snapshot.contacts}
        yield LeadKey(snapshot.shop, snapshot.thread_id), _comparable(values)
    for profile in desk.shops.by_slug.values():
        async for key in desk.keys(profile.slug):
            conversation = await desk.conversations.read(key.shop, key.thread_id)
            if conversation is not None:
                yield key, _comparable(named(lines_of(conversation, profile), profile))


async def _snapshots(desk: Desk, prefix: str) -> AsyncIterator[LeadSnapshot]:
    for key in [info.key async for info in desk.blobs.list(prefix)]:
        if snapshot := await desk.read(key, LeadSnapshot):
            yield snapshot


async def _other_threads(desk: Desk, key: LeadKey, visitors: Collection[str]) -> list[str]:
    found: set[str] = set()
    for visitor in visitors:
        found.update(await desk.conversations.threads_of(key.shop, visitor))
    return sorted(found - {key.thread_id})


async def _uploads(
    desk: Desk, key: LeadKey, visitors: Collection[str], others: Collection[str]
) -> set[str]:
    """Files of this thread by their own record, and those of its visitors that no message holds."""
    elsewhere: set[str] = set()
    for thread in others:
        conversation = await desk.conversations.read(key.shop, thread)
        elsewhere |= set() if conversation is None else _files(conversation)
    found: set[str] = set()
    for name in [info.key async for info in desk.blobs.list("attachments/")]:
        if kept := await desk.read(name, StoredAttachment):
            loose = kept.visitor in visitors and not kept.thread_id and kept.id not in elsewhere
            if kept.shop == key.shop and (kept.thread_id == key.thread_id or loose):
                found.add(kept.id)
    return found


def _files(conversation: Conversation) -> set[str]:
    return {file.id for item in conversation.items for file in item.attachments}


def _profile(shops: Shops, slug: str) -> ShopProfile:
    return shops.by_slug.get(slug, shops.default)


def _comparable(values: Collection[str]) -> set[str]:
    """Without extensions, and as we ask."""
    return {value.partition(";")[0].lower() for value in values}
