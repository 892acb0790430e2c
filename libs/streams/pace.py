"""How quickly a lane notices things, and what that costs: each look is a command to the server."""

from __future__ import annotations

from dataclasses import dataclass

from libs.streams.broker import SILENT_SECONDS


@dataclass(frozen=True)
class Pace:
    """How often a lane looks after itself. Production runs on these defaults, where a consumer does
    not say otherwise.
    """

    wait_seconds: float = 2.0
    """The longest a read waits for the first entry."""
    turn_seconds: float = 0.5
    """Delayed retries and timers are at most this late."""
    renew_seconds: float = 5.0
    claim_seconds: float = 5.0
    idle_seconds: float = SILENT_SECONDS
    """A reader that has not renewed for so long is dead. At least what a reply may take (5 s) and
    `renew_seconds`: a server that stands still for a moment makes everybody look idle.
    """
    leave_seconds: float = 2.0
    """For the last acks when we stop."""
