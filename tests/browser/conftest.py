"""The running product, and one Chromium to visit it with: each once per worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests import needs
from tests.browser.chat import ChatPage
from tests.browser.stage import Stage, stage
from tests.product import Product, product

if TYPE_CHECKING:
    from playwright.async_api import Browser

UNLIMITED = {
    f"LIMIT_{name}": "off"
    for name in (
        "SESSIONS_PER_ADDRESS", "TRIGGERS_PER_ADDRESS", "SIGNALS_PER_ADDRESS",
        "UPLOADS_PER_VISITOR", "CHAT_PER_VISITOR",
    )
}  # fmt: skip
"""All visitors of a test come from one address."""
UNSEEN = (
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup",
    "WebUIOmniboxSimplification", "SpareRendererForSitePerProcess",
)  # fmt: skip
"""For each window Chromium renders an address bar that nobody sees: half of its CPU."""
PLAYWRIGHTS = (
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding",
    "ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints",
    "NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch",
)  # fmt: skip
"""What it switches off itself, said again: the last `--disable-features` counts."""
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    f"--disable-features={','.join(PLAYWRIGHTS + UNSEEN)}",
)  # fmt: skip


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Without a key: the practice agent answers."""
    with product(tmp_path_factory.mktemp("shop") / "data", **UNLIMITED) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    path = needs.chromium()
    from playwright.async_api import async_playwright, expect

    expect.set_options(timeout=30_000)
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield opened
        await opened.close()


class Visits:
    """Opens pages as somebody's own browser; what they opened is closed with the test."""

    def __init__(self, browser: Browser, stack: AsyncExitStack) -> None:
        self._browser = browser
        self._stack = stack

    async def page(self, **context: Any) -> ChatPage:
        made = await self._browser.new_context(**context)
        self._stack.push_async_callback(made.close)
        return ChatPage.of(await made.new_page())


@asynccontextmanager
async def _visits(browser: Browser) -> AsyncIterator[Visits]:
    async with AsyncExitStack() as stack:
        yield Visits(browser, stack)


@pytest_asyncio.fixture(loop_scope="session")
async def theatre() -> AsyncIterator[Stage]:
    async with stage() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def visits(chromium: Browser) -> AsyncIterator[Visits]:
    async with _visits(chromium) as opened:
        yield opened
