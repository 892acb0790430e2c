"""From a snapshot to everything its mail says, each fact once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from libs.languages import name_of
from libs.leads.reach import Reach, own_words, reach
from libs.leads.snapshot import Contact, LeadSnapshot, Summary
from libs.shops.colour import ink_on
from libs.shops.profile import ShopProfile
from services.mailer.letter.actions import actions, address
from services.mailer.letter.drafts import drafts
from services.mailer.letter.facts import printable
from services.mailer.letter.labels import Labels, Name, Notices, PhotoWords
from services.mailer.letter.language import Words, labels_for, language_tag, words
from services.mailer.letter.links import link_marker
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
    frame = _frame(summary, snapshot.locale, profile)
    labels, summary = frame.labels, printable(summary, frame.mark)
    snapshot = msgspec.structs.replace(snapshot, summary=summary)
    written = drafts(summary, profile, frame.lang, found)
    tappable = actions(snapshot, profile, labels, found, written, context.text_link)
    script, questions = script_and_questions(summary, profile, found, context.photos.missing)
    return MailView(
        labels=labels,
        shop=shop_card(profile),
        subject=subject(snapshot, labels, possible_duplicate=context.possible_duplicate),
        notices=tuple(_notices(snapshot, context, labels.notices)),
        name=_name(summary, found, frame),
        need=_need(snapshot, frame),
        gist=_gist(snapshot.summary, frame),
        buttons=tappable[:2],
        glance=_glance(summary, found, frame, context.photos),
        chips=tappable[2:],
        photos=_photos(context, labels),
        summary=_summary(snapshot, frame),
        next_steps=steps(summary, found, labels),
        questions=questions,
        script=script,
        drafts=written,
        attribution=attribution_rows(snapshot, frame),
        transcript=transcript(snapshot, context, frame),
        diagnostics=diagnostic_rows(snapshot, frame),
    )


def _frame(summary: Summary, locale: str, profile: ShopProfile) -> Frame:
    shops = profile.languages[0]
    labels = labels_for(shops)
    return Frame(
        zone=profile.timezone,
        mark=link_marker(profile, labels.external),
        lang=language_tag(summary.customer_language or "", locale, shops),
        shop_lang=shops,
        labels=labels,
    )


def shop_card(profile: ShopProfile) -> ShopCard:
    return ShopCard(
        name=profile.name,
        phone=profile.phone_shown,
        address=profile.address,
        colour=profile.colour,
        on_colour=ink_on(profile.colour),
    )


def _notices(snapshot: LeadSnapshot, context: MailContext, notices: Notices) -> Iterator[str]:
    summary, rung = snapshot.summary, context.rung
    if context.possible_duplicate:
        yield notices.possible_copy
    if snapshot.kind == "partial":
        missing = one_line(", ".join(summary.missing_info), 200)
        yield notices.partial + (notices.missing.format(missing) if missing else "")
    if rung >= Rung.WITHOUT_SUMMARY:
        yield notices.without_summary
    elif summary.source == "rules":
        yield notices.by_rules
    if rung >= Rung.WITHOUT_ATTACHMENTS and snapshot.photos:
        yield notices.without_attachments + (notices.linked if context.originals else "")


def _name(summary: Summary, found: Reach, frame: Frame) -> Words:
    if name := one_line(summary.customer_name or "", 80):
        return words(name, frame.lang)
    contact = found.phone or found.email
    return frame.ours(one_line(contact.shown, 80) if contact else frame.labels.names["visitor"])


def _need(snapshot: LeadSnapshot, frame: Frame) -> Words:
    """Vehicle and project in one line; the customer's own words where these name none."""
    summary = snapshot.summary
    if summary.project:
        return words(need(summary), frame.lang)
    said = one_line(own_words(snapshot.lines, snapshot.contacts), LONGEST_NEED)
    return frame.said(need(msgspec.structs.replace(summary, project=said), LONGEST_NEED))


def _gist(summary: Summary, frame: Frame) -> Words:
    """For a shop that cannot read what the customer wrote; rules only quote it."""
    tags = (tag.partition("-")[0] for tag in (frame.lang, summary.language))
    if summary.source == "rules" or len({*tags}) == 1:
        return words("")
    return words(one_line(summary.summary, LONGEST_GIST), summary.language)


def _glance(summary: Summary, found: Reach, frame: Frame, photos: PhotoPlan) -> tuple[Row, ...]:
    facts: dict[Name, str | None] = {
        "location": summary.customer_location,
        "vehicle": summary.vehicle,
        "project": summary.project,
        "timeline": summary.timeline,
    }
    names, lang = frame.labels.names, frame.lang
    rows = [
        Row(names["customer"], words(summary.customer_name or "", lang)),
        Row(names["language"], frame.ours(_foreign(frame))),
        *_contact("phone", found.phone, frame),
        *_contact("email", found.email, frame),
        *_also_given(found.others, frame),
        *(Row(names[name], words(fact or "", lang)) for name, fact in facts.items()),
        Row(names["photos"], frame.ours(str(photos.pictures or ""))),
    ]
    return tuple(row for row in rows if row.words)


def _foreign(frame: Frame) -> str:
    """What the customer writes, where the shop writes another."""
    theirs, ours = (tag.partition("-")[0] for tag in (frame.lang, frame.shop_lang))
    return "" if theirs == ours else name_of(frame.lang, frame.labels.lang)


def _contact(kind: Name, contact: Contact | None, frame: Frame) -> tuple[Row, ...]:
    if contact is None:
        return ()
    names = frame.labels.names
    row = Row(names[kind], frame.ours(one_line(contact.shown, 254)), address(contact))
    return (row, Row(names["check"], frame.ours(one_line(contact.doubt, 160))))


def _also_given(others: tuple[Contact, ...], frame: Frame) -> list[Row]:
    """Each to tap, and why to doubt it; of very many the rest stands in the conversation."""
    label, rows = frame.labels.names["also_given"], []
    for one in others[:MOST_OTHERS]:
        doubt = f" ({one_line(one.doubt, 160)})" if one.doubt else ""
        rows.append(Row(label, frame.ours(one_line(one.shown, 254) + doubt), address(one)))
    if rest := len(others) - len(rows):
        rows.append(Row(label, frame.ours(frame.labels.more_given.format(rest))))
    return rows


def _summary(snapshot: LeadSnapshot, frame: Frame) -> Words:
    """What the summary says, else the customer in their own words."""
    if said := snapshot.summary.summary:
        return words(said, snapshot.summary.language)
    spoken = (one_line(line.text, 300) for line in snapshot.lines if line.speaker == "customer")
    quoted = [f"“{text}”" for text in spoken if text][:4]
    return frame.said("\n".join(quoted))


def _photos(context: MailContext, labels: Labels) -> Photos:
    plan, said = context.photos, labels.photos
    shown = tuple(
        _shown(photo, _alt(photo, place, plan.pictures, said), context)
        for place, photo in enumerate(plan.shown, 1)
    )
    alike = sum(photo.similar for photo in plan.shown)
    note = said.shown.format(len(shown), plan.pictures) if len(shown) < plan.pictures else ""
    return Photos(
        shown=shown,
        sheet=_shown(plan.sheet, plan.sheet.alt, context) if plan.sheet else None,
        note=note + (said.in_small.format(alike) if alike else ""),
        linked=tuple(
            (one_line(left.name, 80), context.originals[left.id])
            for left in plan.left_out
            if left.id in context.originals
        ),
        missing=(*_missing(plan.missing, labels), *_without_link(context, labels)),
        files=tuple(one_line(file.name, 120) for file in plan.files),
    )


def _missing(missing: tuple[MissingPhoto, ...], labels: Labels) -> tuple[str, ...]:
    """Somebody who sends fifty files that we do not take fills no mail with their names."""
    told = missing[:MOST_MISSING]
    lines = [f"{one_line(photo.name, 80)}: {labels.why[photo.why]}" for photo in told]
    if rest := len(missing) - len(told):
        lines.append(labels.photos.more.format(rest))
    return tuple(lines)


def _without_link(context: MailContext, labels: Labels) -> list[str]:
    """On one machine no link leads to a file that does not fit; photos are on the contact sheet."""
    return [
        f"{one_line(left.name, 80)}: {labels.why['no_room']}"
        for left in context.photos.left_out
        if isinstance(left, MailFile) and left.id not in context.originals
    ]


def _alt(photo: MailPhoto, place: int, pictures: int, said: PhotoWords) -> str:
    similar = said.similar.format(photo.similar) if photo.similar else ""
    return said.alt.format(place, pictures, one_line(photo.name, 80)) + similar


def _shown(photo: MailPhoto, alt: str, context: MailContext) -> ShownPhoto:
    return ShownPhoto(
        cid(photo.id), alt, photo.width, photo.height, context.originals.get(photo.id, "")
    )
