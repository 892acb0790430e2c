"""What to say on the phone and what to ask later: a missing fact is a question, not a blank row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from libs.attachments.records import type_of_name
from libs.leads.reach import Reach
from libs.leads.snapshot import Contact, Summary
from libs.shops.profile import ShopProfile
from services.mailer.letter.language import Words, words
from services.mailer.letter.photos import MissingPhoto
from services.mailer.letter.wording import clip, one_line

CALL_LINES: Final = 3
MOST_QUESTIONS: Final = 8

_MISSING: Final = (
    ("customer_name", "their name"),
    ("vehicle", "the vehicle or item (year, make, model)"),
    ("project", "the work to be done"),
    ("timeline", "the date they need it by"),
)
"""Fact of the summary → what to ask for."""


def script_and_questions(
    summary: Summary, profile: ShopProfile, found: Reach, missing: tuple[MissingPhoto, ...]
) -> tuple[tuple[Words, ...], tuple[Words, ...]]:
    """Exactly three lines for the call; what of ours found no room there leads the questions."""
    ours = _once([*_ask_again(found, missing), *_ask_for(summary, found)], "en")
    shops, theirs = profile.languages[0], summary.language
    prompts = _once(summary.call_script_prompts, shops)
    script = [*(ours | prompts | _once(profile.call_script, shops)).items()][:CALL_LINES]
    rest = ours | _once(summary.follow_up_questions, theirs) | prompts
    left = [line for text, line in rest.items() if text not in dict(script)]
    return tuple(line for _, line in script), tuple(left[:MOST_QUESTIONS])


def steps(summary: Summary, found: Reach) -> tuple[Words, ...]:
    if summary.next_steps:
        return tuple(words(step, summary.language) for step in summary.next_steps)
    if found.phone:
        return (words(f"Call or text {one_line(found.phone.shown, 40)}."),)
    return (words(f"Write to {one_line(found.email.shown, 254)}."),) if found.email else ()


def _ask_again(found: Reach, missing: tuple[MissingPhoto, ...]) -> list[str]:
    asks = []
    what = "photo" if all(_meant_as_photo(one) for one in missing) else "file"
    if len(missing) == 1:
        name = one_line(missing[0].name, 80)
        asks.append(f"Ask for the {what} {name} again: {one_line(missing[0].why, 100)}.")
    elif missing:
        names = clip(", ".join(one_line(photo.name, 40) for photo in missing), 160)
        asks.append(f"Ask for {len(missing)} {what}s again: {names}.")
    asks += [_doubt(contact) for contact in (found.phone, found.email) if contact and contact.doubt]
    return asks


def _meant_as_photo(missing: MissingPhoto) -> bool:
    """Of what was refused only the name tells."""
    return missing.is_picture or (type_of_name(missing.name) or "").startswith("image/")


def _doubt(contact: Contact) -> str:
    what = "phone number" if contact.kind == "phone" else "email address"
    return f"Ask for the {what} again: {one_line(contact.doubt, 160)}."


def _ask_for(summary: Summary, found: Reach) -> list[str]:
    """One line for all that is missing, so that the summary's own lines keep their place.

    Of a mail without a summary nobody can tell what is missing.
    """
    if not summary.summary:
        return []
    missing = [what for fact, what in _MISSING if not getattr(summary, fact)]
    if found.phone is None:
        missing.append("the best number to call or text")
    *most, last = missing or [""]
    listed = f"{', '.join(most)} and {last}" if most else last
    return [f"Ask for {listed}."] if listed else []


def _once(lines: Iterable[str], lang: str) -> dict[str, Words]:
    return {line: words(line, lang) for line in lines}
