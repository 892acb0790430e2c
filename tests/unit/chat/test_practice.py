# ruff: noqa: RUF001 - people write in their own scripts
"""The practice agent holds a sensible conversation, and says of hours only what `shop_*` says."""

from __future__ import annotations

import re
import typing
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from libs.conversations.port import Item
from libs.shops.locales import LOCALES
from services.chat.moments import is_reachable
from services.chat.phrases import LANGUAGES, Phrases, kind_in, phrases_in
from services.chat.ports import Trouble
from tests.unit.chat.world import SHOPS, Answer, World, add, answer_field, create

SHOP = SHOPS.by_slug["craigs"]
ZONE = ZoneInfo(SHOP.timezone)

NEED = {
    "en": "Hello, my truck seat is torn",
    "es": "Hola, el asiento de mi camioneta está roto",
    "ar": "مرحبا، مقعد سيارتي ممزق",
    "zh-CN": "你好，我的车座椅破了",
    "vi": "Xin chào, ghế xe của tôi bị rách",
}
ARE_YOU_OPEN = {
    "en": "Are you open now?",
    "es": "¿Están abiertos ahora?",
    "ar": "هل أنتم مفتوحون الآن؟",
    "zh-CN": "你们现在营业吗？",
    "vi": "Bây giờ cửa hàng có mở cửa không?",
}
QUESTION_MARKS = re.compile(r"[?？؟]")


def said_by_customer(text: str) -> Item:
    return Item(id="cthi_1", speaker="customer", text=text, at=0.0)


def said(answer: Answer) -> str:
    """Text and the question of a field, as the customer reads them."""
    asked = [one["question"] for i in answer.items for one in i.get("inputs", [])]
    return " ".join([answer.said, *asked])


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_whole_conversation(language: str) -> None:
    """The need, photos, a phone number in its field, and thanks; one question at a time."""
    world = World()
    words = phrases_in(language)
    first = await world.ask(create(NEED[language]))
    thread = first.thread_id
    answers = [first, await world.ask(add(thread, NEED[language]))]
    field = answers[-1].items[-1]
    answers.append(await world.ask(answer_field(thread, field["id"], "408 555 0199")))
    answers.append(await world.ask(add(thread, NEED[language])))

    assert words.hello.format(shop=SHOP.name) in first.said
    assert words.photos in first.said
    assert field["inputs"][0]["question"] == words.phone
    assert words.done.format(shop=SHOP.name) in answers[2].said
    assert words.more in answers[3].said
    for answer in answers:
        assert len(QUESTION_MARKS.findall(said(answer))) <= 1


async def test_it_asks_for_what_is_missing_in_order() -> None:
    world = World()
    first = await world.ask(create("Hello"))
    later = ("well", "you see", "hm", "no thanks")
    answers = [first, *[await world.ask(add(first.thread_id, text)) for text in later]]

    words = phrases_in("en")
    expected = [words.need, words.item, words.photos, words.phone]
    for answer, question in zip(answers, expected, strict=False):
        assert question in said(answer)
    assert words.unreachable.format(phone=SHOP.phone) in said(answers[4])


@pytest.mark.parametrize(
    ("text", "skipped"),
    [
        ("the seat of my truck", "item"),
        ("I need an estimate to repair it", "need"),
        ("call me at (408) 555-0199", "phone"),
        ("write to ana@example.com", "phone"),
        ("اتصل بي على ٤٠٨٥٥٥٠١٩٩", "phone"),
    ],
)
async def test_it_does_not_ask_for_what_was_given(text: str, skipped: str) -> None:
    world = World()
    first = await world.ask(create(text))
    heard = said(first)
    for _ in range(4):
        heard += said(await world.ask(add(first.thread_id, "ok")))

    for language in ("en", "ar"):
        assert getattr(phrases_in(language), skipped) not in heard


@pytest.mark.parametrize("language", LANGUAGES)
async def test_half_a_phone_number_is_asked_for_again_and_is_not_what_the_team_needs(
    language: str,
) -> None:
    world, words = World(), phrases_in(language)
    thread = (await world.ask(create(NEED[language]))).thread_id
    field = (await world.ask(add(thread, NEED[language]))).items[-1]
    half = await world.ask(answer_field(thread, field["id"], "408-555-017"))
    still = await world.ask(add(thread, "408-555-017"))
    whole = await world.ask(add(thread, "408-555-0176"))

    assert words.incomplete in half.said
    for answer in (half, still):
        assert words.done.format(shop=SHOP.name) not in answer.said
    assert words.done.format(shop=SHOP.name) in whole.said


@pytest.mark.parametrize(
    "line",
    [
        "电话是4085550179，请打给我",
        "電話は４０８５５５０１７９です",
        "2015 Ford, 408-555-0176 2pm",
        "+52 55 1234 5678",
        "ana@example.com.",
    ],
)
def test_they_are_reachable_by_what_the_lead_takes(line: str) -> None:
    assert is_reachable([said_by_customer(line)], SHOP)


@pytest.mark.parametrize(
    "line",
    [
        "408-555-176",
        "555-0133",
        "12345678",
        f"I called {SHOP.phone}",
        f"I called {SHOP.phone_shown} and nobody answered",
        "I wrote to leads@craigs.autos.",
        "(408 " * 3000,
    ],
)
def test_they_are_not_reachable_by_less_or_by_what_is_the_shops(line: str) -> None:
    assert not is_reachable([said_by_customer(line)], SHOP)


@pytest.mark.parametrize(
    "text", ["my 2014 Ford", "from 2014 - 2019", "about $4000000", "VIN 1FTFW1ET5DFC10312"]
)
async def test_numbers_that_are_no_phone_still_need_one(text: str) -> None:
    world = World()
    thread = (await world.ask(create(f"torn seat, {text}"))).thread_id
    later = await world.ask(add(thread, "no photos"))

    assert phrases_in("en").phone in said(later)


async def test_a_photo_is_understood() -> None:
    world = World()
    file = {"name": "seat.jpg", "size": 1000, "mime_type": "image/jpeg"}
    announced = (await world.ask({"type": "attachments.create", "params": file})).json
    assert announced
    answer = await world.ask(create("My truck seat is torn", announced["id"]))

    assert phrases_in("en").photos not in said(answer)
    assert phrases_in("en").phone in said(answer)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("how much is it?", "price"),
        ("where are you?", "where"),
        ("are you a robot?", "robot"),
        ("¿cuánto cuesta?", "price"),
        ("多少钱？", "price"),
        ("بكم هذا؟", "price"),
        ("giá bao nhiêu?", "price"),
    ],
)
async def test_it_answers_what_it_is_asked(text: str, topic: str) -> None:
    answer = await World().ask(create(text))

    pattern = [getattr(phrases_in(language), topic) for language in LANGUAGES]
    words = {"address": SHOP.address, "shop": SHOP.name}
    assert any(sentence.format(**words) in answer.said for sentence in pattern)


async def test_it_names_no_price_in_any_language() -> None:
    for language in LANGUAGES:
        text = msgspec.json.encode(phrases_in(language)).decode()
        assert not re.search(r"[$€£¥]|\d", re.sub(r"24", "", text)), language


# ── Hours ────────────────────────────────────────────────────────────────────────────────────
# Craig's: Mon-Fri 8-17, Sat 8-14, Sun closed; 24 and 31 December 8-12; holidays closed.
# Written by hand: (local moment, closes or None, next opening day, next opening time).

MOMENTS: list[tuple[str, str | None, str, str]] = [
    # around a weekday's opening and closing
    ("2026-11-18 00:00", None, "Wednesday", "8:00 AM"),
    ("2026-11-18 07:59", None, "Wednesday", "8:00 AM"),
    ("2026-11-18 08:00", "5:00 PM", "Thursday", "8:00 AM"),
    ("2026-11-18 08:01", "5:00 PM", "Thursday", "8:00 AM"),
    ("2026-11-18 12:00", "5:00 PM", "Thursday", "8:00 AM"),
    ("2026-11-18 16:59", "5:00 PM", "Thursday", "8:00 AM"),
    ("2026-11-18 17:00", None, "Thursday", "8:00 AM"),
    ("2026-11-18 17:01", None, "Thursday", "8:00 AM"),
    ("2026-11-18 23:59", None, "Thursday", "8:00 AM"),
    # the weekend
    ("2026-11-20 16:59", "5:00 PM", "Saturday", "8:00 AM"),
    ("2026-11-20 17:00", None, "Saturday", "8:00 AM"),
    ("2026-11-21 07:59", None, "Saturday", "8:00 AM"),
    ("2026-11-21 08:00", "2:00 PM", "Monday", "8:00 AM"),
    ("2026-11-21 13:59", "2:00 PM", "Monday", "8:00 AM"),
    ("2026-11-21 14:00", None, "Monday", "8:00 AM"),
    ("2026-11-22 12:00", None, "Monday", "8:00 AM"),
    ("2026-11-22 23:59", None, "Monday", "8:00 AM"),
    ("2026-11-23 08:00", "5:00 PM", "Tuesday", "8:00 AM"),
    # Thanksgiving is a Thursday
    ("2026-11-25 16:59", "5:00 PM", "Friday", "8:00 AM"),
    ("2026-11-25 17:00", None, "Friday", "8:00 AM"),
    ("2026-11-26 08:00", None, "Friday", "8:00 AM"),
    ("2026-11-26 12:00", None, "Friday", "8:00 AM"),
    ("2026-11-27 08:00", "5:00 PM", "Saturday", "8:00 AM"),
    # Christmas Eve is short, Christmas is a Friday
    ("2026-12-24 08:00", "12:00 PM", "Saturday", "8:00 AM"),
    ("2026-12-24 11:59", "12:00 PM", "Saturday", "8:00 AM"),
    ("2026-12-24 12:00", None, "Saturday", "8:00 AM"),
    ("2026-12-25 10:00", None, "Saturday", "8:00 AM"),
    ("2026-12-26 08:00", "2:00 PM", "Monday", "8:00 AM"),
    # New Year
    ("2026-12-31 11:59", "12:00 PM", "Saturday", "8:00 AM"),
    ("2026-12-31 12:00", None, "Saturday", "8:00 AM"),
    ("2027-01-01 09:00", None, "Saturday", "8:00 AM"),
    # Independence Day 2026 is a Saturday
    ("2026-07-03 17:00", None, "Monday", "8:00 AM"),
    ("2026-07-04 09:00", None, "Monday", "8:00 AM"),
    # the clocks go forward on 2026-03-08, back on 2026-11-01 (both Sundays)
    ("2026-03-07 14:00", None, "Monday", "8:00 AM"),
    ("2026-03-08 01:59", None, "Monday", "8:00 AM"),
    ("2026-03-08 03:00", None, "Monday", "8:00 AM"),
    ("2026-03-09 07:59", None, "Monday", "8:00 AM"),
    ("2026-03-09 08:00", "5:00 PM", "Tuesday", "8:00 AM"),
    ("2026-11-01 01:30", None, "Monday", "8:00 AM"),
    ("2026-11-02 08:00", "5:00 PM", "Tuesday", "8:00 AM"),
]
TIMES = re.compile(r"\d{1,2}:\d{2} [AP]M")


def days_named(text: str, words: Phrases) -> set[str]:
    return {day for day, name in words.days.items() if name in text}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("local", "closes", "day", "time"), MOMENTS)
async def test_hours_are_what_the_shop_says(
    local: str, closes: str | None, day: str, time: str, language: str
) -> None:
    world = World()
    world.clock.at = datetime.fromisoformat(local).replace(tzinfo=ZONE).timestamp()
    answer = await world.ask(create(ARE_YOU_OPEN[language]))

    words = phrases_in(language)
    opens = {"day": words.days[day], "time": time}
    if closes:
        expected = [words.open.format(closes=closes), words.again.format(**opens)]
    else:
        expected = [words.closed.format(**opens)]
    for sentence in expected:
        assert sentence in answer.said
    assert TIMES.findall(answer.said) == [t for t in (closes, time) if t]
    assert days_named(answer.said, words) == {day}
    assert len(QUESTION_MARKS.findall(said(answer))) <= 1


def test_there_are_forty_moments() -> None:
    assert len(MOMENTS) == 40


# ── Words ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_phrase(language: str) -> None:
    words, english = phrases_in(language), phrases_in("en")

    assert words.days.keys() == english.days.keys()
    assert words.hears.keys() == english.hears.keys()
    for name in words.__struct_fields__:
        text, model = getattr(words, name), getattr(english, name)
        if isinstance(text, str):
            assert placeholders(text) == placeholders(model), name
            assert len(QUESTION_MARKS.findall(text)) <= 1, name


@pytest.mark.parametrize("language", LOCALES.values())
def test_every_language_of_the_chat_has_a_kind_sentence_of_its_own(language: str) -> None:
    kind = kind_in(language)

    assert set(kind.failed) == set(typing.get_args(Trouble))
    assert len({*kind.failed.values(), kind.phone_hint}) == len(kind.failed) + 1
    assert [other for other in LOCALES.values() if kind_in(other) == kind] == [language]
    for trouble, sentence in kind.failed.items():
        assert placeholders(sentence) == ["phone"], trouble


def placeholders(text: str) -> list[str]:
    return sorted(set(re.findall(r"{(\w+)}", text)))


def test_a_language_we_have_no_words_in_gets_english() -> None:
    assert phrases_in("ko") is not None
    assert phrases_in("ko").hello == phrases_in("en").hello
    assert phrases_in("zh-TW").hello == phrases_in("zh-CN").hello


async def test_a_photo_in_the_conversation_goes_by_the_id_and_name_we_gave_it() -> None:
    world = World()
    file = {"name": "../../my seat.heic", "size": 1000, "mime_type": "image/heic"}
    announced = (await world.ask({"type": "attachments.create", "params": file})).json
    assert announced
    thread = (await world.ask(create("Look", announced["id"]))).thread_id

    conversation = await world.conversations.read("craigs", thread)

    assert announced["upload_descriptor"]["url"].startswith("https://chat.example/api/chatkit/")
    assert conversation
    (photo,) = conversation.items[0].attachments
    assert (photo.id, photo.name) == (announced["id"], "my seat.heic")
