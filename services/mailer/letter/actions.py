"""The links that reach the customer with one tap."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlsplit

from libs.leads.reach import Reach
from libs.leads.snapshot import Contact, LeadSnapshot
from libs.shops.profile import ShopProfile
from services.mailer.letter.labels import Labels, Tap
from services.mailer.letter.shape import Action, Drafts
from services.mailer.letter.wording import clip, one_line

LONGEST_MAILTO: Final = 1800
"""Above this some mail programs open an empty draft."""
_OPENAI_LOGS: Final = "platform.openai.com"
_URL_MARKS: Final = "/:%@!$&'()*+,;=~-._"


def address(contact: Contact) -> str:
    """The link that calls or writes to them."""
    if contact.kind == "phone":
        return f"tel:{quote(contact.value, safe='+;=')}"
    return f"mailto:{quote(contact.value, safe='@')}"


def can_text(phone: Contact | None) -> bool:
    """Nobody can text an extension."""
    return phone is not None and ";ext=" not in phone.value


def actions(
    snapshot: LeadSnapshot,
    profile: ShopProfile,
    labels: Labels,
    found: Reach,
    drafts: Drafts,
    text_link: str,
) -> tuple[Action, ...]:
    """Each only if it leads somewhere; the first two are the large ones."""
    taps = labels.taps
    listed: list[Action] = []
    if found.phone:
        shown = one_line(found.phone.shown, 40)
        listed.append(Action("call", taps["call"], shown, address(found.phone)))
        if text_link and can_text(found.phone):
            listed.append(Action("text", taps["text"], text_link, text_link))
    if found.email:
        mailto = address(found.email)
        listed.append(Action("email", taps["email"], one_line(found.email.shown, 254), mailto))
        href = draft_link(mailto, drafts.email_subject.text, drafts.email_body.text)
        listed.append(Action("draft", taps["draft"], labels.draft_below, href))
    if page := own_page(snapshot.page_url, profile.origins):
        listed.append(Action("page", taps["page"], page, page))
    if logs := logs_link(snapshot):
        tap: Tap = "logs" if urlsplit(logs).hostname == _OPENAI_LOGS else "thread"
        listed.append(Action("logs", taps[tap], logs, logs))
    return tuple(listed)


def draft_link(mailto: str, subject: str, body: str) -> str:
    """`mailto:` with subject and body; too long, the message is cut and the signature stays."""
    start = f"{mailto}?subject={quote(subject, safe='')}&body="
    message, _, signature = body.rpartition("\n\n")
    room = LONGEST_MAILTO - len(start) - len(_encoded("\n\n" + signature))
    while len(encoded := _encoded(message)) > room and message:
        message = clip(message, max(1, min(len(message) - 1, len(message) * room // len(encoded))))
    return start + encoded + _encoded("\n\n" + signature)


def _encoded(text: str) -> str:
    return quote(text.replace("\n", "\r\n"), safe="")


def own_page(url: str, origins: tuple[str, ...]) -> str:
    """The page without query, if it is the shop's own; a visitor's browser may claim any page."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    if origin not in origins or "\\" in url:
        return ""
    return one_line(origin + quote(parts.path, safe=_URL_MARKS), 300) if len(url) < 2000 else ""  # noqa: PLR2004 - no page of ours is longer


def logs_link(snapshot: LeadSnapshot) -> str:
    """As the lead service fixed it, where a conversation stands elsewhere; never its own words."""
    return snapshot.logs_url if snapshot.logs_url.startswith("https://") else ""
