"""How customers of many languages say who and where they are and when they need it."""
# ruff: noqa: E501, ISC004, RUF001, SIM905 - phrases of twenty languages, one a line

from __future__ import annotations

import re
from typing import Final

_CAPITAL: Final = "A-ZÀ-ÖØ-ÞĂĐƠƯẠ-ỸА-ЯЁ"
_ABBREVIATED: Final = rf"(?:(?:Dr|Mr|Mrs|Ms|Sra?|St|Ste|Mt|Ft|[{_CAPITAL}])\.\s?)"
_NO_NAME: Final = r"(?!(?:I|It|My|The|Our|We|And|But)\b)"
"""Words that begin a sentence, and go on no name."""
_CAPITALS: Final = (
    rf"(?P<said>(?:{_ABBREVIATED}{_NO_NAME}){{0,2}}(?:[{_CAPITAL}][\w'’-]{{1,20}}|(?<=\.)[{_CAPITAL}]\b)"
    rf"(?:\s(?:de|del|la|da|dos|van|von|bin|al)\b)?(?:\s{_NO_NAME}[{_CAPITAL}][\w'’-]{{0,20}}){{0,3}})"
)
"""A name as it is written: up to four words with capitals; a stop ends it, but for `Dr.` and `J.`"""
_GOES_ON: Final = (
    r"(?:(?:and|but|my|phone|i|y|pero|mi|soy|e|meu|minha|et|mon|ma|und|mein|meine|và|số|at|ang|dan|nomor"
    r"|и|мой|моя|мне|номер|و|است|هستم|شماره|है|और|मेरा|मैं|हूँ|ਹੈ|ਅਤੇ|ਮੇਰਾ|என்|నా|మరియు)(?!\w)"
    r"|و(?!ليد|ائل|سام|فاء|داد|سيم|حيد|هيب|جيه|ضاح)\w|(?:رقم|هاتف|جوال|تلفن))"
)
"""What comes after a name and is none; in Arabic `and` is written as part of the next word."""
_LETTERS: Final = r"[^\W\d_][\w'’\u0900-\u0dff-]"
"""How a word begins; Indic vowel signs are no letters to Python."""
_FREE: Final = (
    rf"(?P<free>{_LETTERS}{{1,20}}(?:\s(?!{_GOES_ON}){_LETTERS}{{0,20}}){{0,2}})"
    rf"(?=\s*(?:[.,:;!?،؟।\n\d+(/|–—-]|$|{_GOES_ON}))"
)
"""A name after words that leave no doubt, however it is written."""
_NEXT: Final = r"(?=\s*(?:[.,;!?\n]|$|\band\b|\by\b|\be\b|\bet\b|\bmy\b|\bmi\b|\bphone\b))"
_HAN: Final = (
    r"(?:(?P<said>[\u3400-\u9fff·]{2,4}?)(?=[^\u3400-\u9fff·]|$|[我电電手号號邮郵想要需])"
    r"|(?P<free>[\u3400-\u9fff·]{2,4}))"
)

NAME: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?i:\b(?:my (?:full )?name(?:'s| is)|me llamo|mi nombre es|je m['’]appelle"
        rf"|meu nome é|mein name ist|ich hei(?:ß|ss)e|(?:tôi|em|anh|chị|mình) tên(?: là)?|tên (?:tôi|em|của tôi) là"
        rf"|ang pangalan ko(?: ay)?|ako si|nama saya(?: adalah)?)|меня зовут|اسمي"
        rf"|نام من|اسم من|मेरा नाम|ਮੇਰਾ ਨਾਮ|என் பெயர்|నా పేరు)\s*:?\s*(?:{_CAPITALS}|{_FREE})",
        rf"(?:我叫|我是|我的名字(?:是|叫)|名字(?:是|叫))\s*{_HAN}",
        r"(?:제 이름은|이름은|저는)\s*(?P<said>[\uac00-\ud7af]{2,5}?)(?:입니다|이에요|예요|이고|라고)",
        r"(?:私の名前は|名前は)\s*(?P<said>[\u3040-\u30ff\u3400-\u9fffー\s]{2,10}?)(?:です|と申|。|、|$)",
    )
)
NAME_PERHAPS: Final = re.compile(
    rf"(?i:\b(?:this is|i am|i['’]m|it['’]s|name ?:|soy|sou|je suis|regards,|thanks,|gracias,))\s*{_CAPITALS}{_NEXT}"
)
"""Where `I'm Mexican`, `It's Broken.` and `This is Important.` stand as well."""
NOT_NAMES: Final = frozenset(
    "looking interested wondering trying hoping sorry sure from here not the a in at on calling"
    " driving located having getting happy ready just yes yeah yep no nope ok okay hi hello hey"
    " thanks thank please call text phone cell mobile email mail home work tel number whatsapp sms"
    " my this that it its best either both only you why what when how anytime today tomorrow"
    " monday tuesday wednesday thursday friday saturday sunday sí si claro hola gracias mi el"
    " teléfono telefono celular correo número llámame oui non bonjour merci sim não olá"
    " i well so and but oh um hmm maybe can could do does is are if there sounds great good nice"
    " perfect cool awesome alright absolutely definitely later never driver passenger".split()
)
"""Words that stand where a name could, and begin none."""
DESCRIBING: Final = frozenset(
    "important emergency serious crazy weird awful horrible bad better worse old new big small large upset"
    " retired disabled single white black brown red blue gray grey green tan beige silver gold"
    " mexican american hispanic latino latina chinese japanese vietnamese indian korean filipino russian"
    " cliente nuevo nueva mexicano mexicana jubilado".split()
)
"""What people say they or their things are; in `Tan Nguyen` and `Big Mike` part of a name."""
ADJECTIVE: Final = re.compile(
    r"(?:\w{3}able|ible|ful|less|ous|(?:ck|ct|pp|pt|tt|nt|st|ss|ir|is|us|at|rn|in|iv)ed)\Z"
)
"""How no first name ends; Jared, Ahmed, Fred and Rashed do not end so."""
NAMES_TOO: Final = ("van", "burn", "punit")
"""Words of the shop that are names as well: Van, Burns."""

MATERIALS: Final = tuple(
    "vinyl leather foam seam stitching upholstery 真皮 가죽 cuir couro обивк".split()
)
"""What a thing is made of names it only where they name nothing else."""

NAME_ASKED: Final = re.compile(
    r"\b(?:name|nombre|nom|nome|tên|pangalan|nama)\b|名字|姓名|お名前|이름|성함|имя|зовут|اسم|نام|नाम",
    re.IGNORECASE,
)
"""What an assistant's question for the name holds."""
REACH_ASKED: Final = re.compile(
    r"\b(?:reach|contact|phone|number|e-?mail|teléfono|número|correo|contactar|téléphone|telefone"
    r"|điện thoại|numero|telepono|nomor|telepon)\b|电话|電話|手机|連絡|전화|연락|телефон|هاتف|رقم|تلفن|फ़ोन|नंबर",
    re.IGNORECASE,
)
"""And one for how to reach them: many say their name with it."""
NAME_FIRST: Final = re.compile(
    r"\A\s*(?i:(?:yes|sure|ok(?:ay)?|hi|hello|hey|sí|si|claro|hola|oui|sim)\b[\s,.!]+)?"
    rf"(?:{_CAPITALS}(?![^\W\d_])|(?P<free>[\u3400-\u9fff·]{{2,4}}|[\uac00-\ud7af]{{2,5}})(?!\w))"
    r"(?=\s*(?:[.,;:!，、。–—(+\d-]|$)|\s+\S+@)[\s.,;:!，、。–—-]*(?P<reach>\+?\(?\d[\d\s().-]{5,}|\S+@\S)?"
)
"""An answer that begins with a name, and whether a phone or an email follows at once."""

BARE_ANSWER: Final = re.compile(
    r"\W*(?:(?:yes|yeah|yep|yup|no|nope|ok|okay|sure|correct|right|exactly|please|thanks|thank you|that['’]?s right"
    r"|sí|si|claro|así es|correcto|oui|non|sim|não|vâng|dạ|có|không|oo|opo|hindi|po|ya|iya|tidak|da|да|нет|نعم|لا|بله|نه"
    r"|是|是的|对|對|好|好的|不是|はい|いいえ|네|예|아니요|हाँ|हां|जी|नहीं)\W*){1,3}",
    re.IGNORECASE,
)
"""It says nothing to who has not heard the question."""

LOCATION: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?i:\b(?:i(?:['’]m| am)? (?:live |located |based |coming |here )?(?:in|near|out of)"
        rf"|(?:located|based|live|living) (?:in|near)|vivo en|estoy en|moro em"
        rf"|j['’]habite(?: à)?|tôi ở|nakatira ako sa|taga|tinggal di)|живу в)\s+(?:the\s)?{_CAPITALS}",
        rf"(?i:\bi(?:['’]m| am)? (?:coming |here )?from|\bsoy de|\bя из)\s+(?:the\s)?{_CAPITALS}",
        r"(?:我住在|我在|住在)\s*(?P<said>[\u3400-\u9fff]{2,8})",
        r"(?P<said>[A-Z][a-z]+(?:\s[A-Z][a-z]+){0,2},\s?(?:CA|NV|OR|AZ|WA|TX|NY|FL)(?:\s\d{5})?)\b",
    )
)
"""In this order: where they live tells more than where they are from."""

_NO_WORK: Final = (
    r"(?:to )?(?:sell(?:ing)?|work(?:ing)? (?:for|at|near|in)|know (?:when|where|if) (?:my|the|it))"
    r"|vender|trabajar|saber (?:cu[aá]ndo|d[oó]nde|si) (?:est[aá]|mi|el|la|ya)"
)
"""What else people want about a car: to sell it, a job near it, to fetch it."""
ASKS: Final = re.compile(
    r"\b(?:(?:can|could|would|will|do) (?:you|u|y['’]?all)(?: guys| all| folks)? (?:do|make|help|work|handle|build|sew|cover|install|put)"
    r"|(?=[nw])(?<!you )(?<!\bu )(?<!not )(?<!n['’]t )(?<!dont )(?<!n['’]t really )(?<!dont really )(?<!not really )(?:needs?|wants?)|(?:i|we) would (?:like|love)|(?:i|we)['’]d (?:like|love)|looking (?:for|to)|interested in"
    r"|necesit(?:o|amos)|quiero|queremos|quisier\w+|busco|buscamos|me gustaría|(?:pueden|puede|podrían|podría) hacer|hacen"
    r"|how much|price (?:for|on|to)|cost to|cu[aá]nto (?:cuesta|cobra|sale)n?|quanto (?:custa|cobra)m?|combien|bao nhiêu|magkano|berapa|сколько|كم"
    r"|preciso|quero|queria|gostaria|fazem|je (?:voudrais|cherche|veux)|j['’]ai besoin|faites-vous|pouvez-vous"
    r"|split(?! the (?:price|cost|bill|payment))|(?:is|are|['’]s) shot|c[ao]m(?:e|ing) (?:down|off|apart|loose)|fell|broke(?! down)|won['’]?t (?:close|open|zip|latch)"
    r"|smells?|tombe|turun|نازل|افتاده|cần|muốn|kailangan|gusto|butuh|ingin|нужн\w+|хочу|хотел\w*|أريد|أحتاج|می‌خواهم)\b"
    rf"(?! (?:{_NO_WORK})\b)"
    r"|想|需要|能不能|可以|你们做|你們做|多少钱|多少錢|いくら|얼마|कितना|ほしい|欲しい|たい|お願い|필요|싶|원해|चाहि|चाहत"
)
"""A wish, a question for the price, or a word that means damage only beside a thing: of the shop's
own things it asks for work. For texts in small letters, as ignoring case takes four times as long.
"""
THIS_ONE: Final = re.compile(
    r"\b(?:sorry|actually|i mean|it['’]?s|perdón|digo)\b(?:\W+(?!in\b)\w+){0,4}\W*\Z", re.IGNORECASE
)
"""With which the vehicle that follows is told, or put right."""
OTHER_DAYS: Final = re.compile(
    r"\b(?:(?:you|shop|store|guys|y['’]?all) (?:open|closed?|opening)|your hours|open (?:on )?\w+day"
    r"|abiert[oa]s|abren|cierran|horarios?"
    r"|out of town|on vacation"
    r"|(?:(?:can['’]?t|cannot|won['’]?t|unable to|not able to)(?: be able to)? (?:come|make|do|bring|be|get|drop|stop|meet)"
    r"|not available|unavailable|no puedo|no podemos)(?!.{0,60}\b(?:until|till|before|hasta)\b))\b",
    re.IGNORECASE,
)
"""A day that is named with these is when the shop is open, or when they cannot come."""
_HAPPENED: Final = (
    r"\b(?:tore|fell|broke|happened|dropped|bought|came|went|tried|took|picked|drove|noticed|spilled"
    r"|(?:was|were|got|been) (?:hit|torn|broken|stolen|\w+ed)"
    r"|(?<!\ba )(?<!\bmy )(?<!\bthe )(?<!\bis )(?<!\bare )(?<!\band )(?<!\bhave )(?<!\bwith )"
    r"(?:ripped|split|cracked|slashed|burned|burnt|chewed|scratched|damaged|stained)"
    r"|(?:romp|rasg|raj|desgarr|quem|manch|dañ|arruin|agriet|descosi|despeg|cort|choc|golpe|cay|pas|sali"
    r"|ocurri|sucedi|compr|derram|empez|rob|part|mordi|ray|abri)i?ó"
    r"|rompio|rompieron|chocaron|compré|dejé)\b"
)
HAPPENED: Final = re.compile(_HAPPENED, re.IGNORECASE)
"""A day that is named with these is when it happened, unless the clause looks ahead."""
AHEAD: Final = re.compile(
    r"\b(?:(?:by|before|next|tomorrow|asap|soon|para|antes|próxim\w+|mañana)\b"
    rf"|(?:needs?|wants?|hop(?:e|ing)|quiero|necesito)\b(?:(?!{_HAPPENED}).){{0,80}}?"
    r"(?:\w*day|week(?:end)?|month|semana|hoy|lunes|martes|miércoles|jueves|viernes|sábado|domingo)\b)",
    re.IGNORECASE,
)
"""With a wish only where the day follows before anything that happened."""
CLAUSE: Final = re.compile(
    r"[.,;!?؟]\s+(?![\s\d])|[。！？，]|\n+|\s(?=(?:i|we|but|can|could|need|what|are|if|pero|si|necesito|quiero|lo)\b)",
    re.IGNORECASE,
)
"""Where one begins: `Need it by Friday, are you open Saturday` names two days, and `Nov. 30` one."""

TIMELINE: Final = tuple(
    re.compile(rf"(?<!\bnot )(?<!\bno ){pattern}", re.IGNORECASE)
    for pattern in (
        r"\b(?P<said>(?:as soon as possible|asap|urgent(?:ly)?|right away|no rush|no hurry|today|tonight"
        r"|tomorrow|this (?:week(?:end)?|month|morning|afternoon)|next (?:week(?:end)?|month|year|spring"
        r"|summer|fall|winter|(?:mon|tues|wednes|thurs|fri|satur|sun)day)"
        r"|(?:by|before|after|until|on|for|this) (?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|the end of \w+"
        r"|(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?(?: \d{1,2}(?:st|nd|rd|th)?)?"
        r"|(?:the )?(?:thanksgiving|christmas|xmas|holidays|new year(?:['’]s)?(?: eve| day)?|easter|halloween"
        r"|(?:labor|memorial|independence) day|(?:4th|fourth) of july))"
        r"|(?:with)?in (?:a|an|one|two|three|four|a few|a couple of|\d{1,2}) (?:day|week|month)s?))\b",
        r"(?P<said>lo antes posible|cuanto antes|urgente|hoy|mañana|esta semana|este fin de semana"
        r"|la próxima semana|la semana que viene|el próximo mes|(?:(?:para|antes del?)(?: el)?|el|este) (?:lunes|martes"
        r"|miércoles|jueves|viernes|sábado|domingo|navidad|año nuevo|día de acción de gracias)|sin prisa)(?! (?:no|se|me|pasad[oa])\b)",
        r"(?P<said>o mais rápido possível|amanhã|próxima semana|semana que vem|dès que possible|demain"
        r"|cette semaine|la semaine prochaine|le mois prochain)",
        r"(?P<said>càng sớm càng tốt|tuần này|tuần sau|tuần tới|ngày mai|hôm nay|tháng sau|bukas|sa susunod na"
        r" linggo|ngayong linggo|secepatnya|besok|minggu ini|minggu depan)",
        r"(?P<said>尽快|盡快|今天|明天|这周|這週|本周|下周|下週|下个月|下個月|周末|週末|来週|今週|明日|できるだけ早く"
        r"|최대한 빨리|내일|이번 주|다음 주|как можно скорее|завтра|на этой неделе|на следующей неделе"
        r"|غدا|غداً|هذا الأسبوع|الأسبوع القادم|في أقرب وقت|فردا|این هفته|هفته آینده|कल|इस हफ्ते|अगले हफ्ते)",
    )
)
