"""Text and HTML say the same, in the same order, and nothing that nobody said."""

from __future__ import annotations

import re
from html import unescape

import pytest

from libs.shops.profile import ShopProfile
from services.mailer.letter.labels import Labels
from services.mailer.letter.language import labels_for
from services.mailer.letter.render import render_html
from tests.golden import CASES, HERE, PUBLIC_URL, WITH_HTML, Case, profile_of, read_snapshot
from tests.golden.reading import Seen, golden, headings_of, html_of, relinked, squeezed, text_of

EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w")
URL = re.compile(r"https?://[^\s\"<>]+")
PRICE = re.compile(r"[$€£]\s?\d[\d.,]*")
PHONE = re.compile(r"\+?\d[\d ().-]{7,}\d")


def _id(case: Case) -> str:
    return case.name


def _labels(case: Case) -> Labels:
    return labels_for(profile_of(read_snapshot(case.snapshot)).languages[0])


def _words(text: str) -> set[str]:
    parts = (part.strip("()[]:;,.*>-“”\"'\u2066\u2069") for part in text.split())
    return {word for word in parts if word}


@pytest.mark.parametrize("case", WITH_HTML, ids=_id)
def test_text_and_html_hold_the_same_words(case: Case) -> None:
    mail = golden(case.path)
    seen = Seen(html_of(mail))
    text = _words(relinked(text_of(mail)))
    html = _words(seen.words)
    tappable = {href for href in seen.hrefs if href.startswith("https://")}

    labels = _labels(case)
    only_text = _words(f"{labels.photos.full_size} {labels.draft_below}")

    assert text - html - tappable - only_text == set()
    assert html - text == set()
    assert tappable - text == set()


@pytest.mark.parametrize("case", WITH_HTML, ids=_id)
def test_sections_stand_in_order_in_both_parts(case: Case) -> None:
    mail = golden(case.path)
    headings = headings_of(text_of(mail))

    every = _labels(case).headings

    assert headings == [heading for heading in every.values() if heading in headings]
    assert {every[one] for one in ("glance", "script", "drafts", "transcript")} <= set(headings)
    assert Seen(html_of(mail)).headings == headings


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_no_phone_email_url_or_price_that_nobody_gave(case: Case) -> None:
    mail = golden(case.path)
    snapshot = read_snapshot(case.snapshot)
    given = _given(snapshot.encode().decode(), profile_of(snapshot))
    said = relinked(text_of(mail)) + "\n" + Seen(html_of(mail)).words
    digits = re.sub(r"\D", "", given)

    assert {found for found in EMAIL.findall(said) if found not in given} == set()
    assert {found for found in PRICE.findall(said) if found not in given} == set()
    links = {found.rstrip("().,\"'") for found in URL.findall(said)}
    assert {
        link for link in links if link not in given and not link.startswith(PUBLIC_URL)
    } == set()
    phones = {re.sub(r"\D", "", found) for found in PHONE.findall(re.sub(URL, "", said))}
    assert {phone for phone in phones if phone not in digits} == set()


def _given(snapshot: str, profile: ShopProfile) -> str:
    """All that the mail may repeat; escapes of JSON undone."""
    plain = snapshot.replace('\\"', '"').replace("\\r\\n", "\n").replace("\\n", "\n")
    parts = (plain, profile.phone.removeprefix("+1"), profile.address, profile.logs_url)
    thread = re.search(r'"thread_id":"([^"]+)"', snapshot)
    assert thread
    return " ".join(parts).replace("{thread}", thread[1])


def test_the_first_lines_answer_who_what_and_how() -> None:
    mail = golden(HERE / "mails" / "english_photos.eml")
    first = squeezed(text_of(mail))[:300]

    assert "Daniel Whitaker" in first
    assert "2015 Ford F-150 Lariat" in first
    assert "(408) 555-0177" in first


def test_a_missing_fact_is_a_question_and_no_row() -> None:
    mail = text_of(golden(HERE / "mails" / "phone_only.eml"))

    assert "unknown" not in mail.lower()
    assert "Vehicle:" not in mail
    assert "1. Ask for their name, the vehicle or item (year, make, model)" in mail


def test_the_call_script_has_three_lines_and_asks_first_for_what_failed() -> None:
    for name, first in {
        "failed_photo": "1. Ask for the photo boat_6.heic again: it could not be read.",
        "arabic_doubtful_email": "1. Ask for the email address again: gmial.com looks like",
    }.items():
        text = relinked(text_of(golden(HERE / "mails" / f"{name}.eml")))
        script = text.partition("Call script")[2].partition("Drafts to copy")[0]
        assert first in script
        assert re.findall(r"^\d+\.", script, re.MULTILINE) == ["1.", "2.", "3."]


def test_says_how_many_photos_are_shown_and_which_one_failed() -> None:
    text = text_of(golden(HERE / "mails" / "failed_photo.eml"))

    assert "Photos: 6" in text
    assert "5 of 6 shown" in text
    assert "Not shown - boat_6.heic: it could not be read" in text


def test_says_that_it_is_partial_a_copy_or_without_summary() -> None:
    partial, copy, rules = (
        golden(HERE / "mails" / f"{name}.eml")
        for name in ("partial_email_only", "possible_copy", "model_down")
    )

    assert str(partial["Subject"]).startswith("Partial lead: New chat lead: ")
    assert "Partial lead: the customer stopped" in text_of(partial)
    assert str(copy["Subject"]).startswith("(possible copy) New chat lead: ")
    assert "Possible copy: we could not find out" in text_of(copy)
    assert "Summary unavailable" in text_of(rules)


def test_drafts_are_in_the_language_of_the_customer_and_signed_by_the_shop() -> None:
    for name, hello in {"spanish_photos": "Hola José", "chinese": "王先生您好"}.items():
        drafts = text_of(golden(HERE / "mails" / f"{name}.eml")).partition("Drafts to copy")[2]
        for draft in (drafts.partition("Email subject")[0], drafts.partition("Email:")[2]):
            assert hello in draft
            assert "Craig's Auto Upholstery" in draft
            assert "(408) 555-0142" in draft
            assert "271 Bestor St" in draft


@pytest.mark.parametrize(("said", "few"), [("José “Pepe” 🛋", True), ("汽车座椅" * 50, False)])
def test_the_few_letters_that_are_not_ascii_stand_as_references(said: str, *, few: bool) -> None:
    page = f"<title>{said}</title><p lang='es'>{said}</p>" + "<br>" * 500

    html = render_html([page])

    assert html.isascii() == few
    assert unescape(html) == page
