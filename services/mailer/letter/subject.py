"""The subject line: short, telling, and the same words for a mail rule to match every time."""

from __future__ import annotations

import re
from typing import Final

from libs.leads.snapshot import LeadSnapshot, Summary
from services.mailer.letter.labels import Labels
from services.mailer.letter.links import unlinked
from services.mailer.letter.wording import isolated, one_line

LONGEST_BEFORE_ID: Final = 120
_IN_NAMES: Final = re.compile(r"[^\w\s]")


def subject(
    snapshot: LeadSnapshot, labels: Labels, *, possible_duplicate: bool, with_summary: bool = True
) -> str:
    """`New chat lead: <vehicle> - <project> (<thread id>)`, and what to know before opening it."""
    about = need(snapshot.summary) if with_summary else ""
    about = unlinked(about or one_line(snapshot.title, 100))
    prefix = labels.possible_copy if possible_duplicate else ""
    prefix += labels.partial if snapshot.kind == "partial" else ""
    whole = f"{prefix}{labels.lead}: {about}" if about else prefix + labels.lead
    room = LONGEST_BEFORE_ID - 1 - (len(isolated(whole)) - len(whole))
    return f"{isolated(one_line(whole, room))} ({one_line(snapshot.thread_id, 140)})"


def need(summary: Summary, longest: int = 80) -> str:
    """`<vehicle> - <project>`; a vehicle that the project names is not told twice."""
    vehicle, project = one_line(summary.vehicle or "", 80), one_line(summary.project or "", longest)
    told_twice = _names(vehicle) <= _names(project) or _as_said(vehicle).search(project)
    return " - ".join(fact for fact in ("" if told_twice else vehicle, project) if fact)


def _names(fact: str) -> set[str]:
    """`F-150` is the customer's `f150`."""
    return set(_IN_NAMES.sub("", fact.casefold()).split())


def _as_said(fact: str) -> re.Pattern[str]:
    """In `Camry's`, and where a script writes words together; `afford` names no Ford."""
    return re.compile(rf"(?<![a-z0-9]){re.escape(fact)}(?![a-z0-9])", re.IGNORECASE)
