"""What the rules say to the shop, in the shop's language: one entry of a table for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

Gap = Literal["project", "vehicle", "name", "timeline"]
Kind = Literal["photo", "pdf", "file"]


class Missing(msgspec.Struct, frozen=True):
    """Something worth knowing, and how to ask the customer for it."""

    name: str
    question: str


class Counted(msgspec.Struct, frozen=True):
    one: str
    many: str

    def of(self, number: int) -> str:
        return self.one if number == 1 else self.many.format(number)


class Phrases(msgspec.Struct, frozen=True, kw_only=True):
    """Whatever stands in braces is the customer's own: no phrase may bend it."""

    language: str
    somebody: str
    writes: str
    got_in_touch: str
    about: str
    in_their_words: str
    timing: str
    sent: str
    and_: str
    files: Mapping[Kind, Counted]
    ways: Mapping[Literal["phone", "email"], str]
    ask_need: str
    ask_work: str
    ask_photos: str
    agree: str
    missing: Mapping[Gap, Missing]


def phrases_for(tag: str) -> Phrases:
    """English where we have no others."""
    return PHRASES.get(tag.partition("-")[0], PHRASES["en"])


PHRASES: Final = {
    "en": Phrases(
        language="en",
        somebody="A customer",
        writes=" (writes {})",
        got_in_touch="{} got in touch.",
        about="{} got in touch about their {}.",
        in_their_words="In their words: “{}”.",
        timing="Timing: {}.",
        sent="They sent {}.",
        and_=" and ",
        files={
            "photo": Counted("a photo", "{} photos"),
            "pdf": Counted("a PDF", "{} PDFs"),
            "file": Counted("a file", "{} files"),
        },
        ways={"phone": "Call or text {}.", "email": "Email {}."},
        ask_need="Ask what they need done, and to which vehicle or item.",
        ask_work="Ask what they need done.",
        ask_photos="Ask for photos.",
        agree="Agree on a time to look at it.",
        missing={
            "project": Missing("what needs to be done", "What would you like us to do?"),
            "vehicle": Missing(
                "vehicle or item", "Which vehicle (year, make, model) or item is it?"
            ),
            "name": Missing("name", "What is your name?"),
            "timeline": Missing("timeline", "When do you need it done?"),
        },
    ),
    "es": Phrases(
        language="es",
        somebody="Un cliente",
        writes=" (escribe en {})",
        got_in_touch="{} se puso en contacto.",
        about="{} se puso en contacto. Se trata de: {}.",
        in_their_words="En sus palabras: «{}».",
        timing="Plazo: {}.",
        sent="Envió {}.",
        and_=" y ",
        files={
            "photo": Counted("una foto", "{} fotos"),
            "pdf": Counted("un PDF", "{} PDF"),
            "file": Counted("un archivo", "{} archivos"),
        },
        ways={"phone": "Llame o mande un mensaje al {}.", "email": "Escriba a {}."},
        ask_need="Pregunte qué necesita, y para qué vehículo u objeto.",
        ask_work="Pregunte qué necesita.",
        ask_photos="Pida fotos.",
        agree="Acuerde una hora para verlo.",
        missing={
            "project": Missing("qué hay que hacer", "¿Qué desea que hagamos?"),
            "vehicle": Missing(
                "vehículo u objeto",
                "¿De qué vehículo (año, marca, modelo) u objeto se trata?",
            ),
            "name": Missing("nombre", "¿Cuál es su nombre?"),
            "timeline": Missing("plazo", "¿Para cuándo lo necesita?"),
        },
    ),
}  # fmt: skip
