"""The name that a person is shown: what a browser called the file, and nothing that deceives."""

from __future__ import annotations

import pytest

from libs.attachments.records import clean_name


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("seat.jpg", "seat.jpg"),
        ("mi asiento «1».jpg", "mi asiento «1».jpg"),
        ("座椅.heic", "座椅.heic"),
        ("../../etc/passwd", "passwd"),
        ("C:\\fakepath\\seat.jpg", "seat.jpg"),
        ("/", "file"),
        ("a\r\nSet-Cookie: b.jpg", "aSet-Cookie: b.jpg"),
        ("seat\x00\x1b[31m.jpg", "seat[31m.jpg"),
        ("gpj.\u202etaes.jpg", "gpj.taes.jpg"),
        ("se\u200bat\u2066.jpg\ufeff", "seat.jpg"),
        ("se\ud800at.jpg", "seat.jpg"),
        ("  seat \t  1.jpg ", "seat 1.jpg"),
        (".htaccess", "htaccess"),
        ("seat.jpg...", "seat.jpg"),
        ("cafe\u0301.jpg", "caf\u00e9.jpg"),
        ("", "file"),
        ("\u202e", "file"),
    ],
)
def test_nothing_in_it_hides_turns_around_or_leads_elsewhere(given: str, shown: str) -> None:
    assert clean_name(given) == shown


@pytest.mark.parametrize("character", ["a", "座", "\U0001f600"])
def test_a_long_name_keeps_its_ending_within_180_characters(character: str) -> None:
    assert clean_name(character * 176 + ".jpg") == character * 176 + ".jpg"
    assert clean_name(character * 177 + ".jpg") == character * 176 + ".jpg"
    assert clean_name(character * 500) == character * 180
    assert len(clean_name("a." + character * 500)) == 180
