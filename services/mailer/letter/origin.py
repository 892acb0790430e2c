"""Where the customer came from and what happened on the way, as rows that nobody can click."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from libs.languages import name_of
from libs.leads.snapshot import LeadSnapshot, Signal
from libs.messages.base import Attribution
from services.mailer.letter.actions import logs_link
from services.mailer.letter.labels import Diagnostic, Labels
from services.mailer.letter.shape import Frame, Row
from services.mailer.letter.wording import moment, one_line

LONGEST_VALUE: Final = 300
MOST_SIGNALS: Final = 10


def attribution_rows(snapshot: LeadSnapshot, frame: Frame) -> tuple[Row, ...]:
    labels = frame.labels
    pairs: list[tuple[str, str]] = []
    if given := snapshot.attribution:
        pairs += [(label, getattr(given, name)) for name, label in labels.origins.items()]
        pairs.append((labels.first_visit, _local(given.first_touch_at, frame)))
        pairs.append((labels.latest_visit, _local(given.last_touch_at, frame)))
        pairs += _first(given, labels)
    newest = sorted(snapshot.signals, key=lambda signal: signal.at)[-MOST_SIGNALS:]
    pairs += [(labels.on_the_page, _told(signal, frame)) for signal in newest]
    return _rows(pairs, frame)


def _first(given: Attribution, labels: Labels) -> list[tuple[str, str]]:
    """What the first visit told, where the latest campaign was another."""
    if given.first is None:
        return []
    told = ((name, getattr(given.first, name, "")) for name in labels.origins)
    return [
        (labels.first_visit_of.format(labels.origins[name]), text)
        for name, text in told
        if text != getattr(given, name)
    ]


def diagnostic_rows(snapshot: LeadSnapshot, frame: Frame) -> tuple[Row, ...]:
    summary, logs, labels = snapshot.summary, logs_link(snapshot), frame.labels
    reason = labels.reasons.get(snapshot.reason) or labels.reasons["other"]
    told: dict[Diagnostic, str] = {
        "thread": snapshot.thread_id,
        "trigger": f"{snapshot.reason}: {reason}",
        "visitor": snapshot.visitor,
        "missing": ", ".join(summary.missing_info),
        "locale": snapshot.locale,
        "language": f"{name_of(frame.lang, labels.lang)} ({frame.lang})",
        "page": snapshot.page_url,
        "decided": moment(snapshot.fixed_at, frame.zone, labels),
        "request": snapshot.request_id,
        "removed": labels.removed.format(summary.removed) if summary.removed else "",
    }
    names = labels.diagnostics
    rows = _rows(((names[name], value) for name, value in told.items()), frame)
    return (*rows, Row(names["logs"], frame.ours(logs), logs)) if logs else rows


def _rows(pairs: Iterable[tuple[str, str]], frame: Frame) -> tuple[Row, ...]:
    shown = ((label, one_line(value, LONGEST_VALUE)) for label, value in pairs)
    return tuple(Row(label, frame.ours(frame.mark(value))) for label, value in shown if value)


def _told(signal: Signal, frame: Frame) -> str:
    """`Click phone, tel:+14085550142, on https://craigs.autos/, Tue, Nov 17, …`."""
    labels = frame.labels
    event = labels.signals.get(signal.event) or signal.event.replace("_", " ").capitalize()
    page = labels.on.format(signal.page_url) if signal.page_url else ""
    at = moment(signal.at, frame.zone, labels)
    parts = (event, signal.provider, signal.click_url, page, at)
    return ", ".join(one_line(part, 120) for part in parts if part)


def _local(said: str, frame: Frame) -> str:
    """An ISO time in the shop's zone; anything else as it came."""
    try:
        when = datetime.fromisoformat(said)
        return moment(when.timestamp(), frame.zone, frame.labels) if when.tzinfo else said
    except (ValueError, OverflowError, OSError):
        return said
