"""What to say on the phone and what to ask later: a missing fact is a question, not a blank row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from libs.shops.profile import ShopProfile
from libs.snapshot import Contact, Summary
from services.mailer.letter import PhotoPlan
from services.mailer.photos import MissingPhoto
from services.mailer.reach import Reach
from services.mailer.wording import clip, one_line

CALL_LINES: Final = 3
MOST_QUESTIONS: Final = 8
LONGEST_LINE: Final = 300

_ASKS: Final = (
    ("customer_name", "Ask for their name."),
    ("vehicle", "Ask which vehicle or item it is: year, make and model."),
    ("project", "Ask what they would like done."),
    ("timeline", "Ask when they need it done."),
)
"""Fact of the summary → how to get it."""


def script_and_questions(
    summary: Summary, profile: ShopProfile, found: Reach, photos: PhotoPlan
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Exactly three lines for the call; whatever found no room there leads the questions."""
    ours = [*_ask_again(found, photos.missing), *_ask_first(summary, found)]
    model = _tidy(summary.call_script_prompts)
    lines = _once([*ours, *model, *profile.call_script])
    script = lines[:CALL_LINES]
    left = [line for line in lines[CALL_LINES:] if line in {*ours, *model}]
    questions = _once([*left, *_tidy(summary.follow_up_questions)])
    return tuple(script), tuple(questions[:MOST_QUESTIONS])


def steps(summary: Summary, found: Reach) -> tuple[str, ...]:
    if given := _once(_tidy(summary.next_steps)):
        return tuple(given[:6])
    if found.phone:
        return (f"Call or text {one_line(found.phone.shown, 40)}.",)
    return (f"Write to {one_line(found.email.shown, 254)}.",) if found.email else ()


def _ask_again(found: Reach, missing: tuple[MissingPhoto, ...]) -> list[str]:
    asks = []
    if len(missing) == 1:
        name = one_line(missing[0].name, 80)
        asks.append(f"Ask for the photo {name} again: {one_line(missing[0].why, 100)}.")
    elif missing:
        names = clip(", ".join(one_line(photo.name, 40) for photo in missing), 160)
        asks.append(f"Ask for {len(missing)} photos again: {names}.")
    asks += [_doubt(contact) for contact in (found.phone, found.email) if contact and contact.doubt]
    return asks


def _doubt(contact: Contact) -> str:
    what = "phone number" if contact.kind == "phone" else "email address"
    return f"Ask for the {what} again: {one_line(contact.doubt, 160)}."


def _ask_first(summary: Summary, found: Reach) -> list[str]:
    asks = [line for fact, line in _ASKS if not getattr(summary, fact)]
    if found.phone is None:
        asks.append("Ask for the best number to call or text.")
    return asks


def _tidy(given: Iterable[str]) -> list[str]:
    return [line for line in (one_line(text, LONGEST_LINE) for text in given) if line]


def _once(lines: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(lines))
