"""From a snapshot to everything its mail says, each fact once."""

from __future__ import annotations

from typing import Final

import msgspec

from libs.languages import name_of
from libs.leads.reach import Reach, reach
from libs.leads.snapshot import Contact, LeadSnapshot, Summary
from libs.shops.colour import ink_on
from libs.shops.profile import ShopProfile
from services.mailer.letter.actions import actions, address
from services.mailer.letter.drafts import drafts
from services.mailer.letter.facts import printable
from services.mailer.letter.language import Words, language_tag, words
from services.mailer.letter.links import own_hosts
from services.mailer.letter.origin import attribution_rows, diagnostic_rows
from services.mailer.letter.photos import MailFile, MailPhoto, MissingPhoto, cid
from services.mailer.letter.script import script_and_questions, steps
from services.mailer.letter.shape import (
    Frame,
    MailContext,
    MailView,
    PhotoPlan,
    Photos,
    Row,
    Rung,
    ShopCard,
    ShownPhoto,
)
from services.mailer.letter.subject import need, subject
from services.mailer.letter.turns import transcript
from services.mailer.letter.wording import one_line

LONGEST_NEED: Final = 140
LONGEST_GIST: Final = 160
MOST_OTHERS: Final = 4
MOST_MISSING: Final = 10


def view(snapshot: LeadSnapshot, profile: ShopProfile, context: MailContext) -> MailView:
    """Pure: the same arguments, the same mail."""
    found = reach(snapshot)
    summary = Summary() if context.rung >= Rung.WITHOUT_SUMMARY else snapshot.summary
    summary = printable(summary, own_hosts(profile))
    snapshot = msgspec.structs.replace(snapshot, summary=summary)
    frame = _frame(snapshot, profile)
    written = drafts(summary, profile, frame.lang, found)
    tappable = actions(snapshot, profile, found, written, context.text_link)
    script, questions = script_and_questions(summary, profile, found, context.photos.missing)
    return MailView(
        shop=shop_card(profile),
        subject=subject(snapshot, possible_duplicate=context.possible_duplicate),
        notices=_notices(snapshot, context),
        name=_name(summary, found, frame.lang),
        need=_need(snapshot, frame),
        gist=_gist(snapshot.summary, frame),
        buttons=tappable[:2],
        glance=_glance(summary, found, frame.lang, context.photos),
        chips=tappable[2:],
        photos=_photos(context),
        summary=_summary(snapshot, frame),
        next_steps=steps(summary, found),
        questions=questions,
        script=script,
        drafts=written,
        attribution=attribution_rows(snapshot, frame),
        transcript=transcript(snapshot, context, frame),
        diagnostics=diagnostic_rows(snapshot, frame),
    )


def _frame(snapshot: LeadSnapshot, profile: ShopProfile) -> Frame:
    said = snapshot.summary.customer_language or ""
    return Frame(
        zone=profile.timezone,
        own_hosts=own_hosts(profile),
        lang=language_tag(said, snapshot.locale, profile.languages[0]),
    )


def shop_card(profile: ShopProfile) -> ShopCard:
    return ShopCard(
        name=profile.name,
        phone=profile.phone_shown,
        address=profile.address,
        colour=profile.colour,
        on_colour=ink_on(profile.colour),
    )


def _notices(snapshot: LeadSnapshot, context: MailContext) -> tuple[str, ...]:
    summary = snapshot.summary
    missing = one_line(", ".join(summary.missing_info), 200)
    by_rules = summary.source == "rules" and context.rung < Rung.WITHOUT_SUMMARY
    left_out = context.rung >= Rung.WITHOUT_ATTACHMENTS and bool(snapshot.photos)
    linked = " The links below open them for 90 days." if context.originals else ""
    said = {
        "Possible copy: we could not find out whether an earlier mail about this lead reached you."
        " The same id in the subject is the same lead.": context.possible_duplicate,
        "Partial lead: the customer stopped before everything was said."
        + (f" Missing: {missing}." if missing else ""): snapshot.kind == "partial",
        "Summary unavailable: the facts below were picked out by simple rules."
        " Read the conversation before you call.": by_rules,
        "Summary left out: this mail could not be sent with it."
        " Read the conversation before you call.": context.rung >= Rung.WITHOUT_SUMMARY,
        "Photos and files were left out of this mail because it could not be sent with them."
        + linked: left_out,
    }
    return tuple(notice for notice, applies in said.items() if applies)


def _name(summary: Summary, found: Reach, lang: str) -> Words:
    if name := one_line(summary.customer_name or "", 80):
        return words(name, lang)
    contact = found.phone or found.email
    return words(one_line(contact.shown, 80) if contact else "A visitor")


def _need(snapshot: LeadSnapshot, frame: Frame) -> Words:
    """Vehicle and project in one line, else the customer's own first words."""
    if facts := need(snapshot.summary):
        return words(facts, frame.lang)
    spoken = (line.text for line in snapshot.lines if line.speaker == "customer" and line.text)
    return frame.said(one_line(next(spoken, ""), LONGEST_NEED))


def _gist(summary: Summary, frame: Frame) -> Words:
    """For a shop that cannot read what the customer wrote; rules only quote it."""
    tags = (tag.partition("-")[0] for tag in (frame.lang, summary.language))
    if summary.source == "rules" or len({*tags}) == 1:
        return words("")
    return words(one_line(summary.summary, LONGEST_GIST), summary.language)


def _glance(summary: Summary, found: Reach, lang: str, photos: PhotoPlan) -> tuple[Row, ...]:
    rows = [
        Row("Customer", words(summary.customer_name or "", lang)),
        Row("Language", words("" if lang.startswith("en") else name_of(lang))),
        *_contact("Phone", found.phone),
        *_contact("Email", found.email),
        *_also_given(found.others),
        Row("Location", words(summary.customer_location or "", lang)),
        Row("Vehicle", words(summary.vehicle or "", lang)),
        Row("Project", words(summary.project or "", lang)),
        Row("Timeline", words(summary.timeline or "", lang)),
        Row("Photos", words(str(photos.pictures or ""))),
    ]
    return tuple(row for row in rows if row.words)


def _contact(label: str, contact: Contact | None) -> tuple[Row, ...]:
    if contact is None:
        return ()
    row = Row(label, words(one_line(contact.shown, 254)), address(contact))
    return (row, Row("Check", words(one_line(contact.doubt, 160))))


def _also_given(others: tuple[Contact, ...]) -> list[Row]:
    """Each to tap, and why to doubt it; of very many the rest stands in the conversation."""
    rows = []
    for one in others[:MOST_OTHERS]:
        doubt = f" ({one_line(one.doubt, 160)})" if one.doubt else ""
        rows.append(Row("Also given", words(one_line(one.shown, 254) + doubt), address(one)))
    if rest := len(others) - len(rows):
        rows.append(Row("Also given", words(f"{rest} more, see the transcript")))
    return rows


def _summary(snapshot: LeadSnapshot, frame: Frame) -> Words:
    """What the summary says, else the customer in their own words."""
    if said := snapshot.summary.summary:
        return words(said, snapshot.summary.language)
    spoken = (one_line(line.text, 300) for line in snapshot.lines if line.speaker == "customer")
    quoted = [f"“{text}”" for text in spoken if text][:4]
    return frame.said("\n".join(quoted))


def _photos(context: MailContext) -> Photos:
    plan = context.photos
    shown = tuple(
        _shown(photo, _alt(photo, place, plan.pictures), context)
        for place, photo in enumerate(plan.shown, 1)
    )
    sheet = _shown(plan.sheet, plan.sheet.alt, context) if plan.sheet else None
    alike = sum(photo.similar for photo in plan.shown)
    note = f"{len(shown)} of {plan.pictures} shown" if len(shown) < plan.pictures else ""
    return Photos(
        shown=shown,
        sheet=sheet,
        note=f"{note}, {alike} similar in small" if alike else note,
        linked=tuple(
            (one_line(left.name, 80), context.originals[left.id])
            for left in plan.left_out
            if left.id in context.originals
        ),
        missing=(*_missing(plan.missing), *_without_link(context)),
        files=tuple(one_line(file.name, 120) for file in plan.files),
    )


def _missing(missing: tuple[MissingPhoto, ...]) -> tuple[str, ...]:
    """Somebody who sends fifty files that we do not take fills no mail with their names."""
    told = missing[:MOST_MISSING]
    lines = [f"{one_line(photo.name, 80)}: {one_line(photo.why, 100)}" for photo in told]
    if rest := len(missing) - len(told):
        lines.append(f"{rest} more")
    return tuple(lines)


def _without_link(context: MailContext) -> list[str]:
    """On one machine no link leads to a file that does not fit; photos are on the contact sheet."""
    return [
        f"{one_line(left.name, 80)}: it is too large for this mail, and kept in our store"
        for left in context.photos.left_out
        if isinstance(left, MailFile) and left.id not in context.originals
    ]


def _alt(photo: MailPhoto, place: int, pictures: int) -> str:
    similar = f" (+{photo.similar} similar)" if photo.similar else ""
    return f"Photo {place} of {pictures}: {one_line(photo.name, 80)}{similar}"


def _shown(photo: MailPhoto, alt: str, context: MailContext) -> ShownPhoto:
    return ShownPhoto(
        cid(photo.id), alt, photo.width, photo.height, context.originals.get(photo.id, "")
    )
