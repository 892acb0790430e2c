"""The things that a number may be the number of, and how it is said to be theirs."""

from __future__ import annotations

import re
from typing import Final


def _any_of(*words: str) -> str:
    return "|".join(words)


_NEVER_A_PHONE: Final = _any_of(
    r"\b(?:invoices?|inv|(?-i:PO|P\.O\.)|ref(?:erence)?|vin|serial|s/n|sn|tracking|ticket|policy|"
    r"account|acct|licen[cs]e|plate|zip|sku|upc|ean|isbn|confirmation|conf|work order|wo|ro|fax|"
    r"routing|card|ssn|passport|imei|dot|usdot|(?<!area )code|"
    r"factura|serie|p[oó]liza|placa|cuenta|gu[ií]a|rastreo|c[oó]digo|folio|"
    r"facture|chassis|apólice|resi|hóa đơn|"
    r"(?:auftrags|artikel|bestell|fahrgestell|kunden|rechnungs|serien|teile)n(?:umme)?r)",
    r"счет\w*|发票|發票|单号|單號|车架|車架|송장|차대|車台|فاتورة|बिल",
)
_SELDOM_A_PHONE: Final = _any_of(
    r"\b(?:orders?|part|case|claim|stock|model|item|lot|reg(?:istration)?|"
    r"pedido|orden|reclamo|commande|dossier|nota|protocolo|pesanan|đơn hàng)",
    r"заказ\w*|订单|訂單|주문|注文|طلب|سفارش|ऑर्डर",
)
_EVERYDAY: Final = (
    r"\b(?:po|quote|est|estimate|booking|job|customer|member|employee|fabric|colou?r|"
    r"cotizaci[oó]n|presupuesto|cliente|devis)"
)
_ANY_THING: Final = _any_of(_NEVER_A_PHONE, _SELDOM_A_PHONE, _EVERYDAY)
_NUMBER_OF: Final = (
    r"\b(?:n[uú]mero|n[º°]|no(?= de)|numéro|nomor|số|mã|номер|رقم)\s+(?:de\s+|del\s+|da\s+)?"
)
_MARK: Final = (
    r"(?:#|№|\b(?:nos?|nr|num|numbers?|id|code|n[uú]mero|n[º°]|numéro|số|номер)\b\.?|"
    r"号码|號碼|号|號|번호|番号|رقم|नंबर)"
)
_GLUE: Final = (
    rf"(?:[\s:=\-]|{_MARK}|\b(?:is|was|the|it|its|my|your|our|end(?:s|ing)?|in|with|for|by|"
    r"de|del|la|el|es|fue|est|é|là)\b|是|为|為|는|은|は|هو|है)*"
)
_LABEL: Final = r"(?:(?:on (?:the|its) (?!phone|cell|line|mobile)\w+ )?(?:says|reads|shows)[\s:]+)?"
"""`model number on the chair says`."""

THING: Final = re.compile(_ANY_THING, re.IGNORECASE)
NUMBER_OF_A_THING: Final = re.compile(
    rf"(?:({_NUMBER_OF})?(?:{_ANY_THING})(?(1)|[\s:\-]*{_MARK})|\bfax){_GLUE}{_LABEL}$",
    re.IGNORECASE,
)
"""Right before a number, and said to be the number of something: `quote #`, `número de pedido`."""
NEVER_A_PHONE: Final = re.compile(rf"(?:{_NEVER_A_PHONE}){_GLUE}$", re.IGNORECASE)
"""Things that are named by a number, however it is written."""
SELDOM_A_PHONE: Final = re.compile(rf"(?:{_SELDOM_A_PHONE})(?<!\bin case){_GLUE}$", re.IGNORECASE)
"""So are these; but `I want to order 408-555-0117` is a customer."""

_HAD: Final = (
    r"\b(?:(?<!can i )(?<!may i )(?<!could i )have|has|had|got|gave|sent|paid|made|took|was|with|"
    r"about|under|on|(?!need\b)[^\W\d]+ed|"
    r"tengo|tiene|tuve|hay|hice|hicimos|puse|dieron|pagué|recibí|abrí|con|sobre)\s(?:(?:me|us)\s)?"
)
_ADJECTIVES: Final = (
    r"(?:(?!(?:the|my|this|your|our|of|on|for|about|with|from|to|in|by|at|and|or|said|says|"
    r"el|la|mi|su|de|del|sobre|con|para|por|en|al|y|dijo|dice)\b)[^\W\d]+\s){0,2}"
)
_ONE: Final = rf"\b(?:an?|una?|another|otr[oa])\s{_ADJECTIVES}"
_OWN_OR_WANT: Final = (
    r"\b(?:have|need|want|tengo|necesito|quiero)\s"
    r"(?:(?!(?:an?|una?|another|otr[oa]|any|some|which|no|my|the|mi|el|la|to)\b)[^\W\d]+\s)?"
)
MENTIONED: Final = re.compile(
    rf"(?:(?:n't|\b(?:dont|not|no))\s(?:have|need|tengo|tenemos|necesito|hay)\s{_ADJECTIVES}|"
    rf"\b(?:without|sin|ning[uú]na?)\s{_ADJECTIVES}|\bno\s(?:(?:credit|insurance)\s)?|"
    rf"(?P<had>{_HAD}{_ONE}|{_OWN_OR_WANT})|{_ONE}|\b(?:any|some|which)\s{_ADJECTIVES}|"
    r"\b(?:by|take)\s(?:[^\W\d]+\s)?(?=card))"
    rf"(?:{_NEVER_A_PHONE}|{_SELDOM_A_PHONE})[\s:]*$",
    re.IGNORECASE,
)
"""Right before a number, and hardly its name: `send me an invoice 408-555-0117`, `no tengo cuenta`.

Of a thing that may be there (`had`), bare digits are the number: `I filed a claim 4085550117`."""

MONEY_BEFORE: Final = re.compile(r"(?:[$€£¥₹₩₽₫]|\b(?:usd|eur|mxn|rs|inr)\.?)\s?$", re.IGNORECASE)
MONEY_AFTER: Final = re.compile(
    r"\s?(?:[$€£¥₹₩₽₫]|%|(?:dollars?|bucks|usd|euros?|pesos|d[oó]lares|yuan|won(?!')|yen)\b)",
    re.IGNORECASE,
)
