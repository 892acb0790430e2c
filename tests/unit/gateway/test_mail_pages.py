"""The pages that a shop's owner reaches from a mail are for people."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from libs.leads.message_links import MessageLink
from libs.shops.profile import load_shops
from libs.web.answers import FAULTS, Refused
from services.gateway.message_html import apology_page, message_page
from tests.unit.web.calls import call

SHOP = load_shops("deploy/shops").default
LINK = MessageLink(
    shop=SHOP.slug, thread_id="cthr_1", snapshot="s", phone="+14085550179", body="Hi <Ana>"
)


def test_the_page_has_the_shops_colour_and_the_number_as_the_mail_shows_it() -> None:
    answer = message_page(LINK, replace(SHOP, colour="#ffcc00"))

    page, policy = answer.body.decode(), dict(answer.headers)["Content-Security-Policy"]
    assert ">(408) 555-0179<" in page
    assert "--accent:#ffcc00;--on-accent:#000000" in page
    assert 'href="tel:+14085550179"' in page
    assert policy != dict(message_page(LINK, SHOP).headers)["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("+525512345678", "+52 55 1234 5678"),
        ("+14085550179;ext=12", "(408) 555-0179 ext. 12"),
        ("40855501799", "40855501799"),
        ("1", "1"),
    ],
)
def test_a_number_is_shown_whole_and_one_that_we_do_not_know_as_it_is(
    phone: str, shown: str
) -> None:
    assert f">{shown}<" in message_page(replace(LINK, phone=phone), SHOP).body.decode()


@pytest.mark.parametrize("code", [*FAULTS, "anything"])
def test_an_apology_is_in_words_and_says_what_to_do(code: str) -> None:
    refused = Refused(code, headers=(("Retry-After", "7"),))

    asked = call("GET", "/message/")
    asked.request_id = "req-1"
    answer = apology_page(asked, refused)

    page = answer.body.decode()
    assert (answer.status, answer.outcome) == (refused.status, code)
    assert ("Retry-After", "7") in answer.headers
    assert "req-1" in page
    assert "`" not in page
    assert not {"Bad Request", "Gone", "Not Found"} & set(page.split(">"))
    assert "the link again" in page or "the email" in page
