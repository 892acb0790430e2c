"""Where a text names a phone, an email, a web address or a price, however it is disguised.

The same scanner reads the conversation and the model's words about it, so that the two compare.
"""
# ruff: noqa: E501, RUF001, SIM905 - patterns name the characters that people disguise with

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Final, Literal

import msgspec

ClaimKind = Literal["email", "url", "price", "phone"]


class Claim(msgspec.Struct, frozen=True):
    kind: ClaimKind
    start: int
    end: int
    said: tuple[str, ...]
    """What is compared: lower-case address, digits of the phone, each sum of a price."""


def visible(text: str) -> str:
    """As a person reads it: without zero-width, bidi and control characters."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        "\n" if c in "\n\u2028\u2029" else " " if c == "\t" else c
        for c in unicodedata.normalize("NFC", text)
        if c in "\n\t\u2028\u2029" or unicodedata.category(c) not in _UNSEEN
    )


def plain(text: str) -> str:
    """As the scanner reads it: every disguise of a letter or digit as that letter or digit."""
    text = visible(text)
    return text if text.isascii() else "".join(map(compatible, text))


def compatible(character: str) -> str:
    """`⑴` → `(1)`: one by one, so that each place in a text is known in the other."""
    return character if character.isascii() else unicodedata.normalize("NFKC", character)


def claims_in(text: str) -> list[Claim]:
    """In a text that is `plain` already; spans may overlap."""
    read = ascii_digits(text)
    lower = f" {read.lower()}"
    return [
        Claim(finder.kind, match.start(), match.end(), finder.said(match))
        for finder in _FINDERS
        if any(map(lower.__contains__, finder.hints))
        for match in finder.pattern.finditer(read)
    ]


def ascii_digits(text: str) -> str:
    """Digits of every script as 0-9, in place."""
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.decimal(c)) if not c.isascii() and c.isdecimal() else _NUMERALS.get(c, c)
        for c in text
    )


def sums_in(text: str) -> Iterator[str]:
    """In a `plain` text that speaks of money: every number but those that count something else."""
    claims = claims_in(text)
    others = [(one.start, one.end) for one in claims if one.kind != "price"]
    yield from (said for one in claims if one.kind == "price" for said in one.said)
    read = ascii_digits(text)
    for match in _NUMBER.finditer(read):
        elsewhere = any(start < match.end() and match.start() < end for start, end in others)
        if not (elsewhere or _YEAR.fullmatch(match[0]) or _COUNTED.match(read, match.end())):
            yield sum_of(match[0])


def speaks_of_money(text: str) -> bool:
    return _SPEAKS_OF_MONEY.search(text) is not None


def sum_of(number: str) -> str:
    """`1.200,50` → `1200.50`, `1,200.00` → `1200`, `1.5k` → `1500`."""
    thousands = number.rstrip(" ")[-1:].lower() == "k"
    digits = re.sub(r"[^\d.,]", "", number).strip(".,")
    whole, cents = digits, ""
    if split := re.fullmatch(r"(.*)[.,](\d{1,2})", digits):
        whole, cents = split[1], split[2]
    whole = re.sub(r"\D", "", whole).lstrip("0") or "0"
    if thousands:
        return str(int(whole[:9]) * 1000 + int((cents + "000")[:3] if cents else 0))
    return f"{whole}.{cents.ljust(2, '0')}" if cents.strip("0") else whole


_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_NUMERALS: Final = dict(zip("〇零一二三四五六七八九", "00123456789", strict=True))

_DIGIT_WORDS: Final = {
    **dict.fromkeys(("zero", "oh", "o", "cero", "zéro"), "0"),
    **dict.fromkeys(("one", "uno", "un"), "1"), **dict.fromkeys(("two", "dos", "deux"), "2"),
    **dict.fromkeys(("three", "tres", "trois"), "3"),
    **dict.fromkeys(("four", "cuatro", "quatre"), "4"),
    **dict.fromkeys(("five", "cinco", "cinq"), "5"), **dict.fromkeys(("six", "seis"), "6"),
    **dict.fromkeys(("seven", "siete", "sept"), "7"),
    **dict.fromkeys(("eight", "ocho", "huit"), "8"), **dict.fromkeys(("nine", "nueve", "neuf"), "9"),
}  # fmt: skip
_TENS: Final = (
    "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty"
    "|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|grand|dozen|diez|veinte|treinta"
    "|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa|cien|ciento|cientos|doscientos|trescientos"
    "|cuatrocientos|quinientos|seiscientos|setecientos|ochocientos|novecientos|mil"
)
_CODES: Final = tuple(
    "usd eur gbp cad aud nzd mxn brl inr pkr vnd rmb cny jpy krw chf sek nok dkk pln czk huf aed sar"
    " qar kwd ils egp zar sgd hkd twd php thb myr idr rub uah kr".split()
)
_MONEY_WORDS: Final = (
    *_CODES,
    *"dollar dollars buck bucks euro euros pound pounds"
    " quid peso pesos dólar dólares dolar dolares dlls reais rupee rupees rupiah yuan yen won baht ringgit"
    " franc francs dirham dirhams riyal riyals dinar dinars lira liras zloty zł krona kronor kroner"
    " shekel shekels rand grand cent cents"
    " đồng dong đô руб рубль рубля рублей доллар доллара долларов دولار درهم ريال ریال تومان डॉलर"
    " रुपये ਡਾਲਰ டாலர் డాలర్".split(),
)
_MONEY_SIGNS: Final = (*"$€£¥₹₩₫₱฿₽₴₺₪₦¢﷼元块塊圆円원", "달러", "美元", "美金", "ドル")
_MONEY_BEFORE: Final = (*_CODES, "rs", "rp", "rm")
_ASKED_FOR: Final = ("total", "quote", "estimate", "estimated")
"""Said by everybody who wants work done: no sign that the numbers beside it are money."""
_PRICE_WORDS: Final = (
    *_ASKED_FOR,
    *"price priced pricing cost costs charge charges fee fees quoted budget pay paid deposit precio cuesta costo cobra cobramos cobran presupuesto preço custa prix coûte giá harga цена"
    " стоимость 价格 價格 收费 收費 费用 費用 預算 预算 値段 予算 가격 예산 سعر ميزانية बजट бюджет".split(),
)
_OFF: Final = ("off", "discount", "descuento")
_MONEY: Final = f"(?:{'|'.join(_MONEY_WORDS)})"
_SIGN: Final = f"(?:{'|'.join(map(re.escape, _MONEY_SIGNS))})"
_AMOUNT: Final = r"\d(?:[\d.,']|\s(?=\d{3}\b))*\s?k?(?![a-z\d])"
_RANGE: Final = rf"{_AMOUNT}(?:\s*(?:-|–|—|~|to|a|bis|до)\s*{_SIGN}?\s*{_AMOUNT})?"
_SPEAKS_OF_MONEY: Final = re.compile(
    rf"{_SIGN}|\b(?:{'|'.join((*_MONEY_WORDS, *_MONEY_BEFORE))})\b"
    rf"|(?:{'|'.join(word for word in _PRICE_WORDS if word not in _ASKED_FOR)})",
    re.IGNORECASE,
)
_YEAR: Final = re.compile(r"19[3-9]\d|20[0-4]\d")
"""`2016` in a car's name is no ground for `$2016`."""
_COUNTED: Final = re.compile(
    r"[\s-]*(?:miles?|mi|km|kms|years?|yrs?|months?|weeks?|days?|hours?|inch(?:es)?|feet|ft|cm|mm|seats?"
    r"|doors?|pieces?|rows?|a\.?m|p\.?m|años?|meses|semanas?|días?|millas|asientos?|ans|mois|anos|лет|год\w*"
    r"|年|月|日|天|岁|個|个|年型|년|개|살)",
    re.IGNORECASE,
)
_LINK: Final = (
    r"(?:\s+(?:is|of|at|for|around|about|be|would|will|es|de|será|approximately)|\s*[:=~]"
    r"|大约|大約|大概|约|約|是|为|為|は|が|은|는)"
)
_HUNDREDS: Final = r"(?<![\d十百千万萬])\d?[十百千万萬][\d十百千万萬]{0,12}"
"""`五百`, once its digits are read."""

_NUMBER: Final = re.compile(r"(?<![\d])\d(?:[\d.,']*\d)?\s?k?(?![a-z\d])", re.IGNORECASE)
_TLD: Final = (
    r"(?:[a-z]{2,24}|xn--[a-z0-9-]+|рф|укр|бел|中国|中國|公司|网络|한국|भारत|امارات|السعودية)"
)
_COMMON_TLD: Final = (
    r"(?:com|net|org|info|biz|io|co|us|me|ly|to|ru|cn|xyz|top|shop|site|app|dev|online)"
)
_DOT_WORD: Final = r"(?:\s+(?:dot|punto|ponto|point)\s+|\s*[\[({]\s*(?:dot|\.)\s*[\])}]\s*)"
_AT_WORD: Final = r"(?:\s+(?:at|arroba)\s+|\s*[\[({]\s*(?:at|@)\s*[\])}]\s*)"
_ENDS: Final = r"(?![a-z0-9_\u00c0-\u024f])"
"""Where a Latin word ends: Chinese goes on without a space."""
_NAME: Final = r"[\w.+%-]{1,64}"
_LABEL: Final = r"[\w-]{1,63}"

_DOT: Final = r"(?:\.|。(?=[a-z0-9]))"
"""Before anything else `。` ends a sentence."""

_EMAIL: Final = re.compile(
    rf"{_NAME}\s?@\s?{_LABEL}(?:{_DOT}{_LABEL}){{1,8}}"
    rf"|{_NAME}(?:{_AT_WORD}|\s?@\s?){_LABEL}(?:(?:{_DOT_WORD}|{_DOT}){_LABEL}){{0,4}}{_DOT_WORD}{_LABEL}"
    rf"|{_NAME}\s*[\[({{]\s*(?:at|@)\s*[\])}}]\s*{_LABEL}(?:{_DOT}{_LABEL}){{1,8}}",
    re.IGNORECASE,
)
_URL: Final = re.compile(
    r"\b(?:h\w{2}ps?|ftps?|javascript|data|mailto|tel|sms|file|vbscript|whatsapp|intent)\s?:\s?\S+"
    r"|\bwww\s?\.\s?\S+"
    rf"|(?<![\w@.])(?:{_LABEL}{_DOT}){{1,8}}{_TLD}(?![a-z0-9_@])(?:[:/?#]\S*)?"
    rf"|(?<![\w@.]){_LABEL}(?:{_DOT_WORD}{_LABEL}){{0,4}}{_DOT_WORD}{_COMMON_TLD}{_ENDS}"
    r"|(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])\S*",
    re.IGNORECASE,
)
_NUMBER_WORD: Final = f"(?:{_TENS}|{'|'.join(_DIGIT_WORDS)})"
_NUMBER_WORDS: Final = rf"{_NUMBER_WORD}(?:[\s-]+(?:and|y|{_NUMBER_WORD})){{0,8}}"
_LARGE: Final = r"(?:hundred|thousand|grand|cien|mil|\w*cientos)"
_PRICE: Final = re.compile(
    rf"(?:{_SIGN}|(?<![a-z\d_])(?:(?:{'|'.join(_CODES)})(?![a-z])|(?:rs|rp|rm)\b)\.?)\s*{_RANGE}"
    rf"|{_RANGE}\s*(?:{_SIGN}|(?<![a-z]){_MONEY}{_ENDS})|\d[\d.,']*k?{_MONEY}{_ENDS}"
    rf"|{_HUNDREDS}\s*{_SIGN}"
    rf"|(?:{'|'.join(_PRICE_WORDS)}){_LINK}{{0,3}}\s*{_SIGN}?\s*{_RANGE}"
    rf"|\b{_NUMBER_WORDS}\s+{_MONEY}\b|{_SIGN}\s*{_NUMBER_WORDS}\b"
    rf"|(?:{'|'.join(_PRICE_WORDS)}){_LINK}{{0,3}}\s+(?:a\s|{_NUMBER_WORD}[\s-]+){{0,6}}{_LARGE}\b"
    rf"|\d+\s?(?:%|percent)\s*(?:de\s+)?(?:{'|'.join(_OFF)})",
    re.IGNORECASE,
)
_PHONE: Final = re.compile(
    r"(?<![\d])\+?\(?\d(?:[\s().\-–—‐‑−/·•_*,:|]{0,3}\d){6,19}(?!\d)"
    r"|(?:\b1[\s.-]?)?\(?\b8(?:00|33|44|55|66|77|88)\)?[\s.-][a-z\d](?:[\s.-]?[a-z\d]){5,9}\b"
    r"|\b(?:1[\s.-]?)?8(?:00|33|44|55|66|77|88)[a-z](?:-?[a-z\d]){5,9}\b"
    rf"|\b(?:{'|'.join(_DIGIT_WORDS)})(?:[\s,.-]+(?:{'|'.join(_DIGIT_WORDS)})){{6,14}}\b"
    r"|\b(?:call|text|sms|dial|llam\w+|marque|whatsapp)\s+(?:[a-z]+\s+){0,3}\d{3,6}\b(?!\W{0,3}\d|-[a-z])",
    re.IGNORECASE,
)
_EXTENSION: Final = re.compile(
    r"(?<=\d{4})\)?[\s,;]*(?:e?xt(?:ension|ensi[oó]n|n)?|x|#|ramal|anexo|poste|доб|分机|分機|内線|내선)"
    r"[\s.:]*(\d{1,7})(?!\d)",
    re.IGNORECASE,
)
"""Behind a number that is right, a wrong one still leads to somebody else."""
_WORDS_OF_DIGITS: Final = re.compile(rf"\b(?:{'|'.join(_DIGIT_WORDS)})\b", re.IGNORECASE)


def _address(match: re.Match[str]) -> tuple[str, ...]:
    text = re.sub(_AT_WORD, "@", match[0].lower())
    return (re.sub(r"\s", "", re.sub(_DOT_WORD, ".", text)).replace("。", ".").strip("."),)


def _web_address(match: re.Match[str]) -> tuple[str, ...]:
    text = re.sub(r"\s", "", re.sub(_DOT_WORD, ".", match[0].lower())).replace("。", ".")
    return (re.sub(r"^https?:/*", "", text).removeprefix("www.").rstrip("/.,;:!?)'\"]"),)


def _sums(match: re.Match[str]) -> tuple[str, ...]:
    said = match[0].lower()
    numbers = () if re.search(_HUNDREDS, said) else re.findall(r"\d[\d.,']*(?:\s?k\b)?", said)
    return tuple(map(sum_of, numbers)) or (said,)


def _dialled(match: re.Match[str]) -> tuple[str, ...]:
    text = _WORDS_OF_DIGITS.sub(lambda word: _DIGIT_WORDS[word[0].lower()], match[0])
    vanity = re.search(r"\d\W{0,2}[a-z]{3,}", text, re.IGNORECASE)
    return (re.sub(r"[\W_]" if vanity else r"\D", "", text).lower(),)


def _extension(match: re.Match[str]) -> tuple[str, ...]:
    return (f"x{match[1]}",)


class _Finder(msgspec.Struct, frozen=True):
    kind: ClaimKind
    pattern: re.Pattern[str]
    said: Callable[[re.Match[str]], tuple[str, ...]]
    hints: tuple[str, ...]
    """Without one of these in a text the pattern cannot match, and need not be tried."""


_DOT_HINTS: Final = ("dot", "punto", "ponto", "point")
_FINDERS: Final = (
    _Finder("email", _EMAIL, _address, ("@", "(", "[", "{", *_DOT_HINTS)),
    _Finder("url", _URL, _web_address, (".", "。", ":", *_DOT_HINTS)),
    _Finder(
        "price",
        _PRICE,
        _sums,
        (*_MONEY_SIGNS, *_MONEY_WORDS, " rs", " rp", " rm", *_PRICE_WORDS, *_OFF),
    ),
    _Finder("phone", _PHONE, _dialled, (*"0123456789", *_DIGIT_WORDS)),
    _Finder(
        "phone",
        _EXTENSION,
        _extension,
        ("x", "#", "ramal", "anexo", "poste", "доб", "分机", "分機", "内線", "내선"),
    ),
)
