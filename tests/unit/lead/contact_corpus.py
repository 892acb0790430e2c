"""The labelled conversations of `tests/data/contact.jsonl`, and the shops they are held in."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from libs.leads.snapshot import Line
from libs.shops.profile import ShopProfile, load_shops

CRAIGS: Final = load_shops("deploy/shops").default
SHOPS: Final = {
    "us": CRAIGS,
    **{
        name: msgspec.structs.replace(CRAIGS, phone=phone)
        for name, phone in {
            "mx": "+525512340000",
            "gb": "+442079460958",
            "de": "+493023125000",
            "jp": "+81312345678",
            "in": "+911123456789",
        }.items()
    },
}
PATH: Final = Path(__file__).parents[2] / "data" / "contact.jsonl"


class Case(msgspec.Struct, frozen=True, eq=False):
    """One conversation as a careful person reads it."""

    kind: str = msgspec.field(name="is")
    say: tuple[Any, ...]
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    """Values to ask about again."""
    first: str = ""
    """The one to use first, where several are given."""
    shop: str = "us"

    @property
    def profile(self) -> ShopProfile:
        return SHOPS[self.shop]

    @property
    def lines(self) -> list[Line]:
        return [line_of(said, number) for number, said in enumerate(self.say)]


def line_of(said: Any, number: int) -> Line:
    """A string is the customer; `assistant`, `note` and `quoted` say what else it is."""
    given = {"customer": said} if isinstance(said, str) else dict(said)
    quoted = given.pop("quoted", "")
    if "text" in given:
        given = {"customer": given["text"]}
    ((speaker, text),) = given.items()
    return Line(
        item_id=f"item-{number}", speaker=speaker, name=speaker, text=text, at=number, quoted=quoted
    )


def load_cases() -> list[Case]:
    return [msgspec.json.decode(line, type=Case) for line in PATH.read_text("utf-8").splitlines()]
