"""Mints a chat session for a visitor, and leaves a watch behind."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from libs.errors import Unavailable
from libs.identity.sessions import SESSION_SECONDS
from libs.identity.visitors import visitor_ids
from libs.leads.attribution import Told, Trails
from libs.ledger.port import LeadRecords
from libs.ledger.record import Watch
from libs.limits.port import Limit, Limits
from libs.messages.session import MintSession, SessionMinted, SessionRefused, SessionReply
from libs.model.caps import ALL_SHOPS
from libs.runtime.clock import Clock
from libs.runtime.flights import SingleFlight
from libs.runtime.ids import NewId
from libs.runtime.log import Log
from libs.runtime.metrics import SESSIONS, Metrics
from libs.shops.locales import locale_of
from libs.shops.profile import Shops
from libs.streams.port import Delivery, Publisher
from services.session.ports import CannotMint, CapReached, ChatSessions, Ticket, Wanted

BRIEFLY_SECONDS: Final = 5
REFUSED: Final = "The chat cannot be opened right now. Please try again in a moment."


@dataclass(frozen=True)
class SessionHandlers:
    shops: Shops
    keys: tuple[str, ...]
    sessions: ChatSessions
    limits: Limits
    caps: tuple[Limit, ...]
    records: LeadRecords
    trails: Trails
    publisher: Publisher
    clock: Clock
    new_id: NewId
    metrics: Metrics
    log: Log
    watch_seconds: float
    flights: SingleFlight[Ticket] = field(default_factory=SingleFlight)

    async def mint(self, delivery: Delivery[MintSession]) -> None:
        """Twice is harmless: a second short-lived secret, and the same watch a little later."""
        answer, outcome = await self._answer(delivery.message)
        self.metrics.count(SESSIONS, outcome)
        await self.publisher.reply(delivery.reply_to, answer)

    async def _answer(self, wish: MintSession) -> tuple[SessionReply, str]:
        shop = self.shops.by_slug.get(wish.shop)
        if shop is None:
            detail = "No shop has this name here."
            return SessionRefused(status=404, error="unknown_shop", detail=detail), "unknown_shop"
        user = wish.user or self.new_id()
        wanted = Wanted(
            shop=shop,
            visitors=visitor_ids(self.keys, user),
            locale=wish.locale and locale_of(wish.locale),
            page_url=wish.page_url,
            attribution=wish.attribution,
            request_id=wish.request_id,
        )
        key = (
            shop.slug, wanted.visitors[0], wanted.locale, wanted.page_url, wanted.attribution,
        )  # fmt: skip
        try:
            ticket = await self.flights.share(key, lambda: self._mint(wanted))
        except CannotMint as problem:
            self._log_failure(wish, problem)
            return _refused(wish, problem), problem.code
        return self._minted(wish, user, ticket), "minted"

    async def _mint(self, wanted: Wanted) -> Ticket:
        """Nobody may chat whom we could forget: cap, then the watch, then the secret.

        Where they came from is kept before they can say a word: no lead is faster than that.
        """
        await self._spend(wanted)
        await self._watch(wanted)
        await self._touch(wanted)
        return await self.sessions.create(wanted)

    async def _spend(self, wanted: Wanted) -> None:
        try:
            verdict = await self.limits.admit(ALL_SHOPS, self.caps)
        except Unavailable as error:  # fails closed: an unbounded bill is worse than a closed chat
            raise CannotMint("limiter_unreachable", retry_after_seconds=BRIEFLY_SECONDS) from error
        if verdict.refused is not None:
            raise CapReached(verdict.refused.name, retry_after_seconds=verdict.retry_after)

    async def _watch(self, wanted: Wanted) -> None:
        now = self.clock.now()
        watch = Watch(
            shop=wanted.shop.slug,
            visitor=wanted.visitors[0],
            due_at=now + self.watch_seconds,
            session_expires=now + SESSION_SECONDS,
            locale=wanted.locale,
            page_url=wanted.page_url,
            also=wanted.visitors[1:],
            request_id=wanted.request_id,
        )
        try:
            await self.records.put_watch(watch)
        except Unavailable as error:
            raise CannotMint("records_unreachable", retry_after_seconds=BRIEFLY_SECONDS) from error

    async def _touch(self, wanted: Wanted) -> None:
        told = Told(attribution=wanted.attribution, locale=wanted.locale, page_url=wanted.page_url)
        shop, now = wanted.shop.slug, self.clock.now()
        try:
            await self.trails.touch_each(shop, wanted.visitors, told, at=now)
        except Unavailable as error:  # a chat without a source is worth more than none
            self.log.warning("touch_lost", part=error.part)

    def _minted(self, wish: MintSession, user: str, ticket: Ticket) -> SessionMinted:
        return SessionMinted(
            request_id=wish.request_id,
            client_secret=ticket.client_secret,
            expires_at=ticket.expires_at,
            user=user,
            mode=self.sessions.mode,
        )

    def _log_failure(self, wish: MintSession, problem: CannotMint) -> None:
        self.log.error(
            "ChatKit session create failed",
            request_id=wish.request_id,
            shop=wish.shop,
            mode=self.sessions.mode,
            status=problem.status,
            code=problem.code,
        )
        if isinstance(problem, CapReached):
            self.log.warning(
                "rate_limit_exceeded", endpoint="session", limit=problem.code,
                retry_after=math.ceil(problem.retry_after_seconds), request_id=wish.request_id,
                shop=wish.shop,
            )  # fmt: skip


def _refused(wish: MintSession, problem: CannotMint) -> SessionRefused:
    return SessionRefused(
        request_id=wish.request_id,
        status=503,
        error="session_unavailable",
        detail=REFUSED,
        retry_after_seconds=math.ceil(problem.retry_after_seconds),
    )
