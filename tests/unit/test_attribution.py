"""First and last touch, and what a visitor did: kept for 180 days, whatever is repeated."""

from __future__ import annotations

import pytest

from libs.attribution import MOST_SIGNALS, RETENTION_SECONDS, Touches, TrailKey, Trails, touched
from libs.blobs.fakes import MemoryBlobs
from libs.messages.base import Attribution, Touch
from libs.snapshot import Signal

NOW = 1_790_000_000.0
ANNA = TrailKey("craigs", "v_anna")
AD = Attribution(
    gclid="g1", utm_source="google", landing_page="/seats", referrer="https://google.com",
    first_touch_at="2026-01-01", last_touch_at="2026-01-01", device_type="desktop",
)  # fmt: skip
RETURN = Attribution(
    landing_page="/contact", referrer="https://bing.com", last_touch_at="2026-02-01",
    device_type="mobile",
)  # fmt: skip


@pytest.fixture
def trails() -> Trails:
    return Trails(MemoryBlobs())


async def touch(trails: Trails, attribution: Attribution | None, at: float = NOW) -> Touches:
    return await trails.touch(ANNA, attribution, locale="es", page_url="/", at=at)


async def test_first_touch_stays_and_the_last_moves(trails: Trails) -> None:
    await touch(trails, AD)
    await touch(trails, RETURN)

    kept = await trails.touches(ANNA, now=NOW)

    assert (kept.first, kept.last) == (AD, RETURN)


async def test_campaign_is_the_last_that_there_was(trails: Trails) -> None:
    await touch(trails, AD)

    merged = (await touch(trails, RETURN)).merged()

    assert merged
    assert (merged.gclid, merged.utm_source, merged.landing_page) == ("g1", "google", "/seats")
    assert (merged.first_touch_at, merged.last_touch_at) == ("2026-01-01", "2026-02-01")
    assert merged.device_type == "mobile"


async def test_newer_campaign_replaces_the_older_as_a_whole(trails: Trails) -> None:
    await touch(trails, AD)

    merged = (await touch(trails, Attribution(utm_source="yelp"))).merged()

    assert merged
    assert (merged.gclid, merged.utm_source) == ("", "yelp")


async def test_both_touches_reach_the_lead_whichever_had_the_click_id(trails: Trails) -> None:
    told = Attribution(
        utm_source="yelp", landing_page="/tops", first_touch_at="2026-01-01",
        last_touch_at="2026-02-01", device_type="mobile",
        first=Touch(gclid="g1", utm_source="google", landing_page="/seats"),
    )  # fmt: skip

    merged = (await touch(trails, told)).merged()

    assert merged
    assert (merged.gclid, merged.utm_source, merged.landing_page) == ("", "yelp", "/seats")
    assert merged.first == Touch(gclid="g1", utm_source="google", landing_page="/seats")


async def test_first_touch_is_told_once_where_no_campaign_came_after_it(trails: Trails) -> None:
    await touch(trails, AD)

    merged = (await touch(trails, RETURN)).merged()

    assert merged
    assert merged.first is None


async def test_touch_that_says_nothing_new_is_not_written(trails: Trails) -> None:
    first = await touch(trails, AD)

    again = await touch(trails, AD, at=NOW + 60)

    assert again == first
    assert touched(first, None, locale="", page_url="", at=NOW + 60) is first


async def test_nobody_known_has_no_attribution(trails: Trails) -> None:
    assert (await trails.touches(ANNA, now=NOW)).merged() is None


async def test_signals_are_kept_once_each_and_shown_in_order(trails: Trails) -> None:
    call, text = Signal(event="click_call", at=NOW), Signal(event="click_text", at=NOW + 5)
    for signal in (text, call, call):
        await trails.add(ANNA, signal)

    assert await trails.signals(ANNA, now=NOW) == (call, text)


async def test_only_the_newest_signals_are_shown(trails: Trails) -> None:
    for number in range(MOST_SIGNALS + 10):
        await trails.add(ANNA, Signal(event=str(number), at=NOW + number))

    shown = await trails.signals(ANNA, now=NOW + 100)

    assert [signal.event for signal in shown] == [str(n) for n in range(10, MOST_SIGNALS + 10)]


async def test_after_180_days_nothing_is_known(trails: Trails) -> None:
    await touch(trails, AD)
    await trails.add(ANNA, Signal(event="click_call", at=NOW))
    later = NOW + RETENTION_SECONDS

    assert await trails.touches(ANNA, now=later) == Touches()
    assert await trails.signals(ANNA, now=later) == ()


async def test_visitors_do_not_see_each_other_and_may_be_any_text(trails: Trails) -> None:
    await touch(trails, AD)
    odd = TrailKey("craigs", "../../etc/passwd\n☃")
    await trails.add(odd, Signal(event="x", at=NOW))

    assert await trails.signals(ANNA, now=NOW) == ()
    assert await trails.touches(odd, now=NOW) == Touches()


async def test_forgotten_visitor_leaves_nothing(trails: Trails) -> None:
    await touch(trails, AD)
    await trails.add(ANNA, Signal(event="click_call", at=NOW))

    assert await trails.forget(ANNA)
    assert not await trails.forget(ANNA)
    assert await trails.touches(ANNA, now=NOW) == Touches()
    assert await trails.signals(ANNA, now=NOW) == ()
