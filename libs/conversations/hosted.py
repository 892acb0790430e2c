"""Conversations that OpenAI hosts, read through `beta.chatkit.threads`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeVar

import msgspec

from libs.conversations.items import Raw, read_items
from libs.conversations.port import Conversation
from libs.errors import Unavailable
from libs.identity.visitors import hosted_user, visitor_of
from libs.model.openai_connection import OpenAIConnection, asked_wait

if TYPE_CHECKING:
    from openai import Omit
    from openai.resources.beta.chatkit.chatkit import AsyncChatKit

PAGE_ITEMS: Final = 100
PAGES: Final = 50
"""A server that keeps saying `has_more` must not hold us for ever."""
THREAD_PAGES: Final = 5
CALL_SECONDS: Final = 10.0
READ_SECONDS: Final = 45.0
"""All pages of one conversation; below the consume loop's limit for a handler."""
LOGS_URL: Final = "https://platform.openai.com/logs/"

NOT_THERE: Final = frozenset({400, 404})
"""The id is the only thing in these calls that can be wrong."""

T = TypeVar("T")


class ThreadHead(msgspec.Struct, frozen=True):
    user: str | None = None
    title: str | None = None


class Page(msgspec.Struct, frozen=True):
    """What a listing answers, of which we trust only the shape that we need."""

    data: tuple[object, ...] = ()
    has_more: bool = False
    last_id: object = None

    @property
    def rows(self) -> tuple[Raw, ...]:
        return tuple(row for row in self.data if isinstance(row, dict))

    @property
    def next_after(self) -> str:
        """Where the next page begins; `last_id` may be missing, and the last row still has one."""
        ends = (self.last_id, *(row.get("id") for row in self.rows[-1:]))
        told = (last for last in ends if isinstance(last, str) and last)
        return next(told, "") if self.has_more else ""


@dataclass(frozen=True)
class HostedConversations:
    """`connection` brings the key and the address; time-outs and the number of tries are ours."""

    connection: OpenAIConnection
    alone: bool = True
    """Whether only one shop is served."""

    async def read(self, shop: str, thread_id: str) -> Conversation | None:
        with _errors_mapped():
            async with asyncio.timeout(READ_SECONDS):
                thread = await _unless_missing(self._thread(thread_id))
                visitor = visitor_of(thread.user or "", shop) if thread else None
                if thread is None or visitor is None:
                    return None
                raws, truncated = await self._all_items(thread_id)
        reading = read_items(raws)
        return Conversation(
            thread_id=thread_id,
            visitor=visitor,
            title=thread.title or "",
            items=reading.items,
            unknown_items=reading.unknown_items,
            truncated=truncated,
            logs_url=LOGS_URL + thread_id,
        )

    async def last_item_id(self, shop: str, thread_id: str) -> str | None:
        """By the rules that `read` shows items by, or the two would never agree."""
        with _errors_mapped():
            async with asyncio.timeout(READ_SECONDS):
                return await _unless_missing(self._newest_visible(thread_id))

    async def owner(self, shop: str, thread_id: str) -> str | None:
        with _errors_mapped():
            async with asyncio.timeout(READ_SECONDS):
                thread = await _unless_missing(self._thread(thread_id))
        return visitor_of(thread.user or "", shop) if thread else None

    async def threads_of(self, shop: str, visitor: str) -> list[str]:
        """Those from before there was a second shop are found where there are no others."""
        known_as = (hosted_user(visitor, shop, alone=self.alone), visitor)
        with _errors_mapped():
            async with asyncio.timeout(READ_SECONDS):
                for user in dict.fromkeys(known_as):
                    if found := await self._all_threads(user):
                        return found
        return []

    async def forget(self, shop: str, thread_id: str) -> bool:
        with _errors_mapped():
            deletion = self._openai.threads.delete(thread_id)
            return await _unless_missing(deletion) is not None

    @property
    def _openai(self) -> AsyncChatKit:
        client = self.connection.client.with_options(timeout=CALL_SECONDS, max_retries=1)
        return client.beta.chatkit

    async def _thread(self, thread_id: str) -> ThreadHead:
        answer = await self._openai.threads.with_raw_response.retrieve(thread_id)
        return msgspec.json.decode(answer.content, type=ThreadHead)

    async def _all_items(self, thread_id: str) -> tuple[list[Raw], bool]:
        """Oldest first. Past the cap the newest page is added: what was said last matters most."""
        found: dict[str, Raw] = {}
        more = False
        async for page in _pages(partial(self._items, thread_id, "asc"), PAGES):
            found.update((str(raw.get("id")), raw) for raw in page.rows)
            more = page.has_more
        if more:
            newest = await self._items(thread_id, "desc", "")
            found.update((str(raw.get("id")), raw) for raw in reversed(newest.rows))
        return list(found.values()), more

    async def _newest_visible(self, thread_id: str) -> str | None:
        async for page in _pages(partial(self._items, thread_id, "desc"), PAGES):
            if items := read_items(page.rows).items:
                return items[0].id
        return None

    async def _items(self, thread_id: str, order: Literal["asc", "desc"], after: str) -> Page:
        """As JSON, not as the SDK's types: an item type that it does not know is no error."""
        answer = await self._openai.threads.with_raw_response.list_items(
            thread_id, order=order, limit=PAGE_ITEMS, after=after or omit()
        )
        return msgspec.json.decode(answer.content, type=Page)

    async def _all_threads(self, user: str) -> list[str]:
        found: dict[str, None] = {}
        async for page in _pages(partial(self._threads, user), THREAD_PAGES):
            found.update((str(thread["id"]), None) for thread in page.rows if "id" in thread)
        return list(found)

    async def _threads(self, user: str, after: str) -> Page:
        answer = await self._openai.threads.with_raw_response.list(
            user=user, order="desc", limit=PAGE_ITEMS, after=after or omit()
        )
        return msgspec.json.decode(answer.content, type=Page)


async def _pages(fetch: Callable[[str], Awaitable[Page]], most: int) -> AsyncIterator[Page]:
    """Page after page, until the server says that it was the last, repeats itself, or `most`."""
    after = ""
    for _ in range(most):
        page = await fetch(after)
        yield page
        if page.next_after in {"", after}:
            return
        after = page.next_after


def omit() -> Omit:
    from openai import omit as nothing

    return nothing


async def _unless_missing(call: Awaitable[T]) -> T | None:
    from openai import APIStatusError

    try:
        return await call
    except APIStatusError as error:
        if error.status_code in NOT_THERE:
            return None
        raise


@contextmanager
def _errors_mapped() -> Iterator[None]:
    """Whatever went wrong, the conversation is still there: come back later."""
    import openai

    try:
        yield
    except (openai.APITimeoutError, TimeoutError) as error:
        raise Unavailable("conversations", "openai timed out") from error
    except openai.APIConnectionError as error:
        raise Unavailable("conversations", "openai cannot be reached") from error
    except openai.APIStatusError as error:
        raise Unavailable(
            "conversations",
            f"openai answered {error.status_code}",
            after_seconds=asked_wait(error.response.headers.get("retry-after", "")),
        ) from error
    except (openai.OpenAIError, msgspec.DecodeError) as error:
        raise Unavailable(
            "conversations", "openai answered something else than documented"
        ) from error
