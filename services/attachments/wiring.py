"""What the attachments service is made of."""

from __future__ import annotations

from libs.blobs.open import open_blobs
from libs.errors import SettingsError
from libs.identity.keys import site_keys
from libs.runtime.runtime import Runtime, Service, Site
from libs.runtime.settings import LOOPBACK
from libs.web.edge import Edge
from libs.web.requests import Requests
from libs.web.server import EdgeServer
from services.attachments.adapters.allowance import RedisAllowance
from services.attachments.adapters.child import ChildDarkroom
from services.attachments.adapters.spool import own_spool
from services.attachments.handlers import Attachments
from services.attachments.http import AttachmentSite
from services.attachments.settings import AttachmentsSettings


async def wire(settings: AttachmentsSettings, runtime: Runtime) -> Service:
    root = settings.data_path / "spool"
    try:
        spool = runtime.stack.enter_context(own_spool(root))
    except OSError as error:
        raise SettingsError(f"HANDOFF_DATA: cannot write to {root}: {error.strerror}.") from error
    allowance = RedisAllowance(
        runtime.streams.redis, runtime.clock, settings.upload_megabytes_per_day * 1024 * 1024
    )
    attachments = Attachments(
        blobs=await open_blobs(settings, runtime.stack),
        darkroom=ChildDarkroom(),
        allowance=allowance,
        spool=spool,
    )
    photos = AttachmentSite(
        attachments=attachments,
        keys=site_keys(settings, one_machine=runtime.one_machine),
        public_url=settings.base_url,
        clock=runtime.clock,
        new_id=runtime.new_id,
        metrics=runtime.metrics,
    )
    requests = Requests("attachments", runtime.log, runtime.metrics, runtime.clock)
    edge = Edge(photos.routes(), runtime.log, requests)
    # In one process only our own gateway asks: no stranger reaches this door past its checks.
    host = LOOPBACK if runtime.one_machine else settings.host
    site = Site(EdgeServer(edge), host, settings.attachments_port, "ATTACHMENTS_PORT")
    return Service("attachments", sites=(site,))
