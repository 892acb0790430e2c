"""Sessions of our own chat: a signed token, no call to anybody."""

from __future__ import annotations

from dataclasses import dataclass

from libs.identity.sessions import SESSION_SECONDS, mint_session_token
from libs.runtime.clock import Clock
from services.session.ports import Mode, Ticket, Wanted


@dataclass(frozen=True)
class OwnChatSessions:
    """ChatSessions."""

    keys: tuple[str, ...]
    clock: Clock
    mode: Mode = "own"

    async def create(self, wanted: Wanted) -> Ticket:
        expires = int(self.clock.now()) + SESSION_SECONDS
        token = mint_session_token(
            self.keys, wanted.shop.slug, wanted.visitors, expires, wanted.locale, wanted.page_url
        )
        return Ticket(client_secret=token, expires_at=expires)
