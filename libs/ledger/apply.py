"""One event applied to one stored record: read, decide, write if unchanged, never blindly twice."""

from __future__ import annotations

from typing import Final

import msgspec

from libs.errors import Unavailable
from libs.ledger.events import DEFAULT_RULES, Arm, Decision, Event, Refuse, Rules, Write
from libs.ledger.port import LeadRecords
from libs.ledger.record import LeadKey, LeadRecord
from libs.ledger.states import decide
from libs.runtime.clock import Clock

ROUNDS: Final = 8
"""Writers of one thread are few; losing this often means that something is very wrong."""


class Applied(msgspec.Struct, frozen=True):
    """What was decided, and the record as it stands in the store."""

    decision: Decision
    record: LeadRecord | None

    @property
    def wrote(self) -> bool:
        return isinstance(self.decision, Write)

    @property
    def why(self) -> str:
        """Why nothing was written; empty when something was."""
        return "" if isinstance(self.decision, Write) else self.decision.why

    @property
    def alert(self) -> str:
        """What a person must be told now, or nothing."""
        match self.decision:
            case Write(alert=alert):
                return alert
            case Refuse(why=why):
                return why
            case _:
                return ""


async def apply(
    records: LeadRecords, key: LeadKey, event: Event, clock: Clock, rules: Rules = DEFAULT_RULES
) -> Applied:
    """Raises Unavailable when the store does not answer, also when an ARM may or may not have
    landed: then nobody sends, and if it did land the resolver settles it after the windows.
    """
    for _ in range(ROUNDS):
        record = await records.read(key)
        decision = decide(key, record, event, clock.now(), rules)
        if not isinstance(decision, Write):
            return Applied(decision, record)
        if await _stands(records, decision, event):
            return Applied(decision, decision.record)
    raise Unavailable("records", f"{ROUNDS} conflicting writes of one record")


async def apply_to(
    known: LeadRecord | None,
    records: LeadRecords,
    key: LeadKey,
    event: Event,
    clock: Clock,
    rules: Rules = DEFAULT_RULES,
) -> Applied:
    """As `apply`, and without its read where the record still stands as it was read before."""
    decision = decide(key, known, event, clock.now(), rules)
    if isinstance(decision, Write) and await _stands(records, decision, event):
        return Applied(decision, decision.record)
    return await apply(records, key, event, clock, rules)


async def _stands(records: LeadRecords, decision: Write, event: Event) -> bool:
    """Whether our write stands. A lost reply, or a refusal of its repetition, is read back."""
    unsure: Unavailable | None = None
    try:
        if await records.write(decision.record, expected_version=decision.expected_version):
            return True
    except Unavailable as error:
        unsure = error
    if await records.read(decision.record.key) == decision.record:
        return True
    if unsure is not None and isinstance(event, Arm):
        raise unsure
    return False
