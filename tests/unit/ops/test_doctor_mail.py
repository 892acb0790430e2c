"""The doctor's questions about mail, well and unwell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from libs.errors import SettingsError
from ops.desk import Desk
from ops.doctor_mail import alerts, events, fallback, mail
from ops.finding import Finding
from tests.contracts.post_offices import SHOP_SENDER, ScriptedSmtp, smtp_office
from tests.servers import free_port
from tests.unit.ops.desks import stores, well


def by(**environ: str) -> Desk:
    return stores({"PUBLIC_URL": "https://chat.example.com", **environ}).desk


async def test_an_outbox_leaves_nowhere() -> None:
    finding = await mail(by())

    assert well(finding)
    assert "leaves nowhere" in finding.said


async def test_whoever_sends_and_is_told_of_nothing() -> None:
    smtp = {"MAIL": "smtp", "SMTP_HOST": "127.0.0.1"}

    finding = await alerts(by(**smtp))

    assert not well(finding)
    assert "nobody hears of held leads and bounces" in finding.said
    assert well(await alerts(by(**smtp, ALERT_EMAIL="ops@example.com")))
    assert "only in the log" in (await alerts(by())).said


async def test_an_smtp_server_that_is_not_there() -> None:
    nowhere = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(free_port()), "SMTP_TLS": "none"}

    first = await mail(by(MAIL="smtp", **nowhere))
    second = await fallback(by(MAIL="ses", MAIL_FALLBACK="smtp", **nowhere))

    for finding in (first, second):
        assert not well(finding)
        assert "SMTP_HOST" in finding.do
    assert (first.what, second.what) == ("mail", "fallback mail")
    assert well(await fallback(by()))


@pytest.mark.slow
async def test_the_queue_of_events_is_asked(moto_url: str) -> None:
    from aiobotocore.session import get_session

    opened = get_session().create_client("sqs", region_name="us-east-1", endpoint_url=moto_url)
    async with opened as sqs:
        queue = (await sqs.create_queue(QueueName="doctor"))["QueueUrl"]
    ses = {"MAIL": "ses", "AWS_ENDPOINT_URL": moto_url}

    there = await events(by(**ses, SES_EVENTS_QUEUE_URL=queue))
    gone = await events(by(**ses, SES_EVENTS_QUEUE_URL=queue + "-gone"))
    none = await events(by(**ses))

    assert well(there)
    assert not well(gone)
    assert "SES_EVENTS_QUEUE_URL" in gone.do
    assert "bounces stay unheard" in none.said
    assert well(await events(by()))


async def test_a_signature_that_is_not_the_senders(tmp_path: Path) -> None:
    signed = {"MAIL": "smtp", "SMTP_HOST": "127.0.0.1", **_signed(tmp_path, "example.com")}

    finding = await mail(by(**signed))

    assert not well(finding)
    assert "chat@craigs.autos" in finding.said
    with pytest.raises(SettingsError, match="SMTP_DKIM_KEY_FILE"):
        await mail(by(**signed | {"SMTP_DKIM_KEY_FILE": "none"}))


def _signed(folder: Path, domain: str) -> dict[str, str]:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = folder / "key.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return {
        "SMTP_DKIM_DOMAIN": domain, "SMTP_DKIM_SELECTOR": "mail", "SMTP_DKIM_KEY_FILE": str(path)
    }  # fmt: skip


@pytest.mark.slow
async def test_an_smtp_server_that_takes_us(tmp_path: Path) -> None:
    from aiosmtpd.controller import Controller
    from aiosmtpd.handlers import Sink

    controller = Controller(Sink(), hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        here = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(controller.port), "SMTP_TLS": "none"}
        finding = await mail(by(MAIL="smtp", **here, **_signed(tmp_path, "craigs.autos")))
    finally:
        controller.stop()

    assert well(finding)
    assert "signed for craigs.autos" in finding.said


async def _of_a_server_that_says(stage: str, answer: str) -> Finding:
    """It is asked, and gets no mail."""
    async with smtp_office() as office:
        office.letters.answers[stage] = answer
        here = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(office.proxy.port), "SMTP_TLS": "none"}
        finding = await mail(by(MAIL="smtp", ALERT_EMAIL="ops@example.com", **here))

    assert office.arrived() == []
    return finding


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "answer", "said"),
    [
        (f"mail {SHOP_SENDER}", "553 not owned by user", f"not taken: {SHOP_SENDER} (553)"),
        ("rcpt leads@craigs.autos", "550 unknown", "not taken: leads@craigs.autos (550)"),
        ("rcpt ops@example.com", "550 no relaying", "not taken: ops@example.com (550)"),
    ],
)
async def test_an_smtp_server_that_does_not_take_an_address(
    stage: str, answer: str, said: str
) -> None:
    finding = await _of_a_server_that_says(stage, answer)

    assert not well(finding)
    assert said in finding.said
    assert "`sender`" in finding.do
    assert "ALERT_EMAIL" in finding.do


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "answer", "said"),
    [
        (f"mail {SHOP_SENDER}", "451 greylisted", f"but not now: {SHOP_SENDER} (451)"),
        (f"mail {SHOP_SENDER}", "421 closing", f"but not now: {SHOP_SENDER} (421)"),
        ("rcpt leads@craigs.autos", "421 closing", "but not now: leads@craigs.autos (421)"),
        ("rcpt leads@craigs.autos", "450 come back later", "but not now: leads@craigs.autos (450)"),
    ],
)
async def test_an_smtp_server_that_takes_an_address_a_little_later(
    stage: str, answer: str, said: str
) -> None:
    finding = await _of_a_server_that_says(stage, answer)

    assert well(finding)
    assert said in finding.said


@pytest.mark.slow
async def test_an_smtp_server_that_is_busy_says_so_itself() -> None:
    async with ScriptedSmtp({"connect": "421 too many connections"}) as server:
        here = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(server.port), "SMTP_TLS": "none"}
        finding = await mail(by(MAIL="smtp", **here))

    assert not well(finding)
    assert "answers 421 too many connections" in finding.said


def quota(sent: float, most: float) -> dict[str, Any]:
    return {"SendQuota": {"Max24HourSend": most, "MaxSendRate": 14.0, "SentLast24Hours": sent}}


@pytest.mark.slow
class TestSes:
    """moto does not answer GetAccount, so a small server of our own says what SES would."""

    @staticmethod
    async def asked(
        account: dict[str, Any], identities: dict[str, bool], **environ: str
    ) -> Finding:
        from aiohttp import web
        from aiohttp.test_utils import TestServer

        async def get_account(_: web.Request) -> web.Response:
            return web.json_response(account)

        async def identity(request: web.Request) -> web.Response:
            verified = identities.get(request.match_info["name"])
            if verified is None:
                headers = {"x-amzn-ErrorType": "NotFoundException"}
                return web.json_response({"message": "no"}, status=404, headers=headers)
            return web.json_response({"VerifiedForSendingStatus": verified})

        async def configuration_set(request: web.Request) -> web.Response:
            name = request.match_info["name"]
            if name in {"leads", "paused"}:
                sending = {"SendingEnabled": name == "leads"}
                return web.json_response({"ConfigurationSetName": name, "SendingOptions": sending})
            headers = {"x-amzn-ErrorType": "NotFoundException"}
            return web.json_response({"message": "no"}, status=404, headers=headers)

        app = web.Application()
        app.router.add_get("/v2/email/account", get_account)
        app.router.add_get("/v2/email/configuration-sets/{name}", configuration_set)
        app.router.add_get("/v2/email/identities/{name}", identity)
        async with TestServer(app) as server:
            return await mail(by(MAIL="ses", AWS_ENDPOINT_URL=str(server.make_url("/")), **environ))

    @pytest.mark.parametrize(
        ("account", "identities", "ok", "said"),
        [
            ({}, {"craigs.autos": True}, True, "out of the sandbox"),
            ({}, {"chat@craigs.autos": True}, True, "senders verified"),
            ({}, {"craigs.autos": False}, False, "not verified: chat@craigs.autos"),
            ({}, {}, False, "not verified"),
            ({"ProductionAccessEnabled": False}, {"craigs.autos": True}, False, "sandbox"),
            ({"SendingEnabled": False}, {"craigs.autos": True}, False, "paused"),
            ({"EnforcementStatus": "HEALTHY"}, {"craigs.autos": True}, True, "verified"),
            ({"EnforcementStatus": "PROBATION"}, {"craigs.autos": True}, False, "review"),
            ({"EnforcementStatus": "SHUTDOWN"}, {"craigs.autos": True}, False, "paused"),
            (quota(120, 200), {"craigs.autos": True}, True, "120 of 200 mails in 24 hours"),
            (quota(180, 200), {"craigs.autos": True}, False, "took 180 of the 200 mails"),
            (quota(9e9, -1), {"craigs.autos": True}, True, "senders verified"),
        ],
    )
    async def test_account_and_sender(
        self,
        account: dict[str, Any],
        identities: dict[str, bool],
        ok: bool,  # noqa: FBT001 - a column
        said: str,
    ) -> None:
        given = {"SendingEnabled": True, "ProductionAccessEnabled": True, **account}

        finding = await self.asked(given, identities)

        assert well(finding) is ok
        assert said in finding.said

    @pytest.mark.parametrize(("name", "ok"), [("leads", True), ("leds", False), ("paused", False)])
    async def test_configuration_set(self, name: str, ok: bool) -> None:  # noqa: FBT001 - a column
        senders = {"craigs.autos": True}

        finding = await self.asked({}, senders, SES_CONFIGURATION_SET=name)

        assert well(finding) is ok
        assert ok or "SES_CONFIGURATION_SET" in finding.do

    async def test_no_ses_at_all(self) -> None:
        finding = await mail(by(MAIL="ses", AWS_ENDPOINT_URL=f"http://127.0.0.1:{free_port()}"))

        assert not well(finding)
        assert "EndpointConnectionError" in finding.said
