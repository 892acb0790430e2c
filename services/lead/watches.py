"""Visitors who never came back: whatever they wrote is looked at all the same."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from libs.conversations.port import Conversations
from libs.errors import Rejected, Unavailable
from libs.ledger.apply import apply
from libs.ledger.events import Considered, Event, NewerItems, NotNow, Reopened
from libs.ledger.port import LeadRecords
from libs.ledger.record import LeadKey, LeadRecord, State, Watch
from libs.ledger.sweep import Sweep
from libs.messages.lead import ConsiderLead
from libs.runtime.clock import Clock
from libs.runtime.log import Log
from libs.streams.port import Publisher

WATCHES: Final = 200
"""A backlog is worked off over several sweeps, the longest overdue first."""
MOST_FAILURES: Final = 5
"""In one sweep: then the source is down, and each of the others would wait for it in vain."""
LONGEST_DELAY_SECONDS: Final = 30 * 60.0


@dataclass(frozen=True)
class Later:
    """A visitor whose threads could not be read; forgotten by a restart, which tries at once."""

    at: float
    delay_seconds: float


@dataclass(frozen=True)
class Sweeper:
    """Runs in every lead process, without a leader: what two of them publish is decided once."""

    records: LeadRecords
    conversations: Conversations
    publisher: Publisher
    clock: Clock
    log: Log
    overdue: Sweep
    sweep_seconds: float
    later: dict[str, Later] = field(default_factory=dict)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self.sweep_seconds)
            await self.sweep()

    async def sweep(self) -> None:
        """What cannot be done now is still overdue at the next sweep."""
        try:
            swept = (await self.overdue.once()).published
            watched = await self.end_due_watches()
        except Unavailable as error:
            self.log.warning("sweep_failed", part=error.part)
            return
        if swept or watched:
            self.log.info("swept", count=swept + watched)

    async def end_due_watches(self) -> int:
        """How many conversations were put up for decision; who cannot be read delays no other."""
        now = self.clock.now()
        due = await self.records.due_watches(now, WATCHES + len(self.later))
        count = failures = 0
        for watch in due:
            known = self.later.get(str(watch))
            if failures == MOST_FAILURES or (known and now < known.at):
                continue
            try:
                count += await self._end(watch)
            except Unavailable as error:
                if error.part != "conversations":
                    raise
                failures += 1
                self._put_off(watch, now, known, error.part)
            except Rejected:
                self._put_off(watch, now, known, "records")
            else:
                self.later.pop(str(watch), None)
        return count

    def _put_off(self, watch: Watch, now: float, known: Later | None, part: str) -> None:
        delay = min(known.delay_seconds * 2 if known else self.sweep_seconds, LONGEST_DELAY_SECONDS)
        self.later[str(watch)] = Later(now + delay, delay)
        self.log.warning("sweep_failed", part=part, retry_after=delay)

    async def _end(self, watch: Watch) -> int:
        """Published before the watch ends, and durable before both: Redis may lose the wish."""
        count, failed = 0, None
        for owner in (watch.visitor, *watch.also):
            try:
                count += await self._put_up_all(watch, owner)
            except (Rejected, Unavailable) as error:  # another of their ids may be well
                failed = error
        if failed:
            raise failed
        await self.records.end_watch(watch)
        return count

    async def _put_up_all(self, watch: Watch, owner: str) -> int:
        count, spoiled = 0, None
        for thread_id in await self.conversations.threads_of(watch.shop, owner):
            try:
                count += await self._put_up(watch, owner, thread_id)
            except Rejected as error:  # its record cannot be read: the other threads go on
                spoiled = error
        if spoiled:
            raise spoiled
        return count

    async def _put_up(self, watch: Watch, owner: str, thread_id: str) -> bool:
        key = LeadKey(watch.shop, thread_id)
        record = await self.records.read(key)
        if record is not None and record.state is State.SENT:
            await self._count_newer(record)
        elif record is None or record.state is not State.HELD:
            await self._make_due(watch, key, owner, record)
            await self.publisher.publish(_wish(watch, thread_id))
            return True
        return False

    async def _count_newer(self, record: LeadRecord) -> None:
        """Here, and not when a trigger asks: those of a sent lead are answered without reading."""
        key = record.key
        if await self.conversations.last_item_id(key.shop, key.thread_id) == record.last_item_id:
            return
        conversation = await self.conversations.read(key.shop, key.thread_id)
        if conversation and (newer := conversation.customer_items_after(record.last_item_id)):
            await apply(self.records, key, NewerItems(count=newer), self.clock)

    async def _make_due(
        self, watch: Watch, key: LeadKey, owner: str, record: LeadRecord | None
    ) -> None:
        """Until somebody has considered it, every sweep publishes it again."""
        now = self.clock.now()
        event: Event = NotNow(reason="watch", due_at=now)
        if record is None:
            event = Considered(
                reason="watch",
                due_at=now,
                visitor=owner,
                trigger="watch",
                request_id=_request_id(watch),
            )
        elif record.state is State.CLOSED:
            last = await self.conversations.last_item_id(key.shop, key.thread_id)
            event = Reopened(last_item_id=last or record.last_item_id, due_at=now)
        await apply(self.records, key, event, self.clock)


def _wish(watch: Watch, thread_id: str) -> ConsiderLead:
    return ConsiderLead(
        request_id=_request_id(watch),
        shop=watch.shop,
        thread_id=thread_id,
        reason="watch",
        visitor=watch.visitor,
        locale=watch.locale,
        page_url=watch.page_url,
        also=watch.also,
    )


def _request_id(watch: Watch) -> str:
    """An earlier release wrote none; the same again each time it falls due."""
    return watch.request_id or f"watch-{watch.due_at:.0f}"
