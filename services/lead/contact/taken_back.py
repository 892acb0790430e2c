"""A way that the customer takes back, in words around no value: `that's not my number`, `STOP`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

Kind = Literal["phone", "email"]

BOTH: Final[frozenset[Kind]] = frozenset({"phone", "email"})
_PHONE: Final[frozenset[Kind]] = frozenset({"phone"})
_EMAIL: Final[frozenset[Kind]] = frozenset({"email"})
_NOBODY: Final[frozenset[Kind]] = frozenset()

_WORD: Final = re.compile(r"[^\W\d_]+")
_CLAUSE: Final = re.compile(r"[.,;:!?\n()-]+")
_NOT_ENDING: Final = re.compile(r"(?<=[a-z])n'?t\b")
_BROKEN: Final = re.compile(r"\bnot work\b")
_NO_SHORT: Final = re.compile(r"\b(phone|cell|mobile|whatsapp) no\b")
"""`Cell no: ...`."""
_A_THAT: Final = re.compile(r"\ba (?=es[ae]\b)")
"""`No llame a ese`; in English it is not their number that is `not a cell`."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NO: Final = _words(
    "not no never forget ignore disregard wrong incorrect wrongly old previous mistake mal viejo "
    "broken dead equivocado equivocada incorrecto malo anterior olvide olvida"
)
_WRONG: Final = _words("wrong incorrect mistake mal equivocado incorrecto right correct")
_THAT: Final = _words("that thats this it one ese eso esa este lo así asi")
_WRITTEN: Final = _words(
    "typed wrote put gave entered sent puse escribí escribi di mandé mande anoté anote"
)
_PHONES: Final = _words(
    "number phone cell cellphone mobile digits número numero teléfono telefono celular cel digit"
)
_EMAILS: Final = _words("email mail gmail address correo dirección direccion")
_TALK: Final = _words(
    "do does did is was are the my mine me i you s its please pls sorry oh oops ok use call text "
    "try dial reach at on to should be correct right working works now anymore longer any more "
    "just meant here and so but by good new am es el la mi mis está esta era fue ya más mas se le "
    "les use usen llame llamen llámeme llameme marque al tengo bueno buena correcto de que sino "
    "perdón perdon disculpe ahora mejor y pero wait hey have last whatsapp"
)
_KNOWN: Final = _NO | _THAT | _WRITTEN | _PHONES | _EMAILS | _TALK


def _clauses(text: str) -> Iterator[frozenset[str]]:
    """The words of each, the last clause first; `doesn't` is two."""
    plain = _NO_SHORT.sub(r"\1", _NOT_ENDING.sub(" not", text.lower()))
    plain = _BROKEN.sub("broken", _A_THAT.sub("", plain))
    for clause in reversed(_CLAUSE.split(plain)):
        yield frozenset(_WORD.findall(clause))


def retracts(before: str, kind: Kind) -> bool:
    """Up to a value nothing but that the one before is not it; a seat may be wrong as well."""
    for words in _clauses(before):
        if not words <= _KNOWN:
            return False
        if words & _NO and words & (_THAT | _WRITTEN | _PHONES | _EMAILS):
            return not words & (_EMAILS if kind == "phone" else _PHONES)
    return False


def retracted(text: str, last: Kind, *, asked: bool) -> frozenset[Kind]:
    """Without the right one. `asked`: of what else was asked, `that's wrong` may tell as well."""
    if "?" in text:
        return _NOBODY
    clauses = list(_clauses(text))
    nothing_else = not asked and all(words <= _KNOWN for words in clauses)
    for words in clauses:
        if words <= _KNOWN and words & _NO:
            if words & (_PHONES | _EMAILS):
                return _EMAIL if words & _EMAILS else _PHONE
            if words & _WRITTEN or (nothing_else and words & _THAT and words & _WRONG):
                return frozenset({last})
    return _NOBODY


_END: Final = (
    r"(?=\W*$|\s*[.,;!\n]|\s+(?:i|i'?m|we|because|bc|cuz|since|thank\w*|porque|ya|gracias)\b)"
)
_OPT_OUT: Final = re.compile(
    r"(?:(?<!\bi )(?<!\byou )(?<!\bwe )(?<!\bthey )\b(?:do not|don'?t|never|stop|quit)(?: ever)? "
    r"(?P<way>call|text|phone|contact|messag|e-?mail|mail|reach|writ|bother)(?:e|t?ing)?"
    r"(?:,? (?:or|and) (?:call|text|e-?mail|messag|contact|writ)(?:e|ing)?)*"
    r"(?: (?:me|us))?(?: (?:any ?more|again|no more|ever|back|out|please|pls|plz))*"
    r"|\bno (?:quiero que )?me (?:vuelvan? a )?"
    r"(?P<forma>llam|marqu|contact|escrib|mand|text|molest|habl)(?:e?[ea][ns]?|ar)"
    r"(?: (?:mensajes?|textos?|correos?))?(?: (?:m[aá]s|por favor|porfa\w*))*"
    r"|\b(?:do not|don'?t) want (?:any |more |you to |to be )*"
    r"(?P<want>call|text|contact|e-?mail|messag)(?:s|es|ed|ing)?(?: me)?(?: (?:any ?more|again))?"
    r"|\bdej[ea]n? de (?P<dejar>llamar|marcar|contactar|escribir|mandar|molestar)(?:me|nos)?"
    rf"(?: (?:mensajes?|textos?))?(?: por favor)?|^\W*(?:stop|unsubscribe)\W*$){_END}",
    re.IGNORECASE,
)
"""Whole, and not only before noon, at work or for a text."""
_DELETE: Final = re.compile(
    r"\btake me off\b|\b(?:delet|remov|eras|forget|los|borr|elimin|quit)(?:e[ns]?|a[ns]?|ing|)"
    r"(?: (?:me|us)\b| (?:all )?(?:of )?(?:my|mis?|our) (?:(?:phone|cell|contact|personal) )?"
    r"(?P<what>number|phone|cell|e-?mail|mail|correo|n[uú]mero|tel[eé]fono|celular|"
    r"info\w*|data|details|contact|datos)\b)",
    re.IGNORECASE,
)
_OTHER_WAY: Final = re.compile(
    r"\b(?:call|text|e-?mail|messag|whats|write|ll[aá]m|m[aá]nd|escr[ií]b|correo|mensaje)",
    re.IGNORECASE,
)


def opted_out(text: str) -> frozenset[Kind]:
    """Who wants no call, but a text, still wants to be reached."""
    gone = {kind for found in _DELETE.finditer(text) for kind in _kinds(found["what"])}
    outs = list(_OPT_OUT.finditer(text))
    if outs and not _OTHER_WAY.search(_OPT_OUT.sub("", text)):
        for found in outs:
            gone |= _kinds(next(filter(None, found.groups()), None))
    return frozenset(gone)


def _kinds(way: str | None) -> frozenset[Kind]:
    way = (way or "").lower()
    if re.match(r"call|text|phone|llam|marc|marqu|number|cell?|n[uú]m|tel", way):
        return _PHONE
    return _EMAIL if re.match(r"e-?mail|mail|correo", way) else BOTH
