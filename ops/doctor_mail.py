"""The doctor's questions about mail: may we send at all, and as whom?"""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import parseaddr
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from libs.runtime.aws import aws_client
from libs.runtime.settings import load
from ops.desk import Setup
from ops.doctor_ses import ses
from ops.finding import Finding
from services.mailer.adapters.dkim import open_signer
from services.mailer.letter.wording import one_line
from services.mailer.settings import MailerSettings, check
from services.mailer.transports import OUTBOX_FOLDER

if TYPE_CHECKING:
    from aiosmtplib import SMTP

SECONDS: Final = 8.0
_FOR_GOOD: Final = 500
"""A greylisted address, 4yz, is taken a little later."""


async def mail(desk: Setup) -> Finding:
    settings = _settings(desk)
    if settings.mail == "outbox":
        folder = settings.data_path / OUTBOX_FOLDER
        return Finding(what="mail", ok=True, said=f"kept in {folder}, leaves nowhere")
    return await _way_out(desk, settings, settings.mail)


async def fallback(desk: Setup) -> Finding:
    settings = _settings(desk)
    if not settings.mail_fallback:
        return Finding(what="fallback mail", ok=True, said="none: MAIL_FALLBACK is not set")
    found = await _way_out(desk, settings, settings.mail_fallback)
    return replace(found, what="fallback mail")


async def events(desk: Setup) -> Finding:
    """Where bounces come from, and the evidence that an attempt without a receipt arrived."""
    settings = _settings(desk)
    if "ses" not in settings.transports:
        return Finding(what="mail events", ok=True, said="none: only SES has them")
    if not settings.ses_events_queue_url:
        do = "Set SES_EVENTS_QUEUE_URL (`docs/settings.md`)."
        return Finding(what="mail events", ok=True, said="none: bounces stay unheard", do=do)
    return await _queue(settings)


async def alerts(desk: Setup) -> Finding:
    settings = _settings(desk)
    if settings.alert_email:
        return Finding(what="alerts", ok=True, said=f"to {settings.alert_email}")
    if settings.mail == "outbox":
        return Finding(what="alerts", ok=True, said="only in the log: ALERT_EMAIL is not set")
    said = "nobody hears of held leads and bounces: ALERT_EMAIL is not set"
    return Finding(what="alerts", ok=False, said=said, do="Set ALERT_EMAIL to who looks after it.")


def _settings(desk: Setup) -> MailerSettings:
    settings = load(MailerSettings, desk.environ)
    check(settings)
    return settings


async def _way_out(desk: Setup, settings: MailerSettings, name: str) -> Finding:
    if name == "smtp":
        return await _smtp(desk, settings)
    return await ses(settings, _bare_senders(desk))


async def _smtp(desk: Setup, settings: MailerSettings) -> Finding:
    from aiosmtplib import SMTP, SMTPException

    if wrong := _signature(desk, settings):
        return wrong
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
            refused = await _not_taken(client, desk, settings.alert_email)
    except (SMTPException, OSError) as error:
        said = f"{host}:{port} answers {_answer(error)}"
        do = "Check SMTP_HOST, SMTP_PORT, SMTP_TLS and the account."
        return Finding(what="mail", ok=False, said=said, do=do)
    signed = f", signed for {settings.smtp_dkim_domain}" if settings.smtp_dkim_domain else ""
    return _taken(f"{host}:{port}", refused, signed)


def _answer(error: Exception) -> str:
    from aiosmtplib import SMTPResponseException

    if isinstance(error, SMTPResponseException):
        return f"{error.code} {one_line(error.message, 200)}"
    return type(error).__name__


def _taken(server: str, refused: dict[str, int], signed: str) -> Finding:
    for_good = {address: code for address, code in refused.items() if code >= _FOR_GOOD}
    said = ", ".join(
        f"{address} ({code})" for address, code in sorted((for_good or refused).items())
    )
    if for_good:
        do = (
            "Let the server take it, or mend `sender` or `recipients` in the shop's profile, or"
            " ALERT_EMAIL."
        )
        return Finding(what="mail", ok=False, said=f"not taken: {said}", do=do)
    if refused:
        return Finding(what="mail", ok=True, said=f"{server} answers, but not now: {said}")
    return Finding(what="mail", ok=True, said=f"{server} takes us{signed}")


async def _not_taken(client: SMTP, desk: Setup, alert_email: str) -> dict[str, int]:
    """The server's answers about addresses that it refuses; nothing is sent. Alerts leave under the
    sender of the shop that they are about.

    Who says 421 hangs up, and is asked no more.
    """
    refused: dict[str, int] = {}
    for shop in desk.shops.by_slug.values():
        boxes = (shop.sender, *shop.recipients, *([alert_email] if alert_email else []))
        sender, *recipients = (parseaddr(box)[1] for box in boxes)
        refused |= await _refusals(client, sender, recipients)
        if not client.is_connected:
            break
        await client.rset()
    return refused


async def _refusals(client: SMTP, sender: str, recipients: Sequence[str]) -> dict[str, int]:
    """By address; many servers say only after a recipient that they do not take the sender."""
    from aiosmtplib import SMTPRecipientRefused, SMTPSenderRefused

    try:
        await client.mail(sender)
    except SMTPSenderRefused as error:
        return {sender: error.code}
    refused: dict[str, int] = {}
    for recipient in recipients:
        try:
            await client.rcpt(recipient)
        except SMTPRecipientRefused as error:
            refused[recipient] = error.code
        if not client.is_connected:
            break
    return refused


def _signature(desk: Setup, settings: MailerSettings) -> Finding | None:
    """Receivers count a signature only for a sender of its own domain."""
    domain = settings.smtp_dkim_domain
    if not domain:
        return None
    open_signer(domain, settings.smtp_dkim_selector, settings.smtp_dkim_key_file)
    others = [one for one in _bare_senders(desk) if not _aligned(one.partition("@")[2], domain)]
    if not others:
        return None
    said = f"not signed for their own domain: {', '.join(others)}"
    do = "Set SMTP_DKIM_DOMAIN to the senders' domain, or change `sender` in the shop's profile."
    return Finding(what="mail", ok=False, said=said, do=do)


def _bare_senders(desk: Setup) -> list[str]:
    return sorted({parseaddr(shop.sender)[1] for shop in desk.shops.by_slug.values()})


def _aligned(sender: str, signer: str) -> bool:
    """One may be below the other, as DMARC has it."""
    one, other = f".{sender.lower()}", f".{signer.lower()}"
    return one.endswith(other) or other.endswith(one)


async def _queue(settings: MailerSettings) -> Finding:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        async with aws_client("sqs", settings.aws_region, settings.aws_endpoint_url) as client:
            names = ["ApproximateNumberOfMessages"]
            url = settings.ses_events_queue_url
            answer = await client.get_queue_attributes(QueueUrl=url, AttributeNames=names)
    except (BotoCoreError, ClientError) as error:
        response = getattr(error, "response", {})
        code = response.get("Error", {}).get("Code") or type(error).__name__
        do = "Check SES_EVENTS_QUEUE_URL, and that these credentials may read the queue."
        return Finding(what="mail events", ok=False, said=f"the queue answers {code}", do=do)
    waiting = answer["Attributes"][names[0]]
    return Finding(what="mail events", ok=True, said=f"the queue answers, {waiting} wait in it")
