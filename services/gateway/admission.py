"""Whether a request may pass its limits, and what is answered when not."""

from __future__ import annotations

from dataclasses import dataclass

from libs.errors import Unavailable
from libs.limits.port import Limit, Limits, Verdict
from libs.model.caps import ALL_SHOPS
from libs.runtime.log import Log
from libs.runtime.metrics import RATE_LIMITED, Metrics
from libs.runtime.settings import Rate
from libs.web.addresses import client_address, counted_by
from libs.web.answers import Refused
from libs.web.call import Call


@dataclass(frozen=True)
class Admission:
    limits: Limits
    trusted_hops: int
    metrics: Metrics
    log: Log

    def by_address(self, call: Call, name: str, rate: Rate) -> Limit:
        forwarded = call.headers.getall("X-Forwarded-For", ()) if self.trusted_hops else ()
        address = client_address(call.peer, forwarded, self.trusted_hops)
        return Limit(name, counted_by(address), rate)

    async def strictly(self, call: Call, *limits: Limit) -> None:
        """Where letting everybody in would cost money: no limiter, no service."""
        verdict = await self.limits.admit(call.shop or ALL_SHOPS, limits)
        self._refuse(call, verdict)

    async def gently(self, call: Call, *limits: Limit, read: str = "") -> Verdict:
        """Where a lost request would cost a lead: without the limiter everything passes."""
        try:
            verdict = await self.limits.admit(call.shop or ALL_SHOPS, limits, read=read)
        except Unavailable as error:
            self.log.warning("redis_lost", reason=error.reason, request_id=call.request_id)
            return Verdict()
        self._refuse(call, verdict)
        return verdict

    def _refuse(self, call: Call, verdict: Verdict) -> None:
        limit = verdict.refused
        if limit is None:
            return
        wait = verdict.retry_after
        self.metrics.count(RATE_LIMITED, limit.name)
        self.log.warning(
            "rate_limit_exceeded",
            endpoint=call.path,
            limit=limit.name,
            retry_after=wait,
            request_id=call.request_id,
        )
        headers = (
            ("Retry-After", str(wait)),
            ("RateLimit-Limit", str(limit.rate.count)),
            ("RateLimit-Remaining", "0"),
            ("RateLimit-Reset", str(wait)),
        )
        raise Refused(
            "rate_limited", f"Too many requests; try again in {wait} seconds.", headers=headers
        )
