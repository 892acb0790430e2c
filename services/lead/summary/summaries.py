"""The summary of a conversation: drafted once by a model and then checked, or found by rule."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import msgspec

from libs.blobs.port import Blobs
from libs.blobs.structs import find_struct, put_struct
from libs.errors import Unavailable
from libs.leads.snapshot import Summary
from libs.limits.port import Limit, Limits
from libs.model.caps import ALL_SHOPS
from libs.runtime.flights import SingleFlight
from libs.runtime.log import Log
from libs.runtime.metrics import MODEL_CALLS, UNGROUNDED, Metrics
from services.lead.ports import DraftRefusedError, SummaryModel
from services.lead.summary import facts, rules
from services.lead.summary.checked import checked
from services.lead.summary.prompt import prompt_for
from services.lead.transcript import Subject


@dataclass(frozen=True)
class Summaries:
    model: SummaryModel | None
    """None: no key, and the rules do without."""
    limits: Limits
    caps: tuple[Limit, ...]
    blobs: Blobs
    metrics: Metrics
    log: Log
    flights: SingleFlight[Summary] = field(default_factory=SingleFlight)
    """Without Redis no lease keeps two workers of a process from asking at the same time."""

    async def of(self, subject: Subject) -> Summary:
        """Never fails for want of a model. Raises Unavailable("blobs", ...)."""
        return await self.flights.share(_cache_key(subject), lambda: self._of(subject))

    async def _of(self, subject: Subject) -> Summary:
        if self.model is not None and (cached := await self._cached(subject)):
            return cached
        found = facts.find(subject.lines, subject.profile)
        by_rule = rules.summarize(found, subject)
        if self.model is None or not await self._may_spend(subject):
            return by_rule
        summary = await self._drafted(self.model, subject, by_rule)
        await put_struct(self.blobs, _cache_key(subject), summary)
        return summary

    async def _drafted(self, model: SummaryModel, subject: Subject, by_rule: Summary) -> Summary:
        """What failed is kept too: the call was made, and a lead does not wait for a better day."""
        shop_thread = f"{subject.profile.slug}:{subject.thread_id}"
        prompt = prompt_for(shop_thread, subject.lines, subject.contacts, subject.profile)
        try:
            draft = await model.draft(prompt, lambda: self._may_spend(subject))
        except (DraftRefusedError, Unavailable) as error:
            self._count_failure(subject, error.reason)
            return by_rule
        self.metrics.count(MODEL_CALLS, "summary", "ok")
        summary, removed = checked(draft, prompt.transcript, subject, by_rule)
        for kind in removed:
            self.metrics.count(UNGROUNDED, kind)
        return summary

    def _count_failure(self, subject: Subject, reason: str) -> None:
        self.metrics.count(MODEL_CALLS, "summary", "failed")
        self.log.warning(
            "Lead summary generation failed",
            shop=subject.profile.slug,
            thread_id=subject.thread_id,
            reason=reason,
        )

    async def _cached(self, subject: Subject) -> Summary | None:
        try:
            return await find_struct(self.blobs, _cache_key(subject), Summary)
        except msgspec.DecodeError:
            return None

    async def _may_spend(self, subject: Subject) -> bool:
        """A bill without an end is worse than a summary by rule: unreachable means no."""
        try:
            verdict = await self.limits.admit(ALL_SHOPS, self.caps)
        except Unavailable:
            self.metrics.count(MODEL_CALLS, "summary", "not_counted")
            return False
        if verdict.refused:
            self.metrics.count(MODEL_CALLS, "summary", "capped")
            self.log.warning(
                "rate_limit_exceeded", endpoint="summary", limit=verdict.refused.name,
                retry_after=verdict.retry_after, thread_id=subject.thread_id,
                shop=subject.profile.slug,
            )  # fmt: skip
        return verdict.refused is None


def _cache_key(subject: Subject) -> str:
    """By thread and last item: the same conversation is never paid for twice."""
    last = hashlib.sha256(subject.last_item_id.encode()).hexdigest()[:24]
    return summaries_folder(subject.profile.slug, subject.thread_id) + f"{last}.json"


def summaries_folder(shop: str, thread_id: str) -> str:
    """Every summary kept of a thread begins with this."""
    return f"summaries/{shop}/{thread_id}/"
