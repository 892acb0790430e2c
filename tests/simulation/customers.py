"""Who chats in a run: what they write and when, and what their browsers do about it."""

from __future__ import annotations

import random
from typing import Final

import msgspec
from msgspec.structs import replace

from libs.conversations.fakes import MemoryConversations
from libs.conversations.port import Conversation, Item
from libs.identity.visitors import visitor_id
from libs.ledger.record import LeadKey

SHOP: Final = "craigs"
KEYS: Final = ("a-site-key-of-thirty-two-characters",)
NEED: Final = "I have a 2015 Honda Civic and the driver seat is torn, can you repair it?"
CONTACT: Final = "My name is Ann Lee, please call me at (408) 555-0187."
CHAT: Final = "How long does a repair usually take?"
REASONS: Final = ("idle", "pagehide", "chat_closed", "auto")

KINDS: Final = {
    "contact": ((NEED, CONTACT), 0),
    "chatty": ((CHAT, NEED, CHAT, CONTACT), 0),
    "slow": ((NEED, CONTACT), 1500),
    "back_later": ((NEED, CONTACT, CHAT), 5400),
    "partial": ((CHAT, CONTACT), 0),
    "no_contact": ((CHAT, NEED), 0),
    "patient": ((CHAT, NEED, CONTACT), 26 * 3600),
}
"""What is written, and the pause in seconds before the last message (0: as before the others)."""


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """One visitor and their one thread."""

    key: LeadKey
    secret: str
    """What the browser keeps; its visitor is derived from it."""
    kind: str
    messages: tuple[tuple[float, str], ...]
    """(seconds to wait before it, text)"""
    triggers: tuple[tuple[float, str], ...]
    """(seconds from the start, reason)"""

    @property
    def visitor(self) -> str:
        return visitor_id(KEYS[0], self.secret)

    @property
    def address(self) -> str:
        return f"192.0.2.{len(self.messages)}"

    @property
    def has_contact(self) -> bool:
        return self.kind != "no_contact"


WEIGHTS: Final = (6, 3, 2, 2, 2, 1, 0)
"""Who comes to a run of an hour or two; a patient customer comes back after a day."""


LATE_SECONDS: Final = (2400.0, 6000.0)
"""After the last word: the watch has ended, and the tab is still open."""


def scripts(seed: int, count: int, *, patient: bool = False, late: bool = False) -> list[Script]:
    rng = random.Random(f"{seed}:customers")
    drawn = [_script(rng, number, patient=patient) for number in range(count)]
    dice = random.Random(f"{seed}:late")
    return [_with_late_triggers(dice, script) for script in drawn] if late else drawn


def _with_late_triggers(dice: random.Random, script: Script) -> Script:
    last = sum(wait for wait, _ in script.messages)
    late = [(last + dice.uniform(*LATE_SECONDS), dice.choice(REASONS)) for _ in range(2)]
    return replace(script, triggers=(*script.triggers, *sorted(late)))


def _script(rng: random.Random, number: int, *, patient: bool) -> Script:
    kind = "patient" if patient else rng.choices(tuple(KINDS), weights=WEIGHTS)[0]
    texts, pause = KINDS[kind]
    waits = [rng.uniform(1, 120) for _ in texts]
    if pause:
        waits[-1] = pause
    triggers = [(rng.uniform(0, 1200), rng.choice(REASONS)) for _ in range(rng.randrange(4))]
    return Script(
        key=LeadKey(SHOP, f"cthr_{number}"),
        secret=f"secret-{number}",
        kind=kind,
        messages=tuple(zip(waits, texts, strict=True)),
        triggers=tuple(sorted(triggers)),
    )


def say(conversations: MemoryConversations, script: Script, text: str, at: float) -> None:
    """And the assistant answers."""
    key = script.key
    had = conversations.threads.get((key.shop, key.thread_id))
    items = had.items if had else ()
    number = len(items)
    said = (
        Item(id=f"item_{number:03}", speaker="customer", text=text, at=at),
        Item(id=f"item_{number + 1:03}", speaker="assistant", text="Thank you.", at=at + 1),
    )
    conversations.put(
        key.shop,
        Conversation(thread_id=key.thread_id, visitor=script.visitor, title="", items=items + said),
    )
