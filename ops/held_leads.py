"""`handoff leads held`: every lead that goes no further until a person says how."""

from __future__ import annotations

from typing import Final

from libs.ledger.record import LeadRecord, State
from ops.desk import Desk
from ops.show import Shown, moment, table
from ops.wording import in_words

_MOST: Final = 1000


async def held_leads(desk: Desk) -> Shown:
    """Exit code 1 if there are any. All shops, also those without a profile; the longest first."""
    held = await desk.records.held(_MOST + 1)
    desk.unreadable.update(held.unreadable)
    found = len(held.records) + len(held.unreadable)
    if not found:
        return Shown(data=[], lines=["No lead is held."])
    listed = sorted(held.records[:_MOST], key=_since)
    rows = [
        (one.key.thread_id, one.key.shop, moment(_since(one)), in_words(one.reason))
        for one in listed
    ]
    count = f"{found}" if found <= _MOST else f"more than {_MOST}, not all listed"
    said = f"Held leads: {count}. `handoff why` of each says what to do."
    return Shown(
        data=[_row(one) for one in listed],
        lines=[table(("thread", "shop", "since", "because"), rows), said],
        code=1,
    )


def _since(record: LeadRecord) -> float:
    """Its last write may be younger: that somebody was told, or a delivery event."""
    held = (step.at for step in reversed(record.history) if step.what == State.HELD)
    return next(held, record.updated_at)


def _row(record: LeadRecord) -> dict[str, object]:
    return {
        "shop": record.key.shop,
        "thread": record.key.thread_id,
        "attempt": record.attempt,
        "since": _since(record),
        "reason": record.reason,
    }
