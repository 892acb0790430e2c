"""Which of a customer's phones and emails to use: the mail, `handoff lead` and the export agree."""

from __future__ import annotations

from typing import Literal

import msgspec

from libs.leads.snapshot import Contact, LeadSnapshot


class Reach(msgspec.Struct, frozen=True):
    phone: Contact | None
    email: Contact | None
    others: tuple[Contact, ...] = ()
    """What else they gave: a wife's number, the one at work."""


def reach(snapshot: LeadSnapshot) -> Reach:
    """The phone and email that the summary chose where the customer gave them, else the first."""
    summary = snapshot.summary
    phone = _choose(snapshot.contacts, "phone", summary.customer_phone)
    email = _choose(snapshot.contacts, "email", summary.customer_email)
    others = tuple(one for one in snapshot.contacts if one not in {phone, email})
    return Reach(phone, email, others)


def _choose(
    contacts: tuple[Contact, ...], kind: Literal["phone", "email"], said: str | None
) -> Contact | None:
    given = [contact for contact in contacts if contact.kind == kind]
    chosen = [contact for contact in given if said in {contact.value, contact.shown}]
    return next(iter(chosen or given), None)
