"""What to say on the phone and what to ask later: a missing fact is a question, not a blank row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from libs.attachments.records import type_of_name
from libs.leads.reach import Reach
from libs.leads.snapshot import Summary
from libs.shops.profile import ShopProfile
from services.mailer.letter.labels import Asking, Fact, Labels
from services.mailer.letter.language import Words, labels_for, words
from services.mailer.letter.photos import MissingPhoto
from services.mailer.letter.wording import clip, one_line

CALL_LINES: Final = 3
MOST_QUESTIONS: Final = 8

_MISSING: Final[tuple[Fact, ...]] = ("customer_name", "vehicle", "project", "timeline")


def script_and_questions(
    summary: Summary, profile: ShopProfile, found: Reach, missing: tuple[MissingPhoto, ...]
) -> tuple[tuple[Words, ...], tuple[Words, ...]]:
    """Exactly three lines for the call; what else is to be asked leads the questions."""
    labels = labels_for(profile.languages[0])
    asks = (*_ask_again(found, missing, labels), *_ask_for(summary, found, labels.asking))
    ours = _once(asks, labels.lang)
    shops, theirs = profile.languages[0], summary.language
    prompts = _once(summary.call_script_prompts, shops)
    script = [*(ours | prompts | _once(profile.call_script, shops)).items()][:CALL_LINES]
    rest = ours | _once(summary.follow_up_questions, theirs) | prompts
    told = {*dict(script), *profile.call_script}
    left = [line for text, line in rest.items() if text not in told]
    return tuple(line for _, line in script), tuple(left[:MOST_QUESTIONS])


def steps(summary: Summary, found: Reach, labels: Labels) -> tuple[Words, ...]:
    if summary.next_steps:
        return tuple(words(step, summary.language) for step in summary.next_steps)
    if found.phone:
        said = labels.asking.call.format(one_line(found.phone.shown, 40))
    elif found.email:
        said = labels.asking.write.format(one_line(found.email.shown, 254))
    else:
        return ()
    return (words(said, labels.lang),)


def _ask_again(found: Reach, missing: tuple[MissingPhoto, ...], labels: Labels) -> Iterator[str]:
    asking = labels.asking
    photos = all(_meant_as_photo(one) for one in missing)
    if len(missing) == 1:
        again = asking.photo_again if photos else asking.file_again
        yield again.format(one_line(missing[0].name, 80), labels.why[missing[0].why])
    elif missing:
        names = clip(", ".join(one_line(photo.name, 40) for photo in missing), 160)
        again = asking.photos_again if photos else asking.files_again
        yield again.format(len(missing), names)
    if found.phone and found.phone.doubt:
        yield asking.phone_again.format(one_line(found.phone.doubt, 160))
    if found.email and found.email.doubt:
        yield asking.email_again.format(one_line(found.email.doubt, 160))


def _meant_as_photo(missing: MissingPhoto) -> bool:
    """Of what was refused only the name tells."""
    return missing.is_picture or (type_of_name(missing.name) or "").startswith("image/")


def _ask_for(summary: Summary, found: Reach, asking: Asking) -> list[str]:
    """One line for all that is missing, so that the summary's own lines keep their place.

    Of a mail without a summary nobody can tell what is missing.
    """
    if not summary.summary:
        return []
    known = {"vehicle": summary.vehicle or summary.item}
    missing = [
        asking.facts[fact] for fact in _MISSING if not known.get(fact, getattr(summary, fact))
    ]
    if found.phone is None:
        missing.append(asking.facts["phone"])
    *most, last = missing or [""]
    listed = f"{', '.join(most)}{asking.and_}{last}" if most else last
    return [asking.ask_for.format(listed)] if listed else []


def _once(lines: Iterable[str], lang: str) -> dict[str, Words]:
    return {line: words(line, lang) for line in lines}
