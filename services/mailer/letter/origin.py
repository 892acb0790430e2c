"""Where the customer came from and what happened on the way, as rows that nobody can click."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from libs.languages import name_of
from libs.leads.snapshot import LeadSnapshot, Signal
from libs.messages.base import Attribution
from services.mailer.letter.actions import logs_link
from services.mailer.letter.language import words
from services.mailer.letter.links import mark_links
from services.mailer.letter.shape import Frame, Row
from services.mailer.letter.wording import moment, one_line

LONGEST_VALUE: Final = 300
MOST_SIGNALS: Final = 10

_FIELDS: Final = (
    ("Device", "device_type"), ("Google click id", "gclid"), ("Google app click id", "gbraid"),
    ("Google web click id", "wbraid"), ("Source", "utm_source"), ("Medium", "utm_medium"),
    ("Campaign", "utm_campaign"), ("Term", "utm_term"), ("Content", "utm_content"),
    ("Landing page", "landing_page"), ("Referrer", "referrer"),
)  # fmt: skip
_REASONS: Final = {
    "idle": "the customer was quiet", "pagehide": "the customer left the page",
    "chat_closed": "the customer closed the chat", "auto": "the chat asked by itself",
    "quiet": "the quiet time passed", "watch": "the session ended", "operator": "a person asked",
}  # fmt: skip


def attribution_rows(snapshot: LeadSnapshot, frame: Frame) -> tuple[Row, ...]:
    pairs: list[tuple[str, str]] = []
    if given := snapshot.attribution:
        pairs += [(label, getattr(given, name)) for label, name in _FIELDS]
        pairs.append(("First visit", _local(given.first_touch_at, frame.zone)))
        pairs.append(("Latest visit", _local(given.last_touch_at, frame.zone)))
        pairs += _first(given)
    newest = sorted(snapshot.signals, key=lambda signal: signal.at)[-MOST_SIGNALS:]
    pairs += [("On the page", _told(signal, frame.zone)) for signal in newest]
    return _rows(pairs, frame)


def _first(given: Attribution) -> list[tuple[str, str]]:
    """What the first visit told, where the latest campaign was another."""
    if given.first is None:
        return []
    told = [(label, name, getattr(given.first, name, "")) for label, name in _FIELDS]
    return [(f"First visit: {label}", text) for label, name, text in told
            if text != getattr(given, name)]  # fmt: skip


def diagnostic_rows(snapshot: LeadSnapshot, frame: Frame) -> tuple[Row, ...]:
    summary, logs = snapshot.summary, logs_link(snapshot)
    pairs = [
        ("Thread", snapshot.thread_id),
        ("Trigger", f"{snapshot.reason}: {_REASONS.get(snapshot.reason, 'another reason')}"),
        ("Visitor", snapshot.visitor),
        ("Missing info", ", ".join(summary.missing_info)),
        ("Locale", snapshot.locale),
        ("Language", f"{name_of(frame.lang)} ({frame.lang})"),
        ("Page", snapshot.page_url),
        ("Decided", moment(snapshot.fixed_at, frame.zone)),
        ("Request", snapshot.request_id),
        ("Removed", f"{summary.removed} made-up details" if summary.removed else ""),
    ]
    rows = _rows(pairs, frame)
    return (*rows, Row("Logs", words(logs), logs)) if logs else rows


def _rows(pairs: Iterable[tuple[str, str]], frame: Frame) -> tuple[Row, ...]:
    shown = ((label, one_line(value, LONGEST_VALUE)) for label, value in pairs)
    return tuple(
        Row(label, words(mark_links(value, frame.own_hosts))) for label, value in shown if value
    )


def _told(signal: Signal, zone: str) -> str:
    """`Click phone, tel:+14085550142, on https://craigs.autos/, Tue, Nov 17, …`."""
    event = signal.event.replace("_", " ").capitalize()
    page = f"on {signal.page_url}" if signal.page_url else ""
    parts = (event, signal.provider, signal.click_url, page, moment(signal.at, zone))
    return ", ".join(one_line(part, 120) for part in parts if part)


def _local(said: str, zone: str) -> str:
    """An ISO time in the shop's zone; anything else as it came."""
    try:
        when = datetime.fromisoformat(said)
        return moment(when.timestamp(), zone) if when.tzinfo else said
    except (ValueError, OverflowError, OSError):
        return said
