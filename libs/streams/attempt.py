"""One attempt at one entry: open it, run the handler, say what became of it."""

from __future__ import annotations

import asyncio
from collections import Counter

from libs.errors import Rejected, Retryable
from libs.messages.base import Message
from libs.runtime.log import place_of
from libs.runtime.metrics import HANDLED, HANDLER_SECONDS
from libs.streams.broker import DeadLetter, Entry
from libs.streams.envelope import UNREADABLE, Envelope, decoder
from libs.streams.fate import MAX_DELIVERIES, decide_fate
from libs.streams.port import Consumer, Delivery
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
        self._chatty = process.log.chatty
        self._seconds: list[float] = []
        self._outcomes: list[str] = []
        self.lately_seconds = 1.0
        """The longest handler of late: each later and shorter one lets it fade."""
        self.overdue: set[str] = set()
        """Entries whose handler was cancelled because its time was up."""

    async def run(self, entry: Entry, started: float) -> None:
        """The only place that catches everything: whatever a handler does, its entry is settled."""
        attempt, message = entry.deliveries, None
        try:
            envelope = self._opened(entry)
            attempt += envelope.attempts
            message = envelope.message
            if self._drop_expired and self._expired(envelope.deadline):
                outcome = "expired"
            else:
                await self._handler(
                    Delivery(
                        message=message, entry_id=entry.id, attempt=attempt,
                        reply_to=envelope.reply_to, deadline=envelope.deadline,
                    )
                )  # fmt: skip
                outcome = "done"
            self._settler.ack(entry.id)
        except (Retryable, Rejected) as error:
            outcome = self._failed(entry, message, attempt, error)
        except asyncio.CancelledError as error:
            outcome = self._failed(entry, message, attempt, self._ended(entry, message, error))
        except Exception as error:  # noqa: BLE001 - see above
            outcome = self._failed(entry, message, attempt, self._surprise(entry, message, error))
        seconds = self._boot() - started
        self.lately_seconds = max(seconds, self.lately_seconds * 0.95)
        self._seconds.append(seconds)
        self._outcomes.append(outcome)
        if self._chatty:
            self._tell(entry, message, attempt=attempt, outcome=outcome, seconds=seconds)

    def count(self) -> None:
        """Adds what was run since to the metrics: a batch at a time, for it is not cheap."""
        metrics = self._process.metrics
        for outcome, times in Counter(self._outcomes).items():
            metrics.count(HANDLED, self._stream, outcome, by=times)
        metrics.observe_all(HANDLER_SECONDS, self._stream, all_seconds=self._seconds)
        self._outcomes.clear()
        self._seconds.clear()

    def _expired(self, deadline: float) -> bool:
        return 0 < deadline < self._process.clock.now()

    def _opened(self, entry: Entry) -> Envelope[Message]:
        if entry.deliveries > MAX_DELIVERIES:
            raise Rejected(f"handed out {entry.deliveries - 1} times, and never came to an end")
        try:
            return self._open(entry.body)
        except UNREADABLE as error:
            raise Rejected(f"not a {self._kind}") from error

    def _failed(
        self, entry: Entry, message: Message | None, attempt: int, error: Retryable | Rejected
    ) -> str:
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
            **_whose(message),
        )
        return outcome

    def _ended(
        self, entry: Entry, message: Message | None, error: asyncio.CancelledError
    ) -> Retryable:
        """By our time limit, or because something that the handler waited for was cancelled; when
        we are the ones who are cancelled, that goes on.
        """
        if entry.id in self.overdue:
            return Retryable("the handler's time was up")
        task = asyncio.current_task()
        if task and task.cancelling():
            raise error
        return self._surprise(entry, message, error)

    def _surprise(self, entry: Entry, message: Message | None, error: BaseException) -> Retryable:
        """A bug of ours. Its text may quote a customer, so only its kind and place are told."""
        kind = type(error).__name__
        self._process.log.error(
            "unhandled_exception", stream=self._stream, entry_id=entry.id,
            exception_type=kind, where=place_of(error), **_whose(message),
        )  # fmt: skip
        return Retryable(kind)

    def _tell(self, entry: Entry, message: Message | None, **what: object) -> None:
        self._process.log.info(
            "handled",
            stream=self._stream,
            message=self._kind,
            entry_id=entry.id,
            **_whose(message),
            **what,
        )


def _whose(message: Message | None) -> dict[str, str | None]:
    return {name: getattr(message, name, None) for name in ("request_id", "thread_id")}
