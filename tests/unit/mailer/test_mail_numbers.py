"""A phone number between Arabic words reads in its order, wherever the mail says it."""
# ruff: noqa: RUF001 - people write in their own scripts

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from msgspec.structs import replace

from libs.leads.snapshot import LeadSnapshot, Summary
from services.mailer.letter.labels_english import ENGLISH
from services.mailer.letter.render import html_pieces, render_html, render_text
from services.mailer.letter.shape import MailContext, MailView, Photos, ShownPhoto
from services.mailer.letter.subject import LONGEST_BEFORE_ID, subject
from services.mailer.letter.turns import transcript_file
from services.mailer.letter.view import view
from services.mailer.letter.wording import isolated
from tests.golden import SHOPS, read_snapshot
from tests.golden.reading import Seen

SHOP = SHOPS.default
PHONE = "408-555-0177"
ISOLATED = f"\u2066{PHONE}\u2069"
SPAN = f'<span dir="ltr" style="white-space:nowrap;">{PHONE}</span>'


def _saying(text: str, **summary: str) -> LeadSnapshot:
    lead = read_snapshot("arabic_phone")
    line = replace(lead.lines[1], text=text, quoted=text)
    said = replace(lead.summary, **summary) if summary else lead.summary
    return replace(lead, lines=(line,), summary=said)


def _view(lead: LeadSnapshot) -> MailView:
    return view(lead, SHOP, MailContext())


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Call 408-555-0177", "Call 408-555-0177"),
        ("打电话 408-555-0177", "打电话 408-555-0177"),
        ("رقمي 408-555-0177 اتصل", "رقمي \u2066408-555-0177\u2069 اتصل"),
        ("Hello رقمي +1 (408) 555-0177", "Hello رقمي \u2066+1 (408) 555-0177\u2069"),
        ("התקשרו (408) 555-0177", "התקשרו \u2066(408) 555-0177\u2069"),
        ("شماره408-555-0177,", "شماره\u2066408-555-0177\u2069,"),
        (
            "رقمي 408-555-0177 408-555-0178",
            "رقمي \u2066408-555-0177\u2069 \u2066408-555-0178\u2069",
        ),
        ("موديل 2016", "موديل 2016"),
        ("ahmed-1994-2014@gmail.com أحمد", "ahmed-1994-2014@gmail.com أحمد"),
        ("أحمد 1994.2014@gmail.com", "أحمد 1994.2014@gmail.com"),
        ("لكزس 1HGCM82633A123456", "لكزس 1HGCM82633A123456"),
    ],
)
def test_a_number_is_isolated_where_letters_would_turn_it_around(said: str, shown: str) -> None:
    assert isolated(said) == shown


def test_both_parts_isolate_it_whichever_letter_comes_first() -> None:
    found = _view(_saying(f"Hello رقمي {PHONE} اتصل", summary=f"He wrote: “اتصل {PHONE}”."))
    html, text = render_html(html_pieces(found)), render_text(found)

    assert html.count(SPAN) == 3, "the summary, what was said, what was quoted"
    assert text.count(ISOLATED) == 3
    assert f"  > Hello رقمي {ISOLATED} اتصل" in text


def test_a_number_among_other_letters_is_left_alone() -> None:
    found = _view(_saying(f"Hello, {PHONE}, see a.example/x", project="Seat", customer_name="Al"))

    assert SPAN not in render_html(html_pieces(found))
    assert PHONE in render_text(found)
    assert ISOLATED not in render_text(found)


def test_notices_and_the_names_of_photos_isolate_it_too() -> None:
    photos = Photos(shown=(ShownPhoto("cid", f"صورة {PHONE}", 2, 3),))
    said = replace(_view(_saying("x")), notices=(f"ناقص {PHONE} evil.com",), photos=photos)
    html, text = "".join(html_pieces(said)), render_text(said)

    assert f"ناقص {SPAN} <span>evil</span><span>.com</span>" in html
    assert f'alt="صورة {ISOLATED}"' in html
    assert f"* ناقص {ISOLATED} evil[.]com" in text
    assert f"صورة {ISOLATED}\n" in text


@pytest.mark.parametrize("longer", range(1, len(PHONE) + 5))
def test_the_subject_isolates_it_and_stays_short_wherever_it_is_cut(longer: int) -> None:
    said = Summary(vehicle="س" * longer + f" {PHONE}" * 6, project=f"اتصل {PHONE} " * 5)
    lead = replace(read_snapshot("arabic_phone"), summary=said, thread_id="cthr_one")
    found = subject(lead, ENGLISH, possible_duplicate=True)

    assert LONGEST_BEFORE_ID - 25 < len(found.removesuffix("(cthr_one)")) <= LONGEST_BEFORE_ID
    assert found.count(ISOLATED) > 1
    assert found.count("\u2066") == found.count("\u2069")


def test_a_title_for_want_of_facts_isolates_it_too() -> None:
    lead = replace(read_snapshot("arabic_phone"), summary=Summary(), title=f"رقمي {PHONE}")

    assert f"رقمي {ISOLATED} (cthr" in subject(lead, ENGLISH, possible_duplicate=False)


def test_the_attached_conversation_isolates_it() -> None:
    assert f"Hello رقمي {ISOLATED}" in transcript_file(_saying(f"Hello رقمي {PHONE}"), SHOP)


def test_what_the_shop_copies_and_sends_holds_no_isolate() -> None:
    found = _view(read_snapshot("arabic_phone"))
    drafts = render_text(found).partition("Drafts to copy")[2].partition("\nTranscript\n")[0]
    hrefs = Seen("".join(html_pieces(found))).hrefs

    assert "(408) 555-0142" in drafts
    assert re.search("[\u2066\u2069]", drafts) is None
    assert not [href for href in hrefs if "\u2066" in unquote(href)]


def test_isolates_that_a_customer_wrote_are_dropped() -> None:
    text = render_text(_view(_saying(f"رقمي \u2067{PHONE}\u2069 \u2066اتصل")))

    assert f"رقمي {ISOLATED} اتصل" in text
    assert "\u2067" not in text
    assert text.count("\u2066") == text.count("\u2069")
