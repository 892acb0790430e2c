"""What the shop sees: the golden mails in Chromium, on a phone and wider, light and dark."""

from __future__ import annotations

from collections.abc import AsyncIterator
from html import escape
from typing import TYPE_CHECKING, Literal

import pytest
import pytest_asyncio

from tests.golden import WITH_HTML, Case
from tests.golden.reading import golden, text_of, with_pictures

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, Request

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

SCREEN = 844
"""Height of the phone that the first screen is judged on."""
DARK: tuple[tuple[Literal["light", "dark"], bool], ...] = (("light", False), ("dark", True))
VIEWS = [(width, scheme) for width in (390, 720) for scheme, _ in DARK]

CONTRASTS = """() => {
  const light = c => { const [r, g, b] = c.map(v => { v /= 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b };
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const behind = node => { for (let at = node; at; at = at.parentElement) {
    const c = parse(getComputedStyle(at).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c.slice(0, 3) } return [255, 255, 255] };
  const bad = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) { const node = walk.currentNode, on = node.parentElement;
    if (!node.data.trim() || !on.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(on).color)), light(behind(on))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.push([node.data.trim(), ratio]) }
  return bad }"""
"""Every text whose colour is too close to what lies behind it."""
LEFT_TO_RIGHT = """() => {
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) for (const { 0: said, index } of walk.currentNode.data
      .matchAll(/408-555-0167|\\(408\\) 555-0168/g)) {
    const lefts = [...said].map((_, at) => {
      const range = document.createRange();
      range.setStart(walk.currentNode, index + at);
      range.setEnd(walk.currentNode, index + at + 1);
      return range.getBoundingClientRect().left });
    found.push(lefts.every((left, at) => !at || left > lefts[at - 1])) }
  return found }"""
"""Of every number of the customer, whether its characters stand in the order it is dialled."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    async with await chromium.new_page(viewport={"width": 390, "height": SCREEN}) as opened:
        yield opened


async def _open(page: Page, case: Case) -> list[str]:
    """The mail as it comes; and what it asked the network for."""
    asked: list[str] = []

    def listen(request: Request) -> None:
        asked.append(request.url)

    page.on("request", listen)
    await page.set_viewport_size({"width": 390, "height": SCREEN})
    await page.set_content(with_pictures(golden(case.path)))
    page.remove_listener("request", listen)
    return [url for url in asked if not url.startswith("data:")]


@pytest.mark.parametrize("case", WITH_HTML, ids=lambda case: case.name)
async def test_a_mail_looks_right_on_a_phone_and_wider_light_and_dark(
    page: Page, case: Case
) -> None:
    assert await _open(page, case) == []
    for width, scheme in VIEWS:
        await page.set_viewport_size({"width": width, "height": SCREEN})
        await page.emulate_media(color_scheme=scheme)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.evaluate(CONTRASTS) == [], scheme
        assert await page.evaluate("[...document.images].every(one => one.naturalWidth > 0)")
        await _check_first_screen(page, width)
        await _check_targets(page)


async def _check_first_screen(page: Page, width: int) -> None:
    """Who, what, how: name, need and the large buttons, without scrolling."""
    size = await page.locator("h1").evaluate("one => parseFloat(getComputedStyle(one).fontSize)")
    assert size >= 28
    boxes = [await one.bounding_box() for one in await page.locator("td[align=center] > a").all()]
    assert boxes
    for box in boxes:
        assert box
        assert box["height"] >= 44
        assert box["y"] + box["height"] <= SCREEN
        assert box["width"] >= min(width, 640) - 34


async def _check_targets(page: Page) -> None:
    """A thumb finds every chip."""
    for chip in await page.locator("a.plain").all():
        box = await chip.bounding_box()
        assert box
        assert box["height"] >= 43.5
        assert box["width"] >= 44


async def test_photos_lie_two_by_two_from_edge_to_edge_and_leave_no_hole(page: Page) -> None:
    await _open(page, next(case for case in WITH_HTML if case.name == "english_photos"))
    boxes = [await one.bounding_box() for one in await page.locator("img").all()]
    one, other, wide = [box for box in boxes if box]

    assert (one["x"], other["x"] + other["width"]) == (0, 390)
    assert (one["y"], one["height"]) == (other["y"], other["height"])
    assert (wide["x"], wide["width"]) == (0, 390)
    assert 0 < wide["y"] - one["y"] - one["height"] <= 8


async def test_a_dark_page_is_dark_and_a_light_one_is_light(page: Page) -> None:
    await _open(page, WITH_HTML[0])
    for scheme, dark in DARK:
        await page.emulate_media(color_scheme=scheme)
        colour = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(int(part) for part in colour[4:-1].split(",")) < 200) is dark


async def test_arabic_starts_on_the_right_and_its_signature_on_the_left(page: Page) -> None:
    await _open(page, next(case for case in WITH_HTML if case.name == "arabic_doubtful_email"))
    sides = await page.evaluate(
        "[...document.querySelectorAll('td.tint > div')].map(one => [one.lang, one.dir])"
    )

    assert sides[0] == ["ar", "rtl"]
    assert ["ar", "ltr"] in sides


@pytest.mark.parametrize("side", ["ltr", "rtl"])
async def test_a_number_between_arabic_words_reads_in_the_order_it_is_dialled(
    page: Page, side: str
) -> None:
    mail = golden(next(case.path for case in WITH_HTML if case.name == "arabic_phone"))
    await page.set_viewport_size({"width": 2000, "height": SCREEN})

    for shown, numbers in ((str(mail["Subject"]), 1), (text_of(mail), 7)):
        await page.set_content(f"<pre dir={side}>{escape(shown)}</pre>")
        assert await page.evaluate(LEFT_TO_RIGHT) == [True] * numbers
    await page.set_content(with_pictures(mail))
    assert await page.evaluate(LEFT_TO_RIGHT) == [True] * 7
