"""Why a value may be wrong, and how the shop is told so in its own language, else in English."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Says = Literal[
    "anothers", "a_things", "denied", "no_area", "unknown_number", "looks_like", "written_as",
    "accented", "no_ending", "doubled_at", "spaced",
]  # fmt: skip


class Doubt(msgspec.Struct, frozen=True):
    says: Says
    about: tuple[str, ...] = ()

    def told(self, tag: str) -> str:
        words = SAID.get(tag.partition("-")[0], SAID["en"])
        return words[self.says].format(*self.about)


A_THINGS: Final = Doubt("a_things")
"""Found by what a number stands behind; all other doubts of whose it is, by its line."""

SAID: Final[dict[str, dict[Says, str]]] = {
    "en": {
        "anothers": "it may be somebody else's",
        "a_things": "it may be the number of something else",
        "denied": "the customer may not want it used",
        "no_area": "no area code; {} assumed",
        "unknown_number": "not a number that we know in {}",
        "looks_like": "{} looks like {}",
        "written_as": "written as {}",
        "no_ending": "written as {}, without its ending",
        "accented": "an accented letter is unusual in an address",
        "doubled_at": "written with @@",
        "spaced": "said with a space: ask how it is spelled",
    },
    "es": {
        "anothers": "puede ser de otra persona",
        "a_things": "puede ser el número de otra cosa",
        "denied": "quizá el cliente no quiere que se use",
        "no_area": "sin código de área; suponemos {}",
        "unknown_number": "no es un número que conozcamos en {}",
        "looks_like": "{} se parece a {}",
        "written_as": "escrito como {}",
        "no_ending": "escrito como {}, sin su terminación",
        "accented": "una letra con acento no es común en una dirección",
        "doubled_at": "escrito con @@",
        "spaced": "dicho con un espacio: pregunte cómo se escribe",
    },
}
