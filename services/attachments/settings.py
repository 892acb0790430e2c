"""What the attachments service can be told."""

from __future__ import annotations

import msgspec

from libs.runtime.settings import CommonSettings


class AttachmentsSettings(CommonSettings, frozen=True, kw_only=True, rename=str.upper):
    upload_megabytes_per_day: int = msgspec.field(default=50, name="LIMIT_UPLOAD_MEGABYTES_PER_DAY")
    """For one visitor; 0: no limit."""
