"""What the gateway is made of."""

from __future__ import annotations

from aiohttp import ClientSession, DummyCookieJar

from libs.blobs.open import open_blobs
from libs.identity.keys import site_keys
from libs.ledger.open import open_records, records_answer
from libs.limits.redis import RedisLimits
from libs.runtime.runtime import Runtime, Service, Site
from libs.shops.profile import load_shops
from libs.web.edge import Edge
from libs.web.health import Health
from libs.web.requests import Requests
from libs.web.server import EdgeServer
from services.gateway.admission import Admission
from services.gateway.attachments import AttachmentProxy
from services.gateway.chat import Chat
from services.gateway.front import Front, load, load_phrases, runtime_origins, static_files
from services.gateway.handlers import Leads, Sessions, Signals
from services.gateway.message_page import MessageLinks
from services.gateway.origins import Origins, own_origins
from services.gateway.routes import Parts, routes
from services.gateway.settings import GatewaySettings
from services.gateway.visitors import Visitors


async def wire(settings: GatewaySettings, runtime: Runtime) -> Service:
    origins = Origins(
        load_shops(settings.shops), own_origins(settings) if runtime.one_machine else ()
    )
    requests = Requests("gateway", runtime.log, runtime.metrics, runtime.clock)
    parts = await _parts(settings, runtime, origins, requests)
    edge = Edge(routes(parts), runtime.log, requests, origins.shop_of, runtime.new_id)
    site = Site(EdgeServer(edge), settings.host, settings.port, "HANDOFF_PORT")
    return Service("gateway", sites=(site,))


async def _parts(
    settings: GatewaySettings, runtime: Runtime, origins: Origins, requests: Requests
) -> Parts:
    streams, clock = runtime.streams, runtime.clock
    records = await open_records(settings, runtime.stack, clock)
    blobs = await open_blobs(settings, runtime.stack)
    limits = RedisLimits(streams.redis)
    admission = Admission(limits, settings.trusted_hops, runtime.metrics, runtime.log)
    keys = site_keys(settings, one_machine=runtime.one_machine)
    visitors = Visitors(keys, clock)
    client = ClientSession(cookie_jar=DummyCookieJar(), auto_decompress=False)
    await runtime.stack.enter_async_context(client)
    runtime_from = runtime_origins(settings)
    url = settings.attachments_at(one_machine=runtime.one_machine)
    checks = (("database", lambda: records_answer(records)), ("redis", streams.answers))
    return Parts(
        sessions=Sessions(streams, admission, settings),
        leads=Leads(streams, streams, admission, visitors, settings),
        signals=Signals(streams, admission, visitors, settings, clock),
        chat=Chat(streams, admission, visitors, settings),
        photos=AttachmentProxy(client, admission, visitors, settings, url),
        links=MessageLinks(blobs, records, admission, settings, clock, origins.shops, keys),
        front=Front(origins.shops, settings, clock, origins.own, load_phrases()),
        files=tuple(
            load(file)
            for file in static_files(runtime_from)
            if runtime.one_machine or not file.demo
        ),
        guests=frozenset(runtime_from),
        ops=Health(checks, requests),
    )
