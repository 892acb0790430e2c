"""What the chat needs of the world: something that answers, a protocol, attachments."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Literal, Protocol

import msgspec

from libs.conversations.port import Item
from libs.conversations.store import Owner, TurnRow
from libs.shops.profile import ShopProfile

Trouble = Literal["busy", "slow", "refused", "cut", "spent"]
"""Why there is no answer now; each is a sentence of its own in `phrases/`."""


class AnswerFailed(Exception):  # noqa: N818 - the visitor is told kindly, nothing of ours broke
    """No answer, or not all of it."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble)
        self.trouble: Trouble = trouble


class ChatRefusal(Exception):  # noqa: N818 - an answer to the browser, as `ChatRefused`
    """A request that the protocol or its owner's rights do not allow."""

    def __init__(
        self, status: int, code: str, detail: str, *, retry_after_seconds: int = 0
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.detail = status, code, detail
        self.retry_after_seconds = retry_after_seconds


class PhoneField(msgspec.Struct, frozen=True):
    """The agent asks for the phone number with a field of its own, and says nothing after it."""

    question: str


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """All that an agent knows when it is its turn to speak."""

    shop: ShopProfile
    facts: Mapping[str, str | bool]
    """The state variables: locale, page_url and what `shop_*` says of hours."""
    language: str
    """What the customer writes in, as far as we can tell."""
    items: tuple[Item, ...]
    """The conversation, oldest first."""
    may_ask_phone: bool
    """No way to reach them is known, and the field was not shown before."""
    owner: Owner
    thread_id: str


class Agent(Protocol):
    def answer(self, moment: Moment) -> AsyncIterator[str | PhoneField]:
        """At least one piece of text or, last, one field. Raises AnswerFailed."""
        ...


class Visit(msgspec.Struct, kw_only=True):
    """One request of one visitor, on its way through the protocol."""

    owner: Owner
    """Whose the thread is; of a new one, the visitor as we know them now."""
    owners: tuple[Owner, ...]
    """The same visitor under each site key, newest first."""
    shop: ShopProfile
    locale: str
    page_url: str
    turn: TurnRow | None = None
    """None for requests that are answered without speaking."""
    begun: bool = False
    """The thread is there: a message that would begin it is added to it."""
    newest_id: str = ""
    """Of the thread's items: the next id sorts behind it."""
    tries_again: bool = False
    """This turn ended every other answer of its thread."""


class ChatProtocol(Protocol):
    """ChatKit's requests and answers. Every method raises ChatRefusal and Unavailable."""

    async def answer(self, body: str, visit: Visit) -> str:
        """The JSON that answers a request without a stream."""
        ...

    def stream(self, body: str, visit: Visit) -> AsyncGenerator[str]:
        """The data of each server-sent event; refuses before the first one or never."""
        ...

    def repeat(self, visit: Visit, *, created: bool) -> AsyncGenerator[str]:
        """The events of a turn that was taken before, from what was kept of it.

        Without an answer among them it ends with an error that offers to try again.
        """
        ...


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment as the protocol shows it."""

    id: str
    name: str
    mime_type: str
    preview_url: str
    upload_url: str = ""
    """Empty once the bytes are in."""

    @property
    def is_image(self) -> bool:
        return self.mime_type.startswith("image/")


class Attachments(Protocol):
    """Where attachments are announced and found; their bytes never come this way."""

    async def announce(
        self, owner: Owner, *, name: str, mime_type: str, size_bytes: int
    ) -> Announced:
        """Raises ChatRefusal for what the shop does not take, Unavailable."""
        ...

    async def find(self, owner: Owner, attachment_id: str) -> Announced | None:
        """One of this visitor's whose bytes are in. Raises Unavailable."""
        ...

    async def take_back(self, owner: Owner, attachment_id: str) -> None:
        """Its visitor removed it from what they write. Raises Unavailable."""
        ...

    def preview(self, attachment_id: str) -> str:
        """A link that shows a picture, for a day from now."""
        ...


class Purse(Protocol):
    """What a visitor, a thread and a day may cost."""

    async def spend(self, owner: Owner, thread_id: str) -> bool:
        """False: an answer now would cost too much. Raises Unavailable."""
        ...
