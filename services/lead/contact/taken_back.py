"""A way that the customer takes back, in words around no value: `that's not my number`, `STOP`.

Only what can mean nothing else counts: a number lost or doubted for a harmless word costs a lead.
"""

from __future__ import annotations

import re
from typing import Final, Literal

Kind = Literal["phone", "email"]

_BOTH: Final[frozenset[Kind]] = frozenset({"phone", "email"})

_BEGIN: Final = (
    r"(?:^|[.,;:!\n()-])\s*(?:(?:no|oh|ok|sorry|oops|wait|hey|please|pls|actually|and|so|but|just|"
    r"my bad|yes|ay|y|pero|ya|perd[oó]n|disculpe|lo siento|por favor|hola|hi)[ ,.!]{1,2})*"
)
"""Of a clause: what others `never call` is no wish, and `don't lose my number` no loss."""
_END: Final = (
    r"(?: (?:any ?more|again|ever|no more|sorry|please|pls|thanks|to call|por favor|porfa|m[aá]s|"
    r"perd[oó]n|from your (?:list|system|records)))*+(?=\s*(?:$|[.,;:!\n()-]))"
)
_IT_IS: Final = r"(?:that|this|it)(?:'?s| is| was)"
_NOT: Final = r"(?: not|n'?t)"
_DO_NOT: Final = r"(?:do not|don'?t|never)(?: ever)?"
_PUT: Final = r"(?:typed|wrote|put|gave|entered|sent)(?: you| u| in)?"
_PUSE: Final = r"(?:les? |te )?(?:puse|escrib[ií]|di|mand[eé]|anot[eé])"
_NUMBER: Final = (
    r"(?:(?:(?:tele)?phone |cell |mobile |contact )?number|n[uú]mero|e-?mail(?: address)?|correo)"
)
_WRONG: Final = (
    rf"(?:(?:is|was)(?:{_NOT} (?:mine|right|correct|working)| wrong| incorrect| old| disconnected|"
    r" no longer in service)|(?:doesn'?t|does not) work)"
)
_MAL: Final = (
    r"(?:(?:est[aá]|es|era) (?:mal|equivocado|incorrecto|viejo)|"
    r"(?:ya )?no (?:sirve|funciona|existe|es m[ií]o))"
)
_NAMED: Final = (
    rf"(?:{_IT_IS}(?:{_NOT}| no longer)|not) (?:my|that|the (?:right|correct)) {_NUMBER}",
    rf"(?:that|the|my) (?:{_NUMBER}|last digit)(?: (?:that )?i {_PUT})? {_WRONG}",
    rf"(?:{_IT_IS} |i (?:just )?{_PUT} )?(?:(?:the|a|my) )?wrong {_NUMBER}",
    rf"i (?:just )?(?:{_PUT} (?:(?:the|my) {_NUMBER} wrong|the wrong phone)|mistyped my {_NUMBER})",
    rf"{_DO_NOT} (?:use|call|dial|try) that {_NUMBER}",
    r"(?:forget|ignore|disregard|lose) (?:that|my) (?:phone )?number",
    rf"i no longer have that (?:{_NUMBER}|phone)",
    rf"{_IT_IS} my old (?:{_NUMBER}|cell)",
    rf"(?:es[aeo] )?(?:ya )?no (?:es|era) mi {_NUMBER}|es[ae] ya no es mi (?:celular|tel[eé]fono)",
    rf"(?:ese|el|mi) {_NUMBER}(?: que {_PUSE})? {_MAL}",
    rf"{_PUSE} mal (?:el|mi) {_NUMBER}|(?:{_PUSE} )?(?:el )?{_NUMBER} equivocado",
    rf"no (?:use|llame|marque)n?(?: a)? ese {_NUMBER}|(?:ya )?no tengo ese {_NUMBER}",
)
_POINTED: Final = (
    rf"i {_PUT} it wrong",
    rf"(?:that|this)(?: one)?(?:'?s| is| was)(?:{_NOT} (?:right|correct)| wrong| incorrect)",
    r"lo (?:puse|escrib[ií]) mal|es[ae] est[aá] (?:mal|equivocad[ao])",
)
_NOT_THAT_ONE: Final = (
    rf"{_IT_IS}{_NOT} that one|{_DO_NOT} (?:use|call|try) that one|(?:forget|ignore) that one",
    r"that (?:one|phone) (?:(?:doesn'?t|does not) work|is broken)",
    rf"that address is wrong|that'?s not the {_NUMBER}",
    r"(?:es[aeo]|as[ií]) no(?: es| era)?|no es es[ae]|no (?:use|llame|marque)n?(?: a)? es[ae]",
)
_RIGHT_ONE: Final = (
    r"(?:[\s,.:;!()-]|\b(?:it|its|it's|is|use|try|call|text|me|at|on|the|my|right|correct|new|"
    r"number|one|here|now|sorry|please|es|el|la|mi|al|n[uú]mero|bueno|ahora|llamen?|marquen?|"
    r"usen?)\b)*$"
)
"""Nothing else up to it; `my cell is` may add one."""


def _clause(ways: tuple[str, ...], end: str = _END) -> re.Pattern[str]:
    return re.compile(rf"{_BEGIN}(?P<said>{'|'.join(ways)}){end}", re.IGNORECASE)


_THE_NUMBER: Final = _clause(_NAMED)
_IT: Final = _clause(_POINTED, rf"{_END}\W*$")
_FOR_ANOTHER: Final = _clause(
    (*_NAMED, *_POINTED, *_NOT_THAT_ONE), rf"(?: any ?more| sorry| to call)*+{_RIGHT_ONE}"
)


def retracts(before: str, kind: Kind) -> bool:
    """Up to a value nothing but that the one before is not it; a seat may be wrong as well."""
    found = _FOR_ANOTHER.search(before)
    return found is not None and kind in _kinds(found["said"])


def retracted(text: str, last: Kind, *, just_given: bool) -> frozenset[Kind]:
    """Without the right one. `just_given`: nothing was said since that `it` may mean."""
    if "?" in text:
        return frozenset()
    if found := _THE_NUMBER.search(text):
        return _kinds(found["said"])
    return frozenset({last}) if just_given and _IT.match(text) else frozenset()


_MINE: Final = rf"(?:my|mis?) (?:{_NUMBER}|(?:contact )?(?:info\w*|details)|data|datos)"
_GONE: Final = _clause((
    r"take me off your list|(?:delete|remove) me",
    rf"(?:delete|remove|erase|borr[ae]n?|elimin[ae]n?|quit[ae]n?) {_MINE}",
))  # fmt: skip
_FOR_GOOD: Final = (
    rf"{_END}(?=\W*$|\W+(?:thank|gracias|i(?:'?m deaf| found another| went with)|ya encontr))"
)
_CALL: Final = r"(?: (?:call|text|contact|e-?mail)(?:ing)?| or| and| me)+"
_OPT_OUT: Final = _clause((
    rf"(?:{_DO_NOT}|stop|quit)(?=[\w -]*(?:call|contact|mail)){_CALL}",
    r"no (?:quiero que )?me (?:vuelvan? a )?(?:llam|marqu|contact|molest)(?:e[ns]?|ar)",
    r"i (?:do not|don'?t) want (?:any |more )*(?:calls|e-?mails)",
    r"dejen? de (?:llamar|marcar|contactar|molestar)(?:me|nos)?",
), _FOR_GOOD)  # fmt: skip
"""Whole, and not only before noon, at work or for a text."""
_STOP: Final = re.compile(r"\W*(?:stop|unsubscribe)\W*", re.IGNORECASE)
_OTHER_WAY: Final = re.compile(
    r"\b(?:call|text|e-?mail|messag|whats|write|ll[aá]m|m[aá]nd|escr[ií]b|correo|mensaje)",
    re.IGNORECASE,
)


def opted_out(text: str) -> frozenset[Kind]:
    """Who wants no call, but a text, still wants to be reached."""
    if _STOP.fullmatch(text):
        return _BOTH
    if gone := _GONE.search(text):
        return _kinds(gone["said"])
    out = _OPT_OUT.search(text)
    if out is None or _OTHER_WAY.search(_OPT_OUT.sub("", text)):
        return frozenset()
    return _kinds(out["said"])


_OF_A_PHONE: Final = re.compile(
    r"call|llam|mar[cq]|number|n[uú]mero|phone|cel|tel|digit", re.IGNORECASE
)
_OF_AN_EMAIL: Final = re.compile(r"mail|correo|address", re.IGNORECASE)


def _kinds(said: str) -> frozenset[Kind]:
    phone, email = _OF_A_PHONE.search(said), _OF_AN_EMAIL.search(said)
    if bool(phone) == bool(email):
        return _BOTH
    return frozenset({"phone"}) if phone else frozenset({"email"})
