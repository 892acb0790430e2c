"""Conversations compared with what the mail server counted, once every record is settled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import msgspec

from libs.errors import Unavailable
from libs.ledger.port import LeadRecords
from libs.ledger.record import LeadKey, LeadRecord, State
from tests.faults.mailbox import Mailbox

SHOP = "craigs"
SETTLED = frozenset({State.SENT, State.HELD})
SETTLE_SECONDS = 240.0
"""Fence 30 s and twice the clock skew of 60 s are 150; around them a takeover and a sweep."""
LINGER_SECONDS = 3.0
"""Long enough for a second mail to show itself."""

HEADINGS = (
    "fault", "faults", "leads", "mails", "flagged", "copies", "twice", "lost", "foreign", "held",
    "settled s",
)  # fmt: skip


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    leads: int
    mails: int
    flagged: int
    """Mails that say that they may be a copy: also a first one, whose sender died or gave up."""
    copies: int
    """Mails beyond the first of their conversation, flagged or not."""
    twice: int
    """Second mails that do not say that they may be a copy."""
    lost: int
    foreign: int
    """Mails for conversations that no visitor had."""
    held: int
    settled_seconds: float = 0.0

    def kept(self, *, copies_at_most: int = 0) -> bool:
        """Copies are allowed only where nobody could know, and each of them says so."""
        wrong = self.twice + self.lost + self.foreign + self.held
        return wrong == 0 and self.copies <= copies_at_most

    def row(self, fault: str, faults: int) -> tuple[object, ...]:
        counts = (self.leads, self.mails, self.flagged, self.copies, self.twice, self.lost)
        return (fault, faults, *counts, self.foreign, self.held, round(self.settled_seconds))


async def verdict(records: LeadRecords, box: Mailbox, threads: Sequence[str]) -> Tally:
    began = time.monotonic()
    stand = await _settled(records, threads)
    seconds = time.monotonic() - began
    await asyncio.sleep(LINGER_SECONDS)
    held = frozenset(one.key.thread_id for one in stand if one.state is State.HELD)
    return msgspec.structs.replace(count(box, threads, held), settled_seconds=seconds)


def count(box: Mailbox, threads: Sequence[str], held: frozenset[str] = frozenset()) -> Tally:
    mails = list(box.leads)
    reached: set[str] = set()
    second: list[bool] = []
    for thread, flagged in mails:
        if thread in reached:
            second.append(flagged)
        reached.add(thread)
    return Tally(
        leads=len(threads),
        mails=len(mails),
        flagged=sum(flagged for _, flagged in mails),
        copies=len(second),
        twice=second.count(False),
        lost=len(set(threads) - reached - held),
        foreign=len(reached - set(threads)),
        held=len(held),
    )


async def _settled(records: LeadRecords, threads: Sequence[str]) -> list[LeadRecord]:
    """Liveness: every conversation is SENT or HELD in time, or this says which is not."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        stand = [await _read(records, thread) for thread in threads]
        found = [one for one in stand if one is not None]
        if len(found) == len(threads) and all(one.state in SETTLED for one in found):
            return found
        open_ = [one for one in found if one.state not in SETTLED]
        missing = len(threads) - len(found)
        assert time.monotonic() < deadline, f"{missing} without a record; open: {open_}"
        await asyncio.sleep(0.5)


async def _read(records: LeadRecords, thread: str) -> LeadRecord | None:
    try:
        return await records.read(LeadKey(SHOP, thread))
    except Unavailable:
        return None
