"""What an operator's command opens: the same stores as the services, found the same way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from libs.blobs.open import BLOBS_FOLDER, open_blobs
from libs.blobs.port import Blobs
from libs.blobs.structs import find_struct
from libs.conversations.port import Conversations
from libs.errors import Rejected, SettingsError, Unavailable
from libs.leads.snapshot import LeadSnapshot, snapshots_folder
from libs.ledger.open import SQLITE_FILE, open_records
from libs.ledger.port import Held, LeadRecords, Overdue
from libs.ledger.record import LeadKey, LeadRecord
from libs.redis.address import connect
from libs.runtime.clock import Clock, SystemClock
from libs.runtime.embedded_redis import EMBEDDED_FOLDER, URL_FILE
from libs.runtime.ids import random_id
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.runtime.settings import CommonSettings, load
from libs.runtime.together import together
from libs.shops.profile import Shops, load_shops
from libs.streams.envelope import UNREADABLE
from libs.streams.oversight import Oversight
from libs.streams.process import Process
from libs.streams.redis import RedisBroker
from libs.streams.streams import Streams

T = TypeVar("T")

THREAD: Final = re.compile(r"cthr_[A-Za-z0-9_-]{1,128}", re.ASCII)
OPEN_SECONDS: Final = 3.0
AHEAD_SECONDS: Final = 365 * 86_400.0
"""Further than any timer."""
_PAGE: Final = 50
"""Read at once."""
_MOST_HELD: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What is there before a store is opened."""

    settings: CommonSettings
    shops: Shops
    clock: Clock
    streams: Streams | None
    """None: Redis does not answer; most commands go on without it."""
    redis_problem: str = ""
    """Why it does not answer."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """For settings that only one service has."""


@dataclass(frozen=True, kw_only=True)
class Desk(Setup):
    """Inherits, so that a question to the setup can be put to a whole desk."""

    records: LeadRecords
    blobs: Blobs
    conversations: Conversations
    unreadable: set[LeadKey | str] = field(default_factory=set)
    """Records, and blobs by name, that are spoiled or of a later release: left out, and said beside
    the answer.
    """

    async def find(self, thread_id: str) -> tuple[str, LeadRecord | None]:
        """The shop that has a record of this thread (else the default one), and the record.

        Of a shop without a profile only what is not settled is found.
        """
        for shop in self.shops.by_slug.values():
            key = LeadKey(shop.slug, thread_id)
            record = await self.record(key)
            if record is not None or key in self.unreadable:
                return shop.slug, record
        async for key in self._unsettled():
            if key.thread_id == thread_id:
                return key.shop, await self.record(key)
        return self.shops.default.slug, None

    async def _unsettled(self) -> AsyncIterator[LeadKey]:
        held = await self.records.held(_MOST_HELD)
        for key in _keys(held):
            yield key
        async for page in self._overdue(self.clock.now() + AHEAD_SECONDS):
            for key in _keys(page):
                yield key

    async def due(self, until: float) -> AsyncIterator[LeadRecord]:
        """Every record that is due by then, but for those that are `unreadable`."""
        async for page in self._overdue(until):
            self.unreadable.update(page.unreadable)
            for record in page.records:
                yield record

    async def _overdue(self, until: float) -> AsyncIterator[Overdue]:
        page = await self.records.due(until, _PAGE)
        while True:
            yield page
            if page.ends_at is None:
                return
            page = await self.records.due(until, _PAGE, page.ends_at)

    async def leads(self, shop: str) -> AsyncIterator[LeadRecord]:
        """Every record of a shop, but for those that are `unreadable`."""
        async for page in self._pages(shop):
            async with together() as group:
                reads = [group.create_task(self.record(key)) for key in page]
            for read in reads:
                if record := read.result():
                    yield record

    async def keys(self, shop: str) -> AsyncIterator[LeadKey]:
        """Every conversation that a trigger, a turn of our chat or a watch spoke of."""
        async for page in self._pages(shop):
            for key in page:
                yield key

    async def _pages(self, shop: str) -> AsyncIterator[list[LeadKey]]:
        after = ""
        while page := await self.records.list_keys(shop, after=after, limit=_PAGE):
            yield page
            after = page[-1].thread_id

    async def record(self, key: LeadKey) -> LeadRecord | None:
        """None: there is none, or it is `unreadable`."""
        try:
            return await self.records.read(key)
        except Rejected:
            self.unreadable.add(key)
            return None

    async def snapshot(self, record: LeadRecord | None) -> LeadSnapshot | None:
        """What its mail says, or would say."""
        fixed = await self.fixed(record) if record else None
        return fixed[1] if fixed else None

    async def fixed(self, record: LeadRecord) -> tuple[str, LeadSnapshot] | None:
        """With its key: what an attempt was about, or else what was fixed last for one."""
        key = record.snapshot or await self._newest(record.key)
        snapshot = await self.read(key, LeadSnapshot) if key else None
        return (key, snapshot) if snapshot else None

    async def read(self, key: str, kind: type[T]) -> T | None:
        """None: not kept (any more), or `unreadable`."""
        try:
            return await find_struct(self.blobs, key, kind)
        except UNREADABLE:
            self.unreadable.add(key)
            return None

    async def _newest(self, key: LeadKey) -> str:
        folder = snapshots_folder(key.shop, key.thread_id)
        found = [(info.modified_at, info.key) async for info in self.blobs.list(folder)]
        return max(found)[1] if found else ""


def _keys(found: Held | Overdue) -> list[LeadKey]:
    return [*(record.key for record in found.records), *found.unreadable]


async def open_oversight(environ: Mapping[str, str], stack: AsyncExitStack) -> Oversight:
    """For commands that need no store but Redis. Raises SettingsError."""
    streams, problem = await _streams(load(CommonSettings, environ), stack)
    if streams is None:
        raise SettingsError(f"This command needs Redis, which {problem}. {redis_advice(problem)}")
    return streams.oversight


def redis_advice(problem: str) -> str:
    if any(code in problem for code in ("Authentication", "NOPERM", "WRONGPASS", "NOAUTH")):
        return "Check the user and the password in REDIS_URL."
    return "Start it. If it runs: is REDIS_URL (or HANDOFF_DATA) the one that the services have?"


async def open_desk(environ: Mapping[str, str], stack: AsyncExitStack) -> Desk:
    """Raises SettingsError, and Unavailable naming the part that does not open."""
    return await open_stores(await open_setup(environ, stack), stack)


async def open_setup(environ: Mapping[str, str], stack: AsyncExitStack) -> Setup:
    """Raises SettingsError."""
    settings = load(CommonSettings, environ)
    shops = load_shops(settings.shops)
    streams, problem = await _streams(settings, stack)
    return Setup(
        settings=settings,
        shops=shops,
        clock=SystemClock(),
        streams=streams,
        redis_problem=problem,
        environ=environ,
    )


async def open_stores(setup: Setup, stack: AsyncExitStack) -> Desk:
    """Raises SettingsError, and Unavailable naming the part that does not open."""
    from libs.conversations.open import open_conversations

    settings = setup.settings
    _find_stores(settings)
    return Desk(
        **vars(setup),
        blobs=await _opened("blobs", open_blobs(settings, stack)),
        records=await _opened("records", open_records(settings, stack)),
        conversations=await _opened("conversations", open_conversations(settings, stack)),
    )


def _find_stores(settings: CommonSettings) -> None:
    """A service makes its stores; whoever asks in the wrong folder shall not hear that all is well
    from new and empty ones.
    """
    of_sqlite, of_folder = settings.records == "sqlite", settings.blobs == "folder"
    for named, name in ((of_sqlite, SQLITE_FILE), (of_folder, BLOBS_FOLDER)):
        if named and not _is_there(settings.data_path / name):
            raise SettingsError(
                f"There is no Handoff in {settings.data_path.resolve()} (no {name}): set"
                " HANDOFF_DATA, RECORDS and BLOBS as the services have them, and start those first."
            )


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # above all, a folder of another user
        raise SettingsError(f"HANDOFF_DATA: {path.parent}: {error.strerror}.") from error


async def _opened(part: str, opening: Awaitable[T]) -> T:
    """A service waits half a minute for a store that starts together with it; a person does not."""
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            return await opening
    except TimeoutError as error:
        raise Unavailable(part, f"no answer within {OPEN_SECONDS:.0f} s") from error


async def _streams(settings: CommonSettings, stack: AsyncExitStack) -> tuple[Streams | None, str]:
    """Or why not. A Redis that no service would start on is opened too: it may need an operator."""
    url = settings.redis_url or embedded_url(settings)
    if not url:
        return None, "is not there: REDIS_URL is empty, and the data folder knows of none"
    redis = connect(url, name="handoff-ops")
    process = Process(f"ops-{random_id()}", Metrics(), Log("ops", level="error"))
    streams = Streams(RedisBroker(redis), process, redis)
    stack.push_async_callback(streams.aclose)
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            await redis.execute("PING")
    except Unavailable as error:
        return None, f"does not answer: {error.reason.removeprefix('redis: ')}"
    except TimeoutError:
        return None, f"does not answer within {OPEN_SECONDS:.0f} s"
    return streams, ""


def embedded_url(settings: CommonSettings) -> str:
    """The Redis that a running `make up` on the same data folder brought along."""
    try:
        return (settings.data_path / EMBEDDED_FOLDER / URL_FILE).read_text().strip()
    except OSError:
        return ""
