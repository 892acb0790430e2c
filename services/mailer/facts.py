"""A summary made printable: cleaned, bounded, and with links marked that are not the shop's own."""

from __future__ import annotations

from typing import Final

import msgspec

from libs.snapshot import Summary
from services.mailer.wording import clean, clip, mark_links, one_line

LONGEST_SUMMARY: Final = 2500
LONGEST_LINE: Final = 300
_ONE_LINE: Final = {
    "customer_name": 200,
    "customer_location": 200,
    "vehicle": 200,
    "project": 200,
    "timeline": 200,
}
_LISTS: Final = {
    "next_steps": 6,
    "follow_up_questions": 6,
    "call_script_prompts": 3,
    "missing_info": 8,
}
"""Field → how many lines it may hold (contracts §4)."""


def printable(summary: Summary, own_hosts: frozenset[str]) -> Summary:
    """All but the words to the customer: those are copied and sent, not read as ours."""

    def line(text: str, limit: int) -> str:
        return mark_links(one_line(text, limit), own_hosts)

    facts = {name: line(getattr(summary, name) or "", size) for name, size in _ONE_LINE.items()}
    lists = {
        name: tuple(filter(None, (line(text, LONGEST_LINE) for text in getattr(summary, name))))
        for name in _LISTS
    }
    return msgspec.structs.replace(
        summary,
        summary=mark_links(clip(clean(summary.summary), LONGEST_SUMMARY), own_hosts),
        **facts,
        **{name: given[: _LISTS[name]] for name, given in lists.items()},
    )
