"""`handoff leads held`: every lead that goes no further until a person says how."""

from __future__ import annotations

from libs.ledger.record import LeadRecord, State
from ops.desk import Desk
from ops.show import Shown, moment, table
from ops.wording import in_words


async def held_leads(desk: Desk) -> Shown:
    """Exit code 1 if there are any. All shops; the longest held first. It reads every record."""
    shops = desk.shops.by_slug
    found = [one for shop in shops async for one in desk.leads(shop) if one.state is State.HELD]
    found.sort(key=_since)
    if not found:
        return Shown(data=[], lines=["No lead is held."])
    rows = [
        (one.key.thread_id, one.key.shop, moment(_since(one)), in_words(one.reason))
        for one in found
    ]
    return Shown(
        data=[_row(one) for one in found],
        lines=[
            table(("thread", "shop", "since", "because"), rows),
            f"Held leads: {len(found)}. `handoff why` of each says what to do.",
        ],
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
