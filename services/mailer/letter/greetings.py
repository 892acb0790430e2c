"""The first words to a customer in their language, for when no model wrote any."""

# ruff: noqa: RUF001 - Chinese has full-width commas

from __future__ import annotations

from typing import Final

import msgspec


class Greeting(msgspec.Struct, frozen=True):
    subject: str
    hello: str
    message: str

    def text(self, name: str, shop: str) -> str:
        opening = self.hello.format(name=f" {name}" if name else "").strip()
        return f"{opening} {self.message.format(shop=shop)}"


GREETINGS: Final = {
    "en": Greeting(
        "Your message to {shop}", "Hi{name},",
        "this is {shop}. Thank you for your message. When is a good time to call you?",
    ),
    "es": Greeting(
        "Su mensaje a {shop}", "Hola{name}:",
        "le escribe {shop}. Gracias por su mensaje. ¿A qué hora podemos llamarle?",
    ),
    "vi": Greeting(
        "Tin nhắn của quý khách gửi {shop}", "Chào{name},",
        "đây là {shop}. Cảm ơn quý khách đã nhắn tin. Chúng tôi có thể gọi lại lúc nào?",
    ),
    "zh-CN": Greeting(
        "您给 {shop} 的留言", "您好{name}，",
        "这里是 {shop}。感谢您的留言。请问什么时候方便给您打电话？",
    ),
    "zh-TW": Greeting(
        "您給 {shop} 的留言", "您好{name}，",
        "這裡是 {shop}。感謝您的留言。請問什麼時候方便打電話給您？",
    ),
    "tl": Greeting(
        "Ang mensahe ninyo sa {shop}", "Kumusta{name},",
        "ito po ang {shop}. Salamat sa inyong mensahe. Kailan po kayo puwedeng tawagan?",
    ),
    "ko": Greeting(
        "{shop}에 보내신 메시지", "안녕하세요.",
        "{shop}입니다. 메시지 감사합니다. 언제 전화드리면 좋을까요?",
    ),
    "hi": Greeting(
        "{shop} को आपका संदेश", "नमस्ते{name},",
        "हम {shop} से हैं। आपके संदेश के लिए धन्यवाद। आपको कब फ़ोन करें?",
    ),
    "pa": Greeting(
        "{shop} ਨੂੰ ਤੁਹਾਡਾ ਸੁਨੇਹਾ", "ਸਤ ਸ੍ਰੀ ਅਕਾਲ{name},",
        "ਅਸੀਂ {shop} ਤੋਂ ਹਾਂ। ਤੁਹਾਡੇ ਸੁਨੇਹੇ ਲਈ ਧੰਨਵਾਦ। ਤੁਹਾਨੂੰ ਕਦੋਂ ਫ਼ੋਨ ਕਰੀਏ?",
    ),
    "pt-BR": Greeting(
        "Sua mensagem para {shop}", "Olá{name},",
        "aqui é {shop}. Obrigado pela sua mensagem. Qual é o melhor horário para ligarmos?",
    ),
    "ja": Greeting(
        "{shop} へのお問い合わせ", "こんにちは。",
        "{shop} です。ご連絡ありがとうございます。お電話のご都合のよい時間を教えてください。",
    ),
    "ar": Greeting(
        "رسالتك إلى {shop}", "مرحبًا{name}،",
        "معك {shop}. شكرًا على رسالتك. ما الوقت المناسب للاتصال بك؟",
    ),
    "ru": Greeting(
        "Ваше сообщение в {shop}", "Здравствуйте{name}!",
        "Это {shop}. Спасибо за ваше сообщение. Когда вам удобно позвонить?",
    ),
    "ta": Greeting(
        "{shop} க்கு உங்கள் செய்தி", "வணக்கம்{name},",
        "நாங்கள் {shop}. உங்கள் செய்திக்கு நன்றி. உங்களை எப்போது அழைக்கலாம்?",
    ),
    "id": Greeting(
        "Pesan Anda kepada {shop}", "Halo{name},",
        "kami dari {shop}. Terima kasih atas pesan Anda. Kapan kami bisa menelepon Anda?",
    ),
    "fa": Greeting(
        "پیام شما به {shop}", "سلام{name}،",
        "از {shop} با شما تماس می‌گیریم. از پیام شما سپاسگزاریم. چه زمانی زنگ بزنیم؟",
    ),
    "te": Greeting(
        "{shop} కు మీ సందేశం", "నమస్తే{name},",
        "మేము {shop}. మీ సందేశానికి ధన్యవాదాలు. మీకు ఎప్పుడు ఫోన్ చేయవచ్చు?",
    ),
    "fr": Greeting(
        "Votre message à {shop}", "Bonjour{name},",
        "ici {shop}. Merci de votre message. À quelle heure pouvons-nous vous appeler ?",
    ),
}  # fmt: skip
"""Every language of the chat. Korean and Japanese go without a name: they need the right title."""


def greeting_for(tag: str) -> tuple[str, Greeting]:
    """The tag of what was found, and the greeting; English for a language that we do not write."""
    for known in (tag, tag.partition("-")[0]):
        if known in GREETINGS:
            return known, GREETINGS[known]
    if tag.startswith("zh"):
        return ("zh-TW", GREETINGS["zh-TW"]) if tag == "zh-HK" else ("zh-CN", GREETINGS["zh-CN"])
    return ("pt-BR", GREETINGS["pt-BR"]) if tag.startswith("pt") else ("en", GREETINGS["en"])
