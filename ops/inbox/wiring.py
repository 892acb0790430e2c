"""What the inbox is made of: a site of its own on loopback, and nothing without the outbox."""

from __future__ import annotations

from libs.blobs.open import open_blobs
from libs.conversations.open import open_conversations
from libs.ledger.open import open_records
from libs.runtime.runtime import Runtime, Service, Site
from libs.runtime.settings import CommonSettings
from libs.shops.profile import load_shops
from libs.web.edge import Edge
from libs.web.requests import Requests
from libs.web.server import EdgeServer
from ops.desk import Desk
from ops.inbox.mails import Outbox
from ops.inbox.site import InboxSite
from ops.threads import story_of
from services.mailer.transports import OUTBOX_FOLDER


async def wire(settings: CommonSettings, runtime: Runtime) -> Service:
    if settings.mail != "outbox":
        return Service("inbox")
    blobs = await open_blobs(settings, runtime.stack)
    desk = Desk(
        settings=settings,
        shops=load_shops(settings.shops),
        records=await open_records(settings, runtime.stack),
        blobs=blobs,
        conversations=await open_conversations(settings, runtime.stack),
        clock=runtime.clock,
        streams=runtime.streams,
    )
    inbox = InboxSite(
        Outbox(settings.data_path / OUTBOX_FOLDER), lambda thread: story_of(desk, thread)
    )
    requests = Requests("inbox", runtime.log, runtime.metrics, runtime.clock)
    edge = Edge(inbox.routes(), runtime.log, requests)
    site = Site(EdgeServer(edge), "127.0.0.1", settings.inbox_port, "HANDOFF_INBOX_PORT")
    return Service("inbox", sites=(site,))
