"""What the one-machine mode adds to the settings of its services."""

from __future__ import annotations

import msgspec

from libs.runtime.settings import CommonSettings, Port


class OneMachineSettings(CommonSettings, frozen=True, kw_only=True, rename=str.upper):
    mail: str = "outbox"
    """The mailer checks it; the inbox exists only for `outbox`."""
    inbox_port: Port = msgspec.field(default=8081, name="HANDOFF_INBOX_PORT")
