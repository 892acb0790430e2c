"""Delivery events of SES, read from a queue and put on our stream.

They come as SES sends them, or wrapped by SNS. An event is taken off the queue only when it is on
the stream; the same one twice changes nothing. One that cannot be read stays in the queue, which
keeps it as evidence, and a person is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from libs.errors import Unavailable
from libs.messages.mail import DeliveryEvent
from libs.runtime.aws import aws_client
from libs.runtime.log import Log
from libs.streams.envelope import UNREADABLE
from libs.streams.port import Publisher

WAIT_SECONDS: Final = 20
"""The longest that SQS holds an empty answer back."""
PAUSE_SECONDS: Final = 5.0
AT_ONCE: Final = 10

EVENTS: Final = {
    "send": "send",
    "delivery": "delivery",
    "bounce": "bounce",
    "complaint": "complaint",
    "reject": "reject",
    "deliverydelay": "delay",
}
"""SES's word, lower case, to ours; opens, clicks and the like say nothing that we need."""

COMES: Final = "ApproximateReceiveCount"
TOLD_TIMES: Final = 3
"""It comes again each minute for two weeks; once more than enough, should a mail not leave."""
GREETING: Final = "Successfully validated SNS topic"
"""What SES says, in plain words, to a topic that it will publish to."""

Tell = Callable[[str], Awaitable[None]]
"""Given the cause."""


class _Wrapped(msgspec.Struct, frozen=True):
    """SNS's envelope."""

    Message: str = ""


class _Bounced(msgspec.Struct, frozen=True, rename="camel"):
    diagnostic_code: str = ""


class _Bounce(msgspec.Struct, frozen=True, rename="camel"):
    bounce_type: str = ""
    bounce_sub_type: str = ""
    bounced_recipients: tuple[_Bounced, ...] = ()

    @property
    def is_an_answer(self) -> bool:
        """SES calls an out-of-office reply a bounce as well: transient, and without the code that a
        server gives for a mail it did not take.
        """
        if (self.bounce_type, self.bounce_sub_type) != ("Transient", "General"):
            return False
        return not any(recipient.diagnostic_code for recipient in self.bounced_recipients)


class _Complaint(msgspec.Struct, frozen=True, rename="camel"):
    complaint_feedback_type: str = ""


class _Reject(msgspec.Struct, frozen=True):
    reason: str = ""


class _Delay(msgspec.Struct, frozen=True, rename="camel"):
    delay_type: str = ""


class _Mail(msgspec.Struct, frozen=True, rename="camel"):
    message_id: str = ""
    timestamp: str = ""
    tags: dict[str, tuple[str, ...]] = {}


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    """The part of an SES event that we need; addresses and subjects are not read at all."""

    mail: _Mail
    event_type: str = ""
    notification_type: str = ""
    bounce: _Bounce = _Bounce()
    complaint: _Complaint = _Complaint()
    reject: _Reject = _Reject()
    delivery_delay: _Delay = _Delay()

    def __post_init__(self) -> None:
        if not self._word:
            raise ValueError("no event type")

    @property
    def _word(self) -> str:
        return (self.event_type or self.notification_type).replace(" ", "").lower()

    @property
    def kind(self) -> str | None:
        kind = EVENTS.get(self._word)
        return "delivery" if kind == "bounce" and self.bounce.is_an_answer else kind

    @property
    def detail(self) -> str:
        """The provider's own codes, none of them a person's words."""
        codes = (
            self.bounce.bounce_type,
            self.bounce.bounce_sub_type,
            self.complaint.complaint_feedback_type,
            self.reject.reason,
            self.delivery_delay.delay_type,
        )
        return " ".join(code for code in codes if code)[:80]


def read_event(body: str) -> DeliveryEvent | None:
    """None: not about an attempt of ours. Raises one of UNREADABLE when it is no SES event."""
    if body.startswith(GREETING):
        return None
    if wrapped := msgspec.json.decode(body, type=_Wrapped).Message:
        return read_event(wrapped)
    event = msgspec.json.decode(body, type=_Event)
    kind = event.kind
    tags = {name: values[0] for name, values in event.mail.tags.items() if values}
    if kind is None or not {"shop", "thread", "attempt"} <= tags.keys():
        return None
    if not tags["attempt"].isdecimal():
        return None
    return DeliveryEvent(
        shop=tags["shop"],
        thread_id=tags["thread"],
        attempt=int(tags["attempt"]),
        event=kind,
        message_id=event.mail.message_id,
        at=_seconds(event.mail.timestamp),
        detail=event.detail,
    )


def _seconds(timestamp: str) -> float:
    try:
        return datetime.fromisoformat(timestamp).timestamp()
    except ValueError:
        return 0.0


@dataclass(frozen=True)
class SesEvents:
    client: Any
    queue_url: str
    publisher: Publisher
    tell: Tell
    log: Log

    async def listen(self) -> None:
        """Until cancelled. What cannot be passed on now stays in the queue."""
        while True:
            try:
                await self.pass_on()
            except Unavailable as error:
                self.log.warning("delivery_events_unavailable", part=error.part)
                await asyncio.sleep(PAUSE_SECONDS)

    async def pass_on(self, wait_seconds: int = WAIT_SECONDS) -> int:
        """One batch; returns how many events went on the stream."""
        from aiobotocore.httpsession import HTTPClientError
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = await self.client.receive_message(
                QueueUrl=self.queue_url, MaxNumberOfMessages=AT_ONCE, WaitTimeSeconds=wait_seconds,
                MessageSystemAttributeNames=[COMES],
            )  # fmt: skip
            took = [await self._take(message) for message in answer.get("Messages", ())]
        except (BotoCoreError, ClientError, HTTPClientError) as error:
            raise Unavailable("ses_events", type(error).__name__) from error
        if None in took:
            await self.tell("event_unreadable")
        return sum(map(bool, took))

    async def _take(self, message: dict[str, Any]) -> bool | None:
        """Whether it went on the stream; None: it cannot be read, and a person is to be told."""
        body = message["Body"]
        try:
            event = read_event(body)
        except UNREADABLE:
            if int(message["Attributes"][COMES]) > TOLD_TIMES:
                return False
            self.log.error("delivery_event_unreadable", bytes=len(body))
            return None
        if event is not None:
            await self.publisher.publish(event)
        await self.client.delete_message(
            QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"]
        )
        return event is not None


async def open_queue(stack: AsyncExitStack, region: str, endpoint_url: str) -> Any:
    """The client of SQS that SesEvents reads with."""
    longest = WAIT_SECONDS + 10
    opened = aws_client("sqs", region, endpoint_url, connect_timeout=10, read_timeout=longest)
    return await stack.enter_async_context(opened)
