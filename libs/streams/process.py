"""Who a process is to the streams, and what it counts, logs, tells time and draws with."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from libs.runtime.clock import Clock, SystemClock
from libs.runtime.ids import NewId, random_id
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.streams.pace import Pace


@dataclass(frozen=True)
class Process:
    reader: str
    """Unique: two processes under one name would read each other's pending entries."""
    metrics: Metrics
    log: Log
    clock: Clock = field(default_factory=SystemClock)
    rng: random.Random = field(default_factory=random.Random)
    new_id: NewId = random_id
    pace: Pace = field(default_factory=Pace)
