"""OpenAI's runtime where it may run, a stub of it here; and our own panel where it may not.

The real `chatkit.js` is only on OpenAI's network. The stub is an element of the same name that
keeps the options that it is given; `@openai/chatkit`'s types judge them where they are installed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import needs
from tests.browser.chat import NEED
from tests.browser.conftest import UNLIMITED
from tests.golden.reading import read, text_of
from tests.openai_server import OpenAIServer, openai_server
from tests.openai_shapes import user_message
from tests.product import Product, product

if TYPE_CHECKING:
    from playwright.async_api import Route

    from tests.browser.chat import ChatPage
    from tests.browser.conftest import Visits

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

OLD_SITE = "http://localhost:4321/"
"""An origin of the shop's profile; nothing listens there."""
CDN = "https://cdn.platform.openai.com/**"
STUB = """customElements.define("openai-chatkit", class extends HTMLElement {
  setOptions(options) { window.given = options; this.textContent = "The runtime"; }
  async focusComposer() { window.focused = true; }
  async setThreadId(id) { window.thread = id; }
});"""
SHAPE = """() => JSON.parse(JSON.stringify(window.given, (key, value) =>
  typeof value === "function" ? "function" : value))"""
ROOT = Path(__file__).parents[2]
TYPES = ROOT / "node_modules" / "@openai" / "chatkit"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    environ = {**UNLIMITED, "CHATKIT_DOMAIN_KEY": "domain_pk_test"}
    with product(tmp_path_factory.mktemp("own") / "data", **environ) as running:
        yield running


@pytest.fixture(scope="module")
def openai() -> Iterator[OpenAIServer]:
    with openai_server() as server:
        yield server


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory, openai: OpenAIServer) -> Iterator[Product]:
    environ = {
        **UNLIMITED, "CONVERSATIONS": "hosted", "CHATKIT_WORKFLOW_ID": "wf_test",
        "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": openai.url,
    }  # fmt: skip
    with product(tmp_path_factory.mktemp("hosted") / "data", **environ) as running:
        yield running


async def _mounted(visits: Visits, url: str) -> ChatPage:
    chat = await visits.page()
    await chat.page.route(
        CDN, lambda route: route.fulfill(body=STUB, content_type="text/javascript")
    )
    await chat.page.goto(url)
    await chat.launcher.click()
    await chat.page.get_by_text("The runtime").wait_for()
    return chat


async def test_own_mode_gives_the_runtime_our_address_and_our_token(
    own: Product, visits: Visits
) -> None:
    chat = await _mounted(visits, own.url)

    options = await chat.page.evaluate(SHAPE)

    assert options["api"] == {
        "url": f"{own.url}/api/chatkit",
        "domainKey": "domain_pk_test",
        "fetch": "function",
        "uploadStrategy": {"type": "two_phase"},
    }
    assert options["startScreen"]["prompts"][0]["prompt"] == "My seat is torn"
    assert await chat.page.evaluate("window.focused")
    wish = {"type": "threads.list", "params": {"limit": 5, "order": "desc"}, "metadata": {}}
    asked = """async wish => { const answer = await given.api.fetch(given.api.url, { method: "POST",
      headers: { "Content-Type": "application/json" }, body: JSON.stringify(wish) });
      return [answer.status, await answer.json()] }"""
    status, page = await chat.page.evaluate(asked, wish)
    assert (status, page["data"]) == (200, [])


async def test_hosted_mode_gives_the_runtime_a_way_to_a_client_secret(
    hosted: Product, openai: OpenAIServer, visits: Visits
) -> None:
    chat = await _mounted(visits, hosted.url)

    options = await chat.page.evaluate(SHAPE)

    assert options["api"] == {"getClientSecret": "function"}
    first = await chat.page.evaluate("given.api.getClientSecret(null)")
    renewed = await chat.page.evaluate("first => given.api.getClientSecret(first)", first)
    assert first.startswith("ek_")
    assert renewed.startswith("ek_")
    assert first != renewed
    ours = {first, renewed}  # another test's visitors may have been here before
    [user] = {one["user"] for one in openai.sessions.values() if one["client_secret"] in ours}
    assert user.startswith("v_")


async def test_a_page_that_reads_amplify_outputs_works_unchanged(
    hosted: Product, openai: OpenAIServer, visits: Visits
) -> None:
    """Its own script on its own origin; all that is new is who answers at that one address."""
    chat = await visits.page(permissions=["local-network-access"])
    page = chat.page
    await page.route(OLD_SITE + "*", _old_site(hosted.url))
    await page.route(CDN, lambda route: route.fulfill(body=STUB, content_type="text/javascript"))
    await page.goto(OLD_SITE)
    await page.get_by_text("The runtime").wait_for()
    secret = await page.evaluate("given.api.getClientSecret(null)")
    session = next(one for one in openai.sessions.values() if one["client_secret"] == secret)
    said = user_message("My truck seat is torn, call 408-555-0188", at=int(time.time()) - 60)
    openai.add_thread("cthr_of_old", user=session["user"], items=[said], title="Truck seat")
    tell = """threadId => document.querySelector("openai-chatkit").dispatchEvent(
      new CustomEvent("chatkit.thread.change", { detail: { threadId } }))"""
    await page.evaluate(tell, "cthr_of_old")

    async with page.expect_response("**/api/lead-signal") as signal:
        await page.get_by_role("link", name="Call us").click()
    await page.get_by_role("button", name="Close chat").click()
    told = json.loads(await page.get_by_text('"ok":').inner_text())
    async with page.expect_response("**/api/chatkit/lead") as leaving:
        await page.evaluate("dispatchEvent(new Event('pagehide'))")

    assert [(await signal.value).ok, (await leaving.value).ok] == [True, True]
    assert (told["ok"], told["thread_id"]) == (True, "cthr_of_old")
    assert told["reason"] in {"chat_closed", "queued"}, "the second where it takes 10 s"
    assert (chat.console, chat.violations) == ([], [])
    (file,) = await hosted.mail_arrives()
    mail = read(file.read_bytes())
    assert mail["X-Handoff-Thread"] == "cthr_of_old"
    for word in ("(408) 555-0188", "old-click", "Lead click call"):
        assert word in text_of(mail)


def _old_site(product: str) -> Callable[[Route], Awaitable[None]]:
    """Two addresses; the second one is passed on to the product, as the migration guide says."""

    async def serve(route: Route) -> None:
        if route.request.url == OLD_SITE + "amplify_outputs.json":
            await route.fulfill(response=await route.fetch(url=f"{product}/amplify_outputs.json"))
        else:
            page = (Path(__file__).parent / "old_front_end.html").read_text()
            await route.fulfill(body=page, content_type="text/html")

    return serve


async def test_the_runtimes_conversation_has_our_triggers(own: Product, visits: Visits) -> None:
    chat = await _mounted(visits, own.url)
    tell = """([name, detail]) => document.querySelector("#handoff").shadowRoot
      .querySelector("openai-chatkit").dispatchEvent(new CustomEvent(name, { detail }))"""
    await chat.page.evaluate(tell, ["chatkit.thread.change", {"threadId": "cthr_from_runtime"}])
    await chat.page.evaluate(tell, ["chatkit.response.start", None])

    async with chat.page.expect_request("**/api/chatkit/lead") as asked:
        await chat.panel.get_by_role("button", name="New chat").click()

    sent = (await asked.value).post_data_json
    assert sent
    assert (sent["threadId"], sent["reason"]) == ("cthr_from_runtime", "chat_closed")
    assert await chat.page.evaluate("window.thread") is None


@pytest.mark.parametrize("cdn", ["unreachable", "not a script", "no element"])
async def test_without_the_runtime_our_own_panel_appears(
    own: Product, visits: Visits, cdn: str
) -> None:
    answers: dict[str, Any] = {
        "unreachable": lambda route: route.abort(),
        "not a script": lambda route: route.fulfill(status=503, body="<html>"),
        "no element": lambda route: route.fulfill(body="", content_type="text/javascript"),
    }
    chat = await visits.page()
    await chat.page.route(CDN, answers[cdn])

    await chat.open(own.url)

    assert "practice assistant" in await chat.say(NEED)
    assert chat.violations == []


async def test_without_a_domain_key_nothing_is_asked_of_openai(
    shop: Product, visits: Visits
) -> None:
    chat = await visits.page()
    await chat.open(shop.url)
    await chat.say(NEED)

    assert {one.url.startswith((shop.url, "data:")) for one in chat.requests} == {True}


async def test_the_options_are_what_openais_types_allow(
    own: Product, hosted: Product, visits: Visits, tmp_path: Path
) -> None:
    compiler = ROOT / "node_modules" / ".bin" / "tsc"
    if not (TYPES.exists() and compiler.exists() and shutil.which("node")):
        needs.missing("npm's @openai/chatkit and typescript (docs/decisions/front-end.md)")
    for mode, url in (("own", own.url), ("hosted", hosted.url)):
        chat = await _mounted(visits, url)
        for language in ("en", "fa", "zh-hant", "pt-br"):
            await chat.page.goto(f"{url}/?lang={language}")  # it opens again as it was left
            await chat.page.get_by_text("The runtime").wait_for()
            literal = json.dumps(await chat.page.evaluate(SHAPE))
            _write_typed(tmp_path / f"{mode}-{language}.ts", literal)

    assert _mistakes(compiler, tmp_path) == ""


def _write_typed(path: Path, literal: str) -> None:
    value = literal.replace('"function"', "(async (..._: unknown[]) => ({}) as never)")
    path.write_text(
        f'import type {{ ChatKitOptions }} from "{TYPES / "types" / "index"}";\n'
        f"export const options: ChatKitOptions = {value};\n"
    )


def _mistakes(compiler: Path, folder: Path) -> str:
    flags = ("--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--lib", "es2022,dom")
    judged = subprocess.run(
        [compiler, *flags, *folder.glob("*.ts")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return "" if judged.returncode == 0 else judged.stdout
