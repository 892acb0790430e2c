"""The summary that needs no model, made of the facts that rules can find.

It is what the mail says when there is no key, or when the model fails; nothing in it is made up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from libs.greetings import greeting_for
from libs.languages import tag_of
from libs.shops.profile import CALL_SCRIPT_LINES, ShopProfile
from libs.snapshot import Contact, Line, Summary
from services.lead.summary.facts import Found, customer_lines, shortened


def summarize(
    found: Found, contacts: Sequence[Contact], lines: Sequence[Line], profile: ShopProfile
) -> Summary:
    """Useful on its own: who, what, how to reach them, what to ask."""
    gaps = [gap for gap in _GAPS if not any(getattr(found, name) for name in gap.filled_by)]
    reason = _reason(found, contacts)
    return Summary(
        customer_name=found.name or None,
        customer_phone=_of_kind(contacts, "phone"),
        customer_email=_of_kind(contacts, "email"),
        customer_location=found.location or None,
        customer_language=found.language or None,
        vehicle=found.vehicle or None,
        project=found.project or None,
        timeline=found.timeline or None,
        handoff_ready=reason == READY,
        handoff_reason=reason,
        summary=_sentences(found, lines),
        next_steps=_next_steps(found, contacts, lines),
        follow_up_questions=tuple(gap.question for gap in gaps),
        call_script_prompts=call_script((), profile),
        missing_info=tuple(gap.name for gap in gaps),
        outreach_message=_outreach(found, profile),
        source="rules",
    )


def call_script(prompts: Sequence[str], profile: ShopProfile) -> tuple[str, ...]:
    """Exactly three, the shop's own where there are too few."""
    own = [line for line in profile.call_script if line not in prompts]
    return (*prompts, *own)[:CALL_SCRIPT_LINES]


READY: Final = "ready_for_follow_up"


class _Gap(msgspec.Struct, frozen=True):
    """Something worth knowing, and how to ask for it."""

    filled_by: tuple[str, ...]
    name: str
    question: str


_GAPS: Final = (
    _Gap(("project",), "what needs to be done", "What would you like us to do?"),
    _Gap(
        ("vehicle", "item"),
        "vehicle or item",
        "Which vehicle (year, make, model) or item is it?",
    ),
    _Gap(("name",), "name", "What is your name?"),
    _Gap(("timeline",), "timeline", "When do you need it done?"),
)


def _reason(found: Found, contacts: Sequence[Contact]) -> str:
    """A way to reach them and a need; to what, the shop can ask (`_next_steps`)."""
    if not contacts:
        return "missing_contact"
    return READY if found.project else "missing_project_details"


def _of_kind(contacts: Iterable[Contact], kind: str) -> str | None:
    return next((contact.value for contact in contacts if contact.kind == kind), None)


def _sentences(found: Found, lines: Sequence[Line]) -> str:
    """In the shop's words around the customer's own."""
    who = found.name or "A customer"
    speaks = f" (writes {found.language})" if found.language not in {"", "English"} else ""
    parts = [f"{who}{speaks} got in touch"]
    if found.vehicle or found.item:
        parts[0] += f" about {f'a {found.vehicle}' if found.vehicle else f'their {found.item}'}"
    parts[0] += "."
    if found.project:
        parts.append(f"In their words: \u201c{found.project}\u201d.")
    elif said := customer_lines(lines):
        parts.append(f"Their last message: \u201c{shortened(said[-1].text)}\u201d.")
    if found.timeline:
        parts.append(f"Timing: {found.timeline}.")
    photos = sum(len(line.attachments) for line in lines)
    if photos:
        parts.append(f"They sent {photos} {'file' if photos == 1 else 'files'}.")
    return " ".join(parts)


def _next_steps(
    found: Found, contacts: Sequence[Contact], lines: Sequence[Line]
) -> tuple[str, ...]:
    ways = {"phone": "Call or text", "email": "Email"}
    steps = [f"{ways[contact.kind]} {contact.shown}." for contact in contacts[:2]]
    if not found.needs_known:
        steps.append("Ask what they need done, and to which vehicle or item.")
    if not any(line.attachments for line in lines):
        steps.append("Ask for photos.")
    return (*steps, "Agree on a time to look at it.")


def _outreach(found: Found, profile: ShopProfile) -> str:
    _, greeting = greeting_for(tag_of(found.language))
    return greeting.text(
        shop=profile.name, phone=profile.phone_shown, name=found.name, about=found.vehicle
    )
