"""What a visitor sees when something fails, and that nothing is lost by it."""

from __future__ import annotations

import re
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.browser.chat import NEED, PHONE, ChatPage, mail_of, reference_in, text_of
from tests.browser.conftest import UNLIMITED
from tests.browser.pages import other_site, page_with
from tests.faults.proxy import Proxy, proxy
from tests.openai_server import CutOff, OpenAIServer, Status, openai_server
from tests.openai_shapes import Text
from tests.product import Product
from tests.servers import free_port

if TYPE_CHECKING:
    from playwright.async_api import Route

    from tests.browser.conftest import Visits

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

ANSWER = "Which side of the seat is it, and could you add a photo?"


@dataclass
class FarShop:
    """A shop with a model, at the other end of a wire that can be cut."""

    running: Product
    wire: Proxy
    openai: OpenAIServer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.wire.port}"

    def answers_paid(self) -> int:
        return sum(bool(seen.body.get("stream")) for seen in self.openai.seen("responses"))


@pytest.fixture(scope="module")
def openai() -> Iterator[OpenAIServer]:
    with openai_server() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def started(
    tmp_path_factory: pytest.TempPathFactory, openai: OpenAIServer
) -> AsyncIterator[FarShop]:
    port = free_port()
    async with proxy("127.0.0.1", port) as wire:
        environ = {
            **UNLIMITED, "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": openai.url,
            "PUBLIC_URL": f"http://127.0.0.1:{wire.port}",
        }  # fmt: skip
        running = Product(tmp_path_factory.mktemp("far") / "data", port=port, environ=environ)
        running.start()
        try:
            yield FarShop(running, wire, openai)
        finally:
            running.stop(signal.SIGKILL)


@pytest.fixture
def far_shop(started: FarShop) -> FarShop:
    started.wire.refusing = False
    started.openai.requests.clear()
    started.openai.failures.clear()
    started.openai.delay_seconds = 0
    started.openai.model = lambda body: Text("{}" if body.get("text", {}).get("format") else ANSWER)
    return started


async def _begin_and_cut(chat: ChatPage, shop: FarShop) -> None:
    """The message is stored, the model thinks, and the wire is cut."""
    shop.openai.delay_seconds = 4
    await chat.write(NEED)
    await chat.begun()
    shop.wire.cut()


async def test_a_short_cut_in_mid_answer_is_not_even_seen(
    far_shop: FarShop, visits: Visits
) -> None:
    chat = await visits.page()
    await chat.open(far_shop.url)

    await _begin_and_cut(chat, far_shop)
    await chat.answered()

    assert await chat.assistant.all_inner_texts() == [ANSWER]
    assert await chat.customer.count() == 1
    assert await chat.alert.count() == 0
    assert far_shop.answers_paid() == 1


async def test_a_message_that_does_not_leave_says_so_and_can_be_tried_again(
    far_shop: FarShop, visits: Visits
) -> None:
    chat = await visits.page()
    await chat.open(far_shop.url)

    far_shop.wire.refusing = True
    far_shop.wire.cut()
    await chat.write(NEED)
    await chat.alert.wait_for()

    assert reference_in(await chat.alert.inner_text())
    beside = "node => node.previousElementSibling.dataset.who"
    assert await chat.alert.evaluate(beside) == "customer"
    assert "You seem to be offline" not in await chat.alert.inner_text()  # the shop is
    far_shop.wire.refusing = False
    await chat.alert.get_by_role("button", name="Try again").click()
    await chat.answered()
    assert await chat.alert.count() == 0
    assert await chat.customer.all_inner_texts() == [NEED]
    assert await chat.assistant.all_inner_texts() == [ANSWER]


async def test_what_was_written_without_a_network_leaves_when_it_is_back(
    far_shop: FarShop, visits: Visits
) -> None:
    from playwright.async_api import expect

    chat = await visits.page()
    await chat.open(far_shop.url)

    await chat.page.context.set_offline(True)
    await chat.write(NEED)
    await chat.alert.wait_for()
    assert "You seem to be offline" in await chat.alert.inner_text()
    await chat.page.context.set_offline(False)

    await expect(chat.assistant).to_have_text([ANSWER])
    assert await chat.alert.count() == 0
    assert await chat.customer.all_inner_texts() == [NEED]


async def test_a_wire_that_stays_cut_in_mid_answer_ends_in_try_again(
    far_shop: FarShop, visits: Visits
) -> None:
    chat = await visits.page()
    await chat.open(far_shop.url)

    await _begin_and_cut(chat, far_shop)
    far_shop.wire.refusing = True
    await chat.alert.wait_for()
    assert reference_in(await chat.alert.inner_text())
    far_shop.wire.refusing = False
    await chat.alert.get_by_role("button", name="Try again").click()
    await chat.answered()
    await chat.page.reload()
    await chat.customer.first.wait_for()

    assert await chat.customer.all_inner_texts() == [NEED]
    assert await chat.assistant.all_inner_texts() == [ANSWER]


async def test_a_reload_in_mid_answer_waits_for_it_and_pays_once(
    far_shop: FarShop, visits: Visits
) -> None:
    chat = await visits.page()
    await chat.open(far_shop.url)
    far_shop.openai.delay_seconds = 5
    await chat.write(NEED)
    await chat.begun()
    await chat.page.reload()
    await chat.panel.locator(".typing").wait_for()
    await chat.assistant.wait_for()
    await chat.answered()

    assert await chat.customer.all_inner_texts() == [NEED]
    assert await chat.assistant.all_inner_texts() == [ANSWER]
    assert await chat.alert.count() == 0
    assert far_shop.answers_paid() == 1


@pytest.mark.parametrize("failure", [Status(429), Status(500), CutOff(after_events=5)], ids=str)
async def test_a_model_that_fails_is_a_kind_sentence_and_a_retry_that_works(
    far_shop: FarShop, visits: Visits, failure: Status | CutOff
) -> None:
    chat = await visits.page()
    await chat.open(far_shop.url)
    far_shop.openai.fail("responses", failure, times=2)

    await chat.write(NEED)
    await chat.alert.wait_for()
    said = await chat.alert.inner_text()

    assert reference_in(said)
    assert "Sorry" in said
    far_shop.openai.failures.clear()
    await chat.alert.get_by_role("button", name="Try again").click()
    await chat.answered()
    assert await chat.assistant.all_inner_texts() == [ANSWER]
    assert await chat.customer.count() == 1


async def test_a_photo_that_is_refused_says_why_with_a_reference(
    shop: Product, visits: Visits
) -> None:
    chat = await visits.page()
    await chat.open(shop.url)

    await chat.attach("seat.jpg", "image/jpeg", b"<svg onload=alert(1)>")
    await chat.alert.wait_for()

    assert reference_in(await chat.alert.inner_text())
    assert await chat.send.is_disabled()
    await chat.panel.get_by_role("button", name="Remove seat.jpg").click()
    assert await chat.alert.count() == 0
    assert await chat.say(NEED)


async def test_an_upload_without_a_network_can_be_tried_again(
    shop: Product, visits: Visits
) -> None:
    from tests.pictures import encoded

    chat = await visits.page()
    await chat.open(shop.url)
    await chat.page.route("**/api/chatkit/attachment", lambda route: route.abort())
    await chat.attach("seat.jpg", "image/jpeg", encoded("image/jpeg"))
    await chat.alert.wait_for()
    assert reference_in(await chat.alert.inner_text())
    await chat.page.unroute_all()

    await chat.alert.get_by_role("button", name="Try again").click()
    await chat.say(f"{NEED} {PHONE}")

    mail = await mail_of(shop, await chat.thread(), chat.page)
    assert "image/jpeg" in {part.get_content_type() for part in mail.walk()}


async def test_a_conversation_that_cannot_be_loaded_says_so(shop: Product, visits: Visits) -> None:
    chat = await visits.page()
    await chat.open(shop.url)
    await chat.say(NEED)
    await chat.page.route("**/api/chatkit", lambda route: route.abort())
    await chat.page.reload()
    await chat.alert.wait_for()

    assert reference_in(await chat.alert.inner_text())
    await chat.page.unroute_all()
    await chat.alert.get_by_role("button", name="Try again").click()
    await chat.customer.first.wait_for()
    assert await chat.customer.all_inner_texts() == [NEED]


async def test_a_session_that_ended_is_renewed_unseen(shop: Product, visits: Visits) -> None:
    chat = await visits.page()
    await chat.open(shop.url)
    ended: list[str] = []

    async def end_once(route: Route) -> None:
        headers = route.request.headers
        if not ended:
            ended.append(headers["authorization"])
            headers = {**headers, "authorization": "Bearer ended"}
        await route.continue_(headers=headers)

    await chat.page.route("**/api/chatkit", end_once)
    await chat.say(f"{NEED} {PHONE}")

    assert ended
    assert await chat.alert.count() == 0
    assert NEED in text_of(await mail_of(shop, await chat.thread(), chat.page))


async def test_another_origin_is_refused_and_told_so(shop: Product, visits: Visits) -> None:
    chat = await visits.page()
    async with other_site(page_with(f"{shop.url}/handoff.js")) as origin:
        async with chat.page.expect_console_message(lambda said: "Handoff" in said.text) as told:
            await chat.page.goto(origin)
        said = (await told.value).text
        assert origin in said
        assert re.search(r"Reference: [0-9a-f]{32}", said)
        assert await chat.launcher.count() == 0
        assert [one for one in chat.requests if one.method == "POST"] == []

        for path in ("session", "lead", "attachment"):
            url = f"{shop.url}/api/chatkit/{path}"
            answer = await chat.page.request.post(url, data={}, headers={"Origin": origin})
            assert answer.status == 403


async def test_plain_http_is_refused_and_told_so(shop: Product, visits: Visits) -> None:
    chat = await visits.page()
    html = page_with("http://shop.example/handoff.js")

    async def serve(route: Route) -> None:
        if route.request.url.endswith("handoff.js"):
            await route.fulfill(response=await route.fetch(url=f"{shop.url}/handoff.js"))
        else:
            await route.fulfill(body=html, content_type="text/html")

    await chat.page.route("http://shop.example/**", serve)
    async with chat.page.expect_console_message(lambda said: "plain http" in said.text):
        await chat.page.goto("http://shop.example/")

    assert await chat.launcher.count() == 0
    assert {one.url for one in chat.requests} <= {
        "http://shop.example/", "http://shop.example/handoff.js"
    }  # fmt: skip
