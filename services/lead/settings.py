"""What the lead service can be told."""

from __future__ import annotations

from libs.model.caps import DEFAULT_MODEL, ModelSettings
from libs.runtime.settings import Seconds


class LeadSettings(ModelSettings, frozen=True, kw_only=True, rename=str.upper):
    lead_summary_model: str = DEFAULT_MODEL
    partial_after_seconds: Seconds = 7200
    """Contact but not enough else, and nothing new for this long: a partial lead."""
