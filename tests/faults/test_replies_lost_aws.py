"""The reply of each call of DynamoDB, S3, SQS and SES is lost in turn; then they are away a minute.

Mails are counted in moto's own backend. Its SES publishes no delivery events, so the test puts them
on the queue as SES does: they are the evidence that settles a send whose reply was lost.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from libs.ledger.open import open_records
from libs.ledger.port import LeadRecords
from libs.runtime.settings import CommonSettings
from tests.contracts.post_offices import SHOP_SENDER, TO_SES
from tests.faults import call_sites
from tests.faults.call_sites import unnamed
from tests.faults.calls import http_calls, redis_calls
from tests.faults.deployment import Deployment, deployment
from tests.faults.mailbox import Mailbox
from tests.faults.proxy import Proxy, proxy
from tests.faults.test_replies_lost import EACH, lost_in_turn, lost_meanwhile, through
from tests.faults.verdict import SHOP, verdict
from tests.faults.visitors import visitors
from tests.servers import redis_server

pytestmark = [pytest.mark.slow, pytest.mark.prove, pytest.mark.timeout(900)]

Record = Callable[[str, object], None]

REGION = "us-east-1"
AWAY_SECONDS = 60.0
AWS_TIMES = {"FENCE_SECONDS": "300", "EVIDENCE_SECONDS": "1200", "SWEEP_SECONDS": "3"}
"""The windows are production's: AWS takes a signed mail for five minutes, events may take twenty.
moto answers some fifty calls a second, so few people come and the sweepers leave it room."""


class MotoMailbox(Mailbox):
    """What moto's SES accepted since the test began."""

    def __init__(self) -> None:
        super().__init__()
        self._seen = len(self._sent())

    @staticmethod
    def _sent() -> list[Any]:
        from moto.ses.models import ses_backends

        return list(ses_backends["123456789012"][REGION].sent_messages)

    def collect(self) -> list[Any]:
        """The new ones, now counted."""
        new = self._sent()[self._seen :]
        self._seen += len(new)
        for message in new:
            self.accept(message.raw_data.encode())
        return new


@dataclass
class Aws:
    """moto, the proxy before it, and the queue of delivery events."""

    url: str
    wire: Proxy
    queue_url: str
    sqs: Any
    box: MotoMailbox

    async def report(self) -> None:
        """Count what SES accepted and report each, as SES does for every mail, soon after."""
        while True:
            for message in self.box.collect():
                body = json.dumps(_event(message))
                await self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)
            await asyncio.sleep(0.5)


def _event(message: Any) -> dict[str, Any]:
    mail = email.message_from_string(message.raw_data, policy=email.policy.default)
    tags = {"thread": mail["X-Handoff-Thread"], "attempt": mail["X-Handoff-Attempt"], "shop": SHOP}
    told = {name: [str(value)] for name, value in tags.items()}
    return {"eventType": "Send", "mail": {"messageId": message.id, "tags": told}}


@asynccontextmanager
async def aws(moto_url: str) -> AsyncIterator[Aws]:
    from aiobotocore.session import get_session

    verify = {"Action": "VerifyEmailIdentity", "EmailAddress": SHOP_SENDER}
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{moto_url}/moto-api/reset") as reply:
            assert reply.status == 200
        async with http.post(moto_url, data=verify, headers=TO_SES) as reply:
            assert reply.status == 200
    port = urlsplit(moto_url).port
    assert port
    async with (
        proxy("127.0.0.1", port) as wire,
        get_session().create_client("sqs", region_name=REGION, endpoint_url=moto_url) as sqs,
    ):
        queue = await sqs.create_queue(QueueName="events")
        yield Aws(moto_url, wire, queue["QueueUrl"], sqs, MotoMailbox())


@dataclass
class OnAws:
    handoff: Deployment
    records: LeadRecords
    in_redis: Proxy


@asynccontextmanager
async def on_aws(there: Aws, folder: Path, **more: str) -> AsyncIterator[OnAws]:
    environ = {
        "RECORDS": "dynamodb",
        "MAIL": "ses",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{there.wire.port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "SES_EVENTS_QUEUE_URL": there.queue_url,
        **AWS_TIMES,
        **more,
    }
    with redis_server("--appendonly", "yes") as redis:
        async with (
            proxy("127.0.0.1", redis.port) as in_redis,
            deployment(folder, redis_url=through(in_redis), **environ) as handoff,
            AsyncExitStack() as stack,
        ):
            settings = CommonSettings(
                records="dynamodb", aws_region=REGION, aws_endpoint_url=there.url
            )
            records = await open_records(settings, stack)
            reporting = asyncio.create_task(there.report())
            try:
                yield OnAws(handoff, records, in_redis)
            finally:
                reporting.cancel()


async def test_aws(moto_url: str, tmp_path: Path, record_property: Record) -> None:
    async with (
        aws(moto_url) as there,
        lost_meanwhile(there.wire, call_sites.AWS_AT_START),
        on_aws(there, tmp_path, BLOBS="s3", S3_BUCKET="leads") as here,
    ):
        lost = EACH * len(call_sites.AWS_AT_START)
        async with visitors(here.handoff.url, per_second=0.25) as street:
            lost += await lost_in_turn(there.wire, call_sites.SES)
            lost += await lost_in_turn(here.in_redis, call_sites.REDIS_OF_EVENTS)
            lost += await lost_in_turn(there.wire, call_sites.AWS)
        tally = await verdict(here.records, there.box, street.threads)
    record_property("row", tally.row("reply of each AWS call lost", lost))
    assert tally.kept(), tally
    assert tally.flagged == 0
    of_aws = (call_sites.AWS_AT_START, call_sites.AWS, call_sites.SES)
    assert unnamed(http_calls(there.wire), *of_aws) == set()
    assert unnamed(redis_calls(here.in_redis), call_sites.REDIS_OF_SERVICES) == set()


async def test_dynamodb_away(moto_url: str, tmp_path: Path, record_property: Record) -> None:
    """Neither reads nor writes for a minute; whoever comes meanwhile is served after it."""
    async with aws(moto_url) as there, on_aws(there, tmp_path) as here:
        async with visitors(here.handoff.url, per_second=0.25) as street:
            await asyncio.sleep(10)
            there.wire.refusing = True
            there.wire.cut()
            await asyncio.sleep(AWAY_SECONDS)
            there.wire.refusing = False
            await asyncio.sleep(5)
        tally = await verdict(here.records, there.box, street.threads)
    record_property("row", tally.row("DynamoDB and SES away for a minute", 1))
    assert tally.kept(), tally
