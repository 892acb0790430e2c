"""What one run is asked: its seed, which faults may strike it, who sends how, and for whom."""

from __future__ import annotations

import random
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

Transport = Literal["ses", "smtp", "outbox"]

STORES: Final = ("records", "redis", "blobs", "conversations")
STORE_FAULTS: Final = (
    "request_lost", "reply_lost", "reset", "applied_late", "applied_twice", "throttled", "down",
)  # fmt: skip
FAULTS: Final = (
    *(f"{store}.{fault}" for store in STORES for fault in STORE_FAULTS),
    "redis.flushed", "redis.tail_lost", "redis.lies", "journal.fails",
    "process.crash", "process.pause", "process.clock_step",
    "provider.silent", "provider.refuses", "provider.throttles", "provider.delays",
    "provider.resets", "provider.resets_after", "provider.bounces", "provider.refuses_at_door",
    "provider.away", "events.lost", "events.late", "events.doubled",
    "model.throttled", "model.cut_off", "model.hangs",
)  # fmt: skip
FALLBACK_FAULTS: Final = (
    "fallback.silent", "fallback.refuses", "fallback.throttles", "fallback.delays",
    "fallback.resets", "fallback.resets_after", "fallback.refuses_at_door", "fallback.away",
)  # fmt: skip
FUSSY_FAULTS: Final = ("provider.wants_plain", "provider.disk_full", "provider.puts_off_one")
LIES: Final = frozenset({"redis.lies", "redis.forgets"})
ALL_FAULTS: Final = frozenset((*FAULTS, *FALLBACK_FAULTS, *FUSSY_FAULTS, *LIES))

CLOCK_TOLD: Final = 0.7
OPERATOR: Final = 0.3
FALLBACK: Final = 0.4
FUSSY: Final = 0.15
FORGETFUL: Final = 0.25
LATE: Final = 0.1
ENABLED: Final = (0.1, 0.3, 0.6, 1.0)
"""Which share of the faults a seed enables."""
PATIENT: Final = 0.005
"""A run of more than a day costs as much as twenty others."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a run depends on: the same plan gives the same run."""

    seed: int
    enabled: frozenset[str] = frozenset()
    rate: float = 0.0
    fault_seconds: float = 5400.0
    threads: int = 2
    policy: Literal["never_zero", "never_two"] = "never_zero"
    transport: Transport = "ses"
    fallback: Literal["", "ses", "smtp"] = ""
    """The second way out, where the first is SES or SMTP."""
    clock_told: bool = True
    """Whether the record store's replies carry a date, as DynamoDB's do and SQLite's do not."""
    operator: bool = False
    """A person reads the alerts, and has what is held sent or settled."""
    patient: bool = False
    """The customers give their contact on the second day, when their thread is closed."""
    late: bool = False
    """Their browsers also say something when the watch of their visit has ended."""
    keep: frozenset[int] | None = None
    """Only the faults with these numbers strike; None: all. For shrinking and replay."""
    walked: Literal["mailer", "lead"] = "mailer"
    """Whose port calls are counted, from 1 and over all processes of the kind, for these two."""
    crash_at: frozenset[int] = frozenset()
    """At which of them the process dies."""
    pause_at: frozenset[int] = frozenset()
    """At which it sleeps for `pause_seconds`."""
    pause_seconds: float = 3000.0
    mutation: str = ""

    @classmethod
    def drawn(cls, seed: int) -> Plan:
        """A random subset of faults, at a random rate, over a random time."""
        rng = random.Random(f"{seed}:plan")
        share = rng.choice(ENABLED)
        plan = cls(
            seed=seed,
            enabled=frozenset(fault for fault in FAULTS if rng.random() < share),
            rate=rng.choice((0.003, 0.01, 0.03, 0.07)),
            fault_seconds=rng.choice((1800.0, 3600.0, 7200.0)),
            threads=rng.choice((1, 1, 2, 3)),
            policy=rng.choice(("never_zero", "never_zero", "never_zero", "never_two")),
            transport=rng.choice(("ses", "ses", "smtp", "outbox")),
            clock_told=rng.random() < CLOCK_TOLD,
            operator=rng.random() < OPERATOR,
            patient=rng.random() < PATIENT,
        )
        return plan._with_fallback(random.Random(f"{seed}:fallback"))._fussy()._forgetful()._late()

    @property
    def lies_alone(self) -> bool:
        """Nothing goes wrong but what Redis says: whatever breaks, a lie broke it."""
        return (
            bool(self.enabled) and self.enabled <= LIES and not self.crash_at and not self.pause_at
        )

    def _fussy(self) -> Plan:
        """By dice of its own, as the fallback."""
        rng = random.Random(f"{self.seed}:fussy")
        return replace(
            self, enabled=self.enabled | {fault for fault in FUSSY_FAULTS if rng.random() < FUSSY}
        )

    def _forgetful(self) -> Plan:
        """By dice of its own, as the fallback."""
        forgets = random.Random(f"{self.seed}:forgetful").random() < FORGETFUL
        return replace(self, enabled=self.enabled | {"redis.forgets"}) if forgets else self

    def _late(self) -> Plan:
        """By dice of its own, as the fallback."""
        return replace(self, late=random.Random(f"{self.seed}:late_plan").random() < LATE)

    def _with_fallback(self, rng: random.Random) -> Plan:
        """By dice of its own: the plans of all other seeds stay what they were."""
        if self.transport == "outbox" or rng.random() >= FALLBACK:
            return self
        share = rng.choice(ENABLED)
        faults = {fault for fault in FALLBACK_FAULTS if rng.random() < share}
        second: Final = "smtp" if self.transport == "ses" else "ses"
        return replace(self, fallback=second, enabled=self.enabled | faults)
