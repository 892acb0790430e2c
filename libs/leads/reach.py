"""How a customer can be reached, and what else they said: mail, `handoff lead` and export agree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from libs.leads.snapshot import Contact, LeadSnapshot, Line

_HELLO_CHARACTERS: Final = 12


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


def own_words(lines: Iterable[Line], contacts: Iterable[Contact]) -> str:
    """The most that the customer said at once, beside hello and how to reach them."""
    reaching = {contact.item_id for contact in contacts}

    def tells(line: Line) -> tuple[bool, int]:
        size = len(line.text)
        return size > _HELLO_CHARACTERS and line.item_id not in reaching, size

    spoken = [one for one in lines if one.speaker == "customer" and any(map(str.isalpha, one.text))]
    return max(spoken, key=tells).text if spoken else ""


def _choose(
    contacts: tuple[Contact, ...], kind: Literal["phone", "email"], said: str | None
) -> Contact | None:
    given = [contact for contact in contacts if contact.kind == kind]
    chosen = [contact for contact in given if said in {contact.value, contact.shown}]
    return next(iter(chosen or given), None)
