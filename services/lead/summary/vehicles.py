"""Which vehicle a text speaks of: years, makes and models as a table, no model needed."""
# ruff: noqa: E501, RUF001 - patterns read best on long lines, in every script

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from services.lead.summary.makes import (
    ALIASES,
    ALSO_MAKES,
    ALSO_NAMES,
    ALSO_PLACES,
    ALSO_WORDS,
    MAKES,
    MODEL_ALIASES,
)

_PLACE_BEFORE: Final = re.compile(
    r"(?:\b(?:to|lake|near|outside|around|via|through|visit(?:ing)?|leav(?:e|ing)|north|south|east|west"
    r"|hasta|hacia|cerca de|(?:voy|vamos|ir|rumbo|viaje|viajar) a|(?:soy|vengo|venimos) de"
    r"|(?:viv\w+|estoy|estamos|trabaj\w+|quedo) en"
    r"|(?:i['’]?m|we['’]?re|am|are|is|was|be|liv\w+|lives?|located|based|stay\w*|cabin|house|home|condo"
    r"|ski\w*|camping|weekend|vacation\w*|work\w*|up|over|out|here) in"
    r"|(?:i['’]?m|we['’]?re|am|are|com(?:e|ing)|came|driv\w+|drove|back|here|way|moved|travel\w*) from)"
    r"\s|[去到在从從住往]\s?)$",
    re.IGNORECASE,
)
_PLACE_AFTER: Final = re.compile(
    r",?\s(?:CA|NV|AZ|WA|NM|CO|WY|FL|AK|HI)\b|\s(?i:beach|springs|city|national|county|airport|trip)\b"
)
_NAME_BEFORE: Final = re.compile(
    r"\b(?:name(?:['’]?s| is)?|i['’]?m|i am|this is|me llamo|soy|nombre es|call me|ask for)[\s:]+$",
    re.IGNORECASE,
)
_COUNTS: Final = frozenset({"x1", "x3", "x5", "x6", "x7"})
_DIGITS_BEFORE: Final = re.compile(r"\d[\s().-]*$")
_DIGITS_AFTER: Final = re.compile(r"[\s().-]*\d")
_COUNT_BEFORE: Final = re.compile(r"[^\W\d_]{2,}s\s$")
"""`cushions x6`: so many of them."""
_STREET_AFTER: Final = re.compile(
    r"\s(?:(?i:ave(?:nue)?|blvd|boulevard)|Street|Road|Lane|St|Rd|Ln|Court|Ct|Drive|Dr|Way)\b"
    r"(?!\.?\s(?i:King|Glide|rod|bike|trip|machine|legal|star|side|seat))"
)
_OTHERS_BEFORE: Final = re.compile(
    r"\b(?:used to (?:have|own|drive)|neighbou?r['’]?s|next to|while driving(?! (?:my|our)\b)"
    r"|(?<!would )(?<!['’]d )like|(?:i|we) (?:sold|traded(?: in)?|rent(?:ed)?)|rental|ten[ií]a(?:mos)?|vend[ií])"
    r"(?: (?:an?|the|my|our|old|un|una|mi))*\s$",
    re.IGNORECASE,
)
_WORK_BEFORE: Final = re.compile(
    r"\b(?:from|at|with|(?:work(?:ed|ing|s)? (?:at|for)|trabajo en)(?: (?:an?|the|un|una))?)\s$",
    re.IGNORECASE,
)
_GONE_AFTER: Final = re.compile(
    r"\s(?:that |which )?(?:was|got|is|has been) (?:totall?ed|sold|stolen|wrecked|scrapped|done by)\b",
    re.IGNORECASE,
)
_NEAR: Final = 30


class Named(NamedTuple):
    """A vehicle where a text names it."""

    name: str
    start: int
    end: int

    @property
    def words(self) -> frozenset[str]:
        """Those of its make too: whoever says `my Toyota` may mean the Camry named before."""
        words = self.name.split()
        model = next((m for m in (self.name, " ".join(words[1:]), words[-1]) if m in _MAKE_OF), "")
        return frozenset((*words, *_MAKE_OF.get(model, "").split()))


def vehicle_in(text: str) -> str:
    """`2016 Honda Civic`, as far as the text says it; empty when it names no vehicle."""
    return max((one.name for one in vehicles_in(text)), key=detail, default="")


def detail(vehicle: str) -> int:
    return len(vehicle.split())


def vehicles_in(text: str) -> list[Named]:
    """In the order named; of two readings of the same words the fuller one."""
    found: list[Named] = []
    for match in _mentions(text):
        one = Named(_named(match), *match.span())
        cut = match.end() == match.endpos < len(text)
        if not one.name or cut or _is_something_else(match):
            continue
        if not found or one.start >= found[-1].end:
            found.append(one)
        elif detail(one.name) > detail(found[-1].name):
            found[-1] = one
    return found


def is_employer(one: Named, text: str) -> bool:
    return one.name in MAKES and bool(
        _WORK_BEFORE.search(text[max(0, one.start - _NEAR) : one.start])
    )


def is_theirs(one: Named, text: str) -> bool:
    """Not one that they no longer have, or that is somebody else's, or that theirs shall look like."""
    before = text[max(0, one.start - _NEAR) : one.start]
    return not (_OTHERS_BEFORE.search(before) or _GONE_AFTER.match(text[one.end : one.end + _NEAR]))


def _is_something_else(match: re.Match[str]) -> bool:
    """A name that stands alone, and the words around it say that no vehicle is meant."""
    name, text = _key(match[0]), match.string
    if _is_street(match):
        return True
    before = text[max(0, match.start() - _NEAR) : match.start()]
    after = text[match.end() : match.end() + _NEAR]
    if name.isdecimal():
        return bool(_DIGITS_BEFORE.search(before) or _DIGITS_AFTER.match(after))
    if name in ALSO_PLACES and (_PLACE_BEFORE.search(before) or _PLACE_AFTER.match(after)):
        return True
    if name in ALSO_NAMES:
        return _NAME_BEFORE.search(before) is not None
    return name in _COUNTS and _COUNT_BEFORE.search(before) is not None


def _is_street(match: re.Match[str]) -> bool:
    if match["year"] or match["after"] or _key(match["model"] or "") in _PROPER:
        return False
    return _STREET_AFTER.match(match.string, match.end("make" if match["make"] else 0)) is not None


def _mentions(text: str) -> Iterator[re.Match[str]]:
    """Where a make or model may begin, and a year before it: to try every name at every letter
    takes ten times as long.
    """
    words = (word for word in _WORD.finditer(text) if _may_begin(word[0]))
    for word in islice(words, MOST_MENTIONS):
        name = word.start()
        before, end = max(0, name - _BEFORE), name + _AFTER
        if not word[0].isascii():  # a sentence may be one word
            yield from _pattern().finditer(text, before, end)
            continue
        years = [year.start() for year in _YEAR.finditer(text, before, name)]
        for start in (*years, name):
            if match := _pattern().match(text, start, end):
                yield match


def _may_begin(word: str) -> bool:
    return word.lower() in _FIRST_WORDS or not word.isascii()


def _named(match: re.Match[str]) -> str:
    year = match["year"] or match["after"] or ""
    make = _PROPER.get(_key(match["make"] or ""), "")
    model = match["model"] or match["sure"] or match["unsure"] or ""
    model = _PROPER.get(_key(model), model)
    if make in ALSO_MAKES and not year and not model:
        return ""
    return " ".join(part for part in (year.strip("'’年"), make, model) if part)


def _key(name: str) -> str:
    return re.sub(r"[-_\s]", "", name).lower()


_MODELS: Final = tuple(model for models in MAKES.values() for model in models.split())
_PROPER: Final = {
    **{_key(model): model.replace("_", " ") for model in _MODELS},
    **{_key(make): make for make in MAKES},
    **{_key(alias): name for alias, name in (*ALIASES.items(), *MODEL_ALIASES.items())},
}
"""However it is written → as a person reads it."""
_MAKE_OF: Final = {
    model.replace("_", " "): make for make, models in MAKES.items() for model in models.split()
}


_FIRST_WORDS: Final = frozenset(
    re.split(r"[-_ ]", name.lower())[0] for name in (*MAKES, *ALIASES, *_MODELS)
) | frozenset(_PROPER)
_WORD: Final = re.compile(r"[^\W\d_]+(?:\d+[^\W\d_]*)?|\d+[^\W\d_]*")
MOST_MENTIONS: Final = 30
_BEFORE: Final = 8
_AFTER: Final = 40
_YEAR: Final = re.compile(r"(?<!\w)['’]?\d")


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    """Made when the first text is read, not when the module is imported."""
    makes = [*MAKES, *(alias for alias in ALIASES if alias.isascii())]
    foreign = _any_unspaced([alias for alias in ALIASES if not alias.isascii()])
    model = _any_of(_MODELS)
    abroad = _any_unspaced(MODEL_ALIASES)
    sure = _any_of([name for name in _MODELS if name.lower() not in ALSO_WORDS])
    full_year = r"(?:19[2-9]\d|20[0-3]\d)(?![\d%]|[,/.]\d)"
    short_year = r"['’]\d\d(?!\d)|(?<![\d.,:/$-])[4-9]\d(?=\s+[A-Za-z])"
    year = rf"(?P<year>(?<![{_LATIN}_$.,/-]){full_year}年?|{short_year})[\s,的款の式]{{0,3}}"
    trim = rf"(?-i:(?!(?:I|My|The|And|But|It|A)\b)(?=[A-Za-z]*\d|[A-Z])[A-Za-z0-9][{_LATIN}_-]{{1,14}})"
    return re.compile(
        rf"(?:{year})?"
        rf"(?:(?P<make>{_any_of(makes)}|{foreign})"
        rf"(?:(?:[\s,]{{1,2}}|(?<=[^\x00-\x7f]))(?P<model>{model}|{abroad}|(?!{full_year}){trim}))?"
        rf"|(?P<sure>{sure})|(?(year)(?P<unsure>{model}|{abroad})|(?!)))"
        rf"(?(year)|(?:(?:[\s,的]{{1,3}}|\sموديل\s)(?P<after>{full_year}))?)",
        re.IGNORECASE,
    )


_LATIN: Final = "0-9A-Za-z\u00c0-\u024f"


def _any_of(names: Sequence[str]) -> str:
    longest_first = sorted(names, key=len, reverse=True)
    spelled = "|".join(re.sub(r"[-_ ]", r"[-\\s]?", name) for name in longest_first)
    return rf"(?=[0-9A-Za-z])(?<![{_LATIN}])(?:{spelled})(?![{_LATIN}])"


def _any_unspaced(names: Collection[str]) -> str:
    """Where one of their letters begins: to try every name at every letter takes twice as long."""
    letters = "".join(sorted({name[0] for name in names}))
    return rf"(?=[{letters}])(?:{'|'.join(names)})"
