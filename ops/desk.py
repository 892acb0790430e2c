"""What an operator's command opens: the same stores as the services, found the same way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final, TypeVar

from libs.blobs.open import open_blobs
from libs.blobs.port import BlobMissingError, Blobs
from libs.conversations.port import Conversations
from libs.errors import SettingsError, Unavailable
from libs.ledger.open import open_records
from libs.ledger.port import LeadRecords
from libs.ledger.record import LeadKey, LeadRecord
from libs.runtime.clock import Clock, SystemClock
from libs.runtime.ids import random_id
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.runtime.settings import CommonSettings, load
from libs.shops.profile import Shops, load_shops
from libs.snapshot import LeadSnapshot, decode_snapshot
from libs.streams.oversight import Oversight
from libs.streams.streams import Streams

T = TypeVar("T")

OPEN_SECONDS: Final = 3.0


@dataclass(frozen=True)
class Desk:
    settings: CommonSettings
    shops: Shops
    records: LeadRecords
    blobs: Blobs
    conversations: Conversations
    clock: Clock
    streams: Streams | None
    """None: Redis does not answer; most commands go on without it."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """For settings that only one service has."""

    async def find(self, thread_id: str) -> tuple[str, LeadRecord | None]:
        """The shop that has a record of this thread (else the default one), and the record."""
        for shop in self.shops.by_slug.values():
            record = await self.records.read(LeadKey(shop.slug, thread_id))
            if record is not None:
                return shop.slug, record
        return self.shops.default.slug, None

    async def snapshot(self, record: LeadRecord | None) -> LeadSnapshot | None:
        if record is None or not record.snapshot:
            return None
        try:
            return decode_snapshot(await self.blobs.get(record.snapshot))
        except BlobMissingError:
            return None


async def open_oversight(environ: Mapping[str, str], stack: AsyncExitStack) -> Oversight:
    """For commands that need no store but Redis. Raises SettingsError."""
    streams = await _streams(load(CommonSettings, environ), stack)
    if streams is None:
        raise SettingsError(
            "Redis does not answer, and this command needs it; is Handoff running, and is"
            " REDIS_URL (or HANDOFF_DATA) the same as its?"
        )
    return streams.oversight


async def open_desk(environ: Mapping[str, str], stack: AsyncExitStack) -> Desk:
    """Raises SettingsError, and Unavailable naming the part that does not open."""
    from libs.conversations.open import open_conversations

    settings = load(CommonSettings, environ)
    shops = load_shops(settings.shops)
    blobs = await _opened("blobs", open_blobs(settings, stack))
    return Desk(
        settings=settings,
        shops=shops,
        records=await _opened("records", open_records(settings, stack)),
        blobs=blobs,
        conversations=await _opened("conversations", open_conversations(settings, stack, blobs)),
        clock=SystemClock(),
        streams=await _streams(settings, stack),
        environ=environ,
    )


async def _opened(part: str, opening: Awaitable[T]) -> T:
    """A service waits half a minute for a store that starts together with it; a person does not."""
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            return await opening
    except TimeoutError as error:
        raise Unavailable(part, f"no answer within {OPEN_SECONDS:.0f} s") from error


async def _streams(settings: CommonSettings, stack: AsyncExitStack) -> Streams | None:
    from libs.streams.open import open_streams

    url = settings.redis_url or _embedded_url(settings)
    if not url:
        return None
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            return await open_streams(
                url,
                service="ops",
                metrics=Metrics(),
                log=Log("ops", level="error"),
                clock=SystemClock(),
                rng=random.Random(),
                new_id=random_id,
                stack=stack,
            )
    except (SettingsError, Unavailable, TimeoutError):
        return None


def _embedded_url(settings: CommonSettings) -> str:
    """The Redis that a running `make up` on the same data folder brought along."""
    try:
        return (settings.data_path / "redis" / "redis.url").read_text().strip()
    except OSError:
        return ""
