"""What the attachments service is made of."""

from __future__ import annotations

from libs.blobs.open import open_blobs
from libs.errors import SettingsError
from libs.identity.keys import site_keys
from libs.runtime.runtime import Runtime, Service, Site
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
    site = AttachmentSite(
        attachments=attachments,
        keys=site_keys(settings, one_machine=runtime.one_machine),
        public_url=settings.base_url,
        clock=runtime.clock,
        new_id=runtime.new_id,
    )
    requests = Requests(runtime.log, runtime.metrics, runtime.clock)
    edge = Edge(site.routes(), runtime.log, requests)
    return Service(
        "attachments",
        sites=(
            Site(
                EdgeServer(edge),
                settings.attachments_host,
                settings.attachments_port,
                "ATTACHMENTS_PORT",
            ),
        ),
    )
