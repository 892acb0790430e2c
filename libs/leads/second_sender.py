"""The trace of a second installation that sends for our threads: mailer leaves it, doctor reads it.

It shows itself when the provider speaks of a mail that carries our tags and that we never sent.
"""

from __future__ import annotations

from typing import Final

import msgspec

from libs.blobs.port import Blobs
from libs.blobs.structs import find_struct, put_struct
from libs.ledger.record import LeadRecord, State
from libs.messages.mail import DeliveryEvent

KEY: Final = "doctor/second-sender.json"


class SecondSender(msgspec.Struct, frozen=True, kw_only=True):
    """The newest such report."""

    at: float
    shop: str
    thread_id: str
    attempt: int
    event: str


def of_another(event: DeliveryEvent, record: LeadRecord) -> bool:
    """Both sent attempt n, so only the provider's id tells the two mails apart."""
    ours = record.state is State.SENT and record.sent_by == "reply" and not record.ambiguous
    known = bool(event.message_id and record.message_id) and event.attempt == record.attempt
    return ours and known and event.message_id != record.message_id


async def leave_trace(blobs: Blobs, event: DeliveryEvent, now: float) -> None:
    """Raises Unavailable."""
    seen = SecondSender(
        at=now,
        shop=event.shop,
        thread_id=event.thread_id,
        attempt=event.attempt,
        event=event.event,
    )
    await put_struct(blobs, KEY, seen)


async def read_trace(blobs: Blobs) -> SecondSender | None:
    """Raises Unavailable."""
    return await find_struct(blobs, KEY, SecondSender)
