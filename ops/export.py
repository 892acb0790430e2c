"""`handoff leads export`: the sent leads as a table, or as conversions for Google."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

import msgspec

from libs.errors import SettingsError
from libs.leads.attribution import TrailKey, Trails
from libs.leads.reach import Reach, reach
from libs.leads.snapshot import LeadSnapshot, Sent, Signal
from libs.ledger.record import LeadRecord, State
from libs.messages.base import Attribution, Touch
from ops.desk import Desk
from ops.show import Shown, json_text, moment

_FORMULA = frozenset("=+-@|%;,'\"")
"""What a spreadsheet may run, or what may hide it (a separator, a quote), at a cell's beginning."""
_FORMULA_WITHIN = re.compile(
    r"([;\t][^\w;\t]*?)(?=[=+@\-\uff1d\uff0b\uff20\uff0d\ufe66\ufe62\ufe6b\ufe63\u2212])"
)
"""Where spreadsheets that are set to them begin a cell; behind a comma a CSV's quotes hold."""
_MOST_EVENTS: Final = 2000
_MOST_PEOPLE: Final = 10
"""Google refuses a whole request for one event too many, or one identifier."""
_CLICK_IDS = ("gclid", "gbraid", "wbraid")
_TOUCH = Touch.__struct_fields__
_ORIGIN = tuple(name for name in Attribution.__struct_fields__ if name != "first")
_COLUMNS = (
    "thread", "sent_at", "kind", "possible_copy", "delivery", "name", "phone", "email",
    "location", "vehicle", "project", "timeline", "photos", "signals",
    *_ORIGIN, *(f"first_{name}" for name in _TOUCH),
)  # fmt: skip
"""Of `_row`; they stand in an empty table too."""


async def export(desk: Desk, shop: str, *, form: str) -> Shown:
    """`csv`, `json` or `google`."""
    leads = [lead async for lead in _sent(desk, _slug(desk, shop))]
    if form == "google":
        data: object = conversions(leads)
        return Shown(data=data, lines=[json_text(data)])
    rows = [_row(lead) for lead in leads]
    if form == "json":
        return Shown(data=rows, lines=[json_text(rows)])
    return Shown(data=rows, lines=[as_csv(rows).rstrip("\n")])


def _slug(desk: Desk, named: str) -> str:
    """An unknown one would be an empty table, as if nothing had been sent. Raises SettingsError."""
    if not named or named in desk.shops.by_slug:
        return named or desk.shops.default.slug
    raise SettingsError(f"There is no shop {named!r}; there are {', '.join(desk.shops.by_slug)}.")


class _Lead(msgspec.Struct, frozen=True):
    record: LeadRecord
    snapshot: LeadSnapshot | None
    source: Attribution | None
    signals: tuple[Signal, ...]


async def _sent(desk: Desk, shop: str) -> AsyncIterator[_Lead]:
    async for record in desk.leads(shop):
        if record.state is State.SENT:
            yield await _lead(desk, record)


async def _lead(desk: Desk, record: LeadRecord) -> _Lead:
    """What the mail said is kept 90 days; where its visitor came from 180, in their own trail:
    there it is read as it was when the lead was sent.
    """
    if snapshot := await desk.snapshot(record):
        return _Lead(record, snapshot, snapshot.attribution, snapshot.signals)
    trails, now = Trails(desk.blobs), desk.clock.now()
    where = TrailKey(record.key.shop, record.visitor)
    touches = await trails.touches(where, now=now, until=_moment(record))
    signals = await trails.signals(where, now=now, until=_moment(record))
    return _Lead(record, None, touches.merged(), signals)


def _moment(record: LeadRecord) -> float:
    return record.sent_at or record.updated_at


def _row(lead: _Lead) -> dict[str, str]:
    """A forgotten lead keeps its line, without the person."""
    record, snapshot = lead.record, lead.snapshot
    summary = snapshot.summary if snapshot else None
    found = reach(snapshot) if snapshot else Reach(None, None)
    source = lead.source or Attribution()
    done = Counter(signal.event for signal in lead.signals)
    return {
        "thread": record.key.thread_id,
        "sent_at": moment(record.sent_at),
        "kind": record.kind,
        "possible_copy": "yes" if record.possible_duplicate else "",
        "delivery": record.delivery,
        "name": (summary and summary.customer_name) or "",
        "phone": found.phone.value if found.phone else "",
        "email": found.email.value if found.email else "",
        "location": (summary and summary.customer_location) or "",
        "vehicle": (summary and summary.vehicle) or "",
        "project": (summary and summary.project) or "",
        "timeline": (summary and summary.timeline) or "",
        "photos": str(Sent.count(snapshot.photos).pictures) if snapshot else "",
        "signals": ", ".join(f"{event} {count}" for event, count in sorted(done.items())),
        **{name: getattr(source, name) for name in _ORIGIN},
        **{f"first_{name}": getattr(source.first, name, "") for name in _TOUCH},
    }


def as_csv(rows: list[dict[str, str]]) -> str:
    """A cell that a spreadsheet would run as a formula is made text by a leading quote."""
    out = io.StringIO()
    writer = csv.DictWriter(out, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _safe(cell) for name, cell in row.items()} for row in rows)
    return out.getvalue()


def _safe(cell: str) -> str:
    """On one line; judged as a spreadsheet may read it: full-width signs are signs, and blanks,
    controls and what has no width do not count.
    """
    line = " ".join(cell.splitlines()) if cell.strip() else ""
    seen = unicodedata.normalize("NFKC", line).replace("\u2212", "-")
    first = next((c for c in seen if c.isprintable() and not c.isspace()), "")
    hidden = cell[:1].isspace() or not cell[:1].isprintable()
    safe = _FORMULA_WITHIN.sub(r"\1'", line)
    return f"'{safe}" if first in _FORMULA or (line and hidden) else safe


def conversions(leads: list[_Lead]) -> list[dict[str, object]]:
    """Bodies of Data Manager's ingest call: click ids as they came, people only hashed."""
    events = [event for lead in leads if (event := _conversion(lead))]
    begins = range(0, max(len(events), 1), _MOST_EVENTS)
    return [{"encoding": "HEX", "events": events[at : at + _MOST_EVENTS]} for at in begins]


def _conversion(lead: _Lead) -> dict[str, object] | None:
    record, snapshot, source = lead.record, lead.snapshot, lead.source or Attribution()
    clicks = {
        name: found
        for name in _CLICK_IDS
        if (found := getattr(source, name) or getattr(source.first, name, ""))
    }
    contacts = snapshot.contacts if snapshot else ()
    people = [_hashed(contact.kind, contact.value) for contact in contacts[:_MOST_PEOPLE]]
    if not clicks and not people:
        return None
    at = datetime.fromtimestamp(_moment(record), UTC)
    return {
        "transactionId": record.key.thread_id,
        "eventTimestamp": at.isoformat().replace("+00:00", "Z"),
        "eventSource": "WEB",
        **({"adIdentifiers": clicks} if clicks else {}),
        **({"userData": {"userIdentifiers": people}} if people else {}),
    }


def _hashed(kind: str, value: str) -> dict[str, str]:
    """As Google asks: trimmed, lower case, phones in E.164, Gmail's without dots and tag; then
    SHA-256 in hex.
    """
    plain = value.partition(";")[0].strip().lower()
    if kind == "phone":
        return {"phoneNumber": _sha256(plain)}
    name, _, domain = plain.rpartition("@")
    if domain in {"gmail.com", "googlemail.com"}:
        name = name.partition("+")[0].replace(".", "")
    return {"emailAddress": _sha256(f"{name}@{domain}")}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
