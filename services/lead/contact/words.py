"""The words around a phone number or an address that tell what it is, in the languages we serve."""

from __future__ import annotations

import re
from typing import Final

HELLO: Final = frozenset({
    "hi", "hello", "hey", "hola", "thanks", "thank", "you", "gracias", "i'm", "im", "this", "is",
    "my", "name", "soy", "me", "llamo", "mi", "nombre", "es",
})  # fmt: skip
"""What a name stands in when it is all that somebody says."""

INTRODUCES: Final = re.compile(
    r"\b(?:i'?m|this is|my name is|name is|soy|me llamo|mi nombre es)\s", re.IGNORECASE
)
"""Behind these a name may have no capital."""
NO_NAMES: Final = frozenset({
    "oem", "usps", "ups", "dhl", "fedex", "ontrac", "amazon", "ebay", "etsy", "walmart", "costco",
    "geico", "allstate", "progressive", "farmers", "insurance", "seguro", "receipt", "recibo",
    "parcel", "package", "paquete", "parts", "pieza", "piezas", "size", "date", "year", "total",
    "acura", "audi", "bmw", "buick", "cadillac", "chevrolet", "chevy", "chrysler", "dodge", "ford",
    "gmc", "honda", "hyundai", "infiniti", "jeep", "kia", "lexus", "mazda", "nissan", "porsche",
    "subaru", "tesla", "toyota", "volkswagen", "volvo", "vw", "yamaha", "polaris",
})  # fmt: skip
"""What has numbers of ten digits too, and capitals as a name has."""

PHONE_CUE: Final = re.compile(
    r"\b(?:call|text|ring|phone|cell|mobile|number|reach|whats ?app|tele?|sms|contact|dial)|"
    r"\bph\b|\bp:|\bt:|\bc:|\bm:|\bno\.|\bnum\b|\bnr\b|\bhp\b|\bwsp\b|\bwa\b|\bmy ?#|"
    r"\bwhats(?: is| es)? ?[:\d]|\b(?:kontakt|erreich|anruf|handy)|"
    r"\b(?:llam|marca|cel|tel[eé]f|n[uú]mero|m[oó]vil|mensaje|contact|comun[ií]|escr[ií]b)|"
    r"\b(?:lig(?:ar|ue)|telefone|zap|fone|appel|joign|t[eé]l[eé]phone|portable|joindre|num[eé]ro)|"
    r"\b(?:tawag|telepon|hubungi|nomor|điện thoại|dien thoai|sđt|sdt|số|gọi|goi|liên hệ)|"
    r"电话|電話|手机|手機|号码|號碼|打给|打給|联系|聯絡|聯繫|微信|전화|연락|번호|휴대|핸드폰|携帯|番号|連絡|"
    r"هاتف|رقم|جوال|موبايل|اتصل|تلفن|شماره|تماس|واتس|телефон|номер|звон|тел\b|моб|"
    r"फोन|फ़ोन|नंबर|नम्बर|मोबाइल|कॉल|ਫੋਨ|ਨੰਬਰ|ਕਾਲ|போன்|எண்|அழை|ఫోన్|నంబర్|కాల్|తెలుగు",
    re.IGNORECASE,
)
"""Somewhere on the same line: what looks like a phone number and could be another is one."""

EMAIL_CUE: Final = re.compile(
    r"e-?mail|\bmail|correo|courriel|邮箱|郵箱|邮件|郵件|信箱|이메일|메일|メール|بريد|ایمیل|ईमेल|почт|имейл|"
    r"ਈਮੇਲ|மின்னஞ்சல்|ఈమెయిల్|surel|thư",
    re.IGNORECASE,
)

_LED_IN: Final = r"[\s:,\"'(]*$"
"""What may stand between words and the value that they are about."""

DENIED_BEFORE: Final = re.compile(
    r"(?:\b(?:instead of|rather than|no longer(?: use)?|"
    r"(?:stopped|quit) using|"
    r"(?:don'?t|do not|never) (?:call|text|use|email)(?: me)?(?: (?:at|on))?|used to be|"
    r"(?<!years )(?:old|previous|former) (?:phone |cell |email )?"
    r"(?:number|phone|cell|email|address|one|mail)?(?: (?:is|was))?|"
    r"en lugar de|en vez de|ya no (?:es|uso|l[oa] uso)(?: el)?|"
    r"no (?:use|me llamen?|llamen?)(?: el| al)?|"
    r"n[uú]mero (?:viejo|anterior)(?: (?:es|era))?|"
    r"correo (?:viejo|anterior)(?: (?:es|era))?|"
    r"não ligue(?: o| para)?|pas le|au lieu d[eu]|số cũ|не звоните(?: на)?)|"
    rf"(?:不要|别|別)打[^\W\d]{{0,4}}|(?:旧|舊|之前的|以前的)(?:号码|號碼|电话|電話|号|號)){_LED_IN}",
    re.IGNORECASE,
)
"""Right before: the customer says that this is not (or no longer) to be used."""
NOT_BEFORE: Final = re.compile(
    r"(?:\b(?:(?<!if )(?<!or )not|isn'?t|wasn'?t|"
    r"(?<!s )(?<!it )wrong (?:phone |cell |email )?(?:number|phone|cell|email|address|one|mail)?"
    r"(?: (?:is|was))?|no (?:es|era)(?: el)?|n[uú]mero equivocado(?: (?:es|era))?|"
    r"não (?:é|era)(?: o)?|bukan|không phải(?: là)?|не)|"
    rf"不是|ليس){_LED_IN}",
    re.IGNORECASE,
)
"""So it is here; but behind a comma or a colon it may speak of the value given before."""
WRONG_TO_THEM: Final = re.compile(
    r"\b(?:call(?:ed|ing)?|text(?:ed|ing)?|dial(?:l?ed|l?ing)?|rang|reached|tried|from|"
    r"(?:gave|given|sent|told|texted|emailed) (?:me|us)|llam[eé]|marqu[eé]|me (?:dio|dieron))"
    r"(?: (?:to|at|al?|an|the|some|un|el))* (?:wrong|n[uú]mero equivocado)\b",
    re.IGNORECASE,
)
"""Of a call to or from it: they gave no wrong one."""
APPOSITION: Final = re.compile(
    r"\s*,\s*(?!\W*(?:thanks?|thx|ty|please|pls|plz|sorry|call|text|e-?mail|gracias|por favor|"
    r"perd[oó]n|obrigad[oa]|ok|okay|my name|i'?m)\b)\w",
    re.IGNORECASE,
)
"""Right after: `wrong number, ..., is on the form`."""

DENIED_AFTER: Final = re.compile(
    r"[\s,\"')(;:-]*(?:(?:is|was|it'?s|that'?s|which is|es|era|is my|was my)\s+)*"
    r"(?:(?:the |my |an? |el |mi )?(?:old|wrong|incorrect|outdated|viejo|equivocado|incorrecto|"
    r"anterior|mal)\b|no longer|not (?:my|working|the right|correct|in service)|disconnected|"
    r"doesn'?t work|does not work|didn'?t work|won'?t work|ya no|no (?:funciona|sirve|es mi)|"
    r"不对|不對|错了|錯了|停机|停機|は間違|ではなく|틀렸|아니)",
    re.IGNORECASE,
)

LIMITED_AFTER: Final = re.compile(
    r"[^.!?\n\d@,;]{0,40}?(?:\b(?:before|after|until|till|during|between|past|while|if|when|unless|"
    r"on (?:the )?(?:week|mon|tue|wed|thu|fri|sat|sun)\w*|at (?:night|work|lunch)|in the|"
    r"for|texts?|texting|pictures?|pics|photos?|still|but i(?:t|'m| am| check)|though|"
    r"antes|despu[eé]s|hasta|durante|entre|por la|en la|para|los (?:lunes|s[aá]b|dom|fin)\w*|"
    r"de (?:manhã|noite|tarde)|depois|avant|après|le (?:matin|soir)|vor|nach|до|после|по утрам|"
    r"trước|sau|buổi)\b|之前|以前|以后|전에|までは|قبل|بعد)",
    re.IGNORECASE,
)
"""What follows narrows a denial to an hour or a way: the value stays good."""

OURS_BEFORE: Final = re.compile(
    r"\b(?:your (?:(?:shop|store|business|main|direct|office|work|phone|cell|correct|right) ){0,2}"
    r"(?:number|line)(?: (?:is|was|still|as))*|"
    r"i (?:(?:just|already|have|also) )*(?:(?:called|dialed|dialled|rang)(?: (?:you|them))?"
    r"(?: (?:at|on))?|(?:texted|emailed) (?:you|them) (?:at|on))|"
    r"(?:ya (?:les |los )?llam[eé]|llamé|marqué) al)[\s:\"'(]*$",
    re.IGNORECASE,
)
"""Right before: the number that the customer dialled, or asks whether it is the shop's."""
ASKED_ABOUT: Final = re.compile(r"(?:^|[.!?,;] ?)(?:so )?is \(?$", re.IGNORECASE)
OURS_AFTER: Final = re.compile(
    r"\)? (?:still |also )?(?:yours?|a landline|the (?:shop|store|right|correct|main|number))\b",
    re.IGNORECASE,
)
"""`Is 408-... your direct line?`"""
THEIRS_AFTER: Final = re.compile(
    r"[\s,:(-]*(?:(?:is|it'?s|that'?s)\s+)?"
    r"(?:mine|my (?:own |new )?(?:cell|number|phone|mobile|work))\b|\s*es (?:mi|el m[ií]o)\b",
    re.IGNORECASE,
)

ANOTHERS_BEFORE: Final = re.compile(
    r"(?:\b(?:dealer(?:ship)?|yelp|google|craigslist|competitor|agent|adjuster|"
    r"insurance company|seller|mechanic|(?:body|other|old|another|previous|upholstery) shop|"
    r"concesionari[ao]|aseguradora|asesor|ajustador|seguro|vendedor|mec[aá]nico|competencia|"
    r"concession[aá]ria|seguradora|concessionnaire|garagiste|assureur|vendeur|h[aä]ndler|werkstatt|"
    r"versicherung|verkäufer|дилер|страховая|продавец|đại lý|bảo hiểm)(?:'?s)?\b|"
    r"车行|经销商|經銷商|保险公司|保險公司|卖家|賣家|딜러|보험사|ディーラー|保険会社)"
    r"(?:(?!\b(?:my|mine|me:|(?:call|text|reach|email|contact) (?:me|him|her)|ll[aá]m\w+|"
    r"i|i'?m|we|mi|soy|yo|eu|meu|minha|je|mon|moi|ich|mein|мой|меня|я|em|tôi)\b|"
    r"我|나|제|私|[.!?;\n] ?(?!\d)).){0,60}$",
    re.IGNORECASE,
)
"""Before a value, and nobody else named since: whose it is."""
ANOTHERS_AFTER: Final = re.compile(
    r"[\s,(-]*(?:(?:is|that'?s|es)\s+)?(?:the|my|el|del)?\s*"
    r"(?:dealer|seller|mechanic|insurance|agent|adjuster|concesionario|vendedor|seguro)",
    re.IGNORECASE,
)

_UNLESS: Final = r"(?<!\bif )(?<!\bcase )(?<!\bwhen )(?<!\bunless )"
_DEAD: Final = r"(?:'?s| is| was)? (?:dead|disconnected|out of service|no longer in service)"
CORRECTS: Final = re.compile(
    r"\b(?:correction|i meant|i mean|meant to|my bad|my mistake|my error|mi error|my old one|"
    r"typo|wrong (?:phone |cell |email )?(?:number|phone|cell|email|one|digit|address)|"
    r"mistyped|misspelled|mis-?spelt|scratch that|ignore (?:that|the|my)|disregard|instead|"
    r"should (?:be|have been|read)|supposed to be|make (?:it|that)|actually|"
    r"new (?:number|phone|email|cell)|"
    r"oops|whoops|let me (?:correct|fix)|use this|better (?:number|email|to use)|changed my|"
    r"correct(?:ed)? (?:number|email|one|is)|"
    r"(?:number|email|phone|cell) (?:has )?changed|it'?s now|is now|"
    rf"{_UNLESS}(?:that|this|the (?:other|old|first|last)) (?:one|number|phone|cell|email|address)"
    rf"{_DEAD}|{_UNLESS}(?:that|this){_DEAD}|"
    r"(?<!\bsi )es[ea] (?:n[uú]mero |correo )?ya no(?: (?:sirve|funciona|existe|es))?|"
    r"(?:right|real) (?:number|email|one)(?= is|:)|"
    r"me equivoqu[eé]|correcci[oó]n|quise decir|quer[ií]a decir|en realidad|"
    r"mejor (?:a|al|use|este)|"
    r"est[aá] mal|escrib[ií] mal|n[uú]mero correcto|correo correcto|el correcto|"
    r"me confund[ií]|(?:el|n[uú]mero|correo) bueno|"
    r"corre[cç][aã]o|errei|na verdade|quis dizer|o certo|erreur|je voulais dire|en fait|je me suis|"
    r"falsche nummer|vertippt|verschrieben|ich meinte|richtig ist|korrektur|"
    r"correction|nhầm|sai số|đính chính|mali|ibig kong sabihin|salah|maksud saya|ralat)\b|"
    r"不对|不對|更正|打错|打錯|写错|寫錯|说错|說錯|错了|錯了|应该是|應該是|改成|정정|잘못|틀렸|訂正|間違|正しくは|"
    r"تصحيح|خطأ|الصحيح|أقصد|اشتباه|درستش|منظورم|ошиб|исправ|вернее|точнее|"
    r"ग़लत|गलत|सही नंबर|ਗਲਤ|தவறு|తప్పు",
    re.IGNORECASE,
)
"""Before a value: it stands in for the one before."""

_APOLOGIES: Final = (
    r"\b(?:sorry|apologies|wait|actually|pardon|perd[oó]n|lo siento|disculp[ea]|desculp[ea]|"
    r"d[eé]sol[eé]e?|entschuldigung|verzeihung|xin lỗi|pasensya|maaf|извините|простите)\b|抱歉|"
    r"对不起|對不起|不好意思|죄송|すみません|ごめん|عفوا|عفوًا|آسف|ببخشید|माफ़?|ਮਾਫ|மன்னிக்க|క్షమించండి"
)
APOLOGY: Final = re.compile(_APOLOGIES, re.IGNORECASE)

ADDS: Final = re.compile(
    r"\b(?:also|cc|another|second|backup|alternat\w+|wife|husband|spouse|partner|mom|mother|"
    r"dad|father|son|daughter|brother|sister|(?:boy|girl)friend|fianc[eé]e?|friend|boss|tambi[eé]n|"
    r"adem[aá]s|espos[ao]|marido|mujer|hij[ao]|mamá|papá|herman[ao]|novi[ao]|também|aussi|femme|mari|"
    r"auch|frau|mann|также|ещё|жена|жены|муж|cũng|vợ|chồng)\b|也|还有|還有|老婆|老公|太太|아내|남편|"
    r"أيضا|زوجتي|زوجي",
    re.IGNORECASE,
)
"""Between words of correction and a value, or right after it: it stands beside the one before."""
ADDS_AFTER: Final = re.compile(
    r"[\s,]*(?:\w+ ){0,3}(?:too|as well|also|tambi[eé]n|também|aussi|auch)\b", re.IGNORECASE
)
ANOTHER_MATTER: Final = re.compile(r"\w\W+\w[^.!?\n]*[.!?\n]\s")
"""Who begins a new sentence after words of correction has corrected something else."""

NO_OBJECT: Final = re.compile(
    r"(?:\W|[^\x00-\x7f]|\b(?:that|this|it|one|lol|now|sorry|hold|on|again)\b)*\Z", re.IGNORECASE
)
NAMES_A_WAY: Final = re.compile(
    r"\b(?:number|phone|cell|digits?|e-?mail|address|n[uú]mero|tel[eé]fono|celular|correo)\b",
    re.IGNORECASE,
)
"""Words of correction without an object, or about a number or an address: the right one follows."""

_SAYING: Final = (
    r"(?:[\s,.!:;*\-…()]|\b(?:it|its|it's|is|that|that's|thats|this|my|the|number|phone|cell|"
    r"email|address|mail|i|meant|mean|be|should|es|era|el|le|la|mi|n[uú]mero|correo|é|o|meu|c'est|mon|"
    r"là|số|nomor|saya|to|was|so|here|ay|ang|это|мой|номер)\b|是|号码|號碼|应该|應該|번호|요|합니다|"
    r"입니다|番号|は|です|هو|رقمي|الرقم|شماره|नंबर|है|करें|कीजिए)*"
)
NO_MORE_THAN_SAYING: Final = re.compile(_SAYING, re.IGNORECASE)
SORRY: Final = re.compile(
    rf"(?:{_APOLOGIES}|(?:^|[.!?;,]\s?)(?:no+|nope|нет|не|não(?: (?:é|era))?|bukan|"
    rf"không phải|لا)\b(?: no+\b)?(?! my cell)|不是|아니라?){_SAYING}$",
    re.IGNORECASE,
)
"""An apology right before a value, and nothing but glue between them."""

_DIGITS_ARE: Final = (
    r"(?:\W|\b(?:in|with|digits?|numbers?|are|is|be|should|it'?s|en|con|por|d[ií]gitos|son|cuatro|"
    r"quatro|chiffres|sont|par|auf|mit|sind|là)\b|是|は|는|цифры)*$"
)
LAST_DIGITS: Final = re.compile(
    r"(?:\blast (?:4|four)\b|[uú]ltimos (?:4|cuatro|quatro|d[ií]gitos|n[uú]meros)|"
    r"(?:4|cuatro|quatro) [uú]ltimos|(?:4|quatre) derniers|derniers chiffres|"
    r"letzten (?:4|vier|ziffern)|последние (?:4|четыре|цифры)|"
    rf"số cuối|尾号|尾號|后四位|後四位|末尾|끝자리){_DIGITS_ARE}",
    re.IGNORECASE,
)
"""Right before four digits: they end the number given before."""
ENDS: Final = re.compile(
    rf"(?:\bend(?:s|ing)?\b|\bterminan?\b|\bfinal\b|\bfinit\b|\bendet\b|đuôi|заканчив\w*){_DIGITS_ARE}",
    re.IGNORECASE,
)
"""So they do after `sorry, it` or `my number`; a lease and a budget end in four digits as well."""

_AREA: Final = (
    r"(?:\barea code|\bc[oó]digo de [aá]rea|\blada|\bmã vùng|\bcode r[ée]gional|\bvorwahl|"
    r"区号|區號|지역번호|код города)"
)
AREA_CODE: Final = re.compile(
    rf"{_AREA}(?:[\s:,]|'s|\b(?:is|was|should|be|es|el|là|ist)\b|是|는)*\(?([2-9]\d\d)\b"
    rf"|(?<!\d)(?<!\d[-.])([2-9]\d\d)\)?,?(?: (?:is|as|es|for))?(?: (?:the|my|el))? {_AREA}",
    re.IGNORECASE,
)
"""Its digits stand in the last group that took part."""

OLD_ONE_AFTER: Final = re.compile(
    r"[^.!?]{0,40}?\b(?:instead|is (?:the )?(?:correct|right|new)|not \d{2}|"
    r"not the (?:other|first|one (?:above|before|i))|(?:ignore|forget|disregard) the|"
    r"es el (?:correcto|bueno|nuevo)|"
    r"(?:the )?(?:other|first|last|previous) (?:one|number|email) (?:was|is) (?:wrong|old|a typo))",
    re.IGNORECASE,
)
"""Right after a value: it stands in for the one before."""
