"""A shop's mail speaks the shop's language, all of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from services.mailer.letter import labels as kinds
from services.mailer.letter import render
from services.mailer.letter.labels import Labels
from services.mailer.letter.labels_english import ENGLISH
from services.mailer.letter.labels_spanish import SPANISH
from services.mailer.letter.language import LABELS, labels_for
from tests.golden import CASES, Case, read_snapshot
from tests.golden.reading import Seen, golden, html_of, squeezed, text_of

TABLES = {
    "headings": kinds.Heading, "names": kinds.Name, "taps": kinds.Tap, "why": kinds.Why,
    "origins": kinds.Origin, "diagnostics": kinds.Diagnostic,
}  # fmt: skip
SPANISH_CASES = [case for case in CASES if read_snapshot(case.snapshot).shop == "morales"]
TEMPLATES = Path(render.__file__).parent / "templates"
OF_NO_LANGUAGE = {"plain.txt": ["handoff", "lead"]}
_MARKUP = re.compile(r"\{[%{#].*?[%}#]\}|<!--.*?-->|<style>.*?</style>|<[^>]*>", re.DOTALL)
_HOLE = re.compile(r"\{\w*\}")


def _texts(said: object) -> Iterator[str]:
    match msgspec.to_builtins(said):
        case str(text):
            yield text
        case dict(table):
            for value in table.values():
                yield from _texts(value)
        case list(values) | tuple(values):
            for value in values:
                yield from _texts(value)


def _holes(said: object) -> object:
    """The same keys, and the same places to fill, all the way down; nothing empty."""
    if isinstance(said, dict):
        return {key: _holes(value) for key, value in said.items()}
    if isinstance(said, list | tuple):
        return [_holes(value) for value in said]
    assert isinstance(said, str)
    assert said.strip()
    return sorted(_HOLE.findall(said))


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_every_language_has_every_label(labels: Labels) -> None:
    assert _holes(msgspec.to_builtins(labels)) == _holes(msgspec.to_builtins(ENGLISH))
    for table, keys in TABLES.items():
        assert set(getattr(labels, table)) == set(get_args(keys)), table
    assert (len(labels.calendar.days), len(labels.calendar.months)) == (7, 12)


@pytest.mark.parametrize(("tag", "lang"), [("es-MX", "es"), ("en", "en"), ("vi", "en")])
def test_a_language_without_labels_is_honestly_english(tag: str, lang: str) -> None:
    assert labels_for(tag).lang == lang


@pytest.mark.parametrize("case", SPANISH_CASES, ids=lambda case: case.name)
def test_no_english_label_stays_in_the_mail_of_a_spanish_shop(case: Case) -> None:
    mail = golden(case.path)
    said = "\n".join((str(mail["Subject"]), text_of(mail), Seen(html_of(mail)).words))
    english = _all_pieces(ENGLISH)

    assert english.isdisjoint(_all_pieces(SPANISH))
    assert len(english) > 100
    assert {piece for piece in english if _holds(squeezed(said), piece)} == set()


def test_no_template_says_anything_itself() -> None:
    for path in sorted(TEMPLATES.iterdir()):
        said = _MARKUP.sub(" ", path.read_text("utf-8"))
        assert re.findall(r"[^\W\d_]{2,}", said) == OF_NO_LANGUAGE.get(path.name, []), path.name


def _all_pieces(labels: Labels) -> set[str]:
    return {piece for text in _texts(labels) for piece in _pieces(text)}


def _pieces(text: str) -> list[str]:
    """What stands between the holes; two letters are no label."""
    return [piece.strip(" .,:;()+") for piece in _HOLE.split(text) if len(piece.strip()) > 2]


def _holds(said: str, piece: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(piece)}(?!\w)", said) is not None


def test_their_mail_says_in_html_that_it_is_spanish() -> None:
    assert all('<html lang="es"' in html_of(golden(case.path)) for case in SPANISH_CASES[:2])
