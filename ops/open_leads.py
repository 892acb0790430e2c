"""`handoff leads open`: what would still become a mail, and so must not lose its conversation."""

from __future__ import annotations

from typing import Final

from libs.ledger.record import LeadRecord, State
from ops.desk import AHEAD_SECONDS, Desk
from ops.show import Shown, moment, table
from ops.wording import in_words

_MOST_WATCHES: Final = 1_000_000
"""One a visitor of the last hour: as many as there ever are."""
_OPEN: Final = frozenset({State.PENDING, State.SENDING, State.ERROR})
_NO_LEAD: Final = frozenset({"missing_contact", "empty_thread"})
"""Nobody could be reached: a day of silence closes these without a mail."""


async def open_leads(desk: Desk) -> Shown:
    """Exit code 1 as long as there is anything to wait for. All shops."""
    ahead = desk.clock.now() + AHEAD_SECONDS
    due = [one async for one in desk.due(ahead) if one.state in _OPEN]
    leads = [one for one in due if one.state is not State.PENDING or one.reason not in _NO_LEAD]
    watches = await desk.records.due_watches(ahead, _MOST_WATCHES)
    until = max((watch.due_at for watch in watches), default=None)
    said = [f"Open leads: {len(leads)}."]
    if desk.unreadable:
        said.append(f"Due and cannot be read, so perhaps open: {len(desk.unreadable)}.")
    if watches:
        said.append(
            f"Visitors whose conversations are still to be looked at: {len(watches)},"
            f" the last at {moment(until)}."
        )
    if others := len(due) - len(leads):
        said.append(f"Without a way to reach the customer, so no lead: {others}.")
    return Shown(
        data={
            "open": [_row(one) for one in leads],
            "watched": len(watches),
            "watched_until": until,
            "without_contact": others,
            "unreadable": sorted(map(str, desk.unreadable)),
        },
        lines=[*_table(leads), *said],
        code=1 if leads or watches or desk.unreadable else 0,
    )


def _row(record: LeadRecord) -> dict[str, object]:
    return {
        "shop": record.key.shop,
        "thread": record.key.thread_id,
        "state": record.state,
        "reason": record.reason,
        "due_at": record.due_at,
    }


def _table(leads: list[LeadRecord]) -> list[object]:
    if not leads:
        return []
    rows = [
        (one.key.thread_id, one.key.shop, one.state, moment(one.due_at), in_words(one.reason))
        for one in leads
    ]
    return [table(("thread", "shop", "state", "looked at again", "because"), rows)]
