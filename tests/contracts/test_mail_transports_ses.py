"""THE TABLE of SES against a front that answers with every error, and what one send may cost."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import socket
import struct
from collections.abc import AsyncIterator

import pytest
from aiobotocore.session import get_session

from libs.runtime import aws
from libs.runtime.clock import SystemClock
from services.mailer.adapters.ses import SesAccount, open_ses
from services.mailer.adapters.ses_errors import MEANINGS
from services.mailer.ports import Accepted, NotPrepared, Refused, Unknown, made
from tests.contracts.post_offices import SesOffice, ses_office
from tests.contracts.test_mail_transports import BODY, a_mail, posted

pytestmark = pytest.mark.slow


@pytest.fixture
async def office(moto_url: str) -> AsyncIterator[SesOffice]:
    async with ses_office(moto_url) as office:
        yield office


def modelled() -> dict[str, int]:
    """Every error that botocore's model of SES v2 knows, with its status."""
    import botocore.session

    shapes = botocore.session.get_session().get_service_model("sesv2").error_shapes
    return {shape.error_code: shape.metadata["error"]["httpStatusCode"] for shape in shapes}


def test_every_modelled_error_is_in_the_table() -> None:
    assert modelled().keys() <= MEANINGS.keys()
    assert len(modelled()) >= 12


async def test_every_error_means_over_the_wire_what_the_table_says(office: SesOffice) -> None:
    statuses = modelled()
    for code, expected in MEANINGS.items():
        name, _, message = code.partition(": ")
        usual = 500 if isinstance(expected, Unknown) else 400
        office.front.answer = (statuses.get(name, usual), name, message)

        outcome = await posted(office, a_mail())

        assert outcome == expected, code
    assert len(office.front.requests) == len(MEANINGS)


async def test_a_sender_that_is_not_verified_is_said_of_every_mail(office: SesOffice) -> None:
    said = (
        "Email address is not verified. The following identities failed the check in region"
        " US-EAST-1: chat@shop.example"
    )
    office.front.answer = (400, "MessageRejected", said)

    outcome = await posted(office, a_mail())

    assert outcome == Refused("sender_not_verified", True, tell=True, of_sender=True)


BY_STATUS = {
    400: Refused("http_400", of_content=True),
    401: Refused("bad_credentials", provider_wide=True, tell=True),
    403: Refused("access_denied", provider_wide=True, tell=True),
    404: Refused("http_404", of_content=True),
    408: Refused("request_cut_off", provider_wide=True),
    413: Refused("too_large", of_content=True),
    429: Refused("throttled", provider_wide=True),
    500: Unknown("http_500"),
    502: Unknown("http_502"),
    503: Unknown("http_503"),
    504: Unknown("http_504"),
}


async def test_an_error_without_a_known_code_goes_by_its_status(office: SesOffice) -> None:
    for status, expected in BY_STATUS.items():
        office.front.answer = (status, "", "said a proxy in between")

        assert await posted(office, a_mail()) == expected


async def test_a_mail_is_posted_once_whatever_comes_back(office: SesOffice) -> None:
    for status, code in ((500, "InternalFailure"), (503, ""), (429, "ThrottlingException")):
        office.front.answer = (status, code, "")
        before = len(office.front.requests)

        await posted(office, a_mail())

        assert len(office.front.requests) == before + 1


async def test_a_redirect_is_not_followed(office: SesOffice, moto_url: str) -> None:
    office.front.redirect = moto_url

    outcome = await posted(office, a_mail())

    assert outcome == Unknown("http_307")
    assert office.arrived() == []


async def test_the_signature_is_made_before_arm_and_not_again(office: SesOffice) -> None:
    async with office.transport.prepare(made(a_mail())) as ready:
        office.front.ahead_seconds = 301
        at_arm = len(office.front.requests)
        outcome = await ready.send()

    assert at_arm == 0
    assert outcome == Refused("signature_expired", provider_wide=True)
    assert office.arrived() == []


async def test_tags_and_configuration_set_travel_with_it(office: SesOffice) -> None:
    await posted(office, a_mail(attempt=3))

    sent = json.loads(office.front.requests[0]["body"])
    assert sent["EmailTags"] == [
        {"Name": "thread", "Value": "cthr_one"},
        {"Name": "attempt", "Value": "3"},
        {"Name": "shop", "Value": "craigs"},
    ]
    assert sent["ConfigurationSetName"] == "leads"
    assert base64.b64decode(sent["Content"]["Raw"]["Data"]) == BODY
    assert sent["Destination"] == {"ToAddresses": ["owner@shop.example"]}


async def test_a_provider_that_hangs_is_unknown(moto_url: str) -> None:
    async with ses_office(moto_url, read_seconds=0.3) as office:
        office.front.hang = True

        outcome = await posted(office, a_mail())

    assert outcome == Unknown("ReadTimeoutError")


async def test_a_connection_reset_after_the_last_byte_is_unknown() -> None:
    """Botocore calls this EndpointConnectionError, as if it had never connected."""

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.read(100)
        taken = writer.get_extra_info("socket")
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    server = await asyncio.start_server(reset, "127.0.0.1", 0)
    async with server, contextlib.AsyncExitStack() as stack:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        account = SesAccount(region="us-east-1", endpoint_url=url)
        transport = await open_ses(stack, account, SystemClock())
        async with transport.prepare(made(a_mail())) as ready:
            outcome = await ready.send()

    assert isinstance(outcome, Unknown)


async def test_without_credentials_nothing_is_prepared(
    office: SesOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setattr(aws, "_session", get_session)  # the process's own has found some already
    async with contextlib.AsyncExitStack() as stack:
        account = SesAccount(region="us-east-1", endpoint_url="http://127.0.0.1:9")
        transport = await open_ses(stack, account, SystemClock())
        with pytest.raises(NotPrepared) as refused:
            async with transport.prepare(made(a_mail())):
                pass

    assert refused.value.refused == Refused("no_credentials", provider_wide=True, tell=True)


async def test_a_send_that_is_cancelled_before_arm_leaves_no_task(office: SesOffice) -> None:
    before = asyncio.all_tasks()
    async with office.transport.prepare(made(a_mail())):
        assert len(asyncio.all_tasks()) > len(before)

    assert {task for task in asyncio.all_tasks() if "_call" in repr(task)} == set()
    assert office.front.requests == []


async def test_twenty_in_turn_all_arrive(office: SesOffice) -> None:
    outcomes = [await posted(office, a_mail(n, f"lid-{n}")) for n in range(20)]

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)


async def test_the_signature_covers_the_very_body_that_is_posted(office: SesOffice) -> None:
    await posted(office, a_mail())

    request = office.front.requests[0]
    headers = {name.lower(): value for name, value in request["headers"].items()}
    claimed = dict(
        part.strip().split("=", 1)
        for part in headers["authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(",")
    )
    assert claimed["Signature"] == _signature(headers, claimed, request["body"])


def _signature(headers: dict[str, str], claimed: dict[str, str], body: bytes) -> str:
    """Signature Version 4, written down from its description and not from botocore."""
    names = claimed["SignedHeaders"].split(";")
    canonical = "\n".join(
        [
            "POST",
            "/v2/email/outbound-emails",
            "",
            *(f"{name}:{headers[name].strip()}" for name in names),
            "",
            claimed["SignedHeaders"],
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = claimed["Credential"].split("/", 1)[1]
    to_sign = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            headers["x-amz-date"],
            scope,
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = b"AWS4testing"
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()
