"""First and last touch, and what a visitor did: kept for 180 days, whatever is repeated."""

from __future__ import annotations

import asyncio

import pytest

from libs.blobs.fakes import MemoryBlobs
from libs.leads.attribution import (
    MOST_A_DAY,
    MOST_SIGNALS,
    MOST_TOUCHES,
    RETENTION_SECONDS,
    Told,
    Touches,
    TrailKey,
    Trails,
)
from libs.leads.snapshot import Signal
from libs.messages.base import Attribution, Touch

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
    await trails.touch(ANNA, Told(attribution=attribution, locale="es", page_url="/"), at=at)
    return await trails.touches(ANNA, now=at)


async def test_first_touch_stays_and_the_last_moves(trails: Trails) -> None:
    await touch(trails, AD)

    kept = await touch(trails, RETURN, at=NOW + 1)

    assert (kept.first, kept.last) == (AD, RETURN)


async def test_of_two_who_write_at_once_neither_loses_what_it_was_told() -> None:
    """Each has read what was there before either of them wrote."""
    arrived: list[str] = []
    both = asyncio.Event()

    async def wait_for_the_other(method: str, key: str) -> None:
        if method == "put":
            arrived.append(key)
            if len(arrived) == 2:
                both.set()
            await both.wait()

    trails = Trails(MemoryBlobs(wait_for_the_other))
    await asyncio.gather(
        trails.touch(ANNA, Told(attribution=AD, also=("v_1",)), at=NOW),
        trails.touch(ANNA, Told(attribution=RETURN, locale="es", also=("v_2",)), at=NOW + 0.001),
    )

    kept = await trails.touches(ANNA, now=NOW + 1)
    assert (kept.first, kept.last, kept.locale) == (AD, RETURN, "es")
    assert await trails.also(ANNA) == {"v_1", "v_2"}


async def test_each_part_is_the_last_that_was_told_of_it(trails: Trails) -> None:
    await trails.touch(ANNA, Told(attribution=AD, locale="es", page_url="/a"), at=NOW)
    await trails.touch(ANNA, Told(page_url="/b"), at=NOW + 1)

    assert await trails.touches(ANNA, now=NOW + 1) == Touches(
        first=AD, last=AD, locale="es", page_url="/b"
    )


async def test_later_touches_change_nothing_of_what_was_known_before(trails: Trails) -> None:
    await touch(trails, AD)
    await trails.add(ANNA, Signal(event="click_call", at=NOW))
    then = await trails.touches(ANNA, now=NOW)
    await touch(trails, RETURN, at=NOW + 86_400)
    await trails.add(ANNA, Signal(event="click_text", at=NOW + 86_400))

    later = NOW + 100 * 86_400
    assert await trails.touches(ANNA, now=later, until=NOW + 60) == then
    [signal] = await trails.signals(ANNA, now=later, until=NOW + 60)
    assert signal.event == "click_call"


async def test_how_it_began_is_known_after_any_number_of_touches(trails: Trails) -> None:
    await touch(trails, AD)
    for second in range(1, MOST_TOUCHES + 10):
        await trails.touch(ANNA, Told(attribution=RETURN, page_url=f"/{second}"), at=NOW + second)

    kept = await trails.touches(ANNA, now=NOW + 60)

    assert (kept.first, kept.last) == (AD, RETURN)


async def test_campaign_is_the_last_that_there_was(trails: Trails) -> None:
    await touch(trails, AD)

    merged = (await touch(trails, RETURN, at=NOW + 1)).merged()

    assert merged
    assert (merged.gclid, merged.utm_source, merged.landing_page) == ("g1", "google", "/seats")
    assert (merged.first_touch_at, merged.last_touch_at) == ("2026-01-01", "2026-02-01")
    assert merged.device_type == "mobile"


async def test_newer_campaign_replaces_the_older_as_a_whole(trails: Trails) -> None:
    await touch(trails, AD)

    merged = (await touch(trails, Attribution(utm_source="yelp"), at=NOW + 1)).merged()

    assert merged
    assert (merged.gclid, merged.utm_source) == ("", "yelp")


async def test_both_touches_reach_the_lead_whichever_had_the_click_id(trails: Trails) -> None:
    told = Attribution(
        utm_source="yelp", landing_page="/tops", first_touch_at="2026-01-01",
        last_touch_at="2026-02-01", device_type="mobile",
        first=Touch(gclid="g1", utm_source="google", landing_page="/seats"),
    )  # fmt: skip

    merged = (await touch(trails, told, at=NOW + 1)).merged()

    assert merged
    assert (merged.gclid, merged.utm_source, merged.landing_page) == ("", "yelp", "/seats")
    assert merged.first == Touch(gclid="g1", utm_source="google", landing_page="/seats")


async def test_first_touch_is_told_once_where_no_campaign_came_after_it(trails: Trails) -> None:
    await touch(trails, AD)

    merged = (await touch(trails, RETURN, at=NOW + 1)).merged()

    assert merged
    assert merged.first is None


async def test_touch_that_says_nothing_new_is_not_written() -> None:
    blobs = MemoryBlobs()
    trails = Trails(blobs)
    await trails.touch(ANNA, Told(), at=NOW)
    assert not blobs.bodies

    for told in (None, AD, AD, None):
        await touch(trails, told, at=NOW + len(blobs.bodies))

    assert len(blobs.bodies) == 2


async def test_two_tabs_in_turn_fill_no_store() -> None:
    blobs = MemoryBlobs()
    trails = Trails(blobs)
    for second in range(3 * MOST_A_DAY):
        await trails.touch(ANNA, Told(page_url=f"/{second % 2}"), at=NOW + second)
    filled = len(blobs.bodies)
    await trails.touch(ANNA, Told(page_url="/", also=("v_1",)), at=NOW + 999)
    await trails.touch(ANNA, Told(page_url="/next"), at=NOW + 2 * 86_400)

    assert filled == MOST_A_DAY
    assert await trails.also(ANNA) == {"v_1"}
    assert (await trails.touches(ANNA, now=NOW + 2 * 86_400)).page_url == "/next"


async def test_a_script_that_clicks_all_day_fills_no_store() -> None:
    blobs = MemoryBlobs()
    trails = Trails(blobs)
    for second in range(3 * MOST_A_DAY):
        await trails.add(ANNA, Signal(event="click_call", at=NOW + second))
    filled = len(blobs.bodies)
    await trails.add(ANNA, Signal(event="click_text", at=NOW + 2 * 86_400))

    assert filled == MOST_A_DAY
    newest = (await trails.signals(ANNA, now=NOW + 2 * 86_400))[-1]
    assert newest.event == "click_text"


async def test_what_is_still_so_is_kept_for_180_days_from_then(trails: Trails) -> None:
    await touch(trails, AD)
    await touch(trails, AD, at=NOW + 100 * 86_400)

    kept = await trails.touches(ANNA, now=NOW + RETENTION_SECONDS + 86_400)

    assert kept.last == AD


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
