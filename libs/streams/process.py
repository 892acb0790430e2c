"""Who a process is to the streams, and what it counts, logs, tells time and draws with."""

from __future__ import annotations

import random
from dataclasses import dataclass

from libs.runtime.clock import Clock
from libs.runtime.ids import NewId
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics


@dataclass(frozen=True)
class Pace:
    """How often a lane looks after itself. Production runs on these defaults."""

    wait_seconds: float = 2.0
    """The longest a read waits for the first entry."""
    turn_seconds: float = 0.5
    """Delayed retries and timers are at most this late."""
    renew_seconds: float = 5.0
    claim_seconds: float = 5.0
    idle_seconds: float = 20.0
    """A reader that has not renewed for so long is dead; far above `renew_seconds`."""
    stats_seconds: float = 10.0
    leave_seconds: float = 2.0
    """For the last acks when we stop."""


@dataclass(frozen=True)
class Process:
    reader: str
    """Unique: two processes under one name would read each other's pending entries."""
    metrics: Metrics
    log: Log
    clock: Clock
    rng: random.Random
    new_id: NewId
    pace: Pace = Pace()
