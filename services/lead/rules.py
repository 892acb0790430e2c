"""The summary that needs no model: what can be found by rule in the customer's own words.

It is what the mail says when there is no key, or when the model fails; nothing in it is made up,
for every fact is cut out of a line.
"""
# ruff: noqa: RUF001 - sentences and apostrophes of every script

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

import msgspec

from libs.shops.profile import CALL_SCRIPT_LINES, ShopProfile
from libs.snapshot import Contact, Line, Summary
from services.lead.languages import language_in
from services.lead.vehicles import vehicle_in
from services.lead.wordings import LOCATION, NAME, NAME_ASKED, NOT_NAMES, OUTREACH, TIMELINE

LINE_CHARACTERS: Final = 2_000
"""A longer line is a paste; what matters stands at its beginning."""
LINES: Final = 200
PROJECT_CHARACTERS: Final = 160


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Facts cut out of customer lines."""

    name: str = ""
    location: str = ""
    language: str = ""
    vehicle: str = ""
    item: str = ""
    project: str = ""
    timeline: str = ""

    @property
    def needs_known(self) -> bool:
        """What is to be done, and to what."""
        return bool(self.project and (self.vehicle or self.item))


def find(lines: Sequence[Line], profile: ShopProfile) -> Found:
    said = [line.text[:LINE_CHARACTERS] for line in _customer(lines)]
    whole = "\n".join(said)
    return Found(
        name=_name(lines),
        location=_first(LOCATION, said),
        language=language_in(whole),
        vehicle=max(map(vehicle_in, reversed(said)), key=_detail, default=""),
        item=_word_in(profile.readiness.item, whole),
        project=_project(said, profile),
        timeline=_first(TIMELINE, said),
    )


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


def _customer(lines: Iterable[Line]) -> list[Line]:
    return [line for line in lines if line.speaker == "customer" and line.text][-LINES:]


def _reason(found: Found, contacts: Sequence[Contact]) -> str:
    if not contacts:
        return "missing_contact"
    if not found.project:
        return "missing_project_details"
    return READY if found.needs_known else "missing_vehicle_context"


def _name(lines: Sequence[Line]) -> str:
    """Said outright, the last time counts; else a short answer to the question for it."""
    for line in reversed(_customer(lines)):
        for pattern in NAME:
            for match in pattern.finditer(line.text[:LINE_CHARACTERS]):
                if name := _as_name(match):
                    return name
    for question, answer in pairwise(lines):
        asked = question.speaker == "assistant" and NAME_ASKED.search(question.text)
        if asked and answer.speaker == "customer" and _SHORT_NAME.fullmatch(answer.text.strip()):
            return answer.text.strip().strip(".")
    return ""


_SHORT_NAME: Final = re.compile(
    r"[A-ZÀ-ÖØ-ÞĐ\u3400-\u9fff\uac00-\ud7af][^\W\d_]{1,20}(?:\s[^\W\d_]{1,20}){0,2}\.?"
)


def _as_name(match: re.Match[str]) -> str:
    groups = match.groupdict()
    name = (groups.get("said") or groups.get("free") or "").strip(" .'’-")
    first = name.split(maxsplit=1)[0].lower() if name else ""
    return "" if first in NOT_NAMES else name


def _first(patterns: Sequence[re.Pattern[str]], said: Sequence[str]) -> str:
    """The last thing said about it counts."""
    for text in reversed(said):
        for pattern in patterns:
            if match := pattern.search(text):
                return match["said"].strip(" .,")
    return ""


def _detail(vehicle: str) -> int:
    return len(vehicle.split())


def _project(said: Sequence[str], profile: ShopProfile) -> str:
    """The sentence that names most of what is to be done, and to what."""
    best, best_score = "", 0
    for text in said:
        for sentence in _SENTENCE.split(text):
            needs = _count(profile.readiness.need, sentence)
            score = needs * 2 + _count(profile.readiness.item, sentence) if needs else 0
            if score > best_score:
                best, best_score = sentence.strip(" .,!?\n"), score
    return (
        best if len(best) <= PROJECT_CHARACTERS else best[: PROJECT_CHARACTERS - 1].rstrip() + "…"
    )


_SENTENCE: Final = re.compile(r"(?<=[.!?؟])\s+|(?<=[。！？])|\n+")


def _count(words: tuple[str, ...], text: str) -> int:
    return len({word.lower() for word in _any_of(words).findall(text)})


def _word_in(words: tuple[str, ...], text: str) -> str:
    match = _any_of(words).search(text)
    return match[0] if match else ""


@lru_cache(maxsize=256)
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    """Words with their endings where the script has them: `replacing`, but no `tornado`."""
    longest_first = sorted(words, key=len, reverse=True)
    spaced = "|".join(_with_endings(word) for word in longest_first if word[-1] < _UNSPACED)
    other = "|".join(re.escape(word) for word in longest_first if word[-1] >= _UNSPACED)
    whole = rf"(?<![^\W\d_])(?:{spaced})(?![^\W\d_])" if spaced else ""
    return re.compile("|".join(part for part in (whole, other) if part) or r"(?!)", re.IGNORECASE)


def _with_endings(word: str) -> str:
    if len(word) < _LONG_WORD:
        return re.escape(word) + "(?:s|es|ed|ing)?"
    return re.escape(word.removesuffix("e")) + r"[^\W\d_]{0,4}"


_LONG_WORD: Final = 5
_UNSPACED: Final = "\u0900"
"""From here on scripts write words together, or change them otherwise."""


def _of_kind(contacts: Iterable[Contact], kind: str) -> str | None:
    return next((contact.value for contact in contacts if contact.kind == kind), None)


def _sentences(found: Found, lines: Sequence[Line]) -> str:
    """In the shop's words around the customer's own."""
    who = found.name or "A customer"
    speaks = f" (writes {found.language})" if found.language not in {"", "English"} else ""
    parts = [f"{who}{speaks} got in touch"]
    if found.vehicle or found.item:
        parts[0] += f" about {_article(found.vehicle) if found.vehicle else f'their {found.item}'}"
    parts[0] += "."
    if found.project:
        parts.append(f"In their words: \u201c{found.project}\u201d.")
    elif said := _customer(lines):
        parts.append(f"Their last message: \u201c{_short(said[-1].text)}\u201d.")
    if found.timeline:
        parts.append(f"Timing: {found.timeline}.")
    photos = sum(len(line.attachments) for line in lines)
    if photos:
        parts.append(f"They sent {photos} {'file' if photos == 1 else 'files'}.")
    return " ".join(parts)


def _article(vehicle: str) -> str:
    return f"a {vehicle}"


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return (
        flat if len(flat) <= PROJECT_CHARACTERS else flat[: PROJECT_CHARACTERS - 1].rstrip() + "…"
    )


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
    wording = OUTREACH.get(found.language) or OUTREACH["English"]
    name = f" {found.name}" if found.name else ""
    about = f" ({found.vehicle})" if found.vehicle else ""
    return wording.format(name=name, about=about, shop=profile.name, phone=shown_phone(profile))


def shown_phone(profile: ShopProfile) -> str:
    """As a person of the shop's region dials it."""
    import phonenumbers

    number = phonenumbers.parse(profile.phone)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
