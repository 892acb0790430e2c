"""The view: whatever the snapshot holds, one mail that is small enough and says it once."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.blobs.fakes import MemoryBlobs
from libs.leads.greetings import GREETINGS, greeting_for
from libs.leads.reach import reach
from libs.leads.snapshot import Contact, LeadSnapshot, Line, Signal, Summary
from libs.messages.base import Attribution, Touch
from libs.messages.lead import REASONS
from services.mailer.letter.build import MailBuilder
from services.mailer.letter.drafts import drafts
from services.mailer.letter.labels_english import ENGLISH
from services.mailer.letter.language import direction, language_tag
from services.mailer.letter.photos import BlobPhotoShelf
from services.mailer.letter.shape import MailContext, Photos, Row, Rung, ShownPhoto
from services.mailer.letter.subject import LONGEST_BEFORE_ID, subject
from services.mailer.letter.view import view
from services.mailer.ports import Variant
from tests.golden import KEY, PUBLIC_URL, SHOPS, read_snapshot
from tests.golden.reading import html_of, read, text_of

SHOP = SHOPS.default
NASTY = st.text(max_size=400) | st.sampled_from(["<b>&\"'", "\u202e" * 9, "a" * 5000, "\r\nBcc: x"])


def _lead(**changes: object) -> LeadSnapshot:
    return msgspec.structs.replace(read_snapshot("english_photos"), **changes)


async def _mail(snapshot: LeadSnapshot, rung: Rung = Rung.FULL, url: str = PUBLIC_URL) -> bytes:
    blobs = MemoryBlobs()
    builder = MailBuilder(BlobPhotoShelf(blobs), url, (KEY,), SHOPS.by_slug)
    return (await builder.compose(snapshot, Variant(1, False, rung, "snapshots/x.json"))).body


def _line(text: str, number: int = 0) -> Line:
    return Line(item_id=f"i{number}", speaker="customer", name="Customer", text=text, at=1.8e9)


@pytest.mark.slow
@pytest.mark.parametrize("filler", ["x", '"', "<", "漢", "ع", "a.co ", "\n", "🚙"])
async def test_html_fits_however_much_of_everything_there_is(filler: str) -> None:
    long = filler * 4_000
    summary = Summary(
        customer_name=long, customer_location=long, customer_language=long, vehicle=long,
        project=long, timeline=long, summary=long, next_steps=(long,) * 9,
        follow_up_questions=(long,) * 9, call_script_prompts=(long,) * 9, missing_info=(long,) * 9,
        outreach_message=long, source="rules",
    )  # fmt: skip
    every = dict.fromkeys(set(Attribution.__struct_fields__) - {"first"}, long)
    first = Touch(**dict.fromkeys(Touch.__struct_fields__, f"{long}1"))
    snapshot = _lead(
        kind="partial",
        summary=summary,
        page_url="https://craigs.autos/" + long,
        title=long,
        lines=tuple(_line(long, number) for number in range(60)),
        photos=(),
        attribution=Attribution(**every, first=first),
        signals=tuple(Signal(event=long, at=1.8e9, page_url=long) for _ in range(50)),
    )
    raw = await _mail(snapshot)

    assert len(html_of(read(raw)).encode()) < 80_000
    assert len(raw) < 7_000_000
    assert "(408) 555-0177" in html_of(read(raw))


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(NASTY, min_size=12, max_size=12))
async def test_any_text_anywhere_gives_a_mail_that_reads_back(said: list[str]) -> None:
    summary = Summary(
        customer_name=said[0], customer_language=said[1], vehicle=said[2], project=said[3],
        summary=said[4], next_steps=(said[5],), outreach_message=said[6],
    )  # fmt: skip
    snapshot = _lead(
        summary=summary,
        title=said[7],
        locale=said[8],
        page_url=said[9],
        lines=(_line(said[10]), _line(said[11], 1)),
        photos=(),
    )

    for rung in Rung:
        mail = read(await _mail(snapshot, rung))
        assert [part.defects for part in mail.walk()] == [[] for _ in mail.walk()]
        assert mail["Bcc"] is None
        assert "\u202e" not in text_of(mail) + html_of(mail)
        assert "(408) 555-0177" in text_of(mail)


def test_the_newest_turns_are_kept_when_one_person_writes_without_end() -> None:
    lines = tuple(_line(f"message {number} " + "x" * 1000, number) for number in range(500))
    found = view(_lead(lines=lines), SHOP, MailContext()).transcript
    texts = [line.words.text for turn in found.turns for line in turn.lines]

    assert found.attached
    assert texts[-1].startswith("message 499 ")
    assert texts == [line.text for line in lines[-len(texts) :]]


@pytest.mark.parametrize(
    ("shapes", "rows"),
    [
        ("", []), ("t", ["0"]), ("tw", ["01"]), ("twt", ["02", "1"]), ("twtw", ["02", "13"]),
        ("wwwt", ["01", "23"]), ("ttt", ["01", "2"]),
    ],
)  # fmt: skip
def test_photos_lie_in_pairs_of_one_shape(shapes: str, rows: list[str]) -> None:
    shown = tuple(
        ShownPhoto(str(place), "", 3 if shape == "w" else 2, 2 if shape == "w" else 3)
        for place, shape in enumerate(shapes)
    )

    assert ["".join(one.cid for one in row) for row in Photos(shown=shown).rows] == rows


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_trigger_is_told_in_words(reason: str) -> None:
    rows = {
        row.label: row.words.text
        for row in view(_lead(reason=reason), SHOP, MailContext()).diagnostics
    }

    assert rows["Trigger"].startswith(f"{reason}: ")
    assert "another reason" not in rows["Trigger"]


def test_what_a_visitor_did_on_the_page_reads_like_words() -> None:
    signal = Signal(
        event="click_phone", at=1_794_942_300, click_url="tel:+14085550142",
        page_url="https://craigs.autos/en/",
    )  # fmt: skip
    [row] = view(_lead(signals=(signal,), attribution=None), SHOP, MailContext()).attribution

    assert row.words.text == (
        "Click phone, tel:+14085550142, on https://craigs.autos/en/,"
        " Tue, Nov 17, 2026, 11:05 AM PST"
    )


def test_a_day_stands_only_where_it_changes() -> None:
    lines = tuple(
        Line(item_id=f"i{n}", speaker=who, name=who, text="x", at=1_794_942_300 + n * 30_000)
        for n, who in enumerate(("customer", "assistant", "customer", "assistant"))
    )
    found = view(_lead(lines=lines), SHOP, MailContext()).transcript

    assert [(turn.day, turn.time) for turn in found.turns] == [
        ("Tue, Nov 17", "11:05 AM"), ("", "7:25 PM"), ("Wed, Nov 18", "3:45 AM"), ("", "12:05 PM"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "New chat lead: 2015 Ford - Seat torn (cthr_one)"),
        ({"vehicle": None}, "New chat lead: Seat torn (cthr_one)"),
        ({"project": None}, "New chat lead: 2015 Ford (cthr_one)"),
        ({"project": "Torn 2015 ford seat"}, "New chat lead: Torn 2015 ford seat (cthr_one)"),
        (
            {"vehicle": "Ford", "project": "My Ford's seat"},
            "New chat lead: My Ford's seat (cthr_one)",
        ),
        (
            {"vehicle": "丰田凯美瑞", "project": "修丰田凯美瑞的座椅"},
            "New chat lead: 修丰田凯美瑞的座椅 (cthr_one)",
        ),
        (
            {"vehicle": "Ford", "project": "Can't afford new"},
            "New chat lead: Ford - Can't afford new (cthr_one)",
        ),
        ({"vehicle": None, "project": " "}, "New chat lead: Title of the chat (cthr_one)"),
        (
            {"vehicle": "see evil.com\r\nBcc: x"},
            "New chat lead: see evil[.]com Bcc: x - Seat torn (cthr_one)",
        ),
    ],
)  # fmt: skip
def test_the_subject_names_vehicle_and_project_else_the_title(
    changes: dict[str, str | None], expected: str
) -> None:
    summary = Summary(**{"vehicle": "2015 Ford", "project": "Seat torn", **changes})
    lead = _lead(summary=summary, thread_id="cthr_one", title="Title of the chat")

    assert subject(lead, ENGLISH, possible_duplicate=False) == expected


def test_the_subject_is_short_before_the_id_with_every_prefix() -> None:
    summary = Summary(vehicle="v" * 300, project="word " * 60)
    lead = _lead(kind="partial", summary=summary, thread_id="cthr_" + "a" * 128)
    found = subject(lead, ENGLISH, possible_duplicate=True)

    assert found.startswith("(possible copy) Partial lead: New chat lead: vvv")
    assert found.endswith(f" ({lead.thread_id})")
    assert len(found.removesuffix(f"({lead.thread_id})")) <= LONGEST_BEFORE_ID


def test_without_anything_to_say_the_subject_still_reads_well() -> None:
    lead = _lead(summary=Summary(), title="", thread_id="cthr_one")

    assert subject(lead, ENGLISH, possible_duplicate=False) == "New chat lead (cthr_one)"


def test_the_summary_chooses_among_the_contacts_but_makes_none() -> None:
    def phone(value: str) -> Contact:
        return Contact(kind="phone", value=value, shown=value, item_id="i", start=0, end=1)

    contacts = (phone("+14085550001"), phone("+14085550002"))
    chosen = _lead(contacts=contacts, summary=Summary(customer_phone="+14085550002"))
    made_up = _lead(contacts=contacts, summary=Summary(customer_phone="+19995550000"))

    assert reach(chosen).phone == contacts[1]
    assert reach(made_up).phone == contacts[0]


async def test_whatever_else_they_gave_stands_at_a_glance() -> None:
    def phone(number: int, doubt: str = "") -> Contact:
        value = f"+1408555{number:04}"
        return Contact(
            kind="phone", value=value, shown=value, item_id="i", start=0, end=1, doubt=doubt
        )

    two = _lead(contacts=(phone(1), phone(2, "asked not to be called")), photos=())
    many = _lead(contacts=tuple(map(phone, range(9))))

    assert [(row.words.text, row.href) for row in _also_given(two)] == [
        ("+14085550002 (asked not to be called)", "tel:+14085550002")
    ]
    assert "Also given: +14085550002 (asked" in text_of(read(await _mail(two)))
    assert [row.words.text for row in _also_given(many)] == [
        *(f"+1408555{number:04}" for number in range(1, 5)), "4 more, see the transcript",
    ]  # fmt: skip
    assert _also_given(_lead()) == []


def _also_given(lead: LeadSnapshot) -> list[Row]:
    glance = view(lead, SHOP, MailContext()).glance
    return [row for row in glance if row.label == "Also given"]


def test_every_rung_calls_the_one_that_the_summary_chose() -> None:
    contacts = (
        Contact(kind="phone", value="+14085550001", shown="1", item_id="i", start=0, end=1),
        Contact(kind="phone", value="+14085550002", shown="2", item_id="i", start=0, end=1),
    )
    lead = _lead(contacts=contacts, summary=Summary(customer_phone="+14085550002"))

    for rung in (Rung.FULL, Rung.WITHOUT_SUMMARY):
        call, *_ = view(lead, SHOP, MailContext(rung=rung)).buttons
        assert call.href == "tel:+14085550002"


async def test_a_text_is_drafted_only_where_it_can_be_sent() -> None:
    email = Contact(kind="email", value="a@b.co", shown="a@b.co", item_id="i", start=0, end=1)
    for_email = read(await _mail(_lead(contacts=(email,), photos=())))

    assert "Text message" not in text_of(for_email) + html_of(for_email)
    assert "Text message:" in text_of(read(await _mail(_lead(photos=()))))


@pytest.mark.parametrize(
    ("rung", "source", "notices"),
    [
        (Rung.FULL, "model", []),
        (Rung.FULL, "rules", ["Summary unavailable"]),
        (Rung.WITHOUT_SUMMARY, "rules", ["Summary left out"]),
        (Rung.WITHOUT_SUMMARY, "model", ["Summary left out"]),
    ],
)
def test_facts_are_spoken_of_only_where_there_are_some(
    rung: Rung, source: str, notices: list[str]
) -> None:
    lead = _lead(summary=msgspec.structs.replace(_lead().summary, source=source), photos=())

    found = view(lead, SHOP, MailContext(rung=rung)).notices

    assert [notice.partition(":")[0] for notice in found] == notices


@pytest.mark.parametrize("lang", ["es", "en"])
def test_words_say_which_language_they_are_in(lang: str) -> None:
    spanish = msgspec.structs.replace(SHOP, languages=("es", "en"))
    summary = msgspec.structs.replace(_lead().summary, language=lang, call_script_prompts=())

    found = view(_lead(summary=summary), spanish, MailContext())

    assert {found.summary.lang, *(step.lang for step in found.next_steps)} == {lang}
    assert {line.lang for line in found.questions} == {lang}
    assert {line.lang for line in found.script} == {"es"}, "the shop's own"


async def test_an_extension_cannot_be_texted_and_without_an_address_of_ours_nobody_can() -> None:
    desk = Contact(
        kind="phone", value="+14085550177;ext=12", shown="(408) 555-0177 ext. 12",
        item_id="i", start=0, end=1,
    )  # fmt: skip
    with_extension = text_of(read(await _mail(_lead(contacts=(desk,), photos=()))))
    local = text_of(read(await _mail(_lead(photos=()), url="")))

    assert "Call customer: (408) 555-0177 ext. 12" in with_extension
    assert "Text customer" not in with_extension
    assert "Text customer" not in local


async def test_a_doubtful_address_gets_no_reply_header() -> None:
    doubtful = read(await _mail(read_snapshot("arabic_doubtful_email")))

    assert doubtful["Reply-To"] is None


def test_every_language_of_the_chat_has_a_greeting_that_names_the_shop() -> None:
    for tag, greeting in GREETINGS.items():
        said = greeting.text(shop="Craig's", phone="(408) 555-0142", name="Ana", about="Civic")
        assert "Craig's" in said, tag
        assert "(408) 555-0142" in said, tag
        assert "(Civic)" in said, tag
        assert "{" not in said + greeting.subject.format(shop="x")
    assert set(GREETINGS) >= set(SHOP.languages)
    for asked, found in {
        "zh-HK": "zh-TW",
        "zh": "zh-CN",
        "zh-SG": "zh-CN",
        "pt-PT": "pt-BR",
    }.items():
        assert greeting_for(asked)[0] == found
    assert greeting_for("de") == ("en", GREETINGS["en"])


def test_a_draft_without_a_model_greets_in_the_customers_language() -> None:
    found = drafts(Summary(customer_name="José"), SHOP, "es-MX", reach(_lead()))

    assert found.message.text.startswith("Hola José, le escribe Craig's")
    assert found.message.lang == "es"
    assert found.email_body.text.endswith(
        "Craig's Auto Upholstery\n(408) 555-0142\n271 Bestor St, San Jose, CA 95112"
    )


@pytest.mark.parametrize(
    ("said", "locale", "tag"),
    [
        ("Spanish", "en", "es"), ("español", "", "es"), ("zh", "en", "zh"),
        ("", "zh-hans", "zh-CN"), ("Klingon!", "ar", "ar"), ("", "", "en"),
        ("Brazilian Portuguese", "", "pt-BR"),
        ('x" onload="y', "", "en"),
    ],
)  # fmt: skip
def test_the_language_comes_from_the_summary_then_the_page(
    said: str, locale: str, tag: str
) -> None:
    assert language_tag(said, locale) == tag


def test_direction_follows_the_first_letter() -> None:
    assert direction("... 12 مرحبا abc") == "rtl"
    assert direction("abc مرحبا") == "ltr"
    assert direction("12 - 3") == "ltr"


def test_english_that_begins_with_an_arabic_name_reads_as_english() -> None:
    said = "أحمد (writes Arabic) got in touch about their 2014 Toyota Camry."

    assert direction(said, "en") == "ltr"
    assert direction(said, "ar") == "rtl"
    assert direction("مقعد السائق في Camry ممزق", "en") == "rtl", "the language was guessed wrong"


def test_the_need_names_the_vehicle_once() -> None:
    said = Summary(vehicle="2016 Honda Civic", project="The seat of my 2016 Honda Civic is torn")
    apart = Summary(vehicle="2016 Honda Civic", project="Torn seat")

    assert view(_lead(summary=said), SHOP, MailContext()).need.text == said.project
    assert (
        view(_lead(summary=apart), SHOP, MailContext()).need.text == "2016 Honda Civic - Torn seat"
    )


def test_a_vehicle_is_named_once_however_it_is_spelled() -> None:
    said = Summary(vehicle="2012 Ford F-150", project="Tapizar los asientos de mi Ford F150 2012?")

    assert view(_lead(summary=said), SHOP, MailContext()).need.text == said.project


def test_a_need_that_nobody_found_is_what_they_said_beside_their_number() -> None:
    summary, number = Summary(vehicle="72 Chevelle"), "or text me at my number 408-555-0123"
    lines = (_line("hi", 1), _line("the dog got into the back", 2), _line(number, 3))
    phone = Contact(kind="phone", value="+1", shown="1", item_id="i3", start=0, end=1)
    lead = _lead(summary=summary, lines=lines, contacts=(phone,))

    assert view(lead, SHOP, MailContext()).need.text == "72 Chevelle - the dog got into the back"


@pytest.mark.parametrize(("item", "is_asked"), [("sofa", False), (None, True)])
def test_the_call_script_asks_for_no_vehicle_where_the_item_is_known(
    item: str | None, *, is_asked: bool
) -> None:
    summary = Summary(item=item, project="The cushion is torn", summary="A customer.")

    asked = view(_lead(summary=summary), SHOP, MailContext()).script[0].text

    assert ("vehicle or item" in asked) is is_asked


def test_what_the_shop_says_on_every_call_is_no_question() -> None:
    found = view(_lead(summary=Summary(summary="A customer.")), SHOP, MailContext())

    assert len(found.script) == 3
    assert not {line.text for line in found.questions} & {*SHOP.call_script}


@pytest.mark.parametrize(
    ("mail", "gist"),
    [
        ("vietnamese", "A brown three-seat sofa is torn"),
        ("english_photos", ""),
        ("spanish_shop", ""),
    ],
)
def test_what_the_shop_cannot_read_is_told_in_its_language_on_the_first_screen(
    mail: str, gist: str
) -> None:
    lead = read_snapshot(mail)
    found = view(lead, SHOPS.by_slug[lead.shop], MailContext()).gist
    assert found.text.startswith(gist)
    assert bool(found) is bool(gist)


async def test_a_mail_that_carries_no_photos_links_them_and_says_which_never_came() -> None:
    broken, *others = read_snapshot("english_photos").photos
    broken = msgspec.structs.replace(broken, failed="too_large", blob_key="")
    body = await _mail(_lead(photos=(broken, *others)), Rung.WITHOUT_ATTACHMENTS)
    text = text_of(read(body))
    assert "Photos: 3\n" in text
    assert "0 of 3 shown" in text
    assert text.count("view=original") == len(others)
    assert f"Ask for the photo {broken.name} again: it is too large." in text


async def test_a_mail_without_summary_asks_for_nothing_that_was_said() -> None:
    assert "Ask for their name" not in text_of(read(await _mail(_lead(), Rung.WITHOUT_SUMMARY)))
    nobody = msgspec.structs.replace(read_snapshot("english_photos").summary, customer_name=None)
    assert "Ask for their name" in text_of(read(await _mail(_lead(summary=nobody))))
