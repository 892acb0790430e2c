"""A model's words stay only as far as the conversation bears them out."""

# ruff: noqa: RUF001 - full-width forms are what is read

from __future__ import annotations

import time
from itertools import count

import pytest
from msgspec.structs import replace

from libs.conversations.port import Conversation, Item
from libs.leads.snapshot import Line, Summary
from services.lead.contact.extract import contacts
from services.lead.fakes import EMPTY, NOTHING_STATED
from services.lead.ports import Draft
from services.lead.summary import facts, rules
from services.lead.summary.checked import checked
from services.lead.summary.grounding import cleaned, grounds_in, grounds_of_shop, title_of
from services.lead.summary.stated import Wording, stated
from services.lead.transcript import Subject, for_model, lines_of
from tests.unit.lead.world import NOW, PROFILE

TALK = (
    ("assistant", "Hi, I'm Roxana. What can we fix?"),
    ("customer", "Hola, soy Ana Ruiz. My 2016 Honda Civic driver seat is ripped, budget is $450"),
    ("assistant", "What is your phone?"),
    ("customer", "408-555-0123 or ana@example.com, see https://photos.example/ana"),
    ("note", "Internal: call 408-555-0777"),
)


def subject(*talk: tuple[str, str]) -> Subject:
    numbers = count(1)
    items = tuple(
        Item(id=f"i{next(numbers)}", speaker=speaker, text=text, at=NOW)  # type: ignore[arg-type]
        for speaker, text in talk or TALK
    )
    conversation = Conversation(thread_id="cthr_x", visitor="v", title="", items=items)
    lines = lines_of(conversation, PROFILE)
    return Subject(
        conversation=conversation, lines=lines, contacts=contacts(lines, PROFILE), profile=PROFILE
    )


def check(draft: Draft, *talk: tuple[str, str]) -> Summary:
    about = subject(*talk)
    found = facts.find(about.lines, PROFILE)
    by_rule = rules.summarize(found, about)
    return checked(draft, for_model(about.lines), about, by_rule)[0]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Call (408) 555-0123.", True),
        ("Call +1 408 555 0123.", True),
        ("Call 0014085550123.", True),
        ("Call 408-555-0124.", False),
        ("Call 408-555-0123 ext. 9.", False),
        ("Call 408-555-0123 x 0123.", False),
        ("Call 1-900-408-555-0123.", False),
        ("Call our shop at (408) 555-0142.", True),
        ("Write to ANA@example.com.", True),
        ("Write to not-ana@example.com.", False),
        ("See photos.example/ana.", True),
        ("See photos.example/other.", False),
        ("See craigs.autos.", True),
        ("Their budget is 450 dollars.", True),
        ("We said $4500.", False),
        ("It costs $2016.", False),
        ("It costs $400 - $450.", False),
    ],
)
def test_only_what_was_said_is_repeated(text: str, *, kept: bool) -> None:
    about = subject()
    grounds = grounds_in(for_model(about.lines), about)

    result = cleaned(text, grounds)

    assert (result.text == text) is kept
    assert bool(result.removed) is not kept


NO_MONEY = (
    ("assistant", "What can we fix?"),
    ("customer", "Bought it 20 years ago, a Silverado 1500. Call 408-555-0199. It has 300 miles."),
    ("customer", "Need a quote for 2 seats, suite 450"),
)
MONEY = (
    ("customer", "My budget is 900 for the Silverado 1500, 2 seats, call 408-555-0199"),
    ("assistant", "Would 1,250 dollars be too much?"),
    ("customer", "1100 at most"),
    ("note", "Internal price 77"),
)


@pytest.mark.parametrize(("extension", "kept"), [("12", True), ("13", False)])
def test_an_extension_is_repeated_as_it_was_said(extension: str, *, kept: bool) -> None:
    about = subject(("customer", "Ana, 408-555-0123 ext 12, my seat is torn"))
    text = f"Call (408) 555-0123 x{extension}."

    for grounds in (
        grounds_in(for_model(about.lines), about),
        grounds_of_shop(about.contacts, PROFILE),
    ):
        assert (cleaned(text, grounds).text == text) is kept


@pytest.mark.parametrize(
    "text",
    ["It costs $20.", "The seats are $300 each.", "We charge $555.", "That is $408.", "It is $450.",
     "They pay $1500.", "They pay $199.", "The price is $2."],
)  # fmt: skip
def test_numbers_that_count_something_else_ground_no_price(text: str) -> None:
    about = subject(*NO_MONEY)

    assert not cleaned(text, grounds_in(for_model(about.lines), about)).text


@pytest.mark.parametrize(
    ("sum_of_money", "said"),
    [("$900", True), ("$1,250", True), ("1100 dollars", True), ("$1500", False), ("$2", False),
     ("$555", False), ("$77", False), ("$199", False)],
)  # fmt: skip
def test_sums_are_grounded_where_money_is_spoken_of(sum_of_money: str, *, said: bool) -> None:
    about = subject(*MONEY)

    kept = cleaned(f"They named {sum_of_money}.", grounds_in(for_model(about.lines), about)).text

    assert bool(kept) is said


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("客户想翻新座椅，车是本田思域（2016年）。请回电：408-555-0123！", ""),
        ("客户想翻新座椅，请付＄５００！车是本田思域。", "车是本田思域。"),
        (
            "座椅破了，“主驾”。请拨打９００－５５５－０１９９。谢谢，再见。",
            "座椅破了，“主驾”。 谢谢，再见。",
        ),
        ("シートが破れた、ﾊﾟｲﾋﾟﾝｸﾞも。見るのはｅｖｉｌ．ｃｏｍで。", "シートが破れた、ﾊﾟｲﾋﾟﾝｸﾞも。"),
        (
            "⑴ Torn seat ½ off the frame… ⑵ Call ⑼⓪⓪⑤⑤⑤⓪①⑨⑨!\nThe ﬁrst row™, 2 m².",
            "The ﬁrst row™, 2 m².",
        ),
    ],
)
def test_the_owner_reads_what_was_written_however_it_is_scanned(written: str, read: str) -> None:
    about = subject()

    kept = cleaned(written, grounds_in(for_model(about.lines), about))

    assert kept.text == (read or written)


def test_sentence_with_a_made_up_claim_goes_as_a_whole() -> None:
    about = subject()
    grounds = grounds_in(for_model(about.lines), about)

    result = cleaned("Ana wants a quote. Send $50 to evil.com today! She has a Civic.", grounds)

    assert result.text == "Ana wants a quote. She has a Civic."
    assert sorted(result.removed) == ["price", "url"]


ORDINARY = (
    ("customer", "My name is Ana Ruiz, my 2016 Honda Civic and my '09 Ram. Twelve chairs too."),
    ("customer", "120,000 miles, 408-555-0123, by 12/20, at 4085 Main St Apt 550. Budget 450"),
)


@pytest.mark.parametrize(
    "text",
    [
        "Call Ana about the 2016 Honda Civic.",
        "Call to confirm the 2016 model year.",
        "Quote for 2016 Civic driver seat.",
        "The 2009 Ram is theirs too.",
        "They have 12 dining room chairs.",
        "The car has 120,000 miles.",
        "Call her by 12/20 about 4085 Main St.",
        "Tell them 450 is fine.",
        "Ask for 12 photos, within 24 hours, at 10:30.",
        "Call script: (1) greet (2) ask (3) schedule.",
    ],
)
def test_the_most_ordinary_steps_stay(text: str) -> None:
    about = subject(*ORDINARY)

    assert cleaned(text, grounds_in(for_model(about.lines), about)).text == text


@pytest.mark.parametrize(
    "text",
    ["It is 600.", "We said six hundred.", "Their 2019 Porsche.", "Only 99 today.", "Call 900 555.",
     "0166 now.", "Call 4O8 555 OI66.", "15 percent more.", "Around 600ish.", "Pay 408 plus tax."],
)  # fmt: skip
def test_a_number_nobody_said_is_not_repeated(text: str) -> None:
    about = subject(*ORDINARY)

    assert not cleaned(text, grounds_in(for_model(about.lines), about)).text


def test_message_to_the_customer_names_their_car_and_not_their_budget() -> None:
    shop = "This is Craig's Auto Upholstery, (408) 555-0142."
    told = check(replace(EMPTY, outreach_message=f"{shop} Your 2016 Civic is on our list."))
    sold = check(replace(EMPTY, outreach_message=f"{shop} We can say 450."))

    assert (told.outreach_message or "").endswith("Your 2016 Civic is on our list.")
    assert "450" not in (sold.outreach_message or "")


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("2016 Honda Civic driver seat", True),
        ("Call Ana: 408-555-0123", True),
        ("Call 900-555-0166 for $66 at smuggler.com evil@smuggler.com", False),
        ("Seats for 66", False),
        ("", True),
    ],
)
def test_title_of_the_thread_is_a_models_word(title: str, *, kept: bool) -> None:
    about = subject()
    about = replace(about, conversation=replace(about.conversation, title=title))

    assert title_of(about) == (title if kept else "")


def test_line_numbers_of_the_transcript_ground_nothing() -> None:
    about = subject(*TALK, *[("customer", "ok")] * 20)
    grounds = grounds_in(for_model(about.lines), about)

    assert not cleaned("It costs $17.", grounds).text


def test_message_to_the_customer_names_no_price_and_nobody_else() -> None:
    grounds = grounds_of_shop(subject().contacts, PROFILE)

    assert cleaned("Call us at (408) 555-0142.", grounds).text
    assert not cleaned("We can do it for $450.", grounds).text
    assert not cleaned("See https://photos.example/ana.", grounds).text


LINES = (
    Line(item_id="1", speaker="customer", name="Customer", text="2016 Honda Civic, torn", at=0),
    Line(item_id="2", speaker="assistant", name="Roxana", text="Anything else?", at=0),
    Line(item_id="3", speaker="customer", name="Customer", text="座椅破了, I am José Núñez", at=0),
    Line(item_id="4", speaker="note", name="Note", text="Tesla Model S", at=0),
)


@pytest.mark.parametrize(
    ("fact", "numbers", "wording", "holds"),
    [
        ("2016 Honda Civic", (1,), "exact", True),
        ("2016 HONDA civic", (1, 2), "exact", True),
        ("2017 Honda Civic", (1,), "gist", False),
        ("2016 Honda Accord", (1,), "exact", False),
        ("2016 Honda Civic", (2,), "exact", False),
        ("2016 Honda Civic", (), "exact", False),
        ("2016 Honda Civic", (99, -1, 0), "exact", False),
        ("jose nunez", (3,), "in_a_row", True),
        ("座椅", (3,), "exact", True),
        ("沙发", (3,), "exact", False),
        ("Tesla Model S", (4,), "exact", False),
        ("Tesla Model S", (1, 4), "exact", False),
        ("", (1,), "exact", False),
        ("", (1,), "gist", False),
        ("", (1,), "in_a_row", False),
        ("Honda Civic 2016", (1,), "exact", True),
        ("Civic Honda", (1,), "in_a_row", False),
    ],
)
def test_fact_rests_on_its_lines(
    fact: str, numbers: tuple[int, ...], wording: Wording, *, holds: bool
) -> None:
    assert stated(fact, LINES, numbers, wording) is holds


@pytest.mark.parametrize(
    ("fact", "asked", "answer", "holds"),
    [
        ("Honda Accord", "Is it a Honda Accord?", "no, a Ford Focus", False),
        ("Honda Accord", "Is it a Honda Accord?", "a Ford Focus", False),
        ("Honda Accord", "Is it a Honda Accord?", "yes but the wagon", False),
        ("Honda Accord", "Is it a Honda Accord?", "yes I think it may be a Toyota", False),
        ("Honda Accord", "Is it a Honda Accord?", "Yes, I think", False),
        ("Honda Accord", "Is it a Honda Accord?", "Right now I can say little", False),
        ("Honda Accord", "Is it a Honda Accord?", "Right now I don\u2019t know", False),
        ("Honda Accord", "Is it a Honda Accord?", "sure isn't", False),
        ("Honda Accord", "Is it a Honda Accord or a Camry?", "right, the second", False),
        ("Honda Accord", "Is it a Honda Accord?", "yes it is, thanks", True),
        ("Honda Accord", "Is it a Honda Accord?", "Yes!", True),
        ("Honda Accord", "¿Es un Honda Accord?", "Sí, ese", True),
        ("本田思域", "是本田思域吗?", "是的", True),
        ("혼다 시빅", "혼다 시빅인가요?", "네 맞아요", True),
        ("Juan Martinez", "Name?", "Juan Martin", False),
        ("Juan Martin", "Name?", "Juan Martin", True),
        ("Juan", "Name?", "Juana", False),
        ("Santana", "Where?", "Santa Clara", False),
        ("F-150", "What car?", "a F150", True),
        ("혼다 시빅", "What car?", "혼다 시빅이에요", True),
        ("田本", "What car?", "本田", False),
    ],
)
def test_fact_is_exactly_what_the_customer_said_or_said_yes_to(
    fact: str, asked: str, answer: str, *, holds: bool
) -> None:
    lines = subject(("assistant", asked), ("customer", answer)).lines

    assert stated(fact, lines, (1, 2), "exact") is holds


CONFIRMED = "2014 Tacoma"
SEAT = "Is it the 2014 Tacoma passenger seat?"


@pytest.mark.parametrize(
    ("fact", "asked", "answer", "holds"),
    [
        (CONFIRMED, "So that's the 2014 Tacoma, right? What's the best phone or email for you?",
         "Yes, 408-555-0123", True),
        (CONFIRMED, "A 2014 Tacoma, got it. May I have your name and a phone number or email?",
         "Yes. Carl, 408-555-0123", True),
        (CONFIRMED, "¿Es la Tacoma 2014? ¿Me da su teléfono o correo?", "sí, 408-555-0123", True),
        (CONFIRMED, SEAT, "yes thats the one", True),
        (CONFIRMED, SEAT, "yeah my number is 408-555-0123", True),
        (CONFIRMED, SEAT, "Yes I need it by Friday", True),
        (CONFIRMED, SEAT, "Yes. I may come by Friday, 408-555-0123", True),
        ("Tacoma 2014", "¿Es el asiento del conductor de la Tacoma 2014?", "sí ese mero", True),
        ("2019 Honda Accord", "Is it the 2019 Honda Accord driver seat?",
         "yes and also the passenger one", True),
        (CONFIRMED, SEAT, "yes maybe", False),
        (CONFIRMED, SEAT, "Yes. Actually a Tundra", False),
        (CONFIRMED, "Is it the 2014 Tacoma? Or a Tundra?", "yes the second", False),
        (CONFIRMED, "Is it the 2014 Tacoma or a Tundra? Your phone or email?", "Yes, 408", False),
    ],
)  # fmt: skip
def test_yes_confirms_though_more_is_asked_and_answered(
    fact: str, asked: str, answer: str, *, holds: bool
) -> None:
    lines = subject(("assistant", asked), ("customer", answer)).lines

    assert stated(fact, lines, (1, 2), "exact") is holds


DICTATED = (
    "I need it by Friday. Repair the torn driver seat of my 2016 Honda Civic, no rush on the rest.",
    "I live in San Jose, my name is Ana Ruiz. It is not Bob.",
    "主驾座椅破了，想换真皮，下周要",
)


@pytest.mark.parametrize(
    ("fact", "wording", "holds"),
    [
        ("by Friday", "gist", True),
        ("needed by Friday", "gist", True),
        ("I need it by Monday", "gist", False),
        ("I need it by Friday next month", "gist", False),
        ("Repair torn driver seat", "gist", True),
        ("Repairing the torn driver's seat", "gist", True),
        ("Repair the torn passenger seat", "gist", False),
        ("Repair the torn driver seat and headliner", "gist", False),
        ("Do not repair the torn driver seat", "gist", False),
        ("Repair the two torn driver seats", "gist", False),
        ("换真皮座椅", "gist", True),
        ("座椅很好不用换", "gist", False),
        ("副驾座椅换布", "gist", False),
        ("主驾座椅不想换真皮", "gist", False),
        ("下周", "gist", True),
        ("下个月要", "gist", False),
        ("Ana Ruiz", "in_a_row", True),
        ("San Jose", "in_a_row", True),
        ("Jose Ruiz", "in_a_row", False),
        ("Ana Honda", "in_a_row", False),
        ("San Ana", "in_a_row", False),
        ("Bob", "in_a_row", False),
    ],
)
def test_a_fact_that_its_lines_contradict_is_not_stated(
    fact: str, wording: Wording, *, holds: bool
) -> None:
    lines = subject(*(("customer", text) for text in DICTATED)).lines

    assert stated(fact, lines, (1, 2, 3), wording) is holds


def test_a_paraphrase_that_a_shop_expects_is_stated() -> None:
    lines = subject(("customer", "the driver seat is torn, I want it replaced")).lines

    assert stated("replace torn driver seat", lines, (1,), "gist")


def test_grounded_draft_is_kept_word_for_word() -> None:
    evidence = replace(NOTHING_STATED, customer_name=(2,), vehicle=(2,), project=(2,))
    draft = replace(
        EMPTY, customer_name="Ana Ruiz", vehicle="2016 Honda Civic", project="driver seat ripped",
        evidence=evidence, summary="Ana has a ripped driver seat.", handoff_ready=True,
        next_steps=("Call Ana.",), call_script_prompts=("One?", "Two?", "Three?"),
        outreach_message="Hola Ana, this is Craig's Auto Upholstery, (408) 555-0142.",
    )  # fmt: skip

    summary = check(draft)

    assert (summary.customer_name, summary.vehicle) == ("Ana Ruiz", "2016 Honda Civic")
    assert summary.project == "driver seat ripped"
    assert summary.call_script_prompts == ("One?", "Two?", "Three?")
    assert summary.outreach_message == draft.outreach_message
    assert (summary.removed, summary.source) == (0, "model")


def test_fact_without_its_lines_gives_way_to_what_the_rules_found() -> None:
    draft = replace(EMPTY, vehicle="2020 Tesla Model S", customer_name="Bob", project="new paint")

    summary = check(draft)

    assert summary.vehicle == "2016 Honda Civic"
    assert summary.customer_name == "Ana Ruiz"
    assert summary.project
    assert "paint" not in summary.project


def test_model_chooses_among_the_contacts_found_and_no_others() -> None:
    chosen = check(replace(EMPTY, customer_phone="(408) 555 0123"))
    made_up = check(replace(EMPTY, customer_phone="+1 900 555 0199", customer_email="x@evil.com"))

    assert (chosen.customer_phone, chosen.removed) == ("+14085550123", 0)
    assert made_up.customer_phone == "+14085550123"
    assert made_up.customer_email == "ana@example.com"
    assert made_up.removed == 2


def test_what_is_removed_is_counted_everywhere() -> None:
    bad = "Pay $99 at evil.com."
    draft = replace(
        EMPTY, summary=bad, next_steps=(bad, "Call Ana."), follow_up_questions=(bad,),
        call_script_prompts=(bad, bad, "Ask about foam."), missing_info=(bad,),
        outreach_message=bad,
    )  # fmt: skip

    summary = check(draft)

    assert summary.removed == 14
    assert summary.next_steps == ("Call Ana.",)
    assert summary.follow_up_questions == summary.missing_info == ()
    assert len(summary.call_script_prompts) == 3
    assert summary.call_script_prompts[0] == "Ask about foam."
    assert "evil" not in repr(summary)
    assert summary.outreach_message
    assert "Craig" in summary.outreach_message


def test_message_that_does_not_name_the_shop_is_ours_instead() -> None:
    """By the facts that were accepted, also where rules alone would not have found them."""
    evidence = replace(NOTHING_STATED, customer_name=(2,), vehicle=(2,))
    draft = replace(
        EMPTY, outreach_message="Hi, call me.", customer_name="Ana", vehicle="Honda",
        evidence=evidence,
    )  # fmt: skip

    written = check(draft).outreach_message or ""

    assert "(408) 555-0142" in written
    assert "Hi Ana, " in written
    assert "(Honda)" in written


def test_rule_makes_ready_what_the_model_found_wanting() -> None:
    summary = check(replace(EMPTY, handoff_reason="missing_vehicle_context"))

    assert (summary.handoff_ready, summary.handoff_reason) == (True, "ready_for_follow_up")


def test_model_cannot_make_ready_what_has_no_contact() -> None:
    summary = check(replace(EMPTY, handoff_ready=True), ("customer", "My seat is torn"))

    assert not summary.handoff_ready


def test_model_that_misses_the_contact_gives_the_rules_reason() -> None:
    missed = check(replace(EMPTY, handoff_reason="missing_contact"), ("customer", "408-555-0123"))
    made_up = check(replace(EMPTY, handoff_reason="missing_vehicle_context"), ("customer", "Hi"))

    assert missed.handoff_reason == "missing_project_details"
    assert made_up.handoff_reason == "missing_contact"


def test_a_models_words_are_in_the_shops_own_language() -> None:
    about = subject()
    spanish = replace(about, profile=replace(PROFILE, languages=("es", "en")))

    summary, _ = checked(EMPTY, "", spanish, Summary())

    assert summary.language == "es"


def test_absurd_language_is_not_believed() -> None:
    absurd = check(replace(EMPTY, customer_language="<script>1</script>"), ("customer", "zzz"))
    address = check(replace(EMPTY, customer_language="evil at evil dot com"), ("customer", "zzz"))
    run_together = check(replace(EMPTY, customer_language="evilATevilDOTcom"), ("customer", "zzz"))
    unknown_to_us = check(replace(EMPTY, customer_language="Thai"), ("customer", "สวัสดี"))

    assert absurd.customer_language is address.customer_language is None
    assert run_together.customer_language is None
    assert unknown_to_us.customer_language == "Thai"


def test_model_is_believed_about_the_language_unless_the_letters_speak_against_it() -> None:
    german = "Der Fahrersitz in meinem VW ist gerissen. Es ist ein Golf. 408-555-0123"
    told = check(replace(EMPTY, customer_language="German"), ("customer", german))
    untold = check(EMPTY, ("customer", german))
    transcribed = check(replace(EMPTY, customer_language="Hindi"), ("customer", "seat phat gayi"))
    against = check(replace(EMPTY, customer_language="Spanish"), ("customer", "座椅破了"))

    assert (told.customer_language, untold.customer_language) == ("German", "German")
    assert transcribed.customer_language == "Hindi"
    assert against.customer_language == "Chinese"


def test_a_huge_conversation_is_read_as_far_as_the_model_read_it() -> None:
    talk = [("customer", "budget $450 and 1,200 dollars for 2 seats " * 380)] * 100
    about = subject(("customer", "I pay $777"), *talk, ("customer", "or 888 dollars"))
    about = replace(about, conversation=replace(about.conversation, title="2016 Honda Civic seat"))

    began = time.process_time()
    title_of(about)
    grounds = grounds_in(for_model(about.lines), about)

    assert time.process_time() - began < 1.0
    assert {"450", "777", "888", "1200"} <= grounds.prices
