"""Minting a session: what is spent, what is remembered, what the visitor is told."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from libs.blobs.fakes import MemoryBlobs
from libs.errors import Unavailable
from libs.identity.visitors import visitor_id
from libs.leads.attribution import Told, Touches, TrailKey, Trails
from libs.ledger.fakes import MemoryRecords
from libs.limits.fakes import MemoryLimits
from libs.limits.port import Limit, Limits, Verdict
from libs.messages.base import Attribution, Message
from libs.messages.session import MintSession, SessionMinted, SessionRefused
from libs.runtime.log import Log
from libs.runtime.metrics import SESSIONS, Metrics
from libs.runtime.settings import Rate
from libs.shops.profile import load_shops
from libs.streams.fakes import RememberingPublisher
from libs.streams.port import Delivery
from services.session.fakes import ScriptedChatSessions
from services.session.handlers import SessionHandlers
from services.session.ports import CannotMint
from tests.clock import HandClock

KEYS = ("n" * 32, "o" * 32)
NOW = 1_790_000_000.0
SHOPS = load_shops("deploy/shops")


class UnreachableLimits:
    async def admit(self, shop: str, limits: Sequence[Limit], *, read: str = "") -> Verdict:
        raise Unavailable("redis", "no route")


@dataclass
class Desk:
    """The handler with all its parts in reach."""

    per_minute: int = 600
    limits: Limits | None = None
    records: MemoryRecords = field(default_factory=MemoryRecords)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)

    def __post_init__(self) -> None:
        self.clock = HandClock(NOW)
        self.trails = Trails(self.blobs)
        self.sessions = ScriptedChatSessions(self.clock)
        self.publisher = RememberingPublisher()
        self.metrics = Metrics()
        self.out = io.StringIO()
        self.handlers = SessionHandlers(
            shops=SHOPS,
            keys=KEYS,
            sessions=self.sessions,
            limits=self.limits or MemoryLimits(self.clock),
            caps=(Limit("mints_per_minute", "", Rate(self.per_minute, 60), "cap"),),
            records=self.records,
            trails=self.trails,
            publisher=self.publisher,
            clock=self.clock,
            new_id=lambda: "fresh-user",
            metrics=self.metrics,
            log=Log("session", out=self.out, clock=self.clock),
            watch_seconds=2100,
        )

    async def mint(self, **fields: Any) -> Message:
        wish = MintSession(**{"shop": "craigs", "user": "u-1", "request_id": "r-1", **fields})
        reply_to = f"reply-{len(self.publisher.replies)}-{id(wish)}"
        await self.handlers.mint(Delivery(message=wish, entry_id="1-1", reply_to=reply_to))
        return next(answer for to, answer in self.publisher.replies if to == reply_to)


async def test_gives_a_secret_and_the_user_back() -> None:
    desk = Desk()

    answer = await desk.mint()

    assert answer == SessionMinted(
        request_id="r-1",
        client_secret="secret-1",
        expires_at=int(NOW) + 600,
        user="u-1",
        mode="own",
    )
    assert desk.metrics.value(SESSIONS, "minted") == 1


async def test_makes_a_user_where_there_is_none() -> None:
    answer = await Desk().mint(user="")

    assert isinstance(answer, SessionMinted)
    assert answer.user == "fresh-user"


async def test_passes_on_the_visitors_ids_and_never_the_secret_itself() -> None:
    desk = Desk()

    await desk.mint()

    assert desk.sessions.created[0].visitors == (
        visitor_id(KEYS[0], "u-1"),
        visitor_id(KEYS[1], "u-1"),
    )
    assert "u-1" not in repr(desk.sessions.created) + repr(desk.records.watches)


async def test_leaves_a_watch_that_falls_due_after_the_session() -> None:
    desk = Desk()

    await desk.mint(locale="zh-hans", page_url="https://craigs.autos/seats")

    watch = desk.records.watches["craigs", visitor_id(KEYS[0], "u-1")]
    assert watch.due_at == NOW + 2100
    assert watch.session_expires == NOW + 600
    assert (watch.locale, watch.page_url) == ("zh-CN", "https://craigs.autos/seats")
    assert watch.also == (visitor_id(KEYS[1], "u-1"),)
    assert watch.request_id == "r-1"


async def test_a_later_session_moves_the_watch() -> None:
    desk = Desk()
    await desk.mint()
    desk.clock.at += 500

    await desk.mint()

    assert [watch.due_at for watch in desk.records.watches.values()] == [NOW + 500 + 2100]


async def test_delivered_twice_leaves_one_watch_and_answers_twice() -> None:
    desk = Desk()

    await desk.mint()
    await desk.mint()

    assert len(desk.records.watches) == 1
    assert len(desk.publisher.replies) == 2


async def test_equal_asks_at_one_time_are_one_call() -> None:
    desk = Desk()
    desk.sessions.gate.clear()
    asks = [asyncio.create_task(desk.mint()) for _ in range(5)]
    await asyncio.sleep(0)
    other = asyncio.create_task(desk.mint(user="u-2"))
    await asyncio.sleep(0)
    desk.sessions.gate.set()

    answers = await asyncio.gather(*asks, other)

    assert len(desk.sessions.created) == 2
    assert {answer.client_secret for answer in answers[:5]} == {answers[0].client_secret}
    assert answers[5].user == "u-2"


async def test_asks_that_differ_are_not_shared() -> None:
    desk = Desk()
    desk.sessions.gate.clear()
    asks = [asyncio.create_task(desk.mint(locale=locale)) for locale in ("en", "es")]
    await asyncio.sleep(0)
    desk.sessions.gate.set()

    await asyncio.gather(*asks)

    assert [wanted.locale for wanted in desk.sessions.created] == ["en", "es"]


async def test_a_caller_that_goes_away_does_not_take_the_others_down() -> None:
    desk = Desk()
    desk.sessions.gate.clear()
    first, second = [asyncio.create_task(desk.mint()) for _ in range(2)]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    desk.sessions.gate.set()

    assert isinstance(await second, SessionMinted)
    assert first.cancelled()


async def test_sharers_share_the_failure_too() -> None:
    desk = Desk()
    desk.sessions.gate.clear()
    desk.sessions.problems = [CannotMint("server_error", status=500, retry_after_seconds=5)]
    asks = [asyncio.create_task(desk.mint()) for _ in range(3)]
    await asyncio.sleep(0)
    desk.sessions.gate.set()

    answers = await asyncio.gather(*asks)

    assert [answer.status for answer in answers] == [503, 503, 503]
    assert len(desk.sessions.created) == 1
    assert isinstance(await desk.mint(), SessionMinted)


async def test_upstream_trouble_is_503_with_its_wait_and_one_log_line() -> None:
    desk = Desk()
    desk.sessions.problems = [
        CannotMint("rate_limit_exceeded", status=429, retry_after_seconds=6.2)
    ]

    answer = await desk.mint()

    assert isinstance(answer, SessionRefused)
    assert (answer.status, answer.error) == (503, "session_unavailable")
    assert answer.retry_after_seconds == 7
    line = msgspec.json.decode(desk.out.getvalue())
    assert line["event"] == "ChatKit session create failed"
    assert (line["status"], line["code"], line["request_id"]) == (429, "rate_limit_exceeded", "r-1")
    assert "u-1" not in desk.out.getvalue()
    assert desk.metrics.value(SESSIONS, "rate_limit_exceeded") == 1


async def test_the_spend_cap_ends_minting_until_its_minute_is_over() -> None:
    desk = Desk(per_minute=2)
    await desk.mint(user="a")
    await desk.mint(user="b")

    refused = await desk.mint(user="c")

    assert isinstance(refused, SessionRefused)
    assert refused.status == 503
    assert 0 < refused.retry_after_seconds <= 60
    line = msgspec.json.decode(desk.out.getvalue().splitlines()[-1])
    assert (line["event"], line["endpoint"]) == ("rate_limit_exceeded", "session")
    assert (line["retry_after"], line["request_id"]) == (refused.retry_after_seconds, "r-1")
    assert len(desk.sessions.created) == 2
    desk.clock.at += refused.retry_after_seconds
    assert isinstance(await desk.mint(user="c"), SessionMinted)


async def test_a_shared_call_is_paid_once() -> None:
    desk = Desk(per_minute=1)
    desk.sessions.gate.clear()
    asks = [asyncio.create_task(desk.mint()) for _ in range(4)]
    await asyncio.sleep(0)
    desk.sessions.gate.set()

    answers = await asyncio.gather(*asks)

    assert all(isinstance(answer, SessionMinted) for answer in answers)


async def test_no_limiter_no_session() -> None:
    desk = Desk(limits=UnreachableLimits())

    answer = await desk.mint()

    assert isinstance(answer, SessionRefused)
    assert (answer.status, answer.retry_after_seconds) == (503, 5)
    assert desk.sessions.created == []


async def test_no_watch_no_session() -> None:
    async def down(method: str, argument: object) -> None:
        raise Unavailable("records", "disk full")

    desk = Desk(records=MemoryRecords(down))

    answer = await desk.mint()

    assert isinstance(answer, SessionRefused)
    assert answer.status == 503
    assert desk.sessions.created == []


async def test_the_watch_is_written_before_the_secret_exists() -> None:
    desk = Desk()
    desk.sessions.gate.clear()
    ask = asyncio.create_task(desk.mint())
    await asyncio.sleep(0)

    assert (len(desk.sessions.created), len(desk.records.watches)) == (1, 1)
    desk.sessions.gate.set()
    await ask


async def test_an_unknown_shop_is_404() -> None:
    answer = await Desk().mint(shop="elsewhere")

    assert isinstance(answer, SessionRefused)
    assert (answer.status, answer.error) == (404, "unknown_shop")


@pytest.mark.parametrize(
    ("asked", "given"),
    [("pt-br", "pt-BR"), ("zh-hant", "zh-TW"), ("fa", "fa"), ("de", "en"), ("", "")],
)
async def test_locales_are_mapped(asked: str, given: str) -> None:
    desk = Desk()

    await desk.mint(locale=asked)

    assert desk.sessions.created[0].locale == given


async def test_where_a_visitor_came_from_is_kept_before_they_can_say_a_word() -> None:
    desk = Desk()
    ad = Attribution(gclid="g1", landing_page="/seats")

    await desk.mint(locale="es", page_url="https://craigs.autos/seats", attribution=ad)

    for key, other in (KEYS, KEYS[::-1]):
        where = TrailKey("craigs", visitor_id(key, "u-1"))
        assert await desk.trails.touches(where, now=NOW) == Touches(
            first=ad,
            last=ad,
            locale="es",
            page_url="https://craigs.autos/seats",
        )
        assert await desk.trails.also(where) == {visitor_id(other, "u-1")}


async def test_a_page_that_tells_no_language_hides_none_that_was_told() -> None:
    desk = Desk()
    where = TrailKey("craigs", visitor_id(KEYS[0], "u-1"))
    await desk.trails.touch(where, Told(locale="es"), at=NOW - 60)

    await desk.mint(locale="", page_url="https://craigs.autos/seats")

    touches = await desk.trails.touches(where, now=NOW)
    assert (touches.locale, touches.page_url) == ("es", "https://craigs.autos/seats")
    assert [watch.locale for watch in desk.records.watches.values()] == [""]


async def test_a_chat_opens_even_where_nobody_can_keep_where_they_came_from() -> None:
    class Down(MemoryBlobs):
        async def put(self, key: str, body: bytes, *, content_type: str) -> None:
            raise Unavailable("blobs", "disk full")

    desk = Desk(blobs=Down())

    assert isinstance(await desk.mint(page_url="https://craigs.autos/"), SessionMinted)
    assert "touch_lost" in desk.out.getvalue()
