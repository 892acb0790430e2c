"""How records and watches are written down, and what becomes of one that cannot be read."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import msgspec

from libs.errors import Rejected
from libs.ledger.port import Overdue, Place
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


def readable(rows: Iterable[tuple[LeadKey, bytes | str]]) -> list[LeadRecord]:
    found = list[LeadRecord]()
    for key, body in rows:
        with suppress(Rejected):
            found.append(decode_lead(key, body))
    return found


def overdue(rows: Iterable[tuple[Place, bytes | str]], limit: int) -> Overdue:
    """One page, from the rows that a store found for it; one that is spoiled stops no other."""
    records, unreadable, places = list[LeadRecord](), list[LeadKey](), list[Place]()
    for place, body in rows:
        places.append(place)
        try:
            records.append(decode_lead(place.key, body))
        except Rejected:
            unreadable.append(place.key)
    return Overdue(records, unreadable, places[-1] if len(places) == limit else None)
