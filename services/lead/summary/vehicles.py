"""Which vehicle a text speaks of: years, makes and models as a table, no model needed."""
# ruff: noqa: E501, RUF001, SIM905 - a table reads best with one line a make, in every script

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

MAKES: Final = {
    "Acura": "Integra TL TLX TSX MDX RDX ILX RSX NSX Legend",
    "Alfa Romeo": "Giulia Stelvio Spider",
    "Aston Martin": "Vantage DB9 DB11",
    "Audi": "A3 A4 A5 A6 A7 A8 Q3 Q5 Q7 Q8 TT R8 S4 S5 RS5 e-tron Allroad",
    "Bentley": "Continental Bentayga Arnage Mulsanne",
    "BMW": "X1 X3 X5 X6 X7 M3 M4 M5 Z3 Z4 i3 i8 2002 E30 E36 E46 320i 325i 328i 330i 335i 528i 535i 540i 740i",
    "Buick": "Regal LeSabre Riviera Skylark Enclave Encore Century Electra Wildcat Roadmaster Grand_National",
    "Cadillac": "Escalade DeVille Eldorado CTS CT5 XT5 SRX Fleetwood Seville ATS",
    "Chevrolet": "Silverado Camaro Corvette Impala Malibu Tahoe Suburban Chevelle Nova Bel_Air Blazer C10 S10 Colorado Equinox Cruze Traverse Monte_Carlo El_Camino Astro Express Spark Bolt Volt Trax Sonic Avalanche K5 Cheyenne",
    "Chrysler": "300 300C Pacifica Town_and_Country Sebring PT_Cruiser LeBaron",
    "Datsun": "240Z 260Z 280Z 280ZX 510",
    "Dodge": "Challenger Charger Durango Caravan Dart Ram Dakota Viper Journey Magnum Avenger",
    "Ferrari": "308 328 348 355 360 F430 California Testarossa",
    "Fiat": "500 124 Spider",
    "Ford": "F-150 F-250 F-350 Mustang Explorer Escape Focus Fusion Bronco Ranger Expedition Edge Transit Econoline E-350 Taurus Thunderbird Fairlane Galaxie Falcon Model_A Model_T Maverick Fiesta Excursion Crown_Victoria Flex",
    "Genesis": "G70 G80 GV70 GV80",
    "GMC": "Sierra Yukon Acadia Terrain Canyon Savana Denali Jimmy Envoy",
    "Honda": "Civic Accord CR-V CRV Pilot Odyssey Fit Element Ridgeline HR-V Insight Prelude S2000 Passport Gold_Wing Shadow",
    "Hummer": "H1 H2 H3",
    "Hyundai": "Elantra Sonata Tucson Santa_Fe Palisade Kona Accent Veloster Ioniq",
    "Infiniti": "G35 G37 Q50 QX60 QX80 FX35",
    "Isuzu": "NPR Trooper Rodeo",
    "Jaguar": "XJ XJ6 XJ8 XF XK XK8 XKE E-Type F-Type F-Pace S-Type",
    "Jeep": "Wrangler Cherokee Grand_Cherokee Gladiator CJ5 CJ7 Compass Renegade Liberty Wagoneer Patriot",
    "Kia": "Sorento Sportage Optima Soul Forte Telluride Sedona Stinger Rio Carnival",
    "Lamborghini": "Gallardo Huracan Urus Diablo Countach",
    "Land Rover": "Defender Discovery Range_Rover LR3 LR4 Evoque",
    "Lexus": "ES300 ES350 IS250 IS300 IS350 GS300 GX460 GX470 LX470 LX570 RX300 RX330 RX350 LS400 LS430 LS460 SC430 SC300 NX CT200h",
    "Lincoln": "Navigator Town_Car Continental MKZ MKX Aviator",
    "Lucid": "Air",
    "Maserati": "Ghibli Quattroporte Levante GranTurismo",
    "Mazda": "Miata MX-5 RX-7 RX-8 Mazda3 Mazda6 CX-5 CX-9 CX-30 B2200 Protege",
    "Mercedes-Benz": "C300 C230 C240 E320 E350 E500 E550 S500 S550 SL500 SL550 SLK GLC GLE GLS ML350 GL450 Sprinter 190E 300D 450SL 560SL G-Wagon G550",
    "Mercury": "Cougar Grand_Marquis Mountaineer Sable",
    "MG": "MGB Midget TD",
    "Mini": "Cooper Countryman Clubman",
    "Mitsubishi": "Outlander Lancer Eclipse Galant Montero Mirage",
    "Nissan": "Altima Sentra Maxima Rogue Pathfinder Frontier Titan 350Z 370Z 300ZX Murano Versa Leaf Xterra Armada Quest 240SX",
    "Oldsmobile": "Cutlass 442 Delta_88 Toronado",
    "Plymouth": "Barracuda Cuda Road_Runner Duster Fury Valiant Prowler",
    "Polestar": "2 3",
    "Pontiac": "GTO Firebird Trans_Am Grand_Prix Bonneville Grand_Am Fiero Catalina LeMans",
    "Porsche": "911 912 914 924 928 944 968 356 Boxster Cayman Cayenne Macan Panamera Taycan",
    "Ram": "1500 2500 3500 ProMaster",
    "Rivian": "R1T R1S",
    "Rolls-Royce": "Phantom Ghost Silver_Shadow Corniche Wraith",
    "Saab": "900 9-3 9-5",
    "Saturn": "Vue Ion Sky",
    "Scion": "xB tC FR-S xA",
    "Studebaker": "Champion Hawk Avanti Lark",
    "Subaru": "Outback Forester Impreza WRX Legacy Crosstrek BRZ Ascent Baja",
    "Suzuki": "Samurai Sidekick Vitara",
    "Tesla": "Model_S Model_3 Model_X Model_Y Cybertruck Roadster",
    "Toyota": "Camry Corolla Prius Tacoma Tundra Highlander RAV4 4Runner Sienna Supra Celica MR2 FJ40 FJ_Cruiser Land_Cruiser Sequoia Avalon Matrix Yaris Venza Hilux GR86",
    "Triumph": "TR3 TR4 TR6 Spitfire Bonneville",
    "Volkswagen": "Beetle Jetta Golf GTI Passat Tiguan Atlas Westfalia Vanagon Karmann_Ghia Thing Touareg Rabbit",
    "Volvo": "XC40 XC60 XC90 S60 S80 V70 240 850 P1800 XC70",
    "Harley-Davidson": "Sportster Softail Fat_Boy Road_King Street_Glide Electra_Glide Road_Glide Dyna Heritage",
    "Kawasaki": "Ninja Vulcan Jet_Ski",
    "Yamaha": "R1 R6 V-Star Virago",
    "Ducati": "Monster Panigale Scrambler",
    "Indian": "Scout Chief Chieftain",
    "Polaris": "RZR Slingshot Ranger",
    "Sea Ray": "Sundancer", "Bayliner": "", "Boston Whaler": "", "MasterCraft": "", "Malibu Boats": "",
    "Airstream": "", "Winnebago": "", "Fleetwood": "", "Freightliner": "Cascadia", "Kenworth": "",
    "Peterbilt": "", "International Harvester": "Scout",
}  # fmt: skip
"""Make → its models, `_` for the space in one; people leave hyphens and spaces out as they like."""

ALIASES: Final = {
    "chevy": "Chevrolet", "vw": "Volkswagen", "mercedes": "Mercedes-Benz", "benz": "Mercedes-Benz",
    "harley": "Harley-Davidson", "caddy": "Cadillac", "land rover": "Land Rover", "bimmer": "BMW",
    "丰田": "Toyota", "豐田": "Toyota", "トヨタ": "Toyota", "도요타": "Toyota", "тойота": "Toyota",
    "تويوتا": "Toyota", "本田": "Honda", "ホンダ": "Honda", "혼다": "Honda", "хонда": "Honda",
    "هوندا": "Honda", "福特": "Ford", "フォード": "Ford", "форд": "Ford", "فورد": "Ford",
    "宝马": "BMW", "寶馬": "BMW", "бмв": "BMW", "奔驰": "Mercedes-Benz", "賓士": "Mercedes-Benz",
    "现代": "Hyundai", "현대": "Hyundai", "기아": "Kia", "日产": "Nissan", "ニッサン": "Nissan",
    "نيسان": "Nissan", "ниссан": "Nissan", "特斯拉": "Tesla", "雷克萨斯": "Lexus", "لكزس": "Lexus",
    "日産": "Nissan", "マツダ": "Mazda", "スバル": "Subaru", "テスラ": "Tesla", "レクサス": "Lexus", "ベンツ": "Mercedes-Benz",
    "雪佛兰": "Chevrolet", "起亚": "Kia", "奥迪": "Audi", "马自达": "Mazda", "斯巴鲁": "Subaru", "大众": "Volkswagen",
    "테슬라": "Tesla", "렉서스": "Lexus", "벤츠": "Mercedes-Benz", "쉐보레": "Chevrolet", "포드": "Ford",
    "هيونداي": "Hyundai", "مرسيدس": "Mercedes-Benz", "شيفروليه": "Chevrolet", "تسلا": "Tesla",
    "лексус": "Lexus", "мерседес": "Mercedes-Benz", "шевроле": "Chevrolet", "тесла": "Tesla",
    "होंडा": "Honda", "होण्डा": "Honda", "टोयोटा": "Toyota", "फोर्ड": "Ford", "निसान": "Nissan",
}  # fmt: skip
"""How people and other scripts write a make."""

MODEL_ALIASES: Final = {
    "凯美瑞": "Camry", "卡罗拉": "Corolla", "思域": "Civic", "雅阁": "Accord", "雅閣": "Accord", "普锐斯": "Prius",
    "汉兰达": "Highlander", "奥德赛": "Odyssey", "シビック": "Civic", "アコード": "Accord", "フィット": "Fit",
    "プリウス": "Prius", "カムリ": "Camry", "カローラ": "Corolla", "캠리": "Camry", "시빅": "Civic", "어코드": "Accord",
    "쏘나타": "Sonata", "소나타": "Sonata", "아반떼": "Elantra", "엘란트라": "Elantra", "كامري": "Camry",
    "كورولا": "Corolla", "سيفيك": "Civic", "أكورد": "Accord", "اكورد": "Accord", "إلنترا": "Elantra", "النترا": "Elantra",
    "سوناتا": "Sonata", "камри": "Camry", "королла": "Corolla", "цивик": "Civic", "аккорд": "Accord",
    "सिविक": "Civic", "अकॉर्ड": "Accord", "कैमरी": "Camry", "कोरोला": "Corolla",
}  # fmt: skip
"""Likewise a model: believed beside its make, as some are words."""

_ALSO_WORDS: Final = frozenset(
    """
    air 2 3 300 308 328 348 355 360 500 124 510 850 240 900 442 1500 2500 3500 2002 ghost
    hawk champion spider legend vantage century electra spark dart ram edge escape focus
    fusion flex fit element pilot passport insight shadow accent soul forte rio discovery
    liberty patriot compass chief scout monster heritage ranger express volt bolt journey
    magnum sonic fury continental phantom matrix quest leaf rogue frontier titan mirage
    ion sky thing rabbit golf atlas beetle legacy ascent baja cooper midget td lark
    transit explorer expedition roadster scrambler ninja vulcan samurai california lancer
    eclipse regal defender jimmy nova falcon maverick charger challenger r1 r6 m3 m4 m5 nx tt tl
    """.split()
)
"""Models that mean something else as well: only beside their make or a year."""


_ALSO_MAKES: Final = frozenset(
    {"Ram", "Mini", "Indian", "Genesis", "Saturn", "Mercury", "Lincoln", "Triumph", "Polaris", "Lucid",
     "Fleetwood", "MG", "Scion", "Malibu Boats"}
)  # fmt: skip
"""Makes that mean something else as well: only with a year or a model."""


_ALSO_PLACES: Final = frozenset(
    """
    tahoe malibu sierra yukon denali tucson santafe colorado dakota durango pacifica sebring
    telluride sedona tacoma seville riviera catalina bonneville kona avalon cheyenne acadia sequoia
    montecarlo belair
    """.split()
)
_ALSO_NAMES: Final = frozenset({"mercedes", "sierra", "dakota", "sienna", "sedona", "avalon"})
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
    if name in _ALSO_PLACES and (_PLACE_BEFORE.search(before) or _PLACE_AFTER.match(after)):
        return True
    if name in _ALSO_NAMES:
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
    if make in _ALSO_MAKES and not year and not model:
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
    sure = _any_of([name for name in _MODELS if name.lower() not in _ALSO_WORDS])
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
