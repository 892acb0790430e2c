"""When a shop is open, by its own wall clock: the weekly hours, holidays and special days."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Interval = tuple[int, int]
"""Minutes after midnight: open when opens ≤ now < closes. 1440 is the end of the day."""

_INTERVAL = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", re.ASCII)
_DAY = re.compile(r"(\d{4}-)?\d{2}-\d{2}", re.ASCII)


class Hours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The week as the shop's file writes it: `mon = ["08:00-12:00", "13:00-17:00"]`."""

    mon: tuple[str, ...] = ()
    tue: tuple[str, ...] = ()
    wed: tuple[str, ...] = ()
    thu: tuple[str, ...] = ()
    fri: tuple[str, ...] = ()
    sat: tuple[str, ...] = ()
    sun: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            parse_day(getattr(self, name), name)


@dataclass(frozen=True, eq=False)
class Schedule:
    """Hours ready to be asked. Compared by identity, so that answers can be remembered."""

    zone: ZoneInfo
    week: tuple[tuple[Interval, ...], ...]
    """Monday first."""
    exceptions: Mapping[str, tuple[Interval, ...]]
    """By `2026-12-24`, or `12-24` for every year; the full date wins."""

    def on(self, day: date) -> tuple[Interval, ...]:
        """The intervals of a day, in order; none: closed all day."""
        written = day.isoformat()
        for name in (written, written[5:]):
            if name in self.exceptions:
                return self.exceptions[name]
        return self.week[day.weekday()]


def build_schedule(
    timezone: str, hours: Hours, holidays: tuple[str, ...], special: Mapping[str, tuple[str, ...]]
) -> Schedule:
    """Raises ValueError with a sentence that names what is wrong."""
    closed = {check_day_name(name): () for name in holidays}
    changed = {check_day_name(name): parse_day(given, name) for name, given in special.items()}
    if both := closed.keys() & changed.keys():
        raise ValueError(f"{min(both)} is both a holiday and a special day")
    week = tuple(parse_day(getattr(hours, name), name) for name in hours.__struct_fields__)
    return Schedule(find_zone(timezone), week, {**closed, **changed})


def parse_day(given: tuple[str, ...], name: str) -> tuple[Interval, ...]:
    """In order, apart from each other; touching ones become one."""
    merged: list[Interval] = []
    for opens, closes in sorted(_parse_interval(text, name) for text in given):
        if merged and opens < merged[-1][1]:
            raise ValueError(f"the intervals of {name} overlap")
        if merged and opens == merged[-1][1]:
            opens = merged.pop()[0]  # noqa: PLW2901 - the two are one
        merged.append((opens, closes))
    return tuple(merged)


def _parse_interval(text: str, name: str) -> Interval:
    found = _INTERVAL.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} on {name} is not an interval such as 08:00-17:00")
    opens, closes = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    if closes > 24 * 60:
        raise ValueError(f"{text!r} on {name} ends after 24:00")
    if closes <= opens:
        raise ValueError(
            f"{text!r} on {name} ends before it begins; write hours past midnight as two days"
        )
    return opens, closes


def check_day_name(name: str) -> str:
    """`2026-12-25`, or `12-25` for every year."""
    if not _DAY.fullmatch(name):
        raise ValueError(f"{name!r} is not a day such as 2026-12-25 or 12-25")
    try:
        date.fromisoformat(name if len(name) > len("12-25") else f"2024-{name}")
    except ValueError as error:
        raise ValueError(f"{name!r} is not a day of the calendar") from error
    return name


def find_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not a time zone such as America/Los_Angeles") from error
