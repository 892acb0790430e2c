"""Who chats in a run: what they write and when, and what their browsers do about it."""

from __future__ import annotations

import random
from typing import Final

import msgspec

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


def scripts(seed: int, count: int) -> list[Script]:
    rng = random.Random(f"{seed}:customers")
    return [_script(rng, number) for number in range(count)]


def _script(rng: random.Random, number: int) -> Script:
    kind = rng.choices(tuple(KINDS), weights=(6, 3, 2, 2, 2, 1))[0]
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


class SimConversations:
    """Conversations: what was said so far; the chat service's store never forgets."""

    def __init__(self) -> None:
        self.threads: dict[LeadKey, Conversation] = {}

    def say(self, script: Script, text: str, at: float) -> None:
        had = self.threads.get(script.key)
        items = had.items if had else ()
        number = len(items)
        said = (
            Item(id=f"item_{number:03}", speaker="customer", text=text, at=at),
            Item(id=f"item_{number + 1:03}", speaker="assistant", text="Thank you.", at=at + 1),
        )
        self.threads[script.key] = Conversation(
            thread_id=script.key.thread_id,
            visitor=script.visitor,
            title="",
            items=items + said,
        )

    async def read(self, shop: str, thread_id: str) -> Conversation | None:
        return self.threads.get(LeadKey(shop, thread_id))

    async def last_item_id(self, shop: str, thread_id: str) -> str | None:
        found = self.threads.get(LeadKey(shop, thread_id))
        return found.items[-1].id if found else None

    async def owner(self, shop: str, thread_id: str) -> str | None:
        found = self.threads.get(LeadKey(shop, thread_id))
        return found.visitor if found else None

    async def threads_of(self, shop: str, visitor: str) -> list[str]:
        return [
            key.thread_id
            for key, thread in self.threads.items()
            if key.shop == shop and thread.visitor == visitor
        ]

    async def forget(self, shop: str, thread_id: str) -> bool:
        return self.threads.pop(LeadKey(shop, thread_id), None) is not None
