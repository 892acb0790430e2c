"""One request of the ChatKit protocol, and the chunks that answer it."""

from __future__ import annotations

from libs.messages.base import Message


class ChatRequest(Message, tag="chat.request.v1", frozen=True, kw_only=True):
    """Wish: answer this ChatKit request. `body` is the protocol's own JSON, checked for size."""

    shop: str
    visitor: str
    body: str
    locale: str = ""
    """The session's; the front end's own word in `body` comes first."""
    page_url: str = ""
    """Where the chat was opened; the front end may know better by now."""
    earlier: tuple[str, ...] = ()
    """The same visitor under older site keys: what they owned then is theirs."""


class ChatChunk(Message, tag="chat.chunk.v1", frozen=True, kw_only=True):
    """A piece of the answer: the data of one SSE event, or the whole JSON when not streaming."""

    data: str
    streaming: bool = True
    last: bool = False


class ChatRefused(Message, tag="chat.refused.v1", frozen=True, kw_only=True):
    status: int
    error: str
    detail: str
    retry_after_seconds: int = 0
    last: bool = True


ChatReply = ChatChunk | ChatRefused
