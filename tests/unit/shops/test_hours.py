"""Opening hours, minute by minute, against an oracle that only knows how to look at each minute."""

from __future__ import annotations

from array import array
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import msgspec
import pytest

from libs.shops.hours import ShopState, state_at
from libs.shops.profile import ShopProfile, load_shops
from libs.shops.schedule import Hours

CRAIGS = load_shops("deploy/shops").default


def shop(**changes: object) -> ShopProfile:
    return msgspec.structs.replace(CRAIGS, **changes)


def moment(text: str, zone: str = "America/Los_Angeles") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


SPLIT = shop(
    timezone="Europe/Berlin",
    hours=Hours(
        mon=("08:00-12:00", "13:30-18:00"),
        tue=("08:00-12:00", "13:30-18:00"),
        wed=("08:00-12:00",),
        thu=("22:00-24:00",),
        fri=("00:00-02:00", "13:30-18:00"),
        sun=("01:30-03:30",),
    ),
    holidays=("12-25", "2026-10-26"),
    special_days={"12-24": ("09:00-11:00", "11:00-11:30"), "2027-03-28": ("02:15-02:45",)},
)
ISLAND = shop(
    timezone="Australia/Lord_Howe",
    hours=Hours(sat=("01:15-02:20",), sun=("01:15-02:20", "06:00-06:01", "23:59-24:00")),
    holidays=(),
    special_days={},
)
ALWAYS = shop(
    timezone="Asia/Kolkata",
    hours=Hours(*[("00:00-24:00",)] * 7),
    holidays=("2027-01-26",),
    special_days={},
)


AHEAD_DAYS = 13
"""As far as any next opening of these shops lies ahead."""


CLOCK = {f"{hour:02}:{minute:02}": hour * 60 + minute for hour in range(24) for minute in range(60)}


@cache
def open_minutes(texts: tuple[str, ...]) -> frozenset[int]:
    """Those of a day of which a clock shows a time within one of `08:00-12:00`."""
    return frozenset(
        number for shown, number in CLOCK.items() if any(t[:5] <= shown < t[6:] for t in texts)
    )


class Oracle:
    """Marks every minute as open or not by its wall clock, then reads answers off the marks."""

    def __init__(self, profile: ShopProfile, start: datetime, days: int) -> None:
        self.profile = profile
        self.zone = ZoneInfo(profile.timezone)
        self.began = int(start.timestamp())
        self.open, self.days = array("b"), array("l")
        self._look(days * 1440)
        self.turns = self._turns()
        self.worded: dict[tuple[bool, int, int], tuple[bool, str, str, str]] = {}

    def _look(self, minutes: int) -> None:
        """At each minute: which day its wall clock shows, and whether the shop is open then."""
        sets: dict[int, frozenset[int]] = {}
        at, zone = datetime.fromtimestamp, self.zone
        for second in range(self.began, self.began + minutes * 60, 60):
            wall = at(second, zone)
            day = wall.toordinal()
            if day not in sets:
                sets[day] = open_minutes(self._texts_of(wall))
            self.days.append(day)
            self.open.append(wall.hour * 60 + wall.minute in sets[day])

    def _texts_of(self, day: datetime) -> tuple[str, ...]:
        full, yearly = day.strftime("%Y-%m-%d"), day.strftime("%m-%d")
        usual = getattr(self.profile.hours, day.strftime("%a").lower())
        texts = self.profile.special_days.get(yearly, usual)
        if full in self.profile.holidays or yearly in self.profile.holidays:
            texts = ()
        return self.profile.special_days.get(full, texts)

    def _turns(self) -> array[int]:
        """For each minute the next one at which the shop is the other way (-1: none)."""
        turns, ahead = array("l", [-1] * len(self.open)), -1
        for minute in range(len(self.open) - 2, -1, -1):
            if self.open[minute + 1] != self.open[minute]:
                ahead = minute + 1
            turns[minute] = ahead
        return turns

    def expected(self, minute: int) -> tuple[bool, str, str, str]:
        """Open, closes at, next open day and time."""
        is_open, turn = bool(self.open[minute]), self.turns[minute]
        key = (is_open, turn, self.days[minute])
        if key not in self.worded:
            self.worded[key] = self._words(*key)
        return self.worded[key]

    def _words(self, is_open: bool, turn: int, today: int) -> tuple[bool, str, str, str]:  # noqa: FBT001 - a mark
        opens = self.turns[turn] if is_open and turn >= 0 else turn
        closes = self._wall(turn).strftime("%-I:%M %p") if is_open and turn >= 0 else ""
        if opens < 0:
            return is_open, closes, "", ""
        then = self._wall(opens)
        far = then.toordinal() - today >= 7
        return (
            is_open,
            closes,
            then.strftime("%A, %Y-%m-%d" if far else "%A"),
            then.strftime("%-I:%M %p"),
        )

    def _wall(self, minute: int) -> datetime:
        return datetime.fromtimestamp(self.began + minute * 60, self.zone)


def answered(state: ShopState) -> tuple[bool, str, str, str]:
    return (
        state.shop_is_open_now,
        state.shop_closes_at,
        state.shop_next_open_day,
        state.shop_next_open_time,
    )


def compare_every_minute(profile: ShopProfile, start: datetime, *, days: int) -> None:
    oracle = Oracle(profile, start, days + AHEAD_DAYS)
    for minute in range(days * 1440):
        state = state_at(profile, oracle.began + minute * 60 + 59)
        assert answered(state) == oracle.expected(minute), oracle._wall(minute)


def _quarter(number: int) -> datetime:
    return datetime(2026 + number // 4, number % 4 * 3 + 1, 1, tzinfo=UTC)


@pytest.mark.slow
@pytest.mark.parametrize("quarter", range(8))
def test_every_minute_of_two_years(quarter: int) -> None:
    """Split shifts, and holidays and special days of which some are of one year only."""
    compare_every_minute(SPLIT, _quarter(quarter), days=92)


@pytest.mark.slow
@pytest.mark.parametrize("quarter", range(4))
def test_every_minute_of_a_year_of_the_default_shop(quarter: int) -> None:
    """What is closed in the second year is of the kinds of the first."""
    compare_every_minute(CRAIGS, _quarter(quarter), days=92)


@pytest.mark.parametrize(
    ("profile", "day"),
    [
        (CRAIGS, date(2026, 3, 8)),
        (CRAIGS, date(2026, 11, 1)),
        (CRAIGS, date(2026, 12, 25)),
        (SPLIT, date(2026, 3, 29)),
        (SPLIT, date(2026, 10, 25)),
        (SPLIT, date(2027, 3, 28)),
        (SPLIT, date(2026, 12, 24)),
        (ISLAND, date(2026, 4, 5)),
        (ISLAND, date(2026, 10, 4)),
    ],
)
def test_every_minute_around_the_days_that_are_different(profile: ShopProfile, day: date) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=2)

    compare_every_minute(profile, start, days=4)


def test_a_shop_that_never_closes_promises_no_closing() -> None:
    state = state_at(ALWAYS, moment("2028-02-01T12:00", "Asia/Kolkata"))

    assert answered(state) == (True, "", "", "")


def test_a_shop_that_closes_for_one_day_says_so_long_before() -> None:
    state = state_at(ALWAYS, moment("2027-01-18T12:00", "Asia/Kolkata"))

    assert answered(state) == (True, "12:00 AM", "Wednesday, 2027-01-27", "12:00 AM")


def test_a_shop_that_is_closed_for_good_has_no_next_opening() -> None:
    closed = shop(hours=Hours(), special_days={}, holidays=())

    assert answered(state_at(closed, moment("2026-11-20T12:00"))) == (False, "", "", "")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-20T07:59:59", (False, "", "Friday", "8:00 AM")),
        ("2026-11-20T08:00:00", (True, "5:00 PM", "Saturday", "8:00 AM")),
        ("2026-11-20T16:59:59", (True, "5:00 PM", "Saturday", "8:00 AM")),
        ("2026-11-20T17:00:00", (False, "", "Saturday", "8:00 AM")),
        ("2026-11-21T13:00:00", (True, "2:00 PM", "Monday", "8:00 AM")),
        ("2026-11-25T18:00:00", (False, "", "Friday", "8:00 AM")),
        ("2026-12-24T09:00:00", (True, "12:00 PM", "Saturday", "8:00 AM")),
    ],
)
def test_the_default_shop(now: str, expected: tuple[bool, str, str, str]) -> None:
    assert answered(state_at(CRAIGS, moment(now))) == expected


def test_every_state_variable_is_there_and_primitive() -> None:
    variables = state_at(CRAIGS, moment("2026-11-20T09:05:07")).variables()

    assert variables == {
        "shop_timezone": "America/Los_Angeles",
        "shop_local_weekday": "Friday",
        "shop_local_date": "2026-11-20",
        "shop_local_time_24h": "09:05",
        "shop_is_open_now": True,
        "shop_closes_at": "5:00 PM",
        "shop_next_open_day": "Saturday",
        "shop_next_open_time": "8:00 AM",
        "as_of": "2026-11-20T09:05:07-08:00",
    }
