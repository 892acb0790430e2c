"""The caps over everybody together: a bill has an end, whoever runs it up."""

from __future__ import annotations

from typing import Final

from libs.limits.port import Limit
from libs.runtime.settings import CommonSettings, Rate

DEFAULT_MODEL: Final = "gpt-5.2-2025-12-11"
ALL_SHOPS: Final = "*"
"""Under which they are charged; no shop's slug looks like this."""


class ModelSettings(CommonSettings, frozen=True, kw_only=True, rename=str.upper):
    """What a service is told that asks a model."""

    limit_model_calls_per_minute: Rate = Rate(600, 60)
    limit_model_calls_per_day: Rate = Rate(20_000, 86_400)

    @property
    def model_calls(self) -> tuple[Limit, ...]:
        """One count for all of them."""
        return (
            Limit("model_calls_per_minute", "", self.limit_model_calls_per_minute, "cap"),
            Limit("model_calls_per_day", "", self.limit_model_calls_per_day, "cap"),
        )
