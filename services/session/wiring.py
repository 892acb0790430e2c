"""What the session service is made of."""

from __future__ import annotations

from typing import Final

from libs.blobs.open import open_blobs
from libs.identity.keys import site_keys
from libs.leads.attribution import Trails
from libs.ledger.open import open_records, records_answer
from libs.limits.port import Limit
from libs.limits.redis import RedisLimits
from libs.messages.streams import SESSION_MINT
from libs.runtime.runtime import Runtime, Service
from libs.shops.profile import Shops, load_shops
from libs.streams.port import Consumer
from services.session.adapters.own import OwnChatSessions
from services.session.handlers import SessionHandlers
from services.session.ports import ChatSessions
from services.session.settings import SessionSettings

HANDLER_SECONDS: Final = 20.0


async def wire(settings: SessionSettings, runtime: Runtime) -> Service:
    keys = site_keys(settings, one_machine=runtime.one_machine)
    shops = load_shops(settings.shops)
    records = await open_records(settings, runtime.stack, runtime.clock)
    handlers = SessionHandlers(
        shops=shops,
        keys=keys,
        sessions=await _sessions(settings, runtime, keys, shops),
        limits=RedisLimits(runtime.streams.redis),
        caps=(
            Limit("mints_per_minute", "", settings.mints_per_minute, "cap"),
            Limit("mints_per_day", "", settings.mints_per_day, "cap"),
        ),
        records=records,
        trails=Trails(await open_blobs(settings, runtime.stack)),
        publisher=runtime.streams,
        clock=runtime.clock,
        new_id=runtime.new_id,
        metrics=runtime.metrics,
        log=runtime.log,
        watch_seconds=settings.watch_seconds,
    )
    consumer = Consumer(
        SESSION_MINT, handlers.mint, timeout_seconds=HANDLER_SECONDS, drop_expired=True
    )
    return Service(
        "session",
        consumers=(consumer,),
        health=(("records", lambda: records_answer(records)),),
    )


async def _sessions(
    settings: SessionSettings, runtime: Runtime, keys: tuple[str, ...], shops: Shops
) -> ChatSessions:
    if settings.conversations == "own":
        return OwnChatSessions(keys, runtime.clock)
    from openai import AsyncOpenAI

    from services.session.adapters.hosted import HostedChatSessions

    client = await runtime.stack.enter_async_context(
        AsyncOpenAI(api_key=settings.openai_api_key, base_url=settings.openai_base_url or None)
    )
    alone = len(shops.by_slug) == 1
    return HostedChatSessions(client, settings.chatkit_workflow_id, runtime.clock, alone=alone)
