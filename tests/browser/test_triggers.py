"""When the page asks for a decision, and what it tells of where the visitor came from."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
from typing import TYPE_CHECKING

import aiohttp
import pytest
from yarl import URL

from tests.browser.chat import HIDDEN, NEED, PHONE, mail_of, text_of
from tests.browser.pages import other_site, page_with
from tests.product import Product, product

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import Route

    from tests.browser.conftest import Visits
    from tests.browser.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

GZIPPED_BYTES = 12 * 1024


async def test_where_they_came_from_reaches_the_mail(shop: Product, visits: Visits) -> None:
    chat = await visits.page()
    campaign = "gclid=Cj0-abc&gbraid=gb-1&wbraid=wb-1&utm_source=google&utm_medium=cpc"
    async with other_site(f'<a href="{shop.url}/?{campaign}&utm_campaign=seats">Go</a>') as origin:
        await chat.page.goto(f"{origin}/found/us?q=private")
        await chat.page.get_by_role("link").click()
        await chat.launcher.wait_for()
        await chat.page.goto(f"{shop.url}/?utm_source=newsletter&utm_term=tops&utm_content=b")
    await chat.launcher.click()
    await chat.start.wait_for()
    await chat.say(f"{NEED} {PHONE}")
    async with chat.page.expect_request("**/api/chatkit/lead") as asked:
        await chat.page.keyboard.press("Escape")

    told = ((await asked.value).post_data_json or {})["attribution"]
    assert told["utm_source"] == "newsletter"
    assert told["landing_page"] == f"{shop.url}/"
    assert told["first_touch_at"] < told["last_touch_at"]
    assert told["device_type"] == "desktop"
    kept = json.loads(await chat.page.evaluate("localStorage['handoff-attribution']"))
    assert kept["first"]["gclid"] == "Cj0-abc"
    assert kept["first"]["referrer"] == f"{origin}/"
    assert told["first"]["gclid"] == "Cj0-abc"
    text = text_of(await mail_of(shop, await chat.thread(), chat.page))
    for word in ("newsletter", "tops", "desktop", "Cj0-abc", "gb-1", "wb-1", "seats"):
        assert word in text


async def test_click_ids_reach_the_mail(shop: Product, visits: Visits) -> None:
    chat = await visits.page()
    await chat.open(f"{shop.url}/?gclid=Cj0-abc&gbraid=gb-1&wbraid={'w' * 200}&utm_campaign=seats")
    await chat.say(NEED)
    async with (
        chat.page.expect_response("**/api/chatkit/lead"),
        chat.page.expect_request("**/api/chatkit/lead") as asked,
    ):
        await chat.page.keyboard.press("Escape")
    await chat.launcher.click()
    await chat.say(PHONE)

    text = text_of(await mail_of(shop, await chat.thread(), chat.page))

    for word in ("Cj0-abc", "gb-1", "w" * 128, "seats"):
        assert word in text
    assert ((await asked.value).post_data_json or {})["attribution"]["wbraid"] == "w" * 128


async def test_a_visit_that_tells_nothing_new_keeps_the_last_touch(
    shop: Product, visits: Visits
) -> None:
    chat = await visits.page()
    await chat.page.goto(f"{shop.url}/?gclid=first")
    await chat.launcher.wait_for()
    await chat.page.goto(shop.url)
    await chat.launcher.wait_for()

    kept = json.loads(await chat.page.evaluate("localStorage['handoff-attribution']"))
    assert kept["last"]["gclid"] == "first"


async def test_leaving_sends_a_beacon_and_only_after_something_was_said(
    shop: Product, visits: Visits
) -> None:
    chat = await visits.page()
    await chat.open(shop.url)
    await chat.page.reload()
    await chat.start.wait_for()
    assert chat.posted("/api/chatkit/lead") == []

    await chat.say(f"{NEED} {PHONE}")
    thread = await chat.thread()
    async with chat.page.expect_request("**/api/chatkit/lead") as asked:
        await chat.page.evaluate("dispatchEvent(new Event('pagehide'))")

    beacon = await asked.value
    assert beacon.resource_type == "ping"
    sent = json.loads(beacon.post_data or "{}")
    assert (sent["threadId"], sent["reason"]) == (thread, "pagehide")
    assert await mail_of(shop, thread, chat.page)


async def test_a_phone_that_turns_to_another_app_sends_it_too_by_whatever_way_is_open(
    shop: Product, visits: Visits
) -> None:
    """Often no other event comes from a phone."""
    chat = await visits.page()
    await chat.open(shop.url)
    await chat.say(NEED)

    async with chat.page.expect_request("**/api/chatkit/lead") as asked:
        await chat.page.evaluate(HIDDEN)
    assert (await asked.value).resource_type == "ping"
    await chat.page.evaluate("navigator.sendBeacon = () => false")
    async with chat.page.expect_request("**/api/chatkit/lead") as asked:
        await chat.page.evaluate(HIDDEN)
    assert (await asked.value).resource_type == "fetch"


async def test_a_first_touch_of_half_a_year_ago_is_no_first_touch(
    shop: Product, visits: Visits
) -> None:
    old = {"at": "2026-01-01T00:00:00.000Z", "gclid": "long-ago"}
    chat = await visits.page()
    await chat.page.goto(shop.url)
    kept = json.dumps({"first": old, "last": old})
    await chat.page.evaluate("kept => localStorage.setItem('handoff-attribution', kept)", kept)
    await chat.page.clock.set_fixed_time("2026-06-29T00:00:00Z")
    await chat.page.reload()
    assert "long-ago" in await chat.page.evaluate("localStorage['handoff-attribution']")
    await chat.page.clock.set_fixed_time("2026-07-02T00:00:00Z")
    await chat.page.reload()
    assert "long-ago" not in await chat.page.evaluate("localStorage['handoff-attribution']")


async def test_a_lead_that_was_sent_is_not_asked_for_again_until_something_new_is_said(
    shop: Product, visits: Visits
) -> None:
    chat = await visits.page()
    await chat.open(shop.url)
    await chat.say(f"{NEED} {PHONE}")
    thread = await chat.thread()
    await mail_of(shop, thread, chat.page)

    async with chat.page.expect_response("**/api/chatkit/lead") as answer:
        await chat.page.keyboard.press("Escape")
    assert (await (await answer.value).json())["sent"]
    mark = f"sessionStorage.getItem('chatkit-lead-sent:{thread}')"
    while await chat.page.evaluate(mark) is None:
        await chat.page.wait_for_timeout(20)
    asked = len(chat.posted("/api/chatkit/lead"))
    await chat.launcher.click()
    await chat.page.keyboard.press("Escape")
    assert len(chat.posted("/api/chatkit/lead")) == asked

    await chat.launcher.click()
    await chat.say("And the passenger seat too, please.")
    assert await chat.page.evaluate(mark) is None
    async with chat.page.expect_response("**/api/chatkit/lead"):
        await chat.page.keyboard.press("Escape")
    assert len([path for path in shop.mails() if thread in path.read_text()]) == 1


async def test_a_call_from_the_page_is_a_signal(shop: Product, visits: Visits) -> None:
    chat = await visits.page()
    await chat.open(f"{shop.url}/?gclid=Cj0-abc")

    async with chat.page.expect_response("**/api/lead-signal") as answer:
        await chat.page.get_by_role("link", name="(408) 555-0142").click()

    heard = await answer.value
    assert heard.status == 200
    sent = json.loads(heard.request.post_data or "{}")
    assert (sent["event"], sent["clickUrl"]) == ("click_call", "tel:")
    assert sent["attribution"]["gclid"] == "Cj0-abc"


async def test_every_way_to_reach_the_shop_is_a_signal_also_of_a_phone(
    theatre: Stage, visits: Visits
) -> None:
    chat = await visits.page(has_touch=True, is_mobile=True)
    await chat.page.goto(theatre.url)
    await chat.launcher.wait_for()
    ways = "".join(
        f'<a href="{to}"><b>x</b></a>' for to in ("tel:1", "sms:1", "mailto:a@b.example")
    )
    await chat.page.evaluate("ways => { document.querySelector('main').innerHTML = ways }", ways)
    for way in ("tel", "sms", "mailto"):
        await chat.page.locator(f"a[href^={way}] b").evaluate("node => node.click()")
    async with asyncio.timeout(60):
        while len(theatre.told) < 3:
            await asyncio.sleep(0.02)

    told = sorted((body["event"], body["clickUrl"]) for _, body in theatre.told)
    assert told == [("click_call", "tel:"), ("click_email", "mailto:"), ("click_text", "sms:")]
    assert {body["attribution"]["device_type"] for _, body in theatre.told} == {"mobile"}
    assert {path for path, _ in theatre.told} == {"/api/lead-signal"}


async def test_idle_asks_after_five_minutes(shop: Product, visits: Visits) -> None:
    chat = await visits.page()
    await chat.page.clock.install()
    await chat.open(shop.url)
    await chat.say(NEED)
    asked = len(chat.posted("/api/chatkit/lead"))

    await chat.page.clock.run_for(270_000)  # the page's clock also runs on by itself
    assert len(chat.posted("/api/chatkit/lead")) == asked
    async with chat.page.expect_request("**/api/chatkit/lead") as idle:
        await chat.page.clock.run_for(31_000)

    assert ((await idle.value).post_data_json or {})["reason"] == "idle"


async def test_a_shops_own_page_works_under_a_strict_policy_with_integrity(
    tmp_path_factory: pytest.TempPathFactory, visits: Visits
) -> None:
    """What docs/migrate-from-agent-builder.md tells a site to write; and where it says a nonce."""
    with product(tmp_path_factory.mktemp("strict") / "data") as shop:
        async with aiohttp.ClientSession() as http, http.get(f"{shop.url}/handoff.js") as answer:
            body = await answer.read()
        sri = f"sha384-{base64.b64encode(hashlib.sha384(body).digest()).decode()}"
        attributes = f'integrity="{sri}" crossorigin="anonymous" nonce="n0nce"'
        for allowed in (shop.url, "'nonce-n0nce'"):
            chat = await visits.page()
            policy = (
                f"default-src 'none'; script-src {allowed}; connect-src {shop.url};"
                f" img-src {shop.url} data: blob:"
            )
            html = page_with(f"{shop.url}/handoff.js", attributes).replace(
                "<head>", f'<head><meta http-equiv="Content-Security-Policy" content="{policy}">'
            )
            await chat.page.route(f"{shop.url}/shop", _serve(html))
            await chat.open(f"{shop.url}/shop")
            assert await chat.say(NEED)
            assert [said for said in chat.console if "Content Security Policy" in said] == []


def _serve(html: str) -> Callable[[Route], Awaitable[None]]:
    async def serve(route: Route) -> None:
        await route.fulfill(body=html, content_type="text/html")

    return serve


async def test_what_a_page_loads_is_small(shop: Product, visits: Visits) -> None:
    chat = await visits.page()
    await chat.open(shop.url)
    [panel] = [one.url for one in chat.requests if "/panel.js" in one.url]
    zipped: list[bytes] = []
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        for url in (f"{shop.url}/handoff.js", panel, f"{shop.url}/handoff.css"):
            async with http.get(
                URL(url, encoded=True), headers={"Accept-Encoding": "gzip"}
            ) as answer:
                zipped.append(await answer.read())

    script, panel_script, style = zipped
    for each in (script, panel_script):
        assert gzip.decompress(each).startswith(b"/*! Handoff")
        assert len(each) < GZIPPED_BYTES
    assert len(style) < 3 * 1024
