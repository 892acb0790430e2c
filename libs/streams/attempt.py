"""One attempt at one entry: open it, run the handler, say what became of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from libs.errors import Rejected, Retryable
from libs.messages.base import Message
from libs.runtime.metrics import HANDLED, HANDLER_SECONDS
from libs.runtime.runtime import Consumer
from libs.streams.broker import DeadLetter, Entry
from libs.streams.envelope import Envelope, decoder
from libs.streams.fate import MAX_DELIVERIES, decide_fate
from libs.streams.port import Delivery
from libs.streams.process import Process
from libs.streams.settle import Settler


class Attempts:
    def __init__(self, consumer: Consumer, process: Process, settler: Settler) -> None:
        self._stream = consumer.stream.name
        self._kind = str(consumer.stream.message.__struct_config__.tag)
        self._open = decoder(consumer.stream.message).decode
        self._handler = consumer.handler
        self._drop_expired = consumer.drop_expired
        self._settler = settler
        self._process = process
        self._boot = process.clock.boot
        self.overdue: set[str] = set()
        """Entries whose handler was cancelled because its time was up."""

    async def run(self, entry: Entry) -> None:
        """The only place that catches everything: whatever a handler does, its entry is settled."""
        started, attempt, message = self._boot(), entry.deliveries, None
        try:
            envelope = self._opened(entry)
            attempt += envelope.attempts
            message = envelope.message
            outcome = await self._handled(entry, envelope, attempt)
            self._settler.ack(entry.id)
        except (Retryable, Rejected) as error:
            outcome = self._failed(entry, attempt, error)
        except asyncio.CancelledError:
            if entry.id not in self.overdue:
                raise
            outcome = self._failed(entry, attempt, Retryable("the handler's time was up"))
        except Exception as error:  # noqa: BLE001 - see above
            outcome = self._failed(entry, attempt, self._surprise(entry, error))
        seconds = self._boot() - started
        self._process.metrics.count(HANDLED, self._stream, outcome)
        self._process.metrics.observe(HANDLER_SECONDS, self._stream, seconds=seconds)
        if self._process.log.chatty:
            self._tell(entry, message, attempt=attempt, outcome=outcome, seconds=seconds)

    def _opened(self, entry: Entry) -> Envelope[Message]:
        if entry.deliveries > MAX_DELIVERIES:
            raise Rejected(f"handed out {entry.deliveries - 1} times, and never came to an end")
        try:
            return self._open(entry.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Rejected(f"not a {self._kind}") from error

    async def _handled(self, entry: Entry, envelope: Envelope[Message], attempt: int) -> str:
        deadline = envelope.deadline
        if self._drop_expired and deadline and self._process.clock.now() > deadline:
            return "expired"
        await self._handler(
            Delivery(
                message=envelope.message,
                entry_id=entry.id,
                attempt=attempt,
                reply_to=envelope.reply_to,
                deadline=deadline,
            )
        )
        return "done"

    def _failed(self, entry: Entry, attempt: int, error: Retryable | Rejected) -> str:
        process = self._process
        fate = decide_fate(entry, attempt, error, process.clock.now(), process.rng)
        self._settler.fail(fate)
        outcome = "parked" if isinstance(fate, DeadLetter) else "retry"
        process.log.warning(
            "delivery_failed",
            outcome=outcome,
            stream=self._stream,
            entry_id=entry.id,
            attempt=attempt,
            reason=error.reason,
        )
        return outcome

    def _surprise(self, entry: Entry, error: Exception) -> Retryable:
        """A bug of ours. Its text may quote a customer, so only its kind and place are told."""
        kind = type(error).__name__
        trace = error.__traceback__
        while trace and trace.tb_next:
            trace = trace.tb_next
        where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
        self._process.log.error(
            "unhandled_exception", stream=self._stream, entry_id=entry.id,
            exception_type=kind, where=where,
        )  # fmt: skip
        return Retryable(kind)

    def _tell(self, entry: Entry, message: Message | None, **what: object) -> None:
        self._process.log.info(
            "handled",
            stream=self._stream,
            message=self._kind,
            entry_id=entry.id,
            request_id=getattr(message, "request_id", None),
            thread_id=getattr(message, "thread_id", None),
            **what,
        )
