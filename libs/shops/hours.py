"""Is the shop open, until when, and when does it open next? Pure, exact over DST changes."""

from __future__ import annotations

from calendar import timegm
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import msgspec

from libs.shops.schedule import WEEKDAYS, Schedule

if TYPE_CHECKING:
    from libs.shops.profile import ShopProfile

HORIZON_DAYS: Final = 400
"""How far ahead we look: a shop closed for a year has no next opening to promise."""

NEVER_SECONDS: Final = (HORIZON_DAYS - 5) * 86400
"""A span that runs on to the horizon belongs to a shop that never closes."""

WEEK: Final = timedelta(days=7)

Span = tuple[int, int]
"""An open stretch of time in epoch seconds, [start, end)."""


class ShopState(msgspec.Struct, frozen=True, kw_only=True):
    """What the assistant is told; each field is a state variable of the session."""

    shop_timezone: str
    shop_local_weekday: str
    shop_local_date: str
    shop_local_time_24h: str
    shop_is_open_now: bool
    shop_closes_at: str
    """`5:00 PM`; empty while closed, and for a shop that never closes."""
    shop_next_open_day: str
    """`Monday`, with its date when that is a week or more ahead; empty when there is none."""
    shop_next_open_time: str
    as_of: str

    def variables(self) -> dict[str, str | bool]:
        return msgspec.structs.asdict(self)


def state_at(profile: ShopProfile, now: float) -> ShopState:
    """The shop at epoch second `now`."""
    schedule = profile.schedule
    local = datetime.fromtimestamp(int(now), schedule.zone)
    today = local.date()
    current, upcoming = _current_and_next(schedule, today, int(now))
    ends = current is not None and current[1] - now < NEVER_SECONDS
    as_of = local.isoformat()
    return ShopState(
        shop_timezone=profile.timezone,
        shop_local_weekday=WEEKDAYS[local.weekday()],
        shop_local_date=as_of[:10],
        shop_local_time_24h=as_of[11:16],
        shop_is_open_now=current is not None,
        shop_closes_at=_clock_time(current[1], schedule.zone) if current and ends else "",
        shop_next_open_day=_day_name(upcoming[0], schedule.zone, today) if upcoming else "",
        shop_next_open_time=_clock_time(upcoming[0], schedule.zone) if upcoming else "",
        as_of=as_of,
    )


def _current_and_next(schedule: Schedule, today: date, now: int) -> tuple[Span | None, Span | None]:
    ahead = (span for span in _spans_around(schedule, today) if span[1] > now)
    first = next(ahead, None)
    if first is None or first[0] > now:
        return None, first
    return first, next(ahead, None)


@lru_cache(maxsize=64)
def _spans_around(schedule: Schedule, day: date) -> tuple[Span, ...]:
    """From the day before on until two begin after this day; one that passes midnight is one."""
    spans: list[Span] = []
    later = 0
    for days in range(-1, HORIZON_DAYS):
        for start, end in _spans_on(schedule, day + timedelta(days=days)):
            if spans and start <= spans[-1][1]:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((start, end))
                later += days > 0
        if later > 2:  # noqa: PLR2004 - the last of them may still go on
            break
    return tuple(spans)


@lru_cache(maxsize=4096)
def _spans_on(schedule: Schedule, day: date) -> tuple[Span, ...]:
    """The moments of this local day at which the wall clock stands within an interval.

    An hour that the clock skips is never open; one that it shows twice is open twice.
    """
    intervals = schedule.on(day)
    if not intervals:
        return ()
    midnight = timegm(day.timetuple())
    spans = []
    for start, end, offset in _stretches(schedule.zone, midnight - 16 * 3600, midnight + 40 * 3600):
        for opens, closes in intervals:
            first = max(start, midnight + opens * 60 - offset)
            last = min(end, midnight + closes * 60 - offset)
            if first < last:
                spans.append((first, last))
    return tuple(sorted(spans))


def _stretches(zone: ZoneInfo, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Cut [start, end) where the offset from UTC changes; no zone changes it twice in two days."""
    offset, last = _offset(zone, start), _offset(zone, end)
    if offset == last:
        yield start, end, offset
        return
    before, after = start, end
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    yield start, after, offset
    yield after, end, last


def _offset(zone: ZoneInfo, at: int) -> int:
    shift = datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset()
    return round(shift.total_seconds()) if shift is not None else 0


@lru_cache(maxsize=256)
def _clock_time(at: int, zone: ZoneInfo) -> str:
    """`8:00 AM`, whatever the process's locale."""
    moment = datetime.fromtimestamp(at, zone)
    return f"{moment.hour % 12 or 12}:{moment.minute:02} {'AM' if moment.hour < 12 else 'PM'}"  # noqa: PLR2004 - noon


@lru_cache(maxsize=256)
def _day_name(at: int, zone: ZoneInfo, today: date) -> str:
    day = datetime.fromtimestamp(at, zone).date()
    name = WEEKDAYS[day.weekday()]
    return f"{name}, {day.isoformat()}" if day - today >= WEEK else name
