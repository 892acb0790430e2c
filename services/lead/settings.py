"""What the lead service can be told."""

from __future__ import annotations

from typing import Final

import msgspec

from libs.runtime.settings import CommonSettings, Rate, Seconds

DEFAULT_MODEL: Final = "gpt-5.2-2025-12-11"


class LeadSettings(CommonSettings, frozen=True, kw_only=True, rename=str.upper):
    lead_summary_model: str = DEFAULT_MODEL
    partial_after_seconds: Seconds = 7200
    """Contact but not enough else, and nothing new for this long: a partial lead."""
    model_calls_per_minute: Rate = msgspec.field(
        default=Rate(600, 60), name="LIMIT_MODEL_CALLS_PER_MINUTE"
    )
    model_calls_per_day: Rate = msgspec.field(
        default=Rate(20_000, 86_400), name="LIMIT_MODEL_CALLS_PER_DAY"
    )
    """Past it leads go out with the summary by rule."""
    attachments_url: str = ""
    """Where files of hosted conversations are cleaned; in one process it is found without."""
    attachments_port: int = 8090
