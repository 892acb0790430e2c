"""What one delivery would send: its wish, or what was armed before and nobody answered for."""

from __future__ import annotations

from email.utils import parseaddr
from functools import cache

import msgspec

from libs.ledger.events import Arm
from libs.ledger.record import LeadKey, LeadRecord, State
from libs.ledger.states import possible_copy
from libs.ledger.timing import PATIENCE_SECONDS
from libs.messages.mail import SendLeadMail
from libs.shops.profile import ShopProfile
from services.mailer.copies import Copy, Wanted
from services.mailer.letter.shape import Rung
from services.mailer.ports import Accepted, Mail, Receipt


class Job(msgspec.Struct, frozen=True, kw_only=True):
    key: LeadKey
    visitor: str
    snapshot: str
    last_item_id: str
    kind: str
    attempt: int
    possible_copy: bool
    rung: Rung
    again: bool
    """An ambiguous attempt: the same snapshot once more, whatever was said since."""
    lid: str
    waits_for_all: bool
    """Its recipients; not for long."""

    @property
    def wanted(self) -> Wanted:
        return Wanted(
            shop=self.key.shop,
            thread_id=self.key.thread_id,
            snapshot=self.snapshot,
            attempt=self.attempt,
            possible_copy=self.possible_copy,
            rung=self.rung,
        )

    def mail(self, copy: Copy, shop: ShopProfile) -> Mail:
        mail = lead_mail(self, shop, copy.body)
        return msgspec.structs.replace(mail, waits_for_all=self.waits_for_all)

    def arm(self, copy: Copy, transcript_ends_at: str, passed_over: str) -> Arm:
        return Arm(
            attempt=self.attempt,
            lid=self.lid,
            last_item_id=self.last_item_id,
            transcript_ends_at=transcript_ends_at,
            snapshot=self.snapshot,
            content_hash=copy.content_hash,
            kind=self.kind,
            passed_over=passed_over,
        )

    def receipt(self, accepted: Accepted, at: float) -> Receipt:
        return Receipt(
            shop=self.key.shop,
            thread_id=self.key.thread_id,
            attempt=self.attempt,
            at=at,
            visitor=self.visitor,
            message_id=accepted.message_id,
        )


def job_for(wish: SendLeadMail, record: LeadRecord, lid: str, now: float) -> Job:
    again = record.state is State.SENDING
    return Job(
        key=record.key,
        visitor=record.visitor or wish.visitor,
        snapshot=record.snapshot if again else wish.snapshot,
        last_item_id=record.last_item_id if again else wish.last_item_id,
        kind=record.kind if again else wish.kind,
        attempt=record.attempt + 1,
        possible_copy=possible_copy(record),
        rung=Rung(min(record.plainer, Rung.PLAIN)),
        again=again,
        lid=lid,
        waits_for_all=now - (record.first_error_at or now) < PATIENCE_SECONDS,
    )


def lead_mail(attempt: Job | LeadRecord, shop: ShopProfile, body: bytes) -> Mail:
    """Of an attempt that is to be armed, or was."""
    return Mail(
        shop=attempt.key.shop,
        thread_id=attempt.key.thread_id,
        attempt=attempt.attempt,
        lid=attempt.lid,
        sender=address(shop.sender),
        recipients=tuple(address(each) for each in shop.recipients),
        body=body,
    )


@cache
def address(mailbox: str) -> str:
    """`Name <address>` without the name, as the envelope has it."""
    return parseaddr(mailbox)[1]
