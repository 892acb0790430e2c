"""How phones, emails, web addresses and prices are written, and how people disguise them."""
# ruff: noqa: E501, RUF001, SIM905 - patterns name the characters that people disguise with

from __future__ import annotations

import re
from typing import Final

from services.lead.contact.providers import BRANDS
from services.lead.summary.numbers import COUNTED, YEAR

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
    " qar kwd ils egp zar sgd hkd twd php thb myr idr rub uah kr tl btc eth usdt".split()
)
MONEY_WORDS: Final = (
    *_CODES,
    *"dollar dollars buck bucks euro euros pound pounds"
    " quid peso pesos dólar dólares dolar dolares dlls reais rupee rupees rupiah yuan yen won baht ringgit"
    " franc francs dirham dirhams riyal riyals dinar dinars lira liras zloty zł krona kronor kroner"
    " shekel shekels rand grand cent cents lakh lakhs crore crores"
    " đồng dong đô руб рубль рубля рублей доллар доллара долларов دولار درهم ريال ریال تومان डॉलर"
    " रुपये ਡਾਲਰ டாலர் డాలర్".split(),
)
MONEY_SIGNS: Final = (*"$€£¥₹₩₫₱฿₽₴₺₪₦¢﷼元块塊圆円원", "달러", "美元", "美金", "ドル")
_MONEY_BEFORE: Final = (*_CODES, "rs", "rp", "rm")
_ASKED_FOR: Final = ("total", "quote", "estimate", "estimated")
"""Said by everybody who wants work done: no sign that the numbers beside it are money."""
PRICE_WORDS: Final = (
    *_ASKED_FOR,
    *"price priced pricing cost costs charge charges fee fees quoted budget pay paid deposit precio cuesta costo cobra cobramos cobran presupuesto preço custa prix coûte giá harga цена"
    " стоимость 价格 價格 收费 收費 费用 費用 預算 预算 値段 予算 가격 예산 سعر ميزانية बजट бюджет".split(),
)
OFF: Final = ("off", "discount", "descuento", "deposit", "anticipo")
_PERCENT: Final = r"(?<!\d)\d++\s?(?:%|percent|por ciento)"
AS_A_SUM: Final = ("plus tax", "+ tax", "all in", "out the door", "más impuestos")
GIVEN: Final = (
    "half price", "half off", "free of charge", "no charge", "at no cost", "for free", "gratis", "complimentary",
    "mitad de precio", "sin costo", "sin cargo", "kostenlos", "gratuit", "免费", "免費", "半价", "半價", "무료",
)  # fmt: skip
"""Prices without a number."""
_MONEY: Final = f"(?:{'|'.join(MONEY_WORDS)})"
_SIGN: Final = f"(?:{'|'.join(map(re.escape, MONEY_SIGNS))})"
_AMOUNT: Final = r"(?<!\d)\d(?:[\d.,']|\s(?=\d{3}\b)){0,24}+\s?k?(?![a-z\d])"
_RANGE: Final = rf"{_AMOUNT}(?:\s*(?:-|–|—|~|to|and|a|y|bis|до)\s*{_SIGN}?\s*{_AMOUNT})?"
SPEAKS_OF_MONEY: Final = re.compile(
    rf"{_SIGN}|\b(?:{'|'.join((*MONEY_WORDS, *_MONEY_BEFORE))})\b"
    rf"|(?:{'|'.join(word for word in PRICE_WORDS if word not in _ASKED_FOR)})",
    re.IGNORECASE,
)
_LINK: Final = (
    r"(?:\s+(?:is|of|at|for|around|about|be|would|will|es|de|será|approximately|range[sd]?|from|between|up to"
    r"|(?:came|comes?|runs?|starts?|starting) (?:to|at|from)|entre|hasta|desde)|\s*[:=~]"
    r"|大约|大約|大概|约|約|是|为|為|は|が|은|는)"
)
HUNDREDS: Final = r"(?<![\d十百千万萬])\d?[十百千万萬][\d十百千万萬]{0,12}"
"""`五百`, once its digits are read."""

_TLD: Final = (
    r"(?:[a-z]{2,24}|xn--[a-z0-9-]+|рф|укр|бел|中国|中國|公司|网络|한국|भारत|امارات|السعودية)"
)
_COMMON_TLD: Final = r"(?:com|net|org|info|biz|io|co|us|me|ly|to|ru|cn|xyz|top|shop|site|app|dev|online|es|fr|de|mx|br|in|link|store|club|live|page|tk)"
_DOTS: Final = "dot|punto|ponto|point|punkt"
_ATS: Final = "at|arroba|arobase"
DOT_WORD: Final = rf"(?:\s+['\"]?(?:{_DOTS})['\"]?\s+|\s*[\[({{]\s*(?:{_DOTS}|\.)\s*[\])}}]\s*)"
AT_WORD: Final = rf"(?:\s+['\"]?(?:{_ATS})['\"]?\s+|\s*[\[({{]\s*(?:{_ATS}|@)\s*[\])}}]\s*)"
_SURE_TLD: Final = r"(?:com|net|org|info|biz|io|ru|cn|xyz)"
"""No word of English or Spanish: behind `smuggler . ` or `smuggler,` it can be nothing else."""
_ENDS: Final = r"(?![a-z0-9_\u00c0-\u024f])"
"""Where a Latin word ends: Chinese goes on without a space."""
_NAME: Final = r"[\w.+%-]{1,64}"
_LABEL: Final = r"[\w-]{1,63}"

_DOT: Final = r"(?:\.|。(?=[a-z0-9]))"
"""Before anything else `。` ends a sentence."""

_NEXT_SENTENCE: Final = rf"(?!{_COMMON_TLD}\b)(?-i:[A-Z][a-z]++)(?![./])"
"""`Ana Ruiz.She wants`: as the mail's own marker of links reads it."""

EMAIL: Final = re.compile(
    rf"{_NAME}\s?@\s?{_LABEL}(?:{_DOT}{_LABEL}){{1,8}}"
    rf"|{_NAME}(?:{AT_WORD}|\s?@\s?){_LABEL}(?:(?:{DOT_WORD}|{_DOT}){_LABEL}){{0,4}}{DOT_WORD}{_LABEL}"
    rf"|{_NAME}\s*[\[({{]\s*(?:at|@)\s*[\])}}]\s*{_LABEL}(?:{_DOT}{_LABEL}){{1,8}}"
    rf"|{_NAME}{AT_WORD}(?:{'|'.join(BRANDS)}|{_LABEL}\s+(?:com|net|org))\b"
    rf"|{_NAME}@{_LABEL}(?:,{_LABEL})?|(?<!\w)@\w{{3,64}}|(?<![a-z0-9])(?-i:[a-z0-9]{{1,64}}+AT[a-z0-9]{{1,63}}+DOT[a-z]{{2}})",
    re.IGNORECASE,
)
URL: Final = re.compile(
    r"\b(?:h\w{2}ps?|ftps?|javascript|data|mailto|tel|sms|file|vbscript|whatsapp|intent)\s?:\s?\S+"
    r"|\bwww\s?\.\s?\S+|//\S+|\]\(\S+|\blocalhost\b\S*|\bhttps?\b"
    rf"|(?<![\w@.])(?:{_LABEL}{_DOT}){{1,8}}(?!{_NEXT_SENTENCE}){_TLD}(?![a-z0-9_@])(?:[:/?#]\S*)?"
    rf"|(?<![\w@.]){_LABEL}(?:\s\.\s?|,|•){_SURE_TLD}{_ENDS}"
    rf"|(?<![\w@.])(?!(?:el|este|ese|un|the|this|that)\s){_LABEL}(?:{DOT_WORD}{_LABEL}){{0,4}}{DOT_WORD}{_COMMON_TLD}{_ENDS}"
    r"|(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])\S*",
    re.IGNORECASE,
)
_NUMBER_WORD: Final = f"(?:{_TENS}|{'|'.join(_DIGIT_WORDS)})"
_NUMBER_WORDS: Final = rf"{_NUMBER_WORD}(?:[\s-]+(?:and|y|{_NUMBER_WORD})){{0,8}}"
_LARGE: Final = r"(?:hundred|thousand|grand|cien|mil|\w*cientos)"
_NO_SUM: Final = (
    rf"\d(?![.,']?\d)(?!\s?k)|(?:{YEAR})\s+(?!plus\b|all in\b)[^\W\d_]{{3,}}|\d++{COUNTED}"
)
"""`quote for 2 seats`, `estimate for 2016 Civic`, `of 12 hours`."""
PRICE: Final = re.compile(
    rf"(?:{_SIGN}|(?<![a-z\d_])(?:(?:{'|'.join(_CODES)})(?![a-z])|(?:rs|rp|rm)\b)\.?)\s*{_RANGE}"
    rf"|{_RANGE}-?\s*(?:{_SIGN}|(?<![a-z]){_MONEY}{_ENDS})|(?<!\d)\d[\d.,']{{0,24}}+k?{_MONEY}{_ENDS}"
    rf"|{HUNDREDS}\s*{_SIGN}"
    rf"|(?:{'|'.join(PRICE_WORDS)}){_LINK}{{0,3}}(?!\s*+(?:{_NO_SUM}))\s*{_SIGN}?\s*{_RANGE}"
    rf"|{_RANGE}\s*(?:{'|'.join(map(re.escape, AS_A_SUM))})|\b(?:do|fix|repair|done) it for {_SIGN}?{_RANGE}"
    rf"|{'|'.join(GIVEN)}"
    rf"|\b{_NUMBER_WORDS}\s+{_MONEY}\b|{_SIGN}\s*{_NUMBER_WORDS}\b"
    rf"|(?:{'|'.join(PRICE_WORDS)}){_LINK}{{0,3}}\s+(?:a\s|{_NUMBER_WORD}[\s-]+){{0,6}}{_LARGE}\b"
    rf"|{_PERCENT}\s*(?:de\s+)?(?:{'|'.join(OFF)})|(?:{'|'.join(OFF)})\s+(?:of|de)\s+(?:el\s+)?{_PERCENT}",
    re.IGNORECASE,
)
PHONE: Final = re.compile(
    r"(?<![\d])\+?\(?\d(?:[\s()\[\].\-–—‐‑−/\\·•_*,:;|~=+'\"]{0,3}\d){6,19}(?!\d)"
    r"|(?:\b1[\s.-]?)?\(?\b8(?:00|33|44|55|66|77|88)\)?[\s.-][a-z\d](?:[\s.-]?[a-z\d]){5,9}\b"
    r"|\b(?:1[\s.-]?)?8(?:00|33|44|55|66|77|88)[a-z](?:-?[a-z\d]){5,9}\b"
    r"|\b(?:call|text|sms|dial|llam\w+|marque|whatsapp)\s+(?:[a-z]+\s+){0,3}\d{3,6}\b(?!\W{0,3}\d|-[a-z])",
    re.IGNORECASE,
)
EXTENSION: Final = re.compile(
    r"(?<=\d{4})\)?[\s,;]*(?:e?xt(?:ension|ensi[oó]n|n)?|x|#|ramal|anexo|poste|доб|分机|分機|内線|내선)"
    r"[\s.:]*(\d{1,7})(?!\d)",
    re.IGNORECASE,
)
"""Behind a number that is right, a wrong one still leads to somebody else."""
