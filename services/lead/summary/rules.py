"""The summary that needs no model, made of the facts that rules can find.

It is what the mail says when there is no key, or when the model fails; nothing in it is made up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from libs.conversations.port import Conversation
from libs.languages import name_of, tag_of
from libs.leads.greetings import greeting_for
from libs.leads.reach import own_words
from libs.leads.snapshot import Contact, Summary
from libs.shops.profile import CALL_SCRIPT_LINES, ShopProfile
from services.lead.summary.facts import Found, shortened
from services.lead.summary.phrases import Gap, Kind, Phrases, phrases_for
from services.lead.summary.wordings import BARE_ANSWER
from services.lead.transcript import Subject


def summarize(found: Found, subject: Subject) -> Summary:
    """Useful on its own: who, what, how to reach them, what to ask."""
    profile, contacts = subject.profile, subject.contacts
    phrases = phrases_for(profile.languages[0])
    gaps = [phrases.missing[gap] for gap, filled in _filled(found).items() if not filled]
    sent = _sent(subject.conversation)
    reason = _reason(found, contacts)
    return Summary(
        customer_name=found.name or None,
        customer_phone=_of_kind(contacts, "phone"),
        customer_email=_of_kind(contacts, "email"),
        customer_location=found.location or None,
        customer_language=found.language or None,
        vehicle=found.vehicle or None,
        item=found.item or None,
        project=found.project or None,
        timeline=found.timeline or None,
        handoff_ready=reason == READY,
        handoff_reason=reason,
        summary=" ".join(_sentences(found, subject, sent, phrases)),
        next_steps=_next_steps(found, contacts, sent, phrases),
        follow_up_questions=tuple(gap.question for gap in gaps),
        call_script_prompts=call_script((), profile),
        missing_info=tuple(gap.name for gap in gaps),
        outreach_message=greeting(found.language, found.name, found.vehicle, profile),
        source="rules",
        language=phrases.language,
    )


def call_script(prompts: Sequence[str], profile: ShopProfile) -> tuple[str, ...]:
    """Exactly three, the shop's own where there are too few."""
    own = [line for line in profile.call_script if line not in prompts]
    return (*prompts, *own)[:CALL_SCRIPT_LINES]


READY: Final = "ready_for_follow_up"


def _filled(found: Found) -> dict[Gap, str]:
    return {
        "project": found.project,
        "vehicle": found.vehicle or found.item,
        "name": found.name,
        "timeline": found.timeline,
    }


def _reason(found: Found, contacts: Sequence[Contact]) -> str:
    """A way to reach them and a need; to what, the shop can ask (`_next_steps`)."""
    if not contacts:
        return "missing_contact"
    return READY if found.project else "missing_project_details"


def _of_kind(contacts: Iterable[Contact], kind: str) -> str | None:
    return next((contact.value for contact in contacts if contact.kind == kind), None)


def _sent(conversation: Conversation) -> Counter[Kind]:
    """How many of each kind, a file that was sent twice once."""
    types = {each.id: each.mime_type for item in conversation.items for each in item.attachments}
    return Counter(_kind(mime_type) for mime_type in types.values())


def _kind(mime_type: str) -> Kind:
    if mime_type.startswith("image/"):
        return "photo"
    return "pdf" if mime_type == "application/pdf" else "file"


def _sentences(found: Found, subject: Subject, sent: Counter[Kind], phrases: Phrases) -> list[str]:
    """In the shop's words around the customer's own."""
    who, thing = _who(found, subject.profile, phrases), found.thing
    said = [phrases.about.format(who, thing) if thing else phrases.got_in_touch.format(who)]
    if told := found.told or _own_words(subject):
        said.append(phrases.in_their_words.format(" … ".join(told)))
    if found.timeline:
        said.append(phrases.timing.format(found.timeline))
    if sent:
        said.append(phrases.sent.format(_listed(sent, phrases)))
    return said


def _own_words(subject: Subject) -> tuple[str, ...]:
    words = shortened(own_words(subject.lines, subject.contacts))
    return (words,) if words and not BARE_ANSWER.fullmatch(words) else ()


def _who(found: Found, profile: ShopProfile, phrases: Phrases) -> str:
    """With the language that they write, where it is not the shop's own."""
    tag, own = (name.partition("-")[0] for name in (tag_of(found.language), profile.languages[0]))
    language = name_of(tag, phrases.language)
    writes = phrases.writes.format(language) if tag not in {"", own} else ""
    return f"{found.name or phrases.somebody}{writes}"


def _listed(sent: Counter[Kind], phrases: Phrases) -> str:
    """`3 photos and a PDF`."""
    *most, last = [words.of(sent[kind]) for kind, words in phrases.files.items() if sent[kind]]
    return f"{', '.join(most)}{phrases.and_}{last}" if most else last


def _next_steps(
    found: Found, contacts: Sequence[Contact], sent: Counter[Kind], phrases: Phrases
) -> tuple[str, ...]:
    steps = [phrases.ways[contact.kind].format(contact.shown) for contact in _first_ways(contacts)]
    if not found.needs_known:
        named = found.vehicle or found.item
        steps.append(phrases.ask_work if named else phrases.ask_need)
    if not sent["photo"]:
        steps.append(phrases.ask_photos)
    return (*steps, phrases.agree)


def _first_ways(contacts: Sequence[Contact]) -> list[Contact]:
    """Of each kind the first; one in doubt only where there is nothing better."""
    first = {contact.kind: contact for contact in reversed(contacts)}.values()
    ways = sorted(first, key=contacts.index)
    return [contact for contact in ways if not contact.doubt] or ways


def greeting(language: str | None, name: str | None, about: str | None, shop: ShopProfile) -> str:
    """The first words to the customer, in their language, by what is known of them."""
    _, words = greeting_for(tag_of(language or ""))
    return words.text(shop=shop.name, phone=shop.phone_shown, name=name or "", about=about or "")
