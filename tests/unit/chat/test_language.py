# ruff: noqa: RUF001 - people write in their own scripts
"""Which language a customer writes in."""

from __future__ import annotations

import pytest

from services.chat.language import language_of
from services.chat.moments import title_of
from tests.unit.chat.world import Scripted, World, create

LINES = {
    "My headliner is sagging, can you fix it?": "en",
    "Hello": "en",
    "do you do furniture": "en",
    "Hola, se me rompió el asiento": "es",
    "¿Tapizan muebles?": "es",
    "Xin chào, trần xe của tôi bị xệ": "vi",
    "你好，你们修沙发吗": "zh-CN",
    "مقعد سيارتي ممزق": "ar",
    "صندلی ماشینم پاره شده": "fa",
    "시트가 찢어졌어요": "ko",
    "シートが破れました": "ja",
    "मेरी सीट फट गई है": "hi",
    "ਮੇਰੀ ਸੀਟ ਫਟ ਗਈ ਹੈ": "pa",
    "என் இருக்கை கிழிந்துவிட்டது": "ta",
    "నా సీటు చిరిగింది": "te",
    "У меня порвалось сиденье": "ru",
    "Olá, o meu banco rasgou": "pt-BR",
    "Bonjour, mon siège est déchiré": "fr",
    "Punit po ang upuan ko": "tl",
    "Saya mau ganti jok mobil": "id",
}


@pytest.mark.parametrize(("line", "language"), LINES.items())
def test_a_line_tells_its_language(line: str, language: str) -> None:
    assert language_of([line], "en") == language


def test_a_line_that_tells_nothing_leaves_it_to_the_one_before() -> None:
    assert language_of(["¿Tapizan muebles?", "408 555 0199"], "en") == "es"
    assert language_of(["2014 Ford F-150"], "vi") == "vi"
    assert language_of([], "ar-EG") == "ar"


def test_the_newest_line_decides() -> None:
    assert language_of(["Hello, are you open?", "¿Tapizan muebles?"], "en") == "es"


def test_chinese_is_written_as_the_page_is() -> None:
    assert language_of(["你好"], "zh-TW") == "zh-TW"


async def test_a_thread_is_called_by_what_was_said_first() -> None:
    world = World(Scripted())
    long = "My " + "very " * 20 + "torn seat"
    for text, title in (
        ("Torn  seat\nin a truck", "Torn seat in a truck"),
        (long, None),
        ("座椅" * 60, None),
    ):
        thread = (await world.ask(create(text))).thread_id
        conversation = await world.conversations.read("craigs", thread)
        assert conversation
        assert conversation.title == (title or conversation.title)
        assert 1 < len(conversation.title) <= 61
    assert title_of([]) == ""
