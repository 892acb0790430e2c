"""The caps over everybody together: a bill has an end, whoever runs it up."""

from __future__ import annotations

from typing import Final

from libs.limits.port import Limit
from libs.runtime.settings import Rate

ALL_SHOPS: Final = "*"
"""Under which they are charged; no shop's slug looks like this."""


def model_calls(per_minute: Rate, per_day: Rate) -> tuple[Limit, ...]:
    """One count for every service that asks a model."""
    return (
        Limit("model_calls_per_minute", "", per_minute, "cap"),
        Limit("model_calls_per_day", "", per_day, "cap"),
    )
