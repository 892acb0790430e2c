"""The stack of deploy/infra/aws.yaml gives the code what it asks of AWS, and no more."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiobotocore.session import get_session

from libs.conversations import store_dynamodb as chats
from libs.databases.dynamodb import Layout, create_table
from libs.ledger import dynamodb as records
from libs.messages.mail import DeliveryEvent
from libs.runtime.log import Log
from libs.streams.fakes import RememberingPublisher
from services.lead.retention import KEPT_SECONDS
from services.mailer.adapters.ses_events import EVENTS, SesEvents, open_queue
from tests.contracts.test_mail_transports_events import Told, an_event

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "deploy/infra/aws.yaml"
NOT_IN_MOTO = (
    "AWS::SES::ConfigurationSet", "AWS::SES::ConfigurationSetEventDestination",
    "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy",
)  # fmt: skip
SOURCES = {
    "dynamodb": ("libs/ledger/dynamodb.py", "libs/conversations/store_dynamodb.py",
                 "libs/databases/dynamodb.py"),
    "s3": ("libs/blobs/s3.py", "ops/doctor_blobs.py"),
    "sesv2": ("services/mailer/adapters/ses.py", "ops/doctor_ses.py"),
    "sqs": ("services/mailer/adapters/ses_events.py", "ops/doctor_mail.py"),
}  # fmt: skip
ACTIONS = {
    "HeadObject": ("GetObject",),
    "HeadBucket": ("ListBucket",),
    "ListObjectsV2": ("ListBucket",),
    "CreateMultipartUpload": ("PutObject",),
    "UploadPart": ("PutObject",),
    "CompleteMultipartUpload": ("PutObject",),
    "GetBucketLifecycleConfiguration": ("GetLifecycleConfiguration",),
    "SendEmail": ("SendEmail", "SendRawEmail"),
}
"""What a right is called, where not as its call."""


class _Template(yaml.SafeLoader):
    """With CloudFormation's short forms: `!Ref`, `!Sub`, `!GetAtt`."""


def _short(loader: _Template, tag: str, node: yaml.ScalarNode) -> dict[str, Any]:
    value = str(loader.construct_scalar(node))
    if tag == "Ref":
        return {"Ref": value}
    return {f"Fn::{tag}": value.split(".") if tag == "GetAtt" else value}


_Template.add_multi_constructor("!", _short)
STACK: dict[str, Any] = yaml.load(TEMPLATE.read_text(), _Template)  # noqa: S506 - a SafeLoader


def client(service: str, url: str) -> Any:
    return get_session().create_client(service, region_name="us-east-1", endpoint_url=url)


@pytest.fixture
async def stack(moto_url: str) -> dict[str, str]:
    """What it made: each resource's own name by the template's; without what moto cannot make."""
    kept = {n: each for n, each in STACK["Resources"].items() if each["Type"] not in NOT_IN_MOTO}
    name = f"handoff-{uuid.uuid4().hex[:8]}"
    async with client("cloudformation", moto_url) as aws:
        await aws.create_stack(
            StackName=name,
            TemplateBody=json.dumps({"Parameters": STACK["Parameters"], "Resources": kept}),
            Parameters=[{"ParameterKey": "Bucket", "ParameterValue": name}],
        )
        answer = await aws.describe_stack_resources(StackName=name)
    return {
        made["LogicalResourceId"]: made["PhysicalResourceId"]
        for made in answer["StackResources"]
        if "LogicalResourceId" in made
    }


def shape(table: dict[str, Any]) -> dict[str, Any]:
    """What of a table its users notice."""
    indexes = table.get("GlobalSecondaryIndexes", ())
    return {
        "keys": table["KeySchema"],
        "attributes": sorted(
            (each["AttributeName"], each["AttributeType"]) for each in table["AttributeDefinitions"]
        ),
        "indexes": {
            each["IndexName"]: (each["KeySchema"], each["Projection"]["ProjectionType"])
            for each in indexes
        },
        "billing": table["BillingModeSummary"]["BillingMode"],
    }


@pytest.mark.parametrize(
    ("resource", "layout"), [("Records", records.LAYOUT), ("Chats", chats.LAYOUT)]
)
async def test_its_tables_are_those_that_the_code_makes_for_itself(
    stack: dict[str, str], moto_url: str, resource: str, layout: Layout
) -> None:
    async with client("dynamodb", moto_url) as aws:
        own = f"own-{uuid.uuid4().hex}"
        await create_table(aws, own, layout)
        ours = await aws.describe_table(TableName=own)
        theirs = await aws.describe_table(TableName=stack[resource])

    assert shape(theirs["Table"]) == shape(ours["Table"])


def test_the_chats_are_beside_the_records_and_forget_by_themselves() -> None:
    """Moto's CloudFormation leaves these out, so they are read from the template."""
    properties = STACK["Resources"]["Chats"]["Properties"]

    assert properties["TableName"] == {"Fn::Sub": "${AWS::StackName}-chat"}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert STACK["Resources"]["Records"]["Properties"]["TableName"] == {"Ref": "AWS::StackName"}


def test_its_bucket_forgets_when_the_doctor_wants_it_to() -> None:
    rules = STACK["Resources"]["Blobs"]["Properties"]["LifecycleConfiguration"]["Rules"]
    days = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}
    [unfinished] = [rule for rule in rules if "Prefix" not in rule]

    assert {rule["Status"] for rule in rules} == {"Enabled"}
    assert days == {prefix: seconds / 86_400 for prefix, seconds in KEPT_SECONDS.items()}
    assert unfinished["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


async def test_a_delivery_event_goes_the_whole_way_to_our_stream(
    stack: dict[str, str], moto_url: str
) -> None:
    publisher = RememberingPublisher()
    async with AsyncExitStack() as opened:
        sns = await opened.enter_async_context(client("sns", moto_url))
        sqs = await open_queue(opened, "us-east-1", moto_url)
        events = SesEvents(sqs, stack["Queue"], publisher, Told(), Log("mailer"))
        await sns.publish(TopicArn=stack["Topic"], Message=json.dumps(an_event("Delivery")))

        assert await events.pass_on(wait_seconds=1) == 1

    [published] = publisher.published
    assert isinstance(published, DeliveryEvent)


def test_every_event_that_we_read_is_sent_to_the_topic() -> None:
    destination = STACK["Resources"]["EventDestination"]["Properties"]["EventDestination"]

    assert {kind.lower() for kind in destination["MatchingEventTypes"]} == EVENTS.keys()
    assert destination["SnsDestination"] == {"TopicARN": {"Ref": "Topic"}}
    assert destination["Enabled"] is True


async def test_its_policy_allows_what_the_code_calls_and_nothing_else(moto_url: str) -> None:
    called: set[str] = set()
    for service, files in SOURCES.items():
        async with client(service, moto_url) as aws:
            calls = aws.meta.method_to_api_mapping
        words = {
            w for file in files for w in re.findall(r"\b[a-z0-9_]+\b", (ROOT / file).read_text())
        }
        for word in words & calls.keys() - {"create_table", "create_bucket"}:
            family = "ses" if service == "sesv2" else service
            called |= {f"{family}:{name}" for name in ACTIONS.get(calls[word], (calls[word],))}
    statements = STACK["Resources"]["Access"]["Properties"]["PolicyDocument"]["Statement"]
    allowed = [action for statement in statements for action in statement["Action"]]

    assert set(allowed) == called
    assert len(allowed) == len(set(allowed))


def test_its_outputs_are_named_after_settings() -> None:
    documented = (ROOT / "docs/settings.md").read_text()

    for output in STACK["Outputs"].values():
        assert f"`{output['Description']}`" in documented


@pytest.mark.slow
def test_cloudformation_would_take_it() -> None:
    """Against the schemas of AWS's own resources, also of those that moto cannot make."""
    checked = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), TEMPLATE],
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip

    assert checked.returncode == 0, checked.stdout
