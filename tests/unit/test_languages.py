# ruff: noqa: RUF001 - people write in their own scripts
"""Which language somebody writes, from a word to a page of it."""

from __future__ import annotations

import pytest

from libs.languages import NAMES, language_in


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


def test_the_page_decides_between_equals() -> None:
    assert language_in("de", hint="pt") == "pt"
    assert language_in("de", hint="es") == "es"
