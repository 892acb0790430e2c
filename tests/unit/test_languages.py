# ruff: noqa: RUF001 - people write in their own scripts
"""Which language somebody writes, from a word to a page of it."""

from __future__ import annotations

import time

import pytest

from libs.languages import NAMES, language_in, may_be, name_of, tag_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hi, the seat of my car is torn", "English"),
        ("Hola, mi asiento está roto, necesito ayuda por favor", "Spanish"),
        ("Olá, preciso consertar o banco do meu carro", "Portuguese"),
        ("Bonjour, mon siège est déchiré", "French"),
        ("Xin chào, ghế xe của tôi bị rách", "Vietnamese"),
        ("座椅破了，请问多少钱", "Chinese"),
        ("シートが破れました", "Japanese"),
        ("시트가 찢어졌어요", "Korean"),
        ("مقعد سيارتي ممزق", "Arabic"),
        ("صندلی ماشینم پاره شده است، کمک می‌کنید؟", "Persian"),
        ("У меня порвалось сиденье", "Russian"),
        ("मेरी सीट फट गई है", "Hindi"),
        ("ਮੇਰੀ ਸੀਟ ਫਟ ਗਈ ਹੈ", "Punjabi"),
        ("என் இருக்கை கிழிந்துவிட்டது", "Tamil"),
        ("నా సీటు చిరిగింది", "Telugu"),
        ("Punit ang upuan ng kotse ko po", "Tagalog"),
        ("Jok mobil saya robek, berapa biaya untuk perbaikan?", "Indonesian"),
        ("408-555-0123", ""),
    ],
)
def test_language_is_told_by_script_and_everyday_words(text: str, language: str) -> None:
    assert NAMES.get(language_in(text), "") == language


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("嗨", "zh"),
        ("OK", ""),
        ("Can you write 好 on the seat of my car?", "en"),
        ("The seat is torn, como el otro", "en"),
        ("¿Tapizan muebles?", "es"),
        ("اريد تصليح الكرسي مال سيارتي بالگراج", "ar"),
    ],
)
def test_one_letter_tells_only_a_short_text(text: str, tag: str) -> None:
    assert language_in(text) == tag


@pytest.mark.parametrize(
    "text",
    [
        "Dan. Torn bolster, Honda Pilot 2016. 408-555-0117",
        "Maria de la Cruz. Silverado 2018 headliner sagging, 408-555-0117",
        "Ana, Mercedes E 350, torn bolster, 408 555 0117",
        "Ripped upholstery, El Camino. Los Gatos. Ed",
        "Les Paul, 408-555-0117, bo@la.com, www.una-por.com",
        "https://shop.example/está/para/una/qué",
        "Nguyễn Văn Thành 408-555-0155",
        "José Ángel Muñoz, 669 555 0123",
    ],
)
def test_names_initials_places_and_addresses_tell_nothing(text: str) -> None:
    assert language_in(text) == ""


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("我的座椅破了.请问多少钱", "zh"),
        ("我的邮箱是bob@gmail.com请联系我", "zh"),
        ("请看www.una-por.com多少钱", "zh"),
        ("シートが破れました.いくらですか", "ja"),
        ("メールはbob@gmail.comです", "ja"),
    ],
)
def test_where_no_spaces_are_an_address_hides_none_of_the_words_around_it(
    text: str, tag: str
) -> None:
    assert language_in(text) == tag


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("der Fahrersitz in meinem VW ist gerissen. Es ist ein Golf", "German"),
        ("Buongiorno, il sedile della mia Fiat è rotto, quanto costa?", "Italian"),
        ("de stoel van mijn auto is kapot", "Dutch"),
        ("Dzień dobry, mam podarty fotel w samochodzie, ile to kosztuje", "Polish"),
        ("Merhaba, arabamın koltuğu yırtık", "Turkish"),
        ("Привіт, у мене порвалося сидіння", "Ukrainian"),
        ("میری گاڑی کی سیٹ پھٹی ہے", "Urdu"),
        ("Bună ziua, scaunul mașinii mele este rupt, cât costă reparația?", ""),
    ],
)
def test_a_neighbour_is_not_taken_for_a_language_of_ours(text: str, language: str) -> None:
    assert NAMES.get(language_in(text), "") == language


def test_a_name_in_another_script_does_not_outweigh_the_words() -> None:
    assert language_in("The seat of my car is torn, my name is 王小明, can you fix it") == "en"
    assert language_in("我的 Toyota Camry 2016 seat 破了") == "zh"


@pytest.mark.parametrize(
    ("name", "text", "may"),
    [
        ("German", "Der Sitz ist kaputt", True),
        ("Hindi", "meri gaadi ki seat phat gayi hai", True),
        ("Pashto", "زما د موټر چوکۍ", True),
        ("Bulgarian", "Седалката е скъсана", True),
        ("Esperanto", "座椅破了", True),
        ("Spanish", "座椅破了，请问多少钱", False),
        ("Russian", "مقعد سيارتي ممزق", False),
    ],
)
def test_only_another_script_speaks_against_a_language(name: str, text: str, *, may: bool) -> None:
    assert may_be(name, text) is may


def test_the_page_decides_between_equals() -> None:
    assert language_in("que para por") == ""
    assert language_in("que para por", hint="pt") == "pt"
    assert language_in("que para por", hint="es") == "es"


def test_languages_go_by_many_names() -> None:
    assert [tag_of(name) for name in ("Spanish", "Farsi", "Traditional  Chinese", "Klingon")] == [
        "es", "fa", "zh-TW", "",
    ]  # fmt: skip
    assert (name_of("es-MX"), name_of("xx")) == ("Spanish", "Xx")


@pytest.mark.parametrize(
    "text", ["a-" * 2_000, "a." * 2_000, "a.b1-" * 1_000, "é" * 64_000, "好a@b.c" * 600]
)
def test_hostile_length_costs_little(text: str) -> None:
    began = time.process_time()
    language_in(text)

    assert time.process_time() - began < 0.1
