"""Phones, emails, web addresses and prices are found however they are disguised."""
# ruff: noqa: RUF001 - the disguises are the point

from __future__ import annotations

import time

import pytest

from services.lead.summary.claims import claims_in, plain, sums_in
from services.lead.summary.numbers import numbers_in, sum_of

DISGUISED = [
    ("Call +1 (900) 555-0199 now.", "phone", "19005550199"),
    ("Call 900.555.0199", "phone", "9005550199"),
    ("Call 900 – 555 — 0199", "phone", "9005550199"),
    ("Call ٩٠٠٥٥٥٠١٩٩", "phone", "9005550199"),
    ("Call ９００－５５５－０１９９", "phone", "9005550199"),
    ("Call ①②③④⑤⑥⑦", "phone", "1234567"),
    ("Call 9\u200b0\u200b0\u200b5550199", "phone", "9005550199"),
    ("Call nine zero zero five five five zero one nine nine", "phone", "9005550199"),
    ("llame al nueve cero cero cinco cinco cinco cero uno", "phone", "90055501"),
    ("请拨打四〇八五五五〇一二三", "phone", "4085550123"),
    ("Call 1-800-FLOWERS", "phone", "1800flowers"),
    ("Text 88788 to confirm", "phone", "88788"),
    ("(408) 555-0123 ext. 66", "phone", "x66"),
    ("408-555-0123 x66", "phone", "x66"),
    ("٤٠٨-٥٥٥-٠١٢٣ доб. 66", "phone", "x66"),
    ("tel:+19005550199", "phone", "19005550199"),
    ("Write to evil@example.com.", "email", "evil@example.com"),
    ("Write to Evil＠Example．com", "email", "evil@example.com"),
    ("evil at example dot com", "email", "evil@example.com"),
    ("evil (at) example (dot) com", "email", "evil@example.com"),
    ("evil[at]mail[dot]example[dot]com", "email", "evil@mail.example.com"),
    ("evil arroba example punto com", "email", "evil@example.com"),
    ("ev\u200dil@exa\u00admple.com", "email", "evil@example.com"),
    ("See https://evil.example/x?y=1", "url", "evil.example/x?y=1"),
    ("See hxxps://evil.example", "url", "hxxps://evil.example"),
    ("See www.evil.example", "url", "evil.example"),
    ("See evil.com/pay", "url", "evil.com/pay"),
    ("See evil。com", "url", "evil.com"),
    ("See evil dot com", "url", "evil.com"),
    ("See evil[.]com", "url", "evil.com"),
    ("See еvil.com", "url", "еvil.com"),
    ("See пример.рф", "url", "пример.рф"),
    ("javascript:alert(1)", "url", "javascript:alert(1"),
    ("See 203.0.113.7/x", "url", "203.0.113.7/x"),
    ("It costs $450.", "price", "450"),
    ("It costs $ 1,450.00", "price", "1450"),
    ("450 dollars", "price", "450"),
    ("450 USD", "price", "450"),
    ("USD 450", "price", "450"),
    ("1.450,50 €", "price", "1450.50"),
    ("$1.5k", "price", "1500"),
    ("five hundred dollars", "price", "five hundred dollars"),
    ("quinientos dólares", "price", "quinientos dólares"),
    ("cuesta 300", "price", "300"),
    ("价格500元", "price", "500"),
    ("450원", "price", "450"),
    ("٤٥٠ دولار", "price", "450"),
    ("450 рублей", "price", "450"),
    ("450руб", "price", "450"),
    ("It costs 450usd.", "price", "450"),
    ("需付450 USD谢谢", "price", "450"),
    ("需付USD450谢谢", "price", "450"),
    ("费用约为450", "price", "450"),
    ("需付五百元", "price", "5百元"),
    ("请访问evil.com付款", "url", "请访问evil.com"),
    ("見るのは evil.comで", "url", "evil.com"),
    ("看 evil dot com付款", "url", "evil.com"),
    ("20% off", "price", "20"),
    ("Rs. 4500", "price", "4500"),
    ("The total is 450", "price", "450"),
    ("CHF 450", "price", "450"),
    ("450 AED", "price", "450"),
    ("kr 450", "price", "450"),
    ("450 zł", "price", "450"),
    ("$ four hundred", "price", "$ four hundred"),
    ("It costs four hundred", "price", "costs four hundred"),
    ("Call 1 (800) FLOWERS", "phone", "1800flowers"),
    ("Call 1-800FLOWERS", "phone", "1800flowers"),
    ("Call 888-CALL-NOW", "phone", "888callnow"),
    ("Call 900~555=0199", "phone", "9005550199"),
    ("Call 900 (555) [0199]", "phone", "9005550199"),
    ("Call 900+555;0199", "phone", "9005550199"),
    ("Call 9️⃣0️⃣0️⃣5️⃣5️⃣5️⃣0️⃣1️⃣9️⃣9️⃣", "phone", "9005550199"),
    ("Call 9\u03360\u03360\u0336-555-0199", "phone", "9005550199"),
    ("nine oh oh triple five oh one double nine", "phone", "9005550199"),
    ("ligue nove zero zero cinco cinco cinco zero um nove nove", "phone", "9005550199"),
    ("evil arobase example point fr", "email", "evil@example.fr"),
    ("evil 'at' example 'dot' com", "email", "evil@example.com"),
    ("evilATexampleDOTcom", "email", "evilatexampledotco"),
    ("Mail evil@example,com", "email", "evil@example,com"),
    ("Mail evil@example", "email", "evil@example"),
    ("Mail evil at gmail.", "email", "evil@gmail"),
    ("Mail evil at example com", "email", "evil@examplecom"),
    ("@evil on Telegram", "email", "@evil"),
    ("See evil . com", "url", "evil.com"),
    ("See evil,com", "url", "evil,com"),
    ("See evil punto es", "url", "evil.es"),
    ("See //evil/pay", "url", "//evil/pay"),
    ("See ipfs://abc", "url", "//abc"),
    ("See hxxps[:]//evil[.]example", "url", "//evil.example"),
    ("See localhost:8080/pay", "url", "localhost:8080/pay"),
    ("Seats.Com", "url", "seats.com"),
    ("Price range 600 to 800", "price", "600"),
    ("Price between 600 and 800", "price", "600"),
    ("The estimate came to 600", "price", "600"),
    ("It will be 600 plus tax", "price", "600"),
    ("it will be 350 all in", "price", "350"),
    ("A 10% deposit", "price", "10"),
    ("a discount of 15%", "price", "15"),
    ("at half price", "price", "half price"),
    ("free of charge", "price", "free of charge"),
    ("600 TL", "price", "600"),
    ("600,- Kr", "price", "600"),
    ("The quote is 2016.", "price", "2016"),
    ("The estimate is 2016 plus tax", "price", "2016"),
]


@pytest.mark.parametrize(("text", "kind", "said"), DISGUISED)
def test_disguised_claim_is_found(text: str, kind: str, said: str) -> None:
    found = [(claim.kind, claim.said[0]) for claim in claims_in(plain(text))]

    assert (kind, said) in found


@pytest.mark.parametrize(
    "text",
    [
        "The driver seat of the 2016 Honda Civic is torn.",
        "Ask which of the 3 seats are torn, and for photos.",
        "Call between 9 a.m. and 5 p.m., Mon. to Fri.",
        "A quote for the 2016 Civic was asked for.",
        "They have 2 kids, 4 cars and an F-150.",
        "Foam density, e.g. medium vs. firm.",
        "Customer is in San Jose, CA 95112.",
        "5 center seats, 12 inches wide",
        "Necesita el asiento para el viernes.",
        "客户的座椅破了。请他发照片。",
        "They asked for a quote for 2 seats.",
        "Quote for 2016 Civic driver seat.",
        "Prepare an estimate of 2 hours, or of 12 hours.",
        "Ana Ruiz.She wants a fix.",
    ],
)
def test_plain_words_claim_nothing(text: str) -> None:
    assert claims_in(plain(text)) == []


def test_range_claims_both_ends() -> None:
    (claim,) = claims_in("It costs $400 - $600")

    assert claim.said == ("400", "600")


@pytest.mark.parametrize(
    ("number", "amount"),
    [
        ("1,200.00", "1200"),
        ("1.200,50", "1200.50"),
        ("12.5", "12.50"),
        ("007", "7"),
        ("2k", "2000"),
    ],
)
def test_sums_compare_however_they_are_written(number: str, amount: str) -> None:
    assert sum_of(number) == amount
    assert amount in sums_in(number)


def test_plain_text_has_nothing_that_a_reader_cannot_see() -> None:
    assert plain("a\u202eb\u200bc\x00d\ne\tf") == "abcd\ne f"


@pytest.mark.parametrize(
    "text",
    ["a" * 16_000, "1 " * 8_000, "a.b" * 5_000, "one " * 4_000, "$1," * 5_000,
     "a at b dot " * 1_400, "call a b c " * 1_400, "@" * 16_000, "((((" * 4_000, "1-800-" * 2_600,
     "$ " + "十" * 16_000, "1" * 16_000 + "十", "五百" * 8_000, "1," * 8_000, "1" * 16_000 + "x",
     "quote 1" * 2_000 + "1" * 8_000 + "x", "sixty-" * 2_600, "aATbDOT" * 2_200, "//" * 8_000,
     "evil at a1, " * 1_300, "a . " * 4_000, "price between " * 1_100, "1 " * 8_000 + "dollars"],
)  # fmt: skip
def test_hostile_text_costs_little(text: str) -> None:
    began = time.process_time()
    claims_in(plain(text))
    list(sums_in(plain(text)))

    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sixty-six thousand", "66000"),
        ("six hundred and five", "605"),
        ("four fifty", "450"),
        ("twenty sixteen", "2016"),
        ("two thousand sixteen", "2016"),
        ("seiscientos cincuenta y cinco", "655"),
        ("dos mil dieciséis", "2016"),
        ("0166", "0166"),
        ("1,200", "1200"),
        ("1.5k", "1500"),
    ],
)
def test_a_number_is_the_same_in_words_and_digits(text: str, said: str) -> None:
    (number,) = numbers_in(text)

    assert number.said == said


def test_the_hour_is_no_number_and_what_counts_is_told_apart() -> None:
    numbers = numbers_in("At 10:30, 12 photos, 3 seats, 5% and 600")

    assert [(one.said, one.counted, one.small) for one in numbers] == [
        ("12", True, False), ("3", True, True), ("5", False, False), ("600", False, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "Reply within 24-48 hours.",
        "Responda en 24 a 48 horas.",
        "Set aside 15 to 20 minutes.",
        "Ask for 10-15 photos, and the 17-character VIN of the 10-way seat.",
        "Foam of 18 lb, or 30 oz or 36 oz.",
    ],
)
def test_a_number_that_counts_something_needs_nobody_who_said_it(text: str) -> None:
    assert all(number.counted for number in numbers_in(text))


@pytest.mark.parametrize("text", ["600 to 800.", "call 900-555-0166", "between 600 and 800"])
def test_a_number_that_counts_nothing_does(text: str) -> None:
    assert not any(number.counted for number in numbers_in(text))
