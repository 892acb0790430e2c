"""Delivery events of SES, through a real queue and back to the attempt they speak of."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from libs.errors import Unavailable
from libs.messages.mail import DeliveryEvent
from libs.runtime.log import Log
from libs.streams.envelope import UNREADABLE
from libs.streams.fakes import RememberingPublisher
from services.mailer.adapters.ses_events import TOLD_TIMES, SesEvents, open_queue, read_event

TAGS = {"shop": ["craigs"], "thread": ["cthr_one"], "attempt": ["2"], "ses:operation": ["x"]}


def an_event(kind: str, key: str = "eventType", **more: object) -> dict[str, Any]:
    """As SES publishes it; the addresses are there, and must not come through."""
    return {
        key: kind,
        "mail": {
            "timestamp": "2026-11-20T18:00:00.000Z",
            "messageId": "ses-1",
            "source": "leads@shop.example",
            "destination": ["owner@shop.example"],
            "commonHeaders": {"subject": "New chat lead: Jane Doe"},
            "tags": TAGS,
        },
        **more,
    }


CASES = {
    "Send": ("send", "", {"send": {}}),
    "Delivery": ("delivery", "", {"delivery": {"recipients": ["owner@shop.example"]}}),
    "Bounce": (
        "bounce",
        "Permanent General",
        {
            "bounce": {
                "bounceType": "Permanent",
                "bounceSubType": "General",
                "bouncedRecipients": [{"emailAddress": "owner@shop.example"}],
            }
        },
    ),
    "Complaint": ("complaint", "abuse", {"complaint": {"complaintFeedbackType": "abuse"}}),
    "Reject": ("reject", "Bad content", {"reject": {"reason": "Bad content"}}),
    "DeliveryDelay": ("delay", "MailboxFull", {"deliveryDelay": {"delayType": "MailboxFull"}}),
}


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("key", ["eventType", "notificationType"])
def test_reads_every_kind(kind: str, wrapped: bool, key: str) -> None:  # noqa: FBT001 - a case
    ours, detail, more = CASES[kind]
    body = json.dumps(an_event(kind, key, **more))
    if wrapped:
        body = json.dumps({"Type": "Notification", "MessageId": "sns-1", "Message": body})

    assert read_event(body) == DeliveryEvent(
        shop="craigs", thread_id="cthr_one", attempt=2, event=ours, message_id="ses-1",
        at=1795197600.0, detail=detail,
    )  # fmt: skip


def a_bounce(kind: str, sub_kind: str, **recipient: str) -> dict[str, Any]:
    recipients = [{"emailAddress": "owner@shop.example", **recipient}]
    return an_event(
        "Bounce",
        bounce={"bounceType": kind, "bounceSubType": sub_kind, "bouncedRecipients": recipients},
    )


def test_an_out_of_office_reply_is_no_bounce() -> None:
    event = read_event(json.dumps(a_bounce("Transient", "General")))

    assert event
    assert (event.event, event.detail) == ("delivery", "Transient General")


@pytest.mark.parametrize(
    "bounce",
    [
        a_bounce("Transient", "General", diagnosticCode="smtp; 450 4.7.1 try again later"),
        a_bounce("Transient", "MailboxFull"),
        a_bounce("Undetermined", "Undetermined"),
        a_bounce("Permanent", "General"),
    ],
)
def test_what_the_shop_did_not_get_is_a_bounce(bounce: dict[str, Any]) -> None:
    event = read_event(json.dumps(bounce))

    assert event
    assert event.event == "bounce"


@pytest.mark.parametrize(
    "event",
    [
        an_event("Open"),
        an_event("Click"),
        {**an_event("Send"), "mail": {"messageId": "ses-2"}},
        {**an_event("Send"), "mail": {"tags": {**TAGS, "attempt": ["first"]}}},
        {**an_event("Send"), "mail": {"tags": {**TAGS, "thread": []}}},
    ],
)
def test_what_is_not_about_an_attempt_of_ours_is_none(event: dict[str, Any]) -> None:
    assert read_event(json.dumps(event)) is None


@pytest.mark.parametrize(
    "body", ["", "not json", "[]", '{"Message": "hello"}', '{"mail": 3}', '{"mail": {}}']
)
def test_what_is_no_event_says_so(body: str) -> None:
    with pytest.raises(UNREADABLE):
        read_event(body)


class TestQueue:
    pytestmark = pytest.mark.slow

    @pytest.fixture
    async def events(self, moto_url: str) -> AsyncIterator[SesEvents]:
        async with AsyncExitStack() as stack:
            sqs = await open_queue(stack, "us-east-1", moto_url)
            queue = await sqs.create_queue(QueueName=f"events-{id(stack)}")
            publisher, log = RememberingPublisher(), Log("mailer")
            yield SesEvents(sqs, queue["QueueUrl"], publisher, Told(), log)

    async def test_every_event_goes_on_the_stream_and_off_the_queue(
        self, events: SesEvents
    ) -> None:
        for kind, (_, _, more) in CASES.items():
            await post(events, json.dumps(an_event(kind, **more)))

        passed = 0
        while batch := await events.pass_on(wait_seconds=0):
            passed += batch

        assert passed == len(CASES)
        assert sorted(event.event for event in published(events)) == sorted(
            ours for ours, _, _ in CASES.values()
        )
        assert await waiting(events) == 0

    @pytest.mark.parametrize("raw", ["true", "false"])
    async def test_comes_from_ses_by_way_of_sns(
        self, events: SesEvents, moto_url: str, raw: str
    ) -> None:
        """Its envelope, as SNS itself makes it; or none, where the subscription says so."""
        from aiobotocore.session import get_session

        arn = (
            await events.client.get_queue_attributes(
                QueueUrl=events.queue_url, AttributeNames=["QueueArn"]
            )
        )["Attributes"]["QueueArn"]
        opened = get_session().create_client("sns", region_name="us-east-1", endpoint_url=moto_url)
        async with opened as sns:
            topic = (await sns.create_topic(Name=f"mail-{raw}-{id(events)}"))["TopicArn"]
            await sns.subscribe(
                TopicArn=topic, Protocol="sqs", Endpoint=arn,
                Attributes={"RawMessageDelivery": raw},
            )  # fmt: skip
            for said in ("Successfully validated SNS topic", json.dumps(an_event("Delivery"))):
                await sns.publish(TopicArn=topic, Message=said, Subject="Amazon SES Email Event")

        passed = sum([await events.pass_on(wait_seconds=0) for _ in range(3)])

        assert passed == 1
        assert [(event.event, event.attempt) for event in published(events)] == [("delivery", 2)]
        assert causes(events) == []
        assert await waiting(events) == 0

    @pytest.mark.parametrize("unreadable", ["not json", "[" * 5000])
    async def test_what_cannot_be_read_stays_a_person_is_told_and_no_other_waits(
        self, events: SesEvents, unreadable: str
    ) -> None:
        await post(events, unreadable)
        await post(events, json.dumps(an_event("Send")))

        passed = sum([await events.pass_on(wait_seconds=0) for _ in range(3)])

        assert passed == 1
        assert causes(events) == ["event_unreadable"]
        assert await waiting(events) == 1

    async def test_of_what_comes_back_for_weeks_a_person_hears_in_its_first_minutes(
        self, events: SesEvents
    ) -> None:
        await post(events, "not json")
        at_once = {"QueueUrl": events.queue_url, "Attributes": {"VisibilityTimeout": "0"}}
        await events.client.set_queue_attributes(**at_once)

        for _ in range(2 * TOLD_TIMES):
            await events.pass_on(wait_seconds=0)

        assert causes(events) == ["event_unreadable"] * TOLD_TIMES
        assert await waiting(events) == 1

    async def test_an_event_stays_in_the_queue_while_the_stream_is_down(
        self, events: SesEvents
    ) -> None:
        await post(events, json.dumps(an_event("Send")))

        async def down(*_: object, **__: object) -> None:
            raise Unavailable("redis", "down")

        events.publisher.publish = down  # type: ignore[method-assign]
        with pytest.raises(Unavailable):
            await events.pass_on(wait_seconds=0)

        assert await waiting(events) == 1

    async def test_a_queue_that_is_gone_is_unavailable(self, events: SesEvents) -> None:
        await events.client.delete_queue(QueueUrl=events.queue_url)

        with pytest.raises(Unavailable, match="ses_events"):
            await events.pass_on(wait_seconds=0)


@dataclass
class Told:
    causes: list[str] = field(default_factory=list)

    async def __call__(self, cause: str) -> None:
        self.causes.append(cause)


def causes(events: SesEvents) -> list[str]:
    assert isinstance(events.tell, Told)
    return events.tell.causes


async def post(events: SesEvents, body: str) -> None:
    await events.client.send_message(QueueUrl=events.queue_url, MessageBody=body)


def published(events: SesEvents) -> list[DeliveryEvent]:
    assert isinstance(events.publisher, RememberingPublisher)
    return [each for each in events.publisher.published if isinstance(each, DeliveryEvent)]


async def waiting(events: SesEvents) -> int:
    """Messages in the queue, in flight or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = await events.client.get_queue_attributes(
        QueueUrl=events.queue_url, AttributeNames=names
    )
    return sum(int(answer["Attributes"][name]) for name in names)
