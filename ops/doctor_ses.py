"""The doctor's questions to Amazon SES: does the account send, how much more, and as whom?"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from libs.runtime.aws import aws_client
from ops.finding import Finding
from services.mailer.settings import MailerSettings

_NEAR: Final = 0.9
"""Of the mails that SES takes in 24 hours; asking for more takes it a day."""


async def ses(settings: MailerSettings, senders: Sequence[str]) -> Finding:
    from botocore.exceptions import BotoCoreError, ClientError

    name = settings.ses_configuration_set
    try:
        async with aws_client("sesv2", settings.aws_region, settings.aws_endpoint_url) as client:
            account = await client.get_account()
            return (
                _account(account)
                or _quota(account)
                or await _configuration_set(client, name)
                or await _unverified(client, senders)
                or _well(account)
            )
    except (BotoCoreError, ClientError) as error:
        return _wrong(
            f"SES answers {type(error).__name__}", "Check the AWS credentials and region."
        )


def _account(account: dict[str, Any]) -> Finding | None:
    status = account.get("EnforcementStatus", "HEALTHY")
    if not account.get("SendingEnabled", True) or status == "SHUTDOWN":
        do = "Sending is paused for this account: open a case with AWS."
        return _wrong("SES sending is paused", do)
    if not account.get("ProductionAccessEnabled", True):
        do = "Ask AWS for production access; until then only verified addresses get mail."
        return _wrong("SES is in its sandbox", do)
    if status != "HEALTHY":
        do = "Read what AWS wrote to the account's owner, and answer it: it pauses sending next."
        return _wrong(f"SES has the account under review ({status})", do)
    return None


def _quota(account: dict[str, Any]) -> Finding | None:
    sent, most = _sent_of_most(account)
    if most is None or sent < most * _NEAR:
        return None
    do = "Ask AWS for a higher sending quota; what does not fit waits, and is tried again."
    return _wrong(f"SES took {sent:.0f} of the {most:.0f} mails of 24 hours", do)


def _sent_of_most(account: dict[str, Any]) -> tuple[float, float | None]:
    """None: without an end, which SES says as -1."""
    quota = account.get("SendQuota", {})
    most = quota.get("Max24HourSend", -1)
    return quota.get("SentLast24Hours", 0), None if most < 0 else most


async def _configuration_set(client: Any, name: str) -> Finding | None:
    if not name:
        return None
    try:
        found = await client.get_configuration_set(ConfigurationSetName=name)
    except client.exceptions.NotFoundException:
        do = "Make it in this region, or mend SES_CONFIGURATION_SET."
        return _wrong(f"SES knows no configuration set {name}, and refuses mails that name it", do)
    if not found.get("SendingOptions", {}).get("SendingEnabled", True):
        do = "Enable sending of this configuration set in SES, or mend SES_CONFIGURATION_SET."
        return _wrong(f"sending is paused for the configuration set {name}", do)
    return None


async def _unverified(client: Any, senders: Sequence[str]) -> Finding | None:
    """An address counts when it or its domain is verified."""
    found = [one for one in senders if not await _verified(client, one)]
    if not found:
        return None
    do = "Verify the address or its domain in SES, or change `sender` in the shop's profile."
    return _wrong(f"not verified: {', '.join(found)}", do)


async def _verified(client: Any, sender: str) -> bool:
    for identity in (sender, sender.partition("@")[2]):
        with suppress(client.exceptions.NotFoundException):
            answer = await client.get_email_identity(EmailIdentity=identity)
            if answer.get("VerifiedForSendingStatus"):
                return True
    return False


def _well(account: dict[str, Any]) -> Finding:
    sent, most = _sent_of_most(account)
    share = f", {sent:.0f} of {most:.0f} mails in 24 hours" if most is not None else ""
    said = f"SES, out of the sandbox, senders verified{share}"
    return Finding(what="mail", ok=True, said=said)


def _wrong(said: str, do: str) -> Finding:
    return Finding(what="mail", ok=False, said=said, do=do)
