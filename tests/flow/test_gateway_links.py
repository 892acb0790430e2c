"""A message link from an email: alive once its mail may have left, for a week, for nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession

from libs.blobs.open import open_blobs
from libs.leads.message_links import LIFE_SECONDS, MessageLink, link_blob, link_token
from libs.ledger.open import open_records
from libs.ledger.record import LeadKey, LeadRecord, State
from libs.runtime.clock import SystemClock
from libs.runtime.settings import CommonSettings, load
from tests.gateway import KEYS, SHOP, Gateway, gateway, until_limited

NEWER = "newer-key-" + "n" * 32
THREAD = "cthr_abc"
SNAPSHOT = "snapshots/craigs/cthr_abc/1.json"
TOKEN = link_token(KEYS[0], SHOP, THREAD, SNAPSHOT)
LINK = MessageLink(
    shop=SHOP,
    thread_id=THREAD,
    snapshot=SNAPSHOT,
    phone="+14085550176",
    body='Hi <Ana> & co., "torn" seat?\n\u0633\u0644\u0627\u0645',
)


@asynccontextmanager
async def linked(
    data: Path,
    state: State | None,
    *,
    age: float = 60,
    snapshot: str = SNAPSHOT,
    site_keys: tuple[str, ...] = KEYS,
) -> AsyncIterator[Gateway]:
    """A gateway on a store where the mailer has kept the link, and the record says `state`."""
    settings = load(CommonSettings, {"HANDOFF_DATA": str(data)})
    async with AsyncExitStack() as stack:
        await (await open_blobs(settings, stack)).put_all(link_blob(TOKEN, LINK))
        if state is not None:
            records = await open_records(settings, stack)
            armed_at = SystemClock().now() - age
            record = LeadRecord(
                key=LeadKey(SHOP, THREAD), state=state, snapshot=snapshot, armed_at=armed_at
            )
            assert await records.write(record, expected_version=None)
    async with gateway(data, SITE_KEYS=",".join(site_keys)) as running:
        yield running


async def get(running: Gateway, path: str) -> tuple[int, str, dict[str, str]]:
    async with (
        ClientSession() as client,
        client.get(f"{running.url}{path}?token={TOKEN}") as answer,
    ):
        return answer.status, await answer.text(), dict(answer.headers)


@pytest.mark.parametrize("state", [State.SENDING, State.SENT])
async def test_lives_once_its_mail_is_armed(tmp_path: Path, state: State) -> None:
    async with linked(tmp_path, state) as running:
        status, page, headers = await get(running, "/message/")
        api_status, told, _ = await get(running, "/api/message-link")

    assert (status, api_status) == (200, 200)
    assert '"to_phone":"+14085550176"' in told
    assert 'href="sms:+14085550176?&amp;body=Hi%20%3CAna%3E%20%26%20co.' in page
    assert 'href="tel:+14085550176"' in page
    assert "Hi &lt;Ana&gt; &amp; co., &quot;torn&quot; seat?" in page
    assert "<Ana>" not in page
    assert "noindex" in headers["X-Robots-Tag"]
    assert headers["Cache-Control"] == "no-store"
    assert "unsafe-inline" not in headers["Content-Security-Policy"]


@pytest.mark.parametrize("state", [None, State.PENDING, State.ERROR, State.HELD, State.CLOSED])
async def test_is_not_found_for_a_mail_that_never_left(tmp_path: Path, state: State | None) -> None:
    async with linked(tmp_path, state) as running:
        status, page, _ = await get(running, "/message/")
        api_status, told, _ = await get(running, "/api/message-link")

    assert (status, api_status) == (404, 404)
    assert '"error":"not_found"' in told
    assert "4085550176" not in page


async def test_is_not_found_when_another_snapshot_was_sent(tmp_path: Path) -> None:
    async with linked(tmp_path, State.SENT, snapshot="snapshots/other.json") as running:
        status, _, _ = await get(running, "/api/message-link")

    assert status == 404


async def test_works_on_when_a_newer_key_signs(tmp_path: Path) -> None:
    async with linked(tmp_path, State.SENT, site_keys=(NEWER, KEYS[0])) as running:
        status, page, _ = await get(running, "/message/")

    assert status == 200
    assert "4085550176" in page


async def test_is_not_found_once_its_key_is_removed(tmp_path: Path) -> None:
    async with linked(tmp_path, State.SENT, site_keys=(NEWER,)) as running:
        status, page, _ = await get(running, "/message/")
        api_status, told, _ = await get(running, "/api/message-link")

    assert (status, api_status) == (404, 404)
    assert '"error":"not_found"' in told
    assert "4085550176" not in page


async def test_expires_after_a_week(tmp_path: Path) -> None:
    async with linked(tmp_path, State.SENT, age=LIFE_SECONDS + 1) as running:
        status, page, _ = await get(running, "/message/")
        api_status, told, _ = await get(running, "/api/message-link")

    assert (status, api_status) == (410, 410)
    assert '"error":"expired"' in told
    assert "4085550176" not in page


async def test_guessing_is_limited(tmp_path: Path) -> None:
    async with gateway(tmp_path) as running:

        async def guess() -> tuple[int, str]:
            return (await get(running, "/api/message-link"))[:2]

        assert "rate_limited" in await until_limited(guess, 30, status=404)
