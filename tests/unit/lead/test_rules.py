"""The summary without a model, in the languages that customers write."""
# ruff: noqa: RUF001 - they do

from __future__ import annotations

import time

import msgspec
import pytest
from msgspec.structs import replace

from libs.conversations.port import Attachment, Conversation, Item
from libs.languages import NAMES, NAMES_IN
from libs.leads.snapshot import Contact, Line, Summary
from libs.shops.profile import ShopProfile
from services.lead.contact.extract import contacts
from services.lead.summary.facts import find
from services.lead.summary.phrases import PHRASES, phrases_for
from services.lead.summary.rules import summarize
from services.lead.summary.vehicles import vehicle_in
from services.lead.transcript import Subject
from tests.unit.lead.world import PROFILE

PHONE = Contact(
    kind="phone", value="+14085550123", shown="(408) 555-0123", item_id="1", start=0, end=1
)


def said(*texts: str) -> tuple[Line, ...]:
    """Customer lines; a text that begins with `?` is the assistant's."""
    return tuple(
        Line(
            item_id=str(number),
            speaker="assistant" if text.startswith("?") else "customer",
            name="",
            text=text.removeprefix("?"),
            at=0,
        )
        for number, text in enumerate(texts)
    )


SPANISH_SHOP = replace(PROFILE, languages=("es", "en"))
SENT = {
    "photo": Attachment(id="att_1", name="seat.jpg", mime_type="image/jpeg"),
    "another": Attachment(id="att_2", name="back.heic", mime_type="image/heic"),
    "pdf": Attachment(id="att_3", name="quote.pdf", mime_type="application/pdf"),
    "other": Attachment(id="cfile_4", name="list.txt", mime_type="text/plain"),
}


def summary_of(
    lines: tuple[Line, ...],
    contacts: tuple[Contact, ...] = (PHONE,),
    *,
    profile: ShopProfile = PROFILE,
    sent: tuple[Attachment, ...] = (),
) -> Summary:
    item = Item(id="0", speaker="customer", text="", at=0, attachments=sent)
    conversation = Conversation(thread_id="cthr_1", visitor="v_1", title="", items=(item,))
    subject = Subject(conversation=conversation, lines=lines, contacts=contacts, profile=profile)
    return summarize(find(lines, profile), subject)


@pytest.mark.parametrize(
    ("text", "vehicle"),
    [
        ("I have a 2016 honda civic with a torn seat", "2016 Honda Civic"),
        ("my '67 Mustang", "67 Mustang"),
        ("bmw 330i 2015", "2015 BMW 330i"),
        ("It's a Toyota Camry 2012, driver's seat", "2012 Toyota Camry"),
        ("2010 Kia Telluride SX", "2010 Kia Telluride"),
        ("I drive a Chevy", "Chevrolet"),
        ("VW Bus 1972", "1972 Volkswagen Bus"),
        ("2003年本田", "2003 Honda"),
        ("我的2018款特斯拉Model 3座椅破了", "2018 Tesla Model 3"),
        ("我有一辆2012年丰田凯美瑞", "2012 Toyota Camry"),
        ("2015年のホンダフィットの運転席シートが破れました", "2015 Honda Fit"),
        ("2017 현대 소나타 운전석 시트", "2017 Hyundai Sonata"),
        ("أريد تنجيد مقاعد سيارتي تويوتا كامري 2016", "2016 Toyota Camry"),
        ("سيارتي هوندا أكورد موديل 2010", "2010 Honda Accord"),
        ("मेरी होंडा सिविक 2014 की सीट फट गई है", "2014 Honda Civic"),
        ("у меня Тойота Камри 2012", "2012 Toyota Camry"),
        ("本田座椅破了", "Honda"),
        ("シートにフィットするカバー", ""),
        ("我2018年买的沙发", ""),
        ("电话4085550123，沙发", ""),
        ("2 ford f150 trucks", "Ford F-150"),
        ("2014 Ford Focus", "2014 Ford Focus"),
        ("98 chevy silverado", "98 Chevrolet Silverado"),
        ("grand cherokee 2018 driver seat", "2018 Grand Cherokee"),
        ("a Tesla model 3", "Tesla Model 3"),
        ("2018 Mercedes Benz C300", "2018 Mercedes-Benz C300"),
        ("tengo un Nissan Sentra 2015, asiento roto", "2015 Nissan Sentra"),
        ("my harley road king", "Harley-Davidson Road King"),
        ("we're driving to Tahoe for Thanksgiving", ""),
        ("my cabin is in Tahoe, the couch is torn", ""),
        ("we live near Lake Tahoe", ""),
        ("I'm in Malibu, CA and my chair broke", ""),
        ("moving from Tucson AZ next month", ""),
        ("coming from Sierra, my bench is ripped", ""),
        ("vivo en Colorado y mi sillón está roto", ""),
        ("vamos a Santa Fe el lunes", ""),
        ("我住在 Tacoma", ""),
        ("My name is Sierra and my couch is torn", ""),
        ("hi, I'm Mercedes, call me", ""),
        ("This is Jimmy, my boat seats are torn", ""),
        ("+84 912 345 678", ""),
        ("boat cushions x6, sun rotted", ""),
        ("all of the seats 1 2 3 are torn", ""),
        ("the driver seat in my Tahoe is torn", "Tahoe"),
        ("torn seat from a 2004 Tahoe", "2004 Tahoe"),
        ("driving my Tahoe to Tahoe", "Tahoe"),
        ("Tahoe", "Tahoe"),
        ("seats in Tahoe are cracked", "Tahoe"),
        ("2015 Tacoma, I live in Tacoma", "2015 Tacoma"),
        ("I'm from Denver with a Chevy Colorado", "Chevrolet Colorado"),
        ("my Sierra needs a headliner", "Sierra"),
        ("My name is Ana, I drive a Mercedes", "Mercedes-Benz"),
        ("it's a 1978 GMC Jimmy", "1978 GMC Jimmy"),
        ("my 911 has a torn seat", "911"),
        ("my x5, both front seats", "X5"),
        ("focus on the seats", ""),
        ("a mini van", ""),
        ("my couch from 2016", ""),
        ("call 408-555-0123 about 300 things", ""),
    ],
)
def test_vehicle_is_found_in_prose(text: str, vehicle: str) -> None:
    assert vehicle_in(text) == vehicle


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (("Hi, my name is Maria Lopez. My seat is torn",), "Maria Lopez"),
        (("my name is bob, call me",), "bob"),
        (("This is John O'Neil, my seat ripped",), "John O'Neil"),
        (("I'm looking for a quote",), ""),
        (("I'm Dave",), "Dave"),
        (("Hola, me llamo José Hernández y mi asiento está roto",), "José Hernández"),
        (("soy Ana Ruiz",), "Ana Ruiz"),
        (("Je m'appelle Claire Dubois.",), "Claire Dubois"),
        (("Meu nome é João Silva",), "João Silva"),
        (("我叫王小明，座椅破了",), "王小明"),
        (("Tôi tên là Nguyễn Văn An",), "Nguyễn Văn An"),
        (("Меня зовут Иван Петров",), "Иван Петров"),
        (("제 이름은 김민수입니다",), "김민수"),
        (("اسمي أحمد",), "أحمد"),
        (("اسمي آنا ورقم هاتفي 4085550117",), "آنا"),
        (("اسمي محمد وليد، رقمي 4085550117",), "محمد وليد"),
        (("نام من آنا و شماره من",), "آنا"),
        (("меня зовут иван и мой номер",), "иван"),
        (("मेरा नाम राज कुमार है और मेरा नंबर",), "राज कुमार"),
        (("my name is ana and my number is 4085550117",), "ana"),
        (("my name is ana my phone is 4085550117",), "ana"),
        (("my name is ana-maria - 4085550117",), "ana-maria"),
        (("me llamo ana y mi numero es 4085550117",), "ana"),
        (("mein Name ist Hans und meine Nummer",), "Hans"),
        (("我叫王小明电话是4085550117",), "王小明"),
        (("?May I have your name?", "Sara Kim"), "Sara Kim"),
        (("?¿Cuál es su nombre?", "Luis"), "Luis"),
        (("?May I have your name?", "why do you ask"), ""),
        (("?When do you need it?", "Friday"), ""),
        (
            ("?May I have your name and number?", "Daniel Whitaker, 408-555-0177. Text is fine."),
            "Daniel Whitaker",
        ),
        (
            (
                "?¿Me da su nombre y un teléfono?",
                "José Ángel Muñoz, 669 555 0123, vivo en San José",
            ),
            "José Ángel Muñoz",
        ),
        (("?How can the team reach you?", "Priya, 408 555 0188"), "Priya"),
        (("?How can we reach you?", "Lena 408-555-0133, lena@example.net"), "Lena"),
        (("?How can we reach you?", "Sure, Ken, ken@example.net"), "Ken"),
        (("?您的名字和电话？", "王小明，408-555-0199"), "王小明"),
        (("?How can we reach you?", "Cell: 408-555-0133"), ""),
        (("?How can we reach you?", "Honda Civic, 408-555-0133"), ""),
        (("?How can we reach you?", "Friday. Then we talk"), ""),
        (("?How can we reach you?", "Yes, 408-555-0133"), ""),
        (("?May I have your name?", "Yes"), ""),
        (("?May I have your name?", "Well, I would rather not"), ""),
        (("?May I have your name?", "Torn seat in a Civic"), ""),
        (("?May I have your name?", "Why? I only want a price"), ""),
        (("my name is Bob", "sorry, my name is Rob Stone"), "Rob Stone"),
        (("I'm Mexican and my truck seat is torn",), ""),
        (("It's Broken. My number is 408-555-0123",), ""),
        (("This is Important. My seat is torn",), ""),
        (("This is Urgent! My seat is torn",), ""),
        (("I am Retired, looking to redo my Mustang",), ""),
        (("It's Leather.",), ""),
        (("It's Honda. Call me",), ""),
        (("It's Honda Civic.",), ""),
        (("I'm Frustrated. My seat is torn",), ""),
        (("?May I have your name?", "Driver seat"), ""),
        (("?May I have your name?", "Honda"), ""),
        (("?May I have your name?", "Leather"), ""),
        (("I'm Jared, my seat is torn",), "Jared"),
        (("This is Ahmed. My seat is torn",), "Ahmed"),
        (("I'm Manish and my seat is torn",), "Manish"),
        (("This is Mercedes, I need my couch reupholstered",), "Mercedes"),
        (("I'm Van Tran. My seat is torn",), "Van Tran"),
        (("I'm Ford Thompson. My seat is torn",), "Ford Thompson"),
        (("I'm John Burns.",), "John Burns"),
        (("My name is Rip. My seat is torn",), "Rip"),
        (("Hi, it's Bob. My seat is torn",), "Bob"),
        (("I'm Mexican.", "I'm Luis."), "Luis"),
        (("I'm Luis.", "It's Broken."), "Luis"),
        (("My name is Ana. My seat is torn",), "Ana"),
        (("My name is Ana. I have a 2014 Civic",), "Ana"),
        (("Me llamo Ana. Mi asiento está roto",), "Ana"),
        (("My name is Ana Lopez. The seat is torn",), "Ana Lopez"),
        (("My name is Ana My seat is torn",), "Ana"),
        (("My name is J. My seat is torn",), ""),
        (("My name is Dr. Maria O'Neil-Smith, torn seat",), "Dr. Maria O'Neil-Smith"),
        (("My name is J. R. Smith. My seat is torn",), "J. R. Smith"),
        (("My name is A.J. My seat is torn",), "A.J"),
        (("This is Mrs. Kim. My seat is torn",), "Mrs. Kim"),
        (("My name is Maria De La Cruz. It is torn",), "Maria De La Cruz"),
        (("My name is Tan Nguyen",), "Tan Nguyen"),
        (("?What is your name?", "Tan Tran, 408-555-0123"), "Tan Tran"),
        (("?What is your name?", "Gray Davis"), "Gray Davis"),
        (("I'm Gray Davis.",), "Gray Davis"),
        (("?What is your name?", "Gray"), "Gray"),
        (("my name is Red",), "Red"),
        (("I'm Big Mike",), "Big Mike"),
        (("my name is Brown",), "Brown"),
        (("I'm Mike Carroll, my seat is torn",), "Mike Carroll"),
        (("?What is your name?", "Maria Carroll, 408-555-0123"), "Maria Carroll"),
        (("?What is your name?", "Maria Couch"), "Maria Couch"),
        (("I'm Benchley.",), "Benchley"),
        (("I'm Burns.",), "Burns"),
        (("I'm Punit.",), "Punit"),
        (("I'm Punitha.",), "Punitha"),
        (("?What is your name?", "Punitha Raj"), "Punitha Raj"),
        (("It's Leaking.",), ""),
        (("It's Soft Top.",), ""),
        (("?May I have your name?", "Black leather"), ""),
        (("?May I have your name?", "Driver Seat"), ""),
        (("?您的名字？", "座椅破了"), ""),
    ],
)
def test_name_is_found_where_it_is_said(lines: tuple[str, ...], name: str) -> None:
    assert find(said(*lines), PROFILE).name == name


def test_a_name_is_no_vehicle() -> None:
    assert find(said("I'm John Ford, my couch is torn"), PROFILE).vehicle == ""
    assert (
        find(said("I'm John Ford. My Ford Ranger seat is torn"), PROFILE).vehicle == "Ford Ranger"
    )
    assert find(said("My name is Mercedes Lopez, torn sofa"), PROFILE).vehicle == ""


@pytest.mark.parametrize(
    ("lines", "vehicle"),
    [
        (
            ("My old Camry 2010 was totaled, now I have a 2020 RAV4 whose seat is torn",),
            "2020 RAV4",
        ),
        (
            ("I have a 2020 RAV4 with a torn seat, I used to have a 2010 Toyota Camry LE",),
            "2020 RAV4",
        ),
        (
            ("I've got a 2005 Silverado and a 1967 Mustang. The Mustang needs full interior",),
            "1967 Mustang",
        ),
        (
            ("I've got a 2005 Silverado and a 1967 Mustang", "the Mustang seat is torn"),
            "1967 Mustang",
        ),
        (("I drive a Kia. Can you fix the seat? I saw a Tesla Model 3 at your shop",), "Kia"),
        (("my neighbor's 2015 Mercedes C300 was done by you. Mine is a Volvo S70",), "Volvo S70"),
        (
            ("My mom has a 2012 BMW 330i too but it's the Kia Soul 2020 I need fixed",),
            "2020 Kia Soul",
        ),
        (("The seat of my 2014 Toyota Camry is torn", "sorry, 2015 Corolla"), "2015 Corolla"),
        (("I have a 2010 Camry", "my Toyota needs a new headliner"), "2010 Camry"),
        (("my 2016 Honda Civic", "the Civic seat is torn"), "2016 Honda Civic"),
        (("I had my old 1967 Mustang since school, its seats are torn",), "1967 Mustang"),
        (("my old 98 chevy silverado needs a bench seat",), "98 Chevrolet Silverado"),
        (("torn seat from a Ford Ranger",), "Ford Ranger"),
        (("I have a 2015 F-250, 2020 Explorer. The Explorer seat is torn",), "2020 Explorer"),
        (("I have 2 cars: Civic 2015, Camry 2020. The Civic's seat is torn",), "2015 Civic"),
        (("I work at Ford. My couch is torn",), ""),
        (("I work on my Ford. The seat is torn",), "Ford"),
        (("I'm from Tesla, we need 12 office chairs reupholstered",), ""),
        (("I live near Lincoln Avenue, sofa torn",), ""),
        (("Our shop is on Tahoe Drive, the sofa is torn",), ""),
        (("my Harley Road King seat is torn",), "Harley-Davidson Road King"),
        (
            ("2012 Honda Accord driver seat torn", "sorry for late reply, was in my Tesla"),
            "2012 Honda Accord",
        ),
        (("2012 Accord driver seat torn", "sorry, was in my Tesla"), "2012 Accord"),
        (("I have a 2016 Accord, want seats like the Tesla ones",), "2016 Accord"),
        (("2012 Accord seat torn", "want it to look like a Lexus seat"), "2012 Accord"),
        (("I'd like my 2012 Accord seat redone, I also have a Tesla",), "2012 Accord"),
        (("while driving my Civic the headliner fell",), "Civic"),
        (("Headliner fell on me while driving my 2012 Accord",), "2012 Accord"),
        (("2015 Civic was stolen and recovered, they cut the seats",), "2015 Civic"),
        (("My Camry got wrecked, needs new seat covers",), "Camry"),
        (("Our 2019 Accord was sold to us with ripped seats",), "2019 Accord"),
        (("My Tesla was done by another shop and now seams are splitting",), "Tesla"),
        (("2012 Prius has been wrecked inside by my dog",), "2012 Prius"),
        (("we rented a 2022 Tahoe and burned the seat",), "2022 Tahoe"),
        (("a rental Altima with a burn",), "Altima"),
        (("my neighbor's Mustang convertible top",), "Mustang"),
        (("I sold my Camry. My couch is torn",), ""),
        (("Ford street rod",), "Ford"),
        (("my Chevy street rod needs interior",), "Chevrolet"),
        (("honda street bike seat",), "Honda"),
        (("Kia road trip tore my seat",), "Kia"),
        (("My Civic Dr side seat ripped",), "Civic"),
        (("Camry Dr. seat torn",), "Camry"),
        (("My Jeep street legal",), "Jeep"),
    ],
)
def test_the_vehicle_is_the_one_that_the_work_is_for(lines: tuple[str, ...], vehicle: str) -> None:
    assert find(said(*lines), PROFILE).vehicle == vehicle


@pytest.mark.parametrize(
    ("text", "timeline"),
    [
        ("I need it by Friday please", "by Friday"),
        ("asap!", "asap"),
        ("maybe next week", "next week"),
        ("before June 3rd", "before June 3rd"),
        ("in two weeks", "in two weeks"),
        ("Before Thanksgiving if possible", "Before Thanksgiving"),
        ("it has to be done by the 4th of July", "by the 4th of July"),
        ("antes de Navidad", "antes de Navidad"),
        ("lo necesito para el viernes", "para el viernes"),
        ("el viernes se rompió el asiento", ""),
        ("el lunes pasado me chocaron", ""),
        ("el viernes, por favor", "el viernes"),
        ("esta semana no, mejor el sábado", "el sábado"),
        ("not this week, but before June 3rd", "before June 3rd"),
        ("today no later than 5", "today"),
        ("下周可以吗", "下周"),
        ("càng sớm càng tốt", "càng sớm càng tốt"),
        ("my seat is torn", ""),
        ("Are you open on Saturday?", ""),
        ("¿Están abiertos el sábado?", ""),
        ("the seam split open, I need it by Friday", "by Friday"),
        ("Need my truck seats done by Friday, are you open Saturday", "by Friday"),
        ("I need the couch by next week, what are your hours?", "next week"),
        ("Puede ser el viernes si abren temprano, el asiento está roto", "el viernes"),
        ("i need it by friday are you open on saturday", "by friday"),
        ("Are you open on Saturday and can you do it by Monday?", "by Monday"),
        ("by Nov. 30 please", "by Nov. 30"),
        ("Are you open today and tomorrow?", ""),
        ("¿El sábado están abiertos?", ""),
        ("What time on Saturday do you guys open?", ""),
        ("My seat ripped on Saturday", ""),
        ("The headliner fell down today", ""),
        ("I dropped my car off on Monday and it is still torn", ""),
        ("Someone slashed my seat this weekend", ""),
        ("It tore in two weeks of owning it", ""),
        ("se rompió el asiento hoy", ""),
        ("I can't come on Tuesday", ""),
        ("I will be out of town until Friday", ""),
        ("I can't make it this week but next week works", "next week"),
        ("My seat ripped on Saturday, I need it by Friday", "by Friday"),
        ("I can't come until next week", "next week"),
        ("not available until next Monday", "next Monday"),
        ("cannot get it before Monday", "before Monday"),
        ("can't drop it off until after Thanksgiving", "after Thanksgiving"),
        ("I won't be in town until Friday", "until Friday"),
        ("no puedo ir hasta el viernes", "el viernes"),
        ("no puedo ir el viernes", ""),
        ("I need it fixed this week because it was ripped", "this week"),
        ("I bought a Civic and want seats redone this month", "this month"),
        ("noticed a tear and hoping to fix this weekend", "this weekend"),
        ("mi esposo me recomendó venir el lunes", "el lunes"),
        ("el lunes mi perro mordió el asiento", ""),
        ("el asiento se quemó el lunes", ""),
        ("My seat ripped on Saturday and needs fixing", ""),
        ("I need a price for a seat that got ripped on Saturday", ""),
        ("The seat ripped so please fix it before Monday", "before Monday"),
        ("Se rompió el sábado, lo necesito hoy", "hoy"),
        ("I have a ripped seat to fix today", "today"),
        ("the seat is cracked and has to be done this week", "this week"),
        ("can you get it fixed on Friday", "on Friday"),
        ("I can't drive it, fix it today", "today"),
    ],
)
def test_timeline_is_cut_out(text: str, timeline: str) -> None:
    assert find(said(text), PROFILE).timeline == timeline


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("I'm in San Jose and my seat is torn", "San Jose"),
        ("I live in Santa Clara, CA", "Santa Clara"),
        ("vivo en Gilroy", "Gilroy"),
        ("I'm from Mexico. I live in San Jose.", "San Jose"),
        ("I live in San Jose. I'm from Mexico.", "San Jose"),
        ("I'm from Gilroy. It is a torn seat", "Gilroy"),
        ("We are based in Fremont. Our booth is torn", "Fremont"),
        ("Vivo en Salinas. Mi asiento está roto", "Salinas"),
        ("I live in St. Helena. My seat is torn", "St. Helena"),
        ("I'm in E. Palo Alto. The seat is torn", "E. Palo Alto"),
        ("My seat is torn", ""),
    ],
)
def test_location_is_cut_out(text: str, location: str) -> None:
    assert find(said(text), PROFILE).location == location


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("The driver seat of my 2016 Honda Civic is torn", True),
        ("my couch needs new cushions, can you reupholster it", True),
        ("Mi asiento está roto", True),
        ("se me está cayendo el techo de mi carro", True),
        ("se me cae el techo", True),
        ("我的座椅破了", True),
        ("Xe của tôi bị rách ghế", True),
        ("I need a quote", False),
        ("I have a 2016 Honda Civic", False),
        ("There was a tornado", False),
    ],
)
def test_need_is_what_is_to_be_done_and_to_what(text: str, *, known: bool) -> None:
    assert find(said(text), PROFILE).needs_known is known


@pytest.mark.parametrize(
    ("text", "contacts", "reason"),
    [
        ("The seat of my Civic is torn", (), "missing_contact"),
        ("Hello there", (PHONE,), "missing_project_details"),
        ("I need a quote", (PHONE,), "ready_for_follow_up"),
        ("The seat of my Civic is torn", (PHONE,), "ready_for_follow_up"),
    ],
)
def test_reason_names_what_is_missing_first(
    text: str, contacts: tuple[Contact, ...], reason: str
) -> None:
    summary = summary_of(said(text), contacts)

    assert summary.handoff_reason == reason
    assert summary.handoff_ready is (reason == "ready_for_follow_up")


def test_summary_by_rule_is_useful_on_its_own() -> None:
    lines = said(
        "?Hi, I'm Roxana. What can we fix?",
        "Hola, me llamo José Hernández. El asiento de mi Nissan Sentra 2015 está roto",
        "Mi número es 408-555-0123, lo necesito esta semana",
    )

    summary = summary_of(lines)

    assert summary.customer_name == "José Hernández"
    assert summary.customer_phone == "+14085550123"
    assert summary.customer_language == "Spanish"
    assert summary.vehicle == "2015 Nissan Sentra"
    assert summary.project == "El asiento de mi Nissan Sentra 2015 está roto"
    assert summary.timeline == "esta semana"
    assert "José Hernández (writes Spanish)" in summary.summary
    assert summary.next_steps[0] == "Call or text (408) 555-0123."
    assert summary.call_script_prompts == PROFILE.call_script
    assert summary.outreach_message
    assert summary.outreach_message.startswith("Hola José Hernández, le escribe Craig's")
    assert "(408) 555-0142" in summary.outreach_message
    assert summary.missing_info == ()
    assert summary.source == "rules"


def test_a_spanish_shop_reads_its_own_language() -> None:
    lines = said(
        "Hi, I'm John Smith. The seat of my 2016 Honda Civic is torn. My number is 408-555-0123"
    )

    summary = summary_of(lines, profile=SPANISH_SHOP, sent=(SENT["photo"], SENT["pdf"]))

    assert summary.language == "es"
    assert summary.summary == (
        "John Smith (escribe en inglés) se puso en contacto. Se trata de: 2016 Honda Civic."
        " En sus palabras: «The seat of my 2016 Honda Civic is torn». Envió una foto y un PDF."
    )
    assert summary.next_steps == (
        "Llame o mande un mensaje al (408) 555-0123.",
        "Acuerde una hora para verlo.",
    )
    assert summary.follow_up_questions == ("¿Para cuándo lo necesita?",)
    assert summary.missing_info == ("plazo",)


def test_a_language_is_told_only_where_it_is_not_the_shops_own() -> None:
    spanish = said("Hola, mi asiento está roto, ¿cuánto cuesta?")
    chinese = said("我的座椅破了")

    assert "(writes Spanish)" in summary_of(spanish).summary
    assert "(writes Chinese)" in summary_of(chinese).summary
    assert "(escribe" not in summary_of(spanish, profile=SPANISH_SHOP).summary
    assert "(escribe en chino)" in summary_of(chinese, profile=SPANISH_SHOP).summary


@pytest.mark.parametrize(("tag", "found"), [("es", "es"), ("ta", "en"), ("pt-BR", "en")])
def test_a_language_without_phrases_is_honestly_english(tag: str, found: str) -> None:
    profile = replace(PROFILE, languages=(tag,))

    assert summary_of(said("Call me"), profile=profile).language == found
    assert phrases_for(tag) is PHRASES[found]


@pytest.mark.parametrize("tag", sorted(PHRASES))
def test_every_language_says_everything(tag: str) -> None:
    told, english = msgspec.to_builtins(PHRASES[tag]), msgspec.to_builtins(PHRASES["en"])

    assert _holes(told) == _holes(english)
    assert NAMES_IN[tag].keys() == NAMES.keys()


def _holes(said: object) -> object:
    """The same keys, and the same number of places to fill, all the way down; nothing empty."""
    if isinstance(said, dict):
        return {key: _holes(value) for key, value in said.items()}
    assert isinstance(said, str)
    assert said.strip()
    return said.count("{}")


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (("photo",), "They sent a photo."),
        (("photo", "another"), "They sent 2 photos."),
        (("photo", "photo"), "They sent a photo."),
        (("photo", "another", "pdf"), "They sent 2 photos and a PDF."),
        (("pdf",), "They sent a PDF."),
        (("photo", "pdf", "other"), "They sent a photo, a PDF and a file."),
    ],
)
def test_what_was_sent_is_called_what_it_is(sent: tuple[str, ...], told: str) -> None:
    summary = summary_of(said("My seat is torn"), sent=tuple(SENT[one] for one in sent))

    assert summary.summary.endswith(told)
    assert ("Ask for photos." in summary.next_steps) is (told == "They sent a PDF.")


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        (("phone",), ["Call or text 1."]),
        (("phone", "email"), ["Call or text 1.", "Email 2."]),
        (("email", "phone"), ["Email 1.", "Call or text 2."]),
        (("phone", "phone", "email"), ["Call or text 1.", "Email 3."]),
        (("phone?", "email"), ["Email 2."]),
        (("phone?", "email?"), ["Call or text 1.", "Email 2."]),
    ],
)
def test_the_steps_name_the_first_way_of_each_kind_and_what_is_in_doubt_last(
    given: tuple[str, ...], steps: list[str]
) -> None:
    contacts = tuple(
        replace(
            PHONE,
            kind="phone" if kind.startswith("phone") else "email",
            shown=str(number),
            doubt="it may be somebody else's" if kind.endswith("?") else "",
        )
        for number, kind in enumerate(given, 1)
    )

    found = summary_of(said("My seat is torn"), contacts).next_steps

    assert list(found[:-2]) == steps


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("I have a 98 silverado", "Ask what they need done."),
        ("I have a sofa", "Ask what they need done."),
        ("Call me about my seat", "Ask what they need done, and to which vehicle or item."),
        ("I need a quote", "Ask what they need done, and to which vehicle or item."),
    ],
)
def test_the_steps_ask_for_nothing_that_was_named(text: str, step: str) -> None:
    assert summary_of(said(text)).next_steps[1] == step


def test_missing_facts_become_questions() -> None:
    summary = summary_of(said("Call me"))

    assert len(summary.follow_up_questions) == len(summary.missing_info) == 4


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            ("Can you do a convertible top on a 67 mustang?", "?Yes! phone?", "408 650 1234"),
            "Can you do a convertible top on a 67 mustang?",
        ),
        (
            ("Do you do boat seats?", "?Which boat?", "Sea Ray, vinyl is rotted on 6 seats", "bye"),
            "Do you do boat seats? … Sea Ray, vinyl is rotted on 6 seats",
        ),
        (
            ("My headliner is sagging. Also 6 dining chairs need new fabric", "?Noted.", "thanks!"),
            "My headliner is sagging … Also 6 dining chairs need new fabric",
        ),
        (
            ("A car.", "A boat.", "A van.", "A truck.", "My seat is torn."),
            "A car … A boat … My seat is torn",
        ),
        (("Hi there", "the dog got at it", "?phone?", "408 650 1234"), "the dog got at it"),
        (("can someone call me, 408 650 1234",), "can someone call me, 408 650 1234"),
        (("yes, it ripped open", "?phone?", "408 650 1234"), "Yes, it ripped open"),
        (("no, the other one", "?phone?", "408 650 1234"), "no, the other one"),
        (("yes", "?phone?", "call 408 650 1234 after 5"), "call 408 650 1234 after 5"),
    ],
)
def test_the_summary_quotes_what_speaks_of_the_work(lines: tuple[str, ...], told: str) -> None:
    spoken = said(*lines)

    summary = summary_of(spoken, contacts(spoken, PROFILE)).summary

    assert f"In their words: “{told}”." in summary


@pytest.mark.parametrize(
    "answer", ["yes", "Yes please!", "ok thanks", "sí, claro", "是的", "जी हाँ"]
)
def test_a_yes_to_the_assistants_question_is_quoted_as_nothing(answer: str) -> None:
    spoken = said("?Is it a 2012 Honda Pilot with a torn seat?", answer, "?Phone?", "408 650 1234")

    assert summary_of(spoken, contacts(spoken, PROFILE)).summary.endswith("got in touch.")


def test_a_number_alone_is_no_words() -> None:
    assert summary_of(said("408 650 1234")).summary == "A customer got in touch."


@pytest.mark.parametrize(
    ("wish", "is_one"),
    [
        ("Looking for new carpet in my 72 chevelle", True),
        ("I want to drop off my motorcycle seat", True),
        ("Could you guys do my seats", True),
        ("Quisiera capota para mi carro", True),
        ("你们做沙发吗", True),
        ("Looking for your shop", False),
        ("I have a boat", False),
        ("I want to sell you my car", False),
        ("Would you be interested in selling my truck?", False),
        ("I want to work near my car", False),
        ("I'd like to know when my truck is ready", False),
        ("I'd like to know if my truck is ready", False),
        ("Quiero vender mi carro", False),
        ("Quisiera saber cuándo está mi carro", False),
        ("I'd like to know how much you take for truck seats", True),
        ("I want to know if you do car seats", True),
        ("I need to know when you can do my truck seats", True),
        ("I want to work on my boat with you", True),
        ("Quiero saber si hacen asientos", True),
        ("my harley seat needs a new cover", True),
        ("need a new convertible top for my 2006 Miata", True),
        ("smells bad, need new carpet", True),
        ("want to change my seats to leather", True),
        ("how much for a headliner", True),
        ("¿Cuánto cobran por un asiento?", True),
        ("多少钱做座椅", True),
        ("Do you need my truck there all day?", False),
        ("I don't need my car until then", False),
        ("I dont need the dash", False),
        ("I don't really need the headliner", False),
        ("we split the price of the couch", False),
        ("I really need the headliner done", True),
        ("I'm a customer of yours", False),
        ("How much is parking?", False),
        ("I need an appointment", False),
    ],
)
def test_a_wish_about_one_of_the_shops_items_is_a_need(wish: str, *, is_one: bool) -> None:
    summary = summary_of(said(wish))

    assert summary.handoff_ready is is_one
    assert (summary.project is not None) is is_one


@pytest.mark.parametrize(
    ("damage", "is_one"),
    [
        ("my headliner is drooping", True),
        ("headliner came down", True),
        ("vinyl is split", True),
        ("stitching came undone", True),
        ("the seam is coming apart", True),
        ("foam is shot", True),
        ("dog chewed the armrest", True),
        ("boat cushions are moldy", True),
        ("water damage on my seats", True),
        ("el asiento se rompió", True),
        ("座椅开裂", True),
        ("천장이 내려앉았어요", True),
        ("シートに穴が開いた", True),
        ("المقعد متشقق", True),
        ("сиденье протёрлось", True),
        ("le ciel de toit tombe", True),
        ("jok mobil saya sobek", True),
        ("nệm ghế bị lún", True),
        ("I came down from San Francisco", False),
        ("We split the payment, right?", False),
        ("My car broke down, I'll be late", False),
        ("Is my truck ready?", False),
        ("I have leather seats", False),
        ("ठीक है, धन्यवाद", False),
        ("اتفاقی افتاده", False),
        ("harga turun?", False),
        ("你好，请问几点开门？", False),
    ],
)
def test_damage_is_a_need(damage: str, *, is_one: bool) -> None:
    assert summary_of(said(damage)).handoff_ready is is_one


@pytest.mark.parametrize(
    "prompt", [prompt for texts in PROFILE.texts.values() for prompt in texts.start_prompts]
)
def test_whoever_taps_a_start_prompt_and_can_be_reached_is_a_lead(prompt: str) -> None:
    summary = summary_of(said(prompt))

    assert summary.handoff_ready
    assert summary.project


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("my sofa cushion is torn", "sofa"),
        ("Boat seats are torn", "Boat"),
        ("my seat is torn", None),
        ("headliner of my truck", None),
    ],
)
def test_a_vehicle_is_asked_for_unless_the_item_stands_for_itself(
    text: str, item: str | None
) -> None:
    summary = summary_of(said(text))

    assert summary.item == item
    assert ("vehicle or item" in summary.missing_info) is (item is None)
    assert "about their" in summary.summary


def test_a_shop_that_names_nothing_vague_has_the_vehicle_asked_for() -> None:
    words = replace(PROFILE.readiness, vague=())
    profile = replace(PROFILE, readiness=words)

    summary = summary_of(said("The seat of my truck is torn"), profile=profile)

    assert summary.item is None
    assert "vehicle or item" in summary.missing_info


@pytest.mark.parametrize(
    "text",
    ["a" * 64_000, "2016 " * 13_000, "my name is " * 6_000, "seat torn. " * 6_000, "I'm " * 16_000],
)
def test_hostile_length_costs_little(text: str) -> None:
    began = time.process_time()
    find(said(text), PROFILE)

    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("text", "thing"),
    [
        ("I want to redo the leather on my seats", "seats"),
        ("Leather seats in bad shape", "seats"),
        ("foam in my bench", "bench"),
        ("vinyl on the seat", "seat"),
        ("vinyl on boat seat", "boat"),
        ("the vinyl is split", "vinyl"),
    ],
)
def test_a_part_names_the_thing_rather_than_its_material(text: str, thing: str) -> None:
    assert find(said(text), PROFILE).thing == thing


@pytest.mark.parametrize(
    ("text", "project"),
    [
        ("Hi, the driver seat of my 2016 Honda Civic is torn.", "The driver seat of my 2016 Honda"),
        ("Good morning Roxana, my seat is torn", "My seat is torn"),
        ("Hola, mi asiento está roto", "Mi asiento está roto"),
        ("Hi-top boots, torn seat", "Hi-top boots, torn seat"),
    ],
)
def test_the_project_begins_behind_the_greeting(text: str, project: str) -> None:
    assert find(said(text), PROFILE).project.startswith(project)
