"""Reading contact out of a conversation: the corpus, where values stand, and hostile input."""

from __future__ import annotations

import functools
import gc
import re
import time
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.leads.snapshot import Contact, Line
from libs.shops.profile import ShopProfile
from services.lead.contact import extract
from services.lead.contact.doubts import SAID, Says
from services.lead.contact.extract import _mentions, contacts, forget_read_lines
from services.lead.contact.standing import Standing
from tests.unit.lead.contact_corpus import CRAIGS, Case, line_of, load_cases
from tests.unit.lead.contact_hostile import HOSTILE, TALKS

CASES = load_cases()
ROUNDS = 12
GROWTH = 16
"""Of the time, eight times the length; n^1.5 would be 22."""
HELD_OUT = "held out"
"""Written after the code and scored before anything was changed for them: P 0.953, R 0.943 then.
So were the `fresh` rows, much later: P 0.991, R 0.767, for want of a number after `quote`;
and after them the `third`: P 0.947, R 0.899, nearly all of it German and what shops are asked; the
`fourth`: P 0.935, R 0.935; the `fifth`, of whose number it is: P 0.821, R 0.640;
the `sixth`: P 0.938, R 0.978; and the `eighth`, for want of digits that stand right beside Chinese:
P 0.956, R 0.985. The `stays`: a real phone beside each word that may name another number; R 0.992
of the first 257, and 0.133 of the 45 after them, where it stands right behind the word. The
`things`, most of them orders and claims by their number: P 0.469, R 0.828, as these were phones.
The first 168 of the `abroad` and the `taken back`: P 0.677, R 0.759. The `signed`, numbers from
abroad beside no word but a name: 17 of 32 before there was a rule for them."""


def _conversation(*said: str) -> tuple[list[Line], ShopProfile]:
    return [line_of(text, number) for number, text in enumerate(said)], CRAIGS


def read(*said: str) -> tuple[Contact, ...]:
    return contacts(*_conversation(*said))


def values(*said: str) -> list[str]:
    return [contact.value for contact in read(*said)]


@functools.cache
def read_case(case: Case) -> tuple[Contact, ...]:
    """Once, however much is asked about it."""
    return contacts(case.lines, case.profile)


def score(cases: list[Case]) -> tuple[float, float, list[str]]:
    """Precision, recall, and each case that was read otherwise."""
    right = made_up = missed = 0
    wrong = []
    for case in cases:
        found = {contact.value for contact in read_case(case)}
        wanted = {*case.phones, *case.emails}
        right += len(found & wanted)
        made_up += len(found - wanted)
        missed += len(wanted - found)
        if found != wanted:
            wrong.append(f"{case.say}: {sorted(found)}, not {sorted(wanted)}")
    return right / (right + made_up), right / (right + missed), wrong


def test_precision_and_recall_on_the_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    precision, recall, wrong = score(CASES)
    with capsys.disabled():
        print(f"\ncontact: {len(CASES)} cases, precision {precision:.4f}, recall {recall:.4f}")  # noqa: T201

    assert len(CASES) >= 300
    assert precision >= 0.99, wrong
    assert recall >= 0.99, wrong


def test_only_the_known_cases_are_read_otherwise() -> None:
    """A new mistake is seen at once, though one in a hundred is allowed above."""
    _, _, wrong = score(CASES)

    assert [line.partition(": ")[0] for line in sorted(wrong)] == [
        '("don\'t have the vin 4085550192",)',
        "('4155550151$',)",
        "('bring my license 408-555-0193',)",
        "('hey so the best way is my wifes cell which is like 408 uh 555 um 0164',)",
        "('mera number nau aath zero paanch char do ek teen saat chhe hai, India ka',)",
    ]


@pytest.mark.parametrize(
    "said",
    [
        "Don't text me at 408-555-0117, it's a landline. Call.",
        "408-555-0117 is my old number",
        "no es 408-555-0117",
        "the dealer's number is 408-555-0117",
    ],
)
def test_a_value_that_is_all_we_have_is_kept_with_its_doubt(said: str) -> None:
    (contact,) = read(said)

    assert contact.value == "+14085550117"
    assert contact.doubt


def test_a_value_taken_back_gives_way_to_any_other_of_its_kind() -> None:
    assert values("408-555-0117", "don't use 408-555-0117", "650-555-0133") == ["+16505550133"]
    assert values("650-555-0133", "don't use 408-555-0117") == ["+16505550133"]
    assert values("don't use 408-555-0117", "ana@x.org") == ["ana@x.org", "+14085550117"]


@pytest.mark.parametrize(
    ("remark", "doubted"),
    [
        ("please don't call me anymore, I found another shop", {"phone"}),
        ("don't email me", {"email"}),
        ("STOP", {"phone", "email"}),
        ("borre mis datos por favor", {"phone", "email"}),
        ("that's not my email", {"email"}),
        ("please don't call me before noon", set()),
        ("don't call, text me", set()),
        ("the seat is not right", set()),
    ],
)
def test_a_later_denial_leaves_a_doubt_and_loses_nothing(remark: str, doubted: set[str]) -> None:
    found = read("408-555-0117", "ana@x.org", remark)

    assert {one.value for one in found} == {"+14085550117", "ana@x.org"}
    assert {one.kind for one in found if one.doubt} == doubted
    assert {one.doubt for one in found} <= {"", "the customer may not want it used"}


def test_what_is_wrong_after_a_question_may_be_the_answer() -> None:
    asks = msgspec.structs.replace(line_of("Is it a Civic?", 1), speaker="assistant")
    told = [line_of("408-555-0117", 0), asks, line_of("no, that's wrong", 2)]

    assert [one.doubt for one in contacts(told, CRAIGS)] == [""]
    assert [one.doubt for one in contacts([told[0], told[2]], CRAIGS)] != [""]


def test_what_is_wrong_later_on_may_be_anything() -> None:
    assert [one.doubt for one in read("408-555-0117", "it's a 2017 Civic", "that's wrong")] == [""]


def test_a_denied_phone_takes_no_email_back_nor_an_email_a_phone() -> None:
    given = ("408-555-0117 ana@x.org",)

    phone, email, newer = "+14085550117", "ana@x.org", "ben@y.org"
    assert set(values(*given, f"that's not my number. {newer}")) == {phone, email, newer}
    assert set(values(*given, f"that's not my email. {newer}")) == {phone, newer}
    assert len(values(*given, "that's not my email. 650-555-0133")) == 3


def test_an_opt_out_doubts_every_number_and_a_retraction_the_last() -> None:
    given = ("408-555-0117 or 650-555-0133",)

    assert all(one.doubt for one in read(*given, "delete my number"))
    assert values(*given, "that's not my number") == ["+14085550117"]


def test_a_value_given_whole_is_not_doubted_for_a_shorter_word_about_it() -> None:
    (contact,) = read("650-555-0133, call after 5", "again my number: area code 650, 555-0133")
    assert (contact.value, contact.doubt) == ("+16505550133", "")

    (contact,) = read("408-555-0117", "call 555-0117 please")
    assert (contact.value, contact.doubt) == ("+14085550117", "")


def test_a_number_that_nobody_has_is_shown_as_it_was_written() -> None:
    (contact,) = read("my cell is 408 155 0117")

    assert (contact.value, contact.shown) == ("+14081550117", "408 155 0117")
    assert contact.doubt == "not a number that we know in US"


@pytest.mark.parametrize(
    ("said", "own"),
    [
        ("you wrote me from chat@craigs.autos", True),
        ("I mailed leads@craigs.autos", True),
        ("and Someone.Else@Craigs.Autos", True),
        ("or Roxana@mail.craigs.autos", True),
        ("reach me at ana@gmail.com", False),
    ],
)
@pytest.mark.parametrize("domains", [("Craigs.Autos",), ("craigs.autos", "gmail.com")])
def test_the_domains_that_are_named_as_the_shops_own_are_no_customers(
    said: str, domains: tuple[str, ...], *, own: bool
) -> None:
    """A public provider that is named as the shop's own excludes no customer."""
    profile = msgspec.structs.replace(CRAIGS, email_domains=domains)

    assert (contacts([line_of(said, 0)], profile) == ()) is own


@pytest.mark.parametrize("domain", ["gmail.com", "optonline.net", "t-online.de", "free.fr"])
def test_what_the_shop_mails_from_and_to_excludes_only_itself(domain: str) -> None:
    """Nobody has a list of all the providers: a domain is the shop's only where it says so."""
    profile = msgspec.structs.replace(
        CRAIGS,
        email_domains=(),
        sender=f"Craig <craigs@{domain}>",
        recipients=(f"shop@{domain}",),
    )
    line = line_of(f"I wrote to Craigs@{domain} and shop@{domain}, mine is ana@{domain}", 0)

    assert [contact.value for contact in contacts([line], profile)] == [f"ana@{domain}"]


@pytest.mark.parametrize(
    "remark",
    [
        "my lease is ending 2026",
        "warranty ends 2027",
        "presupuesto final 2500",
        "my weekend ends 2000",
        "I'm in the 510 area code, is that too far?",
        "do you serve area code 510?",
    ],
)
def test_a_passing_remark_leaves_the_number_as_it_was(remark: str) -> None:
    assert values("my number is 650-555-0117", remark)[0] == "+16505550117"


def test_a_number_taken_back_and_given_again_stands_without_a_doubt() -> None:
    given = "call me at 408-555-0117 any time, or at 650-555-0133"
    found = read("don't call 408-555-0117 ext 5", given)

    assert {one.value for one in found} == {"+14085550117;ext=5", "+16505550133"}
    assert [one.doubt for one in found] == ["", ""]


def test_the_score_sees_what_is_missed_and_what_is_made_up() -> None:
    missed = Case(kind="", say=("hello",), phones=("+14085550117",))
    made_up = Case(kind="", say=("408-555-0117",))
    right = Case(kind="", say=("408-555-0117",), phones=("+14085550117",))

    assert score([missed, made_up, right])[:2] == (0.5, 0.5)


def test_doubts_are_where_a_careful_reader_has_them() -> None:
    wrong = []
    for case in CASES:
        doubted = {contact.value for contact in read_case(case) if contact.doubt}
        if case.kind != HELD_OUT and doubted != set(case.doubts):
            wrong.append((case.say, doubted))

    assert wrong == []


def test_the_one_to_use_first_comes_first() -> None:
    ordered = [case for case in CASES if case.first]

    assert len(ordered) >= 2
    assert [read_case(case)[0].value for case in ordered] == [case.first for case in ordered]


def test_every_typed_value_stands_where_its_span_says() -> None:
    checked = 0
    for case in CASES:
        lines = {line.item_id: line for line in case.lines}
        for contact in read_case(case):
            spot = lines[contact.item_id].text[contact.start : contact.end]
            assert spot
            if contact.kind == "phone" and re.fullmatch(r"[0-9() .+-]+", spot):
                digits = re.sub(r"\D", "", spot)
                assert contact.value.endswith(digits[-7:])
                checked += 1

    assert checked > 100


@pytest.mark.parametrize(
    ("text", "spot"),
    [
        ("call 408-555-0117 now", "408-555-0117"),
        ("رقمي ٤٠٨-٥٥٥-٠١١٧ شكرا", "٤٠٨-٥٥٥-٠١١٧"),  # noqa: RUF001 - digits of another script
        ("a\u200b\u200bb 4\u200b08-555-0117!", "4\u200b08-555-0117"),
        ("it is four oh eight five five five oh one one seven ok", None),
        ("me: ana @ gmail.com.", "ana @ gmail.com"),
        ("first line\n(408) 555-0117 ext 9", "(408) 555-0117 ext 9"),
    ],
)
def test_spans_count_in_the_text_as_it_was_sent(text: str, spot: str | None) -> None:
    (contact,) = read(text)

    found = text[contact.start : contact.end]
    assert found == (spot or "four oh eight five five five oh one one seven")


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("no it's 0189 sorry", "+14085550189"),
        ("sorry, 0118", "+14085550118"),
        ("sorry, it's a 2018", "+14085550188"),
        ("0189", "+14085550188"),
        ("sorry, the zip is 95112 and I paid $0189", "+14085550188"),
        ("no, apartment 4711", "+14085550188"),
    ],
)
def test_last_four_digits_are_corrected_where_they_are_a_slip_away(said: str, number: str) -> None:
    assert values("408-555-0188", "It is a 2017 Civic", said) == [number]


def test_commas_that_a_phone_waits_at_lead_to_an_extension_and_to_nothing_else() -> None:
    assert values("408-555-0100,,204#") == ["+14085550100;ext=204"]
    assert values("408-555-0100,,,204") == ["+14085550100;ext=204"]
    assert values("408-555-0100,, 2015 Honda") == ["+14085550100"]
    assert values("408-555-0100,,2015 Honda") == ["+14085550100"]


def test_names_the_item_it_stands_in() -> None:
    phone, email = sorted(
        read("hi", "ana@example.com", "408-555-0117"), key=lambda contact: contact.kind
    )[::-1]

    assert (phone.item_id, email.item_id) == ("item-2", "item-1")


def test_shows_a_number_as_the_shop_would_write_it() -> None:
    assert [contact.shown for contact in read("408-555-0117 x5")] == ["(408) 555-0117 ext. 5"]
    assert [contact.shown for contact in read("+52 55 1234 5678")] == ["+52 55 1234 5678"]


def test_never_joins_what_stands_on_two_lines() -> None:
    assert values("my phone 408\n5550117 x") == ["+14085550117"]
    assert [contact.doubt for contact in read("my phone 408\n5550117 x")] != [""]
    assert values("ana@\nexample.com") == []
    assert values("408-555", "0117") == []


def test_twelve_ways_to_reach_somebody_are_enough() -> None:
    many = " ".join(f"ana{number}@example.com" for number in range(200))

    assert len(read(many)) == 12


def test_many_emails_cost_no_phone() -> None:
    said = ["408-555-0117", *(f"a{number}@example.org" for number in range(15))]

    assert "+14085550117" in values(*said)


@settings(deadline=None)
@given(st.lists(st.text(max_size=80), max_size=4))
def test_any_text_is_read_without_a_crash(said: list[str]) -> None:
    for contact in read(*said):
        text = said[int(contact.item_id.removeprefix("item-"))]
        assert 0 <= contact.start < contact.end <= len(text)


_PIECES = st.sampled_from((
    "408", "555", "0117", "four", "oh", "at", "dot", "gmail", "com", "@", ".", ",", "-", "(", ")",
    "+", "1", "x", "sorry", "not", "call", "\n", "٤", "四", "\u200b", "a@b.co",
))  # fmt: skip


@settings(deadline=None)
@given(st.lists(_PIECES, max_size=24).map(" ".join))
def test_any_mixture_of_its_own_words_is_read_without_a_crash(text: str) -> None:
    for contact in read(text):
        assert 0 <= contact.start < contact.end <= len(text)


def test_no_line_stays_in_memory_once_all_are_forgotten() -> None:
    def kept() -> set[str]:
        caches = ((name, one) for name, one in vars(extract).items() if hasattr(one, "cache_info"))
        return {name for name, one in caches if one.cache_info().currsize}

    read("my number is 408 555 0117", "oops, wrong number, call 408 555 0118")
    assert "_found" in kept()

    forget_read_lines()

    assert kept() == set()


def _cpu_seconds(said: list[str]) -> float:
    forget_read_lines()
    began = time.thread_time()
    read(*said)
    return time.thread_time() - began


def _growth(short: list[str], long: list[str]) -> float:
    """Best of several rounds each, as many as it takes: noise only ever adds."""
    gc.collect()
    least = most = float("inf")
    for _ in range(ROUNDS):
        least, most = min(least, _cpu_seconds(short)), min(most, _cpu_seconds(long))
        if most <= GROWTH * least:
            break
    return most / least


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_time_grows_with_the_length_and_no_faster(name: str) -> None:
    read(HOSTILE[name](64))

    assert _growth([HOSTILE[name](8 * 1024)], [HOSTILE[name](64 * 1024)]) <= GROWTH


@pytest.mark.slow
@pytest.mark.parametrize("name", TALKS)
def test_time_grows_with_the_number_of_messages_and_no_faster(name: str) -> None:
    read(*TALKS[name](1024))

    assert _growth(TALKS[name](4 * 1024), TALKS[name](32 * 1024)) <= GROWTH


def test_who_is_done_with_us_a_thousand_times_says_it_once() -> None:
    """Each line used to take back all numbers again, and each was compared with all others."""
    mentions = list(_mentions(*_conversation("408-555-0117", *["don't call me anymore"] * 50)))

    assert [mention.standing for mention in mentions] == [Standing.THEIRS, Standing.DENIED]


def test_a_spanish_shop_reads_its_doubts_in_spanish() -> None:
    shop = msgspec.structs.replace(CRAIGS, languages=("es", "en"))
    said = contacts([line_of("mi correo es ana@gmial.com y mi número es 555-0188", 0)], shop)

    assert {contact.doubt for contact in said} == {
        "gmial.com se parece a gmail.com",
        "sin código de área; suponemos 408",
    }


@pytest.mark.parametrize("tag", sorted(SAID))
def test_every_doubt_can_be_told(tag: str) -> None:
    holes = {says: words.count("{}") for says, words in SAID[tag].items()}

    assert holes == {says: words.count("{}") for says, words in SAID["en"].items()}
    assert set(holes) == set(get_args(Says))
