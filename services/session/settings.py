"""What the session service can be told."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from libs.runtime.settings import CommonSettings, Rate, Seconds


class SessionSettings(CommonSettings, frozen=True, kw_only=True, rename=str.upper):
    chatkit_workflow_id: str = ""
    """`wf_…`, for CONVERSATIONS=hosted; it never comes from a browser."""
    watch_seconds: Seconds = 2100
    """After a mint, when we look at the visitor's threads even if nobody called: session and quiet
    window are over by then."""
    mints_per_minute: Rate = msgspec.field(default=Rate(600, 60), name="LIMIT_MINTS_PER_MINUTE")
    mints_per_day: Rate = msgspec.field(default=Rate(20_000, 86_400), name="LIMIT_MINTS_PER_DAY")
    """The bill of a whole deployment has an end, whoever asks."""

    def faults(self) -> Iterator[str]:
        yield from CommonSettings.faults(self)
        if self.conversations == "hosted":
            needed = {
                "OPENAI_API_KEY": self.openai_api_key,
                "CHATKIT_WORKFLOW_ID": self.chatkit_workflow_id,
            }
            for name in (name for name, value in needed.items() if not value):
                yield f"{name} is not set, and CONVERSATIONS=hosted cannot do without."
