"""A summary made printable: cleaned, bounded, and with links marked that are not the shop's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from libs.leads.snapshot import LeadSnapshot, Summary
from services.mailer.letter.wording import one_line, some_lines

T = TypeVar("T", bound=msgspec.Struct)

LONGEST_SUMMARY: Final = 2500
LONGEST_LINE: Final = 300
_CLOSED: Final = frozenset({"source", "handoff_reason"})
_ONE_LINE: Final = {
    "customer_name": 200,
    "customer_location": 200,
    "vehicle": 200,
    "item": 200,
    "project": 200,
    "timeline": 200,
}
_LISTS: Final = {
    "next_steps": 6,
    "follow_up_questions": 6,
    "call_script_prompts": 3,
    "missing_info": 8,
}
"""Field → how many lines it may hold."""


def printable(summary: Summary, mark: Callable[[str], str]) -> Summary:
    """All but the words to the customer: those are copied and sent, not read as ours."""

    def line(text: str, limit: int) -> str:
        return mark(one_line(text, limit))

    facts = {name: line(getattr(summary, name) or "", size) for name, size in _ONE_LINE.items()}
    lists = {
        name: tuple(filter(None, (line(text, LONGEST_LINE) for text in getattr(summary, name))))
        for name in _LISTS
    }
    return msgspec.structs.replace(
        summary,
        summary=mark(some_lines(summary.summary, LONGEST_SUMMARY)),
        **facts,
        **{name: given[: _LISTS[name]] for name, given in lists.items()},
    )


def shortened(snapshot: LeadSnapshot, longest: int) -> LeadSnapshot:
    """For who fills every field to the brim: all but the conversation, cut to a few words."""
    attribution = snapshot.attribution
    return msgspec.structs.replace(
        snapshot,
        summary=_cut(snapshot.summary, longest),
        attribution=_cut(attribution, longest) if attribution else None,
        signals=tuple(_cut(signal, longest) for signal in snapshot.signals[-3:]),
        title=snapshot.title[:longest],
        page_url=snapshot.page_url[:longest],
    )


def _cut(given: T, longest: int) -> T:
    """The same struct with every text in it cut."""
    texts: dict[str, object] = {}
    for name in given.__struct_fields__:
        value = getattr(given, name)
        if isinstance(value, str) and name not in _CLOSED:
            texts[name] = value[:longest]
        elif isinstance(value, tuple):
            texts[name] = tuple(text[:longest] for text in value)
        elif isinstance(value, msgspec.Struct):
            texts[name] = _cut(value, longest)
    return msgspec.structs.replace(given, **texts)
