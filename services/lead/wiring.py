"""What the lead service is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Final

from libs.blobs.open import open_blobs
from libs.blobs.port import Blobs
from libs.conversations.open import open_conversations
from libs.errors import Unavailable
from libs.identity.keys import site_keys
from libs.leads.attribution import Trails
from libs.leases.redis import RedisLeases
from libs.leases.thread import ThreadLeases
from libs.ledger.open import open_records, records_answer
from libs.ledger.sweep import Sweep
from libs.limits.redis import RedisLimits
from libs.messages.streams import LEAD_CONSIDER, LEAD_SIGNAL
from libs.model.connection import ModelConnection
from libs.runtime.log import Log
from libs.runtime.runtime import Runtime, Service
from libs.shops.profile import load_shops
from libs.streams.port import Consumer
from services.lead.adapters.openai import OpenAISummaryModel
from services.lead.gates import Times
from services.lead.handlers import LeadHandlers
from services.lead.ports import HostedFiles, SummaryModel
from services.lead.retention import Retention, forget_lines
from services.lead.settings import LeadSettings
from services.lead.snapshots import Snapshots
from services.lead.summary.summaries import Summaries
from services.lead.watches import Sweeper

HANDLER_SECONDS: Final = 200.0
"""A slow transcript and both attempts of a slow model; the consume loop keeps the entry ours."""
CONCURRENCY: Final = 64


async def wire(settings: LeadSettings, runtime: Runtime) -> Service:
    records = await open_records(settings, runtime.stack, runtime.clock)
    blobs = await open_blobs(settings, runtime.stack)
    conversations = await open_conversations(settings, runtime.stack)
    model = _model(settings, runtime)
    trails = Trails(blobs)
    handlers = LeadHandlers(
        shops=load_shops(settings.shops),
        records=records,
        conversations=conversations,
        leases=ThreadLeases(
            RedisLeases(runtime.streams.redis), settings.lease_seconds, runtime.log
        ),
        publisher=runtime.streams,
        summaries=_summaries(settings, runtime, model, blobs),
        snapshots=Snapshots(
            blobs, trails, runtime.clock, await _hosted_files(settings, runtime, blobs)
        ),
        trails=trails,
        clock=runtime.clock,
        metrics=runtime.metrics,
        log=runtime.log,
        times=_times(settings),
    )
    sweeper = Sweeper(
        records=records,
        conversations=conversations,
        publisher=runtime.streams,
        clock=runtime.clock,
        log=runtime.log,
        overdue=Sweep(records, runtime.streams, runtime.clock, runtime.log, runtime.metrics),
        sweep_seconds=settings.sweep_seconds,
    )
    return Service(
        "lead",
        consumers=_consumers(handlers),
        loops=(sweeper.run, *_now_and_then(settings, runtime, model, blobs)),
        health=(("records", lambda: records_answer(records)),),
    )


def _times(settings: LeadSettings) -> Times:
    return Times(
        quiet_seconds=settings.quiet_seconds,
        partial_after_seconds=settings.partial_after_seconds,
        lease_seconds=settings.lease_seconds,
    )


def _consumers(handlers: LeadHandlers) -> tuple[Consumer, ...]:
    return (
        Consumer(
            LEAD_CONSIDER,
            handlers.consider,
            concurrency=CONCURRENCY,
            timeout_seconds=HANDLER_SECONDS,
        ),
        Consumer(LEAD_SIGNAL, handlers.signal),
    )


def _now_and_then(
    settings: LeadSettings, runtime: Runtime, model: OpenAISummaryModel | None, blobs: Blobs
) -> Iterator[Callable[[], Awaitable[None]]]:
    yield forget_lines
    if model:
        yield partial(log_shutdown_date, model, runtime.log)
    if settings.blobs == "folder":
        yield Retention(blobs, runtime.clock, runtime.log).run


def _summaries(
    settings: LeadSettings, runtime: Runtime, model: SummaryModel | None, blobs: Blobs
) -> Summaries:
    return Summaries(
        model=model,
        limits=RedisLimits(runtime.streams.redis),
        caps=settings.model_calls,
        blobs=blobs,
        metrics=runtime.metrics,
        log=runtime.log,
    )


async def _hosted_files(
    settings: LeadSettings, runtime: Runtime, blobs: Blobs
) -> HostedFiles | None:
    url = settings.attachments_at(one_machine=runtime.one_machine)
    if settings.conversations != "hosted" or not url:
        return None
    from aiohttp import ClientSession

    from services.lead.adapters.hosted_files import FetchedFiles, provider_session

    return FetchedFiles(
        provider=await runtime.stack.enter_async_context(provider_session()),
        attachments=await runtime.stack.enter_async_context(ClientSession()),
        attachments_url=url,
        blobs=blobs,
        keys=site_keys(settings, one_machine=runtime.one_machine),
        clock=runtime.clock,
    )


def _model(settings: LeadSettings, runtime: Runtime) -> OpenAISummaryModel | None:
    """Without a key the rules write the summary, and that is no error."""
    if not settings.openai_api_key:
        return None
    connection = ModelConnection(settings.openai_api_key, settings.openai_base_url)
    runtime.stack.push_async_callback(connection.aclose)
    return OpenAISummaryModel(connection, settings.lead_summary_model)


async def log_shutdown_date(model: OpenAISummaryModel, log: Log) -> None:
    """OpenAI switches models off; whoever reads the log of a start should know when."""
    try:
        day = await model.shutdown_date()
    except Unavailable as error:
        log.warning("summary_model_unchecked", model=model.model, reason=error.reason)
        return
    say = log.warning if day else log.info
    say("summary_model", model=model.model, shutdown_date=day or "none announced")
