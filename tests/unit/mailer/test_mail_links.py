"""Only our own links can be tapped, whatever the customer wrote."""

from __future__ import annotations

import re
import time
from html import unescape
from pathlib import Path
from urllib.parse import quote, urlsplit

import hypothesis
import pytest

from services.mailer.letter.actions import draft_link, own_page
from services.mailer.letter.links import link_host, mark_links, unlinked
from services.mailer.letter.wording import clean, one_line
from tests.golden import CASES, HERE, Case, profile_of, read_snapshot
from tests.golden.reading import Seen, golden, html_of, text_of

OURS = {
    "chat.craigs.autos", "craigs.autos", "platform.openai.com", "tapiceriamorales.example",
}  # fmt: skip
ORIGINS = ("https://craigs.autos", "http://localhost:4321")
SHOP = frozenset({"craigs.autos"})
SAFE_TAGS = frozenset(
    {"html", "head", "meta", "title", "style", "body", "table", "tr", "td", "div", "span"}
    | {"h1", "h2", "p", "a", "img", "br"}
)


def _id(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_every_link_is_ours_or_reaches_the_customer(case: Case) -> None:
    for href in Seen(html_of(golden(case.path))).hrefs:
        parts = urlsplit(href)
        assert parts.scheme in {"https", "tel", "mailto"}, href
        assert parts.scheme != "https" or parts.hostname in OURS, href


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_nothing_but_plain_elements_and_inline_pictures(case: Case) -> None:
    seen = Seen(html_of(golden(case.path)))

    assert seen.tags <= SAFE_TAGS
    assert not {name for name in seen.attributes if name.startswith("on")}
    assert all(source.startswith("cid:") for source in seen.sources)


def test_a_url_of_the_customer_is_text_marked_external_in_both_parts() -> None:
    mail = golden(HERE / "mails" / "hostile.eml")

    assert "https://evil.example.com/pay?x=1 (external)" in Seen(html_of(mail)).words
    assert "https://evil.example.com/pay" not in html_of(mail)
    assert "https[:]//evil[.]example[.]com/pay?x=1 (external)" in text_of(mail)
    assert "://evil" not in text_of(mail)
    assert "evil.com" not in text_of(mail)


def test_no_invisible_character_survives_but_a_pair_of_ours_around_a_number() -> None:
    for case in CASES:
        mail = golden(case.path)
        for part in (text_of(mail), html_of(mail), str(mail["Subject"])):
            rest = re.sub(r"\u2066([+(]?\d[\d ().-]+\d)\u2069", r"\1", unescape(part))
            assert not set(rest) & set("\u202e\u202c\u200b\u200e\u2066\u2069\ufeff\0")


def test_chips_stand_only_where_they_lead_somewhere() -> None:
    def actions(name: str) -> list[str]:
        text = text_of(golden(HERE / "mails" / f"{name}.eml"))
        block = text.partition("Quick actions\n-------------\n")[2].partition("\n\n\n")[0]
        return [line.partition(":")[0] for line in block.strip().splitlines()[:7] if ":" in line]

    everything = ["Call customer", "Text customer", "Email customer", "Email draft", "Open page"]
    assert actions("english_photos")[:6] == [*everything, "OpenAI logs"]
    assert actions("partial_email_only")[:4] == [*everything[2:], "OpenAI logs"]
    assert actions("hostile")[:5] == [*everything[:4], "OpenAI logs"]


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_a_mailto_is_never_too_long_and_keeps_the_signature(case: Case) -> None:
    address = quote(profile_of(read_snapshot(case.snapshot)).address, safe="")
    for href in Seen(html_of(golden(case.path))).hrefs:
        if href.startswith("mailto:") and "?" in href:
            assert len(href) <= 1_800
            assert href.endswith(address)


@pytest.mark.parametrize("word", ["seat ", "مقعد ", "座椅"])
def test_a_long_message_fills_a_mailto_and_is_cut_before_the_signature(word: str) -> None:
    href = draft_link("mailto:a@b.example", "Hello", word * 400 + "\n\nCraig's")

    assert 1_700 < len(href) <= 1_800
    assert href.endswith("%0D%0A%0D%0ACraig%27s")


@pytest.mark.parametrize(
    "page",
    [
        "https://craigs.autos.evil.com/", "https://craigs.autos@evil.com/", "javascript:alert(1)",
        "https://craigs.autos\\@evil.com/", "http://craigs.autos/", "https://craigs.autos:8443/",
        "//craigs.autos/", "https://[bad", "data:text/html,x", "", "https://evil.com/craigs.autos",
    ],
)  # fmt: skip
def test_a_page_that_is_not_the_shops_is_no_link(page: str) -> None:
    assert own_page(page, ORIGINS) == ""


def test_the_shops_own_page_loses_its_query() -> None:
    assert own_page("https://craigs.autos/en/?next=//evil.com#x", ORIGINS) == (
        "https://craigs.autos/en/"
    )
    assert own_page("http://localhost:4321/a b", ORIGINS) == "http://localhost:4321/a%20b"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("see https://evil.com/a.b, ok", "see https[:]//evil[.]com/a[.]b (external), ok"),
        ("evil.com", "evil[.]com (external)"),
        ("WWW.Evil.Com/x).", "WWW[.]Evil[.]Com/x (external))."),
        ("https://craigs.autos/en/", "https[:]//craigs[.]autos/en/"),
        ("http://localhost/x", "http[:]//localhost/x (external)"),
        ("me@gmail.com or 3.5 mm, e.g. this", "me@gmail.com or 3.5 mm, e.g. this"),
        ("Hello.How are you", "Hello.How are you"),
        ("https://craigs.autos@evil.com/", "https[:]//craigs[.]autos@evil[.]com/ (external)"),
        ("craigs.autos@evil.com/", "craigs.autos@evil[.]com/ (external)"),
        ("call 9.evil.tk/login now", "call 9[.]evil[.]tk/login (external) now"),
        ("craigs.autos.pay.cfd/x", "craigs[.]autos[.]pay[.]cfd/x (external)"),
        ("a.b.c.d.e.f.g.evil.com/x", "a[.]b[.]c[.]d[.]e[.]f[.]g[.]evil[.]com/x (external)"),
        ("@evil.com/x and @evil.com", "@evil[.]com/x (external) and @evil[.]com (external)"),
        ("see..evil.pw", "see..evil[.]pw (external)"),
        ("Evil.Zip, EVIL.ICU", "Evil[.]Zip (external), EVIL[.]ICU (external)"),
        ("file://evil/x smb://evil", "file[:]//evil/x (external) smb[:]//evil (external)"),
        ("evil.рф/x evil.भारत/x", "evil[.]рф/x (external) evil[.]भारत/x (external)"),
        ("evil.tk./x evil.tk:8080?", "evil[.]tk[.]/x (external) evil[.]tk:8080 (external)?"),
        ("ana.lee+seat@gmail.com? Or a.b@c.io.", "ana.lee+seat@gmail.com? Or a.b@c.io."),
        ("St.Louis, 9 a.m./p.m., U.S.A., seat.jpg", "St.Louis, 9 a.m./p.m., U.S.A., seat.jpg"),
        ("你好.我的座椅坏了, v1.2.3, $1.50/ft", "你好.我的座椅坏了, v1.2.3, $1.50/ft"),
    ],
)
def test_links_are_marked_and_made_unclickable(said: str, shown: str) -> None:
    assert unlinked(mark_links(said, SHOP)) == shown


def test_every_ending_there_is_makes_a_link() -> None:
    lists = Path(hypothesis.__file__).parent / "vendor" / "tlds-alpha-by-domain.txt"
    endings = [line.strip().lower() for line in lists.read_text().splitlines()[1:]]
    assert len(endings) > 1000

    missed = [one for one in endings if "(external)" not in mark_links(f"evil.{one}", SHOP)]

    assert missed == []


@pytest.mark.parametrize("piece", ["a.", "a+", "://", "x", "a.b@", "@.", "-.", "ab..", "a.bc+"])
def test_hostile_words_are_looked_through_in_time(piece: str) -> None:
    def seconds(text: str) -> float:
        begun = time.process_time()
        mark_links(text, SHOP)
        return time.process_time() - begun

    size = 64_000 // len(piece)

    assert min(seconds(piece * size) for _ in range(3)) < 1.0


def test_the_host_of_a_link_is_what_a_browser_would_open() -> None:
    assert link_host("https://craigs.autos@evil.com/x") == "evil.com"
    assert link_host("https://craigs.autos\\.evil.com") == "craigs.autos"
    assert link_host("www.Evil.com:80?x") == "www.evil.com"


def test_cleaning_keeps_letters_of_every_script_and_drops_what_cannot_be_seen() -> None:
    assert clean("  José\u200b \u202eأحمد\u202c\r\n王小明\0\x07  ") == "José أحمد\n王小明"
    assert clean("a" + "\u0301" * 50).count("\u0301") <= 3
    assert one_line("a\nb\u2028c\td", 50) == "a b c d"
    assert one_line("word " * 50, 20) == "word word word word…"
