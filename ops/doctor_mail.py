"""The doctor's questions about mail: may we send at all, and as whom?"""

from __future__ import annotations

from contextlib import suppress
from email.utils import parseaddr
from typing import Any, Final

from libs.runtime.settings import load
from ops.desk import Desk
from ops.finding import Finding
from services.mailer.settings import MailerSettings, check

SECONDS: Final = 8.0


async def mail(desk: Desk) -> Finding:
    settings = load(MailerSettings, desk.environ)
    check(settings)
    if settings.mail == "outbox":
        folder = settings.data_path / "outbox"
        return Finding(what="mail", ok=True, said=f"kept in {folder}, leaves nowhere")
    return await (_smtp(settings) if settings.mail == "smtp" else _ses(desk, settings))


async def _smtp(settings: MailerSettings) -> Finding:
    from aiosmtplib import SMTP, SMTPException

    host, port = settings.smtp_address
    client = SMTP(
        hostname=host,
        port=port,
        timeout=SECONDS,
        use_tls=settings.smtp_tls == "tls",
        start_tls=settings.smtp_tls == "starttls",
        username=settings.smtp_username or None,
        password=settings.smtp_password or None,
    )
    try:
        async with client:
            await client.noop()
    except (SMTPException, OSError) as error:
        said = f"{host}:{port} answers {type(error).__name__}"
        do = "Check SMTP_HOST, SMTP_PORT, SMTP_TLS and the account."
        return Finding(what="mail", ok=False, said=said, do=do)
    return Finding(what="mail", ok=True, said=f"{host}:{port} takes us")


async def _ses(desk: Desk, settings: MailerSettings) -> Finding:
    from aiobotocore.session import get_session
    from botocore.exceptions import BotoCoreError, ClientError

    opened = get_session().create_client(
        "sesv2",
        region_name=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url or None,
    )
    try:
        async with opened as client:
            return await _account(client) or await _senders(client, desk)
    except (BotoCoreError, ClientError) as error:
        said = f"SES answers {type(error).__name__}"
        return Finding(what="mail", ok=False, said=said, do="Check the AWS credentials and region.")


async def _account(client: Any) -> Finding | None:
    account = await client.get_account()
    if not account.get("SendingEnabled", True):
        do = "Sending is paused for this account: open a case with AWS."
        return Finding(what="mail", ok=False, said="SES sending is paused", do=do)
    if not account.get("ProductionAccessEnabled", True):
        do = "Ask AWS for production access; until then only verified addresses get mail."
        return Finding(what="mail", ok=False, said="SES is in its sandbox", do=do)
    return None


async def _senders(client: Any, desk: Desk) -> Finding:
    """An address counts when it or its domain is verified."""
    senders = {parseaddr(shop.sender)[1] for shop in desk.shops.by_slug.values()}
    unverified = [one for one in sorted(senders) if not await _verified(client, one)]
    if unverified:
        said = f"not verified: {', '.join(unverified)}"
        do = "Verify the address or its domain in SES, or change `sender` in the shop's profile."
        return Finding(what="mail", ok=False, said=said, do=do)
    return Finding(what="mail", ok=True, said="SES, out of the sandbox, senders verified")


async def _verified(client: Any, sender: str) -> bool:
    for identity in (sender, sender.partition("@")[2]):
        with suppress(client.exceptions.NotFoundException):
            answer = await client.get_email_identity(EmailIdentity=identity)
            if answer.get("VerifiedForSendingStatus"):
                return True
    return False
