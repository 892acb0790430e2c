"""`handoff forget`: removes a person everywhere, and says what it removed.

The lead's record stays: it holds no personal data, and without it the thread could be sent again.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

from libs.attachments import decode_record, is_attachment_id, record_key, rendition_key
from libs.attribution import TrailKey
from libs.blobs.port import BlobMissingError
from libs.errors import Unavailable
from libs.identity.keys import site_keys
from libs.leases.redis import RedisSentMarks
from libs.message_links import link_key, link_token
from libs.snapshot import LeadSnapshot, decode_snapshot
from ops.desk import Desk
from ops.show import Shown, facts

_THREAD = "cthr_"
_NOT_FOUND = 3


async def forget(desk: Desk, who: str) -> Shown:
    """A thread id, an email address or a phone number (with country code, or of the shop's)."""
    threads = [who] if who.startswith(_THREAD) else await _threads_with(desk, who)
    removed: Counter[str] = Counter()
    for thread in threads:
        removed += await _forget_thread(desk, thread)
    removed += Counter(threads=len(threads) if removed else 0)
    if not removed:
        said = "Nothing was found, so nothing was removed."
        return Shown(data={"removed": {}}, lines=[said], code=_NOT_FOUND)
    lines = ["Removed:", facts(dict(sorted(removed.items())))]
    return Shown(data={"removed": dict(removed), "threads": threads}, lines=lines)


async def _threads_with(desk: Desk, contact: str) -> list[str]:
    """Every thread whose lead names this contact."""
    found: set[str] = set()
    async for info in desk.blobs.list("snapshots/"):
        with suppress(BlobMissingError):
            snapshot = decode_snapshot(await desk.blobs.get(info.key))
            if any(_same(contact, one.value) for one in snapshot.contacts):
                found.add(snapshot.thread_id)
    return sorted(found)


def _same(asked: str, kept: str) -> bool:
    if "@" in asked:
        return asked.strip().lower() == kept.lower()
    digits = "".join(c for c in asked if c.isdigit())
    whole = "".join(c for c in kept.partition(";")[0] if c.isdigit())
    enough = 7  # fewer digits would match strangers
    return len(digits) >= enough and whole.endswith(digits)


async def _forget_thread(desk: Desk, thread: str) -> Counter[str]:
    shop, record = await desk.find(thread)
    removed: Counter[str] = Counter()
    visitors = {record.visitor} if record else set()
    attachments: set[str] = set()
    conversation = await desk.conversations.read(shop, thread)
    if conversation is not None:
        visitors.add(conversation.visitor)
        attachments |= {file.id for item in conversation.items for file in item.attachments}
    async for info in desk.blobs.list(f"snapshots/{shop}/{thread}/"):
        snapshot = decode_snapshot(await desk.blobs.get(info.key))
        attachments |= {photo.id for photo in snapshot.photos}
        removed["message links"] += await _forget_links(desk, snapshot, info.key)
    for name, prefix in (
        ("leads", f"snapshots/{shop}/{thread}/"),
        ("mail copies", f"mail/{shop}/{thread}/"),
        ("summaries", f"summaries/{shop}/{thread}/"),
    ):
        removed[name] += await _delete_all(desk, prefix)
    for attachment in attachments:
        removed["attachments"] += await _forget_attachment(desk, attachment)
    for visitor in visitors - {""}:
        removed["attribution"] += await _forget_trail(desk, TrailKey(shop, visitor))
    removed["mails in the outbox"] += _forget_outbox(desk, thread)
    removed["conversations"] += await desk.conversations.forget(shop, thread)
    with suppress(Unavailable):
        if desk.streams is not None:
            await RedisSentMarks(desk.streams.redis).forget(shop, thread)
    return +removed


async def _forget_links(desk: Desk, snapshot: LeadSnapshot, key: str) -> int:
    keys = site_keys(desk.settings, one_machine=not desk.settings.redis_url)
    tokens = [link_token(one, snapshot.shop, snapshot.thread_id, key) for one in keys]
    return sum([await desk.blobs.delete(link_key(token)) for token in tokens])


async def _delete_all(desk: Desk, prefix: str) -> int:
    keys = [info.key async for info in desk.blobs.list(prefix)]
    return sum([await desk.blobs.delete(key) for key in keys])


async def _forget_attachment(desk: Desk, attachment_id: str) -> int:
    """Original, renditions and record; every link to it is dead from then on."""
    if not is_attachment_id(attachment_id):
        return 0
    with suppress(BlobMissingError):
        stored = decode_record(await desk.blobs.get(record_key(attachment_id)))
        if stored.mime_type:
            await desk.blobs.delete(stored.original_key)
        await desk.blobs.delete(rendition_key(attachment_id, "1200"))
        await desk.blobs.delete(rendition_key(attachment_id, "320"))
        return int(await desk.blobs.delete(record_key(attachment_id)))
    return 0


async def _forget_trail(desk: Desk, trail: TrailKey) -> int:
    return await _delete_all(desk, trail.signals) + int(await desk.blobs.delete(trail.touches))


def _forget_outbox(desk: Desk, thread: str) -> int:
    mails = [*(desk.settings.data_path / "outbox").glob(f"*.{thread}.*.eml")]
    for mail in mails:
        mail.unlink(missing_ok=True)
    return len(mails)
