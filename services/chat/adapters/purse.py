"""What answers may cost, by the limits that all processes share."""

from __future__ import annotations

from dataclasses import dataclass

from libs.conversations.store import Owner
from libs.limits.port import Limit, Limits
from services.chat.settings import ChatSettings


@dataclass(frozen=True)
class LimitedPurse:
    """Purse. Each answer is charged to its visitor, its thread and everybody's day, or to none."""

    limits: Limits
    settings: ChatSettings

    async def spend(self, owner: Owner, thread_id: str) -> bool:
        settings = self.settings
        verdict = await self.limits.admit(
            owner.shop,
            (
                Limit(
                    "answers_per_visitor", owner.visitor, settings.limit_answers_per_visitor, "cap"
                ),
                Limit("answers_per_thread", thread_id, settings.limit_answers_per_thread, "cap"),
                Limit("model_calls_per_minute", "", settings.limit_model_calls_per_minute, "cap"),
                Limit("model_calls_per_day", "", settings.limit_model_calls_per_day, "cap"),
            ),
        )
        return verdict.refused is None
