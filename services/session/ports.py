"""What the session service needs of whoever gives out chat sessions."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from libs.errors import HandoffError
from libs.messages.base import Attribution
from libs.shops.profile import ShopProfile

Mode = Literal["hosted", "own"]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A session for this visitor of this shop."""

    shop: ShopProfile
    visitors: tuple[str, ...]
    """Their ids, the current one first."""
    locale: str
    """Empty: the page told none."""
    page_url: str
    attribution: Attribution | None = None
    request_id: str = ""
    """Of the first to ask, where several share one."""


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    client_secret: str
    expires_at: int


class CannotMint(HandoffError):  # noqa: N818 - it says what happened
    """No session now. Status and code are for our log; neither holds a secret."""

    def __init__(self, code: str, *, status: int = 0, retry_after_seconds: float = 0) -> None:
        super().__init__(f"no session: {code}")
        self.code = code
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class CapReached(CannotMint):
    """The money of this minute or day is spent; `code` is the limit's name."""


class ChatSessions(Protocol):
    @property
    def mode(self) -> Mode: ...

    async def create(self, wanted: Wanted) -> Ticket:
        """A secret that opens the chat for at most ten minutes. Raises CannotMint."""
        ...
