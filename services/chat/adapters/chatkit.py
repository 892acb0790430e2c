"""ChatKit's requests, checked, answered by the SDK, and refused in one clear sentence."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from libs.conversations.store import ThreadMissingError
from libs.errors import Unavailable
from services.chat.adapters.sdk import store as sdk_store
from services.chat.adapters.sdk import types as sdk
from services.chat.adapters.speaking import Speaking
from services.chat.ports import ChatRefusal, Visit

_HIDDEN: Final = ("hidden_context_item", "sdk_hidden_context")
_ANSWERS: Final = ("assistant_message", "structured_input")
_OF_THE_PROTOCOL: Final = re.compile(r"[a-z_]{1,40}|[0-9]{1,4}", re.ASCII)

_requests: TypeAdapter[Any] = TypeAdapter(sdk.ChatKitReq)


@dataclass(frozen=True)
class ChatKit:
    """ChatProtocol."""

    speaking: Speaking

    async def answer(self, body: str, visit: Visit) -> str:
        with _refusing():
            request = await self._checked(body, visit)
            return await self.speaking.whole(request, visit)

    async def stream(self, body: str, visit: Visit) -> AsyncGenerator[str]:
        begun = False
        try:
            with _refusing():
                request = await self._checked(body, visit)
                async for data in self._events(request, visit):
                    begun = True
                    yield data
        except (ChatRefusal, Unavailable):
            if not begun:
                raise
            yield self.speaking.apology(visit, "busy", ())

    async def repeat(self, visit: Visit, *, created: bool) -> AsyncGenerator[str]:
        with _refusing():
            assert visit.turn  # noqa: S101 - only turns are repeated
            thread = await self.speaking.threads.load_thread(visit.turn.thread_id, visit)
            if created:
                yield self._created(thread)
            async for data in self._kept_since(visit.turn.message_id, thread.id, visit):
                yield data

    def _created(self, thread: Any) -> str:
        empty = sdk.Thread(**thread.model_dump(), items=sdk.Page())
        return self.speaking.event(sdk.ThreadCreatedEvent(thread=empty))

    async def _events(self, request: Any, visit: Visit) -> AsyncIterator[str]:
        if isinstance(request, sdk.ThreadsCreateReq) and visit.turn and visit.begun:
            thread = await self.speaking.threads.load_thread(visit.turn.thread_id, visit)
            yield self._created(thread)
            to = sdk.ThreadAddUserMessageParams(thread_id=thread.id, input=request.params.input)
            request = sdk.ThreadsAddUserMessageReq(params=to)
        field = await self._settled_field(request, visit)
        if field is None:
            async for data in self.speaking.events(request, visit):
                yield data
            return
        yield self.speaking.event(sdk.ThreadItemReplacedEvent(item=field))
        async for data in self._kept_since(f"{field.id}~", field.thread_id, visit):
            yield data

    async def _kept_since(self, item_id: str, thread_id: str, visit: Visit) -> AsyncIterator[str]:
        """From this id on, which need not be there."""
        rows = await self.speaking.history(thread_id, visit)
        since = [row for row in rows if row.id >= item_id]
        for row in since:
            if row.kind not in _HIDDEN:
                item = self.speaking.threads.item_of(row)
                yield self.speaking.event(sdk.ThreadItemDoneEvent(item=item))
        if not any(row.kind in _ANSWERS for row in since):
            yield self.speaking.apology(visit, "cut", rows)

    async def _settled_field(self, request: Any, visit: Visit) -> Any:
        """A field that was answered just so before, as from another tab; None for an open one."""
        if not isinstance(request, sdk.ThreadsAddStructuredInputReq):
            return None
        params = request.params
        item = await self.speaking.threads.load_item(params.thread_id, params.item_id, visit)
        if item.type != "structured_input" or item.status == "pending":
            return None
        if await self.speaking.says_the_same(item, params.input):
            return item
        sentence = "This question is closed already; please write your answer as a message."
        raise ChatRefusal(422, "not_possible", sentence)

    async def _checked(self, body: str, visit: Visit) -> Any:
        """The request; refuses what the SDK finds out too late or answers with nothing at all."""
        threads = self.speaking.threads
        request = _requests.validate_json(body)
        match request:
            case sdk.ThreadsCreateReq(params=params) | sdk.ThreadsAddUserMessageReq(params=params):
                for attachment_id in params.input.attachments:
                    await self._find_file(attachment_id, visit)
            case sdk.ThreadsRetryAfterItemReq(params=params):
                item = await threads.load_item(params.thread_id, params.item_id, visit)
                if item.type != "user_message":
                    raise ValueError("not a message of the visitor")
            case sdk.ThreadsCustomActionReq() | sdk.ThreadsSyncCustomActionReq():
                raise NotImplementedError("actions")
            case sdk.AttachmentsDeleteReq(params=params):
                await threads.load_attachment(params.attachment_id, visit)
            case _:  # the SDK looks for itself
                pass
        return request

    async def _find_file(self, attachment_id: str, visit: Visit) -> None:
        """A code of its own: whoever hears that a thread is gone begins another."""
        try:
            await self.speaking.threads.load_attachment(attachment_id, visit)
        except sdk_store.NotFoundError as error:
            raise ChatRefusal(404, "unknown_file", "There is no such file.") from error


@contextmanager
def _refusing() -> Iterator[None]:
    """The one table from what the SDK raises to what the browser is told."""
    try:
        yield
    except ValidationError as error:
        sentence = f"The field {_place(error)} is not as the protocol says."
        raise ChatRefusal(400, "invalid_request", sentence) from error
    except (sdk_store.NotFoundError, ThreadMissingError) as error:
        raise ChatRefusal(404, "not_found", "There is no such thread, item or file.") from error
    except NotImplementedError as error:
        raise ChatRefusal(400, "unsupported", "This chat does not offer that.") from error
    except ValueError as error:
        raise ChatRefusal(422, "not_possible", "This cannot be done with that item.") from error


def _place(error: ValidationError) -> str:
    """`params.limit`: only names of the protocol, never what somebody sent as one."""
    parts = [str(part) for part in error.errors(include_input=False)[0]["loc"]]
    return ".".join(part for part in parts if _OF_THE_PROTOCOL.fullmatch(part)) or "type"
