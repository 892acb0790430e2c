"""The first words to a customer in their language, for when no model wrote any."""

# ruff: noqa: RUF001 - Chinese has full-width commas

from __future__ import annotations

from typing import Final

import msgspec


class Greeting(msgspec.Struct, frozen=True):
    subject: str
    message: str
    """`{about}` is their vehicle in brackets."""

    def text(self, *, shop: str, phone: str, name: str = "", about: str = "") -> str:
        return self.message.format(
            shop=shop,
            phone=phone,
            name=f" {name}" if name else "",
            about=f" ({about})" if about else "",
        )


def greeting_for(tag: str) -> tuple[str, Greeting]:
    """The tag of what was found, and the greeting; English for a language that we do not write."""
    for known in (tag, _AS.get(tag, ""), tag.partition("-")[0]):
        if known in GREETINGS:
            return known, GREETINGS[known]
    also = _AS.get(tag.partition("-")[0], "en")
    return also, GREETINGS[also]


_AS: Final = {"zh-HK": "zh-TW", "zh": "zh-CN", "pt": "pt-BR"}

GREETINGS: Final = {
    "en": Greeting(
        "Your message to {shop}",
        "Hi{name}, this is {shop}. Thanks for reaching out{about}. When is a good time to talk?"
        " You can also call us at {phone}.",
    ),
    "es": Greeting(
        "Su mensaje a {shop}",
        "Hola{name}, le escribe {shop}. Gracias por contactarnos{about}. ¿Cuándo le conviene que"
        " hablemos? Puede llamarnos al {phone}.",
    ),
    "vi": Greeting(
        "Tin nhắn của quý khách gửi {shop}",
        "Xin chào{name}, đây là {shop}. Cảm ơn bạn đã liên hệ với chúng tôi{about}. Khi nào thuận"
        " tiện để chúng ta trao đổi? Bạn có thể gọi số {phone}.",
    ),
    "zh-CN": Greeting(
        "您给 {shop} 的留言",
        "您好{name}，这里是 {shop}。感谢您联系我们{about}。您什么时候方便沟通？"
        "也可以拨打 {phone}。",
    ),
    "zh-TW": Greeting(
        "您給 {shop} 的留言",
        "您好{name}，這裡是 {shop}。感謝您聯絡我們{about}。您什麼時候方便溝通？"
        "也可以撥打 {phone}。",
    ),
    "tl": Greeting(
        "Ang mensahe ninyo sa {shop}",
        "Kumusta{name}, ito ang {shop}. Salamat sa inyong mensahe{about}. Kailan po maaaring"
        " mag-usap? Maaari kayong tumawag sa {phone}.",
    ),
    "ko": Greeting(
        "{shop}에 보내신 메시지",
        "안녕하세요, {shop}입니다. 문의해 주셔서 감사합니다{about}. 언제 통화가 편하신가요?"
        " {phone}번으로 전화하셔도 됩니다.",
    ),
    "hi": Greeting(
        "{shop} को आपका संदेश",
        "नमस्ते{name}, हम {shop} से हैं। हमसे संपर्क करने के लिए धन्यवाद{about}। बात करने का सही समय"
        " क्या है? हमारा नंबर {phone} है।",
    ),
    "pa": Greeting(
        "{shop} ਨੂੰ ਤੁਹਾਡਾ ਸੁਨੇਹਾ",
        "ਸਤ ਸ੍ਰੀ ਅਕਾਲ{name}, ਅਸੀਂ {shop} ਤੋਂ ਹਾਂ। ਸੰਪਰਕ ਕਰਨ ਲਈ ਧੰਨਵਾਦ{about}। ਗੱਲ ਕਰਨ ਦਾ ਸਹੀ ਸਮਾਂ"
        " ਕੀ ਹੈ? ਸਾਡਾ ਨੰਬਰ {phone} ਹੈ।",
    ),
    "pt-BR": Greeting(
        "Sua mensagem para {shop}",
        "Olá{name}, aqui é da {shop}. Obrigado pelo contato{about}. Quando podemos conversar?"
        " Nosso telefone é {phone}.",
    ),
    "ja": Greeting(
        "{shop} へのお問い合わせ",
        "こんにちは、{shop} です。お問い合わせありがとうございます{about}。"
        "ご都合のよい時間をお知らせください。お電話は {phone} まで。",
    ),
    "ar": Greeting(
        "رسالتك إلى {shop}",
        "مرحباً{name}، معك {shop}. شكراً لتواصلك معنا{about}. متى يناسبك أن نتحدث؟ يمكنك الاتصال بنا"
        " على {phone}.",
    ),
    "ru": Greeting(
        "Ваше сообщение в {shop}",
        "Здравствуйте{name}, это {shop}. Спасибо за обращение{about}. Когда вам удобно поговорить?"
        " Наш телефон: {phone}.",
    ),
    "ta": Greeting(
        "{shop} க்கு உங்கள் செய்தி",
        "வணக்கம்{name}, நாங்கள் {shop}. தொடர்பு கொண்டதற்கு நன்றி{about}. எப்போது பேசலாம்? எங்கள் எண் {phone}.",
    ),
    "id": Greeting(
        "Pesan Anda kepada {shop}",
        "Halo{name}, ini {shop}. Terima kasih telah menghubungi kami{about}. Kapan waktu yang tepat"
        " untuk berbicara? Telepon kami di {phone}.",
    ),
    "fa": Greeting(
        "پیام شما به {shop}",
        "سلام{name}، از {shop} با شما تماس می‌گیریم. از پیام شما سپاسگزاریم{about}. چه زمانی برای"
        " گفتگو مناسب است؟ شماره ما {phone} است.",
    ),
    "te": Greeting(
        "{shop} కు మీ సందేశం",
        "నమస్కారం{name}, మేము {shop}. మమ్మల్ని సంప్రదించినందుకు ధన్యవాదాలు{about}. ఎప్పుడు"
        " మాట్లాడవచ్చు? మా నంబర్ {phone}.",
    ),
    "fr": Greeting(
        "Votre message à {shop}",
        "Bonjour{name}, ici {shop}. Merci de nous avoir contactés{about}. Quand pouvons-nous en"
        " parler ? Vous pouvez nous appeler au {phone}.",
    ),
}
"""Every language of the chat. Korean and Japanese go without a name: they need the right title."""
