"""Opens the transports that the settings name, with the second way out that they may have."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Final

import msgspec

from libs.runtime.clock import Clock
from services.mailer.adapters.outbox import OutboxTransport
from services.mailer.ports import MailTransport, Windows
from services.mailer.settings import MailerSettings

OUTBOX_FOLDER: Final = "outbox"


async def open_transports(
    settings: MailerSettings, stack: AsyncExitStack, clock: Clock
) -> list[MailTransport]:
    """The first one, then the fallback where there is one. Closed with `stack`."""
    return [await _open(name, settings, stack, clock) for name in settings.transports]


async def _open(
    name: str, settings: MailerSettings, stack: AsyncExitStack, clock: Clock
) -> MailTransport:
    match name:
        case "ses":
            return await _ses(settings, stack, clock)
        case "smtp":
            return await _smtp(settings, clock)
        case _:
            return OutboxTransport(settings.data_path / OUTBOX_FOLDER, clock)


async def _ses(settings: MailerSettings, stack: AsyncExitStack, clock: Clock) -> MailTransport:
    from services.mailer.adapters.ses import WINDOWS, SesAccount, open_ses

    account = SesAccount(
        region=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url,
        configuration_set=settings.ses_configuration_set,
    )
    usual = Windows(WINDOWS.fence_seconds, settings.evidence_seconds)
    return await open_ses(stack, account, clock, _windows(settings, usual))


async def _smtp(settings: MailerSettings, clock: Clock) -> MailTransport:
    from services.mailer.adapters.dkim import open_signer
    from services.mailer.adapters.smtp import WINDOWS, SmtpServer, open_smtp

    host, port = settings.smtp_address
    server = SmtpServer(
        host=host,
        port=port,
        tls=settings.smtp_tls,
        username=settings.smtp_username,
        password=settings.smtp_password,
    )
    domain, selector = settings.smtp_dkim_domain, settings.smtp_dkim_selector
    signer = open_signer(domain, selector, settings.smtp_dkim_key_file) if domain else None
    return await open_smtp(server, clock, _windows(settings, WINDOWS), signer)


def _windows(settings: MailerSettings, usual: Windows) -> Windows:
    if settings.fence_seconds is None:
        return usual
    return msgspec.structs.replace(usual, fence_seconds=settings.fence_seconds)
