"""What the chat service is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from libs.blobs.open import open_blobs
from libs.conversations.port import Item
from libs.conversations.store import RETENTION_SECONDS, ChatStore
from libs.conversations.store_open import open_chat_store
from libs.identity.keys import site_keys
from libs.messages.streams import CHAT_REQUEST
from libs.runtime.log import Log
from libs.runtime.runtime import Runtime, Service
from libs.shops.profile import Shops, load_shops
from libs.streams.pace import Pace
from libs.streams.port import Consumer
from services.chat.moments import is_reachable
from services.chat.ports import Agent
from services.chat.settings import ChatSettings

AT_ONCE: Final = 256
TIDY_SECONDS: Final = 3600.0
PACE: Final = Pace(renew_seconds=1.0, claim_seconds=1.0, idle_seconds=6.0)
"""Somebody looks at a half answer: another process takes it up within 8 s, instead of 25."""

Loops = tuple[Callable[[], Awaitable[None]], ...]


async def wire(settings: ChatSettings, runtime: Runtime) -> Service:
    from services.chat.adapters.attachments import BlobAttachments
    from services.chat.adapters.chatkit import ChatKit
    from services.chat.adapters.kept import KeptThreads, SdkAttachments
    from services.chat.adapters.speaking import Speaking
    from services.chat.handlers import Chat
    from services.chat.turns import ANSWER_SECONDS, Turns

    kept = await open_chat_store(settings, runtime.stack)
    attachments = BlobAttachments(
        blobs=await open_blobs(settings, runtime.stack),
        keys=site_keys(settings, one_machine=runtime.one_machine),
        base_url=settings.base_url,
        clock=runtime.clock,
        new_id=runtime.new_id,
    )
    threads = KeptThreads(kept, attachments, runtime.clock, runtime.new_id)
    files = SdkAttachments(attachments)
    agent, loops = _agent(settings, runtime)
    speaking = Speaking(
        threads, files, kept=kept, agent=agent, clock=runtime.clock, log=runtime.log
    )
    chat = Chat(
        protocol=ChatKit(speaking),
        turns=Turns(kept, runtime.clock, runtime.new_id),
        shops=_ready(load_shops(settings.shops)),
        publisher=runtime.streams,
        log=runtime.log,
    )
    consumer = Consumer(
        CHAT_REQUEST, chat.answer, concurrency=AT_ONCE, timeout_seconds=ANSWER_SECONDS, pace=PACE
    )
    return Service(
        name="chat",
        consumers=(consumer,),
        loops=(_tidy(kept, runtime), *loops),
    )


def _ready(shops: Shops) -> Shops:
    """The tables of phone numbers are read now, and not while the first customer waits."""
    for shop in shops.by_slug.values():
        is_reachable((Item(id="", speaker="customer", text=shop.phone, at=0),), shop)
    return shops


def _agent(settings: ChatSettings, runtime: Runtime) -> tuple[Agent, Loops]:
    if not settings.openai_api_key:
        from services.chat.practice import PracticeAgent

        return PracticeAgent(), (_practising(runtime.log),)
    from libs.limits.redis import RedisLimits
    from libs.model.connection import ModelConnection
    from services.chat.adapters.purse import LimitedPurse
    from services.chat.adapters.responses import ResponsesAgent

    connection = ModelConnection(settings.openai_api_key, settings.openai_base_url)
    runtime.stack.push_async_callback(connection.aclose)
    purse = LimitedPurse(RedisLimits(runtime.streams.redis), settings, runtime.log)
    agent = ResponsesAgent(connection, settings.chat_model, purse, runtime.metrics, runtime.log)
    return agent, (connection.warm_up,)


def _practising(log: Log) -> Callable[[], Awaitable[None]]:
    """Said once it runs: a start that is refused prints its one sentence and nothing else."""

    async def say() -> None:
        log.info("chat_practice_agent", detail="no OPENAI_API_KEY: scripted answers")

    return say


def _tidy(kept: ChatStore, runtime: Runtime) -> Callable[[], Awaitable[None]]:
    """Forgets what is older than the retention, at the start and every hour."""

    async def loop() -> None:
        while True:
            gone = await kept.expire(runtime.clock.now() - RETENTION_SECONDS)
            if gone:
                runtime.log.info("chat_expired", count=gone)
            await asyncio.sleep(TIDY_SECONDS)

    return loop
