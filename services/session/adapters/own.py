"""Sessions of our own chat: a signed token, no call to anybody."""

from __future__ import annotations

from dataclasses import dataclass

from libs.identity.sessions import SESSION_SECONDS, Session, mint_session_token
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
        session = Session(
            shop=wanted.shop.slug,
            visitors=wanted.visitors,
            expires=expires,
            locale=wanted.locale,
            page_url=wanted.page_url,
        )
        token = mint_session_token(self.keys, session)
        return Ticket(client_secret=token, expires_at=expires)
