"""Input that makes a careless reader slow: each name gives a text, or a talk, of any length."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final


def _repeated(piece: str) -> Callable[[int], str]:
    return lambda size: (piece * (size // len(piece) + 1))[:size]


def _noise(alphabet: str, joint: str) -> Callable[[int], str]:
    def make(size: int) -> str:
        words = random.Random(size).choices(alphabet.split("|"), k=size // 2)
        return joint.join(words)[:size]

    return make


HOSTILE: Final = {
    **{
        piece: _repeated(piece)
        for piece in (
            "4", "1 ", "(", "(1)", "+1", "+1 2 3 4 5 6 7 8 ", "4o", "1/1/", "12/12/2012 ",
            "4085550117 ", "+52 55 1234 5678 ", "555-0117 ", "408-555-0117 x",
            "1HGCM82633A004352 ", "a_1", "_", ".", "@", "a@", "a@a.", "a@gmail ",
            "a@a.com.", "a.", ".com", "a(at)", "a at b dot ", "a@b.co ", "a", " ", "a ",
            "\n", "1\n", "four ", "four. a ", "one two three a ", "\u200b", "4\u200b",
            "٤", "四", "四a", "공", "é", "> 4\n", "order number is ", "sorry it is ", "not ",
            "https://a ", "sorry call 408-555-0117\n", "my old number was 408-555-0117 ",
            "a@@b.", "/a@a.co", "일이 ", "四の", "408-555-0117,,,,", "is your i already ",
            "email is a b c ", "PHONE4085550117AB ", "1234567 A ",
            "dealer 408-555-0117 ", "don't call 408-555-0117 before ", "area code 650 555-0117 ",
            "call 408 155 0117 ", "408-555-0117 or 0118 ", "my email is a gmail.com ",
            "bob#gmail.com ", "abgmail.", "four08five", "408의", "is 408-555-0117 your ",
            "don't have my order 4085550117 ", "send me an invoice 4085550117 ", "no invoice ",
            "I opened a claim 4085550117 ", "+52 1 664 123 4567 ", "+1 408 650 12345 ",
            "not 1234, 1243 ", "408-555-0117 don't call me that's not my number ",
            "a quick little invoice 408-555-0117 ", "opened a ",
        )
    },
    "digits and marks": _noise("0|1|2|3|4|5| |-|.|(|)|+|@|a|x|o|,|/|\n", ""),
    "words": _noise("four|five|at|dot|@|.|,|4|(|)|gmail|com|sorry|not|order|\n", " "),
}  # fmt: skip


def _talk(*ways: str) -> Callable[[int], list[str]]:
    """One part of the messages after another, `{}` a number that no other message has."""

    def make(size: int) -> list[str]:
        said: list[str] = []
        for way in ways:
            length = len(way.format("0000")) + 1
            said += [way.format(f"{n:04}") for n in range(size // len(ways) // length)]
        return said

    return make


TALKS: Final = {
    " / ".join(ways): _talk(*ways)
    for ways in (
        ("408-555-0117 don't call",),
        ("408-555-{}", "don't call me anymore"),
        ("408-555-{}", "STOP"),
        ("ana{}@x.org", "don't email me"),
        ("408-555-{}",),
        ("sorry 650-555-{}",),
        ("that's not my number 650-555-{}",),
        ("sorry maria.magdalena.lopez.garcia{}@gmial.com",),
        ("seat {}",),
    )
}
"""What a line costs must not grow with what was said before it."""
