"""`handoff forget`: removes a person everywhere, and says what it removed.

The lead's record stays: it holds no personal data, and without it the thread could be sent again.
"""

from __future__ import annotations

import asyncio
import glob
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from libs.attachments.records import (
    StoredAttachment,
    is_attachment_id,
    record_key,
    refusal_key,
    rendition_key,
)
from libs.databases.sqlite import empty_log
from libs.errors import HandoffError, Unavailable
from libs.leads.attribution import TrailKey, Trails
from libs.leads.message_links import LINKS, MessageLink
from libs.leads.snapshot import snapshots_folder
from libs.leases.redis import RedisLeases, RedisSentMarks
from libs.ledger.apply import apply
from libs.ledger.events import OperatorClose
from libs.ledger.record import LeadKey, State
from libs.messages.lead import thread_name
from ops.desk import Desk, embedded_url
from ops.person import Person, find_threads, know
from ops.show import Shown, facts
from services.lead.summary.summaries import summaries_folder
from services.mailer.copies import mail_folder
from services.mailer.transports import OUTBOX_FOLDER

_NOT_FOUND: Final = 3
_MOST_WATCHES: Final = 1_000_000
_LONGEST_WATCH_SECONDS: Final = 30 * 86_400.0


async def forget(desk: Desk, who: str) -> Shown:
    """A thread id, an email address or a whole phone number."""
    people = [await know(desk, key) for key in await find_threads(desk, who)]
    removed: Counter[str] = Counter()
    taken = [one.key.thread_id for one in people if await _is_taken(desk, one.key)]
    leaving = [one.key.thread_id for one in people if not await _end(desk, one, removed)]
    removed["message links"] = await _forget_links(desk, {person.key for person in people})
    for person in people:
        removed += await _forget(desk, person)
    silent = bool(people) and not await _forget_in_redis(desk, people, removed)
    if people:
        await _empty_logs(desk)
    removed = +removed
    removed += Counter(threads=len(people) if removed else 0)
    threads = [person.key.thread_id for person in people]
    others = sorted({t for person in people for t in person.other_threads} - set(threads))
    data = {"removed": dict(removed), "threads": threads, "other_threads": others}
    lines: list[object] = ["Removed:", facts(dict(sorted(removed.items())))]
    if not removed:
        lines = ["Nothing was found, so nothing was removed."]
    again = list(_ask_again(leaving, taken, silent=silent))
    code = 1 if again else 0 if removed else _NOT_FOUND
    return Shown(data=data, lines=[*lines, *_untouched(others), *again], code=code)


def _untouched(others: list[str]) -> Iterator[str]:
    if others:
        yield f"The same browser also wrote in {', '.join(others)}: not touched."


def _ask_again(leaving: list[str], taken: list[str], *, silent: bool) -> Iterator[str]:
    if leaving:
        yield f"A mail may be on its way: {_again(leaving)} in half an hour."
    if taken:
        yield f"A worker may yet write something down: {_again(taken)} in 3 minutes."
    if silent:
        yield "Redis did not answer: ask again when it does, for what waits in it."


def _again(threads: list[str]) -> str:
    """By its id: what else it was found by is gone."""
    return " and ".join(f"`handoff forget {thread}`" for thread in threads) + " again"


async def _is_taken(desk: Desk, key: LeadKey) -> bool:
    """A worker that has it read what was said, and keeps what the model makes of it when all this
    is over. Whoever sent a lead leaves its lease behind.
    """
    if desk.streams is None:
        return False
    record = await desk.record(key)
    if record is not None and record.state is State.SENT:
        return False
    try:
        name = thread_name(key.shop, key.thread_id)
        return await RedisLeases(desk.streams.redis).is_held(name)
    except Unavailable:
        return True


async def _end(desk: Desk, person: Person, removed: Counter[str]) -> bool:
    """First of all: a lead whose words are gone would be held, and a person told. False: an attempt
    is in flight, and its record ends with that.
    """
    last = await desk.conversations.last_item_id(person.key.shop, person.key.thread_id)
    close = OperatorClose(reason="forgotten", last_item_id=last or "")
    if await desk.record(person.key) is None:
        return True
    applied = await apply(desk.records, person.key, close, desk.clock)
    leaving = applied.record is not None and applied.record.state is State.SENDING
    removed["leads that were to be sent"] += applied.wrote and not leaving
    return not leaving


async def _forget(desk: Desk, person: Person) -> Counter[str]:
    shop, thread = person.key.shop, person.key.thread_id
    removed: Counter[str] = Counter()
    for name, folder in (
        ("leads", snapshots_folder(shop, thread)),
        ("mail copies", mail_folder(shop, thread)),
        ("summaries", summaries_folder(shop, thread)),
    ):
        removed[name] = await _delete_all(desk, folder)
    for attachment in person.attachments:
        removed["attachments"] += await _forget_attachment(desk, person, attachment)
    for visitor in person.visitors:
        removed["attribution"] += await Trails(desk.blobs).forget(TrailKey(shop, visitor))
    removed["mails in the outbox"] = _forget_outbox(desk, thread)
    removed["watches"] = await _forget_watches(desk, person)
    removed["conversations"] = await desk.conversations.forget(shop, thread)
    return +removed


async def _forget_in_redis(desk: Desk, people: list[Person], removed: Counter[str]) -> bool:
    """Last: what a service still puts there is then about nothing. False: it does not answer."""
    if desk.streams is None:
        return False
    ids = {person.key.thread_id for person in people}
    ids |= {v for person in people if not person.other_threads for v in person.visitors}
    try:
        for person in people:
            marks = RedisSentMarks(desk.streams.redis)
            await marks.forget(person.key.shop, person.key.thread_id)
        removed += Counter({"messages in streams": await desk.streams.oversight.forget(ids)})
    except Unavailable:
        return False
    return True


async def _empty_logs(desk: Desk) -> None:
    """On one machine: those of our own files, and of the Redis that came along, hold it still."""
    for file in await asyncio.to_thread(_databases, desk.settings.data_path):
        await asyncio.to_thread(empty_log, file)
    if desk.streams is not None and embedded_url(desk.settings):
        with suppress(HandoffError):  # it may be at it already
            await desk.streams.redis.execute("BGREWRITEAOF")


def _databases(data: Path) -> list[Path]:
    return [*data.glob("*.sqlite3"), *data.glob("*/*.sqlite3")]


async def _forget_links(desk: Desk, keys: set[LeadKey]) -> int:
    """By what they say: the site key that named one may be gone, or the snapshot that it tells of,
    where a mail was in flight when this was asked first.
    """
    removed = 0
    for name in [info.key async for info in desk.blobs.list(LINKS)] if keys else ():
        link = await desk.read(name, MessageLink)
        if link and LeadKey(link.shop, link.thread_id) in keys:
            removed += await desk.blobs.delete(name)
    return removed


async def _delete_all(desk: Desk, prefix: str) -> int:
    keys = [info.key async for info in desk.blobs.list(prefix)]
    return sum([await desk.blobs.delete(key) for key in keys])


async def _forget_attachment(desk: Desk, person: Person, attachment_id: str) -> int:
    """Original, renditions and record; every link to it is dead from then on."""
    if not is_attachment_id(attachment_id):
        return 0
    stored = await desk.read(record_key(attachment_id), StoredAttachment)
    if stored and stored.mime_type:
        await desk.blobs.delete(stored.original_key)
    await desk.blobs.delete(rendition_key(attachment_id, "1200"))
    await desk.blobs.delete(rendition_key(attachment_id, "320"))
    records = [refusal_key(person.key.shop, who, attachment_id) for who in person.visitors]
    records.append(record_key(attachment_id))
    return int(any([await desk.blobs.delete(key) for key in records]))


def _forget_outbox(desk: Desk, thread: str) -> int:
    """A draft that a crash left too; one that is being sent goes no further without it."""
    mails = [*(desk.settings.data_path / OUTBOX_FOLDER).glob(f"*.{glob.escape(thread)}.*")]
    for mail in mails:
        mail.unlink(missing_ok=True)
    return len(mails)


async def _forget_watches(desk: Desk, person: Person) -> int:
    """One that others of the visitor's conversations need stays, without page and language."""
    far = desk.clock.now() + _LONGEST_WATCH_SECONDS
    removed = 0
    for watch in await desk.records.due_watches(far, _MOST_WATCHES):
        if watch.shop != person.key.shop or watch.visitor not in person.visitors:
            continue
        if person.other_threads:
            await desk.records.put_watch(replace(watch, locale="", page_url=""))
        else:
            await desk.records.end_watch(watch)
        removed += 1
    return removed
