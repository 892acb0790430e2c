"""How records and watches are written down, and what becomes of one that cannot be read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from libs.errors import Rejected
from libs.ledger.port import Held, Overdue, Place
from libs.ledger.record import LeadKey, LeadRecord, Watch

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

encode = msgspec.json.Encoder().encode
_lead = msgspec.json.Decoder(LeadRecord).decode
_watch = msgspec.json.Decoder(Watch).decode


def decode_lead(key: LeadKey, body: bytes | str) -> LeadRecord:
    """Raises Rejected: a broken disk, a foreign hand, or a state that a later release knows."""
    try:
        return _lead(body)
    except UNREADABLE as error:
        raise Rejected(f"the record of {key.thread_id} cannot be read") from error


def decode_watch(shop: str, visitor: str, due_at: float, body: bytes | str) -> Watch:
    """What it is for stands beside its body, and outlives it."""
    try:
        return _watch(body)
    except UNREADABLE:
        return Watch(shop=shop, visitor=visitor, due_at=due_at)


def held(rows: Iterable[tuple[LeadKey, bytes | str]]) -> Held:
    return Held(*_sorted(rows))


def overdue(rows: Iterable[tuple[Place, bytes | str]], limit: int) -> Overdue:
    """One page, from the rows that a store found for it."""
    found = list(rows)
    ends_at = found[-1][0] if len(found) == limit else None
    return Overdue(*_sorted((place.key, body) for place, body in found), ends_at)


def _sorted(
    rows: Iterable[tuple[LeadKey, bytes | str]],
) -> tuple[list[LeadRecord], list[LeadKey]]:
    """What can be read, and the keys of the rest: one that is spoiled stops no other."""
    records, unreadable = list[LeadRecord](), list[LeadKey]()
    for key, body in rows:
        try:
            records.append(decode_lead(key, body))
        except Rejected:
            unreadable.append(key)
    return records, unreadable
