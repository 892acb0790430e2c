"""What answers may cost, by the limits that all processes share."""

from __future__ import annotations

from dataclasses import dataclass

from libs.conversations.store import Owner
from libs.limits.port import Limit, Limits
from libs.model.caps import ALL_SHOPS
from libs.runtime.log import Log
from services.chat.settings import ChatSettings


@dataclass(frozen=True)
class LimitedPurse:
    """Purse. Each answer is charged to its visitor, its thread and everybody's day, or to none."""

    limits: Limits
    settings: ChatSettings
    log: Log

    async def spend(self, owner: Owner, thread_id: str) -> bool:
        verdict = await self.limits.admit(ALL_SHOPS, self._charged(owner, thread_id))
        if verdict.refused:
            self.log.warning(
                "rate_limit_exceeded", endpoint="chat", limit=verdict.refused.name,
                retry_after=verdict.retry_after, thread_id=thread_id, shop=owner.shop,
            )  # fmt: skip
        return verdict.refused is None

    def _charged(self, owner: Owner, thread_id: str) -> tuple[Limit, ...]:
        settings = self.settings
        visitor, thread = f"{owner.shop}/{owner.visitor}", f"{owner.shop}/{thread_id}"
        return (
            Limit("answers_per_visitor", visitor, settings.limit_answers_per_visitor, "cap"),
            Limit("answers_per_thread", thread, settings.limit_answers_per_thread, "cap"),
            *settings.model_calls,
        )
