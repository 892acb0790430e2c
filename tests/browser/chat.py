"""The chat as a customer sees it: roles and words, through Chromium."""

from __future__ import annotations

import asyncio
import email
import email.policy
import functools
import re
from collections.abc import Callable, Sized
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tests.product import visitor

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page, Request, Route

    from tests.product import Product

NEED = "My driver seat in a 2015 Ford F-150 is torn and I want it repaired."
PHONE = "I'm Ana, call me at 408-555-0176."
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
HIDDEN = """() => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
"""A phone turns to another app."""
WATCH_PAUSES = """() => { const { setTimeout } = window; window.pauses = [];
  window.setTimeout = (call, ms) => { pauses.push(ms); return setTimeout(call, ms); } }"""
"""How long the page waits, each time that it does; evaluated after its clock is another."""
ARTEFACTS = Path(__file__).parents[2] / "test-artefacts"
"""Screenshots to look at; git does not keep them."""


@dataclass
class ChatPage:
    page: Page
    violations: list[str] = field(default_factory=list)
    """What the page's own policy refused, and scripts that failed."""
    console: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    @classmethod
    def of(cls, page: Page) -> ChatPage:
        made = cls(page)
        page.on("console", lambda said: made.console.append(said.text))
        page.on("request", lambda request: made.requests.append(request))  # noqa: PLW0108 - Playwright marks the handler
        page.on("pageerror", lambda error: made.violations.append(str(error)))
        return made

    @property
    def launcher(self) -> Locator:
        return self.page.locator("#handoff .launch")

    @property
    def panel(self) -> Locator:
        return self.page.get_by_role("dialog")

    @property
    def input(self) -> Locator:
        return self.panel.locator("textarea")

    @property
    def send(self) -> Locator:
        return self.panel.locator(".composer [type=submit]")

    @property
    def customer(self) -> Locator:
        return self.panel.locator(".group.customer .bubble")

    @property
    def assistant(self) -> Locator:
        return self.panel.locator(".group.assistant .bubble:not(.typing)")

    @property
    def alert(self) -> Locator:
        return self.panel.get_by_role("alert")

    @property
    def start(self) -> Locator:
        return self.panel.locator(".start")

    async def open(self, url: str) -> None:
        await self.page.goto(url)
        await self.launcher.click()
        await self.start.wait_for()

    async def say(self, text: str) -> str:
        """One turn, until the assistant has said all of it; returns the newest of its words."""
        from playwright.async_api import expect

        before = await self.assistant.count()
        await self.input.fill(text)
        await expect(self.send).to_be_enabled()
        await self.input.press("Enter")
        await expect(self.assistant).not_to_have_count(before)
        await self.answered()
        return await self.assistant.last.inner_text()

    async def write(self, text: str) -> None:
        await self.input.fill(text)
        await self.input.press("Enter")

    async def give_phone(self, number: str) -> None:
        field = self.panel.get_by_label("Your phone?")
        await field.fill(number)
        await field.press("Enter")

    async def lines(self) -> list[str]:
        return await self.panel.locator(".bubble:not(.typing)").all_inner_texts()

    async def answered(self) -> None:
        """The panel takes the next message again."""
        from playwright.async_api import expect

        log = self.panel.get_by_role("log")
        await expect(log).to_have_attribute("aria-busy", "false", timeout=30_000)

    async def attach(self, name: str, mime_type: str, body: bytes) -> None:
        file = {"name": name, "mimeType": mime_type, "buffer": body}
        await self.panel.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]

    async def thread(self) -> str:
        found: str = await self.page.evaluate("sessionStorage.getItem('chatkit-thread-id') || ''")
        return found

    async def keep(self, name: str, value: str) -> None:
        """As a page that this visitor saw before has left it."""
        await self.page.evaluate("kept => sessionStorage.setItem(...kept)", [name, value])

    async def until(self, condition: str, arg: object = None) -> None:
        async with asyncio.timeout(60):
            while not await self.page.evaluate(condition, arg):
                await asyncio.sleep(0.02)

    async def begun(self) -> None:
        """There is a thread."""
        await self.until("sessionStorage.getItem('chatkit-thread-id')")

    async def in_time(self, seen: Sized, count: int, step_ms: int = 250) -> None:
        """The page's clock runs on until it has asked as often."""
        async with asyncio.timeout(60):
            while len(seen) < count:
                await self.page.clock.run_for(step_ms)
                await asyncio.sleep(0.02)

    async def held(self, address: str) -> asyncio.Event:
        """What is sent there stays on its way until this is set."""
        free = asyncio.Event()

        async def hold(route: Route) -> None:
            await free.wait()
            await route.fallback()

        await self.page.route(address, hold)
        return free

    def posted(self, ending: str) -> list[Request]:
        return [one for one in self.requests if one.method == "POST" and one.url.endswith(ending)]

    async def shoot(self, name: str) -> None:
        """Without transitions or a blinking caret: what differs between two is a difference."""
        ARTEFACTS.mkdir(exist_ok=True)
        await self.page.screenshot(path=ARTEFACTS / f"{name}.png", caret="hide")


def reference_in(text: str) -> str:
    """The id that a person can quote."""
    found = re.search(r"\b[0-9a-f]{12}\b", text)
    return found[0] if found else ""


async def lead(shop: Product) -> str:
    """A conversation that becomes a mail, for a test that looks at the mail; returns its thread."""
    async with visitor(shop.url) as ana:
        await ana.say(f"{NEED} {PHONE}")
        return ana.thread


async def mail_of(shop: Product, thread: str, page: Page) -> EmailMessage:
    """The one lead mail of this thread, when it is there."""
    return await _arrived(shop, page, lambda mail: mail["X-Handoff-Thread"] == thread)


async def mail_saying(shop: Product, words: str, page: Page) -> EmailMessage:
    return await _arrived(shop, page, lambda mail: words in text_of(mail))


async def _arrived(
    shop: Product, page: Page, wanted: Callable[[EmailMessage], bool]
) -> EmailMessage:
    for _ in range(300):
        found = [mail for mail in map(_message, shop.mails()) if wanted(mail)]
        if found:
            [only] = found
            return only
        await page.wait_for_timeout(100)
    raise AssertionError(f"no such mail: {shop.log[-3000:]}")


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body
    return str(body.get_content())


@functools.cache
def _message(path: Path) -> EmailMessage:
    """Photos and all: read once, however often the outbox is looked through."""
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
