"""A customer chats on the demo page in real Chromium, and the shop gets its mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from services.gateway.front import load_phrases
from tests.browser.chat import NEED, PHONE, mail_of, mail_saying, text_of
from tests.pictures import encoded, scene

if TYPE_CHECKING:
    from tests.browser.conftest import Visits
    from tests.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

CONVERSATIONS = {
    "en": ("", NEED, PHONE, "practice assistant"),
    "es": (
        "?lang=es", "El asiento de mi Ford F-150 2015 está roto, quiero repararlo.",
        "Soy Ana, mi teléfono es 408-555-0176.", "asistente de práctica",
    ),
    "ar": (
        "?lang=ar", "مقعد سيارة فورد F-150 موديل 2015 ممزق وأريد إصلاح المقعد.",
        "اسمي آنا ورقم هاتفي ٤٠٨-٥٥٥-٠١٧٦", "مساعد للتجربة",  # noqa: RUF001 - it is what people type
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", CONVERSATIONS)
async def test_a_chat_in_its_language_becomes_a_mail(
    shop: Product, visits: Visits, language: str
) -> None:
    query, need, phone, practice = CONVERSATIONS[language]
    chat = await visits.page()
    await chat.open(f"{shop.url}/{query}")

    answer = await chat.say(need)
    await chat.say(phone)

    assert practice in answer
    assert await chat.panel.get_attribute("lang") == language
    assert await chat.panel.get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
    mail = await mail_of(shop, await chat.thread(), chat.page)
    assert "(408) 555-0176" in text_of(mail)
    assert need in text_of(mail)
    assert chat.violations == []


async def test_a_photo_of_an_iphone_is_seen_in_the_chat_and_in_the_mail(
    shop: Product, visits: Visits
) -> None:
    chat = await visits.page()
    await chat.open(shop.url)
    await chat.attach("IMG_0042.HEIC", "image/heic", encoded("image/heic", scene(1600, 1200)))
    preview = chat.panel.locator(".chip img:visible")
    await preview.wait_for()

    await chat.say(f"{NEED} {PHONE}")

    sent = chat.customer.first.locator("img")
    assert await sent.evaluate("async image => { await image.decode(); return image.naturalWidth }")
    mail = await mail_of(shop, await chat.thread(), chat.page)
    assert "image/jpeg" in {part.get_content_type() for part in mail.walk()}

    inbox = await visits.page()
    await inbox.page.goto(shop.inbox_url)
    await inbox.page.get_by_role("navigation").get_by_text(await chat.thread()).click()
    shown = inbox.page.frame_locator("iframe").locator("img[src*=part]").first
    await expect(shown).to_have_js_property("naturalWidth", 1200)


async def test_closing_the_tab_right_after_the_phone_number_loses_nothing(
    shop: Product, visits: Visits
) -> None:
    chat = await visits.page()
    await chat.open(shop.url)
    await chat.say(NEED)
    thread = await chat.thread()
    other = await visits.page()

    await chat.write(PHONE)
    await chat.page.close(run_before_unload=False)

    assert "(408) 555-0176" in text_of(await mail_of(shop, thread, other.page))


async def test_closing_the_tab_while_a_photo_uploads_loses_no_words_from_another_origin(
    shop: Product, visits: Visits
) -> None:
    """Whose browser asks for leave first. Playwright routes nothing: it would hold what leaves."""
    chat = await visits.page(bypass_csp=True)
    await chat.page.goto(f"http://localhost:{shop.port}/handoff.css")
    await chat.page.add_script_tag(url=f"{shop.url}/handoff.js")
    await chat.launcher.click()
    await chat.page.evaluate("XMLHttpRequest.prototype.send = () => {}")
    async with chat.page.expect_request_finished(lambda each: each.url.endswith("/session")):
        await chat.attach("seat.jpg", "image/jpeg", encoded("image/jpeg"))
        await chat.input.fill(f"{NEED} {PHONE} Ask for the blue seat.")
    await chat.input.press("Enter")
    await expect(chat.panel.get_by_role("status")).to_have_text("Uploading")
    await chat.page.close()

    other = await visits.page()
    mail = await mail_saying(shop, "blue seat", other.page)
    assert "(408) 555-0176" in text_of(mail)


async def test_two_tabs_are_two_conversations_of_one_visitor(shop: Product, visits: Visits) -> None:
    one = await visits.page()
    await one.open(shop.url)
    other = type(one).of(await one.page.context.new_page())
    await other.open(shop.url)

    await one.say(f"{NEED} {PHONE}")
    await other.say(f"My sofa cushion is ripped, please repair it. {PHONE}")

    threads = {await one.thread(), await other.thread()}
    assert len(threads) == 2
    for thread in threads:
        assert await mail_of(shop, thread, one.page)
    users = [await tab.page.evaluate("localStorage['chatkit-user-id']") for tab in (one, other)]
    assert users[0] == users[1] != ""


async def test_reload_keeps_the_conversation_open_and_whole(shop: Product, visits: Visits) -> None:
    chat = await visits.page()
    await chat.open(shop.url)
    await chat.say(NEED)
    said = await chat.panel.get_by_role("log").inner_text()

    await chat.page.reload()
    await chat.customer.first.wait_for()

    assert await chat.panel.get_by_role("log").inner_text() == said
    await chat.say(PHONE)
    assert await chat.customer.count() == 2


async def test_a_new_chat_submits_the_old_one(shop: Product, visits: Visits) -> None:
    chat = await visits.page()
    await chat.open(shop.url)
    await chat.say(f"{NEED} {PHONE}")
    old = await chat.thread()

    async with chat.page.expect_response("**/api/chatkit/lead") as answer:
        await chat.panel.get_by_role("button", name="New chat").click()

    sent = (await answer.value).request.post_data_json
    assert sent
    assert (sent["threadId"], sent["reason"]) == (old, "chat_closed")
    await chat.start.wait_for()
    assert await chat.thread() == ""
    assert await mail_of(shop, old, chat.page)
    await chat.say("And do you do boats?")
    assert await chat.thread() not in {"", old}


async def test_every_language_of_the_shop_has_all_words(shop: Product, visits: Visits) -> None:
    chat = await visits.page()
    await chat.page.goto(f"{shop.url}/?lang=constructor")  # every object has one
    assert await chat.page.get_by_role("heading", name="Seats", exact=True).count() == 1
    words = """async locales => Promise.all(locales.map(async locale => {
        const answer = await fetch(`/handoff.json?locale=${locale}`);
        const { chat } = await answer.json();
        return [chat.locale, Object.values(chat.texts).every(text => text.length > 0)];
    }))"""
    locales = ["en", "es", "vi", "zh-CN", "zh-TW", "tl", "ko", "hi", "pa", "pt-BR", "ja", "ar",
               "ru", "ta", "id", "fa", "te", "fr"]  # fmt: skip

    assert await chat.page.evaluate(words, locales) == [[locale, True] for locale in locales]


async def test_a_script_tag_may_name_another_language_than_its_page(
    shop: Product, visits: Visits
) -> None:
    """The demo page is not written in Korean; its script tag says `data-locale`."""
    chat = await visits.page()
    await chat.page.goto(f"{shop.url}/?lang=ko")

    await expect(chat.launcher).to_have_attribute("lang", "ko")
    await expect(chat.launcher).to_have_text(load_phrases()["ko"]["open"])
    assert await chat.page.locator("html").get_attribute("lang") == "en"
