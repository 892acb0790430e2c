"""What a browser tells beside its question is worth no refusal; what is unfit of it is not kept."""

from __future__ import annotations

import json
from typing import Final

import pytest

from libs.messages.base import Touch
from services.gateway.forms import LEAD, TouchForm

UTM: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
LONGEST: Final = {
    **dict.fromkeys(("gclid", "gbraid", "wbraid"), 128),
    **dict.fromkeys(UTM, 256),
    **dict.fromkeys(("landing_page", "referrer"), 2048),
}
TIMES: Final = ("device_type", "first_touch_at", "last_touch_at")
HIDING: Final = "a\u2028b", "a\u202eb", "a\nb", "\x00", "a\u200bb", "\ufeff"


@pytest.mark.parametrize("name", LONGEST)
def test_a_touch_keeps_what_fits_and_leaves_the_rest_out(name: str) -> None:
    longest = "g" * LONGEST[name]
    foreign = ("Größe \U0001f697",)
    unfit = (longest + "g", *HIDING, *(() if name in UTM else foreign))

    def kept(value: str) -> Touch:
        return TouchForm(**{name: value, "gclid" if name != "gclid" else "wbraid": "kept"}).touch()

    for value in (longest, *(foreign if name in UTM else ())):
        assert getattr(kept(value), name) == value
    for value in unfit:
        told = kept(value)
        assert getattr(told, name) == ""
        assert "kept" in {told.gclid, told.wbraid}


def test_a_lead_is_taken_without_what_does_not_fit() -> None:
    told = {**dict.fromkeys(LONGEST, "\u2028"), **dict.fromkeys(TIMES, "\u2028")}
    form = LEAD.decode(
        json.dumps(
            {
                "threadId": "cthr_a",
                "locale": "pt br",
                "attribution": {**told, "first": {"gclid": "é", "wbraid": "kept"}},
            }
        )
    )

    assert form.locale is None
    assert form.attribution
    message = form.attribution.message()
    assert message.first == Touch(wbraid="kept")
    assert {getattr(message, name) for name in (*LONGEST, *TIMES)} == {""}
