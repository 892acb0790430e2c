"""Texting a customer from an email: a link of ours opens the phone's messenger, filled in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from libs.blobs.port import Blobs
from libs.leads.message_links import MessageLink, NoLink, find_link
from libs.ledger.port import LeadRecords
from libs.runtime.clock import Clock
from libs.shops.profile import Shops
from libs.web.answers import Answer, Refused, json_answer
from libs.web.call import Call
from services.gateway.admission import Admission
from services.gateway.message_html import message_page
from services.gateway.settings import GatewaySettings

PAGE: Final = "/message/"
API: Final = "/api/message-link"


class LinkAnswer(msgspec.Struct, frozen=True, kw_only=True):
    ok: Literal[True] = True
    to_phone: str
    body: str


@dataclass(frozen=True)
class MessageLinks:
    blobs: Blobs
    records: LeadRecords
    admission: Admission
    settings: GatewaySettings
    clock: Clock
    shops: Shops
    keys: tuple[str, ...]

    async def api(self, call: Call) -> Answer:
        link = await self._find(call)
        return json_answer(LinkAnswer(to_phone=link.phone, body=link.body))

    async def page(self, call: Call) -> Answer:
        link = await self._find(call)
        return message_page(link, self.shops.by_slug.get(link.shop, self.shops.default))

    async def _find(self, call: Call) -> MessageLink:
        rate = self.settings.links_per_address
        await self.admission.gently(
            call, self.admission.by_address(call, "links_per_address", rate)
        )
        token = call.parameter("token")
        if not token:
            raise Refused("missing_token")
        found = await find_link(
            token, keys=self.keys, blobs=self.blobs, records=self.records, now=self.clock.now()
        )
        if isinstance(found, NoLink):
            raise Refused(found.value)
        return found
