"""`handoff forget`, asked again after AWS's reply was lost, leaves nothing of the person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from libs.blobs.open import open_blobs
from libs.blobs.port import Blobs
from libs.conversations.store import ChatStore, ItemRow, Owner, ThreadRow
from libs.conversations.store_open import open_chat_store
from libs.ledger.open import open_records
from libs.ledger.port import LeadRecords
from libs.ledger.record import LeadKey, LeadRecord, State, Watch
from libs.runtime.settings import CommonSettings, load
from ops.__main__ import answer, parser
from tests.faults.call_sites import AWS, AWS_AT_START, AWS_OF_A_PERSON, unnamed
from tests.faults.calls import http_calls
from tests.faults.proxy import Proxy, proxy

pytestmark = pytest.mark.slow

KEY = LeadKey("craigs", "cthr_1")
OWNER = Owner(KEY.shop, "v_1")
DONE, NOT_ASKED = 0, 2
MOST_TRIES = 6
"""moto may be slow beside: each timeout takes one more."""


@dataclass
class Kept:
    records: LeadRecords
    blobs: Blobs
    chats: ChatStore

    async def put_lead(self) -> None:
        sent = LeadRecord(key=KEY, state=State.SENT, attempt=1, visitor=OWNER.visitor)
        await self.records.write(sent, expected_version=None)
        watch = Watch(shop=KEY.shop, visitor=OWNER.visitor, due_at=9.0)
        await self.records.put_watch(watch)
        await self.blobs.put("mail/craigs/cthr_1/a", b"Dear shop", content_type="text/plain")
        await self.chats.put_thread(OWNER, ThreadRow(id=KEY.thread_id, created_at=4e9, title=""))
        item = ItemRow(id="i_1", kind="user_message", at=4e9, changed_at=4e9, body=ITEM)
        await self.chats.put_item(OWNER, KEY.thread_id, item)

    async def left(self) -> list[object]:
        """All but the record, without which the thread could be sent again."""
        return [
            *await self.records.due_watches(1e10, 10),
            *[info async for info in self.blobs.list("mail/")],
            *(await self.chats.threads(OWNER)).rows,
            *(await self.chats.items(OWNER, KEY.thread_id)).rows,
        ]


ITEM = '{"id":"i_1","type":"user_message","content":[{"type":"input_text","text":"Hi"}]}'


@pytest.fixture
async def wire(moto_url: str) -> AsyncIterator[Proxy]:
    async with proxy("127.0.0.1", urlsplit(moto_url).port or 0) as wire:
        yield wire


@pytest.fixture
def environ(wire: Proxy, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    named = {
        "RECORDS": "dynamodb",
        "DYNAMODB_TABLE": "forgetful",
        "BLOBS": "s3",
        "S3_BUCKET": "leads",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{wire.port}",
        "REDIS_URL": redis_url,
        "SITE_KEYS": "only-for-tests-of-faults-0123456789",
    }
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    return named


@pytest.fixture
async def kept(environ: dict[str, str], moto_url: str) -> AsyncIterator[Kept]:
    """Reached without the proxy."""
    settings = load(CommonSettings, {**environ, "AWS_ENDPOINT_URL": moto_url})
    async with AsyncExitStack() as stack:
        kept = Kept(
            await open_records(settings, stack),
            await open_blobs(settings, stack),
            await open_chat_store(settings, stack),
        )
        await kept.put_lead()
        yield kept


async def test_who_is_forgotten_is_gone_though_replies_were_lost(wire: Proxy, kept: Kept) -> None:
    """S3's client asks again by itself; DynamoDB's does not, so the person at the desk does."""
    lost = [wire.fault(site, "lose_reply") for site in AWS_OF_A_PERSON.values()]
    forget = parser().parse_args(["forget", KEY.thread_id])

    codes = [await answer(forget)]
    while codes[-1] != DONE and len(codes) < MOST_TRIES:
        codes.append(await answer(forget))

    assert [fault.hits for fault in lost] == [1, 1, 1, 1]
    assert codes[:2] == [NOT_ASKED] * 2
    assert codes[-1] == DONE
    assert await kept.left() == []
    assert await kept.records.read(KEY) is not None
    assert unnamed(http_calls(wire), AWS_AT_START, AWS, AWS_OF_A_PERSON) == set()
