"""The SDK's server with our agents speaking: how an answer becomes events and kept items."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from pydantic import TypeAdapter

from libs.conversations.items import read_items
from libs.conversations.store import PAGE_LIMIT, ChatStore, ItemRow
from libs.runtime.clock import Clock
from libs.runtime.log import Log
from libs.shops.hours import state_at
from services.chat.adapters.kept import KeptThreads
from services.chat.adapters.sdk import errors as sdk_errors
from services.chat.adapters.sdk import log_to
from services.chat.adapters.sdk import server as sdk_server
from services.chat.adapters.sdk import store as sdk_store
from services.chat.adapters.sdk import types as sdk
from services.chat.language import language_of
from services.chat.moments import customer_lines, is_reachable, title_of
from services.chat.phrases import kind_in
from services.chat.ports import Agent, AnswerFailed, Moment, PhoneField, Trouble, Visit

HISTORY_ITEMS: Final = 300
PHONE_FIELD: Final = "phone"

_items: TypeAdapter[Any] = TypeAdapter(sdk.ThreadItem)


class Speaking(sdk_server.ChatKitServer[Visit]):
    """The SDK's server: who answers, and what it does that the SDK leaves open."""

    def __init__(
        self,
        threads: KeptThreads,
        attachments: sdk_store.AttachmentStore[Visit],
        *,
        kept: ChatStore,
        agent: Agent,
        clock: Clock,
        log: Log,
    ) -> None:
        log_to(log)
        super().__init__(threads, attachments)
        self.threads = threads
        self._kept = kept
        self._agent = agent
        self._clock = clock

    async def whole(self, request: Any, visit: Visit) -> str:
        """`process()` of the SDK builds its validator anew for every request, which takes 10 ms."""
        return (await self._process_non_streaming(request, visit)).decode()

    async def events(self, request: Any, visit: Visit) -> AsyncIterator[str]:
        """As `process()` streams them, without the framing, which is the gateway's."""
        async for event in self._process_streaming_impl(request, visit):
            if isinstance(event, sdk.ThreadCreatedEvent | sdk.ThreadUpdatedEvent):
                thread = event.thread
                thread.created_at = self.threads.moment(thread.created_at, visit)
            yield self.event(event)

    async def _process_events(
        self, thread: Any, context: Visit, stream: Callable[[], AsyncIterator[Any]]
    ) -> AsyncIterator[Any]:
        """The SDK's own copies thread and items deeply at every answer, to save halves of answers
        and threads that change on the way. We have neither.
        """
        yield sdk.StreamOptionsEvent(stream_options=self.get_stream_options(thread, context))
        title = thread.title
        try:
            async for event in stream():
                await self._keep(event, thread.id, context)
                yield event
        except sdk_errors.CustomStreamError as error:
            yield sdk.ErrorEvent(
                code="custom", message=error.message, allow_retry=error.allow_retry
            )
        except Exception as error:
            logging.getLogger("chatkit").error("", exc_info=error)  # only its type is kept
            yield sdk.ErrorEvent(code=sdk_errors.ErrorCode.STREAM_ERROR, allow_retry=True)
        if thread.title != title:
            await self.threads.save_thread(thread, context)
            yield sdk.ThreadUpdatedEvent(thread=self._to_thread_response(thread))

    async def _keep(self, event: Any, thread_id: str, context: Visit) -> None:
        """What a browser is told of an item is on the disk."""
        match event:
            case sdk.ThreadItemDoneEvent(item=item):
                await self.threads.add_thread_item(thread_id, item, context)
            case sdk.ThreadItemReplacedEvent(item=item):
                await self.threads.save_item(thread_id, item, context)
            case _:  # the rest is only shown
                pass

    async def _load_full_thread(self, thread_id: str, context: Visit) -> sdk.Thread:
        """The newest part of it, which for all but the longest is all; the SDK's own would show the
        oldest 20 items. `after` leads on to older ones, newest first.
        """
        thread = await self.threads.load_thread(thread_id, context)
        rows = await self.history(thread_id, context)
        older = rows and await self._kept.items(
            context.owner, thread_id, after=rows[0].id, limit=1, newest_first=True
        )
        more = bool(older and older.rows)
        items = sdk.Page(
            data=[self.threads.item_of(row) for row in rows],
            has_more=more,
            after=rows[0].id if more else None,
        )
        return sdk.Thread(**thread.model_dump(), items=items)

    async def says_the_same(self, field: Any, submission: Any) -> bool:
        """Whether a settled field would be just as it is, were it open and this its answer."""
        open_field = field.model_copy(update={"status": "pending"})
        answered = await self._apply_structured_input_submission(open_field, submission)
        return bool(answered == field)

    async def respond(
        self, thread: sdk.ThreadMetadata, input_user_message: Any, context: Visit
    ) -> AsyncIterator[Any]:
        rows = await self.history(thread.id, context)
        for row in rows:
            if row.kind == "structured_input" and (field := _still_open(row)):
                yield sdk.ThreadItemReplacedEvent(item=field)
        items = read_items(msgspec.json.decode(row.body) for row in rows).items
        moment = self._moment(thread.id, rows, items, context)
        try:
            async for event in self._speak(moment, context):
                yield event
        except AnswerFailed as failed:
            sentence = _sentence(failed.trouble, moment.language, context)
            raise sdk_errors.CustomStreamError(
                sentence, allow_retry=failed.trouble != "spent"
            ) from failed
        finally:  # the title is saved once the answer is out: nothing may delay its first word
            thread.title = thread.title or title_of(items) or None

    def _moment(self, thread_id: str, rows: list[ItemRow], items: Any, visit: Visit) -> Moment:
        asked = any(row.kind == "structured_input" for row in rows)
        facts = state_at(visit.shop, self._clock.now()).variables()
        return Moment(
            shop=visit.shop,
            facts={"locale": visit.locale or "en", "page_url": visit.page_url, **facts},
            language=language_of(customer_lines(items), visit.locale),
            items=items,
            may_ask_phone=not asked and not is_reachable(items, visit.shop),
            owner=visit.owner,
            thread_id=thread_id,
        )

    async def _speak(self, moment: Moment, visit: Visit) -> AsyncIterator[Any]:
        message = sdk.AssistantMessageItem(content=[], **self._stamp(moment, visit))
        text, field = "", None
        try:
            async for piece in _audible(self._agent.answer(moment)):
                if isinstance(piece, PhoneField):
                    field = piece
                    continue
                if not text:
                    yield sdk.ThreadItemAddedEvent(item=message)
                    yield _update(message, _begun())
                yield _update(message, _delta(piece))
                text += piece
        except AnswerFailed:
            if text:
                yield sdk.ThreadItemRemovedEvent(item_id=message.id)
            raise
        for event in self._said(message, text):
            yield event
        if field:
            yield sdk.ThreadItemDoneEvent(item=self._phone_field(field, moment, visit))

    def _said(self, message: Any, text: str) -> Iterator[Any]:
        if text:
            content = sdk.AssistantMessageContent(text=text)
            done = sdk.AssistantMessageContentPartDone(content_index=0, content=content)
            yield _update(message, done)
            yield sdk.ThreadItemDoneEvent(item=message.model_copy(update={"content": [content]}))

    def _phone_field(self, field: PhoneField, moment: Moment, visit: Visit) -> Any:
        hint = kind_in(moment.language).phone_hint
        question = sdk.StructuredInputFreeform(
            id=PHONE_FIELD, question=field.question, description=hint
        )
        return sdk.StructuredInputItem(inputs=[question], **self._stamp(moment, visit))

    def _stamp(self, moment: Moment, visit: Visit) -> dict[str, Any]:
        now = datetime.fromtimestamp(self._clock.now(), UTC)
        name = self.threads.next_item_id(visit)
        return {"id": name, "thread_id": moment.thread_id, "created_at": now}

    async def history(self, thread_id: str, visit: Visit) -> list[ItemRow]:
        """The newest part of a thread, oldest first."""
        rows: list[ItemRow] = []
        more = True
        while more and len(rows) < HISTORY_ITEMS:
            page = await self._kept.items(
                visit.owner,
                thread_id,
                after=rows[-1].id if rows else "",
                limit=PAGE_LIMIT,
                newest_first=True,
            )
            rows += page.rows
            more = page.has_more
        return rows[::-1]

    async def add_feedback(
        self, thread_id: str, item_ids: list[str], feedback: str, context: Visit
    ) -> None:
        """Heard and not kept, for nobody would read it; our panel does not offer it."""
        for item_id in item_ids[:PAGE_LIMIT]:
            await self.threads.load_item(thread_id, item_id, context)

    def get_stream_options(self, thread: sdk.ThreadMetadata, context: Visit) -> Any:
        """A browser that goes away never stops an answer, so it is not offered to."""
        return sdk.StreamOptions(allow_cancel=False)

    def event(self, event: Any) -> str:
        return self._serialize(event).decode()

    def apology(self, visit: Visit, trouble: Trouble, rows: Any) -> str:
        """The error event with a kind sentence and the offer to try again."""
        lines = customer_lines(read_items(msgspec.json.decode(row.body) for row in rows).items)
        sentence = _sentence(trouble, language_of(lines, visit.locale), visit)
        return self.event(sdk.ErrorEvent(code="custom", message=sentence, allow_retry=True))


async def _audible(pieces: AsyncIterator[str | PhoneField]) -> AsyncIterator[str | PhoneField]:
    """Without the blanks before the first word. Raises AnswerFailed where there is nothing else."""
    begun = False
    async for piece in pieces:
        heard = piece.lstrip() if isinstance(piece, str) and not begun else piece
        begun = begun or bool(heard)
        if heard:
            yield heard
    if not begun:
        raise AnswerFailed("cut")


def _still_open(row: ItemRow) -> Any:
    """A field that the customer passed over, as skipped; None for one that is settled."""
    item = _items.validate_json(row.body)
    return item.model_copy(update={"status": "skipped"}) if item.status == "pending" else None


def _begun() -> Any:
    content = sdk.AssistantMessageContent(text="")
    return sdk.AssistantMessageContentPartAdded(content_index=0, content=content)


def _delta(piece: str) -> Any:
    return sdk.AssistantMessageContentPartTextDelta(content_index=0, delta=piece)


def _update(message: Any, update: Any) -> Any:
    return sdk.ThreadItemUpdatedEvent(item_id=message.id, update=update)


def _sentence(trouble: Trouble, language: str, visit: Visit) -> str:
    return kind_in(language).failed[trouble].format(phone=visit.shop.phone)
