"""The questions a browser asks in JSON: a session, a decision about its thread, a signal to keep.

Each may be sent twice by a nervous network; none does harm the second time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from libs.leases.port import SentMark, sent_key
from libs.limits.port import Limit, Verdict
from libs.messages.lead import BROWSER_REASONS, ConsiderLead, RecordSignal
from libs.messages.session import MintSession, SessionMinted, SessionRefused
from libs.runtime.clock import Clock
from libs.streams.port import Asker, Publisher
from libs.web.answers import Answer, Refused, json_answer, retry_after
from libs.web.body import decode, read_body
from libs.web.call import Call
from services.gateway import decisions
from services.gateway.admission import Admission
from services.gateway.decisions import Asked
from services.gateway.forms import LEAD, SESSION, SIGNAL, LeadForm
from services.gateway.settings import GatewaySettings
from services.gateway.visitors import Visitor, Visitors

SESSION_SECONDS: Final = 15.0

_MARK: Final = msgspec.json.Decoder(SentMark)


class SessionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    client_secret: str
    expires_at: int
    """Epoch seconds."""
    user: str
    """To be kept by the browser and sent along from now on; a secret."""
    mode: str
    """`hosted` or `own`."""


class SignalAnswer(msgspec.Struct, frozen=True):
    ok: Literal[True] = True


_KEPT: Final = json_answer(SignalAnswer())


@dataclass(frozen=True)
class Sessions:
    streams: Asker
    admission: Admission
    settings: GatewaySettings

    async def mint(self, call: Call) -> Answer:
        """Again: another short-lived secret for the same visitor."""
        form = decode(call, await read_body(call), SESSION)
        rate = self.settings.sessions_per_address
        await self.admission.strictly(
            call, self.admission.by_address(call, "sessions_per_address", rate)
        )
        wish = MintSession(
            request_id=call.request_id,
            shop=call.shop,
            user=form.user or "",
            locale=form.locale or "",
            page_url=form.page_url or "",
            attribution=form.attribution.message() if form.attribution else None,
        )
        try:
            reply = await self.streams.ask(wish, timeout_seconds=SESSION_SECONDS)
        except TimeoutError as error:
            raise Refused("unavailable", headers=retry_after(5)) from error
        return _minted(reply)


def _minted(reply: object) -> Answer:
    match reply:
        case SessionMinted():
            return json_answer(
                SessionAnswer(
                    client_secret=reply.client_secret,
                    expires_at=reply.expires_at,
                    user=reply.user,
                    mode=reply.mode,
                )
            )
        case SessionRefused():
            wait = retry_after(reply.retry_after_seconds)
            raise Refused(reply.error, reply.detail, status=reply.status, headers=wait)
        case _:
            raise TypeError(f"{type(reply).__name__} does not answer a mint")


@dataclass(frozen=True)
class Leads:
    asker: Asker
    publisher: Publisher
    admission: Admission
    visitors: Visitors
    settings: GatewaySettings

    async def consider(self, call: Call) -> Answer:
        """Again: the lead service sees that the thread is sent, or that another is at it."""
        form = decode(call, await read_body(call), LEAD, beacon=True)
        call.thread_id = form.thread_id
        visitor = self.visitors.of(call, form.user)
        given = form.reason or ""
        reason = given if given in BROWSER_REASONS else "other"
        asked = Asked(form.thread_id, reason, visitor, call.request_id)
        mark = _mark(await self._admit(call, asked))
        waits = reason != "pagehide" and self.settings.answer_seconds and not _is_beacon(call)
        # A stranger who does not wait hears 202 either way, and learns nothing by it.
        if mark and (waits or mark.visitor in asked.visitor):
            return decisions.already_sent(asked, mark)
        wish = _wish(call, form, asked)
        if not waits:
            await self.publisher.publish(wish)
            return decisions.queued(asked)
        try:
            reply = await self.asker.ask(wish, timeout_seconds=self.settings.answer_seconds)
        except TimeoutError:
            return decisions.queued(asked)
        return decisions.decided(asked, reply)

    async def _admit(self, call: Call, asked: Asked) -> Verdict:
        settings = self.settings
        limits = [
            self.admission.by_address(call, "triggers_per_address", settings.triggers_per_address),
            Limit("triggers_per_thread", asked.thread_id, settings.triggers_per_thread),
        ]
        if asked.visitor:
            limits.append(
                Limit("triggers_per_visitor", asked.visitor[0], settings.triggers_per_visitor)
            )
        return await self.admission.gently(call, *limits, read=sent_key(call.shop, asked.thread_id))


def _wish(call: Call, form: LeadForm, asked: Asked) -> ConsiderLead:
    return ConsiderLead(
        request_id=call.request_id,
        shop=call.shop,
        thread_id=form.thread_id,
        reason=asked.reason,
        visitor=_current(asked.visitor),
        locale=form.locale or "",
        page_url=form.page_url or "",
        attribution=form.attribution.message() if form.attribution else None,
        also=asked.visitor[1:],
    )


def _current(visitor: Visitor) -> str:
    return visitor[0] if visitor else ""


def _mark(verdict: Verdict) -> SentMark | None:
    """What Redis remembers; the record knows better if this cannot be read."""
    if verdict.noted is None:
        return None
    try:
        return _MARK.decode(verdict.noted)
    except msgspec.DecodeError:
        return None


def _is_beacon(call: Call) -> bool:
    """`sendBeacon` says text/plain, and nobody is left to read the answer."""
    return call.headers.get("Content-Type", "").startswith("text/plain")


@dataclass(frozen=True)
class Signals:
    publisher: Publisher
    admission: Admission
    visitors: Visitors
    settings: GatewaySettings
    clock: Clock

    async def record(self, call: Call) -> Answer:
        """Again: the same signal is stored once, where it says the same at the same time."""
        form = decode(call, await read_body(call), SIGNAL, beacon=True)
        rate = self.settings.signals_per_address
        await self.admission.gently(
            call, self.admission.by_address(call, "signals_per_address", rate)
        )
        visitor = self.visitors.of(call, form.user)
        signal = RecordSignal(
            request_id=call.request_id,
            shop=call.shop,
            event=form.event,
            visitor=_current(visitor),
            page_url=form.page_url or "",
            locale=form.locale or "",
            click_url=form.click_url or "",
            provider=form.provider or "",
            name=form.name or "",
            attribution=form.attribution.message() if form.attribution else None,
            at=self.clock.now(),
            also=visitor[1:],
        )
        await self.publisher.publish(signal)
        return _KEPT
