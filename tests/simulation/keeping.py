"""Whether anybody will come back to a thread (I9)."""

from __future__ import annotations

from libs.ledger.record import LeadKey, State
from libs.messages.streams import LEAD_CONSIDER
from libs.streams.lanes import lanes_of
from tests.simulation.stores import Stores

SETTLED = frozenset({State.SENT, State.HELD})


def is_kept(stores: Stores, key: LeadKey, *, besides: str = "") -> bool:
    """Settled; or there is a watch, the record's timer, or something in Redis but this entry."""
    record = stores.records.leads.get(key)
    if record and (record.state in SETTLED or record.due_at is not None):
        return True
    thread = stores.conversations.threads[key.shop, key.thread_id]
    if (key.shop, thread.visitor) in stores.records.watches:
        return True
    if record and record.last_item_id == thread.items[-1].id:
        return True
    wanted = key.thread_id.encode()
    return any(wanted in body for body in _waiting(stores, besides))


def _waiting(stores: Stores, besides: str) -> list[bytes]:
    lanes = [stores.broker._lane(lane) for lane in lanes_of(LEAD_CONSIDER)]
    timed = [body for lane in lanes for _, body in (*lane.later.values(), *lane.timers.values())]
    entries = [item for lane in lanes for item in lane.entries.items()]
    return [*timed, *(body for entry_id, body in entries if entry_id != besides)]
