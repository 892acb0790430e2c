"""What the shop can send back with one tap, in the customer's language and signed by the shop."""

from __future__ import annotations

from typing import Final

from libs.leads.greetings import greeting_for
from libs.leads.reach import Reach
from libs.leads.snapshot import Summary
from libs.shops.profile import ShopProfile
from services.mailer.letter.actions import can_text
from services.mailer.letter.language import words
from services.mailer.letter.shape import Drafts
from services.mailer.letter.wording import one_line, some_lines

LONGEST_MESSAGE: Final = 900


def drafts(summary: Summary, profile: ShopProfile, lang: str, found: Reach) -> Drafts:
    """The model's words where it wrote any, else a greeting; `lang` is the customer's."""
    shop_phone = profile.phone_shown
    tag, greeting = greeting_for(lang)
    name = one_line(summary.customer_name or "", 60)
    said = some_lines(summary.outreach_message or "", LONGEST_MESSAGE)
    message = said or greeting.text(shop=profile.name, phone=shop_phone, name=name)
    lang = lang if said else tag
    signature = (profile.name, shop_phone, profile.address)
    text = _signed(message, tuple(line for line in signature if line not in message))
    return Drafts(
        words(text if can_text(found.phone) else "", lang),
        words(greeting.subject.format(shop=profile.name), tag),
        words(_signed(message, signature), lang),
    )


def _signed(message: str, signature: tuple[str, ...]) -> str:
    return "\n\n".join(part for part in (message, "\n".join(signature)) if part)
